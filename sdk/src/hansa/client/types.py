"""The JSON shapes of the API `/v1`, one definition for node and client.

Ids are lower-case hex, payloads base64url without padding, times whole milliseconds since
1970 (``_s``: whole seconds). Fields are only ever added: a client ignores what it does not know.
docs/spec/api.md, section 3.
"""

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

if TYPE_CHECKING:
    Json: TypeAlias = bool | int | str | list["Json"] | dict[str, "Json"] | None
    """A JSON value; the API gives no floats."""
else:
    Json = Any  # msgspec knows no recursive alias

FateState = Literal["pending", "committed", "refused", "expired", "evicted", "unknown"]
Wait = Literal["none", "check", "commit"]
Direction = Literal["up", "down", "both"]

FINAL_STATES = ("committed", "refused", "expired")
"""Fates that no node will ever contradict; `evicted` is one node's word."""


class Shape(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Base of every JSON object of the API."""


class Fate(Shape, frozen=True, kw_only=True, gc=False):
    """What became of a transaction.

    `code` and `reason` say why it was refused, evicted or set aside. `height` and `index` stand
    where a block holds it: a refused one has them too when it left a receipt.
    """

    state: FateState
    code: str = ""
    height: int | None = None
    index: int | None = None
    reason: str = ""

    @property
    def final(self) -> bool:
        """Whether no node will ever say otherwise."""
        return self.state in FINAL_STATES


class PromiseView(Shape, frozen=True, kw_only=True, gc=False):
    """A signed promise; its entries are the taken transactions of the reply, in order."""

    node: str
    key: str
    promised_at: int
    signature: str


class NoCommitYet(Shape, frozen=True, kw_only=True, gc=False):
    """Why a wait ended without a commit: ``quorum.missing`` or ``wait.timeout``."""

    code: str
    detail: str
    hint: str
    validators: int
    need: int
    live: int
    missing: tuple[str, ...] = ()


class ErrorAt(Shape, frozen=True, kw_only=True, gc=False):
    """One of several errors in one body: `path` is a JSON path such as ``$.txs[3]``."""

    path: str
    detail: str


class Problem(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An error as RFC 9457 has it, with hansa's stable code and what to do."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    hint: str = ""
    errors: tuple[ErrorAt, ...] = ()


class EventView(Shape, frozen=True, kw_only=True, gc=False):
    """An event that a call left: ``<contract>.<what>`` and its fields."""

    name: str
    fields: Json


class RecordChangeView(Shape, frozen=True, kw_only=True, gc=False):
    """A record's version before and after; 0: there was, or is, none."""

    key: str
    before: int
    after: int


class CallResultView(Shape, frozen=True, kw_only=True, gc=False):
    """What one call gave."""

    result: Json
    events: tuple[EventView, ...]
    records: tuple[RecordChangeView, ...]


class ReceiptView(Shape, frozen=True, kw_only=True, gc=False):
    """A receipt for reading; `raw` (base64url) is the leaf of the log."""

    tx_id: str
    tx_hash: str
    height: int
    index: int
    code: str
    failed_call: int
    error: Json
    calls: tuple[CallResultView, ...]
    raw: str


class Submitted(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The answer to one transaction: ids when it was taken, a problem when it was not."""

    tx_id: str = ""
    tx_hash: str = ""
    expires_at: int = 0
    fate: Fate | None = None
    promise: PromiseView | None = None
    receipt: ReceiptView | None = None
    not_yet: NoCommitYet | None = None
    problem: Problem | None = None


class SubmittedBatch(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The answer to a batch, in the order of the batch, with one promise for what was taken."""

    results: tuple[Submitted, ...]
    promise: PromiseView | None = None
    not_yet: NoCommitYet | None = None


class CallView(Shape, frozen=True, kw_only=True, gc=False):
    """A call with its arguments for reading."""

    contract: str
    method: str
    args: Json


class TransactionView(Shape, frozen=True, kw_only=True, gc=False):
    """A transaction, decoded for reading; `raw` holds the bytes (base64url)."""

    tx_id: str
    tx_hash: str
    chain_id: str
    type: int
    calls: tuple[CallView, ...]
    nonce: str
    expires_at: int
    signers: tuple[str, ...]
    signatures: tuple[str, ...]
    raw: str


class TransactionReply(Shape, frozen=True, kw_only=True, gc=False):
    """What a node knows of a transaction."""

    tx_id: str
    fate: Fate
    transaction: TransactionView | None = None
    receipt: ReceiptView | None = None


class ValidatorView(Shape, frozen=True, kw_only=True, gc=False):
    """A validator as this node sees it; `seen_s` is the age of its last word."""

    name: str
    member: str
    reachable: bool
    key: str = ""
    height: int | None = None
    version: str = ""
    seen_s: int | None = None


class Quorum(Shape, frozen=True, kw_only=True, gc=False):
    """How many validators there are, are needed, and are within reach (this node included)."""

    validators: int
    need: int
    live: int
    missing: tuple[str, ...] = ()

    @property
    def reached(self) -> bool:
        """Whether enough validators are within reach."""
        return self.live >= self.need


class Pending(Shape, frozen=True, kw_only=True, gc=False):
    """Transactions that wait for a block; `oldest_s` is the age of the oldest."""

    count: int = 0
    size_bytes: int = 0
    oldest_s: int = 0


class Status(Shape, frozen=True, kw_only=True, gc=False):
    """What one node says of itself and of the others. Answered without a quorum, too."""

    node: str
    member: str
    role: str
    chain_id: str
    version: str
    height: int
    block_hash: str
    block_time: int
    state_root: str
    log_size: int
    epoch: int
    view: int
    phase: str
    primary: str
    peers: int
    syncing: bool
    quorum: Quorum
    pending: Pending
    validators: tuple[ValidatorView, ...]
    state: str = "ok"
    sync_target: int | None = None
    fresh_at: int | None = None
    diverged: bool = False
    disk_free_bytes: int | None = None
    development_keys: bool = False
    time: int | None = None


class Peer(Shape, frozen=True, kw_only=True, gc=False):
    """A connection to another node, or why there is none."""

    name: str
    member: str
    role: str
    address: str
    direction: Literal["in", "out", "none"]
    connected: bool
    height: int | None = None
    version: str = ""
    since: int | None = None
    reason: str = ""


class Peers(Shape, frozen=True, kw_only=True, gc=False):
    """All peers that are configured, in state, or connected."""

    items: tuple[Peer, ...]


class Consensus(Shape, frozen=True, kw_only=True, gc=False):
    """Where the replica stands; names are node names."""

    height: int
    view: int
    phase: str
    primary: str
    epoch: int
    prepares: tuple[str, ...] = ()
    commits: tuple[str, ...] = ()
    view_changes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


class BlockSummary(Shape, frozen=True, kw_only=True, gc=False):
    """A block in one line."""

    height: int
    hash: str
    time: int
    primary: str
    epoch: int
    txs: int
    state_root: str
    log_root: str
    log_size: int


class Blocks(Shape, frozen=True, kw_only=True, gc=False):
    """A page of blocks, newest first; `next` is the cursor of the next page."""

    items: tuple[BlockSummary, ...]
    next: str | None = None


class BlockTransaction(Shape, frozen=True, kw_only=True, gc=False):
    """A transaction of a block in one line; `calls` are ``contract.method``."""

    index: int
    tx_id: str
    tx_hash: str
    sender: str
    calls: tuple[str, ...]
    code: str


class CertificateView(Shape, frozen=True, kw_only=True, gc=False):
    """Who committed a block."""

    view: int
    signers: tuple[str, ...]
    hash: str


class BlockView(Shape, frozen=True, kw_only=True, gc=False):
    """A block for reading; `header` has every field that its hash covers."""

    summary: BlockSummary
    header: Json
    transactions: tuple[BlockTransaction, ...]
    certificate: CertificateView | None
    validators: int


class StateView(Shape, frozen=True, kw_only=True, gc=False):
    """What stands under a key at a height: `value` for reading, `raw` base64url."""

    key: str
    height: int
    present: bool
    value: Json = None
    raw: str = ""


class RecordView(Shape, frozen=True, kw_only=True, gc=False):
    """A record of a contract."""

    contract: str
    id: str
    record: Json


class QueryReply(Shape, frozen=True, kw_only=True, gc=False):
    """What a query answered, and for which head: its height and its time in ms."""

    contract: str
    query: str
    height: int
    time: int
    result: Json


class Entry(Shape, frozen=True, kw_only=True, gc=False):
    """A key and its value."""

    key: str
    value: Json


class Entries(Shape, frozen=True, kw_only=True, gc=False):
    """A page of keys in order; `next` is the cursor of the next page."""

    items: tuple[Entry, ...]
    next: str | None = None


class TxSummary(Shape, frozen=True, kw_only=True, gc=False):
    """A transaction that was committed or refused in a block."""

    tx_id: str
    height: int
    index: int
    code: str


class Check(Shape, frozen=True, kw_only=True, gc=False):
    """One condition of readiness."""

    name: str
    ok: bool
    detail: str = ""


class Readiness(Shape, frozen=True, kw_only=True, gc=False):
    """Whether the node serves, and why not."""

    ready: bool
    checks: tuple[Check, ...]


class TxBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The JSON body of ``POST /v1/tx``: the signed transaction's bytes in base64url."""

    tx: str


class TxsBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The JSON body of ``POST /v1/txs``."""

    txs: list[str]
