"""The file port: the real one and the simulated one keep the same promises."""

import pytest

from storage.errors import DiskFailed
from storage.files import RealFiles
from storage.memory_files import MemoryFiles


@pytest.fixture(params=["memory", "real"])
def files(request, tmp_path):
    opened = MemoryFiles() if request.param == "memory" else RealFiles(tmp_path / "files")
    yield opened
    opened.close()


def test_what_is_appended_is_read_back(files):
    files.append("a", b"one")
    files.append("a", b"")
    files.append("a", b"two")
    files.sync("a")

    assert files.read("a") == b"onetwo"
    assert files.read("b") is None
    assert files.names() == ["a"]


def test_a_file_can_be_replaced_and_goes_on(files):
    files.append("a", b"old")
    files.replace("a", b"new")
    files.replace("b", b"other")
    files.append("a", b"er")

    assert (files.read("a"), files.read("b")) == (b"newer", b"other")
    assert files.names() == ["a", "b"]


def test_a_file_can_be_cut_and_goes_on(files):
    files.append("a", b"0123456789")
    files.truncate("a", 4)
    files.append("a", b"x")
    files.sync("a")

    assert files.read("a") == b"0123x"


def test_a_deleted_file_is_gone_and_may_be_deleted_again(files):
    files.append("a", b"x")
    files.delete("a")
    files.delete("a")

    assert files.names() == []
    files.append("a", b"y")
    assert files.read("a") == b"y"


def test_an_empty_file_can_be_synced(files):
    files.sync("a")

    assert files.read("a") == b""


def test_real_files_are_for_their_owner_alone_and_survive_their_opener(tmp_path):
    first = RealFiles(tmp_path / "deep" / "files")
    first.append("a", b"x")
    first.replace("b", b"y")
    first.close()
    first.close()
    second = RealFiles(tmp_path / "deep" / "files")

    assert second.read("a") == b"x"
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "deep" / "files").iterdir()}
    assert modes == {0o600}
    second.close()


def test_half_written_replacements_are_removed_at_start(tmp_path):
    (tmp_path / "a.tmp").write_bytes(b"half")
    files = RealFiles(tmp_path)

    assert files.names() == []
    files.close()


@pytest.fixture
def broken(tmp_path):
    """A folder with a device that is always full, and a folder where a file should be."""
    (tmp_path / "full").symlink_to("/dev/full")
    (tmp_path / "folder").mkdir()
    opened = RealFiles(tmp_path)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda files: files.append("full", b"x"), "write of .*full: .*No space left"),
        (lambda files: files.sync("full"), "fsync of"),
        (lambda files: files.truncate("full", 0), "truncate of"),
        (lambda files: files.replace("folder", b"x"), "replace of"),
        (lambda files: files.delete("folder"), "delete of"),
        (lambda files: files.read("folder"), "read of"),
    ],
)
def test_every_failure_of_the_system_is_a_failed_disk(broken, act, words):
    with pytest.raises(DiskFailed, match=words) as caught:
        act(broken)
    assert "start the node again" in caught.value.hint


def test_a_folder_that_is_gone_or_cannot_be_made_is_a_failed_disk(tmp_path):
    files = RealFiles(tmp_path / "files")
    (tmp_path / "files").rmdir()
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(DiskFailed, match="list of"):
        files.names()
    with pytest.raises(DiskFailed, match="open of"):
        RealFiles(tmp_path / "file" / "below")
    files.close()


@pytest.mark.parametrize(
    ("keep", "left"),
    [
        ("kept", b"DURABLEunsynced"),
        ("lost", b"DURABLE"),
        ("torn", b"DURABLEuns"),
        ("zeros", b"DURABLEuns\0\0\0\0\0"),
        ("holes", b"DURABLE\0\0\0ynced"),
    ],
)
def test_a_crash_touches_only_what_was_not_synced(keep, left):
    files = MemoryFiles()
    files.append("a", b"DURABLE")
    files.sync("a")
    files.append("a", b"unsynced")
    files.crash(keep, lambda bound: min(3, bound - 1))

    assert files.read("a") == left


def test_after_a_failed_fsync_no_later_one_makes_the_bytes_durable():
    files = MemoryFiles()
    files.append("a", b"one")
    files.fail("sync", "eio")
    with pytest.raises(DiskFailed, match="Input/output error"):
        files.sync("a")
    files.crash("kept", lambda _bound: 0)
    files.sync("a")

    assert files.read("a") == b"one"
    files.crash("lost", lambda _bound: 0)
    assert files.read("a") == b"\0\0\0"


def test_a_cut_forgets_the_poison_behind_it():
    files = MemoryFiles()
    files.append("a", b"ok")
    files.fail("sync", "eio")
    with pytest.raises(DiskFailed):
        files.sync("a")
    files.truncate("a", 0)
    files.append("a", b"new")
    files.sync("a")
    files.crash("lost", lambda _bound: 0)

    assert files.read("a") == b"new"


@pytest.mark.parametrize(("kind", "left"), [("eio", b""), ("enospc", b""), ("short", b"12")])
def test_a_write_fails_with_nothing_or_half_of_it(kind, left):
    files = MemoryFiles()
    files.fail("append", kind, after=1)
    files.append("b", b"goes through")

    with pytest.raises(DiskFailed):
        files.append("a", b"1234")
    assert files.read("a") == left
    files.append("a", b"5")


def test_faults_wait_for_their_own_operation_and_a_crash_drops_them():
    files = MemoryFiles()
    files.fail("delete", "eio")
    files.fail("replace", "enospc", after=1)
    files.replace("a", b"x")
    with pytest.raises(DiskFailed, match="No space left"):
        files.replace("a", b"y")
    files.crash("kept", lambda _bound: 0)
    files.delete("a")

    assert files.names() == []


def test_a_bit_can_be_flipped():
    files = MemoryFiles()
    files.replace("a", b"\0\0")
    files.flip("a", 9)

    assert files.read("a") == b"\0\x02"
