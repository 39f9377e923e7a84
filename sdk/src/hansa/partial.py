"""Partly signed transactions as files that travel between signers (docs/spec/partial.md).

The body is the truth: every signer reads it and signs it where he sits; signatures are collected
by merging files in any order. What people should see is made from the body by the reader, never
taken from the file.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Self

import msgspec

from hansa.canonical_json import loads
from hansa.encoding import pack, unpack
from hansa.errors import Rejected
from hansa.keys import Signature, Verify, parse_public_key, public_key_text
from hansa.signing import SigningKey
from hansa.transaction import (
    CLIENT,
    DUE,
    SIGNERS_MAX,
    TRANSACTION_BYTES_MAX,
    VERSION,
    Call,
    SignedTransaction,
    Transaction,
    transaction_digest,
    transaction_id,
)

PARTIAL_FORMAT = "hansa/partial@1"
PARTIAL_BYTES_MAX = TRANSACTION_BYTES_MAX * 4 // 3 + 8 * 1024
"""The largest body in base64, sixteen signatures and the braces around them."""

HexSignature = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{128}(?![\s\S])")]
"""64 bytes in lower-case hex."""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The JSON object of a file."""

    tx_id: str
    body: str
    signatures: Annotated[dict[str, HexSignature], msgspec.Meta(max_length=SIGNERS_MAX)]
    format: Literal["hansa/partial@1"] = "hansa/partial@1"


@dataclass(frozen=True, slots=True)
class Partial:
    """A transaction with some of its signatures.

    Attributes:
        body: the bytes that are signed.
        transaction: the decoded body.
        signatures: public key -> signature, of those who have signed, in the signers' order.
    """

    body: bytes
    transaction: Transaction
    signatures: dict[bytes, Signature]

    @property
    def tx_id(self) -> bytes:
        """Names the intent; it does not change with the signatures."""
        return transaction_id(self.body)

    @property
    def missing(self) -> tuple[bytes, ...]:
        """The public keys that have not signed yet, in order."""
        return tuple(key for key in self.transaction.signers if key not in self.signatures)

    def sign(self, key: SigningKey) -> Self:
        """The same with the signature of `key`.

        Raises:
            Rejected: ``partial.not-a-signer``.
        """
        if key.public not in self.transaction.signers:
            raise Rejected(
                "partial.not-a-signer",
                f"{public_key_text(key.public)} is no signer of {self.tx_id.hex()}",
                "use one of the keys that the file names as missing",
            )
        return self._with({key.public: key.sign(transaction_digest(self.body))})

    def merge(self, other: Self) -> Self:
        """The signatures of both.

        Raises:
            Rejected: ``partial.other-transaction``.
        """
        if other.body != self.body:
            raise Rejected(
                "partial.other-transaction",
                f"{other.tx_id.hex()} is not {self.tx_id.hex()}",
                "merge files of one and the same transaction",
            )
        return self._with(other.signatures)

    def complete(self) -> SignedTransaction:
        """The signed transaction.

        Raises:
            Rejected: ``partial.incomplete`` with who is missing, or ``transaction.*``.
        """
        if self.missing:
            names = ", ".join(map(public_key_text, self.missing))
            raise Rejected(
                "partial.incomplete", f"missing: {names}", "send the file to them: hansa tx sign"
            )
        return SignedTransaction.assemble(
            self.body, tuple(self.signatures[key] for key in self.transaction.signers)
        )

    def to_json(self) -> bytes:
        """The file: indented, one newline at the end."""
        file = _File(
            tx_id=self.tx_id.hex(),
            body=base64.b64encode(self.body).decode("ascii"),
            signatures={
                public_key_text(key): signature.hex() for key, signature in self.signatures.items()
            },
        )
        return msgspec.json.format(msgspec.json.encode(file), indent=2) + b"\n"

    def _with(self, more: dict[bytes, Signature]) -> Self:
        known = {**more, **self.signatures}
        ordered = {key: known[key] for key in self.transaction.signers if key in known}
        return type(self)(self.body, self.transaction, ordered)


def build(
    chain_id: str,
    calls: Sequence[Call],
    signers: Sequence[bytes],
    *,
    expires_at: int,
    nonce: bytes,
) -> Partial:
    """An unsigned transaction; the first of `signers` (public keys) sends it.

    Raises:
        Rejected: ``transaction.signers`` or ``encoding.malformed``.
    """
    body = pack(
        Transaction(VERSION, chain_id, CLIENT, tuple(calls), nonce, expires_at, tuple(signers))
    )
    return Partial(body, _checked(body), {})


def decode_partial(data: bytes, verify: Verify) -> Partial:
    """Parse a file and check its signatures.

    Raises:
        Rejected: ``partial.too-large``, ``partial.malformed``, ``partial.tx-id``,
            ``partial.not-a-signer``, ``partial.signature``, ``transaction.*`` or ``encoding.*``.
    """
    if len(data) > PARTIAL_BYTES_MAX:
        raise Rejected("partial.too-large", f"{len(data)} bytes, at most {PARTIAL_BYTES_MAX}")
    try:
        file = msgspec.convert(loads(data), _File)
        body = base64.b64decode(file.body, validate=True)
    except (Rejected, msgspec.ValidationError, binascii.Error, ValueError) as error:
        raise Rejected("partial.malformed", f"no partly signed transaction: {error}") from error
    empty = Partial(body, _checked(body), {})
    if file.tx_id != empty.tx_id.hex():
        raise Rejected("partial.tx-id", f"the file says {file.tx_id[:64]}, its body says otherwise")
    digest = transaction_digest(body)
    signatures: dict[bytes, Signature] = {}
    for text, signature in file.signatures.items():
        key = parse_public_key(text)
        if key not in empty.transaction.signers:
            raise Rejected("partial.not-a-signer", f"{text} is no signer of this transaction")
        signatures[key] = bytes.fromhex(signature)
        if not verify(key, digest, signatures[key]):
            raise Rejected("partial.signature", f"the signature of {text} does not hold")
    return empty._with(signatures)  # noqa: SLF001 - the same module


def _checked(body: bytes) -> Transaction:
    """The decoded body of a transaction that people may sign."""
    transaction = unpack(Transaction, body)
    if transaction.version != VERSION:
        raise Rejected("transaction.version", f"version {transaction.version}, known: {VERSION}")
    signers = transaction.signers
    if transaction.type == DUE or not signers or len(set(signers)) != len(signers):
        raise Rejected("transaction.signers", f"{len(signers)} signers, each once, are needed")
    return transaction
