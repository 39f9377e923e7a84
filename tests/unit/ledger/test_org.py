"""`org`: members come by ballot, each enrols its own people, keys are never reused."""

import msgpack
import pytest

from hansa.keys import key_id
from tests.unit.ledger.scene import START, Scene, key

ADMINS = ("carrier/boss", "farm/boss", "retailer/boss")


@pytest.fixture
def scene():
    return Scene()


def state(scene, name):
    stored = scene.ledger.get_state(name.encode())
    return None if stored is None else msgpack.unpackb(stored)


def admission(name="elba", **changes):
    return {
        "key": key(name).public,
        "legal_id": {"scheme": "LEI", "value": "5299-ELBA"},
        "name": name,
        "names": {"en": "Elba"},
        "prefixes": ["9999990"],
        "glns": ["9999990000015"],
    } | changes


def decide(scene, contract, method, args, *admins):
    """Open a ballot as the first admin, approve as the others: the last answer."""
    opener, *others = admins or ADMINS
    answer = scene.ok(contract, method, args, opener)
    for admin in others:
        answer = scene.ok("governance", "vote", {"approve": True, "id": answer["ballot"]}, admin)
    return answer


def enrol(scene, name="farm/new", signer="farm/boss", **changes):
    args = {"key": key(name).public, "kind": "person", "subject": name} | changes
    return scene.call("org", "enrol", args, signer)


def test_a_member_comes_in_by_ballot_and_acts_at_once(scene):
    answer = decide(scene, "org", "admit", admission())

    assert answer["state"] == "passed"
    assert state(scene, "org/prefix/9999990") == "elba"
    assert state(scene, "org/gln/9999990000015") == "elba"
    assert enrol(scene, "elba/app", "elba").code == "OK"
    assert scene.call("doc", "register", {"digest": b"d" * 32, "id": "x"}, "elba/app").code == "OK"


def test_a_member_that_is_there_is_not_admitted_again(scene):
    assert scene.call("org", "admit", admission("farm"), "farm/boss").code == "EXISTS"


def test_of_two_ballots_on_one_name_the_later_fails(scene):
    late = scene.ok("org", "admit", admission(legal_id={"scheme": "LEI", "value": "2"}), ADMINS[0])
    decide(scene, "org", "admit", admission())
    for admin in ADMINS[1:]:
        answer = scene.ok("governance", "vote", {"approve": True, "id": late["ballot"]}, admin)

    assert (answer["state"], answer["outcome"]) == ("failed", "EXISTS")


TAKEN = {
    "a key": {"key": key("farm/app").public},
    "a register number": {"legal_id": {"scheme": "OTHER", "value": "R-farm"}},
    "a prefix": {"prefixes": ["9520601"]},
    "a location": {"glns": ["9520600001015"]},
}


@pytest.mark.parametrize("name", TAKEN)
def test_an_admission_fails_when_something_is_taken(scene, name):
    answer = decide(scene, "org", "admit", admission(**TAKEN[name]))

    assert (answer["state"], answer["outcome"]) == ("failed", "EXISTS")
    assert state(scene, "org/member/elba") is None


def test_numbers_are_assigned_by_ballot(scene):
    decide(scene, "org", "assign", {"member": "farm", "prefixes": ["8888880"]})

    assert state(scene, "org/prefix/8888880") == "farm"
    assert state(scene, "org/member/farm")["prefixes"] == ["9520601", "8888880"]


@pytest.mark.parametrize("method", ["assign", "suspend", "resume", "recover"])
def test_ballots_are_about_members_that_are_there(scene, method):
    args = {"member": "nobody"} | ({"key": key("n").public} if method == "recover" else {})

    assert scene.call("org", method, args, "farm/boss").code == "MISSING"


def test_the_people_of_a_suspended_member_sign_nothing(scene):
    decide(scene, "org", "suspend", {"member": "roastery", "reason": "unpaid"})
    args = {"digest": b"d" * 32, "id": "x"}
    receipt = scene.call("doc", "register", args, "roastery/app")
    assert (receipt.code, receipt.failed_call) == ("AUTH", 0)
    again = decide(scene, "org", "suspend", {"member": "roastery"}, *ADMINS[:2])
    assert again["state"] == "failed"

    decide(scene, "org", "resume", {"member": "roastery"}, *ADMINS[:2])
    assert scene.call("doc", "register", args, "roastery/app").code == "OK"


def test_a_member_that_lost_its_key_gets_a_new_one_by_ballot(scene):
    decide(scene, "org", "recover", {"key": key("farm-2").public, "member": "farm"})

    assert state(scene, "org/member/farm")["key_id"] == key_id(key("farm-2").public)
    assert enrol(scene, "farm/new", "farm-2").code == "OK"
    scene.build([scene.sign([("doc", "register", {})], ("farm",))])
    assert scene.ledger.dropped[0].code == "transaction.sender"


def test_an_administrator_enrols_people_of_its_own_member(scene):
    receipt = enrol(scene, roles=["keeper"])

    assert receipt.calls[0].value() == {
        "key": key_id(key("farm/new").public), "subject": "farm/new",
    }  # fmt: skip
    assert state(scene, "org/subject/farm/new")["roles"] == {"keeper": 0}


@pytest.mark.parametrize(
    ("subject", "signer", "code"),
    [
        ("farm/new", "farm/app", "AUTH"),
        ("farm/new", "carrier/boss", "AUTH"),
        ("farm/app", "farm/boss", "EXISTS"),
        ("farm", "farm/boss", "SCHEMA"),
        ("farm/", "farm/boss", "SCHEMA"),
        ("farm/a/b", "farm/boss", "SCHEMA"),
        ("Farm/new", "farm/boss", "SCHEMA"),
    ],
)
def test_enrolment_is_refused(scene, subject, signer, code):
    assert enrol(scene, subject, signer, key=key("fresh").public).code == code


def test_a_key_is_never_used_twice(scene):
    assert enrol(scene, key=key("carrier/app").public).code == "EXISTS"


def rotation(old="farm/app", new="farm/app-2", subject="farm/app"):
    return {
        "new_key": key(new).public, "old_key": key_id(key(old).public), "subject": subject,
    }  # fmt: skip


def test_a_new_key_takes_the_place_of_the_old_one_and_the_history_stays(scene):
    scene.ok("org", "rotate", rotation(), "farm/app", "farm/app-2")
    old = state(scene, "org/key/" + key_id(key("farm/app").public))
    new = state(scene, "org/key/" + key_id(key("farm/app-2").public))

    assert (old["valid_from"], old["valid_to"], old["reason"]) == (0, 2, "rotated")
    assert (new["valid_from"], new["subject"]) == (1, "farm/app")
    assert (
        scene.call("doc", "register", {"digest": b"d" * 32, "id": "x"}, "farm/app-2").code == "OK"
    )
    scene.build([scene.sign([("doc", "register", {})], ("farm/app",))])
    assert scene.ledger.dropped[0].code == "transaction.sender"


def test_an_old_key_still_counts_in_the_block_that_replaces_it(scene):
    receipts = scene.block(
        scene.sign([("org", "rotate", rotation())], ("farm/app", "farm/app-2")),
        scene.sign([("doc", "register", {"digest": b"d" * 32, "id": "x"})], ("farm/app",)),
    )

    assert [one.code for one in receipts] == ["OK", "OK"]


def test_a_member_rotates_its_own_key(scene):
    scene.ok("org", "rotate", rotation("farm", "farm-2", "farm"), "farm", "farm-2")

    assert state(scene, "org/member/farm")["key_id"] == key_id(key("farm-2").public)
    assert enrol(scene, signer="farm-2").code == "OK"


ROTATIONS = {
    "without the new key's signature": (rotation(), ("farm/app",), "SIGN"),
    "by somebody else": (rotation(), ("carrier/boss", "farm/app-2"), "AUTH"),
    "by a colleague who is no administrator": (
        rotation("farm/boss", subject="farm/boss"),
        ("farm/app", "farm/app-2"),
        "AUTH",
    ),
    "of a key of somebody else": (rotation("farm/boss"), ("farm/app", "farm/app-2"), "MISSING"),
    "of nobody": (rotation(subject="farm/none"), ("farm/app", "farm/app-2"), "MISSING"),
}


@pytest.mark.parametrize("name", ROTATIONS)
def test_a_rotation_is_refused(scene, name):
    args, signers, code = ROTATIONS[name]

    assert scene.call("org", "rotate", args, *signers).code == code


def test_a_subject_has_64_keys_in_its_life(scene):
    name = "farm/app"
    for number in range(63):
        new = f"k{number}"
        scene.ok("org", "rotate", rotation(name, new), "farm/boss", new)
        name = new

    receipt = scene.call("org", "rotate", rotation(name, "last"), "farm/boss", "last")
    assert receipt.code == "LIMIT"


def revocation(name="farm/app", subject=None):
    return {"key": key_id(key(name).public), "subject": subject or name}


def test_a_revoked_key_says_since_when_it_was_known_to_others(scene):
    args = revocation() | {"compromised_since": START, "reason": "stolen"}
    scene.ok("org", "revoke_key", args, "farm/boss")
    record = state(scene, "org/key/" + args["key"])

    assert (record["compromised_since"], record["reason"], record["valid_to"]) == (
        START, "stolen", 2,
    )  # fmt: skip
    assert scene.call("org", "revoke_key", args, "farm/boss").code == "STATE"


@pytest.mark.parametrize(
    ("args", "signer", "code"),
    [
        (revocation(), "farm/app", "OK"),
        (revocation(), "carrier/boss", "AUTH"),
        (revocation("farm/boss"), "farm/app", "AUTH"),
        (revocation("carrier/app", "farm/app"), "farm/boss", "MISSING"),
        (revocation("farm"), "farm", "RULE"),
    ],
)
def test_revocation(scene, args, signer, code):
    assert scene.call("org", "revoke_key", args, signer).code == code


def test_a_revoked_key_does_not_cosign(scene):
    scene.ok("org", "revoke_key", revocation("carrier/app"), "carrier/boss")
    args = {"digest": b"d" * 32, "id": "x"}

    assert scene.call("doc", "register", args, "farm/app", "carrier/app").code == "SIGN"


def role(subject="farm/app", name="admin", version=2, **more):
    return {"role": name, "subject": subject, "version": version} | more


def test_a_role_is_given_for_a_time(scene):
    scene.ok("org", "give_role", role(until=START + 60_000), "farm/boss")

    assert enrol(scene, signer="farm/app").code == "OK"
    scene.block(time=START + 60_000)
    assert enrol(scene, "farm/other", "farm/app").code == "AUTH"


def test_a_role_is_taken(scene):
    scene.ok("org", "give_role", role(), "farm/boss")
    scene.ok("org", "take_role", role(version=3), "farm/boss")

    assert enrol(scene, signer="farm/app").code == "AUTH"


@pytest.mark.parametrize(
    ("method", "args", "signer", "code"),
    [
        ("give_role", role(version=9), "farm/boss", "STALE"),
        ("give_role", role("carrier/app"), "farm/boss", "AUTH"),
        ("give_role", role(), "farm/app", "AUTH"),
        ("give_role", role(until=START), "farm/boss", "TIME"),
        ("take_role", role(), "farm/boss", "MISSING"),
        ("take_role", role("farm"), "farm/boss", "RULE"),
    ],
)
def test_a_role_is_refused(scene, method, args, signer, code):
    assert scene.call("org", method, args, signer).code == code


def test_a_subject_has_32_roles(scene):
    enrol(scene, roles=[f"r{number}" for number in range(32)])

    assert scene.call("org", "give_role", role("farm/new"), "farm/boss").code == "LIMIT"


def test_an_administrator_suspends_its_own_people(scene):
    subject = {"subject": "farm/app", "version": 2}
    scene.ok("org", "suspend_subject", subject, "farm/boss")
    assert scene.call("doc", "register", {"digest": b"d" * 32, "id": "x"}).code == "AUTH"
    assert (
        scene.call("org", "suspend_subject", subject | {"version": 3}, "farm/boss").code == "STATE"
    )

    scene.ok("org", "resume_subject", subject | {"version": 3}, "farm/boss")
    assert scene.call("doc", "register", {"digest": b"d" * 32, "id": "x"}).code == "OK"


def test_only_a_ballot_suspends_a_member(scene):
    args = {"subject": "farm", "version": 2}

    assert scene.call("org", "suspend_subject", args, "farm/boss").code == "RULE"


def node(name="node9"):
    return {
        "name": name, "transport_key": key("t9").public, "validator_key": key("v9").public,
    }  # fmt: skip


def test_a_member_registers_a_node(scene):
    scene.ok("org", "register_node", node(), "farm/boss")

    assert state(scene, "org/node/node9")["member"] == "farm"
    assert state(scene, "org/key/" + key_id(key("v9").public))["use"] == "validator"
    assert scene.call("org", "register_node", node("node8"), "farm/boss").code == "EXISTS"
    assert scene.call("org", "register_node", node(), "farm/boss").code == "EXISTS"
