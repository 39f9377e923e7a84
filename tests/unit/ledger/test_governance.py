"""`governance` and its ballots: k of n members, once each, in time; small steps of the set."""

import msgpack
import pytest

from hansa.errors import Rejected
from hansa.signing import verify
from ledger.accuse import Offence
from ledger.ballots import approvals_needed
from ledger.contracts import CONTRACTS
from ledger.contracts.governance import Governance
from ledger.execution import Ledger
from ledger.parameters import PARAMETERS, check_parameter
from tests.unit.ledger.scene import DAY, START, Scene, genesis, key


def state(scene, name):
    stored = scene.ledger.get_state(name.encode())
    return None if stored is None else msgpack.unpackb(stored)


def opened(scene, value=3, opener="farm/boss"):
    args = {"name": "ballot.days", "value": value}
    return scene.ok("governance", "set_parameter", args, opener)


def vote(scene, answer, voter, approve="yes"):
    args = {"approve": approve == "yes", "id": answer["ballot"]}
    return scene.call("governance", "vote", args, voter)


def voted(scene, answer, voter, approve="yes"):
    receipt = vote(scene, answer, voter, approve)
    assert receipt.code == "OK", receipt.error_fields()
    return receipt.calls[0].value()


@pytest.mark.parametrize(
    ("policy", "voters", "needed"),
    [
        ("ALL", 4, 4), ("ANY", 4, 1), ("SELF", 1, 1), ("MAJORITY", 4, 3), ("MAJORITY", 5, 3),
        ("2-of-3", 3, 2), ("2-of-3", 4, 3), ("2-of-3", 7, 5), ("1-of-1", 9, 9),
    ],
)  # fmt: skip
def test_a_policy_word_says_how_many_approve(policy, voters, needed):
    assert approvals_needed(policy, voters) == needed


def test_a_ballot_passes_with_the_last_vote_it_needs():
    scene = Scene()
    answer = opened(scene)
    assert answer | {"ballot": ""} == {
        "approvals": 1, "ballot": "", "needed": 3, "outcome": "", "state": "open",
    }  # fmt: skip
    voted(scene, answer, "carrier/boss")
    receipt = vote(scene, answer, "retailer/boss")

    assert receipt.calls[0].value()["state"] == "passed"
    assert [event.name for event in receipt.calls[0].events] == [
        "governance.voted", "governance.parameter_set", "governance.ballot_closed",
    ]  # fmt: skip
    assert state(scene, "governance/parameter/ballot.days") == 3
    assert scene.ledger.head.parameters_version == 1
    assert scene.ledger.next_due() is None


def test_the_new_value_holds_for_the_next_ballot():
    scene = Scene()
    answer = opened(scene, 1)
    voted(scene, answer, "carrier/boss")
    voted(scene, answer, "retailer/boss")
    opened(scene, 5)

    assert scene.ledger.next_due() == scene.ledger.head.time + DAY


def test_a_ballot_closes_when_it_can_no_longer_pass():
    scene = Scene()
    answer = opened(scene)
    voted(scene, answer, "carrier/boss", approve="no")

    assert voted(scene, answer, "retailer/boss", approve="no")["state"] == "refused"
    assert vote(scene, answer, "roastery/boss").code == "STATE"


@pytest.mark.parametrize(("voter", "code"), [("farm/boss", "DUPLICATE"), ("farm", "DUPLICATE")])
def test_a_member_votes_once(voter, code):
    scene = Scene()

    assert vote(scene, opened(scene), voter).code == code


def test_only_administrators_of_voters_vote_and_open():
    scene = Scene()
    answer = opened(scene)

    assert vote(scene, answer, "carrier/app").code == "AUTH"
    args = {"name": "ballot.days", "value": 1}
    assert scene.call("governance", "set_parameter", args, "farm/app").code == "AUTH"


def test_a_member_that_came_later_does_not_vote():
    scene = Scene(genesis(parameters={"policy.org.admit": "ANY"}))
    answer = opened(scene)
    admit = {
        "key": key("elba").public, "legal_id": {"scheme": "LEI", "value": "E"}, "name": "elba",
        "names": {"en": "Elba"},
    }  # fmt: skip
    assert scene.ok("org", "admit", admit, "farm/boss")["state"] == "passed"

    assert vote(scene, answer, "elba").code == "AUTH"


def test_a_ballot_expires_at_its_deadline():
    scene = Scene()
    answer = opened(scene)
    scene.block(time=scene.ledger.next_due())

    assert state(scene, "governance/ballot/" + answer["ballot"])["state"] == "expired"
    assert vote(scene, answer, "carrier/boss").code == "STATE"


def test_its_opener_withdraws_a_ballot():
    scene = Scene()
    answer = opened(scene)
    args = {"id": answer["ballot"]}

    assert scene.call("governance", "withdraw", args, "carrier/boss").code == "AUTH"
    assert scene.ok("governance", "withdraw", args, "farm/boss")["state"] == "withdrawn"
    assert scene.call("governance", "withdraw", args, "farm/boss").code == "STATE"
    missing = {"id": "0" * 24 + "-1"}
    assert scene.call("governance", "withdraw", missing, "farm/boss").code == "MISSING"


def test_several_ballots_of_one_transaction_have_ids_of_their_own():
    scene = Scene()
    call = ("governance", "set_parameter", {"name": "ballot.days", "value": 2})
    receipt = scene.block(scene.sign([call, call], ("farm/boss",)))[0]

    assert [one.value()["ballot"][-2:] for one in receipt.calls] == ["-1", "-2"]


@pytest.mark.parametrize(
    ("policy", "opener", "code"),
    [
        ("FORBIDDEN", "farm/boss", "STATE"),
        ("SELF", "carrier/boss", "AUTH"),
        ("SELF", "farm/boss", "OK"),
    ],
)
def test_some_matters_are_one_s_own_or_nobody_s(policy, opener, code):
    scene = Scene(genesis(parameters={"policy.org.suspend": policy}))

    assert scene.call("org", "suspend", {"member": "farm"}, opener).code == code


def test_the_last_member_is_not_suspended():
    scene = Scene(genesis(("farm",)))
    answer = scene.ok("org", "suspend", {"member": "farm"}, "farm/boss")

    assert (answer["state"], answer["outcome"]) == ("failed", "RULE")


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [("none", 1, "MISSING"), ("ballot.days", 0, "SCHEMA"), ("ballot.days", "x", "SCHEMA")],
)
def test_a_parameter_that_cannot_be_is_refused_at_once(name, value, code):
    args = {"name": name, "value": value}

    assert Scene().call("governance", "set_parameter", args, "farm/boss").code == code


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("policy.org.admit", "4-of-3"), ("policy.org.admit", "SOME"), ("policy.org.admit", 3),
        ("trace.unknown_ids", "maybe"), ("block.weight", True), ("none", 1),
    ],
)  # fmt: skip
def test_a_genesis_holds_only_values_that_may_be(name, value):
    with pytest.raises(Rejected):
        check_parameter(name, value)


@pytest.mark.parametrize("name", PARAMETERS)
def test_each_default_is_a_value_of_its_parameter(name):
    check_parameter(name, PARAMETERS[name].default)


def test_a_parameter_lowers_the_meter_at_once():
    scene = Scene(
        genesis(parameters={"policy.governance.set_parameter": "ANY", "transaction.keys": 64})
    )
    scene.ok("governance", "set_parameter", {"name": "block.transactions", "value": 1}, "farm/boss")
    call = ("doc", "register", {"digest": b"d" * 32, "id": "x"})
    staged = scene.build([scene.sign([call]), scene.sign([call], ("carrier/app",))])

    assert len(staged.transactions) == 1


def test_a_permission_asks_for_a_role_and_for_members():
    scene = Scene(genesis(parameters={"policy.governance.set_permission": "ANY"}))
    args = {"contract": "doc", "members": 2, "method": "register", "role": "admin"}
    scene.ok("governance", "set_permission", args, "farm/boss")
    call = ("doc", "register", {"digest": b"d" * 32, "id": "x"})

    assert scene.call(*call, "farm/app").error_fields()["need"] == "admin"
    assert scene.call(*call, "farm/boss", "farm").error_fields()["need"] == 2
    assert scene.call(*call, "farm/boss", "carrier/app").code == "AUTH"
    assert scene.call(*call, "farm/boss", "carrier/boss").code == "OK"
    assert scene.ledger.head.parameters_version == 1


@pytest.mark.parametrize(("contract", "method"), [("none", "register"), ("doc", "none")])
def test_a_permission_is_about_a_method_that_is_there(contract, method):
    args = {"contract": contract, "method": method}

    assert Scene().call("governance", "set_permission", args, "farm/boss").code == "MISSING"


def voting_scene(**parameters):
    names = ("carrier", "farm", "retailer", "roastery", "elba")
    return Scene(genesis(names, {"policy.governance.set_validators": "ANY"} | parameters))


def change(scene, signer="farm/boss", **args):
    return scene.call("governance", "set_validators", args, signer)


def test_a_change_of_the_set_is_in_force_at_the_next_height():
    scene = voting_scene()
    before = scene.ledger.validators
    assert change(scene, remove=["node4"]).code == "OK"
    head = scene.ledger.head

    assert head.validators_hash == before.hash
    assert head.next_validators_hash == scene.ledger.validators.hash != before.hash
    assert [one.name for one in scene.ledger.validators.validators][-1] == "node3"
    assert (head.epoch, scene.ledger.epoch) == (0, 1)
    scene.block()
    assert scene.ledger.head.epoch == 1
    assert scene.ledger.set_changes() == (1,)
    assert scene.ledger.validators_at(1) == before
    assert scene.ledger.validators_at(2) == scene.ledger.validators


def test_a_registered_node_becomes_a_validator():
    scene = voting_scene()
    node = {
        "name": "node9", "transport_key": key("t9").public, "validator_key": key("v9").public,
    }  # fmt: skip
    scene.ok("org", "register_node", node, "farm/boss")
    change(scene, add=["node9"])

    assert scene.ledger.validators.validators[-1].key == key("v9").public
    scene.block()
    again = Ledger.open(scene.store, verify)
    assert again.validators == scene.ledger.validators


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ({}, "SCHEMA"),
        ({"add": ["node1"], "remove": ["node1"]}, "SCHEMA"),
        ({"add": ["node1"]}, "EXISTS"),
        ({"add": ["node7"]}, "MISSING"),
        ({"remove": ["node7"]}, "MISSING"),
        ({"remove": ["node1", "node2"]}, "RULE"),
    ],
)
def test_a_change_of_the_set_is_refused(args, code):
    assert change(voting_scene(), **args).code == code


def test_the_set_does_not_fall_below_its_minimum():
    scene = voting_scene(**{"validators.minimum": 4})
    assert change(scene, remove=["node4"]).code == "OK"

    assert change(scene, remove=["node3"]).error_fields() == {
        "field": "validators", "have": 3, "need": 4,
    }  # fmt: skip


def test_two_changes_in_one_block_stay_within_the_bound_together():
    scene = voting_scene()
    receipts = scene.block(
        scene.sign([("governance", "set_validators", {"remove": ["node4"]})], ("farm/boss",)),
        scene.sign([("governance", "set_validators", {"remove": ["node3"]})], ("farm/boss",)),
    )

    assert [one.code for one in receipts] == ["OK", "RULE"]
    assert change(scene, remove=["node3"]).code == "OK"


def test_a_node_of_a_suspended_member_does_not_become_a_validator():
    scene = voting_scene(**{"policy.org.suspend": "ANY"})
    change(scene, remove=["node4"])
    scene.ok("org", "suspend", {"member": "elba"}, "farm/boss")

    assert change(scene, add=["node4"]).code == "STATE"


def judge(evidence, chain_id, set_at, verify):
    """Believes evidence that names a validator and a height of a set that it is in."""
    name, height = evidence.decode().split()
    validators = set_at(int(height))
    if validators is None or validators.index_of(name) is None:
        raise Rejected("evidence.unknown", name)
    return Offence(name, "double-vote", int(height), 0)


def accusing(**parameters):
    scene = voting_scene(**parameters)
    contracts = {**CONTRACTS, "governance": Governance(judge)}
    scene.ledger = Ledger.open(scene.store, verify, contracts)
    return scene


def accuse(scene, text):
    return scene.call("governance", "accuse", {"evidence": text.encode()}, "farm/app")


def test_a_proven_offender_leaves_the_set():
    scene = accusing()
    receipt = accuse(scene, "node4 1")

    assert receipt.calls[0].value() == {
        "kind": "double-vote", "removed": True, "validator": "node4",
    }  # fmt: skip
    assert scene.ledger.validators.index_of("node4") is None
    assert accuse(scene, "node4 1").code == "EXISTS"


def test_an_offence_is_judged_by_the_set_of_its_height():
    scene = accusing()
    change(scene, remove=["node4"])
    scene.block()

    assert accuse(scene, "node4 1").calls[0].value()["removed"] is False
    assert accuse(scene, "node4 2").code == "SCHEMA"
    assert accuse(scene, "node0 0").code == "SCHEMA"
    assert accuse(scene, "node0 99").code == "SCHEMA"


def test_an_offender_stays_where_the_set_cannot_do_without_it():
    scene = accusing(**{"validators.minimum": 5})

    assert accuse(scene, "node4 1").calls[0].value()["removed"] is False


def test_evidence_without_a_judge_is_refused():
    receipt = voting_scene().call("governance", "accuse", {"evidence": b"x"}, "farm/app")

    assert receipt.code in ("PROFILE", "SCHEMA")


def test_the_chain_begins_at_its_genesis():
    scene = Scene()

    assert scene.header0.time == START
    assert scene.header0.height == 0
    assert scene.header0.validators_hash == scene.genesis.validators().hash
