"""Asking contracts (docs/spec/api.md, section 9): one route for every query of every contract."""

import asyncio

from aiohttp import web

from hansa.client.types import QueryReply
from node.api.parameters import refuse_unknown, text_of
from node.api.ports import NodePort
from node.api.problems import bad_parameter
from node.api.replies import json_reply
from node.api.routing import Parameter, Route

ARGS_CHARACTERS_MAX = 8 * 1024
"""The first line of a request is not longer; the ledger says what a query may take."""
QUERIES_MAX = 2
"""Answered at once: blocks are executed in the same thread, and wait for no more than these."""

_CONTRACT = Parameter("contract", "path", {"type": "string"}, "such as asset; record for any")
_QUERY = Parameter("query", "path", {"type": "string"}, "such as get; /v1/contracts lists them")
_ARGS = Parameter(
    "args",
    "query",
    {"type": "string", "contentMediaType": "application/json", "default": "{}"},
    "the arguments as JSON; their schemas stand in /v1/contracts",
)


class QueryRoutes:
    """Serves the queries."""

    def __init__(self, port: NodePort) -> None:
        """Serve `port`."""
        self._port = port
        self._turns = asyncio.Semaphore(QUERIES_MAX)

    def routes(self) -> tuple[Route, ...]:
        """The one route."""
        path = "/v1/query/{contract}/{query}"
        about = "What a contract answers to a question about the head."
        parameters = (_CONTRACT, _QUERY, _ARGS)
        return (Route("GET", path, self.query, "read", about, {200: QueryReply}, parameters),)

    async def query(self, request: web.Request) -> web.Response:
        """The answer to a question."""
        refuse_unknown(request, frozenset({"args"}))
        contract = text_of("contract", request.match_info["contract"])
        name = text_of("query", request.match_info["query"])
        args = request.query.get("args", "{}")
        if len(args) > ARGS_CHARACTERS_MAX:
            raise bad_parameter("args", args, f"at most {ARGS_CHARACTERS_MAX} characters")
        async with self._turns:
            reply = await self._port.query(contract, name, args.encode())
        return json_reply(reply)
