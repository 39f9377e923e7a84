"""Fuzzing of the frame parser.

The promise: bytes in any pieces give the same messages as in one piece, or the same refusal;
frames that were not touched give exactly what was sent; what is buffered stays bounded.
"""

from hansa.errors import Rejected
from p2p.frames import (
    BULK,
    CONSENSUS,
    CONTROL,
    FRAME_BYTES_MAX,
    HANDSHAKE_BYTES_MAX,
    HEADER,
    MESSAGE_BYTES_MAX,
    MORE,
    TRANSACTIONS,
    Parser,
    frame_at,
)

KINDS = (CONTROL, CONSENSUS, TRANSACTIONS, BULK)
UNKNOWN_KIND = 77
SIZES = (0, 1, 2, 100, 4_096, 4_097, FRAME_BYTES_MAX - 1, FRAME_BYTES_MAX, FRAME_BYTES_MAX + 1)


class Frames:
    """The target: one stream an execution, read twice."""

    def __init__(self, parser=Parser):
        self._parser = parser

    def one(self, chance):
        """One execution; whether the whole stream was accepted.

        Raises:
            AssertionError: a promise is broken.
        """
        limits = MESSAGE_BYTES_MAX if chance.random() < 0.8 else HANDSHAKE_BYTES_MAX
        sent = _messages(chance)
        stream = _interleaved(sent, chance)
        is_touched = chance.random() < 0.7
        if is_touched:
            stream = _damaged(stream, chance)
        pieces = _pieces(b"".join(stream), chance)
        whole = self._read([b"".join(stream)], limits)
        parts = self._read(pieces, limits)
        assert whole == parts, f"{_named(whole)} in one piece, {_named(parts)} in {len(pieces)}"
        if not is_touched and limits is MESSAGE_BYTES_MAX:
            for kind in KINDS:
                got = [payload for one, payload in parts[0] if one == kind]
                assert got == [payload for one, payload in sent if one == kind], f"kind {kind}"
            assert parts[1] is None, parts[1]
        return parts[1] is None

    def _read(self, pieces, limits):
        """The messages of a stream and the code of its refusal."""
        parser = self._parser(limits)
        bound = sum(limits.values()) + FRAME_BYTES_MAX + HEADER.size
        messages = []
        for piece in pieces:
            parser.feed(piece)
            try:
                while (message := parser.next_message()) is not None:
                    messages.append(message)
            except Rejected as error:
                return messages, error.code
            assert parser.buffered <= bound, f"{parser.buffered} bytes are held"
        return messages, None


def _messages(chance):
    """Some messages; most are small, as they are."""
    found = []
    for _ in range(chance.randrange(1, 7)):
        kind = chance.choice(KINDS)
        size = chance.choice(SIZES) if chance.random() < 0.5 else chance.randrange(200)
        if chance.random() < 0.05:
            size = chance.randrange(200_000)
        found.append((kind, bytes([len(found)]) * min(size, MESSAGE_BYTES_MAX[kind])))
    return found


def _interleaved(messages, chance):
    """Their frames: of one kind in order, a frame of another kind may step between."""
    waiting = {kind: [payload for one, payload in messages if one == kind] for kind in KINDS}
    begun = dict.fromkeys(KINDS, 0)
    frames = []
    while any(waiting.values()):
        kind = chance.choice([kind for kind in KINDS if waiting[kind]])
        header, fragment, offset = frame_at(kind, waiting[kind][0], begun[kind])
        frames.append(header + fragment)
        begun[kind] = offset
        if offset == len(waiting[kind][0]):
            waiting[kind].pop(0)
            begun[kind] = 0
    return frames


def _damaged(frames, chance):
    """Frames that no correct sender sends, or in an order that none sends."""
    changed = list(frames)
    for _ in range(chance.choice((1, 1, 2, 4))):
        place = chance.randrange(len(changed))
        frame = changed[place]
        match chance.randrange(7):
            case 0:
                changed[place] = bytes(frame[:4]) + bytes([frame[4] ^ MORE]) + frame[5:]
            case 1:
                length = chance.choice((0, 1, FRAME_BYTES_MAX, FRAME_BYTES_MAX + 1, 2**32 - 1))
                changed[place] = length.to_bytes(4, "big") + frame[4:]
            case 2:
                changed.insert(place, frame)
            case 3:
                del changed[place]
            case 4:
                other = chance.randrange(len(changed))
                changed[place], changed[other] = changed[other], changed[place]
            case 5:
                changed.insert(place, HEADER.pack(3, UNKNOWN_KIND) + b"odd")
            case _:
                spot = chance.randrange(min(len(frame), 16))
                changed[place] = frame[:spot] + chance.randbytes(1) + frame[spot + 1 :]
        if not changed:
            break
    return changed or [b""]


def _pieces(data, chance):
    """The same bytes, cut at random."""
    size = chance.choice((1, 7, 100, 5_000, 70_000))
    if size < 100 and len(data) > 3_000:
        size = 5_000
    pieces, offset = [], 0
    while offset < len(data):
        step = chance.randrange(1, 2 * size)
        pieces.append(data[offset : offset + step])
        offset += step
    return pieces


def _named(reading):
    return f"{[(kind, len(payload)) for kind, payload in reading[0]]} and {reading[1]}"
