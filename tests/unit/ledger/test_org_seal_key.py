"""The key to which others seal for a member: named by its administrator, one at a time."""

import msgpack
import pytest

from hansa.keys import key_id
from hansa.seal import SealKey
from tests.unit.ledger.grant_scene import GrantScene, delivery
from tests.unit.ledger.scene import Scene, key

FIRST, SECOND = (SealKey(bytes([number]) * 32).public for number in (1, 2))


@pytest.fixture
def scene():
    return Scene()


def state(scene, name):
    stored = scene.ledger.get_state(name.encode())
    return None if stored is None else msgpack.unpackb(stored)


def test_an_administrator_names_the_key_to_which_others_seal(scene):
    answer = scene.ok("org", "seal_key", {"key": FIRST}, "farm")

    assert answer == {"key": key_id(FIRST), "subject": "farm"}
    record = state(scene, "org/key/" + key_id(FIRST))
    assert (record["public"], record["subject"], record["use"]) == (FIRST, "farm", "seal")
    assert key_id(FIRST) in state(scene, "org/subject/farm")["keys"]
    assert "valid_to" not in record


def test_the_next_key_ends_the_last_one(scene):
    scene.ok("org", "seal_key", {"key": FIRST}, "farm/boss")
    scene.ok("org", "seal_key", {"key": SECOND}, "farm/boss")

    ended = state(scene, "org/key/" + key_id(FIRST))
    assert (ended["valid_to"] > 0, ended["reason"]) == (True, "rotated")
    assert "valid_to" not in state(scene, "org/key/" + key_id(SECOND))


def test_who_is_no_administrator_names_no_key(scene):
    assert scene.call("org", "seal_key", {"key": FIRST}, "farm/app").code == "AUTH"


def test_a_key_that_signs_is_none_to_which_others_seal(scene):
    args = {"key": key("other").public}

    assert scene.call("org", "seal_key", args, "farm").code == "SCHEMA"


def test_a_key_is_named_once_by_whomever(scene):
    scene.ok("org", "seal_key", {"key": FIRST}, "farm")

    assert scene.call("org", "seal_key", {"key": FIRST}, "carrier").code == "EXISTS"
    assert scene.call("org", "seal_key", {"key": FIRST}, "farm").code == "EXISTS"


def test_it_is_followed_by_another_and_not_rotated(scene):
    scene.ok("org", "seal_key", {"key": FIRST}, "farm")
    args = {"new_key": key("new").public, "old_key": key_id(FIRST), "subject": "farm"}

    assert scene.call("org", "rotate", args, "farm", "new").code == "RULE"


def test_it_is_revoked_while_the_member_keeps_its_only_other_key(scene):
    scene.ok("org", "seal_key", {"key": FIRST}, "farm")

    scene.ok("org", "revoke_key", {"key": key_id(FIRST), "subject": "farm"}, "farm")

    assert state(scene, "org/key/" + key_id(FIRST))["valid_to"] > 0


def test_the_last_key_that_signs_is_not_revoked_for_there_is_one_that_seals(scene):
    scene.ok("org", "seal_key", {"key": FIRST}, "farm")
    args = {"key": key_id(key("farm").public), "subject": "farm"}

    assert scene.call("org", "revoke_key", args, "farm").code == "RULE"


def test_a_member_has_64_keys_in_its_life(scene):
    for number in range(63):
        public = SealKey(bytes([number]) * 32).public
        scene.ok("org", "seal_key", {"key": public}, "farm")

    receipt = scene.call("org", "seal_key", {"key": SealKey(b"x" * 32).public}, "farm")

    assert receipt.code == "LIMIT"


def test_a_delivery_is_wrapped_to_the_assignees_seal_key():
    scene = GrantScene()
    scene.ok("org", "seal_key", {"key": FIRST}, "farm")
    scene.ok("org", "seal_key", {"key": SECOND}, "retailer")
    scene.started()
    wraps = [
        {"alg": "x25519-sealedbox", "ek": b"k" * 80, "to_key_id": key_id(public)}
        for public in (FIRST, SECOND)
    ]

    assert scene.refused("deliver", delivery(1, wraps[1]), "roastery")[0] == "SIGN"
    scene.done("deliver", delivery(1, wraps[0]), "roastery")
    scene.ok("org", "seal_key", {"key": SealKey(b"3" * 32).public}, "farm")
    scene.block()
    assert scene.refused("deliver", delivery(2, wraps[0]), "roastery")[0] == "SIGN"
