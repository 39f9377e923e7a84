"""The numbers of the specification: another number is another chain (docs/spec/ledger.md)."""

import pytest

from hansa.errors import Rejected
from ledger import (
    ballots,
    calls,
    contract,
    due,
    execution,
    governed,
    log,
    parameters,
    records,
    replay,
    rules,
    staged,
    state,
    tree,
)
from ledger.contracts import (
    doc,
    governance,
    org,
    org_arguments,
    trace,
    trace_bench,
    trace_devices,
    trace_queries,
    trace_rules,
    trace_runs,
    trace_tags,
    trace_walk,
)
from ledger.parameters import PARAMETERS, check_parameter

NUMBERS = [
    (ballots, "DAY_MS", 86_400_000),
    (calls, "ERROR_BYTES_MAX", 4_096),
    (calls, "DUE_READS_MAX", 10_000),
    (calls, "DUE_KEYS_MAX", 1_024),
    (contract, "KEY_BYTES_MAX", 512),
    (contract, "NOTES_MAX", 1_024),
    (contract, "VALUE_BYTES_MAX", 131_072),
    (doc, "SIGNERS_NEEDED_MAX", 64),
    (doc, "ABOUT_MAX", 64),
    (doc, "META_MAX", 32),
    (due, "ENTRIES_MAX", 64),
    (execution, "ADMITTED_MS_MAX", 86_400_000),
    (governance, "EVIDENCE_BYTES_MAX", 65_536),
    (log, "TILE_HASHES", 256),
    (org, "KEYS_MAX", 64),
    (org, "ROLES_MAX", 32),
    (org_arguments, "NUMBERS_MAX", 64),
    (org_arguments, "LANGUAGES_MAX", 16),
    (parameters, "BODY_BYTES_MAX", 4 * 1024 * 1024 - 32_768),
    (parameters, "RECEIPT_BYTES_MAX", 65_536),
    (parameters, "BLOCK_WEIGHT_MAX", 1_000_000),
    (records, "HISTORY_MAX", 16),
    (replay, "BUCKET_MS", 60_000),
    (replay, "FORGET_MAX", 20_000),
    (rules, "FRAME_BYTES", 5),
    (rules, "WEIGHT_TRANSACTION", 60),
    (rules, "WEIGHT_CALL", 120),
    (rules, "WEIGHT_SIGNER", 60),
    (rules, "WEIGHT_BYTES", 16),
    (staged, "WINDOW", 256),
    (staged, "KEPT_EVERY", 1_000),
    (state, "WRITTEN_KEYS_MAX", 1_024),
    (state, "READS_MAX", 10_000),
    (trace, "CORRECTIVE_MAX", 100),
    (trace, "SEAL_BYTES_MAX", 256),
    (trace_bench, "NESTED_MAX", 16),
    (trace_bench, "NOTED_MAX", 64),
    (trace_devices, "CALIBRATIONS_MAX", 8),
    (trace_devices, "COUNT_MAX", 1_048_576),
    (trace_queries, "BATCHES_MAX", 100),
    (trace_queries, "DAYS_MAX", 366),
    (trace_queries, "LOOK_BACK_MAX", 1_000),
    (trace_queries, "RUNS_MAX", 1_000),
    (trace_queries, "THINGS_MAX", 2_000),
    (trace_rules, "KEEPERS_MAX", 64),
    (trace_rules, "YIELD_PERMILLE", 1_000),
    (trace_runs, "INPUTS_MAX", 64),
    (trace_runs, "OUTPUTS_MAX", 64),
    (trace_tags, "COUNTER_MAX", 2**32 - 1),
    (trace_tags, "PLACES_MAX", 16),
    (trace_tags, "PLACES_WARN", 2),
    (trace_walk, "DEPTH_MAX", 64),
    (trace_walk, "EVENTS_MAX", 2_000),
]


@pytest.mark.parametrize(("module", "name", "number"), NUMBERS, ids=str)
def test_a_limit_is_that_of_the_specification(module, name, number):
    assert getattr(module, name) == number


BOUNDS = {
    "ballot.days": (7, 1, 90),
    "block.bytes": (4_161_536, 300_000, 4_161_536),
    "block.transactions": (5_000, 1, 5_000),
    "block.weight": (1_000_000, 100_000, 1_000_000),
    "trace.max_skew_ms": (300_000, 0, 86_400_000),
    "transaction.keys": (1_024, 64, 1_024),
    "transaction.reads": (10_000, 1_000, 10_000),
    "transaction.receipt_bytes": (65_536, 8_192, 65_536),
    "validators.minimum": (1, 1, 100),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_a_parameter_takes_its_bounds_and_nothing_beyond_them(name):
    default, least, most = BOUNDS[name]
    check_parameter(name, least)
    check_parameter(name, most)

    assert PARAMETERS[name].default == default
    for beyond in (least - 1, most + 1):
        with pytest.raises(Rejected):
            check_parameter(name, beyond)


def test_every_parameter_that_is_a_number_has_its_bounds_above():
    numbers = {name for name, kind in PARAMETERS.items() if isinstance(kind.default, int)}

    assert numbers == set(BOUNDS)


@pytest.mark.parametrize(
    ("word", "taken"),
    [
        ("1-of-1", True), ("2-of-3", True), ("3-of-3", True), ("4-of-3", False),
        ("999-of-999", True), ("1000-of-1000", False), ("0-of-1", False), ("1-of-0", False),
        ("ALL", True), ("SELF", True), ("all", False), ("ALLY", False), (1, False),
    ],
)  # fmt: skip
def test_a_policy_is_a_word_or_a_share_of_at_most_the_whole(word, taken):
    assert PARAMETERS["policy.org.admit"].accepts(word) is taken


def test_true_is_no_number():
    assert not PARAMETERS["validators.minimum"].accepts(value=True)


def test_keys_of_the_store_have_the_widths_of_the_specification():
    assert log.tile_key(1, 2) == b"\1" + bytes(7) + b"\2"
    assert staged.height_key(b"h", 3) == b"h" + bytes(7) + b"\3"
    assert staged.index_value(4, 5) == bytes(7) + b"\4" + bytes(3) + b"\5"
    assert governed.set_key(255) == "set/" + "0" * 14 + "ff"


def test_the_kinds_of_due_keys_sort_by_time():
    early, late = due._name(255, "z"), due._name(256, "a")

    assert early == "0" * 14 + "ff/z"
    assert early < late
    assert due._time(b"due/" + late.encode()) == 256


def test_pages_of_the_tree_are_kept_up_to_a_bound(monkeypatch):
    monkeypatch.setattr(tree, "PAGES_KEPT_MAX", 2)
    stored = {b"%d" % number: bytes([number]) for number in range(3)}
    asked = []
    pages = tree._Pages(_Listening(stored, asked))
    for key in (b"0", b"1", b"1", b"2", b"1", b"2", b"0"):
        assert pages.get(key) == stored[key]

    assert asked == [b"0", b"1", b"2", b"0"]


class _Listening:
    """A reader that notes what it is asked for."""

    def __init__(self, stored, asked):
        self._stored = stored
        self._asked = asked

    def get(self, key):
        """The value; the question is noted."""
        self._asked.append(key)
        return self._stored.get(key)
