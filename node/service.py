"""What the API asks, answered: the node as its `NodePort`."""

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Literal

import msgspec

from hansa.block import Header, hash_of_raw
from hansa.certificate import Certificate, FreshCertificate
from hansa.client.promise import Promise, PromiseEntry, SignedPromise
from hansa.client.types import (
    Check,
    Consensus,
    Direction,
    Fate,
    FateState,
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
from hansa.receipt import Receipt, decode_receipt
from hansa.signing import SigningKey
from ledger.contracts.trace_walk import trace_walk
from ledger.execution import Ledger
from node import VERSION
from node.admission import Accepted, Answer
from node.api.ports import Admission, Known, Result, StateAt, StoredBlock
from node.assemble import stored_fate
from node.clock import wall_ms
from node.config import Config
from node.events import Effects
from node.fate import Fate as LocalFate
from node.jobs import Committed
from node.loop import NodeLoop
from node.metrics import Metrics
from node.proofs import state_proof, transaction_proof, trust_file
from node.questions import answer_query
from node.roster import Roster
from p2p.mesh import Mesh

_STATES: dict[str, FateState] = {
    "pending": "pending",
    "committed": "committed",
    "refused": "refused",
    "expired": "expired",
    "evicted": "evicted",
}
FRESH_WAIT_S = 0.4
"""A proof of an idle head waits so long for a fresh word of the validators."""
FRESH_ENOUGH_MS = 1_000
DISK_FREE_BYTES_MIN = 256 * 1024 * 1024
"""Below it the node is not ready: a few blocks more and it must stop."""


class NodeService:
    """Answers for one running node; every method runs in the event loop."""

    def __init__(  # noqa: PLR0913, PLR0917 - the parts that it speaks for
        self,
        loop: NodeLoop,
        mesh: Mesh,
        roster: Roster,
        transport: SigningKey,
        config: Config,
        home: Path,
        metrics: Metrics,
    ) -> None:
        """Begin to listen to the loop."""
        self._loop = loop
        self._mesh = mesh
        self._roster = roster
        self._transport = transport
        self._config = config
        self._home = home
        self._metrics = metrics
        self._ledger = loop.worker.ledger
        self._head: Header = self._ledger.head
        self._heights: list[tuple[int, asyncio.Future[None]]] = []
        self._waiting: dict[bytes, list[asyncio.Future[None]]] = {}
        self._last_block_ms: int | None = None
        self._fresh: FreshCertificate | None = None
        self._freshened = asyncio.Event()
        loop.observers.append(self._observe)

    # -- identity ------------------------------------------------------------------------------

    @property
    def chain_id(self) -> str:
        """The chain's name."""
        return self._head.chain_id

    @property
    def node(self) -> str:
        """The node's own name."""
        return self._config.node.name

    @property
    def height(self) -> int:
        """The height of the head."""
        return self._head.height

    # -- transactions --------------------------------------------------------------------------

    async def submit(self, raws: Sequence[bytes]) -> Admission:
        """Take a batch; the answers come when the journal is durable."""
        answers = await self._loop.submit(raws)
        results = tuple(_result(answer, raw) for answer, raw in zip(answers, raws, strict=True))
        taken = tuple(result for result in results if isinstance(result, PromiseEntry))
        if not taken:
            return Admission(results, None)
        promise = Promise(self.chain_id, self.node, wall_ms(), taken)
        signature = self._transport.sign(promise.statement)
        return Admission(results, SignedPromise(promise, self._transport.public, signature))

    async def fates(self, tx_ids: Sequence[bytes]) -> list[Fate]:
        """What became of transactions."""
        return [self._fate(tx_id) for tx_id in tx_ids]

    async def wait(self, tx_ids: Sequence[bytes], timeout_s: float) -> list[Fate]:
        """The same, as soon as none is pending or time is over."""
        futures = []
        for tx_id in tx_ids:
            if self._fate(tx_id).state == "pending":
                future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._waiting.setdefault(tx_id, []).append(future)
                futures.append((tx_id, future))
        if futures:
            await asyncio.wait([future for _, future in futures], timeout=timeout_s)
            for tx_id, future in futures:
                if not future.done():
                    future.cancel()
                    self._forget(tx_id, future)
        return await self.fates(tx_ids)

    async def receipt(self, tx_id: bytes) -> Receipt | None:
        """The receipt that a transaction left."""
        packed = self._ledger.receipt(tx_id)
        return None if packed is None else decode_receipt(packed)

    async def transaction(self, tx_id: bytes) -> bytes | None:
        """The bytes of a transaction, pending or committed."""
        pending = self._loop.driver.mempool.by_id(tx_id)
        if pending is not None:
            return pending.raw
        found = self._ledger.location(tx_id)
        block = None if found is None else self._ledger.block(found[0])
        return None if block is None or found is None else block.transactions[found[1]]

    # -- the chain -----------------------------------------------------------------------------

    async def header(self, height: int) -> Header | None:
        """The header at a height."""
        return self._ledger.header(height)

    async def block(self, height: int) -> StoredBlock | None:
        """The block at a height and what belongs to it."""
        return await self._loop.in_ledger(lambda: _stored_block(self._ledger, height))

    async def reached(self, height: int, timeout_s: float) -> int:
        """Wait until the head is at `height`, or time is over; then its height."""
        if self._head.height < height:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._heights.append((height, future))
            await asyncio.wait([future], timeout=timeout_s)
            self._heights = [entry for entry in self._heights if entry[1] is not future]
        return self._head.height

    async def state(self, key: bytes) -> StateAt:
        """The value under a state key at the head."""
        return await self._loop.in_ledger(
            lambda: StateAt(self._ledger.head.height, self._ledger.get_state(key))
        )

    async def scan(self, prefix: bytes, after: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """Keys with a prefix that stand after another, in order."""
        return await self._loop.in_ledger(lambda: _page(self._ledger, prefix, after, limit))

    async def trace(self, identifier: str, direction: Direction, depth: int) -> Mapping[str, Json]:
        """Events up and down from an identifier."""
        walked = await self._loop.in_ledger(
            lambda: trace_walk(self._ledger.get_state, identifier, direction, depth)
        )
        if walked is None:
            raise Rejected(
                "trace.not-found",
                f"the chain knows nothing of {identifier}",
                "give an EPC, a lot or an event id that was captured",
            )
        return msgspec.convert(walked.fields(), dict[str, Json])

    async def query(self, contract: str, name: str, arguments: bytes) -> QueryReply:
        """What a contract answers to a question about the head."""
        return await self._loop.in_ledger(
            lambda: answer_query(self._ledger, contract, name, arguments)
        )

    # -- proofs --------------------------------------------------------------------------------

    async def proof_tx(self, tx_id: bytes) -> bytes:
        """The proof file of a transaction."""
        if self._fate(tx_id).state == "pending":
            raise Rejected("tx.pending", "it is in no block yet", "wait for it: --wait")
        await self._refresh()
        fresh = self._loop.driver.replica.freshness
        return await self._loop.in_ledger(lambda: transaction_proof(self._ledger, tx_id, fresh))

    async def proof_state(self, key: bytes) -> bytes:
        """The proof file of a key's presence or absence."""
        await self._refresh()
        fresh = self._loop.driver.replica.freshness
        text = key.decode()
        return await self._loop.in_ledger(lambda: state_proof(self._ledger, text, fresh))

    async def trust(self) -> bytes:
        """The trust file."""
        return await self._loop.in_ledger(lambda: trust_file(self._ledger))

    async def _refresh(self) -> None:
        """Ask for a fresh word about the head, unless there is one."""
        fresh = self._loop.driver.replica.freshness
        if fresh is not None and wall_ms() - fresh.time < FRESH_ENOUGH_MS:
            return
        self._freshened.clear()
        self._loop.ask_fresh()
        try:
            async with asyncio.timeout(FRESH_WAIT_S):
                await self._freshened.wait()
        except TimeoutError:
            return

    # -- the node ------------------------------------------------------------------------------

    def status(self) -> Status:
        """What the node says of itself."""
        replica, mempool = self._loop.driver.replica, self._loop.driver.mempool
        head, fresh = self._head, replica.freshness
        quorum = self._quorum()
        sync = self._loop.driver.sync_machine
        oldest = mempool.oldest_ms
        live = set(self._validators_up())
        return Status(
            node=self.node,
            member=self._config.node.member,
            role=self._roster.role_of(self.node),
            chain_id=self.chain_id,
            version=VERSION,
            height=head.height,
            block_hash=head.hash.hex(),
            block_time=head.time,
            state_root=head.state_root.hex(),
            log_size=head.log_size,
            epoch=head.epoch,
            view=replica.state.view,
            phase=replica.phase,
            primary=replica.facts.validators.validators[replica.primary()].name,
            peers=len(self._mesh.peers()),
            syncing=sync.lagging,
            quorum=quorum,
            pending=Pending(
                count=len(mempool),
                size_bytes=mempool.bytes_count,
                oldest_s=0 if oldest is None else max(self._loop.now() - oldest, 0) // 1000,
            ),
            validators=tuple(
                ValidatorView(
                    name=validator.name,
                    member=validator.member,
                    reachable=validator.name in live,
                    key=public_key_text(validator.key),
                )
                for validator in replica.facts.validators.validators
            ),
            state=self._state(quorum, syncing=sync.lagging),
            sync_target=sync.target if sync.lagging else None,
            fresh_at=None if fresh is None else fresh.time,
            diverged=replica.diverged,
            disk_free_bytes=self._disk_free(),
            development_keys=self._config.node.dev,
            time=wall_ms(),
        )

    def peers(self) -> tuple[Peer, ...]:
        """All peers that are known or connected."""
        connected = {view.name: view for view in self._mesh.peers()}
        found = []
        for name in sorted({*self._roster.nodes, *connected} - {self.node}):
            view = connected.get(name)
            known = self._roster.nodes.get(name)
            found.append(
                Peer(
                    name=name,
                    member=self._roster.member_of(name),
                    role=self._roster.role_of(name),
                    address=view.address if view else (known.address if known else ""),
                    direction=_direction(view.direction if view else ""),
                    connected=view is not None,
                    version=view.software if view else "",
                )
            )
        return tuple(found)

    def consensus(self) -> Consensus:
        """Where the replica stands."""
        replica = self._loop.driver.replica
        names = [validator.name for validator in replica.facts.validators.validators]
        return Consensus(
            height=replica.height,
            view=replica.state.view,
            phase=replica.phase,
            primary=names[replica.primary()],
            epoch=replica.facts.epoch,
            prepares=tuple(names[i] for i in replica.voters(2)),
            commits=tuple(names[i] for i in replica.voters(3)),
            view_changes=tuple(names[i] for i in sorted(replica.state.changes)),
        )

    def metrics(self) -> bytes:
        """The metrics in Prometheus' text form."""
        mempool, replica = self._loop.driver.mempool, self._loop.driver.replica
        quorum = self._quorum()
        metrics = self._metrics
        metrics.mempool(transactions=len(mempool), size=mempool.bytes_count)
        metrics.view(replica.state.view)
        metrics.validators(total=quorum.validators, missing=quorum.validators - quorum.live)
        views = self._mesh.peers()
        inbound = sum(view.direction == "in" for view in views)
        metrics.peers(inbound=inbound, outbound=len(views) - inbound)
        metrics.loop_lag(self._loop.lag_ms / 1000)
        metrics.p2p(self._mesh.counters)
        worker = self._loop.worker
        syncs = self._loop.driver.durable.syncs_done + worker.writes
        metrics.storage(syncs=syncs, keys=worker.keys_written)
        return metrics.exposition()

    def live(self) -> bool:
        """Whether the node's tasks still turn."""
        return not self._loop.stopping

    def ready(self) -> tuple[Check, ...]:
        """Every condition of readiness."""
        quorum = self._quorum()
        sync = self._loop.driver.sync_machine
        free = self._disk_free()
        diverged = self._loop.driver.replica.diverged
        return (
            Check(name="synced", ok=not sync.lagging, detail=f"height {self.height}"),
            Check(
                name="quorum",
                ok=quorum.reached,
                detail=f"{quorum.live} of {quorum.validators} validators, {quorum.need} needed",
            ),
            Check(name="disk", ok=free >= DISK_FREE_BYTES_MIN, detail=f"{free} bytes free"),
            Check(name="agreement", ok=not diverged, detail="diverged" if diverged else "equal"),
        )

    # -- inside --------------------------------------------------------------------------------

    def _observe(self, effects: Effects) -> None:
        for committed in effects.committed:
            self._on_committed(committed)
        fresh = self._loop.driver.replica.freshness
        if fresh is not self._fresh:
            self._fresh = fresh
            self._freshened.set()
        for tx_id, _ in effects.ended:
            self._tell(tx_id)

    def _on_committed(self, committed: Committed) -> None:
        self._head = committed.header
        for outcome in committed.receipts:
            self._tell(outcome.tx_id)
        if len(committed.receipts) < 8:  # noqa: PLR2004 - an idle chain, where nodes may join
            self._roster.refresh()
        now = wall_ms()
        self._metrics.committed(
            height=committed.header.height,
            transactions=len(committed.receipts),
            time_s=committed.header.time / 1000,
            interval_s=None if self._last_block_ms is None else (now - self._last_block_ms) / 1000,
        )
        self._last_block_ms = now
        for height, future in self._heights:
            if height <= self._head.height and not future.done():
                future.set_result(None)

    def _tell(self, tx_id: bytes) -> None:
        for future in self._waiting.pop(tx_id, ()):
            if not future.done():
                future.set_result(None)

    def _forget(self, tx_id: bytes, future: asyncio.Future[None]) -> None:
        waiting = self._waiting.get(tx_id)
        if waiting is not None and future in waiting:
            waiting.remove(future)
            if not waiting:
                del self._waiting[tx_id]

    def _fate(self, tx_id: bytes) -> Fate:
        known: LocalFate | None = self._loop.driver.mempool.fate(tx_id)
        if known is None:
            known = stored_fate(self._ledger, tx_id)
        if known is None:
            return Fate(state="unknown")
        return _shown(known)

    def _validators_up(self) -> list[str]:
        connected = {view.name for view in self._mesh.peers()} | {self.node}
        validators = self._loop.driver.replica.facts.validators.validators
        return [validator.name for validator in validators if validator.name in connected]

    def _quorum(self) -> Quorum:
        validators = self._loop.driver.replica.facts.validators
        up = set(self._validators_up())
        return Quorum(
            validators=validators.size,
            need=validators.quorum,
            live=len(up),
            missing=tuple(item.member for item in validators.validators if item.name not in up),
        )

    def _state(self, quorum: Quorum, *, syncing: bool) -> str:
        replica = self._loop.driver.replica
        if replica.diverged:
            return "diverged"
        if syncing:
            return "syncing"
        if not quorum.reached:
            return "no quorum"
        if replica.me is not None and not replica.may_sign:
            return "abstains"
        return "ok"

    def _disk_free(self) -> int:
        return shutil.disk_usage(self._home).free


def _direction(text: str) -> Literal["in", "out", "none"]:
    return "in" if text == "in" else "out" if text == "out" else "none"


def _result(answer: Answer, raw: bytes) -> Result:
    """A taken transaction, an intent that has come to its end before, or why not taken."""
    if isinstance(answer, HansaError):
        return answer
    if isinstance(answer, Accepted):
        return PromiseEntry(answer.tx_id, answer.tx_hash, answer.expires_at)
    return Known(answer.tx_id, hash_of_raw(raw), _shown(answer.fate))


def _shown(fate: LocalFate) -> Fate:
    """A fate as the API has it: a code where a block holds it, else a reason."""
    in_block = fate.height is not None
    return Fate(
        state=_STATES[fate.word],
        code=fate.reason if in_block else "",
        height=fate.height,
        index=fate.index,
        reason="" if in_block else fate.reason,
    )


def _stored_block(ledger: Ledger, height: int) -> StoredBlock | None:
    """The block at a height and what belongs to it; None where there is none."""
    block = ledger.block(height)
    validators = ledger.validators_at(height)
    if block is None or validators is None:
        return None
    receipts = tuple(decode_receipt(packed) for packed in ledger.receipts(height))
    certificate: Certificate | None = ledger.certificate(height)
    return StoredBlock(block, certificate, validators, receipts)


def _page(ledger: Ledger, prefix: bytes, after: bytes, limit: int) -> list[tuple[bytes, bytes]]:
    """At most `limit` keys with a prefix that stand after another, in order."""
    found = ((key, value) for key, value in ledger.scan_state(prefix) if key > after)
    return list(islice(found, limit))
