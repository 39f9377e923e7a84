"""One transaction per (sender, nonce) commits (docs/spec/ledger.md, clause 3.8).

The pair is remembered until the transaction expires: in the store under ``n``, and
under ``e`` by expiry, so that what has expired is found without a scan of everything.
"""

from collections.abc import Iterator

from hansa.errors import Rejected
from hansa.keys import ED25519
from hansa.transaction import NONCE_BYTES, Transaction
from ledger.state import Reader

REPLAY = b"n"
"""Key space: sender and nonce -> expiry in ms, 8 bytes big-endian."""
EXPIRY = b"e"
"""Key space: bucket of expiry and height -> pairs that expire within it."""
BUCKET_MS = 60_000
"""Pairs are forgotten by the minute: one key a minute and block instead of one a pair."""
FORGET_MAX = 20_000
"""Pairs forgotten in one block: four times what a block can add."""
_PAIR = 33 + NONCE_BYTES


class Window:
    """The pairs of one block over those that the store remembers."""

    __slots__ = ("_pairs", "_reader", "_time")

    def __init__(self, reader: Reader, time: int) -> None:
        """Judge by a block's time, in ms."""
        self._reader = reader
        self._time = time
        self._pairs: dict[bytes, int] = {}

    def check(self, body: Transaction) -> None:
        """Refuse a pair that is remembered.

        Raises:
            Rejected: ``transaction.replayed``.
        """
        pair = body.signers[0] + body.nonce
        if pair in self._pairs or is_remembered(self._reader, pair, self._time):
            raise Rejected(
                "transaction.replayed",
                "the sender used this nonce before",
                "ask for the fate of the first one; a new intent needs a new nonce",
            )

    def add(self, body: Transaction) -> None:
        """Remember the pair of a transaction that is in the block."""
        self._pairs[body.signers[0] + body.nonce] = body.expires_at

    def writes(self, height: int) -> dict[bytes, bytes | None]:
        """What to store: this block's pairs; and what is forgotten."""
        batch: dict[bytes, bytes | None] = dict(self._forget())
        buckets: dict[int, list[bytes]] = {}
        for pair, expires_at in self._pairs.items():
            batch[REPLAY + pair] = expires_at.to_bytes(8, "big")
            buckets.setdefault(expires_at // BUCKET_MS, []).append(pair)
        for bucket, pairs in buckets.items():
            key = EXPIRY + bucket.to_bytes(8, "big") + height.to_bytes(8, "big")
            batch[key] = b"".join(pairs)
        return batch

    def _forget(self) -> Iterator[tuple[bytes, None]]:
        now = self._time // BUCKET_MS
        forgotten = 0
        for key, pairs in self._reader.iterate_prefix(EXPIRY):
            bucket = int.from_bytes(key[1:9], "big")
            if bucket >= now or forgotten >= FORGET_MAX:
                return
            yield key, None
            for start in range(0, len(pairs), _PAIR):
                pair = pairs[start : start + _PAIR]
                # Remembered again with a later end, under a later bucket: it stays.
                if _expiry(self._reader, pair) // BUCKET_MS == bucket and pair not in self._pairs:
                    yield REPLAY + pair, None
                forgotten += 1


def is_remembered(reader: Reader, pair: bytes, time: int) -> bool:
    """Whether a (sender, nonce) pair is taken at a time in ms."""
    assert pair[0] == ED25519
    return _expiry(reader, pair) >= time


def _expiry(reader: Reader, pair: bytes) -> int:
    stored = reader.get(REPLAY + pair)
    return -1 if stored is None else int.from_bytes(stored, "big")
