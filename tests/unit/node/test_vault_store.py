"""Blobs on a disk that loses power, fills, rots: acknowledged ones stay, erased ones do not."""

import json
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import msgspec
import pytest

from hansa.errors import Corrupt, Rejected
from hansa.seal import read_header
from node import vault_store
from node.vault_store import ERASED, BlobFiles, Index, note_of
from storage.errors import DiskFailed
from storage.files import RealFiles
from storage.memory_files import MemoryFiles
from tests.unit.node.vault_scene import NOW, sealed

VECTORS = json.loads(
    (Path(__file__).parents[2] / "vectors" / "vault.json").read_text(encoding="utf-8")
)
ONE = sealed(b"x" * 300)
NOTE = note_of(ONE.blob, read_header(ONE.blob), "farm", NOW)
TOMBSTONE = msgspec.structs.replace(NOTE, state=ERASED)


def power_cut(files):
    files.crash("lost", lambda _most: 0)


def test_a_written_blob_survives_a_power_cut():
    files = MemoryFiles()
    BlobFiles(files).write(NOTE, ONE.blob)
    power_cut(files)

    assert BlobFiles(files).load() == ({ONE.id: NOTE}, set())
    assert BlobFiles(files).read(ONE.id) == ONE.blob


@pytest.mark.parametrize("after", [0, 1], ids=["before the blob", "between blob and note"])
def test_power_that_fails_before_the_note_leaves_nothing(after):
    files = MemoryFiles()
    files.fail("replace", "eio", after)
    with pytest.raises(DiskFailed):
        BlobFiles(files).write(NOTE, ONE.blob)
    power_cut(files)

    assert BlobFiles(files).load() == ({}, set())
    assert files.names() == []


def test_power_that_fails_between_tombstone_and_deletion_brings_nothing_back():
    files = MemoryFiles()
    BlobFiles(files).write(NOTE, ONE.blob)
    files.fail("delete", "eio")
    with pytest.raises(DiskFailed):
        BlobFiles(files).erase(TOMBSTONE)
    power_cut(files)

    assert BlobFiles(files).load() == ({ONE.id: TOMBSTONE}, set())
    assert files.names() == [ONE.id.hex() + ".note"]


def test_power_that_fails_before_the_tombstone_erases_nothing():
    files = MemoryFiles()
    BlobFiles(files).write(NOTE, ONE.blob)
    files.fail("replace", "eio")
    with pytest.raises(DiskFailed):
        BlobFiles(files).erase(TOMBSTONE)
    power_cut(files)

    assert BlobFiles(files).load() == ({ONE.id: NOTE}, set())


def test_a_damaged_blob_is_found_when_it_is_read_and_at_no_later_start():
    files = MemoryFiles()
    BlobFiles(files).write(NOTE, ONE.blob)
    files.flip(ONE.id.hex() + ".blob", 1_000)

    assert BlobFiles(files).read(ONE.id) is None
    assert BlobFiles(files).load() == ({ONE.id: NOTE}, {ONE.id})


def test_a_truncated_blob_is_found_when_it_is_read():
    files = MemoryFiles()
    BlobFiles(files).write(NOTE, ONE.blob)
    files.truncate(ONE.id.hex() + ".blob", len(ONE.blob) - 1)

    assert BlobFiles(files).read(ONE.id) is None


def test_every_turned_bit_of_a_note_is_found():
    for bit in range(0, 8 * 200, 7):
        files = MemoryFiles()
        BlobFiles(files).write(NOTE, ONE.blob)
        files.flip(ONE.id.hex() + ".note", bit % (8 * len(files.read(ONE.id.hex() + ".note"))))
        with pytest.raises(Corrupt) as caught:
            BlobFiles(files).load()
        assert caught.value.code == "vault.note"


def test_a_note_under_another_name_is_found():
    files = MemoryFiles()
    BlobFiles(files).write(NOTE, ONE.blob)
    files.replace(bytes(32).hex() + ".note", files.read(ONE.id.hex() + ".note"))

    with pytest.raises(Corrupt):
        BlobFiles(files).load()


@pytest.mark.parametrize("state", ["held", "erased"])
def test_a_frozen_note_is_read_and_written_alike(state):
    content = bytes.fromhex(VECTORS["notes"][state])
    name = VECTORS["blobs"]["good"][0]["id"] + ".note"
    files = MemoryFiles()
    files.replace(name, content)

    ((note,), _) = (list(found) for found in map(dict.values, [BlobFiles(files).load()[0]] * 2))
    BlobFiles(files).write_note(note)

    assert note.state == state
    assert files.read(name) == content


def test_files_of_others_are_left_alone_and_nameless_blobs_are_not():
    files = MemoryFiles()
    for name in ("readme", "zz.blob", bytes(32).hex() + ".blob"):
        files.replace(name, b"x")
    BlobFiles(files).load()

    assert files.names() == ["readme"]


KILLED_WHILE_RENAMING = """
    import os, signal, sys
    from pathlib import Path
    from node.vault_store import BlobFiles
    from storage.files import RealFiles
    from tests.unit.node.test_vault_store import NOTE, ONE

    renames = int(sys.argv[2])
    rename = Path.rename

    def rename_or_die(source, target):
        global renames
        if renames == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        renames -= 1
        return rename(source, target)

    Path.rename = rename_or_die
    sys.stdout.buffer.write(ONE.blob)
    sys.stdout.flush()
    BlobFiles(RealFiles(Path(sys.argv[1]))).write(NOTE, ONE.blob)
"""


@pytest.mark.parametrize("renames", [0, 1], ids=["blob", "note"])
def test_a_process_killed_between_write_and_rename_leaves_nothing(tmp_path, renames):
    program = textwrap.dedent(KILLED_WHILE_RENAMING)
    folder = tmp_path / "vault"
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder), str(renames)],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        timeout=60,
        check=False,
    )
    left = {path.suffix for path in folder.iterdir()}

    files = RealFiles(folder)
    store = BlobFiles(files)
    found = store.load()

    assert done.returncode == -signal.SIGKILL, done.stderr
    assert ".tmp" in left
    assert found == ({}, set())
    assert list(folder.iterdir()) == []
    store.write(NOTE, ONE.blob)
    assert store.read(ONE.id) == ONE.blob
    store.close()


def test_a_full_disk_gets_its_bytes_back(tmp_path):
    class Full(RealFiles):
        """A disk that is full when the file is to be named."""

        def replace(self, name, payload):
            (tmp_path / (name + ".tmp")).write_bytes(payload)
            raise DiskFailed("disk.failed", "no space", "")

    files = Full(tmp_path)
    with pytest.raises(DiskFailed):
        BlobFiles(files).write(NOTE, ONE.blob)

    assert list(tmp_path.iterdir()) == []
    files.close()


def test_an_organisation_has_a_quota_of_bytes_and_of_blobs(monkeypatch):
    index = Index({ONE.id: NOTE}, set())
    index.check_room("farm", 1)
    monkeypatch.setattr(vault_store, "QUOTA_BYTES", NOTE.size)

    with pytest.raises(Rejected) as caught:
        index.check_room("farm", 1)
    assert caught.value.code == "vault.quota"
    assert index.has_room("bank", NOTE.size, 0)
    monkeypatch.setattr(vault_store, "QUOTA_BLOBS", 1)
    assert not index.has_room("farm", 0, 0)
    assert not index.has_room("bank", 0, 1)
    monkeypatch.setattr(vault_store, "NOTES_MAX", 1)
    assert not index.has_room("bank", 0, 0)


def test_erasing_gives_bytes_back_but_a_tombstone_counts():
    index = Index({ONE.id: NOTE}, set())
    index.put(TOMBSTONE)

    assert (index._bytes["farm"], index._count["farm"]) == (0, 1)
    assert not index.has(ONE.id)
    assert index.is_settled(ONE.id)
    assert index.held_for("bank") == []
