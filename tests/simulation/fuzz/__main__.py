"""`python -m tests.simulation.fuzz --target NAME --seconds S --seed N`: run the fuzzers.

Without a seed one is drawn and printed. Ends with 1 where something was found.
"""

import argparse
import random
import sys

from tests.simulation.fuzz.campaign import TARGETS, campaign, execute


def main():
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.fuzz", description=__doc__)
    parser.add_argument("--target", choices=[*TARGETS, "all"], default="all")
    parser.add_argument("--seconds", type=float, default=60, help="for each target (default 60)")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--only", type=int, help="this execution alone, its error raised")
    chosen = parser.parse_args()
    seed = chosen.seed
    if seed is None:
        seed = random.SystemRandom().randrange(10**6, 10**9)
    if chosen.only is not None:
        execute(TARGETS[chosen.target](), seed, chosen.only)
        return 0
    found = 0
    for name in TARGETS if chosen.target == "all" else [chosen.target]:
        report = campaign(TARGETS[name](), seed, seconds=chosen.seconds)
        found += len(report.findings)
        pace = report.executions / max(report.seconds, 0.001)
        sys.stdout.write(
            f"{name}: seed {seed}, executions {report.executions}, {pace:.0f}/s, "
            f"accepted {report.accepted}, findings {len(report.findings)}\n"
        )
        for number, what in report.findings:
            words = f"--target {name} --seed {seed} --only {number}"
            sys.stdout.write(f"✗ {what[:2_000]}\n")
            sys.stdout.write(f"  replay: python -m tests.simulation.fuzz {words}\n")
        sys.stdout.flush()
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
