"""Frames: any cut of the stream gives the same messages, and nothing grows without bound."""

import json
import struct
from contextlib import suppress
from itertools import cycle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.errors import Rejected
from p2p.frames import (
    BULK,
    CONSENSUS,
    CONTROL,
    FRAME_BYTES_MAX,
    HANDSHAKE_BYTES_MAX,
    MESSAGE_BYTES_MAX,
    MORE,
    TRANSACTIONS,
    Parser,
    encode_message,
)

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "handshake.json").read_text())
FULL = FRAME_BYTES_MAX


def messages_of(parser):
    return list(iter(parser.next_message, None))


def header(length, kind):
    return struct.pack(">IB", length, kind)


def slow_decode(stream):
    """The definition, typed out: whole stream in, messages out, no limits."""
    messages, parts = [], {}
    while stream:
        length, marked = struct.unpack(">IB", stream[:5])
        parts[marked & 127] = parts.get(marked & 127, b"") + stream[5 : 5 + length]
        if marked < MORE:
            messages.append((marked, parts.pop(marked)))
        stream = stream[5 + length :]
    return messages


any_messages = st.lists(
    st.tuples(
        st.sampled_from([CONSENSUS, TRANSACTIONS, BULK]),
        st.one_of(st.integers(0, 40), st.integers(FULL - 1, 3 * FULL + 1)),
    ),
    max_size=5,
)


@settings(deadline=None)
@given(any_messages, st.lists(st.sampled_from([1, 4, 5, 6, 999, FULL]), max_size=8))
def test_messages_survive_any_cut_of_the_stream(shapes, sizes):
    messages = [(kind, bytes([97 + at]) * size) for at, (kind, size) in enumerate(shapes)]
    stream = b"".join(encode_message(kind, payload) for kind, payload in messages)
    parser = Parser(MESSAGE_BYTES_MAX)

    received, at, cuts = [], 0, cycle([*sizes, FULL + 7])
    while at < len(stream):
        size = next(cuts)
        parser.feed(stream[at : at + size])
        received += messages_of(parser)
        at += size

    assert received == messages == slow_decode(stream)
    assert parser.buffered == 0


@given(st.binary(max_size=300))
def test_any_bytes_are_messages_or_rejected(noise):
    parser = Parser()
    parser.feed(noise)

    with suppress(Rejected):
        messages_of(parser)

    assert parser.buffered <= len(noise)


def test_fragments_of_two_kinds_may_alternate():
    block, vote = b"b" * (FULL + 1), b"vote"
    stream = encode_message(BULK, block)
    cut = 5 + FULL
    parser = Parser(MESSAGE_BYTES_MAX)

    parser.feed(stream[:cut] + encode_message(CONSENSUS, vote) + stream[cut:])

    assert messages_of(parser) == [(CONSENSUS, vote), (BULK, block)]


def test_a_frame_never_carries_more_than_64_kib():
    stream = encode_message(BULK, b"x" * (2 * FULL))

    assert stream[:5] == header(FULL, BULK | MORE)
    assert stream[5 + FULL : 10 + FULL] == header(FULL, BULK)
    assert len(stream) == 2 * (5 + FULL)


def test_frames_of_unknown_kinds_are_counted_and_skipped():
    parser = Parser(MESSAGE_BYTES_MAX)

    parser.feed(header(3, 9) + b"new" + header(2, 9 | MORE) + b"er" + header(1, 1) + b"v")

    assert messages_of(parser) == [(CONSENSUS, b"v")]
    assert (parser.unknown, parser.frames) == (2, 3)


def test_a_stranger_may_send_control_messages_only_and_small_ones():
    parser = Parser()
    parser.feed(encode_message(CONSENSUS, b"vote") + encode_message(CONTROL, b"hello"))

    assert messages_of(parser) == [(CONTROL, b"hello")]

    parser.feed(header(HANDSHAKE_BYTES_MAX[CONTROL] + 1, CONSENSUS))
    with pytest.raises(Rejected, match=r"frame\.oversize"):
        parser.next_message()


def test_limits_can_be_widened_between_two_messages_of_one_read():
    parser = Parser()
    parser.feed(encode_message(CONTROL, b"welcome") + encode_message(CONSENSUS, b"v" * 5000))

    assert parser.next_message() == (CONTROL, b"welcome")
    parser.widen(MESSAGE_BYTES_MAX)
    assert parser.next_message() == (CONSENSUS, b"v" * 5000)


FULL_FRAGMENT = header(FULL, CONSENSUS | MORE) + bytes(FULL)


@pytest.mark.parametrize(
    ("stream", "code"),
    [
        (header(FULL + 1, BULK), "frame.oversize"),
        (header(2**32 - 1, 99), "frame.oversize"),
        (header(4097, CONTROL), "frame.oversize"),
        (header(FULL, CONTROL | MORE), "frame.oversize"),
        (FULL_FRAGMENT * 16 + header(1, CONSENSUS), "frame.oversize"),
        (header(1, BULK | MORE), "frame.fragment"),
        (header(0, BULK | MORE), "frame.fragment"),
        (FULL_FRAGMENT + header(0, CONSENSUS), "frame.fragment"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_bad_frame_is_rejected_by_its_header_alone(stream, code):
    parser = Parser(MESSAGE_BYTES_MAX)
    parser.feed(stream)

    with pytest.raises(Rejected) as caught:
        messages_of(parser)

    assert caught.value.code == code


def test_the_largest_message_of_each_kind_passes():
    stream = b"".join(encode_message(kind, bytes(MESSAGE_BYTES_MAX[kind])) for kind in range(4))
    parser = Parser(MESSAGE_BYTES_MAX)

    parser.feed(stream)

    assert [len(payload) for _, payload in messages_of(parser)] == list(MESSAGE_BYTES_MAX.values())


def test_what_is_put_together_is_counted_as_buffered():
    parser = Parser(MESSAGE_BYTES_MAX)
    parser.feed(FULL_FRAGMENT + b"\0")

    assert parser.next_message() is None
    assert parser.buffered == FULL + 1


@pytest.mark.parametrize("vector", VECTORS["frames"], ids=lambda vector: vector["name"])
def test_frames_are_those_of_the_vectors(vector):
    payload = bytes.fromhex(vector["payload"])
    parser = Parser(MESSAGE_BYTES_MAX)
    parser.feed(bytes.fromhex(vector["frames"]))

    assert encode_message(vector["kind"], payload).hex() == vector["frames"]
    assert messages_of(parser) == [(vector["kind"], payload)]
