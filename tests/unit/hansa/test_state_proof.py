"""A path through the state proves one thing about one key, and hostile paths are refused."""

import json
from pathlib import Path

import pytest

from hansa.encoding import pack, unpack
from hansa.errors import Rejected
from hansa.state_proof import (
    EMPTY,
    PAGE_ENTRIES_MAX,
    StateProof,
    Step,
    inner_hash,
    key_hash,
    nibble,
    page_hash,
    value_hash,
)
from ledger.tree import Tree

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
PAIRS = {b"doc/record/%d" % number: b"value %d" % number for number in range(500)}
PRESENT, ABSENT = b"doc/record/7", b"doc/record/none"


def grown(pairs):
    pages = {}
    tree = Tree(pages)
    staged = tree.stage(pairs)
    pages.update({key: page for key, page in staged.writes.items() if page is not None})
    tree.adopt(staged)
    return tree


TREE = grown(PAIRS)
PROOF = TREE.prove(PRESENT)


def changed(proof=PROOF, **fields):
    return StateProof(**{"steps": proof.steps, "page": proof.page, **fields})


def test_a_path_proves_a_value_and_an_absence():
    assert PROOF.verify(TREE.root, PRESENT) == value_hash(b"value 7")
    assert TREE.prove(ABSENT).verify(TREE.root, ABSENT) is None


def test_an_empty_state_proves_that_nothing_is_there():
    assert StateProof((), b"").verify(EMPTY, PRESENT) is None


def test_a_branch_without_entries_proves_that_nothing_is_there():
    root = inner_hash([page_hash(PROOF.page) if n == 15 else EMPTY for n in range(16)])
    proof = StateProof((Step(1 << 15, page_hash(PROOF.page)),), b"")
    lonely = next(key for key in PAIRS if nibble(key_hash(key), 0) != 15)

    assert proof.verify(root, lonely) is None


def test_a_path_takes_a_few_kilobytes():
    assert max(len(pack(TREE.prove(key))) for key in PAIRS) < 4_000


def test_a_path_survives_the_wire():
    assert unpack(StateProof, pack(PROOF)) == PROOF


STEP = PROOF.steps[0]
OWN = nibble(key_hash(PRESENT), 0)
FIRST_SIBLING = next(n for n in range(16) if STEP.occupied >> n & 1)
BAD_SHAPES = {
    "half an entry": changed(page=PROOF.page[:-32]),
    "entries out of order": changed(page=PROOF.page[64:128] + PROOF.page[:64]),
    "an entry twice": changed(page=PROOF.page[:64] * 2),
    "a page of another branch": changed(page=TREE.prove(ABSENT).page),
    "a path too long": changed(steps=PROOF.steps * 2),
    "a sibling too few": changed(steps=(Step(STEP.occupied, STEP.siblings[:-32]),)),
    "a sibling too many": changed(steps=(Step(STEP.occupied, STEP.siblings + bytes(32)),)),
    "the own branch as a sibling": changed(
        steps=(Step(STEP.occupied & ~(1 << FIRST_SIBLING) | 1 << OWN, STEP.siblings),)
    ),
    "an empty sibling written down": changed(
        steps=(Step(STEP.occupied, bytes(32) + STEP.siblings[32:]),)
    ),
}


@pytest.mark.parametrize("name", BAD_SHAPES)
def test_a_shape_that_no_tree_gives_is_refused(name):
    with pytest.raises(Rejected) as caught:
        BAD_SHAPES[name].verify(TREE.root, PRESENT)

    assert caught.value.code == "state-proof.shape"


OTHER_CLAIMS = {
    "another root": (PROOF, EMPTY, PRESENT),
    "no page, to hide the value": (changed(page=b""), TREE.root, PRESENT),
    "an entry left out": (changed(page=PROOF.page[64:]), TREE.root, PRESENT),
    "another value": (
        changed(page=PROOF.page[:-1] + bytes([PROOF.page[-1] ^ 1])),
        TREE.root,
        PRESENT,
    ),
    "no steps": (StateProof((), b""), TREE.root, PRESENT),
}


@pytest.mark.parametrize("name", OTHER_CLAIMS)
def test_a_path_of_another_claim_is_refused(name):
    proof, root, key = OTHER_CLAIMS[name]

    with pytest.raises(Rejected) as caught:
        proof.verify(root, key)

    assert caught.value.code == "state-proof.root"


def test_a_proof_of_one_key_does_not_serve_for_another():
    elsewhere = next(key for key in PAIRS if nibble(key_hash(key), 0) != OWN)

    with pytest.raises(Rejected):
        PROOF.verify(TREE.root, elsewhere)


TOO_LARGE = {
    "steps": StateProof((STEP,) * 65, PROOF.page),
    "page": changed(page=bytes(64 * (PAGE_ENTRIES_MAX + 1))),
    "siblings": changed(steps=(Step(0, bytes(32 * 16)),)),
    "children": changed(steps=(Step(1 << 16, STEP.siblings),)),
}


@pytest.mark.parametrize("name", TOO_LARGE)
def test_a_proof_beyond_its_limits_is_not_decoded(name):
    with pytest.raises(Rejected, match=r"encoding\.malformed"):
        unpack(StateProof, pack(TOO_LARGE[name]))


def test_frozen_roots_and_paths():
    frozen = json.loads((VECTORS / "state.json").read_text())
    trees = [grown(dict(list(PAIRS.items())[:size])) for size in frozen["sizes"]]

    assert [tree.root.hex() for tree in trees] == frozen["roots"]
    assert pack(PROOF).hex() == frozen["path_of_present"]
    assert pack(TREE.prove(ABSENT)).hex() == frozen["path_of_absent"]
