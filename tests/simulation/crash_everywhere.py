"""A crash at every write: at each persist, fsync and send of every node, with each kind of tail.

One fixed run of some twenty heights, with a lost proposal (a view change with nothing prepared),
lost COMMITs (a view change with a prepared certificate), and a validator that leaves the set and
comes back by ballot. Every boundary at which a node could die has a number. For each number the
same run is made again with the power cut there, and must end well: no fork, no second word, no
acknowledged transaction lost, live again.

`python -m tests.simulation.crash_everywhere --help`.
"""
# ruff: noqa: T201 - it is a program: it prints what it finds

import argparse
import random
import sys
import time
from collections import Counter
from contextlib import contextmanager
from typing import NamedTuple
from unittest.mock import patch

from consensus.messages import PrePrepare, Vote, decode_message
from hansa.transaction import Call
from hansa.votes import COMMIT
from node import durable, mempool
from p2p.frames import CONSENSUS
from storage.wal import Wal
from tests.simulation.clients import Market, document
from tests.simulation.world import ProcessGoneError

SIZE = 4
RUN_SEED = 6
"""The seed of the fixed run: delays, salts, the order in which logs are synced."""
STEPS = 16
"""Documents of the fixed run, one after the other."""
LEAVES, RETURNS = 6, 11
"""Before these documents the last validator is voted out of the set, and into it again."""
LOST_PROPOSAL, LOST_COMMITS = 4, 9
"""Heights whose first view comes to nothing: everybody's proposal, or COMMITs, are lost."""
TAILS = ("lost", "torn", "kept")
"""What a power cut leaves of bytes that were not synced; `kept`: only the process died."""
LIVE_MS = 60_000
"""Simulated time in which a run must be over; without a crash it takes a quarter of it."""


SEGMENT_BYTES, GUARD_BYTES, JOURNAL_BYTES = 6_000, 8_000, 1_000
"""Logs of the run are begun anew after so many bytes, not after 4 and 64 MiB: so it comes to the
points at which a segment is made and old ones go."""


@contextmanager
def small_logs():
    """The logs' own limits, lowered; nothing else of them changes."""
    with (
        patch.dict(Wal.rotate.__kwdefaults__, bytes_min=SEGMENT_BYTES),
        patch.object(durable, "GUARD_BYTES_MAX", GUARD_BYTES),
        patch.object(mempool, "JOURNAL_BYTES_MAX", JOURNAL_BYTES),
    ):
        yield


class Crash(NamedTuple):
    """Where a node dies.

    Attributes:
        node: which.
        number: of its point: the k-th boundary that it comes to, or, in a crash that follows
            another, the k-th after that.
        tail: what is left of the bytes that were not synced.
    """

    node: int
    number: int
    tail: str

    def __str__(self):
        return f"{self.node}:{self.number}:{self.tail}"


class Point(NamedTuple):
    """A boundary of the fixed run: its node comes to it for the `number`-th time."""

    node: int
    number: int
    kind: str
    time: int
    is_dirty: bool

    @property
    def crashes(self):
        """The crashes to try here: tails differ only where bytes wait for their fsync."""
        tails = TAILS if self.is_dirty else TAILS[:1]
        return [Crash(self.node, self.number, tail) for tail in tails]


class PointedFiles:
    """The files of a node, each write a point: before it, and between it and its fsync."""

    def __init__(self, files, reach):
        self.inner, self._reach = files, reach
        self._waiting = set()

    @property
    def is_dirty(self):
        """Whether bytes wait for their fsync."""
        return bool(self._waiting)

    def append(self, name, payload):
        """Write; what was written waits for its fsync."""
        self._reach(f"append {name}")
        self.inner.append(name, payload)
        self._waiting.add(name)

    def sync(self, name):
        """Make it durable."""
        self._reach(f"fsync {name}")
        self.inner.sync(name)
        self._waiting.discard(name)

    def replace(self, name, payload):
        """Durable and atomic."""
        self._reach(f"replace {name}")
        self.inner.replace(name, payload)

    def delete(self, name):
        """Durable."""
        self._reach(f"delete {name}")
        self.inner.delete(name)

    def crash(self, keep, chance):
        """The power is cut."""
        self._waiting.clear()
        self.inner.crash(keep, chance)

    def __getattr__(self, name):
        return getattr(self.inner, name)


class PointedStore:
    """The store of a node: a point before each batch and one after it."""

    def __init__(self, store, reach):
        self.inner, self._reach = store, reach

    def write(self, batch, *, sync):
        """Write whole, or not at all."""
        self._reach("store")
        self.inner.write(batch, sync=sync)
        self._reach("stored")

    def __getattr__(self, name):
        return getattr(self.inner, name)


class CrashRun(Market):
    """The fixed run, with crashes in it."""

    disk = PointedFiles

    def __init__(self, seed=RUN_SEED, crashes=(), story=None):
        self.seen = [0] * SIZE
        self.points = []
        self.waiting = list(crashes)
        self.crashed = set()
        self.progress = 0
        super().__init__(seed, SIZE)
        self.story = story

    # -- points ----------------------------------------------------------------------------

    def boot(self, index):
        """Start a host whose disk and store count what they are asked for."""
        host = self.hosts[index]
        if not isinstance(host.files, self.disk):
            host.files = self.disk(host.files, lambda kind: self.reach(host, kind))
            host.store = PointedStore(host.store, lambda kind: self.reach(host, kind))
        try:
            super().boot(index)
        except ProcessGoneError:
            return  # it died while it read its logs; it is started again later

    def reach(self, host, kind):
        """A node comes to a boundary: here it may die."""
        number = self.seen[host.index]
        self.seen[host.index] += 1
        is_dirty = host.files.is_dirty
        self.points.append(Point(host.index, number, kind, self.time, is_dirty))
        if not self.waiting or self.waiting[0][:2] != (host.index, number):
            return
        crash = self.waiting.pop(0)
        self.crashed.add(host.index)
        self.seen = [0] * SIZE  # the next crash counts from here
        self.tell(f"{host.name} dies at: {kind}, {crash.tail}")
        self.kill(host, crash.tail)
        raise ProcessGoneError

    def send(self, source, target, kind, message):
        """Each message to each peer is a point; the fixed run loses what it must."""
        self.reach(source, f"send to {target.name}")
        if not (kind == CONSENSUS and self._is_lost(decode_message(message))):
            super().send(source, target, kind, message)

    @staticmethod
    def _is_lost(message):
        match message:
            case PrePrepare():
                return message.proposal.header.height == LOST_PROPOSAL
            case Vote():
                place = (message.phase, message.height, message.view)
                return place == (COMMIT, LOST_COMMITS, 0)
            case _:
                return False

    # -- what the run does ---------------------------------------------------------------------

    def script(self):
        """The transactions of the run: (call, clerk), in order."""
        steps = []
        for number in range(STEPS):
            if number in (LEAVES, RETURNS):
                field = "remove" if number == LEAVES else "add"
                change = {"add": [], "remove": [], field: [f"n{SIZE - 1:02}"]}
                steps.append((Call.of("governance", "set_validators", change), 0))
                steps += [("vote", clerk) for clerk in range(1, SIZE // 2 + 1)]
            steps.append((document(number), number % SIZE))
        return steps

    def play(self, steps, ballot=None):
        """Give one after the other: each when the one before is in a block."""
        if self.progress == len(steps):
            return
        call, clerk = steps[self.progress]
        if call == "vote":
            call = Call.of("governance", "vote", {"id": ballot, "approve": True})
        signed = self.sign(call, clerk)
        if (call.contract, call.method) == ("governance", "set_validators"):
            ballot = f"{signed.tx_id.hex()[:24]}-1"
        place = self.progress % SIZE

        def then():
            self.progress += 1
            self.play(steps, ballot)

        self.give(signed, place, then)

    def live_through(self):
        """The whole run.

        Raises:
            AssertionError: a promise was broken.
        """
        with small_logs():
            return self._live_through()

    def _live_through(self):
        steps = self.script()
        self.play(steps)
        over = self.run(LIVE_MS, lambda: self.progress == len(steps) and self.settled())
        assert over, f"not live: step {self.progress} of {len(steps)}, heights {self.heights()}"
        # A crash may wait for this one, and then its client never hears what became of it, though
        # it is in a block: the next one is asked of the node that died as well.
        serves = any(self.one_more(STEPS + number) for number in range(1 + len(self.waiting)))
        assert serves, f"the node that died does not serve again, heights {self.heights()}"
        self.check_equal()
        return self

    def one_more(self, number):
        """Ask one more of the node that died: whether it took it, and all have it."""
        last = self.sign(document(number))
        self.give(last, place=min(self.crashed, default=0))
        over = self.run(self.time + 15_000, lambda: self.located(last.tx_id) and self.settled())
        return over and last.tx_id in self.acked

    def views(self):
        """How many heights were decided in which view."""
        decided = {height: view for _, _, height, view in self.commits}
        return dict(sorted(Counter(decided.values()).items()))

    def epochs(self):
        """How many validator sets there were."""
        return self.hosts[0].node.worker.ledger.head.epoch + 1


def fixed_run(seed=RUN_SEED):
    """The run without a crash, and its points in order of node and number."""
    sim = CrashRun(seed).live_through()
    return sim, sorted(sim.points, key=lambda point: point[:2])


def try_crash(crashes, seed=RUN_SEED, story=None):
    """The fixed run with these crashes in it; None, or what was broken."""
    try:
        sim = CrashRun(seed, crashes, story).live_through()
    except AssertionError as error:
        return str(error) or repr(error)
    if sim.waiting == list(crashes):
        return "it never came to this point"
    return None


def double_crashes(points, count, seed):
    """Two crashes each: the second while the first node comes back, or of another node."""
    chance = random.Random(f"double {seed}")
    found = []
    for _ in range(count):
        first = chance.choice(points)
        other = first.node if chance.random() < 0.5 else chance.randrange(SIZE)
        # A node that comes back reads three logs and writes them anew: its first few points.
        reach = chance.choice((6, 40, 400))
        second = Crash(other, chance.randrange(reach), chance.choice(TAILS))
        found.append((Crash(first.node, first.number, chance.choice(TAILS)), second))
    return found


def sampled(points, count, seed):
    """So many crashes at points that chance chose: as many of each kind as there are kinds."""
    chance = random.Random(f"points {seed}")
    kinds = {}
    for point in points:
        kinds.setdefault((point.kind.partition(" ")[0], point.is_dirty), []).append(point)
    names = sorted(kinds)
    found = []
    while len(found) < count:
        point = chance.choice(kinds[names[len(found) % len(names)]])
        found.append((chance.choice(point.crashes),))
    return found


# -- the command -----------------------------------------------------------------------------


def main(arguments=None):
    """Run what was asked for; exit 1 on a violation."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation.crash_everywhere", description=__doc__
    )
    parser.add_argument("--points", metavar="A:B", help="points from A up to, not with, B")
    parser.add_argument("--node", type=int, help="only the points of this node")
    parser.add_argument("--double", type=int, default=0, help="so many double crashes instead")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of double crashes")
    parser.add_argument("--run", type=int, default=RUN_SEED, help="seed of the fixed run")
    parser.add_argument("--at", metavar="NODE:POINT:TAIL,...", help="one run, with its story")
    parser.add_argument("--list", action="store_true", help="print the points")
    chosen = parser.parse_args(arguments)
    if chosen.at:
        return tell(chosen)
    sim, points = fixed_run(chosen.run)
    print(
        f"the run: {sim.top} heights, views {sim.views()}, "
        f"epochs {sim.epochs()}, points {len(points)}",
        flush=True,
    )
    first, last = map(int, (chosen.points or f"0:{len(points)}").split(":"))
    places = [
        (number, point)
        for number, point in enumerate(points)
        if first <= number < last and chosen.node in (None, point.node)
    ]
    if chosen.list:
        for number, point in places:
            print(f"{number:>6} n{point.node:02} {point.time:>6} ms {point.kind}")
        return 0
    if chosen.double:
        chosen_points = [point for _, point in places]
        runs = double_crashes(chosen_points, chosen.double, chosen.seed)
        return campaign(runs, chosen.run, "double crashes", len(runs))
    runs = [(crash,) for _, point in places for crash in point.crashes]
    return campaign(runs, chosen.run, "points", len(places))


def campaign(runs, seed, what, count):
    """Try all crashes; one line for each that broke a promise, and a closing line."""
    began, violations = time.monotonic(), 0
    for crashes in runs:
        broken = try_crash(crashes, seed)
        if broken is not None:
            violations += 1
            where = ",".join(map(str, crashes))
            print(f"✗ {where}: {broken}")
            print(
                f"  replay: python -m tests.simulation.crash_everywhere --run {seed} --at {where}",
                flush=True,
            )
    pace = count / max(time.monotonic() - began, 1e-9)
    print(f"{what} {count}, violations {violations}, runs {len(runs)}, {pace:.1f} {what}/s")
    return 1 if violations else 0


def tell(chosen):
    """One run with its story."""
    crashes = []
    for text in chosen.at.split(","):
        node, number, tail = text.split(":")
        crashes.append(Crash(int(node), int(number), tail))
    story = []
    broken = try_crash(crashes, chosen.run, story)
    print(*story, sep="\n")
    print("all well" if broken is None else f"✗ {broken}")
    return 0 if broken is None else 1


if __name__ == "__main__":
    sys.exit(main())
