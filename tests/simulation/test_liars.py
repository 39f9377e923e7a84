"""Campaigns with liars, over the product's core and codec: `tests/unit/consensus/liars.py`.

Every seed is a test of its own. Again: `pytest tests/simulation/test_liars.py --seed N`.
"""

import pytest

from tests.unit.consensus.liars import LiarWorld, TwinWorld

SEEDS = {
    "test_f_liars_break_no_promise": range(1_000, 1_160),
    "test_two_liars_of_seven_break_no_promise": range(2_000, 2_040),
    "test_a_liar_among_five_and_six_breaks_no_promise": range(3_000, 3_040),
    "test_twins_break_no_promise": range(4_000, 4_060),
}


def test_f_liars_break_no_promise(seed):
    LiarWorld(4, seed).live_through()


def test_two_liars_of_seven_break_no_promise(seed):
    LiarWorld(7, seed).live_through()


@pytest.mark.parametrize("size", [5, 6])
def test_a_liar_among_five_and_six_breaks_no_promise(size, seed):
    LiarWorld(size, seed).live_through()


@pytest.mark.parametrize(("size", "twins"), [(4, 1), (7, 2)])
def test_twins_break_no_promise(size, twins, seed):
    TwinWorld(size, seed, twins={(seed + place) % size for place in range(twins)}).live_through()
