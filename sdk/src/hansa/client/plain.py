"""The plain client: `http.client` of the standard library, nothing to install, quick to start."""

import http.client
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar
from urllib.parse import urlsplit

from hansa.client import calls
from hansa.client.calls import Ask
from hansa.client.events import (
    RECONNECT_S,
    SILENCE_S_MAX,
    Cursor,
    EventParser,
    LiveEvent,
    MemoryCursor,
)
from hansa.client.types import (
    Blocks,
    BlockView,
    Consensus,
    Direction,
    Entries,
    Fate,
    Json,
    Peers,
    QueryReply,
    Readiness,
    ReceiptView,
    RecordView,
    StateView,
    Status,
    Submitted,
    SubmittedBatch,
    TransactionReply,
    Wait,
)
from hansa.errors import Rejected, Unavailable
from hansa.transaction import SignedTransaction

if TYPE_CHECKING:
    from hansa.client.acting import Acting
    from hansa.client.outbox import Outbox
    from hansa.signing import SigningKey

T = TypeVar("T")

WAIT_S = 10.0
"""How long to wait for a commit when nobody says."""
READ_BYTES = 16 * 1024


class Client:
    """Talks to one node. For one thread; keeps one connection open."""

    def __init__(
        self, base_url: str, *, token: str | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        """Name the node, ``http://127.0.0.1:8600`` (with or without ``/v1``); connects later.

        Raises:
            Rejected: ``client.url``.
        """
        self.base_url = base_of(base_url)
        self._headers = headers_of(token)
        self._tls = tls
        self._connection: http.client.HTTPConnection | None = None

    def __enter__(self) -> Self:
        """Nothing happens before the first call."""
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Close the connection; the next call opens one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def submit(
        self, signed: SignedTransaction, wait: Wait = "none", timeout_s: float = WAIT_S
    ) -> Submitted:
        """Submit a transaction; the same bytes may be submitted again freely.

        Raises:
            Rejected: the node refuses it for good.
            Unavailable: try again later or elsewhere.
        """
        return self._send(calls.submit(signed.raw, wait, timeout_s))

    def submit_many(
        self, signed: Sequence[SignedTransaction], wait: Wait = "none", timeout_s: float = WAIT_S
    ) -> SubmittedBatch:
        """Submit up to 1,000 transactions; single refusals stand in the results."""
        raws = [transaction.raw for transaction in signed]
        return self._send(calls.submit_many(raws, wait, timeout_s))

    def resubmit(self, signed: SignedTransaction, within_s: float) -> Submitted:
        """Submit the same bytes until their fate is final or `within_s` has passed.

        Never executes twice: the chain takes each (sender, nonce) once. Only after a final
        ``expired`` may the intent be signed anew.

        Raises:
            Rejected: the node refuses it for good.
            Unavailable: nothing final within the time; it may still commit.
        """
        deadline = time.monotonic() + within_s
        while True:
            left = deadline - time.monotonic()
            try:
                reply = self.submit(signed, "commit", max(0.0, min(left, WAIT_S)))
            except Unavailable:
                if left <= RECONNECT_S:
                    raise
                time.sleep(RECONNECT_S)
                continue
            if reply.fate is not None and reply.fate.final:
                return reply
            if left <= 0:
                raise not_final(reply)

    def acting(
        self,
        key: "SigningKey",
        cosigners: "Sequence[SigningKey]" = (),
        outbox: "Outbox | None" = None,
        within_s: float = 60.0,
    ) -> "Acting":
        """Sign with `key`: ``node.acting(key).doc.register(id=..., digest=...)``.

        Each call is built, signed (by `cosigners`, too), kept in `outbox`, submitted and waited
        for, at most `within_s`; `do` carries out several calls in one transaction.
        """
        from hansa.client.acting import Acting, Manner  # noqa: PLC0415 - only who signs pays for it

        return Acting(self, Manner(key, tuple(cosigners), outbox, within_s))

    def transaction(
        self, tx_id: bytes, wait: Wait = "none", timeout_s: float = WAIT_S
    ) -> TransactionReply:
        """What the node knows of a transaction.

        Raises:
            Rejected: ``tx.not-found``.
        """
        return self._send(calls.transaction(tx_id, wait, timeout_s))

    def fate(self, tx_id: bytes) -> Fate:
        """What became of a transaction; ``unknown`` when the node never heard of it."""
        return self.wait(tx_id, 0)

    def wait(self, tx_id: bytes, timeout_s: float = WAIT_S) -> Fate:
        """Its fate as soon as that is final, at the latest after `timeout_s`."""
        try:
            return self.transaction(tx_id, "commit", timeout_s).fate
        except Rejected as error:
            return unknown_fate(error)

    def receipt(self, tx_id: bytes) -> ReceiptView | None:
        """The receipt of a transaction, None before a block holds it."""
        return self.transaction(tx_id).receipt

    def status(self) -> Status:
        """The node's status."""
        return self._send(calls.status())

    def peers(self) -> Peers:
        """The other nodes."""
        return self._send(calls.peers())

    def consensus(self) -> Consensus:
        """Where the replica stands."""
        return self._send(calls.consensus())

    def ready(self) -> Readiness:
        """Whether the node serves, with every check."""
        return self._send(calls.ready())

    def block(self, height: int | None = None) -> BlockView:
        """A block; None: the last one."""
        return self._send(calls.block(height))

    def blocks(self, limit: int = 50, cursor: str | None = None) -> Blocks:
        """A page of blocks, newest first."""
        return self._send(calls.blocks(limit, cursor))

    def state(self, key: str) -> StateView:
        """The value under a state key."""
        return self._send(calls.state(key))

    def scan(self, prefix: str, limit: int = 50, cursor: str | None = None) -> Entries:
        """A page of state keys."""
        return self._send(calls.scan(prefix, limit, cursor))

    def record(self, contract: str, record_id: str) -> RecordView:
        """A record of a contract."""
        return self._send(calls.record(contract, record_id))

    def trace(
        self, identifier: str, direction: Direction = "both", depth: int = 16
    ) -> dict[str, Json]:
        """Events up and down from an identifier."""
        return self._send(calls.trace(identifier, direction, depth))

    def query(
        self, contract: str, name: str, args: Mapping[str, object] | None = None
    ) -> QueryReply:
        """Ask a contract a question about the head; ``contracts()`` lists all of them.

        `args` become JSON: digests and keys are hex texts. The answer is in ``result``.

        Raises:
            Rejected: a code of the contracts' refusals: ``MISSING``, ``SCHEMA``, ``LIMIT``, …
        """
        return self._send(calls.query(contract, name, {} if args is None else args))

    def proof_tx(self, tx_id: bytes) -> bytes:
        """The proof file of a transaction."""
        return self._send(calls.proof_tx(tx_id))

    def proof_state(self, key: str) -> bytes:
        """The proof file of a state key, present or absent."""
        return self._send(calls.proof_state(key))

    def trust(self) -> bytes:
        """The trust file."""
        return self._send(calls.trust())

    def contracts(self) -> dict[str, Json]:
        """Contracts and the schemas of their methods."""
        return self._send(calls.contracts())

    def events(
        self,
        types: Sequence[str] = ("block",),
        start: int | None = None,
        cursor: Cursor | None = None,
    ) -> Iterator[LiveEvent]:
        """Events for ever, over reconnections; `cursor` moves when the next one is asked for.

        Raises:
            Rejected: the node refuses the stream.
            Unavailable: ``node.unreachable`` when the first connection fails.
        """
        kept = MemoryCursor() if cursor is None else cursor
        parser = EventParser()
        while True:
            try:
                for event in self._stream(calls.events(types, start), kept, parser):
                    yield event
                    kept.store(event.id)
            except Unavailable:
                if parser.last_id is None:
                    raise
            parser = EventParser(parser.last_id)
            time.sleep(RECONNECT_S)

    def _stream(self, target: str, cursor: Cursor, parser: EventParser) -> Iterator[LiveEvent]:
        connection = self._connect(SILENCE_S_MAX)
        last_id = cursor.load() or parser.last_id
        headers = self._headers if last_id is None else {**self._headers, "Last-Event-ID": last_id}
        try:
            connection.request("GET", target, headers=headers)
            response = connection.getresponse()
            if response.status != 200:  # noqa: PLR2004 - OK
                kind = response.headers.get("Content-Type", "")
                raise calls.error_of(response.status, kind, response.read())
            while chunk := response.read1(READ_BYTES):
                yield from parser.feed(chunk)
        except (OSError, http.client.HTTPException) as error:
            raise calls.unreachable(self.base_url, _reason(error)) from error
        finally:
            connection.close()

    def _send(self, ask: Ask[T]) -> T:
        """Ask once, and once more when a kept connection died of age: nothing here harms twice."""
        kept = self._connection is not None
        while True:
            try:
                return self._exchange(ask)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if not kept or isinstance(error, TimeoutError):
                    raise calls.unreachable(self.base_url, _reason(error)) from error
                kept = False

    def _exchange(self, ask: Ask[T]) -> T:
        if self._connection is None:
            self._connection = self._connect(ask.timeout_s)
        connection = self._connection
        connection.timeout = ask.timeout_s
        if connection.sock is not None:
            connection.sock.settimeout(ask.timeout_s)
        headers = self._headers
        if ask.body is not None:
            headers = {**headers, "Content-Type": calls.MSGPACK}
        connection.request(ask.method, ask.target, body=ask.body, headers=headers)
        response = connection.getresponse()
        body = response.read()
        kind = response.headers.get("Content-Type", "")
        return calls.read_reply(ask, response.status, kind, body)

    def _connect(self, timeout_s: float) -> http.client.HTTPConnection:
        parts = urlsplit(self.base_url)
        assert parts.hostname is not None
        if parts.scheme == "https":
            return http.client.HTTPSConnection(
                parts.hostname, parts.port, timeout=timeout_s, context=self._tls
            )
        return http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout_s)


def base_of(url: str) -> str:
    """Scheme, host and port of a node's address.

    Raises:
        Rejected: ``client.url``.
    """
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Rejected("client.url", f"{url!r}: {error}") from error
    if (
        parts.scheme not in ("http", "https")
        or not host
        or parts.path.rstrip("/") not in ("", "/v1")
    ):
        raise Rejected(
            "client.url", f"{url!r} is no node's address", "write it as http://127.0.0.1:8600"
        )
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port is not None else "")


def headers_of(token: str | None) -> dict[str, str]:
    """What every request carries."""
    headers = {"Accept": "application/json", "User-Agent": "hansa-sdk"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return headers


def unknown_fate(error: Rejected) -> Fate:
    """The fate of what the node never heard of; other refusals go on."""
    if error.code != "tx.not-found":
        raise error
    return Fate(state="unknown")


def not_final(reply: Submitted) -> Unavailable:
    """The error of a wait that ended before anything was final."""
    if reply.not_yet is not None:
        return Unavailable(reply.not_yet.code, reply.not_yet.detail, reply.not_yet.hint)
    state = "unknown" if reply.fate is None else reply.fate.state
    return Unavailable("wait.timeout", f"{reply.tx_id} is {state}", "submit the same bytes again")


def _reason(error: Exception) -> str:
    text = str(error) or type(error).__name__
    return text[:200]
