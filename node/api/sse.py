"""Live blocks and transactions as server-sent events (docs/spec/api.md, section 7).

A stream is a walk along the stored chain, not a queue: nothing is kept for a reader, so a slow
one costs no memory, and whoever comes back with the last id it saw misses nothing and sees
nothing twice. A reader that does not take what it is sent is told why, if it still can be, and
dropped.
"""

import asyncio
import re
from collections.abc import Iterator

import msgspec
from aiohttp import HttpVersion11, web

from hansa.client.types import BlockSummary, TxSummary
from hansa.errors import Unavailable
from node.api.closing import Closing
from node.api.parameters import natural, refuse_unknown
from node.api.ports import NodePort, StoredBlock
from node.api.problems import bad_parameter
from node.api.routing import Parameter, Route
from node.api.views import summary_of, tx_summaries

SUBSCRIBERS_MAX = 200
"""Streams at once: a fifth of all connections, so that streams never starve requests."""
STALL_SECONDS_MAX = 10
"""How long one block's events may wait for the reader before it is dropped."""
LAST_WORD_SECONDS = 1
"""How long a dropped reader may still take the reason."""
HEARTBEAT_SECONDS = 15
"""A comment line this often keeps proxies from cutting an idle stream."""
TYPES = ("block", "tx")

_ENCODER = msgspec.json.Encoder()
_EVENT_ID = re.compile(r"^([0-9]{1,18})(?:\.([0-9]{1,6}))?$")
BLOCK_INDEX = -1
"""Where a block's own event stands: before those of its transactions."""
BEFORE_BLOCK = BLOCK_INDEX - 1
INDEX_MAX = 999_999
"""Stands behind every transaction of a block."""


class Events:
    """Serves ``/v1/events`` to a bounded number of readers."""

    def __init__(self, port: NodePort, closing: Closing, subscribers_max: int) -> None:
        self._port = port
        self._closing = closing
        self._subscribers_max = subscribers_max
        self.subscribers = 0

    def routes(self) -> tuple[Route, ...]:
        """The one route."""
        return (
            Route(
                "GET",
                "/v1/events",
                self.stream,
                "read",
                "Blocks and transactions as they are committed (server-sent events).",
                {200: "text/event-stream"},
                (
                    Parameter("types", "query", {"type": "string"}, "block, tx or both: block,tx"),
                    Parameter("from", "query", {"type": "integer"}, "the first height"),
                ),
            ),
        )

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Send events until the reader leaves, stalls, or the node stops."""
        refuse_unknown(request, frozenset({"types", "from"}))
        types = _types(request)
        position = self._start(request)
        if self.subscribers >= self._subscribers_max:
            raise Unavailable(
                "api.subscribers", f"{self.subscribers} streams are open", "ask another node"
            )
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream",
                "Cache-Control": "no-store",
                "X-Accel-Buffering": "no",
            }
        )
        self.subscribers += 1
        try:
            await response.prepare(request)
            # The id of where it begins: whoever is cut off before the first event can resume.
            await _send(request, response, f"retry: 1000\nid: {_id_of(*position)}\n\n".encode())
            await self._walk(request, response, position, types)
        except ConnectionError:
            pass  # the reader left or was dropped; nothing is owed to it
        finally:
            self.subscribers -= 1
        return response

    async def _walk(
        self,
        request: web.Request,
        response: web.StreamResponse,
        position: tuple[int, int],
        types: frozenset[str],
    ) -> None:
        """Send every event after `position`, then wait for the next block, until the node stops."""
        height, index = position
        while not self._closing.closed:
            if self._port.height < height:
                head = await self._closing.until(self._port.reached(height, HEARTBEAT_SECONDS))
                if head is not None and head < height:
                    await _send(request, response, b": idle\n\n")
                continue
            stored = await self._port.block(height)
            if stored is None:
                await _send(request, response, _frame("closed", "", {"code": "events.pruned"}))
                return
            frames = b"".join(_frames(stored, index, types))
            if frames:
                await _send(request, response, frames)
            height, index = height + 1, BEFORE_BLOCK
        await _send(request, response, _frame("closed", "", {"code": "node.stopping"}))

    def _start(self, request: web.Request) -> tuple[int, int]:
        """The position after which events are sent: (height, index)."""
        last = request.headers.get("Last-Event-ID", "")
        if last:
            match = _EVENT_ID.match(last)
            if match is None:
                raise bad_parameter("Last-Event-ID", last, "an id of this stream is wanted")
            height, index = int(match[1]), int(match[2]) if match[2] else BLOCK_INDEX
            return (height, index) if height >= 1 else (1, BEFORE_BLOCK)
        text = request.query.get("from")
        height = self._port.height + 1 if text is None else natural("from", text)
        return max(height, 1), BEFORE_BLOCK


def _types(request: web.Request) -> frozenset[str]:
    text = request.query.get("types", "block")
    types = frozenset(text.split(","))
    if not types <= frozenset(TYPES):
        raise bad_parameter("types", text, "block, tx or block,tx is wanted")
    return types


def _frames(stored: StoredBlock, after: int, types: frozenset[str]) -> Iterator[bytes]:
    """The events of a block whose index is above `after`."""
    header = stored.block.header
    if "block" in types and after < BLOCK_INDEX:
        summary = summary_of(header, len(stored.block.transactions))
        yield _frame("block", str(header.height), summary)
    if "tx" in types:
        for tx in tx_summaries(stored)[max(after + 1, 0) :]:
            yield _frame("tx", f"{tx.height}.{tx.index}", tx)


def _frame(event: str, event_id: str, shape: BlockSummary | TxSummary | dict[str, str]) -> bytes:
    head = f"id: {event_id}\n" if event_id else ""
    return f"event: {event}\n{head}data: ".encode() + _ENCODER.encode(shape) + b"\n\n"


def _id_of(height: int, index: int) -> str:
    """The id that stands for a position: events after it come next."""
    if index == BEFORE_BLOCK:
        return f"{height - 1}.{INDEX_MAX}"
    return str(height) if index == BLOCK_INDEX else f"{height}.{index}"


async def _send(request: web.Request, response: web.StreamResponse, frames: bytes) -> None:
    """Write and wait until the reader takes it.

    Raises:
        ConnectionError: the reader is gone, or took nothing for `STALL_SECONDS_MAX`.
    """
    transport = request.transport
    if transport is None:
        raise ConnectionResetError("the reader left")
    stalled = False

    def give_up() -> None:
        nonlocal stalled
        stalled = True
        _drop(transport, chunked=request.version >= HttpVersion11)

    # No timeout around the writing: aiohttp's writer does not outlive being cancelled.
    timer = asyncio.get_running_loop().call_later(STALL_SECONDS_MAX, give_up)
    try:
        await response.write(frames)
        await request.writer.drain()
    finally:
        timer.cancel()
    if stalled:
        raise ConnectionResetError("the reader was too slow")


def _drop(transport: asyncio.Transport, *, chunked: bool) -> None:
    """Say why, should the reader take it within a last moment, and cut the connection."""
    frame = _frame(
        "dropped", "", {"code": "events.slow-reader", "hint": "come back with Last-Event-ID"}
    )
    transport.write(b"%x\r\n%b\r\n" % (len(frame), frame) if chunked else frame)
    asyncio.get_running_loop().call_later(LAST_WORD_SECONDS, transport.abort)
