"""The core among its peers, on a simulated clock."""

from tests.unit.consensus.world import World


def test_four_replicas_agree_on_a_block():
    world = World()
    world.submit("a")

    assert world.run(5_000, world.everywhere)
    assert world.heights() == [1, 1, 1, 1]
    assert world.max_view == 0
