"""Walks beyond the story: emptied and nested containers, shared transformations, limits."""

import pytest

from hansa.errors import Rejected
from ledger.contracts import trace_walk as module
from ledger.contracts.trace_walk import trace_walk
from tests.unit.ledger.trace_scene import (
    ALIEN,
    BOX,
    JAR,
    LOT,
    TraceScene,
    amount,
    made,
    packed,
    seen,
)

A, B, N = JAR + "A", JAR + "B", JAR + "N"
CASE = "https://id.gs1.org/00/095206000000003337"


@pytest.fixture
def scene():
    """A chain with two commissioned jars."""
    chain = TraceScene()
    chain.captured(seen(A, B, action="ADD", step="commissioning"))
    return chain


def steps(scene, identifier, direction="both", depth=64):
    """The steps of the events of a walk, in order."""
    walk = trace_walk(scene.read, identifier, direction, depth)
    return [event["step"] or event["action"] for event in walk.fields()["events"]]


def test_events_of_a_container_belong_to_an_item_only_while_it_was_inside(scene):
    scene.captured(packed(BOX, B, minute=1, step="other"))
    scene.captured(seen(BOX, minute=2, step="storing"))
    scene.captured(packed(BOX, A, minute=3, step="packing"))
    scene.captured(seen(BOX, minute=4, step="loading"))
    scene.captured(packed(BOX, A, minute=5, action="DELETE", step="unpacking"))
    scene.captured(seen(BOX, minute=6, step="departing"))

    assert steps(scene, A) == ["commissioning", "packing", "loading", "unpacking"]


def test_an_emptied_container_is_followed_up_to_its_emptying(scene):
    scene.captured(packed(BOX, A, B, minute=1, step="packing"))
    scene.captured(seen(BOX, minute=2, step="loading"))
    scene.captured(packed(BOX, minute=3, action="DELETE", step="unpacking"))
    scene.captured(seen(BOX, minute=4, step="departing"))

    assert steps(scene, A) == ["commissioning", "packing", "loading", "unpacking"]


def test_a_container_in_a_container_is_followed_too(scene):
    scene.captured(packed(BOX, A, minute=1, step="packing"))
    scene.captured(packed(CASE, BOX, minute=2, step="loading"))
    scene.captured(seen(CASE, minute=3, step="transporting"))

    assert steps(scene, A) == ["commissioning", "packing", "loading", "transporting"]
    assert steps(scene, CASE, "down") == ["commissioning", "packing", "loading", "transporting"]


def test_the_other_items_of_a_container_are_no_part_of_an_items_walk(scene):
    scene.captured(packed(BOX, A, B, minute=1, step="packing"))
    scene.captured(seen(B, minute=2, step="inspecting"))

    assert steps(scene, A) == ["commissioning", "packing"]
    assert steps(scene, BOX, "down") == ["commissioning", "packing", "inspecting"]


def test_inputs_and_outputs_of_one_transformation_may_stand_in_several_events(scene):
    process = "urn:epc:id:gdti:9520600.00001.T1"
    scene.captured(made(minute=1, step="arriving", inputEPCList=[A], transformationID=process))
    scene.captured(made(minute=2, step="creating", outputEPCList=[N], transformationID=process))

    assert steps(scene, N, "up") == ["commissioning", "arriving", "creating"]
    assert steps(scene, A, "down") == ["commissioning", "arriving", "creating"]


def test_up_from_an_output_says_nothing_of_what_happened_to_the_inputs_later(scene):
    event = seen(action="ADD", step="commissioning", quantityList=[amount(LOT + "L", 60)])
    scene.captured(event | {"epcList": []}, "farm")
    fruit = "https://id.gs1.org/01/09520601000014/21/F"
    scene.captured(
        made(minute=1, inputQuantityList=[amount(LOT + "L", 20)], outputEPCList=[fruit]), "farm"
    )
    scene.captured(
        seen(step="storing", minute=2, quantityList=[amount(LOT + "L", 40)]) | {"epcList": []},
        "farm",
    )

    assert steps(scene, fruit, "up") == ["commissioning", "creating_class_instance"]
    assert steps(scene, LOT + "L", "up") == ["commissioning", "creating_class_instance", "storing"]


def test_a_thing_that_became_itself_does_not_lead_in_circles(scene):
    one = ALIEN + "1"
    scene.captured(made(minute=1, inputEPCList=[one], outputEPCList=[one]), "farm")

    walk = trace_walk(scene.read, one, "both")

    assert len(walk.events) == 1
    assert walk.things == (one,)


def test_kinds_of_things_are_named_though_they_have_no_history(scene):
    product = "https://id.gs1.org/01/09520600001012"
    scene.captured(made(minute=1, inputEPCList=[product], outputEPCList=[N]))

    walk = trace_walk(scene.read, N, "up")

    assert product in walk.things
    assert trace_walk(scene.read, product, "up") is None


def test_a_walk_that_is_cut_short_says_so(scene, monkeypatch):
    monkeypatch.setattr(module, "EVENTS_MAX", 3)
    for minute in range(1, 6):
        scene.captured(seen(A, minute=minute))

    walk = trace_walk(scene.read, A, "both")

    assert walk.truncated
    assert len(walk.events) == 3


def test_many_things_in_short_histories_are_cut_short_too(scene, monkeypatch):
    monkeypatch.setattr(module, "EVENTS_MAX", 2)
    scene.captured(packed(BOX, A, minute=1))
    scene.captured(seen(A, minute=2))

    assert trace_walk(scene.read, A, "both").truncated


def test_a_wrong_event_is_shown_as_wrong(scene):
    answer = scene.captured(seen(A, minute=1, step="inspecting"))
    scene.call(
        "trace",
        "correct",
        {"event_id": answer["id"], "reason": "did_not_occur", "corrective_ids": []},
        "roastery/app",
    )

    events = trace_walk(scene.read, A, "both").fields()["events"]

    assert [event["wrong"] for event in events] == [False, True]
    assert events[1]["reason"] == "did_not_occur"


def test_an_event_of_a_walk_has_everything_that_a_reader_shows(scene):
    answer = scene.captured(seen(A, minute=1, step="storing", readPoint={"id": "urn:p:1"}))

    event = trace_walk(scene.read, A, "both").fields()["events"][-1]

    assert event == {
        "id": answer["id"],
        "type": "ObjectEvent",
        "time": "2026-10-15T08:01:00.000Z",
        "action": "OBSERVE",
        "step": "storing",
        "disposition": "",
        "place": "urn:p:1",
        "member": "roastery",
        "height": 2,
        "tx_id": answer["tx"].hex(),
        "depth": 0,
        "wrong": False,
        "reason": "",
        "corrective": [],
        "things": [{"id": A, "role": "object"}],
    }


def test_what_begins_like_an_event_and_is_none_is_refused(scene):
    with pytest.raises(Rejected) as refusal:
        trace_walk(scene.read, "ni:///sha-256;12", "both")

    assert refusal.value.code == "epcis.event-id"
