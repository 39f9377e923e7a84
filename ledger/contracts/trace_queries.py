"""What may be asked about things, tags, devices and runs (docs/spec/trace.md, section 10).

The promise: pure functions of one state; they follow what the records say, end on every limit, and
say so in `truncated` where one cut them short.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Annotated, Literal, cast

import msgspec

from hansa.encoding import Uint, Value
from hansa.epcis import event_id
from hansa.errors import Rejected
from hansa.gs1 import canonical, short
from ledger.contract import Arguments, Refused, load
from ledger.contracts.trace_bench import NESTED_MAX
from ledger.contracts.trace_devices import BatchRecord, DeviceId, DeviceRecord, batch_key
from ledger.contracts.trace_records import (
    ANYONE,
    CHILD,
    PARENT,
    EventRecord,
    ThingRecord,
    event_key,
    thing_id,
    thing_key,
)
from ledger.contracts.trace_runs import (
    RunId,
    RunRecord,
    Use,
    VersionRecord,
    run_key,
    use_prefix,
    version_key,
)
from ledger.contracts.trace_tags import DayRecord, TagRecord, bound_key, is_clone, tag_key
from ledger.contracts.trace_walk import BOTH, DEPTH_MAX, DOWN, UP, trace_walk
from ledger.contracts.trace_where import containers, live_parent
from ledger.query import HexDigest, Query, Reader

HOME = "trace/"
LOOK_BACK_MAX = 1_000
"""Events of a thing that one answer looks back through."""
THINGS_MAX = 2_000
"""Things in one answer about a container."""
DAYS_MAX = 366
"""Days of one answer about a tag."""
RUNS_MAX = 1_000
"""Runs of one answer."""
BATCHES_MAX = 100
"""Batches of one answer."""

Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=400)]
Depth = Annotated[int, msgspec.Meta(ge=0, le=DEPTH_MAX)]
Levels = Annotated[int, msgspec.Meta(ge=1, le=NESTED_MAX)]
Direction = Literal["up", "down", "both"]


class OfThing(Arguments, frozen=True):
    """A thing, in any spelling."""

    id: Identifier


class Path(Arguments, frozen=True):
    """Where a walk starts, which way, and how many things far."""

    id: Identifier
    direction: Direction = "both"
    depth: Depth = DEPTH_MAX


class Contents(Arguments, frozen=True):
    """A container, and how many levels of containers in it."""

    parent: Identifier
    depth: Levels = 1


class Scans(Arguments, frozen=True):
    """A thing, and the first day that is asked for."""

    id: Identifier
    since_day: Uint = 0


class OfDevice(Arguments, frozen=True):
    """A device; its batches from the one that holds the reading with this number."""

    device: DeviceId
    from_seq: Uint = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=BATCHES_MAX)] = 20


class OfRun(Arguments, frozen=True):
    """A run."""

    run_id: RunId


class Lineage(Arguments, frozen=True):
    """A version by its digest; `as_of_run`: without the runs that began after that one."""

    digest: HexDigest
    direction: Direction = "both"
    depth: Depth = DEPTH_MAX
    as_of_run: RunId | None = None


def path(reader: Reader, given: Path) -> Value:
    """Where a thing or an event comes from, and what became of it: `trace_walk`."""
    try:
        walk = trace_walk(reader.get, given.id, given.direction, given.depth)
    except Rejected as error:
        raise Refused("SCHEMA", field="$.id", need=error.code) from None
    if walk is None:
        raise Refused("MISSING", id=given.id)
    return cast("Value", walk.fields())


def where(reader: Reader, given: OfThing) -> Value:
    """Who holds a thing, which containers it is in, and where it was seen last."""
    thing = _need_thing(reader, given.id)
    around = containers(thing, lambda name: _thing(reader, name))
    outer = (thing, *around)[-1]
    seen = _last_seen(reader, (thing, *around))
    return {
        "containers": [one.id for one in around],
        "holder": outer.controller or thing.controller,
        "id": thing.id,
        "place": "" if seen is None else seen[1].place,
        "seen": None if seen is None else _event(*seen),
        "state": thing.state,
        "to": "" if outer.transit == ANYONE else outer.transit,
        "under_way": bool(outer.transit),
        "version": thing.version,
    }


def contents(reader: Reader, given: Contents) -> Value:
    """What is in a container now, level by level."""
    top = _need_thing(reader, given.parent)
    found: list[Value] = []
    queue, truncated = deque([(top, 1)]), False
    while queue:
        parent, level = queue.popleft()
        children, cut = _children(reader, parent)
        truncated = truncated or cut
        for child in children:
            if len(found) >= THINGS_MAX:
                return _contents(top, found, truncated=True)
            found.append(
                {"id": child.id, "level": level, "parent": parent.id, "state": child.state}
            )
            if level < given.depth:
                queue.append((child, level + 1))
    return _contents(top, found, truncated=truncated)


def scans(reader: Reader, given: Scans) -> Value:
    """How often, on which days and in which places a thing's tag was read; copies are warned of."""
    name = short(canonical(given.id.strip()))
    stored = reader.get((HOME + bound_key(name)).encode())
    if stored is None:
        raise Refused("MISSING", id=given.id, need="a tag, by bind")
    tag_id = str(msgspec.msgpack.decode(stored))
    record = reader.need(HOME + tag_key(tag_id), TagRecord)
    prefix = f"{HOME}scans/{tag_id}/"
    after = f"{prefix}{given.since_day:08x}"[:-1] if given.since_day else ""
    rows: list[Value] = []
    truncated = False
    for key, value in reader.scan(prefix.encode(), after.encode()):
        number = int(key.decode().rpartition("/")[2], 16)
        if number < given.since_day:
            continue
        if len(rows) == DAYS_MAX:
            truncated = True
            break
        day = load(value, DayRecord)
        places: Value = dict(sorted(day.places.items()))
        rows.append({"bad": day.bad, "day": number, "places": places, "scans": day.scans})
    flags: Value = dict(sorted(record.flags.items()))
    return {
        "clone": is_clone(record.flags),
        "days": rows,
        "first_day": record.first_day,
        "first_place": record.first_place,
        "flags": flags,
        "id": thing_id(name),
        "key_commit": record.key_commit.hex(),
        "scans": record.scans,
        "state": record.state,
        "tag": tag_id,
        "truncated": truncated,
    }


def device(reader: Reader, given: OfDevice) -> Value:
    """A device's calibrations and batches; the first holds the reading that was asked for."""
    record = reader.need(f"{HOME}device/{given.device}", DeviceRecord)
    prefix = f"{HOME}batch/{given.device}/".encode()
    start = (HOME + batch_key(given.device, given.from_seq - 1)).encode() if given.from_seq else b""
    rows = list(islice(reader.scan(prefix, start), given.limit + 1))
    return {
        "batches": [_batch(load(value, BatchRecord)) for _, value in rows[: given.limit]],
        "calibrations": [
            {"digest": one.digest.hex(), "since": one.since, "until": one.until}
            for one in record.calibrations
        ],
        "id": record.id,
        "next_seq": record.next_seq,
        "owner": record.controller,
        "truncated": len(rows) > given.limit,
    }


def run(reader: Reader, given: OfRun) -> Value:
    """A run: its inputs, outputs, code, parameters and state."""
    return _run(reader.need(HOME + run_key(given.run_id), RunRecord), 0)


def lineage(reader: Reader, given: Lineage) -> Value:
    """The runs behind a version, and those that it went into, each with its distance."""
    limit = None
    if given.as_of_run is not None:
        limit = reader.need(HOME + run_key(given.as_of_run), RunRecord).history[0]
    walker = _Lineage(reader, given.depth, limit)
    digest = bytes.fromhex(given.digest)
    made = _version(reader, digest)
    if made is None and next(walker.uses(digest), None) is None:
        raise Refused("MISSING", id=given.digest)
    for direction in (UP, DOWN) if given.direction == BOTH else (given.direction,):
        walker.walk(digest, direction)
    runs = sorted(walker.runs.values(), key=lambda one: (one[1].started, one[1].id))
    return {
        "digest": given.digest,
        "direction": given.direction,
        "made_by": None if made is None else made.run,
        "runs": [_run(record, depth) for depth, record in runs],
        "truncated": walker.truncated,
    }


class _Lineage:
    """Breadth first; each run is taken once, at its least distance."""

    def __init__(self, reader: Reader, depth_max: int, limit: tuple[int, int] | None) -> None:
        self._reader = reader
        self._depth_max = depth_max
        self._limit = limit
        self.runs: dict[str, tuple[int, RunRecord]] = {}
        self.truncated = False

    def walk(self, digest: bytes, direction: str) -> None:
        """Follow a version one way."""
        queue, seen = deque([(digest, 0)]), {digest}
        while queue:
            here, depth = queue.popleft()
            for run_id in self._next_runs(here, direction):
                record = self._take(run_id, depth)
                if record is None:
                    continue
                for other in record.inputs if direction == UP else record.outputs:
                    if other not in seen:
                        seen.add(other)
                        queue.append((other, depth + 1))

    def uses(self, digest: bytes) -> Iterator[str]:
        """The runs that take a version as input, by their ids."""
        for _, value in self._reader.scan((HOME + use_prefix(digest)).encode()):
            yield load(value, Use).run

    def _next_runs(self, digest: bytes, direction: str) -> Iterator[str]:
        if direction == DOWN:
            yield from self.uses(digest)
        elif (made := _version(self._reader, digest)) is not None:
            yield made.run

    def _take(self, run_id: str, depth: int) -> RunRecord | None:
        """Take a run into the answer, where limits and the time asked for let it."""
        record = self._reader.need(HOME + run_key(run_id), RunRecord)
        if self._limit is not None and record.history[0] > self._limit:
            return None
        if depth >= self._depth_max or len(self.runs) >= RUNS_MAX:
            self.truncated = True
            return None
        known = self.runs.get(run_id)
        if known is None or depth < known[0]:
            self.runs[run_id] = depth, record
        return record


def _thing(reader: Reader, name: str) -> ThingRecord | None:
    return reader.find(HOME + thing_key(name), ThingRecord)


def _need_thing(reader: Reader, identifier: str) -> ThingRecord:
    identifier = canonical(identifier.strip())
    thing = _thing(reader, short(identifier))
    if thing is None:
        raise Refused("MISSING", id=identifier)
    return thing


def _events(reader: Reader, thing: ThingRecord) -> Iterator[tuple[bytes, EventRecord]]:
    """A thing's events, the newest first; at most `LOOK_BACK_MAX`."""
    name, digest = short(thing.id), thing.last
    for _ in range(LOOK_BACK_MAX):
        record = reader.find(HOME + event_key(digest), EventRecord) if digest else None
        if record is None:
            return
        yield digest, record
        digest = next((link.before for link in record.links if link.thing == name), b"")


def _last_seen(reader: Reader, things: tuple[ThingRecord, ...]) -> tuple[bytes, EventRecord] | None:
    """The latest event with a place, of a thing or of a container that it is in."""
    found = []
    for thing in things:
        for digest, record in _events(reader, thing):
            if record.place and not record.wrong:
                found.append((digest, record))
                break
    return max(found, key=lambda one: (one[1].time, one[0]), default=None)


def _children(reader: Reader, parent: ThingRecord) -> tuple[list[ThingRecord], bool]:
    """What is in a container now: of all that was ever packed there, what says so itself."""
    names: dict[str, None] = {}
    events = 0
    for _, record in _events(reader, parent):
        events += 1
        if record.kind == "AggregationEvent" and record.action == "ADD":
            roles = {link.role for link in record.links if link.thing == short(parent.id)}
            if PARENT in roles:
                names.update((link.thing, None) for link in record.links if link.role == CHILD)
    found = []
    for name in sorted(names):
        child = _thing(reader, name)
        if child is None:
            continue
        now = live_parent(child, lambda one: _thing(reader, one))
        if now is not None and now.id == parent.id:
            found.append(child)
    return found, events >= LOOK_BACK_MAX


def _contents(top: ThingRecord, found: list[Value], *, truncated: bool) -> Value:
    return {"contents": found, "id": top.id, "truncated": truncated}


def _event(digest: bytes, record: EventRecord) -> Value:
    return {
        "id": event_id(digest),
        "member": record.controller,
        "step": record.step,
        "time": record.time,
        "type": record.kind,
    }


def _batch(record: BatchRecord) -> Value:
    return {
        "count": record.count,
        "first_seq": record.first_seq,
        "from": record.from_,
        "height": record.history[0][0],
        "id": record.id,
        "last_seq": record.last_seq,
        "max": record.max,
        "min": record.min,
        "root": record.root.hex(),
        "to": record.to,
        "unit": record.unit,
    }


def _version(reader: Reader, digest: bytes) -> VersionRecord | None:
    return reader.find(HOME + version_key(digest), VersionRecord)


def _run(record: RunRecord, depth: int) -> Value:
    return {
        "code_digest": record.code_digest.hex(),
        "depth": depth,
        "ended": record.ended,
        "height": record.history[0][0],
        "id": record.id,
        "inputs": [digest.hex() for digest in record.inputs],
        "job": record.job,
        "member": record.controller,
        "outputs": [digest.hex() for digest in record.outputs],
        "params_commit": record.params_commit.hex(),
        "started": record.started,
        "state": record.state,
    }


QUERIES: Mapping[str, Query] = {
    "contents": (Contents, contents),
    "device": (OfDevice, device),
    "lineage": (Lineage, lineage),
    "path": (Path, path),
    "run": (OfRun, run),
    "scans": (Scans, scans),
    "where": (OfThing, where),
}
"""What may be asked of `trace`."""
