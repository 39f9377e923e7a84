"""Row J: an idle replica attests its head, and a quorum of attestations is a certificate."""

import pytest
from msgspec.structs import replace

from consensus.io import Stored
from consensus.messages import AskFresh, Fresh
from consensus.pacemaker import FRESH_GAP_MS, FRESH_IDLE_MS, FRESH_INTERVAL_MS
from hansa.votes import PREPARE
from tests.unit.consensus.talk import T0_MS, Talk, signed
from tests.unit.consensus.world import CHAIN, START_MS, verify


def fresh(talk, signer, time, **fields):
    """An attestation of the head by another validator."""
    head = talk.head
    message = Fresh(head.height, head.hash, head.state_root, time, signer)
    return signed(replace(message, **fields), talk.validators)


def at_height_1():
    talk = Talk()
    talk.committed(talk.block())
    return talk


def test_an_idle_replica_attests_after_a_while_and_then_now_and_then():
    talk = at_height_1()

    talk.tick(FRESH_IDLE_MS - 1)
    assert talk.said == []
    talk.tick(1)
    [first] = talk.said
    assert (first.height, first.block_hash, first.state_root, first.time) == (
        1, talk.head.hash, talk.head.state_root, talk.wall,
    )  # fmt: skip
    talk.tick(FRESH_INTERVAL_MS - 1)
    assert len(talk.said) == 1
    talk.tick(1)
    assert len(talk.said) == 2


def test_whoever_asks_gets_an_attestation_soon():
    talk = at_height_1()
    talk.tick(FRESH_IDLE_MS)

    talk.hear(AskFresh(1), peer=0)
    assert len(talk.said) == 1
    talk.tick(FRESH_GAP_MS)
    assert len(talk.said) == 2


def test_a_question_about_another_head_is_not_answered():
    talk = at_height_1()
    talk.tick(FRESH_IDLE_MS)
    talk.hear(AskFresh(9), peer=0)

    talk.tick(FRESH_GAP_MS)

    assert len(talk.said) == 1


@pytest.mark.parametrize("reason", ["a vote", "pending", "a view change", "amnesia", "diverged"])
def test_who_may_have_signed_above_the_head_or_may_not_sign_attests_nothing(reason):
    talk = at_height_1()
    match reason:
        case "a vote":
            talk.hear(talk.vote(PREPARE, talk.block(), talk.others[0]))
            talk.core.pacemaker.progress_at = 2**60
        case "pending":
            talk.pending = True
        case "a view change":
            talk.relayed = True
            talk.tick()
            talk.tick(T0_MS)
            talk.relayed = False
        case "amnesia":
            talk.core.abstain_through = 2
        case "diverged":
            talk.core.diverged = True
    said = len(talk.said)

    talk.tick(FRESH_INTERVAL_MS)
    talk.core.duties.asked = True
    talk.tick(1)

    assert talk.of(Fresh) == []
    assert len(talk.said) - said <= 1


def test_the_guard_signs_no_attestation_below_what_it_has_signed():
    talk = at_height_1()
    talk.proposed(talk.block())
    head = talk.head
    stale = Fresh(1, head.hash, head.state_root, talk.wall, talk.me)

    assert talk.sign(stale) is None


def test_a_quorum_makes_a_certificate_with_its_latest_times():
    talk = at_height_1()
    for signer, time in zip(talk.others, (30, 10, 20), strict=True):
        talk.hear(fresh(talk, signer, START_MS + time))
    certificate = talk.core.freshness

    assert certificate.time == START_MS + 10
    certificate.check(CHAIN, talk.validators, verify)
    talk.feed(Stored(fresh(talk, talk.me, START_MS + 40)))
    assert talk.core.freshness.time == START_MS + 20


def test_a_later_attestation_replaces_an_earlier_one_and_not_the_other_way_round():
    talk = at_height_1()
    for signer in talk.others:
        talk.hear(fresh(talk, signer, START_MS + 100))
    for signer in talk.others:
        talk.hear(fresh(talk, signer, START_MS + 50))

    assert talk.core.freshness.time == START_MS + 100


@pytest.mark.parametrize(
    "fields",
    [{"height": 0}, {"block_hash": bytes(32)}, {"state_root": bytes(32)}, {"signer": 1}],
)
def test_an_attestation_of_something_else_does_not_count(fields):
    talk = at_height_1()
    for signer in talk.others[:2]:
        talk.hear(fresh(talk, signer, START_MS))

    talk.hear(replace(fresh(talk, talk.others[2], START_MS), **fields), peer=talk.others[2])

    assert talk.core.freshness is None


def test_a_forged_attestation_does_not_count():
    talk = at_height_1()
    for signer in talk.others:
        talk.hear(replace(fresh(talk, signer, START_MS), signature=bytes(64)))

    assert talk.core.freshness is None


def test_a_new_head_needs_new_attestations():
    talk = at_height_1()
    for signer in talk.others:
        talk.hear(fresh(talk, signer, START_MS))
    assert talk.core.freshness is not None

    talk.committed(talk.block())

    assert talk.core.freshness is None


def test_an_attestation_of_a_higher_head_says_that_one_is_behind():
    talk = at_height_1()

    out = talk.hear(replace(fresh(talk, talk.others[0], START_MS), height=5))

    assert out.behind == [(talk.others[0], 5)]
