"""What goes through the mempool's door and what comes back (docs/spec/mempool.md, 1)."""

from dataclasses import dataclass, field
from typing import Protocol, Self, TypeAlias

from hansa.errors import HansaError, Rejected
from hansa.transaction import SignedTransaction
from node.fate import Fate
from node.lane import GOVERNANCE_LIMITS, MAIN_LIMITS, Entry, LaneLimits


class Settled(Protocol):
    """What the mempool reads of a receipt."""

    @property
    def tx_id(self) -> bytes:
        """Names the intent."""

    @property
    def tx_hash(self) -> bytes:
        """Names the bytes."""

    @property
    def index(self) -> int:
        """Place in the block."""

    @property
    def code(self) -> str:
        """``OK`` or a refusal."""

    @property
    def accepted(self) -> bool:
        """Whether the code is ``OK``."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of both lanes."""

    main: LaneLimits = MAIN_LIMITS
    governance: LaneLimits = GOVERNANCE_LIMITS


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a node may promise once the journal is durable: it is pending here.

    Attributes:
        tx_id: names the intent.
        tx_hash: names the bytes.
        accepted_ms: wall time of the first promise; the same bytes get the same answer again.
        expires_at: block time in ms after which it can no longer commit.
    """

    tx_id: bytes
    tx_hash: bytes
    accepted_ms: int
    expires_at: int

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """What may be said of a pending transaction."""
        transaction = entry.transaction
        expires_at = transaction.transaction.expires_at
        return cls(transaction.tx_id, transaction.tx_hash, entry.accepted_ms, expires_at)


@dataclass(frozen=True, slots=True)
class Ended:
    """The same intent came to its end before; nothing was admitted."""

    tx_id: bytes
    fate: Fate


Answer: TypeAlias = Accepted | Ended | HansaError
"""To one posted transaction, in the order of the posting. Errors are values here, not raised."""


@dataclass(frozen=True, slots=True)
class Screening:
    """A batch between its cheap checks and `admit`.

    Attributes:
        origin: `node.lane.CLIENT`, or the peer's node name.
        items: for each input its transaction, or an answer that needs no verification.
        unverified: transactions whose signatures must be verified, in order.
        unjudged: hashes of those that a proposal wants, which the ledger has not judged.
    """

    origin: str
    items: tuple[SignedTransaction | Answer, ...]
    unverified: tuple[SignedTransaction, ...]
    unjudged: frozenset[bytes]


@dataclass(slots=True)
class Admission:
    """What came of a batch. First make `records` durable, then give `answers` to a client.

    Attributes:
        records: for the journal.
        answers: one for each input, in order.
        complete: block hashes of open proposals that lack nothing any more.
        broken: (block hash, tx hash) of open proposals that hold an invalid transaction.
        offences: inputs that no correct peer passes on: undecodable or wrongly signed.
    """

    records: list[bytes] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    complete: list[bytes] = field(default_factory=list)
    broken: list[tuple[bytes, bytes]] = field(default_factory=list)
    offences: int = 0


@dataclass(slots=True)
class Changes:
    """Transactions that ended without a receipt.

    Attributes:
        records: for the journal; nothing waits for them to be durable.
        ended: (tx_id, fate), for whoever listens.
    """

    records: list[bytes] = field(default_factory=list)
    ended: list[tuple[bytes, Fate]] = field(default_factory=list)


def is_offence(error: Rejected) -> bool:
    """Whether a correct peer never passes on what was refused so: it decodes and verifies first."""
    return error.code.startswith("encoding.") or error.code in (
        "transaction.too-large",
        "transaction.version",
        "transaction.signers",
        "transaction.signature",
    )


def wrong_signature(transaction: SignedTransaction) -> Rejected:
    """The answer to a transaction of which a signature does not hold."""
    return Rejected(
        "transaction.signature",
        f"a signature of {transaction.tx_id.hex()[:16]} does not hold",
        "sign the body's bytes with the keys that it names, in their order",
    )
