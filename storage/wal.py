"""An append-only log of opaque records, in batches: one batch a turn of the event loop.

The promise: every batch whose `sync` returned is there after any crash, in order and
whole; a batch whose `sync` did not return is there whole or not at all; damage of
anything older is `Corrupt` and never passed over. docs/spec/storage.md, section 4.

Batch k+1 is written only after the sync of batch k returned. So a bad batch at the
very end was never synced (a torn tail: dropped), and a bad batch with a later one
after it was: corruption. A flipped bit inside the last synced batch looks like a torn
tail; the signer guard's file is the second witness against that.
"""

import re
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Self

from hansa.errors import Corrupt
from storage.files import Files

MAGIC = b"hansawal"
VERSION = 1
"""The layout of segments and batches (docs/spec/storage.md, 4.2 to 4.4)."""
MARKER = b"\xffHB1"
"""Begins every batch, so that a batch after damage is found without reading each byte."""
SALT_BYTES = 16
"""Chance in a segment's header that seeds every CRC: bytes that somebody sent us, and that a
record holds, can then not pass for a batch."""
SEGMENT_BYTES = 4 * 2**20
"""A segment that has grown to this is closed at the next height: few files, little to rewrite."""
BATCH_BYTES_MAX = 2**30
"""A batch of one turn holds at most a few bodies of a few MiB; more is a bug of ours."""

_SEGMENT = struct.Struct(">8sHQQI16s")
_SEGMENT_BYTES = _SEGMENT.size + 4
_BATCH = struct.Struct(">4sQIII")
_BATCH_BYTES = _BATCH.size + 4
_CRC = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Tail:
    """How the log ended when it was opened.

    Attributes:
        status: ``created`` (there was no log), ``clean``, or ``torn`` (the end was dropped).
        segment: name of the last segment's file.
        offset: where the good part of it ends, in bytes.
        dropped: how many bytes were dropped after that.
    """

    status: Literal["created", "clean", "torn"]
    segment: str
    offset: int
    dropped: int


class _Segment(NamedTuple):
    """One file of the log."""

    name: str
    first_height: int


class _Header(NamedTuple):
    """What stands in front of a batch's payload."""

    number: int
    length: int
    previous: int
    payload_crc: int
    own_crc: int


class Wal:
    """The log, open for appending. Made by `open`; for one owner."""

    def __init__(self, files: Files, name: str, salt: bytes) -> None:
        """Use `Wal.open`."""
        self._files = files
        self._name = name
        self._new_salt = salt
        self._salt = salt
        self._segments: list[_Segment] = []
        self._bytes = 0
        self._number = 0
        self._previous = 0
        self._pending: list[bytes] = []
        self._is_broken = False

    @classmethod
    def open(cls, files: Files, name: str, *, salt: bytes) -> tuple[Self, list[list[bytes]], Tail]:
        """Open the log `name`, or make it, and read everything that is in it.

        The last segment is written anew, whole: after a failed fsync a file may read well and
        yet not be on the disk.

        Args:
            files: where the log lives.
            name: common beginning of its files' names.
            salt: 16 fresh bytes of chance, for segments that are made from now on.

        Returns:
            The log, its batches of records in order, and how it ended.

        Raises:
            Corrupt: ``wal.corrupt``, with file, offset and what to do.
            DiskFailed: the process must end.
        """
        assert len(salt) == SALT_BYTES
        wal = cls(files, name, salt)
        pattern = re.compile(re.escape(name) + r"-[0-9]{20}\.wal")
        found = [file for file in files.names() if pattern.fullmatch(file)]
        if not found:
            wal._start_segment(0)
            return wal, [], Tail("created", wal._segments[-1].name, wal._bytes, 0)
        batches: list[list[bytes]] = []
        content = b""
        for position, file in enumerate(found):
            content = files.read(file) or b""
            wal._read_segment(
                file, content, batches, is_first=position == 0, is_last=position == len(found) - 1
            )
        good = wal._bytes
        files.replace(found[-1], content[:good])
        status: Literal["clean", "torn"] = "torn" if good < len(content) else "clean"
        return wal, batches, Tail(status, found[-1], good, len(content) - good)

    def append(self, records: Sequence[bytes]) -> None:
        """Add `records` to the batch of this turn. Nothing is written before `sync`."""
        self._pending.extend(records)

    def sync(self) -> None:
        """Write the batch of this turn and make it durable; no-op where there is none.

        Raises:
            DiskFailed: the process must end; the batch may or may not be there afterwards.
        """
        if not self._pending:
            return
        assert not self._is_broken, "a write is never tried again"
        self._is_broken = True
        payload = b"".join(_CRC.pack(len(record)) + record for record in self._pending)
        assert len(payload) <= BATCH_BYTES_MAX
        header = _BATCH.pack(MARKER, self._number, len(payload), self._previous, self._crc(payload))
        own = self._crc(header)
        segment = self._segments[-1].name
        self._files.append(segment, header + _CRC.pack(own) + payload)
        self._files.sync(segment)
        self._is_broken = False
        self._pending.clear()
        self._bytes += _BATCH_BYTES + len(payload)
        self._number += 1
        self._previous = own

    def rotate(self, height: int, *, bytes_min: int = SEGMENT_BYTES) -> None:
        """From now on records are of `height` and above; start a segment if this one is full.

        Args:
            height: above the height given before.
            bytes_min: a segment smaller than this goes on.

        Raises:
            DiskFailed: the process must end.
        """
        assert not self._pending, "sync before rotating"
        if self._bytes >= bytes_min and height > self._segments[-1].first_height:
            self._start_segment(height)

    def forget_before(self, height: int) -> None:
        """Delete every segment that holds only records below `height`.

        Call it after the store's durable batch of the block before `height` returned.

        Raises:
            DiskFailed: the process must end.
        """
        while len(self._segments) > 1 and self._segments[1].first_height <= height:
            self._files.delete(self._segments[0].name)
            del self._segments[0]

    def _start_segment(self, height: int) -> None:
        segment = _Segment(f"{self._name}-{height:020}.wal", height)
        self._salt = self._new_salt
        header = _SEGMENT.pack(MAGIC, VERSION, height, self._number, self._previous, self._salt)
        self._files.replace(segment.name, header + _CRC.pack(zlib.crc32(header)))
        self._segments.append(segment)
        self._bytes = _SEGMENT_BYTES

    def _read_segment(
        self,
        file: str,
        content: bytes,
        batches: list[list[bytes]],
        *,
        is_first: bool,
        is_last: bool,
    ) -> None:
        """Read one segment's batches and be ready to go on behind them."""
        header = content[: _SEGMENT.size]
        if content[_SEGMENT.size : _SEGMENT_BYTES] != _CRC.pack(zlib.crc32(header)):
            raise _corrupt(file, 0, "the segment's header is damaged")
        magic, version, height, number, previous, self._salt = _SEGMENT.unpack(header)
        if (magic, version) != (MAGIC, VERSION):
            raise _corrupt(file, 0, f"layout {version} is not the one this hansa reads ({VERSION})")
        if is_first:
            self._number, self._previous = number, previous
        elif (number, previous) != (self._number, self._previous):
            raise _corrupt(file, 0, f"batch {self._number} is missing before this segment")
        self._segments.append(_Segment(file, height))
        offset = _SEGMENT_BYTES
        while offset < len(content):
            batch = self._batch_at(content, offset)
            if batch is None:
                self._must_be_torn(file, content, offset, is_last=is_last)
                break
            records, own, offset = batch
            batches.append(records)
            self._number += 1
            self._previous = own
        self._bytes = offset

    def _batch_at(self, content: bytes, offset: int) -> tuple[list[bytes], int, int] | None:
        """Records, CRC and end of the expected batch at `offset`; None where it is not whole."""
        header = self._header_at(content, offset)
        if header is None:
            return None
        if (header.number, header.previous) != (self._number, self._previous):
            return None
        start = offset + _BATCH_BYTES
        payload = content[start : start + header.length]
        if len(payload) < header.length or self._crc(payload) != header.payload_crc:
            return None
        return _records(payload), header.own_crc, start + header.length

    def _must_be_torn(self, file: str, content: bytes, offset: int, *, is_last: bool) -> None:
        """Pass a batch that was never synced; refuse everything else.

        Raises:
            Corrupt: the bad batch at `offset` had been synced, or is not the one expected.
        """
        if not is_last:
            raise _corrupt(file, offset, f"batch {self._number} is damaged, a segment follows it")
        place = content.find(MARKER, offset)
        while place >= 0:
            header = self._header_at(content, place)
            if header is not None and (place, header.number) != (offset, self._number):
                raise _corrupt(
                    file,
                    offset,
                    f"batch {self._number} is damaged, batch {header.number} follows at {place}",
                )
            if header is not None and header.previous != self._previous:
                raise _corrupt(file, offset, f"batch {self._number} follows another past")
            place = content.find(MARKER, place + 1)

    def _header_at(self, content: bytes, offset: int) -> _Header | None:
        """The header at `offset`, if it is one that this segment's writer made."""
        raw = content[offset : offset + _BATCH.size]
        own = content[offset + _BATCH.size : offset + _BATCH_BYTES]
        if not raw.startswith(MARKER) or own != _CRC.pack(self._crc(raw)):
            return None
        _marker, number, length, previous, payload_crc = _BATCH.unpack(raw)
        return _Header(number, length, previous, payload_crc, _CRC.unpack(own)[0])

    def _crc(self, payload: bytes) -> int:
        return zlib.crc32(payload, zlib.crc32(self._salt))


def _records(payload: bytes) -> list[bytes]:
    """The records in a payload whose CRC was right."""
    records = []
    offset = 0
    while offset < len(payload):
        (length,) = _CRC.unpack_from(payload, offset)
        records.append(payload[offset + 4 : offset + 4 + length])
        offset += 4 + length
    return records


def _corrupt(file: str, offset: int, what: str) -> Corrupt:
    return Corrupt(
        "wal.corrupt",
        f"{file} at byte {offset}: {what}",
        f"stop the node, look at the disk, move {file} and its sisters away (keep them) and start "
        "again: the node then follows without a vote until it is past every height at which it "
        "may have voted",
    )
