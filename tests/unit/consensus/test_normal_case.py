"""Rows A and B of docs/spec/consensus.md, and what holds between heights, as conversations."""

import pytest
from msgspec.structs import replace

from consensus.io import Asked, Build, Built, Output, Run
from consensus.messages import (
    AskFresh,
    Body,
    Decided,
    GetBody,
    PrePrepare,
    Refuse,
    ViewChangeProof,
    Vote,
)
from consensus.pacemaker import BUILD_AGAIN_MS
from consensus.records import BodyRecord
from hansa.encoding import pack
from hansa.votes import COMMIT, PREPARE
from tests.unit.consensus.talk import T0_MS, Talk, asked, join, sent

# -- A: the primary --------------------------------------------------------------------------


def test_a_primary_builds_when_something_is_pending():
    talk = Talk("primary")

    assert asked(talk.tick(), Build) == []

    talk.pending = True
    [build] = asked(talk.tick(), Build)
    assert (build.height, build.view, build.shrink, build.allow_empty) == (1, 0, 0, False)
    assert asked(talk.tick(), Build) == []


def test_a_backup_builds_nothing():
    talk = Talk("backup")
    talk.pending = True

    assert talk.tick().execute == []


def test_a_built_block_is_durable_then_offered_then_prepared():
    talk = Talk("primary")
    talk.pending = True
    talk.tick()
    block = talk.block()

    out = talk.built(block)

    assert out.persist == [BodyRecord(1, pack(block))]
    assert [type(message) for message in talk.said] == [PrePrepare, Vote]
    assert talk.of(Vote, phase=PREPARE, block_hash=block.header.hash)
    assert talk.core.phase == "prepare"


def test_a_builder_that_finds_nothing_looks_again_later_and_not_at_once():
    talk = Talk("primary")
    talk.pending = True
    talk.tick()

    assert asked(talk.feed(Built(1, 0, None, b"")), Build) == []
    assert asked(talk.tick(BUILD_AGAIN_MS - 1), Build) == []
    assert len(asked(talk.tick(1), Build)) == 1


def test_a_block_built_for_a_view_that_is_over_is_dropped():
    talk = Talk("primary")
    talk.pending = talk.relayed = True
    talk.tick()
    block = talk.block()
    talk.tick(T0_MS)

    talk.built(block)

    assert talk.of(PrePrepare) == []
    assert [m.view_change.target for m in talk.of(ViewChangeProof)] == [1]


def test_a_block_that_comes_after_a_new_view_is_dropped():
    talk = Talk("primary")
    talk.pending = True
    talk.tick()
    late, other = talk.block(("late",)), talk.block(("other",), view=1)
    talk.state.building = 0
    talk.hear(talk.new_view(1, talk.changes(1), other, fresh=True))
    talk.state.building = 0

    talk.built(late)

    assert talk.of(PrePrepare) == []


def test_a_core_that_may_not_sign_offers_nothing():
    talk = Talk("primary")
    talk.pending = True
    talk.tick()
    talk.core.abstain_through = 1

    talk.built(talk.block())

    assert talk.said == []


# -- B: a fresh block --------------------------------------------------------------------------


def test_a_backup_prepares_only_what_it_has_executed():
    talk = Talk()
    block = talk.block()

    out = talk.hear(talk.pre_prepare(block))

    assert [work.proposal for work in asked(out)] == [block.proposal()]
    assert asked(out)[0].fresh
    assert talk.said == []
    out = talk.ran(block)
    assert out.persist == [BodyRecord(1, pack(block))]
    assert [message.block_hash for message in talk.of(Vote, phase=PREPARE)] == [block.header.hash]


def test_a_block_that_comes_out_otherwise_is_not_prepared_but_named():
    talk = Talk()
    block = talk.block()
    talk.hear(talk.pre_prepare(block))
    culprit = block.proposal().tx_hashes[0]

    out = talk.ran(block, equal=False, culprit=culprit)

    assert talk.said == []
    assert sent(out, Refuse) == [(None, Refuse(1, 0, block.header.hash, culprit))]
    assert asked(talk.hear(talk.pre_prepare(block))) == []


def test_a_run_that_the_ledger_could_not_do_is_asked_for_again():
    talk = Talk()
    block = talk.block()
    talk.hear(talk.pre_prepare(block))
    talk.ran(block, equal=False)

    assert len(asked(talk.hear(talk.pre_prepare(block)))) == 1


def test_an_observer_executes_and_stays_silent():
    talk = Talk("observer")
    block = talk.block()
    talk.hear(talk.pre_prepare(block))
    out = talk.ran(block, equal=False, culprit=block.proposal().tx_hashes[0])
    join(out, talk.votes(PREPARE, block))
    talk.relayed = True
    join(out, talk.tick(60_000))

    assert (talk.said, out.send, talk.core.phase) == ([], [], "prepare")


@pytest.mark.parametrize(
    ("fields", "time_shift"),
    [
        ({"version": 2}, 0),
        ({"chain_id": "other"}, 0),
        ({"suite": 2}, 0),
        ({"epoch": 1}, 0),
        ({"height": 2}, 0),
        ({"parent": bytes(32)}, 0),
        ({"primary": "n99"}, 0),
        ({"validators_hash": bytes(32)}, 0),
        ({"txs_root": bytes(32)}, 0),
        ({"last_certificate": b"\1" * 32}, 0),
        ({"last_view": 1}, 0),
        ({}, 5_001),
        ({}, -5_000 - T0_MS - 1),
    ],
)
def test_a_block_with_a_wrong_header_is_not_accepted(fields, time_shift):
    talk = Talk()
    talk.wall += 3_600_000
    shifted = {"time": talk.wall + time_shift} if time_shift else {}
    block = talk.block(**fields, **shifted)

    out = talk.hear(talk.pre_prepare(block))

    assert (out.execute, talk.state.accepted) == ([], {})


@pytest.mark.parametrize("time_shift", [5_000, -5_000 - T0_MS])
def test_a_block_at_the_edge_of_the_clock_is_accepted(time_shift):
    talk = Talk()
    talk.wall += 3_600_000

    out = talk.hear(talk.pre_prepare(talk.block(time=talk.wall + time_shift)))

    assert len(asked(out)) == 1


def test_a_block_is_later_than_its_parent():
    talk = Talk()

    talk.hear(talk.pre_prepare(talk.block(time=talk.head.time)))

    assert talk.state.accepted == {}


def test_an_empty_block_of_view_0_is_refused():
    talk = Talk()

    talk.hear(talk.pre_prepare(talk.block(())))

    assert talk.state.accepted == {}


def test_a_transaction_that_stands_twice_is_refused():
    talk = Talk()

    talk.hear(talk.pre_prepare(talk.block(("twice", "twice"))))

    assert talk.state.accepted == {}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda talk, block: talk.pre_prepare(block, signer=talk.primary(1)),
        lambda talk, block: talk.pre_prepare(block, epoch=1),
        lambda talk, block: replace(talk.pre_prepare(block), signature=bytes(64)),
        lambda talk, block: replace(talk.pre_prepare(block), signer=99),
    ],
    ids=["another signer", "another epoch", "forged", "no such signer"],
)
def test_a_pre_prepare_of_somebody_else_is_not_accepted(spoil):
    talk = Talk()

    talk.hear(spoil(talk, talk.block()))

    assert talk.state.accepted == {}


def test_a_pre_prepare_comes_from_its_primary_alone():
    talk = Talk()

    talk.hear(talk.pre_prepare(talk.block()), peer=talk.primary(1))

    assert talk.state.accepted == {}


def test_the_same_proposal_again_changes_nothing():
    talk = Talk()
    block = talk.block()
    talk.proposed(block)
    said = list(talk.said)

    out = talk.hear(talk.pre_prepare(block))

    assert (out.execute, talk.said) == ([], said)


def test_a_pre_prepare_in_a_later_view_or_in_view_change_is_too_late():
    talk = Talk()
    talk.relayed = True
    talk.tick()
    talk.tick(T0_MS)
    talk.hear(talk.pre_prepare(talk.block()))
    assert talk.state.accepted == {}

    talk.hear(talk.new_view(1, talk.changes(1), talk.block(view=1), fresh=True))
    talk.hear(talk.pre_prepare(talk.block(("other",))))
    assert list(talk.state.accepted) == [1]


# -- heights --------------------------------------------------------------------------------------


def test_what_was_said_about_the_next_height_counts_when_it_begins():
    talk, ahead = Talk(), Talk()
    block = talk.block()
    ahead.committed(block)
    following = ahead.block(("next",))
    talk.proposed(block)

    behind = talk.hear(ahead.pre_prepare(following)).behind
    talk.votes(PREPARE, block)
    talk.votes(COMMIT, block)
    out = talk.committed(block)

    assert behind == [(ahead.primary(0), 1)]
    assert [work.proposal for work in asked(out)] == [following.proposal()]


def test_a_peer_far_ahead_is_noticed():
    talk = Talk()
    far = replace(talk.vote(PREPARE, talk.block(), talk.others[0]), height=9)

    assert talk.hear(far).behind == [(talk.others[0], 8)]


def test_a_peer_that_lags_is_shown_the_certificate_now_and_then():
    talk = Talk()
    block = talk.block()
    old = talk.vote(PREPARE, block, talk.others[0])
    talk.committed(block)

    helped = Output.empty()
    for wait in (0, 0, 99, 1):
        talk.tick(wait)
        join(helped, talk.hear(old))

    assert sent(helped, Decided) == [(talk.others[0], Decided(talk.certificate))] * 2


def test_a_peer_that_lags_at_genesis_gets_no_help():
    talk = Talk()
    old = replace(talk.vote(PREPARE, talk.block(), talk.others[0]), height=0)

    assert talk.hear(old).send == []


def test_an_old_head_that_comes_again_is_ignored():
    talk = Talk()
    block = talk.block()
    talk.committed(block)
    head, certificate = talk.head, talk.certificate
    talk.committed(talk.block(("next",)))
    later = talk.core.height

    talk.head, talk.certificate = head, certificate
    talk.committed(block)

    assert talk.core.height == later == 3


def test_body_messages_are_not_for_the_core():
    talk = Talk()
    before = talk.tick()

    one = talk.hear(GetBody(1, bytes(32)), peer=0)
    two = talk.hear(Body(b"x"), peer=0)

    assert one == two == before


def test_whoever_wants_a_freshness_certificate_asks_the_others():
    assert sent(Talk().feed(Asked()), AskFresh) == [(None, AskFresh(0))]


# -- resending ----------------------------------------------------------------------------------


def test_own_messages_are_sent_again_in_growing_steps_until_they_are_obsolete():
    talk = Talk("primary")
    talk.pending = True
    talk.tick()
    block = talk.block()
    talk.built(block)

    times = []
    for _ in range(30):
        out = talk.tick(100)
        times += [talk.time for _ in sent(out, PrePrepare)]
        assert len(sent(out, Vote)) == len(sent(out, PrePrepare))
        talk.core.pacemaker.progress_at = None

    assert times == [300, 900, 2_100]
    talk.votes(PREPARE, block)
    talk.votes(COMMIT, block)
    talk.committed(block)
    assert talk.tick(10_000).send == []


def test_a_run_is_named_with_its_primary():
    talk = Talk()

    [run] = asked(talk.hear(talk.pre_prepare(talk.block())))

    assert run == Run(talk.block().proposal(), talk.primary(0), fresh=True)
