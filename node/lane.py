"""A lane of the mempool: transactions in the order of their arrival, within limits.

There are two: one for governance, which ordinary traffic can never fill, and one for
everything else (docs/spec/mempool.md, 2).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from hansa.errors import Unavailable
from hansa.transaction import EVIDENCE, SignedTransaction

CLIENT = ""
"""The origin of what came through the API; any other origin is a peer's node name."""
GOVERNANCE_CONTRACTS = ("governance", "org")
"""Contracts whose transactions travel in the lane that always has room."""

RETRY_AFTER_S = 2
"""What a client is told to wait for: a full mempool empties a block of 5,000 in about that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneLimits:
    """How much a lane holds.

    Attributes:
        count: transactions.
        bytes: sum of their signed bytes.
        sender_count: transactions of one sender, so that one client cannot take it all.
        peer_count: transactions that one peer passed on, so that one node cannot either.
    """

    count: int
    bytes: int
    sender_count: int
    peer_count: int


MAIN_LIMITS = LaneLimits(
    count=20_000, bytes=64 * 1024 * 1024, sender_count=5_000, peer_count=15_000
)
"""Four full blocks, 20 s at 1,000/s; 3.3 KB a transaction on average; one full block a sender."""
GOVERNANCE_LIMITS = LaneLimits(count=1_000, bytes=8 * 1024 * 1024, sender_count=50, peer_count=500)
"""Members are tens and decide by hand: 50 open acts a key is more than anyone reads in a day."""


class Full(Unavailable):
    """There is no room now.

    Attributes:
        retry_after_s: seconds to wait before the next try (the header Retry-After).
    """

    def __init__(self, code: str, detail: str, hint: str) -> None:
        super().__init__(code, detail, hint)
        self.retry_after_s = RETRY_AFTER_S


@dataclass(slots=True, eq=False)
class Entry:
    """A pending transaction and what this node knows of it.

    Attributes:
        transaction: its signatures have been verified.
        origin: `CLIENT`, or the peer that passed it on.
        arrived_ms: monotonic time of its admission.
        accepted_ms: wall time of the promise to a client; 0 when nobody was promised.
        relayed: whether another node has been sent it, or sent it to us.
    """

    transaction: SignedTransaction
    origin: str
    arrived_ms: int
    accepted_ms: int
    relayed: bool


def is_governance(transaction: SignedTransaction) -> bool:
    """Whether it travels in the governance lane: evidence, or no call outside its contracts."""
    body = transaction.transaction
    if body.calls[0].contract not in GOVERNANCE_CONTRACTS and body.type != EVIDENCE:
        return False  # the common case first
    return body.type == EVIDENCE or all(
        call.contract in GOVERNANCE_CONTRACTS for call in body.calls
    )


class Lane:
    """Entries by `tx_hash`, oldest first."""

    __slots__ = ("_limits", "_peers", "_senders", "bytes", "entries")

    def __init__(self, limits: LaneLimits) -> None:
        self._limits = limits
        self._senders: dict[bytes, int] = {}
        self._peers: dict[str, int] = {}
        self.entries: dict[bytes, Entry] = {}
        self.bytes = 0

    def check_room(self, transaction: SignedTransaction, origin: str) -> None:
        """Check that one more fits.

        Raises:
            Full: ``mempool.full``, ``mempool.sender-full`` or ``mempool.peer-full``.
        """
        limits = self._limits
        count = len(self.entries)
        if count >= limits.count or self.bytes + len(transaction.raw) > limits.bytes:
            raise Full(
                "mempool.full",
                f"{count} transactions with {self.bytes} bytes wait already",
                "wait and post the same bytes again, or post them to another node",
            )
        if self._senders.get(transaction.sender, 0) >= limits.sender_count:
            raise Full(
                "mempool.sender-full",
                f"{limits.sender_count} transactions of this sender wait already",
                "wait until some of them are committed",
            )
        if origin != CLIENT and self._peers.get(origin, 0) >= limits.peer_count:
            raise Full(
                "mempool.peer-full", f"{limits.peer_count} transactions of {origin} wait", ""
            )

    def add(self, entry: Entry) -> None:
        """Append an entry; whether there is room is the caller's question."""
        transaction = entry.transaction
        sender = transaction.sender
        self.entries[transaction.tx_hash] = entry
        self.bytes += len(transaction.raw)
        self._senders[sender] = self._senders.get(sender, 0) + 1
        if entry.origin != CLIENT:
            self._peers[entry.origin] = self._peers.get(entry.origin, 0) + 1

    def remove(self, tx_hash: bytes) -> Entry:
        """Take an entry out."""
        entry = self.entries.pop(tx_hash)
        self.bytes -= len(entry.transaction.raw)
        _decrease(self._senders, entry.transaction.sender)
        if entry.origin != CLIENT:
            _decrease(self._peers, entry.origin)
        return entry

    def oldest(self) -> Iterator[Entry]:
        """The entries, oldest first."""
        return iter(self.entries.values())


def _decrease(counts: dict[bytes, int] | dict[str, int], key: bytes | str) -> None:
    """Count one less, and forget a key that counts nothing."""
    left = counts[key] - 1  # type: ignore[index]  # key and counts are of one kind
    if left:
        counts[key] = left  # type: ignore[index]
    else:
        del counts[key]  # type: ignore[arg-type]
