"""The end of a run of chaos: faults stop, a core must be live within bounds, all become equal.

The promise: the core is a random one of at least a quorum of correct validators that may sign,
in every set that may be in force; bounds are in simulated time and follow from T0, the view
that was reached and the number of validators that are away (L1 to L4, L6, L8).
"""

from consensus.pacemaker import VIEW_DOUBLINGS_MAX, VIEW_WAIT_MS_MAX
from node.assemble import Settings, assemble
from storage.kv import MemoryStore
from storage.memory_files import MemoryFiles
from tests.simulation.checkers import check_equal_stores, check_memory
from tests.simulation.swarm import swarm
from tests.simulation.world import Ground, SimKey

RETURN_MS = 30_000
"""All processes are up again by then; starts may fail a few times more."""
SYNC_MS = 10_000
"""Requests to who has just gone time out after 5 s, and again after 2 s."""
EQUAL_MS = 60_000
IDLE_MS = 4_000
IDLE_RATE_MAX = 5
"""Messages a second and link while nothing is to be done (L8)."""


def live_through(sim):
    """The whole run, checked."""
    try:
        sim.run(swarm(sim))
        quieten(sim)
        core = choose_core(sim)
        progress(sim, core)
        heal(sim)
        check_end(sim)
    except AssertionError:
        raise
    except Exception as error:
        raise AssertionError(f"seed {sim.seed}: S13, unhandled {error!r}") from error


def quieten(sim):
    """No fault begins any more; clocks are right, disks are quick, processes start."""
    sim.tell("faults end")
    sim.quiet, sim.crashes, sim.trap = True, None, None
    sim.network.clean()
    sim.council.stop()
    for host in sim.hosts:
        host.files.forgive()
        host.store.fails_in.clear()
        host.clock.ahead_ms = 0
        host.clock.run_at(100, sim.time)
        if host.node is None:
            sim.at(sim.time, lambda h=host: sim.boot(h.index))
        else:
            sim.at(sim.time, lambda h=host: sim.ring(h), host)
    up = sim.run(sim.time + RETURN_MS, lambda: all(host.node is not None for host in sim.hosts))
    assert up, "a process does not start"


def quorum(size):
    """The votes that decide among so many validators."""
    return -(-(size + (size - 1) // 3 + 1) // 2)


def choose_core(sim):
    """Who stays connected: some validators are killed for good, some are cut off."""
    chance = sim.chance
    signing = {host.name for host in sim.correct if host.index not in sim.damaged}
    slack = min(sum(name in signing for name in names) - quorum(len(names)) for names in sim.sets())
    assert slack >= 0, "the swarm broke more validators than the bound allows"
    was_met = dict(sim.met)
    away = chance.sample(sim.correct, min(chance.randrange(slack + 1), len(sim.correct)))
    if chance.random() < 0.3:
        away += [host for host in sim.hosts if host.faulty]
    for host in away:
        if chance.random() < 0.5:
            host.held = True
            sim.kill(host, "kept")
    sim.met.update(was_met)  # what is done here is no fault of the run
    inside = [host.index for host in sim.hosts if host not in away]
    sim.cut_off(inside)
    sim.away = len(away)
    return [host for host in sim.correct if host.index in inside]


def wait_ms(sim, view):
    """T(v)."""
    return min(sim.t0_ms * 2 ** min(view, VIEW_DOUBLINGS_MAX), VIEW_WAIT_MS_MAX)


def outage_bound_ms(sim, core):
    """L3: the views that may pass until the primary is one of the core."""
    replicas = [host.node.driver.replica for host in core]
    view = max(max(r.state.view, r.state.target) for r in replicas)
    liars = sum(host.faulty for host in sim.hosts)
    passing = 2 + sim.away + liars
    return SYNC_MS + sum(wait_ms(sim, view + step) for step in range(passing))


def top_of(hosts):
    """The highest head."""
    return max(host.node.worker.ledger.head.height for host in hosts)


def progress(sim, core):
    """L3, then L1 and L2: the next block, then more, each with something to decide."""
    began, top = sim.time, top_of(core)
    bound = outage_bound_ms(sim, core)
    sim.register(sim.chance.choice(core))
    alive = sim.run(began + bound, lambda: top_of(core) > top)
    assert alive, f"L3: no block in {bound} ms, heights {sim.heights()}"
    sim.first_block = (sim.time - began, bound)
    goal = sim.chance.choice((2, 2, 4, 12))
    began, given = sim.time, {}
    bound = 2 * sim.t0_ms * (sim.away + 2) * goal + SYNC_MS
    for _ in range(goal):
        height = top_of(core)
        tx_id = sim.register(sim.chance.choice(core))
        if tx_id is not None:
            given[tx_id] = height
        more = sim.run(began + bound, lambda h=height: top_of(core) > h)
        assert more, f"L1: {goal} blocks take more than {bound} ms, heights {sim.heights()}"


def settled(sim):
    """Whether all correct nodes are equal and everything promised is in the chain."""
    heads = {host.node.worker.ledger.head.height for host in sim.correct if host.node is not None}
    return (
        all(host.node is not None for host in sim.correct)
        and len(heads) == 1
        and not open_promises(sim)
    )


def open_promises(sim):
    """Transactions that a correct node promised to keep and that are in no block.

    A member that was suspended meanwhile may have lost the right to them.
    """
    excused = sim.council.suspended
    return [
        tx_id
        for tx_id in sim.promises
        if tx_id not in sim.chain.locations
        and not (tx_id in sim.ended and sim.owners[tx_id] in excused)
    ]


def heal(sim):
    """Everybody comes back; L4: who was away catches up."""
    for host in sim.hosts:
        host.held = False
        sim.boot(host.index)
    sim.network.clean()
    sim.council.wishes = []
    equal = sim.run(sim.time + EQUAL_MS, lambda: settled(sim))
    lost = open_promises(sim)
    assert not lost, f"S7: {len(lost)} acknowledged transactions are in no block"
    assert equal, f"L4: not equal, heights {sim.heights()}"
    idle(sim)


def idle(sim):
    """L8: with nothing to decide little is said."""
    sim.run(sim.time + 1_000)
    before = sim.sent
    sim.run(sim.time + IDLE_MS)
    links = len(sim.hosts) * (len(sim.hosts) - 1)
    rate = (sim.sent - before) * 1_000 / IDLE_MS / links
    assert rate < IDLE_RATE_MAX, f"L8: {rate:.1f} messages a second and link while idle"


def check_end(sim):
    """Equal stores, a slow twin that executes the chain again, nobody convicted wrongly."""
    check_equal_stores(sim.correct)
    liars = {host.name for host in sim.hosts if host.faulty}
    for host in sim.correct:
        check_memory(host)
    ledger = sim.correct[0].node.worker.ledger
    for key, _ in ledger.scan_state(b"governance/accusation/"):
        name = key.decode().split("/")[2]
        assert name in liars, f"S11: the correct {name} was convicted"
    twin = assemble(
        Ground(MemoryFiles(), MemoryStore(), SimKey("nobody"), sim),
        sim.genesis,
        Settings("nobody", sim.t0_ms),
    )
    sim.chain.replay(twin.worker, sim.chain.top)
