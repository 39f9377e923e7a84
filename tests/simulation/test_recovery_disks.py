"""A node whose disk fails, whose home has two owners, or whose outcome is another one.

It ends itself, or says so and signs nothing more; what is on its disk stays good.
"""

import os
import signal
import subprocess
import sys

import pytest

from consensus.messages import Vote
from hansa.errors import Unavailable
from node.sync_messages import Blocks, decode_sync
from p2p.frames import BULK
from storage.errors import DiskFailed
from storage.kv import MemoryStore
from storage.lock import HomeLock
from storage.memory_files import MemoryFiles
from tests.conftest import ROOT
from tests.simulation.clients import Heard, document

SEEDS = {"test_a_disk_error_ends_the_process_and_is_never_tried_again": range(4)}
ME = 0
"""The node of each case."""


# -- one process a home ----------------------------------------------------------------------

OWNER = """if True:
    import pathlib, sys, time
    from storage.files import RealFiles
    from storage.lock import HomeLock
    from storage.wal import Wal
    home = pathlib.Path(sys.argv[1])
    lock = HomeLock(home)
    log, batches, tail = Wal.open(RealFiles(home / "wal"), "votes", salt=bytes(16))
    log.append([b"a vote"])
    log.sync()
    print(len(batches), tail.status, flush=True)
    time.sleep(600)
"""


def owner(home):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", OWNER, str(home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def test_two_processes_on_one_directory_cannot_both_write(tmp_path):
    """Real files and real processes: the second is refused before it touches a log."""
    with owner(tmp_path) as first:
        assert first.stdout.readline() == "0 created\n"
        [log] = (tmp_path / "wal").glob("votes-*.wal")
        before = log.read_bytes()

        with owner(tmp_path) as second:
            _, why = second.communicate(timeout=60)
        assert second.returncode == 1
        assert "home.in-use" in why or "in use" in why
        assert f"pid {first.pid}" in why
        assert log.read_bytes() == before
        with pytest.raises(Unavailable):
            HomeLock(tmp_path)

        first.send_signal(signal.SIGKILL)
    with owner(tmp_path) as third:
        assert third.stdout.readline() == "1 clean\n"
        third.kill()


# -- disk errors -----------------------------------------------------------------------------


class Tried(MemoryFiles):
    """Counts what is asked of the disk, and remembers when it failed."""

    def __init__(self, inner):
        self.__dict__.update(inner.__dict__)
        self.asked, self.failed_at = 0, None

    def _may_fail(self, operation, name, damage=None, *, always=False):
        self.asked += 1
        try:
            super()._may_fail(operation, name, damage, always=always)
        except DiskFailed:
            self.failed_at = self.asked
            raise


@pytest.mark.parametrize(
    ("operation", "kind"),
    [("sync", "eio"), ("append", "enospc"), ("append", "short"), ("append", "eio")],
)
def test_a_disk_error_ends_the_process_and_is_never_tried_again(seed, operation, kind):
    sim = Heard(400 + seed).busy(4)
    host = sim.hosts[ME]
    sim.take_away(ME)
    host.files = Tried(host.files)
    sim.bring_back(ME)
    sim.run(sim.time + 300)
    host.files.fail(operation, kind, after=sim.names.randrange(6))
    asked, life = [], host.life

    def noted(where, error):
        sim.ended.append((where.index, error))
        asked.append(host.files.asked)
        sim.away.add(ME)
        sim.kill(where, "lost")

    sim.stopped = noted
    sim.until(lambda: sim.ended)

    [(index, error)] = sim.ended
    assert (index, error.code) == (ME, "disk.failed")
    assert host.life == life
    assert asked == [host.files.failed_at], "the disk was used again after it had failed"
    since = sim.time
    assert sim.words(ME, since) == []
    sim.bring_back(ME)
    sim.until(lambda: sim.words(ME, since, Vote))
    sim.until(lambda: sim.follows(ME))
    sim.check_equal_prefix()


# -- another outcome -------------------------------------------------------------------------


class Diverging(Heard):
    """A node may say that it diverged: its shell goes on, as the daemon's does."""

    def __init__(self, seed):
        self.diverged = set()
        super().__init__(seed)

    def carry_out(self, host, effects):
        """Note it, and carry on."""
        if effects.diverged:
            self.diverged.add(host.index)
            effects.diverged = False
        super().carry_out(host, effects)


def spoilt(seed=10, *, by_sync=False):
    """A node whose store has lost a document that the others have: its outcomes differ.

    It finds out when it takes part in a height, or when it is given blocks of heights ago.
    """
    sim = Diverging(seed)
    first = sim.sign(document(0))
    sim.give(first)
    sim.until(lambda: sim.heights() == [1, 1, 1, 1])
    sim.take_away(ME)
    store = sim.hosts[ME].store
    spoilt_keys = [key for key, _ in store.iterate_prefix(b"s") if b"paper-0" in key]
    assert spoilt_keys
    store.write(dict.fromkeys(spoilt_keys), sync=True)
    sim.bring_back(ME)
    sim.run(sim.time + 3_000)
    if by_sync:
        sim.partition([ME])
    # The same document once more: refused by all who know it.
    again = sim.sign(document(0))
    sim.give(again, place=1)
    if by_sync:
        sim.until(lambda: sim.located(again.tx_id))
        for number in range(1, 6):
            sim.give(sim.sign(document(number)), place=1)
            sim.run(sim.time + 3_000)
        sim.cut.clear()
    sim.until(lambda: sim.diverged, within=60_000)
    return sim


def test_a_node_whose_outcome_differs_says_so_and_signs_nothing_more():
    sim = spoilt()
    since = sim.time
    assert sim.diverged == {ME}

    sim.keep_busy(place=1)
    sim.run(since + 20_000)

    assert sim.words(ME, since) == []
    assert sim.ledger(ME).head.height == 1
    assert sim.top > 5


def test_a_node_whose_outcome_differs_serves_what_it_has():
    """A newcomer asks every node; of the diverged one's answers it makes a block, too."""
    sim = spoilt()
    sim.take_away(3)
    host = sim.hosts[3]
    host.files, host.store = MemoryFiles(), MemoryStore()
    served = []

    def send(source, target, kind, message):
        if target is host and kind == BULK and isinstance(decode_sync(message), Blocks):
            if source.index != ME:
                return  # the others do not answer: their requests run out
            served.extend(decode_sync(message).blocks)
        Diverging.send(sim, source, target, kind, message)

    sim.send = send
    sim.bring_back(3)

    sim.until(lambda: sim.ledger(3).head.height == 1)
    assert len(served) == 1
    assert sim.ledger(3).head.hash == sim.ledger(ME).head.hash


@pytest.mark.parametrize("by_sync", [False, True], ids=["by-consensus", "by-sync"])
def test_a_node_whose_outcome_differed_signs_nothing_after_a_restart_either(by_sync):
    """Nobody is there to tell it once more: what it found out itself must be on its disk."""
    sim = spoilt(by_sync=by_sync)
    sim.run(sim.time + 1_000)
    sim.take_away(ME)
    sim.partition([ME])
    since = sim.time

    sim.bring_back(ME)
    for number in range(10, 15):
        sim.give(sim.sign(document(number)), place=ME)
    sim.run(since + 30_000)

    assert sim.words(ME, since) == []
    assert not sim.hosts[ME].node.driver.replica.may_sign
