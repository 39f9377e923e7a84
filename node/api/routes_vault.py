"""The vault over HTTP, for the node's own organisation (docs/spec/vault.md, section 6).

Promise: every route needs the scope ``vault``; a blob that does not name the node's
organisation is answered as one that never was; a body is bounded before it is read.
"""

import asyncio
from contextlib import suppress

import msgspec
from aiohttp import web

from hansa.client.vault import (
    BLOB_SECONDS,
    BLOB_TYPE,
    JSON_TYPE,
    NewWrap,
    VaultEntry,
    VaultList,
    WrapView,
)
from hansa.errors import Rejected, Unavailable
from hansa.seal import BLOB_BYTES_MAX, Wrap, read_header
from node.api.bodies import BodyBudget, read_body
from node.api.parameters import (
    PAGE_DEFAULT,
    PAGE_MAX,
    cursor_of,
    number,
    parse_cursor,
    refuse_unknown,
    tx_id_of,
)
from node.api.replies import FRESH, json_reply
from node.api.routing import Parameter, Route
from node.vault import Vault
from node.vault_store import ERASED, Note

SMALL_BODY_BYTES_MAX = 4 * 1024
"""A wrap in JSON has under 300 bytes."""
BLOBS_READ_MAX = 2
"""Blobs that are being read from clients at once: 32 MiB of memory."""
BLOBS_BYTES_MAX = BLOBS_READ_MAX * BLOB_BYTES_MAX

_NO_QUERY: frozenset[str] = frozenset()
_PAGE_QUERY = frozenset({"limit", "cursor"})
_ID = Parameter("id", "path", {"type": "string", "pattern": "^[0-9a-f]{64}$"}, "of the blob")
_PAGING = (
    Parameter("limit", "query", {"type": "integer", "maximum": PAGE_MAX}, "blobs of a page"),
    Parameter("cursor", "query", {"type": "string"}, "from the page before"),
)
_WRAP = msgspec.json.Decoder(NewWrap)


class VaultRoutes:
    """Serves a node's vault to its own organisation."""

    def __init__(self, vault: Vault) -> None:
        """Serve `vault`."""
        self._vault = vault
        self._budget = BodyBudget(BLOBS_BYTES_MAX)

    def routes(self) -> tuple[Route, ...]:
        """All of them."""
        one = (_ID,)
        return (
            Route(
                "POST",
                "/v1/vault",
                self.put,
                "vault",
                "Keep a sealed blob.",
                {201: VaultEntry},
            ),
            Route("GET", "/v1/vault", self.list, "vault", "Blobs.", {200: VaultList}, _PAGING),
            Route("GET", "/v1/vault/{id}", self.get, "vault", "A blob.", {200: BLOB_TYPE}, one),
            Route(
                "GET",
                "/v1/vault/{id}/entry",
                self.entry,
                "vault",
                "What the node knows of a blob.",
                {200: VaultEntry},
                one,
            ),
            Route(
                "POST",
                "/v1/vault/{id}/wraps",
                self.add_wrap,
                "vault",
                "Keep a wrap of the content key to a new key of this organisation.",
                {200: VaultEntry},
                one,
                NewWrap,
            ),
            Route(
                "POST",
                "/v1/vault/{id}/erase",
                self.erase,
                "vault",
                "Delete a blob here for ever.",
                {200: VaultEntry},
                one,
            ),
        )

    async def put(self, request: web.Request) -> web.Response:
        """201 when the blob is durable here.

        Raises:
            Rejected: ``api.*``, ``seal.*`` or ``vault.*``.
        """
        refuse_unknown(request, _NO_QUERY)
        _check_type(request, BLOB_TYPE)
        note = await self._vault.put(await _read_blob(request, self._budget))
        return json_reply(self._view(note), 201)

    async def list(self, request: web.Request) -> web.Response:
        """A page in the order of ids."""
        refuse_unknown(request, _PAGE_QUERY)
        limit = max(1, number(request, "limit", PAGE_DEFAULT, PAGE_MAX))
        after = parse_cursor(request) or b""
        notes = self._vault.index.notes
        names = sorted(one for one in notes if one > after)[: limit + 1]
        items = tuple(self._view(notes[one]) for one in names[:limit])
        more = cursor_of(names[limit - 1]) if len(names) > limit else None
        return json_reply(VaultList(self._vault.member, items, more))

    async def get(self, request: web.Request) -> web.Response:
        """The blob's bytes."""
        refuse_unknown(request, _NO_QUERY)
        blob = await self._vault.get(_id_of(request))
        return web.Response(body=blob, content_type=BLOB_TYPE, headers={"Cache-Control": FRESH})

    async def entry(self, request: web.Request) -> web.Response:
        """The note, and the wraps of a blob that is here."""
        refuse_unknown(request, _NO_QUERY)
        note = self._vault.note(_id_of(request))
        wraps: tuple[WrapView, ...] = ()
        if note.state != ERASED:
            with suppress(Unavailable):  # damaged: the view says that it is not present
                header = read_header(await self._vault.get(note.id))
                wraps = tuple(_wrap_view(one) for one in header.wraps)
                wraps += tuple(_wrap_view(one, local=True) for one in note.wraps)
        return json_reply(msgspec.structs.replace(self._view(note), wraps=wraps))

    async def add_wrap(self, request: web.Request) -> web.Response:
        """Keep a wrap beside the blob."""
        refuse_unknown(request, _NO_QUERY)
        _check_type(request, JSON_TYPE)
        body = await read_body(request, SMALL_BODY_BYTES_MAX, self._budget)
        try:
            given = _WRAP.decode(body)
            wrap = msgspec.convert(
                (given.member, given.to_key_id, given.alg, given.ek), Wrap, strict=True
            )
        except (ValueError, RecursionError) as error:
            raise Rejected("api.body", str(error)) from error
        return json_reply(self._view(await self._vault.add_wrap(_id_of(request), wrap)))

    async def erase(self, request: web.Request) -> web.Response:
        """Delete it. The JSON body keeps pages of other sites from asking without a preflight."""
        refuse_unknown(request, _NO_QUERY)
        _check_type(request, JSON_TYPE)
        await read_body(request, SMALL_BODY_BYTES_MAX, self._budget)
        return json_reply(self._view(await self._vault.erase(_id_of(request))))

    def _view(self, note: Note) -> VaultEntry:
        return VaultEntry(
            id=note.id.hex(),
            state=note.state,
            present=self._vault.index.has(note.id),
            size=note.size,
            author=note.author,
            about=note.about,
            commit=note.commit.hex(),
            members=note.members,
            charged=note.charged,
            since_ms=note.since_ms,
        )


def _wrap_view(wrap: Wrap, *, local: bool = False) -> WrapView:
    return WrapView(wrap.member, wrap.to_key_id, wrap.alg, wrap.ek, local)


def _id_of(request: web.Request) -> bytes:
    return tx_id_of(request.match_info["id"])


def _check_type(request: web.Request, wanted: str) -> None:
    if request.content_type != wanted:
        raise Rejected(
            "api.media-type", f"{request.content_type[:64]!r} is not taken", f"send {wanted}"
        )


async def _read_blob(request: web.Request, budget: BodyBudget) -> bytes:
    """The blob in the body, which may be larger than any other body.

    Raises:
        Rejected: ``api.length``, ``api.too-large``, ``api.slow-body`` or ``api.body``.
        Unavailable: ``api.busy``.
    """
    size = request.content_length
    if size is None:
        raise Rejected("api.length", "the body's length is not given", "send Content-Length")
    if size > BLOB_BYTES_MAX:
        raise Rejected(
            "api.too-large",
            f"{size} bytes, at most {BLOB_BYTES_MAX} are read here",
            "cut the payload and seal the parts",
        )
    with budget.reserve(size):
        try:
            async with asyncio.timeout(BLOB_SECONDS):
                return await request.content.readexactly(size)
        except TimeoutError as error:
            raise Rejected("api.slow-body", f"{size} bytes did not come in time") from error
        except (asyncio.IncompleteReadError, web.RequestPayloadError) as error:
            raise Rejected("api.body", "the body ended early") from error
