"""The authenticated state: a radix-16 tree of pages (docs/spec/state.md, ADR 0001).

The root depends on the set of keys and values alone. A subtree of at most 40 entries is
one page in the store; what lies above the pages is kept in memory, as nodes that are
never changed, so that several candidate blocks can be staged from one head and adopting
one of them is an assignment. Nothing here does I/O: pages are read through a port, and
what must be written is returned.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol, Self, TypeAlias

from hansa.errors import Corrupt
from hansa.state_proof import (
    DEPTH_MAX,
    EMPTY,
    ENTRY_BYTES,
    PAGE_ENTRIES_MAX,
    WIDTH,
    StateProof,
    Step,
    inner_hash,
    key_hash,
    nibble,
    page_hash,
    shares_prefix,
    value_hash,
)

PAGES_KEPT_MAX = 65_536
"""Pages kept in memory: all of a million keys, at most about 80 MB; a read costs 10 µs."""
_PAGE_BYTES_MAX = PAGE_ENTRIES_MAX * ENTRY_BYTES
_HASH_BYTES = 32


class Reader(Protocol):
    """Where pages are read from: the store at the head of the tree."""

    def get(self, key: bytes) -> bytes | None:
        """The bytes under a page's key, or None."""
        ...


class _Inner:
    """A subtree of more entries than a page holds. Not changed once it is built.

    Attributes:
        children: 16 subtrees; a whole number is the number of a page's entries, 0 is empty.
        hashes: the hash of each child.
        count: entries below.
        hash: the node's own hash.
    """

    __slots__ = ("children", "count", "hash", "hashes")

    def __init__(self, children: list["_Child"], hashes: list[bytes], count: int) -> None:
        self.children = children
        self.hashes = hashes
        self.count = count
        self.hash = inner_hash(hashes)


_Child: TypeAlias = _Inner | int
_Subtree: TypeAlias = tuple[_Child, bytes]
"""A child and its hash."""
_Change: TypeAlias = tuple[bytes, bytes]
"""A key's hash and the new value's hash; an empty one removes the key."""

_NOTHING: _Subtree = (0, EMPTY)


@dataclass(frozen=True, slots=True)
class Staged:
    """The state after some changes, not adopted yet.

    Attributes:
        root: the new root, for the header.
        writes: pages to store (None: to delete), by key, before the state is adopted.
    """

    root: bytes
    writes: dict[bytes, bytes | None]
    _base: _Subtree = field(repr=False)
    _top: _Subtree = field(repr=False)


class _Pages:
    """The stored pages; some are kept in memory, and the one kept longest goes first."""

    __slots__ = ("_kept", "_reader")

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._kept: dict[bytes, bytes] = {}

    def get(self, prefix: bytes) -> bytes | None:
        page = self._kept.get(prefix)
        if page is None:
            page = self._reader.get(prefix)
            if page is not None:
                self._keep(prefix, page)
        return page

    def take(self, writes: Mapping[bytes, bytes | None]) -> None:
        """Follow what has been written to the store."""
        for prefix, page in writes.items():
            if page is None:
                self._kept.pop(prefix, None)
            else:
                self._keep(prefix, page)

    def _keep(self, prefix: bytes, page: bytes) -> None:
        if len(self._kept) >= PAGES_KEPT_MAX and prefix not in self._kept:
            del self._kept[next(iter(self._kept))]
        self._kept[prefix] = page


class Tree:
    """The state at the head; changes are staged without touching it."""

    __slots__ = ("_pages", "_top")

    def __init__(self, reader: Reader) -> None:
        """An empty state over a reader of pages."""
        self._pages = _Pages(reader)
        self._top: _Subtree = _NOTHING

    @classmethod
    def load(cls, reader: Reader, pages: Iterable[tuple[bytes, bytes]]) -> Self:
        """The state of a store, from a scan of all its pages (key, bytes).

        The caller compares `root` with the head's header.

        Raises:
            Corrupt: ``tree.page`` when a page is not one that a tree would have written.
        """
        tree = cls(reader)
        draft = _Draft()
        for prefix, page in pages:
            _check_page(prefix, page)
            draft.put(prefix, page)
        tree._top = draft.finish()
        return tree

    @property
    def root(self) -> bytes:
        """The root of the state: 32 bytes."""
        return self._top[1]

    @property
    def count(self) -> int:
        """The number of keys."""
        return _count(self._top[0])

    def stage(self, changes: Mapping[bytes, bytes | None]) -> Staged:
        """The state after changes (key -> value, None removes); this one stays as it is.

        Raises:
            Corrupt: ``tree.page`` when a page is missing or damaged.
        """
        hashed = sorted(
            [
                (key_hash(key), b"" if value is None else value_hash(value))
                for key, value in changes.items()
            ]
        )
        staging = _Staging(self._pages)
        top = staging.apply(self._top, b"", hashed) if hashed else self._top
        return Staged(top[1], staging.writes, self._top, top)

    def adopt(self, staged: Staged) -> None:
        """Take a staged state as the new head; its writes are stored by then."""
        assert staged._base is self._top  # noqa: SLF001 - its own counterpart
        self._top = staged._top  # noqa: SLF001
        self._pages.take(staged.writes)

    def prove(self, key: bytes, undo: Mapping[bytes, bytes | None] | None = None) -> StateProof:
        """The proof of what stands under `key`, at the head or at an earlier height.

        Args:
            key: the state key.
            undo: what takes the head back to the earlier height: for each key written
                since, the value it had then (None: it was not there).

        Raises:
            Corrupt: ``tree.page`` when a page is missing or damaged.
        """
        staged = self.stage(undo or {})
        child, hashed = staged._top[0], key_hash(key)  # noqa: SLF001
        steps: list[Step] = []
        while isinstance(child, _Inner):
            branch = nibble(hashed, len(steps))
            steps.append(_step(child, branch))
            child = child.children[branch]
        prefix = _prefix(hashed, len(steps))
        page = _Staging(self._pages, staged.writes).read(prefix, child)
        return StateProof(tuple(steps), page)


class _Staging:
    """One set of changes on its way through the tree; collects the pages to write."""

    __slots__ = ("_pages", "writes")

    def __init__(self, pages: _Pages, writes: dict[bytes, bytes | None] | None = None) -> None:
        self._pages = pages
        self.writes = {} if writes is None else writes

    def read(self, prefix: bytes, count: int) -> bytes:
        """A page's bytes: the staged ones, else the stored ones; none for no entries."""
        if count == 0:
            return b""
        writes = self.writes
        page = writes[prefix] if prefix in writes else self._pages.get(prefix)
        if page is None or len(page) != count * ENTRY_BYTES:
            raise _damaged(prefix, "is missing or has another length than the tree knows")
        return page

    def apply(self, subtree: _Subtree, prefix: bytes, changes: list[_Change]) -> _Subtree:
        """The subtree under `prefix` after its changes, which stand in the order of keys."""
        child = subtree[0]
        if not isinstance(child, _Inner):
            return self._apply_to_page(child, prefix, changes)
        children, hashes, count = child.children.copy(), child.hashes.copy(), child.count
        depth = len(prefix)
        byte, shift = depth >> 1, 0 if depth & 1 else 4
        parts: dict[int, list[_Change]] = {}
        for change in changes:
            parts.setdefault(change[0][byte] >> shift & 15, []).append(change)
        for branch, part in parts.items():
            before = children[branch]
            after, hashes[branch] = self.apply(
                (before, hashes[branch]), prefix + _DIGITS[branch], part
            )
            children[branch] = after
            count += after.count if isinstance(after, _Inner) else after
            count -= before.count if isinstance(before, _Inner) else before
        if count > PAGE_ENTRIES_MAX:
            inner = _Inner(children, hashes, count)
            return inner, inner.hash
        return self._merge(children, prefix)

    def _apply_to_page(self, count: int, prefix: bytes, changes: list[_Change]) -> _Subtree:
        page = self.read(prefix, count)
        if len(changes) == 1:
            page = _changed(page, *changes[0])
        else:
            entries = _entries(page)
            for hashed, value in changes:
                if value:
                    entries[hashed] = value
                else:
                    entries.pop(hashed, None)
            page = b"".join([hashed + entries[hashed] for hashed in sorted(entries)])
        return self._place(page, prefix, stored=count > 0)

    def _place(self, page: bytes, prefix: bytes, *, stored: bool) -> _Subtree:
        """Write entries as one page, or as a subtree when they are too many for it."""
        if len(page) > _PAGE_BYTES_MAX:
            if stored:
                self.writes[prefix] = None
            return self._split(page, prefix)
        if page:
            self.writes[prefix] = page
        elif stored:
            self.writes[prefix] = None
        return len(page) // ENTRY_BYTES, page_hash(page)

    def _split(self, page: bytes, prefix: bytes) -> _Subtree:
        children: list[_Child] = [0] * WIDTH
        hashes = [EMPTY] * WIDTH
        start, depth = 0, len(prefix)
        for branch in range(WIDTH):
            end = start
            while end < len(page) and nibble(page[end : end + _HASH_BYTES], depth) == branch:
                end += ENTRY_BYTES
            if end > start:
                children[branch], hashes[branch] = self._place(
                    page[start:end], prefix + _DIGITS[branch], stored=False
                )
            start = end
        inner = _Inner(children, hashes, len(page) // ENTRY_BYTES)
        return inner, inner.hash

    def _merge(self, children: list[_Child], prefix: bytes) -> _Subtree:
        """One page in the place of a subtree that has become small enough."""
        page = b"".join(
            self._take(child, prefix + _DIGITS[branch]) for branch, child in enumerate(children)
        )
        return self._place(page, prefix, stored=False)

    def _take(self, child: _Child, prefix: bytes) -> bytes:
        """The entries of a page that goes; small subtrees have no inner nodes."""
        assert not isinstance(child, _Inner)
        if child == 0:
            return b""
        page = self.read(prefix, child)
        self.writes[prefix] = None
        return page


class _Draft:
    """The nodes above the pages, while they are being rebuilt from a scan."""

    __slots__ = ("_children", "_top")

    def __init__(self) -> None:
        self._children: dict[bytes, dict[int, _Subtree]] = {}
        self._top = _NOTHING

    def put(self, prefix: bytes, page: bytes) -> None:
        subtree = (len(page) // ENTRY_BYTES, page_hash(page))
        if not prefix:
            self._top = subtree
        else:
            self._children.setdefault(prefix[:-1], {})[prefix[-1]] = subtree

    def finish(self) -> _Subtree:
        """Build the nodes from the deepest up; every shape but the tree's own is refused."""
        if not self._children:
            return self._top
        depth = max(map(len, self._children))
        for length in range(depth, -1, -1):
            for prefix in sorted(key for key in self._children if len(key) == length):
                subtree = self._build(prefix, self._children.pop(prefix))
                if prefix:
                    above = self._children.setdefault(prefix[:-1], {})
                    if prefix[-1] in above:
                        raise _damaged(prefix, "stands where an inner node does")
                    above[prefix[-1]] = subtree
                elif self._top != _NOTHING:
                    raise _damaged(prefix, "stands where an inner node does")
                else:
                    self._top = subtree
        return self._top

    def _build(self, prefix: bytes, parts: dict[int, _Subtree]) -> _Subtree:
        subtrees = [parts.get(branch, _NOTHING) for branch in range(WIDTH)]
        children = [child for child, _ in subtrees]
        count = sum(map(_count, children))
        if count <= PAGE_ENTRIES_MAX:
            raise _damaged(prefix, f"is missing: {count} entries below it are one page")
        inner = _Inner(children, [hashed for _, hashed in subtrees], count)
        return inner, inner.hash


_DIGITS = [bytes([digit]) for digit in range(WIDTH)]


def _count(child: _Child) -> int:
    return child.count if isinstance(child, _Inner) else child


def _changed(page: bytes, hashed: bytes, value: bytes) -> bytes:
    """A page's bytes after one change."""
    low, high = 0, len(page) // ENTRY_BYTES
    while low < high:
        middle = (low + high) // 2
        start = middle * ENTRY_BYTES
        if page[start : start + _HASH_BYTES] < hashed:
            low = middle + 1
        else:
            high = middle
    start = low * ENTRY_BYTES
    present = page[start : start + _HASH_BYTES] == hashed
    entry = hashed + value if value else b""
    return page[:start] + entry + page[start + ENTRY_BYTES if present else start :]


def _entries(page: bytes) -> dict[bytes, bytes]:
    return {
        page[start : start + _HASH_BYTES]: page[start + _HASH_BYTES : start + ENTRY_BYTES]
        for start in range(0, len(page), ENTRY_BYTES)
    }


def _step(inner: _Inner, branch: int) -> Step:
    occupied = 0
    siblings = []
    for index, hashed in enumerate(inner.hashes):
        if index != branch and hashed != EMPTY:
            occupied |= 1 << index
            siblings.append(hashed)
    return Step(occupied, b"".join(siblings))


def _prefix(hashed: bytes, depth: int) -> bytes:
    """The key of the page at a depth: one byte for each nibble."""
    return bytes(nibble(hashed, level) for level in range(depth))


def _check_page(prefix: bytes, page: bytes) -> None:
    """Refuse a page that no tree would have written under this key."""
    whole = 0 < len(page) <= _PAGE_BYTES_MAX and len(page) % ENTRY_BYTES == 0
    if not whole or len(prefix) >= DEPTH_MAX or any(digit >= WIDTH for digit in prefix):
        raise _damaged(prefix, f"has {len(page)} bytes")
    padded = prefix + b"\0" * (len(prefix) & 1)
    packed = bytes(
        high << 4 | low for high, low in zip(padded[::2], padded[1::2], strict=True)
    ).ljust(_HASH_BYTES, b"\0")
    hashes = [page[start : start + _HASH_BYTES] for start in range(0, len(page), ENTRY_BYTES)]
    ordered = all(one < other for one, other in pairwise(hashes))
    if not ordered or not all(shares_prefix(hashed, packed, len(prefix)) for hashed in hashes):
        raise _damaged(prefix, "has entries out of order or out of place")


def _damaged(prefix: bytes, detail: str) -> Corrupt:
    return Corrupt(
        "tree.page",
        f"state page {prefix.hex() or 'at the root'} {detail}",
        "restore the store from a snapshot or sync it again",
    )
