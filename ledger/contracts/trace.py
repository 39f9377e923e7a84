"""`trace`: events, what they make of things, readings, tags and runs (docs/spec/trace.md).

The promise: an event is captured once, under the hash of what it says; capturing it again
gives the old answer; a wrong event is never removed but declared wrong, and says by what.
Readings of devices, tags and runs stand in the modules that their methods call.
"""

from typing import Annotated, ClassVar

import msgspec

from hansa.encoding import Value
from hansa.epcis import Event, Invalid, parse_event_id, read_event
from hansa.errors import Rejected
from hansa.gs1 import short
from ledger.contract import Arguments, Context, Contract, Refused, method
from ledger.contracts import trace_devices, trace_runs, trace_tags
from ledger.contracts.trace_bench import Bench
from ledger.contracts.trace_devices import Calibrate, CaptureBatch
from ledger.contracts.trace_records import (
    CHILD,
    GATEWAY,
    INPUT,
    OBJECT,
    OUTPUT,
    PARENT,
    EventRecord,
    Link,
)
from ledger.contracts.trace_records import event_key as key_of
from ledger.contracts.trace_rules import judge, undo
from ledger.contracts.trace_runs import Run
from ledger.contracts.trace_tags import Bind, Scan
from ledger.records import create, first, save

REASONS = ("did_not_occur", "incorrect_data")
"""Why an event is wrong (CBV 2.0, section 7.5)."""
CORRECTIVE_MAX = 100
SEAL_BYTES_MAX = 256
"""A seal: the commitment and how the rest is encrypted, as in `doc` and `asset`."""

EventText = Annotated[bytes, msgspec.Meta(min_length=2, max_length=200 * 1024)]
EventId = Annotated[str, msgspec.Meta(min_length=64, max_length=400)]
CorrectiveIds = Annotated[
    tuple[Annotated[str, msgspec.Meta(min_length=1, max_length=400)], ...],
    msgspec.Meta(max_length=CORRECTIVE_MAX),
]


class Capture(Arguments, frozen=True):
    """Arguments of `capture`: the self-contained JSON text of one EPCIS 2.0 event.

    `seal` is the salted commitment to what is not in clear.
    """

    event: EventText
    seal: Annotated[bytes, msgspec.Meta(max_length=SEAL_BYTES_MAX)] = b""


class Correct(Arguments, frozen=True):
    """Arguments of `correct`."""

    event_id: EventId
    reason: str
    corrective_ids: CorrectiveIds = ()


class Trace(Contract):
    """Capture events and readings, declare events wrong, bind and read tags, record runs."""

    name: ClassVar[str] = "trace"

    @method(Capture)
    def capture(self, context: Context, given: Capture) -> Value:
        """Put an event on record and carry out what it says; a known one changes nothing."""
        event = _read(given.event)
        _require_past(context, event)
        key = key_of(event.digest)
        known = context.get(key, EventRecord)
        if event.error is not None:
            if known is None:
                return _store_wrong(context, event, given.seal)
            return _declare(context, key, known, event.error.reason, event.error.corrective)
        if known is not None:
            return _answer(event.id, known, duplicate=True)
        bench = Bench(context, event)
        judge(bench)
        record = _record(context, event, tuple(bench.links), given.seal)
        create(context, key, record)
        bench.write(event.digest)
        context.event("captured", id=event.id, kind=event.kind, step=event.step, time=event.time)
        return _answer(event.id, record, duplicate=False)

    @method(Correct)
    def correct(self, context: Context, given: Correct) -> Value:
        """Declare an event wrong; only the member that captured it may."""
        if given.reason not in REASONS:
            raise Refused("SCHEMA", field="$.reason", need=list(REASONS))
        try:
            digest = parse_event_id(given.event_id)
        except Rejected as error:
            raise Refused("SCHEMA", field="$.event_id", need=error.code) from None
        key = key_of(digest)
        known = context.need(key, EventRecord)
        return _declare(context, key, known, given.reason, given.corrective_ids)

    @method(CaptureBatch)
    def capture_batch(self, context: Context, given: CaptureBatch) -> Value:
        """Put a device's readings on record by the root of their tree, without a gap."""
        return trace_devices.capture_batch(context, given)

    @method(Calibrate)
    def calibrate(self, context: Context, given: Calibrate) -> Value:
        """Say which device a calibration certificate speaks of, as the one who issued it."""
        return trace_devices.calibrate(context, given)

    @method(Bind)
    def bind(self, context: Context, given: Bind) -> Value:
        """Put a tag on a thing, once and for ever."""
        return trace_tags.bind(context, given)

    @method(Scan, role=GATEWAY)
    def scan(self, context: Context, given: Scan) -> Value:
        """Count a reading of a thing's tag, and warn of copies."""
        return trace_tags.scan(context, given)

    @method(Run)
    def run(self, context: Context, given: Run) -> Value:
        """Begin a run over data, or end it with what came out."""
        return trace_runs.run(context, given)


def _read(text: bytes) -> Event:
    try:
        return read_event(text)
    except Invalid as error:
        code = "LIMIT" if error.code == "epcis.limit" else "SCHEMA"
        raise Refused(code, field=error.pointer, need=error.code) from None


def _require_past(context: Context, event: Event) -> None:
    """An event lies in the past, up to what clocks differ (trace.md, 4.1)."""
    skew = context.registry.parameter("trace.max_skew_ms")
    assert isinstance(skew, int)
    if event.time > context.time + skew:
        raise Refused("TIME", field="/eventTime", have=event.time, need=context.time + skew)


def _record(context: Context, event: Event, links: tuple[Link, ...], seal: bytes) -> EventRecord:
    return EventRecord(
        id=event.id,
        version=1,
        controller=context.sender.member,
        history=first(context),
        action=event.action,
        disposition=event.disposition,
        kind=event.kind,
        links=links,
        place=event.place,
        seal=seal,
        step=event.step,
        time=event.time,
        tx=context.scope.tx_id,
    )


def _answer(identifier: str, record: EventRecord, *, duplicate: bool) -> Value:
    return {
        "duplicate": duplicate,
        "height": record.history[0][0],
        "id": identifier,
        "tx": record.tx,
    }


def _store_wrong(context: Context, event: Event, seal: bytes) -> Value:
    """The declaration that an event is wrong which nobody captured: kept, without effect."""
    assert event.error is not None
    record = msgspec.structs.replace(
        _record(context, event, _plain_links(event), seal),
        wrong=True,
        reason=event.error.reason,
        corrective=event.error.corrective[:CORRECTIVE_MAX],
    )
    create(context, key_of(event.digest), record)
    context.event("declared_wrong", id=event.id, reason=event.error.reason)
    return _answer(event.id, record, duplicate=False)


def _plain_links(event: Event) -> tuple[Link, ...]:
    """The things of an event that changes none of them."""
    roles = (
        (OBJECT, event.objects, event.object_lots),
        (CHILD, event.children, event.child_lots),
        (INPUT, event.inputs, event.input_lots),
        (OUTPUT, event.outputs, event.output_lots),
    )
    links = [Link(short(event.parent), PARENT)] if event.parent else []
    for role, things, lots in roles:
        links.extend(Link(short(thing), role) for thing in things)
        links.extend(Link(short(lot.epc_class), role) for lot in lots)
    return tuple(links)


def _declare(
    context: Context, key: str, known: EventRecord, reason: str, corrective: tuple[str, ...]
) -> Value:
    """Mark a known event as wrong and take back what it did, where that is still the last."""
    if known.wrong:
        return _answer(known.id, known, duplicate=True)
    members = [signer.member for signer in context.signers]
    if known.controller not in members:
        raise Refused("AUTH", id=known.id, need=known.controller, by=context.sender.member)
    digest = parse_event_id(known.id)
    bench = Bench(context, _shadow(known, digest))
    for link in known.links:
        undo(bench.draft(link.thing), link.role, known.kind, known.action, digest)
    bench.write(digest)
    after = save(
        context, key, known, wrong=True, reason=reason, corrective=corrective[:CORRECTIVE_MAX]
    )
    context.event("declared_wrong", id=known.id, reason=reason)
    return _answer(known.id, after, duplicate=False)


def _shadow(known: EventRecord, digest: bytes) -> Event:
    """As much of an event as its record remembers: enough to take it back."""
    return Event(
        digest=digest,
        kind=known.kind,
        time=known.time,
        action=known.action,
        step=known.step,
        disposition=known.disposition,
        parent="",
        source="",
        destination="",
        place=known.place,
        transformation="",
        error=None,
        objects=(),
        children=(),
        inputs=(),
        outputs=(),
        object_lots=(),
        child_lots=(),
        input_lots=(),
        output_lots=(),
    )
