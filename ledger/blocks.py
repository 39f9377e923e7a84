"""What the store says about the chain so far: headers, blocks, receipts, sets, proofs.

The promise: an answer belongs to the head at the time of the question; what should be
there and is not stops the node as `Corrupt`. docs/spec/ledger.md, section 8.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import msgpack

from hansa.block import Block, Header
from hansa.certificate import Certificate
from hansa.encoding import unpack
from hansa.errors import Corrupt, Unavailable
from hansa.membership import ValidatorSet
from hansa.state_proof import StateProof
from ledger.changes import change_of, read_changes
from ledger.log import Log
from ledger.query import Change
from ledger.query import Reader as QueryReader
from ledger.staged import (
    BODY,
    CERTIFICATE,
    CHANGES,
    HEAD_KEY,
    HEADER,
    LOG_TILE,
    RECEIPTS,
    SETS,
    TREE_PAGE,
    TX_INDEX,
    UNDO,
    WINDOW,
    height_key,
)
from ledger.state import STATE, Prefixed, Reader
from ledger.tree import Tree


@dataclass(frozen=True, slots=True)
class Inclusion:
    """That a receipt stands in the log of a head.

    Attributes:
        receipt: its bytes, the leaf's data.
        height: of its block.
        log_index: of the leaf.
        log_size: of the log that the path leads to: that of the header at `head`.
        head: the height of that header.
        path: sibling hashes from the leaf up.
    """

    receipt: bytes
    height: int
    log_index: int
    log_size: int
    head: int
    path: tuple[bytes, ...]


class Blocks:
    """Questions to the store of a chain."""

    def __init__(self, reader: Reader, tree: Tree, log: Log, head: Header) -> None:
        """Answer over a reader whose head is `head`, with the tree and the log of that head."""
        self._reader = reader
        self._state = Prefixed(reader, STATE)
        self._tree = tree
        self._log = log
        self._head = head

    @property
    def head(self) -> Header:
        """The header of the last adopted block."""
        return self._head

    @property
    def epoch(self) -> int:
        """The epoch at the next height: it rises where the set changes."""
        return self._head.epoch + (self._head.next_validators_hash != self._head.validators_hash)

    def header(self, height: int) -> Header | None:
        """The header at a height, None above the head."""
        stored = self._reader.get(height_key(HEADER, height))
        return None if stored is None else unpack(Header, stored)

    def block_bytes(self, height: int) -> bytes | None:
        """The stored bytes of a block, None above the head and at height 0."""
        return self._reader.get(height_key(BODY, height))

    def block(self, height: int) -> Block | None:
        """The block at a height, None above the head and at height 0."""
        stored = self.block_bytes(height)
        return None if stored is None else unpack(Block, stored)

    def certificate(self, height: int) -> Certificate | None:
        """A commit certificate of a height: the stored one, or that in the next body."""
        stored = self._reader.get(height_key(CERTIFICATE, height))
        if stored is not None:
            return unpack(Certificate, stored)
        following = self.block(height + 1)
        return None if following is None else following.last_certificate

    def receipts(self, height: int) -> tuple[bytes, ...]:
        """The receipts of a block in order; none above the head and at height 0."""
        stored = self._reader.get(height_key(RECEIPTS, height))
        if stored is None:
            return ()
        packed = msgpack.unpackb(stored)
        assert isinstance(packed, list)
        return tuple(packed)

    def location(self, tx_id: bytes) -> tuple[int, int] | None:
        """Height and index of a committed transaction."""
        stored = self._reader.get(TX_INDEX + tx_id)
        if stored is None:
            return None
        return int.from_bytes(stored[:8], "big"), int.from_bytes(stored[8:], "big")

    def receipt(self, tx_id: bytes) -> bytes | None:
        """The bytes of a transaction's receipt, None when no block holds it."""
        found = self.location(tx_id)
        return None if found is None else self.receipts(found[0])[found[1]]

    def inclusion(self, tx_id: bytes, head: int | None = None) -> Inclusion | None:
        """The proof that a receipt stands in the log of the header at `head` (None: the last).

        None when no block up to `head` holds the transaction.
        """
        found = self.location(tx_id)
        until = self._head if head is None else self.header(head)
        if found is None or until is None or found[0] > until.height:
            return None
        height, index = found
        receipts = self.receipts(height)
        own = self._known_header(height)
        leaf = own.log_size - len(receipts) + index
        path = self._log.inclusion_path(leaf, until.log_size)
        return Inclusion(receipts[index], height, leaf, until.log_size, until.height, path)

    def consistency(self, size1: int, size2: int) -> tuple[bytes, ...]:
        """The path that proves that the log only grew between two sizes up to the head's."""
        return self._log.consistency_path(size1, size2)

    def get_state(self, key: bytes, height: int | None = None) -> bytes | None:
        """The value of a state key at the head or one of the last heights.

        Raises:
            Unavailable: ``state.too-old``.
        """
        undo = self._undo_to(height)
        return undo[key] if key in undo else self._state.get(key)

    def prove_state(self, key: bytes, height: int | None = None) -> StateProof:
        """The proof of what stands under a key, or that nothing does.

        Raises:
            Unavailable: ``state.too-old``.
        """
        undo = self._undo_to(height)
        return self._tree.prove(key, undo) if undo else self._tree.prove(key)

    def scan_state(self, prefix: bytes, after: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """State keys with a prefix that stand after another, with values, in order, at the head."""
        if after <= prefix:
            return self._state.iterate_prefix(prefix)
        return self._state.iterate(after + b"\0", prefix + b"\xff")

    def changes(self, key: bytes, after: tuple[int, int, int]) -> Iterator[Change]:
        """Changes of the record under a state key that stand after a place, oldest first."""
        for place, value in read_changes(self._reader, key, after):
            yield change_of(place, value, self._known_header(place[0]).time)

    def query_reader(self) -> QueryReader:
        """The head as a query reads it."""
        head = self._head
        return QueryReader(
            head.chain_id, head.height, head.time, self._state.get, self.scan_state, self.changes
        )

    def validator_set(self, set_hash: bytes) -> ValidatorSet | None:
        """A validator set that was in force at some height, by its hash."""
        stored = self._reader.get(SETS + set_hash)
        return None if stored is None else unpack(ValidatorSet, stored)

    def validators_at(self, height: int) -> ValidatorSet | None:
        """The set that signs a height up to head + 1, None above."""
        parent = self.header(height - 1) if height else None
        return None if parent is None else self.validator_set(parent.next_validators_hash)

    def set_changes(self) -> tuple[int, ...]:
        """The heights whose blocks changed the set; it is in force one height later."""
        start = len(CHANGES)
        pairs = self._reader.iterate_prefix(CHANGES)
        return tuple(int.from_bytes(key[start:], "big") for key, _ in pairs)

    def _known_header(self, height: int) -> Header:
        header = self.header(height)
        if header is None:
            raise Corrupt("store.header", f"the header of height {height} is missing")
        return header

    def _undo_to(self, height: int | None) -> dict[bytes, bytes | None]:
        """For each key written above a height, the value it had there."""
        undo: dict[bytes, bytes | None] = {}
        if height is None:
            return undo
        if not max(0, self._head.height - WINDOW) <= height <= self._head.height:
            raise Unavailable(
                "state.too-old",
                f"this node can go back {WINDOW} heights from {self._head.height}, not to {height}",
                "ask an archive node",
            )
        for above in range(self._head.height, height, -1):
            stored = self._reader.get(height_key(UNDO, above))
            if stored is None:
                raise Corrupt("store.undo", f"the undo record of height {above} is missing")
            undo.update(_unpack_undo(stored))
        return undo


def read_head(reader: Reader) -> Header | None:
    """The header of a store's head, None for a store without a chain.

    Raises:
        Corrupt: ``store.header``.
    """
    stored = reader.get(HEAD_KEY)
    if stored is None:
        return None
    height = int.from_bytes(stored, "big")
    packed = reader.get(height_key(HEADER, height))
    if packed is None:
        raise Corrupt("store.header", f"the header of the head, height {height}, is missing")
    return unpack(Header, packed)


def load_tree(reader: Reader, head: Header) -> Tree:
    """The state tree of a store, checked against its head.

    Raises:
        Corrupt: ``store.state-root`` or ``tree.page``.
    """
    pages = Prefixed(reader, TREE_PAGE)
    tree = Tree.load(pages, pages.iterate_prefix(b""))
    if tree.root != head.state_root:
        raise Corrupt(
            "store.state-root",
            f"the state has root {tree.root.hex()}, the header of height {head.height} says "
            f"{head.state_root.hex()}",
            "restore the store from a snapshot or sync it again",
        )
    return tree


def load_log(reader: Reader, head: Header) -> Log:
    """The log of a store, checked against its head.

    Raises:
        Corrupt: ``log.tile`` or ``log.root``.
    """
    return Log.load(Prefixed(reader, LOG_TILE), head.log_size, head.log_root)


def pack_undo(changed: dict[bytes, bytes | None]) -> bytes:
    """An undo record: pairs of key and value before (null: it was not there), in key order."""
    return msgpack.packb([(key, changed[key]) for key in sorted(changed)])


def _unpack_undo(stored: bytes) -> dict[bytes, bytes | None]:
    pairs = msgpack.unpackb(stored)
    assert isinstance(pairs, list)
    return {key: value for key, value in pairs}  # noqa: C416 - pairs are lists, not tuples
