"""One process a home: two daemons with one key would vote twice.

The promise: while a `HomeLock` is held no other process on this machine gets one for
the same folder; the lock goes with the process, however it ends. docs/spec/storage.md, 5.
"""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from hansa.errors import Unavailable
from storage.errors import disk_failed

LOCK_NAME = "lock"
"""The file in the home that is locked; it holds the process id, for people."""
PID_BYTES_MAX = 32
"""More than any process id needs."""


class HomeLock:
    """The exclusive right to a home folder, until `close`."""

    __slots__ = ("_descriptor",)

    def __init__(self, home: Path) -> None:
        """Take the right to `home`.

        Raises:
            Unavailable: ``home.in-use`` while another process has it.
            DiskFailed: the lock file cannot be made.
        """
        path = home / LOCK_NAME
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise disk_failed("lock", str(path), error) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.pread(self._descriptor, PID_BYTES_MAX, 0).decode(errors="replace").strip()
            os.close(self._descriptor)
            raise Unavailable(
                "home.in-use",
                f"home {home} is in use by pid {owner or 'unknown'}: "
                "two nodes with one key would vote twice",
                "ask the running node (hansa status), stop it, or give another --home",
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, b"%d\n" % os.getpid(), 0)

    def close(self) -> None:
        """Give the right back."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
