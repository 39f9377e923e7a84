"""A world of replica cores on one simulated clock: messages, disks and a tiny application.

The application is the smallest that consensus may order: a block's state root is the hash of
its parent's state root and its transactions. Everything else is the product's own core,
codec, records and signer guard. One seed decides everything.
"""

import hashlib
import heapq
import random
from dataclasses import dataclass, field

from msgspec.structs import replace

from consensus.checks import Facts
from consensus.guard import Guard, slot_of
from consensus.io import (
    Advanced,
    Build,
    Built,
    Fetch,
    Fetched,
    Now,
    Ran,
    Received,
    Run,
    Stored,
    Tick,
)
from consensus.messages import (
    Fresh,
    Signed,
    ViewChangeProof,
    Vote,
    decode_message,
    encode_message,
)
from consensus.records import OwnRecord, PreparedRecord, decode_record, encode_record, record_height
from consensus.replica import Replica
from consensus.schedule import Schedule
from hansa.block import Block, Header, hash_of_raw
from hansa.certificate import Certificate
from hansa.encoding import pack, unpack
from hansa.hashing import ZERO_HASH, sha256
from hansa.membership import Validator, ValidatorSet
from hansa.merkle import root_of
from hansa.votes import COMMIT

CHAIN = "test"
START_MS = 1_700_000_000_000


def sign(key, statement):
    """A signature that this world's `verify` accepts: quick, and unforgeable enough for tests."""
    return sha256(b"secret" + key + statement) * 2


def verify(key, statement, signature):
    """Whether `sign` made it."""
    return signature == sign(key, statement)


def validator_set(size):
    """Validators n00, n01, ... each of a member of its own."""
    return ValidatorSet(
        tuple(
            Validator(f"n{i:02}", f"m{i:02}", b"\1" + hashlib.sha256(bytes([i])).digest())
            for i in range(size)
        )
    )


def genesis(validators):
    """The header at height 0."""
    return Header(
        version=1, chain_id=CHAIN, suite=1, epoch=0, height=0, time=START_MS, parent=ZERO_HASH,
        primary="genesis", txs_root=root_of(()), state_root=sha256(b"genesis"),
        log_root=ZERO_HASH, log_size=0, validators_hash=validators.hash,
        next_validators_hash=validators.hash, last_certificate=ZERO_HASH, last_view=0,
        parameters_version=0,
    )  # fmt: skip


def signed(message, validators):
    """A message with the signature of the validator that it names."""
    inner = getattr(message, "view_change", message)
    key = validators.validators[inner.signer].key
    inner = replace(inner, signature=sign(key, inner.statement(CHAIN)))
    return inner if inner.__class__ is message.__class__ else replace(message, view_change=inner)


def remembered(records, guard, height):
    """What a core is given back after a restart: as `node.driver` does it."""
    decoded = [decode_record(data) for data in records]
    current = [record for record in decoded if record_height(record) == height]
    if guard.prepared is not None and guard.prepared.height == height:
        current.append(PreparedRecord(guard.prepared))
    return current, *guard.bounds_at(height)


class Witness:
    """Listens to correct replicas, outside of them: no second word, no forgotten COMMIT."""

    def __init__(self):
        self._said, self._locks = {}, {}

    def hear(self, message):
        """Check a message at the moment of its release."""
        if not isinstance(message, Signed) or isinstance(message, Fresh):
            return
        slot = slot_of(message)
        inner = getattr(message, "view_change", message)
        statement = inner.statement(CHAIN)
        known = self._said.setdefault((inner.signer, slot), statement)
        assert known == statement, f"{inner.signer} said two things at {slot}"
        place = (inner.signer, slot.height)
        locked = self._locks.get(place, -1)
        if isinstance(message, Vote) and message.phase == COMMIT:
            self._locks[place] = max(locked, message.view)
        if isinstance(message, ViewChangeProof):
            change = message.view_change
            kept = change.prepared_view >= locked or change.target <= locked
            assert kept, f"{inner.signer} forgot a COMMIT of view {locked}"


@dataclass
class Disk:
    """What survives a crash: records, guard, chain."""

    records: list[bytes] = field(default_factory=list)
    guard: bytes = field(default_factory=lambda: Guard.new().encode())
    chain: list[tuple[Block, Certificate]] = field(default_factory=list)


class Node:
    """A core and the least driver that keeps its promises."""

    def __init__(self, world, name, disk, slot):
        self.world, self.name, self.disk, self.slot = world, name, disk, slot
        self.alive = True
        self.blocks = {}
        self.guard = Guard.decode(disk.guard)
        head, certificate = world.genesis, None
        schedule = world.schedule()
        for block, block_certificate in disk.chain:
            head, certificate = block.header, block_certificate
            schedule.advance(head)
        facts = Facts(CHAIN, head, certificate, world.validators, world.validators, verify)
        self.core = Replica(facts, schedule, name, world.t0_ms)
        self.core.restore(*remembered(disk.records, self.guard, self.core.height))
        self.wake = None

    @property
    def index(self):
        """The signer index."""
        return self.world.validators.index_of(self.name)

    def now(self):
        """What the core is told."""
        pending = bool(self.world.pending_for(self))
        return Now(self.world.time, START_MS + self.world.time, pending, pending)

    def feed(self, event):
        """One turn: step, persist, sync, send, execute, commit."""
        if not self.alive:
            return
        events = [event]
        while events:
            out = self.core.step(events.pop(0), self.now())
            self.world.trace(self, out)
            said = [self.world.sign(self, intent) for intent in self.keep(out)]
            said = [message for message in said if message is not None]
            records = [encode_record(record) for record in out.persist]
            records += [encode_record(OwnRecord(message)) for message in said]
            if records and self.world.crashes_before_sync(self):
                return
            self.disk.records += records
            self.disk.guard = self.guard.encode()
            for message in said:
                self.world.broadcast(self, message)
                events.append(Stored(message))
            self.carry_out(out)

    def keep(self, out):
        """The guard keeps the certificates behind COMMITs; returns what wants a signature."""
        for record in out.persist:
            if isinstance(record, PreparedRecord):
                self.guard.keep(record.certificate)
        return out.intents

    def carry_out(self, out):
        """What may be done now that everything is durable."""
        for peer, message in out.send:
            if peer is None:
                self.world.broadcast(self, message)
            else:
                self.world.send(self, self.world.nodes[peer], message)
        for work in out.execute:
            self.world.execute(self, work)
        for commit in out.commit:
            block = self.blocks[commit.block_hash]
            self.world.after(2, self, lambda b=block, c=commit: self.commit(b, c.certificate))
        self.set_wake(out.wake_at)

    def commit(self, block, certificate):
        """The durable batch of a block."""
        if block.header.height != len(self.disk.chain) + 1:
            return
        self.world.check_commit(self, block, certificate)
        self.disk.chain.append((block, certificate))
        self.disk.records = [
            data
            for data in self.disk.records
            if record_height(decode_record(data)) > block.header.height
        ]
        self.blocks.clear()
        validators = self.world.validators
        self.feed(Advanced(block.header, certificate, validators, validators))

    def set_wake(self, at):
        """Arm the one timer."""
        if at is not None and at != self.wake:
            self.wake = at
            self.world.at(max(at, self.world.time + 1), self, self.ring)

    def ring(self):
        """The timer fired."""
        self.wake = None
        self.feed(Tick())


class World:
    """Nodes, links, time and faults; `chance` is the only source of randomness."""

    t0_ms = 1_000

    def __init__(self, size=4, seed=0, *, loss=0.0, crash=0.0, liars=()):
        self.chance = random.Random(seed)
        self.loss, self.crash = loss, crash
        self.validators = validator_set(size)
        self.genesis = genesis(self.validators)
        self.time = 0
        self.queue, self.order = [], 0
        self.cut = set()
        self.transactions = []
        self.agreed = {}
        self.digest = hashlib.sha256()
        self.max_view = 0
        self.evidence = []
        self.witness = Witness()
        self.liars = frozenset(liars)
        names = [validator.name for validator in self.validators.validators]
        self.nodes = [Node(self, name, Disk(), slot) for slot, name in enumerate(names)]

    def schedule(self):
        """Who is primary, from genesis on."""
        return Schedule(self.validators, 1, self.genesis.hash)

    # -- time ------------------------------------------------------------------------------

    def at(self, time, node, action):
        """Do something to a node that is still the same incarnation then."""
        self.order += 1
        heapq.heappush(self.queue, (time, self.order, node, action))

    def after(self, delay, node, action):
        """Do it later."""
        self.at(self.time + delay, node, action)

    def run(self, until_ms, stop=lambda: False):
        """Let time pass until a moment, or until something holds."""
        for node in list(self.nodes):
            node.feed(Tick())
        while self.queue and not stop() and self.queue[0][0] <= until_ms:
            self.time, _, node, action = heapq.heappop(self.queue)
            if node is None or node.alive:
                action()
        return stop()

    # -- network -----------------------------------------------------------------------------

    def broadcast(self, source, message):
        """To all others."""
        if source.index not in self.liars:
            self.witness.hear(message)
        for target in self.nodes:
            if target.name != source.name:
                self.send(source, target, message)

    def send(self, source, target, message):
        """Through a link that loses, delays and reorders."""
        link = (source.index, target.index)
        if link in self.cut or self.chance.random() < self.loss:
            return
        data = encode_message(message)
        delay = 1 + self.chance.randrange(20)
        index, slot = source.index, target.slot

        def deliver():
            node = self.nodes[slot]
            if node.alive and link not in self.cut:
                node.feed(Received(index, decode_message(data)))

        self.at(self.time + delay, None, deliver)

    # -- the application -----------------------------------------------------------------------

    def pending_for(self, node):
        """Transactions that are in no block of the node's chain."""
        done = {raw for block, _ in node.disk.chain for raw in block.transactions}
        return [raw for raw in self.transactions if raw not in done]

    def execute(self, node, work):
        """Answer the core's requests a little later."""
        match work:
            case Build():
                self.after(3, node, lambda: node.feed(self.build(node, work)))
            case Run():
                self.after(3, node, lambda: node.feed(self.execute_run(node, work)))
            case Fetch():
                for holder in work.holders:
                    self.fetch(node, self.nodes[holder], work)

    def build(self, node, work):
        """A block of everything that waits."""
        raws = [r for r in self.pending_for(node) if hash_of_raw(r) not in work.exclude]
        if work.height != node.core.height or not (raws or work.allow_empty):
            return Built(work.height, work.view, None, b"")
        head = node.core.facts.head
        certificate = work.last_certificate
        header = Header(
            version=1, chain_id=CHAIN, suite=1, epoch=0, height=work.height,
            time=max(head.time + 1, START_MS + self.time), parent=head.hash, primary=node.name,
            txs_root=root_of([hash_of_raw(raw) for raw in raws]),
            state_root=sha256(head.state_root + b"".join(raws)), log_root=ZERO_HASH, log_size=0,
            validators_hash=self.validators.hash, next_validators_hash=self.validators.hash,
            last_certificate=ZERO_HASH if certificate is None else certificate.hash,
            last_view=0 if certificate is None else certificate.view, parameters_version=0,
        )  # fmt: skip
        block = Block(header, tuple(raws), certificate)
        node.blocks[header.hash] = block
        return Built(work.height, work.view, block.proposal(), pack(block))

    def execute_run(self, node, work):
        """Execute a proposal and compare."""
        header = work.proposal.header
        by_hash = {hash_of_raw(raw): raw for raw in self.transactions}
        raws = tuple(by_hash[tx_hash] for tx_hash in work.proposal.tx_hashes)
        block = Block(header, raws, work.proposal.last_certificate)
        node.blocks[header.hash] = block
        head = node.core.facts.head
        equal = header.state_root == sha256(head.state_root + b"".join(raws))
        return Ran(header.height, header.hash, equal, pack(block))

    def fetch(self, node, holder, work):
        """Ask one holder for a body, a round trip away."""

        def answer():
            links = {(node.index, holder.index), (holder.index, node.index)}
            if not holder.alive or links & self.cut:
                return
            body = holder.core.body(work.block_hash)
            for block, _ in holder.disk.chain:
                if block.header.hash == work.block_hash:
                    body = pack(block)
            if body is not None:
                block = unpack(Block, body)
                node.blocks[work.block_hash] = block
                node.feed(Fetched(block.proposal(), body))

        self.after(20, node, answer)

    # -- signing and crashing ---------------------------------------------------------------------

    def sign(self, node, intent):
        """Guard, then sign. Liars have no guard."""
        statement = getattr(intent, "view_change", intent).statement(CHAIN)
        if node.index not in self.liars and not node.guard.permit(intent, statement):
            return None
        return signed(intent, self.validators)

    def crashes_before_sync(self, node):
        """Now and then power fails between two lines."""
        if self.chance.random() >= self.crash:
            return False
        self.kill(node.slot)
        self.at(self.time + 50 + self.chance.randrange(3_000), None, lambda: self.start(node.slot))
        return True

    def kill(self, slot):
        """SIGKILL: memory is gone, the disk stays."""
        self.nodes[slot].alive = False

    def start(self, slot):
        """A new incarnation over the old disk."""
        old = self.nodes[slot]
        if not old.alive:
            self.nodes[slot] = Node(self, old.name, old.disk, slot)
            self.nodes[slot].feed(Tick())
            self.catch_up(slot)

    def catch_up(self, slot):
        """Block sync in one step: the blocks that others have."""
        node = self.nodes[slot]
        donor = max((n for n in self.nodes if n.alive), key=lambda n: len(n.disk.chain))
        for block, certificate in donor.disk.chain[len(node.disk.chain) :]:
            certificate.check(CHAIN, self.validators, verify)
            node.commit(block, certificate)

    # -- checkers -----------------------------------------------------------------------------

    def check_commit(self, node, block, certificate):
        """Agreement, chain, certificate, outside of the nodes."""
        if node.index in self.liars:
            return
        certificate.check(CHAIN, self.validators, verify)
        assert certificate.block_hash == block.header.hash
        known = self.agreed.setdefault(block.header.height, block.header.hash)
        assert known == block.header.hash, f"fork at {block.header.height}"
        self.digest.update(node.name.encode() + block.header.hash)

    def trace(self, node, out):
        """What tests look at."""
        if node.index in self.liars:
            return
        self.max_view = max(self.max_view, node.core.state.view)
        for seen in out.evidence:
            assert seen.signer in self.liars, f"evidence against the correct {seen.signer}"
            self.evidence.append(seen)
        assert not out.diverged
        for _, head in out.behind:
            if head > node.core.height:
                self.after(30, node, lambda: self.catch_up(node.slot))

    # -- for tests ---------------------------------------------------------------------------------

    def submit(self, name):
        """A transaction that every node knows."""
        self.transactions.append(f"tx {name}".encode())

    def heights(self):
        """The height of each chain."""
        return [len(node.disk.chain) for node in self.nodes]

    @property
    def correct(self):
        """The nodes that keep to the protocol."""
        return [node for node in self.nodes if node.index not in self.liars]

    def everywhere(self):
        """Whether every live and correct node has every transaction."""
        return all(not self.pending_for(node) for node in self.correct if node.alive)
