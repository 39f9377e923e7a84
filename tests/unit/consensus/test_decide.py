"""Rows C to E of docs/spec/consensus.md as conversations with one core."""

import pytest
from msgspec.structs import replace

from consensus.io import Built, Fetch, Ran
from consensus.messages import Decided, Vote
from consensus.pacemaker import TRANSACTION_MS
from consensus.records import DivergedRecord, PreparedRecord
from hansa.encoding import pack
from hansa.votes import COMMIT, PREPARE
from tests.unit.consensus.talk import T0_MS, Talk, asked
from tests.unit.consensus.world import sign

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


def test_after_a_restart_a_diverged_replica_signs_nothing_until_the_height_is_past():
    talk = Talk()
    block = talk.block()
    talk.hear(talk.pre_prepare(block))
    culprit = block.proposal().tx_hashes[0]
    talk.ran(block, equal=False, culprit=culprit)
    talk.votes(COMMIT, block)
    mark = talk.ran(block, equal=False, culprit=culprit).persist

    again = Talk()
    again.core.restore(mark)

    assert mark == [DivergedRecord(1)]
    assert not again.core.may_sign
    assert not again.core.diverged, "it finds out anew whether it still is"
    again.committed(block)
    assert again.core.may_sign


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
