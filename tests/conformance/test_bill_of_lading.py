"""The bill of lading against the action rules of DCSA PINT 3.0.0: every position, actor, action.

What a party may do follows from what the standard says of each action: who possesses the bill,
who has the title, whether it is to order, endorsed in blank, waiting for the carrier, or done.
"""

import json

import pytest

from tests.unit.ledger.test_asset_stories import DIGEST, PROFILES, act, shipped

CARRIER, SHIPPER, BUYER, STRANGER = "keeper", "owner", "trader", "court"
MACHINE = json.loads((PROFILES / "dcsa.ebl.json").read_text("utf-8"))["machine"]
ARGS = {
    "TRANSFER": {"to": "bank"}, "ENDORSE": {"to": "bank"}, "ENDORSE_TO_ORDER": {"to": "bank"},
    "BLANK_ENDORSE": {}, "SIGN": {}, "SURRENDER_FOR_DELIVERY": {},
    "SURRENDER_FOR_AMENDMENT": {"reason": "SWTP"}, "SACC": {}, "SREJ": {"reason": "unpaid"},
}  # fmt: skip
"""The actions of the standard after the issue, and what each of them needs."""
HELD = {"TRANSFER", "SIGN"}
"""What possession alone allows."""
OWNED = HELD | {"SURRENDER_FOR_DELIVERY", "SURRENDER_FOR_AMENDMENT"}
"""What possession and title allow, also of a straight bill or one that ends with its endorsee."""
NEGOTIABLE = OWNED | {"ENDORSE", "ENDORSE_TO_ORDER", "BLANK_ENDORSE"}
ANSWERS = {CARRIER: {"SACC", "SREJ"}}

POSITIONS = {
    "issued to order": ([], {SHIPPER: NEGOTIABLE}),
    "issued straight": (None, {SHIPPER: OWNED}),
    "possession with another": ([(SHIPPER, "TRANSFER", {"to": BUYER})], {BUYER: HELD}),
    "endorsed by name": ([(SHIPPER, "ENDORSE", {"to": BUYER})], {BUYER: OWNED}),
    "endorsed to order": ([(SHIPPER, "ENDORSE_TO_ORDER", {"to": BUYER})], {BUYER: NEGOTIABLE}),
    "endorsed in blank": (
        [(SHIPPER, "BLANK_ENDORSE", {})], {SHIPPER: NEGOTIABLE - {"BLANK_ENDORSE"}},
    ),
    "a bearer's": (
        [(SHIPPER, "BLANK_ENDORSE", {}), (SHIPPER, "TRANSFER", {"to": BUYER})],
        {BUYER: NEGOTIABLE - {"BLANK_ENDORSE"}},
    ),
    "for delivery": ([(SHIPPER, "SURRENDER_FOR_DELIVERY", {})], ANSWERS),
    "for amendment": ([(SHIPPER, "SURRENDER_FOR_AMENDMENT", {"reason": "COD"})], ANSWERS),
    "delivered": ([(SHIPPER, "SURRENDER_FOR_DELIVERY", {}), (CARRIER, "SACC", {})], {}),
    "void": (
        [(SHIPPER, "SURRENDER_FOR_AMENDMENT", {"reason": "SWI"}), (CARRIER, "SACC", {})], {},
    ),
    "returned": (
        [(SHIPPER, "SURRENDER_FOR_DELIVERY", {}), (CARRIER, "SREJ", {"reason": "unpaid"})],
        {SHIPPER: NEGOTIABLE},
    ),
}  # fmt: skip
"""How a bill came to where it is (None: a straight one), and who may do what there."""


def bill(steps):
    """A bill of the carrier to the shipper after these steps."""
    scene = shipped("dcsa.ebl")
    body = {
        "carrier": CARRIER, "shipper": SHIPPER, "reference": "BL-1", "document": DIGEST,
        "to_order": steps is not None,
    }  # fmt: skip
    args = {"id": "B", "profile": "dcsa.ebl@1", "action": "ISSUE", "body": body}
    scene.done("issue", args | {"controller": SHIPPER}, CARRIER, SHIPPER)
    for member, action, given in steps or []:
        act(scene, "B", action, given, member)
    return scene


def attempt(scene, member, action):
    """The code of one action by one member on the bill as it stands."""
    version = scene.record("B").version
    args = {"id": "B", "version": version, "action": action, "args": ARGS[action]}
    return scene.call("asset", "act", args, member + "/app").code


@pytest.mark.parametrize("position", POSITIONS)
def test_each_party_may_do_what_the_standard_says_and_nothing_else(position):
    steps, expected = POSITIONS[position]
    allowed = {(one, action) for one, actions in expected.items() for action in actions}
    everything = [
        (one, action) for one in (CARRIER, SHIPPER, BUYER, STRANGER) for action in ARGS
    ]  # fmt: skip
    scene = bill(steps)
    refused = {pair: attempt(scene, *pair) for pair in everything if pair not in allowed}
    done = {pair: attempt(bill(steps), *pair) for pair in sorted(allowed)}

    assert {pair for pair, code in refused.items() if code == "OK"} == set()
    assert set(refused.values()) <= {"AUTH", "STATE", "RULE"}
    assert {pair: code for pair, code in done.items() if code != "OK"} == {}


def test_the_profile_knows_each_action_of_the_standard_and_its_own_two():
    actions = {one["action"] for one in MACHINE["transitions"]}

    assert actions == {"ISSUE", *ARGS, "pledge", "release"}


def test_an_amendment_has_a_reason_of_the_standard():
    rows = [one for one in MACHINE["transitions"] if one["action"] == "SURRENDER_FOR_AMENDMENT"]

    assert [one["args"]["reason"]["choices"] for one in rows] == [["SWTP", "COD", "SWI"]]


def test_a_second_issue_of_one_bill_is_refused():
    scene = bill([])
    body = scene.record("B").body
    given = {name: body[name] for name in ("carrier", "shipper", "reference", "document")}
    args = {
        "id": "B2", "profile": "dcsa.ebl@1", "action": "ISSUE", "controller": SHIPPER,
        "body": given | {"to_order": True},
    }  # fmt: skip

    assert scene.call("asset", "issue", args, "keeper/app", "owner/app").code == "DUPLICATE"
