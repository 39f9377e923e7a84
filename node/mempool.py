"""The mempool: every transaction that is neither in a block nor dead (docs/spec/mempool.md).

What it promises: bytes are decoded, hashed and verified once; what a client was told is
pending ends in exactly one fate, across restarts too; nothing that a sender or a peer does
makes it grow beyond its limits; governance always has room.

A transaction's way: `screen` (decode and cheap checks), signatures verified outside,
`admit` (journal record, promise, gossip), `candidates` for a block, `on_commit` or
`expire`. No I/O and no clock: time is an argument, what must be written is returned.
"""

import heapq
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from hansa.block import hash_of_raw
from hansa.errors import Rejected, Unavailable
from hansa.transaction import DUE, TRANSACTION_BYTES_MAX, SignedTransaction
from node.admission import (
    Accepted,
    Admission,
    Answer,
    Changes,
    Ended,
    Limits,
    Screening,
    Settled,
    is_offence,
    wrong_signature,
)
from node.bodies import Bodies
from node.fate import COMMITTED, EVICTED, IS_EXPIRED, IS_PENDING, REFUSED, Fate, FateTable
from node.journal import AcceptedRecord, FateRecord, decode_journal, encode_accepted, encode_fate
from node.lane import CLIENT, Entry, Full, Lane, is_governance

VERIFIED_MAX = 200_000
"""Hashes of verified transactions, about 30 MiB: three minutes of the best rate."""
VERIFYING_MAX = 10_000
"""Transactions whose signatures are being checked: half a second of one whole core."""
JOURNAL_BYTES_MAX = 64 * 1024 * 1024
"""After so many bytes the journal is written anew: a minute of the best rate to read back."""
EXPIRY_SLACK = 1_024
"""The expiry heap may hold as many dead entries beyond twice the living before it is rebuilt."""

Admit = Callable[[SignedTransaction, int], None]
"""(transaction, wall time in ms) -> None; raises Rejected. The ledger's cheap checks."""


class Mempool:
    """All pending transactions of a node; one owner, no locks."""

    def __init__(self, admission: Admit, limits: Limits | None = None) -> None:
        limits = limits or Limits()
        self._admission = admission
        self._main = Lane(limits.main)
        self._governance = Lane(limits.governance)
        self._by_id: dict[bytes, bytes] = {}
        self._nonces: dict[bytes, bytes] = {}
        self._verified: dict[bytes, None] = {}
        self._verifying: dict[bytes, None] = {}
        self._verifying_count = 0
        self._expiries: list[tuple[int, bytes]] = []
        self._outbox: list[SignedTransaction] = []
        self._unrelayed = 0
        self._fates = FateTable()
        self._journal_bytes = 0
        self.bodies = Bodies()

    # -- admission -------------------------------------------------------------------------

    def screen(self, raws: Sequence[bytes], origin: str, wall_ms: int) -> Screening:
        """Decode a batch and check what is cheap to check.

        Every screening must come back through `admit` or, when its verification was
        cancelled, `abandon`.
        """
        items: list[SignedTransaction | Answer] = []
        unverified: list[SignedTransaction] = []
        unjudged: list[bytes] = []
        for raw in raws:
            item: SignedTransaction | Answer
            try:
                item = self._screen_one(raw, origin, wall_ms)
            except (Rejected, Unavailable) as error:
                item = error
            else:
                if isinstance(item, SignedTransaction):
                    if item.tx_hash not in self._verified:
                        unverified.append(item)
                        self._verifying[item.tx_hash] = None
                    if self.bodies.is_wanted(item.tx_hash):
                        unjudged.append(item.tx_hash)
            items.append(item)
        self._verifying_count += len(unverified)
        return Screening(origin, tuple(items), tuple(unverified), frozenset(unjudged))

    def admit(
        self, screening: Screening, valid: Sequence[bool], mono_ms: int, wall_ms: int
    ) -> Admission:
        """Take in a screened batch; `valid` says for each unverified one if its signatures hold.

        A peer's transactions get answers too, but no promise follows from them and no record.
        """
        self.abandon(screening)
        verdicts: dict[bytes, bool] = {}
        for transaction, holds in zip(screening.unverified, valid, strict=True):
            verdicts[transaction.tx_hash] = holds
            if holds:
                self._remember_verified(transaction.tx_hash)
        admission = Admission()
        for item in screening.items:
            answer: Answer
            if isinstance(item, SignedTransaction):
                try:
                    if not verdicts.get(item.tx_hash, True):
                        admission.broken += self._spoil(item.tx_hash)
                        raise wrong_signature(item)
                    self._supply(item, admission)
                    answer = self._admit_one(item, screening, mono_ms, wall_ms, admission)
                except (Rejected, Unavailable) as error:
                    answer = error
            else:
                answer = item
            if isinstance(answer, Rejected) and is_offence(answer):
                admission.offences += 1
            admission.answers.append(answer)
        self._journal_bytes += sum(map(len, admission.records))
        return admission

    def abandon(self, screening: Screening) -> None:
        """Forget a screening whose verification was cancelled."""
        self._verifying_count -= len(screening.unverified)
        for transaction in screening.unverified:
            self._verifying.pop(transaction.tx_hash, None)

    def _screen_one(self, raw: bytes, origin: str, wall_ms: int) -> SignedTransaction | Answer:
        """The transaction to verify and admit, or the answer."""
        tx_hash = None
        if len(raw) <= TRANSACTION_BYTES_MAX:  # a larger one is refused by the decoder, unhashed
            tx_hash = hash_of_raw(raw)
            entry = self.entry(tx_hash)
            if entry is not None:
                return entry.transaction
        transaction = SignedTransaction.decode(raw, tx_hash)
        if self.bodies.is_wanted(transaction.tx_hash):
            return transaction  # a proposal holds it: block rules judge it, not ours
        if origin != CLIENT and transaction.tx_hash in self._verifying:
            raise Unavailable("mempool.verifying", "the same bytes are being verified")
        if self._verifying_count >= VERIFYING_MAX:
            raise Full(
                "mempool.busy",
                f"{self._verifying_count} transactions wait for verification",
                "wait and post the same bytes again, or post them to another node",
            )
        ended = self._check(transaction, origin)
        if ended is not None:
            return ended
        if transaction.tx_id not in self._by_id:
            self._admission(transaction, wall_ms)
        return transaction

    def _check(self, transaction: SignedTransaction, origin: str) -> Ended | None:
        """Judge a transaction by what is in the mempool.

        Raises:
            Rejected: ``mempool.due`` or ``mempool.nonce-used``.
            Full: ``mempool.full``, ``mempool.sender-full`` or ``mempool.peer-full``.
        """
        if transaction.transaction.type == DUE:
            raise Rejected("mempool.due", "a due transaction is made by the primary of a block")
        fate = self._fates.get(transaction.tx_id)
        if fate is not None and fate.final:
            return Ended(transaction.tx_id, fate)
        if transaction.tx_id not in self._by_id:
            if _nonce_key(transaction) in self._nonces:
                raise Rejected(
                    "mempool.nonce-used",
                    "another transaction of this sender with the same nonce is pending",
                    "sign it with a fresh nonce of 16 random bytes",
                )
            self._lane(transaction).check_room(transaction, origin)
        return None

    def _admit_one(
        self,
        transaction: SignedTransaction,
        screening: Screening,
        mono_ms: int,
        wall_ms: int,
        admission: Admission,
    ) -> Answer:
        """Take in a verified transaction, or find that its intent is pending already."""
        origin = screening.origin
        pending_hash = self._by_id.get(transaction.tx_id)
        if pending_hash is None:
            ended = self._check(transaction, origin)  # again: others came in between
            if ended is not None:
                return ended
            if transaction.tx_hash in screening.unjudged:
                self._admission(transaction, wall_ms)
            entry = Entry(transaction, origin, mono_ms, 0, origin != CLIENT)
            self._add(entry)
            if origin == CLIENT:
                self._outbox.append(transaction)
        else:
            pending = self.entry(pending_hash)
            assert pending is not None
            entry = pending
        if origin == CLIENT and entry.accepted_ms == 0:
            entry.accepted_ms = max(wall_ms, 1)
            admission.records.append(encode_accepted(entry.accepted_ms, entry.transaction.raw))
        return Accepted.of(entry)

    def _supply(self, transaction: SignedTransaction, admission: Admission) -> None:
        """Give a transaction to the open proposals that lack it."""
        for block_hash in self.bodies.supply(transaction):
            broken = self.bodies.broken(block_hash)
            if broken is None:
                admission.complete.append(block_hash)
            else:
                admission.broken.append((block_hash, broken))

    def _spoil(self, tx_hash: bytes) -> list[tuple[bytes, bytes]]:
        return [(block_hash, tx_hash) for block_hash in self.bodies.spoil(tx_hash)]

    # -- questions -------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._main.entries) + len(self._governance.entries)

    @property
    def bytes_count(self) -> int:
        """Bytes of all pending transactions."""
        return self._main.bytes + self._governance.bytes

    @property
    def verifying_count(self) -> int:
        """Transactions between `screen` and `admit`."""
        return self._verifying_count

    @property
    def relayed_count(self) -> int:
        """Pending transactions that another node has too: reasons to expect a block."""
        return len(self) - self._unrelayed

    @property
    def oldest_ms(self) -> int | None:
        """Monotonic time at which the oldest pending transaction was admitted."""
        heads = (next(lane.oldest(), None) for lane in (self._governance, self._main))
        return min((entry.arrived_ms for entry in heads if entry is not None), default=None)

    def entry(self, tx_hash: bytes) -> Entry | None:
        """A pending transaction by its hash."""
        return self._main.entries.get(tx_hash) or self._governance.entries.get(tx_hash)

    def get(self, tx_hash: bytes) -> SignedTransaction | None:
        """A pending transaction, or one that an open proposal holds."""
        entry = self.entry(tx_hash)
        return self.bodies.get(tx_hash) if entry is None else entry.transaction

    def by_id(self, tx_id: bytes) -> SignedTransaction | None:
        """A pending transaction by its intent."""
        tx_hash = self._by_id.get(tx_id)
        return None if tx_hash is None else self.get(tx_hash)

    def is_verified(self, tx_hash: bytes) -> bool:
        """Whether the signatures behind a hash were found valid here."""
        return tx_hash in self._verified

    def fate(self, tx_id: bytes) -> Fate | None:
        """Pending, or an end that the mempool remembers; None: ask the ledger's index."""
        return IS_PENDING if tx_id in self._by_id else self._fates.get(tx_id)

    def pending(self) -> Iterator[SignedTransaction]:
        """All pending transactions: governance first, then the oldest first."""
        for lane in (self._governance, self._main):
            for entry in lane.oldest():
                yield entry.transaction

    def candidates(
        self, count_max: int, bytes_max: int, exclude: Collection[bytes] = frozenset()
    ) -> list[SignedTransaction]:
        """What a block should hold: governance first, then the oldest first, within limits.

        One that does not fit into the bytes that are left is passed over.
        """
        chosen: list[SignedTransaction] = []
        room = bytes_max
        for transaction in self.pending():
            if len(chosen) >= count_max:
                break
            size = len(transaction.raw)
            if size <= room and transaction.tx_hash not in exclude:
                chosen.append(transaction)
                room -= size
        return chosen

    # -- proposals -------------------------------------------------------------------------

    def require(
        self, block_hash: bytes, height: int, tx_hashes: Sequence[bytes]
    ) -> tuple[bytes, ...]:
        """Open a proposal: hold its transactions until its height is decided.

        Returns the hashes that are missing; they are wanted from now on. `resolve` gives
        the transactions once `Admission.complete` has named the block.
        """
        return self.bodies.require(block_hash, height, tx_hashes, self._find)

    def hold(
        self, block_hash: bytes, height: int, transactions: Sequence[SignedTransaction]
    ) -> None:
        """Open an own proposal; its due transactions are had nowhere else."""
        self.bodies.hold(block_hash, height, transactions)

    def resolve(self, block_hash: bytes) -> tuple[SignedTransaction, ...] | None:
        """The transactions of an open proposal in its order; None while it lacks any."""
        return self.bodies.resolve(block_hash)

    # -- gossip ----------------------------------------------------------------------------

    def take_outbox(self) -> list[SignedTransaction]:
        """Clients' transactions since the last call that are still pending."""
        outbox, self._outbox = self._outbox, []
        return [transaction for transaction in outbox if transaction.tx_id in self._by_id]

    def own(self) -> Iterator[SignedTransaction]:
        """Pending transactions that clients gave to this node: for a peer that connects."""
        for lane in (self._governance, self._main):
            for entry in lane.oldest():
                if entry.origin == CLIENT:
                    yield entry.transaction

    def mark_relayed(self, transactions: Iterable[SignedTransaction]) -> None:
        """Note that at least one other node was sent these."""
        for transaction in transactions:
            entry = self.entry(transaction.tx_hash)
            if entry is not None and not entry.relayed:
                entry.relayed = True
                self._unrelayed -= 1

    # -- endings ---------------------------------------------------------------------------

    def on_commit(self, height: int, time_ms: int, receipts: Iterable[Settled]) -> Changes:
        """A block is final: its transactions leave, its proposals close, the expired end.

        `receipts` are those of the block, in any order; `time_ms` is the block's time.
        """
        changes = Changes()
        for receipt in receipts:
            word = COMMITTED if receipt.accepted else REFUSED
            fate = Fate(word, height, receipt.index, receipt.code)
            self._fates.put(receipt.tx_id, fate)
            pending_hash = self._by_id.get(receipt.tx_id)
            if pending_hash is not None:  # also when other signatures of the same body won
                self._remove(pending_hash)
            else:
                self._evict_rival(receipt.tx_hash, changes)
        self.bodies.release(height)
        self._expire(time_ms + 1, changes)
        return self._counted(changes)

    def expire(self, earliest_ms: int) -> Changes:
        """End what can no longer commit because every later block is at `earliest_ms` or after.

        That is the head's time + 1, or 65 s less than the time of a freshness certificate.
        """
        changes = Changes()
        self._expire(earliest_ms, changes)
        return self._counted(changes)

    def evict(self, tx_hashes: Iterable[bytes], reason: str) -> Changes:
        """Drop pending transactions that break a block rule now; `reason` is a stable code."""
        changes = Changes()
        for tx_hash in tx_hashes:
            if self.entry(tx_hash) is not None:
                self._end(tx_hash, Fate(EVICTED, reason=reason), changes)
        return self._counted(changes)

    # -- journal ---------------------------------------------------------------------------

    @property
    def journal_due(self) -> bool:
        """Whether the journal should be written anew from `journal_snapshot`."""
        return self._journal_bytes >= JOURNAL_BYTES_MAX

    def journal_snapshot(self) -> list[bytes]:
        """All records that a fresh journal needs; it replaces the old one when durable."""
        records = [
            encode_fate(FateRecord(tx_id, fate.word, fate.reason))
            for tx_id, fate in self._fates.local()
        ]
        for lane in (self._governance, self._main):
            records += [
                encode_accepted(entry.accepted_ms, entry.transaction.raw)
                for entry in lane.oldest()
                if entry.accepted_ms
            ]
        self._journal_bytes = 0
        return records

    def restore(
        self, records: Iterable[bytes], known: Callable[[bytes], Fate | None], mono_ms: int
    ) -> None:
        """Read the journal back at the start; `known` is the ledger's index by `tx_id`.

        Signatures were verified before the records were written. Call `expire` afterwards.

        Raises:
            Corrupt: ``journal.record``.
        """
        for data in records:
            record = decode_journal(data)
            if isinstance(record, AcceptedRecord):
                self._restore_one(record, known, mono_ms)
                continue
            pending_hash = self._by_id.get(record.tx_id)
            if pending_hash is not None:
                self._remove(pending_hash)
            self._fates.put(record.tx_id, record.fate)

    def _restore_one(
        self, record: AcceptedRecord, known: Callable[[bytes], Fate | None], mono_ms: int
    ) -> None:
        transaction = record.transaction
        fate = known(transaction.tx_id)
        if fate is not None:
            self._fates.put(transaction.tx_id, fate)
        elif transaction.tx_id not in self._by_id and _nonce_key(transaction) not in self._nonces:
            self._remember_verified(transaction.tx_hash)
            self._add(Entry(transaction, CLIENT, mono_ms, record.accepted_ms, relayed=False))

    # -- inside ----------------------------------------------------------------------------

    def _find(self, tx_hash: bytes) -> SignedTransaction | None:
        entry = self.entry(tx_hash)
        return None if entry is None else entry.transaction

    def _lane(self, transaction: SignedTransaction) -> Lane:
        return self._governance if is_governance(transaction) else self._main

    def _remember_verified(self, tx_hash: bytes) -> None:
        self._verified[tx_hash] = None
        if len(self._verified) > VERIFIED_MAX:
            del self._verified[next(iter(self._verified))]

    def _add(self, entry: Entry) -> None:
        transaction = entry.transaction
        self._lane(transaction).add(entry)
        self._fates.forget(transaction.tx_id)
        self._by_id[transaction.tx_id] = transaction.tx_hash
        self._nonces[_nonce_key(transaction)] = transaction.tx_hash
        self._unrelayed += not entry.relayed
        heapq.heappush(self._expiries, (transaction.transaction.expires_at, transaction.tx_hash))
        if len(self._expiries) > 2 * len(self) + EXPIRY_SLACK:
            self._expiries = [(one.transaction.expires_at, one.tx_hash) for one in self.pending()]
            heapq.heapify(self._expiries)

    def _remove(self, tx_hash: bytes) -> Entry:
        lane = self._main if tx_hash in self._main.entries else self._governance
        entry = lane.remove(tx_hash)
        del self._by_id[entry.transaction.tx_id]
        del self._nonces[_nonce_key(entry.transaction)]
        self._unrelayed -= not entry.relayed
        return entry

    def _end(self, tx_hash: bytes, fate: Fate, changes: Changes) -> None:
        """A pending transaction ends without a receipt."""
        entry = self._remove(tx_hash)
        tx_id = entry.transaction.tx_id
        self._fates.put(tx_id, fate)
        changes.ended.append((tx_id, fate))
        if entry.accepted_ms:
            changes.records.append(encode_fate(FateRecord(tx_id, fate.word, fate.reason)))

    def _evict_rival(self, tx_hash: bytes, changes: Changes) -> None:
        """Another body of the same sender and nonce committed: ours never can."""
        winner = self.bodies.get(tx_hash)
        rival = None if winner is None else self._nonces.get(_nonce_key(winner))
        if rival is not None:
            self._end(rival, Fate(EVICTED, reason="mempool.nonce-used"), changes)

    def _expire(self, earliest_ms: int, changes: Changes) -> None:
        while self._expiries and self._expiries[0][0] < earliest_ms:
            tx_hash = heapq.heappop(self._expiries)[1]
            if self.entry(tx_hash) is not None:
                self._end(tx_hash, IS_EXPIRED, changes)

    def _counted(self, changes: Changes) -> Changes:
        self._journal_bytes += sum(map(len, changes.records))
        return changes


def _nonce_key(transaction: SignedTransaction) -> bytes:
    return transaction.sender + transaction.transaction.nonce
