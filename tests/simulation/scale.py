"""Many validators: what a height costs in messages, with and without silent ones.

A height of n validators needs n - 1 PRE-PREPAREs, n(n - 1) PREPAREs and as many COMMITs.

`python -m tests.simulation.scale --help`.
"""
# ruff: noqa: T201 - it is a program: it prints what it counted

import argparse
import sys
import time
from collections import Counter

from consensus.messages import decode_message
from hansa.membership import fault_bound
from p2p.frames import CONSENSUS
from tests.simulation.recovery import Silenced

LIVE_MS = 600_000
"""Simulated time for the few heights of a run."""


def ideal(size):
    """Consensus messages of a height where nothing is lost and nobody is late."""
    return 2 * size * (size - 1) + size - 1


class Counted(Silenced):
    """Counts messages by kind; f validators are gone, half of them silent, half not running."""

    def __init__(self, seed, size, *, faults=0):
        self.sent = Counter()
        self.faults = faults
        super().__init__(seed, size, range(size - faults, size - faults // 2))
        for index in range(size - faults // 2, size):
            self.take_away(index)

    def send(self, source, target, kind, message):
        """One more."""
        if kind == CONSENSUS and source.index not in self.silent:
            self.sent[type(decode_message(message)).__name__] += 1
        super().send(source, target, kind, message)


def run(seed, size, heights, *, faults):
    """Decide some heights; consensus messages a height, and the simulation.

    Raises:
        AssertionError: a promise was broken, or the heights were not reached.
    """
    sim = Counted(seed, size, faults=faults)
    sim.keep_busy(place=0)
    reached = sim.run(LIVE_MS, lambda: sim.top >= heights)
    assert reached, f"height {sim.top} of {heights}"
    sim.check_equal_prefix()
    low = min(height for _, _, height, _ in sim.commits)
    assert low == 1
    return sum(sim.sent.values()) / heights, sim


def main(arguments=None):
    """Count what was asked for; exit 1 where it is not live."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.scale", description=__doc__)
    parser.add_argument("--size", type=int, action="append", help="validators (16, 31, 50)")
    parser.add_argument("--heights", type=int, default=4)
    parser.add_argument("--seeds", metavar="A:B", default="0:1", help="from A up to, not with, B")
    chosen = parser.parse_args(arguments)
    first, last = map(int, chosen.seeds.split(":"))
    violations = 0
    for size in chosen.size or (16, 31, 50):
        for faults in (0, fault_bound(size)):
            for seed in range(first, last):
                began = time.monotonic()
                what = f"n = {size}, {faults} of them silent or stopped, seed {seed}"
                try:
                    messages, sim = run(seed, size, chosen.heights, faults=faults)
                except AssertionError as error:
                    violations += 1
                    print(f"✗ {what}: {error}")
                    continue
                views = max(view for _, _, _, view in sim.commits)
                print(
                    f"{what}: {messages:,.0f} messages a height, {ideal(size):,} ideal, "
                    f"{dict(sorted(sim.sent.items()))}, highest view {views}, "
                    f"{sim.time / 1_000:.1f} s simulated, {time.monotonic() - began:.1f} s",
                    flush=True,
                )
    print(f"violations {violations}")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
