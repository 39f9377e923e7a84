"""Seeded mistakes in the core, to see that a checker sees them.

A mutant is a function of the product with one passage of its source replaced; the passage must
be there, so that a mutant cannot quietly become the original.
"""

import importlib
import inspect
import sys
import textwrap
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """`where` is "module:function" or "module:Class.method"."""

    name: str
    where: str
    old: str
    new: str


MUTANTS = {
    mutant.name: mutant
    for mutant in (
        Mutant(
            "quorum-2f+1", "hansa.membership:quorum_size",
            "return (", "return 2 * fault_bound(n) + 1 or (",
        ),
        Mutant(
            "lowest-prepared", "consensus.height:largest_claim", "return max(", "return min(",
        ),
        Mutant(
            "lowest-prepared-accepted", "consensus.height:largest_claimed",
            "return max(", "return min(",
        ),
        Mutant(
            "new-view-unchecked", "consensus.checks:check_new_view",
            "_check_quorum(facts, message)", "return message.proposal is None",
        ),
        Mutant(
            "view-change-without-certificate", "consensus.views:Views.start",
            "prepared = state.prepared", "prepared = None",
        ),
        Mutant(
            "certificate-unchecked", "consensus.checks:check_certificate",
            "certificate.check(", "(lambda *_: None)(",
        ),
        Mutant(
            "duplicate-view-changes", "consensus.checks:_check_quorum",
            "signers = {change.signer for change in message.view_changes}",
            "signers = [change.signer for change in message.view_changes]",
        ),
        Mutant(
            "commit-after-view-change", "consensus.votes:Votes.try_prepared",
            "if state.status_vc or", "if",
        ),
        Mutant(
            "prepare-without-equal-outcome", "consensus.replica:Replica._ran",
            "elif event.equal:", "elif True:",
        ),
        Mutant(
            "new-view-below-target", "consensus.views:Views._moves_on",
            "return view >= state.target if state.status_vc else view > state.view",
            "return view > state.view or view >= state.target",
        ),
        Mutant(
            "commit-without-own-prepare", "consensus.votes:Votes.try_prepared",
            "if state.tally.get(PREPARE, view, replica.me) is None:", "if False:",
        ),
        Mutant(
            "commit-without-record", "consensus.votes:Votes.try_prepared",
            "out.persist.append(PreparedRecord(certificate))", "pass",
        ),
        Mutant(
            "body-not-persisted", "consensus.views:Views._persist_body",
            "out.persist.append(", "str(",
        ),
        Mutant(
            "join-on-one", "consensus.views:Views._consider",
            "targets[validators.weak_quorum - 1]", "targets[0]",
        ),
        Mutant(
            "never-join", "consensus.views:Views._consider",
            "if joined > current", "if False and joined > current",
        ),
        Mutant(
            "new-view-timer-at-once", "consensus.views:Views._consider",
            "if len(held) >= validators.quorum:", "if True:",
        ),
        Mutant(
            "timer-never-doubles", "consensus.pacemaker:Pacemaker.wait",
            "2 ** min(view, VIEW_DOUBLINGS_MAX)", "1",
        ),
        Mutant(
            "second-vote-replaces-the-first", "consensus.votes:Votes.on_vote",
            "if known is not None:\n            replica.accuse(vote.signer, known, vote, out)\n"
            "            return", "",
        ),
        Mutant(
            "old-commits-ignored", "consensus.votes:Votes._window",
            "first = state.view if phase == PREPARE else max(last - COMMIT_VIEWS_MAX + 1, 0)",
            "first = state.view",
        ),
        Mutant(
            "claims-not-learned", "consensus.views:Views.on_view_change",
            "replica.votes.learn_prepared(proof.certificate, out)", "pass",
        ),
        Mutant(
            "justified-block-judged-again", "consensus.views:Views.enter",
            "if message.block_hash in state.bodies:\n            self.prepare(now, out)",
            "if message.block_hash in state.bodies:\n            pass",
        ),
        Mutant(
            "certificate-forgotten-at-restart", "consensus.votes:Votes.restore_prepared",
            "if state.prepared is None or certificate.view >= state.prepared.view:", "if False:",
        ),
        Mutant(
            "stale-proposal-kept", "consensus.duties:Duties._give_up_stale", "age > ", "0 > 1 + ",
        ),
        Mutant(
            "fresh-though-active", "consensus.duties:Duties._maybe_attest",
            "if state.active or not quiet or", "if",
        ),
        Mutant(
            "view-not-signed", "hansa.votes:vote_statement",
            "(chain_id, epoch, height, view,", "(chain_id, epoch, height, 0,",
        ),
        Mutant(
            "decided-on-trust", "consensus.replica:Replica._dispatch",
            "check_certificate(self.facts, message.certificate, COMMIT)", "pass",
        ),
        Mutant(
            "clock-of-fresh-blocks-ignored", "consensus.checks:check_fresh",
            "or header.time not in clock", "",
        ),
        Mutant(
            "resends-nothing", "consensus.duties:Duties._resend",
            "out.send.append((None, message))", "pass",
        ),
        Mutant(
            "driver-does-not-sync", "node.driver:Driver.begin",
            "return self.durable.is_dirty", "return False",
        ),
        Mutant(
            "driver-keeps-no-vote", "node.driver:Driver._persist",
            "records.append(encode_record(OwnRecord(signed)))", "pass",
        ),
        Mutant(
            "send-before-persist", "tests.unit.consensus.world:Node.feed",
            "records = [encode_record(record) for record in out.persist]",
            "_ = [self.world.broadcast(self, message) for message in said]\n"
            "            records = [encode_record(record) for record in out.persist]",
        ),
    )
}  # fmt: skip


@contextmanager
def active(name):
    """The product with this mistake, everywhere its name was imported, until the block ends."""
    mutant = MUTANTS[name]
    module_name, path = mutant.where.split(":")
    module = importlib.import_module(module_name)
    *owners, attribute = path.split(".")
    owner = getattr(module, owners[0]) if owners else module
    original = getattr(owner, attribute)
    source = textwrap.dedent(inspect.getsource(original))
    old, new = textwrap.dedent(mutant.old), mutant.new
    shift = 4 if owners else 0
    old, new = (text.replace("\n" + " " * shift, "\n") for text in (old, new))
    assert source.count(old) >= 1, f"{name}: the passage is gone from {mutant.where}"
    names = {}
    code = compile(source.replace(old, new, 1), f"<{name}>", "exec")
    exec(code, module.__dict__, names)  # noqa: S102 - our own source, changed
    changed = names[attribute]
    holders = [owner]
    if not owners:
        loaded = list(sys.modules.values())
        holders = [held for held in loaded if getattr(held, attribute, None) is original]
    for holder in holders:
        setattr(holder, attribute, changed)
    try:
        yield
    finally:
        for holder in holders:
            setattr(holder, attribute, original)
