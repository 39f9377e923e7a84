"""The consensus core: a function from input to output (docs/spec/consensus.md).

PBFT's phases and view change, one instance a height. Rows A to K of the
specification name the rules. The promises kept here: a replica never speaks
before its words are durable (own votes are intents and count only when they
come back as `Stored`), never sends COMMIT in a view after a VIEW-CHANGE above
it, and takes over no block in a new view that the view changes do not justify.
"""

from typing import assert_never

from consensus.ahead import Ahead
from consensus.checks import CLOCK_SKEW_MS, Facts, check_certificate
from consensus.duties import Duties
from consensus.freshness import Attestations
from consensus.guard import UNLOCKED
from consensus.height import HeightState
from consensus.io import (
    Advanced,
    Asked,
    Built,
    Commit,
    Evidence,
    Fetch,
    Fetched,
    Input,
    Now,
    Output,
    Ran,
    Received,
    Run,
    Stored,
    Tick,
)
from consensus.messages import (
    AskFresh,
    Body,
    Decided,
    Fresh,
    GetBody,
    Message,
    NewView,
    PrePrepare,
    Refuse,
    Signed,
    ViewChangeProof,
    Vote,
)
from consensus.pacemaker import Pacemaker
from consensus.records import (
    BodyRecord,
    DivergedRecord,
    NewViewRecord,
    OwnRecord,
    PreparedRecord,
    Record,
    message_height,
)
from consensus.schedule import Schedule
from consensus.set_aside import SetAside
from consensus.views import Views
from consensus.votes import Votes
from hansa.certificate import Certificate, FreshCertificate
from hansa.errors import Rejected
from hansa.votes import COMMIT

HELP_GAP_MS = 100
"""A lagging peer gets at most one answer in this time."""


class Replica:
    """One validator's (or, with `me` None, an observer's) view of consensus."""

    def __init__(self, facts: Facts, schedule: Schedule, me: str, t0_ms: int) -> None:
        """Begin at the height above the store's head.

        Args:
            facts: the head and the set above it.
            schedule: who is primary, advanced to the head.
            me: the own node's name; without a vote where the set does not hold it.
            t0_ms: how long view 0 waits.
        """
        self.name = me
        self.facts = facts
        self.schedule = schedule
        self.pacemaker = Pacemaker(t0_ms)
        self.state = HeightState(facts.height)
        self.fresh = Attestations(facts)
        self.set_aside = SetAside(facts.validators.weak_quorum)
        self.abstain_through = 0
        self.locked_view = UNLOCKED
        self.least_target = 0
        self.signed_change: bytes | None = None
        self.diverged = False
        self.votes = Votes(self)
        self.views = Views(self)
        self.duties = Duties(self)
        self._ahead = Ahead()
        self._helped: dict[int, int] = {}

    # -- what others may read ------------------------------------------------------------

    @property
    def me(self) -> int | None:
        """The own signer index in the set of this height."""
        return self.facts.validators.index_of(self.name)

    @property
    def height(self) -> int:
        """The height that is being decided."""
        return self.state.height

    @property
    def may_sign(self) -> bool:
        """Whether this replica may put its name to anything of this height."""
        return self.me is not None and not self.diverged and self.height > self.abstain_through

    @property
    def phase(self) -> str:
        """A word for people: what the replica is waiting for."""
        state = self.state
        if state.status_vc:
            return "view-change"
        if state.view in state.commit_views:
            return "commit"
        if state.view in state.accepted:
            return "prepare"
        return "idle" if not state.active and state.view == 0 else "pre-prepare"

    @property
    def freshness(self) -> FreshCertificate | None:
        """The latest freshness certificate of the head."""
        return self.fresh.certificate

    def primary(self, view: int | None = None) -> int:
        """The primary of a view of this height (default: the current one)."""
        return self.schedule.primary(self.height, self.state.view if view is None else view)

    def voters(self, phase: int) -> list[int]:
        """Who has voted in a phase of the current view, for people to look at."""
        signers = range(self.facts.validators.size)
        tally, view = self.state.tally, self.state.view
        return [signer for signer in signers if tally.get(phase, view, signer) is not None]

    def body(self, block_hash: bytes) -> bytes | None:
        """The whole block behind a hash of this height, to serve it."""
        return self.state.bodies.get(block_hash)

    def clock(self, now: Now, view: int) -> range:
        """The block times that are near enough to now."""
        past = now.wall_ms - CLOCK_SKEW_MS - self.pacemaker.wait(view)
        return range(past, now.wall_ms + CLOCK_SKEW_MS + 1)

    # -- the one entrance ----------------------------------------------------------------

    def step(self, event: Input, now: Now) -> Output:
        """Take one input. Total: no input from outside raises."""
        out = Output.empty()
        match event:
            case Received():
                self._received(event.peer, event.message, now, out)
            case Stored():
                self._stored(event, now, out)
            case Built():
                self._built(event, now, out)
            case Ran():
                self._ran(event, now, out)
            case Fetched():
                self._fetched(event, now, out)
            case Advanced():
                self._advance(event, now, out)
            case Asked():
                self.duties.asked = True
                out.send.append((None, AskFresh(self.height - 1)))
            case Tick():
                pass
            case _:
                assert_never(event)
        self.duties.act(now, out)
        out.wake_at = self.pacemaker.next_deadline()
        return out

    def restore(
        self,
        records: list[Record],
        locked_view: int = UNLOCKED,
        least_target: int = 0,
        signed_change: bytes | None = None,
    ) -> None:
        """Feed back the WAL's records of this height, in order, before the first step (row H).

        Nothing is executed and nothing is signed: stored messages are sent again.
        The rest is the guard's: the view of the last COMMIT at this height, the lowest target
        that it still signs, and the statement of its VIEW-CHANGE to just that target, if any.
        """
        self.locked_view, self.least_target = locked_view, least_target
        self.signed_change = signed_change
        self.duties.restored = True
        for record in records:
            match record:
                case BodyRecord():
                    self.views.restore_body(record.block)
                case PreparedRecord():
                    self.votes.restore_prepared(record.certificate)
                case NewViewRecord():
                    self.views.restore_new_view(record.message)
                case OwnRecord():
                    self._restore_own(record)
                case DivergedRecord():
                    self.abstain_through = max(self.abstain_through, record.height)
                case _:
                    assert_never(record)
        self.votes.forget_old()
        if self.state.own or self.state.new_view is not None:
            self.pacemaker.resend_at = 0

    # -- messages ------------------------------------------------------------------------

    def _received(self, peer: int, message: Message, now: Now, out: Output) -> None:
        """Sort by height, then by kind. Whatever is wrong with it ends here."""
        if isinstance(message, AskFresh):
            if message.height == self.height - 1:
                self.duties.asked = True
            return
        if isinstance(message, GetBody | Body):
            return
        height = self._height_of(message)
        if height == self.height or isinstance(message, Fresh):
            try:
                self._dispatch(peer, message, now, out)
            except Rejected as error:
                # The sender's fault, and it changed nothing here. Who sends a signature that
                # does not hold has lied or passed on what it did not check.
                if error.code.endswith(".signature"):
                    out.offences.append((peer, error.code))
        else:
            # Who shows a certificate has that block; who says anything else has the one below.
            head = height if isinstance(message, Decided) else height - 1
            if height == self.height + 1:
                self._ahead.keep(peer, message)
                out.behind.append((peer, head))
            else:
                self._compare(peer, head, now, out)

    def _compare(self, peer: int, head: int, now: Now, out: Output) -> None:
        """A peer speaks of another head: learn of it, or help it."""
        if head > self.height - 1:
            out.behind.append((peer, head))
            return
        certificate = self.facts.head_certificate
        gap = now.mono_ms - self._helped.get(peer, now.mono_ms - HELP_GAP_MS)
        if head < self.height - 1 and certificate is not None and gap >= HELP_GAP_MS:
            self._helped[peer] = now.mono_ms
            out.send.append((peer, Decided(certificate)))

    @staticmethod
    def _height_of(
        message: PrePrepare | Vote | ViewChangeProof | NewView | Decided | Refuse | Fresh,
    ) -> int:
        match message:
            case Decided():
                return message.certificate.height
            case Refuse():
                return message.height
            case _:
                return message_height(message)

    def _dispatch(
        self,
        peer: int,
        message: PrePrepare | Vote | ViewChangeProof | NewView | Decided | Refuse | Fresh,
        now: Now,
        out: Output,
    ) -> None:
        match message:
            case PrePrepare():
                self.views.on_pre_prepare(peer, message, now, out)
            case Vote():
                self.votes.on_vote(peer, message, now, out)
            case ViewChangeProof():
                self.views.on_view_change(peer, message, now, out)
            case NewView():
                self.views.on_new_view(message, now, out)
            case Decided():
                if self.state.decided is None:
                    check_certificate(self.facts, message.certificate, COMMIT)
                    self.decide(message.certificate, out)
            case Refuse():
                self._on_refuse(peer, message)
            case Fresh():
                self._compare(peer, message.height, now, out)
                if message.signer == peer:
                    self.fresh.add(message)
            case _:
                assert_never(message)

    def _on_refuse(self, peer: int, message: Refuse) -> None:
        proposal = self.state.proposals.get(message.block_hash)
        if proposal is not None and message.tx_hash in proposal.tx_hashes:
            self.set_aside.note(message.tx_hash, proposal.header.primary, peer)

    def _stored(self, event: Stored, now: Now, out: Output) -> None:
        """An own message is durable: now it counts like anybody's."""
        message = event.message
        if isinstance(message, Fresh):
            self.fresh.add(message)
            return
        if self.me is None or message_height(message) != self.height:
            return
        self.pacemaker.arm_resend(now.mono_ms)
        match message:
            case Vote():
                self.state.own[f"vote{message.phase}", message.view] = message
                self.votes.count(message, now, out)
            case ViewChangeProof():
                self.state.own["view-change", message.view_change.target] = message
                self.views.count(message, now, out)
            case NewView():
                self.state.own["propose", message.view] = message
                self.views.enter(message, now, out, own=True)
            case PrePrepare():
                self.state.own["propose", 0] = message
            case _:
                assert_never(message)

    def _restore_own(self, record: OwnRecord) -> None:
        message = record.message
        match message:
            case Vote():
                self.votes.restore_own(message)
            case ViewChangeProof():
                self.views.restore_view_change(message)
            case NewView():
                self.state.own["propose", message.view] = message
                self.views.restore_new_view(message)
            case PrePrepare():
                self.state.own["propose", 0] = message
                self.views.restore_pre_prepare(message)
            case Fresh():
                pass
            case _:
                assert_never(message)

    # -- answers of the ledger thread and the fetcher ---------------------------------------

    def _built(self, event: Built, now: Now, out: Output) -> None:
        if event.height != self.height or self.state.building != event.view:
            return
        self.state.building = None
        if event.proposal is None:
            self.pacemaker.built_nothing(now.mono_ms)
        else:
            self.views.offer(event.view, event.proposal, event.block, now, out)

    def _fetched(self, event: Fetched, now: Now, out: Output) -> None:
        header = event.proposal.header
        state = self.state
        if header.height != self.height or header.hash in state.bodies:
            return
        wanted = {state.accepted.get(state.view)}
        if state.decided is not None:
            wanted.add(state.decided.block_hash)
        if header.hash not in wanted:
            return
        state.keep_body(event.proposal, event.block)
        state.running.discard(header.hash)
        self.run(header.hash, out, fresh=False)
        if not state.status_vc and state.accepted.get(state.view) == header.hash:
            self.views.prepare(now, out)

    def _ran(self, event: Ran, now: Now, out: Output) -> None:
        state = self.state
        if event.height != self.height:
            return
        state.running.discard(event.block_hash)
        proposal = state.proposals.get(event.block_hash)
        if proposal is None:
            return
        if event.block:
            state.keep_body(proposal, event.block)
        if event.block or event.culprit is not None:
            state.runs[event.block_hash] = event.equal
        decided = state.decided
        if decided is not None and decided.block_hash == event.block_hash:
            self.finish(out)
        elif event.equal:
            if not state.status_vc and state.accepted.get(state.view) == event.block_hash:
                self.views.prepare(now, out)
        elif event.culprit is not None and self.me is not None:
            refuse = Refuse(self.height, state.view, event.block_hash, event.culprit)
            out.send.append((None, refuse))
            self.set_aside.note(event.culprit, proposal.header.primary, self.me)

    def accuse(self, signer: int, first: Signed, second: Signed, out: Output) -> None:
        """Two statements that one validator must never both sign: said once a height."""
        if signer not in self.state.accused:
            self.state.accused.add(signer)
            name = self.facts.validators.validators[signer].name
            out.evidence.append(Evidence(signer, first, second, name))

    def run(self, block_hash: bytes, out: Output, *, fresh: bool) -> None:
        """Have a block executed once, unless it was or is being."""
        state = self.state
        proposal = state.proposals[block_hash]
        if block_hash in state.runs or block_hash in state.running:
            return
        state.running.add(block_hash)
        primary = self.facts.validators.index_of(proposal.header.primary)
        out.execute.append(Run(proposal, 0 if primary is None else primary, fresh))

    def fetch(self, certificate: Certificate, out: Output) -> None:
        """Ask for a certified block: its signers held it, others may hold it still."""
        everyone = range(self.facts.validators.size)
        holders = tuple(signer for signer in everyone if signer != self.me)
        out.execute.append(Fetch(self.height, certificate.block_hash, holders))

    # -- decide, apply, advance -----------------------------------------------------------

    def decide(self, certificate: Certificate, out: Output) -> None:
        """Row D: a quorum of commits is final, whatever the status here."""
        if self.state.decided is None:
            self.state.decided = certificate
            self.finish(out)

    def finish(self, out: Output) -> None:
        """Rows D and E: have the decided block here, executed, then commit it."""
        state = self.state
        certificate = state.decided
        assert certificate is not None
        block_hash = certificate.block_hash
        outcome = state.runs.get(block_hash)
        if state.committing:
            return
        if outcome:
            state.committing = True
            out.commit.append(Commit(block_hash, certificate))
        elif block_hash not in state.bodies:
            # Also while a run of it gathers transactions: the others may have let them go.
            self.fetch(certificate, out)
        elif block_hash in state.running:
            return
        elif outcome is None:
            self.run(block_hash, out, fresh=False)
        elif block_hash not in state.cold_runs:
            # A run judged as fresh, or disturbed: once more, from the store alone.
            state.cold_runs.add(block_hash)
            del state.runs[block_hash]
            self.run(block_hash, out, fresh=False)
        elif not self.diverged:
            self.diverge(out)

    def diverge(self, out: Output) -> None:
        """The own outcome of the decided block is another one: sign nothing of its height again.

        The mark outlives restarts; it is past when a repaired node has committed the height.
        """
        self.diverged = out.diverged = True
        out.persist.append(DivergedRecord(self.height))

    def _advance(self, event: Advanced, now: Now, out: Output) -> None:
        """The head moved: begin the next height with what was said about it already."""
        header = event.header
        if header.height < self.height:
            return
        contiguous = header.height == self.height and header.epoch == self.schedule_epoch
        self.facts = Facts(
            self.facts.chain_id,
            header,
            event.certificate,
            event.certified_by,
            event.validators,
            self.facts.verify,
        )
        if event.schedule is not None:
            self.schedule = event.schedule
        else:
            assert contiguous
            self.schedule.advance(header)
        self.state = HeightState(self.facts.height)
        self.locked_view, self.least_target, self.signed_change = UNLOCKED, 0, None
        self.fresh = Attestations(self.facts)
        self.set_aside.advance(header.height, self.facts.validators.weak_quorum)
        self.pacemaker.enter_height(now.mono_ms)
        waiting = self._ahead.take()
        if header.validators_hash == header.next_validators_hash:
            # Else an index names another validator now, and what was said will be said again.
            for peer, message in waiting:
                self._received(peer, message, now, out)

    @property
    def schedule_epoch(self) -> int:
        """The epoch whose primaries the schedule gives."""
        return self.facts.epoch
