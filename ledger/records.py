"""The one shape that all records share, and the records of members, subjects, keys and nodes.

A record has an id, a version that counts its changes, a controller and pointers to its
last changes. A change names the version it saw (docs/spec/contracts.md, section 2).
"""

from typing import Annotated, TypeVar

import msgspec

from ledger.contract import Context, Refused, Stored

HISTORY_MAX = 16
"""Pointers kept in a record: enough to walk back through the receipts, which hold the rest."""
ACTIVE, SUSPENDED, LAPSED = "active", "suspended", "lapsed"
Version = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
"""The version of a record that a change has seen, as an argument."""


class Record(Stored, frozen=True):
    """Base of all records.

    `history` holds the last changes as (height, index of the transaction), oldest first.
    """

    id: str
    version: int
    controller: str
    history: tuple[tuple[int, int], ...]


R = TypeVar("R", bound=Record)


def first(context: Context) -> tuple[tuple[int, int], ...]:
    """The history of a record that is made now."""
    return ((context.scope.height, context.scope.index),)


def create(context: Context, key: str, record: Record) -> None:
    """Write a new record and note it for the receipt."""
    context.put(key, record)
    context.changed(key, 0, record.version)


def save(context: Context, key: str, record: R, **changes: object) -> R:
    """Write a record's next version and note it for the receipt."""
    here = (context.scope.height, context.scope.index)
    history = (*record.history, here)[-HISTORY_MAX:]
    after = msgspec.structs.replace(record, version=record.version + 1, history=history, **changes)
    context.put(key, after)
    context.changed(key, record.version, after.version)
    return after


def check_version(record: Record, given: int) -> None:
    """Refuse a change that saw another version.

    Raises:
        Refused: ``STALE`` with the version that is there and the height that made it.
    """
    if record.version != given:
        height = record.history[-1][0]
        raise Refused("STALE", id=record.id, have=record.version, given=given, height=height)


class LegalNumber(Stored, frozen=True):
    """The number under which a register knows an organisation."""

    scheme: str
    value: str


class MemberRecord(Record, frozen=True):
    """``org/member/<name>``: an organisation; it controls itself.

    `evidence` is the SHA-256 of what its admission rests on; `order_ref` and `reason` say why it
    was suspended or resumed last.
    """

    key_id: str
    legal_id: LegalNumber
    names: dict[str, str]
    state: str = ACTIVE
    prefixes: tuple[str, ...] = ()
    glns: tuple[str, ...] = ()
    reason: str = ""
    evidence: bytes = b""
    order_ref: str = ""


class SubjectRecord(Record, frozen=True):
    """``org/subject/<subject>``: who signs; `roles` maps a role to its end in ms (0: none).

    `attest_digest` is the SHA-256 of what proves who or what it is; it signs nothing from the
    block of `valid_until` (ms; 0: no end) on; `order_ref` and `reason` say why it is suspended.
    """

    member: str
    kind: str
    keys: tuple[str, ...]
    roles: dict[str, int] = msgspec.field(default_factory=dict)
    state: str = ACTIVE
    attest_digest: bytes = b""
    order_ref: str = ""
    reason: str = ""
    valid_until: int = 0


class KeyRecord(Record, frozen=True):
    """``org/key/<key id>``: a public key, whose it is, and from which height to which.

    `valid_to` is the first height at which it is valid no more (0: still valid).
    `compromised_since` flags its signatures from that time (ms) on; 0: never said.
    """

    public: bytes
    subject: str
    member: str
    use: str
    valid_from: int
    valid_to: int = 0
    compromised_since: int = 0
    reason: str = ""


class NodeRecord(Record, frozen=True):
    """``org/node/<name>``: a member's node and its two keys."""

    member: str
    validator_key: bytes
    transport_key: bytes


MEMBER_KEY, SUBJECT_KEY, VALIDATOR_KEY, TRANSPORT_KEY, SEAL_KEY = (
    "member",
    "subject",
    "validator",
    "transport",
    "seal",
)
SIGNING_USES = (MEMBER_KEY, SUBJECT_KEY)
"""Uses of keys that may sign transactions: a node's keys may not, nor
the key to which others seal."""
