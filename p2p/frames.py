"""Frames: how messages travel on a byte stream (docs/spec/network.md, section 2).

Promise: bytes in any pieces become exactly the messages that were sent, in the
order of each kind, or `Rejected`; and what is buffered never exceeds one frame
beside the messages that are being put together. No I/O here.

A frame is a payload's length (4 bytes, big-endian), a kind (1 byte), the payload.
Longer messages travel in fragments, so that a frame of another kind can step
between them: no vote waits behind a block.
"""

import struct
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from hansa.errors import Rejected

CONTROL, CONSENSUS, TRANSACTIONS, BULK = 0, 1, 2, 3
"""The kinds of messages, in the order in which they are sent."""

KIND_NAMES = ("control", "consensus", "transactions", "bulk")
"""The names of the kinds in counters and texts."""

FRAME_BYTES_MAX = 64 * 1024
"""Payload bytes of one frame: 64 KiB pass in 5 ms at 100 Mbit/s, so a vote waits no longer."""

CONTROL_BYTES_MAX = 4 * 1024
"""Bytes of a control message: the longest, an answer with two long names, is under 1 KiB."""

MESSAGE_BYTES_MAX: Mapping[int, int] = MappingProxyType(
    {
        CONTROL: CONTROL_BYTES_MAX,
        # NEW-VIEW of 100 validators with 67 certificates of 4.5 KiB, or 5000 hashes: 300 KiB.
        CONSENSUS: 1024 * 1024,
        TRANSACTIONS: 1024 * 1024,  # gossip batches; one transaction is far smaller
        BULK: 8 * 1024 * 1024,  # one block with its transactions
    }
)
"""Bytes of a whole message, by kind."""

HANDSHAKE_BYTES_MAX: Mapping[int, int] = MappingProxyType({CONTROL: CONTROL_BYTES_MAX})
"""The only kind, and its bytes, that a stranger may send."""

HEADER = struct.Struct(">IB")
"""Payload length and kind."""

MORE = 0x80
"""The bit of the kind byte that says: the message goes on in the next frame of this kind."""


def frame_at(kind: int, payload: bytes, offset: int) -> tuple[bytes, bytes, int]:
    """The frame that carries `payload` from `offset` on.

    Returns:
        The header, the fragment and the offset of the next frame (the payload's length at
        the end).
    """
    end = offset + FRAME_BYTES_MAX
    if offset == 0 and end >= len(payload):
        return HEADER.pack(len(payload), kind), payload, len(payload)
    fragment = payload[offset:end]
    marked = kind | MORE if end < len(payload) else kind
    return HEADER.pack(len(fragment), marked), fragment, min(end, len(payload))


def encode_message(kind: int, payload: bytes) -> bytes:
    """All frames of one message, joined."""
    return b"".join(_pieces(kind, payload))


def _pieces(kind: int, payload: bytes) -> Iterator[bytes]:
    offset = 0
    while True:
        header, fragment, offset = frame_at(kind, payload, offset)
        yield header
        yield fragment
        if offset == len(payload):
            return


class Parser:
    """Turns bytes into messages. Call `feed`, then `next_message` until it gives None.

    Attributes:
        frames: how many whole frames were seen.
        unknown: how many frames of unknown kinds were skipped.
    """

    __slots__ = ("_at", "_buffer", "_frame_bytes_max", "_limits", "_parts", "frames", "unknown")

    def __init__(self, limits: Mapping[int, int] = HANDSHAKE_BYTES_MAX) -> None:
        """Start with the limits of a stranger; `widen` when the peer is known."""
        self._buffer = bytearray()
        self._at = 0
        self._parts: dict[int, bytearray] = {}
        self.frames = 0
        self.unknown = 0
        self.widen(limits)

    def widen(self, limits: Mapping[int, int]) -> None:
        """Use other message limits from the next frame on (kind -> bytes)."""
        self._limits = limits
        self._frame_bytes_max = min(FRAME_BYTES_MAX, max(limits.values()))

    @property
    def buffered(self) -> int:
        """Bytes that are held: the unread ones and the unfinished messages."""
        return len(self._buffer) - self._at + sum(len(part) for part in self._parts.values())

    def feed(self, received: bytes) -> None:
        """Take the next bytes of the stream, of any length."""
        del self._buffer[: self._at]
        self._at = 0
        self._buffer += received

    def next_message(self) -> tuple[int, bytes] | None:
        """The next whole message as (kind, payload), or None when more bytes are needed.

        Raises:
            Rejected: ``frame.oversize`` or ``frame.fragment``; the stream is of no use then.
        """
        while len(self._buffer) - self._at >= HEADER.size:
            length, marked = HEADER.unpack_from(self._buffer, self._at)
            kind = marked & ~MORE
            self._check(kind, length, more=marked != kind)
            start = self._at + HEADER.size
            if len(self._buffer) < start + length:
                return None
            fragment = bytes(memoryview(self._buffer)[start : start + length])
            self._at = start + length
            self.frames += 1
            if kind not in self._limits:
                self.unknown += 1
            elif marked != kind:
                self._parts.setdefault(kind, bytearray()).extend(fragment)
            elif kind in self._parts:
                return kind, bytes(self._parts.pop(kind) + fragment)
            else:
                return kind, fragment
        return None

    def _check(self, kind: int, length: int, *, more: bool) -> None:
        """Judge a frame by its header alone, before its payload is waited for."""
        if length > self._frame_bytes_max:
            raise Rejected(
                "frame.oversize", f"a frame of {length} bytes, {self._frame_bytes_max} are allowed"
            )
        if kind not in self._limits:
            return
        begun = self._parts.get(kind)
        total = length + (len(begun) if begun else 0)
        if total > self._limits[kind]:
            raise Rejected(
                "frame.oversize",
                f"a message of kind {kind} has {total} bytes or more, "
                f"{self._limits[kind]} are allowed",
            )
        # One message, one cut: a peer cannot make us put megabytes together from single bytes.
        if (more and length != FRAME_BYTES_MAX) or (begun and not length):
            raise Rejected("frame.fragment", f"a fragment of kind {kind} has {length} bytes")
