"""The node itself: status, peers, consensus, probes, metrics, contracts, the OpenAPI page.

Promise: all of it is answered without a quorum. `/livez` says that the process turns,
`/readyz` that it serves; `/metrics` is Prometheus' text (docs/spec/api.md, section 8).
"""

from collections.abc import Callable, Mapping

import msgspec
from aiohttp import web

from hansa.client.types import Consensus, Json, Peers, Readiness, Status
from hansa.errors import Unavailable
from node.api.parameters import refuse_unknown
from node.api.ports import NodePort
from node.api.problems import MEDIA_TYPE, problem_of
from node.api.replies import FRESH, JSON, json_reply
from node.api.routing import Parameter, Route

_NO_QUERY: frozenset[str] = frozenset()
_ENCODER = msgspec.json.Encoder()
METRICS_TYPE = "text/plain"


class NodeRoutes:
    """Serves what the node says of itself."""

    def __init__(
        self,
        port: NodePort,
        contracts: Callable[[], Mapping[str, object]],
        api_metrics: Callable[[], bytes],
    ) -> None:
        """Serve `port`; `contracts` gives the schemas, `api_metrics` the API's own figures."""
        self._port = port
        self._contracts = contracts
        self._api_metrics = api_metrics

    def routes(self) -> tuple[Route, ...]:
        """All of them; `/v1/openapi.json` is added by the one who knows every route."""
        verbose = Parameter("verbose", "query", {"type": "string"}, "list every check")
        return (
            Route("GET", "/v1/status", self.status, "read", "This node's status.", {200: Status}),
            Route("GET", "/v1/peers", self.peers, "read", "The other nodes.", {200: Peers}),
            Route(
                "GET",
                "/v1/consensus",
                self.consensus,
                "read",
                "Where the replica stands.",
                {200: Consensus},
            ),
            Route(
                "GET",
                "/v1/contracts",
                self.contracts,
                "read",
                "Contracts, their methods and the JSON schemas of their arguments.",
                {200: JSON},
            ),
            Route("GET", "/livez", self.livez, "public", "Whether the process turns.", {200: JSON}),
            Route(
                "GET",
                "/readyz",
                self.readyz,
                "public",
                "Whether the node serves.",
                {200: Readiness},
                (verbose,),
            ),
            Route(
                "GET", "/metrics", self.metrics, "read", "Prometheus metrics.", {200: METRICS_TYPE}
            ),
        )

    async def status(self, request: web.Request) -> web.Response:
        """This node and how it sees the others."""
        refuse_unknown(request, _NO_QUERY)
        return json_reply(self._port.status())

    async def peers(self, request: web.Request) -> web.Response:
        """The other nodes."""
        refuse_unknown(request, _NO_QUERY)
        return json_reply(Peers(items=self._port.peers()))

    async def consensus(self, request: web.Request) -> web.Response:
        """Where the replica stands."""
        refuse_unknown(request, _NO_QUERY)
        return json_reply(self._port.consensus())

    async def contracts(self, request: web.Request) -> web.Response:
        """What may be called."""
        refuse_unknown(request, _NO_QUERY)
        return json_reply(self._contracts())

    async def livez(self, request: web.Request) -> web.Response:
        """200 while the node's tasks turn.

        Raises:
            Unavailable: ``node.not-live``.
        """
        del request
        if not self._port.live():
            raise Unavailable("node.not-live", "the node's tasks have ended", "restart it")
        return json_reply({"live": True})

    async def readyz(self, request: web.Request) -> web.Response:
        """200 or a problem of 503 that names the failed checks; ``?verbose`` lists all."""
        checks = self._port.ready()
        failed = [check for check in checks if not check.ok]
        shown = checks if "verbose" in request.query else tuple(failed)
        reply = Readiness(ready=not failed, checks=shown)
        if not failed:
            return json_reply(reply)
        reasons = "; ".join(f"{check.name}: {check.detail or 'failed'}" for check in failed)
        problem = problem_of(Unavailable("node.not-ready", reasons, "hansa doctor"))
        merged: dict[str, Json] = msgspec.to_builtins(problem) | msgspec.to_builtins(reply)
        return web.Response(
            status=problem.status,
            body=_ENCODER.encode(merged),
            content_type=MEDIA_TYPE,
            headers={"Cache-Control": FRESH},
        )

    async def metrics(self, request: web.Request) -> web.Response:
        """The node's figures, then the API's own."""
        del request
        return web.Response(
            body=self._port.metrics() + self._api_metrics(),
            content_type=METRICS_TYPE,
            charset="utf-8",
            headers={"Cache-Control": FRESH},
        )
