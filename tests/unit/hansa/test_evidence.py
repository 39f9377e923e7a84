"""Evidence convinces whoever knows the set, and cannot be made against the honest.

docs/spec/consensus.md, section 11.
"""

import pytest

from hansa.encoding import unpack
from hansa.errors import Rejected
from hansa.evidence import (
    EVIDENCE_BYTES_MAX,
    Offence,
    check_evidence,
    claims_less,
    decode_evidence,
    encode_evidence,
    height_of,
)
from hansa.membership import ValidatorSet
from hansa.signing import verify
from tests.unit.hansa.frozen import frozen, why

VECTORS = frozen("consensus")
VALIDATORS = unpack(ValidatorSet, bytes.fromhex(frozen("certificate")["validators"]["bytes"]))


@pytest.mark.parametrize("case", VECTORS["evidence"], ids=why)
def test_every_contradiction_proves_its_offence(case):
    data = bytes.fromhex(case["bytes"])
    offence = Offence(case["name"], case["height"], case["view"], case["kind"])

    assert check_evidence(data, "demo", VALIDATORS, verify) == offence
    assert encode_evidence(decode_evidence(data)) == data
    assert height_of(decode_evidence(data)) == case["height"]
    assert len(data) < EVIDENCE_BYTES_MAX / 2


@pytest.mark.parametrize("case", VECTORS["evidence_refused"], ids=why)
def test_everything_else_proves_nothing(case):
    with pytest.raises(Rejected) as caught:
        check_evidence(bytes.fromhex(case["bytes"]), "demo", VALIDATORS, verify)

    assert caught.value.code == case["code"]


@pytest.mark.parametrize("case", VECTORS["evidence"], ids=why)
def test_evidence_of_another_chain_proves_nothing(case):
    with pytest.raises(Rejected, match=r"evidence\.signature"):
        check_evidence(bytes.fromhex(case["bytes"]), "other", VALIDATORS, verify)


@pytest.mark.parametrize("case", VECTORS["evidence"], ids=why)
def test_no_byte_of_evidence_may_change(case):
    data = bytes.fromhex(case["bytes"])
    proven = 0
    for place in range(0, len(data), 7):
        spoiled = data[:place] + bytes([data[place] ^ 0x40]) + data[place + 1 :]
        try:
            check_evidence(spoiled, "demo", VALIDATORS, verify)
        except Rejected:
            continue
        proven += 1

    assert proven == 0


@pytest.mark.parametrize(
    ("claim", "less"),
    [
        ((3, -1, bytes(32)), True),
        ((3, 1, b"x" * 32), True),
        ((3, 2, b"y" * 32), True),
        ((3, 2, b"x" * 32), False),
        ((9, 3, b"y" * 32), False),
        ((2, -1, bytes(32)), False),
        ((1, 0, b"y" * 32), False),
    ],
)
def test_what_a_view_change_may_claim_after_a_commit_of_x_in_view_2(claim, less):
    assert claims_less(2, b"x" * 32, claim) is less
