"""What `cred` keeps in the state, and what its methods take (docs/spec/cred.md, 1 and 7).

The promise: no field here has room for a word about a person: digests, numbers, names of
members, and codes of closed sets. The shapes that a check offline needs as well, terms and
tiles, stand in `hansa.vc.chain`.
"""

from typing import Annotated

import msgspec

from hansa.encoding import Hash, MemberName, Name, Uint
from hansa.vc.bits import ENTRIES_MAX, ENTRIES_MIN, STATUS_BITS
from hansa.vc.chain import Term
from ledger.ballots import DAY_MS
from ledger.contract import Arguments
from ledger.records import Record, Version

TERMS_MAX = 64
"""Accreditations of a member for a type: one a quarter for 16 years."""
CHANGES_MAX = 256
"""Changes of one call: their event stays far below what a receipt may have."""
TILES_MAX = 3
"""Tiles that one call changes: with the list's record, four keys, whatever the list's size."""
MORE_MAX = 2
"""Further lists of one credential: revocation, suspension and message make three."""
OBJECTION_MS_MAX = 20 * DAY_MS
"""An objection is answered within 20 days (Regulation on Credit Reporting 2013, art. 25)."""

DISPUTED, CORRECTED, UPHELD = "disputed", "corrected", "upheld"
REASON_CODES = (
    "correction",
    "error",
    "holder_request",
    "investigation",
    "key_compromise",
    "legal_order",
    "other",
    "resolved",
    "superseded",
    "withdrawn",
)
"""Why a status changes: a closed set, so that nobody writes a person's story on the chain."""
OVERDUE = "overdue"
"""The timer method that marks an objection which nobody answered in time."""

TypeName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}(?![\s\S])")]
"""A credential's type, as in its ``type``: 1 to 64 characters, e.g. ``BusinessLicence``."""
Message = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}(?![\s\S])")]
Reason = Annotated[str, msgspec.Meta(max_length=256)]
VersionOrNone = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Index = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class AccreditationRecord(Record, frozen=True):
    """``cred/issuer/<type>/<member>``: when a member was accredited; its terms, oldest first."""

    terms: tuple[Term, ...]


class TemplateRecord(Record, frozen=True):
    """``cred/template/<type>/<version>``: the digest of a schema; its controller published it."""

    schema_digest: bytes


class ListRecord(Record, frozen=True):
    """``cred/list/<id>``: a status list; its controller issues from it. Times in ms."""

    opened: int
    purpose: str
    size: int
    updated: int
    bits: int = 1
    messages: tuple[str, ...] = ()


class LogRecord(Record, frozen=True):
    """``cred/log/<digest>``: that a credential was issued, and where its statuses stand."""

    logged_at: int
    places: tuple[tuple[str, int], ...]
    type: str
    template: int = 0
    valid_until: int = 0


class NoteRecord(Record, frozen=True):
    """``cred/note/<list>/<index>``: an objection to a credential; its controller raised it.

    `since` and `due` are block times in ms; `statement` and `answer` digests of what was said;
    `rounds` counts objections; `overdue` stays once the time was missed.
    """

    due: int
    rounds: int
    since: int
    state: str
    statement: bytes
    answer: bytes = b""
    overdue: bool = False


class Accredit(Arguments, frozen=True):
    """Arguments of `accredit`; `until` in ms, 0 for no end; `evidence` a SHA-256."""

    issuer: MemberName
    type: TypeName
    until: Uint = 0
    evidence: Hash | None = None


class Disaccredit(Arguments, frozen=True):
    """Arguments of `disaccredit`; over from `from_height` on, at the earliest the next one."""

    issuer: MemberName
    type: TypeName
    reason: Reason = ""
    from_height: Uint = 0


class Template(Arguments, frozen=True):
    """Arguments of `template`: versions of a type count from 1."""

    type: TypeName
    version: Version
    schema_digest: Hash


class OpenList(Arguments, frozen=True):
    """Arguments of `open_list`; `messages` says what the values of a message list mean."""

    list_id: Name
    size: Annotated[int, msgspec.Meta(ge=ENTRIES_MIN, le=ENTRIES_MAX)]
    purpose: str
    bits: int = 1
    messages: Annotated[tuple[Message, ...], msgspec.Meta(max_length=16)] = ()


class Place(Arguments, frozen=True):
    """An index of a list."""

    list_id: Name
    index: Index


class Log(Arguments, frozen=True):
    """Arguments of `log`; `more` are places in further lists; `valid_until` in ms, 0: none."""

    type: TypeName
    digest: Hash
    status_list: Name
    index: Index
    valid_until: Uint = 0
    more: Annotated[tuple[Place, ...], msgspec.Meta(max_length=MORE_MAX)] = ()
    template: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0


class Change(Arguments, frozen=True):
    """A new value at an index."""

    index: Index
    value: Annotated[int, msgspec.Meta(ge=0, lt=1 << STATUS_BITS[-1])]


class Status(Arguments, frozen=True):
    """Arguments of `status`."""

    list_id: Name
    version: Version
    changes: Annotated[tuple[Change, ...], msgspec.Meta(min_length=1, max_length=CHANGES_MAX)]
    reason_code: str


class Annotate(Arguments, frozen=True):
    """Arguments of `annotate`; version 0 where nothing was noted; `due` in ms, to `disputed`."""

    list_id: Name
    index: Index
    version: VersionOrNone
    kind: str
    statement_digest: Hash
    due: Uint = 0


class OfNote(Arguments, frozen=True):
    """An entry whose objection is due."""

    list_id: Name
    index: Index
