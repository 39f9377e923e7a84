"""Figures out of measurements."""

import pytest

from node.bench_figures import (
    BlockCount,
    Shares,
    Window,
    difference,
    limit_of,
    percentile,
    samples_of,
    shares_of,
    steady_rate,
)


def blocks(*pairs):
    """Blocks of (time, accepted), each with one refused transaction."""
    return [BlockCount(height, time, ok, 1) for height, (time, ok) in enumerate(pairs, 1)]


EVEN = blocks((0, 50), (1_000, 100), (2_000, 100), (3_000, 100), (4_000, 100), (5_000, 7))


@pytest.mark.parametrize(
    ("found", "window", "transactions", "ms"),
    [
        pytest.param(EVEN, Window(1_000, 4_000, 9_000), 300, 3_000, id="edges are blocks"),
        pytest.param(EVEN, Window(1_500, 3_500, 9_000), 300, 3_000, id="edges between blocks"),
        pytest.param(EVEN, Window(1_000, 4_500, 4_600), 300, 3_500, id="drained before the next"),
        pytest.param(EVEN, Window(-9, 2_000, 9_000), 200, 2_000, id="nothing before the start"),
        pytest.param(
            blocks((0, 9), (1_000, 100), (9_000, 100)),
            Window(500, 2_000, 9_000),
            200,
            9_000,
            id="a stall at the end counts",
        ),
        pytest.param(EVEN, Window(5_000, 6_000, 6_000), 0, 0, id="no block in the window"),
        pytest.param([], Window(0, 1_000, 1_000), 0, 0, id="no block at all"),
    ],
)
def test_the_rate_goes_from_block_to_block(found, window, transactions, ms):
    rate = steady_rate(found, [window])

    assert (rate.transactions, rate.ms) == (transactions, ms)


def test_two_windows_are_joined_and_the_pause_between_them_does_not_count():
    found = blocks((0, 1), (1_000, 100), (2_000, 100), (60_000, 1), (61_000, 300), (62_000, 300))

    rate = steady_rate(
        list(reversed(found)), [Window(0, 2_000, 2_500), Window(60_000, 62_000, 62_500)]
    )

    assert (rate.transactions, rate.blocks, rate.ms) == (800, 4, 4_000)
    assert rate.per_s == 200.0


def test_a_rate_of_nothing_is_nothing():
    assert steady_rate([], []).per_s == 0.0


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([], 50, None),
        ([4], 99, 4),
        ([3, 1, 2, 4], 50, 2),
        ([3, 1, 2, 4], 99, 4),
        (list(range(1, 201)), 99, 198),
        (list(range(1, 201)), 0, 1),
    ],
)
def test_a_percentile_is_a_value_that_was_measured(values, percent, expected):
    assert percentile(values, percent) == expected


def test_the_limit_is_the_median_of_all_slices_and_its_spread_that_of_the_rounds():
    limit = limit_of([[90.0, 100.0, 110.0], [100.0, 120.0, 500.0], [10.0, 80.0, 100.0]])

    assert limit.median == 100.0
    assert limit.rounds == (100.0, 120.0, 80.0)
    assert limit.spread == pytest.approx(0.4)


def test_counters_that_a_node_does_not_keep_stay_unknown():
    assert difference({"a": 1.0, "b": None}, {"a": 4.0, "b": 2.0, "c": 1.0}) == {
        "a": 3.0,
        "b": None,
        "c": None,
    }


def test_a_metrics_text_is_read_with_labels_summed_up():
    text = '# HELP x y\n# TYPE x counter\nx 3.0\ny{a="b c"} 1.5\ny{a="d"} 2\n\n'

    assert samples_of(text) == {"x": 3.0, "y": 3.5}


@pytest.mark.parametrize(
    ("after", "ours", "shares"),
    [
        ((108.0, 52.0), 6.0, Shares(0.2, 0.2)),
        ((110.0, 50.0), 12.0, Shares(0.0, 0.0)),
        ((100.0, 50.0), 0.0, Shares(0.0, 0.0)),
    ],
)
def test_what_others_took_of_the_machine_is_told(after, ours, shares):
    assert shares_of((100.0, 50.0), after, ours) == shares
