"""No bytes from outside get past the decoders as anything but what the encoder writes."""

import json

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from consensus.guard import Guard, Slot
from consensus.io import Now, Received
from consensus.messages import decode_message, encode_message
from consensus.records import decode_record, encode_record
from hansa.encoding import decode_value, encode_value
from hansa.errors import Corrupt, Rejected
from hansa.evidence import decode_evidence, encode_evidence
from hansa.transaction import SignedTransaction
from tests.conftest import ROOT
from tests.unit.consensus.talk import Talk

VECTORS = json.loads((ROOT / "tests" / "vectors" / "consensus.json").read_text(encoding="utf-8"))
GOOD = [
    bytes.fromhex(case["bytes"])
    for kind in ("messages", "records", "evidence")
    for case in VECTORS[kind]
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=8)
    | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(st.characters(max_codepoint=127), max_size=4), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@st.composite
def spoiled(draw):
    """A good encoding with a few bytes changed, cut or put in."""
    data = bytearray(draw(st.sampled_from(GOOD)))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(data)))
        match draw(st.integers(0, 2)):
            case 0:
                data[place:place] = draw(st.binary(min_size=1, max_size=3))
            case 1:
                del data[place : place + draw(st.integers(1, 5))]
            case _:
                data[place : place + 1] = draw(st.binary(min_size=1, max_size=1))
    return bytes(data)


def survives(decode, encode, data):
    """Whatever is decoded is encoded to the same bytes; nothing else happens."""
    try:
        found = decode(data)
    except (Rejected, Corrupt):
        return
    assert encode(found) == data


@given(spoiled() | st.binary(max_size=40))
def test_what_decodes_encodes_to_the_same_bytes(data):
    survives(decode_message, encode_message, data)
    survives(decode_record, encode_record, data)
    survives(decode_evidence, encode_evidence, data)
    survives(decode_value, encode_value, data)
    survives(SignedTransaction.decode, lambda found: found.raw, data)


@given(VALUES)
def test_every_value_reads_back(value):
    assert decode_value(encode_value(value)) == value


@given(st.integers(0, 2**62), st.integers(0, 2**31), st.integers(0, 3), st.binary(max_size=3))
def test_the_guard_reads_back_or_is_damaged(height, view, step, noise):
    data = Guard(Slot(height, view, step), bytes(32)).encode()
    survives(Guard.decode, Guard.encode, data)
    survives(Guard.decode, Guard.encode, data + noise)
    survives(Guard.decode, Guard.encode, noise + data)


MESSAGES = [decode_message(bytes.fromhex(case["bytes"])) for case in VECTORS["messages"]]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(MESSAGES), st.integers(0, 3), st.integers(0, 2**31 - 1),
            st.integers(0, 5_000),
        ),
        max_size=12,
    ),
    st.sampled_from(["primary", "next", "backup", "observer"]),
)  # fmt: skip
def test_no_message_from_outside_makes_the_core_raise(said, role):
    """Decodable and false in every field that can be: dropped, and nothing is signed for it."""
    talk = Talk(role)
    for message, peer, number, wait in said:
        fields = message.__struct_fields__
        changed = {
            name: value
            for name, value in (("height", 1), ("view", number % 5), ("signer", peer))
            if name in fields
        }
        talk.time += wait
        now = Now(talk.time, talk.wall + talk.time, pending=False, relayed=False)
        out = talk.core.step(Received(peer, replace(message, **changed)), now)

        assert not out.diverged
        assert out.commit == []
