"""What `grant` keeps and takes: datasets, agreements, consents (docs/spec/grant.md, section 2).

The promise: nothing here is personal. A subject is the hash of a key that its holder uses
for this purpose alone; everything else is a digest, a name of a member, a time, a code.
"""

from typing import Annotated

import msgspec

from hansa.encoding import Hash, MemberName, Uint
from hansa.keys import PublicKey, Signature
from ledger.contract import Arguments, Stored
from ledger.records import Record, Version

DAY_MS = 24 * 3600 * 1000
ANSWER_MS_MIN = 1000
"""Shortest time to answer: one that a demonstration can wait for."""
ANSWER_MS_MAX = 90 * DAY_MS
ANSWER_MS = 10 * DAY_MS
"""Where a dataset says nothing: the longer of the terms that provinces set for shared data."""
CORRECTION_MS_MAX = 20 * DAY_MS
"""An objection is answered within 20 days (征信业管理条例, article 25)."""
CONSENT_MS_MAX = 10 * 366 * DAY_MS
"""A consent without an end is none; ten years is longer than any purpose here."""
PURPOSES_MAX = 32
WRAPS_MAX = 16
"""Keys of the assignee to which one delivery is wrapped."""
WRAP_BYTES_MAX = 512
"""An encrypted content key: a sealed box has 80 bytes, an SM2 one under 200."""
SEQ_MAX = 2**32

OPEN, CONDITIONAL, CLOSED = "open", "conditional", "closed"
REQUESTED, OFFERED, ACCEPTED, AGREED, VERIFIED, FINALIZED, TERMINATED = (
    "REQUESTED",
    "OFFERED",
    "ACCEPTED",
    "AGREED",
    "VERIFIED",
    "FINALIZED",
    "TERMINATED",
)
STARTED, SUSPENDED, COMPLETED = "STARTED", "SUSPENDED", "COMPLETED"
LIVE, WITHDRAWN, EXPIRED = "live", "withdrawn", "expired"
OVERDUE, CORRECTED, UPHELD = "overdue", "corrected", "upheld"
OFFER, AGREE, REFUSE = "offer", "agree", "refuse"
BY_CONSENT = "consent"
"""The legal basis that needs the subject's word (PIPL, article 13)."""

GrantId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}(?![\s\S])")]
Purpose = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}(?![\s\S])")]
"""A code of a purpose; what it means stands in the terms."""
SharingClass = Annotated[str, msgspec.Meta(pattern=r"^(open|conditional|closed)(?![\s\S])")]
LegalBasis = Annotated[
    str, msgspec.Meta(pattern=r"^(consent|contract|law|public-interest)(?![\s\S])")
]
Decision = Annotated[str, msgspec.Meta(pattern=r"^(offer|agree|refuse)(?![\s\S])")]
TransferState = Annotated[
    str, msgspec.Meta(pattern=r"^(REQUESTED|STARTED|SUSPENDED|COMPLETED|TERMINATED)(?![\s\S])")
]
Outcome = Annotated[str, msgspec.Meta(pattern=r"^(corrected|upheld)(?![\s\S])")]
Erasing = Annotated[str, msgspec.Meta(pattern=r"^(delete|overwrite|key-destroyed)(?![\s\S])")]
Role = Annotated[str, msgspec.Meta(max_length=64)]
Reason = Annotated[str, msgspec.Meta(max_length=256)]
KeyId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}(?![\s\S])")]
Wrapping = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,31}(?![\s\S])")]


class Policy(Stored, frozen=True):
    """What an owner permits: the part of ODRL that the chain enforces.

    Attributes:
        purposes: permitted ones; none named: any.
        until: last end of an agreement in ms; 0: any.
        consent: whether every agreement needs a subject's live consent.
    """

    purposes: Annotated[tuple[Purpose, ...], msgspec.Meta(max_length=PURPOSES_MAX)] = ()
    until: Uint = 0
    consent: bool = False


class Dataset(Record, frozen=True):
    """``grant/dataset/<id>``: an entry of the catalogue; its controller is the owner."""

    descriptor_digest: bytes
    sharing: str
    policy: Policy
    answer_ms: int = ANSWER_MS
    authority: str = ""
    contact_role: str = ""


class Agreement(Record, frozen=True):
    """``grant/agreement/<id>``: a negotiation and what it led to; its controller is the consumer.

    Attributes:
        terms: digest of the terms on the table, fixed with `ACCEPTED` or `AGREED`.
        consent: id of the consent that it rests on, or "".
        answer_by: when the provider must have answered, in ms; 0: it need not now.
        escalated: since when the authority may answer in the provider's place; 0: not.
        finalized_at: in ms.
        transfer: state of the running or last transfer; "": there was none.
        seq: number of the last delivery.
    """

    consumer: str
    dataset: str
    legal_basis: str
    provider: str
    purpose: str
    state: str
    terms: bytes
    until: int
    answer_ms: int
    answer_by: int = 0
    authority: str = ""
    consent: str = ""
    escalated: int = 0
    finalized_at: int = 0
    reason: str = ""
    seq: int = 0
    sharing: str = CONDITIONAL
    transfer: str = ""


class Wrap(Stored, frozen=True):
    """A content key encrypted to one key of the assignee; `ek` is the encrypted key."""

    to_key_id: KeyId
    alg: Wrapping
    ek: Annotated[bytes, msgspec.Meta(min_length=16, max_length=WRAP_BYTES_MAX)]


class Delivery(Stored, frozen=True):
    """``grant/delivery/<agreement>/<number>``: what was handed over, and how to open it."""

    digest: bytes
    height: int
    time: int
    where_commit: bytes
    wraps: tuple[Wrap, ...]


class Window(Stored, frozen=True):
    """A time in ms since 1970: `start` is in it, `end` is not."""

    start: Uint
    end: Uint


class Use(Stored, frozen=True):
    """What one side says about use: how often, and the digest of the receipts."""

    n: int
    receipt_digest: bytes
    time: int


class UseRecord(Record, frozen=True):
    """``grant/use/<agreement>/<start>-<end>``: both sides' word about one window."""

    sides: dict[str, Use]
    mismatch: bool = False


class ConsentRecord(Record, frozen=True):
    """``grant/consent/<id>``: a subject's word; its controller is who may use the data.

    `ended_at` is when it was withdrawn or expired, in ms; 0: it is live.
    """

    purpose: str
    scope_digest: bytes
    since: int
    state: str
    subject: bytes
    until: int
    ended_at: int = 0


class Live(Stored, frozen=True):
    """``grant/live/<subject>/<purpose>/<controller>``: there while a consent is live."""

    consent: str
    scope_digest: bytes
    since: int
    until: int


class CorrectionRecord(Record, frozen=True):
    """``grant/correction/<id>``: a claim that a field is wrong; its controller made it."""

    claim_digest: bytes
    dataset: str
    due: int
    field_digest: bytes
    state: str
    answer_digest: bytes = b""
    late: bool = False


class Erasure(Record, frozen=True):
    """``grant/erasure/<id>/<holder>/<scope>``: a holder's word that data are gone."""

    method: str
    scope_digest: bytes
    about: str
    time: int


class Publish(Arguments, frozen=True):
    """Arguments of `publish`."""

    id: GrantId
    descriptor_digest: Hash
    sharing: SharingClass = msgspec.field(name="class")
    policy: Policy = msgspec.field(default_factory=Policy)
    answer_ms: Annotated[int, msgspec.Meta(ge=ANSWER_MS_MIN, le=ANSWER_MS_MAX)] = ANSWER_MS
    authority: MemberName | None = None
    contact_role: Role = ""


class Request(Arguments, frozen=True):
    """Arguments of `request`; with `version` a counter-request, with `consumer` a first offer."""

    id: GrantId
    dataset: GrantId
    offer: Hash
    purpose: Purpose
    legal_basis: LegalBasis
    until: Uint
    consent: GrantId | None = None
    consumer: MemberName | None = None
    version: Version | None = None


class Decide(Arguments, frozen=True):
    """Arguments of `decide`."""

    id: GrantId
    version: Version
    decision: Decision
    terms_digest: Hash | None = None
    reason: Reason = ""


class OfAgreement(Arguments, frozen=True):
    """Arguments of `accept`, `verify` and `finalize`."""

    id: GrantId
    version: Version


class Terminate(Arguments, frozen=True):
    """Arguments of `terminate`."""

    id: GrantId
    version: Version
    reason: Reason


class Transfer(Arguments, frozen=True):
    """Arguments of `transfer`."""

    id: GrantId
    version: Version
    to: TransferState
    reason: Reason = ""


class Deliver(Arguments, frozen=True):
    """Arguments of `deliver`."""

    id: GrantId
    version: Version
    digest: Hash
    wraps: Annotated[tuple[Wrap, ...], msgspec.Meta(min_length=1, max_length=WRAPS_MAX)]
    where_commit: Hash
    seq: Annotated[int, msgspec.Meta(ge=1, le=SEQ_MAX)]


class Used(Arguments, frozen=True):
    """Arguments of `used`; `version` is that of the window's record, if there is one."""

    id: GrantId
    receipt_digest: Hash
    n: Uint
    at_window: Window
    version: Version | None = None


class GiveConsent(Arguments, frozen=True):
    """Arguments of `consent`; `signature` is by `key` over `consent_digest`."""

    id: GrantId
    subject: Hash
    controller: MemberName
    purpose: Purpose
    scope_digest: Hash
    until: Uint
    key: PublicKey
    signature: Signature


class WithdrawConsent(Arguments, frozen=True):
    """Arguments of `withdraw`; `signature` is by `key` over `withdrawal_digest`."""

    id: GrantId
    version: Version
    key: PublicKey
    signature: Signature


class Correction(Arguments, frozen=True):
    """Arguments of `correction`."""

    id: GrantId
    dataset: GrantId
    field_digest: Hash
    claim_digest: Hash
    due: Uint


class AnswerCorrection(Arguments, frozen=True):
    """Arguments of `answer_correction`."""

    id: GrantId
    version: Version
    outcome: Outcome
    answer_digest: Hash


class Erased(Arguments, frozen=True):
    """Arguments of `erased`; `id` names an agreement or a consent."""

    id: GrantId
    holder: MemberName
    scope_digest: Hash
    method: Erasing


class OfTimer(Arguments, frozen=True):
    """Arguments of the timer methods `escalate`, `expire` and `overdue`."""

    id: GrantId
