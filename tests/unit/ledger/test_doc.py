"""`doc`: registered once for each owner, signed by k of n organisations, never edited."""

import pytest

from ledger.contracts.doc import signing_digest
from tests.unit.ledger.scene import Scene, key

DIGEST = b"d" * 32


@pytest.fixture
def scene():
    return Scene()


def contract(scene, *members, threshold=2, **more):
    """A document that these members sign."""
    places = [{"member": member} for member in members]
    args = {"digest": DIGEST, "id": "c", "signers_needed": places, "threshold": threshold} | more
    return scene.ok("doc", "register", args)


def refused(scene, name, args, *signers):
    receipt = scene.call("doc", name, args, *signers)
    return receipt.code, receipt.error_fields()


def test_a_document_writes_its_record_and_one_unique_key(scene):
    receipt = scene.call("doc", "register", {"digest": DIGEST, "id": "c"})

    assert receipt.calls[0].records[0].key == "doc/record/c"
    assert [key for key, _ in scene.ledger.scan_state(b"doc/")] == [
        b"doc/digest/sha-256:" + DIGEST.hex().encode() + b"/farm",
        b"doc/record/c",
    ]


def test_a_digest_is_registered_once_for_each_owner(scene):
    scene.ok("doc", "register", {"digest": DIGEST, "id": "c"})

    assert refused(scene, "register", {"digest": DIGEST, "id": "e"}) == (
        "EXISTS", {"field": "digest", "id": "c"},
    )  # fmt: skip
    assert scene.ok("doc", "register", {"digest": DIGEST, "id": "e"}, "carrier/app")


def test_an_id_is_taken_once(scene):
    scene.ok("doc", "register", {"digest": DIGEST, "id": "c"})

    assert (
        refused(scene, "register", {"digest": b"e" * 32, "id": "c"}, "carrier/app")[0] == "EXISTS"
    )


BAD = {
    "an id with a slash": {"id": "a/b"},
    "an unknown algorithm": {"alg": "md5"},
    "a short digest": {"digest": b"x"},
    "a threshold that its places cannot meet": {
        "signers_needed": [{"member": "farm"}, {"subject": "farm/app"}],
        "threshold": 2,
    },
    "a predecessor without its version": {"supersedes": "old"},
}


@pytest.mark.parametrize("name", BAD)
def test_registration_is_refused_with(scene, name):
    scene.ok("doc", "register", {"digest": b"o" * 32, "id": "old"})

    assert refused(scene, "register", {"digest": DIGEST, "id": "c"} | BAD[name])[0] == "SCHEMA"


def test_a_document_is_complete_when_members_enough_have_signed(scene):
    contract(scene, "farm", "carrier", "retailer")
    first = scene.ok("doc", "sign", {"id": "c", "version": 1}, "farm/app")
    second = scene.call("doc", "sign", {"id": "c", "version": 2}, "carrier/boss")

    assert first == {"id": "c", "signed": 1, "state": "open", "version": 2}
    assert second.calls[0].value()["state"] == "complete"
    assert [event.name for event in second.calls[0].events] == ["doc.signed", "doc.completed"]


def test_one_transaction_with_cosigners_completes_it(scene):
    contract(scene, "farm", "carrier")

    assert scene.ok("doc", "sign", {"id": "c", "version": 1}, "farm/app", "carrier/app") == {
        "id": "c", "signed": 2, "state": "complete", "version": 2,
    }  # fmt: skip


def test_two_people_of_one_member_count_once(scene):
    contract(scene, "farm", "carrier")

    answer = scene.ok("doc", "sign", {"id": "c", "version": 1}, "farm/app", "farm/boss")
    assert (answer["signed"], answer["state"]) == (1, "open")


def test_a_person_signs_a_role_once(scene):
    contract(scene, "farm", "carrier")
    scene.ok("doc", "sign", {"id": "c", "version": 1}, "farm/app")

    assert refused(scene, "sign", {"id": "c", "version": 2}, "farm/app")[0] == "AUTH"


@pytest.mark.parametrize(
    ("place", "role", "signer", "code"),
    [
        ({"member": "farm"}, "", "carrier/app", "AUTH"),
        ({"subject": "farm/boss"}, "", "farm/app", "AUTH"),
        ({"subject": "farm/boss"}, "", "farm/boss", "OK"),
        ({"role": "admin"}, "admin", "carrier/boss", "OK"),
        ({"role": "admin"}, "admin", "carrier/app", "AUTH"),
        ({"role": "admin"}, "", "carrier/boss", "AUTH"),
        ({}, "", "retailer/app", "OK"),
    ],
)
def test_a_place_is_for_those_it_names(scene, place, role, signer, code):
    args = {"digest": DIGEST, "id": "c", "signers_needed": [place], "threshold": 1}
    scene.ok("doc", "register", args)

    given = {"id": "c", "role": role, "version": 1}
    assert scene.call("doc", "sign", given, signer).code == code


def detached(role="", signer="carrier/boss", digest=DIGEST):
    message = signing_digest("test-chain", "c", "sha-256", digest, role)
    signature = key(signer).sign(message)
    return {"id": "c", "key": key(signer).public, "signature": signature, "version": 1}


def test_somebody_else_may_bring_a_detached_signature(scene):
    contract(scene, "carrier", "farm")

    assert scene.ok("doc", "sign", detached(), "retailer/app")["signed"] == 1


BAD_SIGNATURES = {
    "of another digest": (detached(digest=b"e" * 32), "SIGN"),
    "of another role": (detached(role="admin"), "SIGN"),
    "by a stranger": (detached(signer="nobody"), "SIGN"),
    "by a member without a place": (detached(signer="roastery/app"), "AUTH"),
    "without its key": ({**detached(), "key": None}, "SCHEMA"),
    "without a signature": ({**detached(), "signature": None}, "SCHEMA"),
}


@pytest.mark.parametrize("name", BAD_SIGNATURES)
def test_a_detached_signature_is_refused(scene, name):
    contract(scene, "carrier", "farm")
    args, code = BAD_SIGNATURES[name]

    assert refused(scene, "sign", args, "retailer/app")[0] == code


def test_a_remark_is_kept_with_the_signature(scene):
    contract(scene, "farm", "carrier")
    scene.ok("doc", "sign", {"id": "c", "remark_digest": b"r" * 32, "version": 1}, "farm/app")

    assert b"r" * 32 in scene.ledger.get_state(b"doc/record/c")


def test_a_change_names_the_version_it_saw(scene):
    contract(scene, "farm", "carrier")
    scene.ok("doc", "sign", {"id": "c", "version": 1}, "farm/app")

    assert refused(scene, "sign", {"id": "c", "version": 1}, "carrier/app") == (
        "STALE", {"given": 1, "have": 2, "height": 2, "id": "c"},
    )  # fmt: skip
    assert refused(scene, "sign", {"id": "none", "version": 1})[0] == "MISSING"


def test_a_document_is_declined_when_too_few_are_left(scene):
    contract(scene, "farm", "carrier", "retailer")
    one = scene.ok("doc", "decline", {"id": "c", "version": 1}, "farm/app")
    again = refused(scene, "decline", {"id": "c", "version": 2}, "farm/boss")
    two = scene.ok("doc", "decline", {"id": "c", "reason": "no", "version": 2}, "carrier/app")

    assert (one["state"], two["state"]) == ("open", "declined")
    assert again[0] == "STATE"
    assert refused(scene, "sign", {"id": "c", "version": 3}, "retailer/app")[0] == "STATE"


def test_only_those_with_a_place_decline(scene):
    contract(scene, "farm", "carrier")

    assert refused(scene, "decline", {"id": "c", "version": 1}, "retailer/app")[0] == "AUTH"


def test_a_place_for_anyone_is_never_declined_for_all(scene):
    args = {"digest": DIGEST, "id": "c", "signers_needed": [{"role": "admin"}], "threshold": 1}
    scene.ok("doc", "register", args)

    assert scene.ok("doc", "decline", {"id": "c", "version": 1}, "farm/app")["state"] == "open"


def test_its_controller_withdraws_a_document_that_is_open(scene):
    contract(scene, "farm", "carrier")

    assert refused(scene, "withdraw", {"id": "c", "version": 1}, "carrier/app")[0] == "AUTH"
    assert scene.ok("doc", "withdraw", {"id": "c", "version": 1})["state"] == "withdrawn"
    assert refused(scene, "withdraw", {"id": "c", "version": 2})[0] == "STATE"


def test_a_newer_document_takes_the_place_of_an_older_one(scene):
    scene.ok("doc", "register", {"digest": DIGEST, "id": "c"})
    scene.ok("doc", "register", {"digest": b"e" * 32, "id": "e", "supersedes": "c", "version": 1})
    again = {"digest": b"f" * 32, "id": "f", "supersedes": "c", "version": 2}

    assert b"superseded" in scene.ledger.get_state(b"doc/record/c")
    assert refused(scene, "register", again)[0] == "STATE"
    assert scene.ledger.get_state(b"doc/record/f") is None


@pytest.mark.parametrize(
    ("new_id", "signer", "code"),
    [("e", "farm/app", "OK"), ("none", "farm/app", "LINK"), ("c", "farm/app", "LINK"),
     ("e", "carrier/app", "AUTH")],
)  # fmt: skip
def test_superseding_points_to_a_document_that_is_there(scene, new_id, signer, code):
    scene.ok("doc", "register", {"digest": DIGEST, "id": "c"})
    scene.ok("doc", "register", {"digest": b"e" * 32, "id": "e"})

    args = {"id": "c", "new_id": new_id, "reason": "amended", "version": 1}
    assert scene.call("doc", "supersede", args, signer).code == code
