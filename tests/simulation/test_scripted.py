"""Twins break no promise, script by script; where more than f of them run, the checker sees it.

Every case is a test of its own. Again: `pytest tests/simulation/test_scripted.py --seed N`, or
with its story: `scripts/simulate --generator scripted --seed N --size 4 --trace`.
"""

import itertools
import math
import random

import pytest

from consensus.guard import UNLOCKED, Guard
from consensus.views import Views
from hansa.membership import ValidatorSet, fault_bound
from tests.simulation import scripted
from tests.simulation.cases import (
    PHASES,
    STRIDE,
    Case,
    all_scripts,
    canonical,
    case_of,
    drawing,
    drawn,
    renamed,
    renamings,
    walking,
)
from tests.simulation.scripted import ScriptedWorld

SEEDS = {
    "test_twins_of_four_break_no_promise": range(5_000, 5_250),
    "test_twins_of_seven_break_no_promise": range(6_000, 6_100),
    "test_names_make_no_other_case": range(40),
}


def test_twins_of_four_break_no_promise(seed):
    scripted.run(seed, 4)


def test_twins_of_seven_break_no_promise(seed):
    scripted.run(seed, 7)


# -- what the checkers see -----------------------------------------------------------------------


def sides(first, size, twins):
    """A round in which two sides do not hear each other, all phases long."""
    cells = tuple(0 if slot in first else 2 for slot in range(size + twins))
    return (0, (cells,) * len(PHASES))


@pytest.mark.parametrize(
    ("size", "first"),
    [(4, {0, 1, 2}), (7, {0, 1, 2, 3, 4})],
    ids=["two twins of four", "three twins of seven"],
)
def test_with_one_twin_too_many_a_case_forks_and_is_seen(size, first):
    """Each half of the twins makes a quorum with other correct replicas."""
    twins = fault_bound(size) + 1
    case = Case(size, twins, (sides(first, size, twins),) * 3)

    with pytest.raises(AssertionError, match="fork at 1"):
        ScriptedWorld(case, 0).live_through()


def test_the_same_script_without_that_twin_forks_not():
    ScriptedWorld(Case(4, 1, (sides({0, 1, 2}, 4, 1),) * 3), 0).live_through()


def first_found(numbers, size=4):
    """The first case that breaks a promise, and what it broke."""
    for number in numbers:
        try:
            scripted.run(number, size)
        except AssertionError as error:
            return number, str(error)
    return None


def test_a_quorum_that_is_too_small_is_found(monkeypatch):
    monkeypatch.setattr(ValidatorSet, "quorum", property(lambda self: self.size // 2))

    assert first_found(range(40)) is not None


def test_view_changes_that_forget_what_was_prepared_are_found(monkeypatch):
    """The rule that carries a decision across views, broken in core and guard."""
    start = Views.start

    def forgetful(self, target, now, out):
        self._replica.state.prepared = None
        self._replica.locked_view = UNLOCKED
        start(self, target, now, out)

    monkeypatch.setattr(Views, "start", forgetful)
    monkeypatch.setattr(Guard, "permit", lambda self, message, statement: True)

    assert first_found(range(200)) is not None


def test_a_new_primary_that_takes_the_lowest_claim_is_found(monkeypatch):
    """Rare: one block prepared here, another decided above it there, and a choice of both.

    Four of the first 5,200 drawn cases of four validators see it; this is where the first lies.
    """

    def lowest(claims):
        return lambda changes: min(
            (change for change in changes if not claims(change).claims_nothing),
            key=lambda change: claims(change).prepared_view,
            default=None,
        )

    monkeypatch.setattr("consensus.views.largest_claim", lowest(lambda proof: proof.view_change))
    monkeypatch.setattr("consensus.checks.largest_claimed", lowest(lambda change: change))

    assert first_found(range(2_540, 2_570)) is not None


# -- cases ---------------------------------------------------------------------------------------


def test_names_make_no_other_case(seed):
    """Whatever validators and halves are called, the same case comes out."""
    chance = random.Random(seed)
    case = drawn(chance, chance.choice((4, 4, 5, 6, 7)))

    other = renamed(case, chance.choice(renamings(case.size, case.twins)))

    assert canonical(other) == canonical(case)
    assert canonical(canonical(case)) == canonical(case)


@pytest.mark.parametrize("rounds", [1, 2])
def test_the_walk_has_one_script_of_each_orbit(rounds):
    """Compared with all scripts, each reduced on its own."""
    rows = [
        (primary, (tuple(cells),) * len(PHASES))
        for primary in range(4)
        for cells in itertools.product((0, 2), repeat=5)
    ]
    everything = {
        canonical(Case(4, 1, script)) for script in itertools.product(rows, repeat=rounds)
    }

    walk = all_scripts(rounds)

    assert len(walk) == len(everything)
    assert {canonical(case) for case in walk} == everything


def test_the_walk_comes_by_every_script():
    walk = all_scripts()

    assert math.gcd(STRIDE, len(walk)) == 1
    assert len({case.rounds for case in walk}) == len(walk)
    assert case_of(walking(1), 4) == walk[STRIDE]


def test_every_number_walks_or_is_drawn():
    walks = [walking(index) for index in range(100)]
    draws = [drawing(index) for index in range(300)]

    assert sorted(walks + draws) == list(range(400))


def test_a_word_arrives_in_its_group_at_who_is_not_deaf():
    cells = (0, 0, 2, 3, 2)
    case = Case(4, 1, ((0, (cells,) * len(PHASES)),))

    heard = {(s, t) for s, t in itertools.permutations(range(5), 2) if case.passes(0, 2, s, t)}

    assert heard == {(0, 1), (1, 0), (2, 4), (3, 2), (3, 4), (4, 2)}


@pytest.mark.parametrize("kind", range(3))
def test_a_crash_of_the_script_happens_and_is_survived(kind):
    everybody = ((0,) * 5,) * len(PHASES)
    world = ScriptedWorld(Case(4, 1, ((1, everybody),) * 3, ((2, 1, kind),)), 0, story := [])

    world.live_through()

    assert "crash" in world.outcome().met
    assert any("n02 crashes" in line for line in story)
    assert any("n02 starts" in line for line in story)
