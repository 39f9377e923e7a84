"""What became of a transaction, as far as this node's mempool can say (docs/spec/mempool.md, 4).

Committed and refused are the chain's word: the table only remembers the latest, the ledger's
index knows them all. Expired is final too. Evicted is this node's word alone: the same bytes
may be posted again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

PENDING: Final = "pending"
COMMITTED: Final = "committed"
REFUSED: Final = "refused"
EXPIRED: Final = "expired"
EVICTED: Final = "evicted"

FATES_MAX = 50_000
"""Fates kept in memory: about 50 s of the best rate and 15 MiB; older ones are in the index."""


@dataclass(frozen=True, slots=True)
class Fate:
    """One transaction's fate.

    Attributes:
        word: `PENDING`, `COMMITTED`, `REFUSED`, `EXPIRED` or `EVICTED`.
        height: the block that holds it; None unless committed or refused.
        index: its place in that block, from 0; None likewise.
        reason: the receipt's code, or the reason of the eviction; empty otherwise.
    """

    word: str
    height: int | None = None
    index: int | None = None
    reason: str = ""

    @property
    def final(self) -> bool:
        """Whether no node can ever say anything else of this intent."""
        return self.word in (COMMITTED, REFUSED, EXPIRED)


IS_PENDING: Final = Fate(PENDING)
IS_EXPIRED: Final = Fate(EXPIRED)


class FateTable:
    """Fates by `tx_id`, the oldest forgotten first."""

    __slots__ = ("_fates", "_fates_max")

    def __init__(self, fates_max: int = FATES_MAX) -> None:
        self._fates: dict[bytes, Fate] = {}
        self._fates_max = fates_max

    def __len__(self) -> int:
        return len(self._fates)

    def get(self, tx_id: bytes) -> Fate | None:
        """The fate of an intent, or None when the table does not know it."""
        return self._fates.get(tx_id)

    def put(self, tx_id: bytes, fate: Fate) -> None:
        """Remember a fate; a later one replaces an earlier one."""
        self._fates.pop(tx_id, None)
        self._fates[tx_id] = fate
        if len(self._fates) > self._fates_max:
            del self._fates[next(iter(self._fates))]

    def forget(self, tx_id: bytes) -> None:
        """Drop the fate of an intent that was evicted and has come again."""
        self._fates.pop(tx_id, None)

    def local(self) -> Iterator[tuple[bytes, Fate]]:
        """The fates that no index knows (expired and evicted), oldest first."""
        for tx_id, fate in self._fates.items():
            if fate.word in (EXPIRED, EVICTED):
                yield tx_id, fate
