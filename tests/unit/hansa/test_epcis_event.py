"""Events and documents: what is read, what is refused and where, what goes on the chain."""

import json
from decimal import Decimal

import pytest

from hansa.epcis import Invalid, Quantity, events_of, read_event, read_json, write_json
from hansa.epcis.event import EVENT_BYTES_MAX
from hansa.epcis.values import parse_time, time_text
from hansa.errors import Rejected

JAR = "https://id.gs1.org/01/09520600001012/21/K7QH2M9X4T"
EVENT = {
    "type": "ObjectEvent",
    "eventTime": "2026-09-12T10:15:00+08:00",
    "eventTimeZoneOffset": "+08:00",
    "epcList": [JAR],
    "action": "OBSERVE",
}
MOVE = {key: value for key, value in EVENT.items() if key not in {"epcList", "action"}}


def change(**changes):
    """The base event with changes; None takes a field away."""
    return {key: value for key, value in (EVENT | changes).items() if value is not None}


def own(kind, **fields):
    """An event of another type."""
    return MOVE | {"type": kind} | fields


WRONG = {
    "no object": ([], "epcis.type", ""),
    "no type": (change(type=None), "epcis.type", "/type"),
    "other type": (change(type="QuantityEvent"), "epcis.type", "/type"),
    "type is a list": (change(type=["ObjectEvent"]), "epcis.type", "/type"),
    "no time": (change(eventTime=None), "epcis.missing", "/eventTime"),
    "time without zone": (change(eventTime="2026-09-12T10:15:00"), "epcis.time", ""),
    "no such day": (change(eventTime="2026-02-30T10:15:00Z"), "epcis.time", ""),
    "zone too far": (change(eventTime="2026-02-03T10:15:00+15:00"), "epcis.time", ""),
    "minute 60": (change(eventTime="2026-02-03T10:15:00+01:60"), "epcis.time", ""),
    "before year 1": (change(eventTime="0001-01-01T00:00:00+01:00"), "epcis.time", ""),
    "no offset": (change(eventTimeZoneOffset=None), "epcis.zone", "/eventTimeZoneOffset"),
    "odd offset": (change(eventTimeZoneOffset="+8"), "epcis.zone", "/eventTimeZoneOffset"),
    "no action": (change(action=None), "epcis.action", "/action"),
    "odd action": (change(action="MOVE"), "epcis.action", "/action"),
    "about nothing": (change(epcList=[]), "epcis.missing", "/epcList"),
    "field of another type": (change(inputEPCList=[JAR]), "epcis.field", "/inputEPCList"),
    "list as text": (change(epcList=JAR), "epcis.value", "/epcList"),
    "number as id": (change(epcList=[JAR, 7]), "epcis.value", "/epcList/1"),
    "empty id": (change(epcList=[" "]), "epcis.value", "/epcList/0"),
    "long id": (change(epcList=["urn:" + "x" * 500]), "epcis.limit", "/epcList/0"),
    "long id in Chinese": (change(epcList=["urn:" + "茶" * 200]), "epcis.limit", "/epcList/0"),
    "many ids": (change(epcList=["urn:x"] * 1001), "epcis.limit", "/epcList"),
    "quantity without class": (
        change(quantityList=[{}]), "epcis.value", "/quantityList/0/epcClass",
    ),
    "quantity no map": (change(quantityList=["x"]), "epcis.value", "/quantityList/0"),
    "quantity as text": (
        change(quantityList=[{"epcClass": "urn:x", "quantity": "1"}]),
        "epcis.value", "/quantityList/0/quantity",
    ),
    "quantity as truth": (
        change(quantityList=[{"epcClass": "urn:x", "quantity": True}]),
        "epcis.value", "/quantityList/0/quantity",
    ),
    "negative quantity": (
        change(quantityList=[{"epcClass": "urn:x", "quantity": -1}]),
        "epcis.value", "/quantityList/0/quantity",
    ),
    "unit no text": (
        change(quantityList=[{"epcClass": "urn:x", "quantity": 1, "uom": 2}]),
        "epcis.value", "/quantityList/0/uom",
    ),
    "place without id": (change(readPoint={}), "epcis.value", "/readPoint/id"),
    "place is a list": (change(bizLocation=[]), "epcis.value", "/bizLocation"),
    "source without value": (
        change(sourceList=[{"type": "location"}]), "epcis.value", "/sourceList/0/source",
    ),
    "source of odd type": (
        change(sourceList=[{"type": 1, "source": "urn:x"}]), "epcis.value", "/sourceList/0/type",
    ),
    "persistent no list": (
        change(persistentDisposition={"set": "x"}), "epcis.value", "/persistentDisposition/set",
    ),
    "persistent of numbers": (
        change(persistentDisposition={"set": [1]}), "epcis.value", "/persistentDisposition/set/0",
    ),
    "sensor value as text": (
        change(sensorElementList=[{"sensorReport": [{"value": "1"}]}]),
        "epcis.value", "/sensorElementList/0/sensorReport/0/value",
    ),
    "sensor time as number": (
        change(sensorElementList=[{"sensorMetadata": {"time": 1}, "sensorReport": []}]),
        "epcis.value", "/sensorElementList/0/time",
    ),
    "sensor time without zone": (
        change(sensorElementList=[{"sensorMetadata": {"time": "2026-01-01T00:00:00"}}]),
        "epcis.time", "",
    ),
    "error without time": (
        change(errorDeclaration={"reason": "x"}),
        "epcis.value", "/errorDeclaration/declarationTime",
    ),
    "error with odd time": (
        change(errorDeclaration={"declarationTime": "today"}), "epcis.time", "",
    ),
    "error with odd reason": (
        change(errorDeclaration={"declarationTime": "2026-01-01T00:00:00Z", "reason": 1}),
        "epcis.value", "/errorDeclaration/reason",
    ),
    "certificates of numbers": (
        change(certificationInfo=[1]), "epcis.value", "/certificationInfo/0",
    ),
    "certificate as map": (change(certificationInfo={}), "epcis.value", "/certificationInfo"),
    "master data as text": (change(ilmd="x"), "epcis.value", "/ilmd"),
    "packing without parent": (
        own("AggregationEvent", action="ADD", childEPCs=[JAR]), "epcis.missing", "/parentID",
    ),
    "packing nothing": (
        own("AggregationEvent", action="ADD", parentID="urn:x"), "epcis.missing", "/childEPCs",
    ),
    "association without parent": (
        own("AssociationEvent", action="OBSERVE", childEPCs=[JAR]), "epcis.missing", "/parentID",
    ),
    "transaction without one": (
        own("TransactionEvent", action="ADD", epcList=[JAR]),
        "epcis.missing", "/bizTransactionList",
    ),
    "transformation of nothing": (
        own("TransformationEvent"), "epcis.missing", "/inputEPCList",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("event", "code", "pointer"), WRONG.values(), ids=WRONG.keys())
def test_what_is_no_event_is_refused_with_the_place(event, code, pointer):
    with pytest.raises(Invalid) as refusal:
        read_event(json.dumps(event).encode())

    assert (refusal.value.code, refusal.value.pointer) == (code, pointer)


GOOD = {
    "certificates": change(certificationInfo=["https://a.b/1", "https://a.b/2"]),
    "own fields": change(**{"ex:any": {"x": [1, None, {"y": True}]}}),
    "own step": change(bizStep="https://a.b/steps/roasting"),
    "only sensors": change(epcList=None, sensorElementList=[{"sensorReport": [{"value": 1}]}]),
    "only quantities": change(epcList=None, quantityList=[{"epcClass": "urn:x"}]),
    "unpack everything": own("AggregationEvent", action="DELETE", parentID="urn:x"),
    "see without a parent": own("AggregationEvent", action="OBSERVE", childEPCs=[JAR]),
    "dissolve": own("AssociationEvent", action="DELETE", parentID="urn:x"),
    "only outputs": own("TransformationEvent", outputEPCList=[JAR], transformationID="urn:t:1"),
    "null": change(disposition=None) | {"disposition": None},
    "zone of 14 hours": change(eventTimeZoneOffset="+14:00"),
    "Chinese id": change(epcList=["urn:茶:1"]),
}


@pytest.mark.parametrize("event", GOOD.values(), ids=GOOD.keys())
def test_what_the_standard_leaves_open_passes(event):
    assert read_event(json.dumps(event).encode()).kind == event["type"]


def test_an_event_says_what_rules_ask_for():
    event = read_event(
        json.dumps(
            own(
                "TransformationEvent",
                inputEPCList=[
                    "urn:epc:id:sgtin:9520600.000101.1",
                    "urn:epc:id:sgtin:9520600.000101.1",
                ],
                inputQuantityList=[
                    {
                        "epcClass": "urn:epc:class:lgtin:9520600.000101.L",
                        "quantity": 0,
                        "uom": "KGM",
                    }
                ],
                outputQuantityList=[{"epcClass": "urn:x", "uom": " GRM "}, {"epcClass": "urn:y"}],
                bizStep="urn:epcglobal:cbv:bizstep:commissioning",
                disposition="active",
                readPoint={"id": "urn:epc:id:sgln:9520600.00001.0"},
                transformationID="urn:epc:id:gdti:9520600.00001.7",
                sourceList=[
                    {"type": "owning_party", "source": "urn:o"},
                    {"type": "possessing_party", "source": "urn:epc:id:pgln:9520600.00001"},
                ],
                errorDeclaration={
                    "declarationTime": "2026-09-13T00:00:00Z",
                    "reason": "incorrect_data",
                    "correctiveEventIDs": ["urn:uuid:1"],
                },
            )
        ).encode()
    )

    assert event.inputs == ("https://id.gs1.org/01/09520600001012/21/1",)
    assert event.input_lots == (Quantity("https://id.gs1.org/01/09520600001012/10/L", 0, "KGM"),)
    assert event.output_lots == (Quantity("urn:x", None, "GRM"), Quantity("urn:y", None, ""))
    assert (event.step, event.disposition, event.action) == ("commissioning", "active", "")
    assert event.place == "https://id.gs1.org/414/9520600000015"
    assert event.source == "https://id.gs1.org/417/9520600000015"
    assert event.transformation == "https://id.gs1.org/253/95206000000157"
    assert event.error.reason == "incorrect_data"
    assert event.error.corrective == ("urn:uuid:1",)
    assert event.destination == ""


@pytest.mark.parametrize(
    ("number", "micro"),
    [
        ("60", 60_000_000), ("50.4", 50_400_000), ("1e3", 1_000_000_000), ("0.000001", 1),
        ("0.0000010", 1), ("0.0000001", None), ("1e30", None), ("99999999999999999999", None),
    ],
)  # fmt: skip
def test_quantities_are_counted_in_millionths_exactly_or_not_at_all(number, micro):
    event = json.dumps(change(quantityList=[{"epcClass": "urn:x", "quantity": 0}]))

    read = read_event(event.replace('"quantity": 0', f'"quantity": {number}').encode())

    assert read.object_lots[0].micro == micro


HOSTILE = {
    "no JSON": (b"{", "epcis.json"),
    "no UTF-8": (b'{"a": "\xff"}', "epcis.json"),
    "not a number": (b'{"a": NaN}', "epcis.number"),
    "infinity": (b'{"a": -Infinity}', "epcis.number"),
    "huge exponent": (b'{"a": 1e999999999}', "epcis.number"),
    "tiny exponent": (b'{"a": 1e-99}', "epcis.number"),
    "long fraction": (b'{"a": 0.' + b"1" * 60 + b"}", "epcis.number"),
    "long integer": (b'{"a": ' + b"1" * 5000 + b"}", "epcis.number"),
    "key twice": (b'{"a": 1, "b": 2, "a": 3}', "epcis.twice"),
    "half a character": (b'{"a": "\\ud800"}', "epcis.json"),
    "NUL": (b'{"a": "\\u0000"}', "epcis.json"),
    "64 deep": (b"[" * 65 + b"]" * 65, "epcis.depth"),
    "100,000 deep": (b"[" * 100_000, "epcis.depth"),
    "too large": (b" " * (EVENT_BYTES_MAX + 1), "epcis.limit"),
}


@pytest.mark.parametrize(("raw", "code"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_is_refused_with_a_code(raw, code):
    with pytest.raises(Invalid) as refusal:
        read_event(raw)

    assert refusal.value.code == code


def test_many_brackets_side_by_side_or_inside_strings_are_not_deep():
    assert len(read_json(json.dumps([[]] * 200).encode(), strict=True)) == 200
    assert read_json(json.dumps(["[" * 200, '"{\\']).encode(), strict=True)[1] == '"{\\'


def test_no_number_is_ever_a_float():
    value = read_json(b'{"a": 1.50, "b": 2, "c": 0.0, "d": 1E+2}', strict=True)

    assert [type(number) for number in value.values()] == [Decimal, int, Decimal, Decimal]
    assert write_json(value) == b'{"a":1.50,"b":2,"c":0.0,"d":1E+2}'


def test_an_escaped_character_is_read_as_itself():
    assert read_json(b'{"a": "\\u8336 \\ud83c\\udf75"}', strict=True) == {"a": "茶 🍵"}


@pytest.mark.parametrize(
    ("written", "spelled"),
    [
        ("2023-02-02T11:04:03.1415Z", "2023-02-02T11:04:03.142Z"),
        ("2023-02-02T11:04:03.1414Z", "2023-02-02T11:04:03.141Z"),
        ("2023-02-02T11:04:03.1425Z", "2023-02-02T11:04:03.143Z"),
        ("2023-12-31T23:59:59.9995Z", "2024-01-01T00:00:00.000Z"),
        ("2023-02-02T11:04:03.5-06:00", "2023-02-02T17:04:03.500Z"),
        ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
        (" 2023-02-02T11:04:03+14:00 ", "2023-02-01T21:04:03.000Z"),
    ],
)
def test_a_time_is_spelled_in_utc_with_milliseconds_half_up(written, spelled):
    assert time_text(parse_time(written)) == spelled


def test_a_moment_beyond_the_calendar_has_no_spelling():
    with pytest.raises(Rejected) as refusal:
        time_text(10**18)

    assert refusal.value.code == "epcis.time"


def document(*events, **fields):
    """An EPCIS document as bytes."""
    top = {
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "epcisBody": {"eventList": list(events)},
    }
    return json.dumps(top | fields).encode()


def test_an_events_text_alone_has_the_hash_that_it_has_in_its_document():
    context = ["https://x.y/context", {"ex": "https://ns.example.com/"}]
    inner = EVENT | {"@context": {"ey": "https://ns.example.org/"}, "ex:a": "1", "ey:b": 2.50}

    (event,) = events_of(document(inner, **{"@context": context}))

    assert json.loads(event.text)["@context"] == [*context, {"ey": "https://ns.example.org/"}]
    assert read_event(event.text) == event.event
    assert event.id == event.event.id
    assert event.pointer == "/epcisBody/eventList/0"


@pytest.mark.parametrize(
    ("outer", "inner", "merged"),
    [
        (None, None, None),
        ("a", None, "a"),
        (None, ["b"], ["b"]),
        ("a", "b", ["a", "b"]),
        (["a"], ["b", "c"], ["a", "b", "c"]),
    ],
)
def test_contexts_are_joined_the_inner_one_last(outer, inner, merged):
    event = EVENT if inner is None else EVENT | {"@context": inner}
    (found,) = events_of(document(event, **{"@context": outer}))

    assert json.loads(found.text).get("@context") == merged


def test_a_single_event_is_a_document_of_one():
    (event,) = events_of(json.dumps(EVENT).encode())

    assert event.pointer == ""
    assert event.id == events_of(document(EVENT))[0].id


def test_a_body_may_hold_one_event_without_a_list():
    (event,) = events_of(document(epcisBody={"event": EVENT}))

    assert event.pointer == "/epcisBody/event"


def test_a_query_document_names_the_fields_that_a_repository_added():
    results = {
        "queryName": "q",
        "repo:ignoreFields": ["repo:hash", 7],
        "resultsBody": {"eventList": [EVENT | {"repo:hash": "x"}, EVENT]},
    }

    added, plain = events_of(document(epcisBody={"queryResults": results}))

    assert added.id == plain.id
    assert b"repo:hash" not in added.text
    assert plain.pointer == "/epcisBody/queryResults/resultsBody/eventList/1"


def test_a_document_of_master_data_has_no_events():
    assert events_of(document()) == ()
    assert events_of(document(epcisBody={})) == ()


def test_a_key_given_twice_in_a_document_counts_once_and_last():
    raw = document(EVENT).replace(b'"type": "ObjectEvent"', b'"type": "x", "type": "ObjectEvent"')

    assert events_of(raw)[0].id == events_of(document(EVENT))[0].id


BROKEN = {
    "a list": (b"[]", "epcis.type", ""),
    "body no map": (document(epcisBody=[]), "epcis.type", "/epcisBody"),
    "no list": (document(epcisBody={"eventList": 1}), "epcis.type", "/epcisBody/eventList"),
    "no results": (
        document(epcisBody={"queryResults": {}}),
        "epcis.type", "/epcisBody/queryResults/resultsBody/eventList",
    ),
    "odd event": (document(EVENT, "x"), "epcis.type", "/epcisBody/eventList/1"),
    "bad action": (
        document(EVENT | {"action": "x"}), "epcis.action", "/epcisBody/eventList/0/action",
    ),
    "bad time": (document(EVENT | {"eventTime": "x"}), "epcis.time", "/epcisBody/eventList/0"),
    "large event": (
        document(EVENT | {"ex:long": "x" * EVENT_BYTES_MAX}),
        "epcis.limit", "/epcisBody/eventList/0",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "code", "pointer"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_document_is_refused_with_the_place_in_it(raw, code, pointer):
    with pytest.raises(Invalid) as refusal:
        events_of(raw)

    assert (refusal.value.code, refusal.value.pointer) == (code, pointer)


def test_a_document_beyond_its_limit_is_not_even_parsed(monkeypatch):
    monkeypatch.setattr("hansa.epcis.document.DOCUMENT_BYTES_MAX", 10)

    with pytest.raises(Invalid) as refusal:
        events_of(document(EVENT))

    assert refusal.value.code == "epcis.limit"


def test_every_example_document_of_gs1_can_be_read(vectors):
    files = sorted((vectors / "epcis").rglob("*.jsonld"))
    events = [event for file in files for event in events_of(file.read_bytes())]

    assert len(files) >= 27
    assert [read_event(event.text) for event in events] == [event.event for event in events]
