"""Signed transactions for the mempool's tests."""

from hansa.encoding import pack
from hansa.signing import SigningKey
from hansa.transaction import (
    CLIENT,
    VERSION,
    Call,
    SignedTransaction,
    Transaction,
    transaction_digest,
)

CHAIN = "demo"
NOW = 1_800_000_000_000
MINUTE = 60_000


def key(number=1):
    return SigningKey(bytes([number]) * 32)


def sign(  # noqa: PLR0913 - each is what some test varies
    number,
    *,
    sender=1,
    contract="doc",
    size=16,
    expires_at=NOW + 10 * MINUTE,
    chain=CHAIN,
    kind=CLIENT,
    cosigners=(),
    version=VERSION,
):
    """The transaction of a sender with nonce `number`; `size` bytes of text make it other."""
    keys = [key(sender), *map(key, cosigners)]
    body = pack(
        Transaction(
            version,
            chain,
            kind,
            (Call.of(contract, "register", {"text": "x" * size}),),
            number.to_bytes(16, "big"),
            expires_at,
            tuple(one.public for one in keys),
        )
    )
    digest = transaction_digest(body)
    return SignedTransaction.assemble(body, tuple(one.sign(digest) for one in keys))


def forge(transaction):
    """The same body under a signature that does not hold."""
    bad = bytes([transaction.signatures[0][0] ^ 1]) + transaction.signatures[0][1:]
    return SignedTransaction.assemble(transaction.body, (bad, *transaction.signatures[1:]))
