"""A promised transaction was evicted by a primary whose memory ran out once while it built."""

from tests.simulation.chaos import Chaos


def run():
    """Memory runs out once on every machine, and the transaction is decided all the same."""
    sim = Chaos(1, 4)
    sim.quiet = True
    for host in sim.hosts:
        host.hungry = True
    sim.at(100, lambda: sim.register(sim.hosts[0]))
    decided = sim.run(60_000, lambda: bool(sim.chain.locations))
    assert sim.promises
    assert not any(host.hungry for host in sim.hosts)
    assert decided
    assert set(sim.promises) <= set(sim.chain.locations)
