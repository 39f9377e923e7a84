"""CBV 2.0 event hashes: published vectors, our own, and pairs that must or must not agree."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from hansa.epcis import (
    Invalid,
    event_hash,
    event_id,
    event_prehash,
    events_of,
    parse_event_id,
    read_event,
    read_json,
)
from hansa.errors import Rejected

ROOT = Path(__file__).resolve().parents[3]
OWN = json.loads((ROOT / "tests" / "vectors" / "epcis.json").read_text())
CONTEXT = [
    "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
    {"ex": "https://ns.example.com/epcis/"},
]
BASE = {
    "@context": CONTEXT,
    "type": "ObjectEvent",
    "eventTime": "2026-09-12T10:15:00+08:00",
    "eventTimeZoneOffset": "+08:00",
    "epcList": ["https://id.gs1.org/01/09520600001012/21/K7QH2M9X4T"],
    "action": "OBSERVE",
}


def text(**changes):
    """The JSON text of the base event with changes; None takes a field away."""
    event = {key: value for key, value in (BASE | changes).items() if value is not None}
    return json.dumps(event).encode()


def said(**changes):
    """The part of the pre-hash text after the base event's own."""
    whole = event_prehash(read_json(text(**changes), strict=True))
    base = event_prehash(read_json(text(), strict=True))
    return whole.removeprefix(base)


def published(vectors):
    """(name, event, expected pre-hash text or None, expected id) of all published events."""
    for file in sorted((vectors / "epcis-hash").glob("*.jsonld")):
        ids = file.with_suffix(".hashes").read_text().split()
        lines = file.with_suffix(".prehashes")
        texts = lines.read_text().split("\n") if lines.exists() else []
        for number, event in enumerate(events_of(file.read_bytes())):
            line = texts[number] if number < len(texts) else None
            yield f"{file.name} {number}", event, line, ids[number]


def test_every_published_hash_comes_out(vectors):
    cases = list(published(vectors))
    ours = {name: event.id for name, event, _, _ in cases}

    assert ours == {name: identifier for name, _, _, identifier in cases}
    assert len(cases) >= 34


def test_every_published_text_that_has_its_published_hash_comes_out(vectors):
    cases = [case for case in published(vectors) if case[2] and _matches(case[2], case[3])]
    ours = {name: event_prehash(read_json(event.text, strict=True)) for name, event, _, _ in cases}

    assert ours == {name: line for name, _, line, _ in cases}
    assert len(cases) >= 30


def _matches(line, identifier):
    return event_id(sha256(line.encode()).digest()) == identifier


@pytest.mark.parametrize("case", OWN["events"], ids=lambda case: case["name"])
def test_our_own_vectors_freeze_text_and_id(case):
    event = read_event(json.dumps(case["event"]).encode())

    assert event_prehash(case["event"]) == case["prehash"]
    assert event.id == case["id"]


SAME = {
    "order of keys": (text(), json.dumps(dict(reversed(BASE.items()))).encode()),
    "time zone": (text(), text(eventTime="2026-09-12T02:15:00.000Z")),
    "fraction": (
        text(eventTime="2026-09-12T10:15:00.0005+08:00"),
        text(eventTime="2026-09-12T02:15:00.001Z"),
    ),
    "EPC URI": (text(), text(epcList=["urn:epc:id:sgtin:9520600.000101.K7QH2M9X4T"])),
    "other domain": (text(), text(epcList=["http://a.b/gtin/9520600001012/ser/K7QH2M9X4T?x=1"])),
    "lot beside a serial": (
        text(),
        text(epcList=["https://a.b/01/09520600001012/10/L/21/K7QH2M9X4T"]),
    ),
    "bare step and URN": (
        text(bizStep="shipping"),
        text(bizStep="urn:epcglobal:cbv:bizstep:shipping"),
    ),
    "bare step and web word": (
        text(bizStep="shipping"),
        text(bizStep="https://ref.gs1.org/cbv/BizStep-shipping"),
    ),
    "bare step and CURIE": (text(bizStep="shipping"), text(bizStep="cbv:BizStep-shipping")),
    "disposition": (text(disposition="in_transit"), text(disposition="cbv:Disp-in_transit")),
    "order of a list": (text(epcList=["urn:a:1", "urn:b:2"]), text(epcList=["urn:b:2", "urn:a:1"])),
    "record time, id, error, comment": (
        text(),
        text(
            recordTime="2026-09-12T10:16:00+08:00",
            eventID="urn:uuid:1",
            errorDeclaration={"declarationTime": "2026-09-13T00:00:00Z"},
            comment="x",
        ),
    ),
    "rdfs comment": (text(), json.dumps(BASE | {"rdfs:comment": "a word"}).encode()),
    "name of a prefix": (
        json.dumps(BASE | {"ex:f": "1"}).encode(),
        json.dumps(
            BASE | {"@context": {"other": "https://ns.example.com/epcis/"}, "other:f": "1"}
        ).encode(),
    ),
    "long form of a prefix": (
        json.dumps(BASE | {"ex:f": "1"}).encode(),
        json.dumps(
            BASE | {"@context": [{"ex": {"@id": "https://ns.example.com/epcis/"}}], "ex:f": "1"}
        ).encode(),
    ),
    "space around a value": (text(bizStep="shipping"), text(bizStep=" shipping ")),
    "place as text": (text(readPoint={"id": "urn:a:1"}), text(readPoint="urn:a:1")),
    "empty and absent": (text(), text(quantityList=[], sourceList=[])),
    "trailing zeros": (
        json.dumps(BASE | {"ex:f": 1}).encode(),
        json.dumps(BASE | {"ex:f": "+01.00"}).encode(),
    ),
    "nothing persistent": (text(), text(persistentDisposition={})),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME.keys())
def test_two_spellings_of_the_same_event_have_one_hash(one, other):
    assert read_event(one).id == read_event(other).id


DIFFERENT = {
    "serial": text(epcList=["https://id.gs1.org/01/09520600001012/21/K7QH2M9X4U"]),
    "one more thing": text(epcList=[*BASE["epcList"], "urn:a:1"]),
    "millisecond": text(eventTime="2026-09-12T10:15:00.001+08:00"),
    "zone offset": text(eventTimeZoneOffset="+09:00"),
    "action": text(action="ADD"),
    "step": text(bizStep="shipping"),
    "certificate": text(certificationInfo="https://a.b/c"),
    "place": text(readPoint={"id": "urn:a:1"}),
    "extension": json.dumps(BASE | {"ex:f": "1"}).encode(),
    "extension of a place": json.dumps(
        BASE | {"readPoint": {"id": "urn:a:1", "ex:f": "1"}}
    ).encode(),
}


@pytest.mark.parametrize("other", DIFFERENT.values(), ids=DIFFERENT.keys())
def test_whatever_is_said_differently_changes_the_hash(other):
    hashes = {read_event(case).id for case in (text(), *DIFFERENT.values())}

    assert len(hashes) == len(DIFFERENT) + 1
    assert read_event(other).id != read_event(text()).id


def test_types_come_before_values_and_destinations_before_sources():
    tail = said(
        sourceList=[{"type": "owning_party", "source": "urn:a:1"}, {"source": "urn:a:2"}],
        destinationList=[{"type": "cbv:SDT-location", "destination": "urn:b:1"}],
        bizTransactionList=[
            {"type": "po", "bizTransaction": "urn:c:2"},
            {"type": "desadv", "bizTransaction": "urn:c:1"},
        ],
    )

    assert tail == (
        "bizTransactionList"
        "type=https://ref.gs1.org/cbv/BTT-desadvbizTransaction=urn:c:1"
        "type=https://ref.gs1.org/cbv/BTT-pobizTransaction=urn:c:2"
        "destinationListtype=https://ref.gs1.org/cbv/SDT-locationdestination=urn:b:1"
        "sourceListsource=urn:a:2type=https://ref.gs1.org/cbv/SDT-owning_partysource=urn:a:1"
    )


def test_persistent_dispositions_are_sorted_by_their_full_words():
    tail = said(
        persistentDisposition={"unset": ["recalled"], "set": ["urn:z:1", "expired", "damaged"]}
    )

    assert tail == (
        "persistentDisposition"
        "set=https://ref.gs1.org/cbv/Disp-damagedset=https://ref.gs1.org/cbv/Disp-expired"
        "set=urn:z:1unset=https://ref.gs1.org/cbv/Disp-recalled"
    )


def test_sensor_fields_stand_in_their_order_and_extensions_at_the_end():
    tail = said(
        sensorElementList=[
            {
                "ex:more": "y",
                "sensorReport": [
                    {"uom": "CEL", "value": 26.10, "type": "gs1:Temperature", "ex:cv": "1.0"},
                    {"type": "ex:Own", "booleanValue": True, "exception": "ALARM_CONDITION"},
                ],
                "sensorMetadata": {
                    "ex:note": "n",
                    "time": "2026-09-12T10:00:00+08:00",
                    "deviceID": "urn:epc:id:giai:4000001.111",
                },
            }
        ]
    )

    assert tail == (
        "sensorElementListsensorElement"
        "sensorMetadatatime=2026-09-12T02:00:00.000Z"
        "deviceID=https://id.gs1.org/8004/4000001111"
        "{https://ns.example.com/epcis/}note=n"
        "sensorReporttype=https://gs1.org/voc/Temperaturevalue=26.1uom=CEL"
        "{https://ns.example.com/epcis/}cv=1"
        "sensorReporttype=https://ns.example.com/epcis/Own"
        "exception=https://gs1.org/voc/ALARM_CONDITIONbooleanValue=true"
        "{https://ns.example.com/epcis/}more=y"
    )


def test_extensions_are_sorted_at_every_level_and_ilmd_comes_first():
    event = BASE | {
        "ex:b": [{"ex:d": "2", "ex:c": ["z", "a"]}, "plain", None],
        "ex:a": None,
        "unknown:x": False,
        "ilmd": {"cbvmda:lotNumber": "L1", "ex:empty": ""},
    }
    whole = event_prehash(read_json(json.dumps(event).encode(), strict=True))
    ns = "{https://ns.example.com/epcis/}"

    assert whole.partition("action=OBSERVE")[2] == (
        f"ilmd{ns}empty{{urn:epcglobal:cbv:mda:}}lotNumber=L1"
        f"unknown:x=false{ns}b=plain{ns}b{ns}c=a{ns}c=z{ns}d=2"
    )


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("1", "1"), ("1.0", "1"), ("0.3434000", "0.3434"), ("-0.0", "0"), ("1e3", "1000"),
        ("1.5E-3", "0.0015"), ("200", "200"), ("-477979.89", "-477979.89"), ("0", "0"),
        ("12345678901234567890123.5", "12345678901234567890123.5"),
    ],
)  # fmt: skip
def test_a_quantity_has_no_exponent_and_no_trailing_zeros(number, expected):
    event = text(quantityList=[{"epcClass": "urn:a:1", "quantity": 0}]).replace(
        b'"quantity": 0', b'"quantity": ' + number.encode()
    )
    whole = event_prehash(read_json(event, strict=True))

    assert f"quantityElementepcClass=urn:a:1quantity={expected}action" in whole


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("007", "7"), (".5", "0.5"), ("+1.50", "1.5"), ("1e999", "1e999"), ("1_0", "1_0"),
        ("-", "-"), ("12 x", "12 x"), ("2026-01-01", "2026-01-01"),
        ("111100001111000011110000", "111100001111000011110000"),
        ("ex:word", "https://ns.example.com/epcis/word"), ("ex://x", "ex://x"),
        ("urn:epcglobal:cbv:er:did_not_occur", "https://ref.gs1.org/cbv/ER-did_not_occur"),
        ("urn:epcglobal:cbv:bt:1:2", "urn:epcglobal:cbv:bt:1:2"),
        ("urn:epcglobal:cbv:x", "urn:epcglobal:cbv:x"),
        ("https://example.com/253/4012345000054987", "https://id.gs1.org/253/4012345000054987"),
    ],
)  # fmt: skip
def test_a_text_value_is_brought_to_its_only_form(word, expected):
    whole = event_prehash(read_json(json.dumps(BASE | {"ex:f": word}).encode(), strict=True))

    assert whole.endswith("{https://ns.example.com/epcis/}f=" + expected)


def test_a_prefix_may_stand_for_an_urn():
    event = BASE | {
        "@context": {"e": "urn:epc:id:", "": 3, "x": 1},
        "epcList": ["e:giai:4000001.1"],
    }

    assert read_event(json.dumps(event).encode()).objects == ("https://id.gs1.org/8004/40000011",)


def test_a_scheme_cannot_be_taken_over_as_a_prefix():
    event = BASE | {"@context": [{"https": "urn:x:", "urn": "urn:y:"}]}

    assert read_event(json.dumps(event).encode()).id == read_event(text()).id


@pytest.mark.parametrize(
    "deep", [{"ex:f": {}}, {"ex:f": []}, {"ilmd": {}}], ids=["map", "list", "ilmd"]
)
def test_extensions_too_deep_are_refused(deep):
    (field, value), *_ = deep.items()
    for _ in range(17):
        value = [value] if isinstance(value, list) else {"ex:f": value}

    with pytest.raises(Invalid) as refusal:
        read_event(json.dumps(BASE | {field: value}).encode())

    assert refusal.value.code == "epcis.depth"


def test_an_id_and_its_digest_are_two_forms_of_one_thing():
    digest = event_hash("eventType=…")
    assert parse_event_id(event_id(digest)) == digest
    assert parse_event_id(digest.hex()) == digest


@pytest.mark.parametrize(
    "wrong", ["", "ni:///sha-256;00?ver=CBV2.0", "zz" * 32, "AB" * 32, "ab " * 21 + "a", "00" * 33]
)
def test_what_is_no_event_id_is_refused(wrong):
    with pytest.raises(Rejected) as refusal:
        parse_event_id(wrong)

    assert refusal.value.code == "epcis.event-id"
