"""Making transactions: the shortest way from calls to signed bytes."""

import os
from collections.abc import Sequence

from hansa.encoding import pack
from hansa.signing import SigningKey
from hansa.transaction import (
    CLIENT,
    NONCE_BYTES,
    VERSION,
    Call,
    SignedTransaction,
    Transaction,
    transaction_digest,
)


def make(  # noqa: PLR0913 - what a transaction is made of
    chain_id: str,
    key: SigningKey,
    calls: Sequence[Call],
    *,
    expires_at: int,
    nonce: bytes | None = None,
    cosigners: Sequence[SigningKey] = (),
) -> SignedTransaction:
    """A signed transaction of `key` (and `cosigners`), valid up to block time `expires_at` (ms).

    Without `nonce` 16 random bytes are taken: each call makes another intent.

    Raises:
        Rejected: ``encoding.*`` or ``transaction.*`` when it breaks a limit.
    """
    keys = (key, *cosigners)
    body = pack(
        Transaction(
            version=VERSION,
            chain_id=chain_id,
            type=CLIENT,
            calls=tuple(calls),
            nonce=os.urandom(NONCE_BYTES) if nonce is None else nonce,
            expires_at=expires_at,
            signers=tuple(signer.public for signer in keys),
        )
    )
    digest = transaction_digest(body)
    return SignedTransaction.assemble(body, tuple(signer.sign(digest) for signer in keys))
