"""Questions about credentials: who may issue, what a list says (docs/spec/cred.md).

The promise: a list's credential says, bit by bit, what the state says; the issuer signs it and
nobody has to trust the node that made it.
"""

from typing import Annotated, cast

import msgspec

from hansa.encoding import MemberName, Name, Uint, Value
from hansa.vc.bits import TILE_ENTRIES
from hansa.vc.chain import (
    MESSAGE,
    StatusList,
    Tile,
    holds,
    issuer_key,
    list_key,
    log_key,
    note_key,
    status_in,
    tile_key,
)
from hansa.vc.list_content import list_credential
from ledger.ballots import DAY_MS
from ledger.contract import Arguments, Refused, load
from ledger.contracts.cred_records import (
    AccreditationRecord,
    Index,
    ListRecord,
    LogRecord,
    NoteRecord,
    TypeName,
)
from ledger.query import HexDigest, Query, Reader, fields_of
from ledger.records import KeyRecord, MemberRecord

VALID_MS_MAX = 366 * DAY_MS
"""A list's credential is made anew long before a year is over."""
Url = Annotated[str, msgspec.Meta(pattern=r"^https?://[\x21-\x7e]{1,1000}(?![\s\S])")]
"""Where credentials say that the list is."""
KeyId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}(?![\s\S])")]
Millis = Annotated[int, msgspec.Meta(ge=1, le=VALID_MS_MAX)]


class IssuerOk(Arguments, frozen=True):
    """Arguments of `issuer_ok`; without height and time at the head."""

    issuer: MemberName
    type: TypeName
    height: Uint | None = None
    time: Uint | None = None


class ListCredential(Arguments, frozen=True):
    """Arguments of `list_credential`; `key` signs it: without one the member's own."""

    list_id: Name
    url: Url
    key: KeyId | None = None
    valid_ms: Millis = DAY_MS


class StatusOf(Arguments, frozen=True):
    """Arguments of `status_of`."""

    list_id: Name
    index: Index


class Logged(Arguments, frozen=True):
    """Arguments of `logged`: the digest of a credential with its proof (vc.md, 8.1)."""

    digest: HexDigest


def issuer_ok(reader: Reader, given: IssuerOk) -> Value:
    """Whether a member is, or was, accredited for a type, with all its terms."""
    height = reader.height if given.height is None else given.height
    time = reader.time if given.time is None else given.time
    key = "cred/" + issuer_key(given.type, given.issuer)
    record = reader.find(key, AccreditationRecord)
    terms = () if record is None else record.terms
    return {
        "height": height,
        "key": key,
        "ok": any(holds(term, height, time) for term in terms),
        "terms": [fields_of(term) for term in terms],
        "time": time,
    }


def list_credential_(reader: Reader, given: ListCredential) -> Value:
    """The unsigned BitstringStatusListCredential of a list as the state has it now."""
    record = reader.need("cred/" + list_key(given.list_id), ListRecord)
    tiles = {
        int(key.rpartition(b"/")[2], 16): load(stored, Tile)
        for key, stored in reader.scan(f"cred/tile/{given.list_id}/".encode())
    }
    key = given.key or reader.need("org/member/" + record.controller, MemberRecord).key_id
    signing = reader.need("org/key/" + key, KeyRecord)
    if signing.member != record.controller:
        raise Refused("AUTH", field="$.key", have=signing.member, need=record.controller)
    made = list_credential(
        _status_list(record),
        tiles,
        url=given.url,
        public=signing.public,
        valid_from=reader.time,
        valid_until=reader.time + given.valid_ms,
    )
    return {"credential": cast("Value", made), "version": record.version}


def status_of(reader: Reader, given: StatusOf) -> Value:
    """What a list says of an index, with the objection to it if there is one."""
    record = reader.need("cred/" + list_key(given.list_id), ListRecord)
    if given.index >= record.size:
        raise Refused("LIMIT", field="$.index", have=given.index, need=record.size)
    key = "cred/" + tile_key(given.list_id, given.index)
    tile = reader.find(key, Tile)
    value = status_in(tile, _status_list(record), given.index)
    note = reader.find("cred/" + note_key(given.list_id, given.index), NoteRecord)
    place = given.index % TILE_ENTRIES
    return {
        "index": given.index,
        "key": key,
        "list": given.list_id,
        "message": record.messages[value] if record.purpose == MESSAGE else "",
        "note": None if note is None else fields_of(note),
        "purpose": record.purpose,
        "updated": record.updated,
        "used": tile is not None and bool(tile.used[place // 8] & (0x80 >> place % 8)),
        "value": value,
        "version": record.version,
    }


def logged(reader: Reader, given: Logged) -> Value:
    """When a credential was logged, by whom, and where its statuses stand."""
    return fields_of(reader.need("cred/" + log_key(bytes.fromhex(given.digest)), LogRecord))


def _status_list(record: ListRecord) -> StatusList:
    return StatusList(
        record.id,
        record.version,
        record.controller,
        record.purpose,
        record.size,
        record.opened,
        record.updated,
        record.bits,
        record.messages,
    )


QUERIES: dict[str, Query] = {
    "issuer_ok": (IssuerOk, issuer_ok),
    "list_credential": (ListCredential, list_credential_),
    "logged": (Logged, logged),
    "status_of": (StatusOf, status_of),
}
