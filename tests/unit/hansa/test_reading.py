"""Readings and their proofs, against frozen bytes: `tests/vectors/reading.json`."""

import json
from pathlib import Path

import msgspec
import pytest

from hansa.encoding import decode_value
from hansa.errors import Rejected
from hansa.reading import Reading, batch_root, check_reading, reading_bytes, reading_path

FROZEN = json.loads(
    (Path(__file__).resolve().parents[2] / "vectors" / "reading.json").read_text(encoding="utf-8")
)
FIELDS = ("device", "seq", "time", "value", "unit", "salt")


def reading(entry):
    fields = {name: entry[name] for name in FIELDS}
    return Reading(**fields | {"salt": bytes.fromhex(fields["salt"])})


def path(entry):
    return [bytes.fromhex(one) for one in entry["path"]]


READINGS = [reading(entry) for entry in FROZEN["readings"]]
ROOT = bytes.fromhex(FROZEN["root"])


def test_the_root_of_a_batch_is_the_frozen_one():
    assert batch_root(READINGS) == ROOT


@pytest.mark.parametrize("index", range(5))
def test_a_leaf_and_its_path_are_the_frozen_ones(index):
    entry = FROZEN["readings"][index]

    assert reading_bytes(READINGS[index]).hex() == entry["leaf"]
    assert list(reading_path(READINGS, index)) == path(entry)
    check_reading(READINGS[index], path(entry), ROOT, FROZEN["first_seq"], FROZEN["count"])


@pytest.mark.parametrize("bad", FROZEN["bad"], ids=lambda bad: bad["why"])
def test_a_reading_that_was_changed_is_refused(bad):
    entry = FROZEN["readings"][bad["index"]]
    changed = reading(entry | bad["change"])

    with pytest.raises(Rejected, match=r"merkle\.inclusion"):
        check_reading(changed, path(entry), ROOT, FROZEN["first_seq"], FROZEN["count"])


def test_a_leaf_holds_the_reading_and_nothing_else():
    value = decode_value(reading_bytes(READINGS[2]))

    assert value == {
        "device": "farm/logger-7", "salt": b"\2" * 32, "seq": 43, "time": 1_795_000_120_000,
        "unit": "CEL", "value": -150,
    }  # fmt: skip


@pytest.mark.parametrize("change", [{"value": 1.5}, {"seq": -1}, {"salt": ""}, {"value": 2**63}])
def test_a_reading_that_comes_from_outside_has_bounds(change):
    entry = {name: FROZEN["readings"][0][name] for name in FIELDS} | {"salt": "A" * 43 + "="}

    assert msgspec.convert(entry, Reading, builtin_types=()).salt == bytes(32)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(entry | change, Reading, builtin_types=())
