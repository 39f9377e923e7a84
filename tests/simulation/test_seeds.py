"""Whole nodes keep their promises under every seed; the same seed gives the same run.

Every seed is a test of its own. Again: `pytest tests/simulation/test_seeds.py --seed N`, or with
its story: `scripts/simulate --seed N --trace`.
"""

import os
import random
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.simulation.world import run_seed

SEEDS = {
    "test_four_nodes_are_safe_and_end_live": range(100),
    "test_other_sizes_too": range(6),
    "test_the_same_seed_gives_the_same_run": [3, 11],
}
FRESH_SEED = random.SystemRandom().randrange(10**6, 10**9)
"""Another one in each run: printed when it fails."""


def test_four_nodes_are_safe_and_end_live(seed):
    run_seed(seed)


@pytest.mark.parametrize("size", [5, 6, 7])
def test_other_sizes_too(size, seed):
    run_seed(seed, size=size)


def test_fresh_seeds_too():
    for offset in range(6):
        seed = FRESH_SEED + offset
        try:
            run_seed(seed)
        except AssertionError as error:
            pytest.fail(f"seed {seed}: {error}; replay: scripts/simulate --seed {seed} --trace")


def test_the_same_seed_gives_the_same_run(seed):
    """Also in another process, where sets and maps of text have another order."""
    here = run_seed(seed).digest.hexdigest()
    code = (
        f"from tests.simulation.world import run_seed; print(run_seed({seed}).digest.hexdigest())"
    )

    def elsewhere(hash_seed):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", code]
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, env=environment, cwd=ROOT
        )
        return done.stdout.strip()

    assert {run_seed(seed).digest.hexdigest(), elsewhere("1"), elsewhere("2")} == {here}
