"""From bytes on a connection to raw transactions, each step with a limit of its own.

Promise: whatever is sent, the reply is a problem with a stable code, and all bodies that are
being read together never hold more than `BODIES_BYTES_MAX`.
"""

import asyncio
import base64
import binascii
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import msgpack
import msgspec
from aiohttp import web

from hansa.client.promise import PROMISE_ENTRIES_MAX
from hansa.client.types import TxBody, TxsBody
from hansa.errors import Rejected, Unavailable
from hansa.transaction import TRANSACTION_BYTES_MAX

TX_BODY_BYTES_MAX = TRANSACTION_BYTES_MAX * 4 // 3 + 1024
"""One transaction in base64url with its JSON around it."""
BATCH_BODY_BYTES_MAX = 4 * 1024 * 1024
"""A batch: as much as a block holds."""
BODIES_BYTES_MAX = 32 * 1024 * 1024
"""All bodies being read at once: eight full batches, well under the 50 MiB a flood may cost."""
BODY_SECONDS_MAX = 20
"""Time for a whole body: 4 MiB over a line of 2 Mbit/s."""
BATCH_MAX = PROMISE_ENTRIES_MAX
"""Transactions in a batch."""

MSGPACK_TYPES = ("application/msgpack", "application/vnd.msgpack", "application/x-msgpack")
JSON_TYPES = ("application/json",)

_TX = msgspec.json.Decoder(TxBody)
_TXS = msgspec.json.Decoder(TxsBody)
T = TypeVar("T")


class BodyBudget:
    """Counts the bytes of all bodies that are being read."""

    __slots__ = ("_limit", "used")

    def __init__(self, limit: int = BODIES_BYTES_MAX) -> None:
        self._limit = limit
        self.used = 0

    @contextmanager
    def reserve(self, size: int) -> Iterator[None]:
        """Hold `size` bytes of the budget.

        Raises:
            Unavailable: ``api.busy`` when too much is being read already.
        """
        if self.used + size > self._limit:
            raise Unavailable(
                "api.busy",
                f"{self.used} bytes of bodies are being read",
                "send it again in a second",
            )
        self.used += size
        try:
            yield
        finally:
            self.used -= size


async def read_body(request: web.Request, limit: int, budget: BodyBudget) -> bytes:
    """The whole body.

    Raises:
        Rejected: ``api.length`` (no Content-Length), ``api.too-large``, ``api.encoding`` or
            ``api.slow-body``.
        Unavailable: ``api.busy``.
    """
    size = request.content_length
    if size is None:
        raise Rejected("api.length", "the body's length is not given", "send Content-Length")
    if size > limit:
        raise Rejected(
            "api.too-large", f"{size} bytes, at most {limit} are read here", "split the batch"
        )
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise Rejected("api.encoding", "compressed bodies are not taken", "send it as it is")
    with budget.reserve(size):
        if request.content.is_eof():
            return request.content.read_nowait()
        try:
            async with asyncio.timeout(BODY_SECONDS_MAX):
                return await request.read()
        except TimeoutError as error:
            raise Rejected(
                "api.slow-body", f"{size} bytes did not come within {BODY_SECONDS_MAX} s"
            ) from error
        except web.RequestPayloadError as error:
            raise Rejected("api.body", "the body ended early") from error


def decode_tx(body: bytes, content_type: str) -> bytes:
    """The one raw transaction of a body.

    Raises:
        Rejected: ``api.body`` or ``api.media-type``.
    """
    if content_type in MSGPACK_TYPES:
        return body
    return unbase64(_decode_json(_TX, body, content_type).tx, "$.tx")


def decode_txs(body: bytes, content_type: str) -> list[bytes]:
    """The raw transactions of a batch.

    Raises:
        Rejected: ``api.body``, ``api.media-type`` or ``api.too-large``.
    """
    if content_type in MSGPACK_TYPES:
        raws = _unpack_batch(body)
    else:
        texts = _decode_json(_TXS, body, content_type).txs
        raws = [unbase64(text, f"$.txs[{index}]") for index, text in enumerate(texts)]
    if not raws:
        raise Rejected("api.body", "the batch is empty")
    if len(raws) > BATCH_MAX:
        raise Rejected(
            "api.too-large", f"{len(raws)} transactions, at most {BATCH_MAX}", "split the batch"
        )
    return raws


def unbase64(text: str, path: str) -> bytes:
    """The bytes behind base64url, with or without padding.

    Raises:
        Rejected: ``api.body`` with the JSON path.
    """
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise Rejected("api.body", f"{path} is no base64url") from error


def _unpack_batch(body: bytes) -> list[bytes]:
    try:
        raws = msgpack.unpackb(body, raw=False, strict_map_key=True)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise Rejected("api.body", "the body is no MessagePack") from error
    if not isinstance(raws, list) or not all(type(raw) is bytes for raw in raws):
        raise Rejected("api.body", "the body is no array of byte strings")
    return raws


def _decode_json(decoder: msgspec.json.Decoder[T], body: bytes, content_type: str) -> T:
    if content_type not in JSON_TYPES:
        raise Rejected(
            "api.media-type",
            f"{content_type[:64]!r} is not taken",
            f"send {MSGPACK_TYPES[0]} or {JSON_TYPES[0]}",
        )
    try:
        return decoder.decode(body)
    except (ValueError, RecursionError) as error:
        raise Rejected("api.body", str(error)) from error
