"""Are the tests any good? Makes small mistakes in hansa, ledger and consensus and counts.

Each mistake is made in a copy of the tree in a temporary folder, never in the checkout. One that
a test notices, or that makes the tests hang, is killed. The same seed takes the same mistakes.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.mutations import mutated, mutations_of
from tests.mutants.suites import suites_for

ROOT = Path(__file__).resolve().parents[2]
MUTATED = ("sdk/src/hansa", "ledger", "consensus")
COPIED = ("sdk", "consensus", "ledger", "node", "p2p", "storage", "tests", "docs", "pyproject.toml")
NEED_PERCENT = 80
TIMEOUT_FACTOR = 4
"""A run that takes so many times longer than without the mistake hangs."""
TIMEOUT_LEAST_S = 60
TEST_S_MAX = 20
"""A single test that takes so long hangs: the slowest takes one second."""


def main(arguments=None):
    """Run; 0 when enough mistakes were noticed, 1 when not, 70 when the tests fail as they are."""
    given = _parser().parse_args(arguments)
    chosen = _choose(given)
    print(f"seed {given.seed}: {len(chosen)} mistakes")
    done = _read(given.resume)
    copies = SimpleQueue()
    with tempfile.TemporaryDirectory(prefix="hansa-mutants-") as folder:
        for number in range(given.jobs):
            copies.put(_copy(Path(folder) / str(number)))
        limit_s = _baseline(copies, chosen)
        if limit_s is None:
            return 70
        left = [mutation for mutation in chosen if mutation.key not in done]
        with ThreadPoolExecutor(given.jobs) as pool:
            for mutation, outcome in pool.map(lambda one: _try(one, copies, limit_s), left):
                done[mutation.key] = outcome
                _write(given.resume, mutation.key, outcome)
                print(_line(mutation, outcome), flush=True)
    return _conclude(chosen, done)


def _parser():
    parser = argparse.ArgumentParser(prog="scripts/mutants", description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="mistakes (default 200)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (default 1)")
    parser.add_argument("--module", help="only this package, folder or file, e.g. ledger/tree.py")
    parser.add_argument("--resume", type=Path, help="keep results in this file and go on from it")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="copies at once")
    return parser


def _choose(given):
    """Random mistakes, each as likely as every other one."""
    found = []
    for folder in MUTATED:
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if given.module is None or given.module in name:
                found += mutations_of(name, path.read_text(encoding="utf-8"))
    chosen = random.Random(given.seed).sample(found, min(given.count, len(found)))
    return sorted(chosen, key=lambda one: (one.file, one.line, one.number))


def _copy(target):
    """The tree without what was generated; old bytecode would hide a mistake."""
    target.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target / name)
    return target


def _baseline(copies, chosen):
    """How long a run may take, in seconds; None when the tests fail without any mistake."""
    place = copies.get()
    began = time.monotonic()
    needed = {path for one in chosen for suite in suites_for(place, one.file) for path in suite}
    done = _pytest(place, sorted(needed), None)
    took = time.monotonic() - began
    copies.put(place)
    if done.returncode:
        print(done.stdout[-3000:], "the tests fail without any mistake", sep="\n")
        return None
    print(f"the tests pass as they are, in {took:.0f} s")
    return max(TIMEOUT_LEAST_S, TIMEOUT_FACTOR * took)


def _try(mutation, copies, limit_s):
    """What became of a mistake: ``survived``, ``hung``, or the test file that noticed it."""
    place = copies.get()
    target = place / mutation.file
    source = target.read_text(encoding="utf-8")
    try:
        target.write_text(mutated(source, mutation.number), encoding="utf-8")
        return mutation, _noticed(place, mutation.file, limit_s)
    finally:
        target.write_text(source, encoding="utf-8")
        copies.put(place)


def _noticed(place, file, limit_s):
    for suite in suites_for(place, file):
        try:
            done = _pytest(place, suite, limit_s)
        except subprocess.TimeoutExpired:
            return "hung"
        if done.returncode:
            return _first_failure(done.stdout)
    return "survived"


def _first_failure(output):
    """The test that noticed it, without its folder; ``broken`` when nothing could be collected."""
    for line in output.splitlines():
        if line.startswith(("FAILED ", "ERROR ")):
            path, _, test = line.partition(" ")[2].partition(" - ")[0].partition("::")
            return f"{Path(path).name} {test}".strip()
    return "broken"


def _pytest(place, paths, limit_s):
    """Run tests on a copy; it stands before the checkout on the path."""
    environment = os.environ | {
        "PYTHONPATH": f"{place / 'sdk' / 'src'}{os.pathsep}{place}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HANSA_VECTORS": os.environ.get("HANSA_VECTORS", str(ROOT.parent / "shared" / "vectors")),
    }
    options = ["-q", "-x", "--no-header", "--tb=no", "-m", "not slow", "--hypothesis-seed=0"]
    options += [f"--timeout={TEST_S_MAX}", "--assert=plain"]
    plugins = ["-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:xdist"]
    plugins += ["-p", "tests.mutants.hurry"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *plugins, *paths],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        timeout=limit_s,
        check=False,
    )


def _read(path):
    """Outcomes of earlier runs, by key."""
    if path is None or not path.exists():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(json.loads(line) for line in lines)


def _write(path, key, outcome):
    if path is not None:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps([key, outcome]) + "\n")


def _line(mutation, outcome):
    mark = "SURVIVED" if outcome == "survived" else "killed  "
    by = "" if outcome == "survived" else f"   by {outcome}"
    return f"{mark} {mutation.told}{by}"


def _conclude(chosen, done):
    survivors = [mutation for mutation in chosen if done[mutation.key] == "survived"]
    killed = len(chosen) - len(survivors)
    print("\nnot noticed:" if survivors else "\nall were noticed")
    for mutation in survivors:
        print(f"  {mutation.told}")
    percent = 100 * killed // max(1, len(chosen))
    print(f"killed {killed} of {len(chosen)}, {percent} % (at least {NEED_PERCENT} % needed)")
    return int(percent < NEED_PERCENT)


if __name__ == "__main__":
    sys.exit(main())
