"""A file port: the few operations that the WAL, the signer guard and the mempool journal need.

The promise: what `sync`, `replace`, `truncate` and `delete` were asked for is durable
when they return, name in the folder included; what was only appended may be lost or
torn by a crash. Any error is `DiskFailed` and final. docs/spec/storage.md, section 2.
The simulated twin is `storage.memory_files.MemoryFiles`.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from storage.errors import disk_failed

TEMPORARY = ".tmp"
"""Ending of a file that `replace` is writing. What a crash left of it is removed at start."""
FILE_MODE = 0o600
"""Only the node's own user reads and writes."""


class Files(Protocol):
    """Files of one folder, by plain name. Every method may raise `DiskFailed`."""

    def names(self) -> list[str]:
        """The names of all files, sorted."""
        ...

    def read(self, name: str) -> bytes | None:
        """The whole content, or None where there is no such file."""
        ...

    def append(self, name: str, payload: bytes) -> None:
        """Write `payload` at the end; makes the file. Durable only after `sync`."""
        ...

    def sync(self, name: str) -> None:
        """Make everything appended to `name` durable. Never called again after an error."""
        ...

    def replace(self, name: str, payload: bytes) -> None:
        """Give `name` this content, durably and atomically: old or new, never a mixture."""
        ...

    def truncate(self, name: str, size: int) -> None:
        """Cut `name` to its first `size` bytes, durably."""
        ...

    def delete(self, name: str) -> None:
        """Remove `name`, durably; nothing happens where there is no such file."""
        ...

    def close(self) -> None:
        """Let open files go. Does not sync."""
        ...


class RealFiles:
    """Files of a folder on disk, each kept open from its first append."""

    def __init__(self, folder: Path) -> None:
        """Open `folder`, make it where it is missing, remove what a crash left half-written.

        Raises:
            DiskFailed: the folder cannot be made or read.
        """
        self._folder = folder
        self._open: dict[str, int] = {}
        try:
            is_new = not folder.exists()
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            for left_over in folder.glob("*" + TEMPORARY):
                left_over.unlink()
            if is_new:
                _sync_directory(folder.parent)
        except OSError as error:
            raise disk_failed("open", str(folder), error) from error

    def names(self) -> list[str]:
        """The names of all files, sorted."""
        try:
            return sorted(entry.name for entry in self._folder.iterdir() if entry.is_file())
        except OSError as error:
            raise disk_failed("list", str(self._folder), error) from error

    def read(self, name: str) -> bytes | None:
        """The whole content, or None where there is no such file."""
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise disk_failed("read", str(self._path(name)), error) from error

    def append(self, name: str, payload: bytes) -> None:
        """Write `payload` at the end; a new file's name is durable at once."""
        try:
            _write_all(self._descriptor(name), payload)
        except OSError as error:
            raise disk_failed("write", str(self._path(name)), error) from error

    def sync(self, name: str) -> None:
        """Make everything appended to `name` durable (fdatasync)."""
        try:
            os.fdatasync(self._descriptor(name))
        except OSError as error:
            raise disk_failed("fsync", str(self._path(name)), error) from error

    def replace(self, name: str, payload: bytes) -> None:
        """Write a temporary file, sync it, rename it over `name`, sync the folder."""
        temporary = self._path(name + TEMPORARY)
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
            try:
                _write_all(descriptor, payload)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            self._forget(name)
            temporary.rename(self._path(name))
            os.fsync(self._directory)
        except OSError as error:
            raise disk_failed("replace", str(self._path(name)), error) from error

    def truncate(self, name: str, size: int) -> None:
        """Cut `name` to its first `size` bytes, durably."""
        try:
            os.ftruncate(self._descriptor(name), size)
            os.fsync(self._descriptor(name))
        except OSError as error:
            raise disk_failed("truncate", str(self._path(name)), error) from error

    def delete(self, name: str) -> None:
        """Remove `name` and sync the folder."""
        try:
            self._forget(name)
            with suppress(FileNotFoundError):
                self._path(name).unlink()
            os.fsync(self._directory)
        except OSError as error:
            raise disk_failed("delete", str(self._path(name)), error) from error

    def close(self) -> None:
        """Let open files go. Does not sync."""
        for name in list(self._open):
            self._forget(name)
        if self._directory >= 0:
            os.close(self._directory)
            self._directory = -1

    def _path(self, name: str) -> Path:
        assert name not in {"", ".", ".."}, name
        assert "/" not in name, name
        return self._folder / name

    def _descriptor(self, name: str) -> int:
        """The open file, made durable in its folder where it is new."""
        if name not in self._open:
            path = self._path(name)
            is_new = not path.exists()
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
            self._open[name] = os.open(path, flags, FILE_MODE)
            if is_new:
                os.fsync(self._directory)
        return self._open[name]

    def _forget(self, name: str) -> None:
        if name in self._open:
            os.close(self._open.pop(name))


def _write_all(descriptor: int, payload: bytes) -> None:
    """Write every byte: the system may take fewer than it was given."""
    left = memoryview(payload)
    while left:
        left = left[os.write(descriptor, left) :]


def _sync_directory(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
