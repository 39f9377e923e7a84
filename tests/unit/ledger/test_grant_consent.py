"""`grant`: consent and what rests on it, use from both sides, corrections, erasure."""

import pytest

from hansa.consent import subject_of
from ledger.contract import Context, Scope
from ledger.contracts.grant_rules import is_live, live_key
from ledger.state import Overlay
from tests.unit.ledger.grant_scene import (
    PERSON,
    SCOPE,
    SUBJECT,
    GrantScene,
    delivery,
    taken_back,
    word,
)
from tests.unit.ledger.scene import DAY, START, key

LIVE = "grant/" + live_key(SUBJECT, "audit", "farm")


@pytest.fixture
def scene():
    return GrantScene()


def give(scene, *args, **changes):
    return scene.call("grant", "consent", word(*args, **changes), "retailer/app")


# Consent


def test_a_consent_is_a_record_a_key_that_can_be_proved_and_a_timer(scene):
    receipt = give(scene)

    assert receipt.code == "OK"
    assert scene.keys("grant/live/") == [LIVE]
    assert scene.keys("grant/consent/") == ["grant/consent/C"]
    assert len(scene.keys("due/")) == 1


def test_a_consent_says_nothing_about_a_person(scene):
    receipt = give(scene)

    stored = scene.ledger.get_state(b"grant/consent/C") + scene.ledger.get_state(LIVE.encode())
    assert PERSON.public not in stored
    (event,) = receipt.calls[0].events
    assert event.fields() == {"controller": "farm", "id": "C", "purpose": "audit"}


STRANGER = key("somebody else")
BAD_CONSENTS = {
    "signed by another key": (word(signer=STRANGER), "SIGN"),
    "for another's subject": (word(subject=subject_of(STRANGER.public)), "SIGN"),
    "to another than was signed": (word() | {"controller": "carrier"}, "SIGN"),
    "for another purpose than was signed": (word() | {"purpose": "marketing"}, "SIGN"),
    "for longer than was signed": (word() | {"until": START + 31 * DAY}, "SIGN"),
    "of a wider scope than was signed": (word() | {"scope_digest": b"*" * 32}, "SIGN"),
    "to nobody known": (word(controller="nobody"), "MISSING"),
    "for a time that is past": (word(until=START), "TIME"),
    "for ever": (word(until=START + 4000 * DAY), "TIME"),
    "for what is no code": (word() | {"purpose": "a b"}, "SCHEMA"),
}


@pytest.mark.parametrize("name", BAD_CONSENTS)
def test_a_consent_is_refused(scene, name):
    args, code = BAD_CONSENTS[name]

    assert scene.call("grant", "consent", args, "retailer/app").code == code


def test_one_consent_is_live_for_a_purpose_and_a_controller(scene):
    give(scene)

    assert give(scene).code == "EXISTS"
    again = give(scene, "C2")
    assert (again.code, again.error_fields()["id"]) == ("EXISTS", "C")
    assert give(scene, "C2", purpose="research").code == "OK"


def test_a_withdrawn_consent_leaves_no_key_and_never_comes_back(scene):
    give(scene)
    assert scene.ok("grant", "withdraw", taken_back())["state"] == "withdrawn"
    assert scene.keys("grant/live/") == scene.keys("due/") == []

    again = scene.call("grant", "withdraw", taken_back(version=2))
    assert (again.code, again.error_fields()["have"]) == ("STATE", "withdrawn")
    assert give(scene).code == "EXISTS"
    assert give(scene, "C2").code == "OK"


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (taken_back(signer=STRANGER), "SIGN"),
        (taken_back() | {"signature": b"0" * 64}, "SIGN"),
        (taken_back("none"), "MISSING"),
        (taken_back(version=7), "STALE"),
    ],
)
def test_a_withdrawal_is_refused(scene, args, code):
    give(scene)

    assert scene.call("grant", "withdraw", args, "farm/app").code == code


def test_a_consent_ends_at_its_time(scene):
    give(scene, until=START + DAY)
    scene.block(time=START + 2 * DAY)

    assert scene.keys("grant/live/") == scene.keys("due/") == []
    record = scene.consent_record()
    assert (record.state, record.ended_at) == ("expired", START + DAY)


@pytest.mark.parametrize(
    ("offset", "live"), [(-1, False), (0, True), (DAY - 1, True), (DAY, False)]
)
def test_other_contracts_ask_for_a_consent_by_one_read(scene, offset, live):
    give(scene, until=START + 2000 + DAY)
    since = scene.consent_record().since

    view = Overlay(scene.ledger._state)
    scope = Scope(view, None, "test-chain", 2, 0, 0, b"", (), (), [], [], {})
    context = Context(scope, "cred")
    assert is_live(context, SUBJECT, "audit", "farm", since + offset) is live
    assert not is_live(context, SUBJECT, "marketing", "farm", since)


# What rests on consent


def resting(**more):
    return {"consent": "C", "legal_basis": "consent"} | more


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        (resting(), "OK"),
        ({"legal_basis": "consent"}, "CONSENT"),
        (resting(consent="none"), "CONSENT"),
        (resting(purpose="research"), "CONSENT"),
        (resting(by="retailer"), "CONSENT"),
    ],
)
def test_a_request_by_consent_names_a_live_one_for_itself(scene, changes, code):
    give(scene)

    assert scene.ask(**changes).code == code


def test_an_owner_may_ask_for_consent_on_any_legal_basis():
    scene = GrantScene(policy={"consent": True})

    assert scene.ask(legal_basis="law").code == "CONSENT"


@pytest.mark.parametrize("how", ["withdrawn", "expired"])
def test_nothing_is_delivered_once_consent_has_ended(scene, how):
    give(scene, until=START + 3 * DAY)
    scene.started(**resting())
    scene.done("deliver", delivery(), "roastery")
    if how == "withdrawn":
        scene.ok("grant", "withdraw", taken_back())
    else:
        scene.block(time=START + 3 * DAY)

    code, fields = scene.refused("deliver", delivery(2), "roastery")
    assert (code, fields["have"], fields["need"]) == ("CONSENT", how, "live")
    scene.done("transfer", {"to": "SUSPENDED"}, "farm")
    assert scene.refused("transfer", {"to": "STARTED"}, "farm")[0] == "CONSENT"


def test_nothing_is_agreed_once_consent_has_ended(scene):
    give(scene)
    scene.to("VERIFIED", **resting())
    scene.ok("grant", "withdraw", taken_back())

    assert scene.refused("finalize", {}, "roastery")[0] == "CONSENT"


def test_a_new_request_needs_a_consent_that_is_live(scene):
    give(scene)
    scene.ok("grant", "withdraw", taken_back())

    assert scene.ask(**resting()).code == "CONSENT"


# Use


def using(scene, start=0, end=1000, n=3, digest=b"u" * 32, **more):
    since = scene.agreement().finalized_at
    window = {"end": since + end, "start": since + start}
    return {"at_window": window, "id": "A", "n": n, "receipt_digest": digest} | more


def used(scene, args, member="farm", **more):
    return scene.call("grant", "used", args, member + "/app", **more)


def test_both_sides_say_how_often_data_were_used(scene):
    scene.started()
    first = used(scene, using(scene)).calls[0].value()
    second = used(scene, using(scene, version=1), "roastery").calls[0].value()

    assert (first["mismatch"], second["mismatch"], second["version"]) == (False, False, 2)


@pytest.mark.parametrize("other", [{"n": 4}, {"digest": b"v" * 32}])
def test_a_mismatch_is_visible(scene, other):
    scene.started()
    used(scene, using(scene))

    receipt = used(scene, using(scene, version=1, **other), "roastery")

    assert receipt.calls[0].value()["mismatch"] is True
    assert [event.name for event in receipt.calls[0].events] == ["grant.used", "grant.use_mismatch"]


BAD_USES = {
    "by a third member": ({}, "retailer", "AUTH"),
    "of an empty window": ({"end": 0}, "farm", "SCHEMA"),
    "before the agreement": ({"start": -1}, "farm", "TIME"),
    "that is still to come": ({"end": 20 * DAY}, "farm", "TIME"),
}


@pytest.mark.parametrize("name", BAD_USES)
def test_a_use_is_refused(scene, name):
    scene.started()
    changes, member, code = BAD_USES[name]

    assert used(scene, using(scene, **changes), member).code == code


def test_a_side_speaks_once_about_a_window_and_sees_what_was_said(scene):
    scene.started()
    used(scene, using(scene))

    assert used(scene, using(scene), "roastery").code == "EXISTS"
    assert used(scene, using(scene, version=1), "farm").code == "EXISTS"
    assert used(scene, using(scene, version=5), "roastery").code == "STALE"


def test_use_after_the_end_is_refused_even_in_retrospect(scene):
    scene.started(until=START + 2 * DAY)
    scene.block(time=START + 9 * DAY)

    assert used(scene, using(scene, end=2 * DAY)).code == "TIME"
    assert used(scene, using(scene, end=DAY)).code == "OK"


def test_use_needs_an_agreement_in_force(scene):
    scene.to("VERIFIED")

    assert used(scene, using(scene)).code == "STATE"


def test_use_after_a_withdrawal_is_refused_and_use_before_it_may_still_be_told(scene):
    give(scene)
    scene.started(**resting())
    scene.ok("grant", "withdraw", taken_back())
    ended = scene.consent_record().ended_at - scene.agreement().finalized_at
    scene.block(time=START + DAY)

    assert used(scene, using(scene, end=ended + 1)).code == "CONSENT"
    assert used(scene, using(scene, end=ended)).code == "OK"


# Corrections

CLAIM = {"claim_digest": b"c" * 32, "dataset": "D", "field_digest": b"f" * 32, "id": "K"}
MARK = "grant/mark/D/" + (b"f" * 32).hex()


def claim(scene, days=20, member="farm", **changes):
    args = CLAIM | {"due": scene.ledger.head.time + 1000 + days * DAY} | changes
    return scene.call("grant", "correction", args, member + "/app")


def answering(outcome="corrected", version=1):
    return {"answer_digest": b"a" * 32, "id": "K", "outcome": outcome, "version": version}


def test_a_disputed_field_is_marked_at_once_and_until_it_is_answered(scene):
    assert claim(scene).code == "OK"
    assert scene.keys("grant/mark/") == [MARK]
    answer = scene.ok("grant", "answer_correction", answering(), "roastery/app")

    assert answer["state"] == "corrected"
    assert scene.keys("grant/mark/") == scene.keys("due/") == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"dataset": "none"}, "MISSING"), ({"due": START}, "TIME"), ({"days": 21}, "TIME")],
)
def test_a_correction_is_refused(scene, changes, code):
    assert claim(scene, **changes).code == code


def test_a_field_is_disputed_once_at_a_time(scene):
    claim(scene)

    assert claim(scene, id="K2").code == "EXISTS"
    assert claim(scene, field_digest=b"g" * 32).code == "EXISTS"
    assert claim(scene, id="K2", field_digest=b"g" * 32).code == "OK"


@pytest.mark.parametrize(
    ("args", "member", "code"),
    [
        (answering(), "farm", "AUTH"),
        (answering(), "carrier", "AUTH"),
        (answering("ignored"), "roastery", "SCHEMA"),
        (answering(version=2), "roastery", "STALE"),
        (answering("upheld"), "roastery", "OK"),
    ],
)
def test_a_correction_is_answered_by_the_owner(scene, args, member, code):
    claim(scene)

    assert scene.call("grant", "answer_correction", args, member + "/app").code == code


def test_an_answer_is_final(scene):
    claim(scene)
    scene.ok("grant", "answer_correction", answering(), "roastery/app")

    again = scene.call("grant", "answer_correction", answering("upheld", 2), "roastery/app")
    assert (again.code, again.error_fields()["have"]) == ("STATE", "corrected")


@pytest.mark.parametrize("member", ["roastery", "carrier"])
def test_an_overdue_correction_keeps_its_mark_and_goes_to_the_authority_too(scene, member):
    claim(scene, days=1)
    scene.block(time=START + 5 * DAY)
    assert scene.correction_record().state == "overdue"
    assert scene.keys("grant/mark/") == [MARK]

    scene.ok("grant", "answer_correction", answering(version=2), member + "/app")
    assert scene.correction_record().late


def test_without_an_authority_an_overdue_correction_stays_with_the_owner():
    scene = GrantScene(authority=None)
    claim(scene, days=1)
    scene.block(time=START + 5 * DAY)

    args = answering(version=2)
    assert scene.call("grant", "answer_correction", args, "carrier/app").code == "AUTH"


# Erasure


@pytest.mark.parametrize(
    ("changes", "member", "code"),
    [
        ({}, "farm", "OK"),
        ({"id": "C"}, "farm", "OK"),
        ({"id": "none"}, "farm", "LINK"),
        ({}, "roastery", "AUTH"),
        ({"method": "forgotten"}, "farm", "SCHEMA"),
    ],
)
def test_a_holder_declares_what_it_erased(scene, changes, member, code):
    give(scene)
    scene.ask()
    args = {"holder": "farm", "id": "A", "method": "delete", "scope_digest": SCOPE} | changes

    assert scene.call("grant", "erased", args, member + "/app").code == code


def test_every_holder_declares_an_erasure_once(scene):
    scene.ask()
    args = {"holder": "farm", "id": "A", "method": "key-destroyed", "scope_digest": SCOPE}
    scene.ok("grant", "erased", args)

    assert scene.call("grant", "erased", args).code == "EXISTS"
    scene.ok("grant", "erased", args | {"holder": "roastery"}, "roastery/app")
    assert scene.keys("grant/erasure/") == [
        f"grant/erasure/A/farm/{SCOPE.hex()}",
        f"grant/erasure/A/roastery/{SCOPE.hex()}",
    ]
