"""The proof file: its sections, its one spelling, and what its parts say of each other.

A proof is one canonical JSON text (RFC 8785) of versioned sections; binary parts are
base64 of what travels on the wire. `encode_proof` and `parse_proof` are the two ways
through this file; a parsed proof hangs together, but no signature or path in it has been
checked: that is `hansa.proof.verify_proof`. docs/spec/proof.md, sections 3 and 4.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from hansa.batch import BATCH_MAX
from hansa.block import Header
from hansa.canonical_json import dumps, loads_canonical
from hansa.certificate import Certificate, FreshCertificate
from hansa.disclosure import FIELDS_MAX, SHOWN_MAX, ShownField
from hansa.encoding import Hash, Name, Uint, unpack
from hansa.errors import Rejected
from hansa.hashing import sha256
from hansa.keys import key_id
from hansa.membership import ValidatorSet
from hansa.receipt import Receipt, decode_receipt
from hansa.state_proof import StateProof
from hansa.timestamp import TOKEN_BYTES_MAX
from hansa.transaction import SignedTransaction
from hansa.trust import HexHash

PROOF_FORMAT = "hansa/proof@1"
PROOF_BYTES_MAX = 8 * 1024 * 1024
"""The largest transaction and receipt and a thousand changes of a small set."""
CHANGES_MAX = 1_000
"""Changes of the validator set in one proof; a newer trust file needs fewer."""
RECORDS_MAX = 16
"""Records whose present state one proof shows; the first ones that the receipt names."""
PATH_MAX = 63
"""Hashes of an inclusion path: the log's size has 63 bits."""

STAMPS_MAX = 4
"""Time-stamp tokens in one proof: two authorities, twice."""
MEMBER_PATH_MAX = 20
"""Hashes of a path in a batch: log2 of `BATCH_MAX`."""

RecordKey = Annotated[str, msgspec.Meta(min_length=1, max_length=512)]


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of a section; a verifier refuses a version that it does not know."""

    version: Literal[1] = 1


class Anchored(_Section, frozen=True):
    """A header and the commit certificate of its block, both as wire bytes."""

    header: bytes
    certificate: bytes


class Change(_Section, frozen=True):
    """A block that announces another validator set, certified by the outgoing one."""

    header: bytes
    certificate: bytes
    validators: bytes


class Inclusion(_Section, frozen=True):
    """Where the receipt stands in the log of the block's header."""

    index: Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
    size: Annotated[int, msgspec.Meta(ge=1, lt=2**53)]
    path: Annotated[tuple[Hash, ...], msgspec.Meta(max_length=PATH_MAX)]


class StateRecord(_Section, frozen=True):
    """A state key with its value (None: not there) and its path to the head's state root."""

    key: RecordKey
    value: bytes | None
    path: bytes


class Stamp(_Section, frozen=True):
    """An RFC 3161 token over what was recorded, and its SHA-256.

    A token has parts that no signature covers; the digest makes damage to them show.
    """

    sha256: HexHash
    token: Annotated[bytes, msgspec.Meta(min_length=1, max_length=TOKEN_BYTES_MAX)]


class Member(_Section, frozen=True):
    """One file of an anchored batch: its digest, and the path to the root that was recorded."""

    alg: Literal["sha-256", "sm3"]
    digest: Hash
    index: Annotated[int, msgspec.Meta(ge=0, lt=BATCH_MAX)]
    size: Annotated[int, msgspec.Meta(ge=1, le=BATCH_MAX)]
    path: Annotated[tuple[Hash, ...], msgspec.Meta(max_length=MEMBER_PATH_MAX)]


class Reveal(_Section, frozen=True):
    """Chosen fields of a sealed document of `size` fields, in the order of their names."""

    size: Annotated[int, msgspec.Meta(ge=1, le=FIELDS_MAX)]
    fields: Annotated[tuple[ShownField, ...], msgspec.Meta(min_length=1, max_length=SHOWN_MAX)]


Stamps = Annotated[tuple[Stamp, ...], msgspec.Meta(min_length=1, max_length=STAMPS_MAX)]


class TransactionStatement(_Section, frozen=True):
    """What is claimed: this transaction stands in the block of this height."""

    tx_id: HexHash
    height: Uint


class StateStatement(_Section, frozen=True):
    """What is claimed: the state after this height holds something, or nothing, here."""

    key: RecordKey
    present: bool
    height: Uint


class TransactionFile(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="transaction"
):
    """A proof of a transaction.

    Attributes:
        statement: what is claimed.
        validators: the set in force before the first of `changes` (or all along).
        changes: the later sets, in the order of their heights.
        block: the block that holds the transaction.
        head: the block against whose state `keys` and `records` stand; None: `block`.
        transaction: the signed transaction as it travelled.
        receipt: what it left: the leaf of the log.
        inclusion: the leaf's path.
        keys: the signers' key records in the signers' order, then their members' records.
        records: the records that the receipt names, as they are now.
        fresh: a freshness certificate over the head.
        time, member, reveal: optional; left out of the file where there is none.
    """

    chain_id: Name
    statement: TransactionStatement
    validators: bytes
    changes: Annotated[tuple[Change, ...], msgspec.Meta(max_length=CHANGES_MAX)]
    block: Anchored
    head: Anchored | None
    transaction: bytes
    receipt: bytes
    inclusion: Inclusion
    keys: Annotated[tuple[StateRecord, ...], msgspec.Meta(max_length=32)]
    records: Annotated[tuple[StateRecord, ...], msgspec.Meta(max_length=RECORDS_MAX)]
    fresh: bytes | None
    time: Stamps | UnsetType = UNSET
    member: Member | UnsetType = UNSET
    reveal: Reveal | UnsetType = UNSET
    format: Literal["hansa/proof@1"] = "hansa/proof@1"


class StateFile(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="state"
):
    """A proof of one state key, present or absent, after the block `head`."""

    chain_id: Name
    statement: StateStatement
    validators: bytes
    changes: Annotated[tuple[Change, ...], msgspec.Meta(max_length=CHANGES_MAX)]
    head: Anchored
    record: StateRecord
    fresh: bytes | None
    time: Stamps | UnsetType = UNSET
    member: Member | UnsetType = UNSET
    reveal: Reveal | UnsetType = UNSET
    format: Literal["hansa/proof@1"] = "hansa/proof@1"


ProofFile = TransactionFile | StateFile


@dataclass(frozen=True, slots=True)
class Link:
    """A block in the chain of sets: its header, its certificate, and the set it announces."""

    header: Header
    certificate: Certificate
    validators: ValidatorSet | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """The part that every line of a verdict rests on, decoded.

    Attributes:
        chain_id: of every header.
        validators: the set in force before the first change.
        changes: in the order of their heights.
        block: the block of the claim.
        head: the newest block, whose state roots the state paths lead to.
    """

    chain_id: str
    validators: ValidatorSet
    changes: tuple[Link, ...]
    block: Link
    head: Link


@dataclass(frozen=True, slots=True)
class ProvenRecord:
    """A state record, decoded."""

    key: str
    value: bytes | None
    path: StateProof


@dataclass(frozen=True, slots=True)
class Extras:
    """What a proof may carry beside the chain's own.

    Attributes:
        tokens: RFC 3161 tokens, nothing of them judged.
        member: one file of a batch.
        reveal: fields of a sealed document.
    """

    tokens: tuple[bytes, ...] = ()
    member: Member | None = None
    reveal: Reveal | None = None


@dataclass(frozen=True, slots=True)
class TransactionProof:
    """A parsed proof of a transaction; its parts fit each other, nothing is checked yet."""

    chain: Chain
    transaction: SignedTransaction
    receipt: Receipt
    leaf: bytes
    inclusion: Inclusion
    keys: tuple[ProvenRecord, ...]
    records: tuple[ProvenRecord, ...]
    fresh: FreshCertificate | None
    extras: Extras = Extras()


@dataclass(frozen=True, slots=True)
class KeyProof:
    """A parsed proof of a state key; its parts fit each other, nothing is checked yet."""

    chain: Chain
    record: ProvenRecord
    fresh: FreshCertificate | None
    extras: Extras = Extras()


Proof = TransactionProof | KeyProof


def encode_proof(file: ProofFile) -> bytes:
    """The canonical bytes of a proof file."""
    return dumps(msgspec.to_builtins(file))


def parse_proof(data: bytes) -> Proof:
    """The proof behind a file, if its parts have one spelling each and fit each other.

    Raises:
        Rejected: the file is no proof: ``proof.too-large``, ``proof.malformed``,
            ``proof.parts``, ``json.*``, ``encoding.*`` or ``transaction.*``.
    """
    if len(data) > PROOF_BYTES_MAX:
        raise Rejected("proof.too-large", f"{len(data)} bytes, at most {PROOF_BYTES_MAX}")
    plain = loads_canonical(data)
    try:
        file = msgspec.convert(plain, ProofFile)
    except msgspec.ValidationError as error:
        raise Rejected("proof.malformed", f"no proof file: {error}") from error
    if encode_proof(file) != data:
        raise Rejected("proof.malformed", "base64 that has another spelling, or a missing field")
    return _transaction(file) if isinstance(file, TransactionFile) else _state(file)


def record_keys(receipt: Receipt) -> tuple[str, ...]:
    """The records whose present state a proof shows: the first that the receipt names.

    Things of the supply chain stand last: they move on, what happened to them stays.
    """
    names = [record.key for call in receipt.calls for record in call.records]
    return tuple(sorted(dict.fromkeys(names), key=is_thing))[:RECORDS_MAX]


def is_thing(key: str) -> bool:
    """Whether a record is an item, a lot or a container (spec/trace.md, section 2)."""
    return key.startswith("trace/thing/")


def signer_key(public: bytes) -> str:
    """The state key of a public key's record (spec/contracts.md)."""
    return f"org/key/{key_id(public)}"


def _transaction(file: TransactionFile) -> TransactionProof:
    transaction = SignedTransaction.decode(file.transaction)
    receipt = decode_receipt(file.receipt)
    block = _link(file.block)
    head = block if file.head is None else _link(file.head)
    signers = transaction.transaction.signers
    wanted_keys = tuple(signer_key(public) for public in signers)
    _fit("the statement names another transaction", file.statement.tx_id, receipt.tx_id.hex())
    _fit("the statement names another height", file.statement.height, block.header.height)
    _fit("the receipt is another transaction's", transaction.tx_id, receipt.tx_id)
    _fit("the receipt is of another height", receipt.height, block.header.height)
    _fit("the transaction is another chain's", transaction.transaction.chain_id, file.chain_id)
    _fit("key records", tuple(r.key for r in file.keys[: len(signers)]), wanted_keys)
    _fit("the receipt names other records", _keys(file.records), record_keys(receipt))
    if not all(key.startswith("org/member/") for key in _keys(file.keys)[len(signers) :]):
        raise Rejected("proof.parts", "after the signers' keys stand their members alone")
    if file.head is not None and head.header.height <= block.header.height:
        raise Rejected("proof.parts", "the head is not above the block")
    return TransactionProof(
        chain=_chain(file, block, head),
        transaction=transaction,
        receipt=receipt,
        leaf=file.receipt,
        inclusion=file.inclusion,
        keys=tuple(map(_record, file.keys)),
        records=tuple(map(_record, file.records)),
        fresh=_fresh(file.fresh),
        extras=_extras(file),
    )


def _state(file: StateFile) -> KeyProof:
    head = _link(file.head)
    _fit("the statement names another key", file.statement.key, file.record.key)
    _fit("the statement names another height", file.statement.height, head.header.height)
    _fit("the statement says otherwise", file.statement.present, file.record.value is not None)
    return KeyProof(
        _chain(file, head, head), _record(file.record), _fresh(file.fresh), _extras(file)
    )


def with_extras(
    data: bytes,
    tokens: Sequence[bytes] = (),
    member: Member | None = None,
    fields: tuple[Sequence[ShownField], int] | None = None,
) -> bytes:
    """A proof file with more sections: time-stamps, a file of a batch, (fields, of how many).

    Raises:
        Rejected: `data` is no proof, or too much is added.
    """
    plain = loads_canonical(data)
    assert isinstance(plain, dict)
    more: dict[str, object] = {}
    if tokens:
        more["time"] = [Stamp(sha256=sha256(token).hex(), token=token) for token in tokens]
    if member is not None:
        more["member"] = member
    if fields is not None:
        more["reveal"] = Reveal(fields=tuple(fields[0]), size=fields[1])
    made = dumps(plain | msgspec.to_builtins(more))
    parse_proof(made)
    return made


def _extras(file: ProofFile) -> Extras:
    stamps = () if isinstance(file.time, UnsetType) else file.time
    for stamp in stamps:
        _fit("a time-stamp is another one", stamp.sha256, sha256(stamp.token).hex())
    reveal = None if isinstance(file.reveal, UnsetType) else file.reveal
    if reveal is not None:
        names = [field.name for field in reveal.fields]
        _fit("fields stand in order, each once", names, sorted(set(names)))
    return Extras(
        tuple(stamp.token for stamp in stamps),
        None if isinstance(file.member, UnsetType) else file.member,
        reveal,
    )


def _chain(file: ProofFile, block: Link, head: Link) -> Chain:
    changes = tuple(
        _link(change, unpack(ValidatorSet, change.validators)) for change in file.changes
    )
    heights = [change.header.height for change in changes]
    if heights != sorted(set(heights)) or (heights and heights[-1] > head.header.height):
        raise Rejected("proof.parts", "changes of the set stand in order, up to the head")
    for link in (*changes, block, head):
        _fit("a header is another chain's", link.header.chain_id, file.chain_id)
    return Chain(file.chain_id, unpack(ValidatorSet, file.validators), changes, block, head)


def _link(section: Anchored | Change, validators: ValidatorSet | None = None) -> Link:
    header = unpack(Header, section.header)
    certificate = unpack(Certificate, section.certificate)
    said = (certificate.height, certificate.epoch, certificate.block_hash)
    _fit("a certificate is another block's", said, (header.height, header.epoch, header.hash))
    return Link(header, certificate, validators)


def _record(section: StateRecord) -> ProvenRecord:
    return ProvenRecord(section.key, section.value, unpack(StateProof, section.path))


def _fresh(data: bytes | None) -> FreshCertificate | None:
    return None if data is None else unpack(FreshCertificate, data)


def _keys(sections: tuple[StateRecord, ...]) -> tuple[str, ...]:
    return tuple(section.key for section in sections)


def _fit(what: str, one: object, other: object) -> None:
    if one != other:
        raise Rejected("proof.parts", f"the parts do not belong together: {what}")
