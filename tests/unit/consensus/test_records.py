"""What a replica writes to its WAL reads back, and nothing else does."""

import pytest

from consensus.messages import Fresh, encode_message
from consensus.records import (
    BodyRecord,
    DivergedRecord,
    NewViewRecord,
    OwnRecord,
    PreparedRecord,
    decode_record,
    encode_record,
    message_height,
    record_height,
)
from hansa.errors import Corrupt
from hansa.hashing import ZERO_HASH
from hansa.votes import PREPARE
from tests.unit.consensus.talk import Talk

TALK = Talk()
BLOCK = TALK.block()
NEW_VIEW = TALK.new_view(1, TALK.changes(1, block=BLOCK), BLOCK)
RECORDS = {
    "body": BodyRecord(1, b"block"),
    "pre-prepare": OwnRecord(TALK.pre_prepare(BLOCK)),
    "vote": OwnRecord(TALK.vote(PREPARE, BLOCK, 0)),
    "view change": OwnRecord(TALK.change(0, 1, BLOCK)),
    "own new view": OwnRecord(NEW_VIEW),
    "fresh": OwnRecord(Fresh(1, ZERO_HASH, ZERO_HASH, 5, 0)),
    "new view": NewViewRecord(NEW_VIEW),
    "prepared": PreparedRecord(TALK.prepared(BLOCK)),
    "diverged": DivergedRecord(1),
}


@pytest.mark.parametrize("name", RECORDS)
def test_every_record_reads_back_and_knows_its_height(name):
    record = RECORDS[name]

    assert decode_record(encode_record(record)) == record
    assert record_height(record) == 1


def test_an_attestation_is_of_its_head():
    assert message_height(Fresh(7, ZERO_HASH, ZERO_HASH, 5, 0)) == 7


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\1",
        b"\1\1",
        b"\2" + encode_record(RECORDS["body"])[1:],
        b"\1\x09" + encode_record(RECORDS["vote"])[2:],
        encode_record(RECORDS["vote"])[:-1],
        encode_record(RECORDS["prepared"]) + b"\0",
        b"\1\3" + encode_message(TALK.vote(PREPARE, BLOCK, 0)),
        b"\1\2" + encode_message(TALK.decided(BLOCK)),
        encode_record(RECORDS["diverged"]) + b"\0",
    ],
    ids=["empty", "no kind", "body without a height", "newer version", "unknown kind", "cut",
         "trailing", "a vote as a new view", "what nobody signs as own", "a long diverged"],
)  # fmt: skip
def test_a_record_that_was_not_written_here_stops_the_node(data):
    with pytest.raises(Corrupt, match=r"wal\.record"):
        decode_record(data)


def test_a_restored_attestation_changes_nothing():
    talk = Talk()

    talk.core.restore([RECORDS["fresh"]])

    assert talk.state.own == {}
