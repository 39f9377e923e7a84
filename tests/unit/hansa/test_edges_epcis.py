"""EPCIS texts at the edges of their limits: the last that is read, the first that is refused."""

import json
from decimal import Decimal

import pytest

from hansa.epcis import Invalid, events_of, read_event, read_json
from hansa.epcis import document as document_module
from hansa.epcis.event import EVENT_BYTES_MAX
from hansa.epcis.values import Names, parse_time, plain_number, time_text
from hansa.errors import Rejected

JAR = "https://id.gs1.org/01/09520600001012/21/A"
EVENT = {
    "type": "ObjectEvent", "eventTime": "2026-09-12T10:15:00Z", "eventTimeZoneOffset": "+00:00",
    "epcList": [JAR], "action": "OBSERVE",
}  # fmt: skip


def read(**changes):
    return read_event(json.dumps(EVENT | changes).encode())


def taken(action):
    """Whether an action is carried out rather than refused."""
    try:
        action()
    except Rejected:
        return False
    return True


def nested(levels, inner="x"):
    value = inner
    for _ in range(levels):
        value = {"ex:a": value}
    return value


@pytest.mark.parametrize(
    ("changes", "good"),
    [
        ({"epcList": ["urn:" + "x" * 396]}, True), ({"epcList": ["urn:" + "x" * 397]}, False),
        ({"epcList": ["urn:" + "茶" * 132]}, True), ({"epcList": ["urn:" + "茶" * 133]}, False),
        ({"epcList": [f"urn:{n}" for n in range(1_000)]}, True),
        ({"epcList": [f"urn:{n}" for n in range(1_001)]}, False),
        ({"epcList": ["urn:a\tb"]}, False), ({"epcList": ["urn:a\x7fb"]}, False),
        ({"epcList": ["urn:a b"]}, True),
        ({"quantityList": [{"epcClass": "urn:c", "quantity": 0}]}, True),
        ({"quantityList": [{"epcClass": "urn:c", "quantity": -1}]}, False),
        ({"quantityList": [{"epcClass": "urn:c", "quantity": True}]}, False),
        ({"eventTimeZoneOffset": "+14:00"}, True), ({"eventTimeZoneOffset": "+14:01"}, False),
        ({"eventTimeZoneOffset": "-13:59"}, True), ({"eventTimeZoneOffset": "+15:00"}, False),
        ({"eventTimeZoneOffset": "+00:60"}, False),
        ({"ex:a": nested(15)}, True), ({"ex:a": nested(16)}, False),
        ({"ilmd": nested(16)}, True), ({"ilmd": nested(17)}, False),
        ({"ex:a": [["x"]]}, True),
        ({"readPoint": {"id": JAR, "ex:a": nested(15)}}, True),
        ({"readPoint": {"id": JAR, "ex:a": nested(16)}}, False),
        ({"sensorElementList": [{"sensorReport": [{"value": 1}]}]}, True),
        ({"sensorElementList": [{"sensorReport": [{"value": True}]}]}, False),
    ],
)  # fmt: skip
def test_an_event_is_read_up_to_its_limits(changes, good):
    assert taken(lambda: read(**changes)) is good


def test_an_event_has_at_most_204800_bytes():
    text = json.dumps(EVENT).encode()
    padded = text.ljust(EVENT_BYTES_MAX)

    assert len(padded) == 204_800
    assert read_event(padded) == read_event(text)
    with pytest.raises(Invalid):
        read_event(padded + b" ")


@pytest.mark.parametrize(("room", "good"), [(0, True), (-1, False)])
def test_a_document_and_its_events_have_their_bytes(monkeypatch, room, good):
    text = json.dumps(EVENT).encode()
    monkeypatch.setattr(document_module, "DOCUMENT_BYTES_MAX", len(text) + room)

    assert taken(lambda: events_of(text)) is good


@pytest.mark.parametrize(("room", "good"), [(0, True), (-1, False)])
def test_an_event_that_gets_its_context_still_has_its_bytes(monkeypatch, room, good):
    body = {"@context": ["https://x.example"], "epcisBody": {"eventList": [EVENT]}}
    text = json.dumps(body).encode()
    (event,) = events_of(text)
    monkeypatch.setattr(document_module, "EVENT_BYTES_MAX", len(event.text) + room)

    assert taken(lambda: events_of(text)) is good


@pytest.mark.parametrize(
    ("text", "good"),
    [
        (b"[" * 64 + b"]" * 64, True), (b"[" * 65 + b"]" * 65, False),
        (b"[" + b"[]," * 99 + b"[]]", True), (b'{"a":' * 64 + b"1" + b"}" * 64, True),
        (b'{"a":' * 65 + b"1" + b"}" * 65, False), (b'["' + b"[" * 99 + b'"]', True),
        (b"1" * 40, True), (b"1" * 41, False), (b"-" + b"1" * 39, True),
        (b"1." + b"1" * 48, True), (b"1." + b"1" * 49, False), (b"1e40", True), (b"1e41", False),
        (b"1e-40", True), (b"1e-41", False), (b"0e99", True), (b"-1.5e40", True),
    ],
)  # fmt: skip
def test_a_text_is_nested_and_its_numbers_are_long_up_to_a_limit(text, good):
    assert taken(lambda: read_json(text, strict=True)) is good


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("1e40", "1" + "0" * 40), ("1e41", "1e41"), ("1e-40", "0." + "0" * 39 + "1"),
        ("1e-41", "1e-41"), ("007", "7"), ("000", "0"), ("-0.0", "0"), ("+1.50", "1.5"),
        ("10", "10"), ("10.0", "10"), (".5", "0.5"), ("-12e-1", "-1.2"),
    ],
)  # fmt: skip
def test_a_number_is_plain_up_to_forty_places(text, plain):
    assert plain_number(text) == plain


@pytest.mark.parametrize(
    ("text", "millis"),
    [
        ("1970-01-01T00:00:00Z", 0), ("1970-01-01T00:00:00.0004Z", 0),
        ("1970-01-01T00:00:00.0005Z", 1), ("1970-01-01T00:00:00.9999Z", 1_000),
        ("1970-01-01T00:00:00.1Z", 100), ("1970-01-01T00:00:00.12Z", 120),
        ("1970-01-01T14:00:00+14:00", 0), ("1969-12-31T10:00:00-14:00", 0),
        ("1970-01-01T00:59:00+00:59", 0), ("1970-01-02T01:01:01Z", 90_061_000),
        ("1969-12-31T23:59:59.999Z", -1),
    ],
)  # fmt: skip
def test_a_time_is_read_to_the_millisecond(text, millis):
    assert parse_time(text) == millis


@pytest.mark.parametrize(
    "text",
    [
        "1970-01-01T00:00:00+14:01", "1970-01-01T00:00:00-14:01", "1970-01-01T00:00:00+00:60",
        "1970-01-01T00:00:60Z", "1970-01-01T24:00:00Z", "1970-13-01T00:00:00Z",
        "1970-01-01T00:00:00", "1970-01-01T00:00:00.Z",
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused(text):
    with pytest.raises(Rejected):
        parse_time(text)


def test_a_time_is_spelled_to_the_millisecond():
    assert time_text(1) == "1970-01-01T00:00:00.001Z"
    assert time_text(0) == "1970-01-01T00:00:00.000Z"
    assert time_text(86_399_999) == "1970-01-01T23:59:59.999Z"


@pytest.mark.parametrize(
    ("quantity", "micro"),
    [
        (1, 1_000_000), (Decimal("0.000001"), 1), (Decimal("0.0000001"), None),
        (Decimal("0.0000010"), 1), (Decimal("1.5"), 1_500_000), (Decimal("1e3"), 1_000_000_000),
        (Decimal("4611686018427.387903"), 2**62 - 1), (Decimal("4611686018427.387904"), None),
        (4_611_686_018_428, None), (4_611_686_018_427, 4_611_686_018_427_000_000),
        (Decimal("0.0"), 0),
    ],
)  # fmt: skip
def test_a_quantity_is_counted_in_millionths_below_two_to_the_62(quantity, micro):
    text = json.dumps(EVENT | {"quantityList": [{"epcClass": "urn:c", "quantity": "Q"}]})
    event = read_event(text.replace('"Q"', str(quantity)).encode())

    assert event.object_lots[0].micro == micro


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("urn:epcglobal:cbv:bizstep:packing", "https://ref.gs1.org/cbv/BizStep-packing"),
        ("urn:epcglobal:cbv:other:packing", "urn:epcglobal:cbv:other:packing"),
        ("urn:epcglobal:cbv:bizstep", "urn:epcglobal:cbv:bizstep"),
        ("cbv:Disp-active", "https://ref.gs1.org/cbv/Disp-active"),
        ("none:x", "none:x"), ("cbv://x", "cbv://x"), ("+1.0", "1"), ("-x", "-x"), ("", ""),
        (" x ", "x"), ("1e5", "100000"), ("1e1000", "1e1000"),
    ],
)  # fmt: skip
def test_a_text_has_one_spelling(text, expected):
    assert Names().text(text) == expected


def test_prefixes_of_a_context_may_be_long_or_short_and_take_over_no_scheme():
    names = Names([
        "https://example.com/ctx", {"ex": "https://e/"}, {"ey": {"@id": "https://y/"}},
        {"http": "https://evil/", "@vocab": "https://v/"},
    ])  # fmt: skip

    assert names.text("ex:a") == "https://e/a"
    assert names.key("ey:a") == "{https://y/}a"
    assert names.key("a") == "a"
    assert names.key("@vocab:a") == "@vocab:a"
    assert names.text("http:a") == "http:a"


@pytest.mark.parametrize(("pointer", "place"), [("", "the top"), ("/a/0", "/a/0")])
def test_a_refusal_says_where(pointer, place):
    assert Invalid("epcis.value", pointer, "no").detail == f"no (at {place})"
