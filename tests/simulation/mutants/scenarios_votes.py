"""What a replica may and may not put its name to: one core among scripted peers.

Each function states a promise, holds on the code as it is, and fails where the promise is broken.
"""

from msgspec.structs import replace

from consensus.io import Asked, Build
from consensus.messages import NOTHING_PREPARED, Fresh, ViewChangeProof, Vote
from hansa.certificate import Certificate
from hansa.hashing import ZERO_HASH
from hansa.votes import COMMIT, PREPARE
from tests.unit.consensus.talk import T0_MS, Talk, asked
from tests.unit.consensus.world import World


def two_halves_of_six_decide_nothing():
    """2.1: two quorums share f + 1 validators, also where n is not 3f + 1."""
    world = World(6)
    world.cut = {(a, b) for a in range(6) for b in range(6) if (a < 3) != (b < 3)}
    world.transactions = sides = [b"left", b"right"]
    world.pending_for = lambda node: [] if node.disk.chain else [sides[node.index >= 3]]

    world.run(60_000)

    assert world.heights() == [0] * 6


def a_vote_says_one_thing_in_one_view():
    """3.2.1: the PREPAREs of view 0 are no certificate of view 3, whoever says so."""
    talk = Talk()
    block, liar = talk.block(), talk.others[0]
    true = talk.prepared(block, view=0)
    moved = Certificate(
        true.phase, true.epoch, true.height, 3, true.block_hash, true.bitmap, true.signatures
    )

    talk.hear(talk.change(liar, 4, block=block, view=3, certificate=moved))

    assert talk.state.prepared is None
    assert liar not in talk.state.changes


def no_commit_follows_a_view_change_above_it():
    """Row F: who gave a view up helps no quorum of it any more, even without a signer guard."""
    talk = Talk(guarded=False)
    block = talk.block()
    talk.proposed(block)
    talk.tick(2 * T0_MS)
    [given_up] = talk.of(ViewChangeProof)

    talk.votes(PREPARE, block)

    assert given_up.view_change.prepared_view == NOTHING_PREPARED
    assert talk.of(Vote, phase=COMMIT) == []


def a_quorum_of_commits_is_final_in_every_view():
    """Row D: COMMITs of a view that is over still decide."""
    talk = Talk()
    block = talk.block()
    talk.proposed(block)
    talk.hear(talk.new_view(3, talk.changes(3), talk.block((), view=3), fresh=True))

    assert len(talk.votes(COMMIT, block).commit) == 1


def a_restart_says_again_and_signs_nothing():
    """Row H: stored messages are sent again; nothing is built or signed for a slot of before."""
    talk = Talk("primary")
    talk.pending = True
    talk.tick()
    talk.built(talk.block())
    said = list(talk.said)
    talk.wall += 1

    out = talk.restart()

    assert {message for _, message in out.send} == set(said)
    assert (asked(out, Build), out.intents) == ([], [])


def a_block_that_executes_otherwise_gets_no_vote():
    """Row B: a fresh block is executed before PREPARE; another outcome is refused."""
    talk = Talk()
    block = talk.block(state_root=ZERO_HASH)
    talk.hear(talk.pre_prepare(block))

    talk.ran(block, equal=False, culprit=block.proposal().tx_hashes[0])

    assert talk.of(Vote) == []


def who_has_voted_above_attests_nothing():
    """10.1 and 8.3: FRESH of a head says that nothing above it was prepared, so it must be so."""
    talk = Talk()
    talk.proposed(talk.block())
    assert len(talk.of(Vote, phase=PREPARE)) == 1

    talk.feed(Asked())
    for _ in range(5):
        talk.tick(T0_MS)

    assert talk.of(Fresh) == []


def who_is_idle_attests_its_head():
    """The counterpart: without a vote above it the same replica does attest."""
    talk = Talk()

    talk.feed(Asked())
    for _ in range(5):
        talk.tick(T0_MS)

    assert talk.of(Fresh) != []


def a_moved_signature_is_no_vote():
    """The counterpart in a single vote: another view under the same signature is dropped."""
    talk = Talk()
    block, liar = talk.block(), talk.others[0]
    vote = talk.vote(PREPARE, block, liar, view=0)

    talk.hear(replace(vote, view=1))

    assert talk.state.tally.get(PREPARE, 1, liar) is None
