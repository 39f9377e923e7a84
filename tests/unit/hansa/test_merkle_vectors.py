"""The published proofs of transparency-dev/merkle, good and bad."""

import base64
import json
from pathlib import Path

import pytest

from hansa.errors import Rejected
from hansa.merkle import verify_consistency, verify_inclusion


def decoded(texts):
    return [base64.b64decode(text) for text in texts or ()]


def accepted(check, *args):
    try:
        check(*args)
    except Rejected:
        return False
    return True


def inclusion(case):
    [leaf, root] = decoded([case["leafHash"], case["root"]])
    return accepted(
        verify_inclusion, leaf, case["leafIdx"], case["treeSize"], decoded(case["proof"]), root
    )


def consistency(case):
    [root1, root2] = decoded([case["root1"], case["root2"]])
    return accepted(
        verify_consistency, case["size1"], case["size2"], decoded(case["proof"]), root1, root2
    )


@pytest.mark.parametrize(
    ("kind", "check"), [("inclusion", inclusion), ("consistency", consistency)]
)
def test_every_public_proof_is_judged_as_published(vectors, kind, check):
    files = sorted(Path(vectors, "merkle", kind).rglob("*.json"))
    assert len(files) > 50

    judged = {str(file): check(json.loads(file.read_text())) for file in files}

    assert judged == {str(file): not json.loads(file.read_text())["wantErr"] for file in files}
