"""The records of the mempool's journal (docs/spec/mempool.md, 5).

The journal keeps a promise across a crash: what a client was told is pending is read
back at the next start. This file gives the records their bytes; the file around them
(checksums, torn tail, sync) is the store's.
"""

from dataclasses import dataclass
from typing import Annotated, TypeAlias

import msgspec

from hansa.encoding import Hash, Wire, pack, unpack
from hansa.errors import Corrupt, Rejected
from hansa.transaction import SignedTransaction
from node.fate import EVICTED, EXPIRED, Fate

JOURNAL_VERSION = 1
_ACCEPTED, _FATE = 1, 2
_STAMP_BYTES = 8


Reason = Annotated[str, msgspec.Meta(max_length=128)]
"""A stable code, like those of errors."""


@dataclass(frozen=True, slots=True)
class AcceptedRecord:
    """A transaction that a client was promised; `accepted_ms` is wall time."""

    accepted_ms: int
    transaction: SignedTransaction


class FateRecord(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """The end of a promised transaction that left no receipt: expired, or evicted and why."""

    tx_id: Hash
    word: Annotated[str, msgspec.Meta(pattern=f"^({EXPIRED}|{EVICTED})$")]
    reason: Reason

    @property
    def fate(self) -> Fate:
        """The same as a fate."""
        return Fate(self.word, reason=self.reason)


JournalRecord: TypeAlias = AcceptedRecord | FateRecord


def encode_accepted(accepted_ms: int, raw: bytes) -> bytes:
    """The record of a promised transaction."""
    stamp = accepted_ms.to_bytes(_STAMP_BYTES, "big")
    return b"%c%c%b%b" % (JOURNAL_VERSION, _ACCEPTED, stamp, raw)


def encode_fate(record: FateRecord) -> bytes:
    """The record of an end without a receipt."""
    return b"%c%c%b" % (JOURNAL_VERSION, _FATE, pack(record))


def decode_journal(data: bytes) -> JournalRecord:
    """The record behind bytes whose checksum held.

    Raises:
        Corrupt: ``journal.record``: written by a newer version, or by a bug.
    """
    kind, payload = data[:2], data[2:]
    try:
        if kind == bytes((JOURNAL_VERSION, _ACCEPTED)) and len(payload) > _STAMP_BYTES:
            accepted_ms = int.from_bytes(payload[:_STAMP_BYTES], "big")
            return AcceptedRecord(accepted_ms, SignedTransaction.decode(payload[_STAMP_BYTES:]))
        if kind == bytes((JOURNAL_VERSION, _FATE)):
            return unpack(FateRecord, payload)
    except Rejected as error:
        raise Corrupt("journal.record", f"a checked record does not decode: {error}") from error
    raise Corrupt(
        "journal.record", f"unknown record {kind.hex()}", "start the version that wrote it"
    )
