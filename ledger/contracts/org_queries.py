"""Who is who, as of now or as of then: DID documents and their history (contracts.md, section 4).

The promise: what a document says about the keys of a height or a time in the past never changes,
because keys keep the heights between which they count. Source: W3C DID Core 1.0, sections 5 and 7;
Controlled Identifiers 1.0 for keys as Multikey.
"""

import re
from collections.abc import Mapping
from typing import Annotated

import msgspec

from hansa.encoding import MemberName, Uint, Value
from hansa.errors import Rejected
from hansa.keys import ED25519, key_id
from hansa.vc.multibase import decode_base58, encode_base58
from ledger.authorise import may_sign
from ledger.contract import Arguments, Refused, load
from ledger.contracts.org_arguments import SubjectId
from ledger.query import PAGE_DEFAULT as PAGE
from ledger.query import After, Limit, Query, Reader, fields_of
from ledger.records import ACTIVE, SIGNING_USES, KeyRecord, MemberRecord, SubjectRecord

CONTEXT = ("https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1")
"""The contexts of a document (DID Core, 6.3.2; Controlled Identifiers, 2.2.2)."""
BEGIN = (0, 0, -1)
"""Before the first change of the genesis block."""
METHOD = "did:hansa:"
KEY_METHOD = "did:key:"
DID_MAX = 320
"""Characters of a name: method, chain, member and person with the longest names."""

_MULTICODEC = b"\xed\x01"
"""Ed25519 public keys (multicodec)."""
_DID = re.compile(
    r"did:hansa:([a-z0-9][a-z0-9._-]{0,63}):([a-z0-9.-]{1,64})(?::([a-z0-9.-]{1,63}))?"
)

Did = Annotated[str, msgspec.Meta(min_length=1, max_length=DID_MAX)]


class Resolve(Arguments, frozen=True):
    """A name, and as of which height or time (ms), not both; without either as of now."""

    did: Did
    at_height: Uint | None = None
    at_time: Uint | None = None


class OfMember(Arguments, frozen=True):
    """A page of the subjects of a member."""

    member: MemberName
    after: After = ""
    limit: Limit = PAGE


class OfSubject(Arguments, frozen=True):
    """A subject: ``<member>`` or ``<member>/<name>``."""

    subject: SubjectId


class _Held(msgspec.Struct, frozen=True):
    """A key, and when it came and went, where that was asked for (ms; 0: unknown, not ended)."""

    key: KeyRecord
    came: int = 0
    went: int = 0


def resolve(reader: Reader, given: Resolve) -> Value:
    """The DID document of a member, person, device, service or key, as of a height or a time."""
    if given.at_height is not None and given.at_time is not None:
        raise Refused("SCHEMA", field="$.at_time", need="a height or a time, not both")
    latest = (given.at_height or 0, reader.height), (given.at_time or 0, reader.time)
    for asked, head in latest:
        if asked > head:
            raise Refused("TIME", have=head, need=asked)
    name = _subject_of(reader, given.did)
    subject = reader.need("org/subject/" + name, SubjectRecord)
    member = reader.need("org/member/" + subject.member, MemberRecord)
    held = [_held(reader, one, given) for one in subject.keys]
    live = [one.key for one in held if _counts(one, given, reader.height)]
    if not any(_began(one, given) for one in held):
        since = min((one.key.valid_from for one in held), default=0)
        raise Refused("MISSING", id=given.did, height=since)
    now = given.at_height is None and given.at_time is None
    active = subject.state == ACTIVE and member.state == ACTIVE
    did = _did(reader, name)
    return {
        "didDocument": _document(reader, subject, live),
        "didDocumentMetadata": {
            "atHeight": given.at_height,
            "atTime": given.at_time,
            "canonicalId": did,
            "deactivated": now and not active,
            "keys": [_history(did, one.key) for one in held],
            "versionId": str(subject.version),
        },
        "didResolutionMetadata": {"contentType": "application/did", "height": reader.height},
    }


def member(reader: Reader, given: OfMember) -> Value:
    """A member and a page of its people, devices and services."""
    record = reader.need("org/member/" + given.member, MemberRecord)
    prefix = f"org/subject/{given.member}/"
    items, after = reader.page(prefix, given.after, given.limit)
    people: list[Value] = [_subject(reader, load(value, SubjectRecord)) for _, value in items]
    return {"member": fields_of(record), "next": after, "subjects": people}


def subject(reader: Reader, given: OfSubject) -> Value:
    """A subject: its roles, its state, its keys with the heights between which they count."""
    record = reader.need("org/subject/" + given.subject, SubjectRecord)
    did = _did(reader, record.id)
    keys: Value = [_history(did, reader.need("org/key/" + one, KeyRecord)) for one in record.keys]
    return {**_subject(reader, record), "history": keys}


def _subject(reader: Reader, record: SubjectRecord) -> dict[str, Value]:
    return {**fields_of(record), "did": _did(reader, record.id)}


def _did(reader: Reader, name: str) -> str:
    return f"{METHOD}{reader.chain_id}:" + name.replace("/", ":")


def _subject_of(reader: Reader, did: str) -> str:
    """The subject behind a name: one of this chain, or a key that this chain has enrolled."""
    if did.startswith(KEY_METHOD):
        record = reader.find("org/key/" + key_id(_public(did)), KeyRecord)
        if record is None or record.use not in SIGNING_USES:
            raise Refused("MISSING", id=did)
        return record.subject
    parts = _DID.fullmatch(did)
    if parts is None:
        raise Refused("SCHEMA", field="$.did", need=f"{METHOD}<chain>:<member>[:<name>]")
    chain, organisation, name = parts.groups()
    if chain != reader.chain_id:
        raise Refused("MISSING", id=did, have=reader.chain_id, need=chain)
    return organisation if name is None else f"{organisation}/{name}"


def _public(did: str) -> bytes:
    """The key, 33 bytes, in a ``did:key`` (vc.md, 2.1)."""
    try:
        data = decode_base58(did.removeprefix(KEY_METHOD))
    except Rejected as error:
        raise Refused("SCHEMA", field="$.did", need=error.code) from None
    public = bytes([ED25519]) + data.removeprefix(_MULTICODEC)
    if KEY_METHOD + _multibase(public) != did:
        raise Refused("SCHEMA", field="$.did", need="an Ed25519 key")
    return public


def _held(reader: Reader, name: str, given: Resolve) -> _Held:
    """A key; the times of its coming and going are read where a time was asked for."""
    key = reader.need("org/key/" + name, KeyRecord)
    if given.at_time is None:
        return _Held(key)
    came = went = 0
    for change in reader.changes(b"org/key/" + name.encode(), BEGIN):
        came = change.time if change.height == key.valid_from else came
        went = change.time if change.height + 1 == key.valid_to else went
    return _Held(key, came, went)


def _began(held: _Held, given: Resolve) -> bool:
    """Whether a key had come by then; those of the genesis were there from the beginning."""
    if given.at_time is not None:
        return held.key.valid_from == 0 or 0 < held.came <= given.at_time
    return given.at_height is None or held.key.valid_from <= given.at_height


def _counts(held: _Held, given: Resolve, head: int) -> bool:
    """Whether a key that may sign counted then; of now speaks the block after the head."""
    if held.key.use not in SIGNING_USES:
        return False
    if given.at_time is not None:
        return _began(held, given) and (held.went == 0 or given.at_time < held.went)
    return may_sign(held.key, head + 1 if given.at_height is None else given.at_height)


def _document(reader: Reader, subject: SubjectRecord, live: list[KeyRecord]) -> Value:
    did = _did(reader, subject.id)
    names: list[Value] = [f"{did}#{key.id}" for key in live]
    methods: list[Value] = [
        {
            "controller": did,
            "id": f"{did}#{key.id}",
            "publicKeyMultibase": _multibase(key.public),
            "type": "Multikey",
        }
        for key in live
    ]
    document: dict[str, Value] = {
        "@context": [*CONTEXT],
        "alsoKnownAs": [KEY_METHOD + _multibase(key.public) for key in live],
        "assertionMethod": names,
        "authentication": names,
        "id": did,
        "verificationMethod": methods,
    }
    if subject.id != subject.member:
        document["controller"] = _did(reader, subject.member)
    return document


def _history(did: str, key: KeyRecord) -> Value:
    """One key as the history has it: it counted at `validFrom` ≤ height < `validTo` (0: open)."""
    return {
        "compromisedSince": key.compromised_since,
        "id": f"{did}#{key.id}",
        "reason": key.reason,
        "use": key.use,
        "validFrom": key.valid_from,
        "validTo": key.valid_to,
    }


def _multibase(public: bytes) -> str:
    return encode_base58(_MULTICODEC + public[1:])


QUERIES: Mapping[str, Query] = {
    "member": (OfMember, member),
    "resolve": (Resolve, resolve),
    "subject": (OfSubject, subject),
}
"""What may be asked of `org`."""
