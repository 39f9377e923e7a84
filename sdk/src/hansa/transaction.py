"""Transactions: what people sign (docs/spec/ledger.md, section 1).

A transaction has two ids. `tx_id`, the hash of its body, names the intent:
fate, receipts, what people quote. `tx_hash`, the hash of the signed bytes,
names the bytes: mempool, proposals, `txs_root`, the cache of verified ones.
"""

from dataclasses import dataclass
from typing import Annotated, Self

import msgspec

from hansa.encoding import Name, Uint, Value, Wire, decode_value, encode_value, pack, unpack
from hansa.errors import Rejected
from hansa.hashing import tagged_hash
from hansa.keys import PublicKey, Signature, Verify

TRANSACTION_BYTES_MAX = 256 * 1024
"""A signed transaction: larger content belongs beside the chain, its digest on it."""
CALLS_MAX = 256
SIGNERS_MAX = 16
NONCE_BYTES = 16
EXPIRY_MS_MAX = 7 * 24 * 3600 * 1000
"""`expires_at` lies at most this far after the time of the block that holds it."""
VERSION = 1

CLIENT, GATEWAY_BATCH, EVIDENCE, DUE = 0, 1, 2, 3
"""Types of a transaction. DUE is made by the primary alone and has no signer."""

Nonce = Annotated[bytes, msgspec.Meta(min_length=NONCE_BYTES, max_length=NONCE_BYTES)]


class Call(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """One call of a contract's method; `args` are the canonical bytes of a map."""

    contract: Name
    method: Name
    args: bytes

    @classmethod
    def of(cls, contract: str, method: str, args: dict[str, Value]) -> Self:
        """Build a call from plain arguments."""
        return cls(contract, method, encode_value(args))

    def arguments(self) -> dict[str, Value]:
        """The arguments as a map.

        Raises:
            Rejected: ``encoding.*`` when the bytes are no canonical map.
        """
        value = decode_value(self.args)
        if not isinstance(value, dict):
            raise Rejected("encoding.value", "the arguments of a call are a map")
        return value


class Transaction(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """The body that is signed. The first signer is the sender, the others cosign."""

    version: int
    chain_id: Name
    type: Annotated[int, msgspec.Meta(ge=0, le=3)]
    calls: Annotated[tuple[Call, ...], msgspec.Meta(min_length=1, max_length=CALLS_MAX)]
    nonce: Nonce
    expires_at: Uint
    signers: Annotated[tuple[PublicKey, ...], msgspec.Meta(max_length=SIGNERS_MAX)]


class _Signed(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    body: bytes
    signatures: Annotated[tuple[Signature, ...], msgspec.Meta(max_length=SIGNERS_MAX)]


def transaction_id(body: bytes) -> bytes:
    """The `tx_id` of a body: 32 bytes."""
    return tagged_hash("tx-id", body)


def transaction_digest(body: bytes) -> bytes:
    """What each signer signs: 32 bytes."""
    return tagged_hash("tx-sign", body)


@dataclass(frozen=True, slots=True, eq=False)
class SignedTransaction:
    """A well-formed signed transaction; whether its signatures hold is `verified_by`'s to say.

    Attributes:
        raw: the bytes as they travel and as they are hashed.
        body: the bytes that were signed.
        transaction: the decoded body.
        signatures: one for each signer, in the signers' order.
        tx_id: names the intent.
        tx_hash: names the bytes.
    """

    raw: bytes
    body: bytes
    transaction: Transaction
    signatures: tuple[bytes, ...]
    tx_id: bytes
    tx_hash: bytes

    @classmethod
    def assemble(cls, body: bytes, signatures: tuple[bytes, ...]) -> Self:
        """Join a body and its signatures."""
        return cls.decode(pack(_Signed(body, signatures)))

    @classmethod
    def decode(cls, raw: bytes, tx_hash: bytes | None = None) -> Self:
        """Parse the bytes of a signed transaction; `tx_hash` is theirs, where it is known.

        Raises:
            Rejected: ``transaction.too-large``, ``transaction.version``,
                ``transaction.signers`` or ``encoding.*``.
        """
        if len(raw) > TRANSACTION_BYTES_MAX:
            raise Rejected(
                "transaction.too-large",
                f"{len(raw)} bytes, at most {TRANSACTION_BYTES_MAX} are allowed",
                "register the digest of a large document instead of its content",
            )
        signed = unpack(_Signed, raw)
        transaction = unpack(Transaction, signed.body)
        if transaction.version != VERSION:
            raise Rejected(
                "transaction.version", f"version {transaction.version}, known: {VERSION}"
            )
        count = len(transaction.signers)
        unsigned_due = transaction.type == DUE and count == 0
        if len(set(transaction.signers)) != count or (count == 0) != unsigned_due:
            raise Rejected(
                "transaction.signers", f"{count} signers, each once, are not allowed here"
            )
        if len(signed.signatures) != count:
            raise Rejected(
                "transaction.signers", f"{count} signers, but {len(signed.signatures)} signatures"
            )
        return cls(
            raw=raw,
            body=signed.body,
            transaction=transaction,
            signatures=signed.signatures,
            tx_id=transaction_id(signed.body),
            tx_hash=tagged_hash("tx-hash", raw) if tx_hash is None else tx_hash,
        )

    @property
    def sender(self) -> bytes:
        """The public key that sends it (empty for a due transaction)."""
        return self.transaction.signers[0] if self.transaction.signers else b""

    def verified_by(self, verify: Verify) -> bool:
        """Whether every signer's signature holds."""
        digest = transaction_digest(self.body)
        pairs = zip(self.transaction.signers, self.signatures, strict=True)
        return all(verify(key, digest, signature) for key, signature in pairs)
