"""One root for many files: the leaves are their digests (docs/spec/proof.md, section 12).

A batch costs the chain one transaction; each file gets a path of at most 20 hashes, which
goes into its own proof file.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hansa.errors import Rejected
from hansa.merkle import leaf_hash, pair_up

BATCH_MAX = 2**20
"""Digests under one root (contracts.md, 8.8)."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The digests of a batch and every level of the tree over them, leaves first."""

    digests: tuple[bytes, ...]
    levels: tuple[tuple[bytes, ...], ...]

    @classmethod
    def of(cls, digests: Sequence[bytes]) -> "Batch":
        """The tree over digests, in this order.

        Raises:
            Rejected: ``batch.size`` for none, or more than `BATCH_MAX`.
        """
        if not 0 < len(digests) <= BATCH_MAX:
            raise Rejected("batch.size", f"{len(digests)} files, 1 to {BATCH_MAX} make a batch")
        levels = [tuple(map(leaf_hash, digests))]
        while len(levels[-1]) > 1:
            levels.append(tuple(pair_up(levels[-1])))
        return cls(tuple(digests), tuple(levels))

    @property
    def root(self) -> bytes:
        """The RFC 6962 root: 32 bytes."""
        return self.levels[-1][0]

    def path(self, index: int) -> tuple[bytes, ...]:
        """The inclusion path of a member, from the leaf up."""
        found = []
        for level in self.levels[:-1]:
            sibling = index ^ 1
            if sibling < len(level):
                found.append(level[sibling])
            index //= 2
        return tuple(found)
