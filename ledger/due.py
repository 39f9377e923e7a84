"""The due-queue: deadlines that stand in the state (docs/spec/ledger.md, section 6).

An entry names a contract's timer method. Ripe entries run first in the next block, in
the order of their times, by one transaction that everyone can compute from the
parent's state and the block's time.
"""

from dataclasses import dataclass

import msgpack

from hansa.encoding import encode_value, pack
from hansa.hashing import tagged_hash
from hansa.transaction import DUE, NONCE_BYTES, VERSION, Call, SignedTransaction, Transaction
from ledger.contract import Context, Stored, load
from ledger.state import Reader

CONTRACT, METHOD = "due", "run"
"""What the one call of a due transaction names."""
PREFIX = b"due/"
ENTRIES_MAX = 64
"""Entries run in one block; the others are still ripe in the next."""
_TIME_DIGITS = 16


class Entry(Stored, frozen=True):
    """``due/<time as 16 hex digits>/<id>``: a call of a timer method at a time in ms."""

    contract: str
    method: str
    arguments: bytes


@dataclass(frozen=True, slots=True)
class Ripe:
    """An entry whose time has come, and its state key."""

    key: bytes
    entry: Entry


def schedule(context: Context, time: int, entry_id: str, method: str, arguments: bytes) -> None:
    """Have a timer method of the context's contract called at or soon after `time` (ms)."""
    entry = Entry(context.contract, method, arguments)
    context.within(CONTRACT).put(_name(time, entry_id), entry)


def cancel(context: Context, time: int, entry_id: str) -> None:
    """Take an entry out of the queue; nothing happens when it is gone already."""
    context.within(CONTRACT).delete(_name(time, entry_id))


def next_time(state: Reader) -> int | None:
    """The time in ms of the earliest entry, or None when the queue is empty."""
    first = next(iter(state.iterate_prefix(PREFIX)), None)
    return None if first is None else _time(first[0])


def ripe_entries(state: Reader, time: int) -> tuple[Ripe, ...]:
    """The entries that run in a block of this time, in order: at most `ENTRIES_MAX`."""
    ripe: list[Ripe] = []
    for key, value in state.iterate_prefix(PREFIX):
        if _time(key) > time or len(ripe) == ENTRIES_MAX:
            break
        ripe.append(Ripe(key, load(value, Entry)))
    return tuple(ripe)


def due_transaction(
    chain_id: str, height: int, time: int, ripe: tuple[Ripe, ...]
) -> SignedTransaction:
    """The transaction that runs these entries at this height: no signer, no choice."""
    names = [item.key.decode() for item in ripe]
    body = pack(
        Transaction(
            version=VERSION,
            chain_id=chain_id,
            type=DUE,
            calls=(Call(CONTRACT, METHOD, encode_value({"entries": [*names]})),),
            nonce=tagged_hash("due", msgpack.packb((chain_id, height)))[:NONCE_BYTES],
            expires_at=time,
            signers=(),
        )
    )
    return SignedTransaction.assemble(body, ())


def _name(time: int, entry_id: str) -> str:
    return f"{time:0{_TIME_DIGITS}x}/{entry_id}"


def _time(key: bytes) -> int:
    start = len(PREFIX)
    return int(key[start : start + _TIME_DIGITS], 16)
