"""What waits to be sent to one peer (docs/spec/network.md, section 6).

Promise: memory per peer is bounded in messages and bytes; control goes first, then
consensus; a flood of transactions cannot starve block sync, nor a block a vote. No I/O here.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from p2p.frames import BULK, CONSENSUS, CONTROL, KIND_NAMES, TRANSACTIONS, frame_at

TRANSACTION_FRAMES_IN_A_ROW = 8
"""So many transaction frames may pass a waiting bulk frame: a lagging node still gets 1/9."""


@dataclass(frozen=True, slots=True)
class QueueLimit:
    """How many messages may wait, and how many bytes of them."""

    messages: int
    size: int


QUEUE_LIMITS: Mapping[int, QueueLimit] = MappingProxyType(
    {
        CONTROL: QueueLimit(64, 64 * 1024),  # keepalive: one or two are normal
        CONSENSUS: QueueLimit(8192, 16 * 1024 * 1024),  # more than a second at 5000 a second
        TRANSACTIONS: QueueLimit(1024, 8 * 1024 * 1024),  # eight of the largest batches
        BULK: QueueLimit(256, 16 * 1024 * 1024),  # two of the largest blocks
    }
)
"""The limits of the four queues. Broadcast payloads are shared between peers, not copied."""


class Outbox:
    """The four queues to one peer."""

    __slots__ = ("_limits", "_offsets", "_queues", "_run", "_sizes")

    def __init__(self, limits: Mapping[int, QueueLimit] = QUEUE_LIMITS) -> None:
        """Start empty."""
        self._limits = limits
        self._queues: tuple[deque[bytes], ...] = tuple(deque() for _ in KIND_NAMES)
        self._sizes = [0] * len(KIND_NAMES)
        self._offsets = [0] * len(KIND_NAMES)
        self._run = 0

    def __bool__(self) -> bool:
        return any(self._queues)

    @property
    def size(self) -> int:
        """Payload bytes that wait."""
        return sum(self._sizes)

    @property
    def messages(self) -> int:
        """Messages that wait."""
        return sum(len(queue) for queue in self._queues)

    def put(self, kind: int, payload: bytes) -> bool:
        """Queue a message; False, and nothing queued, when its queue is full."""
        queue, limit = self._queues[kind], self._limits[kind]
        if len(queue) >= limit.messages or self._sizes[kind] + len(payload) > limit.size:
            return False
        queue.append(payload)
        self._sizes[kind] += len(payload)
        return True

    def take(self, budget: int) -> bytes:
        """The next frames, joined: at least one, and no further one after `budget` bytes."""
        pieces: list[bytes] = []
        size = 0
        while size < budget and (kind := self._next_kind()) is not None:
            queue = self._queues[kind]
            header, fragment, offset = frame_at(kind, queue[0], self._offsets[kind])
            pieces += (header, fragment)
            size += len(header) + len(fragment)
            if offset == len(queue[0]):
                self._sizes[kind] -= len(queue.popleft())
                offset = 0
            self._offsets[kind] = offset
        return b"".join(pieces)

    def rewind(self) -> None:
        """Begin half-sent messages again: another connection knows nothing of their start."""
        self._offsets = [0] * len(KIND_NAMES)

    def _next_kind(self) -> int | None:
        """Whose turn it is."""
        control, consensus, transactions, bulk = self._queues
        if control:
            return CONTROL
        if consensus:
            return CONSENSUS
        if transactions and not (bulk and self._run >= TRANSACTION_FRAMES_IN_A_ROW):
            self._run += 1
            return TRANSACTIONS
        self._run = 0
        return BULK if bulk else None
