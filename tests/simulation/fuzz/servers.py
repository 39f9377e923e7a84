"""Fuzzing of block sync against servers that lie.

The promise: whatever up to f servers answer and claim, a node that trails applies the blocks of
the chain and no other, in order, holds no more than its bound, blames nobody who is honest, and
comes to the head.
"""

import heapq
from functools import lru_cache

import msgspec

from hansa.certificate import Certificate
from hansa.encoding import pack, unpack
from hansa.errors import Rejected
from hansa.signing import verify
from hansa.votes import PREPARE
from node.outbound import Send
from node.sync import (
    APPLY_AHEAD,
    BUFFER_BYTES_MAX,
    ApplyBlock,
    Penalise,
    ServeBlocks,
    Sync,
    SyncedTo,
)
from node.sync_messages import (
    WINDOW,
    Blocks,
    GetBlocks,
    Status,
    SyncBlock,
    decode_sync,
    encode_sync,
)
from tests.simulation.fuzz.mutate import EDGES, mutate
from tests.unit.node.chain import CHAIN, NAMES, Chain, certify

HEIGHT = 37
ENDS_MS = 120_000
"""Far beyond the time-outs of a liar that answers nothing at every request."""
SEVEN = tuple(f"node{index}" for index in range(7))
AFTERWARDS = ("node0", "node2", "node3", "node4")
"""The validators of the short chain after its change: the liar is none of them any more."""
FORKS_AT = 7


@lru_cache(maxsize=4_096)
def quick_verify(public, message, signature):
    """The product's check, remembered: the chains are the same in all executions."""
    return verify(public, message, signature)


def forged_fork(names):
    """Another chain of the same beginning, whose certificates one validator alone has signed."""
    chain = Chain(names).extend(FORKS_AT, next_names=names[:-1]).extend(HEIGHT - FORKS_AT)
    for height in range(FORKS_AT, HEIGHT + 1):
        whole = chain.certificates[height]
        alone = whole.signatures[:1] * len(whole.signatures)
        chain.certificates[height] = msgspec.structs.replace(whole, signatures=alone)
    return chain


class Servers:
    """The target: one node that comes to the head, among honest servers and liars."""

    def __init__(self, sync=Sync):
        self._sync = sync
        self._chains = {
            NAMES: Chain(NAMES).extend(9, next_names=AFTERWARDS).extend(HEIGHT - 9),
            SEVEN: Chain(SEVEN).extend(HEIGHT),
        }
        self._forks = {names: forged_fork(names) for names in self._chains}

    def one(self, chance):
        """One execution; always accepted.

        Raises:
            AssertionError: a promise is broken.
        """
        names = chance.choice((NAMES, NAMES, SEVEN))
        liars = names[1:2] if names is NAMES else names[1:3]
        town = Town(self._sync, self._chains[names], self._forks[names], names, liars, chance)
        town.run()
        return True


class Town:
    """The node `names[0]`, which has nothing, and the others."""

    def __init__(self, sync, chain, fork, names, liars, chance):  # noqa: PLR0913, PLR0917 - a scene
        self.chain, self.fork, self.liars, self.chance = chain, fork, liars, chance
        self.peers = names[1:]
        self.now, self.events, self.order = 0, [], 0
        self.sync = sync(CHAIN, chain.tip(0), quick_verify, 0)
        self.applied, self.penalised, self.past = [], [], []
        self.synced = False
        for peer in self.peers:
            self.do(self.sync.peer_up(peer, 0))
        for peer in self.peers:
            self.at(chance.randrange(50), lambda p=peer: self.say_status(p))
        self.at(1, self.tick)

    def at(self, delay, action):
        """Do something a while later."""
        self.order += 1
        heapq.heappush(self.events, (self.now + delay, self.order, action))

    def run(self):
        """Let time pass until the head is reached."""
        while self.events and self.now < ENDS_MS and not self.synced:
            self.now, _, action = heapq.heappop(self.events)
            action()
        assert self.sync.height == HEIGHT, f"at {self.sync.height} after {self.now} ms"
        assert self.applied == list(range(1, HEIGHT + 1))
        blamed = [peer for peer in self.penalised if peer not in self.liars]
        assert not blamed, f"{blamed} did nothing wrong"

    def tick(self):
        """The node's own clock."""
        self.do(self.sync.tick(self.now))
        self.at(max(1, min(self.sync.wake_at - self.now, 500)), self.tick)

    def do(self, actions):
        """Carry out what the node wants."""
        assert self.sync._held_bytes <= BUFFER_BYTES_MAX
        for action in actions:
            match action:
                case ApplyBlock(height):
                    self.apply(height, action)
                case Penalise(peer):
                    self.penalised.append(peer)
                case SyncedTo(height):
                    self.synced = height == HEIGHT
                case ServeBlocks(peer, from_height, _):
                    assert peer in self.liars, "nobody else asks an empty node"
                    self.do(self.sync.served(peer, from_height, [], self.now))
                case Send(peer, _, message):
                    asked = decode_sync(message)
                    if isinstance(asked, GetBlocks):
                        self.at(
                            self.chance.randrange(1, 60), lambda p=peer, a=asked: self.serve(p, a)
                        )

    def apply(self, height, action):
        """The ledger thread's turn: what is applied is the chain."""
        assert action.block_bytes == self.chain.blocks[height], f"another block at {height}"
        assert height == len(self.applied) + 1, f"{height} after {len(self.applied)}"
        assert height <= self.sync.height + APPLY_AHEAD
        self.applied.append(height)

        def done():
            chain = self.chain
            if self.sync.height < height:
                self.do(
                    self.sync.advanced(
                        chain.headers[height],
                        chain.certificates[height],
                        chain.sets[height + 1],
                        self.now,
                    )
                )

        self.at(self.chance.randrange(1, 10), done)

    def serve(self, peer, asked):
        """A server answers, or lies."""
        pairs = self.chain.stored(asked.from_height, asked.count)
        honest = Blocks(asked.from_height, tuple(SyncBlock(*pair) for pair in pairs))
        if peer not in self.liars or self.chance.random() < 0.2:
            self.hear(peer, encode_sync(honest))
            return
        lie = self.chance.choice(LIES)
        message = lie(self, asked, honest)
        if self.chance.random() < 0.2:
            self.at(1, lambda: self.reconnect(peer))
        if message is not None:
            self.past.append(message)
            for _ in range(self.chance.choice((1, 1, 1, 2))):
                self.at(self.chance.choice((1, 1, 400, 6_000)), lambda: self.hear(peer, message))

    def say_status(self, peer):
        """What a server claims, again and again."""
        height, spoiled = HEIGHT, None
        if peer in self.liars:
            height = self.chance.choice((0, 1, HEIGHT - 1, HEIGHT + 1, 10**6, 2**62))
            good = encode_sync(Status(height, self.chance.randbytes(32)))
            if self.chance.random() < 0.5:
                spoiled = mutate(good, (good,), self.chance)
            if self.chance.random() < 0.3:
                count = self.chance.choice((1, WINDOW))
                self.hear(peer, encode_sync(GetBlocks(self.chance.choice((1, 2**62)), count)))
        self.hear(peer, spoiled or encode_sync(Status(height, b"h" * 32)))
        self.at(self.chance.randrange(200, 2_000), lambda: self.say_status(peer))

    def reconnect(self, peer):
        """A connection is lost and made anew."""
        self.do(self.sync.peer_down(peer, self.now))
        self.do(self.sync.peer_up(peer, self.now))

    def hear(self, peer, message):
        """A message reaches the node; bytes that are none cost their sender, and nothing else."""
        try:
            actions = self.sync.receive(peer, message, self.now)
        except Rejected:
            assert peer in self.liars
            self.penalised.append(peer)
        else:
            self.do(actions)


# -- lies: (town, what was asked, the honest answer) -> bytes, or None for silence -----------------


def silence(_town, _asked, _honest):
    """No answer."""
    return


def nothing(_town, asked, _honest):
    """It claimed the height and has not got it."""
    return encode_sync(Blocks(asked.from_height, ()))


def bytes_bent(town, _asked, honest):
    """The reply is changed anywhere, also within a block."""
    good = encode_sync(honest)
    return mutate(good, (good,), town.chance)


def block_bent(town, _asked, honest):
    """A block is changed and the frame around it is right."""
    return encode_sync(_with_one(town, honest, block=True))


def certificate_bent(town, _asked, honest):
    """A certificate is changed and the frame around it is right."""
    return encode_sync(_with_one(town, honest, block=False))


def _with_one(town, honest, *, block):
    blocks = list(honest.blocks)
    place = town.chance.randrange(len(blocks))
    one = blocks[place]
    whole = one.block if block else one.certificate
    bent = mutate(whole, (whole,), town.chance)[: 2**14] or b"\0"
    blocks[place] = SyncBlock(bent, one.certificate) if block else SyncBlock(one.block, bent)
    return Blocks(honest.from_height, tuple(blocks))


def shifted(town, asked, honest):
    """Right blocks at wrong heights."""
    step = town.chance.choice((-1, 1, 5))
    pairs = town.chain.stored(max(1, asked.from_height + step), asked.count)
    return encode_sync(Blocks(honest.from_height, tuple(SyncBlock(*pair) for pair in pairs)))


def shuffled(town, _asked, honest):
    """Right blocks in another order, some twice."""
    blocks = [*honest.blocks, town.chance.choice(honest.blocks)]
    town.chance.shuffle(blocks)
    return encode_sync(Blocks(honest.from_height, tuple(blocks[: len(honest.blocks)])))


def too_many(_town, _asked, honest):
    """More than was asked for."""
    blocks = (honest.blocks * WINDOW)[:WINDOW]
    return encode_sync(Blocks(honest.from_height, blocks))


def other_height(town, asked, honest):
    """An answer to what nobody asked."""
    height = town.chance.choice([edge for edge in EDGES if 0 <= edge < 2**63])
    return encode_sync(Blocks(height, honest.blocks)) if height != asked.from_height else None


def other_fork(town, asked, _honest):
    """Another chain of the same beginning, without a quorum behind it."""
    pairs = town.fork.stored(asked.from_height, asked.count)
    return encode_sync(Blocks(asked.from_height, tuple(SyncBlock(*pair) for pair in pairs)))


def other_certificate(town, _asked, honest):
    """The right block with a certificate of another phase, chain, epoch, height or set."""
    blocks = list(honest.blocks)
    place = town.chance.randrange(len(blocks))
    height = honest.from_height + place
    header, validators = town.chain.headers[height], town.chain.sets[height]
    match town.chance.randrange(5):
        case 0:
            forged = certify(header, validators, phase=PREPARE)
        case 1:
            forged = certify(header, validators, chain="other")
        case 2:
            forged = certify(header, validators, epoch=header.epoch + 1)
        case 3:
            forged = town.chain.certificates[town.chance.randrange(1, HEIGHT + 1)]
        case _:
            forged = _signed_by_few(town, unpack(Certificate, blocks[place].certificate))
    if forged == town.chain.certificates[height]:
        return None
    blocks[place] = SyncBlock(blocks[place].block, pack(forged))
    return encode_sync(Blocks(honest.from_height, tuple(blocks)))


def _signed_by_few(town, certificate):
    """One signature of it stands in the place of all, or one signer too few."""
    signatures = certificate.signatures
    if town.chance.random() < 0.5:
        return msgspec.structs.replace(certificate, signatures=signatures[:1] * len(signatures))
    low = certificate.bitmap[0] & (certificate.bitmap[0] - 1)
    bitmap = bytes([low]) + certificate.bitmap[1:]
    return msgspec.structs.replace(certificate, bitmap=bitmap, signatures=signatures[1:])


def old(town, _asked, _honest):
    """What it said before."""
    return town.chance.choice(town.past) if town.past else None


LIES = (
    silence, nothing, bytes_bent, bytes_bent, block_bent, certificate_bent, shifted, shuffled,
    too_many, other_height, other_fork, other_certificate, other_certificate, old,
)  # fmt: skip
