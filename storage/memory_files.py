"""The simulated twin of `storage.files.RealFiles`: a disk whose power can be cut.

The promise: it keeps exactly what the real one promises and nothing more. Appended
bytes that were not synced can be lost, torn, zeroed or holed by `crash`; after a
failed fsync the bytes can still be read but no later fsync makes them durable
(what Linux does); every operation can be made to fail. Chance is an argument.
"""

import errno
import os
from collections.abc import Callable
from typing import Literal

from storage.errors import disk_failed

Operation = Literal["read", "append", "sync", "replace", "truncate", "delete"]
Kind = Literal["eio", "enospc", "short"]
"""What happens: an input/output error, no space, or half of the bytes written and no space."""
Keep = Literal["kept", "lost", "torn", "zeros", "holes"]
"""What a crash leaves of un-synced bytes: all (only the process died), none, a piece from the
front, a piece and then zeros to the end, or zeros in front and the rest (pages out of order)."""
Chance = Callable[[int], int]
"""Gives a whole number from 0 up to, not with, its argument."""

ERRNO = {"eio": errno.EIO, "enospc": errno.ENOSPC, "short": errno.ENOSPC}


class _File:
    """One file: its bytes as read, how many are durable, and which never will be."""

    __slots__ = ("content", "poisoned", "synced")

    def __init__(self, content: bytes = b"") -> None:
        self.content = bytearray(content)
        self.synced = len(content)
        self.poisoned: list[tuple[int, int]] = []


class MemoryFiles:
    """Files in memory that can crash and fail. Survives its users: open it again after a crash."""

    def __init__(self) -> None:
        self._files: dict[str, _File] = {}
        self._faults: list[tuple[int, Operation, Kind]] = []

    def fail(self, operation: Operation, kind: Kind, after: int = 0) -> None:
        """Let an `operation` fail: the next one, or the one `after` that many more."""
        self._faults.append((after, operation, kind))

    def flip(self, name: str, bit: int) -> None:
        """Turn one bit of a file over, as a bad disk does."""
        self._files[name].content[bit // 8] ^= 1 << bit % 8

    def crash(self, keep: Keep, chance: Chance) -> None:
        """End the process (`kept`) or cut the power (all others); faults not yet met are dropped.

        Args:
            keep: what remains of un-synced bytes.
            chance: decides where they are cut, for each file by itself.
        """
        self._faults.clear()
        if keep == "kept":
            return
        for file in self._files.values():
            for start, stop in file.poisoned:
                file.content[start:stop] = bytes(stop - start)
            tail = bytes(file.content[file.synced :])
            file.content[file.synced :] = _remainder(keep, tail, chance)
            file.synced = len(file.content)
            file.poisoned.clear()

    def names(self) -> list[str]:
        """The names of all files, sorted."""
        return sorted(self._files)

    def read(self, name: str) -> bytes | None:
        """The whole content, or None where there is no such file."""
        self._may_fail("read", name)
        file = self._files.get(name)
        return None if file is None else bytes(file.content)

    def append(self, name: str, payload: bytes) -> None:
        """Write `payload` at the end; a new file's name is durable at once."""
        file = self._files.setdefault(name, _File())
        half = payload[: len(payload) // 2]
        self._may_fail("append", name, lambda: file.content.extend(half))
        file.content.extend(payload)

    def sync(self, name: str) -> None:
        """Make everything appended to `name` durable, but not what a failed sync gave up."""
        file = self._files.setdefault(name, _File())
        end = len(file.content)
        poison = (file.synced, end)
        self._may_fail("sync", name, lambda: file.poisoned.append(poison), always=True)
        file.synced = end

    def replace(self, name: str, payload: bytes) -> None:
        """Give `name` this content, durably and atomically; where it fails the old one stays."""
        self._may_fail("replace", name)
        self._files[name] = _File(payload)

    def truncate(self, name: str, size: int) -> None:
        """Cut `name` to its first `size` bytes, durably."""
        file = self._files.setdefault(name, _File())
        self._may_fail("truncate", name)
        del file.content[size:]
        file.synced = len(file.content)
        file.poisoned = [(start, min(stop, size)) for start, stop in file.poisoned if start < size]

    def delete(self, name: str) -> None:
        """Remove `name`, durably."""
        self._may_fail("delete", name)
        self._files.pop(name, None)

    def close(self) -> None:
        """Nothing to do: what is in memory stays for the next opener."""

    def _may_fail(
        self,
        operation: Operation,
        name: str,
        damage: Callable[[], None] | None = None,
        *,
        always: bool = False,
    ) -> None:
        """Raise where a fault was ordered for this operation.

        Args:
            operation: what is being done.
            name: to which file.
            damage: what a failure leaves behind.
            always: whether every kind of failure leaves it, or only a short write.
        """
        for place, (after, wanted, kind) in enumerate(self._faults):
            if wanted != operation:
                continue
            if after:
                self._faults[place] = (after - 1, wanted, kind)
                continue
            del self._faults[place]
            if damage is not None and (always or kind == "short"):
                damage()
            code = ERRNO[kind]
            raise disk_failed(operation, name, OSError(code, os.strerror(code)))


def _remainder(keep: Keep, tail: bytes, chance: Chance) -> bytes:
    """What of the un-synced bytes `tail` is on the disk after a power cut."""
    if keep == "lost" or not tail:
        return b""
    cut = chance(len(tail))
    match keep:
        case "torn":
            return tail[:cut]
        case "zeros":
            return tail[:cut] + bytes(len(tail) - cut)
        case _:
            return bytes(cut) + tail[cut:]
