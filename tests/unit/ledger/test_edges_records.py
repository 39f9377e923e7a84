"""What stands in the state, to the byte: defaults are left out, and what is left out is known."""

import msgpack
import pytest

from hansa.keys import key_id
from hansa.signing import verify
from ledger.authorise import Permission
from ledger.ballots import Ballot
from ledger.contract import load, store
from ledger.contracts import CONTRACTS
from ledger.contracts.doc import Doc, DocRecord, DocSignature, Place
from ledger.contracts.trace_records import EventRecord, Link, ThingRecord
from ledger.execution import Ledger
from ledger.governed import ValidatorEntry, Validators
from ledger.records import KeyRecord, LegalNumber, MemberRecord, SubjectRecord
from tests.unit.ledger.scene import DAY, Scene, genesis, key

BASE = {"id": "x", "version": 1, "controller": "farm", "history": [[1, 0]]}
KINDS = {
    ThingRecord: (
        BASE | {"last": b"", "state": "active"},
        {
            "born": b"", "born_time": 0, "ended_time": 0, "host": "", "host_round": 0,
            "host_turn": 0, "keepers": (), "made": -1, "parent": "", "parent_round": 0,
            "round": 0, "transit": "", "unit": "", "used": 0,
        },
    ),
    EventRecord: (
        BASE | {
            "action": "", "disposition": "", "kind": "", "links": [], "place": "", "step": "",
            "time": 0, "tx": b"",
        },
        {"corrective": (), "reason": "", "seal": b"", "wrong": False},
    ),
    DocRecord: (
        BASE | {
            "alg": "", "digest": b"", "kind": "", "media_type": "", "owner": "", "size": 0,
            "state": "",
        },
        {
            "threshold": 0, "signers_needed": (), "signatures": (), "declined": (), "about": (),
            "meta": {}, "seal": b"", "retain_until": 0, "reason": "", "supersedes": "",
            "superseded_by": "",
        },
    ),
    Ballot: (
        BASE | {
            "action": "", "arguments": b"", "contract": "", "deadline": 0, "needed": 1,
            "opener": "", "policy": "", "voters": [],
        },
        {"state": "open", "approvals": (), "rejections": (), "outcome": ""},
    ),
    KeyRecord: (
        BASE | {"public": b"", "subject": "", "member": "", "use": "", "valid_from": 0},
        {"valid_to": 0, "compromised_since": 0, "reason": ""},
    ),
    SubjectRecord: (
        BASE | {"member": "", "kind": "", "keys": []},
        {
            "roles": {}, "state": "active", "attest_digest": b"", "order_ref": "", "reason": "",
            "valid_until": 0,
        },
    ),
    MemberRecord: (
        BASE | {"key_id": "", "legal_id": {"scheme": "", "value": ""}, "names": {}},
        {
            "state": "active", "prefixes": (), "glns": (), "reason": "", "evidence": b"",
            "order_ref": "",
        },
    ),
    Validators: ({"validators": []}, {"changed_at": 0, "changes": 0}),
    Permission: ({"role": "admin"}, {"members": 1}),
    Place: ({}, {"member": "", "subject": "", "role": ""}),
    DocSignature: (
        {"key_id": "", "subject": "", "member": "", "role": "", "height": 0}, {"remark": b""},
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_record_without_its_defaults_is_read_with_them_and_written_without(kind):
    given, defaults = KINDS[kind]
    packed = msgpack.packb(dict(sorted(given.items())))
    record = load(packed, kind)

    assert {name: getattr(record, name) for name in defaults} == defaults
    assert store(record) == packed


def test_small_parts_are_written_without_names():
    assert store(ValidatorEntry(b"k", "farm", "n")) == msgpack.packb(
        {"key": b"k", "member": "farm", "name": "n"}
    )
    assert Link("thing", "object").before == b""
    assert LegalNumber("LEI", "1").scheme == "LEI"


def raw(scene, name):
    """The map that stands under a state key."""
    return msgpack.unpackb(scene.ledger.get_state(name.encode()))


def register(scene, **more):
    return scene.ok("doc", "register", {"digest": b"d" * 32, "id": "c"} | more)


def test_a_plain_document_is_stored_with_what_was_said_of_it_alone():
    scene = Scene()
    register(scene)

    assert raw(scene, "doc/record/c") == {
        "alg": "sha-256", "controller": "farm", "digest": b"d" * 32, "history": [[1, 0]],
        "id": "c", "kind": "", "media_type": "", "owner": "farm", "size": 0, "state": "complete",
        "version": 1,
    }  # fmt: skip


def test_a_permission_for_one_member_is_stored_as_a_role_alone():
    scene = Scene()
    args = {"contract": "doc", "method": "register", "role": "admin"}
    answer = scene.ok("governance", "set_permission", args, "farm/boss")
    for voter in ("carrier/boss", "retailer/boss"):
        vote = {"approve": True, "id": answer["ballot"]}
        receipt = scene.call("governance", "vote", vote, voter)

    assert raw(scene, "governance/permission/doc.register") == {"role": "admin"}
    (change,) = [one for one in receipt.calls[0].records if one.key == "governance/parameters"]
    assert (change.before, change.after) == (0, 1)
    assert raw(scene, "governance/parameters") == {"version": 1}


def test_a_permission_may_ask_for_two_members_of_any_role():
    scene = Scene()
    args = {"contract": "doc", "method": "register", "role": "", "members": 2}
    answer = scene.ok("governance", "set_permission", args, "farm/boss")
    for voter in ("carrier/boss", "retailer/boss"):
        scene.ok("governance", "vote", {"approve": True, "id": answer["ballot"]}, voter)
    document = {"digest": b"d" * 32, "id": "c"}

    assert scene.call("doc", "register", document).code == "AUTH"
    assert scene.call("doc", "register", document, "farm/app", "carrier/app").code == "OK"


def decided(scene, contract, method, args):
    """Three administrators decide: the receipt of the last vote."""
    answer = scene.ok(contract, method, args, "farm/boss")
    vote = {"approve": True, "id": answer["ballot"]}
    scene.ok("governance", "vote", vote, "carrier/boss")
    return scene.call("governance", "vote", vote, "retailer/boss")


def test_a_permission_for_a_method_that_is_gone_meanwhile_is_not_written():
    scene = Scene()
    scene.ledger = Ledger.open(scene.store, verify, {**CONTRACTS, "gone": Doc()})
    args = {"contract": "gone", "method": "sign", "role": "admin"}
    answer = scene.ok("governance", "set_permission", args, "farm/boss")
    vote = {"approve": True, "id": answer["ballot"]}
    scene.ok("governance", "vote", vote, "carrier/boss")
    scene.ledger = Ledger.open(scene.store, verify)

    told = scene.ok("governance", "vote", vote, "retailer/boss")
    assert (told["state"], told["outcome"]) == ("failed", "MISSING")


@pytest.mark.parametrize(
    ("method", "args", "events"),
    [
        ("suspend", {"member": "roastery"}, {"org.member_suspended": {"member": "roastery"}}),
        (
            "admit",
            {
                "key": key("elba").public, "legal_id": {"scheme": "LEI", "value": "1"},
                "name": "elba", "names": {"en": "Elba"},
            },
            {"org.admitted": {"member": "elba"}},
        ),
        (
            "recover", {"key": key("new").public, "member": "roastery"},
            {"org.recovered": {"key": key_id(key("new").public), "member": "roastery"}},
        ),
    ],
)  # fmt: skip
def test_what_was_decided_about_a_member_is_told(method, args, events):
    receipt = decided(Scene(), "org", method, args)
    told = {event.name: event.fields() for event in receipt.calls[0].events}

    assert {name: fields for name, fields in told.items() if name.startswith("org.")} == events
    assert told["governance.ballot_closed"]["state"] == "passed"


def test_what_was_done_about_people_and_nodes_is_told():
    scene = Scene()
    new, old = key("n").public, key_id(key("farm/app").public)
    enrolled = {"key": new, "kind": "person", "subject": "farm/n"}
    acts = [
        ("enrol", enrolled, "enrolled", {"key": key_id(new), "subject": "farm/n"}),
        ("suspend_subject", {"subject": "farm/n", "version": 2}, "subject_suspended",
         {"subject": "farm/n"}),
        ("resume_subject", {"subject": "farm/n", "version": 3}, "subject_active",
         {"subject": "farm/n"}),
        ("revoke_key", {"key": old, "subject": "farm/app"}, "key_revoked",
         {"key": old, "subject": "farm/app"}),
        ("register_node", {
            "name": "far", "transport_key": key("tt").public, "validator_key": key("vv").public,
        }, "node_registered", {"member": "farm", "node": "far"}),
    ]  # fmt: skip

    for method, args, name, fields in acts:
        (event,) = scene.call("org", method, args, "farm/boss").calls[0].events
        assert (event.name, event.fields()) == ("org." + name, fields)


def test_a_ballot_has_the_number_one_and_the_next_of_its_transaction_two():
    scene = Scene()
    args = {"name": "ballot.days", "value": 3}
    signed = scene.sign([("governance", "set_parameter", args)] * 2, ("farm/boss",))
    (receipt,) = scene.block(signed)
    name = receipt.tx_id.hex()[:24]

    assert [call.value()["ballot"] for call in receipt.calls] == [f"{name}-1", f"{name}-2"]
    ballot = raw(scene, f"governance/ballot/{name}-1")
    assert (ballot["needed"], ballot["version"], ballot["approvals"]) == (3, 2, ["farm"])
    assert ballot["deadline"] == scene.ledger.head.time + 7 * DAY


@pytest.mark.parametrize(("early", "state"), [(1, "open"), (0, "expired")])
def test_a_ballot_ends_at_its_millisecond(early, state):
    scene = Scene()
    args = {"name": "ballot.days", "value": 3}
    answer = scene.ok("governance", "set_parameter", args, "farm/boss")
    scene.block(time=scene.ledger.head.time + 7 * DAY - early)

    stored = raw(scene, "governance/ballot/" + answer["ballot"])
    assert stored.get("state", "open") == state


def test_a_change_of_the_set_says_its_height_in_event_and_key():
    scene = Scene(genesis(tuple(f"m{number}" for number in range(4))))
    answer = scene.ok("governance", "set_validators", {"remove": ["node3"]}, "m0/boss")
    for voter in ("m1/boss", "m2/boss"):
        vote = {"approve": True, "id": answer["ballot"]}
        receipt = scene.call("governance", "vote", vote, voter)
    (event,) = [one for one in receipt.calls[0].events if one.name.endswith("validators_set")]

    assert event.fields() == {
        "height": receipt.height + 1, "names": ["node0", "node1", "node2"],
    }  # fmt: skip
    name = f"governance/set/{receipt.height + 1:016x}"
    assert raw(scene, name) == raw(scene, "governance/validators")
    assert raw(scene, name)["changed_at"] == receipt.height
    assert raw(scene, name)["changes"] == 1


def test_a_record_keeps_its_last_sixteen_changes():
    scene = Scene()
    for number in range(17):
        args = {"role": f"r{number}", "subject": "farm/app", "version": number + 2}
        scene.ok("org", "give_role", args, "farm/boss")
    record = raw(scene, "org/subject/farm/app")

    assert record["version"] == 19
    assert record["history"] == [[height, 0] for height in range(2, 18)]


@pytest.mark.parametrize(("later", "code"), [(0, "TIME"), (1, "OK")])
def test_a_role_is_given_until_later_than_now(later, code):
    scene = Scene()
    time = scene.ledger.head.time + 1_000
    args = {"role": "r", "subject": "farm/app", "until": time + later, "version": 2}

    assert scene.call("org", "give_role", args, "farm/boss").code == code


def test_a_key_that_is_revoked_ends_at_the_next_height():
    scene = Scene()
    scene.ok("org", "enrol", {"key": key("n").public, "kind": "person", "subject": "farm/n"},
             "farm/boss")  # fmt: skip
    name = scene.ok(
        "org", "rotate", {
            "new_key": key("n2").public, "old_key": _id("n"), "subject": "farm/n",
        }, "n", "n2",
    )["key"]  # fmt: skip
    old, new = raw(scene, "org/key/" + _id("n")), raw(scene, "org/key/" + name)

    assert (old["valid_from"], old["valid_to"], old["version"]) == (1, 3, 2)
    assert (new["valid_from"], "valid_to" in new, new["version"]) == (2, False, 1)


def _id(name):
    return key_id(key(name).public)


# Places to sign


def places(scene, threshold, *subjects):
    needed = [{"subject": subject} for subject in subjects]
    return scene.call(
        "doc", "register",
        {"digest": b"d" * 32, "id": "c", "signers_needed": needed, "threshold": threshold},
    )  # fmt: skip


@pytest.mark.parametrize(("threshold", "code"), [(2, "OK"), (3, "SCHEMA")])
def test_places_of_two_members_meet_a_threshold_of_two(threshold, code):
    assert places(Scene(), threshold, "farm/app", "carrier/app").code == code


def test_a_document_is_declined_when_nobody_is_left_who_could_sign():
    scene = Scene()
    places(scene, 1, "farm/app", "carrier/app")
    states = [
        scene.ok("doc", "decline", {"id": "c", "version": version}, signer)["state"]
        for version, signer in ((1, "farm/app"), (2, "carrier/app"))
    ]

    assert states == ["open", "declined"]


@pytest.mark.parametrize(("threshold", "states"), [(2, ["open", "complete"]), (1, ["complete"])])
def test_a_document_is_complete_with_as_many_members_as_its_threshold(threshold, states):
    scene = Scene()
    places(scene, threshold, "farm/app", "carrier/app")
    signers = ("farm/app", "carrier/app")[: len(states)]
    told = [
        scene.ok("doc", "sign", {"id": "c", "version": version}, signer)
        for version, signer in enumerate(signers, start=1)
    ]

    assert [one["state"] for one in told] == states
    assert [one["signed"] for one in told] == list(range(1, len(states) + 1))
    assert [one["version"] for one in told] == list(range(2, len(states) + 2))


def test_a_permission_asks_for_no_role_that_no_one_can_hold():
    args = {"contract": "doc", "method": "register", "role": "No Such Role", "members": 1}

    assert Scene().call("governance", "set_permission", args, "farm/boss").code == "SCHEMA"


def events(scene, method, args, signer="farm/app"):
    """What the one call told: name -> fields."""
    receipt = scene.call("doc", method, args, signer)
    assert receipt.code == "OK", receipt.error_fields()
    return {event.name: event.fields() for event in receipt.calls[0].events}


def test_what_becomes_of_a_document_is_told():
    scene = Scene()
    places = [{"member": "farm"}, {"member": "carrier"}]
    document = {"digest": b"d" * 32, "id": "c", "signers_needed": places, "threshold": 2}

    assert events(scene, "register", document) == {"doc.registered": {"id": "c", "owner": "farm"}}
    assert events(scene, "sign", {"id": "c", "version": 1}) == {
        "doc.signed": {"id": "c", "members": ["farm"]},
    }  # fmt: skip
    assert events(scene, "sign", {"id": "c", "version": 2}, "carrier/app") == {
        "doc.signed": {"id": "c", "members": ["carrier"]}, "doc.completed": {"id": "c"},
    }  # fmt: skip
    assert events(scene, "register", {"digest": b"e" * 32, "id": "e"}) != {}
    assert events(scene, "supersede", {"id": "c", "new_id": "e", "version": 3}) == {
        "doc.superseded": {"by": "e", "id": "c"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("method", "signer", "told"),
    [
        ("decline", "carrier/app", {"doc.declined": {"id": "c", "member": "carrier"}}),
        ("withdraw", "farm/app", {"doc.withdrawn": {"id": "c"}}),
    ],
)
def test_that_a_document_is_not_signed_is_told(method, signer, told):
    scene = Scene()
    places(scene, 2, "farm/app", "carrier/app")
    args = {"id": "c", "reason": "no", "version": 1}

    assert events(scene, method, args, signer) == told
    assert raw(scene, "doc/record/c")["reason"] == "no"


def test_votes_are_told():
    scene = Scene()
    args = {"name": "ballot.days", "value": 3}
    opened = scene.call("governance", "set_parameter", args, "farm/boss")
    ballot = opened.calls[0].value()["ballot"]
    told = [
        scene.call("governance", "vote", {"approve": approve, "id": ballot}, voter).calls[0].events
        for approve, voter in ((False, "carrier/boss"), (False, "retailer/boss"))
    ]
    withdrawn = scene.ok("governance", "set_parameter", args, "farm/boss")["ballot"]
    closed = scene.call("governance", "withdraw", {"id": withdrawn}, "farm/boss").calls[0]

    assert [event.fields() for event in opened.calls[0].events] == [
        {"action": "governance.set_parameter", "id": ballot}
    ]
    assert [event.fields() for event in told[0]] == [
        {"approve": False, "id": ballot, "member": "carrier"}
    ]
    assert [event.fields() for event in told[1]][1:] == [{"id": ballot, "state": "refused"}]
    assert [event.fields() for event in closed.events] == [{"id": withdrawn, "state": "withdrawn"}]
    assert closed.value()["state"] == "withdrawn"
