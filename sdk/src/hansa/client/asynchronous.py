"""The asynchronous client on aiohttp (``pip install 'hansa-sdk[client]'``)."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

import aiohttp
from yarl import URL

from hansa.client import calls
from hansa.client.calls import Ask
from hansa.client.events import (
    RECONNECT_S,
    SILENCE_S_MAX,
    Cursor,
    EventParser,
    LiveEvent,
    MemoryCursor,
)
from hansa.client.plain import WAIT_S, base_of, headers_of, not_final, unknown_fate
from hansa.client.types import (
    Blocks,
    BlockView,
    Consensus,
    Direction,
    Entries,
    Fate,
    Json,
    Peers,
    QueryReply,
    Readiness,
    ReceiptView,
    RecordView,
    StateView,
    Status,
    Submitted,
    SubmittedBatch,
    TransactionReply,
    Wait,
)
from hansa.errors import Rejected, Unavailable
from hansa.transaction import SignedTransaction

if TYPE_CHECKING:
    from hansa.client.acting import AsyncActing
    from hansa.client.outbox import Outbox
    from hansa.signing import SigningKey

T = TypeVar("T")

CONNECT_S = 5.0
"""A node that does not take a connection within this is asked another time."""
CONNECTIONS_MAX = 100
"""Open connections to the node, a tenth of what it serves."""


class AsyncClient:
    """Talks to one node. Use it in ``async with``: it owns its connections."""

    def __init__(
        self, base_url: str, *, token: str | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        """Name the node, ``http://127.0.0.1:8600`` (with or without ``/v1``); connects later.

        Raises:
            Rejected: ``client.url``.
        """
        self.base_url = base_of(base_url)
        self._headers = headers_of(token)
        self._tls: ssl.SSLContext | bool = True if tls is None else tls
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Make the pool of connections."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX, ssl=self._tls),
            headers=self._headers,
            auto_decompress=False,
        )
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close all connections."""
        assert self._session is not None
        await self._session.close()
        self._session = None

    async def submit(
        self, signed: SignedTransaction, wait: Wait = "none", timeout_s: float = WAIT_S
    ) -> Submitted:
        """Submit a transaction; the same bytes may be submitted again freely.

        Raises:
            Rejected: the node refuses it for good.
            Unavailable: try again later or elsewhere.
        """
        return await self._send(calls.submit(signed.raw, wait, timeout_s))

    async def submit_many(
        self, signed: Sequence[SignedTransaction], wait: Wait = "none", timeout_s: float = WAIT_S
    ) -> SubmittedBatch:
        """Submit up to 1,000 transactions; single refusals stand in the results."""
        raws = [transaction.raw for transaction in signed]
        return await self._send(calls.submit_many(raws, wait, timeout_s))

    async def resubmit(self, signed: SignedTransaction, within_s: float) -> Submitted:
        """Submit the same bytes until their fate is final or `within_s` has passed.

        Never executes twice: the chain takes each (sender, nonce) once. Only after a final
        ``expired`` may the intent be signed anew.

        Raises:
            Rejected: the node refuses it for good.
            Unavailable: nothing final within the time; it may still commit.
        """
        deadline = time.monotonic() + within_s
        while True:
            left = deadline - time.monotonic()
            try:
                reply = await self.submit(signed, "commit", max(0.0, min(left, WAIT_S)))
            except Unavailable:
                if left <= RECONNECT_S:
                    raise
                await asyncio.sleep(RECONNECT_S)
                continue
            if reply.fate is not None and reply.fate.final:
                return reply
            if left <= 0:
                raise not_final(reply)

    def acting(
        self,
        key: "SigningKey",
        cosigners: "Sequence[SigningKey]" = (),
        outbox: "Outbox | None" = None,
        within_s: float = 60.0,
    ) -> "AsyncActing":
        """Sign with `key`: ``node.acting(key).doc.register(id=..., digest=...)``.

        Each call is built, signed (by `cosigners`, too), kept in `outbox`, submitted and waited
        for, at most `within_s`; `do` carries out several calls in one transaction.
        """
        from hansa.client.acting import AsyncActing, Manner  # noqa: PLC0415 - only who signs pays for it

        return AsyncActing(self, Manner(key, tuple(cosigners), outbox, within_s))

    async def transaction(
        self, tx_id: bytes, wait: Wait = "none", timeout_s: float = WAIT_S
    ) -> TransactionReply:
        """What the node knows of a transaction.

        Raises:
            Rejected: ``tx.not-found``.
        """
        return await self._send(calls.transaction(tx_id, wait, timeout_s))

    async def fate(self, tx_id: bytes) -> Fate:
        """What became of a transaction; ``unknown`` when the node never heard of it."""
        return await self.wait(tx_id, 0)

    async def wait(self, tx_id: bytes, timeout_s: float = WAIT_S) -> Fate:
        """Its fate as soon as that is final, at the latest after `timeout_s`."""
        try:
            return (await self.transaction(tx_id, "commit", timeout_s)).fate
        except Rejected as error:
            return unknown_fate(error)

    async def receipt(self, tx_id: bytes) -> ReceiptView | None:
        """The receipt of a transaction, None before a block holds it."""
        return (await self.transaction(tx_id)).receipt

    async def status(self) -> Status:
        """The node's status."""
        return await self._send(calls.status())

    async def peers(self) -> Peers:
        """The other nodes."""
        return await self._send(calls.peers())

    async def consensus(self) -> Consensus:
        """Where the replica stands."""
        return await self._send(calls.consensus())

    async def ready(self) -> Readiness:
        """Whether the node serves, with every check."""
        return await self._send(calls.ready())

    async def block(self, height: int | None = None) -> BlockView:
        """A block; None: the last one."""
        return await self._send(calls.block(height))

    async def blocks(self, limit: int = 50, cursor: str | None = None) -> Blocks:
        """A page of blocks, newest first."""
        return await self._send(calls.blocks(limit, cursor))

    async def state(self, key: str) -> StateView:
        """The value under a state key."""
        return await self._send(calls.state(key))

    async def scan(self, prefix: str, limit: int = 50, cursor: str | None = None) -> Entries:
        """A page of state keys."""
        return await self._send(calls.scan(prefix, limit, cursor))

    async def record(self, contract: str, record_id: str) -> RecordView:
        """A record of a contract."""
        return await self._send(calls.record(contract, record_id))

    async def trace(
        self, identifier: str, direction: Direction = "both", depth: int = 16
    ) -> dict[str, Json]:
        """Events up and down from an identifier."""
        return await self._send(calls.trace(identifier, direction, depth))

    async def query(
        self, contract: str, name: str, args: Mapping[str, object] | None = None
    ) -> QueryReply:
        """Ask a contract a question about the head; ``contracts()`` lists all of them.

        `args` become JSON: digests and keys are hex texts. The answer is in ``result``.

        Raises:
            Rejected: a code of the contracts' refusals: ``MISSING``, ``SCHEMA``, ``LIMIT``, …
        """
        return await self._send(calls.query(contract, name, {} if args is None else args))

    async def proof_tx(self, tx_id: bytes) -> bytes:
        """The proof file of a transaction."""
        return await self._send(calls.proof_tx(tx_id))

    async def proof_state(self, key: str) -> bytes:
        """The proof file of a state key, present or absent."""
        return await self._send(calls.proof_state(key))

    async def trust(self) -> bytes:
        """The trust file."""
        return await self._send(calls.trust())

    async def contracts(self) -> dict[str, Json]:
        """Contracts and the schemas of their methods."""
        return await self._send(calls.contracts())

    async def events(
        self,
        types: Sequence[str] = ("block",),
        start: int | None = None,
        cursor: Cursor | None = None,
    ) -> AsyncIterator[LiveEvent]:
        """Events for ever, over reconnections; `cursor` moves when the next one is asked for.

        Raises:
            Rejected: the node refuses the stream.
            Unavailable: ``node.unreachable`` when the first connection fails.
        """
        kept = MemoryCursor() if cursor is None else cursor
        parser = EventParser()
        while True:
            try:
                async for event in self._stream(calls.events(types, start), kept, parser):
                    yield event
                    kept.store(event.id)
            except Unavailable:
                if parser.last_id is None:
                    raise
            parser = EventParser(parser.last_id)
            await asyncio.sleep(RECONNECT_S)

    async def _stream(
        self, target: str, cursor: Cursor, parser: EventParser
    ) -> AsyncIterator[LiveEvent]:
        last_id = cursor.load() or parser.last_id
        headers = {} if last_id is None else {"Last-Event-ID": last_id}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=SILENCE_S_MAX)
        try:
            async with self._open().get(
                self._url(target), headers=headers, timeout=timeout
            ) as response:
                if response.status != 200:  # noqa: PLR2004 - OK
                    kind, body = response.headers.get("Content-Type", ""), await response.read()
                    raise calls.error_of(response.status, kind, body)
                async for chunk in response.content.iter_any():
                    for event in parser.feed(chunk):
                        yield event
        except (aiohttp.ClientError, OSError) as error:
            raise calls.unreachable(self.base_url, _reason(error)) from error

    async def _send(self, ask: Ask[T]) -> T:
        headers = {} if ask.body is None else {"Content-Type": calls.MSGPACK}
        timeout = aiohttp.ClientTimeout(total=ask.timeout_s, sock_connect=CONNECT_S)
        try:
            async with self._open().request(
                ask.method, self._url(ask.target), data=ask.body, headers=headers, timeout=timeout
            ) as response:
                kind, body = response.headers.get("Content-Type", ""), await response.read()
        except (aiohttp.ClientError, OSError) as error:
            raise calls.unreachable(self.base_url, _reason(error)) from error
        return calls.read_reply(ask, response.status, kind, body)

    def _open(self) -> aiohttp.ClientSession:
        assert self._session is not None, "use AsyncClient in `async with`"
        return self._session

    def _url(self, target: str) -> URL:
        """The address as it is, already encoded: yarl must not touch a percent sign."""
        return URL(self.base_url + target, encoded=True)


def _reason(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    return text[:200]
