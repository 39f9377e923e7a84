import pytest

from hansa.errors import Corrupt, Unavailable
from storage import keyspace
from storage.kv import MemoryStore


def test_every_key_space_has_a_byte_of_its_own():
    assert len(set(keyspace.KEY_SPACES)) == len(keyspace.KEY_SPACES)
    assert {len(space) for space in keyspace.KEY_SPACES} == {1}


def test_heights_sort_as_numbers():
    heights = [0, 1, 255, 256, 2**40, 2**63 - 1]
    keys = [keyspace.height_key(keyspace.HEADER, height) for height in heights]

    assert sorted(keys) == keys
    assert [keyspace.height_of(key) for key in keys] == heights
    assert keys[3] == b"h\0\0\0\0\0\0\x01\0"


def test_an_empty_store_is_marked_and_a_marked_one_accepted():
    store = MemoryStore()
    keyspace.ensure_schema(store)
    keyspace.ensure_schema(store.crash())

    assert dict(store.iterate()) == {b"mschema": b"\0\0\0\x01"}


def test_a_store_of_a_newer_hansa_is_refused_with_a_way_out():
    store = MemoryStore()
    store.write({keyspace.SCHEMA_KEY: b"\0\0\0\x02"}, sync=True)

    with pytest.raises(Unavailable, match="layout 2, this hansa reads up to 1") as caught:
        keyspace.ensure_schema(store)
    assert "install" in caught.value.hint


def test_records_without_a_version_are_corrupt():
    store = MemoryStore()
    store.write({b"s/x": b"1"}, sync=True)

    with pytest.raises(Corrupt, match=r"store\.no-schema"):
        keyspace.ensure_schema(store)
