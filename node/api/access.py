"""Who calls, what they may do, how often: asked in this order before every handler.

Tokens are kept as SHA-256 digests and compared in constant time. Transactions carry their own
signatures; a token says who may use this node, never who acts on the chain.
"""

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from hansa.errors import Rejected
from node.api.routing import Scope

TOKEN_PREFIX = "hsa_"  # noqa: S105 - it marks a token, it is none
TOKEN_CHARACTERS_MAX = 256
CALLERS_MAX = 10_000
"""Callers whose rate is remembered; the longest silent one is forgotten first."""


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token as the settings hold it.

    Attributes:
        name: who uses it, for logs and rates.
        sha256: the digest of the token's text, 32 bytes.
        scopes: what it allows.
    """

    name: str
    sha256: bytes
    scopes: frozenset[Scope]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: a token's name or (not `known`) the remote address, and what it may do."""

    name: str
    scopes: frozenset[Scope]
    known: bool


class Access:
    """Identity, permission and rate."""

    def __init__(
        self,
        tokens: tuple[Token, ...],
        anonymous: frozenset[Scope],
        rate_per_s: int,
        clock: Callable[[], float],
    ) -> None:
        """Allow `anonymous` without a token; `rate_per_s` 0 is no limit; `clock` gives seconds."""
        self._tokens = tokens
        self._anonymous = anonymous
        self._rate_per_s = rate_per_s
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def identify(self, request: web.Request) -> Caller:
        """Who calls.

        Raises:
            Rejected: ``api.identity`` for a token that nobody gave out.
        """
        header = request.headers.get("Authorization")
        if header is None:
            return Caller(request.remote or "local", self._anonymous, known=False)
        scheme, _, text = header.partition(" ")
        if scheme.lower() == "bearer" and len(text) <= TOKEN_CHARACTERS_MAX:
            digest = hashlib.sha256(text.strip().encode("utf-8", "replace")).digest()
            found = None
            for token in self._tokens:  # to the end, so that time tells nothing
                if hmac.compare_digest(token.sha256, digest):
                    found = token
            if found is not None:
                return Caller(found.name, found.scopes, known=True)
        raise Rejected(
            "api.identity", "this token is not known here", "ask the node's operator for a token"
        )

    def permit(self, caller: Caller, scope: Scope) -> None:
        """Let pass who has the scope.

        Raises:
            Rejected: ``api.identity`` without a token, ``api.permission`` with a weak one.
        """
        if scope == "public" or scope in caller.scopes:
            return
        if not caller.known:
            raise Rejected("api.identity", f"{scope} needs a token", "send Authorization: Bearer")
        raise Rejected(
            "api.permission",
            f"the token of {caller.name} has no scope {scope}",
            "ask the node's operator for the scope",
        )

    def limit(self, caller: Caller) -> None:
        """Count the call: a bucket of two seconds' worth for each caller.

        Raises:
            Rejected: ``api.rate``.
        """
        rate = self._rate_per_s
        if rate == 0:
            return
        now = self._clock()
        level, since = self._buckets.get(caller.name, (2.0 * rate, now))
        level = min(2.0 * rate, level + (now - since) * rate)
        if level < 1:
            raise Rejected("api.rate", f"{caller.name}: more than {rate} calls a second")
        self._buckets[caller.name] = (level - 1, now)
        self._buckets.move_to_end(caller.name)
        if len(self._buckets) > CALLERS_MAX:
            self._buckets.popitem(last=False)
