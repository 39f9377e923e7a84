"""Run seeds of the simulated world from the command line: `scripts/simulate`."""

import argparse
import sys
import time

from tests.simulation.world import run_seed


def main():
    """Run what was asked for; exit 1 on a violation."""
    parser = argparse.ArgumentParser(prog="scripts/simulate", description=__doc__)
    parser.add_argument("--seeds", metavar="A:B", default="0:100", help="from A up to, not with, B")
    parser.add_argument("--seed", type=int, help="one seed only")
    parser.add_argument("--size", type=int, default=4, help="validators (default 4)")
    parser.add_argument("--trace", action="store_true", help="print the story of the run")
    chosen = parser.parse_args()
    first, last = map(int, chosen.seeds.split(":"))
    seeds = range(first, last) if chosen.seed is None else [chosen.seed]
    began, violations = time.monotonic(), 0
    met = dict.fromkeys(("view-change", "crash", "partition"), 0)
    for seed in seeds:
        story = [] if chosen.trace else None
        try:
            simulation = run_seed(seed, size=chosen.size, story=story)
        except AssertionError as error:
            violations += 1
            print(f"✗ seed {seed}: {error}")
            print(f"  replay: scripts/simulate --seed {seed} --size {chosen.size} --trace")
        else:
            for name, seen in simulation.met.items():
                met[name] += seen
        for line in story or ():
            print(line)
    count = len(seeds)
    changes, crashes, partitions = (100 * seen // max(count, 1) for seen in met.values())
    pace = count / (time.monotonic() - began)
    print(
        f"seeds {count}, violations {violations}, view changes in {changes} %, "
        f"crashes in {crashes} %, partitions in {partitions} %, {pace:.1f} seeds/s"
    )
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
