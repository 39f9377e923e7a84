"""A node whose memory ran out once in a block of block sync was marked as diverged for ever."""

from tests.simulation.chaos import Chaos


def run():
    """One is away for some blocks; its memory runs out while it executes one of them."""
    sim = Chaos(1, 4)
    sim.quiet = True
    late = sim.hosts[3]
    late.held = True
    sim.kill(late, "kept")
    for number in range(6):
        sim.at(100 + 1_000 * number, lambda: sim.register(sim.hosts[0]))
    assert sim.run(30_000, lambda: sim.chain.top > 4)
    late.held, late.hungry = False, True
    sim.boot(late.index)
    assert sim.run(60_000, lambda: late.node.worker.ledger.head.height == sim.chain.top)
    assert not late.hungry
