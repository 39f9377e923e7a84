"""The listening end: how many connections, for how long, and what non-HTTP gets.

Promise: of any number of connections at most `connections_max` are served; the others get one
short reply and are closed, and cost nothing after that. Whoever sends half a request is cut
after `idle_s`. Bytes that are no HTTP get a problem and leave no traceback in the log.
"""

import asyncio
from typing import Final, cast

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from hansa.errors import Rejected, Unavailable
from node.api.middleware import ApiMetrics
from node.api.problems import MEDIA_TYPE, problem_of, response_of

CONNECTIONS_MAX = 1_000
"""Served at once: some 20 KiB each before any body."""
FAREWELLS_MAX = 100
"""Refused connections that may linger so that the reply is read; beyond that they are cut."""
FAREWELL_SECONDS = 1.0
IDLE_SECONDS_MAX = 30
"""Silence before a request, or a request whose head does not end (slow-loris)."""
LINE_BYTES_MAX = 8 * 1024
HEADERS_MAX = 64
READ_BYTES = 32 * 1024
"""Read ahead for each connection; twice this may wait for a handler."""


class Door:
    """Counts the connections of one API."""

    def __init__(self, server: web.Server, metrics: ApiMetrics, most: int, idle_s: float) -> None:
        self.server: Final = server
        self.metrics: Final = metrics
        self.most: Final = most
        self.idle_s: Final = idle_s
        self.served = 0
        self.farewells = 0
        self.refusal: Final = _refusal(most)

    def __call__(self) -> "Connection":
        """A new connection's protocol."""
        return Connection(self)


class Connection(RequestHandler):
    """aiohttp's connection with a limit on how many there are and quiet errors."""

    __slots__ = ("_counted", "_door", "_refused")

    def __init__(self, door: Door) -> None:
        super().__init__(
            door.server,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=door.idle_s,
            access_log=None,  # type: ignore[arg-type]  # aiohttp takes None and says Logger
            max_line_size=LINE_BYTES_MAX,
            max_field_size=LINE_BYTES_MAX,
            max_headers=HEADERS_MAX,
            lingering_time=2.0,
            read_bufsize=READ_BYTES,
            auto_decompress=False,
        )
        self._door = door
        self._counted = False
        self._refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:  # type: ignore[explicit-override]  # typing.override: 3.12
        """Serve it, or say that there are too many and hang up."""
        door = self._door
        if door.served >= door.most:
            self._refused = True
            self._turn_away(transport)
            return
        door.served += 1
        self._counted = True
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:  # type: ignore[explicit-override]  # typing.override: 3.12
        """Give the place to another."""
        if self._refused:
            return
        if self._counted:
            self._counted = False
            self._door.served -= 1
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:  # type: ignore[explicit-override]  # typing.override: 3.12
        """Ignore what a refused connection still sends."""
        if not self._refused:
            super().data_received(data)

    def handle_error(  # type: ignore[explicit-override]  # typing.override: 3.12
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """A problem for bytes that are no HTTP; the log gets nothing, the counter one."""
        del exc, message
        if request.writer.output_size > 0:
            raise ConnectionError("a part of the reply is sent already")
        code = "api.http" if status < 500 else "api.fault"  # noqa: PLR2004
        self._door.metrics.problem(code)
        error = Rejected(code, "these bytes are no HTTP/1.1 request")
        response = response_of(problem_of(error))
        response.force_close()
        return response

    def _turn_away(self, transport: asyncio.BaseTransport) -> None:
        door = self._door
        door.metrics.refused_connection()
        transport = cast("asyncio.WriteTransport", transport)  # uvloop's has no such base class
        if door.farewells >= FAREWELLS_MAX:
            transport.abort()
            return
        door.farewells += 1
        transport.write(door.refusal)
        if transport.can_write_eof():
            transport.write_eof()
        asyncio.get_running_loop().call_later(FAREWELL_SECONDS, self._hang_up, transport)

    def _hang_up(self, transport: asyncio.WriteTransport) -> None:
        self._door.farewells -= 1
        transport.abort()


def _refusal(most: int) -> bytes:
    """The whole reply to a connection too many."""
    error = Unavailable(
        "api.connections", f"{most} connections are open already", "close idle ones, try again"
    )
    reply = response_of(problem_of(error))
    assert isinstance(reply.body, bytes)
    head = (
        "HTTP/1.1 503 Service Unavailable\r\n"
        f"Content-Type: {MEDIA_TYPE}\r\nContent-Length: {len(reply.body)}\r\n"
        "Retry-After: 1\r\nConnection: close\r\n\r\n"
    )
    return head.encode("ascii") + reply.body
