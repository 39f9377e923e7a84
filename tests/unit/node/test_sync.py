"""Block sync: a node that trails comes to the head, whatever some peers send."""

import pytest

from hansa.errors import Rejected
from hansa.signing import verify
from node.outbound import Send
from node.sync import (
    APPLY_AHEAD,
    BAN_MS,
    COOL_MS,
    HORIZON,
    LAG_HEIGHTS,
    LAG_MS,
    REQUEST_TIMEOUT_MS,
    STATUS_GAP_MS,
    STATUS_MS,
    ApplyBlock,
    Lagging,
    Penalise,
    ServeBlocks,
    Sync,
    SyncedTo,
)
from node.sync_messages import (
    REPLY_BYTES_MAX,
    WINDOW,
    Blocks,
    GetBlocks,
    Status,
    SyncBlock,
    decode_sync,
    encode_sync,
    fit_reply,
)
from p2p.frames import BULK, MESSAGE_BYTES_MAX
from tests.unit.node.chain import CHAIN, NAMES, Chain

LONG = Chain().extend(80)


class Node:
    """A `Sync` whose applied blocks are committed at once, and what it did."""

    def __init__(self, chain=LONG, height=0, peers=NAMES[1:]):
        self.chain = chain
        self.sync = Sync(CHAIN, chain.tip(height), verify, 0)
        self.actions = []
        self.applied = []
        for peer in peers:
            self.do(self.sync.peer_up(peer, 0))

    def do(self, actions):
        self.actions += actions
        for action in actions:
            if isinstance(action, ApplyBlock):
                self.applied.append(action.height)
        return actions

    def claim(self, peer, height, mono_ms=0):
        message = encode_sync(Status(height, b"h" * 32))
        return self.do(self.sync.receive(peer, message, mono_ms))

    def claims(self, height, mono_ms=0):
        """All peers say the same; returns the requests that follow."""
        for peer in NAMES[1:]:
            self.claim(peer, height, mono_ms)
        return self.asked()

    def asked(self):
        """Requests so far: (peer, from height, count)."""
        found = []
        for action in self.actions:
            if isinstance(action, Send):
                message = decode_sync(action.message)
                if isinstance(message, GetBlocks):
                    found.append((action.peer, message.from_height, message.count))
        return found

    def answer(self, peer, from_height, count, mono_ms=0, *, chain=None):
        """A peer's answer from its store."""
        stored = fit_reply((chain or self.chain).stored(from_height, count))
        message = encode_sync(Blocks(from_height, stored))
        return self.do(self.sync.receive(peer, message, mono_ms))

    def commit(self, height, mono_ms=0):
        """The ledger thread has committed a height."""
        chain = self.chain
        return self.do(
            self.sync.advanced(
                chain.headers[height], chain.certificates[height], chain.sets[height + 1], mono_ms
            )
        )

    def run(self, mono_ms=0):
        """Answer every request and commit every block until nothing moves."""
        done = 0
        while done < len(self.actions):
            action = self.actions[done]
            done += 1
            if isinstance(action, ApplyBlock):
                self.commit(action.height, mono_ms)
            elif isinstance(action, Send):
                message = decode_sync(action.message)
                if isinstance(message, GetBlocks):
                    self.answer(action.peer, message.from_height, message.count, mono_ms)
        return self

    def of(self, kind):
        return [action for action in self.actions if isinstance(action, kind)]


def test_a_node_that_trails_far_comes_to_the_head_in_order():
    node = Node()

    node.claims(80)
    node.run()

    assert node.applied == list(range(1, 81))
    assert node.of(Lagging) == [Lagging(0, 80)]
    assert node.of(SyncedTo) == [SyncedTo(80)]
    assert not node.sync.lagging
    assert node.of(Penalise) == []


def test_several_peers_are_asked_for_windows_at_once():
    node = Node()

    assert node.claims(80) == [
        ("node1", 1, WINDOW),
        ("node2", 1 + WINDOW, WINDOW),
        ("node3", 1 + 2 * WINDOW, WINDOW),
    ]


def test_one_liar_does_not_make_a_node_lag():
    node = Node()

    node.claim("node1", 10**9)
    node.claim("node2", 0)

    assert node.sync.target == 0
    assert not node.sync.lagging


def test_the_target_is_what_a_correct_validator_claims():
    node = Node(peers=(*NAMES[1:], "observer"))
    node.claim("observer", 10**9)
    node.claim("node1", 10**6)
    node.claim("node2", 70)
    node.claim("node3", 60)

    assert node.sync.target == 70


def test_an_observer_that_knows_no_validator_believes_its_peers():
    node = Node(peers=("observer1",))

    node.claim("observer1", 20)

    assert node.sync.target == 20


def test_a_proven_height_counts_without_claims():
    node = Node()

    node.do(node.sync.proven(50, 0))

    assert node.of(Lagging) == [Lagging(0, 50)]


def test_one_height_behind_is_left_to_consensus_for_a_while():
    node = Node(height=79)

    assert node.claims(80) == []
    assert not node.sync.lagging
    assert node.sync.wake_at <= LAG_MS
    node.do(node.sync.tick(LAG_MS))

    assert node.sync.lagging
    assert node.asked() == [("node1", 80, 1)]


def test_who_keeps_advancing_does_not_lag():
    node = Node(height=60)
    node.claims(62)
    node.commit(61, LAG_MS - 1)
    node.do(node.sync.tick(LAG_MS + 5))

    assert not node.sync.lagging


def test_far_behind_is_lagging_at_once():
    node = Node(height=80 - LAG_HEIGHTS)

    node.claims(80)

    assert node.sync.lagging


def test_blocks_are_checked_a_few_ahead_of_the_ledger():
    node = Node()
    node.claims(80)
    peer, start, count = node.asked()[0]

    node.answer(peer, start, count)

    assert node.applied == list(range(1, 1 + APPLY_AHEAD))
    node.commit(1)
    assert node.applied == list(range(1, 2 + APPLY_AHEAD))


def test_a_change_of_the_set_waits_for_its_execution():
    chain = Chain().extend(2, next_names=("node0", "node1", "node2", "node4", "node5")).extend(3)
    node = Node(chain)
    node.claims(5)
    node.answer(*node.asked()[0])
    node.commit(1)
    assert node.applied == [1, 2]

    node.commit(2)

    assert node.applied == [1, 2, 3, 4]


def test_a_head_that_consensus_reached_is_not_applied_again():
    node = Node()
    node.claims(80)
    node.commit(1)
    node.commit(2)

    node.answer(*node.asked()[0])

    assert node.applied[0] == 3
    assert node.do(node.sync.advanced(*_advanced(LONG, 1), 0)) == []


def _advanced(chain, height):
    return chain.headers[height], chain.certificates[height], chain.sets[height + 1]


def test_a_jump_of_the_head_is_followed():
    node = Node()
    node.claims(80)

    node.commit(79, 5)
    node.claims(80, 6)
    node.run(6)

    assert node.applied == [80]
    assert node.of(SyncedTo) == [SyncedTo(80)]


def test_a_peer_that_sends_a_damaged_block_is_named_and_its_range_asked_elsewhere():
    node = Node()
    node.claims(10)
    liar, start, count = node.asked()[0]

    bad = SyncBlock(LONG.blocks[1][:-1] + b"\0", _certificate_bytes(LONG, 1))
    node.do(node.sync.receive(liar, encode_sync(Blocks(start, (bad,))), 5))

    assert [(one.peer, one.ban_ms) for one in node.of(Penalise)] == [(liar, BAN_MS)]
    assert node.applied == []
    assert node.asked()[-1][1] == 1
    assert node.asked()[-1][0] != liar
    assert count == 10


def _certificate_bytes(chain, height):
    return chain.stored(height, 1)[0][1]


def test_a_banned_peer_is_asked_again_after_ten_minutes():
    node = Node(peers=("node1",))
    node.claim("node1", 10)
    node.do(node.sync.receive("node1", encode_sync(Blocks(1, (SyncBlock(b"x", b"y"),))), 5))
    before = len(node.asked())

    node.do(node.sync.tick(5 + BAN_MS - 1))
    assert len(node.asked()) == before
    node.do(node.sync.tick(5 + BAN_MS))

    assert len(node.asked()) == before + 1


def test_later_blocks_of_a_liar_are_dropped_with_the_bad_one():
    node = Node()
    node.claims(10)
    liar, start, _ = node.asked()[0]
    items = [SyncBlock(*pair) for pair in LONG.stored(start, 3)]
    items[1] = SyncBlock(items[0].block, items[1].certificate)

    node.do(node.sync.receive(liar, encode_sync(Blocks(start, tuple(items))), 0))

    assert node.applied == [1]
    assert node.asked()[-1][1:] == (2, 9)
    assert node.sync._held_bytes == 0


def test_what_nobody_asked_for_is_ignored():
    node = Node()
    node.answer("node1", 1, 3)
    node.claims(10)
    peer = node.asked()[0][0]

    node.answer(peer, 5, 3)

    assert node.applied == []
    assert node.of(Penalise) == []


def test_a_short_answer_is_completed_by_another_request():
    node = Node()
    node.claims(10)
    peer, start, _ = node.asked()[0]

    node.answer(peer, start, 4)

    assert node.asked()[-1][1:] == (5, 6)


def test_a_silent_peer_costs_one_timeout():
    node = Node()
    node.claims(10)
    silent = node.asked()[0][0]
    assert node.sync.wake_at <= REQUEST_TIMEOUT_MS

    node.do(node.sync.tick(REQUEST_TIMEOUT_MS))

    again = node.asked()[-1]
    assert again[0] != silent
    assert again[1:] == (1, 10)
    node.answer(silent, 1, 10, REQUEST_TIMEOUT_MS + 1)
    assert node.applied == []


def test_a_peer_without_the_blocks_is_left_alone_for_a_while():
    node = Node(peers=("node1",))
    node.claim("node1", 10)

    node.do(node.sync.receive("node1", encode_sync(Blocks(1, ())), 10))
    assert len(node.asked()) == 1
    assert node.sync.wake_at <= 10 + COOL_MS
    node.do(node.sync.tick(10 + COOL_MS))

    assert len(node.asked()) == 2


def test_a_peer_that_goes_away_is_replaced_at_once():
    node = Node()
    node.claims(10)
    gone = node.asked()[0][0]

    node.do(node.sync.peer_down(gone, 1))

    assert len(node.asked()) == 2
    assert node.asked()[1][0] != gone
    assert node.answer(gone, 1, 10) == []


def test_no_more_is_kept_or_asked_for_than_the_limit(monkeypatch):
    monkeypatch.setattr("node.sync.BUFFER_BYTES_MAX", REPLY_BYTES_MAX + 10)
    node = Node()

    node.claims(80)

    assert len(node.asked()) == 1


def test_nothing_beyond_the_horizon_is_asked_for():
    chain = Chain().extend(HORIZON + 10)
    node = Node(chain, peers=(*NAMES[1:], "o1", "o2", "o3"))
    for peer in ("o1", "o2", "o3"):
        node.claim(peer, HORIZON + 10)
    node.claims(HORIZON + 10)

    assert len(node.asked()) == 4
    assert max(start + count for _, start, count in node.asked()) <= HORIZON + 1


def test_claims_that_vanish_end_the_lag():
    node = Node()
    node.claims(80)

    node.claims(0)

    assert node.of(SyncedTo) == [SyncedTo(0)]


# -- saying and serving ------------------------------------------------------------------------


def statuses(actions):
    return [
        (one.peer, decode_sync(one.message).height)
        for one in actions
        if isinstance(one, Send) and isinstance(decode_sync(one.message), Status)
    ]


def test_status_is_said_on_connect_after_commits_and_every_two_seconds():
    node = Node(peers=())
    assert statuses(node.sync.peer_up("node1", 0)) == [("node1", 0)]
    assert statuses(node.sync.tick(0)) == [(None, 0)]
    assert statuses(node.sync.tick(1)) == []

    assert statuses(node.commit(1, 10)) == []
    assert node.sync.wake_at == STATUS_GAP_MS
    assert statuses(node.sync.tick(STATUS_GAP_MS)) == [(None, 1)]
    assert statuses(node.commit(2, 3 * STATUS_GAP_MS)) == [(None, 2)]

    assert node.sync.wake_at == 3 * STATUS_GAP_MS + STATUS_MS
    assert statuses(node.sync.tick(3 * STATUS_GAP_MS + STATUS_MS)) == [(None, 2)]


def test_without_peers_nothing_is_said():
    node = Node(peers=())

    assert node.sync.tick(0) == []


def request(node, from_height, count=WINDOW, peer="node1", mono_ms=0):
    return node.sync.receive(peer, encode_sync(GetBlocks(from_height, count)), mono_ms)


def test_blocks_are_read_up_to_the_head_and_sent():
    node = Node(height=80)

    assert request(node, 70) == [ServeBlocks("node1", 70, 11)]
    (send,) = node.sync.served("node1", 70, LONG.stored(70, 11), 0)

    reply = decode_sync(send.message)
    assert (send.peer, send.kind) == ("node1", BULK)
    assert (reply.from_height, len(reply.blocks)) == (70, 11)
    assert reply.blocks[0].block == LONG.blocks[70]


def test_who_asks_for_what_is_not_there_is_told():
    (send,) = request(Node(height=10), 11)

    assert decode_sync(send.message) == Blocks(11, ())


def test_one_request_a_peer_is_read_at_a_time_and_the_latest_counts():
    node = Node(height=80)
    request(node, 1)

    assert request(node, 20) == []
    assert request(node, 30) == []
    actions = node.sync.served("node1", 1, LONG.stored(1, 16), 0)

    assert actions[1:] == [ServeBlocks("node1", 30, WINDOW)]


def test_who_took_its_share_waits_for_time_to_pass(monkeypatch):
    monkeypatch.setattr("node.sync.SERVE_BYTES_BURST", 100)
    monkeypatch.setattr("node.sync.SERVE_BYTES_PER_MS", 10)
    node = Node(height=80)
    node.sync.tick(0)
    request(node, 1, 1)
    node.sync.served("node1", 1, LONG.stored(1, 1), 0)

    assert request(node, 2, 1, mono_ms=1) == []
    due = node.sync.wake_at
    assert ServeBlocks("node1", 2, 1) not in node.sync.tick(due - 2)
    assert ServeBlocks("node1", 2, 1) in node.sync.tick(due)


def test_a_peer_that_left_is_sent_nothing():
    node = Node(height=80)
    request(node, 1)
    node.sync.peer_down("node1", 0)

    assert node.sync.served("node1", 1, LONG.stored(1, 1), 0) == []


def test_a_reply_holds_at_least_one_block_and_no_more_than_its_limit():
    large, small = (b"b" * (REPLY_BYTES_MAX - 20_000), b"c"), (b"b" * 30_000, b"c")

    assert len(fit_reply([large, small])) == 1
    assert len(fit_reply([small, large])) == 1
    assert len(fit_reply([small] * 20)) == WINDOW
    assert fit_reply([]) == ()
    assert MESSAGE_BYTES_MAX[BULK] > REPLY_BYTES_MAX + 1024


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"", "message.unknown"),
        (b"\x09\x90", "message.unknown"),
        (b"\x01", "encoding.malformed"),
        (b"\x01\x92\xff\xc4\x20" + b"h" * 32, "encoding.malformed"),
        (b"\x01\x92\xcd\x00\x01\xc4\x20" + b"h" * 32, "encoding.not-canonical"),
        (encode_sync(GetBlocks(0, 1)), "encoding.malformed"),
        (encode_sync(GetBlocks(1, 0)), "encoding.malformed"),
        (encode_sync(GetBlocks(1, WINDOW + 1)), "encoding.malformed"),
        (encode_sync(Blocks(1, (SyncBlock(b"", b"c"),))), "encoding.malformed"),
        (encode_sync(Blocks(1, (SyncBlock(b"b", b"c"),) * (WINDOW + 1))), "encoding.malformed"),
    ],
)
def test_a_message_that_no_correct_peer_sends_is_refused(message, code):
    with pytest.raises(Rejected) as error:
        Node().sync.receive("node1", message, 0)

    assert error.value.code == code
