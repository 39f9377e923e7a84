"""How long things may take: bounds in simulated time, not "at last" (section 14).

Each function states a promise, holds on the code as it is, and fails where the promise is broken.
"""

from consensus.messages import (
    NOTHING_PREPARED,
    VIEW_MAX,
    Decided,
    NewView,
    PrePrepare,
    ViewChange,
    ViewChangeProof,
    Vote,
)
from consensus.pacemaker import RESEND_MS_MAX, VIEW_WAIT_MS_MAX
from hansa.hashing import ZERO_HASH
from hansa.votes import COMMIT, PREPARE
from tests.simulation.mutants.scenarios_views import Leaky
from tests.unit.consensus.talk import Talk, sent
from tests.unit.consensus.world import World, signed

HOUR_MS = 3_600_000


def one_liar_in_a_hurry_holds_nobody_up():
    """Row F: f liars move nobody. Three heights within 2 s x (f + 1) each, T0 being 1 s.

    The liar is silent as a primary and asks for the next view every 8 ms.
    """
    world, liar = World(), 0
    world.liars = frozenset({liar})
    world.kill(liar)

    def hurry():
        wanted = 1 + max(node.core.state.target for node in world.correct)
        height = max(node.core.height for node in world.correct)
        change = ViewChange(0, height, min(wanted, VIEW_MAX), NOTHING_PREPARED, ZERO_HASH, liar)
        for node in world.correct:
            proof = ViewChangeProof(signed(change, world.validators), None)
            world.send(world.nodes[liar], node, proof)
        world.at(world.time + 8, None, hurry)

    world.at(1, None, hurry)
    for number in range(50):
        world.at(number * 250, None, lambda n=number: world.submit(n))

    def three():
        return all(len(node.disk.chain) >= 3 for node in world.correct)

    assert world.run(3 * 2 * 2 * world.t0_ms, three), f"heights {world.heights()}"


def who_was_cut_off_joins_the_view_of_the_others():
    """Row F: f + 1 others bring a replica to their view within a resend and 3 x T0.

    Two replicas come to view 4 with the help of a third one, its primary, which dies then. They
    want view 5, and nobody has a new view to show; the fourth one was cut off all the time and
    has to come to them, as q are needed.
    """
    world = Leaky()
    world.loses = lambda source, target, message: isinstance(message, NewView | PrePrepare | Vote)
    dead = world.nodes[0].core.primary(4)
    late = (dead + 1) % 4
    ahead = [node for node in world.nodes if node.slot not in {dead, late}]
    world.isolate(late)
    world.submit("a")
    assert world.run(20_000, lambda: all(node.core.state.target == 4 for node in ahead))
    world.run(world.time + 500)
    world.kill(dead)
    assert world.run(40_000, lambda: all(node.core.state.target == 5 for node in ahead))
    assert world.nodes[late].core.state.target == 1

    world.cut.clear()
    world.loses = lambda source, target, message: False
    limit = world.time + RESEND_MS_MAX + 3 * world.t0_ms

    assert world.run(limit, world.everywhere), f"heights {world.heights()} at {world.time} ms"


def a_minority_runs_nowhere():
    """Section 14, 3: without a quorum a target is waited for without end; no wait is above 60 s."""
    world = World()
    world.kill(0)
    world.kill(1)
    world.submit("a")

    world.run(HOUR_MS)

    assert max(node.core.state.target for node in world.nodes) <= 1
    waits = [world.nodes[2].core.pacemaker.wait(view) for view in (0, 6, 20, 60)]
    assert max(waits) <= VIEW_WAIT_MS_MAX


def a_prepared_block_outlives_a_long_outage():
    """Row G: a justified block is not judged by the clock. After ten minutes it passes in 5 s.

    All vote for a block in view 0, but two alone hear a quorum of PREPAREs and no COMMIT arrives;
    the two others lose their power for ten minutes. Votes of view 0 never come through again.
    """
    world = Leaky()
    world.loses = lambda source, target, message: (
        isinstance(message, Vote)
        and message.view == 0
        and (message.phase == COMMIT or target in {0, 1})
    )
    world.submit("a")
    prepared = world.nodes[2:]
    assert world.run(900, lambda: all(node.core.state.prepared for node in prepared))
    assert world.run(900, lambda: all(0 in n.core.state.prepare_views for n in world.nodes))
    for slot in (0, 1):
        world.kill(slot)
    world.run(600_000)
    for slot in (0, 1):
        world.start(slot)

    limit = world.time + 3 * world.t0_ms + 2_000
    assert world.run(limit, world.everywhere), f"not live: heights {world.heights()}"


def a_hundred_questions_at_once_get_one_answer():
    """9.5: whoever is behind is helped, but no peer can make a replica talk without end."""
    talk = Talk()
    for text in ("one", "two"):
        talk.committed(talk.block((text,)))
    old = [talk.vote(PREPARE, talk.block(), talk.others[0], height=1) for _ in range(100)]
    decided = [out for vote in old for out in sent(talk.hear(vote), Decided)]
    assert len(decided) == 1

    talk.hear(talk.new_view(1, talk.changes(1), talk.block((), view=1), fresh=True))
    late = talk.change(talk.others[0], 1)
    shown = [out for _ in range(100) for out in sent(talk.hear(late), NewView)]
    assert len(shown) == 1
