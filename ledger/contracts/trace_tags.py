"""Tags against counterfeits: bound once, read by gateways, warned of when copied (trace.md, 8).

The promise: one tag stands on one thing for ever; the first reading is recorded once; what looks
like a copy is never refused, because the reader has to hear of it, but is on record from then on.
Who read it and where exactly stays outside: days and coarse places alone are counted.
"""

from typing import Annotated

import msgspec

from hansa.encoding import Hash, Uint, Value
from hansa.gs1 import canonical, company_digits, is_class, is_lot, short
from ledger.ballots import DAY_MS
from ledger.contract import Arguments, Context, Refused, Stored
from ledger.contracts.trace_records import ENDED, SOLD, VOID, ThingRecord, thing_id, thing_key
from ledger.contracts.trace_where import outermost
from ledger.records import Record, create, first, save

BOUND, SCANNED = "bound", "scanned"
"""States of a tag: nobody has read it yet, somebody has."""
PLACES_WARN = 2
"""Places of one day that one thing may be read in: shop and home. A third one warns."""
PLACES_MAX = 16
"""Places of one day that are counted one by one; the total counts the others too."""
COUNTER_MAX = 2**32 - 1
"""Counters of tags have 24 bits (NXP AN12196); some have 32."""

MAC, REPEAT, COUNTER, PLACES, AFTER_SALE, AFTER_END = (
    "mac",
    "repeat",
    "counter",
    "places",
    "after_sale",
    "after_end",
)
"""Flags: wrong code, read again, counter went back, many places, sold, or no more there."""
CLONE_FLAGS = (COUNTER, PLACES, AFTER_END)
"""Flags that a single genuine tag cannot raise: there is a copy, or somebody keeps old readings."""

TagId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{7,63}(?![\s\S])")]
ItemId = Annotated[str, msgspec.Meta(min_length=1, max_length=400)]
Place = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9-]{1,8}(?![\s\S])")]
"""A coarse place: a region code of ISO 3166-2 or a short geohash."""


class TagRecord(Record, frozen=True):
    """``trace/tag/<tag id>``: a tag; its controller is the member that bound it.

    Attributes:
        item: the short name of the thing that it stands on.
        key_commit: the salted commitment to the tag's key.
        bound_day: the day (since 1970) on which it was bound.
        scans: readings so far, good or bad.
        counter: the greatest counter that a good reading had.
        first_day, first_place: of the first good reading.
        flags: the day on which each flag was raised first.
    """

    bound_day: int
    item: str
    key_commit: bytes
    counter: int = 0
    first_day: int = 0
    first_place: str = ""
    flags: dict[str, int] = msgspec.field(default_factory=dict)
    scans: int = 0
    state: str = BOUND


class DayRecord(Stored, frozen=True):
    """``trace/scans/<tag id>/<day>``: readings of one day, and by place where the code was good."""

    places: dict[str, int] = msgspec.field(default_factory=dict)
    bad: int = 0
    scans: int = 0


class Bind(Arguments, frozen=True):
    """Arguments of `bind`."""

    tag_id: TagId
    item_id: ItemId
    tag_key_commit: Hash


class Scan(Arguments, frozen=True):
    """Arguments of `scan`: a thing, the day since 1970, a coarse place, what the tag said."""

    item: ItemId
    day_bucket: Uint
    place_bucket: Place
    counter: Annotated[int, msgspec.Meta(ge=0, le=COUNTER_MAX)]
    tag_mac_ok: bool


def tag_key(tag_id: str) -> str:
    """The key of a tag's record, without the contract's name."""
    return "tag/" + tag_id


def bound_key(item: str) -> str:
    """Where the tag of a thing stands, by its short name."""
    return "bound/" + item


def day_key(tag_id: str, day: int) -> str:
    """Where a day's readings stand."""
    return f"scans/{tag_id}/{day:08x}"


def bind(context: Context, given: Bind) -> Value:
    """Put a tag on a thing: by the owner of its prefix, or where nobody is, by its holder.

    Raises:
        Refused: ``SCHEMA``, ``MISSING``, ``STATE``, ``AUTH`` or ``DUPLICATE``.
    """
    identifier = canonical(given.item_id.strip())
    name = short(identifier)
    thing = _thing(context, identifier)
    if thing.state in ENDED:
        raise Refused("STATE", id=identifier, have=thing.state, need="a thing that is there")
    _check_owner(context, identifier, thing)
    known = context.get(tag_key(given.tag_id), TagRecord)
    if known is not None:
        have, by = thing_id(known.item), known.controller
        raise Refused("DUPLICATE", field="$.tag_id", have=have, by=by)
    taken = context.get_value(bound_key(name))
    if taken is not None:
        raise Refused("DUPLICATE", field="$.item_id", have=taken)
    record = TagRecord(
        id=given.tag_id,
        version=1,
        controller=context.sender.member,
        history=first(context),
        bound_day=context.time // DAY_MS,
        item=name,
        key_commit=given.tag_key_commit,
    )
    create(context, tag_key(given.tag_id), record)
    context.put_value(bound_key(name), given.tag_id)
    context.event("bound", tag=given.tag_id, item=identifier)
    return {"id": given.tag_id, "item": identifier, "version": 1}


def scan(context: Context, given: Scan) -> Value:
    """Count a reading of a thing's tag, and flag what does not look genuine.

    Raises:
        Refused: ``MISSING`` or ``TIME``.
    """
    identifier = canonical(given.item.strip())
    tag_id = context.get_value(bound_key(short(identifier)))
    if not isinstance(tag_id, str):
        raise Refused("MISSING", id=identifier, need="a tag, by bind")
    record = context.need(tag_key(tag_id), TagRecord)
    today = context.time // DAY_MS
    if not record.bound_day <= given.day_bucket <= today:
        need = record.bound_day if given.day_bucket < record.bound_day else today
        raise Refused("TIME", field="$.day_bucket", have=given.day_bucket, need=need)
    key = day_key(tag_id, given.day_bucket)
    day = _counted(context.get(key, DayRecord) or DayRecord(), given)
    raised = _raised(record, _thing(context, identifier), day, given)
    fresh = [flag for flag in raised if flag not in record.flags]
    flags = {**record.flags, **dict.fromkeys(fresh, given.day_bucket)}
    after = _read(context, record, given, flags)
    context.put(key, day)
    if record.state == BOUND and after.state == SCANNED:
        context.event("first_scan", item=identifier, day=given.day_bucket)
    for flag in fresh:
        context.event("flagged", item=identifier, flag=flag, day=given.day_bucket)
    return {
        "clone": is_clone(flags),
        "first_day": after.first_day,
        "flags": [*raised],
        "scans": after.scans,
        "version": after.version,
    }


def is_clone(flags: dict[str, int]) -> bool:
    """Whether these flags warn of a copy."""
    return any(flag in flags for flag in CLONE_FLAGS)


def _thing(context: Context, identifier: str) -> ThingRecord:
    """The record of a single thing that the chain knows."""
    if is_class(identifier) or is_lot(identifier):
        raise Refused("SCHEMA", field="$.item_id", need="a single thing")
    thing = context.get(thing_key(identifier), ThingRecord)
    if thing is None or thing.state == VOID:
        raise Refused("MISSING", id=identifier, need="commissioning")
    return thing


def _check_owner(context: Context, identifier: str, thing: ThingRecord) -> None:
    """Who owns the company prefix tags its things; others would give copies a good name."""
    members = [signer.member for signer in context.signers]
    owner = context.registry.prefix_owner(company_digits(identifier)) or ""
    role = "owner of the prefix"
    if not owner:
        outer = outermost(thing, lambda name: context.get(thing_key(name), ThingRecord))
        owner, role = outer.controller or thing.controller, "holder"
    if owner and owner not in members:
        raise Refused("AUTH", id=identifier, need=owner, by=context.sender.member, role=role)


def _counted(day: DayRecord, given: Scan) -> DayRecord:
    """The day with one reading more."""
    if not given.tag_mac_ok:
        return msgspec.structs.replace(day, scans=day.scans + 1, bad=day.bad + 1)
    places = day.places
    if given.place_bucket in places or len(places) < PLACES_MAX:
        places = {**places, given.place_bucket: places.get(given.place_bucket, 0) + 1}
    return msgspec.structs.replace(day, scans=day.scans + 1, places=places)


def _raised(record: TagRecord, thing: ThingRecord, day: DayRecord, given: Scan) -> tuple[str, ...]:
    """The flags that a reading raises. A wrong code proves nothing about the genuine tag."""
    if not given.tag_mac_ok:
        return (MAC,)
    raised = []
    if record.state == SCANNED and given.counter == record.counter:
        raised.append(REPEAT)
    if record.state == SCANNED and given.counter < record.counter:
        raised.append(COUNTER)
    if len(day.places) > PLACES_WARN:
        raised.append(PLACES)
    if thing.state == SOLD:
        raised.append(AFTER_SALE)
    if thing.state in ENDED and given.day_bucket > thing.ended_time // DAY_MS:
        raised.append(AFTER_END)
    return tuple(raised)


def _read(context: Context, record: TagRecord, given: Scan, flags: dict[str, int]) -> TagRecord:
    """Write the tag after a reading; the first good one is recorded once."""
    key = tag_key(record.id)
    if not given.tag_mac_ok:
        return save(context, key, record, flags=flags, scans=record.scans + 1)
    begun = record.state == SCANNED
    return save(
        context,
        key,
        record,
        counter=max(record.counter, given.counter),
        first_day=record.first_day if begun else given.day_bucket,
        first_place=record.first_place if begun else given.place_bucket,
        flags=flags,
        scans=record.scans + 1,
        state=SCANNED,
    )
