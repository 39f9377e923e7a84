"""Where a thing is, what is in a container: asked of the state, never of an index beside it."""

import json

import pytest

from hansa.epcis import parse_event_id
from ledger.contract import Refused, load, store
from ledger.contracts.trace_queries import QUERIES
from ledger.contracts.trace_records import EventRecord, event_key
from tests.unit.ledger.trace_scene import ALIEN, BOX, JAR, STORY, TraceScene, packed, seen

A, B, C = JAR + "A", JAR + "B", JAR + "C"
CASE = "https://id.gs1.org/00/095206000000003337"
SHOP = "9520600000046"
DOCK = {"id": "https://id.gs1.org/414/9520600000022/254/dock"}
SHELF = {"id": "https://id.gs1.org/414/9520600000046/254/shelf"}


class AskScene(TraceScene):
    """The coffee story's chain, and its queries."""

    def ask(self, name, **args):
        kind, function = QUERIES[name]
        return function(self.ledger.query_reader(), kind(**args))

    def inside(self, parent, **more):
        answer = self.ask("contents", parent=parent, **more)
        assert not answer["truncated"]
        return [(one["id"], one["level"]) for one in answer["contents"]]


@pytest.fixture
def scene():
    """Three jars in a box in a case."""
    chain = AskScene()
    chain.captured(seen(A, B, C, action="ADD", step="commissioning"))
    chain.captured(packed(BOX, A, B, C, minute=1))
    chain.captured(packed(CASE, BOX, minute=2))
    return chain


# where


def test_a_thing_is_where_its_outermost_container_was_seen_last(scene):
    scene.captured(seen(A, minute=3, readPoint=SHELF))
    scene.captured(seen(CASE, minute=4, readPoint=DOCK, step="storing"))

    answer = scene.ask("where", id=A)

    assert answer["containers"] == [BOX, CASE]
    assert (answer["holder"], answer["state"], answer["place"]) == (
        "roastery", "active", DOCK["id"],
    )  # fmt: skip
    assert answer["seen"]["step"] == "storing"


def test_a_thing_that_nobody_saw_at_a_place_has_none(scene):
    answer = scene.ask("where", id=A)

    assert (answer["place"], answer["seen"]) == ("", None)


def test_a_wrong_event_places_nothing(scene):
    answer = scene.captured(seen(CASE, minute=4, readPoint=DOCK))
    args = {"event_id": answer["id"], "reason": "incorrect_data"}
    scene.ok("trace", "correct", args, "roastery/app")

    assert scene.ask("where", id=A)["place"] == ""


def test_what_is_shipped_is_under_way_to_somebody(scene):
    assert not scene.ask("where", id=A)["under_way"]
    scene.captured(seen(CASE, step="shipping", minute=5, to=SHOP))

    answer = scene.ask("where", id=A)

    assert (answer["under_way"], answer["to"], answer["holder"]) == (True, "retailer", "roastery")


def test_what_is_shipped_to_nobody_named_is_under_way_all_the_same(scene):
    scene.captured(seen(CASE, step="shipping", minute=5))

    answer = scene.ask("where", id="urn:epc:id:sgtin:9520600.000101.A")

    assert (answer["id"], answer["under_way"], answer["to"]) == (A, True, "")


def test_an_unknown_thing_is_missing(scene):
    for name, field in (("where", "id"), ("contents", "parent"), ("path", "id")):
        with pytest.raises(Refused, match="MISSING"):
            scene.ask(name, **{field: JAR + "NEVER"})


# contents


def test_a_container_tells_what_is_in_it_level_by_level(scene):
    assert scene.inside(CASE) == [(BOX, 1)]
    assert scene.inside(CASE, depth=2) == [(BOX, 1), (A, 2), (B, 2), (C, 2)]
    assert scene.inside(A) == []


def test_what_was_taken_out_is_not_inside_any_more(scene):
    scene.captured(packed(CASE, BOX, minute=3, action="DELETE"))
    scene.captured(packed(BOX, A, minute=4, action="DELETE"))

    assert scene.inside(CASE) == []
    assert scene.inside(BOX) == [(B, 1), (C, 1)]
    scene.captured(packed(BOX, A, minute=5))
    assert scene.inside(BOX) == [(A, 1), (B, 1), (C, 1)]


def test_an_emptied_container_has_nothing_in_it(scene):
    scene.captured(packed(BOX, minute=3, action="DELETE"))

    assert scene.inside(BOX) == []
    assert scene.inside(CASE, depth=2) == [(BOX, 1)]


def test_what_moved_to_another_container_is_in_that_one_alone():
    chain = AskScene()
    thing = ALIEN + "1"
    chain.captured(packed(BOX, thing))
    chain.captured(packed(CASE, thing, minute=1))

    assert (chain.inside(BOX), chain.inside(CASE)) == ([], [(thing, 1)])


def test_a_packing_that_was_wrong_leaves_the_container_empty():
    chain = AskScene()
    chain.captured(seen(A, action="ADD", step="commissioning"))
    answer = chain.captured(packed(BOX, A, minute=1))
    args = {"event_id": answer["id"], "reason": "did_not_occur"}
    chain.ok("trace", "correct", args, "roastery/app")

    assert chain.ask("where", id=A)["containers"] == []
    assert chain.ask("contents", parent=BOX)["contents"] == []


@pytest.mark.parametrize("name", ["THINGS_MAX", "LOOK_BACK_MAX"])
def test_a_limit_cuts_the_contents_short_and_says_so(scene, monkeypatch, name):
    monkeypatch.setattr(f"ledger.contracts.trace_queries.{name}", 1)

    assert scene.ask("contents", parent=BOX)["truncated"]


# path


def test_a_path_is_the_walk_of_the_specification():
    chain = AskScene()
    chain.tell()

    answer = chain.ask("path", id=STORY["items"][0], direction="up")

    assert answer["direction"] == "up"
    assert answer["events"]
    assert chain.ask("path", id=STORY["items"][0], depth=0)["truncated"]
    with pytest.raises(Refused, match="SCHEMA"):
        chain.ask("path", id="ni:///sha-256;zz")


# A seal


def test_a_seal_stands_in_the_record_and_the_first_one_stays():
    chain = AskScene()
    event = seen(A, action="ADD", step="commissioning")
    text = chain_text(event)
    seal = b"s" * 256
    chain.ok("trace", "capture", {"event": text, "seal": seal}, "roastery/app")

    again = chain.ok("trace", "capture", {"event": text, "seal": b"other"}, "roastery/app")

    key = "trace/" + event_key(parse_event_id(again["id"]))
    stored = chain.ledger.get_state(key.encode())
    record = load(stored, EventRecord)
    assert (again["duplicate"], record.seal, store(record)) == (True, seal, stored)


def test_a_seal_has_at_most_256_bytes():
    chain = AskScene()
    args = {"event": chain_text(seen(A, action="ADD")), "seal": b"s" * 257}

    assert chain.call("trace", "capture", args, "roastery/app").code == "SCHEMA"


def chain_text(event):
    """The bytes of an event."""
    return json.dumps(event).encode()


def test_kinds_of_things_have_no_record_and_are_not_listed(scene):
    kinds = [{"epcClass": "https://id.gs1.org/01/09520600001012", "quantity": 3}]
    scene.captured(packed(BOX, minute=4, childQuantityList=kinds))

    assert scene.inside(BOX) == [(A, 1), (B, 1), (C, 1)]
