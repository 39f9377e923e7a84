"""What the driver asks of the ledger thread, and what it answers.

One thread owns ledger and store; jobs go in by a queue, answers come back as
inputs of the driver (architecture, section 7).
"""

from dataclasses import dataclass
from typing import TypeAlias

from consensus.io import Built, Ran
from hansa.block import Block, Header, Proposal
from hansa.certificate import Certificate
from hansa.membership import ValidatorSet
from hansa.receipt import OK
from hansa.transaction import SignedTransaction


@dataclass(frozen=True, slots=True)
class BuildJob:
    """Build and execute a block; answered by BuildDone.

    Attributes:
        time: the block time in ms.
        shrink: the weight limit is divided by 4 to this power.
    """

    height: int
    view: int
    time: int
    last_certificate: Certificate | None
    allow_empty: bool
    shrink: int
    candidates: tuple[SignedTransaction, ...]


@dataclass(frozen=True, slots=True)
class RunJob:
    """Check and execute a proposal whose transactions are all here; answered by Ran."""

    proposal: Proposal
    transactions: tuple[SignedTransaction, ...]


@dataclass(frozen=True, slots=True)
class CommitJob:
    """Write an executed block durably and make it the head; answered by Committed."""

    block_hash: bytes
    certificate: Certificate


@dataclass(frozen=True, slots=True)
class ApplyJob:
    """Execute and commit a synced block; answered by Committed or ApplyFailed."""

    block: Block
    certificate: Certificate


@dataclass(frozen=True, slots=True)
class ServeJob:
    """Read stored blocks for a peer that syncs; answered by Served."""

    peer: str
    from_height: int
    count: int


Job: TypeAlias = BuildJob | RunJob | CommitJob | ApplyJob | ServeJob


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the mempool and those who wait need of a receipt."""

    tx_id: bytes
    tx_hash: bytes
    index: int
    code: str

    @property
    def accepted(self) -> bool:
        """Whether every call was carried out."""
        return self.code == OK


@dataclass(frozen=True, slots=True)
class BuildDone:
    """What building gave.

    Attributes:
        built: for the consensus core.
        transactions: of the block, in order, the due transaction among them.
        dropped: hashes of candidates that break a block rule now, with its code.
    """

    built: Built
    transactions: tuple[SignedTransaction, ...]
    dropped: tuple[tuple[bytes, str], ...]


@dataclass(frozen=True, slots=True)
class Committed:
    """A block is durable and the head.

    Attributes:
        certified_by: the set that signed it.
        validators: the set in force above it.
        receipts: of its transactions, in order.
        next_due_ms: block time at which the next due entry is ripe, or None.
    """

    header: Header
    certificate: Certificate
    certified_by: ValidatorSet
    validators: ValidatorSet
    receipts: tuple[Outcome, ...]
    next_due_ms: int | None


@dataclass(frozen=True, slots=True)
class ApplyFailed:
    """A synced block came out otherwise here than its header says."""

    height: int
    reason: str


@dataclass(frozen=True, slots=True)
class Served:
    """(block bytes, certificate bytes) of consecutive heights, for a peer."""

    peer: str
    from_height: int
    stored: tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Stale:
    """The job was for a head that is gone: nothing to tell anybody."""


Answer: TypeAlias = BuildDone | Ran | Committed | ApplyFailed | Served | Stale
