"""`cred`: who may attest what, which credentials were issued, and whether they still hold.

The promise: a revoked credential stays revoked; an index of a list is used once; only an
accredited member logs a credential of a type; whether it was accredited at a height never
changes afterwards; and nothing on the chain says anything about a person
(docs/spec/cred.md; Bitstring Status List v1.0).
"""

from typing import ClassVar

import msgspec

from hansa.encoding import Value, encode_value
from hansa.vc.bits import STATUS_BITS, TILE_ENTRIES, tile_bytes, value_at, with_value
from hansa.vc.chain import (
    MESSAGE,
    PURPOSES,
    REVOCATION,
    Term,
    Tile,
    holds,
    in_force,
    issuer_key,
    list_key,
    log_key,
    note_key,
    tile_key,
)
from ledger.ballots import open_ballot
from ledger.contract import BALLOT, TIMER, Context, Contract, Refused, method
from ledger.contracts.cred_records import (
    CORRECTED,
    DISPUTED,
    OBJECTION_MS_MAX,
    OVERDUE,
    REASON_CODES,
    TERMS_MAX,
    TILES_MAX,
    UPHELD,
    Accredit,
    AccreditationRecord,
    Annotate,
    Change,
    Disaccredit,
    ListRecord,
    Log,
    LogRecord,
    NoteRecord,
    OfNote,
    OpenList,
    Status,
    Template,
    TemplateRecord,
)
from ledger.due import cancel, schedule
from ledger.records import check_version, create, first, save


class Cred(Contract):
    """Accreditation, templates, status lists, the log of credentials, objections."""

    name: ClassVar[str] = "cred"

    @method(Accredit)
    def accredit(self, context: Context, given: Accredit) -> Value:
        """Open a ballot on a member that may issue credentials of a type."""
        _check_accredit(context, given)
        return open_ballot(context, "accredit", given, concerns=given.issuer)

    @method(Accredit, via=BALLOT)
    def apply_accredit(self, context: Context, given: Accredit) -> Value:
        """Begin a term; one that is running ends here."""
        _check_accredit(context, given)
        key = issuer_key(given.type, given.issuer)
        record = context.get(key, AccreditationRecord)
        terms = () if record is None else _closed(record.terms, context.height)
        if len(terms) >= TERMS_MAX:
            raise Refused("LIMIT", field="terms", have=len(terms), need=TERMS_MAX)
        terms = (*terms, Term(given.evidence or b"", context.height, given.until))
        if record is None:
            record = AccreditationRecord(
                f"{given.type}/{given.issuer}", 1, given.issuer, first(context), terms
            )
            create(context, key, record)
        else:
            save(context, key, record, terms=terms)
        context.event("accredited", issuer=given.issuer, type=given.type, until=given.until)
        return None

    @method(Disaccredit)
    def disaccredit(self, context: Context, given: Disaccredit) -> Value:
        """Open a ballot on ending a member's accreditation."""
        _ending(context, given)
        return open_ballot(context, "disaccredit", given, concerns=given.issuer)

    @method(Disaccredit, via=BALLOT)
    def apply_disaccredit(self, context: Context, given: Disaccredit) -> Value:
        """End the running term; what was issued before stays what it was."""
        record, ended = _ending(context, given)
        key = issuer_key(given.type, given.issuer)
        save(context, key, record, terms=(*record.terms[:-1], ended))
        context.event(
            "disaccredited", issuer=given.issuer, type=given.type, from_height=ended.to_height
        )
        return None

    @method(Template)
    def template(self, context: Context, given: Template) -> Value:
        """Put the digest of a type's schema on record, version after version."""
        _check_issuer(context, given.type)
        key = _template_key(given.type, given.version)
        known = context.get(key, TemplateRecord)
        if known is not None:
            height = known.history[0][0]
            raise Refused("EXISTS", id=known.id, by=known.controller, height=height)
        if given.version > 1 and not context.exists(_template_key(given.type, given.version - 1)):
            raise Refused("LINK", field="$.version", have=given.version, need=given.version - 1)
        member, record_id = context.sender.member, f"{given.type}/{given.version}"
        record = TemplateRecord(record_id, 1, member, first(context), given.schema_digest)
        create(context, key, record)
        context.event("template_set", type=given.type, version=given.version)
        return {"id": record_id, "version": 1}

    @method(OpenList)
    def open_list(self, context: Context, given: OpenList) -> Value:
        """Begin a status list of the sender's member; all its values are zero."""
        _check_list(given)
        key = list_key(given.list_id)
        known = context.get(key, ListRecord)
        if known is not None:
            height = known.history[0][0]
            raise Refused("EXISTS", id=given.list_id, by=known.controller, height=height)
        record = ListRecord(
            id=given.list_id,
            version=1,
            controller=context.sender.member,
            history=first(context),
            opened=context.time,
            purpose=given.purpose,
            size=given.size,
            updated=context.time,
            bits=given.bits,
            messages=given.messages,
        )
        create(context, key, record)
        context.event("list_opened", list=given.list_id, purpose=given.purpose, size=given.size)
        return {"list": given.list_id, "version": 1}

    @method(Log)
    def log(self, context: Context, given: Log) -> Value:
        """Put an issued credential on record by its digest, and take its places in lists."""
        _check_issuer(context, given.type)
        if given.valid_until and given.valid_until <= context.time:
            raise Refused("TIME", field="$.valid_until", have=given.valid_until, need=context.time)
        if given.template and not context.exists(_template_key(given.type, given.template)):
            raise Refused("LINK", field="$.template", have=given.template)
        key = log_key(given.digest)
        known = context.get(key, LogRecord)
        if known is not None:
            height = known.history[0][0]
            raise Refused("DUPLICATE", field="$.digest", by=known.controller, height=height)
        places = ((given.status_list, given.index), *((p.list_id, p.index) for p in given.more))
        for list_id, index in places:
            _take(context, list_id, index)
        record = LogRecord(
            id=given.digest.hex(),
            version=1,
            controller=context.sender.member,
            history=first(context),
            logged_at=context.time,
            places=places,
            type=given.type,
            template=given.template,
            valid_until=given.valid_until,
        )
        create(context, key, record)
        context.event("logged", digest=given.digest, type=given.type)
        return {"digest": given.digest, "version": 1}

    @method(Status)
    def status(self, context: Context, given: Status) -> Value:
        """Change values of a list; all of them or none."""
        if given.reason_code not in REASON_CODES:
            raise Refused("SCHEMA", field="$.reason_code", need=[*REASON_CODES])
        record = _own_list(context, given.list_id)
        check_version(record, given.version)
        indexes = [change.index for change in given.changes]
        if len(set(indexes)) != len(indexes):
            raise Refused("DUPLICATE", field="$.changes", list=record.id)
        keys = {tile_key(record.id, index): index for index in indexes}
        if len(keys) > TILES_MAX:
            raise Refused("LIMIT", field="tiles", have=len(keys), need=TILES_MAX)
        tiles = {key: _tile(context, record, index) for key, index in keys.items()}
        for change in given.changes:
            key = tile_key(record.id, change.index)
            tiles[key] = _changed(record, tiles[key], change)
        for key, tile in tiles.items():
            context.put(key, tile)
        after = save(context, list_key(record.id), record, updated=context.time)
        context.event(
            "status_changed",
            list=record.id,
            reason=given.reason_code,
            changes=[[change.index, change.value] for change in given.changes],
        )
        return {"list": record.id, "version": after.version}

    @method(Annotate)
    def annotate(self, context: Context, given: Annotate) -> Value:
        """Mark a credential as disputed, at once; or say that it was corrected or upheld."""
        record = context.need(list_key(given.list_id), ListRecord)
        _require_used(record, _tile(context, record, given.index), given.index)
        note = context.get(note_key(given.list_id, given.index), NoteRecord)
        have = 0 if note is None else note.version
        if note is None and given.version:
            raise Refused("STALE", id=given.list_id, have=have, given=given.version, height=0)
        if note is not None:
            check_version(note, given.version)
        if given.kind == DISPUTED:
            return _dispute(context, given, note)
        if given.kind in (CORRECTED, UPHELD):
            return _answer(context, given, record, note)
        raise Refused("SCHEMA", field="$.kind", need=[DISPUTED, CORRECTED, UPHELD])

    @method(OfNote, via=TIMER)
    def overdue(self, context: Context, given: OfNote) -> Value:
        """Mark an objection that was not answered in time; it may still be answered."""
        key = note_key(given.list_id, given.index)
        note = context.need(key, NoteRecord)
        save(context, key, note, overdue=True)
        context.event("overdue", list=given.list_id, index=given.index, due=note.due)
        return None


def issuer_ok(context: Context, issuer: str, kind: str) -> bool:
    """Whether a member is accredited for a type now: for contracts that ask about it."""
    record = context.within(Cred.name).get(issuer_key(kind, issuer), AccreditationRecord)
    return record is not None and in_force(record.terms, context.height, context.time)


def _check_accredit(context: Context, given: Accredit) -> None:
    if not context.registry.is_member(given.issuer):
        raise Refused("MISSING", field="$.issuer", have=given.issuer, need="a member in force")
    if given.until and given.until <= context.time:
        raise Refused("TIME", field="$.until", have=given.until, need=context.time)


def _closed(terms: tuple[Term, ...], height: int) -> tuple[Term, ...]:
    """Terms that are all over at a height; one that would have lasted no block is left out."""
    last = terms[-1]
    if last.to_height and last.to_height <= height:
        return terms
    if last.from_height == height:
        return terms[:-1]
    return (*terms[:-1], msgspec.structs.replace(last, to_height=height))


def _ending(context: Context, given: Disaccredit) -> tuple[AccreditationRecord, Term]:
    """The record, and its last term as it would be ended; the past is out of reach."""
    record = context.need(issuer_key(given.type, given.issuer), AccreditationRecord)
    last = record.terms[-1]
    end = max(given.from_height, context.height + 1)
    if not holds(last, context.height, context.time) or 0 < last.to_height <= end:
        need = "a term that lasts longer"
        raise Refused("STATE", id=record.id, have=last.to_height, until=last.until, need=need)
    return record, msgspec.structs.replace(last, to_height=end, reason=given.reason)


def _check_issuer(context: Context, kind: str) -> None:
    """Refuse a sender whose member is not accredited for a type now."""
    member = context.sender.member
    record = context.get(issuer_key(kind, member), AccreditationRecord)
    if record is None:
        raise Refused("AUTH", by=member, need="accreditation", type=kind)
    if not in_force(record.terms, context.height, context.time):
        last = record.terms[-1]
        raise Refused(
            "AUTH",
            by=member,
            need="accreditation",
            type=kind,
            until=last.until,
            height=last.to_height,
        )


def _check_list(given: OpenList) -> None:
    if given.purpose not in PURPOSES:
        raise Refused("SCHEMA", field="$.purpose", have=given.purpose[:64], need=[*PURPOSES])
    if given.size % TILE_ENTRIES:
        raise Refused("SCHEMA", field="$.size", have=given.size, need=TILE_ENTRIES)
    if given.bits not in (STATUS_BITS if given.purpose == MESSAGE else (1,)):
        raise Refused("SCHEMA", field="$.bits", have=given.bits)
    need = 1 << given.bits if given.purpose == MESSAGE else 0
    if len(given.messages) != need:
        raise Refused("SCHEMA", field="$.messages", have=len(given.messages), need=need)


def _template_key(kind: str, version: int) -> str:
    return f"template/{kind}/{version}"


def _own_list(context: Context, list_id: str) -> ListRecord:
    record = context.need(list_key(list_id), ListRecord)
    if context.sender.member != record.controller:
        raise Refused("AUTH", id=list_id, need=record.controller, have=context.sender.member)
    return record


def _tile(context: Context, record: ListRecord, index: int) -> Tile:
    """The tile of an index that the list has; one of zeros where nothing was written."""
    if index >= record.size:
        raise Refused("LIMIT", field="index", have=index, need=record.size - 1)
    stored = context.get(tile_key(record.id, index), Tile)
    return Tile(bytes(tile_bytes(1)), bytes(tile_bytes(record.bits))) if stored is None else stored


def _take(context: Context, list_id: str, index: int) -> None:
    """Use an index, once and for ever."""
    record = _own_list(context, list_id)
    tile = _tile(context, record, index)
    place = index % TILE_ENTRIES
    if value_at(tile.used, place, 1):
        raise Refused("DUPLICATE", field="index", list=list_id, have=index, by=record.controller)
    used = with_value(tile.used, place, 1, 1)
    context.put(tile_key(list_id, index), Tile(used, tile.values))


def _require_used(record: ListRecord, tile: Tile, index: int) -> None:
    """Refuse an index that no credential has: a change there would say nothing to anyone."""
    if not value_at(tile.used, index % TILE_ENTRIES, 1):
        raise Refused("MISSING", list=record.id, index=index, need="a logged credential")


def _changed(record: ListRecord, tile: Tile, change: Change) -> Tile:
    """A tile with one value changed, as the list's purpose allows it."""
    _require_used(record, tile, change.index)
    place = change.index % TILE_ENTRIES
    have = value_at(tile.values, place, record.bits)
    if change.value >= 1 << record.bits:
        most = (1 << record.bits) - 1
        raise Refused("SCHEMA", field="$.changes.value", have=change.value, need=most)
    if record.purpose == REVOCATION and have and not change.value:
        raise Refused("RULE", list=record.id, index=change.index, have=have, rule="final")
    if have == change.value:
        raise Refused("STATE", list=record.id, index=change.index, have=have, need="a change")
    return Tile(tile.used, with_value(tile.values, place, record.bits, change.value))


def _dispute(context: Context, given: Annotate, note: NoteRecord | None) -> Value:
    latest = context.time + OBJECTION_MS_MAX
    if not context.time < given.due <= latest:
        raise Refused("TIME", field="$.due", have=given.due, need=latest)
    if note is not None and note.state == DISPUTED:
        raise Refused("STATE", id=note.id, have=DISPUTED, by=note.controller, since=note.since)
    key, member = note_key(given.list_id, given.index), context.sender.member
    if note is None:
        note = NoteRecord(
            id=f"{given.list_id}/{given.index}",
            version=1,
            controller=member,
            history=first(context),
            due=given.due,
            rounds=1,
            since=context.time,
            state=DISPUTED,
            statement=given.statement_digest,
        )
        create(context, key, note)
    else:
        note = save(
            context, key, note, controller=member, due=given.due, rounds=note.rounds + 1,
            since=context.time, state=DISPUTED, statement=given.statement_digest, answer=b"",
        )  # fmt: skip
    entry = encode_value({"index": given.index, "list_id": given.list_id})
    schedule(context, given.due, _timer(given), OVERDUE, entry)
    return _noted(context, given, note)


def _answer(
    context: Context, given: Annotate, record: ListRecord, note: NoteRecord | None
) -> Value:
    member = context.sender.member
    if member != record.controller:
        raise Refused("AUTH", id=record.id, need=record.controller, have=member)
    if given.due:
        raise Refused("SCHEMA", field="$.due", have=given.due, need=0)
    if note is None or note.state != DISPUTED:
        have = "" if note is None else note.state
        raise Refused("STATE", id=f"{record.id}/{given.index}", have=have, need=DISPUTED)
    cancel(context, note.due, _timer(given))
    key, answer = note_key(given.list_id, given.index), given.statement_digest
    after = save(context, key, note, state=given.kind, answer=answer)
    return _noted(context, given, after)


def _noted(context: Context, given: Annotate, note: NoteRecord) -> Value:
    context.event("annotated", list=given.list_id, index=given.index, kind=given.kind)
    return {"due": note.due, "state": note.state, "version": note.version}


def _timer(given: Annotate) -> str:
    """The due-queue's name of an objection; an index holds no hyphen, so it is one entry's."""
    return f"cred-{given.list_id}-{given.index}"
