"""Power cuts and failing disks: what was acknowledged is whole, what was erased stays so."""

import random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.seal import Recipient, SealKey, read_header, seal_payload
from node.vault_store import ERASED, HELD, BlobFiles, note_of
from storage.errors import DiskFailed
from storage.memory_files import MemoryFiles

KEY = SealKey(b"k" * 32)
BLOBS = [
    seal_payload(
        bytes([number]) * 40, [Recipient("farm", KEY.public)], chain_id="c", author="farm"
    ).blob
    for number in range(3)
]
NOTES = [note_of(blob, read_header(blob), "farm", 5) for blob in BLOBS]
which = st.integers(0, len(BLOBS) - 1)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), which),
        st.tuples(st.just("erase"), which),
        st.tuples(st.just("read"), which),
        st.tuples(
            st.sampled_from(["replace", "delete"]),
            st.tuples(st.sampled_from(["eio", "enospc"]), st.integers(0, 2)),
        ),
        st.tuples(st.just("crash"), st.sampled_from(["kept", "lost", "torn", "zeros", "holes"])),
    ),
    max_size=25,
)


@given(steps, st.integers(0, 2**32))
@settings(deadline=None)
def test_acknowledged_blobs_are_whole_and_erased_ones_never_come_back(actions, seed):
    files, chance = MemoryFiles(), random.Random(seed)
    store = BlobFiles(files)
    acknowledged: dict[int, str] = {}  # what a caller was told; a failed call tells nothing
    unsure: set[int] = set()

    for action, given_ in actions:
        if action in {"replace", "delete"}:
            files.fail(action, *given_)
        elif action == "crash":
            files.crash(given_, chance.randrange)
            check(files, acknowledged, unsure)
        elif action == "read":
            if acknowledged.get(given_) == HELD and given_ not in unsure:
                assert store.read(NOTES[given_].id) == BLOBS[given_]
        else:
            step(store, action, given_, acknowledged, unsure)
    files.crash("lost", lambda _most: 0)
    check(files, acknowledged, unsure)


def step(store, action, number, acknowledged, unsure):
    """One call as the vault makes it: never a write after an erasure was acknowledged."""
    wanted = HELD if action == "write" else ERASED
    if acknowledged.get(number) == ERASED or (wanted == ERASED and number not in acknowledged):
        return
    try:
        if wanted == HELD:
            store.write(NOTES[number], BLOBS[number])
        else:
            store.erase(msgspec.structs.replace(NOTES[number], state=ERASED))
    except DiskFailed:
        if wanted == ERASED:
            unsure.add(number)
    else:
        acknowledged[number] = wanted
        unsure.discard(number)


def check(files, acknowledged, unsure):
    """What a start finds."""
    files._faults.clear()  # those of the process that ended
    notes, missing = BlobFiles(files).load()
    for number, state in acknowledged.items():
        note = NOTES[number]
        found = notes[note.id].state
        assert found == state or number in unsure
        assert note.id not in missing
        if found == HELD:
            assert BlobFiles(files).read(note.id) == BLOBS[number]
        else:
            assert note.id.hex() + ".blob" not in files.names()
