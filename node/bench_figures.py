"""From raw measurements to the figures of `hansa bench`: pure, no clock, no I/O."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class BlockCount:
    """A block as it is counted.

    Attributes:
        height: its height.
        time: its block time, ms since 1970.
        accepted: transactions whose receipt says OK.
        refused: the others; they do not count.
    """

    height: int
    time: int
    accepted: int
    refused: int


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of load by the wall clock, ms since 1970.

    Attributes:
        start: steady from here on.
        stop: nothing was sent after it.
        drained: everything that was sent was final.
    """

    start: int
    stop: int
    drained: int


@dataclass(frozen=True, slots=True)
class Rate:
    """Accepted transactions of steady blocks, and the time in ms that these took."""

    transactions: int
    blocks: int
    ms: int

    @property
    def per_s(self) -> float:
        """Transactions a second."""
        return self.transactions * 1_000 / self.ms if self.ms else 0.0


@dataclass(frozen=True, slots=True)
class Limit:
    """What libsodium verifies on all cores, signatures a second.

    Attributes:
        median: of all slices of all rounds.
        rounds: the median of each round.
        spread: (largest - smallest round) / median.
    """

    median: float
    rounds: tuple[float, ...]
    spread: float


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of the machine's processor time, 0 to 1."""

    idle: float
    others: float


def shares_of(before: tuple[float, float], after: tuple[float, float], ours: float) -> Shares:
    """What of the machine idled and what others took, between two readings (busy, idle) in s."""
    busy, idle = after[0] - before[0], after[1] - before[1]
    total = busy + idle
    return Shares(idle / total, max(busy - ours, 0.0) / total) if total else Shares(0.0, 0.0)


def steady_rate(blocks: Sequence[BlockCount], windows: Sequence[Window]) -> Rate:
    """The rate over the windows, from block to block.

    In each window it counts from the last block at or before its start to the first one at or
    after its stop, without the former's transactions: so a stall inside or at the end counts,
    and no block is cut in two. Where no block came between stop and `drained` it ends at the stop.
    """
    ordered = sorted(blocks, key=lambda block: block.height)
    transactions = count = ms = 0
    for window in windows:
        before = [i for i, block in enumerate(ordered) if block.time <= window.start]
        first = before[-1] if before else 0
        counted: list[BlockCount] = []
        end = window.stop
        for block in ordered[first + 1 :]:
            if block.time > window.drained:
                break
            counted.append(block)
            if block.time >= window.stop:
                end = block.time
                break
        if not counted:
            continue
        transactions += sum(block.accepted for block in counted)
        count += len(counted)
        ms += end - ordered[first].time
    return Rate(transactions, count, ms)


def percentile(values: Sequence[int], percent: int) -> int | None:
    """The smallest value that at least `percent` of a hundred do not exceed; None of nothing."""
    if not values:
        return None
    rank = math.ceil(len(values) * percent / 100)
    return sorted(values)[max(rank, 1) - 1]


def limit_of(rounds: Sequence[Sequence[float]]) -> Limit:
    """The limit of the machine from the slices of every round."""
    middles = tuple(median(slices) for slices in rounds)
    middle = median([rate for slices in rounds for rate in slices])
    return Limit(middle, middles, (max(middles) - min(middles)) / middle)


def difference(
    before: Mapping[str, float | None], after: Mapping[str, float | None]
) -> dict[str, float | None]:
    """How much each counter grew; None where the node does not count it."""
    grown: dict[str, float | None] = {}
    for name, last in after.items():
        first = before.get(name)
        grown[name] = None if last is None or first is None else last - first
    return grown


def samples_of(exposition: str) -> dict[str, float]:
    """The values of a Prometheus text: by name, labels summed up."""
    found: dict[str, float] = {}
    for line in exposition.splitlines():
        if line.startswith("#") or " " not in line:
            continue
        name, _, value = line.rpartition(" ")
        bare = name.partition("{")[0]
        found[bare] = found.get(bare, 0.0) + float(value)
    return found
