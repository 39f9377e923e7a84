"""Genesis files: read by people, parsed strictly, refused when their parts do not fit."""

import json

import msgspec
import pytest

from hansa.errors import Rejected
from hansa.genesis import GENESIS_BYTES_MAX, check_genesis, decode_genesis
from tests.unit.ledger.scene import genesis, key


def edited(change):
    plain = json.loads(genesis().to_json())
    change(plain)
    return json.dumps(plain).encode()


def test_a_genesis_file_comes_back_as_it_was():
    given = genesis(parameters={"ballot.days": 3})

    assert decode_genesis(given.to_json()) == given


def test_its_validators_stand_in_the_order_of_their_names():
    validators = genesis().validators().validators

    assert [one.name for one in validators] == ["node0", "node1", "node2", "node3"]
    assert validators[1].key == key("v1").public


def test_an_observer_is_no_validator():
    given = decode_genesis(edited(lambda plain: plain["nodes"][3].update(role="observer")))

    assert given.validators().size == 3


BAD = {
    "an unknown field": (lambda plain: plain.update(extra=1), "genesis.malformed"),
    "a bad key": (lambda plain: plain["members"][0].update(key="x"), "genesis.malformed"),
    "no members": (lambda plain: plain.update(members=[]), "genesis.malformed"),
    "another version": (lambda plain: plain.update(version=9), "genesis.version"),
    "another suite": (lambda plain: plain.update(suite=9), "genesis.suite"),
    "a member twice": (
        lambda plain: plain["members"].append(plain["members"][0]),
        "genesis.names",
    ),
    "a node twice": (lambda plain: plain["nodes"].append(plain["nodes"][0]), "genesis.names"),
    "a key twice": (
        lambda plain: plain["members"][0].update(key=plain["members"][1]["key"]),
        "genesis.names",
    ),
    "a prefix twice": (
        lambda plain: plain["members"][0].update(prefixes=plain["members"][1]["prefixes"]),
        "genesis.names",
    ),
    "a person twice": (
        lambda plain: plain["members"][0]["people"].append(plain["members"][0]["people"][0]),
        "genesis.names",
    ),
    "a node of nobody": (
        lambda plain: plain["nodes"][0].update(member="nobody"),
        "genesis.member",
    ),
    "no validator": (
        lambda plain: [node.update(role="observer") for node in plain["nodes"]],
        "genesis.validators",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_genesis_is_refused_with(name):
    change, code = BAD[name]

    with pytest.raises(Rejected) as caught:
        decode_genesis(edited(change))

    assert caught.value.code == code


@pytest.mark.parametrize("bad", [b"", b"[]", b"{", b"[" * 5000, b" " * (GENESIS_BYTES_MAX + 1)])
def test_what_is_no_genesis_is_refused(bad):
    with pytest.raises(Rejected) as caught:
        decode_genesis(bad)

    assert caught.value.code == "genesis.malformed"


def test_a_genesis_made_by_hand_is_checked_alike():
    with pytest.raises(Rejected):
        check_genesis(msgspec.structs.replace(genesis(), version=2))
