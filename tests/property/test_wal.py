"""Whatever happens to the disk, recovery gives a prefix: all that was synced, nothing torn."""

from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import DiskFailed
from storage.memory_files import MemoryFiles
from storage.wal import Wal

records = st.lists(st.binary(max_size=40), min_size=1, max_size=3)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("turn"), records),
        st.tuples(st.just("rotate"), st.integers(0, 120)),
        st.tuples(st.just("forget"), st.integers(0, 3)),
        st.tuples(st.just("fail"), st.sampled_from(["append", "sync", "replace", "delete"])),
        st.tuples(st.just("crash"), st.sampled_from(["kept", "lost", "torn", "zeros", "holes"])),
    ),
    max_size=25,
)


class Model:
    """The log beside a plain list of what must be there."""

    def __init__(self, cut):
        self.files = MemoryFiles()
        self.cut = cut
        self.height = 1
        self.turns = 0
        self.known = []  # (height, records): synced
        self.doubtful = None  # the batch whose sync failed
        self.wal, _, _ = Wal.open(self.files, "wal", salt=bytes(16))

    def turn(self, records):
        self.turns += 1
        batch = [b"turn %d" % self.turns, *records]  # no two are equal
        self.wal.append(batch)
        self.doubtful = (self.height, batch)
        self.wal.sync()
        self.known.append(self.doubtful)
        self.doubtful = None

    def rotate(self, bytes_min):
        self.height += 1
        self.wal.rotate(self.height, bytes_min=bytes_min)

    def forget(self, back):
        self.wal.forget_before(max(self.height - back, 0))

    def fail(self, operation):
        self.files.fail(operation, "short")

    def crash(self, keep):
        self.files.crash(keep, lambda bound: self.cut % bound)
        self.wal, found, _ = Wal.open(self.files, "wal", salt=bytes(16))
        self.check(found)

    def check(self, found):
        """All that was synced, but for a forgotten front; perhaps the doubtful batch behind."""
        expected = [batch for _, batch in self.known]
        if self.doubtful is not None and found[-1:] == [self.doubtful[1]]:
            self.known.append(self.doubtful)
            expected.append(self.doubtful[1])
        self.doubtful = None
        front = len(expected) - len(found)
        assert front >= 0
        assert found == expected[front:]
        assert all(height < self.height for height, _ in self.known[:front])
        self.known = self.known[front:]


@given(steps, st.integers(0, 10**6))
@settings(max_examples=150, deadline=None)
def test_recovery_gives_everything_that_was_synced_and_nothing_else(script, cut):
    model = Model(cut)
    for action, argument in script:
        try:
            getattr(model, action)(argument)
        except DiskFailed:
            model.crash("torn")
    model.crash("kept")


@given(st.lists(records, min_size=1, max_size=6), st.data())
@settings(max_examples=150, deadline=None)
def test_a_cut_anywhere_gives_a_prefix_of_the_batches(batches, chosen):
    files = MemoryFiles()
    wal, _, tail = Wal.open(files, "wal", salt=bytes(16))
    first = tail.offset
    for batch in batches:
        wal.append(batch)
        wal.sync()
    content = files.read(tail.segment)
    cut = chosen.draw(st.integers(first, len(content)))
    files.truncate(tail.segment, cut)
    _, found, after = Wal.open(files, "wal", salt=bytes(16))

    assert found == batches[: len(found)]
    assert after.offset <= cut
    assert (len(found) == len(batches)) == (cut == len(content))
