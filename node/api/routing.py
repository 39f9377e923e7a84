"""What a route is: its path, who may call it, what it answers; the OpenAPI page is made from it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

import msgspec
from aiohttp import web

Scope = Literal["public", "read", "submit", "vault"]
"""What a caller needs: nothing (probes), the right to read, to submit, or to use the vault."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a route.

    Attributes:
        name: as it stands in the path or in the query.
        where: ``path`` or ``query``.
        schema: its JSON schema.
        about: one line for people.
    """

    name: str
    where: Literal["path", "query"]
    schema: dict[str, object]
    about: str


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path.

    Attributes:
        method: ``GET`` or ``POST``.
        path: as aiohttp takes it.
        handler: answers it.
        scope: what the caller needs.
        about: one line for people.
        reply: status -> type of the reply, or a media type for what is no JSON shape.
        parameters: of path and query.
        body: the type of a JSON body, None when the route takes none.
    """

    method: Literal["GET", "POST"]
    path: str
    handler: Handler
    scope: Scope
    about: str
    reply: dict[int, type[msgspec.Struct] | str]
    parameters: tuple[Parameter, ...] = ()
    body: type[msgspec.Struct] | None = None


WAITS = ("none", "check", "commit")
WAITING = (
    Parameter(
        "wait",
        "query",
        {"type": "string", "enum": list(WAITS), "default": "none"},
        "none: stored and promised; check: with the fate so far; commit: until it is final",
    ),
    Parameter(
        "timeout",
        "query",
        {"type": "string", "pattern": "^[0-9]{1,9}(ms|s|m|)$", "default": "10s"},
        "how long to wait, at most 60s",
    ),
)
"""The parameters of every route that may wait for a commit."""
