"""An ordered store of byte keys: what every store promises, and its twin in memory.

The promise: `write` is atomic, and durable when it was told to sync; readers see
keys in byte order; an iterator and a snapshot see one moment. LevelDB is in
`storage.level`, the only module that imports plyvel. docs/spec/storage.md, section 1.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import Protocol, Self

Batch = Mapping[bytes, bytes | None]
"""Key to new value, or to None where the key is deleted."""


class Reader(Protocol):
    """What can be asked of a store and of its snapshots."""

    def get(self, key: bytes) -> bytes | None:
        """The value of `key`, or None."""
        ...

    def iterate(
        self, start: bytes = b"", stop: bytes | None = None
    ) -> Iterator[tuple[bytes, bytes]]:
        """Keys from `start` up to, not with, `stop` (None: to the end), in byte order."""
        ...

    def iterate_prefix(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """All keys that begin with `prefix`, in byte order."""
        ...


class Snapshot(Reader, Protocol):
    """One moment of a store, which later writes do not change. Close it soon."""

    def close(self) -> None:
        """Let the moment go."""
        ...


class Store(Reader, Protocol):
    """An ordered store with atomic batches."""

    def write(self, batch: Batch, *, sync: bool) -> None:
        """Write all of `batch` or nothing; with `sync` it is durable on return.

        Raises:
            DiskFailed: the process must end.
        """
        ...

    def snapshot(self) -> Snapshot:
        """The store as it is now."""
        ...

    def close(self) -> None:
        """Let files and locks go."""
        ...


def prefix_end(prefix: bytes) -> bytes | None:
    """The first key after all keys that begin with `prefix`; None when there is none."""
    shorter = prefix.rstrip(b"\xff")
    return shorter[:-1] + bytes([shorter[-1] + 1]) if shorter else None


class _MemoryReader:
    """Reading of a dict and of the sorted list of its keys."""

    __slots__ = ("_keys", "_values")

    def __init__(self, values: dict[bytes, bytes], keys: list[bytes]) -> None:
        self._values = values
        self._keys = keys

    def get(self, key: bytes) -> bytes | None:
        """The value of `key`, or None."""
        return self._values.get(key)

    def iterate(
        self, start: bytes = b"", stop: bytes | None = None
    ) -> Iterator[tuple[bytes, bytes]]:
        """Keys from `start` up to, not with, `stop`; sees the moment of the call."""
        first = bisect_left(self._keys, start)
        last = len(self._keys) if stop is None else bisect_left(self._keys, stop)
        return iter([(key, self._values[key]) for key in self._keys[first:last]])

    def iterate_prefix(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """All keys that begin with `prefix`, in byte order."""
        return self.iterate(prefix, prefix_end(prefix))


class MemorySnapshot(_MemoryReader):
    """One moment of a `MemoryStore`."""

    __slots__ = ()

    def close(self) -> None:
        """Nothing to do: memory is let go with the last reference."""


class MemoryStore(_MemoryReader):
    """The twin of LevelDB in memory, for tests and simulation. For one thread.

    It remembers what was not synced, so that `crash` can take it back.
    """

    __slots__ = ("_shared", "_undo")

    def __init__(self) -> None:
        super().__init__({}, [])
        self._shared = False
        self._undo: list[dict[bytes, bytes | None]] = []

    def write(self, batch: Batch, *, sync: bool) -> None:
        """Write all of `batch`; without `sync` a crash may take it back."""
        before = {key: self._values.get(key) for key in batch}
        self._put(batch)
        if sync:
            self._undo.clear()
        else:
            self._undo.append(before)

    def snapshot(self) -> MemorySnapshot:
        """The store as it is now; the next write copies, so that this one stays."""
        self._shared = True
        return MemorySnapshot(self._values, self._keys)

    def close(self) -> None:
        """Nothing to do: what is in memory stays, as if the next opener found it on disk."""

    def crash(self, kept: int = 0) -> Self:
        """Cut the power: of the batches since the last sync only the first `kept` remain."""
        while len(self._undo) > kept:
            self._put(self._undo.pop())
        self._undo.clear()
        return self

    def _put(self, batch: Batch) -> None:
        if self._shared:
            self._values, self._keys, self._shared = dict(self._values), list(self._keys), False
        values = self._values
        added = [key for key, value in batch.items() if value is not None and key not in values]
        removed = {key for key, value in batch.items() if value is None and key in values}
        for key, value in batch.items():
            if value is None:
                values.pop(key, None)
            else:
                values[key] = value
        if removed:
            self._keys = [key for key in self._keys if key not in removed]
        if added:
            # Two sorted runs: sort() merges them in one pass.
            self._keys.extend(sorted(added))
            self._keys.sort()
