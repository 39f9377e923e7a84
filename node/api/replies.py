"""How replies are written: JSON by msgspec, and when a cache may keep them."""

import msgspec
from aiohttp import web

_ENCODER = msgspec.json.Encoder()
IMMUTABLE = "public, max-age=31536000, immutable"
"""What is final never changes: a block, a receipt, a transaction's proof."""
FRESH = "no-store"
"""What the head says changes with the next block."""
JSON = "application/json"


def json_reply(shape: object, status: int = 200) -> web.Response:
    """A reply that no cache keeps."""
    return web.Response(
        status=status,
        body=_ENCODER.encode(shape),
        content_type=JSON,
        headers={"Cache-Control": FRESH},
    )


def immutable_reply(request: web.Request, tag: str, shape: object) -> web.Response:
    """A reply that may be kept for ever under `tag`; 304 when the caller has it."""
    return immutable_bytes(request, tag, _ENCODER.encode(shape))


def immutable_bytes(request: web.Request, tag: str, body: bytes) -> web.Response:
    """The same for JSON that is encoded already."""
    quoted = f'"{tag}"'
    headers = {"ETag": quoted, "Cache-Control": IMMUTABLE}
    known = request.headers.get("If-None-Match", "")
    if quoted in (part.strip().removeprefix("W/") for part in known.split(",")):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type=JSON, headers=headers)
