"""The driver: carries out what the consensus core says, in the order that makes it safe.

One turn: inputs are drained and stepped through the core, outputs joined; own
messages pass the signer guard, are signed and appended to the WAL; WAL, guard and
journal are synced once; only then is anything sent, executed, committed or
answered. Cut the power between any two lines of `begin`, `sync` and `finish`:
nothing was said that is not on disk. No I/O here but through the file port, no
clock, no chance (docs/spec/consensus.md, section 7).
"""

from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import assert_never

from consensus.io import (
    Advanced,
    Asked,
    Build,
    Built,
    Execute,
    Fetch,
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
    Decided,
    Fresh,
    Message,
    Signed,
    decode_message,
    encode_message,
)
from consensus.records import (
    BodyRecord,
    OwnRecord,
    PreparedRecord,
    decode_record,
    encode_record,
    record_height,
)
from consensus.schedule import Schedule
from hansa.block import Block
from hansa.certificate import Certificate
from hansa.encoding import unpack
from hansa.errors import Rejected
from hansa.membership import ValidatorSet
from hansa.votes import COMMIT
from node.admission import Admission, Changes, Screening
from node.body_exchange import BODY_TAG
from node.durable import Durable
from node.events import (
    Effects,
    Event,
    PeerDown,
    PeerMessage,
    PeerUp,
    Verified,
)
from node.gossip_messages import batches
from node.jobs import (
    ApplyFailed,
    ApplyJob,
    BuildDone,
    BuildJob,
    CommitJob,
    Committed,
    RunJob,
    Served,
    ServeJob,
    Stale,
)
from node.outbound import Send
from node.parts import (
    ABSTAIN_FOR_NOW,
    AMNESIA_HEIGHTS,
    CANDIDATE_BYTES_MAX,
    CANDIDATES_MAX,
    EVENTS_MAX,
    NO_RESULT,
    RELAY_AGAIN_MAX,
    RELAY_AGAIN_MS,
    Parts,
)
from node.runs import Runs
from node.sync import (
    ApplyBlock,
    Lagging,
    Penalise,
    ServeBlocks,
    Sync,
    SyncAction,
    SyncedTo,
)
from p2p.frames import BULK, CONSENSUS, TRANSACTIONS


class Driver:
    """One owner of replica, mempool, gossip, sync and WAL. Not for use by two tasks."""

    def __init__(self, parts: Parts) -> None:
        """Take over the parts; `restore` follows."""
        self._parts = parts
        self.replica = parts.replica
        self.mempool = parts.mempool
        self._events: deque[Event | Stored] = deque()
        self._signed: list[Signed] = []
        self._effects = Effects()
        self.signer = parts.signer
        self.durable = Durable(parts.logs, parts.signer.guard)
        self.runs = Runs(parts.replica, parts.mempool, parts.gossip, parts.chain)
        self._next_due = parts.next_due_ms
        self._relayed_ms = 0
        self._spared: dict[bytes, None] = {}
        self.dropped_events = 0

    # -- start -----------------------------------------------------------------------------

    def restore(self, batches: list[list[bytes]]) -> None:
        """Give the WAL's records of the undecided height back to the core (row H)."""
        height = self.replica.height
        records = [decode_record(data) for batch in batches for data in batch]
        current = [record for record in records if record_height(record) == height]
        for record in current:
            if isinstance(record, BodyRecord):
                self.runs.hold(unpack(Block, record.block))
        remembers = self.replica.abstain_through != ABSTAIN_FOR_NOW
        known = self.signer.guard.encode()
        for record in records:
            if isinstance(record, OwnRecord):
                # The two logs are synced side by side: the guard moves up to the vote log.
                self.signer.remember(record.message, self.replica.facts.chain_id)
            elif isinstance(record, PreparedRecord):
                self.signer.guard.keep(record.certificate)
        if remembers and self.signer.guard.encode() != known:
            # What the guard's log has lost stands in the vote log alone: until the next sync. A
            # guard that is not there at all stays away: that is the mark of amnesia (8.4).
            self.durable.guard_moved()
        prepared = self.signer.guard.prepared
        if prepared is not None and prepared.height == height:
            current.append(PreparedRecord(prepared))
        self.replica.restore(current, *self.signer.guard.bounds_at(height))

    # -- the shell's side --------------------------------------------------------------------

    def feed(self, event: Event) -> None:
        """Queue an input for the next turn."""
        if len(self._events) >= EVENTS_MAX and isinstance(event, PeerMessage):
            self.dropped_events += 1
            return
        if isinstance(event, Ran):
            self.runs.ran(event.block_hash)
        self._events.append(event)

    @property
    def sync_machine(self) -> Sync:
        """Block sync, to look at."""
        return self._parts.sync

    @property
    def has_work(self) -> bool:
        """Whether a turn would find inputs."""
        return bool(self._events)

    def screen(self, raws: list[bytes], origin: str, wall_ms: int) -> Screening:
        """Begin the way of a client's batch: the shell verifies, then feeds `Verified`."""
        return self.mempool.screen(raws, origin, wall_ms)

    def begin(self, mono_ms: int, wall_ms: int) -> bool:
        """Drain and step the inputs, sign and append. Returns whether `sync` has work."""
        for _ in range(len(self._events)):
            self._handle(self._events.popleft(), mono_ms, wall_ms)
        self._effects.sends += self._parts.gossip.flush()
        return self.durable.is_dirty

    def syncs(self) -> list[Callable[[], None]]:
        """What makes durable what `begin` wrote: see `Durable.syncs`."""
        return self.durable.syncs()

    def finish(self) -> Effects:
        """What may now be said and done. Own messages come back as the first inputs."""
        effects, self._effects = self._effects, Effects()
        signed, self._signed = self._signed, []
        own = [Send(None, CONSENSUS, encode_message(message)) for message in signed]
        effects.sends = own + effects.sends
        self._events.extendleft(Stored(message) for message in reversed(signed))
        wakes = (
            self.replica.pacemaker.next_deadline(),
            self._parts.gossip.wake_at,
            self._parts.sync.wake_at,
        )
        effects.wake_at = min((at for at in wakes if at is not None), default=None)
        return effects

    # -- inputs ------------------------------------------------------------------------------

    def _handle(self, event: Event | Stored, mono_ms: int, wall_ms: int) -> None:
        match event:
            case PeerMessage():
                self._on_message(event, mono_ms, wall_ms)
            case Verified():
                self._on_verified(event, mono_ms, wall_ms)
            case PeerUp():
                self._effects.sends += self._parts.gossip.peer_up(event.peer, mono_ms)
                self._do_sync(self._parts.sync.peer_up(event.peer, mono_ms))
            case PeerDown():
                self._parts.gossip.peer_down(event.peer)
                self._do_sync(self._parts.sync.peer_down(event.peer, mono_ms))
            case BuildDone():
                self._on_built(event, mono_ms, wall_ms)
            case Committed():
                self._on_committed(event, mono_ms, wall_ms)
            case ApplyFailed() | Served() | Stale():
                self._on_answer(event, mono_ms, wall_ms)
            case Tick():
                self._on_tick(mono_ms)
                self._step(event, mono_ms, wall_ms)
            case Ran() | Asked() | Stored():
                self._step(event, mono_ms, wall_ms)
            case _:
                assert_never(event)

    def _on_tick(self, mono_ms: int) -> None:
        self._effects.sends += self._parts.gossip.tick(mono_ms)
        self._relay_again(mono_ms)
        self._do_sync(self._parts.sync.tick(mono_ms))
        if self.replica.abstain_through == ABSTAIN_FOR_NOW:
            self._end_amnesia()

    def _on_answer(self, event: ApplyFailed | Served | Stale, mono_ms: int, wall_ms: int) -> None:
        """An answer of the ledger thread that the core does not wait for."""
        match event:
            case ApplyFailed():
                # A quorum certified it and it came out otherwise here: the fault is ours.
                out = Output.empty()
                self.replica.diverge(out)
                self._join(out, mono_ms, wall_ms)
            case Served(peer, from_height, stored):
                self._do_sync(self._parts.sync.served(peer, from_height, stored, mono_ms))
            case Stale():
                pass  # for a head that is gone
            case _:
                assert_never(event)

    def _on_message(self, event: PeerMessage, mono_ms: int, wall_ms: int) -> None:
        try:
            if event.kind == CONSENSUS:
                index = self.replica.facts.validators.index_of(event.peer)
                message = decode_message(event.payload)
                if isinstance(message, Decided):
                    self._on_certificate(message.certificate, mono_ms)
                if index is not None:
                    self._step(Received(index, message), mono_ms, wall_ms)
            elif event.kind == TRANSACTIONS:
                self._on_gossip(event, mono_ms, wall_ms)
            elif event.kind == BULK and event.payload[:1] == BODY_TAG:
                sends, fetched = self.runs.receive(event.peer, event.payload, mono_ms)
                self._effects.sends += sends
                if fetched is not None:
                    self._step(fetched, mono_ms, wall_ms)
            elif event.kind == BULK:
                self._do_sync(self._parts.sync.receive(event.peer, event.payload, mono_ms))
        except Rejected as error:
            self._effects.penalise.append((event.peer, error.code))

    def _on_certificate(self, certificate: Certificate, mono_ms: int) -> None:
        """A certificate above the own height proves how far the chain is."""
        facts, sync = self.replica.facts, self._parts.sync
        above = certificate.height > max(facts.height, sync.target)
        if above and (certificate.phase, certificate.epoch) == (COMMIT, facts.epoch):
            certificate.check(facts.chain_id, facts.validators, facts.verify)
            self._do_sync(sync.proven(certificate.height, mono_ms))

    def _on_gossip(self, event: PeerMessage, mono_ms: int, wall_ms: int) -> None:
        incoming = self._parts.gossip.receive(event.peer, event.payload, mono_ms)
        self._effects.sends += incoming.sends
        if incoming.raws:
            screening = self.mempool.screen(incoming.raws, event.peer, wall_ms)
            if screening.unverified:
                self._effects.verify.append(screening)
            else:
                self._admit(screening, (), mono_ms, wall_ms)

    def _relay_again(self, mono_ms: int) -> None:
        """No link is trusted to deliver, a full queue drops: what waits long is sent again.

        While blocks come, whoever holds it will be primary soon; then nothing is sent.
        """
        oldest = self.mempool.oldest_ms
        if oldest is None or mono_ms < max(oldest, self._relayed_ms) + RELAY_AGAIN_MS:
            return
        self._relayed_ms = mono_ms
        waiting = list(islice(self.mempool.pending(), RELAY_AGAIN_MAX))
        for message in batches(transaction.raw for transaction in waiting):
            self._effects.sends.append(Send(None, TRANSACTIONS, message))

    def _on_verified(self, event: Verified, mono_ms: int, wall_ms: int) -> None:
        admission = self._admit(event.screening, event.valid, mono_ms, wall_ms)
        if event.ticket is not None:
            self._effects.answers.append((event.ticket, admission.answers))

    def _admit(
        self, screening: Screening, valid: tuple[bool, ...], mono_ms: int, wall_ms: int
    ) -> Admission:
        admission = self.mempool.admit(screening, valid, mono_ms, wall_ms)
        self.durable.remember(admission.records)
        if admission.offences and screening.origin:
            self._effects.penalise.append((screening.origin, "transaction.offence"))
        for block_hash in admission.complete:
            self._begin_run(self.runs.start(block_hash))
        for block_hash, tx_hash in admission.broken:
            ran = self.runs.spoil(block_hash, tx_hash)
            if ran is not None:
                self._step(ran, mono_ms, wall_ms)
        self._step(Tick(), mono_ms, wall_ms)
        return admission

    # -- the core ------------------------------------------------------------------------------

    def doubt_memory(self, certificate: Certificate, validators: ValidatorSet) -> None:
        """An own vote in a certificate that the guard is behind: the logs are of an older day.

        The guard is durable before a vote is sent, so they can only be a backup's. What they
        forgot may be any vote up to the height above a quorum's head: the rule of amnesia holds.
        """
        signer = validators.index_of(self.replica.name)
        if signer in certificate.signers() and self.signer.guard.slot.height < certificate.height:
            self.replica.abstain_through = ABSTAIN_FOR_NOW

    def _end_amnesia(self) -> None:
        """A validator without a guard has lost what it signed: it abstains until that is past.

        Who voted at h had h - 1, which q - 1 others had committed to: their heads are not below
        h - 2. Of any n + f + 1 - q others f + 1 are among them, so one correct: when the heads
        of so many are reached, votes two heights above the own head are new for certain. A
        claim alone, the (f + 1)th largest too, would not do: liars claim little.
        """
        replica, sync = self.replica, self._parts.sync
        validators = replica.facts.validators
        most = validators.size - 1  # alone there is nobody to ask
        enough = min(validators.size + validators.weak_quorum - validators.quorum, most)
        if sync.validators_reached >= enough:
            replica.abstain_through = sync.height + AMNESIA_HEIGHTS

    def _now(self, mono_ms: int, wall_ms: int) -> Now:
        if self._parts.sync.lagging:
            # Others have decided this height: nothing is wanted here but their blocks.
            return Now(mono_ms, wall_ms, pending=False, relayed=False)
        due = self._next_due is not None and self._next_due <= wall_ms
        pending = due or len(self.mempool) > 0
        return Now(mono_ms, wall_ms, pending, due or self.mempool.relayed_count > 0)

    def _step(self, event: Input, mono_ms: int, wall_ms: int) -> None:
        """Step the core and join its output to the turn's."""
        self._join(self.replica.step(event, self._now(mono_ms, wall_ms)), mono_ms, wall_ms)

    def _join(self, out: Output, mono_ms: int, wall_ms: int) -> None:
        self._persist(out)
        effects = self._effects
        for peer, message in out.send:
            effects.sends.append(self._addressed(peer, message))
        for work in out.execute:
            self._execute(work, mono_ms, wall_ms)
        for commit in out.commit:
            effects.jobs.append(CommitJob(commit.block_hash, commit.certificate))
        effects.evidence += out.evidence
        for index, code in out.offences:
            effects.penalise.append((self.replica.facts.validators.validators[index].name, code))
        effects.diverged = effects.diverged or out.diverged

    def _persist(self, out: Output) -> None:
        """Append records and signed intents: the records that a vote rests on stand before it."""
        records = [encode_record(record) for record in out.persist]
        for record in out.persist:
            if isinstance(record, PreparedRecord):
                self.signer.guard.keep(record.certificate)
        for intent in out.intents:
            signed = self.signer.sign(intent, self.replica.facts.chain_id)
            if signed is None:
                continue
            self._signed.append(signed)
            if not isinstance(signed, Fresh):
                records.append(encode_record(OwnRecord(signed)))
                self.durable.guard_moved()
        self.durable.vote(records)

    def _addressed(self, peer: int | None, message: Message) -> Send:
        name = None if peer is None else self.replica.facts.validators.validators[peer].name
        return Send(name, CONSENSUS, encode_message(message))

    # -- execution -------------------------------------------------------------------------------

    def _execute(self, work: Execute, mono_ms: int, wall_ms: int) -> None:
        match work:
            case Build():
                head = self.replica.facts.head
                candidates = self.mempool.candidates(
                    CANDIDATES_MAX, CANDIDATE_BYTES_MAX, work.exclude
                )
                job = BuildJob(
                    work.height,
                    work.view,
                    max(head.time + 1, wall_ms),
                    work.last_certificate,
                    work.allow_empty,
                    work.shrink,
                    tuple(candidates),
                )
                self._effects.jobs.append(job)
            case Run():
                sends, next_ = self.runs.want(work, mono_ms)
                self._effects.sends += sends
                self._begin_run(next_)
            case Fetch():
                self._effects.sends += self.runs.fetch(work)
            case _:
                assert_never(work)

    def _begin_run(self, what: RunJob | Ran | None) -> None:
        """A run that can begin, or whose answer is known without it."""
        if isinstance(what, RunJob):
            self._effects.jobs.append(what)
        elif what is not None:
            self._events.append(what)

    def _on_built(self, event: BuildDone, mono_ms: int, wall_ms: int) -> None:
        built: Built = event.built
        if event.dropped:
            for tx_hash, code in event.dropped:
                if code == NO_RESULT and tx_hash not in self._spared:
                    self._spared[tx_hash] = None
                    continue
                self._finish_changes(self.mempool.evict([tx_hash], code))
        if built.proposal is not None:
            block_hash = built.proposal.header.hash
            self.mempool.bodies.hold(block_hash, built.height, event.transactions)
        self._step(built, mono_ms, wall_ms)

    # -- the head moves ---------------------------------------------------------------------

    def _on_committed(self, event: Committed, mono_ms: int, wall_ms: int) -> None:
        header = event.header
        self.doubt_memory(event.certificate, event.certified_by)
        old = self.replica.facts
        schedule = None
        if header.validators_hash != header.next_validators_hash:
            schedule = Schedule(event.validators, header.height + 1, header.hash)
        self._relayed_ms = mono_ms
        self.runs.clear()
        entry = self.mempool.entry
        self._spared = dict.fromkeys(one for one in self._spared if entry(one) is not None)
        self._next_due = event.next_due_ms
        self._finish_changes(self.mempool.on_commit(header.height, header.time, event.receipts))
        self._effects.committed.append(event)
        if old.height == header.height:
            self.durable.height_done(header.height + 1, self._fresh_journal)
        advanced = Advanced(
            header, event.certificate, event.certified_by, event.validators, schedule
        )
        self._step(advanced, mono_ms, wall_ms)
        self._do_sync(
            self._parts.sync.advanced(header, event.certificate, event.validators, mono_ms)
        )

    def _fresh_journal(self) -> list[bytes] | None:
        return self.mempool.journal_snapshot() if self.mempool.journal_due else None

    def _finish_changes(self, changes: Changes) -> None:
        """Transactions that ended without a receipt: the journal forgets them too."""
        self.durable.remember(changes.records)
        self._effects.ended += changes.ended

    # -- block sync --------------------------------------------------------------------------

    def _do_sync(self, actions: list[SyncAction]) -> None:
        for action in actions:
            match action:
                case Send():
                    self._effects.sends.append(action)
                case ApplyBlock():
                    self._effects.jobs.append(ApplyJob(action.block, action.certificate))
                case ServeBlocks():
                    self._effects.jobs.append(
                        ServeJob(action.peer, action.from_height, action.count)
                    )
                case Penalise():
                    self._effects.penalise.append((action.peer, action.code))
                case Lagging() | SyncedTo():
                    pass  # the core follows `Committed`, whoever caused it
                case _:
                    assert_never(action)
