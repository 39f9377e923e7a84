"""Walks through events: where a thing comes from, what became of it (docs/spec/trace.md, 6).

The promise: a pure function of state reads; it follows packing, unpacking and transformation,
ends on cycles, and says so when a limit cut it short.
"""

from collections import deque
from collections.abc import Callable, Iterator

import msgspec

from hansa.epcis import event_id, parse_event_id
from hansa.epcis.values import time_text
from hansa.errors import Rejected
from hansa.gs1 import canonical, short
from ledger.contract import load
from ledger.contracts.trace_records import (
    CHILD,
    INPUT,
    OUTPUT,
    PARENT,
    PROCESS,
    EventRecord,
    Link,
    ThingRecord,
    event_key,
    thing_id,
    thing_key,
)

UP, DOWN, BOTH = "up", "down", "both"
DEPTH_MAX = 64
"""Hops from thing to thing: no supply chain known to us is half as long."""
EVENTS_MAX = 2_000
"""Events of one answer: a page of a megabyte."""

Read = Callable[[bytes], bytes | None]
"""A state key to its value at one height."""
_AGGREGATION = "AggregationEvent"


class TracedEvent(msgspec.Struct, frozen=True):
    """An event of a walk: how many things lie between, its hash, its record."""

    depth: int
    digest: bytes
    record: EventRecord


class Walk(msgspec.Struct, frozen=True):
    """What a walk found: events by time, the things met, and whether a limit cut it short."""

    id: str
    direction: str
    events: tuple[TracedEvent, ...]
    things: tuple[str, ...]
    truncated: bool

    def fields(self) -> dict[str, object]:
        """The walk as JSON has it."""
        return {
            "id": self.id,
            "direction": self.direction,
            "events": [_event_fields(event) for event in self.events],
            "things": list(self.things),
            "truncated": self.truncated,
        }


class _Stop(msgspec.Struct, frozen=True):
    """A place to go on from: a thing's history back from an event, to (and with) another."""

    thing: str
    start: bytes
    until: bytes
    directions: tuple[str, ...]
    depth: int


def trace_walk(read: Read, identifier: str, direction: str, depth: int = DEPTH_MAX) -> Walk | None:
    """Events up and down from a thing or an event; None when the chain does not know it.

    `identifier` is any spelling of a thing's id or an event's ``ni:///…`` id; `direction` is
    ``up``, ``down`` or ``both``; `depth` is the number of hops, at most `DEPTH_MAX`.

    Raises:
        Rejected: ``epcis.event-id`` for an id that begins like an event's and is none.
    """
    walker = _Walker(read, min(depth, DEPTH_MAX))
    directions = (UP, DOWN) if direction == BOTH else (direction,)
    if identifier.startswith("ni:"):
        known = walker.start_at_event(parse_event_id(identifier), directions)
    else:
        identifier = canonical(identifier.strip())
        known = walker.start_at_thing(short(identifier), directions)
    if not known:
        return None
    walker.run()
    found = sorted(
        walker.found.values(),
        key=lambda one: (one.record.time, one.record.history[0], one.digest),
    )
    things = tuple(thing_id(name) for name in walker.things)
    return Walk(identifier, direction, tuple(found), things, walker.truncated)


class _Walker:
    """Breadth first, so that the shortest way to an event gives its depth."""

    def __init__(self, read: Read, depth_max: int) -> None:
        self._read = read
        self._depth_max = depth_max
        self._queue: deque[_Stop] = deque()
        self._seen: set[tuple[str, bytes, tuple[str, ...]]] = set()
        self._events: dict[bytes, EventRecord | None] = {}
        self.found: dict[bytes, TracedEvent] = {}
        self.things: dict[str, None] = {}
        self.truncated = False

    def start_at_thing(self, name: str, directions: tuple[str, ...]) -> bool:
        """Queue a thing's whole history; whether the chain knows it."""
        thing = self._thing(name)
        if thing is None:
            return False
        self._go(_Stop(name, thing.last, b"", directions, 0))
        return True

    def start_at_event(self, digest: bytes, directions: tuple[str, ...]) -> bool:
        """Queue everything in an event; whether the chain knows it."""
        record = self._event(digest)
        if record is None:
            return False
        self._note(digest, record, 0)
        for link in record.links:
            self.start_at_thing(link.thing, directions)
        return True

    def run(self) -> None:
        """Work the queue off."""
        while self._queue:
            stop = self._queue.popleft()
            self.things.setdefault(stop.thing)
            for digest, record in self._history(stop.thing, stop.start, stop.until):
                if not self._note(digest, record, stop.depth):
                    return
                self._follow(stop, digest, record)

    def _follow(self, stop: _Stop, digest: bytes, record: EventRecord) -> None:
        """Queue where an event leads from a thing."""
        roles = [link.role for link in record.links if link.thing == stop.thing]
        if UP in stop.directions and OUTPUT in roles:
            self._sides(stop, record, INPUT, UP)
        if DOWN in stop.directions and INPUT in roles:
            self._sides(stop, record, OUTPUT, DOWN)
        if record.kind != _AGGREGATION:
            return
        if CHILD in roles and record.action == "ADD":
            self._carrier(stop, digest, record)
        if PARENT in roles and stop.directions and record.action != "DELETE":
            for link in record.links:
                if link.role == CHILD:
                    self._branch(stop, link, stop.directions)

    def _sides(self, stop: _Stop, record: EventRecord, role: str, direction: str) -> None:
        """The other side of a transformation, whose events may be several."""
        events = [record]
        for link in record.links:
            if link.role == PROCESS and (process := self._thing(link.thing)) is not None:
                steps = list(self._history(link.thing, process.last, b""))
                events = [one for digest, one in steps if self._note(digest, one, stop.depth)]
        for event in events:
            for link in event.links:
                if link.role == role:
                    self._branch(stop, link, (direction,))

    def _branch(self, stop: _Stop, link: Link, directions: tuple[str, ...]) -> None:
        """Go on with another thing: up from before the event, down with all that came later."""
        for direction in directions:
            start = link.before
            if direction == DOWN:
                thing = self._thing(link.thing)
                start = b"" if thing is None else thing.last
            if start:
                self._go(_Stop(link.thing, start, b"", (direction,), stop.depth + 1))
            else:
                self.things.setdefault(link.thing)

    def _carrier(self, stop: _Stop, packed: bytes, record: EventRecord) -> None:
        """The container's events while the thing was in it, from `packed` on."""
        parents = [link.thing for link in record.links if link.role == PARENT]
        for name in parents:
            start = self._last_in(stop, name, packed)
            if start:
                self._go(_Stop(name, start, packed, (), stop.depth + 1))

    def _last_in(self, stop: _Stop, parent: str, packed: bytes) -> bytes:
        """The container's last event while the thing was in it."""
        for digest, record in self._history(stop.thing, stop.start, packed):
            taken_out = record.kind == _AGGREGATION and record.action == "DELETE"
            if taken_out and any(
                link.thing == parent and link.role == PARENT for link in record.links
            ):
                return digest
        thing = self._thing(parent)
        last = b"" if thing is None else thing.last
        for digest, record in self._history(parent, last, packed):
            emptied = record.kind == _AGGREGATION and record.action == "DELETE"
            if emptied and not any(link.role == CHILD for link in record.links):
                last = digest
        return last

    # Reading

    def _history(
        self, name: str, start: bytes, until: bytes
    ) -> Iterator[tuple[bytes, EventRecord]]:
        """A thing's events, the newest first, back to its birth or to `until`."""
        digest = start
        for _ in range(EVENTS_MAX):
            record = self._event(digest) if digest else None
            if record is None:
                return
            yield digest, record
            if digest == until:
                return
            links = [link.before for link in record.links if link.thing == name]
            digest = links[0] if links else b""
        if digest:
            self.truncated = True

    def _note(self, digest: bytes, record: EventRecord, depth: int) -> bool:
        """Take an event into the answer; whether there is room."""
        if digest not in self.found:
            if len(self.found) >= EVENTS_MAX:
                self.truncated = True
                return False
            self.found[digest] = TracedEvent(depth, digest, record)
        return True

    def _go(self, stop: _Stop) -> None:
        if stop.depth > self._depth_max:
            self.truncated = True
            return
        mark = (stop.thing, stop.start, stop.directions)
        if mark not in self._seen:
            self._seen.add(mark)
            self._queue.append(stop)

    def _event(self, digest: bytes) -> EventRecord | None:
        if digest not in self._events:
            stored = self._read(("trace/" + event_key(digest)).encode())
            self._events[digest] = None if stored is None else load(stored, EventRecord)
        return self._events[digest]

    def _thing(self, name: str) -> ThingRecord | None:
        stored = self._read(("trace/" + thing_key(name)).encode())
        return None if stored is None else load(stored, ThingRecord)


def _event_fields(event: TracedEvent) -> dict[str, object]:
    record = event.record
    try:
        time = time_text(record.time)
    except Rejected:
        time = str(record.time)
    return {
        "id": event_id(event.digest),
        "type": record.kind,
        "time": time,
        "action": record.action,
        "step": record.step,
        "disposition": record.disposition,
        "place": record.place,
        "member": record.controller,
        "height": record.history[0][0],
        "tx_id": record.tx.hex(),
        "depth": event.depth,
        "wrong": record.wrong,
        "reason": record.reason,
        "corrective": list(record.corrective),
        "things": [{"id": thing_id(link.thing), "role": link.role} for link in record.links],
    }
