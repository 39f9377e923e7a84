"""A node may die at any write, at any fsync and between any two messages: nothing is broken.

All points: `python -m tests.simulation.crash_everywhere`. One: what a failing test prints.
"""

import functools
import random

import pytest

from storage import wal
from tests.simulation.crash_everywhere import (
    SIZE,
    TAILS,
    Crash,
    CrashRun,
    Point,
    PointedFiles,
    double_crashes,
    fixed_run,
    main,
    sampled,
    try_crash,
)

POINTS = 20
"""Of each seed: nine seeds and a fresh one are the two hundred points of the gate."""
FRESH_SEED = random.SystemRandom().randrange(10**6, 10**9)
"""Another one in each run: told when it fails."""
DOUBLES = 4
SEEDS = {
    "test_a_crash_at_any_point_breaks_no_promise": range(9),
    "test_a_second_crash_breaks_no_promise_either": range(5),
    "test_all_four_lose_the_last_batch_of_the_vote_log_at_once": range(100),
    "test_all_four_lose_the_last_batch_of_vote_log_or_guard_at_once": range(1_000, 1_040),
}


@functools.cache
def points():
    return tuple(fixed_run()[1])


def replay(crashes):
    where = ",".join(map(str, crashes))
    return f"python -m tests.simulation.crash_everywhere --at {where}"


def test_the_fixed_run_has_all_that_a_crash_could_disturb():
    sim, found = fixed_run()
    kinds = {point.kind.partition(" ")[0] for point in found}

    assert sim.top >= 20
    assert sim.views()[1] == 2
    assert sim.epochs() == 3
    assert kinds == {"append", "fsync", "replace", "delete", "send", "store", "stored"}
    assert {point.node for point in found} == set(range(SIZE))
    assert len(found) > 1_500


def test_the_points_are_the_same_in_each_run():
    assert fixed_run()[1] == fixed_run()[1]


def broken_by(runs):
    """How to see each run that broke a promise, and what it broke."""
    found = {replay(crashes): try_crash(crashes) for crashes in runs}
    return {way: what for way, what in found.items() if what is not None}


def test_a_crash_at_any_point_breaks_no_promise(seed):
    assert broken_by(sampled(points(), POINTS, seed)) == {}


def test_a_crash_at_fresh_points_breaks_no_promise():
    assert broken_by(sampled(points(), POINTS, FRESH_SEED)) == {}, f"seed {FRESH_SEED}"


def test_a_second_crash_breaks_no_promise_either(seed):
    assert broken_by(double_crashes(points(), DOUBLES, seed)) == {}


HONEST_SYNCS = 40
BEGINS_TO_LIE = 150
"""Points of a node at which it has done so many syncs."""


class Forgetful(PointedFiles):
    """A disk that some day begins to say "done" and to keep nothing.

    One that never kept anything would leave a node without a guard, which abstains.
    """

    syncs = 0

    def sync(self, name):
        self.syncs += 1
        if self.syncs <= HONEST_SYNCS:
            super().sync(name)
        else:
            self._reach(f"fsync {name}")


def is_send(point):
    """Where node 1 has just told somebody something, after the disk has begun to lie."""
    return point.node == 1 and point.kind.startswith("send") and point.number > BEGINS_TO_LIE


def test_a_disk_that_lies_about_fsync_is_seen(monkeypatch, capsys):
    """The checkers have teeth: what the nodes rest on is taken away, and they say so."""
    sends = [place for place, point in enumerate(points()) if is_send(point)]
    monkeypatch.setattr(CrashRun, "disk", Forgetful)
    tried = ((place, try_crash([Crash(1, points()[place].number, "lost")])) for place in sends)

    seen = next((place for place, what in tried if what and "said two things" in what), None)
    assert seen is not None

    # The command says so too, fails, and says how to see it again.
    assert main(["--points", f"{seen}:{seen + 1}"]) == 1
    where = f"1:{points()[seen].number}:lost"
    said = capsys.readouterr().out
    assert f"replay: python -m tests.simulation.crash_everywhere --run 6 --at {where}" in said
    assert "points 1, violations 1" in said


def test_a_point_that_is_not_there_is_told():
    assert try_crash([Crash(0, 10**6, "lost")]) == "it never came to this point"


def test_tails_are_tried_where_bytes_wait_for_their_fsync():
    assert len(Point(0, 1, "fsync votes", 0, is_dirty=True).crashes) == len(TAILS)
    assert len(Point(0, 1, "send to n01", 0, is_dirty=False).crashes) == 1


def test_the_command_counts_points_and_says_that_none_is_broken(capsys):
    assert main(["--points", "100:104"]) == 0

    assert "points 4, violations 0, runs " in capsys.readouterr().out


def test_the_command_tells_the_story_of_one_run(capsys):
    assert main(["--at", "2:100:torn"]) == 0

    said = capsys.readouterr().out
    assert "n02 dies at:" in said
    assert said.endswith("all well\n")


# -- the power of all nodes at once ----------------------------------------------------------


def last_batch(content):
    """Where the last batch of a segment begins; None where there is none."""
    offset, found = wal._SEGMENT_BYTES, None
    while offset + wal._BATCH_BYTES <= len(content):
        length = wal._BATCH.unpack_from(content, offset)[2]
        found, offset = offset, offset + wal._BATCH_BYTES + length
    return found


def cut(files, log, chance):
    """Cut the last batch of a log at a random byte, as a disk that lied about its last fsync."""
    name = [name for name in files.names() if name.startswith(log)][-1]
    content = files.read(name)
    start = last_batch(content)
    if start is not None:
        files.truncate(name, chance.randrange(start, len(content)))


def lose_the_last_batch(seed, logs):
    """All nodes die in the same moment of the fixed run, each with one of `logs` cut."""
    chance = random.Random(f"cut {seed}")
    sim = CrashRun(seed)

    def power_out():
        for host in sim.hosts:
            if host.node is not None:
                sim.kill(host, "kept")
            cut(host.files, chance.choice(logs), chance)

    sim.at(chance.randrange(30, 3_200), power_out)
    return sim.live_through()


def test_all_four_lose_the_last_batch_of_the_vote_log_at_once(seed):
    """None stuck, none forked: the guard keeps the lock and its certificate."""
    assert lose_the_last_batch(seed, ["votes"]).met["crash"]


def test_all_four_lose_the_last_batch_of_vote_log_or_guard_at_once(seed):
    """Each is the witness of the other."""
    assert lose_the_last_batch(seed, ["votes", "guard"]).met["crash"]


@pytest.mark.parametrize("tail", ["torn", "zeros", "holes"])
def test_the_power_of_all_nodes_fails_at_once(tail):
    sim = CrashRun(3)

    def power_out():
        for host in sim.hosts:
            sim.kill(host, tail)

    sim.at(1_500, power_out)
    sim.live_through()
