"""Row H of docs/spec/consensus.md: power fails, and what the disk holds is enough."""

import pytest

from consensus.guard import Guard
from consensus.io import Build, Commit, Fetch
from consensus.messages import NewView, PrePrepare, ViewChangeProof, Vote
from hansa.encoding import pack
from hansa.votes import COMMIT, PREPARE
from tests.unit.consensus.talk import T0_MS, Talk, asked, sent


def facts_of(talk):
    """What must survive: view, status, target, accepted, prepared, votes."""
    state = talk.state
    return (
        state.view,
        state.status_vc,
        state.target,
        state.accepted,
        state.prepared,
        state.prepare_views,
        state.commit_views,
        {key: message for key, message in state.own.items() if key[0] != "accepted"},
    )


def test_a_primary_offers_the_same_block_again():
    talk = Talk("primary")
    talk.pending = True
    talk.tick()
    block = talk.block()
    talk.built(block)
    said = list(talk.said)

    out = talk.restart()

    assert {message for _, message in out.send} == set(said)
    assert asked(out, Build) == []
    assert talk.said == said
    assert talk.core.body(block.header.hash) == pack(block)


def test_a_primary_that_crashed_before_anything_was_durable_builds_anew():
    talk = Talk("primary")
    talk.pending = True
    talk.tick()

    assert len(asked(talk.restart(), Build)) == 1


def test_an_own_proposal_that_is_too_old_is_given_up_at_once():
    talk = Talk("primary")
    talk.pending = True
    talk.tick()
    talk.built(talk.block())
    talk.wall += T0_MS + 2

    talk.restart()

    assert [proof.view_change.target for proof in talk.of(ViewChangeProof)] == [1]


def test_an_own_proposal_that_is_prepared_is_not_given_up():
    talk = Talk("primary")
    talk.pending = True
    talk.tick()
    block = talk.block()
    talk.built(block)
    talk.votes(PREPARE, block)
    talk.wall += T0_MS + 2

    talk.restart()

    assert talk.of(ViewChangeProof) == []


def test_after_a_prepare_the_vote_stands_and_is_sent_again():
    talk = Talk()
    block = talk.block()
    talk.proposed(block)

    out = talk.restart()

    assert [message for _, message in sent(out, Vote)] == talk.of(Vote, phase=PREPARE)
    talk.votes(PREPARE, block)
    assert len(talk.of(Vote, phase=COMMIT)) == 1


def test_a_backup_prepares_nothing_else_in_the_same_view():
    talk = Talk(guarded=False)
    talk.proposed(talk.block())
    talk.restart()
    other = talk.block(("other",))

    talk.hear(talk.pre_prepare(other))
    talk.ran(other)

    assert len(talk.of(Vote, phase=PREPARE)) == 1


def test_after_a_commit_the_certificate_is_claimed():
    talk = Talk()
    block = talk.block()
    talk.proposed(block)
    talk.votes(PREPARE, block)
    talk.restart()

    talk.tick(2 * T0_MS)

    [proof] = talk.of(ViewChangeProof)
    assert proof.view_change.prepared_hash == block.header.hash
    assert proof.certificate.view == 0


def test_after_a_view_change_its_target_stands():
    talk = Talk()
    block = talk.block()
    talk.proposed(block)
    talk.votes(PREPARE, block, signers=talk.others[:1])
    talk.tick(T0_MS + 1)
    before = facts_of(talk)

    out = talk.restart()

    assert facts_of(talk) == before
    assert len(sent(out, ViewChangeProof)) == 1
    talk.votes(PREPARE, block)
    assert talk.of(Vote, phase=COMMIT) == []


def test_own_prepares_of_views_that_are_over_take_no_place_after_a_restart():
    talk = Talk()
    talk.proposed(talk.block())
    block = talk.block((), view=1)
    talk.hear(talk.new_view(1, talk.changes(1), block, fresh=True))
    talk.ran(block)
    assert [vote.view for vote in talk.of(Vote, phase=PREPARE)] == [0, 1]

    talk.restart()

    assert talk.state.tally.views(PREPARE) == [1]
    assert talk.state.prepare_views == {0, 1}


def test_after_an_own_new_view_it_is_shown_again():
    talk = Talk("next")
    for proof in talk.changes(1, talk.others[:2]):
        talk.hear(proof)
    block = talk.block((), view=1)
    talk.built(block, 1)
    before = facts_of(talk)

    out = talk.restart()

    assert facts_of(talk) == before
    assert sent(out, NewView) == [(None, talk.of(NewView)[0])]
    assert [vote.view for _, vote in sent(out, Vote)] == [1]


def test_after_an_accepted_fresh_new_view_its_block_is_executed_again():
    talk = Talk()
    block = talk.block((), view=1)
    talk.hear(talk.new_view(1, talk.changes(1), block, fresh=True))

    out = talk.restart()

    assert talk.state.view == 1
    assert [work.fresh for work in asked(out)] == [True]
    talk.ran(block)
    assert [vote.view for vote in talk.of(Vote, phase=PREPARE)] == [1]


def test_after_an_accepted_justified_new_view_its_body_is_fetched_again():
    talk = Talk()
    block = talk.block()
    talk.hear(talk.new_view(1, talk.changes(1, block=block), block))

    out = talk.restart()

    assert len(asked(out, Fetch)) == 1
    talk.fetched(block)
    assert [vote.view for vote in talk.of(Vote, phase=PREPARE)] == [1]


def test_a_new_view_after_the_view_change_ends_it_also_on_the_disk():
    talk = Talk()
    talk.relayed = True
    talk.tick()
    talk.tick(T0_MS)
    block = talk.block((), view=1)
    talk.hear(talk.new_view(1, talk.changes(1), block, fresh=True))
    talk.ran(block)
    before = facts_of(talk)

    talk.restart()

    assert facts_of(talk) == before
    assert before[:3] == (1, False, 1)


def test_an_own_new_view_that_was_overtaken_does_not_undo_the_view_change():
    talk = Talk("next")
    for proof in talk.changes(1, talk.others[:2]):
        talk.hear(proof)
    talk.built(talk.block((), view=1), 1)
    talk.tick(2 * T0_MS)

    talk.restart()

    assert (talk.state.status_vc, talk.state.target) == (True, 2)


def test_a_new_view_below_what_is_restored_already_changes_nothing():
    talk = Talk()
    for view in (1, 2):
        talk.hear(talk.new_view(view, talk.changes(view), talk.block((), view=view), fresh=True))
    talk.records.reverse()

    talk.restart()

    assert talk.state.view == 2


def test_a_decided_block_is_executed_after_the_restart_and_committed():
    talk = Talk()
    block = talk.block()
    talk.proposed(block)
    talk.votes(PREPARE, block)
    assert len(talk.votes(COMMIT, block).commit) == 1
    talk.restart()

    out = talk.votes(COMMIT, block)

    assert [work.fresh for work in asked(out)] == [False]
    assert talk.ran(block).commit == [Commit(block.header.hash, talk.state.decided)]


def test_records_of_a_height_that_is_over_are_not_fed_back():
    talk = Talk()
    block = talk.block()
    talk.proposed(block)
    records = list(talk.records)
    talk.committed(block)
    talk.records = records

    out = talk.restart()

    assert (talk.state.accepted, out.send) == ({}, [])


def test_nothing_is_signed_again():
    talk = Talk("primary")
    talk.pending = True
    talk.tick()
    block = talk.block()
    talk.built(block)
    talk.votes(PREPARE, block)
    said = list(talk.said)

    for _ in range(3):
        talk.restart()

    assert talk.said == said
    assert [type(message) for message in said] == [PrePrepare, Vote, Vote]


def test_a_restart_with_an_empty_disk_says_nothing():
    talk = Talk()

    assert talk.restart().send == []


@pytest.mark.parametrize("cut", [1, 2])
def test_a_vote_log_that_lost_its_end_meets_the_lock_of_the_guard(cut):
    talk = Talk()
    block = talk.block()
    talk.proposed(block)
    talk.votes(PREPARE, block)
    del talk.records[-cut:]
    talk.restart()

    talk.tick(3 * T0_MS)
    assert [proof.view_change.prepared_view for proof in talk.of(ViewChangeProof)] in ([], [0])
    assert talk.guard.locked_at(1) == 0

    talk.votes(PREPARE, block)
    talk.tick(3 * T0_MS)
    assert talk.state.prepared.block_hash == block.header.hash
    assert talk.of(ViewChangeProof)[0].view_change.prepared_view == 0


def test_the_guard_refuses_what_a_forgetful_core_would_sign():
    talk = Talk()
    block, other = talk.block(), talk.block(("other",))
    talk.proposed(block)
    talk.records.clear()
    talk.restart()

    talk.hear(talk.pre_prepare(other))
    talk.ran(other)

    assert [vote.block_hash for vote in talk.of(Vote)] == [block.header.hash]
    assert Guard.decode(talk.guard.encode()).slot == talk.guard.slot
