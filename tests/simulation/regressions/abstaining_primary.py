"""A primary that abstained, since it had lost its signer guard, still signed a NEW-VIEW."""

from tests.simulation.chaos import Chaos


def run():
    """The primary of view 1 loses its guard, and not its vote log, after it asked for view 1."""
    sim = Chaos(1, 4)
    sim.quiet = True
    sim.network.loss_of = {"view-change": 1.0, "commit": 1.0}
    sim.at(100, lambda: sim.register(sim.hosts[0]))
    replicas = [host.node.driver.replica for host in sim.hosts]

    def all_ask():
        return all(r.state.target == 1 and ("view-change", 1) in r.state.own for r in replicas)

    assert sim.run(20_000, all_ask)
    primary = sim.hosts[replicas[0].primary(1)]
    primary.held = True
    sim.kill(primary, "kept")
    sim.damage(primary, "guard missing")
    sim.network.clean()
    primary.held = False
    sim.boot(primary.index)
    assert sim.run(30_000, lambda: sim.chain.top > 0)
