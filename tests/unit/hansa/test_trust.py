"""A trust file: what a stranger brings himself, read strictly."""

import json

import pytest
from msgspec.structs import replace

from hansa.block import Header
from hansa.errors import Rejected
from hansa.hashing import ZERO_HASH
from hansa.membership import Validator, ValidatorSet
from hansa.trust import TRUST_BYTES_MAX, Organisation, Trust, decode_trust


def validators(*names):
    return ValidatorSet(
        tuple(Validator(name, "farm", b"\1" + name.encode().ljust(32, b"\0")) for name in names)
    )


FIRST, SECOND = validators("node0", "node1"), validators("node0", "node2")


def header(now, after, height=0, epoch=3):
    return Header(
        1, "chain", 1, epoch, height, 0, ZERO_HASH, "", ZERO_HASH, ZERO_HASH, ZERO_HASH, 0,
        now.hash, after.hash, ZERO_HASH, 0, 0,
    )  # fmt: skip


TRUST = Trust.of(header(FIRST, FIRST), FIRST, (Organisation("farm", "Farm", "GLN 952"),))
DOCUMENT = json.loads(TRUST.to_json())


def test_a_trust_file_survives_its_bytes():
    assert decode_trust(TRUST.to_json()) == TRUST
    assert TRUST.validator_set() == FIRST
    assert TRUST.organisation("farm").legal_id == "GLN 952"
    assert TRUST.organisation("port") is None


def test_it_names_the_epoch_and_the_set_above_its_block():
    trust = Trust.of(header(FIRST, SECOND, height=7), SECOND)

    assert (trust.checkpoint.height, trust.checkpoint.epoch) == (7, 4)
    assert trust.validator_set() == SECOND


def changed(**fields):
    return json.dumps(DOCUMENT | fields).encode()


KEY = DOCUMENT["validators"][0]["key"]
BAD = {
    "no JSON": (b"{", "trust.malformed"),
    "no object": (b"[]", "trust.malformed"),
    "too large": (b" " * (TRUST_BYTES_MAX + 1), "trust.malformed"),
    "an unknown field": (changed(extra=1), "trust.malformed"),
    "another format": (changed(format="hansa/trust@2"), "trust.malformed"),
    "no validators": (changed(validators=[]), "trust.malformed"),
    "a short hash": (
        changed(checkpoint={"height": 0, "block_hash": "00", "epoch": 0}), "trust.malformed"
    ),
    "a control character in a name": (
        changed(organisations=[{"name": "farm", "title": "F\u001b[31m"}]), "trust.malformed"
    ),
    "a key that is none": (
        changed(validators=[{"name": "node0", "member": "farm", "key": "rsa:00"}]), "key.text"
    ),
    "a key twice": (
        changed(validators=[{"name": n, "member": "farm", "key": KEY} for n in ("a", "b")]),
        "trust.validators",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_trust_file_is_refused(name):
    data, code = BAD[name]

    with pytest.raises(Rejected) as caught:
        decode_trust(data)

    assert caught.value.code == code


def test_authorities_and_witnesses_travel_and_are_left_out_where_there_are_none():
    plain = decode_trust(json.dumps(DOCUMENT).encode())
    more = replace(
        plain, time_authorities=(b"a root",), witnesses=("court.example+0123abcd+" + "A" * 44,)
    )

    assert b"witnesses" not in plain.to_json()
    assert decode_trust(more.to_json()) == more


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("time_authorities", ["AAB="]),
        ("time_authorities", [""]),
        ("time_authorities", ["AAAA"] * 33),
        ("witnesses", ["court.example"]),
        ("witnesses", ["a b+0123abcd+" + "A" * 44]),
    ],
)
def test_what_is_no_authority_or_witness_is_refused(name, value):
    document = DOCUMENT | {name: value}

    with pytest.raises(Rejected, match=r"trust\.malformed"):
        decode_trust(json.dumps(document).encode())
