"""Proposals, view changes and new views: rows A, B, F and G of docs/spec/consensus.md."""

from typing import TYPE_CHECKING

from consensus.checks import check_fresh, check_new_view, check_view_change
from consensus.height import Prepared, largest_claim
from consensus.io import Now, Output
from consensus.messages import (
    NOTHING_PREPARED,
    VIEW_MAX,
    NewView,
    PrePrepare,
    ViewChange,
    ViewChangeProof,
    Vote,
)
from consensus.records import BodyRecord, NewViewRecord
from hansa.block import Block, Proposal
from hansa.encoding import unpack
from hansa.errors import Rejected
from hansa.hashing import ZERO_HASH
from hansa.votes import PREPARE

if TYPE_CHECKING:
    from consensus.replica import Replica

SHOW_GAP_MS = 100
"""A peer that asks for a view which is over is shown the new view at most once in this time."""


class Views:
    """Moves its replica through the views of the current height."""

    __slots__ = ("_replica", "_shown")

    def __init__(self, replica: "Replica") -> None:
        self._replica = replica
        self._shown: dict[int, int] = {}

    # -- proposals -----------------------------------------------------------------------

    def on_pre_prepare(self, peer: int, message: PrePrepare, now: Now, out: Output) -> None:
        """Row B: a fresh block of view 0."""
        replica, state, facts = self._replica, self._replica.state, self._replica.facts
        if message.signer != peer or peer != replica.primary(0) or message.epoch != facts.epoch:
            return
        if state.status_vc or state.view != 0:
            return
        block_hash = message.proposal.header.hash
        known = state.accepted.get(0)
        statement = message.statement(facts.chain_id)
        if known is not None:
            if known != block_hash:
                first = state.own.get(("accepted", 0))
                if first is not None and facts.signature_holds(peer, statement, message.signature):
                    replica.accuse(peer, first, message, out)
            elif 0 not in state.prepare_views and block_hash in state.proposals:
                replica.run(block_hash, out, fresh=True)
            elif block_hash not in state.proposals:
                state.proposals[block_hash] = message.proposal
            return
        check_fresh(facts, message.proposal, 0, peer, replica.clock(now, 0))
        if not facts.signature_holds(peer, statement, message.signature):
            raise Rejected("proposal.signature", f"signer {peer}")
        state.own["accepted", 0] = message
        self._accept_fresh(0, message.proposal, now, out)

    def _accept_fresh(self, view: int, proposal: Proposal, now: Now, out: Output) -> None:
        replica, state = self._replica, self._replica.state
        block_hash = proposal.header.hash
        state.active = True
        state.accepted[view] = block_hash
        state.proposals[block_hash] = proposal
        replica.pacemaker.restart_progress(now.mono_ms, view, len(proposal.tx_hashes))
        if state.runs.get(block_hash):
            self.prepare(now, out)
        else:
            replica.run(block_hash, out, fresh=True)

    def offer(self, view: int, proposal: Proposal, block: bytes, now: Now, out: Output) -> None:
        """Rows A and G: an own fresh block is built; put it forward if its view still wants it."""
        replica, state = self._replica, self._replica.state
        me = replica.me
        if me is None or not replica.may_sign:
            return
        block_hash = proposal.header.hash
        if view == 0:
            if state.status_vc or state.view != 0 or 0 in state.accepted:
                return
            state.keep_body(proposal, block)
            state.runs[block_hash] = True
            state.active = True
            state.accepted[0] = block_hash
            self._persist_body(block_hash, out)
            out.intents.append(PrePrepare(replica.facts.epoch, proposal, me))
            replica.pacemaker.restart_progress(now.mono_ms, 0, len(proposal.tx_hashes))
            self.prepare(now, out)
        elif state.status_vc and state.target == view and view in state.frozen:
            state.keep_body(proposal, block)
            state.runs[block_hash] = True
            self._persist_body(block_hash, out)
            self._propose_new_view(view, block_hash, proposal, out)

    def prepare(self, now: Now, out: Output) -> None:
        """PREPARE the accepted block of the current view: its body is durable with the vote."""
        replica, state = self._replica, self._replica.state
        view = state.view
        block_hash = state.accepted[view]
        if view in state.prepare_views or not replica.may_sign or replica.me is None:
            return
        if block_hash not in state.bodies:
            return
        state.prepare_views.add(view)
        self._persist_body(block_hash, out)
        vote = Vote(PREPARE, replica.facts.epoch, replica.height, view, block_hash, replica.me)
        out.intents.append(vote)
        replica.votes.try_prepared(now, out)

    def _persist_body(self, block_hash: bytes, out: Output) -> None:
        state = self._replica.state
        if block_hash not in state.persisted_bodies:
            state.persisted_bodies.add(block_hash)
            out.persist.append(BodyRecord(state.height, state.bodies[block_hash]))

    # -- view change ---------------------------------------------------------------------

    def start(self, target: int, now: Now, out: Output) -> None:
        """Row F: give up the views below `target`."""
        replica, state = self._replica, self._replica.state
        replica.pacemaker.enter_view_change()
        # Below what its guard knows a replica that lost its vote log would be refused for ever.
        target = max(target, replica.least_target)
        if not replica.may_sign or replica.me is None:
            return
        prepared = state.prepared
        if replica.locked_view > (NOTHING_PREPARED if prepared is None else prepared.view):
            # A COMMIT was signed here and its certificate forgotten: until the others' PREPAREs
            # or view changes bring it back, this replica stays where it is.
            replica.pacemaker.arm_progress(now.mono_ms, state.view)
            return
        change = self._change(target, prepared, replica.me)
        if self._was_signed_otherwise(change):
            target += 1
            change = self._change(target, prepared, replica.me)
        if target > VIEW_MAX:
            return
        state.status_vc = True
        state.target = target
        state.building = None
        state.active = True
        certificate = None if prepared is None else prepared.certificate
        out.intents.append(ViewChangeProof(change, certificate))
        self._consider(now, out)

    def _change(self, target: int, prepared: Prepared | None, me: int) -> ViewChange:
        """The own VIEW-CHANGE to a target, claiming what is prepared."""
        replica = self._replica
        return ViewChange(
            replica.facts.epoch,
            replica.height,
            target,
            NOTHING_PREPARED if prepared is None else prepared.view,
            ZERO_HASH if prepared is None else prepared.block_hash,
            me,
        )

    def _was_signed_otherwise(self, change: ViewChange) -> bool:
        """Whether the guard has signed another claim for this target, which the log lost."""
        replica = self._replica
        if change.target != replica.least_target or replica.signed_change is None:
            return False
        return change.statement(replica.facts.chain_id) != replica.signed_change

    def on_view_change(self, peer: int, proof: ViewChangeProof, now: Now, out: Output) -> None:
        """Row F, accept: the latest of each signer, with a claim that holds."""
        replica, state = self._replica, self._replica.state
        change = proof.view_change
        if change.signer != peer or change.epoch != replica.facts.epoch:
            return
        if change.target <= state.view:
            self._show_new_view(peer, now, out)
            return
        known = state.changes.get(peer)
        if known is not None and known.view_change.target >= change.target:
            return
        check_view_change(replica.facts, proof)
        replica.votes.compare_all(proof, out)
        if proof.certificate is not None:
            replica.votes.learn_prepared(proof.certificate, out)
        self.count(proof, now, out)

    def count(self, proof: ViewChangeProof, now: Now, out: Output) -> None:
        """A checked view change, or an own one that is durable."""
        state = self._replica.state
        state.changes[proof.view_change.signer] = proof
        self._consider(now, out)

    def _consider(self, now: Now, out: Output) -> None:
        """Join f + 1 others, wait for a new view, or make it."""
        replica, state = self._replica, self._replica.state
        validators = replica.facts.validators
        current = state.target if state.status_vc else state.view
        targets = sorted(
            (proof.view_change.target for proof in state.changes.values()), reverse=True
        )
        if len(targets) >= validators.weak_quorum:
            joined = targets[validators.weak_quorum - 1]
            if joined > current and replica.may_sign:
                self.start(joined, now, out)
                return
        if not state.status_vc:
            return
        held = [target for target in targets if target >= state.target]
        if len(held) >= validators.quorum:
            replica.pacemaker.arm_view_change(now.mono_ms, state.target)
        mine = replica.may_sign and replica.primary(state.target) == replica.me
        if mine and state.target not in state.frozen:
            self._choose(out)

    def _choose(self, out: Output) -> None:
        """Row G: with a quorum for exactly the own target, choose the block of the new view."""
        replica, state = self._replica, self._replica.state
        exact = tuple(
            state.changes[signer]
            for signer in sorted(state.changes)
            if state.changes[signer].view_change.target == state.target
        )
        if len(exact) < replica.facts.validators.quorum:
            return
        state.frozen[state.target] = exact
        chosen = largest_claim(exact)
        if chosen is None:
            replica.duties.build(state.target, out)
        else:
            self._propose_new_view(state.target, chosen.view_change.prepared_hash, None, out)

    def _propose_new_view(
        self, view: int, block_hash: bytes, proposal: Proposal | None, out: Output
    ) -> None:
        replica, state = self._replica, self._replica.state
        frozen = state.frozen[view]
        chosen = largest_claim(frozen)
        assert replica.me is not None
        message = NewView(
            replica.facts.epoch,
            replica.height,
            view,
            tuple(proof.view_change for proof in frozen),
            None if chosen is None else chosen.certificate,
            block_hash,
            proposal,
            replica.me,
        )
        out.intents.append(message)

    def _show_new_view(self, peer: int, now: Now, out: Output) -> None:
        """A peer wants a view that is over: the new view proves itself."""
        new_view = self._replica.state.new_view
        gap = now.mono_ms - self._shown.get(peer, now.mono_ms - SHOW_GAP_MS)
        if new_view is not None and gap >= SHOW_GAP_MS:
            self._shown[peer] = now.mono_ms
            out.send.append((peer, new_view))

    # -- new view ------------------------------------------------------------------------

    def on_new_view(self, message: NewView, now: Now, out: Output) -> None:
        """Row G, accept: proven, and not a step back.

        It proves itself by its primary's signature, so that whoever holds it may show it.
        """
        replica, facts = self._replica, self._replica.facts
        if message.signer != replica.primary(message.view) or message.epoch != facts.epoch:
            return
        if message.view == 0 or not self._moves_on(message.view):
            self._compare(message, out)
            return
        justified = check_new_view(facts, message)
        if not justified:
            assert message.proposal is not None
            clock = replica.clock(now, message.view)
            check_fresh(facts, message.proposal, message.view, message.signer, clock)
        self.enter(message, now, out, own=False)

    def _compare(self, message: NewView, out: Output) -> None:
        """A second new view of a primary for the view in force: the same block, or a lie."""
        replica = self._replica
        known = replica.state.new_view
        if known is None or known.view != message.view or known.block_hash == message.block_hash:
            return
        statement = message.statement(replica.facts.chain_id)
        if replica.facts.signature_holds(message.signer, statement, message.signature):
            replica.accuse(message.signer, known, message, out)

    def _moves_on(self, view: int) -> bool:
        """A new view is accepted above the own view, in view change not below the own target."""
        state = self._replica.state
        return view >= state.target if state.status_vc else view > state.view

    def enter(self, message: NewView, now: Now, out: Output, *, own: bool) -> None:
        """Take over a checked new view and its block."""
        replica, state = self._replica, self._replica.state
        if not self._moves_on(message.view):
            return
        self._take_over(message)
        replica.pacemaker.enter_view_change()
        replica.pacemaker.arm_resend(now.mono_ms)
        if not own:
            out.persist.append(NewViewRecord(message))
        replica.votes.forget_old()
        if message.proposal is not None:
            self._accept_fresh(message.view, message.proposal, now, out)
            replica.votes.try_prepared(now, out)
            return
        replica.pacemaker.restart_progress(now.mono_ms, message.view, 0)
        assert message.certificate is not None
        if message.block_hash in state.bodies:
            self.prepare(now, out)
            replica.run(message.block_hash, out, fresh=False)
        else:
            replica.fetch(message.certificate, out)
        replica.votes.try_prepared(now, out)

    def _take_over(self, message: NewView) -> None:
        state = self._replica.state
        state.view = state.target = message.view
        state.status_vc = False
        state.active = True
        state.accepted[message.view] = message.block_hash
        state.new_view = message

    def retry_body(self, out: Output) -> None:
        """Ask again for the body of the accepted block, or run it, where that is still open."""
        replica, state = self._replica, self._replica.state
        block_hash = state.accepted.get(state.view)
        if block_hash is None or state.view in state.prepare_views:
            return
        new_view = state.new_view
        if block_hash in state.proposals:
            replica.run(block_hash, out, fresh=new_view is None or new_view.proposal is not None)
        else:
            # A fresh block's proposal is here, so that this one came with a certificate.
            assert new_view is not None
            assert new_view.certificate is not None
            replica.fetch(new_view.certificate, out)

    # -- restart ---------------------------------------------------------------------------

    def restore_body(self, block: bytes) -> None:
        """Row H: a body that was durable before a vote."""
        state = self._replica.state
        proposal = unpack(Block, block).proposal()
        state.keep_body(proposal, block)
        state.persisted_bodies.add(proposal.header.hash)

    def restore_pre_prepare(self, message: PrePrepare) -> None:
        """Row H: an own proposal of view 0."""
        state = self._replica.state
        state.active = True
        state.accepted[0] = message.proposal.header.hash
        state.proposals.setdefault(message.proposal.header.hash, message.proposal)

    def restore_new_view(self, message: NewView) -> None:
        """Row H: a new view that was accepted or made."""
        if self._moves_on(message.view):
            self._take_over(message)
        if message.proposal is not None:
            proposals = self._replica.state.proposals
            proposals.setdefault(message.block_hash, message.proposal)

    def restore_view_change(self, proof: ViewChangeProof) -> None:
        """Row H: an own view change: its target stands, and it is sent again."""
        state = self._replica.state
        target = proof.view_change.target
        state.active = True
        state.changes[proof.view_change.signer] = proof
        state.own["view-change", target] = proof
        if target > state.view:
            state.status_vc = True
            state.target = target
