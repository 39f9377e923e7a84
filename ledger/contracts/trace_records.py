"""What `trace` keeps: one record an event, one record a thing (docs/spec/trace.md, section 2).

The promise: records hold what rules and walks need and no more; the event's text stays in its
transaction. Each event knows, for each thing that it touched, the event before it, so history
is a chain through events and no record grows with time.
"""

import msgspec

from hansa.gs1 import long, short
from ledger.records import Record

ADOPTED, MADE, ACTIVE = "adopted", "made", "active"
SOLD, CONSUMED, DESTROYED, VOID = "sold", "consumed", "destroyed", "void"
ENDED = (CONSUMED, DESTROYED)
"""States of a thing that is no more."""

OBJECT, PARENT, CHILD, INPUT, OUTPUT, PROCESS = (
    "object",
    "parent",
    "child",
    "input",
    "output",
    "process",
)
"""What a thing was in an event."""

ANYONE = "?"
"""Stands where a shipment named no member: whoever receives it holds it."""
UNKNOWN = -1
"""Stands for a quantity that the chain does not know."""
GATEWAY = "gateway"
"""The role of what reads tags and passes on what devices measured."""


class Link(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A thing in an event: which, as what, and the event before it (empty: none)."""

    thing: str
    role: str
    before: bytes = b""


class EventRecord(Record, frozen=True):
    """``trace/event/<hash>``: an event; its controller is the member that captured it.

    Attributes:
        action, disposition, kind, place, step, time: what the event says.
        links: the things in it.
        tx: the transaction that holds its text.
        reason: why it was declared wrong, "" when it was not.
        corrective: ids of the events that stand in its place.
        seal: the salted commitment to what is not in clear.
    """

    action: str
    disposition: str
    kind: str
    links: tuple[Link, ...]
    place: str
    step: str
    time: int
    tx: bytes
    corrective: tuple[str, ...] = ()
    reason: str = ""
    seal: bytes = b""
    wrong: bool = False


class ThingRecord(Record, frozen=True):
    """``trace/thing/<id>``: an item, a lot, a container; its controller is who holds it.

    Attributes:
        state: ``adopted made active sold consumed destroyed void``.
        last: the last event that touched it.
        born: the event that made it, empty for what was adopted.
        born_time: that event's time (ms).
        ended_time: when it was consumed or destroyed (ms).
        parent, parent_round: the container it is in, while the container's round is that one.
        host, host_round: likewise for associations.
        round, host_turn: rise when everything is taken out at once.
        transit: the member that it is on its way to, `ANYONE`, or "".
        keepers: members that may hold part of a lot.
        made, used: quantities of a lot in millionths of `unit`; `made` may be `UNKNOWN`.
    """

    last: bytes
    state: str
    born: bytes = b""
    born_time: int = 0
    ended_time: int = 0
    host: str = ""
    host_round: int = 0
    host_turn: int = 0
    keepers: tuple[str, ...] = ()
    made: int = UNKNOWN
    parent: str = ""
    parent_round: int = 0
    round: int = 0
    transit: str = ""
    unit: str = ""
    used: int = 0


def event_key(digest: bytes) -> str:
    """The key of an event's record, without the contract's name."""
    return "event/" + digest.hex()


def thing_key(identifier: str) -> str:
    """The key of a thing's record; takes canonical identifiers, long or short."""
    return "thing/" + short(identifier)


def thing_id(name: str) -> str:
    """The canonical identifier behind a link's or a parent's short name."""
    return long(name)
