"""The ledger: builds, checks and adopts blocks over one store.

The promise: `build` and `run` change nothing that others see; the batch of `commit`,
written once and durably, is the whole block; `adopt` then makes it the head. The same
block over the same head gives the same bytes on every replica.
docs/spec/ledger.md, sections 2 to 5.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import msgpack

from hansa.block import HEADER_VERSION, Header, Proposal
from hansa.certificate import Certificate
from hansa.encoding import pack
from hansa.errors import Rejected, Unavailable
from hansa.hashing import ZERO_HASH
from hansa.keys import Verify
from hansa.membership import ValidatorSet
from hansa.merkle import leaf_hash, root_of
from hansa.transaction import EXPIRY_MS_MAX, SignedTransaction
from ledger import rules
from ledger.authorise import HeadCache, StateRegistry
from ledger.blocks import Blocks, load_log, load_tree, pack_undo, read_head
from ledger.calls import Executor, NoResult
from ledger.contract import Contract
from ledger.contracts import CONTRACTS
from ledger.due import due_transaction, next_time, ripe_entries
from ledger.governed import VALIDATORS_KEY, parameters_version, validators_in
from ledger.log import Log
from ledger.replay import Window, is_remembered
from ledger.rules import BlockRefused, Limits, Load
from ledger.staged import BODY as BODY_SPACE
from ledger.staged import (
    CERTIFICATE,
    CHANGES,
    HEAD_KEY,
    HEADER,
    KEPT_EVERY,
    LOG_TILE,
    RECEIPTS,
    SETS,
    TREE_PAGE,
    TX_INDEX,
    UNDO,
    WINDOW,
    Batch,
    Staged,
    height_key,
    index_value,
)
from ledger.state import STATE, Overlay, Reader
from ledger.tree import Tree

ADMITTED_MS_MAX = 24 * 3600 * 1000
"""A node admits a transaction of one signer at most this long before it expires; one with
cosigners up to seven days, because people in other companies sign tomorrow."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A candidate that no block can hold now: its tx_hash, and the rule with the reason."""

    tx_hash: bytes
    code: str
    detail: str


@dataclass(slots=True)
class _Open:
    """A block while it is executed."""

    view: Overlay
    executor: Executor
    window: Window
    load: Load
    limits: Limits
    transactions: list[SignedTransaction]
    receipts: list[bytes]


class Ledger(Blocks):
    """The chain at its head. All methods belong to one thread, but for `check_admission`."""

    def __init__(  # noqa: PLR0913, PLR0917 - the parts of a ledger
        self,
        reader: Reader,
        tree: Tree,
        log: Log,
        head: Header,
        verify: Verify,
        contracts: Mapping[str, Contract] = CONTRACTS,
    ) -> None:
        """Stand on `head`, whose tree and log these are; `verify` judges detached signatures."""
        super().__init__(reader, tree, log, head)
        self._verify = verify
        self._contracts = contracts
        self._cache = HeadCache()
        self._registry = self._registry_at_head()
        self._validators = validators_in(Overlay(self._state))
        self.dropped: tuple[Dropped, ...] = ()
        """What the last `build` left out for good, and why."""

    @classmethod
    def open(
        cls, reader: Reader, verify: Verify, contracts: Mapping[str, Contract] = CONTRACTS
    ) -> Self:
        """The ledger of a store that holds a chain.

        Raises:
            Unavailable: ``store.empty`` when there is no chain yet.
            Corrupt: when tree, log or head do not fit each other.
        """
        head = read_head(reader)
        if head is None:
            raise Unavailable("store.empty", "the store holds no chain", "write its genesis first")
        tree, log = load_tree(reader, head), load_log(reader, head)
        return cls(reader, tree, log, head, verify, contracts)

    @property
    def validators(self) -> ValidatorSet:
        """The set in force at head + 1."""
        return self._validators

    def next_due(self) -> int | None:
        """The time in ms of the earliest due entry: a reason to propose on an idle chain."""
        return next_time(self._state)

    def due_transaction(self, time: int) -> SignedTransaction | None:
        """The due transaction that a block of this time at head + 1 starts with, if any."""
        ripe = ripe_entries(self._state, time)
        if not ripe:
            return None
        return due_transaction(self._head.chain_id, self._head.height + 1, time, ripe)

    def limits(self) -> Limits:
        """What a block at head + 1 may hold by the chain's parameters."""
        names = ("block.bytes", "block.transactions", "block.weight")
        return Limits(*(int(self._registry.parameter(name)) for name in names))

    def check_admission(self, transaction: SignedTransaction, now_ms: int) -> None:
        """Check what would keep a transaction out of a block now: cheap, and no verdict.

        May be called from another thread.

        Raises:
            Rejected: ``transaction.chain``, ``.type``, ``.expired``, ``.expiry-far``,
                ``.sender`` or ``.replayed``.
        """
        body = transaction.transaction
        rules.check_chain(body, self._head.chain_id)
        rules.check_type(body)
        rules.check_expiry(body, now_ms)
        most = ADMITTED_MS_MAX if len(body.signers) == 1 else EXPIRY_MS_MAX
        if body.expires_at > now_ms + most:
            raise Rejected(
                "transaction.expiry-far",
                f"expires {body.expires_at - now_ms} ms from now, {most} are admitted",
                "sign it with an earlier expires_at",
            )
        rules.check_sender(self._registry, transaction.sender, self._head.height + 1)
        if is_remembered(self._reader, body.signers[0] + body.nonce, self._head.time):
            raise Rejected("transaction.replayed", "the sender used this nonce before")

    def build(  # noqa: PLR0913 - what a primary decides
        self,
        candidates: Sequence[SignedTransaction],
        *,
        time: int,
        primary: str,
        last_certificate: Certificate | None,
        allow_empty: bool,
        limits: Limits | None = None,
    ) -> Staged | None:
        """Execute what fits of the candidates, in their order, as a block on the head.

        The candidates' signatures hold. Those that no block can hold now are left out and
        named in `dropped`. None when nothing is left and the block may not be empty.
        """
        assert time > self._head.time
        rules.check_certificate(self._head, last_certificate)
        block = self._open(time)
        if limits is not None:
            block.limits = block.limits.lowered(limits)
        dropped: list[Dropped] = []
        self.dropped = ()
        try:
            self._run_due(block, time)
        except NoResult:
            return None  # what is due cannot be left out, so here no block can be made
        for candidate in candidates:
            if block.load.transactions == block.limits.transactions:
                break
            if not block.load.fits(candidate, block.limits):
                continue
            try:
                self._admit(block, candidate, time)
                self._execute(block, candidate)
            except (Rejected, NoResult) as error:
                dropped.append(Dropped(candidate.tx_hash, error.code, error.detail))
        self.dropped = tuple(dropped)
        if not block.transactions and not allow_empty:
            return None
        return self._close(block, time, primary, last_certificate)

    def run(
        self,
        proposal: Proposal,
        transactions: Sequence[SignedTransaction],
        *,
        signatures_checked: bool,
    ) -> Staged:
        """Execute a block that somebody else built, and compare.

        Raises:
            BlockRefused: ``block.*`` or ``transaction.*`` when it breaks a rule (its `index`
                names the transaction), ``block.differs`` when execution gives another header.
        """
        header = proposal.header
        rules.check_header(self._head, proposal)
        rules.check_named(proposal, transactions)
        block = self._open(header.time)
        try:
            expected = self._run_due(block, header.time)
        except NoResult as error:
            raise BlockRefused(error.code, error.detail, 0) from error
        if expected is not None and proposal.tx_hashes[:1] != (expected.tx_hash,):
            raise BlockRefused("block.due", "the due entries of its time do not come first", 0)
        for index in range(len(block.transactions), len(transactions)):
            transaction = transactions[index]
            try:
                if not signatures_checked and not transaction.verified_by(self._verify):
                    raise BlockRefused("transaction.signature", "a signature is wrong", index)
                self._admit(block, transaction, header.time)
                self._execute(block, transaction)
            except (Rejected, NoResult) as error:
                raise BlockRefused(error.code, error.detail, index) from error
        staged = self._close(block, header.time, header.primary, proposal.last_certificate)
        if staged.header != header:
            raise BlockRefused("block.differs", _difference(staged.header, header))
        return staged

    def commit(self, staged: Staged, certificate: Certificate) -> Batch:
        """The batch that makes a block the head of the store: write it whole and durably."""
        assert staged.header.parent == self._head.hash
        assert certificate.block_hash == staged.hash
        height = staged.header.height
        batch: Batch = dict(staged.writes)
        batch[height_key(HEADER, height)] = pack(staged.header)
        batch[height_key(BODY_SPACE, height)] = staged.body
        batch[height_key(CERTIFICATE, height)] = pack(certificate)
        batch[HEAD_KEY] = height.to_bytes(8, "big")
        return batch

    def adopt(self, staged: Staged) -> None:
        """Make a block the head, after its batch has been written."""
        self._tree.adopt(staged.tree)
        self._log.adopt(staged.log)
        self._head = staged.header
        self._validators = staged.next_validators
        if staged.rules_changed:
            self._cache = HeadCache()
        self._registry = self._registry_at_head()

    def _registry_at_head(self) -> StateRegistry:
        return StateRegistry(
            Overlay(self._state), self._cache, self._head.height + 1, self._head.time, self._verify
        )

    def _open(self, time: int) -> _Open:
        view = Overlay(self._state)
        height = self._head.height + 1
        registry = StateRegistry(view, self._cache, height, time, self._verify)
        chain_id = self._head.chain_id
        executor = Executor(view, registry, self._contracts, chain_id, height, time)
        return _Open(view, executor, Window(self._reader, time), Load(), self.limits(), [], [])

    def _run_due(self, block: _Open, time: int) -> SignedTransaction | None:
        """Run the ripe entries of the parent's state, as the block's first transaction."""
        ripe = ripe_entries(self._state, time)
        if not ripe:
            return None
        height = self._head.height + 1
        transaction = due_transaction(self._head.chain_id, height, time, ripe)
        block.receipts.append(block.executor.run_due(transaction, ripe))
        block.transactions.append(transaction)
        block.load.add(transaction)
        return transaction

    def _admit(self, block: _Open, transaction: SignedTransaction, time: int) -> None:
        """The rules that a transaction of a block keeps, from cheap to dear."""
        body = transaction.transaction
        rules.check_chain(body, self._head.chain_id)
        rules.check_type(body)
        rules.check_expiry(body, time)
        rules.check_sender(self._registry, transaction.sender, self._head.height + 1)
        if not block.load.fits(transaction, block.limits):
            raise Rejected("block.limits", "more than a block may hold")
        block.window.check(body)

    def _execute(self, block: _Open, transaction: SignedTransaction) -> None:
        receipt = block.executor.run(transaction, len(block.transactions))
        block.receipts.append(receipt)
        block.transactions.append(transaction)
        block.load.add(transaction)
        block.window.add(transaction.transaction)

    def _close(
        self, block: _Open, time: int, primary: str, last_certificate: Certificate | None
    ) -> Staged:
        """Roots, header and writes of a block that has been executed."""
        head, changes = self._head, block.view.net_changes()
        tree = self._tree.stage(changes)
        log = self._log.append([leaf_hash(receipt) for receipt in block.receipts])
        changed_set = VALIDATORS_KEY in changes
        next_validators = validators_in(block.view) if changed_set else self._validators
        header = Header(
            version=HEADER_VERSION,
            chain_id=head.chain_id,
            suite=head.suite,
            epoch=self.epoch,
            height=head.height + 1,
            time=time,
            parent=head.hash,
            primary=primary,
            txs_root=root_of([transaction.tx_hash for transaction in block.transactions]),
            state_root=tree.root,
            log_root=log.root,
            log_size=log.size,
            validators_hash=head.next_validators_hash,
            next_validators_hash=next_validators.hash,
            last_certificate=ZERO_HASH if last_certificate is None else last_certificate.hash,
            last_view=0 if last_certificate is None else last_certificate.view,
            parameters_version=parameters_version(block.view),
        )
        writes = self._writes(block, changes, header)
        writes.update((TREE_PAGE + key, page) for key, page in tree.writes.items())
        writes.update((LOG_TILE + key, tile) for key, tile in log.writes.items())
        if header.next_validators_hash != header.validators_hash:
            writes[SETS + next_validators.hash] = pack(next_validators)
            writes[height_key(CHANGES, header.height)] = next_validators.hash
        return Staged(
            header=header,
            transactions=tuple(block.transactions),
            last_certificate=last_certificate,
            receipts=tuple(block.receipts),
            next_validators=next_validators,
            faults=tuple(block.executor.faults),
            writes=writes,
            tree=tree,
            log=log,
            rules_changed=block.view.rules_changed,
        )

    def _writes(self, block: _Open, changes: Mapping[bytes, bytes | None], header: Header) -> Batch:
        """State, undo, receipts, index and replay window of a block."""
        height = header.height
        writes: Batch = {STATE + key: value for key, value in changes.items()}
        before = block.view.before
        writes[height_key(UNDO, height)] = pack_undo({key: before(key) for key in changes})
        writes[height_key(RECEIPTS, height)] = msgpack.packb(block.receipts)
        for index, transaction in enumerate(block.transactions):
            writes[TX_INDEX + transaction.tx_id] = index_value(height, index)
        writes.update(block.executor.index)
        writes.update(block.window.writes(height))
        self._forget(writes, height - WINDOW)
        return writes

    def _forget(self, writes: Batch, height: int) -> None:
        """Let go of what is kept for the window alone, when a height leaves it."""
        header = self.header(height) if height > 0 else None
        if header is None:
            return
        writes[height_key(UNDO, height)] = None
        changes_set = header.validators_hash != header.next_validators_hash
        if height % KEPT_EVERY and not changes_set:
            writes[height_key(CERTIFICATE, height)] = None


def _difference(ours: Header, theirs: Header) -> str:
    fields = [
        name for name in Header.__struct_fields__ if getattr(ours, name) != getattr(theirs, name)
    ]
    return f"height {ours.height}: execution gives another {', '.join(fields)}"
