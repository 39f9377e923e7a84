"""Wrong events: declared, never removed; what they did is taken back where it can be."""

import pytest

from hansa.epcis import parse_event_id
from ledger.contract import load
from ledger.contracts.trace_records import EventRecord, event_key
from tests.unit.ledger.trace_scene import ALIEN, BOX, JAR, TraceScene, made, packed, seen

A, B = JAR + "A", JAR + "B"


@pytest.fixture
def scene():
    """A chain without things."""
    return TraceScene()


def correct(scene, identifier, member="roastery", reason="did_not_occur", ids=()):
    """Declare an event wrong by its id: the receipt."""
    args = {"event_id": identifier, "reason": reason, "corrective_ids": list(ids)}
    return scene.call("trace", "correct", args, member + "/app")


def record(scene, identifier):
    """An event's record."""
    return load(
        scene.read(("trace/" + event_key(parse_event_id(identifier))).encode()), EventRecord
    )


def wrong(event, **fields):
    """The same event with an error declaration."""
    declaration = {"declarationTime": "2026-10-16T00:00:00Z", "reason": "incorrect_data"} | fields
    return event | {"errorDeclaration": declaration}


def test_a_commissioning_that_did_not_occur_frees_the_number(scene):
    answer = scene.captured(seen(A, action="ADD"))
    receipt = correct(scene, answer["id"], ids=["urn:uuid:1"])

    assert receipt.code == "OK"
    assert scene.thing(A).state == "void"
    known = record(scene, answer["id"])
    assert (known.wrong, known.reason, known.corrective) == (True, "did_not_occur", ("urn:uuid:1",))
    assert known.version == 2
    assert receipt.calls[0].events[0].name == "trace.declared_wrong"
    assert scene.refused(seen(A, minute=1))[0] == "MISSING"
    scene.captured(seen(A, action="ADD", minute=2))
    assert scene.thing(A).state == "active"


@pytest.mark.parametrize(
    ("event", "state"),
    [
        (seen(A, action="DELETE", minute=1), "active"),
        (seen(A, step="retail_selling", minute=1), "active"),
        (made(minute=1, inputEPCList=[A], outputEPCList=[B]), "active"),
    ],
)
def test_an_end_that_did_not_occur_is_taken_back(scene, event, state):
    scene.captured(seen(A, action="ADD"))
    answer = scene.captured(event)

    assert correct(scene, answer["id"]).code == "OK"
    assert scene.thing(A).state == state


def test_a_wrong_packing_lets_the_item_out(scene):
    scene.captured(seen(A, action="ADD"))
    answer = scene.captured(packed(BOX, A, minute=1))
    correct(scene, answer["id"])

    scene.captured(packed(BOX, A, minute=2))
    assert scene.thing(A).parent == "00/095206000000002224"


def test_a_wrong_association_lets_the_item_go(scene):
    scene.captured(seen(A, action="ADD"))
    answer = scene.captured(packed("urn:h:1", A, minute=1, kind="AssociationEvent"))
    correct(scene, answer["id"])

    assert scene.thing(A).host == ""


def test_what_was_only_adopted_is_adopted_again(scene):
    answer = scene.captured(seen(ALIEN + "1", action="DELETE"), "farm")
    correct(scene, answer["id"], "farm")

    assert scene.thing(ALIEN + "1").state == "adopted"


def test_what_has_moved_on_is_left_as_it_is(scene):
    answer = scene.captured(seen(A, action="ADD"))
    scene.captured(seen(A, minute=1))
    correct(scene, answer["id"])

    assert scene.thing(A).state == "active"


def test_only_the_member_that_captured_may_correct(scene):
    answer = scene.captured(seen(A, action="ADD"))
    receipt = correct(scene, answer["id"], "farm")

    assert (receipt.code, receipt.error_fields()["need"]) == ("AUTH", "roastery")


def test_correcting_twice_gives_the_same_answer(scene):
    answer = scene.captured(seen(A, action="ADD"))
    correct(scene, answer["id"])
    again = correct(scene, answer["id"], reason="incorrect_data")

    assert again.calls[0].value()["duplicate"] is True
    assert record(scene, answer["id"]).reason == "did_not_occur"


@pytest.mark.parametrize(
    ("identifier", "reason", "code"),
    [
        ("ni:///sha-256;" + "0" * 64 + "?ver=CBV2.0", "did_not_occur", "MISSING"),
        ("x" * 64, "did_not_occur", "SCHEMA"),
        ("0" * 64, "because", "SCHEMA"),
        ("0" * 63, "did_not_occur", "SCHEMA"),
    ],
)
def test_what_names_no_event_or_no_reason_is_refused(scene, identifier, reason, code):
    assert correct(scene, identifier, reason=reason).code == code


def test_an_error_declaration_marks_the_event_that_has_its_hash(scene):
    event = seen(A, action="ADD")
    answer = scene.captured(event)

    declared = scene.captured(wrong(event, correctiveEventIDs=["urn:uuid:2"]))

    assert declared["id"] == answer["id"]
    assert record(scene, answer["id"]).corrective == ("urn:uuid:2",)
    assert scene.thing(A).state == "void"
    assert scene.captured(wrong(event))["duplicate"] is True
    assert scene.captured(event)["duplicate"] is True


def test_an_error_declaration_of_another_member_is_refused(scene):
    event = seen(A, action="ADD")
    scene.captured(event)

    assert scene.refused(wrong(event), "farm")[0] == "AUTH"


@pytest.mark.parametrize(
    "event",
    [
        seen(A, action="ADD"),
        packed(BOX, A, action="ADD"),
        made(inputEPCList=[A], outputQuantityList=[{"epcClass": "urn:x:1"}]),
    ],
)
def test_a_declaration_about_an_unknown_event_is_kept_and_changes_no_thing(scene, event):
    first = scene.captured(wrong(event), "farm")

    assert first["duplicate"] is False
    assert record(scene, first["id"]).wrong
    assert {link.thing for link in record(scene, first["id"]).links} >= {"01/09520600001012/21/A"}
    assert scene.thing(A) is None
    assert scene.captured(wrong(event), "farm")["duplicate"] is True
    assert scene.captured(event)["duplicate"] is True
