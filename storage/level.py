"""LevelDB behind `storage.kv.Store`: the only module that imports plyvel.

The promise: every error of LevelDB comes out as one of ours: `Corrupt` for damaged
files, `Unavailable` for a store that another process holds, `DiskFailed` for the
rest. Blocks read from disk are checked against their CRC (LevelDB does not do it
unless told): a flipped bit stops the node instead of becoming state.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn, Protocol, cast

import plyvel

from hansa.errors import Corrupt, HansaError, Unavailable
from storage.errors import disk_failed
from storage.kv import Batch, prefix_end

BLOOM_FILTER_BITS = 10
"""Bits a key in the filter: 1 % false positives; a look-up of an absent key doubles in speed."""
WRITE_BUFFER_BYTES = 16 * 2**20
"""Some 20 blocks at the best rate before a table is written: fewer, larger compactions."""
CACHE_BYTES = 64 * 2**20
"""Cache of uncompressed blocks: state pages and headers of the head stay in memory."""


class _Readable(Protocol):
    """What a LevelDB database and its snapshots have in common."""

    def get(self, key: bytes, *, verify_checksums: bool) -> bytes | None: ...

    def iterator(
        self, *, start: bytes, stop: bytes | None, verify_checksums: bool
    ) -> Iterator[tuple[bytes, bytes]]: ...

    def close(self) -> None: ...


class _LevelReader:
    """Reading with checksums, errors translated."""

    __slots__ = ("_name", "_source")

    def __init__(self, source: _Readable, name: str) -> None:
        self._source = source
        self._name = name

    def get(self, key: bytes) -> bytes | None:
        """The value of `key`, or None."""
        try:
            return self._source.get(key, verify_checksums=True)
        except plyvel.Error as error:
            _translate("read", self._name, error)

    def iterate(
        self, start: bytes = b"", stop: bytes | None = None
    ) -> Iterator[tuple[bytes, bytes]]:
        """Keys from `start` up to, not with, `stop`; sees the moment of the call."""
        return self._checked(self._source.iterator(start=start, stop=stop, verify_checksums=True))

    def iterate_prefix(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """All keys that begin with `prefix`, in byte order."""
        return self.iterate(prefix, prefix_end(prefix))

    def close(self) -> None:
        """Let the database or the moment go."""
        self._source.close()

    def _checked(self, found: Iterator[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
        try:
            yield from found
        except plyvel.Error as error:
            _translate("read", self._name, error)


class LevelSnapshot(_LevelReader):
    """One moment of a `LevelStore`."""

    __slots__ = ()


class LevelStore(_LevelReader):
    """A LevelDB database. Safe to read from several threads; one thread writes."""

    __slots__ = ("_db",)

    def __init__(self, folder: Path) -> None:
        """Open the database in `folder`, or make it.

        Raises:
            Unavailable: ``store.in-use`` when another process has it open.
            Corrupt: ``store.corrupt``.
            DiskFailed: the system refused.
        """
        try:
            self._db = plyvel.DB(
                str(folder),
                create_if_missing=True,
                bloom_filter_bits=BLOOM_FILTER_BITS,
                compression=None,  # keys, hashes and signatures do not shrink: 9 % of all CPU
                lru_cache_size=CACHE_BYTES,
                write_buffer_size=WRITE_BUFFER_BYTES,
            )
        except plyvel.Error as error:
            _translate("open", str(folder), error)
        super().__init__(cast("_Readable", self._db), str(folder))

    def write(self, batch: Batch, *, sync: bool) -> None:
        """Write all of `batch` or nothing; with `sync` it is durable on return."""
        try:
            with self._db.write_batch(transaction=True, sync=sync) as out:
                for key, value in batch.items():
                    if value is None:
                        out.delete(key)
                    else:
                        out.put(key, value)
        except plyvel.Error as error:
            _translate("write", self._name, error)

    def snapshot(self) -> LevelSnapshot:
        """The store as it is now."""
        return LevelSnapshot(cast("_Readable", self._db.snapshot()), self._name)


def _translate(operation: str, name: str, error: plyvel.Error) -> NoReturn:
    """Raise the error of ours that says what `error` of LevelDB means."""
    raise _ours(operation, name, error) from error


def _ours(operation: str, name: str, error: plyvel.Error) -> HansaError:
    reason = error.args[0] if error.args else ""
    text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
    # LevelDB reports a missing or short table file as an I/O error or as corruption, by chance.
    if isinstance(error, plyvel.CorruptionError) or "orruption" in text:
        return Corrupt(
            "store.corrupt",
            f"{operation} of {name}: {text}",
            "restore the store from a backup, or move it away and let the node fetch the chain "
            "from its peers; the keys and the vote log are kept apart and stay",
        )
    if text.startswith("IO error: lock "):
        return Unavailable(
            "store.in-use",
            f"{name} is open in another process: {text}",
            "ask the running node (hansa status), or stop it first",
        )
    return disk_failed(operation, name, OSError(text))
