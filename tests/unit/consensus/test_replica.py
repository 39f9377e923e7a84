"""The core among its peers, on a simulated clock; whole campaigns stand in tests/simulation."""

import pytest

import hansa.membership
from consensus.guard import Guard
from consensus.views import Views
from tests.unit.consensus import liars
from tests.unit.consensus.liars import STRATEGIES, LiarWorld, TwinWorld
from tests.unit.consensus.world import World


def test_four_replicas_agree_on_a_block():
    world = World()
    world.submit("a")

    assert world.run(5_000, world.everywhere)
    assert world.heights() == [1, 1, 1, 1]
    assert world.max_view == 0


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7, 10])
def test_any_number_of_replicas_agrees_and_needs_no_view_change(size):
    world = World(size)
    for number in range(5):
        world.at(number * 500, None, lambda n=number: world.submit(n))
    world.run(3_000)

    assert world.run(5_000, world.everywhere)
    assert world.max_view == 0


@pytest.mark.parametrize("size", [4, 7])
def test_f_dead_replicas_hold_nobody_up_for_long(size):
    world = World(size)
    for slot in range(world.validators.faults):
        world.kill(slot)
    for number in range(20):
        world.at(number * 4_000, None, lambda n=number: world.submit(n))
    world.run(78_000)

    assert world.run(120_000, world.everywhere)
    assert world.max_view <= world.validators.faults


def test_a_dead_replica_is_stepped_over_after_its_first_failures():
    world = World()
    world.kill(0)
    failed = 0
    for number in range(40):
        world.submit(number)
        before = world.time
        world.run(before + 60_000, world.everywhere)
        failed += world.time - before > world.t0_ms

    assert failed <= 4


def test_without_a_quorum_nothing_is_decided_and_views_do_not_run_away():
    world = World()
    world.kill(0)
    world.kill(1)
    world.submit("a")

    world.run(3_600_000)

    assert world.heights() == [0, 0, 0, 0]
    assert max(node.core.state.target for node in world.nodes) <= 1


@pytest.mark.parametrize("outage_ms", [10_000, 1_200_000])
def test_after_an_outage_of_any_length_the_next_block_comes_within_three_waits(outage_ms):
    world = World()
    world.submit("a")
    world.run(2_000, world.everywhere)
    world.kill(0)
    world.kill(1)
    world.submit("b")
    world.run(outage_ms)
    world.start(0)
    world.start(1)

    assert world.run(outage_ms + 3 * world.t0_ms, world.everywhere)


@pytest.mark.parametrize("cut", range(4))
def test_a_replica_that_is_cut_off_catches_up(cut):
    world = World()
    world.cut = {link for other in range(4) for link in ((cut, other), (other, cut))}
    world.submit("a")
    world.run(20_000)
    world.submit("b")
    world.run(40_000)
    world.cut.clear()
    world.submit("c")

    assert world.run(80_000, world.everywhere)


@pytest.mark.parametrize("seed", range(12))
def test_crashes_and_losses_break_no_promise(seed):
    world = World((4, 5, 6, 7)[seed % 4], seed, loss=0.2, crash=0.03)
    for number in range(6):
        world.at(number * 2_000, None, lambda n=number: world.submit(n))
    world.run(20_000)
    world.loss = world.crash = 0.0

    assert world.run(120_000, world.everywhere)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: strategy.__name__)
@pytest.mark.parametrize("seed", [1, 2])
def test_every_strategy_alone_breaks_no_promise(strategy, seed):
    world = LiarWorld(4, seed, strategies=[strategy])
    world.zeal = dict.fromkeys(sorted(world.liars), 1.0)

    world.live_through()


@pytest.mark.parametrize("seed", range(12))
def test_swarms_of_strategies_break_no_promise(seed):
    LiarWorld((4, 5, 7, 10)[seed % 4], seed).live_through()


@pytest.mark.parametrize("seed", range(8))
def test_f_twins_break_no_promise(seed):
    TwinWorld(4, seed, twins={seed % 4}).live_through()


def test_lies_that_can_be_proven_are_noticed():
    world = LiarWorld(4, 5, strategies=[liars.flood])
    world.zeal = dict.fromkeys(sorted(world.liars), 1.0)
    world.scripted = False
    world.loss = world.crash = 0.0

    world.live_through()

    assert {seen.signer for seen in world.evidence} == set(world.liars)


# -- the checkers see what they are there for --------------------------------------------------


def campaign(seeds, **narrowed):
    """Worlds of four, one after the other, until a promise is broken."""
    for seed in seeds:
        LiarWorld(4, seed, **narrowed).live_through()


def parted(world):
    """Both halves have something to do."""
    for side in (0, 1):
        world.submit(f"for side {side}")
    world.run(20_000)


def test_f_plus_1_twins_fork_the_chain_and_the_checker_sees_it():
    world = TwinWorld(4, 1, twins={0, 1}, sides=[0, 0, 0, 1, 1, 1])

    with pytest.raises(AssertionError, match="fork at 1"):
        parted(world)


def test_f_twins_cannot_fork_it():
    world = TwinWorld(4, 1, twins={0}, sides=[0, 0, 0, 1, 1])

    parted(world)

    assert world.heights() == [1, 1, 1, 0, 0]


def halves(world):
    """Two sets of three that never meet."""
    size = world.validators.size
    world.cut = {(a, b) for a in range(size) for b in range(size) if (a < 3) != (b < 3)}
    world.transactions = sides = [b"left", b"right"]
    world.pending_for = lambda node: [] if node.disk.chain else [sides[node.index >= 3]]
    world.run(60_000)


def test_a_quorum_of_2f_plus_1_of_six_forks_and_the_checker_sees_it(monkeypatch):
    monkeypatch.setattr(hansa.membership, "quorum_size", lambda n: 2 * ((n - 1) // 3) + 1)

    with pytest.raises(AssertionError, match="fork at 1"):
        halves(World(6))


def test_a_quorum_of_four_of_six_does_not_fork():
    world = World(6)

    halves(world)

    assert world.heights() == [0] * 6


def test_a_new_view_that_is_not_checked_forks_and_the_checker_sees_it(monkeypatch):
    monkeypatch.setattr("consensus.views.check_new_view", lambda _, new: bool(new.certificate))

    with pytest.raises(AssertionError, match="fork at"):
        campaign([301], strategies=[liars.false_new_view])  # the first of 900 seeds that does


def test_a_view_change_without_its_certificate_is_seen(monkeypatch):
    start = Views.start

    def forgetful(self, target, now, out):
        state = self._replica.state
        prepared, state.prepared, self._replica.locked_view = state.prepared, None, -1
        start(self, target, now, out)
        state.prepared = prepared

    monkeypatch.setattr(Views, "start", forgetful)
    monkeypatch.setattr(Guard, "permit", lambda *_: True)

    with pytest.raises(AssertionError, match="forgot a COMMIT"):
        campaign(range(50))
