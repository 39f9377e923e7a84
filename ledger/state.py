"""The state as contracts see it: an overlay with savepoints over the parent's state.

The promise: what is written stays above the store until the block is adopted; a
savepoint takes back exactly what came after it; each transaction is metered by counts
that depend on nothing but its calls. docs/spec/ledger.md, section 5.
"""

from collections.abc import Iterator
from typing import Protocol

from ledger.contract import Refused

STATE = b"s"
"""Key space of state values in the store."""
WRITTEN_KEYS_MAX = 1_024
"""Distinct keys that a transaction may write: written keys are what a block costs most."""
READS_MAX = 10_000
"""Keys that a transaction may read, scanned ones included."""
RULES = (b"org/", b"governance/")
"""Where members and parameters stand; a write there ends the use of the head's cache."""


class Reader(Protocol):
    """What the ledger asks of the node's store."""

    def get(self, key: bytes) -> bytes | None:
        """The value of a key."""
        ...

    def iterate(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Keys from `start` up to, not with, `stop`, in byte order."""
        ...

    def iterate_prefix(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Keys that begin with `prefix`, in byte order."""
        ...


class Prefixed:
    """One key space of a store, seen without its first byte."""

    __slots__ = ("_reader", "_space")

    def __init__(self, reader: Reader, space: bytes) -> None:
        """Look at `space` of a reader."""
        self._reader = reader
        self._space = space

    def get(self, key: bytes) -> bytes | None:
        """The value of a key of this space."""
        return self._reader.get(self._space + key)

    def iterate(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Keys of this space from `start` up to, not with, `stop`, in byte order."""
        cut = len(self._space)
        for key, value in self._reader.iterate(self._space + start, self._space + stop):
            yield key[cut:], value

    def iterate_prefix(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Keys of this space that begin with `prefix`, in byte order."""
        cut = len(self._space)
        for key, value in self._reader.iterate_prefix(self._space + prefix):
            yield key[cut:], value


class Overlay:
    """The parent's state and, above it, what the block has written so far.

    Attributes:
        changes: key to new value, or to None where the key is deleted.
        rules_changed: whether anything under `RULES` may have been written.
    """

    __slots__ = (
        "_base", "_journal", "_reader", "_reads", "_reads_max", "_written", "_written_max",
        "changes", "rules_changed",
    )  # fmt: skip

    def __init__(self, reader: Reader) -> None:
        """Lay over a reader of state values (without the key space's first byte)."""
        self._reader = reader
        self._base: dict[bytes, bytes | None] = {}
        self._journal: list[tuple[bytes, bytes | None, bool]] = []
        self._reads = 0
        self._reads_max = READS_MAX
        self._written: set[bytes] = set()
        self._written_max = WRITTEN_KEYS_MAX
        self.changes: dict[bytes, bytes | None] = {}
        self.rules_changed = False

    def begin(self, reads_max: int, written_max: int) -> None:
        """Start a transaction: the meter at nothing, no way back behind this point."""
        self._journal.clear()
        self._written.clear()
        self._reads = 0
        self._reads_max = reads_max
        self._written_max = written_max

    def get(self, key: bytes) -> bytes | None:
        """The value of a key; one read on the meter.

        Raises:
            Refused: ``LIMIT``.
        """
        self.count(1)
        return self.peek(key)

    def count(self, reads: int) -> None:
        """Put reads on the meter that a cache answers.

        Raises:
            Refused: ``LIMIT``.
        """
        self._reads += reads
        if self._reads > self._reads_max:
            raise Refused("LIMIT", field="reads", need=self._reads_max)

    def peek(self, key: bytes) -> bytes | None:
        """The value of a key, not metered: for the ledger's own, bounded questions."""
        changes = self.changes
        if key in changes:
            return changes[key]
        return self.before(key)

    def before(self, key: bytes) -> bytes | None:
        """The value of a key in the parent's state."""
        base = self._base
        if key in base:
            return base[key]
        value = base[key] = self._reader.get(key)
        return value

    def put(self, key: bytes, value: bytes) -> None:
        """Write a key.

        Raises:
            Refused: ``LIMIT``.
        """
        self._write(key, value)

    def delete(self, key: bytes) -> None:
        """Remove a key.

        Raises:
            Refused: ``LIMIT``.
        """
        if self.peek(key) is not None:
            self._write(key, None)

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Keys with a prefix as they are when the scan starts, in order; each is one read.

        Raises:
            Refused: ``LIMIT``.
        """
        changed = sorted(key for key in self.changes if key.startswith(prefix))
        changes = [(key, self.changes[key]) for key in changed]
        for key, value in _merge(self._reader.iterate_prefix(prefix), changes):
            self.count(1)
            yield key, value

    def save(self) -> int:
        """Set a savepoint inside the transaction."""
        return len(self._journal)

    def rollback(self, savepoint: int) -> None:
        """Undo everything since a savepoint; the meter goes on."""
        journal, changes = self._journal, self.changes
        while len(journal) > savepoint:
            key, value, was_changed = journal.pop()
            if was_changed:
                changes[key] = value
            else:
                del changes[key]

    def net_changes(self) -> dict[bytes, bytes | None]:
        """What differs from the parent's state, in the order of the keys."""
        changes = self.changes
        return {key: changes[key] for key in sorted(changes) if changes[key] != self.before(key)}

    def _write(self, key: bytes, value: bytes | None) -> None:
        written = self._written
        if key not in written:
            if len(written) >= self._written_max:
                raise Refused("LIMIT", field="keys", need=self._written_max)
            written.add(key)
            if key.startswith(RULES):
                self.rules_changed = True
        changes = self.changes
        if key in changes:
            self._journal.append((key, changes[key], True))
        else:
            self._journal.append((key, None, False))
        changes[key] = value


def _merge(
    stored: Iterator[tuple[bytes, bytes]], changes: list[tuple[bytes, bytes | None]]
) -> Iterator[tuple[bytes, bytes]]:
    """Stored pairs with changes laid over them, in key order."""
    position = 0
    for key, value in stored:
        while position < len(changes) and changes[position][0] < key:
            changed, new = changes[position]
            position += 1
            if new is not None:
                yield changed, new
        if position < len(changes) and changes[position][0] == key:
            new = changes[position][1]
            position += 1
            if new is not None:
                yield key, new
        else:
            yield key, value
    for changed, new in changes[position:]:
        if new is not None:
            yield changed, new
