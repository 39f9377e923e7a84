"""What the rules of a profile ask: documents, events, credentials, sums, consents, the clock."""

import pytest

from hansa.consent import subject_of
from hansa.keys import ED25519
from hansa.vc.did_key import did_key
from ledger.contract import store
from ledger.contracts.grant_records import Live
from ledger.contracts.grant_rules import live_key
from tests.unit.ledger.asset_scene import (
    DAY,
    RECEIPT,
    AssetScene,
    accredited,
    field,
    profile,
    row,
)


@pytest.fixture
def scene():
    return AssetScene()


def evidence(scene, doc_kind="inspection", about="R", threshold=0, step="storing"):
    doc = {"id": "D", "digest": b"d" * 32, "kind": doc_kind, "about": [about]}
    scene.ok("doc", "register", doc | {"threshold": threshold}, "bank/app")
    event = (
        '{"type":"ObjectEvent","eventTime":"2023-11-14T00:00:00Z","eventTimeZoneOffset":"+00:00",'
        '"epcList":["https://id.gs1.org/253/4012345000054987"],"action":"OBSERVE",'
        f'"bizStep":"{step}"}}'
    )
    answer = scene.ok("trace", "capture", {"event": event.encode()}, "keeper/app")
    return ["D", answer["id"]]


LOT = "https://id.gs1.org/253/4012345000054987"


def test_documents_and_events_speak_for_the_record_that_they_are_about(scene):
    scene.receipt(lot=LOT)
    named = evidence(scene)

    assert scene.refused("act", "R", {"action": "inspect"}, "keeper")[1]["need"] == (
        "doc:inspection"
    )
    code, fields = scene.refused("act", "R", {"action": "inspect", "evidence": named[:1]}, "keeper")
    assert (code, fields["need"]) == ("LINK", "event:storing")
    scene.step("act", "R", {"action": "inspect", "evidence": named}, "keeper")


WRONG = {
    "another kind": ({"doc_kind": "photo"}, "doc:inspection"),
    "another record": ({"about": "S"}, "doc:inspection"),
    "no signatures yet": ({"threshold": 1}, "doc:inspection"),
    "another step": ({"step": "loading"}, "event:storing"),
}


@pytest.mark.parametrize("name", WRONG)
def test_evidence_does_not_count_with(scene, name):
    change, need = WRONG[name]
    scene.receipt(lot=LOT)
    named = evidence(scene, **change)
    code, fields = scene.refused("act", "R", {"action": "inspect", "evidence": named}, "keeper")

    assert (code, fields["need"]) == ("LINK", need)


def test_an_event_about_something_else_does_not_count(scene):
    scene.receipt(lot="L1")
    named = evidence(scene)
    code, fields = scene.refused("act", "R", {"action": "inspect", "evidence": named}, "keeper")

    assert (code, fields["need"]) == ("LINK", "event:storing")


GUARDED = profile(
    "test.guarded",
    [
        row(
            "issue", [], "live", ["licensed"],
            guard=[
                {"rule": "stock", "check": ["le", {"add": ["$sum.covered", "$quantity"]},
                                            "$linked.stock.quantity"]},
                {"rule": "standing", "check": ["eq", "$linked.stock.state", "issued"]},
            ],
        ),
        row("ask", ["live"], "live", ["controller"],
            guard=[{"rule": "consent", "check": ["consent_for", "credit", "$party.controller"]}]),
        row("close", ["live"], "closed", ["controller"]),
    ],
    fields={"stock": field("record")},
    roles={"licensed": {"kind": "accredited", "of": "warehouse", "labels": field("x")["labels"]}},
    quantity={"unit": "KGM"},
    sums={"covered": {"by": "stock", "of": "$quantity", "labels": field("x")["labels"]}},
)  # fmt: skip


def guarded(*creds):
    scene = AssetScene(RECEIPT, GUARDED)
    for cred in creds:
        key, value = accredited(*cred)
        scene.store.write({b"s" + key.encode(): value}, sync=True)
    scene.receipt("STOCK")
    return scene


def cover(scene, name, quantity, stock="STOCK"):
    args = {
        "id": name, "profile": "test.guarded@1", "quantity": quantity, "unit": "KGM",
        "body": {"stock": stock},
    }  # fmt: skip
    receipt = scene.call("asset", "issue", args, "keeper/app")
    return receipt.code


def test_rules_ask_about_credentials_sums_and_other_records():
    assert cover(guarded(), "A", 10) == "AUTH"
    scene = guarded(("keeper", "warehouse"))

    assert cover(scene, "A", 60) == "OK"
    assert cover(scene, "B", 41) == "RULE"
    assert cover(scene, "B", 40) == "OK"
    assert cover(scene, "C", 1, stock="none") == "RULE"


def test_ended_records_leave_room_in_a_sum():
    scene = guarded(("keeper", "warehouse"))
    cover(scene, "A", 100)
    scene.step("retire", "A", {"reason": "delivered"}, "keeper")

    assert cover(scene, "B", 100) == "OK"


def test_who_is_not_asked_does_not_consent():
    scene = guarded(("keeper", "warehouse"))
    cover(scene, "A", 10)

    assert scene.code("act", "A", {"action": "ask"}, "keeper") == "CONSENT"


CLOCKED = profile(
    "test.clocked",
    [
        row("issue", [], "live", ["anyone"], effect=[["open_timer", "end"]]),
        row("offer", ["live"], "live", ["holder"]),
        row("lapse", ["live"], "lapsed", ["clock"]),
    ],
    encumbrances={"pledge": 1},
    timers={"end": {"at": {"add": ["$time", {"days": 2}]}, "action": "lapse",
                    "labels": field("x")["labels"]}},
)  # fmt: skip


def clocked():
    scene = AssetScene(CLOCKED)
    scene.done("issue", {"id": "C", "profile": "test.clocked@1"}, "owner")
    return scene, scene.record("C").timers["end"]


def test_the_clock_may_end_a_record_that_is_offered():
    scene, at = clocked()
    scene.step("offer", "C", {"to": "trader", "expires": at + DAY}, "owner")
    scene.block(time=at)
    after = scene.record("C")

    assert (after.status, after.state, after.offer, scene.due()) == ("retired", "lapsed", None, 0)


def test_the_clock_ends_nothing_behind_the_pledgees_back():
    scene, at = clocked()
    scene.step("encumber", "C", {"enc_id": "p", "kind": "pledge", "to": "bank"}, "owner", "bank")
    receipt = scene.block(time=at)[0]

    assert receipt.calls[0].value()["entries"][0]["code"] == "HELD"
    assert (scene.record("C").status, scene.due()) == ("live", 0)


PERSON = bytes([ED25519]) + bytes(range(32))
SUBJECT = subject_of(PERSON)
ASKED = profile(
    "test.asked",
    [
        row("issue", [], "live", ["anyone"]),
        row("ask", ["live"], "live", ["controller"],
            guard=[{"rule": "consent", "check": ["consent_for", "loan", "$body.subject"]}]),
        row("close", ["live"], "closed", ["controller"]),
    ],
    fields={"subject": field("text")},
)  # fmt: skip


@pytest.mark.parametrize(
    ("subject", "until", "code"),
    [
        (SUBJECT.hex(), 2**50, "OK"),
        (SUBJECT.hex(), 5, "CONSENT"),
        (did_key(PERSON), 2**50, "OK"),
        (did_key(PERSON), 5, "CONSENT"),
        (did_key(PERSON)[:-1], 2**50, "CONSENT"),
        ("did:key:", 2**50, "CONSENT"),
        ("nobody", 2**50, "CONSENT"),
    ],
)
def test_rules_ask_about_a_subjects_consent(subject, until, code):
    scene = AssetScene(ASKED)
    live = Live(consent="c", scope_digest=b"s" * 32, since=0, until=until)
    key = "grant/" + live_key(SUBJECT, "loan", "owner")
    scene.store.write({b"s" + key.encode(): store(live)}, sync=True)
    args = {"id": "Q", "profile": "test.asked@1", "body": {"subject": subject}}
    scene.done("issue", args, "owner")

    call = {"id": "Q", "version": 1, "action": "ask"}
    assert scene.call("asset", "act", call, "owner/app").code == code
