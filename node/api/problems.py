"""Errors as RFC 9457 problems; one table from codes to statuses (docs/spec/api.md, section 5).

A problem names what happened, why, what to do and a stable code. No text of a library's
exception beyond the decoders' and no traceback ever leaves the node.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

import msgspec
from aiohttp import web

from hansa.client.types import ErrorAt, Problem
from hansa.errors import Corrupt, HansaError, Rejected, Unavailable

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:hansa:problem:"
DETAIL_CHARACTERS_MAX = 500
"""A detail may quote what was sent; nobody needs more of it back."""

STATUSES: Mapping[str, int] = {
    "api.not-found": 404,
    "api.method": 405,
    "api.media-type": 415,
    "api.encoding": 415,
    "api.length": 411,
    "api.too-large": 413,
    "api.slow-body": 408,
    "api.identity": 401,
    "api.permission": 403,
    "api.rate": 429,
    "api.busy": 503,
    "api.connections": 503,
    "api.subscribers": 503,
    "api.fault": 500,
    "api.body": 400,
    "api.parameter": 400,
    "api.http": 400,
    "api.path": 400,
    "vault.erased": 410,
    "transaction.too-large": 413,
    "transaction.replayed": 409,
    "mempool.nonce-used": 409,
    "tx.pending": 409,
    "mempool.full": 429,
    "mempool.sender-full": 429,
}
"""Codes whose status is not told by their class or ending."""
RETRY_AFTER_S: Mapping[str, int] = {
    "api.rate": 1,
    "api.busy": 1,
    "api.connections": 1,
    "api.subscribers": 5,
    "mempool.full": 1,
    "mempool.sender-full": 1,
    "mempool.busy": 1,
    "mempool.verifying": 1,
    "node.busy": 1,
}
"""When it is worth asking again, in seconds: about one block under load."""
NOT_FOUND_ENDINGS = (".not-found", ".unknown-id", ".missing", "MISSING")
BODY_CODES = ("encoding.",)
"""Codes of bytes that are no transaction at all: 400 instead of 422."""

_ENCODER = msgspec.json.Encoder()


def status_of(error: HansaError) -> int:
    """The HTTP status of an error: by its code, else by whose fault it is."""
    known = STATUSES.get(error.code)
    if known is not None:
        return known
    if error.code.endswith(NOT_FOUND_ENDINGS):
        return int(HTTPStatus.NOT_FOUND)
    if isinstance(error, Rejected):
        malformed = error.code.startswith(BODY_CODES)
        return int(HTTPStatus.BAD_REQUEST if malformed else HTTPStatus.UNPROCESSABLE_ENTITY)
    if isinstance(error, Unavailable):
        return int(HTTPStatus.SERVICE_UNAVAILABLE)
    assert isinstance(error, Corrupt), error
    return int(HTTPStatus.INTERNAL_SERVER_ERROR)


def problem_of(error: HansaError, errors: Sequence[ErrorAt] = ()) -> Problem:
    """The problem that tells of an error."""
    status = status_of(error)
    return Problem(
        type=TYPE_PREFIX + error.code,
        title=HTTPStatus(status).phrase,
        status=status,
        detail=error.detail[:DETAIL_CHARACTERS_MAX],
        code=error.code,
        hint=error.hint,
        errors=tuple(errors),
    )


def response_of(problem: Problem, headers: Mapping[str, str] | None = None) -> web.Response:
    """The reply that carries a problem, with ``Retry-After`` where it is worth asking again."""
    response = web.Response(
        status=problem.status, body=_ENCODER.encode(problem), content_type=MEDIA_TYPE
    )
    wait_s = RETRY_AFTER_S.get(problem.code)
    if wait_s is not None:
        response.headers["Retry-After"] = str(wait_s)
    if problem.code == "api.identity":
        response.headers["WWW-Authenticate"] = 'Bearer realm="hansa"'
    for name, value in (headers or {}).items():
        response.headers[name] = value
    return response


def not_found(what: str, name: str, hint: str = "") -> Rejected:
    """The error that says that something is not here: code ``<what>.not-found``."""
    return Rejected(f"{what}.not-found", f"no {what} {name[:128]!r} is known here", hint)


def bad_parameter(name: str, given: str, wanted: str) -> Rejected:
    """The error that says which parameter is wrong and what it takes."""
    return Rejected("api.parameter", f"{name}={given[:64]!r}: {wanted}")
