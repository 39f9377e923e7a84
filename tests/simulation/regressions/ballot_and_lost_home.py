"""A validator that came by ballot and lost its home did not abstain: only those of genesis did."""

from tests.simulation.chaos import Chaos


def run():
    """It loses its home while a height is open, and must sign nothing of it again."""
    sim = Chaos(0, 4)
    sim.council.wishes = [("add", "n04", "m0")]
    sim.at(0, sim.council.step)
    for number in range(60):
        sim.at(1_000 + 300 * number, lambda: sim.register(sim.chance.choice(sim.hosts)))
    sim.run(8_000)
    sim.network.loss_of["commit"] = 1.0
    sim.run(12_000)
    host = sim.hosts[4]
    sim.kill(host, "lost")
    sim.damage(host, "home wiped")
    sim.boot(host.index)
    assert host.node.driver.replica.abstain_through > 0
    sim.run(30_000)
