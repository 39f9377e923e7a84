"""Block sync among liars: only the chain is applied, in order, and the head is reached."""

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.errors import Rejected
from hansa.signing import verify
from node.outbound import Send
from node.sync import (
    APPLY_AHEAD,
    BUFFER_BYTES_MAX,
    COOL_MS,
    REQUEST_TIMEOUT_MS,
    ApplyBlock,
    Penalise,
    Sync,
    SyncedTo,
)
from node.sync_messages import Blocks, GetBlocks, Status, SyncBlock, decode_sync, encode_sync
from tests.unit.node.chain import CHAIN, Chain

LONG = Chain().extend(40)
LIAR = "node1"
HONEST = ("node2", "node3")

LIES = st.sampled_from(
    ["silent", "empty", "damaged", "shifted", "certificate", "late", "gone", "honest", "boast"]
)


def lie(word, request):
    """What the liar answers: (block, certificate) pairs, or None for silence."""
    pairs = LONG.stored(request.from_height, request.count)
    match word:
        case "silent" | "late" | "gone":
            return None
        case "empty":
            return ()
        case "damaged":
            pairs[-1] = (pairs[-1][0][:-1], pairs[-1][1])
        case "shifted":
            pairs = pairs[1:] or [(b"x", b"y")]
        case "certificate":
            pairs[0] = (pairs[0][0], pairs[0][1][:-1] + b"!")
    return tuple(SyncBlock(*pair) for pair in pairs)


class World:
    """One node that trails, two honest peers and a liar."""

    def __init__(self, lies):
        self.sync = Sync(CHAIN, LONG.tip(0), verify, 0)
        self.lies = iter(lies)
        self.applied = []
        self.penalised = []
        self.synced = []
        self.now = 0
        self.todo = []
        for peer in (LIAR, *HONEST):
            self.todo += self.sync.peer_up(peer, 0)
        for peer, height in ((LIAR, 10**9), (HONEST[0], 40), (HONEST[1], 40)):
            self.todo += self.sync.receive(peer, encode_sync(Status(height, b"h" * 32)), 0)

    def turn(self):
        """Carry out everything that is to do, then let time pass."""
        while self.todo:
            self.carry_out(self.todo.pop(0))
            assert self.sync._held_bytes <= BUFFER_BYTES_MAX
        self.now += min(REQUEST_TIMEOUT_MS, COOL_MS)
        self.todo += self.sync.tick(self.now)

    def carry_out(self, action):
        match action:
            case ApplyBlock(height):
                self.applied.append(height)
                assert action.block_bytes == LONG.blocks[height]
                assert height <= self.sync.height + APPLY_AHEAD
                self.todo += self.sync.advanced(
                    LONG.headers[height], LONG.certificates[height], LONG.sets[height], self.now
                )
            case Penalise(peer):
                self.penalised.append(peer)
            case SyncedTo(height):
                self.synced.append(height)
            case Send(peer, _, message):
                decoded = decode_sync(message)
                if isinstance(decoded, GetBlocks):
                    self.answer(peer, decoded)

    def answer(self, peer, request):
        word = "honest" if peer != LIAR else next(self.lies, "silent")
        blocks = lie(word, request)
        if word == "gone":
            self.todo += self.sync.peer_down(peer, self.now)
            self.todo += self.sync.peer_up(peer, self.now)
        if word == "boast":
            status = encode_sync(Status(2**62, b"h" * 32))
            self.todo += self.sync.receive(peer, status, self.now)
        if blocks is not None:
            reply = encode_sync(Blocks(request.from_height, blocks))
            self.todo += self.sync.receive(peer, reply, self.now)


@settings(max_examples=40, deadline=None)
@given(st.lists(LIES, max_size=12))
def test_the_head_is_reached_and_only_the_liar_is_blamed(lies):
    world = World(lies)

    for _ in range(20):
        world.turn()

    assert world.applied == list(range(1, 41))
    assert set(world.penalised) <= {LIAR}
    assert world.synced == [40]
    assert not world.sync.lagging


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.integers(1, 3))
def test_any_bytes_leave_a_machine_that_still_syncs(noise, tag):
    world = World(["honest"] * 9)
    with suppress(Rejected):
        world.todo += world.sync.receive(LIAR, bytes([tag]) + noise, 0)

    for _ in range(20):
        world.turn()

    assert world.applied == list(range(1, 41))
