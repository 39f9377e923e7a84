"""The only place that reads clocks.

Consensus timers run on *processed* time: when the event loop was held up for longer
than `LAG_MS_MAX`, the surplus does not count, so that an overloaded node does not
change view for its own slowness (docs/spec/consensus.md, section 9).
"""

import time

LAG_MS_MAX = 250
"""A turn that comes later than this after it was due was held up, not late."""


def wall_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def monotonic_ms() -> int:
    """Milliseconds that never go back."""
    return time.monotonic_ns() // 1_000_000


class ProcessedClock:
    """Monotonic time minus what was lost while the process stood still."""

    __slots__ = ("_lost",)

    def __init__(self) -> None:
        self._lost = 0

    def now(self) -> int:
        """Processed milliseconds."""
        return monotonic_ms() - self._lost

    def woke(self, due: int | None) -> int:
        """A wait for `due` is over; returns by how many ms it came late."""
        if due is None:
            return 0
        late = max(self.now() - due, 0)
        self._lost += max(late - LAG_MS_MAX, 0)
        return late
