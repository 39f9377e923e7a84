"""Whole nodes of which some lie: what a liar's node says is twisted for each target on its own.

A liar is a production node whose outgoing messages are decoded, handed to its strategies, and
signed again with its own key and without a guard; strategies also say things of their own
accord. Nobody can sign for others. The checkers look at correct nodes alone, and a lie counts
only when a correct node was given it.
"""

import copy
import random
from collections import Counter
from dataclasses import dataclass

from msgspec.structs import replace

from consensus.accuse import evidence_of
from consensus.guard import slot_of
from consensus.messages import (
    Body,
    Fresh,
    GetBody,
    NewView,
    PrePrepare,
    Signed,
    ViewChange,
    ViewChangeProof,
    Vote,
    decode_message,
    encode_message,
)
from hansa.errors import Rejected
from hansa.evidence import check_evidence
from hansa.transaction import DUE
from hansa.votes import COMMIT, PREPARE
from node.assemble import create_guard
from node.body_exchange import BODY_TAG
from node.events import PeerMessage
from node.gossip_messages import GetTransactions, Transactions, decode_gossip, encode_gossip
from node.sync_messages import decode_sync, encode_sync
from p2p.frames import BULK, CONSENSUS, TRANSACTIONS
from tests.simulation.byzantine_bounds import check_memory
from tests.simulation.rules import check_joined, check_new_view, check_target
from tests.simulation.world import CHAIN, SimKey, Simulation, verify

HISTORY_MAX = 300
"""Messages that liars remember, to say them again."""
HASHES_MAX = 20
VOTE_TAG = b"\2"
"""Begins a PREPARE or a COMMIT; the array's first item, one byte, is the phase."""
BOUNDS_MS = 500
"""How often the memory of correct nodes is looked at."""


@dataclass(frozen=True)
class Raw:
    """Bytes that need not be a message."""

    kind: int
    payload: bytes


@dataclass(frozen=True)
class Later:
    """A word that is said after a delay."""

    delay_ms: int
    word: object


def decode(kind, payload):
    """The message behind what a node sends."""
    if kind == CONSENSUS:
        return decode_message(payload)
    if kind == TRANSACTIONS:
        return decode_gossip(payload)
    if payload[:1] == BODY_TAG:
        return decode_message(payload[1:])
    return decode_sync(payload)


def encode(word):
    """(kind, bytes) of a word."""
    match word:
        case Raw():
            return word.kind, word.payload
        case GetBody() | Body():
            return BULK, BODY_TAG + encode_message(word)
        case Transactions() | GetTransactions():
            return TRANSACTIONS, encode_gossip(word)
        case PrePrepare() | Vote() | ViewChangeProof() | NewView() | Fresh():
            return CONSENSUS, encode_message(word)
        case _ if type(word).__module__ == "node.sync_messages":
            return BULK, encode_sync(word)
        case _:
            return CONSENSUS, encode_message(word)


class ByzantineSimulation(Simulation):
    """A simulation in which the hosts of `liars` (indices) follow `plans` (index -> strategies).

    Attributes:
        effective: strategy -> how often a correct node was given its lie, or was denied.
        lied: a correct node was given something that no correct node says.
        offers: (height, view) -> (target -> block hash): what liars offered to whom.
        colluders: liars that vote for whatever any liar offers.
    """

    def __init__(self, seed, size, liars, plans, zeal):
        self.liars, self.plans, self.zeal = frozenset(liars), plans, zeal
        self.dice = random.Random(f"lies {seed}")
        self.effective, self.lied = Counter(), False
        self.offers, self.others, self.colluders = {}, {}, frozenset()
        self.hashes, self.history, self.censored = [], [], {}
        self.accused, self.penalised = Counter(), Counter()
        self.commit_loss, self.twins = 0.0, {}
        self.council, self.calm = None, False
        self._on_way, self._told, self.speaker = {}, {}, None
        self.top = 0
        super().__init__(seed, size)
        self.at(BOUNDS_MS, self.look_at_memory)

    # -- who is who ------------------------------------------------------------------------

    @property
    def correct(self):
        """The hosts that keep to the protocol."""
        return [host for host in self.hosts if not self.lies(host)]

    @staticmethod
    def number(host):
        """The number of a host's validator: a twin has that of the first."""
        return int(host.name[1:])

    def lies(self, host):
        """Whether a host is one of a liar's."""
        return self.number(host) in self.liars

    @property
    def members(self):
        """Liars' first hosts, in order, that are up."""
        return [h for h in self.hosts[: self.size] if self.lies(h) and h.node is not None]

    def key(self, liar):
        """The validator key of a liar; there is no other way to a key."""
        assert self.lies(liar)
        return SimKey(f"vote{self.number(liar)}")

    def clerk(self, liar):
        """The key of a person of the liar's member."""
        assert self.lies(liar)
        return SimKey(f"clerk{self.number(liar)}")

    def say(self, liar, message):
        """The message with the liar's signature."""
        inner = getattr(message, "view_change", message)
        signed = replace(inner, signature=self.key(liar).sign(inner.statement(CHAIN)))
        return signed if inner is message else replace(message, view_change=signed)

    # -- processes ---------------------------------------------------------------------------

    def boot(self, index):
        """Start a process; what arrives at it is overheard."""
        host = self.hosts[index]
        if host.node is None:
            super().boot(index)
            self.listen(host)

    def listen(self, host):
        """Count the lies that arrive at correct nodes; let liars learn and close their ears."""
        driver = host.node.driver
        feed = driver.feed

        def overhear(event):
            if isinstance(event, PeerMessage):
                if self.lies(host):
                    event = self.learn(host, event)
                else:
                    self.arrived(host, event)
            if event is not None:
                feed(event)

        driver.feed = overhear

    def add_twin(self, number, *, backup=None):
        """A second process with the key of a liar: from nothing, or from a copy of its disk."""
        assert number in self.liars
        host = self.make_host(len(self.hosts), self.hosts[number].name)
        if backup is None:
            create_guard(host.files, self.dice.randbytes(16))
        else:
            host.files, host.store = copy.deepcopy(backup)
        self.hosts.append(host)
        self.twins.setdefault(host.name, []).append("B26" if backup is None else "B27")
        self.tell(f"{host.name} runs twice")
        self.boot(host.index)

    def found(self, name):
        """A new node with an empty home, which has never signed, unless it is there."""
        if any(host.name == name for host in self.hosts):
            return
        host = self.make_host(len(self.hosts), name)
        create_guard(host.files, self.dice.randbytes(16))
        self.hosts.append(host)
        self.at(self.time, lambda: self.boot(host.index))

    def backup(self, index):
        """A copy of a liar's disk."""
        host = self.hosts[index]
        return copy.deepcopy((host.files, host.store))

    # -- the way of words ---------------------------------------------------------------------

    def carry_out(self, host, effects):
        """Twist what liars say; judge what correct nodes say of others."""
        self.speaker = host
        if not self.lies(host):
            for peer, reason in effects.penalise:
                caught = int(peer[1:]) in self.liars
                assert caught, f"{host.name} penalises the correct {peer}: {reason}"
                self.penalised[reason] += 1
            for send in effects.sends:
                self.note(send)
            super().carry_out(host, effects)
            return
        sends, effects.sends = effects.sends, []
        effects.evidence, effects.answers, effects.diverged = [], [], False
        for send in sends:
            for target in self.hosts:
                if send.peer in (None, target.name) and target.name != host.name:
                    self.lie(host, target, send.kind, send.message)
        super().carry_out(host, effects)

    def on_evidence(self, host, evidence):
        """S11: evidence names liars only, and convinces others."""
        if self.lies(host):
            return
        validators = host.node.driver.replica.facts.validators
        for seen in evidence:
            name = validators.validators[seen.signer].name
            assert int(name[1:]) in self.liars, f"evidence against the correct {name}"
            offence = check_evidence(evidence_of(seen), CHAIN, validators, verify)
            assert offence.name == name
            self.accused[offence.kind] += 1

    def overhear(self, send):
        """What a correct node says in its own name is held against it; it may relay lies."""
        said = decode_message(send.message) if send.kind == CONSENSUS else None
        inner = getattr(said, "view_change", said)
        if isinstance(inner, Signed | ViewChange):
            public = SimKey(f"vote{self.number(self.speaker)}").public
            if not verify(public, inner.statement(CHAIN), inner.signature):
                self.digest.update(send.message)
                return
        super().overhear(send)

    def note(self, send):
        """What correct nodes say is known to liars: links hide nothing from them."""
        if send.kind == CONSENSUS:
            message = decode_message(send.message)
            if isinstance(message, PrePrepare | NewView):
                self.remember(getattr(message, "block_hash", None) or message.proposal.header.hash)
        self.history = [*self.history[-HISTORY_MAX:], Raw(send.kind, send.message)]

    def remember(self, block_hash):
        """A block that liars may speak of."""
        if block_hash not in self.hashes:
            self.hashes = [*self.hashes[-HASHES_MAX:], block_hash]

    def any_hash(self, other_than=b""):
        """A block hash that was heard of, or an invented one."""
        known = [block_hash for block_hash in self.hashes if block_hash != other_than]
        return self.dice.choice([*known, self.dice.randbytes(32)])

    def send(self, source, target, kind, message):
        """Some links lose more COMMITs than anything else: prepared blocks that are not decided."""
        if self.commit_loss and kind == CONSENSUS and message[:1] == VOTE_TAG:
            commit = message[2:3] == bytes([COMMIT])
            if commit and self.chance.random() < self.commit_loss:
                return
        super().send(source, target, kind, message)

    def heal(self):
        """All links carry again."""
        self.cut.clear()

    def lie(self, liar, target, kind, payload):
        """Hand a message to the liar's strategies, in an order of the dice, until one takes it."""
        word = decode(kind, payload)
        self.offered(liar, target, word)
        if self.dice.random() < self.zeal[self.number(liar)]:
            plan = list(self.plans[self.number(liar)])
            self.dice.shuffle(plan)
            for strategy in plan:
                words = None if strategy.twist is None else strategy.twist(self, liar, target, word)
                if words is not None:
                    self.utter(liar, target, strategy, words, honest=(kind, payload))
                    return
        self.utter(liar, target, None, [word], honest=(kind, payload))

    def utter(self, liar, target, strategy, words, honest=None):
        """Send words to a target, and remember which of them are lies."""
        if strategy is not None and not words and target.node is not None:
            self.count(target, strategy.id)
        for word in words:
            delay, inner = (word.delay_ms, word.word) if isinstance(word, Later) else (0, word)
            kind, payload = encode(self.stand_by(liar, target, inner))
            if strategy is not None and (kind, payload) != honest:
                self._on_way[target.index, payload] = strategy
            elif strategy is not None and delay:
                self.count(target, strategy.id)
            self.digest.update(payload)
            if delay:
                self.at(
                    self.time + delay,
                    lambda k=kind, p=payload: self.send(liar, target, k, p),
                    liar,
                )
            else:
                self.send(liar, target, kind, payload)

    def count(self, target, name):
        """A strategy had its effect on a correct node."""
        if not self.lies(target):
            self.effective[name] += 1

    def arrived(self, host, event):
        """A correct node is given a message: is it a lie, or does it contradict another one?"""
        strategy = self._on_way.get((host.index, event.payload))
        lies = int(event.peer[1:]) in self.liars
        if strategy is not None and lies:
            self.count(host, strategy.id)
            self.lied = True
        if lies and event.kind == CONSENSUS:
            self.contradicts(event.peer, event.payload)

    def contradicts(self, source, payload):
        """Whether correct nodes were told two things in one place: a lie, whoever meant it."""
        if payload[:1] not in {b"\1", b"\2", b"\3", b"\4"}:
            return
        try:
            message = decode_message(payload)
        except Rejected:
            return  # what is malformed contradicts nothing
        inner = getattr(message, "view_change", message)
        place = (inner.signer, getattr(inner, "epoch", 0), slot_of(message))
        statement = inner.statement(CHAIN)
        if self._told.setdefault(place, statement) != statement:
            self.lied = True
            self.effective["contradiction"] += 1
            for twin in self.twins.get(source, ()):
                self.effective[twin] += 1

    def learn(self, liar, event):
        """What a liar does with what it is given: it may be deaf to some clients."""
        censors = [s for s in self.plans[self.number(liar)] if s.censors]
        if not censors or event.kind != TRANSACTIONS or event.payload[:1] != b"\1":
            return event
        victim = SimKey(f"clerk{self.victim(liar)}").public
        try:
            raws = decode_gossip(event.payload).raws
        except Rejected:
            return event  # another liar's bytes
        kept = tuple(raw for raw in raws if victim not in raw)
        if len(kept) < len(raws):
            self.censored[liar.name] = len(raws) - len(kept)
        if not kept:
            return None
        return PeerMessage(event.peer, event.kind, encode_gossip(Transactions(kept)))

    def victim(self, liar):
        """Whose transactions a censor does not want."""
        return next(
            i for i in range(self.size) if (i + self.number(liar)) % 2 and i not in self.liars
        )

    # -- two blocks, and standing by them ---------------------------------------------------------

    def another(self, liar, proposal, candidates=None):
        """Another proposal as good as the first: built and executed like it."""
        header, ledger = proposal.header, liar.node.worker.ledger
        held = liar.node.driver.mempool.resolve(header.hash) or ()
        if header.parent != ledger.head.hash:
            return None
        own = [tx for tx in held if tx.transaction.type != DUE]
        staged = ledger.build(
            own if candidates is None else own[:candidates],
            time=header.time + 1 + self.dice.randrange(50),
            primary=header.primary,
            last_certificate=proposal.last_certificate,
            allow_empty=True,
        )
        self.remember(staged.hash)
        return staged.proposal

    def offered(self, liar, target, word):
        """Note which block a liar's primary offers to whom, before it is twisted."""
        if isinstance(word, PrePrepare):
            self.remember(word.proposal.header.hash)
            self.offer(liar, target, word.proposal.header.height, 0, word.proposal.header.hash)
        elif isinstance(word, NewView) and word.signer == liar.node.driver.replica.me:
            self.offer(liar, target, word.height, word.view, word.block_hash)

    def offer(self, liar, target, height, view, block_hash):
        """A liar offers a block; whoever colludes votes for it at once."""
        known = self.offers.setdefault((height, view), {})
        if known.get(target.index) == (liar.name, block_hash):
            return
        known[target.index] = (liar.name, block_hash)
        for other in self.members:
            replica = other.node.driver.replica
            if self.number(other) not in self.colluders or replica.me is None:
                continue
            for delay, phase in ((30, PREPARE), (60, COMMIT)):
                vote = Vote(phase, replica.facts.epoch, height, view, block_hash, replica.me)
                kind, payload = encode(self.say(other, vote))
                if target.name != other.name:
                    self.at(
                        self.time + delay,
                        lambda o=other, k=kind, p=payload: self.send(o, target, k, p),
                        other,
                    )

    def stand_by(self, liar, target, word):
        """Who offered a target another block votes for that one there."""
        if not isinstance(word, Vote) or word.signer != liar.node.driver.replica.me:
            return word
        source, block_hash = self.offers.get((word.height, word.view), {}).get(
            target.index, (None, word.block_hash)
        )
        mine = source == liar.name or self.number(liar) in self.colluders
        if not mine or block_hash == word.block_hash:
            return word
        return self.say(liar, replace(word, block_hash=block_hash))

    # -- checkers ----------------------------------------------------------------------------

    def check_commit(self, host, committed):
        """What a liar commits is its own affair."""
        if not self.lies(host):
            super().check_commit(host, committed)

    def settled(self):
        """Whether every transaction that a correct node promised is in a block of each of them."""
        return all(
            host.node is not None
            and all(host.node.worker.ledger.location(tx_id) for tx_id in self.acked)
            for host in self.correct
        )

    def look(self):
        """After each event, at whoever has turned."""
        host = self.running
        if host is None or host.node is None or self.lies(host):
            return
        replica = host.node.driver.replica
        check_new_view(replica)
        check_joined(replica)
        heads = [h.node.worker.ledger.head.height for h in self.correct if h.node is not None]
        self.top = max(self.top, *heads)
        check_target(host.node.driver.sync_machine, self.top)

    def look_at_memory(self):
        """S12: what liars say fills nobody's memory."""
        for host in self.correct:
            if host.node is not None:
                check_memory(host.node)
        self.at(self.time + BOUNDS_MS, self.look_at_memory)

    def check_end(self):
        """S9 and S11 once more: equal state roots, and no correct validator convicted."""
        roots = {}
        for host in self.correct:
            ledger = host.node.worker.ledger
            head = ledger.head
            assert roots.setdefault(head.height, head.state_root) == head.state_root
            for key, _ in ledger.scan_state(b"governance/accusation/"):
                name = key.decode().split("/")[2]
                assert int(name[1:]) in self.liars, f"the correct {name} was convicted"
            check_memory(host.node)
