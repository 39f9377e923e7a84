"""However much liars say, a height takes bounded memory (docs/spec/consensus.md, section 9)."""

from msgspec.structs import replace

from consensus.ahead import Ahead
from consensus.height import BODIES_MAX, COMMIT_VIEWS_MAX, VIEWS_AHEAD_MAX
from consensus.io import Fetch
from consensus.messages import AskFresh, Refuse, Vote
from consensus.set_aside import SUSPECTS_MAX, SetAside
from hansa.hashing import sha256
from hansa.votes import COMMIT, PREPARE
from tests.unit.consensus.talk import Talk, asked, sent


def test_commits_of_far_views_push_nobody_out():
    talk = Talk()
    block, liar = talk.block(), talk.others[0]
    talk.proposed(block)
    for view in range(200):
        talk.hear(talk.vote(COMMIT, block, liar, view=view))

    talk.votes(PREPARE, block, signers=talk.others[1:])
    out = talk.votes(COMMIT, block, signers=talk.others[1:])

    assert len(out.commit) == 1


def test_votes_are_kept_for_few_views():
    talk = Talk()
    block = talk.block()
    for view in (0, VIEWS_AHEAD_MAX, VIEWS_AHEAD_MAX + 1, 2**31 - 1):
        talk.votes(PREPARE, block, view=view)
        talk.votes(COMMIT, block, view=view, signers=talk.others[:1])

    assert talk.state.tally.views(PREPARE) == [0, VIEWS_AHEAD_MAX]
    assert talk.state.tally.views(COMMIT) == [0, VIEWS_AHEAD_MAX]


def test_votes_of_views_that_are_long_over_are_forgotten():
    talk = Talk()
    block = talk.block()
    talk.votes(PREPARE, block, signers=talk.others[:1])
    talk.votes(COMMIT, block, signers=talk.others[:1])
    late = COMMIT_VIEWS_MAX + 5
    fresh = talk.block((), view=late)

    talk.hear(talk.new_view(late, talk.changes(late), fresh, fresh=True))

    assert talk.state.tally.views(PREPARE) == []
    assert talk.state.tally.views(COMMIT) == []
    assert talk.state.tally.get(PREPARE, 0, talk.others[0]) is None


def test_a_quorum_of_commits_of_an_earlier_view_still_decides():
    talk = Talk()
    block = talk.block()
    talk.proposed(block)
    talk.hear(talk.new_view(3, talk.changes(3), talk.block((), view=3), fresh=True))

    assert len(talk.votes(COMMIT, block).commit) == 1


def test_bodies_are_few_but_those_behind_an_own_prepare_stay():
    talk = Talk()
    prepared = talk.block(("prepared",))
    talk.proposed(prepared)
    others = [talk.block((f"other {number}",)) for number in range(2 * BODIES_MAX)]
    for block in others:
        talk.state.keep_body(block.proposal(), b"body")

    assert len(talk.state.bodies) == BODIES_MAX
    assert talk.core.body(prepared.header.hash) is not None
    assert talk.core.body(others[-1].header.hash) is not None


def test_bodies_that_certificates_name_stay():
    talk = Talk()
    block, decided = talk.block(), talk.block(("decided",))
    talk.hear(talk.change(talk.others[0], 1, block))
    talk.hear(talk.decided(decided), peer=0)
    talk.state.keep_body(block.proposal(), b"body")
    talk.state.keep_body(decided.proposal(), b"body")
    for number in range(2 * BODIES_MAX):
        talk.state.keep_body(talk.block((f"other {number}",)).proposal(), b"body")

    assert talk.core.body(block.header.hash) is not None
    assert talk.core.body(decided.header.hash) is not None


def test_when_every_body_is_named_all_of_them_stay():
    talk = Talk(guarded=False)
    blocks = [talk.block((f"block {number}",)) for number in range(BODIES_MAX + 1)]
    for view, block in enumerate(blocks):
        talk.state.accepted[view] = block.header.hash
        talk.state.prepare_views.add(view)
    for block in blocks:
        talk.state.keep_body(block.proposal(), b"body")

    assert len(talk.state.bodies) == BODIES_MAX + 1


def test_a_peer_ahead_has_few_places_and_the_last_word_counts():
    ahead, talk = Ahead(), Talk()
    block = talk.block()
    for number in range(50):
        for view in range(10):
            ahead.keep(0, talk.vote(PREPARE, block, 0, view=view))
            ahead.keep(0, talk.vote(COMMIT, block, 0, view=view))
        ahead.keep(0, talk.change(0, number + 1))
        ahead.keep(0, talk.pre_prepare(block))
        ahead.keep(0, Refuse(2, 0, bytes(32), bytes(32)))

    kept = [message for _, message in ahead.take()]

    assert len(kept) == 2 * (VIEWS_AHEAD_MAX + 1) + 2
    assert talk.change(0, 50) in kept
    assert ahead.take() == []


def test_what_was_said_ahead_is_dropped_when_the_set_changes():
    talk, ahead = Talk(), Talk()
    block = talk.block(next_validators_hash=bytes(32))
    ahead.committed(talk.block())
    talk.hear(replace(ahead.vote(PREPARE, ahead.block(), talk.others[0])))

    talk.committed(block, schedule=talk.core.schedule)

    assert talk.core.height == 2
    assert talk.state.tally.views(PREPARE) == []


def test_suspicions_are_few():
    aside = SetAside(1)
    for number in range(3 * SUSPECTS_MAX):
        aside.note(sha256(b"%d" % number), "n00", 0)

    assert len(aside.skipped(1)) == SUSPECTS_MAX


def test_a_question_that_comes_often_is_answered_seldom():
    talk = Talk()
    talk.tick()
    for _ in range(100):
        talk.hear(AskFresh(0), peer=0)
        talk.tick(1)

    assert len(talk.said) == 1
    assert sent(talk.total, Vote) == []
    assert asked(talk.total, Fetch) == []
