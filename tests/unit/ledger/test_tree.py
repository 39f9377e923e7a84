"""The state tree: staging without side effects, rebuilding from its pages, damage found."""

import pytest

from hansa.errors import Corrupt
from hansa.state_proof import EMPTY, value_hash
from ledger import tree as tree_module
from ledger.tree import Tree


def pairs(count, first=0):
    return {b"key/%d" % number: b"value %d" % number for number in range(first, first + count)}


class Store(dict):
    """Pages in memory, with what a node does to them."""

    def take(self, tree, changes):
        staged = tree.stage(changes)
        for key, page in staged.writes.items():
            if page is None:
                self.pop(key, None)
            else:
                self[key] = page
        tree.adopt(staged)
        return staged


def grown(count):
    store = Store()
    tree = Tree(store)
    store.take(tree, pairs(count))
    return tree, store


def test_staging_changes_nothing_and_several_may_be_staged():
    tree, store = grown(200)
    before, root = dict(store), tree.root

    one = tree.stage({b"key/1": b"x"})
    other = tree.stage({b"key/2": b"x", b"key/1": None})

    assert (tree.root, dict(store)) == (root, before)
    assert len({root, one.root, other.root}) == 3
    assert one.root == tree.stage({b"key/1": b"x"}).root


def test_what_was_staged_from_another_head_is_not_adopted():
    tree, store = grown(200)
    stale = tree.stage({b"key/1": b"x"})
    store.take(tree, {b"key/2": b"x"})

    with pytest.raises(AssertionError):
        tree.adopt(stale)


def test_no_changes_leave_the_root_and_write_nothing():
    tree, _ = grown(50)

    staged = tree.stage({})

    assert (staged.root, staged.writes) == (tree.root, {})


def test_removing_what_is_not_there_changes_no_root():
    tree, _ = grown(50)

    assert tree.stage({b"nobody": None}).root == tree.root
    assert Tree({}).stage({b"nobody": None}).root == EMPTY


@pytest.mark.parametrize("count", [1, 40, 41, 700])
def test_a_state_that_shrinks_to_nothing_leaves_no_pages(count):
    tree, store = grown(count)

    store.take(tree, dict.fromkeys(pairs(count)))

    assert (tree.root, tree.count, dict(store)) == (EMPTY, 0, {})


def test_a_subtree_that_shrinks_becomes_one_page_again():
    tree, store = grown(41)
    small, _ = grown(40)

    store.take(tree, {b"key/40": None})

    assert tree.root == small.root
    assert list(store) == [b""]


@pytest.mark.parametrize("count", [0, 1, 40, 41, 3000])
def test_a_scan_of_the_pages_gives_the_tree_back(count):
    tree, store = grown(count)

    again = Tree.load(store, store.items())

    assert (again.root, again.count) == (tree.root, count)
    assert again.stage({b"new": b"1"}).root == tree.stage({b"new": b"1"}).root


def test_undo_gives_the_proofs_of_an_earlier_height():
    tree, store = grown(300)
    root = tree.root
    store.take(tree, {b"key/1": b"x", b"key/2": None, b"new": b"y"})
    undo = {b"key/1": b"value 1", b"key/2": b"value 2", b"new": None}

    found = {key: tree.prove(key, undo).verify(root, key) for key in undo}

    assert found == {
        b"key/1": value_hash(b"value 1"), b"key/2": value_hash(b"value 2"), b"new": None,
    }  # fmt: skip
    assert tree.prove(b"key/2").verify(tree.root, b"key/2") is None


def test_pages_beyond_what_is_kept_in_memory_are_read_again(monkeypatch):
    monkeypatch.setattr(tree_module, "PAGES_KEPT_MAX", 3)
    tree, store = grown(2000)
    whole, _ = grown(2500)

    store.take(tree, pairs(500, 2000))

    assert tree.root == whole.root
    assert tree.prove(b"key/7").verify(tree.root, b"key/7") == value_hash(b"value 7")


def damaged(change):
    _, store = grown(2000)
    change(store)
    return store


def drop_most(store):
    parent = next(key[:-1] for key in store)
    for key in [key for key in store if key[:-1] == parent][1:]:
        del store[key]


def misplace(store):
    one, other = list(store)[:2]
    store[one], store[other] = store[other], store[one]


PAGE = bytes(range(64))
DAMAGES = {
    "an empty page": lambda store: store.update({next(iter(store)): b""}),
    "half an entry": lambda store: store.update({next(iter(store)): bytes(65)}),
    "a page too large": lambda store: store.update({b"": bytes(64 * 41)}),
    "a key that is no prefix": lambda store: store.update({b"\x10": PAGE}),
    "a key too deep": lambda store: store.update({bytes(64): PAGE}),
    "entries out of place": misplace,
    "entries out of order": lambda store: store.update({next(iter(store)): PAGE * 2}),
    "a page above others": lambda store: store.update({b"": PAGE}),
    "a page above others, lower down": lambda store: store.update({b"\x00": PAGE}),
    "pages that should be one": drop_most,
}


@pytest.mark.parametrize("name", DAMAGES)
def test_pages_that_no_tree_has_written_are_found_when_they_are_loaded(name):
    store = damaged(DAMAGES[name])

    with pytest.raises(Corrupt, match=r"tree\.page"):
        Tree.load(store, store.items())


@pytest.mark.parametrize("page", [None, bytes(64)])
def test_a_page_that_is_gone_or_cut_stops_the_node(page):
    _, store = grown(2000)
    tree = Tree.load(dict.fromkeys(store, page), store.items())

    with pytest.raises(Corrupt, match=r"tree\.page"):
        tree.stage({b"key/1": b"x"})
    with pytest.raises(Corrupt, match=r"tree\.page"):
        tree.prove(b"key/1")
