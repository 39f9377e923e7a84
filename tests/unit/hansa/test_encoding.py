"""Canonical MessagePack: one value, one encoding (docs/spec/encoding.md, sections 1 and 2)."""

import msgpack
import pytest
from msgspec import ValidationError, convert

from hansa.encoding import (
    DEPTH_MAX,
    INT_MAX,
    INT_MIN,
    Hash,
    Name,
    Uint,
    Wire,
    decode_value,
    encode_value,
    pack,
    unpack,
)
from hansa.errors import Rejected
from tests.unit.hansa.frozen import frozen, why

VECTORS = frozen("encoding")


class Pair(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    number: Uint
    hash: Hash


PAIR = Pair(7, bytes(32))


def plain(value):
    """A value of the vectors' JSON as a Python value."""
    if isinstance(value, dict) and "bytes" in value:
        return bytes.fromhex(value["bytes"])
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value["map"].items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("case", VECTORS["values"], ids=lambda case: case["bytes"][:16])
def test_every_value_has_its_frozen_bytes(case):
    value, data = plain(case["value"]), bytes.fromhex(case["bytes"])

    assert encode_value(value) == data
    assert decode_value(data) == value


@pytest.mark.parametrize("case", VECTORS["not_values"], ids=why)
def test_every_other_spelling_is_refused(case):
    with pytest.raises(Rejected) as caught:
        decode_value(bytes.fromhex(case["bytes"]))

    assert caught.value.code == case["code"]


@pytest.mark.parametrize(
    "value",
    [1.0, INT_MAX + 1, INT_MIN - 1, {1: 2}, {"é": 1}, {b"a": 1}, {1, 2}, ..., [[1.5]]],
    ids=repr,
)
def test_what_is_no_value_is_not_encoded(value):
    with pytest.raises(Rejected, match=r"encoding\.value"):
        encode_value(value)


def test_nesting_has_a_limit():
    value = 0
    for _ in range(DEPTH_MAX):
        value = [value]
    assert decode_value(encode_value(value)) == value

    with pytest.raises(Rejected, match="nested deeper"):
        encode_value([value])


def test_tuples_are_lists_and_maps_are_ordered():
    assert encode_value((1, {"b": 1, "a": 2})) == encode_value([1, {"a": 2, "b": 1}])


def test_a_struct_is_the_array_of_its_fields():
    assert pack(PAIR) == msgpack.packb([7, bytes(32)])
    assert unpack(Pair, pack(PAIR)) == PAIR


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "encoding.malformed"),
        (pack(PAIR)[:-1], "encoding.malformed"),
        (pack(PAIR) + b"\0", "encoding.malformed"),
        (msgpack.packb([7]), "encoding.malformed"),
        (msgpack.packb([7, bytes(32), 0]), "encoding.malformed"),
        (msgpack.packb([-1, bytes(32)]), "encoding.malformed"),
        (msgpack.packb([INT_MAX + 1, bytes(32)]), "encoding.malformed"),
        (msgpack.packb([7.0, bytes(32)]), "encoding.malformed"),
        (msgpack.packb([True, bytes(32)]), "encoding.malformed"),
        (msgpack.packb(["7", bytes(32)]), "encoding.malformed"),
        (msgpack.packb([7, "0" * 32]), "encoding.malformed"),
        (msgpack.packb([7, bytes(31)]), "encoding.malformed"),
        (msgpack.packb({"number": 7, "hash": bytes(32)}), "encoding.malformed"),
        (msgpack.packb(msgpack.ExtType(7, bytes(32))), "encoding.malformed"),
        (b"\xdc\x00\x02" + pack(PAIR)[1:], "encoding.not-canonical"),
        (b"\x92\xcc\x07" + pack(PAIR)[2:], "encoding.not-canonical"),
        (b"\x92\x07\xc5\x00\x20" + bytes(32), "encoding.not-canonical"),
        (b"\x91" * 3_000, "encoding.malformed"),
    ],
)
def test_a_struct_has_one_spelling(data, code):
    with pytest.raises(Rejected) as caught:
        unpack(Pair, data)

    assert caught.value.code == code


@pytest.mark.parametrize("name", ["a", "0", "a-b", "a.b", "a_b", "a" * 64])
def test_names(name):
    assert convert(name, Name) == name


@pytest.mark.parametrize("name", ["", "A", "-a", ".a", "_a", "a b", "a\n", "é", "a/b", "a" * 65])
def test_what_is_no_name(name):
    with pytest.raises(ValidationError):
        convert(name, Name)
