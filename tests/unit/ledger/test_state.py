"""The overlay: savepoints, meter, scans over store and changes together."""

import pytest

from ledger.contract import Refused
from ledger.state import Overlay, Prefixed
from storage.kv import MemoryStore


def overlay(**stored):
    store = MemoryStore()
    store.write({b"s" + key.encode(): value for key, value in stored.items()}, sync=True)
    view = Overlay(Prefixed(store, b"s"))
    view.begin(100, 10)
    return view


def test_a_write_lies_over_the_store():
    view = overlay(a=b"1", b=b"2")
    view.put(b"a", b"3")
    view.delete(b"b")
    view.delete(b"none")

    assert view.get(b"a") == b"3"
    assert view.get(b"b") is None
    assert view.before(b"b") == b"2"
    assert view.net_changes() == {b"a": b"3", b"b": None}


def test_what_is_written_back_is_no_change():
    view = overlay(a=b"1")
    view.put(b"a", b"2")
    view.put(b"a", b"1")
    view.put(b"n", b"1")
    view.delete(b"n")

    assert view.net_changes() == {}


def test_a_savepoint_takes_back_what_came_after_it():
    view = overlay(a=b"1")
    view.put(b"a", b"2")
    inner = view.save()
    view.put(b"a", b"3")
    view.put(b"b", b"3")
    view.delete(b"a")
    view.rollback(inner)

    assert view.changes == {b"a": b"2"}
    view.rollback(0)
    assert view.changes == {}


def test_a_scan_merges_store_and_changes_in_order():
    view = overlay(a1=b"1", a3=b"3", a5=b"5", b=b"x")
    view.put(b"a0", b"0")
    view.put(b"a3", b"33")
    view.put(b"a4", b"4")
    view.delete(b"a5")
    view.put(b"a9", b"9")
    view.put(b"a8", b"8")
    view.delete(b"a8")

    assert list(view.scan(b"a")) == [
        (b"a0", b"0"), (b"a1", b"1"), (b"a3", b"33"), (b"a4", b"4"), (b"a9", b"9"),
    ]  # fmt: skip


def test_a_key_that_was_made_and_removed_in_the_block_is_not_scanned():
    view = overlay(a2=b"2")
    view.put(b"a1", b"1")
    view.delete(b"a1")

    assert list(view.scan(b"a")) == [(b"a2", b"2")]


def test_keys_written_are_metered_once_each():
    view = overlay()
    for number in range(10):
        view.put(b"k%d" % number, b"")
        view.put(b"k%d" % number, b"again")
    with pytest.raises(Refused) as caught:
        view.put(b"one more", b"")

    assert caught.value.fields == {"field": "keys", "need": 10}


def test_reads_are_metered_with_those_of_scans():
    view = overlay(a=b"1", b=b"2")
    view.begin(3, 10)
    view.get(b"a")
    list(view.scan(b""))
    with pytest.raises(Refused) as caught:
        view.get(b"a")

    assert caught.value.fields["field"] == "reads"


def test_a_new_transaction_has_a_new_meter():
    view = overlay()
    view.begin(1, 1)
    view.put(b"a", b"")
    view.begin(1, 1)
    view.put(b"b", b"")

    assert len(view.changes) == 2


@pytest.mark.parametrize(
    ("key", "changed"), [(b"org/key/1", True), (b"governance/x", True), (b"doc/x", False)]
)
def test_writes_about_members_and_rules_are_noted(key, changed):
    view = overlay()
    view.put(key, b"")

    assert view.rules_changed is changed
