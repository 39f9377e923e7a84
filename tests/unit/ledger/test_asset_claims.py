"""Pledge, lien, hold, freeze: who lays them, who lifts them, and what they stop."""

import pytest

from ledger.contract import load
from ledger.contracts.asset_records import Held
from tests.unit.ledger.asset_scene import DAY, AssetScene

PLEDGE = {"enc_id": "p", "kind": "pledge", "to": "bank"}


@pytest.fixture
def scene():
    made = AssetScene()
    made.token()
    return made


def lay(scene, *members, name="T", **more):
    return scene.step("encumber", name, PLEDGE | more, *(members or ("owner", "bank")))


def test_a_pledge_stands_under_a_key_that_was_not_there(scene):
    assert scene.value("held/T") is None
    lay(scene, secured={"amount": 5_000_000, "unit": "CNY"}, terms_digest=b"t" * 32)
    (claim,) = load(scene.value("held/T"), Held).claims

    assert (claim.kind, claim.to, claim.by, claim.amount, claim.unit) == (
        "pledge", "bank", "owner", 5_000_000, "CNY",
    )  # fmt: skip
    assert (claim.height, claim.terms) == (scene.ledger.head.height, b"t" * 32)
    assert scene.record("T").version == 2


SIGNERS = {
    "the controller alone": (("owner",), "AUTH"),
    "the secured member alone": (("bank",), "AUTH"),
    "both": (("owner", "bank"), "OK"),
    "others": (("trader", "keeper"), "AUTH"),
}


@pytest.mark.parametrize("name", SIGNERS)
def test_a_pledge_is_laid_by(scene, name):
    members, code = SIGNERS[name]
    args = PLEDGE | {"id": "T", "version": 1}

    assert scene.call("asset", "encumber", args, *(one + "/app" for one in members)).code == code


BAD = {
    "a kind that the profile does not have": ({"kind": "usufruct"}, "RULE"),
    "a freeze": ({"kind": "freeze"}, "RULE"),
    "a date that has passed": ({"until": 5}, "TIME"),
    "a hold without an end": ({"kind": "hold"}, "TIME"),
    "a hold for a year": ({"kind": "hold", "until": 2**50}, "TIME"),
    "nobody": ({"to": "ghost"}, "AUTH"),
    "no amount": ({"secured": {"amount": 0, "unit": "CNY"}}, "SCHEMA"),
}


@pytest.mark.parametrize("name", BAD)
def test_an_encumbrance_is_refused_with(scene, name):
    args, code = BAD[name]

    assert scene.code("encumber", "T", PLEDGE | args, "owner", "bank") == code


def test_as_many_lie_on_a_record_as_its_profile_ranks(scene):
    lay(scene)
    assert scene.code("encumber", "T", PLEDGE, "owner", "bank") == "EXISTS"
    lay(scene, "owner", "trader", to="trader", enc_id="q")
    code, fields = scene.refused("encumber", "T", PLEDGE | {"enc_id": "r"}, "owner", "bank")

    assert (code, fields["by"], fields["need"]) == ("HELD", "trader", 2)
    assert scene.held("T") == [("pledge", "bank"), ("pledge", "trader")]


def test_encumbrances_leave_room_for_a_court():
    scene = AssetScene()
    scene.token("T")
    kinds = [("pledge", 2), ("lien", 2), ("hold", 1)]
    for kind, most in kinds:
        for number in range(most):
            until = {"until": scene.now + DAY} if kind == "hold" else {}
            lay(scene, kind=kind, enc_id=f"{kind}{number}", **until)
    for number in range(11):
        scene.step("freeze", "T", {"order_ref": f"2026-{number}"}, "court")

    code, fields = scene.refused("freeze", "T", {"order_ref": "2026-99"}, "court")
    assert (code, fields["need"]) == ("LIMIT", 16)


MOVES = {
    "offer": {"to": "trader", "expires": 0},
    "split": {"parts": [{"id": "A", "quantity": 4}, {"id": "B", "quantity": 6}]},
    "retire": {"reason": "consumed"},
    "act": {"action": "close"},
    "replace": {"medium": "paper", "new_ref": "7", "same_content_digest": b""},
}


@pytest.mark.parametrize("method", MOVES)
def test_what_is_pledged_does_not_move_without_the_pledgee(scene, method):
    lay(scene)
    since = scene.ledger.head.time
    args = dict(MOVES[method])
    if method == "offer":
        args["expires"] = scene.now + DAY
    if method == "replace":
        args["same_content_digest"] = scene.content("T")
    code, fields = scene.refused(method, "T", args, "owner")

    assert (code, fields["by"], fields["kind"], fields["since"]) == (
        "HELD", "bank", "pledge", since,
    )  # fmt: skip
    assert scene.step(method, "T", args, "owner", "bank")


def test_the_secured_member_releases(scene):
    lay(scene)

    assert scene.code("release", "T", {"enc_id": "p"}, "owner") == "AUTH"
    assert scene.code("release", "T", {"enc_id": "none"}, "bank") == "MISSING"
    scene.step("release", "T", {"enc_id": "p", "reason": "paid"}, "bank")
    assert scene.value("held/T") is None
    assert scene.step("act", "T", {"action": "close"}, "owner")["state"] == "closed"


def test_the_end_of_a_record_ends_what_lay_on_it(scene):
    lay(scene)
    scene.step("retire", "T", {"reason": "cancelled"}, "owner", "bank")

    assert scene.value("held/T") is None
    assert scene.code("release", "T", {"enc_id": "p"}, "bank") == "STATE"


def test_a_hold_keeps_others_out_and_ends_by_itself(scene):
    until = scene.now + DAY
    lay(scene, kind="hold", enc_id="h", until=until)

    code, fields = scene.refused("encumber", "T", PLEDGE | {"to": "trader"}, "owner", "trader")
    assert (code, fields["by"], fields["kind"]) == ("HELD", "bank", "hold")
    scene.block(time=until)
    assert (scene.held("T"), scene.record("T").version, scene.due()) == ([], 3, 0)
    lay(scene, "owner", "trader", to="trader")


def test_a_hold_that_is_released_does_not_end_twice(scene):
    lay(scene, kind="hold", enc_id="h", until=scene.now + DAY)
    scene.step("release", "T", {"enc_id": "h"}, "bank")

    assert (scene.held("T"), scene.due()) == ([], 0)


@pytest.mark.parametrize(
    ("members", "code"),
    [(("bank",), "AUTH"), (("court",), "AUTH"), (("owner",), "AUTH"), (("bank", "owner"), "OK"),
     (("bank", "court"), "OK"), (("bank", "trader"), "AUTH")],
)  # fmt: skip
def test_nobody_enforces_on_his_own_word(scene, members, code):
    lay(scene)
    args = {"id": "T", "version": 2, "enc_id": "p", "order_ref": "2026-5"}
    receipt = scene.call("asset", "enforce", args, *(one + "/app" for one in members))

    assert receipt.code == code
    taken = "bank" if code == "OK" else "owner"
    assert (scene.record("T").controller, scene.record("T").holder) == (taken, taken)


def test_what_is_enforced_may_go_to_a_buyer(scene):
    lay(scene)
    args = {"enc_id": "p", "order_ref": "2026-5"}

    assert scene.code("enforce", "T", args | {"to": "ghost"}, "bank", "court") == "LINK"
    scene.step("enforce", "T", args | {"to": "trader"}, "bank", "court")
    assert (scene.held("T"), scene.keys("of/")) == ([], ["of/trader/test.token/T"])


def test_one_creditor_does_not_enforce_past_another(scene):
    lay(scene)
    lay(scene, "owner", "trader", to="trader", enc_id="q")
    args = {"enc_id": "p", "order_ref": "2026-5"}
    code, fields = scene.refused("enforce", "T", args, "bank", "court")

    assert (code, fields["by"]) == ("HELD", "trader")
    scene.step("enforce", "T", args, "bank", "court", "trader")
    assert scene.held("T") == [("pledge", "trader")]


def test_a_hold_is_not_enforced(scene):
    lay(scene, kind="hold", enc_id="h", until=scene.now + DAY)
    args = {"enc_id": "h", "order_ref": "x"}

    assert scene.code("enforce", "T", args, "bank", "owner") == "STATE"


def test_an_order_stops_a_record_whatever_its_version(scene):
    scene.done("freeze", {"id": "T", "order_ref": "2026-1"}, "court")
    (claim,) = load(scene.value("held/T"), Held).claims

    assert (claim.kind, claim.to, claim.order) == ("freeze", "court", "2026-1")
    assert scene.code("encumber", "T", PLEDGE, "owner", "bank") == "HELD"
    assert scene.code("retire", "T", {"reason": "consumed"}, "owner") == "HELD"
    assert scene.code("freeze", "T", {"order_ref": "2026-1"}, "court") == "DUPLICATE"
    assert scene.code("release", "T", {"enc_id": claim.id}, "court") == "STATE"


def test_only_an_authority_freezes_and_the_one_that_froze_lifts(scene):
    code, fields = scene.refused("freeze", "T", {"order_ref": "1"}, "bank")
    assert (code, fields["need"]) == ("AUTH", ["court", "regulator"])
    scene.step("freeze", "T", {"order_ref": "1"}, "court")

    assert scene.code("unfreeze", "T", {"order_ref": "1"}, "owner") == "AUTH"
    assert scene.code("unfreeze", "T", {"order_ref": "2"}, "court") == "MISSING"
    scene.step("unfreeze", "T", {"order_ref": "1"}, "court")
    assert scene.held("T") == []


def test_a_freeze_names_the_version_when_it_wants(scene):
    args = {"id": "T", "version": 7, "order_ref": "1"}

    assert scene.call("asset", "freeze", args, "court/app").code == "STALE"


def test_a_profile_says_more_about_its_pledge():
    scene = AssetScene()
    scene.receipt()
    args = {"enc_id": "p", "kind": "pledge", "to": "bank", "args": {"pledgee": "bank"}}

    assert scene.refused("encumber", "R", args, "owner", "bank")[1]["need"] == "keeper"
    assert scene.code("encumber", "R", args | {"to": "trader"}, "owner", "keeper", "bank") == (
        "SCHEMA"
    )
    assert scene.pledge(secured={"amount": 9, "unit": "CNY"})["state"] == "pledged"
    assert scene.held("R") == [("pledge", "bank")]
    again = args | {"enc_id": "q", "to": "trader", "args": {"pledgee": "trader"}}
    assert scene.code("encumber", "R", again, "owner", "keeper", "trader") == "STATE"
    receipt = scene.call("asset", "release", {"id": "R", "version": 2, "enc_id": "p1"}, "bank/app")
    assert receipt.calls[0].events[0].fields() == {
        "id": "R", "role": "controller", "to": ["owner"],
    }  # fmt: skip
    assert (scene.held("R"), scene.record("R").state) == ([], "issued")


def test_an_action_may_pledge_and_names_what_it_laid():
    scene = AssetScene()
    scene.receipt()
    scene.step("act", "R", {"action": "pledge", "args": {"pledgee": "bank"}},
               "owner", "keeper", "bank")  # fmt: skip
    (claim,) = load(scene.value("held/R"), Held).claims

    assert (claim.id, claim.to, claim.by) == ("pledge-pledge-2", "bank", "owner")


def test_no_profile_frees_a_record_behind_the_pledgees_back():
    scene = AssetScene()
    scene.receipt()
    scene.pledge()
    args = {"action": "free", "args": {"from": "bank"}}

    code, fields = scene.refused("act", "R", args, "keeper", "owner")
    assert (code, fields["by"]) == ("HELD", "bank")
    scene.step("act", "R", args, "keeper", "bank")
    assert scene.held("R") == []


def test_no_profile_passes_a_record_on_behind_the_pledgees_back():
    scene = AssetScene()
    scene.receipt()
    scene.pledge()
    args = {"action": "hand_over", "args": {"to": "trader"}}

    assert scene.code("act", "R", args, "keeper", "owner") == "HELD"
    scene.step("act", "R", args, "keeper", "bank")
    assert scene.record("R").controller == "trader"
    nobody = {"action": "hand_over", "args": {"to": "ghost"}}
    assert scene.code("act", "R", nobody, "keeper", "bank") == "LINK"


def test_those_secured_are_told_of_a_shortfall():
    scene = AssetScene()
    scene.receipt()
    scene.pledge()
    args = {"id": "R", "version": 2, "action": "count_stock", "args": {"found": 92}}
    receipt = scene.call("asset", "act", args, "keeper/app")

    notice = receipt.calls[0].events[0]
    assert (notice.name, notice.fields()["to"]) == ("asset.notice", ["bank"])
