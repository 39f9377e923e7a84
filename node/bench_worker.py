"""One process of `hansa bench`: makes transactions, measures libsodium, loads nodes.

It is told what to do by JSON lines on standard input and answers each with one line on
standard output; when the input ends it ends. There is one for each core, so that a measurement
of libsodium uses them all. `python -m node.bench_worker`
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar, assert_never

import aiohttp
import msgspec
import nacl.bindings

from hansa.client import calls
from hansa.client.calls import Ask
from hansa.client.types import Fate, SubmittedBatch, TransactionReply
from hansa.errors import HansaError, Unavailable
from node.bench_load import LoadPlan, signed_messages, transactions
from node.clock import wall_ms

MESSAGES = 2_000
"""Different signatures that a verifier goes round: more than any cache of a core holds."""
CHUNK = 50
"""Signatures between two looks at the clock: 3 ms."""
RETRY_S = 0.1
"""Pause after a node said that it is full or busy."""
WAIT_S = 30.0
"""Longest wait for one commit; later it counts as lost."""
CONNECTIONS_MAX = 200

T = TypeVar("T")


class Make(msgspec.Struct, frozen=True, tag="make"):
    """Make `count` transactions from number `first` on, in batches of `batch`."""

    plan: LoadPlan
    first: int
    count: int
    batch: int


class Verify(msgspec.Struct, frozen=True, tag="verify"):
    """Verify signatures for `ms`."""

    ms: int


class Load(msgspec.Struct, frozen=True, tag="load"):
    """Load nodes for `seconds`, then wait until everything that was sent is final.

    Attributes:
        apis: addresses of the nodes.
        seconds: how long new batches are sent.
        window: batches in flight to each node.
        gap_ms: from one batch to the next, in all; 0: as soon as one is final.
    """

    apis: tuple[str, ...]
    seconds: float
    window: int
    gap_ms: float


Order = Make | Verify | Load


class Made(msgspec.Struct, frozen=True):
    """Transactions are ready: how many, and the bytes of all bodies."""

    count: int
    size: int


class Verified(msgspec.Struct, frozen=True):
    """Signatures verified in so many nanoseconds."""

    count: int
    ns: int


class Loaded(msgspec.Struct):
    """What became of a stretch of load.

    Attributes:
        started: wall time of the first batch, ms since 1970.
        stopped: wall time after which no batch was sent: the end, or when nothing was left.
        drained: wall time at which everything was final.
        sent: transactions sent.
        samples: (ms from `started` to the submission, µs from there to the receipt) of the last
            transaction of each batch.
        problems: how often which error code came, transactions or whole batches.
        exhausted: the transactions did not last.
        cpu_ms: processor time of this process.
    """

    started: int = 0
    stopped: int = 0
    drained: int = 0
    sent: int = 0
    samples: list[tuple[int, int]] = msgspec.field(default_factory=list)
    problems: dict[str, int] = msgspec.field(default_factory=dict)
    exhausted: bool = False
    cpu_ms: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """A request that is ready to be sent, and the id of its last transaction."""

    ask: Ask[SubmittedBatch]
    count: int
    last: bytes


class Worker:
    """Carries out orders."""

    def __init__(self) -> None:
        """Start with nothing made."""
        self._batches: list[Batch] = []
        self._messages: list[tuple[bytes, bytes]] = []

    def make(self, order: Make) -> Made:
        """Sign transactions; the first order also fixes what `verify` verifies."""
        if not self._messages:
            self._messages = signed_messages(order.plan, MESSAGES)
        end = order.first + order.count
        size = 0
        for first in range(order.first, end, order.batch):
            made = list(transactions(order.plan, first, min(order.batch, end - first)))
            ask = calls.submit_many([item.raw for item in made], "none", 0)
            self._batches.append(Batch(ask, len(made), made[-1].tx_id))
            size += len(ask.body or b"")
        self._batches.reverse()  # they are taken from the end
        return Made(order.count, size)

    def verify(self, order: Verify) -> Verified:
        """Verify the same signed bytes as the nodes, with nothing around libsodium."""
        opened, messages = nacl.bindings.crypto_sign_open, self._messages
        started = time.perf_counter_ns()
        end = started + order.ms * 1_000_000
        count = 0
        while time.perf_counter_ns() < end:
            at = count % MESSAGES
            for signed, key in messages[at : at + CHUNK]:
                opened(signed, key)
            count += CHUNK
        return Verified(count, time.perf_counter_ns() - started)

    async def load(self, order: Load) -> Loaded:
        """Send batches and follow the last transaction of each to its receipt."""
        cpu = time.process_time_ns()
        timeout = aiohttp.ClientTimeout(total=WAIT_S + calls.PATIENCE_S)
        connector = aiohttp.TCPConnector(limit=CONNECTIONS_MAX)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            stretch = _Stretch(session, self._batches, order)
            await stretch.run()
        stretch.found.drained = wall_ms()
        stretch.found.cpu_ms = (time.process_time_ns() - cpu) // 1_000_000
        return stretch.found


class _Stretch:
    """One order to load, while it is carried out."""

    def __init__(self, session: aiohttp.ClientSession, batches: list[Batch], order: Load) -> None:
        self._session = session
        self._batches = batches
        self._order = order
        self._zero = time.monotonic_ns()
        self._end = self._zero + int(order.seconds * 1_000_000_000)
        started = wall_ms()
        self.found = Loaded(started=started, stopped=started + int(order.seconds * 1_000))

    async def run(self) -> None:
        """Keep every lane busy until time is over and the lanes are empty."""
        async with asyncio.TaskGroup() as group:
            if self._order.gap_ms:
                await self._paced(group)
            else:
                for api in self._order.apis * self._order.window:
                    group.create_task(self._lane(api))

    async def _lane(self, api: str) -> None:
        """One batch in flight at a time."""
        for batch in self._take():
            await self._send(api, batch)

    async def _paced(self, group: asyncio.TaskGroup) -> None:
        """A batch each `gap_ms`, whether earlier ones are final or not."""
        apis, gap_ns = self._order.apis, int(self._order.gap_ms * 1_000_000)
        for number, batch in enumerate(self._take()):
            group.create_task(self._send(apis[number % len(apis)], batch))
            due = self._zero + (number + 1) * gap_ns
            await asyncio.sleep(max(due - time.monotonic_ns(), 0) / 1_000_000_000)

    def _take(self) -> Iterator[Batch]:
        while time.monotonic_ns() < self._end:
            if not self._batches:
                if not self.found.exhausted:
                    self.found.exhausted, self.found.stopped = True, wall_ms()
                return
            yield self._batches.pop()

    async def _send(self, api: str, batch: Batch) -> None:
        submitted = time.monotonic_ns()
        if not await self._submit(api, batch):
            return
        fate = await self._final(api, batch.last)
        if fate is None or fate.state != "committed":
            self._note("bench.lost" if fate is None else f"bench.{fate.state}")
            return
        took = time.monotonic_ns() - submitted
        self.found.samples.append(((submitted - self._zero) // 1_000_000, took // 1_000))

    async def _submit(self, api: str, batch: Batch) -> bool:
        """Whether the node took the batch's last transaction. A full node is asked again."""
        self.found.sent += batch.count
        while True:
            try:
                reply = await self._ask(api, batch.ask)
            except (Unavailable, aiohttp.ClientError, TimeoutError) as error:
                self._note(error.code if isinstance(error, HansaError) else "node.unreachable")
                if time.monotonic_ns() > self._end:
                    return False
                await asyncio.sleep(RETRY_S)
                continue
            problems = [result.problem for result in reply.results]
            for problem in problems:
                if problem is not None:
                    self._note(problem.code)
            if not any(p is not None and p.status in calls.TRY_LATER for p in problems):
                return problems[-1] is None
            if time.monotonic_ns() > self._end:
                return problems[-1] is None
            await asyncio.sleep(RETRY_S)

    async def _final(self, api: str, tx_id: bytes) -> Fate | None:
        """The fate of a transaction when its receipt is there; None when it did not come."""
        try:
            reply: TransactionReply = await self._ask(
                api, calls.transaction(tx_id, "commit", WAIT_S)
            )
        except (HansaError, aiohttp.ClientError, TimeoutError):
            return None
        return reply.fate if reply.fate.final else None

    async def _ask(self, api: str, ask: Ask[T]) -> T:
        headers = {"Content-Type": calls.MSGPACK} if ask.body is not None else {}
        async with self._session.request(
            ask.method, api + ask.target, data=ask.body, headers=headers
        ) as response:
            kind, body = response.headers.get("Content-Type", ""), await response.read()
        return calls.read_reply(ask, response.status, kind, body)

    def _note(self, code: str) -> None:
        self.found.problems[code] = self.found.problems.get(code, 0) + 1


def main() -> None:
    """Carry out orders until there are no more."""
    worker = Worker()
    decoder = msgspec.json.Decoder(Order)
    for line in sys.stdin.buffer:
        answer = _carry_out(worker, decoder.decode(line))
        sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
        sys.stdout.buffer.flush()


def _carry_out(worker: Worker, order: Order) -> Made | Verified | Loaded:
    match order:
        case Make():
            return worker.make(order)
        case Verify():
            return worker.verify(order)
        case Load():
            return asyncio.run(worker.load(order))
        case _:
            assert_never(order)


if __name__ == "__main__":
    main()
