"""PREPARE and COMMIT: rows C and D of docs/spec/consensus.md."""

from typing import TYPE_CHECKING

from consensus.height import COMMIT_VIEWS_MAX, VIEWS_AHEAD_MAX, Prepared
from consensus.io import Evidence, Now, Output
from consensus.messages import Vote
from consensus.records import PreparedRecord
from hansa.certificate import Certificate
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
            return
        if known is not None:
            out.evidence.append(Evidence(vote.signer, known, vote))
            return
        self.count(vote, now, out)

    def count(self, vote: Vote, now: Now, out: Output) -> None:
        """A checked vote, or an own one that is durable."""
        replica, state = self._replica, self._replica.state
        state.active = True
        state.tally.add(vote)
        if vote.phase == PREPARE:
            self.try_prepared(now, out)
            return
        for view in state.tally.views(COMMIT)[:-COMMIT_VIEWS_MAX]:
            state.tally.drop_view(COMMIT, view)
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

    def _wanted(self, vote: Vote) -> bool:
        """Whether there is a place for a vote of its view."""
        state = self._replica.state
        if vote.phase == PREPARE:
            return state.view <= vote.view <= max(state.view, state.target) + VIEWS_AHEAD_MAX
        views = state.tally.views(COMMIT)
        return vote.view <= max(state.view, state.target) + COMMIT_VIEWS_MAX and (
            len(views) < COMMIT_VIEWS_MAX or vote.view > views[0]
        )
