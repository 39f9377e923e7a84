"""A node's signed word that it keeps transactions (docs/spec/api.md, section 4).

A promise is made after the transactions are durable in the node's journal. It says that
the node will neither forget them nor lie about their fate; it does not say that they commit.
One promise covers a whole batch, so that one signature is made a batch.
"""

from typing import Annotated

import msgspec

from hansa.encoding import Hash, Name, Uint, Wire, pack
from hansa.hashing import tagged_hash
from hansa.keys import PublicKey, Signature, Verify

PROMISE_ENTRIES_MAX = 1_000
"""Transactions in one batch: about 4 MiB of captures, and one pause of the loop."""


class PromiseEntry(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """One transaction that a node took: both ids and the block time in ms after which it dies."""

    tx_id: Hash
    tx_hash: Hash
    expires_at: Uint


class Promise(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """What a node promises: at `promised_at` (ms) it had stored `entries` durably."""

    chain_id: Name
    node: Name
    promised_at: Uint
    entries: Annotated[tuple[PromiseEntry, ...], msgspec.Meta(max_length=PROMISE_ENTRIES_MAX)]

    @property
    def statement(self) -> bytes:
        """The 32 bytes that the node's transport key signs."""
        return tagged_hash("promise", pack(self))


class SignedPromise(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """A promise with the transport key that signed it."""

    promise: Promise
    key: PublicKey
    signature: Signature

    def verified_by(self, verify: Verify) -> bool:
        """Whether the signature holds; that `key` is the node's is the caller's to know."""
        return verify(self.key, self.promise.statement, self.signature)
