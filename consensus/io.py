"""What goes into the core and what comes out (docs/spec/consensus.md, section 6).

The core returns what to do; the driver does it, in the order of `Output`'s fields.
"""

from dataclasses import dataclass
from typing import TypeAlias

from consensus.messages import Message, Signed
from consensus.records import Record
from consensus.schedule import Schedule
from hansa.block import Header, Proposal
from hansa.certificate import Certificate
from hansa.membership import ValidatorSet


@dataclass(frozen=True, slots=True)
class Now:
    """What the driver knows when it calls: the core has no clock and no mempool.

    Attributes:
        mono_ms: processed time, for timers; it stands still while the process does.
        wall_ms: ms since 1970, only to judge the stamp of a fresh block.
        pending: a transaction or a ripe due entry waits for a block.
        relayed: one of them is known to others too, so that a block must come.
    """

    mono_ms: int
    wall_ms: int
    pending: bool
    relayed: bool


@dataclass(frozen=True, slots=True)
class Received:
    """A decoded message of the validator at index `peer`, authenticated by its link."""

    peer: int
    message: Message


@dataclass(frozen=True, slots=True)
class Stored:
    """An own message that has been signed and is durable."""

    message: Signed


@dataclass(frozen=True, slots=True)
class Built:
    """The answer to Build: a block that is executed and equals its header, or nothing."""

    height: int
    view: int
    proposal: Proposal | None
    block: bytes


@dataclass(frozen=True, slots=True)
class Ran:
    """The answer to Run.

    Attributes:
        block_hash: which block.
        equal: the outcome is the header's and every block rule holds.
        block: the canonical bytes of the whole block, when all of it is here.
        culprit: the hash of the transaction that broke it, if one did.
    """

    height: int
    block_hash: bytes
    equal: bool
    block: bytes = b""
    culprit: bytes | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A body that was asked for by hash: complete, its links checked, not executed."""

    proposal: Proposal
    block: bytes


@dataclass(frozen=True, slots=True)
class Advanced:
    """The store's head moved: own commit or block sync. The one way into a new height.

    Attributes:
        certified_by: the set that signed `certificate`.
        validators: the set in force above `header`.
        schedule: a new schedule, when the epoch changed or heights were jumped.
    """

    header: Header
    certificate: Certificate
    certified_by: ValidatorSet
    validators: ValidatorSet
    schedule: Schedule | None = None


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed, or `pending` changed."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody here wants a freshness certificate."""


Input: TypeAlias = Received | Stored | Built | Ran | Fetched | Advanced | Tick | Asked


@dataclass(frozen=True, slots=True)
class Build:
    """Build a block on the head and execute it.

    Attributes:
        shrink: the weight limit is divided by 4 to this power.
        exclude: hashes of transactions that must stay out.
        allow_empty: a block without transactions is wanted rather than none.
    """

    height: int
    view: int
    last_certificate: Certificate | None
    shrink: int
    exclude: frozenset[bytes]
    allow_empty: bool


@dataclass(frozen=True, slots=True)
class Run:
    """Fetch what is missing of a block, check it and execute it.

    `fresh`: block rules that look at now (expiry) are judged; a decided or justified
    block is only executed.
    """

    proposal: Proposal
    primary: int
    fresh: bool


@dataclass(frozen=True, slots=True)
class Fetch:
    """Get a body by hash from one of `holders` (signer indices)."""

    height: int
    block_hash: bytes
    holders: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Commit:
    """Write the block and its certificate in one durable batch, then feed back Advanced."""

    block_hash: bytes
    certificate: Certificate


@dataclass(frozen=True, slots=True)
class Evidence:
    """Two statements that one validator must never both sign.

    Attributes:
        signer: its index in the set of their height.
        first, second: the statements.
        validator: its name; the set may be another one when somebody writes it down.
    """

    signer: int
    first: Signed
    second: Signed
    validator: str


Execute: TypeAlias = Build | Run | Fetch


@dataclass(slots=True)
class Output:
    """What to do, in this order. One turn may join several.

    Attributes:
        persist: records for the WAL, before anything else.
        intents: own messages without signatures. Each goes through the signer guard, is
            signed, appended to the WAL; when the WAL and the guard are synced it is sent to
            all and fed back as Stored. Only then does it count.
        send: (signer index or None for all, message): after the sync too.
        execute: work for the ledger thread and the fetcher.
        commit: what to commit, after the sync.
        evidence: lies, provable.
        diverged: a decided block came out otherwise here: stop signing, tell the operator.
        behind: (signer index, height) of peers that speak of heights beyond the next one.
        offences: (signer index, code) of peers that sent what no correct one passes on: a
            signature that does not hold. Each costs a check, so each costs its sender.
        wake_at: call again with Tick at this `mono_ms`, or None.
    """

    persist: list[Record]
    intents: list[Signed]
    send: list[tuple[int | None, Message]]
    execute: list[Execute]
    commit: list[Commit]
    evidence: list[Evidence]
    behind: list[tuple[int, int]]
    offences: list[tuple[int, str]]
    diverged: bool = False
    wake_at: int | None = None

    @classmethod
    def empty(cls) -> "Output":
        """Nothing to do."""
        return cls([], [], [], [], [], [], [], [])
