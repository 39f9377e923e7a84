"""Which runs of the benchmark are refused, and how the load is dealt out."""

import pytest

from hansa.errors import Rejected
from node.bench import (
    BATCH,
    RAMP_MS,
    SUPPLY_MIN,
    Settings,
    _batch,
    _check,
    _loads,
    _supply,
    _windows,
    machine,
    versions,
)
from node.bench_figures import Limit
from node.bench_worker import Loaded


@pytest.mark.parametrize(
    "settings",
    [
        Settings(nodes=101),
        Settings(nodes=4, keys=3),
        Settings(keys=40_001),
        Settings(rate=100_000, seconds=11),
    ],
)
def test_what_cannot_be_measured_is_refused_at_once(settings):
    with pytest.raises(Rejected) as refusal:
        _check(settings)

    assert refusal.value.code == "bench.settings"


def test_the_shipped_settings_are_taken():
    _check(Settings())


def test_more_is_signed_than_the_machine_can_commit():
    limit = Limit(20_000.0, (20_000.0,), 0.0)

    assert _supply(Settings(nodes=4, seconds=20), limit) == 60_000
    assert _supply(Settings(nodes=4, seconds=1), limit) == SUPPLY_MIN
    assert _supply(Settings(rate=100, seconds=20), limit) == 2_100


def test_a_run_too_long_to_be_signed_in_advance_is_refused():
    with pytest.raises(Rejected, match=r"bench\.settings"):
        _supply(Settings(nodes=1, seconds=100), Limit(20_000.0, (20_000.0,), 0.0))


def test_every_node_gets_its_share_of_the_load():
    loads = _loads(Settings(nodes=4, seconds=20, in_flight=2_400), ("a", "b", "c", "d"), 3)

    assert [load.apis for load in loads] == [("a", "d"), ("b",), ("c",)]
    assert {(load.window, load.seconds, load.gap_ms) for load in loads} == {(6, 10.0, 0.0)}


def test_a_rate_is_kept_by_all_processes_together():
    settings = Settings(nodes=4, rate=400)

    loads = _loads(settings, ("a", "b", "c", "d"), 2)

    per_second = sum(_batch(settings) * 1_000 / load.gap_ms for load in loads)
    assert per_second == pytest.approx(400)


@pytest.mark.parametrize(("rate", "batch"), [(None, BATCH), (1, 1), (100, 5), (50_000, BATCH)])
def test_slow_loads_come_in_small_batches(rate, batch):
    assert _batch(Settings(rate=rate)) == batch


def test_the_start_of_each_half_is_cut_off():
    long = [Loaded(started=1_000, stopped=11_000, drained=12_000), Loaded(1_100, 10_900, 12_500)]
    short = [Loaded(started=20_000, stopped=22_000, drained=22_100)]

    windows = _windows([long, short])

    assert [(one.start, one.stop, one.drained) for one in windows] == [
        (1_100 + RAMP_MS, 10_900, 12_500),
        (20_500, 22_000, 22_100),
    ]


def test_a_report_names_machine_and_versions():
    assert machine()["cores"]
    assert {"python", "hansa-node", "PyNaCl"} <= set(versions())
