"""What a replica writes to its WAL (docs/spec/consensus.md, section 7).

The WAL stores opaque bytes; this file gives them meaning. Records of a height
are read back in the order in which they were written.
"""

from dataclasses import dataclass
from typing import TypeAlias, assert_never

from consensus.messages import (
    Fresh,
    NewView,
    PrePrepare,
    Signed,
    ViewChangeProof,
    Vote,
    decode_message,
    encode_message,
)
from hansa.certificate import Certificate
from hansa.encoding import pack, unpack
from hansa.errors import Corrupt, Rejected

RECORD_VERSION = 1


@dataclass(frozen=True, slots=True)
class BodyRecord:
    """The whole block behind a vote: it can be served to whoever needs it."""

    height: int
    block: bytes


@dataclass(frozen=True, slots=True)
class OwnRecord:
    """An own signed message: it is sent again after a restart, never signed again."""

    message: Signed


@dataclass(frozen=True, slots=True)
class NewViewRecord:
    """A new view that was accepted."""

    message: NewView


@dataclass(frozen=True, slots=True)
class PreparedRecord:
    """The certificate behind an own COMMIT."""

    certificate: Certificate


@dataclass(frozen=True, slots=True)
class DivergedRecord:
    """The decided block of this height came out otherwise here: nothing of it is signed again."""

    height: int


Record: TypeAlias = BodyRecord | OwnRecord | NewViewRecord | PreparedRecord | DivergedRecord

_HEIGHT_BYTES = 8
_BODY, _OWN, _NEW_VIEW, _PREPARED, _DIVERGED = 1, 2, 3, 4, 5
_KINDS = {
    BodyRecord: _BODY,
    OwnRecord: _OWN,
    NewViewRecord: _NEW_VIEW,
    PreparedRecord: _PREPARED,
    DivergedRecord: _DIVERGED,
}


def message_height(message: Signed) -> int:
    """The height that a signed message speaks of."""
    match message:
        case PrePrepare():
            return message.proposal.header.height
        case ViewChangeProof():
            return message.view_change.height
        case Vote() | NewView() | Fresh():
            return message.height
        case _:
            assert_never(message)


def record_height(record: Record) -> int:
    """The height that a record belongs to."""
    match record:
        case BodyRecord() | DivergedRecord():
            return record.height
        case OwnRecord() | NewViewRecord():
            return message_height(record.message)
        case PreparedRecord():
            return record.certificate.height
        case _:
            assert_never(record)


def encode_record(record: Record) -> bytes:
    """Version, kind, payload."""
    return bytes((RECORD_VERSION, _KINDS[type(record)])) + _payload(record)


def _payload(record: Record) -> bytes:
    match record:
        case BodyRecord():
            return record.height.to_bytes(_HEIGHT_BYTES, "big") + record.block
        case OwnRecord() | NewViewRecord():
            return encode_message(record.message)
        case PreparedRecord():
            return pack(record.certificate)
        case DivergedRecord():
            return record.height.to_bytes(_HEIGHT_BYTES, "big")
        case _:
            assert_never(record)


def decode_record(data: bytes) -> Record:
    """The record behind bytes whose checksum held.

    Raises:
        Corrupt: ``wal.record``: written by a newer version, or by a bug.
    """
    try:
        if data[:1] == bytes([RECORD_VERSION]):
            kind, payload = data[1], data[2:]
            if kind == _BODY and len(payload) > _HEIGHT_BYTES:
                height = int.from_bytes(payload[:_HEIGHT_BYTES], "big")
                return BodyRecord(height, payload[_HEIGHT_BYTES:])
            if kind == _DIVERGED and len(payload) == _HEIGHT_BYTES:
                return DivergedRecord(int.from_bytes(payload, "big"))
            if kind == _PREPARED:
                return PreparedRecord(unpack(Certificate, payload))
            message = decode_message(payload)
            if kind == _OWN and isinstance(message, Signed):
                return OwnRecord(message)
            if kind == _NEW_VIEW and isinstance(message, NewView):
                return NewViewRecord(message)
    except (Rejected, IndexError) as error:
        raise Corrupt("wal.record", f"a checked record does not decode: {error}") from error
    raise Corrupt(
        "wal.record", f"unknown record {data[:2].hex()}", "start the version that wrote it"
    )
