"""A validator that lost its whole disk signs nothing twice, whatever one liar says of its head."""

import pytest

from node.sync_messages import Status
from storage.kv import MemoryStore
from storage.memory_files import MemoryFiles
from tests.simulation.byzantine import ByzantineSimulation
from tests.simulation.strategies import Strategy

GROUPS = range(5)


def low_status(world, liar, target, message):
    """A second life of the liar claims that it has no blocks, until the world is told the truth."""
    small = isinstance(message, Status) and liar.index >= world.size and not world.calm
    return [Status(0, bytes(32))] if small else None


class Amnesia(ByzantineSimulation):
    """Validators 0 (will lose its disk), 1 (will lag), 2 (correct) and 3 (runs twice, lies)."""

    def __init__(self, seed):
        plan = (Strategy("low", "claims no blocks", low_status),)
        super().__init__(seed, 4, [3], {3: plan}, {3: 1.0})

    def only(self, *groups):
        """No links but those within groups."""
        joined = {(a, b) for group in groups for a in group for b in group}
        self.cut = {(a, b) for a in GROUPS for b in GROUPS} - joined

    def height(self, index):
        """Of a host's store."""
        return self.heights()[index] or 0

    def until(self, condition):
        """Wait for it."""
        assert self.run(self.time + 60_000, condition), self.heights()

    def grow(self, indices, heights):
        """Decide blocks among some hosts."""
        for height in heights:
            self.submit(0, height)
            self.until(lambda h=height: all(self.height(i) >= h for i in indices))

    def lose_disk(self, index):
        """The process and everything that it knew are gone."""
        self.kill(self.hosts[index], "kept")
        self.hosts[index].files, self.hosts[index].store = MemoryFiles(), MemoryStore()

    def vote_on(self, times=5):
        """The lagging one's clients want blocks; raises where 0 says a second thing anywhere."""
        for number in range(times):
            self.submit(1, 1_000 + number)
            self.run(self.time + 20_000)


@pytest.mark.parametrize("heard", [False, True], ids=["one is not heard", "all others are heard"])
def test_who_lost_its_disk_votes_nowhere_twice(heard):
    world = Amnesia(1)
    world.grow(range(4), range(1, 4))
    world.only((0, 2, 3))
    world.grow((0, 2, 3), range(4, 31))  # 0 has voted up to here, 1 knows of nothing
    world.lose_disk(0)
    world.only((0, 1, 4), (0, 2) if heard else ())
    world.add_twin(3)
    world.run(world.time + 20_000)
    if heard:
        world.only((1, 2))
        world.until(lambda: world.height(1) > 3)  # 1 is given a first window of blocks
    world.only((0, 1, 4))
    world.calm = True

    world.vote_on()
