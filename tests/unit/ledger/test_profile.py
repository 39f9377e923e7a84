"""`profile`: decided by members, never changed, retired with a successor; reads and trials."""

import copy

import pytest

from hansa.signing import verify
from ledger.contract import Context, Refused, load
from ledger.contracts import CONTRACTS
from ledger.contracts.profile import (
    Profiles,
    list_profiles,
    need_live_profile,
    need_profile,
    read_profile,
    simulate,
)
from ledger.execution import Ledger
from tests.unit.ledger.machine_scene import BODY, PLAIN
from tests.unit.ledger.scene import DAY, Scene, genesis

ID = "test.thing@1"
NEXT = "test.thing@2"
BOSSES = ("farm/boss", "carrier/boss", "retailer/boss")


class ProfileScene(Scene):
    """A ledger with `profile`."""

    def __init__(self, parameters=None):
        super().__init__(genesis(parameters=parameters))
        self.ledger = Ledger.open(self.store, verify, {**CONTRACTS, "profile": Profiles()})

    def refused(self, method, args, *signers):
        receipt = self.call("profile", method, args, *signers)
        assert receipt.code != "OK"
        return receipt.code, receipt.error_fields()

    def propose(self, profile=PLAIN, signer="farm/boss"):
        return self.ok("profile", "propose", {"profile": profile}, signer)

    def publish(self, profile=PLAIN):
        """Propose and approve with a majority of four: the record's version."""
        version = self.propose(profile)["version"]
        args = {"id": f"{profile['name']}@{profile['version']}", "version": version}
        for boss in BOSSES[1:]:
            answer = self.ok("profile", "approve", args, boss)
        assert answer["state"] == "passed"
        return version + 1

    def retire(self, version, **more):
        args = {"id": ID, "version": version, "successor": NEXT, **more}
        answer = self.ok("profile", "retire", args, "farm/boss")
        for boss in BOSSES[1:]:
            vote = {"id": ID, "version": answer["version"]}
            last = self.ok("profile", "approve", vote, boss)
        return last

    def shown(self, profile_id=ID):
        return read_profile(self.ledger.get_state, profile_id)

    def window(self):
        """A context at the head's next height: what another contract would see."""
        return Window(self.ledger)


class Window(Context):
    """Enough of a context for `need_profile`: keys of the head, and the next height."""

    __slots__ = ("_ledger",)

    def __init__(self, ledger):
        self._ledger = ledger

    @property
    def height(self):
        return self._ledger.head.height + 1

    def within(self, contract):
        assert contract == "profile"
        return self

    def get(self, key, kind):
        stored = self._ledger.get_state(b"profile/" + key.encode())
        return None if stored is None else load(stored, kind)


def version_two(**changes):
    return {**copy.deepcopy(PLAIN), "version": 2, **changes}


@pytest.fixture
def scene():
    return ProfileScene()


def test_a_proposal_writes_the_record_the_ballot_and_its_deadline(scene):
    receipt = scene.call("profile", "propose", {"profile": PLAIN}, "farm/boss")

    assert receipt.calls[0].value() | {"ballot": ""} == {
        "approvals": 1, "ballot": "", "id": ID, "needed": 3, "outcome": "", "profile": "proposed",
        "state": "open", "version": 1,
    }  # fmt: skip
    ballot = receipt.calls[0].value()["ballot"]
    assert list(dict.fromkeys(one.key for one in receipt.calls[0].records)) == [
        "profile/record/" + ID, "governance/ballot/" + ballot,
    ]  # fmt: skip
    assert scene.shown()["ballot"] == ballot
    assert [event.name for event in receipt.calls[0].events] == [
        "profile.proposed", "governance.ballot_opened",
    ]  # fmt: skip


def test_a_profile_is_published_by_the_last_approval_that_it_needs(scene):
    version = scene.publish()

    shown = scene.shown()
    assert (shown["state"], shown["version"], shown["profile"]) == ("published", version, PLAIN)
    assert shown["published_at"] == scene.ledger.head.height
    assert need_profile(scene.window(), ID) is need_live_profile(scene.window(), ID)


def test_one_member_may_be_enough():
    scene = ProfileScene({"policy.profile.publish": "ANY"})

    answer = scene.propose()
    assert (answer["state"], answer["profile"], answer["version"]) == ("passed", "published", 2)


def test_what_one_member_decides_is_never_voted_on():
    scene = ProfileScene({"policy.profile.publish": "ANY", "policy.profile.retire": "ANY"})
    scene.propose()
    scene.propose(version_two())

    assert scene.refused("approve", {"id": ID, "version": 2}, "carrier/boss")[0] == "STATE"
    args = {"id": ID, "version": 2, "successor": NEXT}
    assert scene.ok("profile", "retire", args, "carrier/boss")["profile"] == "retired"


def test_a_published_version_never_changes(scene):
    scene.publish()

    assert scene.refused("propose", {"profile": PLAIN}, "farm/boss") == (
        "EXISTS", {"by": "farm", "have": "published", "id": ID},
    )  # fmt: skip
    assert scene.propose(version_two())["id"] == NEXT


def test_a_proposal_is_not_replaced_while_it_is_voted_on(scene):
    scene.propose()
    other = {**PLAIN, "labels": {"zh": "乙", "en": "other"}}

    assert scene.refused("propose", {"profile": other}, "carrier/boss")[0] == "EXISTS"


def test_a_proposal_that_was_turned_down_may_be_made_anew(scene):
    scene.propose()
    args = {"id": ID, "version": 1, "reason": "no"}
    scene.ok("profile", "object", args, "carrier/boss")
    assert scene.ok("profile", "object", args, "retailer/boss")["state"] == "refused"
    other = {**PLAIN, "labels": {"zh": "乙", "en": "other"}}

    assert scene.propose(other, "carrier/boss")["version"] == 2
    assert scene.refused("approve", {"id": ID, "version": 1}, "farm/boss")[0] == "STALE"
    scene.ok("profile", "approve", {"id": ID, "version": 2}, "farm/boss")
    scene.ok("profile", "approve", {"id": ID, "version": 2}, "roastery/boss")
    assert scene.shown()["profile"] == other
    assert scene.shown()["controller"] == "carrier"


def test_a_proposal_whose_ballot_expired_may_be_made_anew(scene):
    scene.propose()
    scene.block(time=scene.ledger.head.time + 8 * DAY)

    assert scene.refused("approve", {"id": ID, "version": 1}, "carrier/boss")[0] == "STATE"
    assert scene.propose()["version"] == 2


def test_an_objection_leaves_its_reason_in_the_receipt(scene):
    scene.propose()
    args = {"id": ID, "version": 1, "reason": "too strict"}
    receipt = scene.call("profile", "object", args, "carrier/boss")

    (event,) = [one for one in receipt.calls[0].events if one.name == "profile.objected"]
    assert event.fields() == {"by": "carrier", "id": ID, "reason": "too strict"}


@pytest.mark.parametrize("method", ["approve", "object"])
def test_a_member_has_one_vote(scene, method):
    scene.propose()
    args = {"id": ID, "version": 1} | ({"reason": "x"} if method == "object" else {})

    assert scene.refused(method, args, "farm/boss")[0] == "DUPLICATE"
    assert scene.refused(method, args, "carrier/app")[0] == "AUTH"
    assert scene.refused(method, {**args, "version": 2}, "carrier/boss")[0] == "STALE"
    assert scene.refused(method, {**args, "id": "test.other@1"}, "carrier/boss")[0] == "MISSING"


def test_only_an_administrator_proposes(scene):
    assert scene.refused("propose", {"profile": PLAIN}, "farm/app")[0] == "AUTH"
    assert scene.shown() is None


def test_what_could_never_work_is_not_proposed(scene):
    bad = {**PLAIN, "unique": {"x": {"field": "weight"}}}

    code, fields = scene.refused("propose", {"profile": bad}, "farm/boss")
    assert (code, fields["field"]) == ("SCHEMA", "/unique/x/field")


def test_a_retired_profile_names_its_successor_and_keeps_its_records(scene):
    version = scene.publish()
    scene.publish(version_two())
    height = scene.ledger.head.height + 6
    assert scene.retire(version, from_height=height)["state"] == "passed"

    shown = scene.shown()
    assert (shown["state"], shown["successor"], shown["retired_from"]) == ("retired", NEXT, height)
    assert need_live_profile(scene.window(), ID).id == ID
    scene.block()
    scene.block()
    assert need_profile(scene.window(), ID).id == ID
    with pytest.raises(Refused) as caught:
        need_live_profile(scene.window(), ID)
    assert (caught.value.code, caught.value.fields) == (
        "PROFILE", {"have": "retired", "height": height, "id": ID, "need": NEXT},
    )  # fmt: skip


def test_a_retirement_without_a_height_holds_from_the_next_one(scene):
    version = scene.publish()
    scene.publish(version_two())
    scene.retire(version)

    assert scene.shown()["retired_from"] == scene.ledger.head.height + 1


BAD_RETIREMENTS = {
    "no such profile": ({"id": "test.other@1"}, "MISSING"),
    "another version": ({"version": 1}, "STALE"),
    "a successor that is not there": ({"successor": "test.thing@9"}, "LINK"),
    "itself": ({"successor": ID}, "LINK"),
    "a height that is past": ({"from_height": 1}, "TIME"),
    "an id that is none": ({"id": "thing"}, "SCHEMA"),
}


@pytest.mark.parametrize("name", BAD_RETIREMENTS)
def test_a_retirement_is_refused_with(scene, name):
    changes, code = BAD_RETIREMENTS[name]
    version = scene.publish()
    scene.publish(version_two())

    args = {"id": ID, "version": version, "successor": NEXT} | changes
    assert scene.refused("retire", args, "farm/boss")[0] == code


def test_a_profile_is_retired_once_and_only_when_published(scene):
    version = scene.publish()
    scene.propose(version_two())
    args = {"id": NEXT, "version": 1, "successor": ID}
    assert scene.refused("retire", args, "farm/boss") == (
        "STATE", {"have": "proposed", "id": NEXT, "need": "published"},
    )  # fmt: skip
    for boss in BOSSES[1:]:
        scene.ok("profile", "approve", {"id": NEXT, "version": 1}, boss)
    first = {"id": ID, "version": version, "successor": NEXT}
    scene.ok("profile", "retire", first, "farm/boss")

    again = {**first, "version": version + 1}
    assert scene.refused("retire", again, "carrier/boss")[1]["have"] == "voted on"


def test_a_retirement_fails_when_its_successor_is_retired_meanwhile(scene):
    version = scene.publish()
    scene.publish(version_two())
    scene.publish(version_two(version=3))
    first = scene.ok(
        "profile", "retire", {"id": ID, "version": version, "successor": NEXT}, "farm/boss"
    )
    other = scene.ok(
        "profile", "retire", {"id": NEXT, "version": 2, "successor": "test.thing@3"}, "farm/boss"
    )
    for profile_id, opened in ((NEXT, other), (ID, first)):
        for boss in BOSSES[1:]:
            args = {"id": profile_id, "version": opened["version"]}
            last = scene.ok("profile", "approve", args, boss)

    assert (last["state"], last["outcome"]) == ("failed", "LINK")
    assert scene.shown()["state"] == "published"


def test_a_profile_that_is_only_proposed_governs_nothing(scene):
    scene.propose()

    for profile_id, have in ((ID, "proposed"), ("test.other@1", "")):
        with pytest.raises(Refused) as caught:
            need_live_profile(scene.window(), profile_id)
        assert (caught.value.code, caught.value.fields["have"]) == ("PROFILE", have)


def test_all_profiles_are_listed_without_their_text(scene):
    scene.publish()
    scene.propose(version_two())

    found = list_profiles(scene.ledger.scan_state)
    assert [(one["id"], one["state"]) for one in found] == [(ID, "published"), (NEXT, "proposed")]
    assert all("profile" not in one for one in found)


def test_an_action_is_tried_without_writing(scene):
    scene.propose()
    root = scene.ledger.head.state_root
    record = {"body": BODY, "controller": "farm", "signers": [{"member": "farm"}]}

    assert simulate(scene.ledger.get_state, ID, record, "make", {})["to"] == "open"
    assert simulate(scene.ledger.get_state, ID, record, "close", {})["code"] == "STATE"
    assert simulate(scene.ledger.get_state, NEXT, record, "make", {}) is None
    assert scene.ledger.head.state_root == root
