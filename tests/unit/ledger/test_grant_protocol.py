"""`grant` against the state machines of the Dataspace Protocol 2025-1, typed from its figures."""

from hansa.consent import consent_digest, subject_of, withdrawal_digest
from ledger.contracts.grant_rules import NEGOTIATION, TERMINATION, TRANSFER

NEGOTIATION_FIGURE = {
    "REQUESTED > OFFERED P",
    "REQUESTED > AGREED P",
    "REQUESTED > TERMINATED C/P",
    "OFFERED > REQUESTED C",
    "OFFERED > ACCEPTED C",
    "OFFERED > TERMINATED C/P",
    "ACCEPTED > AGREED P",
    "ACCEPTED > TERMINATED P",
    "AGREED > VERIFIED C",
    "AGREED > TERMINATED C",
    "VERIFIED > FINALIZED P",
    "VERIFIED > TERMINATED P",
}
TRANSFER_FIGURE = {
    "REQUESTED > STARTED P",
    "REQUESTED > TERMINATED C/P",
    "STARTED > COMPLETED C/P",
    "STARTED > SUSPENDED C/P",
    "STARTED > TERMINATED C/P",
    "SUSPENDED > STARTED C/P",
    "SUSPENDED > TERMINATED C/P",
}
BEGINNINGS = {" > REQUESTED C", "COMPLETED > REQUESTED C", "TERMINATED > REQUESTED C"}
"""A transfer process begins with a request; here each next one takes the place of the last."""


def letters(sides):
    return "/".join(side[0].upper() for side in sides)


def test_negotiations_move_as_in_the_figure():
    steps = {f"{state} > {after} {letters([side])}" for (state, _), (side, after)
             in NEGOTIATION.items()}  # fmt: skip
    ends = {f"{state} > TERMINATED {letters(sides)}" for state, sides in TERMINATION.items()}

    assert steps | ends == NEGOTIATION_FIGURE


def test_transfers_move_as_in_the_figure():
    steps = {f"{state} > {after} {letters(sides)}" for (state, after), sides in TRANSFER.items()}

    assert steps == TRANSFER_FIGURE | BEGINNINGS


def test_what_a_subject_signs_stays_the_same_bytes():
    subject = subject_of(b"\1" + b"k" * 32)
    digest = consent_digest("c", "id", subject, "farm", "audit", b"s" * 32, 5)

    assert subject.hex() == "38d0842326c5e4fae6f46822bb1b10b903c1f2ce84e45d6fbc2f069ba2c85672"
    assert digest.hex() == "4c62b16f60974740602846e862b18df7a9342bd2b1da2a869e45fcda1fbcce72"
    assert (
        withdrawal_digest("c", "id").hex()
        == "68fc07679c81f4c7c0295087574f47019c6c55f3d1aa2222d421508cec119c91"
    )
