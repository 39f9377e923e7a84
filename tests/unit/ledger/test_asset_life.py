"""Birth, unique values, actions, timers, change of medium, end."""

import pytest

from hansa.encoding import decode_value
from tests.unit.ledger.asset_scene import (
    DAY,
    AssetScene,
)

BODY = {"keeper": "keeper", "lot": "L1", "number": "N"}
RECEIPT_ARGS = {
    "id": "R", "profile": "test.receipt@1", "body": BODY, "controller": "owner", "quantity": 100,
    "unit": "KGM",
}  # fmt: skip


@pytest.fixture
def scene():
    return AssetScene()


def end(scene, name="R", reason="delivered"):
    return scene.step("retire", name, {"reason": reason}, "owner", "keeper")


def test_a_birth_writes_its_record_its_owner_and_a_key_for_each_value_and_sum(scene):
    receipt = scene.call("asset", "issue", RECEIPT_ARGS, "keeper/app")

    assert scene.keys() == [
        "of/owner/test.receipt/R", "record/R", "sum/test.receipt/on_lot/L1",
        "unique/test.receipt/lot/L1", "unique/test.receipt/number/N",
    ]  # fmt: skip
    assert receipt.calls[0].events[0].fields() == {
        "by": "keeper", "controller": "owner", "id": "R", "profile": "test.receipt@1",
        "quantity": 100, "unit": "KGM",
    }  # fmt: skip
    record = scene.record("R")
    assert (record.issuer, record.controller, record.holder) == ("keeper", "owner", "owner")
    assert record.body == BODY | {"found": 0, "reminders": 0}


def test_what_nobody_else_has_writes_two_keys(scene):
    scene.token()

    assert scene.keys() == ["of/owner/test.token/T", "record/T"]


BAD = {
    "an id with a slash": ({"id": "a/b"}, "SCHEMA"),
    "another unit": ({"unit": "PCE"}, "SCHEMA"),
    "too little": ({"quantity": 9}, "RULE"),
    "nothing": ({"quantity": 0}, "SCHEMA"),
    "a field that rules compute": ({"body": BODY | {"found": 3}}, "SCHEMA"),
    "a field missing": ({"body": {"keeper": "keeper"}}, "SCHEMA"),
    "an unknown profile": ({"profile": "none@1"}, "PROFILE"),
    "an action that is no birth": ({"action": "split"}, "SCHEMA"),
    "a controller that is no member": ({"controller": "ghost"}, "LINK"),
    "a holder that is no member": ({"holder": "ghost"}, "LINK"),
    "a predecessor that is none": ({"supersedes": "none"}, "LINK"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_birth_is_refused_with(scene, name):
    change, code = BAD[name]

    assert scene.call("asset", "issue", RECEIPT_ARGS | change, "keeper/app").code == code
    assert scene.keys() == []


def test_only_whom_the_profile_names_issues(scene):
    assert scene.call("asset", "issue", RECEIPT_ARGS, "owner/app").code == "AUTH"


def test_an_id_is_taken_once_and_for_ever(scene):
    scene.receipt()
    end(scene)
    args = RECEIPT_ARGS | {"body": BODY | {"lot": "L2"}}
    receipt = scene.call("asset", "issue", args, "keeper/app")

    assert (receipt.code, receipt.error_fields()["by"]) == ("EXISTS", "keeper")


def test_one_piece_has_no_quantity(scene):
    args = {"id": "F", "profile": "test.fixed@1", "action": "make"}

    assert scene.call("asset", "issue", args | {"quantity": 2}, "owner/app").code == "SCHEMA"
    assert scene.call("asset", "issue", args | {"unit": "KGM"}, "owner/app").code == "SCHEMA"
    scene.done("issue", args, "owner")
    assert (scene.record("F").quantity, scene.record("F").unit) == (1, "")


def test_a_second_receipt_on_a_lot_is_refused(scene):
    scene.receipt(number="N1")
    args = RECEIPT_ARGS | {"id": "R2", "body": BODY | {"number": "N2"}}
    receipt = scene.call("asset", "issue", args, "keeper/app")

    assert (receipt.code, receipt.error_fields()) == (
        "DUPLICATE",
        {"by": "R", "field": "/body/lot", "have": "L1", "height": 1, "unique": "lot"},
    )


def test_a_place_is_free_again_when_all_of_its_receipt_is_over(scene):
    scene.receipt(number="N1")
    parts = [{"id": "A", "quantity": 40}, {"id": "B", "quantity": 60}]
    scene.step("split", "R", {"parts": parts}, "owner", "keeper")
    again = RECEIPT_ARGS | {"id": "R2", "body": BODY | {"number": "N2"}}
    end(scene, "A")
    assert scene.call("asset", "issue", again, "keeper/app").code == "DUPLICATE"
    end(scene, "B")

    assert scene.account("R") == (100, 100)
    assert scene.call("asset", "issue", again, "keeper/app").code == "OK"


def test_a_number_stays_used_after_the_end(scene):
    scene.receipt(number="N")
    end(scene)
    args = RECEIPT_ARGS | {"id": "R2", "body": BODY | {"lot": "L2"}}
    receipt = scene.call("asset", "issue", args, "keeper/app")

    assert (receipt.code, receipt.error_fields()["unique"]) == ("DUPLICATE", "number")


def test_each_element_of_a_list_is_used_once(scene):
    body = {"codes": ["INV-1", "发票 2"]}
    scene.token("T", body=body)
    args = {"id": "U", "profile": "test.token@1", "body": {"codes": ["发票 2"]}, "unit": "PCE"}

    assert scene.call("asset", "issue", args, "bank/app").code == "DUPLICATE"
    assert [key[:26] for key in scene.keys("unique/")] == [
        "unique/test.token/codes/IN", "unique/test.token/codes/~" + scene.keys("unique/")[1][25],
    ]  # fmt: skip


def test_sums_are_of_what_stands(scene):
    scene.receipt(number="N1")
    total = lambda: decode_value(scene.value("sum/test.receipt/on_lot/L1"))  # noqa: E731
    parts = [{"id": "A", "quantity": 40}, {"id": "B", "quantity": 60}]
    scene.step("split", "R", {"parts": parts}, "owner", "keeper")
    split = total()
    end(scene, "A")

    assert (split, total()) == (100, 60)


def test_an_amended_record_takes_the_number_of_the_old_one(scene):
    scene.receipt(number="N")
    args = RECEIPT_ARGS | {"id": "R2", "supersedes": "R"}
    assert scene.call("asset", "issue", args, "keeper/app").code == "LINK"
    end(scene, reason="surrendered")
    scene.done("issue", args, "keeper")

    assert (scene.record("R").successor, scene.record("R2").supersedes) == ("R2", "R")
    twice = scene.call("asset", "issue", args | {"id": "R3"}, "keeper/app")
    assert (twice.code, twice.error_fields()["by"]) == ("LINK", "R2")


def test_what_was_delivered_is_not_amended(scene):
    scene.receipt(number="N")
    end(scene, reason="delivered")

    args = RECEIPT_ARGS | {"id": "R2", "supersedes": "R"}
    assert scene.call("asset", "issue", args, "keeper/app").code == "LINK"


def test_another_issuer_amends_nothing():
    scene = AssetScene()
    scene.token("T", by="owner", body={"codes": ["c"]})
    scene.step("retire", "T", {"reason": "cancelled"}, "owner")
    args = {"id": "U", "profile": "test.token@1", "unit": "PCE", "supersedes": "T"}

    assert scene.call("asset", "issue", args, "bank/app").code == "LINK"


def test_an_action_is_one_of_the_profile(scene):
    scene.receipt()

    assert scene.code("act", "R", {"action": "fly"}, "keeper") == "SCHEMA"
    assert scene.refused("act", "R", {"action": "split"}, "keeper")[1]["need"] == "asset.split"
    assert scene.code("act", "R", {"action": "free", "args": {"from": "bank"}}, "keeper") == "STATE"
    assert scene.code("act", "R", {"action": "store"}, "owner") == "AUTH"
    assert scene.code("act", "R", {"action": "store", "args": {"x": 1}}, "keeper") == "SCHEMA"
    stale = {"id": "R", "version": 4, "action": "store"}
    assert scene.call("asset", "act", stale, "keeper/app").code == "STALE"
    assert scene.call("asset", "act", stale | {"id": "none"}, "keeper/app").code == "MISSING"


def test_a_final_state_is_an_end(scene):
    scene.receipt()
    scene.step("act", "R", {"action": "deliver"}, "owner", "keeper")
    after = scene.record("R")

    assert (after.status, after.reason, after.state) == ("retired", "deliver", "delivered")
    assert after.ended == scene.ledger.head.time
    assert scene.keys("of/") == []
    code, fields = scene.refused("act", "R", {"action": "store"}, "keeper")
    assert (code, fields["have"], fields["reason"]) == ("STATE", "retired", "deliver")


def test_a_line_for_the_books_is_an_event(scene):
    scene.receipt()
    args = {"id": "R", "version": 1, "action": "bill"}
    receipt = scene.call("asset", "act", args, "keeper/app")

    assert receipt.calls[0].events[0].fields() == {
        "amount": 100, "creditor": "keeper", "debtor": "owner", "id": "R", "kind": "storage",
        "unit": "CNY",
    }  # fmt: skip


def test_a_timer_runs_at_its_time_and_once(scene):
    scene.receipt()
    scene.step("act", "R", {"action": "store"}, "keeper")
    at = scene.record("R").timers["term"]
    scene.block(time=at - 1)
    before = scene.record("R").body["reminders"]
    receipt = scene.block(time=at)[0]
    after = scene.record("R")

    assert (before, after.body["reminders"], after.timers, scene.due()) == (0, 1, {}, 0)
    assert [event.name for event in receipt.calls[0].events] == ["asset.notice", "asset.timed"]


def test_a_timer_that_is_opened_again_runs_at_the_later_time(scene):
    scene.receipt()
    scene.step("act", "R", {"action": "store"}, "keeper")
    first = scene.record("R").timers["term"]
    scene.step("act", "R", {"action": "store"}, "keeper")

    assert (scene.due(), scene.record("R").timers["term"] > first) == (1, True)
    scene.step("act", "R", {"action": "fetch"}, "keeper")
    assert (scene.due(), scene.record("R").timers) == (0, {})


def test_the_end_stops_the_timers(scene):
    scene.receipt()
    scene.step("act", "R", {"action": "store"}, "keeper")
    end(scene)

    assert scene.due() == 0


def test_a_record_ends_when_right_and_duty_meet(scene):
    scene.receipt()

    assert scene.code("retire", "R", {"reason": "delivered"}, "owner") == "AUTH"
    assert scene.code("retire", "R", {"reason": "delivered"}, "keeper") == "AUTH"
    assert scene.code("retire", "R", {"reason": "lost"}, "owner", "keeper") == "SCHEMA"
    end(scene)
    assert scene.code("retire", "R", {"reason": "delivered"}, "owner", "keeper") == "STATE"


def to_paper(scene, *members, medium="paper", **more):
    args = {"medium": medium, "new_ref": "P-1", "same_content_digest": scene.content("R")} | more
    return scene.step("replace", "R", args, *members)


def test_a_record_goes_to_paper_and_back(scene):
    scene.receipt()
    out = to_paper(scene, "owner", "keeper")
    assert out["status"] == "paper"
    assert scene.code("act", "R", {"action": "store"}, "keeper") == "STATE"
    args = {"to": "trader", "expires": scene.now + DAY}
    assert scene.code("offer", "R", args, "owner", "keeper") == "STATE"
    back = to_paper(scene, "keeper", "trader", medium="electronic", to="trader")

    assert back["status"] == "live"
    assert (scene.record("R").controller, scene.record("R").paper) == ("trader", "P-1")
    assert scene.keys("of/") == ["of/trader/test.receipt/R"]


def test_a_lot_is_not_free_while_its_receipt_is_on_paper(scene):
    scene.receipt(number="N1")
    to_paper(scene, "owner", "keeper")
    args = RECEIPT_ARGS | {"id": "R2", "body": BODY | {"number": "N2"}}

    assert scene.call("asset", "issue", args, "keeper/app").code == "DUPLICATE"


BAD_MEDIUM = {
    "another content": ({"same_content_digest": b"x" * 32}, ("owner", "keeper"), "SUM"),
    "no word of the issuer": ({}, ("owner",), "AUTH"),
    "no word of the controller": ({}, ("keeper",), "AUTH"),
    "the way back first": ({"medium": "electronic"}, ("owner", "keeper"), "STATE"),
    "stone": ({"medium": "stone"}, ("owner", "keeper"), "SCHEMA"),
}


@pytest.mark.parametrize("name", BAD_MEDIUM)
def test_a_change_of_medium_is_refused_with(scene, name):
    change, members, code = BAD_MEDIUM[name]
    scene.receipt()
    args = {"medium": "paper", "new_ref": "P-1", "same_content_digest": scene.content("R")}

    assert scene.code("replace", "R", args | change, *members) == code


def test_only_the_paper_that_went_out_comes_back(scene):
    scene.receipt()
    to_paper(scene, "owner", "keeper")
    digest = scene.content("R")
    args = {"medium": "electronic", "new_ref": "P-2", "same_content_digest": digest}

    assert scene.code("replace", "R", args, "owner", "keeper") == "LINK"
    args["new_ref"] = "P-1"
    assert scene.code("replace", "R", args, "owner") == "AUTH"
    assert scene.code("replace", "R", args | {"to": "trader"}, "owner", "keeper") == "AUTH"


def test_a_paper_is_exchanged_once(scene):
    scene.receipt(paper="P-1")
    assert scene.record("R").paper == "P-1"
    other = RECEIPT_ARGS | {"id": "R2", "body": BODY | {"lot": "L2", "number": "N2"}}
    receipt = scene.call("asset", "issue", other | {"paper": "P-1"}, "keeper/app")

    assert (receipt.code, receipt.error_fields()["by"]) == ("DUPLICATE", "R")
    args = {"medium": "paper", "new_ref": "P-1", "same_content_digest": scene.content("R")}
    assert scene.code("replace", "R", args, "owner", "keeper") == "DUPLICATE"
