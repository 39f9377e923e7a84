"""`doc`: documents by their digest, signed by k of n organisations (contracts.md, section 8).

The promise: a digest never changes, a person signs a role once, and a document is
complete when members as many as its threshold, each counted once, have signed.
"""

from typing import Annotated, ClassVar

import msgspec

from hansa.encoding import Hash, Uint, Value, encode_value
from hansa.hashing import tagged_hash
from hansa.keys import PublicKey, Signature
from ledger.contract import Arguments, Context, Contract, Refused, Signer, Stored, method
from ledger.records import Record, Version, check_version, create, first, save

SIGNERS_NEEDED_MAX = 64
"""Places to sign on a document: more parties than any contract has."""
ABOUT_MAX = 64
META_MAX = 32

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


def signing_digest(chain_id: str, doc_id: str, alg: str, digest: bytes, role: str) -> bytes:
    """The 32 bytes that a detached signature signs (contracts.md, 8.3)."""
    fields: dict[str, Value] = {
        "alg": alg, "chain": chain_id, "digest": digest, "id": doc_id, "role": role,
    }  # fmt: skip
    return tagged_hash("doc-sign", encode_value(fields))


class Doc(Contract):
    """Register, sign, decline, withdraw, supersede."""

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
