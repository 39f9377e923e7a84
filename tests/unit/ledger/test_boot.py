"""The block at height 0: one genesis, one hash; a genesis that cannot be is refused."""

import msgspec
import pytest

from hansa.errors import Rejected
from hansa.genesis import LegalId
from ledger.boot import genesis_block
from tests.unit.ledger.scene import NAMES, Scene, genesis, key


def test_the_same_genesis_gives_the_same_chain_whatever_the_order_in_its_file():
    given = genesis()
    turned = msgspec.structs.replace(given, members=given.members[::-1], nodes=given.nodes[::-1])

    assert genesis_block(given)[0].hash == genesis_block(turned)[0].hash
    assert genesis_block(given)[1] == genesis_block(turned)[1]


def test_another_genesis_gives_another_chain():
    first = genesis_block(genesis())[0].hash
    others = [
        genesis(NAMES[:3]),
        genesis(parameters={"ballot.days": 1}),
        msgspec.structs.replace(genesis(), time=1),
        msgspec.structs.replace(genesis(), chain_id="other"),
    ]

    assert first not in [genesis_block(other)[0].hash for other in others]


def test_members_people_nodes_and_numbers_stand_in_the_state():
    scene = Scene()
    names = {name.decode() for name, _ in scene.ledger.scan_state(b"org/")}

    assert {
        "org/member/farm", "org/subject/farm", "org/subject/farm/app", "org/node/node1",
        "org/prefix/9520601", "org/gln/9520600001015", "org/legal/OTHER/R-farm",
    } <= names  # fmt: skip


def test_a_genesis_parameter_must_be_one():
    with pytest.raises(Rejected) as caught:
        genesis_block(genesis(parameters={"ballot.days": 0}))

    assert caught.value.code == "parameter.value"


def test_a_register_number_belongs_to_one_member():
    given = genesis()
    twin = msgspec.structs.replace(given.members[1], legal_id=LegalId("OTHER", "R-carrier"))

    with pytest.raises(Rejected):
        genesis_block(
            msgspec.structs.replace(given, members=(given.members[0], twin, *given.members[2:]))
        )


def test_a_subject_that_is_named_like_a_member_is_another_one():
    """`farm/app` is a person; there is no way to write a person that is the member itself."""
    assert key("farm").public != key("farm/app").public
