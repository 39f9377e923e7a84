"""What a core does unasked, to the millisecond and to the message (docs/spec/consensus.md, 9)."""

import pytest

from consensus.ahead import Ahead
from consensus.io import Build, Built
from consensus.messages import AskFresh, PrePrepare, ViewChangeProof, Vote
from consensus.records import OwnRecord, PreparedRecord
from hansa.votes import COMMIT, PREPARE
from tests.unit.consensus.talk import T0_MS, Talk, asked, sent
from tests.unit.consensus.world import START_MS


def proposed(**fields):
    """A primary that has put its block forward, and the block."""
    talk = Talk("primary")
    talk.pending = True
    talk.tick()
    block = talk.block(**fields)
    talk.built(block)
    return talk, block


# Building


def test_a_primary_builds_a_block_of_view_0_with_transactions_and_nothing_left_out():
    talk = Talk("primary")
    talk.pending = True
    (build,) = asked(talk.tick(), Build)

    assert build == Build(1, 0, None, 0, frozenset(), allow_empty=False)


def test_the_primary_of_view_1_may_build_what_view_0_had():
    talk = Talk("next")
    talk.hear(talk.pre_prepare(talk.block(("a", "b"))))
    for proof in talk.changes(1):
        talk.hear(proof)
    (build,) = asked(talk.total, Build)

    assert build == Build(1, 1, None, 1, frozenset(), allow_empty=True)


def test_the_primary_of_view_2_leaves_out_what_was_proposed_before():
    talk = Talk("third")
    block = talk.block(("a", "b"))
    talk.hear(talk.pre_prepare(block))
    for proof in talk.changes(2):
        talk.hear(proof)
    (build,) = asked(talk.total, Build)

    assert build == Build(1, 2, None, 2, frozenset(block.proposal().tx_hashes), allow_empty=True)


@pytest.mark.parametrize(("after", "builds"), [(99, 1), (100, 2)])
def test_a_builder_that_found_nothing_looks_again_after_100_ms(after, builds):
    talk = Talk("primary")
    talk.pending = True
    talk.tick()
    talk.feed(Built(1, 0, None, b""))
    talk.tick(after)

    assert len(asked(talk.total, Build)) == builds


@pytest.mark.parametrize("role", ["backup", "observer", "next"])
def test_nobody_else_builds(role):
    talk = Talk(role)
    talk.pending = True

    assert asked(talk.tick(), Build) == []


def test_a_primary_builds_one_block_at_a_time():
    talk = Talk("primary")
    talk.pending = True
    talk.tick()
    talk.tick(5)
    assert len(asked(talk.total, Build)) == 1

    talk.feed(Built(1, 1, talk.block().proposal(), b"b"))
    assert talk.of(PrePrepare) == []
    talk.built(talk.block())
    talk.tick(5)
    assert len(talk.of(PrePrepare)) == len(asked(talk.total, Build)) == 1


# Restarts


def test_an_own_proposal_is_taken_up_again_after_a_restart():
    talk, block = proposed()
    before = len(talk.said)
    out = talk.restart()

    assert talk.state.active
    assert talk.state.accepted == {0: block.header.hash}
    assert talk.state.prepare_views == {0}
    assert len(talk.said) == before
    kinds = [type(message).__name__ for _, message in out.send]
    assert kinds == ["PrePrepare", "Vote"]


@pytest.mark.parametrize(("age", "given_up"), [(T0_MS, False), (T0_MS + 1, True)])
def test_an_own_proposal_that_is_too_old_is_given_up_after_a_restart(age, given_up):
    talk, _ = proposed(time=START_MS + 1)
    talk.wall += age + 1
    talk.restart()

    assert talk.state.status_vc is given_up
    assert [proof.view_change.target for proof in talk.of(ViewChangeProof)] == [1] * given_up


def test_what_was_said_in_the_latest_views_is_said_again():
    talk = Talk()
    block = talk.block()
    votes = [talk.vote(phase, block, talk.me, view) for view in (0, 1, 2)
             for phase in (PREPARE, COMMIT)]  # fmt: skip
    talk.core.restore([OwnRecord(vote) for vote in votes])
    out = talk.tick()
    again = [(message.phase, message.view) for _, message in sent(out, Vote)]

    assert again == [(PREPARE, 2), (COMMIT, 1), (COMMIT, 2)]
    assert talk.state.prepare_views == talk.state.commit_views == {0, 1, 2}


def test_the_latest_certificate_is_restored_whatever_the_order():
    talk = Talk()
    block = talk.block()
    certificates = [talk.prepared(block, view) for view in (1, 2, 0)]
    talk.core.restore([PreparedRecord(one) for one in certificates])

    assert talk.state.prepared.view == 2


@pytest.mark.parametrize(("after", "again"), [(299, 0), (300, 1), (899, 1), (900, 2)])
def test_an_own_message_is_sent_again_after_300_then_600_ms(after, again):
    talk, _ = proposed()
    talk.total.send.clear()
    while talk.time < after:
        talk.tick(min(300 - talk.time % 300, after - talk.time))

    assert len(sent(talk.total, PrePrepare)) == again


def test_a_larger_block_gets_a_millisecond_for_each_transaction():
    talk = Talk()
    talk.hear(talk.pre_prepare(talk.block(tuple(f"t{number}" for number in range(30)))))

    assert talk.core.pacemaker.progress_at == T0_MS + 30


# What is said ahead of its time


def test_a_peer_ahead_has_one_place_for_each_kind_and_proposals_come_first():
    talk, ahead = Talk(), Ahead()
    block = talk.block()
    said = [
        talk.vote(PREPARE, block, 0), talk.vote(COMMIT, block, 0), talk.vote(PREPARE, block, 0, 2),
        talk.change(0, 1), talk.change(0, 2), talk.pre_prepare(block),
    ]  # fmt: skip
    for message in said:
        ahead.keep(0, message)
    ahead.keep(0, talk.vote(PREPARE, block, 0, 3))
    ahead.keep(0, AskFresh(1))
    ahead.keep(1, said[0])

    assert ahead.take() == [
        (0, said[5]), (0, said[0]), (0, said[1]), (0, said[2]), (0, said[4]), (1, said[0]),
    ]  # fmt: skip
    assert ahead.take() == []


# The window of votes


@pytest.mark.parametrize(("view", "kept"), [(0, True), (2, True), (3, False)])
def test_a_prepare_is_kept_up_to_two_views_ahead(view, kept):
    talk = Talk()
    vote = talk.vote(PREPARE, talk.block(), talk.others[0], view)
    talk.hear(vote)

    assert (talk.state.tally.get(PREPARE, view, talk.others[0]) is not None) is kept


@pytest.mark.parametrize(("view", "kept"), [(4, False), (5, True), (20, True), (21, False)])
def test_a_commit_is_kept_for_sixteen_views(view, kept):
    talk = Talk()
    talk.hear(talk.new_view(18, talk.changes(18), talk.block(view=18), fresh=True))
    assert talk.state.view == 18
    vote = talk.vote(COMMIT, talk.block(), talk.others[0], view)
    talk.hear(vote)

    assert (talk.state.tally.get(COMMIT, view, talk.others[0]) is not None) is kept


@pytest.mark.parametrize(("count", "joins"), [(1, False), (2, True)])
def test_a_replica_joins_f_plus_1_others_in_the_least_view_that_they_reach(count, joins):
    talk = Talk()
    for signer, target in list(zip(talk.others, (3, 2), strict=False))[:count]:
        talk.hear(talk.change(signer, target))

    assert talk.state.status_vc is joins
    assert talk.state.target == (2 if joins else 0)


@pytest.mark.parametrize(("count", "armed"), [(1, False), (2, True)])
def test_a_new_view_is_waited_for_from_the_quorum_on(count, armed):
    talk = Talk()
    talk.pending = talk.relayed = True
    talk.tick()
    talk.tick(T0_MS)
    assert talk.state.target == 1
    for signer in talk.others[:count]:
        talk.hear(talk.change(signer, 1))

    due = talk.core.pacemaker.view_change_at
    assert due == (talk.time + 2 * T0_MS if armed else None)


@pytest.mark.parametrize("view", [0, 1])
def test_a_prepared_block_gets_the_wait_of_its_view_anew(view):
    talk = Talk()
    block = talk.block(view=view)
    if view:
        talk.hear(talk.new_view(1, talk.changes(1), block, fresh=True))
        talk.ran(block)
    else:
        talk.proposed(block)
    talk.tick(7)
    talk.votes(PREPARE, block, view)

    assert talk.state.commit_views == {view}
    assert talk.core.pacemaker.progress_at == 7 + T0_MS * 2**view


def test_a_new_view_that_came_in_time_is_waited_for_no_longer():
    talk = Talk()
    for proof in talk.changes(1):
        talk.hear(proof)
    due = talk.core.pacemaker.view_change_at
    talk.tick(T0_MS)
    talk.hear(talk.new_view(1, talk.changes(1), talk.block(view=1), fresh=True))
    talk.tick(due - talk.time)

    assert due == 2 * T0_MS
    assert (talk.state.status_vc, talk.state.view) == (False, 1)
