"""The outbox: votes first, nobody starved, everything bounded."""

from hypothesis import given
from hypothesis import strategies as st

from p2p.frames import (
    BULK,
    CONSENSUS,
    CONTROL,
    FRAME_BYTES_MAX,
    MESSAGE_BYTES_MAX,
    TRANSACTIONS,
    Parser,
)
from p2p.queues import TRANSACTION_FRAMES_IN_A_ROW, Outbox, QueueLimit

SMALL = {
    CONTROL: QueueLimit(2, 100),
    CONSENSUS: QueueLimit(2, 100),
    TRANSACTIONS: QueueLimit(2, 100),
    BULK: QueueLimit(2, 100),
}


def sent(outbox, budget=1):
    """What a peer would read, one take at a time."""
    parser = Parser(MESSAGE_BYTES_MAX)
    received = []
    while outbox:
        parser.feed(outbox.take(budget))
        received += list(iter(parser.next_message, None))
    return received


def test_urgent_kinds_overtake_the_others():
    outbox = Outbox()
    for kind in (BULK, TRANSACTIONS, CONSENSUS, CONTROL):
        assert outbox.put(kind, b"x")

    assert [kind for kind, _ in sent(outbox)] == [CONTROL, CONSENSUS, TRANSACTIONS, BULK]


def test_a_vote_steps_between_the_fragments_of_a_block():
    outbox, block = Outbox(), bytes(3 * FRAME_BYTES_MAX)
    outbox.put(BULK, block)
    parser = Parser(MESSAGE_BYTES_MAX)

    parser.feed(outbox.take(1))
    outbox.put(CONSENSUS, b"vote")
    parser.feed(outbox.take(1))

    assert parser.next_message() == (CONSENSUS, b"vote")
    parser.feed(outbox.take(4 * FRAME_BYTES_MAX))
    assert parser.next_message() == (BULK, block)
    assert outbox.size == 0


def test_a_flood_of_transactions_does_not_starve_block_sync():
    outbox = Outbox()
    outbox.put(BULK, b"block")
    for _ in range(3 * TRANSACTION_FRAMES_IN_A_ROW):
        outbox.put(TRANSACTIONS, b"t")

    kinds = [kind for kind, _ in sent(outbox)]

    assert kinds.index(BULK) == TRANSACTION_FRAMES_IN_A_ROW


def test_a_full_queue_takes_nothing_more_and_says_so():
    outbox = Outbox(SMALL)

    assert [outbox.put(CONSENSUS, b"v") for _ in range(3)] == [True, True, False]
    assert [outbox.put(BULK, bytes(60)) for _ in range(2)] == [True, False]
    assert (outbox.messages, outbox.size) == (3, 62)


def test_room_comes_back_when_messages_leave():
    outbox = Outbox(SMALL)
    outbox.put(CONSENSUS, bytes(100))
    outbox.take(1)

    assert outbox.put(CONSENSUS, bytes(100))


def test_a_new_connection_gets_half_sent_messages_from_their_start():
    block = bytes(2 * FRAME_BYTES_MAX)
    outbox = Outbox()
    outbox.put(BULK, block)
    outbox.take(1)

    outbox.rewind()

    assert sent(outbox) == [(BULK, block)]


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3000)), max_size=30),
    st.integers(1, 10_000),
)
def test_each_kind_arrives_whole_and_in_order(puts, budget):
    outbox = Outbox()
    messages = [(kind, bytes([index]) * size) for index, (kind, size) in enumerate(puts)]
    for message in messages:
        outbox.put(*message)

    received = sent(outbox, budget)

    assert sorted(received, key=lambda message: message[0]) == sorted(
        messages, key=lambda message: message[0]
    )
    assert (outbox.messages, outbox.size) == (0, 0)
