"""Names resolve to the keys that counted then, whatever happened since."""

import pytest

from hansa.keys import key_id
from hansa.vc.did_key import did_key
from ledger.contract import Refused
from ledger.contracts.org_queries import QUERIES
from tests.unit.ledger.scene import START, Scene, key

DID = "did:hansa:test-chain:farm:app"


@pytest.fixture
def scene():
    return Scene()


def ask(scene, name, **args):
    kind, function = QUERIES[name]
    return function(scene.ledger.query_reader(), kind(**args))


def keys_of(scene, did=DID, **when):
    """The fragments of the keys in a document."""
    document = ask(scene, "resolve", did=did, **when)["didDocument"]
    return [one["id"].partition("#")[2] for one in document["verificationMethod"]]


def rotate(scene, old="farm/app", new="farm/app-2", subject="farm/app"):
    args = {"new_key": key(new).public, "old_key": key_id(key(old).public), "subject": subject}
    return scene.ok("org", "rotate", args, old, new)


def ids(*names):
    return [key_id(key(name).public) for name in names]


def test_a_document_has_the_form_of_did_core(scene):
    document = ask(scene, "resolve", did=DID)["didDocument"]

    public = did_key(key("farm/app").public)
    method = {
        "controller": DID,
        "id": f"{DID}#{key_id(key('farm/app').public)}",
        "publicKeyMultibase": public.removeprefix("did:key:"),
        "type": "Multikey",
    }
    assert document == {
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
        "alsoKnownAs": [public],
        "assertionMethod": [method["id"]],
        "authentication": [method["id"]],
        "controller": "did:hansa:test-chain:farm",
        "id": DID,
        "verificationMethod": [method],
    }


def test_a_member_is_its_own_controller(scene):
    document = ask(scene, "resolve", did="did:hansa:test-chain:farm")["didDocument"]

    assert document["id"] == "did:hansa:test-chain:farm"
    assert "controller" not in document


def test_a_key_resolves_to_who_holds_it(scene):
    answer = ask(scene, "resolve", did=did_key(key("farm/app").public))

    assert answer["didDocumentMetadata"]["canonicalId"] == DID
    assert answer["didDocument"]["id"] == DID


def test_a_rotated_key_counts_until_its_block_and_the_new_one_from_there(scene):
    scene.block()
    rotate(scene)
    height = scene.ledger.head.height
    scene.block()

    assert keys_of(scene) == ids("farm/app-2")
    assert keys_of(scene, at_height=height - 1) == ids("farm/app")
    assert keys_of(scene, at_height=height) == ids("farm/app", "farm/app-2")
    assert keys_of(scene, at_height=height + 1) == ids("farm/app-2")


def test_right_after_the_block_the_old_key_counts_no_more(scene):
    rotate(scene)

    assert keys_of(scene) == ids("farm/app-2")


def test_a_time_gives_the_keys_of_then(scene):
    scene.block()
    rotate(scene)
    then = scene.ledger.head.time
    scene.block()

    assert keys_of(scene, at_time=then - 1) == ids("farm/app")
    assert keys_of(scene, at_time=then) == ids("farm/app-2")


def test_who_was_not_there_yet_is_missing(scene):
    scene.block()
    args = {"key": key("farm/new").public, "kind": "person", "subject": "farm/new"}
    scene.ok("org", "enrol", args, "farm/boss")
    head, did = scene.ledger.head, "did:hansa:test-chain:farm:new"

    assert keys_of(scene, did, at_height=head.height) == ids("farm/new")
    assert keys_of(scene, did, at_time=head.time) == ids("farm/new")
    for when in ({"at_height": head.height - 1}, {"at_time": head.time - 1}):
        with pytest.raises(Refused, match="MISSING") as refusal:
            ask(scene, "resolve", did=did, **when)
        assert refusal.value.fields["height"] == head.height


def test_the_history_names_every_key_with_its_heights_and_what_was_said_of_it(scene):
    rotate(scene)
    height, time = scene.ledger.head.height, scene.ledger.head.time
    args = {
        "compromised_since": time, "key": key_id(key("farm/app").public), "reason": "stolen",
        "subject": "farm/app",
    }  # fmt: skip
    scene.ok("org", "revoke_key", args, "farm/boss")

    history = ask(scene, "resolve", did=DID)["didDocumentMetadata"]["keys"]

    old, new = (f"{DID}#{one}" for one in ids("farm/app", "farm/app-2"))
    assert history == [
        {
            "compromisedSince": time, "id": old, "reason": "stolen", "use": "subject",
            "validFrom": 0, "validTo": height + 1,
        },
        {
            "compromisedSince": 0, "id": new, "reason": "", "use": "subject",
            "validFrom": height, "validTo": 0,
        },
    ]  # fmt: skip


def test_who_is_suspended_is_deactivated_now_and_was_not_then(scene):
    scene.ok("org", "suspend_subject", {"subject": "farm/app", "version": 2}, "farm/boss")

    def deactivated(**when):
        return ask(scene, "resolve", did=DID, **when)["didDocumentMetadata"]["deactivated"]

    assert deactivated()
    assert not deactivated(at_height=0)


@pytest.mark.parametrize(
    ("did", "code"),
    [
        ("did:hansa:other-chain:farm", "MISSING"),
        ("did:hansa:test-chain:nobody", "MISSING"),
        ("did:hansa:test-chain:farm:nobody", "MISSING"),
        (did_key(key("stranger").public), "MISSING"),
        (did_key(key("v1").public), "MISSING"),
        (did_key(key("stranger").public) + "z", "SCHEMA"),
        ("did:key:z11", "SCHEMA"),
        ("did:key:u", "SCHEMA"),
        ("did:hansa:test-chain", "SCHEMA"),
        ("did:hansa:test-chain:farm:app:more", "SCHEMA"),
        ("did:hansa:test-chain:farm/app", "SCHEMA"),
        ("did:web:example.org", "SCHEMA"),
    ],
)
def test_other_names_are_refused(scene, did, code):
    with pytest.raises(Refused, match=code):
        ask(scene, "resolve", did=did)


@pytest.mark.parametrize(
    ("when", "code"),
    [
        ({"at_height": 1, "at_time": START}, "SCHEMA"),
        ({"at_height": 1}, "TIME"),
        ({"at_time": START + 1}, "TIME"),
    ],
)
def test_the_future_and_two_times_at_once_are_refused(scene, when, code):
    with pytest.raises(Refused, match=code):
        ask(scene, "resolve", did=DID, **when)


def test_a_member_lists_its_people_page_by_page(scene):
    first = ask(scene, "member", member="farm", limit=1)
    second = ask(scene, "member", member="farm", limit=1, after=first["next"])

    assert first["member"]["legal_id"] == {"scheme": "OTHER", "value": "R-farm"}
    assert [one["id"] for one in first["subjects"] + second["subjects"]] == [
        "farm/app", "farm/boss",
    ]  # fmt: skip
    assert second["next"] == ""
    with pytest.raises(Refused, match="MISSING"):
        ask(scene, "member", member="nobody")


def test_a_subject_tells_its_roles_state_and_keys(scene):
    answer = ask(scene, "subject", subject="farm/boss")

    assert (answer["roles"], answer["state"]) == ({"admin": 0}, "active")
    assert answer["did"] == "did:hansa:test-chain:farm:boss"
    assert [one["validFrom"] for one in answer["history"]] == [0]
    with pytest.raises(Refused, match="MISSING"):
        ask(scene, "subject", subject="farm/nobody")


def test_a_key_to_seal_to_is_in_the_history_and_signs_nothing(scene):
    public = bytes([2]) + key("box").public[1:]
    scene.ok("org", "seal_key", {"key": public}, "farm/boss")
    did = "did:hansa:test-chain:farm"

    assert keys_of(scene, did) == ids("farm")
    history = ask(scene, "resolve", did=did)["didDocumentMetadata"]["keys"]
    assert [one["use"] for one in history] == ["member", "seal"]
