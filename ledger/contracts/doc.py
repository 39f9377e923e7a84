"""`doc`: documents by their digest, signed by k of n organisations (contracts.md, section 8).

The promise: a digest never changes, a person signs a role once, and a document is
complete when members as many as its threshold, each counted once, have signed.
"""

from typing import Annotated, ClassVar

import msgspec

from hansa.encoding import Hash, Name, Uint, Value, encode_value
from hansa.errors import Rejected
from hansa.hashing import sha256, tagged_hash
from hansa.keys import PublicKey, Signature
from hansa.timestamp import TOKEN_BYTES_MAX, Token, read_token
from ledger.contract import Arguments, Context, Contract, Refused, Signer, Stored, method
from ledger.contracts.doc_records import BatchRecord, ExhibitRecord, StampRecord
from ledger.records import Record, Version, check_version, create, first, save

SIGNERS_NEEDED_MAX = 64
"""Places to sign on a document: more parties than any contract has."""
ABOUT_MAX = 64
META_MAX = 32
BATCH_MAX = 2**20
"""Digests under one root: their paths have 20 hashes, and a folder has no more files."""
STAMP_SKEW_MS = 300_000
"""How far an authority's clock may be before the chain's: as far as that of an event."""

OPEN, COMPLETE, DECLINED, WITHDRAWN, SUPERSEDED = (
    "open",
    "complete",
    "declined",
    "withdrawn",
    "superseded",
)

DocId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}(?![\s\S])")]
Algorithm = Annotated[str, msgspec.Meta(pattern=r"^(sha-256|sm3)(?![\s\S])")]
Short = Annotated[str, msgspec.Meta(max_length=128)]
Reason = Annotated[str, msgspec.Meta(max_length=1024)]


class Place(Stored, frozen=True):
    """A place to sign: for a member, a subject or a holder of a role ("" for any)."""

    member: Short = ""
    subject: Short = ""
    role: Short = ""


class DocSignature(Stored, frozen=True):
    """A signature that the chain has seen: who, with which key, at which height."""

    key_id: str
    subject: str
    member: str
    role: str
    height: int
    remark: bytes = b""


class DocRecord(Record, frozen=True):
    """``doc/record/<id>``: a document; its controller is the member that registered it."""

    alg: str
    digest: bytes
    kind: str
    media_type: str
    owner: str
    size: int
    state: str
    threshold: int = 0
    signers_needed: tuple[Place, ...] = ()
    signatures: tuple[DocSignature, ...] = ()
    declined: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
    meta: dict[str, str] = msgspec.field(default_factory=dict)
    seal: bytes = b""
    retain_until: int = 0
    reason: str = ""
    supersedes: str = ""
    superseded_by: str = ""


class Register(Arguments, frozen=True):
    """Arguments of `register`. `seal` is the salted commitment to what is not in clear."""

    id: DocId
    digest: Hash
    alg: Algorithm = "sha-256"
    size: Uint = 0
    media_type: Short = ""
    kind: Short = ""
    signers_needed: Annotated[tuple[Place, ...], msgspec.Meta(max_length=SIGNERS_NEEDED_MAX)] = ()
    threshold: Annotated[int, msgspec.Meta(ge=0, le=SIGNERS_NEEDED_MAX)] = 0
    meta: Annotated[dict[Short, Reason], msgspec.Meta(max_length=META_MAX)] = msgspec.field(
        default_factory=dict
    )
    seal: Annotated[bytes, msgspec.Meta(max_length=256)] = b""
    about: Annotated[tuple[Short, ...], msgspec.Meta(max_length=ABOUT_MAX)] = ()
    retain_until: Uint = 0
    supersedes: DocId | None = None
    version: Version | None = None


class Sign(Arguments, frozen=True):
    """Arguments of `sign`; with `key` and `signature` it is a detached one."""

    id: DocId
    version: Version
    role: Short = ""
    remark_digest: Hash | None = None
    key: PublicKey | None = None
    signature: Signature | None = None


class Close(Arguments, frozen=True):
    """Arguments of `decline` and `withdraw`."""

    id: DocId
    version: Version
    reason: Reason = ""


class Supersede(Arguments, frozen=True):
    """Arguments of `supersede`."""

    id: DocId
    version: Version
    new_id: DocId
    reason: Reason = ""


class Stamp(Arguments, frozen=True):
    """Arguments of `stamp`: a TimeStampToken in DER (RFC 3161, 2.4.2), not the response."""

    id: DocId
    token_der: Annotated[bytes, msgspec.Meta(min_length=1, max_length=TOKEN_BYTES_MAX)]


class Exhibit(Arguments, frozen=True):
    """Arguments of `exhibit`: the number of the case, and the court or the like it is shown to."""

    id: DocId
    case_no: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    to_org: Name


class Anchor(Arguments, frozen=True):
    """Arguments of `anchor`: the RFC 6962 root over the digests of up to 2^20 files."""

    batch_id: DocId
    root: Hash
    count: Annotated[int, msgspec.Meta(ge=1)]
    alg: Algorithm = "sha-256"
    meta: Annotated[dict[Short, Reason], msgspec.Meta(max_length=META_MAX)] = msgspec.field(
        default_factory=dict
    )


def signing_digest(chain_id: str, doc_id: str, alg: str, digest: bytes, role: str) -> bytes:
    """The 32 bytes that a detached signature signs (contracts.md, 8.3)."""
    fields: dict[str, Value] = {
        "alg": alg, "chain": chain_id, "digest": digest, "id": doc_id, "role": role,
    }  # fmt: skip
    return tagged_hash("doc-sign", encode_value(fields))


class Doc(Contract):
    """Register, sign, decline, withdraw, supersede, stamp, exhibit, anchor."""

    name: ClassVar[str] = "doc"

    @method(Register)
    def register(self, context: Context, given: Register) -> Value:
        """Put a digest on record; once for each owner."""
        owner = context.sender.member
        key = "record/" + given.id
        if context.exists(key):
            raise Refused("EXISTS", id=given.id)
        unique = f"digest/{given.alg}:{given.digest.hex()}/{owner}"
        known = context.get_value(unique)
        if known is not None:
            raise Refused("EXISTS", id=known, field="digest")
        _check_places(given)
        record = DocRecord(
            id=given.id,
            version=1,
            controller=owner,
            history=first(context),
            alg=given.alg,
            digest=given.digest,
            kind=given.kind,
            media_type=given.media_type,
            owner=owner,
            size=given.size,
            state=OPEN if given.threshold else COMPLETE,
            threshold=given.threshold,
            signers_needed=given.signers_needed,
            about=given.about,
            meta=given.meta,
            seal=given.seal,
            retain_until=given.retain_until,
            supersedes=given.supersedes or "",
        )
        create(context, key, record)
        context.put_value(unique, given.id)
        if given.supersedes is not None:
            if given.version is None:
                raise Refused("SCHEMA", field="$.version")
            _supersede(context, given.supersedes, given.version, given.id, "")
        context.event("registered", id=given.id, owner=owner)
        return {"id": given.id, "state": record.state, "version": 1}

    @method(Sign)
    def sign(self, context: Context, given: Sign) -> Value:
        """Add a detached signature, or those of everyone who signed the transaction."""
        record = _current(context, given.id, given.version, (OPEN,))
        remark = given.remark_digest or b""
        added: list[DocSignature] = []
        for signer in _signing(context, given, record):
            if not _has_place(record, signer, given.role):
                continue
            taken = (*record.signatures, *added)
            if any((one.subject, one.role) == (signer.subject, given.role) for one in taken):
                continue
            added.append(
                DocSignature(
                    signer.key_id, signer.subject, signer.member, given.role, context.height, remark
                )
            )
        if not added:
            raise Refused("AUTH", id=given.id, by=context.sender.subject, role=given.role)
        signatures = (*record.signatures, *added)
        members = {one.member for one in signatures}
        state = COMPLETE if len(members) >= record.threshold else OPEN
        after = save(context, "record/" + given.id, record, signatures=signatures, state=state)
        context.event("signed", id=given.id, members=[*sorted({one.member for one in added})])
        if state == COMPLETE:
            context.event("completed", id=given.id)
        return {"id": given.id, "signed": len(members), "state": state, "version": after.version}

    @method(Close)
    def decline(self, context: Context, given: Close) -> Value:
        """Say as a needed signer that one will not sign."""
        record = _current(context, given.id, given.version, (OPEN,))
        sender = context.sender
        if not any(_fits(place, sender) for place in record.signers_needed):
            raise Refused("AUTH", id=given.id, by=sender.subject)
        if sender.member in record.declined:
            raise Refused("STATE", id=given.id, have=DECLINED, by=sender.member)
        declined = (*record.declined, sender.member)
        state = OPEN if _reachable(record, declined) else DECLINED
        after = save(
            context,
            "record/" + given.id,
            record,
            declined=declined,
            state=state,
            reason=given.reason,
        )
        context.event("declined", id=given.id, member=sender.member)
        return {"id": given.id, "state": state, "version": after.version}

    @method(Close)
    def withdraw(self, context: Context, given: Close) -> Value:
        """Take back a document that is not complete, as its controller."""
        record = _current(context, given.id, given.version, (OPEN,))
        _check_controller(context, record)
        after = save(context, "record/" + given.id, record, state=WITHDRAWN, reason=given.reason)
        context.event("withdrawn", id=given.id)
        return {"id": given.id, "state": WITHDRAWN, "version": after.version}

    @method(Supersede)
    def supersede(self, context: Context, given: Supersede) -> Value:
        """Point from a document to the one that takes its place."""
        if not context.exists("record/" + given.new_id):
            raise Refused("LINK", id=given.new_id)
        version = _supersede(context, given.id, given.version, given.new_id, given.reason)
        return {"id": given.id, "state": SUPERSEDED, "version": version}

    @method(Stamp)
    def stamp(self, context: Context, given: Stamp) -> Value:
        """Note a trusted time-stamp over the document's digest, as one of its parties."""
        record = context.need("record/" + given.id, DocRecord)
        _check_party(context, record)
        token = _token(given)
        if (token.algorithm, token.imprint) != (record.alg, record.digest):
            have = f"{token.algorithm} {token.imprint.hex()}"
            need = f"{record.alg} {record.digest.hex()}"
            raise Refused("RULE", id=given.id, field="imprint", have=have, need=need)
        latest = context.time + STAMP_SKEW_MS
        if token.gen_time > latest:
            raise Refused("TIME", id=given.id, have=token.gen_time, need=latest)
        digest = sha256(given.token_der)
        name = f"{given.id}/{digest.hex()[:32]}"
        if context.exists("stamp/" + name):
            raise Refused("DUPLICATE", id=name, by="stamp")
        note = StampRecord(
            id=name,
            version=1,
            controller=context.sender.member,
            history=first(context),
            doc=given.id,
            gen_time=token.gen_time,
            policy=token.policy,
            serial=f"{token.serial:x}",
            token=digest,
        )
        create(context, "stamp/" + name, note)
        context.event("stamped", id=given.id, gen_time=token.gen_time, serial=note.serial)
        return {"id": given.id, "gen_time": token.gen_time, "policy": token.policy,
                "serial": note.serial}  # fmt: skip

    @method(Exhibit)
    def exhibit(self, context: Context, given: Exhibit) -> Value:
        """Put on record, as one of its parties, to whom the document was shown in a case."""
        record = context.need("record/" + given.id, DocRecord)
        _check_party(context, record)
        if record.state == WITHDRAWN:
            need: list[Value] = [OPEN, COMPLETE, DECLINED, SUPERSEDED]
            raise Refused("STATE", id=given.id, have=record.state, need=need)
        if not context.registry.is_member(given.to_org):
            raise Refused("LINK", field="$.to_org", id=given.to_org)
        name = f"{given.id}/{given.to_org}/{_case_key(given.case_no)}"
        if context.exists("exhibit/" + name):
            raise Refused("DUPLICATE", id=name, by="case_no")
        shown = ExhibitRecord(
            id=name,
            version=1,
            controller=context.sender.member,
            history=first(context),
            doc=given.id,
            case_no=given.case_no,
            to_org=given.to_org,
        )
        create(context, "exhibit/" + name, shown)
        context.event("exhibited", id=given.id, case_no=given.case_no, to=given.to_org)
        return {"id": given.id, "state": record.state, "doc_version": record.version}

    @method(Anchor)
    def anchor(self, context: Context, given: Anchor) -> Value:
        """Put the root over the digests of many files on record."""
        if given.count > BATCH_MAX:
            raise Refused("LIMIT", field="$.count", have=given.count, need=BATCH_MAX)
        key = "batch/" + given.batch_id
        if context.exists(key):
            raise Refused("EXISTS", id=given.batch_id)
        owner = context.sender.member
        unique = f"root/{given.root.hex()}/{owner}"
        known = context.get_value(unique)
        if known is not None:
            raise Refused("EXISTS", id=known, field="root")
        batch = BatchRecord(
            id=given.batch_id,
            version=1,
            controller=owner,
            history=first(context),
            root=given.root,
            count=given.count,
            alg=given.alg,
            owner=owner,
            meta=given.meta,
        )
        create(context, key, batch)
        context.put_value(unique, given.batch_id)
        context.event("anchored", id=given.batch_id, owner=owner, count=given.count)
        return {"id": given.batch_id, "count": given.count, "version": 1}


def _token(given: Stamp) -> Token:
    """The token, read.

    Raises:
        Refused: ``SIGN`` where the bytes are no token.
    """
    try:
        return read_token(given.token_der)
    except Rejected as error:
        raise Refused("SIGN", id=given.id, field="$.token_der", have=error.code) from error


def _check_party(context: Context, record: DocRecord) -> None:
    """Refuse who neither registered nor signed the document and has no place to sign it."""
    sender = context.sender
    signed = any(one.member == sender.member for one in record.signatures)
    placed = any(_fits(place, sender) for place in record.signers_needed)
    if sender.member != record.controller and not signed and not placed:
        raise Refused("AUTH", id=record.id, need=record.controller, have=sender.member)


def _case_key(case_no: str) -> str:
    """16 hex digits for a case's number, which may hold any writing."""
    return tagged_hash("doc-case", case_no.encode()).hex()[:16]


def _check_places(given: Register) -> None:
    """Refuse a threshold that the places could never meet."""
    named = [place.member or place.subject.partition("/")[0] for place in given.signers_needed]
    possible = len({name for name in named if name})
    if given.signers_needed and all(named) and possible < given.threshold:
        raise Refused("SCHEMA", field="$.threshold", have=given.threshold, need=possible)


def _current(context: Context, doc_id: str, version: int, allowed: tuple[str, ...]) -> DocRecord:
    record = context.need("record/" + doc_id, DocRecord)
    check_version(record, version)
    if record.state not in allowed:
        raise Refused("STATE", id=doc_id, have=record.state, need=list(allowed))
    return record


def _check_controller(context: Context, record: DocRecord) -> None:
    if context.sender.member != record.controller:
        raise Refused("AUTH", id=record.id, need=record.controller, have=context.sender.member)


def _signing(context: Context, given: Sign, record: DocRecord) -> tuple[Signer, ...]:
    """Who signs: the holder of a detached signature's key, or the transaction's signers."""
    if given.key is None and given.signature is None:
        return context.signers
    if given.key is None or given.signature is None:
        raise Refused("SCHEMA", field="$.signature")
    signer = context.registry.signer(given.key)
    digest = signing_digest(
        context.scope.chain_id, record.id, record.alg, record.digest, given.role
    )
    if signer is None or not context.registry.is_member(signer.member):
        raise Refused("SIGN", id=record.id)
    if not context.registry.verify(given.key, digest, given.signature):
        raise Refused("SIGN", id=record.id, key=signer.key_id)
    return (signer,)


def _has_place(record: DocRecord, signer: Signer, role: str) -> bool:
    """Whether a signer may sign in this role; anyone may where no places are set."""
    if role and role not in signer.roles:
        return False
    places = record.signers_needed
    return not places or any(_fits(place, signer) and place.role in ("", role) for place in places)


def _fits(place: Place, signer: Signer) -> bool:
    return place.member in ("", signer.member) and place.subject in ("", signer.subject)


def _reachable(record: DocRecord, declined: tuple[str, ...]) -> bool:
    """Whether enough members may still sign after these have declined."""
    named = [place.member or place.subject.partition("/")[0] for place in record.signers_needed]
    if not all(named):
        return True
    left = {name for name in named if name not in declined}
    left.update(one.member for one in record.signatures)
    return len(left) >= record.threshold


def _supersede(context: Context, doc_id: str, version: int, new_id: str, reason: str) -> int:
    record = _current(context, doc_id, version, (OPEN, COMPLETE, DECLINED, WITHDRAWN))
    _check_controller(context, record)
    if doc_id == new_id:
        raise Refused("LINK", id=new_id)
    after = save(
        context,
        "record/" + doc_id,
        record,
        state=SUPERSEDED,
        superseded_by=new_id,
        reason=reason,
    )
    context.event("superseded", id=doc_id, by=new_id)
    return after.version
