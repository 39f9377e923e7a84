"""A node without a network: the API's port over a `LocalChain`, for tests and dry runs.

Promise: every answer is what a real node of a chain of one process would say. Transactions commit
at once, or when the caller says so (`hold`), as on a chain that has lost its quorum.
"""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import islice

from hansa.block import Header
from hansa.client.promise import Promise, PromiseEntry, SignedPromise
from hansa.client.types import (
    Check,
    Consensus,
    Direction,
    Fate,
    Json,
    Peer,
    Pending,
    QueryReply,
    Quorum,
    Status,
    ValidatorView,
)
from hansa.errors import HansaError, Rejected
from hansa.keys import public_key_text
from hansa.receipt import OK, Receipt, decode_receipt
from hansa.signing import verify
from hansa.transaction import SignedTransaction
from node.api.ports import Admission, Known, Result, StateAt, StoredBlock
from node.proofs import state_proof
from node.questions import answer_query
from node.testing import LocalChain

VERSION = "local"
PENDING_MAX = 10_000
"""Held transactions: a test that forgets to commit ends, instead of eating the machine."""


class LocalNode:
    """Keeps the API's port over a chain in this process."""

    def __init__(self, chain: LocalChain, node: str = "node0") -> None:
        """Speak for `node`, one of the chain's."""
        self.chain = chain
        self.node = node
        self.held = False
        self._pending: dict[bytes, SignedTransaction] = {}
        self._changed = asyncio.Condition()
        self._transport = chain.key(f"{node}/transport")

    @property
    def chain_id(self) -> str:
        """The chain's name."""
        return self.chain.chain_id

    @property
    def height(self) -> int:
        """The height of the head."""
        return self.chain.height

    def hold(self) -> None:
        """Commit nothing until `release`: as if the quorum were lost."""
        self.held = True

    async def release(self) -> None:
        """Commit what is pending, and from now on at once."""
        self.held = False
        await self._commit()

    async def submit(self, raws: Sequence[bytes]) -> Admission:
        """Take what is valid; commit it unless held."""
        results = tuple(map(self._admit, raws))
        if not self.held:
            await self._commit()
        entries = tuple(result for result in results if isinstance(result, PromiseEntry))
        return Admission(results, self._promise(entries) if entries else None)

    async def fates(self, tx_ids: Sequence[bytes]) -> list[Fate]:
        """What became of transactions."""
        return [self._fate(tx_id) for tx_id in tx_ids]

    async def wait(self, tx_ids: Sequence[bytes], timeout_s: float) -> list[Fate]:
        """The same, as soon as none is pending, at the latest after `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s), self._changed:
                await self._changed.wait_for(
                    lambda: not any(tx_id in self._pending for tx_id in tx_ids)
                )
        except TimeoutError:
            pass
        return await self.fates(tx_ids)

    async def receipt(self, tx_id: bytes) -> Receipt | None:
        """The receipt of a transaction."""
        stored = self.chain.ledger.receipt(tx_id)
        return None if stored is None else decode_receipt(stored)

    async def transaction(self, tx_id: bytes) -> bytes | None:
        """The bytes of a transaction, pending or committed."""
        pending = self._pending.get(tx_id)
        if pending is not None:
            return pending.raw
        found = self.chain.ledger.location(tx_id)
        block = None if found is None else self.chain.ledger.block(found[0])
        return None if found is None or block is None else block.transactions[found[1]]

    async def header(self, height: int) -> Header | None:
        """The header at a height."""
        return self.chain.ledger.header(height)

    async def block(self, height: int) -> StoredBlock | None:
        """The block at a height."""
        ledger = self.chain.ledger
        block, validators = ledger.block(height), ledger.validators_at(height)
        if block is None or validators is None:
            return None
        receipts = tuple(map(decode_receipt, ledger.receipts(height)))
        return StoredBlock(block, ledger.certificate(height), validators, receipts)

    async def reached(self, height: int, timeout_s: float) -> int:
        """Wait for a height."""
        try:
            async with asyncio.timeout(timeout_s), self._changed:
                await self._changed.wait_for(lambda: self.height >= height)
        except TimeoutError:
            pass
        return self.height

    async def state(self, key: bytes) -> StateAt:
        """The value under a state key."""
        return StateAt(self.height, self.chain.ledger.get_state(key))

    async def scan(self, prefix: bytes, after: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """A page of state keys."""
        pairs = self.chain.ledger.scan_state(prefix)
        return list(islice((pair for pair in pairs if pair[0] > after), limit))

    async def trace(
        self,
        identifier: str,
        direction: Direction,  # noqa: ARG002 - the port's signature
        depth: int,  # noqa: ARG002 - the port's signature
    ) -> Mapping[str, Json]:
        """This chain keeps no index of events.

        Raises:
            Rejected: ``trace.not-found``.
        """
        raise Rejected("trace.not-found", f"no event names {identifier}")

    async def query(self, contract: str, name: str, arguments: bytes) -> QueryReply:
        """What a contract answers to a question about the head."""
        return answer_query(self.chain.ledger, contract, name, arguments)

    async def proof_tx(self, tx_id: bytes) -> bytes:
        """The proof file of a transaction."""
        return self.chain.prove_tx(tx_id)

    async def proof_state(self, key: bytes) -> bytes:
        """The proof file of a state key."""
        return state_proof(self.chain.ledger, key.decode(), None)

    async def trust(self) -> bytes:
        """The trust file."""
        return self.chain.trust()

    def status(self) -> Status:
        """What this node says of itself."""
        head, validators = self.chain.ledger.head, self.chain.ledger.validators
        index = validators.index_of(self.node)
        live = 1 if self.held else validators.size
        missing = [one.member for one in validators.validators if one.name != self.node]
        return Status(
            node=self.node,
            member="" if index is None else validators.validators[index].member,
            role="observer" if index is None else "validator",
            chain_id=self.chain_id,
            version=VERSION,
            height=head.height,
            block_hash=head.hash.hex(),
            block_time=head.time,
            state_root=head.state_root.hex(),
            log_size=head.log_size,
            epoch=head.epoch,
            view=0,
            phase="idle",
            primary=validators.validators[0].name,
            peers=0 if self.held else validators.size - 1,
            syncing=False,
            quorum=Quorum(
                validators=validators.size,
                need=validators.quorum,
                live=live,
                missing=tuple(missing) if self.held else (),
            ),
            pending=Pending(count=len(self._pending)),
            validators=tuple(
                ValidatorView(
                    name=one.name,
                    member=one.member,
                    reachable=not self.held or one.name == self.node,
                    key=public_key_text(one.key),
                )
                for one in validators.validators
            ),
            development_keys=True,
        )

    def peers(self) -> tuple[Peer, ...]:
        """The other validators, all in this process."""
        return tuple(
            Peer(
                name=one.name,
                member=one.member,
                role="validator",
                address="",
                direction="none" if self.held else "out",
                connected=not self.held,
            )
            for one in self.chain.ledger.validators.validators
            if one.name != self.node
        )

    def consensus(self) -> Consensus:
        """Always between two blocks."""
        primary = self.chain.ledger.validators.validators[0].name
        return Consensus(
            height=self.height + 1,
            view=0,
            phase="idle",
            primary=primary,
            epoch=self.chain.ledger.epoch,
        )

    def metrics(self) -> bytes:
        """The height alone."""
        return b"# TYPE hansa_consensus_height gauge\nhansa_consensus_height %d\n" % self.height

    def live(self) -> bool:
        """Always."""
        return True

    def ready(self) -> tuple[Check, ...]:
        """Synced always; the quorum is there unless held."""
        quorum = Check(name="quorum", ok=not self.held, detail="held" if self.held else "")
        return Check(name="synced", ok=True), quorum

    def _admit(self, raw: bytes) -> Result:
        try:
            signed = SignedTransaction.decode(raw)
            fate = self._fate(signed.tx_id)
            if fate.final:
                return Known(signed.tx_id, signed.tx_hash, fate)
            if fate.state == "unknown":
                self._check(signed)
                self._pending[signed.tx_id] = signed
        except HansaError as error:
            return error
        return PromiseEntry(signed.tx_id, signed.tx_hash, signed.transaction.expires_at)

    def _check(self, signed: SignedTransaction) -> None:
        if not signed.verified_by(verify):
            raise Rejected("transaction.signature", "a signature does not hold")
        self.chain.ledger.check_admission(signed, self.chain.time)
        if len(self._pending) >= PENDING_MAX:
            raise Rejected("mempool.full", f"{PENDING_MAX} transactions are pending")

    async def _commit(self) -> None:
        if self._pending:
            self.chain.commit(list(self._pending.values()))
            self._pending.clear()
        async with self._changed:
            self._changed.notify_all()

    def _fate(self, tx_id: bytes) -> Fate:
        if tx_id in self._pending:
            return Fate(state="pending")
        stored = self.chain.ledger.receipt(tx_id)
        if stored is None:
            return Fate(state="unknown")
        receipt = decode_receipt(stored)
        return Fate(
            state="committed" if receipt.code == OK else "refused",
            code=receipt.code,
            height=receipt.height,
            index=receipt.index,
        )

    def _promise(self, entries: tuple[PromiseEntry, ...]) -> SignedPromise:
        promise = Promise(self.chain_id, self.node, self.chain.time, entries)
        signature = self._transport.sign(promise.statement)
        return SignedPromise(promise, self._transport.public, signature)
