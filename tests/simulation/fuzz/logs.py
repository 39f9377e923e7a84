"""Fuzzing of the files of a write-ahead log.

The promise: whatever is done to the files, `Wal.open` gives a prefix of what the whole files
held, or `Corrupt`; never another record. Where a first segment is gone, which is what
`forget_before` leaves as well, it may begin later. A flipped bit costs the last batch at most, a
batch that is missing, doubled or misplaced before another one is never passed over. The log goes
on behind what it gave.
"""

from hansa.errors import Corrupt
from storage.memory_files import MemoryFiles
from storage.wal import Wal

NAME = "votes"
SALT = b"s" * 16
OTHER_SALT = b"t" * 16
LOSS_MAX = {"flip": 1, "double": 0, "swap": 0, "drop": 0}
"""How many batches may be missing when this alone was done: a last one may never have been there
as far as anybody can see, one with a whole batch behind it was."""


class Logs:
    """The target: a log that is written, damaged and opened again."""

    def __init__(self, log=Wal):
        self._log = log

    def one(self, chance):
        """One execution; whether the damaged log was opened.

        Raises:
            AssertionError: a promise is broken.
        """
        files, batches = self._written(chance)
        _, whole, _ = self._log.open(files, NAME, salt=SALT)
        assert whole == batches[len(batches) - len(whole) :], "undamaged, and yet not all there"
        what = []
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            damage = chance.choice(DAMAGES)
            damage(files, chance)
            what.append(damage.__name__)
        try:
            log, found, tail = self._log.open(files, NAME, salt=chance.randbytes(16))
        except Corrupt:
            return False
        fits = _is_part if {"lose", "mistake"} & set(what) else _is_prefix
        assert fits(found, whole), f"{what}: another past comes back"
        if len(what) == 1 and what[0] in LOSS_MAX:
            lost = len(whole) - len(found)
            assert lost <= LOSS_MAX[what[0]], f"{what}: {lost} batches are passed over"
        assert tail.status != "clean" or tail.dropped == 0
        self._goes_on(files, log, found, what)
        return True

    def _written(self, chance):
        """The files of a log and its batches, oldest first; no two records are equal."""
        files = MemoryFiles()
        log, _, _ = self._log.open(files, NAME, salt=SALT)
        batches, count = [], 0
        for height in range(1, chance.randrange(2, 9)):
            for _ in range(chance.randrange(4)):
                batch = []
                for _ in range(chance.randrange(1, 4)):
                    count += 1
                    batch.append(count.to_bytes(4, "big") + chance.randbytes(chance.randrange(40)))
                log.append(batch)
                log.sync()
                batches.append(batch)
            log.rotate(height + 1, bytes_min=chance.choice((0, 100, 400)))
        if chance.random() < 0.5:
            log.forget_before(chance.randrange(8))
        return files, batches

    def _goes_on(self, files, log, found, what):
        """What is written after it was opened comes back behind what it gave."""
        log.append([b"after"])
        log.sync()
        _, again, tail = self._log.open(files, NAME, salt=OTHER_SALT)
        assert again == [*found, [b"after"]], f"{what}: it does not go on from there"
        assert tail.status == "clean"


def _is_prefix(found, batches):
    """Whether what was written begins with what was found."""
    return batches[: len(found)] == found


def _is_part(found, batches):
    """Whether what was found stands in what was written, whole and in a row."""
    if not found:
        return True
    starts = [place for place, batch in enumerate(batches) if batch == found[0]]
    return any(batches[start : start + len(found)] == found for start in starts)


# -- damages ---------------------------------------------------------------------------------------


def _segments(files):
    return files.names()


def _some(files, chance):
    names = _segments(files)
    name = chance.choice(names) if chance.random() < 0.4 else names[-1]
    return name, files.read(name)


def cut(files, chance):
    """The end of a segment is gone."""
    name, content = _some(files, chance)
    files.truncate(name, chance.randrange(len(content) + 1))


def flip(files, chance):
    """A bit is another."""
    name, content = _some(files, chance)
    if content:
        files.flip(name, chance.randrange(8 * len(content)))


def zero(files, chance):
    """A part is null bytes, as after a power cut: most often up to the end."""
    name, content = _some(files, chance)
    start = chance.randrange(len(content) + 1)
    stop = len(content) if chance.random() < 0.6 else min(len(content), start + 64)
    files.replace(name, content[:start] + bytes(stop - start) + content[stop:])


def double(files, chance):
    """The last part of a segment stands twice, as a write that was tried again leaves it."""
    name, content = _some(files, chance)
    start = chance.choice(_batch_starts(content) or [len(content)])
    files.replace(name, content + content[start:])


def swap(files, chance):
    """Two batches stand in the other's place."""
    name, content = _some(files, chance)
    starts = _batch_starts(content)
    if len(starts) >= 3:
        first = chance.randrange(len(starts) - 2)
        one, two, three = starts[first], starts[first + 1], starts[first + 2]
        files.replace(name, content[:one] + content[two:three] + content[one:two] + content[three:])


def drop(files, chance):
    """One batch is missing from the middle."""
    name, content = _some(files, chance)
    starts = _batch_starts(content)
    if len(starts) >= 2:
        first = chance.randrange(len(starts) - 1)
        files.replace(name, content[: starts[first]] + content[starts[first + 1] :])


def noise(files, chance):
    """Bytes that nobody wrote."""
    name, content = _some(files, chance)
    start = chance.randrange(len(content) + 1)
    files.replace(name, content[:start] + chance.randbytes(chance.randrange(1, 64)))


def lose(files, chance):
    """A whole segment is missing."""
    if len(_segments(files)) > 1:
        files.delete(chance.choice(_segments(files)))


def mistake(files, chance):
    """A segment holds what belongs to another one (a misdirected write)."""
    one, _ = _some(files, chance)
    other, content = _some(files, chance)
    if one != other:
        files.replace(one, content)


def foreign(files, chance):
    """A batch of another log of the same layout, behind the end."""
    other = MemoryFiles()
    log, _, tail = Wal.open(other, NAME, salt=OTHER_SALT)
    for _ in range(chance.randrange(1, 4)):
        log.append([b"foreign" + chance.randbytes(4)])
        log.sync()
    name, content = _some(files, chance)
    files.replace(name, content + other.read(tail.segment)[tail.offset :])


def _batch_starts(content):
    """Where batches begin: their marker, as the layout has it (docs/spec/storage.md, 4.4)."""
    starts, place = [], content.find(b"\xffHB1")
    while place >= 0:
        starts.append(place)
        place = content.find(b"\xffHB1", place + 1)
    return starts


DAMAGES = (cut, cut, flip, flip, zero, double, swap, drop, noise, lose, mistake, foreign)
