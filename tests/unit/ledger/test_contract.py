"""What contracts are written against: typed arguments, stored records, refusals as data."""

import msgpack
import pytest

from hansa.encoding import encode_value
from ledger.contract import (
    CALL,
    TIMER,
    Arguments,
    Context,
    Contract,
    Refused,
    Scope,
    Stored,
    decode_arguments,
    encode_fields,
    load,
    method,
    store,
)
from ledger.state import Overlay, Prefixed
from storage.kv import MemoryStore


class Given(Arguments, frozen=True):
    name: str
    count: int = 0
    tags: tuple[str, ...] = ()


class Kept(Stored, frozen=True):
    zeta: int
    alpha: str = ""
    items: tuple[int, ...] = ()


class Toy(Contract):
    name = "toy"

    @method(Given, role="admin")
    def act(self, context, given):
        context.event("acted", name=given.name)
        return given.count

    @method(Given, via=TIMER)
    def ring_(self, context, given):
        return None


def context(name="toy"):
    view = Overlay(Prefixed(MemoryStore(), b"s"))
    view.begin(100, 100)
    scope = Scope(view, None, "c", 5, 9, 1, b"t" * 32, (), (), [], [], {})
    return Context(scope, name)


def test_arguments_are_typed():
    data = encode_value({"name": "x", "count": 3, "tags": ["a"]})

    assert decode_arguments(Given, data) == Given("x", 3, ("a",))


BAD = {
    "no MessagePack": (b"\xc1", "$"),
    "no map": (encode_value(["x"]), "$"),
    "an unknown field": (encode_value({"name": "x", "other": 1}), "$"),
    "a missing field": (encode_value({"count": 1}), "$"),
    "another type": (encode_value({"name": 1}), "$.name"),
    "another type inside": (encode_value({"name": "x", "tags": ["a", 2]}), "$.tags[1]"),
    "keys out of order": (msgpack.packb({"name": "x", "count": 1}), "$"),
    "a longer spelling": (b"\x81\xa4name\xd9\x01x", "$"),
    "a float": (msgpack.packb({"count": 1.0, "name": "x"}), "$"),
    "a float inside": (msgpack.packb({"name": "x", "tags": [1.0]}), "$"),
    "65 bits": (msgpack.packb({"count": 2**63, "name": "x"}), "$"),
    "a key twice": (b"\x82\xa4name\xa1x\xa4name\xa1y", "$"),
    "a number as key": (b"\x81\x01\x01", "$"),
    "an extension": (msgpack.packb({"name": msgpack.ExtType(1, b"x")}), "$"),
    "bytes that are no text": (b"\x81\xa4name\xa1\xff", "$"),
    "null": (b"\xc0", "$"),
    "64 deep": (b"\x91" * 64 + b"\xc0", "$"),
}


@pytest.mark.parametrize("name", BAD)
def test_arguments_are_refused_with(name):
    data, path = BAD[name]

    with pytest.raises(Refused) as caught:
        decode_arguments(Given, data)

    assert (caught.value.code, caught.value.fields["field"]) == ("SCHEMA", path)


def test_a_record_is_stored_as_a_canonical_map_without_its_defaults():
    record = Kept(1, items=(3, 4))

    assert store(record) == encode_value({"items": [3, 4], "zeta": 1})
    assert load(store(record), Kept) == record


@pytest.mark.parametrize(
    "fields", [{}, {"b": 1, "a": "x", "c": None}, {"a": [1, {"z": 1, "y": b""}], "b": True}]
)
def test_fields_are_encoded_as_any_value_is(fields):
    assert encode_fields(fields) == encode_value(fields)


def test_a_contract_lists_its_methods_and_how_they_are_entered():
    assert sorted(Toy.methods) == ["act", "ring"]
    assert Toy().find("act", CALL).role == "admin"
    assert Toy().find("ring", TIMER).via == TIMER


@pytest.mark.parametrize(("name", "via"), [("none", CALL), ("ring", CALL), ("act", TIMER)])
def test_a_method_is_entered_in_its_way_alone(name, via):
    with pytest.raises(Refused) as caught:
        Toy().find(name, via)

    assert caught.value.code == "MISSING"


def test_a_context_sees_the_keys_of_its_contract_alone():
    mine, other = context(), None
    other = mine.within("other")
    mine.put("a/1", Kept(1))
    mine.put("a/2", Kept(2))
    other.put_value("a/3", 3)

    assert [key for key, _ in mine.scan("a/", Kept)] == ["a/1", "a/2"]
    assert mine.get("a/3", Kept) is None
    assert other.get_value("a/3") == 3
    assert other.get_value("b") is None
    assert mine.need("a/1", Kept) == Kept(1)
    mine.delete("a/1")
    assert not mine.exists("a/1")


def test_what_is_needed_and_not_there_is_missing():
    with pytest.raises(Refused) as caught:
        context().need("x", Kept)

    assert caught.value.fields == {"key": "toy/x"}


def test_keys_values_and_events_have_limits():
    here = context()
    with pytest.raises(Refused):
        here.put_value("k" * 600, 1)
    with pytest.raises(Refused):
        here.put_value("k", b"x" * 200_000)
    for _ in range(1024):
        here.event("e")
    with pytest.raises(Refused) as caught:
        here.event("e")

    assert caught.value.code == "LIMIT"


def test_nobody_sends_a_due_entry():
    with pytest.raises(Refused) as caught:
        _ = context().sender

    assert caught.value.code == "SIGN"


def test_a_context_knows_the_block():
    here = context()

    assert (here.height, here.time, here.signers, here.strangers) == (5, 9, (), ())
    assert here.registry is None
