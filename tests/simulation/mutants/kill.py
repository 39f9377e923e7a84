"""Would anybody notice? Makes each mistake of `mutants.py` and says who noticed it.

`scripts/simulate mutants [--only M4] [--hours H]`. Exit 1 if one mistake is noticed by nobody.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.mutants.apply import applied, copy_tree, environment
from tests.simulation.mutants.attempt import generators
from tests.simulation.mutants.mutants import MUTANTS

SEEDS_S = 20
"""So long each mistake is met with seeds, unless `--hours` says how long all of them are."""
SCENARIO_S_MAX = 60
CHILD_S = 200
"""Beyond its budget a child may finish a seed, which has a limit of its own."""


@dataclass(frozen=True)
class Fate:
    """What became of a mutant.

    Attributes:
        by_scenario: seconds until its scenario failed, None where it passed; and why it failed.
        by_seed: generator, seed, seconds, and what was broken; None where no seed noticed it.
    """

    by_scenario: tuple | None
    by_seed: tuple | None

    @property
    def is_killed(self):
        """Whether anybody noticed it."""
        return self.by_scenario is not None or self.by_seed is not None


def main(arguments=None):
    """Run; 0 when every chosen mistake was noticed, 1 when not."""
    given = _parser().parse_args(arguments)
    chosen = [one for one in MUTANTS if not given.only or one.number in given.only]
    if not chosen:
        sys.stdout.write(f"there is no {', '.join(given.only)}: M1 to M{len(MUTANTS)}\n")
        return 2
    seconds = SEEDS_S if given.hours is None else given.hours * 3600 / len(chosen)
    with tempfile.TemporaryDirectory(prefix="hansa-mutants-") as folder:
        copy = copy_tree(Path(folder).resolve() / "tree")
        killed = 0
        for mutant in chosen:
            fate = meet(mutant, copy, seconds, given.first)
            killed += fate.is_killed
            sys.stdout.write(line(mutant, fate) + "\n")
            sys.stdout.flush()
    sys.stdout.write(f"killed {killed} of {len(chosen)}\n")
    return int(killed < len(chosen))


def _parser():
    parser = argparse.ArgumentParser(prog="scripts/simulate mutants", description=__doc__)
    parser.add_argument("--only", action="append", default=[], help="one mistake, e.g. M4")
    parser.add_argument("--hours", type=float, help="seeds for all of them together (0: none)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default 0)")
    return parser


def meet(mutant, copy, seconds, first=0):
    """Make a mistake in the copy; meet it with its scenario, then with seeds."""
    by_scenario = None
    with applied(mutant, copy):
        found = _child(copy, ["--scenario", mutant.scenario], SCENARIO_S_MAX)
        if found["error"] is not None:
            by_scenario = (found["seconds"], found["error"])
    return Fate(by_scenario, _by_seed(mutant, copy, seconds, first) if seconds > 0 else None)


def _by_seed(mutant, copy, seconds, first):
    """The first seed that notices the mistake, and passes without it."""
    spent, places = 0.0, dict.fromkeys(generators(), first)
    while spent < seconds:
        with applied(mutant, copy):
            asked = ["--seconds", str(seconds - spent), "--places", json.dumps(places)]
            found = _child(copy, asked, seconds + CHILD_S)
        spent += found["seconds"]
        if found["error"] is None or found["by"] is None:
            break
        name, seed, places = found["by"], found["seed"], found["places"]
        alone = ["--generator", name, "--places", json.dumps({name: seed})]
        if _child(copy, alone, CHILD_S)["error"] is None:
            return (name, seed, spent, found["error"])
    return None


def _child(copy, arguments, limit_s):
    """What `attempt.py` says. A scenario that hangs has noticed it too; seeds end by themselves."""
    began = time.monotonic()
    program = "tests.simulation.mutants.attempt"
    command = [sys.executable, "-m", program, "--copy", str(copy), *arguments]
    try:
        done = subprocess.run(
            command,
            cwd=copy,
            env=environment(copy),
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        took = time.monotonic() - began
        return {"by": None, "error": f"hangs for {took:.0f} s", "seconds": took}
    if done.returncode:
        raise RuntimeError(f"the child of a mutant failed by itself:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def line(mutant, fate):
    """One line: the mistake, who noticed it, and what they saw."""
    ways = []
    if fate.by_seed is not None:
        generator, seed, seconds, error = fate.by_seed
        ways.append(f"by {generator} at seed {seed} after {seconds:.1f} s ({error})")
    if fate.by_scenario is not None:
        seconds, error = fate.by_scenario
        ways.append(f"by {mutant.scenario} after {seconds:.1f} s ({error})")
    word = "killed " + "; ".join(ways) if ways else "SURVIVED"
    departs = f" [{mutant.departs}]" if mutant.departs else ""
    return f"{mutant.number:<4} {mutant.words}: {word}{departs}"


if __name__ == "__main__":
    sys.exit(main())
