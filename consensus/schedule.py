"""Who is primary: rotation and skip list (docs/spec/consensus.md, section 5).

A pure function of the chain: the epoch's order is fixed by the parent hash of
its first block, and primaries whose views failed are stepped over for a while.
Both come from headers alone, so that every replica, also one that restarted,
finds the same primary.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from hansa.block import Header
from hansa.hashing import tagged_hash
from hansa.membership import ValidatorSet

WINDOW_HEIGHTS = 1_000
"""The skip list looks back this far: longer than its longest penalty."""
PENALTY_HEIGHTS = 10
"""A first failure costs this many heights; each further one in the window doubles it."""
PENALTY_DOUBLINGS_MAX = 6


@dataclass(frozen=True, slots=True)
class Failure:
    """Views 0 to `views` - 1 of a height failed, says the header at `said_at`."""

    said_at: int
    views: int
    proposer: str


class Schedule:
    """The primaries of one epoch; `advance` follows the chain."""

    __slots__ = ("_failures", "_memo", "_order", "_previous", "_start", "_validators")

    def __init__(self, validators: ValidatorSet, epoch_start: int, seed: bytes) -> None:
        """Begin an epoch.

        Args:
            validators: the set of the epoch.
            epoch_start: the height of its first block.
            seed: the parent hash of its first block.
        """
        self._validators = validators
        self._start = epoch_start
        self._order = sorted(
            range(validators.size),
            key=lambda index: tagged_hash("order", seed + validators.validators[index].key),
        )
        self._failures: deque[Failure] = deque()
        self._previous: Header | None = None
        self._memo: tuple[int, list[int]] = (-1, [])

    @classmethod
    def from_headers(
        cls, validators: ValidatorSet, epoch_start: int, seed: bytes, headers: Iterable[Header]
    ) -> "Schedule":
        """The schedule after the last of `headers` (at least the window's, of this epoch)."""
        schedule = cls(validators, epoch_start, seed)
        for header in headers:
            schedule.advance(header)
        return schedule

    def advance(self, header: Header) -> None:
        """Take in the next committed header of this epoch."""
        previous = self._previous
        if header.last_view > 0 and previous is not None:
            self._failures.append(Failure(header.height, header.last_view, previous.primary))
        while self._failures and self._failures[0].said_at <= header.height - WINDOW_HEIGHTS:
            self._failures.popleft()
        self._previous = header
        self._memo = (-1, [])

    def primary(self, height: int, view: int) -> int:
        """The signer index of the primary; `height` is the one after the last header."""
        if self._memo[0] != height:
            self._memo = (height, self._alive(height, list(self._failures)))
        alive = self._memo[1]
        return alive[(height - self._start + view) % len(alive)]

    def _alive(self, height: int, failures: list[Failure]) -> list[int]:
        """The order without those skipped at `height`, by failures said before it."""
        strikes: dict[int, list[int]] = {}
        for failure in failures:
            failed = failure.said_at - 1
            alive = self._standing(failed, strikes)
            proposer = self._validators.index_of(failure.proposer)
            seen = min(failure.views, len(alive))
            for view in range(seen):
                struck = alive[(failed - self._start + view) % len(alive)]
                if struck != proposer:
                    strikes.setdefault(struck, []).append(failure.said_at)
        return self._standing(height, strikes)

    def _standing(self, height: int, strikes: dict[int, list[int]]) -> list[int]:
        """The order minus at most f skipped; those whose penalty began first are freed first."""
        skipped = []
        for signer, said_at in strikes.items():
            # They rise, and at most the last of them is not below `height`.
            count = len(said_at) - (said_at[-1] >= height)
            if count:
                last = said_at[count - 1]
                doublings = min(count - 1, PENALTY_DOUBLINGS_MAX)
                if height <= last + PENALTY_HEIGHTS * 2**doublings:
                    skipped.append((last, signer))
        allowed = self._validators.faults
        latest = {signer for _, signer in sorted(skipped)[-allowed:]} if allowed else set()
        return [index for index in self._order if index not in latest]
