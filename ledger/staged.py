"""A block that has been executed and not yet adopted, and the keys under which it is stored.

docs/spec/ledger.md, section 8. The key spaces are those of `storage/keyspace.py`,
which the ledger may not import; a test compares them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import msgpack

from hansa.block import Block, Header, Proposal
from hansa.certificate import Certificate
from hansa.encoding import pack
from hansa.membership import ValidatorSet
from hansa.transaction import SignedTransaction
from ledger.calls import Fault
from ledger.changes import RECORD_INDEX
from ledger.log import LogAppend
from ledger.replay import EXPIRY, REPLAY
from ledger.state import STATE
from ledger.tree import Staged as TreeStaged

META, HEADER, BODY, CERTIFICATE, RECEIPTS = b"m", b"h", b"b", b"c", b"r"
LOG_TILE, TREE_PAGE, UNDO, TX_INDEX = b"l", b"p", b"u", b"x"
KEY_SPACES = (
    META, HEADER, BODY, CERTIFICATE, RECEIPTS, LOG_TILE, STATE, TREE_PAGE, UNDO, REPLAY, TX_INDEX,
    EXPIRY, RECORD_INDEX,
)  # fmt: skip
"""Every first byte that the ledger writes."""
HEAD_KEY = META + b"head"
"""The height of the head, 8 bytes big-endian."""
SETS = META + b"set/"
"""Hash of a validator set -> the set."""
CHANGES = META + b"change/"
"""Height whose block changed the set (8 bytes) -> hash of the set that it brought."""
WINDOW = 256
"""Heights for which undo records and all certificates are kept."""
KEPT_EVERY = 1_000
"""Certificates of each such height are kept for ever: anchors for those who come late."""

Batch = dict[bytes, bytes | None]


@dataclass(frozen=True)
class Staged:
    """A block executed over the head.

    Attributes:
        header: with the roots that execution gave.
        transactions: in block order, the due transaction first where there is one.
        last_certificate: the parent's, None at height 1.
        receipts: packed, in block order.
        next_validators: in force at the next height.
        faults: exceptions out of contracts, for the operator.
        writes: everything to store but header, body, certificate and head.
        tree: the state tree after the block.
        log: the log after the block.
        rules_changed: whether members or parameters may have changed.
    """

    header: Header
    transactions: tuple[SignedTransaction, ...]
    last_certificate: Certificate | None
    receipts: tuple[bytes, ...]
    next_validators: ValidatorSet
    faults: tuple[Fault, ...]
    writes: Mapping[bytes, bytes | None] = field(repr=False)
    tree: TreeStaged = field(repr=False)
    log: LogAppend = field(repr=False)
    rules_changed: bool

    @cached_property
    def hash(self) -> bytes:
        """The block hash."""
        return self.header.hash

    @cached_property
    def proposal(self) -> Proposal:
        """The block with hashes in the place of transactions."""
        hashes = tuple(transaction.tx_hash for transaction in self.transactions)
        return Proposal(self.header, hashes, self.last_certificate)

    @cached_property
    def body(self) -> bytes:
        """The bytes of the `Block`: what is stored, kept in the WAL and sent to others."""
        raws = tuple(transaction.raw for transaction in self.transactions)
        return pack(Block(self.header, raws, self.last_certificate))

    @cached_property
    def tx_ids(self) -> tuple[bytes, ...]:
        """The intents that this block settles."""
        return tuple(transaction.tx_id for transaction in self.transactions)

    @cached_property
    def events(self) -> tuple[tuple[int, str, bytes], ...]:
        """All events in order: (index of the transaction, name, canonical bytes of a map)."""
        found: list[tuple[int, str, bytes]] = []
        for index, receipt in enumerate(self.receipts):
            calls = msgpack.unpackb(receipt, raw=False)[7]  # type: ignore[index]
            found.extend((index, name, data) for call in calls for name, data in call[1])
        return tuple(found)


def height_key(space: bytes, height: int) -> bytes:
    """The key of a height: the space's byte and 8 bytes, big-endian."""
    return space + height.to_bytes(8, "big")


def index_value(height: int, index: int) -> bytes:
    """Where a transaction stands: height (8 bytes) and index (4 bytes), big-endian."""
    return height.to_bytes(8, "big") + index.to_bytes(4, "big")
