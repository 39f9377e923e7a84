"""A signature that does not hold costs its sender; every other fault costs nobody anything."""

import pytest
from msgspec.structs import replace

from consensus.messages import Fresh
from hansa.hashing import ZERO_HASH
from hansa.votes import COMMIT, PREPARE
from tests.unit.consensus.talk import Talk

FALSE = bytes(64)


def _vote(talk):
    return replace(talk.vote(PREPARE, talk.block(), 2), signature=FALSE)


def _proposal(talk):
    return replace(talk.pre_prepare(talk.block()), signature=FALSE)


def _view_change(talk):
    proof = talk.change(2, 1)
    return replace(proof, view_change=replace(proof.view_change, signature=FALSE))


def _claim(talk):
    """A view change whose own signature holds and whose certificate is forged."""
    block = talk.block()
    certificate = talk.prepared(block)
    forged = replace(certificate, signatures=(FALSE, *certificate.signatures[1:]))
    return talk.change(2, 1, block, certificate=forged)


def _new_view(talk):
    return replace(
        talk.new_view(1, talk.changes(1), talk.block(view=1), fresh=True), signature=FALSE
    )


def _decided(talk):
    decided = talk.decided(talk.block())
    certificate = replace(decided.certificate, signatures=(FALSE,) * 3)
    return replace(decided, certificate=certificate)


def _fresh(talk):
    head = talk.core.facts.head
    return Fresh(head.height, head.hash, head.state_root, 5, 2, FALSE)


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        (_vote, "vote.signature"),
        (_proposal, "proposal.signature"),
        (_view_change, "view-change.signature"),
        (_claim, "certificate.signature"),
        (_new_view, "new-view.signature"),
        (_decided, "certificate.signature"),
        (_fresh, "fresh.signature"),
    ],
    ids=lambda case: getattr(case, "__name__", case).strip("_"),
)
def test_who_sends_a_signature_that_does_not_hold_is_named(lie, code):
    talk = Talk()
    message = lie(talk)
    sender = talk.primary(0) if lie is _proposal else 2

    out = talk.hear(message, peer=sender)

    assert out.offences == [(sender, code)]
    assert out.intents == []


@pytest.mark.parametrize(
    "fault",
    [
        lambda talk: talk.vote(COMMIT, talk.block(), 3),
        lambda talk: replace(talk.vote(PREPARE, talk.block(), 2), epoch=9),
        lambda talk: Fresh(0, ZERO_HASH, ZERO_HASH, 5, 3, FALSE),
        lambda talk: talk.change(2, 1, talk.block(), certificate=None),
    ],
    ids=["a vote of another", "another epoch", "an attestation of another", "a bare claim"],
)
def test_what_is_wrong_in_another_way_is_dropped(fault):
    talk = Talk()

    out = talk.hear(fault(talk), peer=2)

    assert (out.offences, out.intents) == ([], [])
