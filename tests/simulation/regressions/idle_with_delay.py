"""Four idle nodes with a round trip of 100 ms told each other DECIDED without end."""

from node.events import PeerMessage
from tests.simulation.world import Simulation

IDLE_MS = 60_000
RATE_MAX = 5
"""Messages a second and link."""


class Far(Simulation):
    """Links of 50 to 100 ms."""

    said = 0

    def send(self, source, target, kind, message):
        """Late, and never lost."""
        self.said += 1

        def deliver():
            target.node.driver.feed(PeerMessage(source.name, kind, message))
            self.turn(target)

        if target.node is not None:
            self.at(self.time + 50 + self.chance.randrange(50), deliver, target)


def run():
    """Three blocks, and then a minute of silence."""
    sim = Far(1)
    for number in range(3):
        sim.at(100 + number * 500, lambda n=number: sim.submit(n, n))
    sim.run(20_000)
    assert sim.settled()
    before = sim.said
    sim.run(sim.time + IDLE_MS)
    assert (sim.said - before) * 1_000 / IDLE_MS / 12 < RATE_MAX
