"""Who lost its vote log, but not its guard, asked for a view that the guard refused, for ever."""

from tests.simulation.chaos import Chaos


def run():
    """One is away for good; one of the three others has lost its vote log after view 2."""
    sim = Chaos(1, 4)
    sim.quiet = True
    sim.network.loss_of = {"new-view": 1.0, "commit": 1.0}
    sim.hosts[3].clock.run_at(200, 0)
    sim.at(100, lambda: sim.register(sim.hosts[0]))
    state = sim.hosts[3].node.driver.replica.state
    assert sim.run(20_000, lambda: state.target == 2 and ("view-change", 2) in state.own)
    for host in sim.hosts:
        host.held = True
        sim.kill(host, "kept")
    sim.damage(sim.hosts[3], "vote log missing")
    sim.network.clean()
    for index in (0, 1, 3):
        sim.hosts[index].held = False
        sim.boot(index)
    assert sim.run(300_000, lambda: sim.chain.top > 0)
