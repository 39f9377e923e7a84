"""From the chain's bytes to the API's JSON shapes (docs/spec/api.md, section 3).

Views are for reading: bytes of up to `HEX_BYTES_MAX` become hex, longer ones base64url, integers
that JavaScript would round become decimal strings. What is exact stands beside them as `raw`.
"""

import base64

from hansa.block import Header
from hansa.client.promise import SignedPromise
from hansa.client.types import (
    BlockSummary,
    BlockTransaction,
    BlockView,
    CallResultView,
    CallView,
    CertificateView,
    EventView,
    Json,
    PromiseView,
    ReceiptView,
    RecordChangeView,
    StateView,
    TransactionView,
    TxSummary,
)
from hansa.encoding import Value, decode_value, pack
from hansa.errors import Rejected
from hansa.keys import public_key_text
from hansa.receipt import Receipt
from hansa.transaction import Call, SignedTransaction
from node.api.ports import StateAt, StoredBlock

HEX_BYTES_MAX = 64
"""Hashes, keys and signatures are shown in hex, content in base64url."""
EXACT_INTEGER_MAX = 2**53 - 1
"""The largest integer that JavaScript and jq keep exactly."""


def base64url(content: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(content).decode("ascii").rstrip("=")


def json_of(value: Value) -> Json:
    """A value for reading."""
    if isinstance(value, bytes):
        return value.hex() if len(value) <= HEX_BYTES_MAX else base64url(value)
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return value if abs(value) <= EXACT_INTEGER_MAX else str(value)
    if isinstance(value, dict):
        return {key: json_of(item) for key, item in value.items()}
    return [json_of(item) for item in value]


def json_of_bytes(encoded: bytes) -> Json:
    """The value that canonical bytes encode, for reading; their base64url when they do not."""
    try:
        return json_of(decode_value(encoded))
    except Rejected:
        return base64url(encoded)


def promise_view(signed: SignedPromise) -> PromiseView:
    """A promise without its entries, which stand in the reply."""
    return PromiseView(
        node=signed.promise.node,
        key=public_key_text(signed.key),
        promised_at=signed.promise.promised_at,
        signature=signed.signature.hex(),
    )


def receipt_view(receipt: Receipt) -> ReceiptView:
    """A receipt for reading."""
    return ReceiptView(
        tx_id=receipt.tx_id.hex(),
        tx_hash=receipt.tx_hash.hex(),
        height=receipt.height,
        index=receipt.index,
        code=receipt.code,
        failed_call=receipt.failed_call,
        error=json_of_bytes(receipt.error),
        calls=tuple(
            CallResultView(
                result=json_of_bytes(call.result),
                events=tuple(
                    EventView(name=event.name, fields=json_of_bytes(event.data))
                    for event in call.events
                ),
                records=tuple(
                    RecordChangeView(key=change.key, before=change.before, after=change.after)
                    for change in call.records
                ),
            )
            for call in receipt.calls
        ),
        raw=base64url(pack(receipt)),
    )


def transaction_view(signed: SignedTransaction) -> TransactionView:
    """A transaction for reading."""
    body = signed.transaction
    return TransactionView(
        tx_id=signed.tx_id.hex(),
        tx_hash=signed.tx_hash.hex(),
        chain_id=body.chain_id,
        type=body.type,
        calls=tuple(_call_view(call) for call in body.calls),
        nonce=body.nonce.hex(),
        expires_at=body.expires_at,
        signers=tuple(map(public_key_text, body.signers)),
        signatures=tuple(signature.hex() for signature in signed.signatures),
        raw=base64url(signed.raw),
    )


def summary_of(header: Header, txs: int) -> BlockSummary:
    """A header in one line; `txs` is the number of its transactions."""
    return BlockSummary(
        height=header.height,
        hash=header.hash.hex(),
        time=header.time,
        primary=header.primary,
        epoch=header.epoch,
        txs=txs,
        state_root=header.state_root.hex(),
        log_root=header.log_root.hex(),
        log_size=header.log_size,
    )


def block_view(stored: StoredBlock) -> BlockView:
    """A block for reading."""
    header = stored.block.header
    certificate = stored.certificate
    names = [validator.name for validator in stored.validators.validators]
    return BlockView(
        summary=summary_of(header, len(stored.block.transactions)),
        header=header_json(header),
        transactions=tuple(
            _block_transaction(raw, receipt)
            for raw, receipt in zip(stored.block.transactions, stored.receipts, strict=True)
        ),
        certificate=None
        if certificate is None
        else CertificateView(
            view=certificate.view,
            signers=tuple(names[signer] for signer in certificate.signers()),
            hash=certificate.hash.hex(),
        ),
        validators=stored.validators.size,
    )


def header_json(header: Header) -> Json:
    """Every field of a header by name, hashes in hex."""
    fields: dict[str, Json] = {}
    for name in header.__struct_fields__:
        value: bytes | int | str = getattr(header, name)
        fields[name] = value.hex() if isinstance(value, bytes) else value
    return fields


def tx_summaries(stored: StoredBlock) -> list[TxSummary]:
    """The transactions of a block in one line each."""
    return [
        TxSummary(
            tx_id=receipt.tx_id.hex(),
            height=receipt.height,
            index=receipt.index,
            code=receipt.code,
        )
        for receipt in stored.receipts
    ]


def state_view(key: str, at: StateAt) -> StateView:
    """A value of the state for reading."""
    if at.value is None:
        return StateView(key=key, height=at.height, present=False)
    return StateView(
        key=key,
        height=at.height,
        present=True,
        value=json_of_bytes(at.value),
        raw=base64url(at.value),
    )


def _call_view(call: Call) -> CallView:
    return CallView(contract=call.contract, method=call.method, args=json_of_bytes(call.args))


def _block_transaction(raw: bytes, receipt: Receipt) -> BlockTransaction:
    signed = SignedTransaction.decode(raw)
    return BlockTransaction(
        index=receipt.index,
        tx_id=receipt.tx_id.hex(),
        tx_hash=receipt.tx_hash.hex(),
        sender=public_key_text(signed.sender) if signed.sender else "",
        calls=tuple(f"{call.contract}.{call.method}" for call in signed.transaction.calls),
        code=receipt.code,
    )
