"""Every seed that once broke a promise runs for ever: `regressions/NAME.toml`.

A file holds `generator`, `seed`, `size` and `was`, one sentence on what went wrong.
"""

import importlib
import tomllib
from pathlib import Path

import pytest

from tests.simulation.jobs import GENERATORS, Job, outcome_of

FILES = sorted((Path(__file__).parent / "regressions").glob("*.toml"))


def read(path):
    with path.open("rb") as file:
        return tomllib.load(file)


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_what_once_broke_a_promise_breaks_it_no_more(path):
    kept = read(path)

    outcome_of(Job(kept["generator"], kept["seed"], kept["size"]))


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_regression_says_what_it_was(path):
    kept = read(path)

    assert set(kept) == {"generator", "seed", "size", "was"}
    assert kept["generator"] in GENERATORS
    assert len(kept["was"]) > 40
    assert kept["was"].endswith(".")


CASES = sorted((Path(__file__).parent / "regressions").glob("*.py"))


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_a_case_that_once_broke_a_promise_breaks_it_no_more(path):
    """A case that no seed names: a module with a sentence and `run`."""
    case = importlib.import_module(f"tests.simulation.regressions.{path.stem}")

    assert len(case.__doc__) > 40
    assert case.__doc__.endswith(".")
    case.run()
