"""Every step of the real core is one that the specification allows.

Runs with liars, twins, losses and crashes are recorded and held, step by step, against a second
implementation of docs/spec/consensus.md that shares no line with the product
(`tests/simulation/spec`). Again: `pytest tests/simulation/test_trace_validation.py --seed N`.
"""

import ast
import json
from contextlib import suppress

import pytest

from consensus.messages import NewView, ViewChangeProof, Vote
from hansa.votes import PREPARE
from tests.conftest import ROOT
from tests.simulation.spec.compare import DifferenceError
from tests.simulation.spec.mutants import MUTANTS, active
from tests.simulation.spec.recorder import Recording
from tests.simulation.spec.validate import validate
from tests.simulation.spec.whole import WholeRecording
from tests.unit.consensus.liars import LiarWorld, TwinWorld, false_new_view
from tests.unit.consensus.world import World

SEEDS = {
    "test_four_replicas_one_of_them_a_liar_follow_the_text": range(80),
    "test_other_sizes_follow_the_text": range(20),
    "test_replicas_beside_twins_follow_the_text": range(30),
    "test_replicas_that_crash_and_lose_messages_follow_the_text": range(50),
    "test_whole_production_nodes_follow_the_text": range(12),
}
INDEPENDENT = ("rules", "height", "views", "model", "compare", "validate")
PRODUCT = {"hansa", "consensus", "node", "ledger", "p2p", "storage"}


class Lying(Recording, LiarWorld):
    """Liars among recorded replicas."""


class Twinned(Recording, TwinWorld):
    """Twins among recorded replicas."""


class Crashing(Recording, World):
    """Recorded replicas that crash between append and sync, over links that lose."""

    def live_through(self):
        for number in range(6):
            self.at(number * 2_000, None, lambda n=number: self.submit(n))
        self.run(20_000)
        self.loss = self.crash = 0.0
        assert self.run(120_000, self.everywhere)


class TwoClaims(Recording, World):
    """One schedule in which a primary holds claims of two views: x of view 0, y of view 1.

    The primaries of views 0 to 3 are a, b, d and c. Only a hears the PREPAREs of view 0, only
    c those of view 1; d, primary of view 2, hears the view changes of a and c.
    """

    def send(self, source, target, message):
        a, b, d, c = (self.nodes[0].core.schedule.primary(1, view) for view in range(4))
        parts = {
            (PREPARE, 0): {a}, (PREPARE, 1): {c}, ("change", 1): {b, c, d}, ("new", 1): {c, d},
        }  # fmt: skip
        two = {a: {d}, b: {a}, c: {d}, d: {a, b, c}}
        match message:
            case Vote(phase=phase, view=view) if view < 2:
                allowed = parts.get((phase, view), set())
            case ViewChangeProof(view_change=change) if change.target == 1:
                allowed = parts["change", 1] if source.index != a else set()
            case ViewChangeProof(view_change=change) if change.target == 2:
                allowed = two[source.index]
            case NewView(view=1):
                allowed = parts["new", 1]
            case _:
                allowed = {a, b, c, d}
        if target.index in allowed:
            super().send(source, target, message)

    def live_through(self):
        self.submit("x")
        self.run(60_000, self.everywhere)


def crashing(seed):
    """Sizes 4 to 7."""
    return Crashing(4 + seed % 4, seed, loss=0.3, crash=0.05)


# -- the core follows the text ------------------------------------------------------------------


def lived(world):
    """The trace of a whole run."""
    world.live_through()
    return world.trace_events


def test_four_replicas_one_of_them_a_liar_follow_the_text(seed):
    assert validate(lived(Lying(4, seed))) > 20


@pytest.mark.parametrize("size", [5, 7])
def test_other_sizes_follow_the_text(size, seed):
    assert validate(lived(Lying(size, seed))) > 20


def test_replicas_beside_twins_follow_the_text(seed):
    assert validate(lived(Twinned(4, seed, twins={seed % 4}))) > 20


def test_replicas_that_crash_and_lose_messages_follow_the_text(seed):
    assert validate(lived(crashing(seed))) > 20


def test_whole_production_nodes_follow_the_text(seed):
    assert validate(lived(WholeRecording(seed))) > 20


def test_a_choice_between_two_claims_follows_the_text():
    world = TwoClaims()
    trace = lived(world)

    claims = [
        {change["prepared_view"] for change in event["message"]["changes"]}
        for event in trace
        if event.get("ev") == "say" and event["message"]["kind"] == "new-view"
    ]
    assert {-1, 0, 1} in claims
    assert validate(trace) > 20
    assert world.heights() == [1, 1, 1, 1]


def test_a_trace_is_plain_data():
    trace = lived(Lying(4, 3))

    again = [json.loads(json.dumps(event)) for event in trace]

    assert validate(again) == validate(trace)


@pytest.mark.parametrize("name", INDEPENDENT)
def test_the_specification_imports_nothing_of_the_product(name):
    source = (ROOT / "tests" / "simulation" / "spec" / f"{name}.py").read_text()
    for node in ast.walk(ast.parse(source)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module]
        for imported in names:
            assert imported.split(".")[0] not in PRODUCT
            if imported.startswith("tests."):
                assert imported.rpartition(".")[2] in INDEPENDENT


# -- and would be caught if it did not ----------------------------------------------------------

WORLDS = {
    "lying": lambda seed: Lying((4, 4, 6, 7)[seed % 4], seed),
    "false new views": lambda seed: Lying(4, seed, strategies=[false_new_view]),
    "crashing": crashing,
    "two claims": lambda seed: TwoClaims(),
    "whole": WholeRecording,
}
ELSEWHERE = {
    "duplicate-view-changes": ("false new views", range(8, 12)),
    "clock-of-fresh-blocks-ignored": ("lying", range(36, 40)),
    "new-view-unchecked": ("lying", range(84, 85)),
    "certificate-forgotten-at-restart": ("crashing", range(17, 20)),
    "stale-proposal-kept": ("crashing", range(16, 20)),
    "lowest-prepared": ("two claims", range(1)),
    "lowest-prepared-accepted": ("two claims", range(1)),
    "prepare-without-equal-outcome": ("lying", range(29, 33)),
    "driver-does-not-sync": ("whole", range(1)),
    "driver-keeps-no-vote": ("whole", range(1)),
    "old-commits-ignored": ("lying", range(20, 24)),
}
"""Mutants that only some runs reach: these are quick to do so."""


def difference_in(worlds, seeds):
    """The first difference in the traces of these runs, whatever else they found themselves."""
    for seed in seeds:
        world = WORLDS[worlds](seed)
        with suppress(AssertionError):  # its own checkers saw it; here the trace must tell
            world.live_through()
        try:
            validate(world.trace_events)
        except DifferenceError as difference:
            return str(difference)
    return None


@pytest.mark.parametrize("name", list(MUTANTS))
def test_a_mistake_in_the_core_shows_in_a_trace(name):
    worlds, seeds = ELSEWHERE.get(name, ("lying", range(16)))
    with active(name):
        found = difference_in(worlds, seeds)

    assert found is not None, f"{name} survives"


@pytest.mark.parametrize("name", sorted(ELSEWHERE))
def test_the_runs_that_catch_rare_mistakes_are_clean_without_them(name):
    worlds, seeds = ELSEWHERE[name]

    assert difference_in(worlds, seeds) is None
