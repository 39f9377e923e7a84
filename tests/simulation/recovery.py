"""How long the chain stands still, measured in simulated time, against what is allowed.

T0 is 1 s. Two of four nodes away for 10 s to 20 min; a primary that is killed; validators that
say nothing; a thousand heights without a fault; a network with nothing to do. Figures are the
worst of all seeds.

`python -m tests.simulation.recovery --help`.
"""
# ruff: noqa: T201 - it is a program: it prints what it measured

import argparse
import sys
from collections import Counter
from typing import NamedTuple

from consensus.pacemaker import RESEND_MS_MAX
from tests.simulation.clients import Market, document

T0_MS = 1_000
OUTAGES_S = (10, 60, 300, 1_200)
AFTER_OUTAGE_MS = 3 * T0_MS + 2_000
AFTER_KILL_MS = 2 * T0_MS
SILENT_PERCENT = 50
CATCH_UP_TIMES = 10
IDLE_RATE = 5.0
IDLE_MS = 60_000
JUST_MISSED_MS = (-30, -15, 0)
"""From hearing it to the commit it takes some 30 ms: the return falls around that."""
SETTLE_MS = 5_000
"""After so long without anything to do a network is idle."""


class Figure(NamedTuple):
    """What was measured, and what is allowed."""

    name: str
    measured: float
    allowed: float
    unit: str
    at_least: bool = False
    note: str = ""

    @property
    def is_held(self):
        """Whether the promise is kept."""
        if self.at_least:
            return self.measured >= self.allowed
        return self.measured <= self.allowed

    def __str__(self):
        sign = ">=" if self.at_least else "<="
        mark = " " if self.is_held else "✗"
        allowed = f"{sign} {self.allowed:g} {self.unit}"
        return f"{mark} {self.name:<52} {self.measured:>8g} {allowed:<14} {self.note}"


# -- outages ---------------------------------------------------------------------------------

CUT, STOPPED = "cut off", "stopped"
WAYS = (CUT, STOPPED)
"""How two nodes are away: they live on the other side of a partition, or they do not run."""


def after_outage(seed, seconds, way, later_ms=0):
    """Two of four nodes are away; ms from their return to the first new commit anywhere."""
    sim = Market(seed, t0_ms=T0_MS)
    sim.keep_busy()
    sim.run(500 + sim.names.randrange(400))
    away = sim.names.sample(range(4), 2)
    if way == CUT:
        sim.partition(away)
    else:
        for index in away:
            sim.take_away(index)
    before = sim.top
    returned = sim.time + 1_000 * seconds + later_ms
    sim.run(returned)
    assert sim.top <= before + 1, "two of four decided something"
    sim.time = returned
    sim.cut.clear()
    for index in away:
        sim.bring_back(index)
    before = sim.top
    ended = sim.run(returned + 120_000, lambda: sim.top > before)
    assert ended, "nothing is decided two minutes after the outage"
    took = sim.time - returned
    sim.run(sim.time + 1_000)
    sim.check_equal_prefix()
    return took


def after_outage_at_worst(seed, seconds, way):
    """The same, where the return falls just behind what would have been heard a moment before.

    What is sent again every 5 s decides when a partition is over: the first run says when it was
    sent, the second one ends the partition right after it was sent the time before.
    """
    took = after_outage(seed, seconds, way)
    if way == STOPPED:
        return took
    moments = [(took + ms) % RESEND_MS_MAX for ms in JUST_MISSED_MS]
    return max(took, *(after_outage(seed, seconds, way, moment) for moment in moments))


def after_kill(seed):
    """The primary of the height that is being decided dies; ms to the next commit anywhere."""
    sim = Market(seed, t0_ms=T0_MS)
    sim.keep_busy()
    sim.run(500 + sim.names.randrange(200))
    index = sim.primary()
    before = sim.top
    killed = sim.time
    sim.take_away(index, "lost")
    sim.run(killed + 60_000, lambda: sim.top > before)
    return sim.time - killed


# -- a steady load ---------------------------------------------------------------------------


def heights_per_second(sim, first, last):
    """How fast a busy chain comes from one height to another."""
    sim.run(sim.time + 3_600_000, lambda: sim.top >= first)
    begun = sim.time
    assert sim.run(begun + 3_600_000, lambda: sim.top >= last), f"stuck at {sim.top}"
    return (last - first) * 1_000 / (sim.time - begun)


class Silenced(Market):
    """Validators that run and hear everything, and say nothing."""

    def __init__(self, seed, size, silent):
        self.silent = frozenset(silent)
        super().__init__(seed, size, T0_MS)

    def send(self, source, target, kind, message):
        """Nobody hears the silent."""
        if source.index not in self.silent:
            super().send(source, target, kind, message)


def silent_share(seed, size, heights, *, stopped):
    """Throughput with f silent validators in percent of the fault-free one, after 100 heights."""
    free = Market(seed, size, T0_MS)
    free.keep_busy(place=0)
    silent = range(size - (size - 1) // 3, size)
    sim = Silenced(seed, size, () if stopped else silent)
    for index in silent if stopped else ():
        sim.take_away(index)
    sim.keep_busy(place=0)
    rates = [heights_per_second(each, 100, 100 + heights) for each in (free, sim)]
    return 100 * rates[1] / rates[0]


def views_without_fault(seed, heights):
    """How many heights of a fault-free chain were decided after a view change."""
    sim = Market(seed, t0_ms=T0_MS)
    sim.keep_busy()
    assert sim.run(3_600_000, lambda: sim.top >= heights)
    views = Counter(view for _, _, _, view in sim.commits)
    assert not sim.met["view-change"] or sum(views.values()) > views[0]
    return sum(count for view, count in views.items() if view > 0)


class Counted(Market):
    """Counts what goes over each link, both ways together."""

    links = None

    def send(self, source, target, kind, message):
        """One more on this link."""
        if self.links is not None:
            self.links[frozenset((source.index, target.index))] += 1
        super().send(source, target, kind, message)


def idle_rate(seed, size=4):
    """Messages a second on the busiest link of a network that has nothing to do."""
    sim = Counted(seed, size, T0_MS)
    sim.give(sim.sign(document(0)))
    sim.run(SETTLE_MS)
    sim.links = Counter()
    sim.run(SETTLE_MS + IDLE_MS)
    assert len(sim.links) == size * (size - 1) // 2
    return max(sim.links.values()) * 1_000 / IDLE_MS


def catch_up(seed, behind):
    """How many times as fast as blocks come a node far behind takes them over."""
    sim = Market(seed, t0_ms=T0_MS)
    sim.keep_busy()
    sim.run(500)
    sim.take_away(0)
    rate = heights_per_second(sim, sim.top, sim.top + behind)
    sim.stop_clients()
    sim.run(sim.time + 5_000)
    sim.bring_back(0)
    ledger, begun = sim.hosts[0].node.worker.ledger, sim.time
    low = ledger.head.height
    assert sim.run(begun + 600_000, lambda: ledger.head.height >= sim.top)
    return (ledger.head.height - low) * 1_000 / (sim.time - begun) / rate


# -- the table -------------------------------------------------------------------------------


def table(seeds, heights, silent_heights, outages=OUTAGES_S):
    """All figures, one after the other."""
    for seconds in outages:
        for way in WAYS:
            times = [after_outage_at_worst(seed, seconds, way) for seed in range(seeds)]
            yield Figure(
                f"2 of 4 {way} for {seconds} s: first new commit",
                max(times) / 1_000,
                AFTER_OUTAGE_MS / 1_000,
                "s",
                note=f"median {sorted(times)[len(times) // 2] / 1_000:g} s, {seeds} seeds",
            )
    times = [after_kill(seed) for seed in range(2 * seeds)]
    yield Figure(
        "the primary is killed: next commit",
        max(times) / 1_000,
        AFTER_KILL_MS / 1_000,
        "s",
        note=f"median {sorted(times)[len(times) // 2] / 1_000:g} s, {2 * seeds} seeds",
    )
    for size in (4, 7):
        for stopped in (False, True):
            share = silent_share(1, size, silent_heights, stopped=stopped)
            who = f"{(size - 1) // 3} of {size} {'stopped' if stopped else 'silent'}"
            yield Figure(
                f"{who}: throughput after 100 heights",
                round(share, 1),
                SILENT_PERCENT,
                "%",
                at_least=True,
                note=f"of the fault-free, {silent_heights} heights",
            )
    changed = views_without_fault(0, heights)
    yield Figure(f"view changes in {heights:,} fault-free heights", changed, 0, "")
    yield Figure(
        f"{heights:,} behind: pace of catching up",
        round(catch_up(0, heights), 1),
        CATCH_UP_TIMES,
        "x",
        at_least=True,
        note="the pace at which those blocks came, under full load",
    )
    for size in (4, 7):
        yield Figure(f"idle, {size} nodes: messages a link", idle_rate(0, size), IDLE_RATE, "/s")


def main(arguments=None):
    """Print the table; exit 1 where something is not held."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation.recovery", description=__doc__
    )
    parser.add_argument("--seeds", type=int, default=10, help="of each outage")
    parser.add_argument("--heights", type=int, default=1_000, help="without a fault")
    parser.add_argument("--silent-heights", type=int, default=200, help="with silent validators")
    chosen = parser.parse_args(arguments)
    failed = 0
    for figure in table(chosen.seeds, chosen.heights, chosen.silent_heights):
        print(figure, flush=True)
        failed += not figure.is_held
    print(f"figures not held: {failed}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
