"""A profile that has a transition for each method: its rules come on top of the contract's."""

import pytest

from tests.unit.ledger.asset_scene import DAY, AssetScene, field, label, profile, row

FULL = profile(
    "test.full",
    [
        row("issue", [], "live", ["anyone"]),
        row("offer", ["live"], "offered", ["holder"]),
        row("accept", ["offered"], "live", ["guard"]),
        row("reject", ["offered"], "live", ["guard"]),
        row("withdraw", ["offered"], "live", ["guard"]),
        row("split", ["live"], "parted", ["controller"]),
        row("merge", ["live"], "live", ["controller"], cosign=["guard"],
            effect=[["inc", "merges", "$quantity"]]),
        row("count", ["live"], "live", ["controller"], effect=[["inc", "merges", 1]]),
        row("encumber", ["live"], "live", ["holder"]),
        row("enforce", ["live"], "live", ["guard"]),
        row("freeze", ["live"], "live", ["guard"]),
        row("unfreeze", ["live"], "live", ["holder"], cosign=["guard"]),
        row("replace", ["live"], "live", ["guard"]),
        row("retire", ["live"], "parted", ["guard"]),
    ],
    fields={"guard": field("member"), "merges": field("int", computed=True, start=0)},
    roles={"guard": {"kind": "party", "labels": label("guard")}},
    quantity={"unit": "PCE", "divisible": True},
    encumbrances={"lien": 1},
)  # fmt: skip
FULL["machine"]["final"] = ["parted"]


@pytest.fixture
def scene():
    made = AssetScene(FULL)
    args = {"id": "T", "profile": "test.full@1", "quantity": 10, "unit": "PCE"}
    made.done("issue", args | {"body": {"guard": "keeper"}}, "owner")
    return made


def test_answers_to_an_offer_ask_the_profile(scene):
    for method, by in (("reject", "trader"), ("withdraw", "owner"), ("accept", "trader")):
        number = scene.offer("T", "trader", "owner")
        assert scene.record("T").state == "offered"
        assert scene.code(method, "T", {"offer": number}, by) == "AUTH"
        scene.step(method, "T", {"offer": number}, by, "keeper")
        assert scene.record("T").state == "live"

    assert scene.record("T").controller == "trader"


def test_a_final_state_of_a_split_is_the_parents_alone(scene):
    parts = [{"id": "A", "quantity": 4}, {"id": "B", "quantity": 6}]
    scene.step("split", "T", {"parts": parts}, "owner")

    assert [scene.record(name).state for name in "TAB"] == ["parted", "live", "live"]
    assert scene.record("T").status == "split"


def test_a_merge_asks_the_profile_about_each_part(scene):
    def merge(names, *members):
        versions = [scene.record(name).version for name in names]
        args = {"ids": names, "versions": versions, "new_id": "M"}
        return scene.call("asset", "merge", args, *(one + "/app" for one in members)).code

    parts = [{"id": "A", "quantity": 3}, {"id": "B", "quantity": 3}, {"id": "C", "quantity": 4}]
    scene.step("split", "T", {"parts": parts}, "owner")

    assert merge(["A", "B"], "owner") == "SIGN"
    assert merge(["A", "C"], "owner", "keeper") == "LINK"
    assert merge(["A", "B"], "owner", "keeper") == "OK"
    assert (scene.record("M").body["merges"], scene.record("M").quantity) == (3, 6)


def test_liens_and_freezes_are_the_guards(scene):
    lien = {"kind": "lien", "to": "bank", "enc_id": "l"}
    assert scene.code("encumber", "T", lien, "bank") == "AUTH"
    scene.step("encumber", "T", lien, "owner")
    order = {"enc_id": "l", "order_ref": "1"}
    assert scene.code("enforce", "T", order, "bank", "owner") == "AUTH"
    scene.step("enforce", "T", order, "bank", "keeper")
    assert scene.record("T").controller == "bank"

    assert scene.code("freeze", "T", {"order_ref": "1"}, "court") == "AUTH"
    scene.step("freeze", "T", {"order_ref": "1"}, "keeper")
    assert scene.code("unfreeze", "T", {"order_ref": "1"}, "bank") == "SIGN"
    scene.step("unfreeze", "T", {"order_ref": "1"}, "bank", "keeper")
    assert scene.held("T") == []


def test_the_guard_changes_the_medium_and_ends_the_record(scene):
    args = {"medium": "paper", "new_ref": "1", "same_content_digest": scene.content("T")}
    assert scene.code("replace", "T", args, "owner") == "AUTH"
    scene.step("replace", "T", args, "keeper")
    back = args | {"medium": "electronic"}
    scene.step("replace", "T", back, "keeper", "owner")

    assert scene.code("retire", "T", {"reason": "paid"}, "owner") == "AUTH"
    scene.step("retire", "T", {"reason": "paid"}, "keeper")
    assert (scene.record("T").state, scene.record("T").reason) == ("parted", "paid")


def test_an_offer_that_nobody_answers_ends_whatever_the_profile_says(scene):
    scene.offer("T", "trader", "owner")
    scene.block(time=scene.now + 2 * DAY)

    assert scene.record("T").offer is None
