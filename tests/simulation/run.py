"""Run seeds of the simulated world from the command line: `scripts/simulate`.

`--seeds A:B` runs a range and ends with 1 where a promise was broken; `--seed N --trace` tells one
run. `scripts/simulate campaign` and `report` are in `campaign.py`, `mutants` in `mutants/kill.py`.
"""

import argparse
import os
import sys
import time

from tests.simulation import campaign
from tests.simulation.jobs import (
    GENERATORS,
    SIZES_MAX,
    Tally,
    job_of,
    missing_generators,
    outcome_of,
    results_of,
)
from tests.simulation.mutants import kill

EXIT_USAGE = 2


class Parser(argparse.ArgumentParser):
    """Errors say what, why and what to do, as those of the product do."""

    def error(self, message):
        """End with the exit code of a command that was not understood."""
        print(f"✗ not understood: {message}", file=sys.stderr)
        print(f"  next: {self.prog} --help", file=sys.stderr)
        sys.exit(EXIT_USAGE)


def seed_range(text):
    """`A:B`: from A up to, not with, B."""
    first, _, last = text.partition(":")
    if not (first.isdecimal() and last.isdecimal() and int(first) < int(last)):
        raise argparse.ArgumentTypeError(f"{text!r} is no range A:B with A below B")
    return range(int(first), int(last))


def at_least(low, high=None):
    """A whole number of a range."""

    def parse(text):
        if text.isdecimal() and low <= int(text) and (high is None or int(text) <= high):
            return int(text)
        limits = f"from {low} on" if high is None else f"from {low} to {high}"
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number {limits}")

    return parse


def parser():
    """The options of plain runs."""
    made = Parser(
        prog="scripts/simulate",
        description="Runs seeds of the simulated world; ends with 1 where a promise was broken.",
        epilog="scripts/simulate campaign --help, report --help: many hours of it; "
        "mutants --help: would it notice a mistake?",
    )
    what = made.add_mutually_exclusive_group()
    what.add_argument("--seeds", metavar="A:B", type=seed_range, default=range(100),
                      help="from A up to, not with, B (default 0:100)")  # fmt: skip
    what.add_argument("--seed", metavar="N", type=at_least(0), help="one seed")
    made.add_argument("--generator", choices=GENERATORS, help="default: all in equal shares")
    made.add_argument("--size", metavar="N", type=at_least(4, SIZES_MAX),
                      help="validators (default: mostly 4, some 5 to 13, by the seed)")  # fmt: skip
    made.add_argument("--trace", action="store_true", help="with --seed: tell what happened")
    made.add_argument("--processes", metavar="N", type=at_least(1), default=os.cpu_count(),
                      help="at once (default: one a core)")  # fmt: skip
    return made


def main(words=None):
    """Run what was asked for; the exit code."""
    words = sys.argv[1:] if words is None else words
    if words[:1] == ["campaign"]:
        return campaign.main(Parser, words[1:])
    if words[:1] == ["mutants"]:
        return kill.main(words[1:])
    if words[:1] == ["report"]:
        return campaign.main_report(Parser, words[1:])
    options = parser()
    chosen = options.parse_args(words)
    if chosen.trace and chosen.seed is None:
        options.error("--trace tells one run: give --seed N")
    seeds = chosen.seeds if chosen.seed is None else [chosen.seed]
    jobs = [job_of(seed, chosen.generator, chosen.size) for seed in seeds]
    missing = missing_generators({job.generator for job in jobs})
    if missing:
        options.error(f"no module in tests/simulation makes {', '.join(missing)}")
    return trace(jobs[0]) if chosen.trace else simulate(jobs, chosen.processes)


def trace(job):
    """Tell one run."""
    print(f"{job.generator}, seed {job.seed}, {job.size} validators")
    story, broken = [], None
    try:
        outcome = outcome_of(job, story)
    except AssertionError as error:
        broken = error
    for line in story:
        print(line)
    if broken is not None:
        print(f"✗ seed {job.seed}: {broken}")
        return 1
    print(f"simulated {outcome.simulated_ms / 1_000:.1f} s, digest {outcome.digest[:16]}")
    print(f"met: {', '.join(sorted(outcome.met)) or 'nothing'}; {', '.join(outcome.seen)}")
    return 0


def simulate(jobs, processes):
    """Run them all, name those that broke a promise, and say what was met."""
    tally, began = Tally(), time.monotonic()
    for record in results_of(jobs, min(processes, len(jobs))):
        tally.add(record)
        if "violation" in record:
            tell_violation(record)
    pace = tally.runs / max(time.monotonic() - began, 0.001)
    print(f"partitions in {tally.percent('partition')} %")
    print(
        f"seeds {tally.runs}, violations {len(tally.violations)}, "
        f"view changes in {tally.percent('view-change')} %, "
        f"crashes in {tally.percent('crash')} %, "
        f"lies in {tally.percent('lie')} %, {pace:.1f} seeds/s"
    )
    return 1 if tally.violations else 0


def tell_violation(record):
    """A seed that broke a promise, and how to see it again."""
    job = job_of(record["seed"], record["generator"], record["size"])
    print(f"✗ seed {job.seed}: {record['violation']}; replay: {job.replay}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
