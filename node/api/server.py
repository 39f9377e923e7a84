"""The API as a whole: listens, serves, stops in order (docs/spec/api.md).

``async with ApiServer(port, settings)`` listens inside the block and is silent after it.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from types import TracebackType
from typing import Self

from aiohttp import web

from hansa.errors import Rejected, Unavailable
from node.api.access import Access, Token
from node.api.bodies import BATCH_BODY_BYTES_MAX
from node.api.closing import Closing
from node.api.door import CONNECTIONS_MAX, IDLE_SECONDS_MAX, Door
from node.api.middleware import ApiMetrics, guard
from node.api.openapi import openapi
from node.api.ports import NodePort
from node.api.replies import JSON, json_reply
from node.api.routes_node import NodeRoutes
from node.api.routes_query import QueryRoutes
from node.api.routes_read import ReadRoutes
from node.api.routes_submit import SubmitRoutes
from node.api.routing import Route, Scope
from node.api.sse import SUBSCRIBERS_MAX, Events

SHUTDOWN_SECONDS = 5.0
"""How long running requests may finish when the node stops."""
BACKLOG = 1_024
"""Connections that wait to be accepted: a crowd that comes at once is answered, not lost."""
RATE_BEYOND_LOOPBACK = 500
"""Calls a second and caller beyond loopback; batches carry 1,000 transactions each."""
ALL_SCOPES: frozenset[Scope] = frozenset({"read", "submit", "vault"})
NOBODY: frozenset[Scope] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """Where and how the API listens.

    Attributes:
        host: an address; beyond loopback `tls` is needed.
        port: 0 takes a free one.
        tls: the server's context, or None for plain HTTP on loopback.
        tokens: bearer tokens, as digests.
        anonymous: what callers without a token may do; None: everything on loopback, nothing
            beyond it.
        rate_per_s: calls a second and caller; None: no limit on loopback, else
            `RATE_BEYOND_LOOPBACK`; 0: no limit.
        connections_max: connections served at once.
        subscribers_max: event streams at once.
        idle_s: silence after which a connection without a whole request is cut.
    """

    host: str = "127.0.0.1"
    port: int = 8600
    tls: ssl.SSLContext | None = None
    tokens: tuple[Token, ...] = ()
    anonymous: frozenset[Scope] | None = None
    rate_per_s: int | None = None
    connections_max: int = CONNECTIONS_MAX
    subscribers_max: int = SUBSCRIBERS_MAX
    idle_s: float = IDLE_SECONDS_MAX


def no_contracts() -> Mapping[str, object]:
    """Stands where no contracts are described."""
    return {}


class ApiServer:
    """Serves a `NodePort` over HTTP."""

    def __init__(  # noqa: PLR0913 - the parts that it serves
        self,
        port: NodePort,
        settings: ApiSettings,
        *,
        version: str,
        contracts: Callable[[], Mapping[str, object]] = no_contracts,
        more: tuple[Route, ...] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Assemble; nothing listens yet. `more` are routes of parts that not every node has.

        Raises:
            Rejected: ``api.tls`` when it would listen beyond loopback without TLS.
        """
        loopback = _is_loopback(settings.host)
        if not loopback and settings.tls is None:
            raise Rejected(
                "api.tls",
                f"{settings.host} is not loopback and TLS is not configured",
                "set api.tls_certificate and api.tls_key, or listen on 127.0.0.1",
            )
        self._settings = settings
        self._version = version
        self.metrics = ApiMetrics()
        self._closing = Closing()
        self._events = Events(port, self._closing, settings.subscribers_max)
        self._routes = (*self._table(port, contracts), *more)
        self._access = _access(settings, clock, loopback=loopback)
        self._clock = clock
        self._runner: web.AppRunner | None = None
        self._listener: asyncio.Server | None = None
        self.url = ""
        """Where it listens, without a slash at the end; empty before it does."""

    @property
    def routes(self) -> tuple[Route, ...]:
        """Every route."""
        return self._routes

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            Unavailable: ``api.port-taken`` or ``api.listen``.
        """
        sock = _bound_socket(self._settings.host, self._settings.port)
        runner = web.AppRunner(
            self._application(), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS
        )
        await runner.setup()
        assert runner.server is not None
        door = Door(
            runner.server, self.metrics, self._settings.connections_max, self._settings.idle_s
        )
        self._listener = await asyncio.get_running_loop().create_server(
            door, sock=sock, ssl=self._settings.tls, backlog=BACKLOG
        )
        self._runner = runner
        scheme = "http" if self._settings.tls is None else "https"
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        self.url = f"{scheme}://{host}:{sock.getsockname()[1]}"
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Accept nothing more, end the streams, let running requests finish, close."""
        assert self._listener is not None
        assert self._runner is not None
        self._listener.close()
        self._closing.close()
        await self._runner.cleanup()

    def _table(
        self, port: NodePort, contracts: Callable[[], Mapping[str, object]]
    ) -> tuple[Route, ...]:
        page = Route(
            "GET",
            "/v1/openapi.json",
            self._openapi,
            "public",
            "This page: OpenAPI 3.1.",
            {200: JSON},
        )
        return (
            *SubmitRoutes(port, self._closing).routes(),
            *ReadRoutes(port, self._closing).routes(),
            *QueryRoutes(port).routes(),
            *self._events.routes(),
            *NodeRoutes(port, contracts, self.metrics.text).routes(),
            page,
        )

    def _application(self) -> web.Application:
        by_path: dict[tuple[str, str], Route] = {}
        application = web.Application(client_max_size=BATCH_BODY_BYTES_MAX + 1)
        for route in self._routes:
            resource = application.router.add_route(route.method, route.path, route.handler)
            assert resource.resource is not None
            by_path[route.method, resource.resource.canonical] = route
        application.middlewares.append(
            guard(by_path, self._access, self.metrics, self._version, self._clock)
        )
        return application

    async def _openapi(self, request: web.Request) -> web.Response:
        del request
        return json_reply(openapi(self._routes, self._version))


def _access(settings: ApiSettings, clock: Callable[[], float], *, loopback: bool) -> Access:
    anonymous = settings.anonymous
    if anonymous is None:
        anonymous = ALL_SCOPES if loopback else NOBODY
    rate = settings.rate_per_s
    if rate is None:
        rate = 0 if loopback else RATE_BEYOND_LOOPBACK
    return Access(settings.tokens, anonymous, rate, clock)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _bound_socket(host: str, port: int) -> socket.socket:
    """A bound socket, with the two usual failures in plain words.

    Raises:
        Unavailable: ``api.port-taken`` or ``api.listen``.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.setblocking(False)  # noqa: FBT003 - the socket's own signature
    except OSError as error:
        sock.close()
        taken = "in use" in (error.strerror or "")
        raise Unavailable(
            "api.port-taken" if taken else "api.listen",
            f"{host}:{port}: {error.strerror}",
            "stop the other process or set another api.listen",
        ) from error
    return sock
