"""Parsing of path and query parameters; each wrong one is a problem that names it."""

import base64
import binascii
import re

from aiohttp import web

from hansa.encoding import INT_MAX
from hansa.errors import Rejected
from node.api.problems import bad_parameter

PAGE_DEFAULT = 50
PAGE_MAX = 200
"""Items of a page: some 100 KiB of JSON."""
WAIT_SECONDS_DEFAULT = 10
WAIT_SECONDS_MAX = 60
"""Longer waits die in proxies: ask again instead."""
KEY_CHARACTERS_MAX = 512
"""A state key or identifier; contracts write none that is longer."""
NUMBER_DIGITS_MAX = 19

_DURATION = re.compile(r"^([0-9]{1,9})(ms|s|m|)$")
_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "": 1000}
_ID = re.compile(r"^[0-9a-f]{64}$")


def tx_id_of(text: str) -> bytes:
    """The 32 bytes of an id.

    Raises:
        Rejected: ``api.parameter``.
    """
    if not _ID.match(text) or len(text) != 64:  # noqa: PLR2004 - hex digits of 32 bytes
        raise bad_parameter("id", text, "64 lower-case hex digits are wanted")
    return bytes.fromhex(text)


def text_of(name: str, text: str) -> str:
    """A key or identifier without control characters.

    Raises:
        Rejected: ``api.parameter``.
    """
    if not text or len(text) > KEY_CHARACTERS_MAX or not text.isprintable():
        raise bad_parameter(name, text, f"1 to {KEY_CHARACTERS_MAX} printable characters")
    return text


def number(request: web.Request, name: str, default: int, most: int = INT_MAX) -> int:
    """A whole number of the query, at most `most` (larger ones are cut down to it).

    Raises:
        Rejected: ``api.parameter``.
    """
    text = request.query.get(name)
    return default if text is None else min(natural(name, text), most)


def natural(name: str, text: str) -> int:
    """A whole number in plain digits.

    Raises:
        Rejected: ``api.parameter``.
    """
    if not (text.isascii() and text.isdecimal()) or len(text) > NUMBER_DIGITS_MAX:
        raise bad_parameter(name, text, "a whole number is wanted")
    value = int(text)
    if value > INT_MAX:
        raise bad_parameter(name, text, "too large")
    return value


def choice(request: web.Request, name: str, allowed: tuple[str, ...]) -> str:
    """One of the allowed words; the first is the default.

    Raises:
        Rejected: ``api.parameter``.
    """
    text = request.query.get(name, allowed[0])
    if text not in allowed:
        raise bad_parameter(name, text, f"one of {', '.join(allowed)} is wanted")
    return text


def timeout_s(request: web.Request) -> float:
    """The time to wait: ``10s``, ``500ms``, ``1m`` or plain seconds; at most a minute.

    Raises:
        Rejected: ``api.parameter``.
    """
    text = request.query.get("timeout", f"{WAIT_SECONDS_DEFAULT}s")
    match = _DURATION.match(text)
    if match is None:
        raise bad_parameter("timeout", text, "a time such as 10s or 500ms is wanted")
    milliseconds = int(match[1]) * _UNITS[match[2]]
    return min(milliseconds, WAIT_SECONDS_MAX * 1000) / 1000


def cursor_of(content: bytes) -> str:
    """An opaque cursor: base64url of where the page ended."""
    return base64.urlsafe_b64encode(content).decode("ascii").rstrip("=")


def parse_cursor(request: web.Request) -> bytes | None:
    """Where the last page ended, None without a cursor.

    Raises:
        Rejected: ``api.parameter``.
    """
    text = request.query.get("cursor")
    if text is None:
        return None
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise bad_parameter("cursor", text, "a cursor of an earlier page is wanted") from error
    if not content or len(content) > KEY_CHARACTERS_MAX * 4:
        raise bad_parameter("cursor", text, "a cursor of an earlier page is wanted")
    return content


def refuse_unknown(request: web.Request, known: frozenset[str]) -> None:
    """Refuse query parameters that the route does not have.

    Raises:
        Rejected: ``api.parameter``, so that a mistyped ``prove`` is not silently ignored.
    """
    for name in request.query:
        if name not in known:
            names = ", ".join(sorted(known)) or "none"
            raise Rejected("api.parameter", f"unknown parameter {name[:64]!r}", f"known: {names}")
