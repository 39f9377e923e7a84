"""The thirty known mistakes still apply, and the scenarios that notice them hold as things are.

All of them, with seeds too: `scripts/simulate mutants`.
"""

import inspect

import pytest

from tests.simulation.mutants import (
    scenarios_chains,
    scenarios_disks,
    scenarios_nodes,
    scenarios_times,
    scenarios_views,
    scenarios_votes,
)
from tests.simulation.mutants.apply import ROOT, CannotApplyError, changed_sources, copy_tree
from tests.simulation.mutants.attempt import scenario
from tests.simulation.mutants.kill import line, meet
from tests.simulation.mutants.mutants import MUTANTS, Edit, Mutant

MODULES = (
    scenarios_chains,
    scenarios_disks,
    scenarios_nodes,
    scenarios_times,
    scenarios_views,
    scenarios_votes,
)
GATE = ("M1", "M4", "M13", "M19", "M24", "M26")
"""Each is noticed by its scenario within a few seconds, start of the child included."""


def scenarios():
    """Every function of the modules that takes nothing and says a promise."""
    return [
        (f"{module.__name__.rpartition('scenarios_')[2]}.{name}", function)
        for module in MODULES
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__
        and not name.startswith("_")
        and not inspect.signature(function).parameters
        and name.count("_") > 2
    ]


def by_number(number):
    return next(one for one in MUTANTS if one.number == number)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    return copy_tree(tmp_path_factory.mktemp("mutants").resolve() / "tree")


def test_there_are_thirty_each_with_its_own_number_and_a_scenario():
    assert [one.number for one in MUTANTS] == [f"M{number}" for number in range(1, 31)]
    assert {one.scenario for one in MUTANTS} <= {name for name, _ in scenarios()}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda one: f"{one.number}: {one.words}")
def test_it_still_applies_and_compiles(mutant):
    sources = changed_sources(mutant)

    for file, source in sources.items():
        assert source != (ROOT / file).read_text(encoding="utf-8")


def test_a_mistake_whose_place_is_gone_is_told():
    gone = Mutant("M0", "none", (Edit("consensus/votes.py", "not there", ""),), "votes.none")
    twice = Mutant("M0", "none", (Edit("consensus/votes.py", "    def ", ""),), "votes.none")

    for mutant in (gone, twice):
        with pytest.raises(CannotApplyError, match="not once"):
            changed_sources(mutant)


@pytest.mark.parametrize(("name", "run"), scenarios(), ids=[name for name, _ in scenarios()])
def test_the_promise_holds_as_things_are(name, run):
    assert scenario(name) is run

    run()


@pytest.mark.parametrize("number", GATE)
def test_a_fast_one_is_noticed(number, copy):
    fate = meet(by_number(number), copy, seconds=0)

    assert fate.by_scenario is not None, line(by_number(number), fate)
    assert "AssertionError" in fate.by_scenario[1]


def test_a_change_that_breaks_nothing_survives(copy):
    """The runner can also say that nobody noticed."""
    edit = Edit("consensus/votes.py", '"""Counts votes of the', '"""Counts the votes of the')
    harmless = Mutant("M0", "other words", (edit,), "votes.two_halves_of_six_decide_nothing")

    fate = meet(harmless, copy, seconds=0.1)

    assert not fate.is_killed
    assert line(harmless, fate).endswith("SURVIVED")


def test_the_copy_is_as_before_when_a_mutant_was_met(copy):
    mutant = by_number("M1")

    meet(mutant, copy, seconds=0)

    for edit in mutant.edits:
        assert (copy / edit.file).read_bytes() == (ROOT / edit.file).read_bytes()
