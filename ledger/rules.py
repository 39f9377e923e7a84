"""Block rules: a block that breaks one is invalid (docs/spec/ledger.md, section 3).

One function a clause. Whatever else is wrong with a transaction is a refusal with a
receipt. Each rule is a function of the bytes, the parent's state and the block's time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from hansa.block import HEADER_VERSION, Header, Proposal
from hansa.certificate import Certificate
from hansa.errors import Rejected
from hansa.keys import SUITE_ED25519_SHA256, key_id
from hansa.transaction import DUE, EXPIRY_MS_MAX, SignedTransaction, Transaction
from ledger.authorise import StateRegistry, may_sign

FRAME_BYTES = 5
"""What MessagePack puts before the bytes of a transaction in a block, at most."""
WEIGHT_TRANSACTION = 60
"""µs for identity, replay, receipt and log of a transaction."""
WEIGHT_CALL = 120
"""µs for a call with three written keys, tree included."""
WEIGHT_SCRIPT = 20_000
"""µs for a script that counts to its limit (docs/spec/script.md, 4.2); added to that of a call."""
WEIGHT_SIGNER = 60
"""µs for checking one signature."""
WEIGHT_SOURCE = 60_000
"""µs for the reading and rewriting of the largest source; added to that of a call."""
SCRIPT_WEIGHTS = {("script", "call"): WEIGHT_SCRIPT, ("script", "propose"): WEIGHT_SOURCE}
"""What the two methods cost that run or read a script, whatever comes of them."""
WEIGHT_BYTES = 16
"""Bytes that cost 1 µs to decode, check and hash."""


class BlockRefused(Rejected):
    """A block that breaks a rule.

    Attributes:
        index: of the transaction that breaks it; None when the block itself does.
    """

    def __init__(self, code: str, detail: str, index: int | None = None) -> None:
        """Say which rule, why, and which transaction."""
        super().__init__(code, detail)
        self.index = index


@dataclass(frozen=True, slots=True)
class Limits:
    """What a block may hold: bytes of its transactions, their number, their weight in µs."""

    bytes: int
    transactions: int
    weight: int

    def lowered(self, other: Self) -> Self:
        """The lesser of both, limit by limit."""
        return type(self)(
            min(self.bytes, other.bytes),
            min(self.transactions, other.transactions),
            min(self.weight, other.weight),
        )


@dataclass(slots=True)
class Load:
    """What a block holds so far."""

    bytes: int = 0
    transactions: int = 0
    weight: int = 0

    def fits(self, transaction: SignedTransaction, limits: Limits) -> bool:
        """Whether one more transaction stays within the limits (clause 3.6)."""
        return (
            self.transactions < limits.transactions
            and self.bytes + len(transaction.raw) + FRAME_BYTES <= limits.bytes
            and self.weight + weight_of(transaction) <= limits.weight
        )

    def add(self, transaction: SignedTransaction) -> None:
        """Count one more transaction."""
        self.transactions += 1
        self.bytes += len(transaction.raw) + FRAME_BYTES
        self.weight += weight_of(transaction)


def weight_of(transaction: SignedTransaction) -> int:
    """The weight of a transaction in µs, from its bytes alone (clause 3.7)."""
    body = transaction.transaction
    return (
        WEIGHT_TRANSACTION
        + WEIGHT_CALL * len(body.calls)
        + sum(SCRIPT_WEIGHTS.get((call.contract, call.method), 0) for call in body.calls)
        + WEIGHT_SIGNER * len(body.signers)
        + len(transaction.raw) // WEIGHT_BYTES
    )


def check_chain(body: Transaction, chain_id: str) -> None:
    """It is meant for this chain (clause 3.1).

    Raises:
        Rejected: ``transaction.chain``.
    """
    if body.chain_id != chain_id:
        raise Rejected("transaction.chain", f"for chain {body.chain_id!r}, this is {chain_id!r}")


def check_type(body: Transaction) -> None:
    """Only the due-queue makes due transactions, and they stand first (clause 3.2).

    Raises:
        Rejected: ``transaction.type``.
    """
    if body.type == DUE:
        raise Rejected("transaction.type", "a due transaction comes from the due-queue alone")


def check_sender(registry: StateRegistry, sender: bytes, height: int) -> None:
    """The sender's key is registered in the parent's state and valid (clause 3.3).

    Raises:
        Rejected: ``transaction.sender``.
    """
    holder = registry.holder(sender)
    if holder is None:
        raise Rejected(
            "transaction.sender",
            f"key {key_id(sender)} is not registered",
            "ask an administrator of your organisation to enrol it",
        )
    if not may_sign(holder.key, height):
        raise Rejected(
            "transaction.sender",
            f"key {holder.key.id} of {holder.key.subject} is not valid at height {height}",
            "sign with the key that replaced it",
        )


def check_expiry(body: Transaction, time: int) -> None:
    """The block's time lies before its end, by at most seven days (clause 3.4).

    Raises:
        Rejected: ``transaction.expired`` or ``transaction.expiry-far``.
    """
    if body.expires_at < time:
        raise Rejected(
            "transaction.expired",
            f"expired at {body.expires_at}, the time is {time}",
            "sign it anew with a later expires_at",
        )
    if body.expires_at > time + EXPIRY_MS_MAX:
        raise Rejected(
            "transaction.expiry-far",
            f"expires {body.expires_at - time} ms from now, at most {EXPIRY_MS_MAX} are allowed",
            "sign it with an earlier expires_at",
        )


def check_header(head: Header, proposal: Proposal) -> None:
    """The block stands on this head (clauses 2.2 to 2.6).

    Raises:
        BlockRefused: ``block.head``, ``block.version``, ``block.time`` or
            ``block.last-certificate``.
    """
    header = proposal.header
    if (header.version, header.chain_id, header.suite) != (
        HEADER_VERSION,
        head.chain_id,
        SUITE_ED25519_SHA256,
    ):
        raise BlockRefused("block.version", "another version, chain or suite")
    if header.height != head.height + 1 or header.parent != head.hash:
        raise BlockRefused(
            "block.head", f"height {header.height} does not stand on the head {head.height}"
        )
    if header.time <= head.time:
        raise BlockRefused("block.time", f"{header.time} is not after the parent's {head.time}")
    check_certificate(head, proposal.last_certificate)


def check_certificate(head: Header, certificate: Certificate | None) -> None:
    """The certificate in the body is the parent's; none at height 1 (clause 2.5).

    Raises:
        BlockRefused: ``block.last-certificate``.
    """
    if head.height == 0:
        if certificate is not None:
            raise BlockRefused("block.last-certificate", "genesis has no certificate")
    elif certificate is None or (certificate.height, certificate.block_hash) != (
        head.height,
        head.hash,
    ):
        raise BlockRefused("block.last-certificate", f"not that of height {head.height}")


def check_named(proposal: Proposal, transactions: Sequence[SignedTransaction]) -> None:
    """The transactions are those that the proposal names, each once (clause 3.5).

    Raises:
        BlockRefused: ``block.transactions``.
    """
    named = proposal.tx_hashes
    if len(named) != len(transactions):
        raise BlockRefused("block.transactions", f"{len(transactions)} given, {len(named)} named")
    for index, transaction in enumerate(transactions):
        if transaction.tx_hash != named[index]:
            raise BlockRefused("block.transactions", "another transaction than named", index)
    if len(set(named)) != len(named):
        raise BlockRefused("block.transactions", "a transaction stands twice")
