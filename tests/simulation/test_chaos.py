"""Whole nodes keep their promises through chaos; every seed is a test of its own.

Again: `pytest tests/simulation/test_chaos.py --seed N`.
"""

import os
import random
import subprocess
import sys

import pytest

from node.events import PeerMessage
from tests.conftest import ROOT
from tests.simulation import chaos
from tests.simulation.chaos import Chaos
from tests.simulation.crash_everywhere import small_logs
from tests.simulation.crash_points import POINTS, CrashPlan
from tests.simulation.disk import DAMAGES
from tests.simulation.faults import PARTITIONS, Clock, Network, word_of
from tests.simulation.healing import settled

SEEDS = {
    "test_four_nodes_live_through_chaos": range(24),
    "test_other_sizes_too": range(2),
    "test_the_same_seed_gives_the_same_run": [2, 9],
    "test_a_disk_that_loses_a_promise_is_no_fork": range(1),
}
FRESH_SEED = random.SystemRandom().randrange(10**6, 10**9)
"""Another one in each run: printed when it fails."""


def test_four_nodes_live_through_chaos(seed):
    chaos.run(seed, 4)


@pytest.mark.parametrize("size", [5, 6, 7, 10, 13])
def test_other_sizes_too(size, seed):
    chaos.run(seed, size)


def test_fresh_seeds_too():
    for offset in range(4):
        seed = FRESH_SEED + offset
        try:
            chaos.run(seed, 4)
        except AssertionError as error:
            pytest.fail(f"seed {seed}: {error}; replay: pytest {__file__} --seed {seed}")


def test_the_same_seed_gives_the_same_run(seed):
    """Also in another process, where sets and maps of text have another order."""
    code = f"from tests.simulation import chaos; print(chaos.run({seed}, 4).digest)"

    def elsewhere(hash_seed):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", code]
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, env=environment, cwd=ROOT
        )
        return done.stdout.strip()

    assert {chaos.run(seed, 4).digest, elsewhere("1"), elsewhere("2")} == {
        chaos.run(seed, 4).digest
    }


@pytest.mark.parametrize("name", sorted(DAMAGES))
def test_a_disk_that_loses_a_promise_is_no_fork(name, seed):
    """One of four loses it while blocks come, twice; then all are equal again."""
    sim = Chaos(seed, 4)
    host = sim.hosts[1 + seed % 3]
    for number in range(40):
        sim.at(100 * number, lambda: sim.register(sim.chance.choice(sim.hosts)))

    def break_it():
        sim.kill(host, "torn")
        sim.damage(host, name)

    sim.at(1_000, lambda: sim.back_up(host))
    sim.at(2_000, break_it)
    sim.at(9_000, lambda: sim.register(sim.hosts[0]))

    assert sim.run(40_000, lambda: sim.time > 10_000 and settled(sim)), sim.heights()
    assert sim.seen["disk " + name] == 1


@pytest.mark.parametrize("point", [point for point in POINTS if point != "epoch"])
def test_every_place_to_die_at_is_come_to(point):
    """A process that dies there three times of four leaves nothing undone."""
    sim = Chaos(0, 4)
    sim.crashes = CrashPlan(sim.chance)
    sim.crashes.odds, sim.crashes.left = {point: 0.75}, {point: 3}
    sim.network.loss = 0.05
    for number in range(12):
        sim.at(1_500 * number, lambda: sim.register(sim.chance.choice(sim.hosts)))
    for index in (1, 2, 3):
        sim.at(2_000 * index, lambda i=index: die(sim, sim.hosts[i]))

    with small_logs():
        sim.run(20_000)
    sim.quiet, sim.network.loss, sim.crashes = True, 0.0, None

    assert sim.run(90_000, lambda: settled(sim)), sim.heights()
    if point not in RARE_HERE:
        assert sim.seen["crash at " + point] > 0


RARE_HERE = {"sync new-view", "synced new-view", "send new-view", "recovery store"}
"""Places that this one run may not come to."""


def die(sim, host):
    if host.node is not None:
        sim.kill(host, "lost")


def test_a_cluster_without_faults_changes_no_view():
    """L5, for as many heights as a test may take."""
    sim = Chaos(3, 4)
    for number in range(120):
        sim.at(100 + 50 * number, lambda n=number: sim.register(sim.hosts[n % 4]))

    assert sim.run(30_000, lambda: sim.time > 6_000 and settled(sim))
    assert sim.chain.top > 80
    assert not sim.met["view-change"]


# -- what the faults do ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(PARTITIONS))
def test_a_partition_cuts_some_links_and_not_all(name):
    chance, places = random.Random(4), list(range(7))

    cut = PARTITIONS[name](places, chance)

    assert 0 < len(cut) < len(places) * (len(places) - 1)
    assert all(a != b for a, b in cut)


def test_a_ring_leaves_everybody_a_majority():
    places = list(range(7))
    cut = PARTITIONS["ring"](places, random.Random(1))

    heard = [sum((a, b) not in cut for a in places if a != b) + 1 for b in places]

    assert min(heard) >= 5


def test_a_network_without_faults_keeps_the_order():
    network = Network(random.Random(1))

    found = [network.arrivals((0, 1), "commit", 100, now)[0] for now in range(50)]

    assert found == sorted(found)


def test_a_reset_loses_what_is_on_the_way():
    sim = Chaos(1, 4)
    sim.run(2_500)
    fed = []
    sim.hosts[1].node.driver.feed = fed.append
    for _ in range(2):
        sim.send(sim.hosts[0], sim.hosts[1], 3, b"lost")
    sim.network.reset((1, 0))
    sim.send(sim.hosts[0], sim.hosts[1], 3, b"heard")
    sim.run(2_600)

    payloads = [event.payload for event in fed if isinstance(event, PeerMessage)]
    assert b"heard" in payloads
    assert b"lost" not in payloads


def test_a_clock_at_half_speed_is_late_and_never_goes_back():
    clock = Clock()
    clock.run_at(50, 1_000)

    assert clock.mono_ms(3_000) == 2_000
    assert clock.due(2_000) == 3_000
    clock.run_at(200, 3_000)
    assert clock.mono_ms(3_000) == 2_000
    assert clock.mono_ms(4_000) == 4_000


def test_messages_are_named_by_their_first_bytes():
    sim = Chaos(1, 4)
    seen = set()
    overhear = sim.overhear
    sim.overhear = lambda send: (overhear(send), seen.add(sim.word))
    sim.at(0, lambda: sim.register(sim.hosts[0]))
    sim.run(3_000)

    assert {"pre-prepare", "prepare", "commit", "transactions", "bulk", "fresh"} <= seen
    assert word_of(1, b"\6") == "hint"
