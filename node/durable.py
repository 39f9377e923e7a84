"""What a node must have on disk before it speaks: vote log, signer guard, mempool journal.

Records are appended during a turn and made durable by one sync of each log; the three
may be synced side by side, because each alone keeps the promises: a guard ahead of the
vote log has signed what was never sent, a vote log ahead of the guard moves it up.
docs/spec/consensus.md, sections 7 and 8.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from consensus.guard import Guard
from storage.wal import Wal

GUARD_BYTES_MAX = 4 * 1024 * 1024
"""After so many bytes the guard's log is begun anew: some 2,500 heights of four validators."""
GUARD_HEIGHT_BYTES = 1_600
"""About what one height adds to the guard's log: three turns with a signature."""


@dataclass(frozen=True, slots=True)
class Logs:
    """The logs of a node, open."""

    votes: Wal
    guard: Wal
    journal: Wal


class Durable:
    """The logs of a node and what of them a turn has touched.

    Attributes:
        syncs_done: fdatasyncs asked for so far.
    """

    __slots__ = ("_dirty", "_guard", "_guard_bytes", "_logs", "syncs_done")

    def __init__(self, logs: Logs, guard: Guard) -> None:
        """Write to `logs`; `guard` is what the guard's log says."""
        self._logs = logs
        self._guard = guard
        self._guard_bytes = 0
        self._dirty: dict[str, None] = {}
        self.syncs_done = 0

    @property
    def is_dirty(self) -> bool:
        """Whether `syncs` has work."""
        return bool(self._dirty)

    def vote(self, records: Sequence[bytes]) -> None:
        """Append to the vote log."""
        if records:
            self._logs.votes.append(records)
            self._dirty["votes"] = None

    def guard_moved(self) -> None:
        """The guard has permitted something."""
        self._dirty["guard"] = None

    def remember(self, records: Sequence[bytes]) -> None:
        """Append to the mempool's journal."""
        if records:
            self._logs.journal.append(records)
            self._dirty["journal"] = None

    def syncs(self) -> list[Callable[[], None]]:
        """What makes durable what was appended: blocking, in any order or side by side.

        Each may raise DiskFailed: the process must end; nothing of this turn was said.
        """
        if "guard" in self._dirty:
            self._logs.guard.append([self._guard.encode()])
        wanted = {
            "votes": self._logs.votes.sync,
            "guard": self._logs.guard.sync,
            "journal": self._logs.journal.sync,
        }
        chosen = [wanted[name] for name in self._dirty]
        self._dirty.clear()
        self.syncs_done += len(chosen)
        return chosen

    def height_done(self, height: int, journal: Callable[[], list[bytes] | None]) -> None:
        """Everything below `height` is in the store: its votes may go.

        `journal` gives all records of a fresh journal when the old one has grown too large.
        """
        for sync in self.syncs():
            sync()
        self._logs.votes.rotate(height)
        self._logs.votes.forget_before(height)
        self._guard_bytes += GUARD_HEIGHT_BYTES
        if self._guard_bytes > GUARD_BYTES_MAX:
            self._guard_bytes = 0
            self._begin_anew(self._logs.guard, height, [self._guard.encode()])
        fresh = journal()
        if fresh is not None:
            self._begin_anew(self._logs.journal, height, fresh)

    def _begin_anew(self, log: Wal, height: int, records: list[bytes]) -> None:
        """The old segments go when what still counts is durable in the new one."""
        log.rotate(height, bytes_min=0)
        log.append(records)
        log.sync()
        self.syncs_done += 1
        log.forget_before(height)
