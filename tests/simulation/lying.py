"""Lies told view by view: bare cores, a script of who hears whom, and liars that use it.

Links part replicas by height, view and kind of message, and liars are primary of many of the
first views, so that rare shapes of view changes come often. In them liars give new views that
leave claims out, view changes with old or no claims, and different proposals to each side.
"""

import random
from collections import Counter

from msgspec.structs import replace

from consensus.io import Received
from consensus.messages import (
    NOTHING_PREPARED,
    NewView,
    PrePrepare,
    ViewChangeProof,
    encode_message,
)
from hansa.certificate import Certificate
from hansa.hashing import ZERO_HASH
from tests.simulation.outcome import Outcome
from tests.simulation.rules import CoreRules
from tests.unit.consensus import liars
from tests.unit.consensus.liars import LiarWorld

TRANSACTIONS = 6
END_MS = 300_000


def lying_new_view(world, liar, target, message):
    """A new view from all that claim nothing; liars whose claims it held claim nothing now.

    Where those are a quorum it is a proper new view, whatever the others have prepared.
    """
    if not isinstance(message, NewView) or message.proposal is not None:
        return [message]
    held = [proof.view_change for proof in liar.core.state.changes.values()]
    known = {change.signer: change for change in (*held, *message.view_changes)}
    for signer in sorted(set(known) & world.liars):
        known[signer] = _nothing(world, known[signer])
    rest = tuple(
        known[signer]
        for signer in sorted(known)
        if known[signer].claims_nothing and known[signer].target == message.view
    )
    fresh = world.own_block(liar)
    world.lies[liar.index, message.height, message.view] = fresh.header.hash
    lie = replace(
        message,
        view_changes=rest,
        certificate=None,
        block_hash=fresh.header.hash,
        proposal=fresh.proposal(),
    )
    return [world.say(lie)]


def lower_choice(world, liar, target, message):
    """A new view for the lowest block that anybody claims to have prepared."""
    if not isinstance(message, NewView) or message.certificate is None:
        return [message]
    proofs = [
        proof
        for proof in liar.core.state.changes.values()
        if proof.certificate is not None and proof.view_change.target == message.view
    ]
    lowest = min(proofs, key=lambda proof: proof.certificate.view, default=None)
    if lowest is None or lowest.certificate.block_hash == message.block_hash:
        return [message]
    certificate = lowest.certificate
    world.lies[liar.index, message.height, message.view] = certificate.block_hash
    lie = replace(message, certificate=certificate, block_hash=certificate.block_hash)
    return [world.say(lie)]


def stale_claim(world, liar, target, message):
    """A view change with an older certificate than the liar holds: valid, but not the last."""
    if not isinstance(message, ViewChangeProof):
        return [message]
    change = message.view_change
    held = world.certificates.setdefault((liar.index, change.height), {})
    for proof in (message, *liar.core.state.changes.values()):
        certificate = proof.certificate
        if certificate is not None and certificate.height == change.height:
            held[certificate.view] = certificate
    if not held:
        return [message]
    oldest = held[min(held)]
    if oldest.view >= change.target or oldest == message.certificate:
        return [message]
    change = replace(change, prepared_view=oldest.view, prepared_hash=oldest.block_hash)
    return [world.say(ViewChangeProof(change, oldest))]


def new_views_to_halves(world, liar, target, message):
    """The true new view to one half, and a fresh block in it to the other."""
    if isinstance(message, NewView) and target.index % 2:
        return lying_new_view(world, liar, target, message)
    return [message]


def early_view_change(world, liar, target, message):
    """Gives a view up as soon as it proposes or votes in it, with nothing prepared."""
    if isinstance(message, ViewChangeProof):
        return [message]
    inner, core = message, liar.core
    change = liars.ViewChange(
        core.facts.epoch,
        core.height,
        core.state.view + 1,
        NOTHING_PREPARED,
        ZERO_HASH,
        liar.index,
    )
    return [inner, world.say(ViewChangeProof(change, None))]


def moved_claim(world, liar, target, message):
    """A true certificate shown as one of a later view, in a view change above both."""
    core = liar.core
    prepared = core.state.prepared
    if prepared is None:
        return [message]
    true, view = prepared.certificate, prepared.view + 1
    moved = Certificate(
        true.phase, true.epoch, true.height, view, true.block_hash, true.bitmap, true.signatures
    )
    target = max(core.state.view, core.state.target, view) + 1
    change = liars.ViewChange(
        core.facts.epoch, core.height, target, view, true.block_hash, liar.index
    )
    return [message, world.say(ViewChangeProof(change, moved))]


def _nothing(world, change):
    """A liar's view change without its claim."""
    bare = replace(change, prepared_view=NOTHING_PREPARED, prepared_hash=ZERO_HASH)
    return world.say(ViewChangeProof(bare, None)).view_change


STRATEGIES = (
    lying_new_view, lower_choice, stale_claim, new_views_to_halves, early_view_change, moved_claim,
    liars.false_new_view, liars.forget, liars.invent, liars.two_proposals, liars.two_votes,
    liars.early_commit, liars.replay, liars.huge_targets, liars.bad_blocks, liars.half,
)  # fmt: skip


class LyingWorld(LiarWorld):
    """f liars over a script of views; counts which lies correct replicas were given."""

    def __init__(self, size, seed, *, liars=None, story=None):
        """One seed decides everything; `liars` narrows it for a test."""
        self.met, self.seen, self.story = set(), Counter(), story
        self.certificates, self._false = {}, {}
        super().__init__(size, seed, liars=liars, scripted=True)
        self.rules = CoreRules(self.liars)
        roll = random.Random(f"lying {seed}")
        self.crash = roll.choice((0, 0.02, 0.03, 0.05))
        self.loss = roll.choice((0, 0, 0.05, 0.2))
        self.plans = {
            index: [roll.choice(STRATEGIES[:6]), *(s for s in STRATEGIES if roll.random() < 0.3)]
            for index in sorted(self.liars)
        }
        for node in self.nodes:
            self.listen(node)
        for index in sorted(self.liars):
            names = ", ".join(strategy.__name__ for strategy in self.plans[index])
            self.tell(f"{index} lies (p {self.zeal[index]}): {names}")

    def tell(self, text):
        """A line of the story."""
        if self.story is not None:
            self.story.append(f"{self.time:>7} ms  {text}")

    # -- counting ------------------------------------------------------------------------------

    def lied(self, strategy, target, message, arriving):
        """Remember what of it is a lie, until somebody correct is given it."""
        if target.index in self.liars:
            return
        for word in arriving:
            if word != message:
                self._false[target.slot, encode_message(word)] = strategy.__name__

    def listen(self, node):
        """Notice lies as they arrive at a correct replica."""
        if node.index in self.liars:
            return
        feed = node.feed

        def overhear(event):
            if isinstance(event, Received):
                self.rules.took(node, event.peer, event.message)
            if isinstance(event, Received) and event.peer in self.liars:
                name = self._false.get((node.slot, encode_message(event.message)))
                if name is not None and node.alive:
                    self.met.add("lie")
                    self.seen[name] += 1
            feed(event)

        node.feed = overhear

    def sign(self, node, intent):
        """What correct replicas sign is held against them."""
        message = super().sign(node, intent)
        if node.index not in self.liars:
            self.rules.spoken(node, message)
        return message

    def start(self, slot):
        """A new incarnation is listened to as well."""
        old = self.nodes[slot]
        super().start(slot)
        if self.nodes[slot] is not old:
            self.listen(self.nodes[slot])

    def kill(self, slot):
        """A crash."""
        self.met.add("crash")
        self.tell(f"{self.nodes[slot].name} crashes")
        super().kill(slot)

    def together(self, source, target, message):
        """A script that keeps correct replicas from each other is a partition."""
        joined = super().together(source, target, message)
        apart = not joined and isinstance(message, PrePrepare | NewView | ViewChangeProof)
        if apart and source.index not in self.liars and target.index not in self.liars:
            self.met.add("partition")
        return joined

    def parts(self, *, commit):
        """PREPAREs arrive more often than COMMITs: much is prepared, little is decided."""
        return self.chance.choice((2, 3, len(self.nodes)) if commit else (1, 1, 1, 2, 3))

    def trace(self, node, out):
        """View changes of correct replicas, and what liars are caught at."""
        before = len(self.evidence)
        super().trace(node, out)
        if node.index not in self.liars:
            self.rules.check(node)
        self.seen.update(type(e.second).__name__ + " evidence" for e in self.evidence[before:])

    def check_commit(self, node, block, certificate):
        """A line of the story for each block of a correct replica."""
        super().check_commit(node, block, certificate)
        if node.index not in self.liars:
            header = block.header
            place = f"height {header.height} in view {certificate.view}"
            self.tell(f"{node.name} commits {place} {header.hash.hex()[:8]}")

    def outcome(self):
        """What the run was."""
        if self.max_view:
            self.met.add("view-change")
        return Outcome(
            self.digest.hexdigest(), self.time, frozenset(self.met), tuple(sorted(self.seen))
        )


def run(seed, size, story=None):
    """One run of the generator.

    Raises:
        AssertionError: a promise was broken, or production code raised.
    """
    world = LyingWorld(size, seed, story=story)
    try:
        world.live_through(TRANSACTIONS, END_MS)
    except AssertionError:
        raise
    except Exception as error:
        raise AssertionError(f"production code raised {type(error).__name__}: {error}") from error
    return world.outcome()
