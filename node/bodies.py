"""The transactions of proposals that are not decided yet (docs/spec/mempool.md, 3).

A proposal names its transactions by hash. Whatever of them is here is held until the
height is decided, on every path, whatever happens to it in the mempool; whatever is
missing is wanted and is taken in outside the mempool's limits, but within a block's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hansa.block import BLOCK_BYTES_MAX
from hansa.transaction import SignedTransaction

PROPOSALS_MAX = 8
"""Open proposals: the protocol needs one a view for two views and two runs; the rest is room."""


@dataclass(slots=True, eq=False)
class _Proposal:
    height: int
    tx_hashes: tuple[bytes, ...]
    held: dict[bytes, SignedTransaction]
    missing: dict[bytes, None]
    fetched_bytes: int
    broken: bytes | None


class Bodies:
    """Open proposals by block hash."""

    __slots__ = ("_open", "_wanted")

    def __init__(self) -> None:
        self._open: dict[bytes, _Proposal] = {}
        self._wanted: dict[bytes, list[bytes]] = {}

    def require(
        self,
        block_hash: bytes,
        height: int,
        tx_hashes: Sequence[bytes],
        find: Callable[[bytes], SignedTransaction | None],
    ) -> tuple[bytes, ...]:
        """Hold what is here of a proposal and want the rest; returns the missing hashes."""
        known = self._open.get(block_hash)
        if known is not None:
            return tuple(known.missing)
        held: dict[bytes, SignedTransaction] = {}
        missing: dict[bytes, None] = {}
        for tx_hash in tx_hashes:
            transaction = find(tx_hash) or self.get(tx_hash)
            if transaction is not None:
                held[tx_hash] = transaction
            elif tx_hash not in missing:
                missing[tx_hash] = None
                self._wanted.setdefault(tx_hash, []).append(block_hash)
        self._open[block_hash] = _Proposal(height, tuple(tx_hashes), held, missing, 0, None)
        if len(self._open) > PROPOSALS_MAX:
            self._close(next(iter(self._open)))
        return tuple(missing)

    def hold(
        self, block_hash: bytes, height: int, transactions: Sequence[SignedTransaction]
    ) -> None:
        """Hold an own proposal whole, due transactions too, so that others can fetch from it."""
        held = {transaction.tx_hash: transaction for transaction in transactions}
        self.require(block_hash, height, tuple(held), held.get)

    def is_wanted(self, tx_hash: bytes) -> bool:
        """Whether an open proposal lacks it."""
        return tx_hash in self._wanted

    def supply(self, transaction: SignedTransaction) -> list[bytes]:
        """Give a verified transaction to those that lack it; returns what is now complete."""
        complete = []
        for block_hash in self._wanted.pop(transaction.tx_hash, ()):
            proposal = self._open[block_hash]
            del proposal.missing[transaction.tx_hash]
            proposal.fetched_bytes += len(transaction.raw)
            if proposal.fetched_bytes > BLOCK_BYTES_MAX:  # no block holds as much: a lie
                proposal.broken = proposal.broken or transaction.tx_hash
            else:
                proposal.held[transaction.tx_hash] = transaction
            if not proposal.missing:
                complete.append(block_hash)
        return complete

    def spoil(self, tx_hash: bytes) -> list[bytes]:
        """A wanted transaction is invalid for ever; returns the proposals that it breaks."""
        broken = self._wanted.pop(tx_hash, [])
        for block_hash in broken:
            proposal = self._open[block_hash]
            del proposal.missing[tx_hash]
            proposal.broken = tx_hash
        return broken

    def missing(self, block_hash: bytes) -> tuple[bytes, ...]:
        """What an open proposal still lacks; nothing when it is not open."""
        proposal = self._open.get(block_hash)
        return () if proposal is None else tuple(proposal.missing)

    def broken(self, block_hash: bytes) -> bytes | None:
        """The transaction that makes an open proposal invalid, if there is one."""
        proposal = self._open.get(block_hash)
        return None if proposal is None else proposal.broken

    def resolve(self, block_hash: bytes) -> tuple[SignedTransaction, ...] | None:
        """All transactions of an open proposal in its order, or None."""
        proposal = self._open.get(block_hash)
        if proposal is None or proposal.missing or proposal.broken is not None:
            return None
        return tuple(proposal.held[tx_hash] for tx_hash in proposal.tx_hashes)

    def get(self, tx_hash: bytes) -> SignedTransaction | None:
        """A transaction that some open proposal holds."""
        for proposal in self._open.values():
            transaction = proposal.held.get(tx_hash)
            if transaction is not None:
                return transaction
        return None

    def release(self, height: int) -> None:
        """Close every proposal up to a decided height, whatever became of it."""
        for block_hash in [key for key, open_ in self._open.items() if open_.height <= height]:
            self._close(block_hash)

    def _close(self, block_hash: bytes) -> None:
        proposal = self._open.pop(block_hash)
        for tx_hash in proposal.missing:
            waiting = self._wanted[tx_hash]
            waiting.remove(block_hash)
            if not waiting:
                del self._wanted[tx_hash]
