"""The index of changes: frozen bytes, and reading from any place."""

import json
from pathlib import Path

import msgspec
import pytest

from ledger.changes import PLACE_MAX, change_of, entries, read_changes
from storage.kv import MemoryStore

FILE = json.loads(
    (Path(__file__).resolve().parents[2] / "vectors" / "changes.json").read_text(encoding="utf-8")
)


def made(case):
    """The entries of a case."""
    done = [(method, [tuple(one) for one in changes]) for method, changes in case["done"]]
    tx_id = bytes.fromhex(case["tx_id"])
    return list(entries(case["height"], case["index"], tx_id, case["by"], done))


@pytest.mark.parametrize("case", FILE["good"], ids=lambda case: case["note"])
def test_entries_have_the_frozen_bytes_and_are_read_back(case):
    store = MemoryStore()
    store.write(dict(made(case)), sync=True)
    told = [
        (key, *change)
        for _, changes in case["done"]
        for key, *change in changes
    ]  # fmt: skip
    found = [
        (key, one.before, one.after, one.method, list(one.by), one.tx_id.hex())
        for key, *_ in told
        for place, value in read_changes(store, key.encode(), (0, 0, -1))
        for one in [change_of(place, value, 5)]
    ]

    assert [[key.hex(), value.hex()] for key, value in made(case)] == case["entries"]
    assert [one[:3] for one in found] == told
    assert all(one[4:] == (case["by"], case["tx_id"]) for one in found)


@pytest.mark.parametrize("case", FILE["bad"], ids=lambda case: case["note"])
def test_other_bytes_are_no_entry(case):
    with pytest.raises(msgspec.MsgspecError):
        change_of((1, 0, 0), bytes.fromhex(case["value"]), 5)


@pytest.mark.parametrize(
    ("after", "heights"),
    [
        ((0, 0, -1), [1, 2, 3]),
        ((-1, 0, 0), [1, 2, 3]),
        ((1, 0, 0), [2, 3]),
        ((2, PLACE_MAX * 9, 0), [3]),
        ((PLACE_MAX * 9, 0, 0), []),
    ],
)
def test_reading_begins_behind_any_place_that_a_client_makes_up(after, heights):
    store = MemoryStore()
    for height in (1, 2, 3):
        done = [("doc.sign", [("doc/record/a", height, height + 1)])]
        store.write(dict(entries(height, 0, b"t" * 32, [], done)), sync=True)

    assert [place[0] for place, _ in read_changes(store, b"doc/record/a", after)] == heights
