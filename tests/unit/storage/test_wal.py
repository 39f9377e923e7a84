"""The write-ahead log: what crashes and bad disks leave, and what is refused."""

import pytest

from hansa.errors import Corrupt
from storage.errors import DiskFailed
from storage.files import RealFiles
from storage.memory_files import MemoryFiles
from storage.wal import SEGMENT_BYTES, Wal

SALT = b"sixteen bytes :)"
FIRST = "wal-00000000000000000000.wal"


def opened(files, salt=SALT):
    return Wal.open(files, "wal", salt=salt)


def written(files, *batches):
    wal, _, _ = opened(files)
    for batch in batches:
        wal.append(batch)
        wal.sync()
    return wal


def sizes(files):
    """Where each batch of three written ones begins, and the end."""
    marks = [0]
    content = files.read(FIRST)
    place = content.find(b"\xffHB1")
    marks = []
    while place >= 0:
        marks.append(place)
        place = content.find(b"\xffHB1", place + 1)
    return [*marks, len(content)]


@pytest.fixture(params=["memory", "real"])
def files(request, tmp_path):
    made = MemoryFiles() if request.param == "memory" else RealFiles(tmp_path / "wal")
    yield made
    made.close()


def test_a_new_log_says_that_it_was_made(files):
    _, batches, tail = opened(files)

    assert (batches, tail.status, tail.segment, tail.dropped) == ([], "created", FIRST, 0)
    assert opened(files)[2].status == "clean"


def test_the_bytes_on_disk_are_frozen(files):
    """A change of these bytes needs a new version in docs/spec/storage.md, 4."""
    written(files, [b"one", b""], [b"two"])

    assert files.read(FIRST).hex() == (
        "68616e736177616c" "0001" "0000000000000000" "0000000000000000" "00000000"
        "7369787465656e206279746573203a29" "c44fbf4f"
        "ff484231" "0000000000000000" "0000000b" "00000000" "16807b1b" "7b9cfc96"
        "00000003" "6f6e65" "00000000"
        "ff484231" "0000000000000001" "00000007" "7b9cfc96" "fcc399ab" "c94dfc7c"
        "00000003" "74776f"
    )  # fmt: skip


def test_what_was_synced_comes_back_in_batches(files):
    wal = written(files, [b"a", b""], [b"c" * 5000])
    wal.append([b"d"])
    wal.append([b"e"])
    wal.sync()
    wal.sync()
    wal.append([b"never synced"])

    _, batches, tail = opened(files)
    assert batches == [[b"a", b""], [b"c" * 5000], [b"d", b"e"]]
    assert (tail.status, tail.offset) == ("clean", len(files.read(FIRST)))


def test_a_log_goes_on_after_it_was_opened_again(files):
    written(files, [b"a"])
    wal, _, _ = opened(files)
    wal.append([b"b"])
    wal.sync()

    assert opened(files)[1] == [[b"a"], [b"b"]]


def test_segments_begin_at_heights_and_are_forgotten_whole(files):
    wal = written(files, [b"1"])
    wal.rotate(2, bytes_min=0)
    wal.append([b"2"])
    wal.sync()
    wal.rotate(3, bytes_min=0)
    wal.rotate(3, bytes_min=0)
    wal.append([b"3"])
    wal.sync()
    wal.forget_before(1)
    assert opened(files)[1] == [[b"1"], [b"2"], [b"3"]]

    wal.forget_before(2)
    assert opened(files)[1] == [[b"2"], [b"3"]]
    wal.forget_before(99)
    assert files.names() == ["wal-00000000000000000003.wal"]
    assert opened(files, b"another salt ...")[1] == [[b"3"]]


def test_a_small_segment_goes_on_at_the_next_height(files):
    wal = written(files, [b"1"])
    wal.rotate(2)
    assert files.names() == [FIRST]

    wal.append([bytes(SEGMENT_BYTES)])
    wal.sync()
    wal.rotate(3)
    assert files.names() == [FIRST, "wal-00000000000000000003.wal"]


def test_other_files_are_left_alone(files):
    files.replace("wal-x.wal", b"other")
    files.replace("guard", b"other")
    opened(files)

    assert opened(files)[1] == []


def test_a_cut_at_every_byte_gives_a_prefix():
    files = MemoryFiles()
    written(files, [b"a", b"b"], [b"c"], [b"d"])
    content = files.read(FIRST)
    starts = sizes(files)

    for cut in range(starts[0], len(content)):
        files.replace(FIRST, content[:cut])
        _, batches, tail = opened(files)
        whole = sum(end <= cut for end in starts[1:])
        assert batches == [[b"a", b"b"], [b"c"], [b"d"]][:whole]
        assert (tail.status == "clean") == (cut in starts)


def test_a_cut_in_the_header_of_a_segment_is_corrupt():
    """A segment appears by a rename, so its header was whole once."""
    files = MemoryFiles()
    written(files, [b"a"])

    for cut in range(sizes(files)[0]):
        files.replace(FIRST, files.read(FIRST)[:cut])
        with pytest.raises(Corrupt, match="header is damaged"):
            opened(files)


def test_a_flipped_bit_before_the_last_batch_is_corrupt_with_file_and_offset():
    files = MemoryFiles()
    written(files, [b"first"], [b"second"], [b"third"])
    start, stop = sizes(files)[1:3]

    for bit in range(start * 8, stop * 8):
        files.flip(FIRST, bit)
        with pytest.raises(Corrupt, match=f"{FIRST} at byte {start}: batch 1 is damaged") as caught:
            opened(files)
        files.flip(FIRST, bit)
    assert "without a vote" in caught.value.hint
    assert len(opened(files)[1]) == 3


def test_a_flipped_bit_in_the_last_batch_looks_torn():
    """The log cannot tell; the signer guard's file is the second witness."""
    files = MemoryFiles()
    written(files, [b"first"], [b"second"])
    content = files.read(FIRST)
    start, stop = sizes(files)[1:3]

    for bit in range(start * 8, stop * 8):
        files.replace(FIRST, content)
        files.flip(FIRST, bit)
        _, batches, tail = opened(files)
        assert (batches, tail.status, tail.dropped) == ([[b"first"]], "torn", stop - start)


@pytest.mark.parametrize("junk", [bytes(1), bytes(5000), b"\xffHB1" * 40, b"\xff" * 100])
def test_junk_at_the_end_is_a_torn_tail(junk):
    files = MemoryFiles()
    written(files, [b"a"])
    files.append(FIRST, junk)

    wal, batches, tail = opened(files)
    assert (batches, tail.status, tail.dropped) == ([[b"a"]], "torn", len(junk))
    wal.append([b"b"])
    wal.sync()
    assert opened(files)[1] == [[b"a"], [b"b"]]


def test_a_missing_batch_is_corrupt():
    files = MemoryFiles()
    written(files, [b"a"], [b"b"], [b"c"])
    content, starts = files.read(FIRST), sizes(files)
    files.replace(FIRST, content[: starts[1]] + content[starts[2] :])

    with pytest.raises(Corrupt, match="batch 1 is damaged, batch 2 follows"):
        opened(files)


def test_a_batch_of_another_past_is_corrupt():
    """Two logs with one beginning: a restored backup that went on, mixed with the first."""
    files, other = MemoryFiles(), MemoryFiles()
    written(files, [b"a"], [b"b"])
    written(other, [b"x"], [b"y"])
    start = sizes(files)[1]
    files.replace(FIRST, files.read(FIRST)[:start] + other.read(FIRST)[sizes(other)[1] :])

    with pytest.raises(Corrupt, match="batch 1 follows another past"):
        opened(files)


def test_a_missing_segment_is_corrupt():
    files = MemoryFiles()
    wal = written(files, [b"1"])
    wal.rotate(2, bytes_min=0)
    wal.append([b"2"])
    wal.sync()
    wal.rotate(3, bytes_min=0)
    files.delete("wal-00000000000000000002.wal")

    with pytest.raises(Corrupt, match="batch 1 is missing before this segment"):
        opened(files)


def test_a_bad_tail_with_a_segment_after_it_is_corrupt():
    files = MemoryFiles()
    written(files, [b"1"]).rotate(2, bytes_min=0)
    files.append(FIRST, b"junk")

    with pytest.raises(Corrupt, match="a segment follows it"):
        opened(files)


def test_a_segment_of_a_newer_layout_is_refused():
    files = MemoryFiles()
    opened(files)
    content = bytearray(files.read(FIRST)[:-4])
    content[9] = 2
    import zlib

    files.replace(FIRST, bytes(content) + zlib.crc32(bytes(content)).to_bytes(4, "big"))
    with pytest.raises(Corrupt, match="layout 2"):
        opened(files)


def test_a_batch_that_somebody_sent_us_does_not_pass_for_one():
    """A record with the image of a batch, torn before its end, stays a torn tail."""
    files, attacker = MemoryFiles(), MemoryFiles()
    written(attacker, *[[b"%d" % n] for n in range(3)])
    written(files, [b"a"])
    whole = len(files.read(FIRST))
    wal, _, _ = opened(files, b"unknown to them!")
    wal.rotate(1, bytes_min=0)
    wal.append([attacker.read(FIRST), bytes(100)])
    wal.sync()
    name = "wal-00000000000000000001.wal"
    files.truncate(name, len(files.read(name)) - 50)

    _, batches, tail = opened(files)
    assert (batches, tail.status, whole > 0) == ([[b"a"]], "torn", True)


@pytest.mark.parametrize("operation", ["append", "sync"])
@pytest.mark.parametrize("kind", ["eio", "enospc", "short"])
@pytest.mark.parametrize("keep", ["kept", "lost", "torn", "zeros", "holes"])
def test_a_failed_write_ends_the_log_and_leaves_a_prefix(operation, kind, keep):
    files = MemoryFiles()
    wal = written(files, [b"a"])
    wal.append([b"b" * 100])
    files.fail(operation, kind)
    with pytest.raises(DiskFailed):
        wal.sync()
    with pytest.raises(AssertionError, match="never tried again"):
        wal.sync()
    files.crash(keep, lambda bound: bound // 2)

    assert opened(files)[1] in ([[b"a"]], [[b"a"], [b"b" * 100]])


def test_what_was_read_after_a_failed_fsync_is_written_anew():
    """The process dies, the bytes still read well, then the power goes: they must be there."""
    files = MemoryFiles()
    wal = written(files, [b"a"])
    wal.append([b"b"])
    files.fail("sync", "eio")
    with pytest.raises(DiskFailed):
        wal.sync()
    files.crash("kept", lambda _bound: 0)
    _, seen, _ = opened(files)
    files.crash("lost", lambda _bound: 0)

    assert seen == opened(files)[1] == [[b"a"], [b"b"]]


def test_a_crash_in_recovery_changes_nothing():
    files = MemoryFiles()
    written(files, [b"a"], [b"b"])
    files.append(FIRST, b"torn")
    before = files.read(FIRST)
    files.fail("replace", "eio")
    with pytest.raises(DiskFailed):
        opened(files)

    assert files.read(FIRST) == before
    assert opened(files)[1] == [[b"a"], [b"b"]]


def test_a_crash_while_a_segment_is_made_or_forgotten_loses_nothing():
    files = MemoryFiles()
    wal = written(files, [b"a"])
    files.fail("replace", "enospc")
    with pytest.raises(DiskFailed):
        wal.rotate(2, bytes_min=0)
    wal, batches, _ = opened(files)
    wal.rotate(2, bytes_min=0)
    files.fail("delete", "eio")
    with pytest.raises(DiskFailed):
        wal.forget_before(2)

    assert batches == opened(files)[1] == [[b"a"]]
