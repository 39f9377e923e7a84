"""Proof files and the trust file, put together from what the ledger holds."""

from hansa.block import Header
from hansa.certificate import Certificate, FreshCertificate
from hansa.errors import Rejected, Unavailable
from hansa.proof_build import (
    Fetched,
    Included,
    ProofBase,
    SetChange,
    build_state_proof,
    build_transaction_proof,
)
from hansa.proof_file import record_keys, signer_key
from hansa.receipt import decode_receipt
from hansa.transaction import SignedTransaction
from hansa.trust import Organisation, Trust
from ledger.contract import load
from ledger.execution import Ledger
from ledger.records import KeyRecord, MemberRecord


def transaction_proof(ledger: Ledger, tx_id: bytes, fresh: FreshCertificate | None) -> bytes:
    """The proof file of a committed transaction, with the state at the head.

    Raises:
        Rejected: ``tx.not-found``.
        Unavailable: ``proof.pruned``.
    """
    found = ledger.inclusion(tx_id)
    if found is None:
        raise Rejected(
            "tx.not-found",
            f"no block holds transaction {tx_id.hex()[:12]}",
            "ask for its fate: hansa tx show TX",
        )
    header = ledger.header(found.height)
    own = ledger.inclusion(tx_id, found.height)
    block = ledger.block(found.height)
    assert header is not None
    assert own is not None
    assert block is not None
    receipt = decode_receipt(found.receipt)
    raw = block.transactions[receipt.index]
    included = Included(
        raw,
        found.receipt,
        own.log_index,
        own.path,
        header,
        _certificate(ledger, found.height),
    )
    signers = SignedTransaction.decode(raw).transaction.signers
    keys = [_fetch(ledger, signer_key(public)) for public in signers]
    members: dict[str, None] = {}
    for _, value, _path in keys:
        if value is not None:
            members[f"org/member/{load(value, KeyRecord).member}"] = None
    records = [_fetch(ledger, key) for key in record_keys(receipt)]
    keys += [_fetch(ledger, key) for key in members]
    return build_transaction_proof(_base(ledger, fresh), included, keys, records)


def state_proof(ledger: Ledger, key: str, fresh: FreshCertificate | None) -> bytes:
    """The proof file of what stands under a state key at the head, or that nothing does.

    Raises:
        Unavailable: ``proof.too-early`` while the chain has no block.
    """
    return build_state_proof(_base(ledger, fresh), _fetch(ledger, key))


def trust_file(ledger: Ledger) -> bytes:
    """The trust file of the chain's beginning: genesis and its validators."""
    first = ledger.header(0)
    validators = ledger.validators_at(1)
    assert first is not None
    assert validators is not None
    return Trust.of(first, validators, _organisations(ledger)).to_json()


def _organisations(ledger: Ledger) -> tuple[Organisation, ...]:
    records = [load(value, MemberRecord) for _, value in ledger.scan_state(b"org/member/")]
    return tuple(
        Organisation(
            record.id,
            record.names.get("en"),
            f"{record.legal_id.scheme} {record.legal_id.value}",
        )
        for record in records
    )


def _base(ledger: Ledger, fresh: FreshCertificate | None) -> ProofBase:
    head = ledger.head
    validators = ledger.validators_at(1)
    assert validators is not None
    if head.height == 0:
        raise Unavailable("proof.too-early", "no block is committed yet", "submit a transaction")
    if fresh is not None and fresh.block_hash != head.hash:
        fresh = None
    certificate = _certificate(ledger, head.height)
    return ProofBase(validators, _changes(ledger), head, certificate, fresh)


def _changes(ledger: Ledger) -> list[SetChange]:
    changes = []
    for height in ledger.set_changes():
        header: Header | None = ledger.header(height)
        after = ledger.validators_at(height + 1)
        if height == 0 or header is None or after is None:
            continue
        changes.append((header, _certificate(ledger, height), after))
    return changes


def _certificate(ledger: Ledger, height: int) -> Certificate:
    certificate = ledger.certificate(height)
    if certificate is None:
        raise Unavailable(
            "proof.pruned",
            f"the certificate of height {height} is not kept here",
            "ask an archive node",
        )
    return certificate


def _fetch(ledger: Ledger, key: str) -> Fetched:
    data = key.encode()
    return key, ledger.get_state(data), ledger.prove_state(data)
