"""PREPARE and COMMIT: rows C and D of docs/spec/consensus.md."""

from typing import TYPE_CHECKING

from consensus.height import COMMIT_VIEWS_MAX, VIEWS_AHEAD_MAX, Prepared
from consensus.io import Now, Output
from consensus.messages import ViewChangeProof, Vote
from consensus.records import PreparedRecord
from hansa.certificate import Certificate
from hansa.errors import Rejected
from hansa.evidence import claims_less
from hansa.votes import COMMIT, PREPARE

if TYPE_CHECKING:
    from consensus.replica import Replica


class Votes:
    """Counts votes of the current height for its replica."""

    __slots__ = ("_replica",)

    def __init__(self, replica: "Replica") -> None:
        self._replica = replica

    def on_vote(self, peer: int, vote: Vote, now: Now, out: Output) -> None:
        """A vote of another replica, as the wire brought it."""
        replica, facts = self._replica, self._replica.facts
        if vote.signer != peer or vote.epoch != facts.epoch or not self._wanted(vote):
            return
        known = replica.state.tally.get(vote.phase, vote.view, vote.signer)
        if known is not None and known.block_hash == vote.block_hash:
            return
        if not facts.signature_holds(vote.signer, vote.statement(facts.chain_id), vote.signature):
            raise Rejected("vote.signature", f"signer {vote.signer}")
        if known is not None:
            replica.accuse(vote.signer, known, vote, out)
            return
        proof = replica.state.changes.get(vote.signer)
        if proof is not None:
            self.compare(vote, proof, out)
        self.count(vote, now, out)

    def compare(self, vote: Vote, proof: ViewChangeProof, out: Output) -> None:
        """A COMMIT and a view change of one signer: the second must not forget the first."""
        change = proof.view_change
        claim = (change.target, change.prepared_view, change.prepared_hash)
        if vote.phase == COMMIT and claims_less(vote.view, vote.block_hash, claim):
            self._replica.accuse(vote.signer, vote, proof, out)

    def compare_all(self, proof: ViewChangeProof, out: Output) -> None:
        """A view change with every COMMIT of its signer that is known."""
        tally = self._replica.state.tally
        for view in tally.views(COMMIT):
            vote = tally.get(COMMIT, view, proof.view_change.signer)
            if vote is not None:
                self.compare(vote, proof, out)

    def count(self, vote: Vote, now: Now, out: Output) -> None:
        """A checked vote, or an own one that is durable."""
        replica, state = self._replica, self._replica.state
        state.active = True
        state.tally.add(vote)
        if vote.phase == PREPARE:
            self.try_prepared(now, out)
            return
        self.forget_old()
        certificate = state.tally.certificate(
            COMMIT, vote.view, replica.facts.validators, replica.facts.epoch
        )
        if certificate is not None:
            replica.decide(certificate, out)

    def try_prepared(self, now: Now, out: Output) -> None:
        """Row C: a quorum of PREPAREs in the current view, own execution not needed."""
        replica, state = self._replica, self._replica.state
        view = state.view
        if state.status_vc or view in state.commit_views or state.decided is not None:
            return
        certificate = state.tally.certificate(
            PREPARE, view, replica.facts.validators, replica.facts.epoch
        )
        if certificate is None or not replica.may_sign or replica.me is None:
            return
        if state.tally.get(PREPARE, view, replica.me) is None:
            # COMMIT rests on the own PREPARE: block and vote were durable a turn before it.
            return
        state.prepared = Prepared(view, certificate.block_hash, certificate)
        state.commit_views.add(view)
        out.persist.append(PreparedRecord(certificate))
        out.intents.append(
            Vote(
                COMMIT,
                replica.facts.epoch,
                replica.height,
                view,
                certificate.block_hash,
                replica.me,
            )
        )
        replica.pacemaker.restart_progress(now.mono_ms, view, 0)

    def learn_prepared(self, certificate: Certificate, out: Output) -> None:
        """A checked prepared certificate of another replica: claiming more is always safe."""
        prepared = self._replica.state.prepared
        if prepared is None or certificate.view > prepared.view:
            view, block_hash = certificate.view, certificate.block_hash
            self._replica.state.prepared = Prepared(view, block_hash, certificate)
            out.persist.append(PreparedRecord(certificate))

    def restore_prepared(self, certificate: Certificate) -> None:
        """Row H: a certificate that an own COMMIT rests on."""
        state = self._replica.state
        if state.prepared is None or certificate.view >= state.prepared.view:
            state.prepared = Prepared(certificate.view, certificate.block_hash, certificate)

    def restore_own(self, vote: Vote) -> None:
        """Row H: an own vote, which counts and is sent again."""
        state = self._replica.state
        state.active = True
        state.tally.add(vote)
        state.own[f"vote{vote.phase}", vote.view] = vote
        if vote.phase == PREPARE:
            state.prepare_views.add(vote.view)
            state.accepted.setdefault(vote.view, vote.block_hash)
        else:
            state.commit_views.add(vote.view)

    def _window(self, phase: int) -> range:
        """The views whose votes have a place: PREPAREs from the own view, COMMITs from before."""
        state = self._replica.state
        last = max(state.view, state.target) + VIEWS_AHEAD_MAX
        first = state.view if phase == PREPARE else max(last - COMMIT_VIEWS_MAX + 1, 0)
        return range(first, last + 1)

    def forget_old(self) -> None:
        """Votes of views that can decide nothing any more give their place free."""
        tally = self._replica.state.tally
        for phase in (PREPARE, COMMIT):
            oldest = self._window(phase).start
            for view in tally.views(phase):
                if view < oldest:
                    tally.drop_view(phase, view)

    def _wanted(self, vote: Vote) -> bool:
        """Whether there is a place for a vote of its view."""
        return vote.view in self._window(vote.phase)
