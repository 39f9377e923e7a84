"""What a replica does unasked: rows A, F, H and J of docs/spec/consensus.md as time passes.

After every input the situation is looked at as a whole: which deadline has come, what must
be sent again, whether a block is wanted. So no promise hangs on a single input's arrival.
"""

from typing import TYPE_CHECKING

from consensus.io import Build, Now, Output
from consensus.messages import Fresh, PrePrepare
from consensus.pacemaker import FRESH_GAP_MS
from hansa.hashing import ZERO_HASH
from hansa.votes import COMMIT, PREPARE

if TYPE_CHECKING:
    from consensus.replica import Replica


class Duties:
    """Acts for its replica when a step's input is dealt with.

    Attributes:
        asked: somebody wants a freshness certificate.
        restored: the WAL was fed back and no step was taken since.
    """

    __slots__ = ("_replica", "asked", "restored")

    def __init__(self, replica: "Replica") -> None:
        self._replica = replica
        self.asked = False
        self.restored = False

    def act(self, now: Now, out: Output) -> None:
        """Do what is due."""
        replica, state, pace = self._replica, self._replica.state, self._replica.pacemaker
        if state.decided is not None:
            self._retry_decided(now, out)
            return
        if not state.status_vc and (state.view > 0 or state.active or now.relayed):
            pace.arm_progress(now.mono_ms, state.view)
        if self.restored:
            self.restored = False
            self._give_up_stale(now, out)
        if pace.progress_at is not None and now.mono_ms >= pace.progress_at:
            replica.views.start(state.view + 1, now, out)
        elif pace.view_change_at is not None and now.mono_ms >= pace.view_change_at:
            replica.views.start(state.target + 1, now, out)
        if pace.resend_at is not None and now.mono_ms >= pace.resend_at:
            self._resend(now, out)
        self._maybe_build(now, out)
        self._maybe_attest(now, out)

    def _give_up_stale(self, now: Now, out: Output) -> None:
        """Row H: after a restart an own proposal may be too old for the others to accept."""
        replica, state = self._replica, self._replica.state
        own = state.own.get(("propose", 0))
        if isinstance(own, PrePrepare) and state.prepared is None and not state.status_vc:
            age = now.wall_ms - own.proposal.header.time
            if state.view == 0 and age > replica.pacemaker.wait(0):
                replica.views.start(1, now, out)

    def _retry_decided(self, now: Now, out: Output) -> None:
        """A decided block that is still missing is asked for again and again."""
        replica, pace = self._replica, self._replica.pacemaker
        pace.progress_at = pace.view_change_at = pace.fresh_at = None
        if pace.resend_at is None:
            pace.arm_resend(now.mono_ms)
        elif now.mono_ms >= pace.resend_at:
            self._resend(now, out)
            if not replica.diverged:
                replica.finish(out)

    def _resend(self, now: Now, out: Output) -> None:
        """Everything is sent again until it is obsolete; no link is trusted to deliver."""
        replica, state = self._replica, self._replica.state
        wanted: list[tuple[str, int]] = []
        if state.status_vc:
            wanted.append(("view-change", state.target))
        else:
            wanted.append(("propose", state.view))
        # Also in view change: who forgot a certificate makes it again from PREPAREs.
        wanted += [(f"vote{PREPARE}", view) for view in sorted(state.prepare_views)[-1:]]
        wanted += [(f"vote{COMMIT}", view) for view in sorted(state.commit_views)[-2:]]
        for key in wanted:
            message = state.own.get(key)
            if message is not None:
                out.send.append((None, message))
        if not state.status_vc:
            replica.views.retry_body(out)
        replica.pacemaker.next_resend(now.mono_ms)

    def _maybe_build(self, now: Now, out: Output) -> None:
        """Row A: the primary of view 0 builds when something is pending."""
        replica, state, pace = self._replica, self._replica.state, self._replica.pacemaker
        if pace.build_at is not None:
            if now.mono_ms < pace.build_at:
                return
            pace.build_at = None
        idle = state.view == 0 and not state.status_vc and state.building is None
        if not (idle and now.pending and 0 not in state.accepted and replica.may_sign):
            return
        if replica.primary(0) == replica.me:
            self.build(0, out)

    def build(self, view: int, out: Output) -> None:
        """Have a fresh block built for a view."""
        replica, state = self._replica, self._replica.state
        state.building = view
        exclude = replica.set_aside.skipped(replica.height)
        if view > 1:
            exclude = exclude.union(*(proposal.tx_hashes for proposal in state.proposals.values()))
        certificate = replica.facts.head_certificate
        out.execute.append(Build(replica.height, view, certificate, view, exclude, view > 0))

    def _maybe_attest(self, now: Now, out: Output) -> None:
        """Row J: an idle replica says that its head was the last thing it knew."""
        replica, state, pace = self._replica, self._replica.state, self._replica.pacemaker
        quiet = not (state.prepare_views or state.commit_views or state.status_vc or now.pending)
        if state.active or not quiet or not replica.may_sign or replica.me is None:
            pace.fresh_at = None
            return
        if pace.fresh_at is None:
            pace.fresh_at = now.mono_ms + FRESH_GAP_MS
        asked = self.asked and now.mono_ms - pace.fresh_last >= FRESH_GAP_MS
        if asked or now.mono_ms >= pace.fresh_at:
            self.asked = False
            pace.attested(now.mono_ms)
            head = replica.facts.head
            assert head.hash != ZERO_HASH
            fresh = Fresh(head.height, head.hash, head.state_root, now.wall_ms, replica.me)
            out.intents.append(fresh)
