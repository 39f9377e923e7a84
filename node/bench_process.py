"""The processes beside the nodes in `hansa bench`: one for each core, told what to do by lines.

The promise: none outlives the `with` block that started them, whatever ends it; should this
process be killed, their input ends and they with it.
"""

import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from hansa.errors import Unavailable
from node.bench_worker import Load, Loaded, Made, Make, Order, Verified, Verify

SLICES = 5
"""Slices of a round of verification: their median is not moved by one disturbance."""
SLICE_MS = 300
"""A slice: 3,000 signatures a core, a round of 1.5 s."""

T = TypeVar("T")


class Crew:
    """The worker processes, all given the same kind of order at the same time."""

    def __init__(self, count: int) -> None:
        """Start `count` processes in a session of their own: an interrupt does not reach them."""
        self.size = count
        self._processes = [_start() for _ in range(count)]

    def __enter__(self) -> Self:
        """They run already."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Kill them: there is nothing that they should save."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.communicate()

    def make(self, orders: Sequence[Make]) -> int:
        """Sign transactions, a share in each process; how many there are."""
        return sum(made.count for made in self._do(orders, Made))

    def limit(self) -> list[float]:
        """A round of verification: signatures a second of all processes together, each slice."""
        orders = [Verify(SLICE_MS)] * self.size
        slices = [self._do(orders, Verified) for _ in range(SLICES)]
        return [sum(one.count * 1e9 / one.ns for one in answers) for answers in slices]

    def load(self, orders: Sequence[Load]) -> list[Loaded]:
        """Load the nodes until all processes are done."""
        return self._do(orders, Loaded)

    def _do(self, orders: Sequence[Order], kind: type[T]) -> list[T]:
        """Give an order to each of the first processes, then read the answers.

        Raises:
            Unavailable: ``bench.worker`` when a process ended.
        """
        busy = self._processes[: len(orders)]
        for process, order in zip(busy, orders, strict=True):
            assert process.stdin is not None
            process.stdin.write(msgspec.json.encode(order) + b"\n")
            process.stdin.flush()
        answers = []
        for process in busy:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise Unavailable("bench.worker", "a client process ended", "see its last words")
            answers.append(msgspec.json.decode(line, type=kind))
        return answers


def _start() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "node.bench_worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
