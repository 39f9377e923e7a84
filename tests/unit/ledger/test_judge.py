"""The judge of evidence finds the set of the height and speaks the ledger's words."""

import pytest

from hansa.encoding import unpack
from hansa.errors import Rejected
from hansa.membership import ValidatorSet
from hansa.signing import verify
from ledger.accuse import Offence
from ledger.judge import judge_evidence
from tests.unit.hansa.frozen import frozen, why

VECTORS = frozen("consensus")
VALIDATORS = unpack(ValidatorSet, bytes.fromhex(frozen("certificate")["validators"]["bytes"]))


def set_at(height):
    return VALIDATORS if height == 7 else None


@pytest.mark.parametrize("case", VECTORS["evidence"], ids=why)
def test_every_contradiction_names_its_offender(case):
    offence = judge_evidence(bytes.fromhex(case["bytes"]), "demo", set_at, verify)

    assert offence == Offence(case["name"], case["kind"], case["height"], case["view"])


@pytest.mark.parametrize("case", VECTORS["evidence_refused"], ids=why)
def test_everything_else_names_nobody(case):
    with pytest.raises(Rejected, match=r"evidence\.|encoding\."):
        judge_evidence(bytes.fromhex(case["bytes"]), "demo", set_at, verify)


def test_a_height_without_a_set_has_no_judge():
    evidence = bytes.fromhex(VECTORS["evidence"][0]["bytes"])

    with pytest.raises(Rejected, match=r"evidence\.height"):
        judge_evidence(evidence, "demo", lambda _: None, verify)
