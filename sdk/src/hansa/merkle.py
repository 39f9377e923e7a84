"""The Merkle tree of RFC 6962 and RFC 9162: roots, proofs, and the frontier that grows it.

Leaves and inner nodes are hashed under different prefixes, so that no inner node can
be passed off as a leaf (docs/spec/log.md, section 1). Whatever is verified here is
either proven or refused with `Rejected`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from hansa.errors import Rejected

HASH_BYTES = 32
"""SHA-256."""
SIZE_MAX = 2**63 - 1
"""Leaves of a tree: more than any chain will ever have, and it fits a 64-bit integer."""
EMPTY_ROOT = sha256(b"").digest()
"""The root of a tree without leaves (RFC 9162, section 2.1.1)."""
_SIZE_BYTES = 8


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf: 32 bytes over 0x00 and the entry (RFC 9162, section 2.1.1)."""
    return sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node: 32 bytes over 0x01 and both children's hashes."""
    return sha256(b"\1" + left + right).digest()


def root_of(entries: Sequence[bytes]) -> bytes:
    """The root over entries (leaf data, not hashes); `EMPTY_ROOT` where there are none."""
    return root_of_hashes([leaf_hash(entry) for entry in entries])


def root_of_hashes(hashes: Sequence[bytes]) -> bytes:
    """The root over leaf hashes that are already made."""
    if not hashes:
        return EMPTY_ROOT
    level = list(hashes)
    while len(level) > 1:
        level = pair_up(level)
    return level[0]


def pair_up(level: Sequence[bytes]) -> list[bytes]:
    """The level above: each two neighbours joined, an odd last one carried up as it is."""
    above = [
        sha256(b"\1" + left + right).digest()
        for left, right in zip(level[::2], level[1::2], strict=False)
    ]
    if len(level) % 2:
        above.append(level[-1])
    return above


def inclusion_path(entries: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """The path that proves entry `index`: sibling hashes from the leaf up (2.1.3.1)."""
    assert 0 <= index < len(entries)
    level = [leaf_hash(entry) for entry in entries]
    path = []
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        level = pair_up(level)
        index //= 2
    return tuple(path)


def consistency_path(entries: Sequence[bytes], size1: int) -> tuple[bytes, ...]:
    """The path that proves that the first `size1` entries are a prefix of all (2.1.4.1)."""
    assert 0 < size1 <= len(entries)
    hashes = [leaf_hash(entry) for entry in entries]
    return tuple(root_of_hashes(hashes[a:b]) for a, b in consistency_ranges(size1, len(entries)))


def inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """The subtrees [first, end) whose roots make an inclusion path, in the path's order."""
    assert 0 <= index < size
    ranges = []
    first, end = 0, size
    while end - first > 1:
        middle = first + _split(end - first)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((first, middle))
            first = middle
    return ranges[::-1]


def consistency_ranges(size1: int, size2: int) -> list[tuple[int, int]]:
    """The subtrees [first, end) whose roots make a consistency path, in the path's order."""
    assert 0 < size1 <= size2
    ranges = []
    first, end = 0, size2
    whole = True
    while end != size1:
        middle = first + _split(end - first)
        if size1 <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((first, middle))
            first = middle
            whole = False
    if not whole:
        ranges.append((first, end))
    return ranges[::-1]


def verify_inclusion(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes
) -> None:
    """Check that the leaf with this hash stands at `index` in the tree of `size` and `root`.

    Raises:
        Rejected: ``merkle.inclusion`` (RFC 9162, section 2.1.3.2).
    """
    if not 0 <= index < size <= SIZE_MAX:
        raise Rejected("merkle.inclusion", f"index {index} lies outside a tree of {size}")
    _check_hashes("merkle.inclusion", (leaf, root, *path))
    node, last, result = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise Rejected("merkle.inclusion", f"{len(path)} hashes are too many")
        if node % 2 or node == last:
            result = node_hash(sibling, result)
            while node % 2 == 0 and node:
                node //= 2
                last //= 2
        else:
            result = node_hash(result, sibling)
        node //= 2
        last //= 2
    if last or result != root:
        raise Rejected("merkle.inclusion", f"the path of leaf {index} of {size} has another root")


def verify_consistency(
    size1: int, size2: int, path: Sequence[bytes], root1: bytes, root2: bytes
) -> None:
    """Check that the tree of `size2` and `root2` only added to that of `size1` and `root1`.

    An empty first tree proves nothing and is refused.

    Raises:
        Rejected: ``merkle.consistency`` (RFC 9162, section 2.1.4.2).
    """
    if not 0 < size1 <= size2 <= SIZE_MAX:
        raise Rejected("merkle.consistency", f"sizes {size1} and {size2} cannot be compared")
    if size1 == size2:
        if path or root1 != root2:
            raise Rejected("merkle.consistency", f"two roots or a path for one size {size1}")
        return
    _check_hashes("merkle.consistency", (root1, root2, *path))
    hashes = list(path)
    if size1 & (size1 - 1) == 0:
        hashes.insert(0, root1)
    if not hashes or _roots_by(hashes, size1 - 1, size2 - 1) != (root1, root2):
        raise Rejected("merkle.consistency", f"the path from {size1} to {size2} has other roots")


def _roots_by(hashes: list[bytes], node: int, last: int) -> tuple[bytes, bytes] | None:
    """Both roots that a consistency path leads to; None when its length is wrong."""
    while node % 2:
        node //= 2
        last //= 2
    first = second = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            return None
        if node % 2 or node == last:
            first = node_hash(sibling, first)
            second = node_hash(sibling, second)
            while node % 2 == 0 and node:
                node //= 2
                last //= 2
        else:
            second = node_hash(second, sibling)
        node //= 2
        last //= 2
    return None if last else (first, second)


@dataclass(frozen=True, slots=True)
class Frontier:
    """What a growing tree must remember: its size and the roots of its perfect subtrees.

    Attributes:
        size: number of leaves.
        peaks: one root for each bit that is set in `size`, largest subtree first.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def append(self, leaf: bytes) -> Self:
        """The frontier after one more leaf, given by its hash."""
        return self.extend((leaf,))

    def extend(self, leaves: Sequence[bytes]) -> Self:
        """The frontier after more leaves, given by their hashes."""
        size, peaks = self.size, list(self.peaks)
        for leaf in leaves:
            node, bits = leaf, size
            while bits & 1:
                node = node_hash(peaks.pop(), node)
                bits >>= 1
            peaks.append(node)
            size += 1
        return type(self)(size, tuple(peaks))

    @property
    def root(self) -> bytes:
        """The root of the tree: 32 bytes."""
        if not self.peaks:
            return EMPTY_ROOT
        root = self.peaks[-1]
        for peak in self.peaks[-2::-1]:
            root = node_hash(peak, root)
        return root

    def to_bytes(self) -> bytes:
        """The size as 8 bytes, big-endian, and the peaks."""
        return self.size.to_bytes(_SIZE_BYTES, "big") + b"".join(self.peaks)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The frontier behind its bytes.

        Raises:
            Rejected: ``merkle.frontier`` when the length does not fit the size.
        """
        size = int.from_bytes(data[:_SIZE_BYTES], "big")
        peaks = data[_SIZE_BYTES:]
        if len(data) < _SIZE_BYTES or size > SIZE_MAX or len(peaks) != 32 * size.bit_count():
            raise Rejected("merkle.frontier", f"{len(data)} bytes are no frontier")
        return cls(size, tuple(peaks[i : i + 32] for i in range(0, len(peaks), 32)))


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return int(1 << ((size - 1).bit_length() - 1))


def _check_hashes(code: str, hashes: Sequence[bytes]) -> None:
    if any(len(item) != HASH_BYTES for item in hashes):
        raise Rejected(code, f"each hash has {HASH_BYTES} bytes")
