"""What goes into the driver and what comes out of a turn (docs/spec/consensus.md, section 7)."""

from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from consensus.io import Asked, Evidence, Ran, Tick
from node.admission import Answer, Screening
from node.fate import Fate
from node.jobs import ApplyFailed, BuildDone, Committed, Job, Served, Stale
from node.outbound import Send


class ChainReader(Protocol):
    """Committed blocks, read beside the ledger thread."""

    def block_bytes(self, height: int) -> bytes | None:
        """The packed block at a height."""
        ...


@dataclass(frozen=True, slots=True)
class PeerMessage:
    """A message of a connected peer."""

    peer: str
    kind: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class PeerUp:
    """A peer connected."""

    peer: str


@dataclass(frozen=True, slots=True)
class PeerDown:
    """A peer is gone."""

    peer: str


@dataclass(frozen=True, slots=True)
class Verified:
    """A screened batch came back from the verifier; `ticket` names who waits for answers."""

    screening: Screening
    valid: tuple[bool, ...]
    ticket: int | None


Event: TypeAlias = (
    PeerMessage
    | PeerUp
    | PeerDown
    | Verified
    | BuildDone
    | Ran
    | Committed
    | ApplyFailed
    | Served
    | Stale
    | Tick
    | Asked
)


@dataclass(slots=True)
class Effects:
    """What the shell does after a turn, in this order.

    Attributes:
        sends: messages for peers.
        verify: batches of peers' transactions whose signatures must be checked.
        jobs: for the ledger thread, in order.
        answers: (ticket, answers) of batches that clients posted; the journal is durable.
        committed: blocks that became the head.
        ended: transactions that ended without a receipt.
        penalise: (peer, reason) of peers that lied provably.
        evidence: two statements that one validator must never both sign.
        diverged: this node's outcome of a decided block differs.
        wake_at: processed ms at which the next Tick is due.
    """

    sends: list[Send] = field(default_factory=list)
    verify: list[Screening] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    answers: list[tuple[int, list[Answer]]] = field(default_factory=list)
    committed: list[Committed] = field(default_factory=list)
    ended: list[tuple[bytes, Fate]] = field(default_factory=list)
    penalise: list[tuple[str, str]] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    diverged: bool = False
    wake_at: int | None = None
