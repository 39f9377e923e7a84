"""The index of changes: every change of every record, in order (docs/spec/storage.md, 3.4).

The promise: an entry for each record change of each receipt, written in the block's own batch and
so never ahead of the chain or behind it. It is not part of the state: no root covers it, replay
makes the same bytes again, and what it says is checked by the proof of the transaction.
"""

from collections.abc import Iterable, Iterator

import msgpack
import msgspec

from ledger.query import Change
from ledger.state import Reader

RECORD_INDEX = b"i"
"""Key space: state key, a zero byte, place of the change -> what changed."""
PLACE_BYTES = 8 + 4 + 4
"""Height, index of the transaction, number of the change in it; big-endian."""
PLACE_MAX = 2**32 - 1
"""Largest part of a place; one that a client makes up is cut down to it."""

_DECODER = msgspec.msgpack.Decoder(tuple[int, int, str, tuple[str, ...], bytes])
Changes = Iterable[tuple[str, int, int]]
"""(state key, version before, version after), as a call leaves them."""


def entries(
    height: int, index: int, tx_id: bytes, by: list[str], done: Iterable[tuple[str, Changes]]
) -> Iterator[tuple[bytes, bytes]]:
    """The entries of one transaction; `done` are its methods, each with what it changed."""
    number = 0
    for method, changes in done:
        for key, before, after in changes:
            value = msgpack.packb([before, after, method, by, tx_id])
            assert value is not None
            yield _key(key.encode(), (height, index, number)), value
            number += 1


def read_changes(
    reader: Reader, key: bytes, after: tuple[int, int, int]
) -> Iterator[tuple[tuple[int, int, int], bytes]]:
    """Place and value of the changes of a record that stand after a place, oldest first."""
    height, index, number = after
    following = (height, index, number + 1) if height >= 0 else (0, 0, 0)
    start = _key(key, following)
    for stored, value in reader.iterate(start, RECORD_INDEX + key + b"\1"):
        place = stored[-PLACE_BYTES:]
        yield (
            (
                int.from_bytes(place[:8], "big"),
                int.from_bytes(place[8:12], "big"),
                int.from_bytes(place[12:], "big"),
            ),
            value,
        )


def change_of(place: tuple[int, int, int], value: bytes, time: int) -> Change:
    """The change that an entry tells of; `time` is that of its block."""
    before, after, method, by, tx_id = _DECODER.decode(value)
    return Change(*place, time, tx_id, method, by, before, after)


def _key(key: bytes, place: tuple[int, int, int]) -> bytes:
    height, index, number = (min(max(part, 0), PLACE_MAX) for part in place)
    return (
        RECORD_INDEX
        + key
        + b"\0"
        + height.to_bytes(8, "big")
        + index.to_bytes(4, "big")
        + number.to_bytes(4, "big")
    )
