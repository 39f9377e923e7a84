"""From calls to receipts over HTTP: what the stories ask of a node, and nothing more.

The promise: an answer is a receipt that stands in a block, or an error that says why there is
none. For one thread.
"""

import base64
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from hansa.client import Client
from hansa.client.transactions import make
from hansa.encoding import Value, decode_value
from hansa.errors import Rejected, Unavailable
from hansa.receipt import Receipt, decode_receipt
from hansa.signing import SigningKey
from hansa.transaction import Call, SignedTransaction
from node.clock import wall_ms

EXPIRY_MS = 3_600_000
"""A story's transaction waits at most an hour for its block: less than any node admits."""
PATIENCE_S = 60.0
"""A block takes a twentieth of a second; on a machine that does other things, some seconds."""
POLL_S = 0.1
PAGE = 200
"""State keys of one page."""

CallSpec = tuple[str, str, Mapping[str, object]]
"""(contract, method, arguments); the arguments are values of `hansa.encoding`, lists and maps of
them included."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be one transaction: its calls, and the keys that sign it, the sender's first."""

    calls: Sequence[CallSpec]
    keys: Sequence[SigningKey]


class Wire:
    """A node's API, as a story uses it."""

    def __init__(self, client: Client) -> None:
        """Speak through `client`, for the chain of its node."""
        self.client = client
        self.chain_id = client.status().chain_id

    @property
    def now(self) -> int:
        """The time that the next block has at least, ms since 1970."""
        status = self.client.status()
        return max(status.time or wall_ms(), status.block_time)

    def send(self, work: Work) -> Receipt:
        """Submit one transaction: its receipt, whatever its code.

        Raises:
            Rejected: no block can hold it.
            Unavailable: no block held it in time.
        """
        signed = self._sign(work)
        reply = self.client.resubmit(signed, PATIENCE_S)
        if reply.receipt is not None:
            return decode_receipt(_bytes(reply.receipt.raw))
        return self._receipt(signed)

    def send_all(self, works: Sequence[Work]) -> tuple[Receipt, ...]:
        """Submit transactions that do not rest on each other, and wait once for all.

        Raises:
            Rejected: no block can hold one of them.
            Unavailable: no block held one of them in time.
        """
        signed = [self._sign(work) for work in works]
        if not signed:
            return ()
        for reply in self.client.submit_many(signed, "commit", PATIENCE_S).results:
            if reply.problem is not None:
                problem = reply.problem
                raise Rejected(problem.code, problem.detail, problem.hint)
        return tuple(map(self._receipt, signed))

    def state(self, key: str) -> Value:
        """The value under a state key, None when there is none."""
        view = self.client.state(key)
        return decode_value(_bytes(view.raw)) if view.present else None

    def keys(self, prefix: str) -> list[str]:
        """All state keys that begin so, in order."""
        found: list[str] = []
        cursor: str | None = None
        while True:
            page = self.client.scan(prefix, PAGE, cursor)
            found += [entry.key for entry in page.items]
            cursor = page.next
            if cursor is None:
                return found

    def until(self, condition: Callable[[], bool], what: str, within_s: float = PATIENCE_S) -> None:
        """Wait until `condition` holds.

        Raises:
            Unavailable: ``story.wait`` when it did not come true in time.
        """
        deadline = time.monotonic() + within_s
        while not condition():
            if time.monotonic() > deadline:
                raise Unavailable("story.wait", f"not within {within_s:.0f} s: {what}")
            time.sleep(POLL_S)

    def _sign(self, work: Work) -> SignedTransaction:
        calls = [
            Call.of(contract, method, cast("dict[str, Value]", args))
            for contract, method, args in work.calls
        ]
        first, *others = work.keys
        expires_at = self.now + EXPIRY_MS
        return make(self.chain_id, first, calls, expires_at=expires_at, cosigners=others)

    def _receipt(self, signed: SignedTransaction) -> Receipt:
        reply = self.client.transaction(signed.tx_id, "commit", PATIENCE_S)
        if reply.receipt is None:
            raise Unavailable(
                "story.no-receipt",
                f"transaction {reply.tx_id[:12]} is {reply.fate.state}: {reply.fate.reason}",
                "hansa status shows what the network lacks",
            )
        return decode_receipt(_bytes(reply.receipt.raw))


def _bytes(text: str) -> bytes:
    """Base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
