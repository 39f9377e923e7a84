"""The gate: a thousand seeds of all four generators keep every promise, and have teeth.

Every seed is a test of its own. Again: `pytest tests/simulation/test_seeds.py --seed N`, or with
its story: `scripts/simulate --seed N --trace`.
"""

import os
import random
import subprocess
import sys
from functools import cache

import pytest

from tests.conftest import ROOT
from tests.simulation.jobs import GENERATORS, NEEDED, Tally, job_of, outcome_of, result_of, size_of

GATE = range(1_000)
SEEDS = {"test_a_seed_breaks_no_promise": GATE}
FRESH = 100
FRESH_SEED = random.SystemRandom().randrange(10**6, 10**9)
"""Other ones in each run."""
HASH_SEEDS = ("1", "2")
REPEATED = range(8)
"""Two seeds of each generator."""


@cache
def gate_result(seed):
    """A seed runs once, whichever test asks first."""
    return result_of(job_of(seed))


def fail(record):
    job = job_of(record["seed"])
    pytest.fail(f"seed {job.seed}: {record['violation']}; replay: {job.replay}")


@pytest.mark.timeout(300)
def test_a_seed_breaks_no_promise(seed):
    record = gate_result(seed)

    if "violation" in record:
        fail(record)


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("name", NEEDED)
def test_the_gate_meets_it_often_enough(name):
    tally = Tally()
    for seed in GATE:
        tally.add(gate_result(seed))

    assert tally.percent(name) >= NEEDED[name]


@pytest.mark.timeout(600)
def test_fresh_seeds_break_no_promise_either(capfd):
    seeds = range(FRESH_SEED, FRESH_SEED + FRESH)
    with capfd.disabled():
        sys.stderr.write(f"\nfresh seeds {seeds.start}:{seeds.stop}\n")

    for seed in seeds:
        record = result_of(job_of(seed))
        if "violation" in record:
            fail(record)


def test_seeds_have_their_shares_of_sizes_and_generators():
    sizes = [size_of(seed) for seed in GATE]

    assert 770 <= sizes.count(4) <= 830
    assert 125 <= sum(5 <= size <= 7 for size in sizes) <= 175
    assert 35 <= sum(10 <= size <= 13 for size in sizes) <= 65
    generators = [job_of(seed).generator for seed in GATE]
    assert {name: generators.count(name) for name in GENERATORS} == dict.fromkeys(GENERATORS, 250)


@pytest.mark.timeout(300)
def test_the_same_seed_gives_the_same_run():
    """Also in another process, where sets and maps of text have another order."""
    here = {seed: outcome_of(job_of(seed)) for seed in REPEATED}
    code = (
        "from tests.simulation.jobs import job_of, outcome_of\n"
        f"for seed in range({REPEATED.stop}):\n"
        "    print(outcome_of(job_of(seed)).digest)"
    )

    for hash_seed in HASH_SEEDS:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            text=True,
            env=environment,
            cwd=ROOT,
        )
        assert done.stdout.split() == [here[seed].digest for seed in REPEATED]
    assert {seed: outcome_of(job_of(seed)) for seed in REPEATED} == here
