"""Rows A to E of docs/spec/consensus.md as conversations with one core."""

import pytest
from msgspec.structs import replace

from consensus.io import Asked, Build, Built, Fetch, Output, Ran, Run
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
from consensus.pacemaker import BUILD_AGAIN_MS, TRANSACTION_MS
from consensus.records import BodyRecord, PreparedRecord
from hansa.encoding import pack
from hansa.votes import COMMIT, PREPARE
from tests.unit.consensus.talk import T0_MS, Talk, asked, join, sent
from tests.unit.consensus.world import sign

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


# -- C: prepared ---------------------------------------------------------------------------------


def test_a_quorum_of_prepares_makes_a_certificate_and_a_commit():
    talk = Talk()
    block = talk.block()
    talk.proposed(block)

    out = talk.votes(PREPARE, block, signers=talk.others[:2])

    [record] = out.persist
    assert isinstance(record, PreparedRecord)
    assert record.certificate.block_hash == block.header.hash
    assert len(talk.of(Vote, phase=COMMIT)) == 1
    assert talk.core.phase == "commit"


def test_an_own_vote_counts_only_when_it_is_stored():
    talk = Talk()
    block = talk.block()
    talk.hear(talk.pre_prepare(block))
    talk.votes(PREPARE, block, signers=talk.others[:2])
    out = talk.core.step(Ran(1, block.header.hash, equal=True, block=pack(block)), talk.now())

    assert len(out.intents) == 1
    assert talk.state.prepared is None
    assert talk.core.voters(PREPARE) == talk.others[:2]


def test_a_commit_rests_on_the_own_prepare_and_its_body():
    talk = Talk()
    block = talk.block()
    talk.hear(talk.pre_prepare(block))

    talk.votes(PREPARE, block)
    assert (talk.said, talk.state.prepared) == ([], None)

    talk.ran(block)
    assert [vote.phase for vote in talk.said] == [PREPARE, COMMIT]


def test_votes_for_two_blocks_do_not_add_up():
    talk = Talk(size=7)
    one, two = talk.block(("one",)), talk.block(("two",))
    half = len(talk.others) // 2

    talk.votes(PREPARE, one, signers=talk.others[:half])
    talk.votes(PREPARE, two, signers=talk.others[half:])

    assert talk.state.prepared is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda talk, vote: replace(vote, signature=bytes(64)),
        lambda talk, vote: replace(vote, signature=sign(talk.validators.validators[0].key, b"")),
        lambda talk, vote: replace(vote, signer=99),
        lambda talk, vote: talk.vote(PREPARE, talk.block(), vote.signer, epoch=1),
        lambda talk, vote: talk.vote(PREPARE, talk.block(), vote.signer, height=2),
        lambda talk, vote: replace(vote, view=1),
        lambda talk, vote: replace(vote, phase=COMMIT),
    ],
)
def test_a_vote_that_its_signer_did_not_cast_here_does_not_count(spoil):
    talk = Talk()
    block = talk.block()
    talk.proposed(block)
    signer = talk.others[0]

    talk.hear(spoil(talk, talk.vote(PREPARE, block, signer)), peer=signer)

    assert talk.core.voters(PREPARE) == [talk.me]


def test_a_vote_comes_from_its_signer_alone():
    talk = Talk()
    block = talk.block()

    talk.hear(talk.vote(PREPARE, block, talk.others[0]), peer=talk.others[1])

    assert talk.core.voters(PREPARE) == []


def test_a_vote_that_comes_again_counts_once():
    talk = Talk()
    block = talk.block()
    talk.proposed(block)

    talk.votes(PREPARE, block, signers=[talk.others[0]] * 5)

    assert talk.state.prepared is None


# -- D and E: decide and apply ---------------------------------------------------------------------


def test_a_quorum_of_commits_decides_and_the_executed_block_is_committed():
    talk = Talk()
    block = talk.block()
    talk.proposed(block)
    talk.votes(PREPARE, block)

    out = talk.votes(COMMIT, block)

    [commit] = out.commit
    assert commit.block_hash == block.header.hash
    assert commit.certificate.phase == COMMIT
    talk.committed(block)
    assert talk.core.height == 2
    assert talk.core.phase == "idle"


def test_a_block_decided_before_it_is_executed_waits_for_its_run():
    talk = Talk()
    block = talk.block()
    talk.hear(talk.pre_prepare(block))
    assert talk.votes(COMMIT, block).commit == []

    assert len(talk.ran(block).commit) == 1


def test_a_decided_block_that_is_missing_is_fetched_from_its_signers_until_it_comes():
    talk = Talk()
    block = talk.block()

    out = talk.votes(COMMIT, block)

    [fetch] = asked(out, Fetch)
    assert set(fetch.holders) == set(talk.others)
    assert asked(talk.tick(100), Fetch) == []
    assert asked(talk.tick(200), Fetch) == [fetch]
    [run] = asked(talk.fetched(block))
    assert not run.fresh
    assert len(talk.ran(block).commit) == 1


def test_a_decided_block_is_fetched_also_while_its_run_waits_for_transactions():
    talk = Talk()
    block = talk.block()
    talk.hear(talk.pre_prepare(block))

    out = talk.votes(COMMIT, block)

    assert len(asked(out, Fetch)) == 1
    assert [work.proposal.header.hash for work in asked(talk.fetched(block))] == [block.header.hash]


def test_a_certificate_decides_in_any_status():
    talk = Talk()
    block = talk.block()
    talk.proposed(block)
    talk.tick(T0_MS + TRANSACTION_MS)
    assert talk.core.phase == "view-change"

    assert len(talk.hear(talk.decided(block), peer=0).commit) == 1
    assert talk.hear(talk.decided(block), peer=0).commit == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda c: replace(c, signatures=(bytes(64), *c.signatures[1:])),
        lambda c: replace(c, signatures=c.signatures[1:]),
        lambda c: replace(c, bitmap=b"\x03", signatures=c.signatures[:2]),
        lambda c: replace(c, bitmap=b"\x70"),
        lambda c: replace(c, bitmap=b"\x07\x00"),
        lambda c: replace(c, epoch=1),
        lambda c: replace(c, view=1),
        lambda c: replace(c, phase=PREPARE),
        lambda c: replace(c, block_hash=bytes(32)),
    ],
)
def test_a_forged_certificate_decides_nothing(spoil):
    talk = Talk()
    block = talk.block()
    talk.proposed(block)

    out = talk.hear(Decided(spoil(talk.decided(block).certificate)), peer=0)

    assert (out.commit, talk.state.decided) == ([], None)


def test_a_decided_block_that_comes_out_otherwise_is_run_once_more_and_then_stops_the_signing():
    talk = Talk()
    block = talk.block()
    talk.hear(talk.pre_prepare(block))
    culprit = block.proposal().tx_hashes[0]
    talk.ran(block, equal=False, culprit=culprit)

    out = talk.votes(COMMIT, block)

    assert len(asked(out)) == 1
    assert talk.ran(block, equal=False, culprit=culprit).diverged
    assert talk.core.diverged
    assert not talk.core.may_sign
    again = talk.tick(5_000)
    assert (again.execute, again.diverged) == ([], False)


def test_a_cold_run_that_succeeds_commits():
    talk = Talk()
    block = talk.block()
    talk.hear(talk.pre_prepare(block))
    talk.ran(block, equal=False, culprit=block.proposal().tx_hashes[0])
    talk.votes(COMMIT, block)

    assert len(talk.ran(block).commit) == 1


def test_answers_of_another_height_are_dropped():
    talk = Talk()
    block = talk.block()
    talk.hear(talk.pre_prepare(block))

    other = talk.feed(Ran(9, block.header.hash, equal=True, block=pack(block)))
    unknown = talk.feed(Ran(1, bytes(32), equal=True))
    stale = talk.feed(Built(9, 0, block.proposal(), pack(block)))

    assert [out.intents for out in (other, unknown, stale)] == [[], [], []]


def test_a_body_that_nobody_wants_is_not_kept():
    talk = Talk()
    talk.fetched(talk.block())

    assert talk.state.bodies == {}
    assert talk.core.body(talk.block().header.hash) is None


def test_a_body_that_is_here_is_served_and_not_taken_again():
    talk = Talk()
    block = talk.block()
    talk.proposed(block)

    out = talk.fetched(block)

    assert out.execute == []
    assert talk.core.body(block.header.hash) == pack(block)


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
