"""The chain goes on soon after what stopped it is over: the short figures of `recovery.py`.

All of them, 1,000 heights and 1,200 s of outage among them: `python -m tests.simulation.recovery`.
"""

import pytest

from tests.simulation import recovery
from tests.simulation.clients import Market
from tests.simulation.recovery import (
    AFTER_KILL_MS,
    AFTER_OUTAGE_MS,
    CATCH_UP_TIMES,
    CUT,
    IDLE_RATE,
    SILENT_PERCENT,
    STOPPED,
    Figure,
)

SEEDS = {
    "test_two_of_four_were_stopped_and_the_next_commit_is_near": range(6),
    "test_two_of_four_were_cut_off_and_the_next_commit_is_near": range(6),
    "test_the_primary_is_killed_and_the_next_commit_is_near": range(30),
}


@pytest.mark.parametrize("seconds", [10, 60])
def test_two_of_four_were_stopped_and_the_next_commit_is_near(seed, seconds):
    assert recovery.after_outage_at_worst(seed, seconds, STOPPED) <= AFTER_OUTAGE_MS


@pytest.mark.parametrize("seconds", [10, 60])
def test_two_of_four_were_cut_off_and_the_next_commit_is_near(seed, seconds):
    assert recovery.after_outage_at_worst(seed, seconds, CUT) <= AFTER_OUTAGE_MS


@pytest.mark.parametrize("way", [CUT, STOPPED])
@pytest.mark.parametrize("seconds", [300, 1_200])
def test_a_long_outage_costs_no_more_than_a_short_one(seconds, way):
    assert recovery.after_outage(seconds, seconds, way) <= AFTER_OUTAGE_MS


def test_the_primary_is_killed_and_the_next_commit_is_near(seed):
    assert recovery.after_kill(seed) <= AFTER_KILL_MS


@pytest.mark.parametrize("stopped", [False, True], ids=["silent", "stopped"])
def test_f_silent_validators_leave_half_of_the_throughput(stopped):
    assert recovery.silent_share(1, 4, 60, stopped=stopped) >= SILENT_PERCENT


def test_a_node_two_hundred_behind_takes_blocks_over_ten_times_as_fast_as_they_came():
    assert recovery.catch_up(0, 200) >= CATCH_UP_TIMES


def test_no_view_changes_without_a_fault():
    assert recovery.views_without_fault(0, 150) == 0


def test_view_changes_are_counted_where_there_are_some(monkeypatch):
    """The counter sees: with a clock that gives up before a block can come, views fail."""
    monkeypatch.setattr(recovery, "T0_MS", 10)

    assert recovery.views_without_fault(0, 20) > 0


@pytest.mark.parametrize("size", [4, 7])
def test_a_network_with_nothing_to_do_is_nearly_quiet(size):
    assert 0 < recovery.idle_rate(0, size) < IDLE_RATE


def test_two_of_four_decide_nothing_meanwhile():
    """What is measured is an outage indeed."""
    sim = Market(3)
    sim.keep_busy()
    sim.run(600)
    for index in (1, 2):
        sim.take_away(index)
    before = sim.top

    sim.run(20_000)

    assert 0 < sim.top <= before + 1


def test_a_figure_that_is_not_held_is_marked():
    assert not Figure("slow", 6.0, 5.0, "s").is_held
    assert str(Figure("slow", 6.0, 5.0, "s")).startswith("✗")
    assert not Figure("throughput", 49.9, 50, "%", at_least=True).is_held
    assert str(Figure("throughput", 50, 50, "%", at_least=True)).startswith("  ")


def test_the_command_fails_where_a_figure_is_not_held(monkeypatch, capsys):
    held = Figure("one", 1, 2, "s")
    monkeypatch.setattr(recovery, "table", lambda *_: iter([held, Figure("two", 3, 2, "s")]))
    assert recovery.main([]) == 1
    assert "figures not held: 1" in capsys.readouterr().out

    monkeypatch.setattr(recovery, "table", lambda *_: iter([held]))
    assert recovery.main([]) == 0
