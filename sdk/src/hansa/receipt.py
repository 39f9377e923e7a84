"""Receipts: what a transaction left (docs/spec/ledger.md, section 4).

Pure data: codes and typed fields, never a library's text. The packed bytes of a
receipt are a leaf of the log over the whole chain, so they never change shape
without a new version of the header.
"""

from typing import Annotated

import msgspec

from hansa.encoding import Hash, Name, Uint, Value, Wire, decode_value, unpack

OK = "OK"
"""The code of a transaction whose calls were all carried out."""
REFUSALS = (
    "AUTH",
    "SIGN",
    "SCHEMA",
    "EXISTS",
    "MISSING",
    "STATE",
    "STALE",
    "HELD",
    "SUM",
    "DUPLICATE",
    "RULE",
    "TIME",
    "LINK",
    "CONSENT",
    "LIMIT",
    "PROFILE",
    "FAULT",
)
"""The closed set of refusal codes; clients and their translations rest on it."""
NO_FIELDS = b"\x80"
"""The canonical bytes of an empty map."""
NOBODY = -1
"""`failed_call` of a transaction that was carried out."""

RecordKey = Annotated[str, msgspec.Meta(min_length=1, max_length=512)]


class Event(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """Something that happened: ``<contract>.<what>`` and the canonical bytes of a map."""

    name: Name
    data: bytes

    def fields(self) -> dict[str, Value]:
        """The map that `data` encodes."""
        return _map(self.data)


class RecordChange(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """A record's version before and after; 0 says that there was, or is, none."""

    key: RecordKey
    before: Uint
    after: Uint


class CallResult(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """What one call gave: the canonical bytes of its result, its events and its records."""

    result: bytes
    events: tuple[Event, ...]
    records: tuple[RecordChange, ...]

    def value(self) -> Value:
        """The result as a value."""
        return decode_value(self.result)


class Receipt(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """What a transaction left at (`height`, `index`).

    `code` is ``OK`` or a refusal. A refused transaction has no `calls`; `failed_call` is the
    index of the call that was refused (-1: none) and `error` the canonical bytes of a map
    with what was had, needed, by whom and since when.
    """

    tx_id: Hash
    tx_hash: Hash
    height: Uint
    index: Uint
    code: str
    failed_call: Annotated[int, msgspec.Meta(ge=NOBODY, le=255)]
    error: bytes
    calls: tuple[CallResult, ...]

    @property
    def accepted(self) -> bool:
        """Whether every call was carried out."""
        return self.code == OK

    def error_fields(self) -> dict[str, Value]:
        """The map that `error` encodes."""
        return _map(self.error)


def decode_receipt(data: bytes) -> Receipt:
    """Parse a receipt.

    Raises:
        Rejected: ``encoding.*``.
    """
    return unpack(Receipt, data)


def _map(data: bytes) -> dict[str, Value]:
    value = decode_value(data)
    return value if isinstance(value, dict) else {}
