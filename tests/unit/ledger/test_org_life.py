"""People and devices end at their time, are renewed, and are suspended for a reason."""

import pytest

from hansa.keys import key_id
from ledger.contract import load
from ledger.records import KeyRecord, MemberRecord, SubjectRecord
from tests.unit.ledger.scene import DAY, START, Scene, key
from tests.unit.ledger.test_org import admission, decide

DEVICE = "farm/logger"
END = START + 10 * DAY


@pytest.fixture
def scene():
    return Scene()


def enrol(scene, **changes):
    args = {
        "attest_digest": b"a" * 32, "key": key(DEVICE).public, "kind": "device",
        "subject": DEVICE, "valid_until": END,
    }  # fmt: skip
    return scene.call("org", "enrol", args | changes, "farm/boss")


def subject(scene, name=DEVICE):
    return load(scene.ledger.get_state(b"org/subject/" + name.encode()), SubjectRecord)


def acts(scene, name=DEVICE):
    """The code of a call that needs no role, signed by somebody."""
    scene.count += 1
    args = {"digest": scene.count.to_bytes(32, "big"), "id": f"d{scene.count}"}
    return scene.call("doc", "register", args, name).code


def due(scene):
    return [key for key, _ in scene.ledger.scan_state(b"due/")]


def renew(scene, until, signer="farm/boss", **changes):
    args = {"subject": DEVICE, "valid_until": until, "version": subject(scene).version} | changes
    return scene.call("org", "renew", args, signer)


# The end of somebody's time


def test_an_enrolment_keeps_what_attests_it_and_its_end(scene):
    assert enrol(scene).code == "OK"

    assert (subject(scene).attest_digest, subject(scene).valid_until) == (b"a" * 32, END)
    assert due(scene) == [f"due/{END:016x}/org-{DEVICE}".encode()]


def test_an_enrolment_writes_at_most_four_keys(scene):
    before = {name for name, _ in scene.ledger.scan_state(b"")}
    enrol(scene)

    assert len({name for name, _ in scene.ledger.scan_state(b"")} - before) == 3


def test_who_has_no_end_has_no_timer(scene):
    assert enrol(scene, valid_until=0, attest_digest=None).code == "OK"

    assert (due(scene), subject(scene).version) == ([], 2)


def test_an_end_lies_ahead(scene):
    receipt = enrol(scene, valid_until=START)

    assert (receipt.code, receipt.error_fields()["field"]) == ("TIME", "$.valid_until")


def test_whose_time_is_over_signs_nothing_from_that_block_on(scene):
    enrol(scene)
    scene.block(time=END - 1)
    assert acts(scene) == "AUTH"


def test_whose_time_is_not_over_signs(scene):
    enrol(scene)
    scene.block(time=END - 2000)

    assert acts(scene) == "OK"
    scene.block(time=END)
    assert subject(scene).state == "lapsed"
    receipt = scene.call("doc", "register", {"digest": b"d" * 32, "id": "late"}, DEVICE)
    assert (receipt.code, receipt.error_fields()["have"]) == ("AUTH", "lapsed")


def test_who_has_lapsed_is_there_again_when_renewed(scene):
    enrol(scene)
    scene.block(time=END)
    assert renew(scene, END + DAY).code == "OK"

    assert acts(scene) == "OK"
    scene.block(time=END + DAY)
    assert subject(scene).state == "lapsed"


def test_a_renewal_ahead_of_time_takes_the_old_end_away(scene):
    enrol(scene)
    assert renew(scene, END + DAY).code == "OK"
    assert len(due(scene)) == 1
    scene.block(time=END)
    assert acts(scene) == "OK"

    assert renew(scene, 0).code == "OK"
    assert due(scene) == []
    scene.block(time=END + DAY)
    assert acts(scene) == "OK"


@pytest.mark.parametrize(
    ("signer", "changes", "code"),
    [
        ("farm/app", {}, "AUTH"),
        ("carrier/boss", {}, "AUTH"),
        ("farm/boss", {"version": 1}, "STALE"),
        ("farm/boss", {"valid_until": START}, "TIME"),
        ("farm/boss", {"subject": "farm/nobody"}, "MISSING"),
        ("farm/boss", {"subject": "farm", "version": 2}, "RULE"),
    ],
)
def test_a_renewal_is_refused(scene, signer, changes, code):
    enrol(scene)

    assert renew(scene, END + DAY, signer, **changes).code == code


def test_who_is_suspended_is_resumed_and_not_renewed(scene):
    enrol(scene)
    args = {"order_ref": "C-17", "reason": "tampered", "subject": DEVICE, "version": 3}
    scene.ok("org", "suspend_subject", args, "farm/boss")
    suspended = subject(scene)
    assert (suspended.state, suspended.reason, suspended.order_ref) == (
        "suspended", "tampered", "C-17",
    )  # fmt: skip

    assert renew(scene, END + DAY).code == "STATE"
    args = {"subject": DEVICE, "version": suspended.version}
    scene.ok("org", "resume_subject", args, "farm/boss")
    assert (subject(scene).state, subject(scene).reason) == ("active", "")


def test_a_suspension_outlasts_the_end_and_its_end_does_not_revive(scene):
    enrol(scene)
    scene.ok("org", "suspend_subject", {"subject": DEVICE, "version": 3}, "farm/boss")
    scene.block(time=END)
    assert subject(scene).state == "suspended"

    args = {"subject": DEVICE, "version": subject(scene).version}
    scene.ok("org", "resume_subject", args, "farm/boss")

    assert subject(scene).state == "lapsed"
    assert acts(scene) == "AUTH"


def test_a_role_is_given_by_an_administrator_and_never_passed_on(scene):
    enrol(scene, roles=["gateway"])
    args = {"role": "gateway", "subject": "farm/app", "version": 2}

    assert scene.call("org", "give_role", args, DEVICE).code == "AUTH"
    assert scene.call("org", "give_role", args, "farm/boss").code == "OK"


# Members


def test_a_suspension_of_a_member_tells_its_order(scene):
    args = {"member": "roastery", "order_ref": "SH-2026-3", "reason": "court"}
    decide(scene, "org", "suspend", args)

    record = load(scene.ledger.get_state(b"org/member/roastery"), MemberRecord)
    assert (record.state, record.order_ref, record.reason) == ("suspended", "SH-2026-3", "court")


def test_an_admission_keeps_the_digest_of_its_evidence(scene):
    decide(scene, "org", "admit", admission(evidence=b"e" * 32))

    record = load(scene.ledger.get_state(b"org/member/elba"), MemberRecord)
    assert record.evidence == b"e" * 32


# Keys in wrong hands


def revoke(scene, **changes):
    args = {"key": key_id(key("farm/app").public), "subject": "farm/app"} | changes
    return scene.call("org", "revoke_key", args, "farm/boss")


def held(scene):
    name = "org/key/" + key_id(key("farm/app").public)
    return load(scene.ledger.get_state(name.encode()), KeyRecord)


def test_a_key_is_not_in_wrong_hands_from_tomorrow_on(scene):
    receipt = revoke(scene, compromised_since=START + DAY)

    assert (receipt.code, receipt.error_fields()["field"]) == ("TIME", "$.compromised_since")


def test_what_is_learnt_later_of_a_key_that_has_ended_is_said_of_it(scene):
    assert revoke(scene, reason="left").code == "OK"
    ended = held(scene).valid_to

    assert revoke(scene, compromised_since=START + 900, reason="stolen").code == "OK"
    assert (held(scene).valid_to, held(scene).compromised_since) == (ended, START + 900)
    assert revoke(scene, compromised_since=START + 500).code == "OK"
    assert held(scene).compromised_since == START + 500


@pytest.mark.parametrize("since", [0, 500, 900])
def test_a_warning_is_never_taken_back_or_put_off(scene, since):
    assert revoke(scene, compromised_since=START + 500).code == "OK"

    assert revoke(scene, compromised_since=START + since if since else 0).code == "STATE"
    assert held(scene).compromised_since == START + 500
