"""What the clients ask and how replies are read: one definition, no I/O.

A problem of the node becomes the `hansa.errors` error with the same code and hint; whatever is
no answer of a hansa node is ``node.reply``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import quote, urlencode

import msgpack
import msgspec

from hansa.client.types import (
    Blocks,
    BlockView,
    Consensus,
    Direction,
    Entries,
    Json,
    Peers,
    Problem,
    QueryReply,
    Readiness,
    RecordView,
    StateView,
    Status,
    Submitted,
    SubmittedBatch,
    TransactionReply,
    Wait,
)
from hansa.errors import HansaError, Rejected, Unavailable

T = TypeVar("T")

MSGPACK = "application/msgpack"
PROBLEM = "application/problem+json"
PATIENCE_S = 10.0
"""Time for the node's reply beyond what it was told to wait."""
TRY_LATER = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses after which the same request may succeed."""
NOT_READY = 503


@dataclass(frozen=True, slots=True)
class Ask(Generic[T]):
    """A request and the type of its reply.

    Attributes:
        method: of HTTP.
        target: path and query.
        kind: what the body is decoded to; bytes: as it is.
        body: what is sent.
        timeout_s: when to give up.
    """

    method: str
    target: str
    kind: type[T]
    body: bytes | None = None
    timeout_s: float = PATIENCE_S


def submit(raw: bytes, wait: Wait, timeout_s: float) -> Ask[Submitted]:
    """Submit one signed transaction."""
    return Ask("POST", _waiting("/v1/tx", wait, timeout_s), Submitted, raw, _patience(timeout_s))


def submit_many(raws: Sequence[bytes], wait: Wait, timeout_s: float) -> Ask[SubmittedBatch]:
    """Submit a batch."""
    target = _waiting("/v1/txs", wait, timeout_s)
    return Ask("POST", target, SubmittedBatch, msgpack.packb(list(raws)), _patience(timeout_s))


def transaction(tx_id: bytes, wait: Wait, timeout_s: float) -> Ask[TransactionReply]:
    """What the node knows of a transaction."""
    target = _waiting(f"/v1/tx/{tx_id.hex()}", wait, timeout_s)
    return Ask("GET", target, TransactionReply, None, _patience(timeout_s))


def status() -> Ask[Status]:
    """The node's status."""
    return Ask("GET", "/v1/status", Status)


def peers() -> Ask[Peers]:
    """The other nodes."""
    return Ask("GET", "/v1/peers", Peers)


def consensus() -> Ask[Consensus]:
    """Where the replica stands."""
    return Ask("GET", "/v1/consensus", Consensus)


def ready() -> Ask[Readiness]:
    """Whether the node serves, with every check."""
    return Ask("GET", "/readyz?verbose=true", Readiness)


def block(height: int | None) -> Ask[BlockView]:
    """A block; None: the last one."""
    return Ask("GET", f"/v1/blocks/{'latest' if height is None else height}", BlockView)


def blocks(limit: int, cursor: str | None) -> Ask[Blocks]:
    """A page of blocks."""
    return Ask("GET", _with("/v1/blocks", limit=limit, cursor=cursor), Blocks)


def state(key: str) -> Ask[StateView]:
    """The value under a state key."""
    return Ask("GET", f"/v1/state/{quote(key, safe='')}", StateView)


def scan(prefix: str, limit: int, cursor: str | None) -> Ask[Entries]:
    """A page of state keys."""
    return Ask("GET", _with("/v1/scan", prefix=prefix, limit=limit, cursor=cursor), Entries)


def record(contract: str, record_id: str) -> Ask[RecordView]:
    """A record of a contract."""
    target = f"/v1/records/{quote(contract, safe='')}/{quote(record_id, safe='')}"
    return Ask("GET", target, RecordView)


def trace(identifier: str, direction: Direction, depth: int) -> Ask[dict[str, Json]]:
    """Events up and down from an identifier."""
    target = _with("/v1/trace", id=identifier, direction=direction, depth=depth)
    return Ask("GET", target, dict[str, Json])


def query(contract: str, name: str, args: Mapping[str, object]) -> Ask[QueryReply]:
    """Ask a contract a question."""
    target = f"/v1/query/{quote(contract, safe='')}/{quote(name, safe='')}"
    text = msgspec.json.encode(args).decode()
    return Ask("GET", _with(target, args=text) if args else target, QueryReply)


def proof_tx(tx_id: bytes) -> Ask[bytes]:
    """The proof file of a transaction."""
    return Ask("GET", f"/v1/tx/{tx_id.hex()}/proof", bytes)


def proof_state(key: str) -> Ask[bytes]:
    """The proof file of a state key."""
    return Ask("GET", f"/v1/proof/state/{quote(key, safe='')}", bytes)


def trust() -> Ask[bytes]:
    """The trust file."""
    return Ask("GET", "/v1/trust", bytes)


def contracts() -> Ask[dict[str, Json]]:
    """Contracts and the schemas of their methods."""
    return Ask("GET", "/v1/contracts", dict[str, Json])


def events(types: Sequence[str], start: int | None) -> str:
    """The target of the event stream."""
    return _with("/v1/events", types=",".join(types), **{"from": start})


def read_reply(ask: Ask[T], status_code: int, content_type: str, body: bytes) -> T:
    """The reply of the node.

    Raises:
        Rejected: the node's refusal, with its code.
        Unavailable: try later, or ``node.reply`` for what no hansa node says.
    """
    readable = 200 <= status_code < 300  # noqa: PLR2004 - success
    if ask.kind is Readiness and status_code == NOT_READY:
        readable = True
    if not readable:
        raise error_of(status_code, content_type, body)
    if ask.kind is bytes:
        return body  # type: ignore[return-value]  # T is bytes here
    try:
        return msgspec.json.decode(body, type=ask.kind)
    except (ValueError, RecursionError) as error:
        raise _no_hansa(status_code, str(error)) from error


def error_of(status_code: int, content_type: str, body: bytes) -> HansaError:
    """The error that a reply tells of."""
    if not content_type.startswith(PROBLEM):
        return _no_hansa(status_code, content_type or "no content type")
    try:
        problem = msgspec.json.decode(body, type=Problem)
    except (ValueError, RecursionError) as error:
        return _no_hansa(status_code, str(error))
    kind = Unavailable if status_code in TRY_LATER else Rejected
    return kind(problem.code, problem.detail, problem.hint)


def unreachable(base_url: str, reason: str) -> Unavailable:
    """The error of a connection that nobody took or that broke."""
    return Unavailable(
        "node.unreachable",
        f"{base_url}: {reason}",
        "is the node running? hansa status shows which are; --api names another",
    )


def _no_hansa(status_code: int, why: str) -> Unavailable:
    return Unavailable(
        "node.reply", f"status {status_code}: {why}", "does the address lead to a hansa node?"
    )


def _patience(timeout_s: float) -> float:
    return timeout_s + PATIENCE_S


def _waiting(path: str, wait: Wait, timeout_s: float) -> str:
    if wait == "none":
        return path
    return f"{path}?wait={wait}&timeout={max(0, round(timeout_s * 1000))}ms"


def _with(path: str, **query: str | int | None) -> str:
    given = {name: value for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(given)}"
