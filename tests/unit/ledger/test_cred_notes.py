"""Objections to credentials: marked at once, answered in 20 days, or visibly overdue."""

import pytest

from ledger.contract import Context
from ledger.contracts.cred import issuer_ok
from tests.unit.ledger.cred_scene import CredScene
from tests.unit.ledger.scene import DAY

SAID, ANSWER = b"s" * 32, b"a" * 32


@pytest.fixture
def scene():
    """`farm` has issued the credential at index 3 of its list."""
    made = CredScene()
    made.accredit()
    made.open_list()
    made.issue(3)
    return made


def note(scene, kind="disputed", version=0, *, due=None, statement=SAID, **changes):
    args = {"index": 3, "kind": kind, "list_id": "r", "statement_digest": statement}
    if kind == "disputed":
        args["due"] = scene.ledger.head.time + 20 * DAY if due is None else due
    return args | {"version": version} | changes


def test_any_member_marks_a_credential_as_disputed_at_once(scene):
    receipt = scene.call("cred", "annotate", note(scene), "retailer/app")

    assert receipt.calls[0].value()["state"] == "disputed"
    record = scene.state("note/r/3")
    assert (record["controller"], record["statement"], record["rounds"]) == ("retailer", SAID, 1)
    assert len(receipt.calls[0].records) == 1
    assert scene.ledger.next_due() == record["due"]


@pytest.mark.parametrize("kind", ["corrected", "upheld"])
def test_the_issuer_answers_and_the_timer_is_gone(scene, kind):
    scene.ok("cred", "annotate", note(scene), "retailer/app")
    answer = scene.ok("cred", "annotate", note(scene, kind, 1, statement=ANSWER))

    assert (answer["state"], answer["version"]) == (kind, 2)
    assert scene.state("note/r/3")["answer"] == ANSWER
    assert scene.ledger.next_due() is None


def test_an_objection_that_nobody_answers_is_marked_when_it_is_due(scene):
    due = scene.ledger.head.time + DAY
    scene.ok("cred", "annotate", note(scene, due=due), "retailer/app")
    [receipt] = scene.block(time=due)

    assert [event.name for event in receipt.calls[0].events] == ["cred.overdue"]
    assert scene.state("note/r/3")["overdue"]
    assert scene.ok("cred", "annotate", note(scene, "upheld", 2))["state"] == "upheld"
    assert scene.state("note/r/3")["overdue"]


def test_a_credential_may_be_disputed_again_after_an_answer(scene):
    scene.ok("cred", "annotate", note(scene), "retailer/app")
    scene.ok("cred", "annotate", note(scene, "upheld", 1))
    again = scene.ok("cred", "annotate", note(scene, version=2), "carrier/app")

    record = scene.state("note/r/3")
    assert (again["state"], record["rounds"], record["controller"]) == ("disputed", 2, "carrier")
    assert "answer" not in record
    assert scene.ledger.next_due() == record["due"]


def test_an_objection_stands_once_at_a_time(scene):
    scene.ok("cred", "annotate", note(scene), "retailer/app")

    code, fields = scene.refused("annotate", note(scene, version=1), "carrier/app")
    assert (code, fields["by"], fields["have"]) == ("STATE", "retailer", "disputed")


@pytest.mark.parametrize(("days", "code"), [(0, "TIME"), (20, "OK"), (21, "TIME")])
def test_an_answer_is_due_within_twenty_days(scene, days, code):
    due = scene.ledger.head.time + days * DAY

    assert scene.call("cred", "annotate", note(scene, due=due)).code == code


BAD_NOTES = {
    "on a credential that nobody logged": ({"index": 4}, "MISSING"),
    "in a list that is not there": ({"list_id": "none"}, "MISSING"),
    "behind the list's end": ({"index": 2**40}, "LIMIT"),
    "of another kind": ({"kind": "gossip"}, "SCHEMA"),
    "with a text for a digest": ({"statement_digest": b"not me"}, "SCHEMA"),
    "that saw a version which never was": ({"version": 1}, "STALE"),
}


@pytest.mark.parametrize("name", BAD_NOTES)
def test_nothing_is_noted(scene, name):
    change, code = BAD_NOTES[name]

    assert scene.refused("annotate", note(scene) | change)[0] == code


def test_only_the_issuer_answers_only_what_was_asked_and_without_a_new_date(scene):
    assert scene.refused("annotate", note(scene, "upheld"))[0] == "STATE"
    scene.ok("cred", "annotate", note(scene), "retailer/app")

    assert scene.refused("annotate", note(scene, "upheld", 1), "retailer/app")[0] == "AUTH"
    assert scene.refused("annotate", note(scene, "upheld", 0))[0] == "STALE"
    assert scene.refused("annotate", note(scene, "upheld", 1) | {"due": 5})[0] == "SCHEMA"
    scene.ok("cred", "annotate", note(scene, "upheld", 1))
    assert scene.refused("annotate", note(scene, "corrected", 2))[0] == "STATE"


def test_nobody_calls_the_timer_by_hand(scene):
    scene.ok("cred", "annotate", note(scene))

    assert scene.refused("overdue", {"index": 3, "list_id": "r"})[0] == "MISSING"


def test_other_contracts_ask_whether_a_member_is_accredited_now(scene):
    opened = scene.ledger._open(scene.ledger.head.time + 1000)
    signed = scene.sign([("cred", "log", {})])
    context = Context(opened.executor._scope(signed, 0), "asset")

    assert issuer_ok(context, "farm", "Licence")
    assert not issuer_ok(context, "carrier", "Licence")
    assert not issuer_ok(context, "farm", "Other")
