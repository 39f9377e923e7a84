"""LevelDB and its twin in memory keep the same promises."""

import resource

import pytest

from hansa.errors import Corrupt, Unavailable
from storage.errors import DiskFailed
from storage.kv import MemoryStore, prefix_end
from storage.level import LevelStore


@pytest.fixture(params=["memory", "level"])
def store(request, tmp_path):
    opened = MemoryStore() if request.param == "memory" else LevelStore(tmp_path / "db")
    yield opened
    opened.close()


def test_a_batch_puts_and_deletes(store):
    store.write({b"a": b"1", b"b": b"2"}, sync=True)
    store.write({b"a": None, b"b": b"3", b"c": b"4", b"absent": None}, sync=False)

    assert [store.get(key) for key in (b"a", b"b", b"c")] == [None, b"3", b"4"]
    assert list(store.iterate()) == [(b"b", b"3"), (b"c", b"4")]


def test_keys_come_in_byte_order_between_start_and_stop(store):
    store.write({bytes([n]): b"" for n in (5, 1, 255, 3)}, sync=False)
    store.write({b"\x02": b""}, sync=False)

    assert [key for key, _ in store.iterate()] == [b"\x01", b"\x02", b"\x03", b"\x05", b"\xff"]
    assert [key for key, _ in store.iterate(b"\x02", b"\x05")] == [b"\x02", b"\x03"]
    assert [key for key, _ in store.iterate(b"\x04")] == [b"\x05", b"\xff"]


def test_a_prefix_ends_where_it_ends(store):
    keys = [b"a", b"a\xff", b"a\xff\xff", b"b", b"\xff", b"\xff\xff"]
    store.write(dict.fromkeys(keys, b"v"), sync=False)

    assert [key for key, _ in store.iterate_prefix(b"a\xff")] == [b"a\xff", b"a\xff\xff"]
    assert [key for key, _ in store.iterate_prefix(b"\xff")] == [b"\xff", b"\xff\xff"]
    assert len(list(store.iterate_prefix(b""))) == len(keys)


def test_a_snapshot_and_an_iterator_see_one_moment(store):
    store.write({b"a": b"1", b"b": b"1"}, sync=False)
    moment = store.snapshot()
    running = store.iterate()
    store.write({b"a": b"2", b"b": None, b"c": b"2"}, sync=False)

    assert (moment.get(b"a"), moment.get(b"c")) == (b"1", None)
    assert list(moment.iterate_prefix(b"b")) == [(b"b", b"1")]
    assert list(moment.iterate()) == list(running) == [(b"a", b"1"), (b"b", b"1")]
    assert store.get(b"a") == b"2"
    moment.close()


def test_the_end_of_a_prefix_of_ff_is_the_end_of_all():
    assert prefix_end(b"a\xff") == b"b"
    assert prefix_end(b"\xff\xff") is None
    assert prefix_end(b"") is None


def test_a_crash_takes_back_what_was_not_synced():
    store = MemoryStore()
    store.write({b"a": b"1", b"b": b"1"}, sync=True)
    store.write({b"a": b"2"}, sync=False)
    store.write({b"b": None, b"c": b"3"}, sync=False)

    assert list(store.crash(kept=1).iterate()) == [(b"a", b"2"), (b"b", b"1")]
    assert list(store.crash().iterate()) == [(b"a", b"2"), (b"b", b"1")]


def test_a_synced_write_makes_earlier_ones_durable():
    store = MemoryStore()
    store.write({b"a": b"1"}, sync=False)
    store.write({b"b": b"2"}, sync=True)

    assert list(store.crash().iterate()) == [(b"a", b"1"), (b"b", b"2")]


def test_leveldb_keeps_its_records_when_it_is_opened_again(tmp_path):
    first = LevelStore(tmp_path / "db")
    first.write({b"a": b"1"}, sync=True)
    first.close()
    second = LevelStore(tmp_path / "db")

    assert second.get(b"a") == b"1"
    second.close()


def test_a_leveldb_that_is_open_elsewhere_is_refused(tmp_path):
    store = LevelStore(tmp_path / "db")

    with pytest.raises(Unavailable, match=r"store\.in-use"):
        LevelStore(tmp_path / "db")
    store.close()


def test_a_folder_that_cannot_be_made_is_a_failed_disk(tmp_path):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(DiskFailed, match="open of"):
        LevelStore(tmp_path / "file" / "db")


@pytest.fixture
def damaged(tmp_path):
    """A LevelDB whose table file has a flipped byte in its first block."""
    store = LevelStore(tmp_path / "db")
    store.write({b"%05d" % n: b"%d" % n * 40 for n in range(100)}, sync=True)
    store.close()
    LevelStore(tmp_path / "db").close()  # the log becomes a table
    (table,) = (tmp_path / "db").glob("*.ldb")
    content = bytearray(table.read_bytes())
    content[50] ^= 1
    table.write_bytes(content)
    opened = LevelStore(tmp_path / "db")
    yield opened
    opened.close()


def test_a_flipped_bit_is_never_a_value(damaged):
    with pytest.raises(Corrupt, match=r"store\.corrupt"):
        damaged.get(b"00001")
    with pytest.raises(Corrupt, match=r"store\.corrupt"):
        list(damaged.iterate())


def test_a_store_without_its_manifest_is_corrupt(tmp_path):
    store = LevelStore(tmp_path / "db")
    store.write({b"a": b"1"}, sync=True)
    store.close()
    (tmp_path / "db" / "CURRENT").write_bytes(b"MANIFEST-999999\n")

    with pytest.raises((Corrupt, DiskFailed)):
        LevelStore(tmp_path / "db")


def test_a_write_that_fails_is_a_failed_disk(tmp_path):
    store = LevelStore(tmp_path / "db")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(DiskFailed, match="write of"):
            store.write({b"a": bytes(200_000)}, sync=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    store.close()
