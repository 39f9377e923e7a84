"""Making proof files from pieces that a node has fetched; pure (docs/spec/proof.md, 4)."""

from collections.abc import Sequence
from dataclasses import dataclass

from hansa.block import Header
from hansa.certificate import Certificate, FreshCertificate
from hansa.encoding import pack
from hansa.membership import ValidatorSet
from hansa.proof_file import (
    Anchored,
    Change,
    Inclusion,
    StateFile,
    StateRecord,
    StateStatement,
    TransactionFile,
    TransactionStatement,
    encode_proof,
)
from hansa.receipt import decode_receipt
from hansa.state_proof import StateProof

SetChange = tuple[Header, Certificate, ValidatorSet]
"""A block that announced another set, its certificate, and that set."""
Fetched = tuple[str, bytes | None, StateProof]
"""A state key, its value (None: not there) and its path at the head."""


@dataclass(frozen=True, slots=True)
class ProofBase:
    """What every proof of a chain begins with.

    Attributes:
        validators: the set of height 1 (or of the reader's checkpoint).
        changes: every later change of the set, in order, up to the head.
        head: the newest block, whose state the records' paths lead to.
        certificate: the head's commit certificate.
        fresh: a freshness certificate over the head, if there is one.
    """

    validators: ValidatorSet
    changes: Sequence[SetChange]
    head: Header
    certificate: Certificate
    fresh: FreshCertificate | None = None


@dataclass(frozen=True, slots=True)
class Included:
    """A transaction in its block.

    Attributes:
        transaction: the signed bytes.
        receipt: the bytes of its receipt, the leaf of the log.
        index: of the leaf in the log of the whole chain.
        path: from the leaf to the log root of `header`, whose size is `header.log_size`.
        header: of its block.
        certificate: the commit certificate of its block.
    """

    transaction: bytes
    receipt: bytes
    index: int
    path: Sequence[bytes]
    header: Header
    certificate: Certificate


def build_transaction_proof(
    base: ProofBase, included: Included, keys: Sequence[Fetched], records: Sequence[Fetched]
) -> bytes:
    """The file that proves a transaction.

    Args:
        base: the chain up to the head, which may be the transaction's own block.
        included: the transaction, its receipt and its block.
        keys: at the head, `signer_key` of each signer in order, then ``org/member/<name>``
            of their members.
        records: at the head, the records that `record_keys` names, in that order.
    """
    receipt = decode_receipt(included.receipt)
    own = included.header.height == base.head.height
    file = TransactionFile(
        chain_id=base.head.chain_id,
        statement=TransactionStatement(tx_id=receipt.tx_id.hex(), height=receipt.height),
        validators=pack(base.validators),
        changes=_changes(base),
        block=_anchored(included.header, included.certificate),
        head=None if own else _anchored(base.head, base.certificate),
        transaction=included.transaction,
        receipt=included.receipt,
        inclusion=Inclusion(
            index=included.index, size=included.header.log_size, path=tuple(included.path)
        ),
        keys=tuple(map(_record, keys)),
        records=tuple(map(_record, records)),
        fresh=None if base.fresh is None else pack(base.fresh),
    )
    return encode_proof(file)


def build_state_proof(base: ProofBase, record: Fetched) -> bytes:
    """The file that proves what the head's state holds under a key, or that it holds nothing."""
    file = StateFile(
        chain_id=base.head.chain_id,
        statement=StateStatement(
            key=record[0], present=record[1] is not None, height=base.head.height
        ),
        validators=pack(base.validators),
        changes=_changes(base),
        head=_anchored(base.head, base.certificate),
        record=_record(record),
        fresh=None if base.fresh is None else pack(base.fresh),
    )
    return encode_proof(file)


def _changes(base: ProofBase) -> tuple[Change, ...]:
    return tuple(
        Change(header=pack(header), certificate=pack(certificate), validators=pack(validators))
        for header, certificate, validators in base.changes
    )


def _anchored(header: Header, certificate: Certificate) -> Anchored:
    return Anchored(header=pack(header), certificate=pack(certificate))


def _record(fetched: Fetched) -> StateRecord:
    key, value, path = fetched
    return StateRecord(key=key, value=value, path=pack(path))
