"""Gossip: clients' transactions reach everybody once, what is missing is fetched."""

import pytest

from hansa.errors import Rejected
from hansa.transaction import TRANSACTION_BYTES_MAX
from node.gossip import (
    CONNECT_BYTES_MAX,
    FETCH_GAP_MS,
    REPLY_BYTES_BURST,
    Gossip,
)
from node.gossip_messages import (
    BATCH_COUNT_MAX,
    GET_COUNT_MAX,
    GetTransactions,
    Transactions,
    batches,
    decode_gossip,
    encode_gossip,
)
from node.mempool import Mempool
from p2p.frames import FRAME_BYTES_MAX, MESSAGE_BYTES_MAX, TRANSACTIONS
from tests.unit.node.test_mempool import BLOCK, admit_all, post
from tests.unit.node.transactions import sign


def node(*transactions, peers=()):
    """A mempool with clients' transactions and its gossip, connected to `peers` before them."""
    pool = Mempool(admit_all)
    gossip = Gossip(pool)
    for peer in peers:
        gossip.peer_up(peer, 0)
    post(pool, *transactions)
    return pool, gossip


def raws_in(sends):
    return [raw for send in sends for raw in decode_gossip(send.message).raws]


def asked(sends):
    return [(send.peer, decode_gossip(send.message).tx_hashes) for send in sends]


def test_a_turn_ends_with_one_message_of_all_new_transactions_for_everybody():
    pool, gossip = node(sign(1), sign(2), peers=["node1", "node2"])

    sends = gossip.flush()

    assert [(send.peer, send.kind) for send in sends] == [(None, TRANSACTIONS)]
    assert raws_in(sends) == [sign(1).raw, sign(2).raw]
    assert gossip.flush() == []
    assert pool.relayed_count == 2


def test_what_nobody_could_be_told_is_told_to_who_connects():
    pool, gossip = node(sign(1))
    assert gossip.flush() == []
    assert pool.relayed_count == 0

    sends = gossip.peer_up("node1", 0)

    assert raws_in(sends) == [sign(1).raw]
    assert sends[0].peer == "node1"
    assert pool.relayed_count == 1


def test_what_a_peer_passed_on_is_not_passed_on_again():
    pool, gossip = node(peers=["node2"])
    post(pool, sign(1), origin="node1")

    assert gossip.flush() == []
    assert gossip.peer_up("node3", 0) == []


def test_a_peer_that_connects_gets_no_more_than_a_limit(monkeypatch):
    monkeypatch.setattr("node.gossip.CONNECT_BYTES_MAX", len(sign(1).raw) * 2 + 9)
    _, gossip = node(sign(1), sign(2), sign(3))

    assert raws_in(gossip.peer_up("node1", 0)) == [sign(1).raw, sign(2).raw]


def test_a_batch_is_one_frame_and_a_large_transaction_goes_alone():
    raws = [b"s" * 30_000, b"t" * 30_000, b"u" * 30_000, b"l" * 200_000, b"v"]

    messages = list(batches(raws))

    assert [len(decode_gossip(message).raws) for message in messages] == [2, 1, 1, 1]
    assert len(messages[0]) < FRAME_BYTES_MAX


def test_the_largest_messages_fit_the_wire():
    most = encode_gossip(GetTransactions((b"h" * 32,) * GET_COUNT_MAX))
    large = encode_gossip(Transactions((b"r" * TRANSACTION_BYTES_MAX,)))

    assert len(most) < FRAME_BYTES_MAX
    assert len(large) < MESSAGE_BYTES_MAX[TRANSACTIONS]
    assert CONNECT_BYTES_MAX < REPLY_BYTES_BURST


def test_a_received_batch_is_handed_on_as_bytes():
    _, gossip = node(peers=["node1"])
    (message,) = batches([sign(1).raw])

    incoming = gossip.receive("node1", message, 0)

    assert (incoming.raws, incoming.sends) == ((sign(1).raw,), ())


def test_who_asks_by_hash_gets_what_is_here():
    _, gossip = node(sign(1), peers=["node1"])
    request = encode_gossip(GetTransactions((b"?" * 32, sign(1).tx_hash)))

    incoming = gossip.receive("node1", request, 0)

    assert raws_in(incoming.sends) == [sign(1).raw]
    assert incoming.sends[0].peer == "node1"


def test_a_stranger_gets_nothing():
    _, gossip = node(sign(1))

    message = encode_gossip(GetTransactions((sign(1).tx_hash,)))

    assert gossip.receive("node9", message, 0).sends == ()


def test_who_asks_too_much_waits_for_time_to_pass(monkeypatch):
    monkeypatch.setattr("node.gossip.REPLY_BYTES_BURST", 400)
    monkeypatch.setattr("node.gossip.REPLY_BYTES_PER_MS", 1)
    _, gossip = node(sign(1), sign(2), sign(3), peers=["node1"])
    request = encode_gossip(GetTransactions(tuple(sign(n).tx_hash for n in (1, 2, 3))))

    first = gossip.receive("node1", request, 0)
    second = gossip.receive("node1", request, 1)
    later = gossip.receive("node1", request, 400)

    assert [len(raws_in(one.sends)) for one in (first, second, later)] == [1, 0, 1]
    assert gossip.replies_refused == 3


def test_a_whole_proposal_needs_no_fetching():
    _, gossip = node(sign(1), peers=["node1"])

    assert gossip.gather(BLOCK, 1, [sign(1).tx_hash], ["node1"], 0) == ((), [])
    assert gossip.wake_at is None


def test_the_primary_is_asked_first_then_others_in_turn_then_nobody():
    _, gossip = node(peers=["node1", "node2", "node3"])
    lacking = (sign(1).tx_hash, sign(2).tx_hash)

    missing, sends = gossip.gather(BLOCK, 1, lacking, ["node1", "down", "node2", "node3"], 0)

    assert missing == lacking
    assert asked(sends) == [("node1", lacking)]
    assert gossip.wake_at == FETCH_GAP_MS
    assert gossip.tick(FETCH_GAP_MS - 1) == []
    assert asked(gossip.tick(FETCH_GAP_MS)) == [("node2", lacking)]
    assert asked(gossip.tick(2 * FETCH_GAP_MS)) == [("node3", lacking)]
    assert gossip.tick(3 * FETCH_GAP_MS) == []
    assert gossip.wake_at is None


def test_only_three_are_asked():
    names = ["node1", "node2", "node3", "node4"]
    _, gossip = node(peers=names)
    gossip.gather(BLOCK, 1, [sign(1).tx_hash], names, 0)

    later = [gossip.tick(round_ * FETCH_GAP_MS) for round_ in (1, 2, 3)]

    assert [len(sends) for sends in later] == [1, 1, 0]


def test_the_second_peer_is_asked_only_for_what_is_still_missing():
    pool, gossip = node(peers=["node1", "node2"])
    gossip.gather(BLOCK, 1, [sign(1).tx_hash, sign(2).tx_hash], ["node1", "node2"], 0)
    post(pool, sign(1), origin="node1")

    assert asked(gossip.tick(FETCH_GAP_MS)) == [("node2", (sign(2).tx_hash,))]
    post(pool, sign(2), origin="node2")
    assert gossip.tick(2 * FETCH_GAP_MS) == []
    assert gossip.wake_at is None


def test_a_proposal_offered_again_is_not_asked_for_twice_at_once():
    _, gossip = node(peers=["node1"])
    gossip.gather(BLOCK, 1, [sign(1).tx_hash], ["node1"], 0)

    _, sends = gossip.gather(BLOCK, 1, [sign(1).tx_hash], ["node1"], 1)

    assert sends == []


def test_many_missing_hashes_are_asked_for_in_several_messages():
    _, gossip = node(peers=["node1"])
    hashes = [number.to_bytes(32, "big") for number in range(GET_COUNT_MAX + 1)]

    _, sends = gossip.gather(BLOCK, 1, hashes, ["node1"], 0)

    assert [len(found) for _, found in asked(sends)] == [GET_COUNT_MAX, 1]


def test_a_peer_that_went_away_is_asked_nothing():
    _, gossip = node(peers=["node1"])
    gossip.peer_down("node1")

    assert gossip.gather(BLOCK, 1, [sign(1).tx_hash], ["node1"], 0)[1] == []


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"", "message.unknown"),
        (b"\x03\x91\x90", "message.unknown"),
        (b"\x01", "encoding.malformed"),
        (b"\x01\x91\x90", "encoding.malformed"),
        (b"\x01\x91\xdc\x00\x01\xc4\x01x", "encoding.not-canonical"),
        (b"\x02\x91\x91\xc4\x1f" + b"h" * 31, "encoding.malformed"),
        (encode_gossip(Transactions((b"r" * (TRANSACTION_BYTES_MAX + 1),))), "encoding.malformed"),
        (encode_gossip(Transactions((b"r",) * (BATCH_COUNT_MAX + 1))), "encoding.malformed"),
        (encode_gossip(GetTransactions((b"h" * 32,) * (GET_COUNT_MAX + 1))), "encoding.malformed"),
    ],
)
def test_a_message_that_no_correct_peer_sends_is_refused(message, code):
    _, gossip = node(peers=["node1"])

    with pytest.raises(Rejected) as error:
        gossip.receive("node1", message, 0)

    assert error.value.code == code
