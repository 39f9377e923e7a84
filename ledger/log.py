"""The chain-wide log of receipts, kept as tiles (docs/spec/log.md, section 2).

A tile holds up to 256 hashes of one level of the RFC 6962 tree: level 0 the leaves,
level n the roots of subtrees of 256^n leaves. A tile only ever grows, so what is stored
today proves any earlier size too. Nothing here does I/O: tiles are read through a port,
and what must be written is returned.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self

from hansa.errors import Corrupt
from hansa.merkle import (
    HASH_BYTES,
    Frontier,
    consistency_ranges,
    inclusion_ranges,
    node_hash,
    root_of_hashes,
)

TILE_HASHES = 256
"""Hashes of a full tile: 8 KiB, a few of which make any proof."""
TILE_BITS = 8
"""The levels of the tree that one level of tiles spans."""
LEVELS = 8
"""Levels of tiles: 256^8 leaves are more than a 63-bit size."""
_TILE_BYTES = TILE_HASHES * HASH_BYTES


class Reader(Protocol):
    """Where tiles are read from."""

    def get(self, key: bytes) -> bytes | None:
        """The bytes under a tile's key, or None."""
        ...


@dataclass(frozen=True, slots=True)
class LogAppend:
    """The log after more receipts, not adopted yet.

    Attributes:
        root: the new root, for the header.
        size: the new number of leaves, for the header.
        writes: tiles to store, by key, before the append is adopted.
        frontier: the peaks of the new tree.
    """

    root: bytes
    size: int
    writes: dict[bytes, bytes]
    frontier: Frontier
    base: int
    edge: tuple[bytes, ...] = field(repr=False)


def tile_key(level: int, index: int) -> bytes:
    """The key of a tile: its level (1 byte) and its index in the level (8 bytes, big-endian)."""
    return bytes([level]) + index.to_bytes(8, "big")


class Log:
    """The log at the head; appends are staged without changing it."""

    __slots__ = ("_edge", "_frontier", "_reader")

    def __init__(self, reader: Reader) -> None:
        """An empty log over a reader of tiles."""
        self._reader = reader
        self._frontier = Frontier()
        self._edge: tuple[bytes, ...] = (b"",) * LEVELS

    @classmethod
    def load(cls, reader: Reader, size: int, root: bytes) -> Self:
        """The log of a stored chain, by the size and the root of its head's header.

        Raises:
            Corrupt: ``log.tile`` or ``log.root`` when the tiles are not those of that header.
        """
        log = cls(reader)
        edge = []
        for level in range(LEVELS):
            count = size >> (TILE_BITS * level)
            partial = count % TILE_HASHES
            tile = _read(reader, level, count // TILE_HASHES, partial) if partial else b""
            edge.append(tile[: partial * HASH_BYTES])
        log._edge = tuple(edge)
        log._frontier = Frontier(size, _peaks(edge, size))
        if log.root != root:
            raise Corrupt(
                "log.root",
                f"the tiles of {size} receipts have root {log.root.hex()}, the header {root.hex()}",
                "restore the store from a snapshot or sync it again",
            )
        return log

    @property
    def size(self) -> int:
        """The number of receipts."""
        return self._frontier.size

    @property
    def root(self) -> bytes:
        """The root of the log: 32 bytes."""
        return self._frontier.root

    @property
    def frontier(self) -> Frontier:
        """What a snapshot carries to go on from here."""
        return self._frontier

    def append(self, leaf_hashes: Sequence[bytes]) -> LogAppend:
        """The log with more leaves; this one stays as it is, so several can be staged."""
        edge = list(self._edge)
        writes: dict[bytes, bytes] = {}
        incoming = b"".join(leaf_hashes)
        level = 0
        while incoming:
            index = self.size >> (TILE_BITS * (level + 1))
            tiles = edge[level] + incoming
            carried = []
            whole = len(tiles) - len(tiles) % _TILE_BYTES
            for start in range(0, whole, _TILE_BYTES):
                tile = tiles[start : start + _TILE_BYTES]
                writes[tile_key(level, index)] = tile
                carried.append(root_of_hashes(_split(tile)))
                index += 1
            edge[level] = tiles[whole:]
            if edge[level]:
                writes[tile_key(level, index)] = edge[level]
            incoming = b"".join(carried)
            level += 1
        frontier = self._frontier.extend(leaf_hashes)
        return LogAppend(frontier.root, frontier.size, writes, frontier, self.size, tuple(edge))

    def adopt(self, append: LogAppend) -> None:
        """Take an append as the new head; its writes are stored by then."""
        assert append.base == self.size
        self._frontier = append.frontier
        self._edge = append.edge

    def inclusion_path(self, index: int, size: int) -> tuple[bytes, ...]:
        """The path of leaf `index` in the tree of any `size` up to the head's.

        Raises:
            Corrupt: ``log.tile`` when a tile is missing or too short.
        """
        assert 0 <= index < size <= self.size
        return tuple(self._range_root(*span) for span in inclusion_ranges(index, size))

    def consistency_path(self, size1: int, size2: int) -> tuple[bytes, ...]:
        """The path from the tree of `size1` to that of `size2`, both up to the head's.

        Raises:
            Corrupt: ``log.tile`` when a tile is missing or too short.
        """
        assert 0 < size1 <= size2 <= self.size
        return tuple(self._range_root(*span) for span in consistency_ranges(size1, size2))

    def leaf(self, index: int) -> bytes:
        """The hash of one leaf."""
        assert 0 <= index < self.size
        return self._range_root(index, index + 1)

    def _range_root(self, first: int, end: int) -> bytes:
        """The root over leaves [first, end), where `first` is where a subtree starts."""
        width = end - first
        bits = width.bit_length() - 1
        if width == 1 << bits:
            return self._perfect_root(bits, first >> bits)
        middle = first + (1 << bits)
        return node_hash(self._range_root(first, middle), self._range_root(middle, end))

    def _perfect_root(self, bits: int, index: int) -> bytes:
        """The root of the perfect subtree number `index` of 2^bits leaves."""
        level, inner = divmod(bits, TILE_BITS)
        first = index << inner
        offset = first % TILE_HASHES
        needed = offset + (1 << inner)
        tile = self._tile(level, first // TILE_HASHES, needed)
        return root_of_hashes(_split(tile[offset * HASH_BYTES : needed * HASH_BYTES]))

    def _tile(self, level: int, index: int, needed: int) -> bytes:
        if index == self.size >> (TILE_BITS * (level + 1)):
            return self._edge[level]
        return _read(self._reader, level, index, needed)


def _read(reader: Reader, level: int, index: int, needed: int) -> bytes:
    """A stored tile with at least `needed` hashes."""
    tile = reader.get(tile_key(level, index))
    if tile is None or len(tile) < needed * HASH_BYTES:
        have = 0 if tile is None else len(tile) // HASH_BYTES
        raise Corrupt(
            "log.tile",
            f"tile {index} of level {level} has {have} hashes, at least {needed} are needed",
            "restore the store from a snapshot or sync it again",
        )
    return tile


def _split(tile: bytes) -> list[bytes]:
    return [tile[start : start + HASH_BYTES] for start in range(0, len(tile), HASH_BYTES)]


def _peaks(edge: Sequence[bytes], size: int) -> tuple[bytes, ...]:
    """The roots of the perfect subtrees of `size` leaves, from the partial tiles."""
    peaks = []
    for bits in range(size.bit_length() - 1, -1, -1):
        if size >> bits & 1:
            level, inner = divmod(bits, TILE_BITS)
            partial = (size >> (TILE_BITS * level)) % TILE_HASHES
            start = partial >> (inner + 1) << (inner + 1)
            peaks.append(root_of_hashes(_split(edge[level])[start : start + (1 << inner)]))
    return tuple(peaks)
