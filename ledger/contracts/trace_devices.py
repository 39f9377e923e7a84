"""Devices that measure: batches of readings without a gap, by a calibrated device (trace.md, 7).

The promise: one hash stands for every reading of a batch, and the numbers of a device's readings
go up without a hole, so that nobody leaves out the readings that he does not like; and what a
device measured outside its calibration is refused.
"""

from typing import Annotated

import msgspec

from hansa.encoding import INT_MAX, INT_MIN, Hash, Uint, Value
from hansa.vc.bits import TILE_ENTRIES, value_at
from hansa.vc.chain import MESSAGE, Tile, list_key, log_key, tile_key
from ledger.contract import ADMIN, Arguments, Context, Refused, Stored
from ledger.contracts.cred_records import ListRecord, LogRecord
from ledger.contracts.trace_records import GATEWAY
from ledger.records import ACTIVE, Record, SubjectRecord, create, first, save

CALIBRATION_TYPE = "CalibrationCertificate"
"""The type of credential that says that a device measures right (cred.md, 4)."""
CALIBRATIONS_MAX = 8
"""Calibrations of a device that are remembered: batches may come late, but not for years."""
COUNT_MAX = 2**20
"""Readings of a batch: one a second for twelve days, and paths of 20 hashes."""
DEVICE = "device"
"""The kind of subject that measures (contracts.md, 4)."""

DeviceId = Annotated[
    str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}/[a-z0-9.-]{1,63}(?![\s\S])")
]
Unit = Annotated[str, msgspec.Meta(pattern=r"^[A-Z0-9]{2,3}(?![\s\S])")]
"""A unit of measure of UN/ECE Recommendation 20, as EPCIS has it in ``uom``: ``CEL``, ``P1``."""
Milli = Annotated[int, msgspec.Meta(ge=INT_MIN, le=INT_MAX)]
"""A measured value in thousandths of its unit."""


class Calibration(Stored, frozen=True):
    """That a logged credential speaks of a device; times in ms, `until` 0 for no end."""

    digest: bytes
    since: int
    until: int = 0


class DeviceRecord(Record, frozen=True):
    """``trace/device/<subject>``: what a device has sent; its controller is who owns it.

    Attributes:
        next_seq: the number that its next reading has.
        batches: how many it sent; as long as it is 0, a batch may begin with any number.
        time: the end of the last batch's window (ms).
        calibrations: the oldest first.
    """

    batches: int = 0
    calibrations: tuple[Calibration, ...] = ()
    next_seq: int = 0
    time: int = 0


class BatchRecord(Record, frozen=True):
    """``trace/batch/<device>/<last_seq>``: readings by their root; values in thousandths."""

    count: int
    first_seq: int
    from_: int = msgspec.field(name="from")
    last_seq: int
    max: int
    min: int
    root: bytes
    to: int
    unit: str


class Window(Arguments, frozen=True):
    """When the readings were taken, in ms: the first and the last."""

    from_: Uint = msgspec.field(name="from")
    to: Uint


class Summary(Arguments, frozen=True):
    """The least and the greatest value, and how many values there are."""

    min: Milli
    max: Milli
    n: Uint


class CaptureBatch(Arguments, frozen=True):
    """Arguments of `capture_batch`; `root` is that of RFC 6962 over the readings' bytes."""

    root: Hash
    count: Annotated[int, msgspec.Meta(ge=1, le=COUNT_MAX)]
    first_seq: Uint
    last_seq: Uint
    device: DeviceId
    window: Window
    summary: Summary
    unit: Unit


class Calibrate(Arguments, frozen=True):
    """Arguments of `calibrate`: a device, the digest of a credential, since when (ms)."""

    device: DeviceId
    digest: Hash
    since: Uint


def device_key(device: str) -> str:
    """The key of a device's record, without the contract's name."""
    return "device/" + device


def batch_key(device: str, last_seq: int) -> str:
    """The key of a batch: sorted by its last number, so that a reading's batch is found."""
    return f"batch/{device}/{last_seq:016x}"


def calibrate(context: Context, given: Calibrate) -> Value:
    """Note that a certificate speaks of a device; by the laboratory that issued it.

    Raises:
        Refused: ``MISSING``, ``LINK``, ``AUTH``, ``TIME`` or ``DUPLICATE``.
    """
    owner = _device(context, given.device)
    log = context.within("cred").get(log_key(given.digest), LogRecord)
    if log is None or log.type != CALIBRATION_TYPE:
        have = "" if log is None else log.type
        raise Refused("LINK", field="$.digest", have=have, need=CALIBRATION_TYPE)
    members = [signer.member for signer in context.signers]
    if log.controller not in members:
        raise Refused("AUTH", need=log.controller, by=context.sender.member, role="issuer")
    latest = min(context.time, log.valid_until) if log.valid_until else context.time
    if given.since > latest:
        raise Refused("TIME", field="$.since", have=given.since, need=latest)
    key = device_key(given.device)
    record = context.get(key, DeviceRecord)
    known = () if record is None else record.calibrations
    if any(one.digest == given.digest for one in known):
        raise Refused("DUPLICATE", field="$.digest", device=given.device)
    calibration = Calibration(given.digest, given.since, log.valid_until)
    calibrations = (*known, calibration)[-CALIBRATIONS_MAX:]
    if record is None:
        record = DeviceRecord(
            given.device, 1, owner.member, first(context), calibrations=calibrations
        )
        create(context, key, record)
    else:
        record = save(context, key, record, calibrations=calibrations)
    context.event("calibrated", device=given.device, since=given.since, until=log.valid_until)
    return {"id": given.device, "until": log.valid_until, "version": record.version}


def capture_batch(context: Context, given: CaptureBatch) -> Value:
    """Put a batch of readings on record; the same batch again changes nothing.

    Raises:
        Refused: ``MISSING``, ``STATE``, ``AUTH``, ``SCHEMA``, ``TIME`` or ``RULE``.
    """
    owner = _device(context, given.device)
    _check_signer(context, given.device, owner)
    _check_numbers(given)
    key = batch_key(given.device, given.last_seq)
    known = context.get(key, BatchRecord)
    record = context.get(device_key(given.device), DeviceRecord)
    if known is not None and _same(known, given):
        assert record is not None
        return _answer(known, record.next_seq, duplicate=True)
    _check_sequence(given, record)
    _check_window(context, given, record)
    _check_calibration(context, given, record)
    batch = BatchRecord(
        id=f"{given.device}/{given.last_seq}",
        version=1,
        controller=owner.member,
        history=first(context),
        count=given.count,
        first_seq=given.first_seq,
        from_=given.window.from_,
        last_seq=given.last_seq,
        max=given.summary.max,
        min=given.summary.min,
        root=given.root,
        to=given.window.to,
        unit=given.unit,
    )
    create(context, key, batch)
    _step(context, given, owner, record)
    context.event(
        "batch_captured", device=given.device, first_seq=given.first_seq, last_seq=given.last_seq
    )
    return _answer(batch, given.last_seq + 1, duplicate=False)


def _device(context: Context, device: str) -> SubjectRecord:
    """The enrolled device; a suspended one measures nothing that counts."""
    subject = context.within("org").get("subject/" + device, SubjectRecord)
    if subject is None or subject.kind != DEVICE:
        have = "" if subject is None else subject.kind
        raise Refused("MISSING", id=device, have=have, need="a device enrolled in org")
    if subject.state != ACTIVE:
        raise Refused("STATE", id=device, have=subject.state, need=ACTIVE)
    return subject


def _check_signer(context: Context, device: str, owner: SubjectRecord) -> None:
    """The device itself signs, or its owner: an administrator or a gateway of the same member."""
    for signer in context.signers:
        speaks = ADMIN in signer.roles or GATEWAY in signer.roles
        if signer.subject == device or (speaks and signer.member == owner.member):
            return
    raise Refused("AUTH", need=device, by=context.sender.subject, role=GATEWAY)


def _check_numbers(given: CaptureBatch) -> None:
    """What a batch says of itself fits together."""
    need = given.last_seq - given.first_seq + 1
    if given.count != need:
        raise Refused("RULE", rule="count", have=given.count, need=need)
    if given.summary.n != given.count:
        raise Refused("RULE", rule="summary", have=given.summary.n, need=given.count)
    if given.summary.min > given.summary.max:
        field = "$.summary.min"
        raise Refused("SCHEMA", field=field, have=given.summary.min, need=given.summary.max)
    if given.window.from_ > given.window.to:
        raise Refused(
            "SCHEMA", field="$.window.from", have=given.window.from_, need=given.window.to
        )


def _same(known: BatchRecord, given: CaptureBatch) -> bool:
    """Whether a batch on record is the one that is sent."""
    said = (known.root, known.first_seq, known.from_, known.to, known.min, known.max, known.unit)
    window, summary = given.window, given.summary
    return said == (
        given.root, given.first_seq, window.from_, window.to, summary.min, summary.max, given.unit
    )  # fmt: skip


def _check_sequence(given: CaptureBatch, record: DeviceRecord | None) -> None:
    """The first number is the one after the last: none left out, none used twice."""
    if record is None or not record.batches or given.first_seq == record.next_seq:
        return
    missing = max(given.first_seq - record.next_seq, 0)
    raise Refused(
        "RULE", rule="sequence", device=given.device, have=given.first_seq, need=record.next_seq,
        missing=missing,
    )  # fmt: skip


def _check_window(context: Context, given: CaptureBatch, record: DeviceRecord | None) -> None:
    """Readings lie in the past and after those before them, up to what clocks differ."""
    skew = context.registry.parameter("trace.max_skew_ms")
    assert isinstance(skew, int)
    if given.window.to > context.time + skew:
        have, need = given.window.to, context.time + skew
        raise Refused("TIME", field="$.window.to", have=have, need=need)
    if record is not None and given.window.from_ + skew < record.time:
        have, need = given.window.from_, record.time - skew
        raise Refused("TIME", field="$.window.from", have=have, need=need)


def _check_calibration(context: Context, given: CaptureBatch, record: DeviceRecord | None) -> None:
    """One calibration, whose credential still holds, covers the whole window.

    A device that was never calibrated measures as long as the chain lets it.
    """
    calibrations = () if record is None else record.calibrations
    if not calibrations:
        if context.registry.parameter("trace.uncalibrated") == "refuse":
            raise Refused("RULE", rule="calibration", device=given.device, need=CALIBRATION_TYPE)
        return
    window, withdrawn = given.window, ""
    for one in reversed(calibrations):
        if one.since <= window.from_ and (one.until == 0 or window.to <= one.until):
            withdrawn = _withdrawn(context, one.digest)
            if not withdrawn:
                return
    last = calibrations[-1]
    if withdrawn:
        raise Refused("RULE", rule="calibration", device=given.device, have=withdrawn, need=ACTIVE)
    if last.until and window.to > last.until:
        raise Refused(
            "RULE", rule="calibration", device=given.device, have=window.to, need=last.until,
            since=last.until,
        )  # fmt: skip
    raise Refused(
        "RULE", rule="calibration", device=given.device, have=window.from_, need=last.since
    )


def _withdrawn(context: Context, digest: bytes) -> str:
    """The purpose of the list that says that a credential holds no more, or an empty string."""
    cred = context.within("cred")
    log = cred.need(log_key(digest), LogRecord)
    for name, index in log.places:
        status_list = cred.need(list_key(name), ListRecord)
        if status_list.purpose == MESSAGE:
            continue
        tile = cred.get(tile_key(name, index), Tile)
        if tile is not None and value_at(tile.values, index % TILE_ENTRIES, status_list.bits):
            return status_list.purpose
    return ""


def _step(
    context: Context, given: CaptureBatch, owner: SubjectRecord, record: DeviceRecord | None
) -> None:
    """Move the device on to the number after the batch."""
    key, next_seq = device_key(given.device), given.last_seq + 1
    if record is None:
        record = DeviceRecord(
            id=given.device,
            version=1,
            controller=owner.member,
            history=first(context),
            batches=1,
            next_seq=next_seq,
            time=given.window.to,
        )
        create(context, key, record)
        return
    time = max(record.time, given.window.to)
    save(context, key, record, batches=record.batches + 1, next_seq=next_seq, time=time)


def _answer(batch: BatchRecord, next_seq: int, *, duplicate: bool) -> Value:
    return {
        "duplicate": duplicate,
        "height": batch.history[0][0],
        "id": batch.id,
        "next_seq": next_seq,
    }
