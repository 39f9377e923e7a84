"""State, tree, log and replay window where one less or one more makes the difference."""

import pytest

from hansa.encoding import INT_MAX, INT_MIN, encode_value
from hansa.errors import Corrupt, Rejected
from hansa.hashing import sha256
from hansa.keys import ED25519
from hansa.merkle import leaf_hash, root_of_hashes
from hansa.state_proof import key_hash, value_hash
from hansa.transaction import Call, Transaction
from ledger import replay
from ledger.authorise import HeadCache, StateRegistry
from ledger.contract import Arguments, Context, Refused, Scope, encode_fields
from ledger.due import cancel, next_time, ripe_entries, schedule
from ledger.log import Log, tile_key
from ledger.replay import Window, is_remembered
from ledger.state import Overlay, Prefixed
from ledger.tree import Tree
from storage.kv import MemoryStore
from tests.unit.ledger.scene import Scene, key


class Nothing(Arguments, frozen=True):
    """Arguments of nothing."""


def overlay(store=None):
    return Overlay(Prefixed(store or MemoryStore(), b"s"))


def context(view=None, name="toy", height=5):
    view = view or overlay()
    scope = Scope(view, None, "c", height, 9, 1, b"t" * 32, (), (), [], [], {})
    return Context(scope, name)


def refused(action):
    """The code of the refusal, or None."""
    try:
        action()
    except Refused as refusal:
        return refusal.code
    return None


# Contexts


@pytest.mark.parametrize(("length", "code"), [(508, None), (509, "LIMIT")])
def test_a_state_key_has_at_most_512_bytes_with_its_contract(length, code):
    assert refused(lambda: context().put_value("k" * length, 1)) == code


@pytest.mark.parametrize(("length", "code"), [(131_067, None), (131_068, "LIMIT")])
def test_a_state_value_has_at_most_131072_bytes(length, code):
    assert len(encode_value(b"x" * length)) == length + 5
    assert refused(lambda: context().put_value("k", b"x" * length)) == code


@pytest.mark.parametrize(("count", "code"), [(1_024, None), (1_025, "LIMIT")])
def test_a_call_notes_at_most_1024_events(count, code):
    here = context()

    assert refused(lambda: [here.event("e") for _ in range(count)]) == code
    assert len(here.scope.events) == 1_024


@pytest.mark.parametrize("number", [INT_MIN, INT_MIN + 1, INT_MAX - 1, INT_MAX, True])
def test_whole_numbers_of_64_bits_are_fields(number):
    assert encode_fields({"n": number}) == encode_value({"n": number})


@pytest.mark.parametrize("number", [INT_MIN - 1, INT_MAX + 1])
def test_larger_numbers_are_no_fields(number):
    with pytest.raises(Rejected):
        encode_fields({"n": number})


# The overlay


@pytest.mark.parametrize(("count", "code"), [(1_024, None), (1_025, "LIMIT")])
def test_a_transaction_that_nobody_metered_may_write_1024_keys(count, code):
    view = overlay()

    assert refused(lambda: [view.put(b"%d" % number, b"") for number in range(count)]) == code


@pytest.mark.parametrize(("count", "code"), [(10_000, None), (10_001, "LIMIT")])
def test_a_transaction_that_nobody_metered_may_read_10000_keys(count, code):
    view = overlay()

    assert refused(lambda: [view.get(b"x") for _ in range(count)]) == code


@pytest.mark.parametrize(("reads", "code"), [(3, None), (2, "LIMIT")])
def test_a_scan_reads_as_many_keys_as_it_gives(reads, code):
    view = overlay()
    view.begin(reads, 9)
    for name in (b"a1", b"a2", b"a3", b"b"):
        view.put(name, b"")

    assert refused(lambda: list(view.scan(b"a"))) == code


def test_a_key_may_be_written_again_when_no_other_may():
    view = overlay()
    view.begin(9, 1)
    view.put(b"a", b"1")
    view.put(b"a", b"2")
    view.delete(b"a")
    view.delete(b"never")

    assert refused(lambda: view.put(b"b", b"1")) == "LIMIT"
    assert view.changes == {b"a": None}


# The tree


def pairs(count):
    return {b"key/%d" % number: b"value %d" % number for number in range(count)}


def test_a_split_of_new_entries_deletes_no_page():
    staged = Tree({}).stage(pairs(41))

    assert None not in staged.writes.values()
    assert b"" not in staged.writes


def test_a_page_that_is_split_is_deleted_and_one_that_never_was_is_not():
    pages = {}
    tree = Tree(pages)
    staged = tree.stage(pairs(40))
    assert list(staged.writes) == [b""]
    pages.update(staged.writes)
    tree.adopt(staged)
    grown = tree.stage({b"key/40": b"value 40"})

    assert grown.writes[b""] is None
    assert Tree({}).stage({b"key/1": None}).writes == {}


def test_the_one_page_of_a_small_state_holds_its_entries_in_order():
    staged = Tree({}).stage(pairs(3))
    entries = sorted(key_hash(name) + value_hash(value) for name, value in pairs(3).items())

    assert staged.writes == {b"": b"".join(entries)}


@pytest.mark.parametrize("spoil", [
    lambda page: page[:-1], lambda page: page + page[:64], lambda page: page[64:] + page[:64],
    lambda page: b"",
])  # fmt: skip
def test_a_page_that_no_tree_wrote_is_not_loaded(spoil):
    page = Tree({}).stage(pairs(3)).writes[b""]
    assert Tree.load({}, [(b"", page)]).count == 3

    with pytest.raises(Corrupt):
        Tree.load({}, [(b"", spoil(page))])


@pytest.mark.parametrize("count", [41, 600])
def test_a_page_more_or_less_is_noticed_when_a_tree_is_loaded(count):
    pages = {name: page for name, page in Tree({}).stage(pairs(count)).writes.items() if page}
    assert Tree.load(pages, pages.items()).count == count
    deepest = max(pages, key=len)
    moved = {(deepest + b"\0" if name == deepest else name): page for name, page in pages.items()}

    with pytest.raises(Corrupt):
        Tree.load(pages, moved.items())
    with pytest.raises(Corrupt):
        Tree.load(pages, [(b"", sha256(b"x") * 2), *pages.items()])


def test_a_page_deeper_than_keys_have_digits_is_not_loaded():
    with pytest.raises(Corrupt):
        Tree.load({}, [(bytes(64), bytes(64))])
    with pytest.raises(Corrupt):
        Tree.load({}, [(b"\x10", bytes(64))])


# The log


@pytest.mark.parametrize("size", [1, 255, 256, 257, 512, 513])
def test_tiles_hold_256_hashes_and_their_roots_stand_one_level_up(size):
    leaves = [leaf_hash(b"%d" % number) for number in range(size)]
    writes = Log({}).append(leaves).writes
    expected = {
        tile_key(0, first // 256): b"".join(leaves[first : first + 256])
        for first in range(0, size, 256)
    }
    roots = [root_of_hashes(leaves[first : first + 256]) for first in range(0, size - 255, 256)]
    if roots:
        expected[tile_key(1, 0)] = b"".join(roots)

    assert writes == expected


# The replay window

MINUTE = 60_000


def body(nonce, expires_at):
    call = Call("doc", "register", b"\x80")
    return Transaction(1, "c", 0, (call,), bytes([nonce]) * 16, expires_at, (key("x").public,))


def remembered(store, *bodies, height=1, time=0):
    window = Window(store, time)
    for one in bodies:
        window.add(one)
    writes = window.writes(height)
    store.write(writes, sync=True)
    return writes


def test_a_pair_is_stored_with_its_end_and_in_the_bucket_of_its_minute():
    store = MemoryStore()
    one, other = body(1, 3 * MINUTE), body(2, 4 * MINUTE - 1)
    writes = remembered(store, one, other, height=258)
    pairs_of = [item.signers[0] + item.nonce for item in (one, other)]

    assert writes == {
        b"n" + pairs_of[0]: (3 * MINUTE).to_bytes(8, "big"),
        b"n" + pairs_of[1]: (4 * MINUTE - 1).to_bytes(8, "big"),
        b"e" + bytes(7) + b"\3" + bytes(6) + b"\1\2": b"".join(pairs_of),
    }
    assert pairs_of[0][0] == ED25519
    assert len(pairs_of[0]) == 49


@pytest.mark.parametrize(("time", "known"), [(3 * MINUTE, True), (3 * MINUTE + 1, False)])
def test_a_pair_is_remembered_up_to_its_last_millisecond(time, known):
    store, one = MemoryStore(), body(1, 3 * MINUTE)
    remembered(store, one)

    assert is_remembered(store, one.signers[0] + one.nonce, time) is known


@pytest.mark.parametrize(
    ("time", "forgotten"), [(4 * MINUTE - 1, 0), (4 * MINUTE, 2), (9 * MINUTE, 2)]
)
def test_a_pair_is_forgotten_when_its_minute_is_over(time, forgotten):
    store = MemoryStore()
    remembered(store, body(1, 3 * MINUTE))

    assert sum(value is None for value in Window(store, time).writes(2).values()) == forgotten


def test_at_most_so_many_pairs_are_forgotten_at_once(monkeypatch):
    monkeypatch.setattr(replay, "FORGET_MAX", 3)
    store = MemoryStore()
    for height in (1, 2, 3):
        pair = (body(2 * height, 3 * MINUTE), body(2 * height + 1, 3 * MINUTE))
        remembered(store, *pair, height=height)
    buckets = [sum(name[:1] == b"e" for name in _forgotten(store)) for _ in range(3)]

    assert buckets == [2, 1, 0]


def _forgotten(store):
    writes = Window(store, 9 * MINUTE).writes(9)
    store.write(writes, sync=True)
    return [name for name, value in writes.items() if value is None]


def test_a_pair_that_is_used_again_outlives_its_first_minute():
    store, again = MemoryStore(), body(1, 9 * MINUTE)
    remembered(store, body(1, 3 * MINUTE))
    remembered(store, again, height=2, time=3 * MINUTE + 1)
    Window(store, 5 * MINUTE)
    store.write(Window(store, 5 * MINUTE).writes(3), sync=True)

    assert is_remembered(store, again.signers[0] + again.nonce, 5 * MINUTE)


# The due-queue


def test_due_entries_stand_in_the_order_of_their_times_and_can_be_taken_out():
    store = MemoryStore()
    view = overlay(store)
    here = context(view)
    schedule(here, 300, "b", "ring", b"\x80")
    schedule(here, 255, "z", "ring", b"\x80")
    schedule(here, 4_096, "a", "ring", b"\x80")
    cancel(here, 300, "b")
    cancel(here, 301, "b")
    store.write({b"s" + name: value for name, value in view.net_changes().items()}, sync=True)
    state = Prefixed(store, b"s")

    assert next_time(state) == 255
    assert [ripe.key for ripe in ripe_entries(state, 254)] == []
    assert [ripe.key for ripe in ripe_entries(state, 255)] == [b"due/00000000000000ff/z"]
    assert len(ripe_entries(state, 4_095)) == 1
    assert len(ripe_entries(state, 4_096)) == 2


# Who signs


@pytest.mark.parametrize(("size", "kept"), [(1, 1), (2, 2), (3, 3)])
def test_holders_are_remembered_up_to_a_bound(monkeypatch, size, kept):
    monkeypatch.setattr("ledger.authorise.CACHE_MAX", size)
    scene, cache = Scene(), HeadCache()
    registry = StateRegistry(Overlay(Prefixed(scene.store, b"s")), cache, 1, 0, lambda *_: True)
    held = []
    for name in ("farm", "carrier", "retailer", "roastery", "farm/app", "farm/boss", "nobody"):
        registry.holder(key(name).public)
        held.append(len(cache.holders))

    assert max(held) == kept
    assert registry.holder(key("farm").public).member.id == "farm"
    assert registry.holder(key("nobody").public) is None


@pytest.mark.parametrize(
    ("digits", "owner", "reads"),
    [
        ("952060112345", "farm", 6),
        ("9520601", "farm", 1),
        ("999999999999", None, 7),
        ("95", None, 0),
    ],
)
def test_a_prefix_costs_the_same_reads_whether_it_is_remembered_or_not(digits, owner, reads):
    """Else two replicas would refuse different transactions."""
    scene, cache = Scene(), HeadCache()
    for _ in range(3):
        view = Overlay(Prefixed(scene.store, b"s"))
        view.begin(reads, 0)
        registry = StateRegistry(view, cache, 1, 0, lambda *_: True)

        assert registry.prefix_owner(digits) == owner
        assert refused(lambda view=view: view.get(b"x")) == "LIMIT"
