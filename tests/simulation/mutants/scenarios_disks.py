"""What a log may believe of a disk (docs/spec/consensus.md 7.4, docs/spec/storage.md 4).

Each function states a promise, holds on the code as it is, and fails where the promise is broken.
"""

from contextlib import suppress

from hansa.errors import Corrupt
from storage.errors import DiskFailed
from storage.memory_files import MemoryFiles
from storage.wal import MARKER, Wal

SALT = b"sixteen bytes :)"
NAME = "votes-00000000000000000000.wal"
BATCHES = [[b"first", b"and more"], [b"second" * 9], [b"third", b"the last"]]


def opened(files):
    """The batches that a start finds, and how the log ended."""
    _, batches, tail = Wal.open(files, "votes", salt=SALT)
    return batches, tail.status


def written():
    """A log of three synced batches, and where each of them begins."""
    files = MemoryFiles()
    wal, _, _ = Wal.open(files, "votes", salt=SALT)
    for batch in BATCHES:
        wal.append(batch)
        wal.sync()
    content, places, place = files.read(NAME), [], -1
    while (place := content.find(MARKER, place + 1)) >= 0:
        places.append(place)
    return files, content, places


def a_torn_batch_is_dropped_whole():
    """A batch that was cut at any byte, or whose pages came out of order, was never synced."""
    files, content, places = written()
    assert opened(files) == (BATCHES, "clean")

    for end in range(places[-1] + 1, len(content)):
        for torn in (content[:end], content[:end] + bytes(len(content) - end)):
            files.replace(NAME, torn)
            batches, status = opened(files)
            whole = torn == content
            assert (batches, status) == (
                BATCHES if whole else BATCHES[:2],
                ("torn", "clean")[whole],
            )


def damage_before_a_good_batch_stops_the_node():
    """A flipped bit in a batch that others follow is corruption: nothing is silently forgotten."""
    _, content, places = written()

    for bit in range(8 * places[1], 8 * places[2], 7):
        files = MemoryFiles()
        files.replace(NAME, content)
        files.flip(NAME, bit)
        try:
            batches, _ = opened(files)
        except Corrupt:
            continue
        raise AssertionError(f"bit {bit} was flipped, and {len(batches)} batches came back")


def a_sync_that_failed_is_never_believed():
    """7.4: after a failed sync nothing is said to be durable that a power cut takes away."""
    files = MemoryFiles()
    wal, _, _ = Wal.open(files, "votes", salt=SALT)
    wal.append([b"a vote"])
    files.fail("sync", "eio")
    believed = False
    with suppress(DiskFailed):
        wal.sync()
        believed = True

    files.crash("lost", lambda _: 0)

    batches, _ = opened(files)
    assert not believed or batches == [[b"a vote"]], "said to be durable, and gone"
