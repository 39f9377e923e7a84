"""The ledger thread's work: executes, stores and adopts blocks, one job at a time.

The promise: a block is the head only after its one batch returned from a durable
write; of what was executed on a head that is gone, nothing is left.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol, assert_never

import msgpack

from consensus.io import Built, Ran
from hansa.block import Block
from hansa.certificate import Certificate
from hansa.encoding import pack
from hansa.errors import Rejected
from hansa.transaction import SignedTransaction
from ledger.execution import Ledger
from ledger.rules import BlockRefused, Limits
from ledger.staged import Staged
from node.jobs import (
    Answer,
    ApplyFailed,
    ApplyJob,
    BuildDone,
    BuildJob,
    CommitJob,
    Committed,
    Job,
    Outcome,
    RunJob,
    Served,
    ServeJob,
    Stale,
)

STAGED_MAX = 4
"""Executed blocks of one height kept: two views' worth and the decided one."""


SERVE_BYTES_MAX = 4 * 1024 * 1024
"""Blocks are read for one reply until they are this large: it holds no more."""


class BatchWriter(Protocol):
    """The store, as far as the ledger thread writes it."""

    def write(self, batch: Mapping[bytes, bytes | None], *, sync: bool) -> None:
        """Write a batch atomically; durable on return when `sync`."""
        ...


class Worker:
    """Owner of the ledger. Every call comes from the same thread."""

    def __init__(self, ledger: Ledger, store: BatchWriter, name: str) -> None:
        """`name` is the own node's, for blocks that are built here."""
        self.ledger = ledger
        self._store = store
        self._name = name
        self._staged: dict[bytes, Staged] = {}
        self.writes = 0
        self.keys_written = 0

    def do(self, job: Job) -> Answer:
        """Carry out one job."""
        match job:
            case BuildJob():
                return self._build(job)
            case RunJob():
                return self._run(job)
            case CommitJob():
                staged = self._staged.get(job.block_hash)
                return Stale() if staged is None else self._commit(staged, job.certificate)
            case ApplyJob():
                return self._apply(job.block, job.certificate)
            case ServeJob():
                return self._serve(job)
            case _:
                assert_never(job)

    def _build(self, job: BuildJob) -> BuildDone:
        nothing = Built(job.height, job.view, None, b"")
        if job.height != self.ledger.head.height + 1:
            return BuildDone(nothing, (), ())
        limits = self.ledger.limits()
        lowered = Limits(limits.bytes, limits.transactions, max(limits.weight >> 2 * job.shrink, 1))
        staged = self.ledger.build(
            job.candidates,
            time=job.time,
            primary=self._name,
            last_certificate=job.last_certificate,
            allow_empty=job.allow_empty,
            limits=lowered,
        )
        dropped = tuple((item.tx_hash, item.code) for item in self.ledger.dropped)
        if staged is None:
            return BuildDone(nothing, (), dropped)
        self._keep(staged)
        built = Built(job.height, job.view, staged.proposal, staged.body)
        return BuildDone(built, staged.transactions, dropped)

    def _run(self, job: RunJob) -> Ran:
        header = job.proposal.header
        block_hash = header.hash
        if header.height != self.ledger.head.height + 1:
            return Ran(header.height, block_hash, equal=False)
        try:
            staged = self.ledger.run(job.proposal, job.transactions, signatures_checked=True)
        except BlockRefused as error:
            return self._refused(job, error)
        except Rejected:
            return self._refused(job, None)
        self._keep(staged)
        return Ran(header.height, block_hash, equal=True, block=staged.body)

    @staticmethod
    def _refused(job: RunJob, error: BlockRefused | None) -> Ran:
        header = job.proposal.header
        raws = tuple(transaction.raw for transaction in job.transactions)
        block = pack(Block(header, raws, job.proposal.last_certificate))
        index = None if error is None else error.index
        culprit = None if index is None else job.transactions[index].tx_hash
        return Ran(header.height, header.hash, equal=False, block=block, culprit=culprit)

    def _apply(self, block: Block, certificate: Certificate) -> Answer:
        height = block.header.height
        if height != self.ledger.head.height + 1:
            return Stale()
        transactions = tuple(SignedTransaction.decode(raw) for raw in block.transactions)
        try:
            staged = self._run_certified(block, transactions)
        except Rejected as error:
            return ApplyFailed(height, f"{error.code}: {error.detail}")
        return self._commit(staged, certificate)

    def _run_certified(self, block: Block, transactions: tuple[SignedTransaction, ...]) -> Staged:
        """Execute a block of block sync; where it comes out otherwise, once more (row E).

        A quorum has checked the signatures; the body is bound to the certified header.

        Raises:
            Rejected: it came out otherwise twice.
        """
        proposal = block.proposal()
        with suppress(Rejected):  # memory may have run out
            return self.ledger.run(proposal, transactions, signatures_checked=True)
        return self.ledger.run(proposal, transactions, signatures_checked=True)

    def _commit(self, staged: Staged, certificate: Certificate) -> Committed:
        """The one durable batch of a block (row E)."""
        certified_by = self.ledger.validators
        batch = self.ledger.commit(staged, certificate)
        self._store.write(batch, sync=True)
        self.writes += 1
        self.keys_written += len(batch)
        self.ledger.adopt(staged)
        self._staged.clear()
        return Committed(
            staged.header,
            certificate,
            certified_by,
            staged.next_validators,
            tuple(_outcome(receipt) for receipt in staged.receipts),
            self.ledger.next_due(),
        )

    def _serve(self, job: ServeJob) -> Served:
        stored: list[tuple[bytes, bytes]] = []
        size = 0
        for height in range(job.from_height, job.from_height + job.count):
            block = self.ledger.block_bytes(height)
            certificate = self.ledger.certificate(height)
            if block is None or certificate is None or size > SERVE_BYTES_MAX:
                break
            size += len(block)
            stored.append((block, pack(certificate)))
        return Served(job.peer, job.from_height, tuple(stored))

    def _keep(self, staged: Staged) -> None:
        self._staged[staged.hash] = staged
        while len(self._staged) > STAGED_MAX:
            del self._staged[next(iter(self._staged))]


def _outcome(receipt: bytes) -> Outcome:
    """Four fields of an own receipt, without decoding its calls into objects."""
    fields = msgpack.unpackb(receipt, raw=False)
    assert isinstance(fields, list)
    return Outcome(fields[0], fields[1], fields[3], fields[4])
