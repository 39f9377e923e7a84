"""Offers: what passes, to whom, with whose signature, and how an offer ends."""

import pytest

from tests.unit.ledger.asset_scene import DAY, AssetScene

FOR_TRADER = ("T", "trader", "owner")


@pytest.fixture
def scene():
    made = AssetScene()
    made.token()
    return made


def answer(scene, method, name, *members, **more):
    return scene.step(method, name, {"offer": scene.record(name).offer.number} | more, *members)


def test_title_and_possession_pass_when_the_taker_accepts(scene):
    scene.offer("T", "trader", "owner", terms_digest=b"t" * 32)
    before = scene.record("T")
    result = answer(scene, "accept", "T", "trader")

    assert (before.controller, before.offer.terms) == ("owner", b"t" * 32)
    assert result == {
        "controller": "trader", "holder": "trader", "id": "T", "state": "live", "version": 3,
    }  # fmt: skip
    assert scene.keys("of/") == ["of/trader/test.token/T"]
    assert (scene.record("T").offer, scene.due()) == (None, 0)


def test_accepting_writes_four_keys(scene):
    scene.offer("T", "trader", "owner")
    before = dict(scene.ledger.scan_state(b""))
    answer(scene, "accept", "T", "trader")
    after = dict(scene.ledger.scan_state(b""))

    assert len({key for key in before | after if before.get(key) != after.get(key)}) == 4


def test_title_and_possession_may_pass_apart(scene):
    scene.offer("T", "bank", "owner", role="controller")
    answer(scene, "accept", "T", "bank")
    scene.offer("T", "keeper", "owner", role="holder")
    answer(scene, "accept", "T", "keeper")

    assert (scene.record("T").controller, scene.record("T").holder) == ("bank", "keeper")
    both = {"to": "trader", "expires": scene.now + DAY}
    assert scene.code("offer", "T", both, "bank") == "AUTH"
    assert scene.step("offer", "T", both, "bank", "keeper")["offer"] == 6


GIVERS = {
    "the title, by who has it": ("controller", "owner", "OK"),
    "the title, by another": ("controller", "trader", "AUTH"),
    "possession, by another": ("holder", "trader", "AUTH"),
    "both, by another": ("both", "trader", "AUTH"),
}


@pytest.mark.parametrize("name", GIVERS)
def test_who_gives_must_have(scene, name):
    role, by, code = GIVERS[name]
    args = {"id": "T", "version": 1, "to": "bank", "role": role, "expires": scene.now + DAY}
    receipt = scene.call("asset", "offer", args, by + "/app")
    # The profile itself says AUTH where nobody of the record signed; the rule comes first.
    assert receipt.code == code


BAD = {
    "to nobody": ({"to": "ghost"}, "LINK"),
    "to itself": ({"to": "owner"}, "STATE"),
    "for too long": ({"expires": 2**50}, "TIME"),
    "for no time": ({"expires": 5}, "TIME"),
    "the title in blank without possession": ({"role": "controller", "right": "blank"}, "RULE"),
    "a share": ({"role": "half"}, "SCHEMA"),
}


@pytest.mark.parametrize("name", BAD)
def test_an_offer_is_refused(scene, name):
    args, code = BAD[name]
    whole = {"to": "trader", "expires": scene.now + DAY} | args

    assert scene.code("offer", "T", whole, "owner") == code
    assert scene.record("T").offer is None


def test_what_a_profile_does_not_let_pass_cannot_be_offered(scene):
    scene.done("issue", {"id": "F", "profile": "test.fixed@1", "action": "make"}, "owner")

    args = {"to": "trader", "expires": scene.now + DAY}
    assert scene.code("offer", "F", args, "owner") == "STATE"


def test_the_profile_asks_for_the_keepers_signature(scene):
    scene.receipt()
    args = {"to": "trader", "expires": scene.now + DAY}

    assert scene.refused("offer", "R", args, "owner")[1]["need"] == "keeper"
    assert scene.offer("R", "trader", "owner", "keeper") == 2


def test_one_offer_is_open_at_a_time(scene):
    number = scene.offer(*FOR_TRADER)
    args = {"to": "bank", "expires": scene.now + DAY}
    code, fields = scene.refused("offer", "T", args, "owner")

    assert (code, fields["to"], fields["offer"]) == ("STATE", "trader", number)


def test_only_the_taker_accepts_the_offer_that_is_open(scene):
    assert scene.code("accept", "T", {"offer": 2}, "trader") == "STATE"
    number = scene.offer(*FOR_TRADER)

    assert scene.code("accept", "T", {"offer": number}, "bank") == "AUTH"
    assert scene.code("accept", "T", {"offer": number + 1}, "trader") == "STATE"
    stale = {"id": "T", "version": 1, "offer": number}
    assert scene.call("asset", "accept", stale, "trader/app").code == "STALE"


def test_the_taker_rejects_and_the_giver_withdraws(scene):
    number = scene.offer(*FOR_TRADER)
    assert scene.code("reject", "T", {"offer": number}, "owner") == "AUTH"
    answer(scene, "reject", "T", "trader", reason="other goods")
    number = scene.offer(*FOR_TRADER)
    assert scene.code("withdraw", "T", {"offer": number}, "trader") == "AUTH"
    answer(scene, "withdraw", "T", "owner")

    assert (scene.record("T").controller, scene.record("T").offer) == ("owner", None)
    assert scene.due() == 0
    assert scene.code("withdraw", "T", {"offer": number}, "owner") == "STATE"


def test_an_offer_ends_by_itself(scene):
    number = scene.offer(*FOR_TRADER)
    expires = scene.record("T").offer.expires
    receipts = scene.block(time=expires)

    assert receipts[0].calls[0].value()["entries"][0]["code"] == "OK"
    assert (scene.record("T").offer, scene.due(), scene.record("T").version) == (None, 0, 3)
    assert scene.code("accept", "T", {"offer": number}, "trader") == "STATE"


def test_an_offer_that_is_late_in_the_queue_is_not_accepted(scene):
    number = scene.offer(*FOR_TRADER)
    expires = scene.record("T").offer.expires
    for count in range(64):
        scene.token(f"X{count}")
        scene.offer(f"X{count}", "bank", "owner", expires=expires - 1)

    args = {"id": "T", "version": 2, "offer": number}
    assert scene.call("asset", "accept", args, "trader/app", time=expires).code == "TIME"


def test_a_straight_title_goes_back_to_its_issuer_alone(scene):
    scene.offer("T", "trader", "owner", right="final")
    answer(scene, "accept", "T", "trader")

    args = {"to": "bank", "expires": scene.now + DAY}
    code, fields = scene.refused("offer", "T", args, "trader")
    assert (code, fields["have"], fields["need"]) == ("AUTH", "final", "owner")
    assert scene.offer("T", "bank", "trader", role="holder")
    answer(scene, "withdraw", "T", "trader")
    assert scene.offer("T", "owner", "trader")


def test_a_title_in_blank_follows_possession(scene):
    scene.offer("T", "trader", "owner", right="blank")
    answer(scene, "accept", "T", "trader")
    scene.offer("T", "bank", "trader", role="holder")
    answer(scene, "accept", "T", "bank")
    after = scene.record("T")

    assert (after.controller, after.holder, after.right) == ("bank", "bank", "blank")


def test_nothing_else_moves_a_record_that_is_offered(scene):
    scene.offer(*FOR_TRADER)

    for method, args in {
        "act": {"action": "close"},
        "retire": {"reason": "consumed"},
        "split": {"parts": [{"id": "A", "quantity": 4}, {"id": "B", "quantity": 6}]},
        "encumber": {"kind": "pledge", "to": "bank", "enc_id": "p"},
        "replace": {
            "medium": "paper", "new_ref": "1", "same_content_digest": scene.content("T"),
        },
    }.items():  # fmt: skip
        code, fields = scene.refused(method, "T", args, "owner", "bank")
        assert (code, fields["have"]) == ("STATE", "offered"), method


def test_a_freeze_stops_an_offer_that_is_open(scene):
    scene.offer(*FOR_TRADER)
    scene.step("freeze", "T", {"order_ref": "2026-1"}, "court")
    number = scene.record("T").offer.number

    code, fields = scene.refused("accept", "T", {"offer": number}, "trader")
    assert (code, fields["by"], fields["kind"]) == ("HELD", "court", "freeze")
    assert scene.step("accept", "T", {"offer": number}, "trader", "court")["holder"] == "trader"


def test_what_lies_on_a_record_passes_with_it(scene):
    scene.receipt()
    scene.step(
        "encumber", "R", {"kind": "hold", "to": "bank", "enc_id": "h", "until": scene.now + DAY},
        "owner", "bank",
    )  # fmt: skip
    args = {"to": "trader", "expires": scene.now + DAY}

    assert scene.code("offer", "R", args, "owner", "keeper") == "HELD"
    scene.offer("R", "trader", "owner", "keeper", "bank")
    answer(scene, "accept", "R", "trader")
    assert scene.held("R") == [("hold", "bank")]


def test_a_freeze_stops_even_an_offer_that_its_court_signed(scene):
    number = scene.offer("T", "trader", "owner", "court")
    scene.step("freeze", "T", {"order_ref": "2026-1"}, "court")

    code, fields = scene.refused("accept", "T", {"offer": number}, "trader")
    assert (code, fields["by"]) == ("HELD", "court")
