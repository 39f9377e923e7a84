"""`grant`, the negotiation and the transfer: the tables of the Dataspace Protocol, and no more."""

import itertools

import pytest

from hansa.keys import key_id
from ledger.contracts.grant_rules import NEGOTIATION, TERMINATION, TRANSFER
from tests.unit.ledger.grant_scene import (
    OFFER,
    OTHER,
    STATES,
    STEPS,
    TERMS,
    GrantScene,
    delivery,
    wrap,
)
from tests.unit.ledger.scene import DAY, START, key


@pytest.fixture
def scene():
    return GrantScene()


# The catalogue


def publishing(**changes):
    return {"class": "open", "descriptor_digest": b"d" * 32, "id": "E"} | changes


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, "OK"),
        ({"id": "D"}, "EXISTS"),
        ({"class": "secret"}, "SCHEMA"),
        ({"authority": "farm"}, "RULE"),
        ({"authority": "nobody"}, "MISSING"),
        ({"answer_ms": 999}, "SCHEMA"),
        ({"answer_ms": 1000}, "OK"),
        ({"policy": {"purposes": ["A Purpose"]}}, "SCHEMA"),
    ],
)
def test_a_dataset_is_published_by_its_owner(scene, changes, code):
    assert scene.call("grant", "publish", publishing(**changes), "farm/app").code == code


# Requests


BAD_REQUESTS = {
    "of no dataset": ({}, {"dataset": "none"}, "MISSING"),
    "of a closed one": ({"class": "closed"}, {}, "RULE"),
    "by its owner for itself": ({}, {"by": "roastery"}, "RULE"),
    "in another member's name": ({}, {"consumer": "retailer"}, "AUTH"),
    "by the owner for nobody known": ({}, {"by": "roastery", "consumer": "nobody"}, "MISSING"),
    "for another purpose": ({"policy": {"purposes": ["research"]}}, {}, "RULE"),
    "for a time that is past": ({}, {"until": START}, "TIME"),
    "for longer than permitted": ({"policy": {"until": START + 9 * DAY}}, {}, "TIME"),
    "on no known legal basis": ({}, {"legal_basis": "curiosity"}, "SCHEMA"),
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_a_request_is_refused(name):
    dataset, changes, code = BAD_REQUESTS[name]

    assert GrantScene(**dataset).ask(**changes).code == code


def test_an_id_is_taken_once(scene):
    scene.ask()

    assert scene.ask(by="retailer").code == "EXISTS"


def test_a_request_writes_a_record_and_the_time_to_answer(scene):
    scene.ask()

    assert scene.keys("grant/agreement/") == ["grant/agreement/A"]
    assert len(scene.keys("due/")) == 1


def test_an_owner_offers_first(scene):
    scene.ask(by="roastery", consumer="farm")
    assert (scene.agreement().state, scene.agreement().consumer) == ("OFFERED", "farm")
    assert scene.keys("due/") == []

    assert scene.done("accept", {}, "farm") == "ACCEPTED"


def test_a_consumer_asks_again_with_other_terms(scene):
    scene.to("OFFERED")
    args = scene.asking(offer=OTHER, purpose="research")

    assert scene.done("request", args, "farm") == "REQUESTED"
    assert (scene.agreement().terms, scene.agreement().purpose) == (OTHER, "research")
    assert scene.refused("request", args, "farm")[0] == "STATE"


def test_asking_again_stays_with_the_dataset_and_with_the_policy(scene):
    scene.call("grant", "publish", publishing(), "roastery/app")
    scene.to("OFFERED")

    assert scene.refused("request", scene.asking(dataset="E"), "farm")[0] == "LINK"
    assert scene.refused("request", scene.asking(until=1), "farm")[0] == "TIME"


# Negotiation


def test_the_long_way_and_the_short_way_end_finalized(scene):
    scene.to("FINALIZED")
    short = GrantScene()
    short.ask()
    states = [
        short.done("decide", {"decision": "agree", "terms_digest": OFFER}, "roastery"),
        short.done("verify", {}, "farm"),
        short.done("finalize", {}, "roastery"),
    ]

    assert states == ["AGREED", "VERIFIED", "FINALIZED"]
    assert short.keys("due/") == []


CALLS = {
    "offer": ("decide", {"decision": "offer", "terms_digest": TERMS}),
    "agree": ("decide", {"decision": "agree", "terms_digest": TERMS}),
    "accept": ("accept", {}),
    "verify": ("verify", {}),
    "finalize": ("finalize", {}),
}
SIDES = {"consumer": "farm", "provider": "roastery"}


@pytest.mark.parametrize(
    ("state", "step", "side"), list(itertools.product(STATES, CALLS, SIDES))
)  # fmt: skip
def test_a_step_is_possible_in_the_state_and_for_the_side_of_the_table(state, step, side):
    scene = GrantScene()
    scene.to(state, offer=TERMS)
    method, args = CALLS[step]
    turn, after = NEGOTIATION.get((state, step), ("", ""))

    receipt = scene.step(method, args, SIDES[side])

    expected = "STATE" if not turn else "OK" if turn == side else "AUTH"
    assert receipt.code == expected
    assert scene.agreement().state == (after if expected == "OK" else state)


@pytest.mark.parametrize(("state", "side"), list(itertools.product(STATES, SIDES)))
def test_a_negotiation_is_ended_by_whom_the_table_names(state, side):
    scene = GrantScene()
    scene.to(state)
    sides = TERMINATION.get(state, ())

    receipt = scene.step("terminate", {"reason": "no more need"}, SIDES[side])

    assert receipt.code == ("STATE" if not sides else "OK" if side in sides else "AUTH")


@pytest.mark.parametrize("step", [step[:2] for step in STEPS])
def test_a_third_member_that_presents_the_agreement_is_refused(step):
    scene = GrantScene()
    scene.to(STATES[[one[:2] for one in STEPS].index(step)])

    code, fields = scene.refused(*step, "retailer")
    assert (code, fields["need"], fields["by"]) == ("AUTH", ["farm", "roastery"], "retailer")


def test_what_is_agreed_is_what_was_accepted_or_asked_for(scene):
    scene.ask()
    agree = {"decision": "agree", "terms_digest": OTHER}
    code, fields = scene.refused("decide", agree, "roastery")
    assert (code, fields["need"]) == ("RULE", OFFER)

    scene.done(*STEPS[0])
    scene.done(*STEPS[1])
    assert scene.refused("decide", agree, "roastery")[0] == "RULE"


def test_a_decision_names_its_terms(scene):
    scene.ask()

    assert scene.refused("decide", {"decision": "offer"}, "roastery")[0] == "SCHEMA"


def test_a_refusal_has_a_reason(scene):
    scene.ask()
    assert scene.refused("decide", {"decision": "refuse"}, "roastery")[0] == "RULE"
    assert scene.refused("terminate", {"reason": ""}, "farm")[0] == "RULE"

    args = {"decision": "refuse", "reason": "another office has it"}
    assert scene.refused("decide", args, "farm")[0] == "AUTH"
    assert scene.done("decide", args, "roastery") == "TERMINATED"
    assert scene.agreement().reason == "another office has it"
    assert scene.refused("decide", args, "roastery")[0] == "STATE"


def test_open_data_are_not_refused():
    scene = GrantScene(**{"class": "open"})
    scene.ask()

    args = {"decision": "refuse", "reason": "no"}
    assert scene.refused("decide", args, "roastery")[0] == "RULE"


def test_nothing_is_agreed_after_its_end(scene):
    scene.to("VERIFIED", until=START + DAY)

    code, fields = scene.refused("finalize", {}, "roastery", time=START + DAY)
    assert (code, fields["need"]) == ("TIME", START + DAY)


def test_a_change_names_the_version_it_saw(scene):
    scene.ask()

    assert scene.refused("decide", STEPS[0][1] | {"version": 9}, "roastery")[0] == "STALE"
    assert scene.call("grant", "accept", {"id": "none", "version": 1}).code == "MISSING"


# Escalation


def test_a_provider_that_is_silent_is_escalated_to_its_authority():
    scene = GrantScene(answer_ms=DAY)
    scene.ask()
    asked = scene.ledger.head.time
    agree = {"decision": "agree", "terms_digest": OFFER}
    assert scene.refused("decide", agree, "carrier")[0] == "AUTH"

    receipts = scene.block(time=asked + DAY)

    assert [event.name for event in receipts[0].calls[0].events] == ["grant.escalated"]
    assert scene.agreement().escalated == asked + DAY
    assert scene.refused("terminate", {"reason": "late"}, "carrier")[0] == "AUTH"
    assert scene.done("decide", agree, "carrier") == "AGREED"
    assert scene.agreement().escalated == 0


def test_a_provider_that_was_late_may_still_answer():
    scene = GrantScene(answer_ms=DAY)
    scene.ask()
    scene.block(time=START + 3 * DAY)

    assert scene.done(*STEPS[0]) == "OFFERED"
    assert scene.keys("due/") == []


def test_an_authority_that_asks_for_itself_does_not_answer_itself():
    scene = GrantScene(answer_ms=DAY)
    scene.ask(by="carrier")
    scene.block(time=START + 3 * DAY)

    code, fields = scene.refused("decide", STEPS[0][1], "carrier")
    assert (code, fields["need"]) == ("AUTH", ["roastery"])


# Transfer


def transfer_in(state):
    """An agreement whose transfer is in a state."""
    scene = GrantScene()
    scene.to("FINALIZED")
    ways = {
        "": (),
        "REQUESTED": ("REQUESTED",),
        "STARTED": ("REQUESTED", "STARTED"),
        "SUSPENDED": ("REQUESTED", "STARTED", "SUSPENDED"),
        "COMPLETED": ("REQUESTED", "STARTED", "COMPLETED"),
        "TERMINATED": ("REQUESTED", "TERMINATED"),
    }
    for to in ways[state]:
        scene.done("transfer", {"to": to}, "roastery" if to == "STARTED" else "farm")
    return scene


TRANSFER_STATES = ("", "REQUESTED", "STARTED", "SUSPENDED", "COMPLETED", "TERMINATED")


@pytest.mark.parametrize(
    ("state", "to", "side"), list(itertools.product(TRANSFER_STATES, TRANSFER_STATES[1:], SIDES))
)
def test_a_transfer_moves_as_the_table_says(state, to, side):
    scene = transfer_in(state)
    sides = TRANSFER.get((state, to), ())

    receipt = scene.step("transfer", {"to": to}, SIDES[side])

    assert receipt.code == ("STATE" if not sides else "OK" if side in sides else "AUTH")


def test_there_is_no_transfer_before_the_agreement_is_in_force(scene):
    scene.to("VERIFIED")

    assert scene.refused("transfer", {"to": "REQUESTED"}, "farm")[0] == "STATE"
    assert scene.refused("deliver", delivery(), "roastery")[0] == "STATE"


def test_there_is_no_transfer_after_its_end(scene):
    scene.to("FINALIZED", until=START + DAY)

    code, _ = scene.refused("transfer", {"to": "REQUESTED"}, "farm", time=START + DAY)
    assert code == "TIME"


# Delivery


def test_a_delivery_keeps_digest_and_wrapped_keys_under_its_number(scene):
    scene.started()
    scene.done("deliver", delivery(), "roastery")
    scene.done("deliver", delivery(2, wrap("farm/boss"), wrap("farm")), "roastery")

    assert scene.keys("grant/delivery/") == [
        "grant/delivery/A/00000001",
        "grant/delivery/A/00000002",
    ]
    assert scene.agreement().seq == 2


def test_a_first_delivery_starts_a_requested_transfer(scene):
    scene.to("FINALIZED")
    assert scene.refused("deliver", delivery(), "roastery")[0] == "STATE"
    scene.done("transfer", {"to": "REQUESTED"}, "farm")
    scene.done("deliver", delivery(), "roastery")

    assert scene.agreement().transfer == "STARTED"


BAD_DELIVERIES = {
    "by the assignee": (delivery(), "farm", "AUTH"),
    "by a third member": (delivery(), "retailer", "AUTH"),
    "to another member's key": (delivery(1, wrap("retailer/app")), "roastery", "SIGN"),
    "to the provider's own key": (delivery(1, wrap("roastery/app")), "roastery", "SIGN"),
    "to one good and one bad key": (
        delivery(1, wrap(), wrap("retailer/app")), "roastery", "SIGN",
    ),
    "to an unknown key": (delivery(1, wrap("nobody")), "roastery", "SIGN"),
    "to a node's key": (delivery(1, wrap("v1")), "roastery", "SIGN"),
    "twice to one key": (delivery(1, wrap(), wrap()), "roastery", "DUPLICATE"),
    "to nobody": (delivery() | {"wraps": []}, "roastery", "SCHEMA"),
    "out of order": (delivery(2), "roastery", "RULE"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_DELIVERIES)
def test_a_delivery_is_refused(scene, name):
    scene.started()
    args, member, code = BAD_DELIVERIES[name]

    assert scene.refused("deliver", args, member)[0] == code


def test_nothing_is_delivered_to_a_key_that_was_revoked(scene):
    scene.started()
    args = {"key": key_id(key("farm/app").public), "reason": "lost", "subject": "farm/app"}
    revoked = scene.call("org", "revoke_key", args, "farm/boss")
    assert revoked.code == "OK", revoked.error_fields()

    code, fields = scene.refused("deliver", delivery(), "roastery")
    assert (code, fields["height"]) == ("SIGN", revoked.height + 1)


def test_nothing_is_delivered_while_suspended_or_after_the_end(scene):
    scene.started(until=START + DAY)
    scene.done("transfer", {"reason": "audit", "to": "SUSPENDED"}, "farm")
    assert scene.refused("deliver", delivery(), "roastery")[0] == "STATE"
    scene.done("transfer", {"to": "STARTED"}, "farm")

    assert scene.refused("deliver", delivery(), "roastery", time=START + DAY)[0] == "TIME"
