"""Validators that lie: f of them run the product's core, and what they say is twisted on its way.

A strategy gets a message that a liar's core wants to send to one target and returns what
arrives there instead. Since each target is asked about on its own, a strategy that rolls dice
equivocates by itself. Liars have no signer guard and may sign anything with their own key.
"""

import random

from msgspec.structs import replace

from consensus.height import BODIES_MAX, COMMIT_VIEWS_MAX
from consensus.io import Build
from consensus.messages import (
    NOTHING_PREPARED,
    VIEW_MAX,
    Decided,
    Fresh,
    NewView,
    PrePrepare,
    Refuse,
    Signed,
    ViewChange,
    ViewChangeProof,
    Vote,
)
from consensus.records import message_height
from consensus.schedule import Schedule
from hansa.certificate import Certificate, bitmap_of
from hansa.hashing import ZERO_HASH, sha256
from hansa.membership import fault_bound
from hansa.votes import COMMIT, PREPARE
from tests.unit.consensus.world import Disk, Node, World, sign, signed

GST_MS = 20_000
"""Until then links lose, delay and part; afterwards only the liars make trouble."""
HISTORY_MAX = 200
SCRIPTED_VIEWS = 4


def silent(world, liar, target, message):
    """Says nothing."""
    return []


def half(world, liar, target, message):
    """Tells some and not the others."""
    return [message] if world.chance.random() < 0.5 else []


def late(world, liar, target, message):
    """Tells it when the others are about to give up."""
    world.after(900, None, lambda: World.send(world, liar, target, message))
    return []


def two_proposals(world, liar, target, message):
    """Offers one block to some and another to the others."""
    if isinstance(message, PrePrepare) and target.index % 2:
        other = world.another_block(liar, message.proposal)
        return [world.say(replace(message, proposal=other))]
    if isinstance(message, NewView) and message.proposal is not None and target.index % 2:
        other = world.another_block(liar, message.proposal)
        message = replace(message, proposal=other, block_hash=other.header.hash)
        return [world.say(message)]
    return [message]


def two_votes(world, liar, target, message):
    """Votes for whatever block it has heard of."""
    if isinstance(message, Vote):
        block_hash = world.chance.choice(world.hashes or [message.block_hash])
        return [world.say(replace(message, block_hash=block_hash))]
    return [message]


def early_commit(world, liar, target, message):
    """Commits without a prepared certificate, for any view."""
    if isinstance(message, Vote):
        view = message.view + world.chance.randrange(3)
        return [message, world.say(replace(message, phase=COMMIT, view=view))]
    return [message]


def forget(world, liar, target, message):
    """Claims in view changes that nothing is prepared."""
    if isinstance(message, ViewChangeProof):
        change = message.view_change
        change = replace(change, prepared_view=NOTHING_PREPARED, prepared_hash=ZERO_HASH)
        return [world.say(ViewChangeProof(change, None))]
    return [message]


def invent(world, liar, target, message):
    """Claims a high view with a certificate of its own making."""
    if not isinstance(message, ViewChangeProof) or message.view_change.target == 0:
        return [message]
    change = message.view_change
    view = change.target - 1
    block_hash = world.chance.choice(world.hashes or [sha256(b"invented")])
    vote = Vote(PREPARE, change.epoch, change.height, view, block_hash, liar.index)
    signature = world.say(vote).signature
    quorum = world.validators.quorum
    everybody = bitmap_of(list(range(quorum)), world.validators.size)
    alone = bitmap_of([liar.index], world.validators.size)
    bitmap = world.chance.choice((everybody, alone))
    forged = Certificate(
        PREPARE, change.epoch, change.height, view, block_hash, bitmap, (signature,) * quorum
    )
    change = replace(change, prepared_view=view, prepared_hash=block_hash)
    return [world.say(ViewChangeProof(change, forged))]


def huge_targets(world, liar, target, message):
    """Wants views that nobody else wants."""
    height, epoch = liar.core.height, liar.core.facts.epoch
    view = liar.core.state.view + world.chance.choice((1, 2, 50, 10**6, VIEW_MAX))
    change = ViewChange(epoch, height, min(view, VIEW_MAX), NOTHING_PREPARED, ZERO_HASH, liar.index)
    return [message, world.say(ViewChangeProof(change, None))]


def false_new_view(world, liar, target, message):
    """Chooses another block than the view changes say, or leaves out those that claim one."""
    if not isinstance(message, NewView):
        return [message]
    match world.chance.randrange(6):
        case 0:
            block_hash = world.chance.choice(world.hashes or [message.block_hash])
            return [world.say(replace(message, block_hash=block_hash))]
        case 1:
            return [world.say(replace(message, view_changes=message.view_changes[:2]))]
        case 2:
            twice = (message.view_changes[0],) * world.validators.quorum
            return [world.say(replace(message, view_changes=twice))]
        case _:
            lie = _without_claims(world, liar, message)
            world.lies[liar.index, message.height, message.view] = lie.block_hash
            return [world.say(lie)]


def _without_claims(world, liar, message):
    """Only the view changes that claim nothing, and a fresh block: valid if they are a quorum."""
    if message.proposal is not None:
        return message
    rest = tuple(change for change in message.view_changes if change.claims_nothing)
    fresh = world.own_block(liar)
    return replace(
        message,
        view_changes=rest,
        certificate=None,
        block_hash=fresh.header.hash,
        proposal=fresh.proposal(),
    )


def replay(world, liar, target, message):
    """Says again what anybody said earlier."""
    return [message, world.chance.choice(world.history or [message])]


def other_chain(world, liar, target, message):
    """Signs for another chain, epoch or height."""
    if isinstance(message, Vote):
        key = world.validators.validators[liar.index].key
        forged = replace(message, signature=sign(key, message.statement("other")))
        wrong = world.say(replace(message, epoch=message.epoch + 1))
        return [forged, wrong, world.say(replace(message, height=message.height + 1))]
    return [message]


def bad_blocks(world, liar, target, message):
    """Offers blocks with a false header."""
    if not isinstance(message, PrePrepare):
        return [message]
    header = message.proposal.header
    false = world.chance.choice(
        (
            {"state_root": ZERO_HASH},
            {"time": header.time + 3_600_000},
            {"parent": ZERO_HASH},
            {"validators_hash": ZERO_HASH},
            {"last_view": header.last_view + 1},
        )
    )
    proposal = replace(message.proposal, header=replace(header, **false))
    return [world.say(replace(message, proposal=proposal))]


def false_hints(world, liar, target, message):
    """Refuses good transactions, shows false certificates, attests the future."""
    core = liar.core
    extra = [
        Refuse(core.height, core.state.view, block_hash, tx_hash)
        for block_hash, proposal in list(core.state.proposals.items())[:2]
        for tx_hash in proposal.tx_hashes[:3]
    ]
    head = core.facts.head
    future = Fresh(head.height, head.hash, head.state_root, 2**62, liar.index)
    if core.facts.head_certificate is not None:
        forged = replace(core.facts.head_certificate, height=core.height)
        extra.append(Decided(forged))
    return [message, *extra, world.say(future)]


def flood(world, liar, target, message):
    """Says everything many times, and votes for every view."""
    height, epoch = liar.core.height, liar.core.facts.epoch
    votes = [
        world.say(Vote(COMMIT, epoch, height, view, ZERO_HASH, liar.index)) for view in range(20)
    ]
    return [message] * 5 + votes


STRATEGIES = (
    silent, half, late, two_proposals, two_votes, early_commit, forget, invent, huge_targets,
    false_new_view, replay, other_chain, bad_blocks, false_hints, flood,
)  # fmt: skip


class Rigged(Schedule):
    """A rotation in which liars are primary of every second of the first views."""

    __slots__ = ("liars", "seed", "size")

    def primary(self, height, view):
        """Any choice will do, as long as all replicas make the same one."""
        if view >= SCRIPTED_VIEWS or not self.liars:
            return super().primary(height, view)
        draw = sha256(b"%d %d %d" % (self.seed, height, view))
        return self.liars[draw[1] % len(self.liars)] if draw[0] < 120 else draw[1] % self.size


class LiarWorld(World):
    """f liars, a swarm of strategies, and links that part replicas by height and view."""

    def __init__(self, size, seed, *, liars=None, strategies=None, scripted=None):
        """One seed decides everything; what is given narrows it for a test."""
        roll = random.Random(seed)
        faults = fault_bound(size)
        self.seed, self.scripted = seed, roll.random() < 0.5
        if scripted is not None:
            self.scripted = scripted
        self.liars = frozenset(roll.sample(range(size), faults) if liars is None else liars)
        super().__init__(size, seed, liars=self.liars)
        self.loss = roll.choice((0, 0.05, 0.2, 0.4))
        self.crash = roll.choice((0, 0, 0.01, 0.03))
        self.zeal = {index: roll.choice((0.1, 0.5, 1.0)) for index in sorted(self.liars)}
        self.plans = {
            index: [s for s in STRATEGIES if roll.random() < 0.3] or [roll.choice(STRATEGIES)]
            for index in sorted(self.liars)
        }
        if strategies is not None:
            self.plans = {index: list(strategies) for index in sorted(self.liars)}
        self.hides_bodies = {index for index in sorted(self.liars) if roll.random() < 0.3}
        self.hashes, self.history, self.lies, self._groups = [], [], {}, {}

    def schedule(self):
        """In a scripted world the schedule plays into the liars' hands."""
        if not self.scripted:
            return super().schedule()
        rigged = Rigged(self.validators, 1, self.genesis.hash)
        rigged.liars, rigged.seed, rigged.size = sorted(self.liars), self.seed, self.validators.size
        return rigged

    # -- what liars can do ---------------------------------------------------------------------

    def say(self, message):
        """A liar's signature, with its own key alone."""
        assert getattr(message, "view_change", message).signer in self.liars
        return signed(message, self.validators)

    def another_block(self, liar, proposal):
        """A block as good as the first."""
        header = replace(proposal.header, time=proposal.header.time + 1)
        self.remember(header.hash)
        return replace(proposal, header=header)

    def own_block(self, liar):
        """A fresh empty block of a liar, on its head."""
        certificate = liar.core.facts.head_certificate
        work = Build(liar.core.height, 1, certificate, 1, frozenset(), allow_empty=True)
        return liar.blocks[self.build(liar, work).proposal.header.hash]

    def remember(self, block_hash):
        """Blocks that liars have heard of."""
        if block_hash not in self.hashes:
            self.hashes = [*self.hashes[-20:], block_hash]

    # -- links -----------------------------------------------------------------------------------

    def send(self, source, target, message):
        """Twist what a liar says; part the others as the script says."""
        if isinstance(message, PrePrepare):
            self.remember(message.proposal.header.hash)
        if isinstance(message, NewView):
            self.remember(message.block_hash)
        if self.time < GST_MS and self.scripted and not self.together(source, target, message):
            return
        if source.index not in self.liars:
            self.history = [*self.history[-HISTORY_MAX:], message]
            super().send(source, target, message)
            return
        arriving = [message]
        own = getattr(getattr(message, "view_change", message), "signer", source.index)
        if own == source.index and self.chance.random() < self.zeal[source.index]:
            strategy = self.chance.choice(self.plans[source.index])
            arriving = strategy(self, source, target, message)
            self.lied(strategy, target, message, arriving)
        for twisted in arriving:
            for word in self.stand_by(source, twisted):
                super().send(source, target, word)

    def lied(self, strategy, target, message, arriving):
        """Called before a liar's words go out: whoever counts lies listens here."""

    def stand_by(self, liar, message):
        """Who made a false new view votes for it as well."""
        if not isinstance(message, Vote):
            return [message]
        lie = self.lies.get((liar.index, message.height, message.view), message.block_hash)
        if message.signer != liar.index or lie == message.block_hash:
            return [message]
        return [self.say(replace(message, block_hash=lie, phase=p)) for p in (PREPARE, COMMIT)]

    def together(self, source, target, message):
        """Whether two replicas are in one group for the view and kind of a message."""
        if not isinstance(message, Signed) or isinstance(message, Fresh):
            return self.chance.random() < 0.1
        inner = getattr(message, "view_change", message)
        view = getattr(inner, "target", getattr(inner, "view", 0))
        if view >= SCRIPTED_VIEWS:
            return True
        key = (message_height(message), view, getattr(message, "phase", 0) == COMMIT)
        if key not in self._groups:
            parts = self.parts(commit=key[2])
            self._groups[key] = [self.chance.randrange(parts) for _ in self.nodes]
        groups = self._groups[key]
        return groups[source.slot] == groups[target.slot]

    def parts(self, *, commit):
        """Into how many groups a view falls, for COMMITs or for all other words."""
        return self.chance.choice((1, 2, 2, 3))

    def catch_up(self, slot):
        """Block sync: it must not undo the script."""
        if self.time >= GST_MS or not self.scripted or self.chance.random() < 0.1:
            super().catch_up(slot)

    def fetch(self, node, holder, work):
        """Some liars give no bodies."""
        if holder.index not in self.hides_bodies:
            super().fetch(node, holder, work)

    # -- a whole run -----------------------------------------------------------------------------

    def live_through(self, transactions=6, until_ms=300_000):
        """Chaos, then calm; raises AssertionError where a promise is broken."""
        for number in range(transactions):
            self.at(self.chance.randrange(GST_MS), None, lambda n=number: self.submit(n))
        self.at(GST_MS, None, self.calm_down)
        self.run(GST_MS + 1)
        assert self.run(until_ms, self.everywhere), f"not live: heights {self.heights()}"
        self.check_memory()

    def calm_down(self):
        """Links are good from now on; liars go on."""
        self.loss = self.crash = 0.0
        self.cut.clear()

    def check_memory(self):
        """S12: what liars say fills nobody's memory."""
        for node in self.correct:
            state = node.core.state
            size = self.validators.size
            assert len(state.changes) <= size
            assert len(state.tally.views(COMMIT)) <= COMMIT_VIEWS_MAX
            assert len(state.bodies) <= BODIES_MAX + len(state.prepare_views)
            assert len(state.proposals) <= 2 * BODIES_MAX + len(state.accepted)


def honestly(world, liar, target, message):
    """Says what its core says: a twin's other half contradicts it."""
    return [message]


class TwinWorld(LiarWorld):
    """Some validators run twice, with one key: two states that contradict each other."""

    def __init__(self, size, seed, twins, sides=None):
        """`twins`: signer indices. `sides`: slot -> side; replicas of two sides never meet."""
        self.sides = sides
        super().__init__(size, seed, liars=twins, strategies=[honestly], scripted=sides is None)
        self.loss = self.crash = 0.0
        self.hides_bodies = set()
        for index in sorted(self.liars):
            name = self.validators.validators[index].name
            self.nodes.append(Node(self, name, Disk(), len(self.nodes)))

    def send(self, source, target, message):
        """Only within a side."""
        if self.sides is None or self.sides[source.slot] == self.sides[target.slot]:
            super().send(source, target, message)

    def pending_for(self, node):
        """The two sides know of different transactions."""
        pending = super().pending_for(node)
        if self.sides is None:
            return pending
        return [raw for raw in pending if raw.endswith(b"%d" % self.sides[node.slot])]

    def catch_up(self, slot):
        """Block sync stays within a side too."""
        if self.sides is None:
            super().catch_up(slot)
