"""Turns the driver: the one task that owns it, the ledger thread's task, the verifier's task.

Everyone else hands in events and waits for futures. The loop never blocks: syncs run in
a thread of their own, execution in the ledger thread.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from consensus.io import Asked, Tick
from hansa.errors import Unavailable
from node.admission import Answer, Screening
from node.assemble import Node
from node.clock import ProcessedClock, wall_ms
from node.events import Effects, Event, PeerDown, PeerMessage, PeerUp, Verified
from node.jobs import Job
from node.lane import CLIENT
from node.metrics import Metrics
from node.verifier import Verifier
from p2p.mesh import Mesh

T = TypeVar("T")

VERIFY_QUEUE_MAX = 1_000
"""Batches that wait for the verifier; beyond it clients are asked to come again. What peers
pass on is bounded by the mempool's own limit of transactions that are being verified."""
JOBS_MAX = 64
"""Jobs that wait for the ledger thread: the core has at most a few in flight."""

Observer = Callable[[Effects], None]
"""Hears the effects of each turn, after they were carried out."""


class NodeLoop:
    """Owner of a node's driver."""

    def __init__(
        self,
        node: Node,
        clock: ProcessedClock,
        verifier: Verifier,
        ledger_pool: ThreadPoolExecutor,
        metrics: Metrics,
    ) -> None:
        """Take over an assembled node; `mesh` is set before `start`."""
        self.driver = node.driver
        self.worker = node.worker
        self.genesis = node.genesis
        self.stopping = False
        self.mesh: Mesh | None = None
        self.observers: list[Observer] = []
        self.lag_ms = 0
        self._clock = clock
        self._verifier = verifier
        self._pool = ledger_pool
        self._metrics = metrics
        self._sync_pool = ThreadPoolExecutor(3, thread_name_prefix="sync")
        self._jobs: asyncio.Queue[Job] = asyncio.Queue(JOBS_MAX)
        self._verify: asyncio.Queue[tuple[Screening, int | None]] = asyncio.Queue()
        self._wake = asyncio.Event()
        self._wake_at: int | None = clock.now()
        self._tickets: dict[int, asyncio.Future[list[Answer]]] = {}
        self._next_ticket = 0
        self._diverged = False

    def start(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """Start the tasks in the caller's group."""
        return [
            group.create_task(self._guarded(self._turn_for_ever())),
            group.create_task(self._guarded(self._work_for_ever())),
            group.create_task(self._guarded(self._verify_for_ever())),
        ]

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        finally:
            self.stopping = True

    def now(self) -> int:
        """Processed milliseconds."""
        return self._clock.now()

    # -- what others hand in -----------------------------------------------------------------

    def feed(self, event: Event) -> None:
        """Queue an event and wake the loop."""
        self.driver.feed(event)
        self._wake.set()

    def on_frame(self, peer: str, kind: int, payload: bytes) -> None:
        """A message of a connected peer."""
        self.feed(PeerMessage(peer, kind, payload))

    def on_peer(self, peer: str, up: bool) -> None:  # noqa: FBT001 - the mesh's signature
        """A peer came or went."""
        self.feed(PeerUp(peer) if up else PeerDown(peer))

    def ask_fresh(self) -> None:
        """Somebody wants a freshness certificate."""
        self.feed(Asked())

    async def submit(self, raws: Sequence[bytes]) -> list[Answer]:
        """Screen, verify, journal; the answers come when the journal is durable.

        Raises:
            Unavailable: ``node.stopping`` or ``node.busy``.
        """
        if self.stopping:
            raise Unavailable("node.stopping", "this node is stopping", "ask another node")
        if self._verify.qsize() >= VERIFY_QUEUE_MAX:
            raise Unavailable("node.busy", f"{VERIFY_QUEUE_MAX} batches wait", "try again in 1 s")
        screening = self.driver.screen(list(raws), CLIENT, wall_ms())
        self._next_ticket += 1
        ticket = self._next_ticket
        future: asyncio.Future[list[Answer]] = asyncio.get_running_loop().create_future()
        self._tickets[ticket] = future
        if screening.unverified:
            self._verify.put_nowait((screening, ticket))
        else:
            self.feed(Verified(screening, (), ticket))
        return await future

    async def in_ledger(self, function: Callable[[], T]) -> T:
        """Run a question to the ledger in its own thread."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, function)

    # -- the three tasks -----------------------------------------------------------------------

    async def _turn_for_ever(self) -> None:
        """Turn whenever there is something to do or a deadline has come."""
        running = asyncio.get_running_loop()
        try:
            while True:
                await self._wait()
                now = self._clock.now()
                if self._wake_at is not None and now >= self._wake_at:
                    self.driver.feed(Tick())
                while self.driver.has_work:
                    if self.driver.begin(self._clock.now(), wall_ms()):
                        began = running.time()
                        await asyncio.gather(
                            *(
                                running.run_in_executor(self._sync_pool, sync)
                                for sync in self.driver.syncs()
                            )
                        )
                        self._metrics.wal_sync(running.time() - began)
                    self._carry_out(self.driver.finish())
        finally:
            self._sync_pool.shutdown()

    async def _wait(self) -> None:
        due = self._wake_at
        if not self.driver.has_work:
            timeout = None if due is None else max(due - self._clock.now(), 0) / 1000
            try:
                async with asyncio.timeout(timeout):
                    await self._wake.wait()
            except TimeoutError:
                self.lag_ms = self._clock.woke(due)
        self._wake.clear()

    def _carry_out(self, effects: Effects) -> None:
        """Send, execute, answer, tell: everything that rests on it is durable."""
        mesh = self.mesh
        assert mesh is not None
        for send in effects.sends:
            if send.peer is None:
                mesh.broadcast(send.kind, send.message)
            else:
                mesh.send(send.peer, send.kind, send.message)
        for job in effects.jobs:
            self._jobs.put_nowait(job)
        for screening in effects.verify:
            self._verify.put_nowait((screening, None))
        for ticket, answers in effects.answers:
            future = self._tickets.pop(ticket, None)
            if future is not None and not future.done():
                future.set_result(answers)
        for peer, reason in effects.penalise:
            mesh.penalise(peer, reason)
        self._diverged = self._diverged or effects.diverged
        self._wake_at = effects.wake_at
        for observer in self.observers:
            observer(effects)

    async def _work_for_ever(self) -> None:
        """Hand jobs to the ledger thread, one after the other."""
        running = asyncio.get_running_loop()
        while True:
            job = await self._jobs.get()
            self.feed(await running.run_in_executor(self._pool, self.worker.do, job))

    async def _verify_for_ever(self) -> None:
        """Check signatures of all batches that wait, together."""
        while True:
            batches = [await self._verify.get()]
            while not self._verify.empty():
                batches.append(self._verify.get_nowait())
            transactions = [item for screening, _ in batches for item in screening.unverified]
            began = asyncio.get_running_loop().time()
            verdicts = await self._verifier.verify_batch(transactions)
            signatures = sum(len(item.signatures) for item in transactions)
            self._metrics.verified(asyncio.get_running_loop().time() - began, signatures)
            start = 0
            for screening, ticket in batches:
                end = start + len(screening.unverified)
                self.feed(Verified(screening, tuple(verdicts[start:end]), ticket))
                start = end
