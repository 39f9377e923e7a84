"""Strategies about consensus messages: what a liar makes of what its own core says.

Each is a function of the world, the liar's host, the target's host and the message. It gives
the words that arrive there instead (none: silence), or None where it has nothing to do with
the message.
"""

from msgspec.structs import replace

from consensus.checks import CLOCK_SKEW_MS
from consensus.messages import (
    NOTHING_PREPARED,
    VIEW_MAX,
    Body,
    Decided,
    Fresh,
    NewView,
    PrePrepare,
    ViewChange,
    ViewChangeProof,
    Vote,
)
from hansa.certificate import Certificate, bitmap_of
from hansa.hashing import ZERO_HASH
from hansa.merkle import root_of
from hansa.votes import COMMIT, PREPARE
from node.gossip_messages import Transactions
from node.sync_messages import Blocks
from tests.simulation.byzantine import Later
from tests.simulation.world import START_MS


def core(liar):
    """The liar's own consensus core."""
    return liar.node.driver.replica


def own(liar, message):
    """Whether a message carries the liar's own name, and may be signed again."""
    inner = getattr(message, "view_change", message)
    return getattr(inner, "signer", None) == core(liar).me and core(liar).me is not None


def fresh_proposal(liar, message):
    """The fresh block in an own PRE-PREPARE or NEW-VIEW, if there is one."""
    if isinstance(message, PrePrepare | NewView) and own(liar, message):
        return message.proposal
    return None


def with_proposal(world, liar, target, message, proposal):
    """The same message for another block, offered to this target."""
    block_hash = proposal.header.hash
    world.offer(liar, target, proposal.header.height, getattr(message, "view", 0), block_hash)
    changed = {"proposal": proposal}
    if isinstance(message, NewView):
        changed["block_hash"] = block_hash
    return world.say(liar, replace(message, **changed))


# -- saying less ------------------------------------------------------------------------------


def silent(world, liar, target, message):
    return []


def silent_primary(world, liar, target, message):
    return [] if isinstance(message, PrePrepare | NewView) and own(liar, message) else None


def withhold_proposal(world, liar, target, message):
    """To exactly q - f - 1 or q - 1 others: just too few, or just enough with its own vote."""
    if not isinstance(message, PrePrepare | NewView) or not own(liar, message):
        return None
    validators = core(liar).facts.validators
    height = core(liar).height
    few = validators.quorum - (validators.faults if height % 2 else 0) - 1
    place = (target.index - liar.index - height) % world.size
    return None if 0 < place <= few else []


def withhold_bodies(world, liar, target, message):
    return [] if isinstance(message, Body | Transactions | Blocks) else None


def half(world, liar, target, message):
    return [] if world.dice.random() < 0.5 else None


def late(world, liar, target, message):
    """At 0.95 of the time that the view waits."""
    view = core(liar).state.view
    return [Later(core(liar).pacemaker.wait(view) * 95 // 100, message)]


def slow_drip(world, liar, target, message):
    """Tiny blocks, at the edge of the timer."""
    proposal = fresh_proposal(liar, message)
    if proposal is None:
        return None
    place = ("drip", proposal.header.hash)
    if place not in world.others:
        world.others[place] = world.another(liar, proposal, candidates=1)
    tiny = world.others[place]
    if tiny is None or (isinstance(message, PrePrepare) and not tiny.tx_hashes):
        return None
    delay = core(liar).pacemaker.wait(getattr(message, "view", 0)) * 8 // 10
    return [Later(delay, with_proposal(world, liar, target, message, tiny))]


def censor(world, liar, target, message):
    """Proposes blocks without the transactions of a client whom it does not hear."""
    if fresh_proposal(liar, message) is not None and liar.name in world.censored:
        world.count(target, "B21")


# -- saying two things ------------------------------------------------------------------------


def two_proposals(world, liar, target, message):
    """One good block to some, another good block to the others."""
    proposal = fresh_proposal(liar, message)
    if proposal is None or target.index % 2 == liar.index // 2 % 2:
        return None
    place = ("other", proposal.header.hash)
    if place not in world.others:
        world.others[place] = world.another(liar, proposal)
    other = world.others[place]
    if other is None or (isinstance(message, PrePrepare) and not other.tx_hashes):
        return None
    return [with_proposal(world, liar, target, message, other)]


def _two_votes(phase):
    def two_votes(world, liar, target, message):
        if not isinstance(message, Vote) or message.phase != phase or not own(liar, message):
            return None
        words = [message] if world.dice.random() < 0.5 else []
        other = replace(message, block_hash=world.any_hash(message.block_hash))
        return [*words, world.say(liar, other)]

    return two_votes


two_prepares, two_commits = _two_votes(PREPARE), _two_votes(COMMIT)


def unknown_hash(world, liar, target, message):
    """Votes for blocks that nobody proposed, also of views to come."""
    if not isinstance(message, Vote) or not own(liar, message):
        return None
    view = message.view + world.dice.randrange(3)
    vote = replace(message, block_hash=world.dice.randbytes(32), view=view)
    return [world.say(liar, vote)]


# -- view changes -----------------------------------------------------------------------------


def forget(world, liar, target, message):
    """Claims that nothing is prepared, whatever it has committed to."""
    if not isinstance(message, ViewChangeProof) or not own(liar, message):
        return None
    change = message.view_change
    if change.claims_nothing:
        return None
    change = replace(change, prepared_view=NOTHING_PREPARED, prepared_hash=ZERO_HASH)
    return [world.say(liar, ViewChangeProof(change, None))]


def _claim(world, liar, message, bitmap_signers, signatures):
    """An own view change with a certificate of the liar's making."""
    change = message.view_change
    view = max(change.target - 1, 0)
    block_hash = world.any_hash()
    size = core(liar).facts.validators.size
    vote = world.say(
        liar, Vote(PREPARE, change.epoch, change.height, view, block_hash, change.signer)
    )
    forged = Certificate(
        PREPARE,
        change.epoch,
        change.height,
        view,
        block_hash,
        bitmap_of(bitmap_signers, size),
        (vote.signature,) * signatures,
    )
    change = replace(change, prepared_view=view, prepared_hash=block_hash)
    return [world.say(liar, ViewChangeProof(change, forged))]


def forged_claim(world, liar, target, message):
    """A prepared certificate with fewer than a quorum, or with signatures of nobody."""
    if not isinstance(message, ViewChangeProof) or not own(liar, message):
        return None
    quorum = core(liar).facts.validators.quorum
    signers = world.dice.choice(([core(liar).me], list(range(quorum - 1)), list(range(quorum))))
    return _claim(world, liar, message, signers, len(signers))


def twice_in_a_certificate(world, liar, target, message):
    """A certificate in which the liar alone fills a quorum of places."""
    if not isinstance(message, ViewChangeProof) or not own(liar, message):
        return None
    quorum = core(liar).facts.validators.quorum
    return _claim(world, liar, message, [core(liar).me], quorum)


def huge_targets(world, liar, target, message):
    """Wants views that nobody else wants, along with whatever it says."""
    replica = core(liar)
    if replica.me is None or world.dice.random() < 0.7:
        return None
    step = world.dice.choice((2, 50, 10**6, VIEW_MAX, 2**32 - 1))
    view = min(replica.state.view + step, VIEW_MAX)
    change = ViewChange(
        replica.facts.epoch, replica.height, view, NOTHING_PREPARED, ZERO_HASH, replica.me
    )
    return [message, world.say(liar, ViewChangeProof(change, None))]


def wrong_choice(world, liar, target, message):
    """A new view for another block than the view changes say, by hash or by a fresh one."""
    if not isinstance(message, NewView) or not own(liar, message):
        return None
    if message.proposal is None and world.dice.random() < 0.5:
        proposal = _fresh_block(world, liar, message.view)
        if proposal is not None:
            return [with_proposal(world, liar, target, message, proposal)]
    block_hash = world.any_hash(message.block_hash)
    world.offer(liar, target, message.height, message.view, block_hash)
    return [world.say(liar, replace(message, block_hash=block_hash))]


def too_few_changes(world, liar, target, message):
    """A new view that rests on too few, doubled, old or foreign view changes."""
    if not isinstance(message, NewView) or not own(liar, message):
        return None
    changes = message.view_changes
    first, quorum = changes[0], core(liar).facts.validators.quorum
    wrong = world.dice.choice(
        (
            changes[: quorum - 1],
            (first,) * quorum,
            (replace(first, height=first.height + 1), *changes[1:]),
            (replace(first, target=first.target + 1), *changes[1:]),
            (replace(first, prepared_view=NOTHING_PREPARED, prepared_hash=ZERO_HASH), *changes[1:]),
            (),
        )
    )
    lie = replace(message, view_changes=wrong)
    return None if wrong == changes else [world.say(liar, lie)]


def omit_the_highest(world, liar, target, message):
    """A new view without the view changes that claim most, though it holds them.

    Where others make a quorum all the same, it is a proper new view: quorums must save us.
    """
    if not isinstance(message, NewView) or not own(liar, message) or message.certificate is None:
        return None
    held = [proof.view_change for proof in core(liar).state.changes.values()]
    known = {change.signer: change for change in (*held, *message.view_changes)}
    mine = known.get(core(liar).me)
    if mine is not None:
        silent_now = replace(mine, prepared_view=NOTHING_PREPARED, prepared_hash=ZERO_HASH)
        known[core(liar).me] = world.say(liar, ViewChangeProof(silent_now, None)).view_change
    rest = tuple(
        known[signer]
        for signer in sorted(known)
        if known[signer].target == message.view and known[signer].claims_nothing
    )
    proposal = _fresh_block(world, liar, message.view)
    if proposal is None:
        return None
    lie = replace(message, view_changes=rest, certificate=None)
    return [with_proposal(world, liar, target, lie, proposal)]


def _fresh_block(world, liar, view):
    """A fresh empty block of the liar's, good in every other way."""
    ledger, facts = liar.node.worker.ledger, core(liar).facts
    place = ("fresh", liar.index, facts.height, view)
    if place not in world.others and ledger.head.hash == facts.head.hash:
        staged = ledger.build(
            [],
            time=max(facts.head.time + 1, START_MS + world.time),
            primary=liar.name,
            last_certificate=facts.head_certificate,
            allow_empty=True,
        )
        world.others[place] = None if staged is None else staged.proposal
    return world.others.get(place)


# -- wrong in other ways ------------------------------------------------------------------------


def replay(world, liar, target, message):
    """Says again what anybody said earlier: old heights, views and epochs."""
    return [message, world.dice.choice(world.history)] if world.history else None


def elsewhere(world, liar, target, message):
    """Signs votes for another chain, epoch, height or phase."""
    if not isinstance(message, Vote) or not own(liar, message):
        return None
    foreign = replace(message, signature=world.key(liar).sign(message.statement("other")))
    swapped = replace(message, phase=PREPARE + COMMIT - message.phase)
    return [
        foreign,
        replace(swapped, signature=message.signature),
        world.say(liar, replace(message, epoch=message.epoch + 1)),
        world.say(liar, replace(message, height=message.height + 1)),
        world.say(liar, swapped),
    ]


def bad_block(world, liar, target, message):
    """Offers a block that breaks a rule."""
    proposal = fresh_proposal(liar, message)
    if proposal is None:
        return None
    header = proposal.header
    done = sorted(world.acked)
    hashes = world.dice.choice(
        (
            (*proposal.tx_hashes, world.dice.randbytes(32)),
            (*proposal.tx_hashes, *proposal.tx_hashes[:1], *done[:1]),
            tuple(world.dice.randbytes(32) for _ in range(600)),
        )
    )
    false = world.dice.choice(
        (
            {"state_root": ZERO_HASH},
            {"log_root": ZERO_HASH},
            {"time": header.time + 10 * CLOCK_SKEW_MS},
            {"time": 1},
            {"parent": ZERO_HASH},
            {"validators_hash": ZERO_HASH},
            {"next_validators_hash": ZERO_HASH},
            {"last_view": header.last_view + 1},
            {"parameters_version": header.parameters_version + 1},
            {"primary": "n99"},
            None,
        )
    )
    if false is None:
        header, false = replace(header, txs_root=root_of(hashes)), {}
        proposal = replace(proposal, tx_hashes=hashes)
    wrong = replace(proposal, header=replace(header, **false))
    return [with_proposal(world, liar, target, message, wrong)]


def false_hints(world, liar, target, message):
    """Attests the future, and shows certificates of heights that are not decided."""
    replica = core(liar)
    facts = replica.facts
    if replica.me is None or facts.head_certificate is None or world.dice.random() < 0.7:
        return None
    step = world.dice.choice((1, 2, 10**6))
    forged = replace(facts.head_certificate, height=facts.head.height + step)
    future = Fresh(facts.head.height, facts.head.hash, facts.head.state_root, 2**62, replica.me)
    return [message, Decided(forged), world.say(liar, future)]


def as_somebody(world, liar, target, message):
    """Speaks in the name of others, with its own key."""
    if not isinstance(message, Vote) or core(liar).me is None:
        return None
    other = (message.signer + 1) % core(liar).facts.validators.size
    forged = replace(message, signer=other)
    signature = world.key(liar).sign(forged.statement(core(liar).facts.chain_id))
    return [message, replace(forged, signature=signature)]
