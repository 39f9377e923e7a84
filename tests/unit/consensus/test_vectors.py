"""The frozen bytes of messages, records and the guard (docs/spec/consensus.md)."""

import pytest

from consensus.accuse import evidence_of
from consensus.guard import Guard, Slot
from consensus.io import Evidence
from consensus.messages import decode_message, encode_message
from consensus.records import decode_record, encode_record, record_height
from hansa.block import Block, decode_block
from hansa.encoding import pack, unpack
from hansa.errors import Rejected
from tests.unit.hansa.frozen import frozen, why

VECTORS = frozen("consensus")


@pytest.mark.parametrize("case", VECTORS["messages"], ids=why)
def test_every_message_has_its_frozen_bytes_and_statement(case):
    message = decode_message(bytes.fromhex(case["bytes"]))
    inner = getattr(message, "view_change", message)

    assert encode_message(message).hex() == case["bytes"]
    assert ("statement" in case) == hasattr(inner, "statement")
    if "statement" in case:
        assert inner.statement("demo").hex() == case["statement"]


@pytest.mark.parametrize("case", VECTORS["refused"], ids=why)
def test_every_other_spelling_is_refused(case):
    with pytest.raises(Rejected) as caught:
        decode_message(bytes.fromhex(case["bytes"]))

    assert caught.value.code == case["code"]


@pytest.mark.parametrize("case", VECTORS["records"], ids=why)
def test_every_record_has_its_frozen_bytes(case):
    record = decode_record(bytes.fromhex(case["bytes"]))

    assert encode_record(record).hex() == case["bytes"]
    assert record_height(record) == 7


def test_the_guard_has_its_frozen_bytes():
    case = VECTORS["guard"]
    guard = Guard.decode(bytes.fromhex(case["bytes"]))

    assert guard.slot == Slot(case["height"], case["view"], case["step"])
    assert (guard.digest.hex(), guard.locked_view) == (case["digest"], case["locked_view"])
    assert pack(guard.prepared).hex() == case["prepared"]
    assert guard.encode().hex() == case["bytes"]


def test_the_frozen_votes_make_the_frozen_evidence():
    """Evidence is made of the very statements that replicas sign."""
    messages = {
        case["kind"]: decode_message(bytes.fromhex(case["bytes"])) for case in VECTORS["messages"]
    }
    commit = messages["commit"]
    nothing = messages["view-change, nothing prepared"]

    evidence = evidence_of(Evidence(0, commit, nothing, "n00"))

    assert isinstance(unpack(Block, bytes.fromhex(VECTORS["block"]["bytes"])), Block)
    assert decode_block(bytes.fromhex(VECTORS["block"]["bytes"])).header.height == 7
    assert evidence[0] == 3
