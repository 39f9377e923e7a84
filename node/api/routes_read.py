"""Reading the chain: transactions, blocks, state, traces and proofs (docs/spec/api.md, section 6).

What is final is served with an ETag and may be kept for ever; what the head says is not kept.
"""

import msgspec
from aiohttp import web

from hansa.client.types import (
    Blocks,
    BlockSummary,
    BlockView,
    Direction,
    Entries,
    Entry,
    RecordView,
    StateView,
    TransactionReply,
)
from hansa.transaction import SignedTransaction
from node.api.closing import Closing
from node.api.parameters import (
    PAGE_DEFAULT,
    PAGE_MAX,
    choice,
    cursor_of,
    natural,
    number,
    parse_cursor,
    refuse_unknown,
    text_of,
    timeout_s,
    tx_id_of,
)
from node.api.ports import NodePort
from node.api.problems import bad_parameter, not_found
from node.api.replies import JSON, immutable_reply, json_reply
from node.api.routing import WAITING, Handler, Parameter, Route
from node.api.views import (
    block_view,
    json_of_bytes,
    receipt_view,
    state_view,
    summary_of,
    transaction_view,
)

DIRECTIONS: dict[str, Direction] = {"both": "both", "up": "up", "down": "down"}
TRACE_DEPTH_DEFAULT = 16
TRACE_DEPTH_MAX = 64
"""Steps of a trace: no supply chain known to us is half as long."""
_NO_QUERY: frozenset[str] = frozenset()

_ID = Parameter("id", "path", {"type": "string", "pattern": "^[0-9a-f]{64}$"}, "the tx_id")
_HEIGHT = Parameter("height", "path", {"type": "integer", "minimum": 0}, "the height")
_KEY = Parameter("key", "path", {"type": "string"}, "a state key, percent-encoded")
_LIMIT = Parameter(
    "limit",
    "query",
    {"type": "integer", "minimum": 1, "maximum": PAGE_MAX, "default": PAGE_DEFAULT},
    "items of a page",
)
_CURSOR = Parameter("cursor", "query", {"type": "string"}, "`next` of the page before")
_PROVE = Parameter(
    "prove",
    "query",
    {"type": "string", "enum": ["false", "true"], "default": "false"},
    "give the proof file instead",
)
_CONTRACT = Parameter("contract", "path", {"type": "string"}, "such as doc")
_RECORD_ID = Parameter("id", "path", {"type": "string"}, "the record's id")
_PREFIX = Parameter("prefix", "query", {"type": "string"}, "what keys begin with")
_IDENTIFIER = Parameter("id", "query", {"type": "string"}, "a GS1 Digital Link or URN")
_DIRECTION = Parameter(
    "direction",
    "query",
    {"type": "string", "enum": list(DIRECTIONS), "default": "both"},
    "towards the source (up), the customer (down), or both",
)
_DEPTH = Parameter(
    "depth",
    "query",
    {"type": "integer", "minimum": 0, "maximum": TRACE_DEPTH_MAX, "default": TRACE_DEPTH_DEFAULT},
    "steps to go",
)


class ReadRoutes:
    """Serves what is on the chain."""

    def __init__(self, port: NodePort, closing: Closing) -> None:
        self._port = port
        self._closing = closing

    def routes(self) -> tuple[Route, ...]:
        """All reading routes."""
        return (
            _get("/v1/tx/{id}", self.transaction, "Fate, content and receipt of a transaction.",
                 TransactionReply, _ID, *WAITING),
            _get("/v1/tx/{id}/proof", self.transaction_proof, "The proof file of a transaction.",
                 JSON, _ID),
            _get("/v1/blocks", self.blocks, "Blocks, newest first.", Blocks, _LIMIT, _CURSOR),
            _get("/v1/blocks/{height}", self.block, "A block and who committed it.",
                 BlockView, _HEIGHT),
            _get("/v1/state/{key:.+}", self.state, "The value under a state key, or its proof.",
                 StateView, _KEY, _PROVE),
            _get("/v1/proof/state/{key:.+}", self.state_proof,
                 "The proof file of a key's presence or absence.", JSON, _KEY),
            _get("/v1/records/{contract}/{id:.+}", self.record, "A record of a contract.",
                 RecordView, _CONTRACT, _RECORD_ID),
            _get("/v1/scan", self.scan, "State keys with a prefix, in order.",
                 Entries, _PREFIX, _LIMIT, _CURSOR),
            _get("/v1/trace", self.trace, "Events up and down from an identifier.",
                 JSON, _IDENTIFIER, _DIRECTION, _DEPTH),
            _get("/v1/trust", self.trust, "The trust file that `hansa verify` takes.", JSON),
        )  # fmt: skip

    async def transaction(self, request: web.Request) -> web.Response:
        """Fate, content and receipt of a transaction."""
        refuse_unknown(request, frozenset({"wait", "timeout"}))
        text = request.match_info["id"]
        tx_id = tx_id_of(text)
        if choice(request, "wait", ("none", "check", "commit")) == "commit":
            await self._closing.until(self._port.wait((tx_id,), timeout_s(request)))
        fate = (await self._port.fates((tx_id,)))[0]
        raw = await self._port.transaction(tx_id)
        if fate.state == "unknown" and raw is None:
            raise not_found("tx", text, "another node may know it; or submit it again")
        receipt = None if fate.height is None else await self._port.receipt(tx_id)
        reply = TransactionReply(
            tx_id=text,
            fate=fate,
            transaction=None if raw is None else transaction_view(SignedTransaction.decode(raw)),
            receipt=None if receipt is None else receipt_view(receipt),
        )
        if receipt is None:
            return json_reply(reply)
        return immutable_reply(request, receipt.tx_hash.hex(), reply)

    async def transaction_proof(self, request: web.Request) -> web.Response:
        """The proof file of a transaction. Its freshness part changes: never kept."""
        refuse_unknown(request, _NO_QUERY)
        return _file(await self._port.proof_tx(tx_id_of(request.match_info["id"])))

    async def blocks(self, request: web.Request) -> web.Response:
        """A page of blocks, from the head down."""
        refuse_unknown(request, frozenset({"limit", "cursor"}))
        limit = _limit(request)
        cursor = parse_cursor(request)
        top = self._port.height
        if cursor is not None:
            top = min(top, natural("cursor", cursor.decode("ascii", "replace")))
        items: list[BlockSummary] = []
        header = await self._port.header(top)
        while header is not None and len(items) < limit:
            parent = await self._port.header(header.height - 1) if header.height else None
            before = 0 if parent is None else parent.log_size
            items.append(summary_of(header, header.log_size - before))
            header = parent
        following = None if header is None else cursor_of(str(header.height).encode())
        return json_reply(Blocks(items=tuple(items), next=following))

    async def block(self, request: web.Request) -> web.Response:
        """The block at a height, or at ``latest``."""
        refuse_unknown(request, _NO_QUERY)
        text = request.match_info["height"]
        latest = text == "latest"
        height = self._port.height if latest else natural("height", text)
        stored = await self._port.block(height)
        if stored is None:
            hint = f"the head is at {self._port.height}"
            raise not_found("block", text, hint)
        if latest:
            return json_reply(block_view(stored))
        tag = f"{stored.block.header.hash.hex()}-{int(stored.certificate is not None)}"
        return immutable_reply(request, tag, block_view(stored))

    async def state(self, request: web.Request) -> web.Response:
        """The value under a key at the head, or with ``prove=true`` its proof file."""
        refuse_unknown(request, frozenset({"prove"}))
        key = text_of("key", request.match_info["key"])
        if choice(request, "prove", ("false", "true")) == "true":
            return _file(await self._port.proof_state(key.encode()))
        return json_reply(state_view(key, await self._port.state(key.encode())))

    async def state_proof(self, request: web.Request) -> web.Response:
        """The proof file of a key: present or absent."""
        refuse_unknown(request, _NO_QUERY)
        key = text_of("key", request.match_info["key"])
        return _file(await self._port.proof_state(key.encode()))

    async def record(self, request: web.Request) -> web.Response:
        """The record ``<contract>/record/<id>``."""
        refuse_unknown(request, _NO_QUERY)
        contract = text_of("contract", request.match_info["contract"])
        name = text_of("id", request.match_info["id"])
        at = await self._port.state(f"{contract}/record/{name}".encode())
        if at.value is None:
            raise not_found("record", f"{contract}/{name}")
        return json_reply(RecordView(contract=contract, id=name, record=json_of_bytes(at.value)))

    async def scan(self, request: web.Request) -> web.Response:
        """A page of keys; a prefix is needed so that nobody reads the state by mistake."""
        refuse_unknown(request, frozenset({"prefix", "limit", "cursor"}))
        prefix = text_of("prefix", request.query.get("prefix", "")).encode()
        limit = _limit(request)
        after = parse_cursor(request) or b""
        found = await self._port.scan(prefix, after, limit)
        items = tuple(
            Entry(key=key.decode("utf-8", "replace"), value=json_of_bytes(value))
            for key, value in found
        )
        following = cursor_of(found[-1][0]) if len(found) == limit else None
        return json_reply(Entries(items=items, next=following))

    async def trace(self, request: web.Request) -> web.Response:
        """Events up and down from an identifier."""
        refuse_unknown(request, frozenset({"id", "direction", "depth"}))
        identifier = text_of("id", request.query.get("id", ""))
        direction = DIRECTIONS[choice(request, "direction", tuple(DIRECTIONS))]
        depth = number(request, "depth", TRACE_DEPTH_DEFAULT, TRACE_DEPTH_MAX)
        return json_reply(await self._port.trace(identifier, direction, depth))

    async def trust(self, request: web.Request) -> web.Response:
        """The trust file."""
        refuse_unknown(request, _NO_QUERY)
        content = await self._port.trust()
        return _file(content)


def _get(
    path: str,
    handler: Handler,
    about: str,
    kind: type[msgspec.Struct] | str,
    *parameters: Parameter,
) -> Route:
    return Route("GET", path, handler, "read", about, {200: kind}, parameters)


def _limit(request: web.Request) -> int:
    limit = number(request, "limit", PAGE_DEFAULT, PAGE_MAX)
    if limit < 1:
        raise bad_parameter("limit", str(limit), f"1 to {PAGE_MAX} are wanted")
    return limit


def _file(content: bytes) -> web.Response:
    """A proof file, byte for byte as it is verified."""
    return web.Response(body=content, content_type=JSON, headers={"Cache-Control": "no-store"})
