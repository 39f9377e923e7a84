"""The RFC 6962 tree against its definition typed out, and against frozen roots."""

import hashlib
import json
from pathlib import Path

import pytest

from hansa.errors import Rejected
from hansa.merkle import (
    EMPTY_ROOT,
    SIZE_MAX,
    Frontier,
    consistency_path,
    inclusion_path,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
ENTRIES = [b"entry %d" % number for number in range(20)]
SIZES = range(1, 21)


def defined_root(entries):
    """RFC 9162, section 2.1.1, word for word."""
    if not entries:
        return hashlib.sha256(b"").digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\0" + entries[0]).digest()
    k = 1
    while 2 * k < len(entries):
        k *= 2
    return hashlib.sha256(b"\1" + defined_root(entries[:k]) + defined_root(entries[k:])).digest()


def defined_path(index, entries):
    """RFC 9162, section 2.1.3.1, word for word."""
    if len(entries) == 1:
        return ()
    k = 1
    while 2 * k < len(entries):
        k *= 2
    if index < k:
        return (*defined_path(index, entries[:k]), defined_root(entries[k:]))
    return (*defined_path(index - k, entries[k:]), defined_root(entries[:k]))


def test_the_constants_of_rfc_6962():
    assert EMPTY_ROOT.hex().startswith("e3b0c44298fc1c14")
    assert leaf_hash(b"L123456").hex() == (
        "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
    )


@pytest.mark.parametrize("size", range(21))
def test_roots_are_those_of_the_definition(size):
    entries = ENTRIES[:size]

    assert root_of(entries) == defined_root(entries)
    assert Frontier().extend([leaf_hash(entry) for entry in entries]).root == root_of(entries)


@pytest.mark.parametrize("size", SIZES)
def test_every_leaf_is_proven_by_the_path_of_the_definition(size):
    entries = ENTRIES[:size]
    root = root_of(entries)

    paths = [inclusion_path(entries, index) for index in range(size)]

    assert paths == [defined_path(index, entries) for index in range(size)]
    for index, path in enumerate(paths):
        verify_inclusion(leaf_hash(entries[index]), index, size, path, root)


@pytest.mark.parametrize("size", SIZES)
def test_every_prefix_is_proven_consistent(size):
    entries = ENTRIES[:size]

    for first in range(1, size + 1):
        path = consistency_path(entries, first)
        verify_consistency(first, size, path, root_of(entries[:first]), root_of(entries))


def test_frozen_roots_and_paths():
    frozen = json.loads((VECTORS / "merkle.json").read_text())

    assert [root_of(ENTRIES[:n]).hex() for n in range(21)] == frozen["roots"]
    assert [h.hex() for h in inclusion_path(ENTRIES[:11], 7)] == frozen["inclusion_7_of_11"]
    assert [h.hex() for h in consistency_path(ENTRIES[:11], 6)] == frozen["consistency_6_to_11"]


LEAF, ROOT, PATH = leaf_hash(ENTRIES[2]), root_of(ENTRIES[:5]), inclusion_path(ENTRIES[:5], 2)
BAD_INCLUSIONS = {
    "a negative index": (LEAF, -1, 5, PATH, ROOT),
    "an index past the end": (LEAF, 5, 5, PATH, ROOT),
    "a size beyond all": (LEAF, 2, SIZE_MAX + 1, PATH, ROOT),
    "an empty tree": (LEAF, 0, 0, (), EMPTY_ROOT),
    "another index": (LEAF, 3, 5, PATH, ROOT),
    "another leaf": (leaf_hash(b"x"), 2, 5, PATH, ROOT),
    "another root": (LEAF, 2, 5, PATH, bytes(32)),
    "a short hash": (LEAF, 2, 5, (*PATH[:-1], PATH[-1][:31]), ROOT),
    "a hash too few": (LEAF, 2, 5, PATH[:-1], ROOT),
    "a hash too many": (LEAF, 2, 5, (*PATH, PATH[0]), ROOT),
    "a node in the place of a leaf": (root_of(ENTRIES[:2]), 0, 3, (LEAF,), root_of(ENTRIES[:3])),
}


@pytest.mark.parametrize("name", BAD_INCLUSIONS)
def test_a_wrong_inclusion_is_refused(name):
    with pytest.raises(Rejected) as caught:
        verify_inclusion(*BAD_INCLUSIONS[name])

    assert caught.value.code == "merkle.inclusion"


ROOT3, STEP = root_of(ENTRIES[:3]), consistency_path(ENTRIES[:5], 3)
BAD_CONSISTENCIES = {
    "an empty first tree": (0, 5, (), EMPTY_ROOT, ROOT),
    "a first tree that is larger": (5, 3, STEP, ROOT, ROOT3),
    "two roots for one size": (5, 5, (), ROOT, ROOT3),
    "a path where none is needed": (5, 5, STEP, ROOT, ROOT),
    "no path": (3, 5, (), ROOT3, ROOT),
    "no path from a perfect tree": (4, 5, (), root_of(ENTRIES[:4]), ROOT),
    "a hash too few": (3, 5, STEP[:-1], ROOT3, ROOT),
    "a hash too many": (3, 5, (*STEP, STEP[0]), ROOT3, ROOT),
    "another first root": (3, 5, STEP, ROOT, ROOT),
    "another second root": (3, 5, STEP, ROOT3, ROOT3),
    "a short hash": (3, 5, (b"", *STEP[1:]), ROOT3, ROOT),
}


@pytest.mark.parametrize("name", BAD_CONSISTENCIES)
def test_a_wrong_consistency_is_refused(name):
    with pytest.raises(Rejected) as caught:
        verify_consistency(*BAD_CONSISTENCIES[name])

    assert caught.value.code == "merkle.consistency"


@pytest.mark.parametrize("size", range(21))
def test_a_frontier_survives_its_bytes_and_grows_on(size):
    hashes = [leaf_hash(entry) for entry in ENTRIES]
    frontier = Frontier().extend(hashes[:size])

    again = Frontier.from_bytes(frontier.to_bytes())

    assert again == frontier
    assert again.append(leaf_hash(b"x")).root == root_of([*ENTRIES[:size], b"x"])


@pytest.mark.parametrize(
    "data",
    [b"", b"\0" * 7, b"\0" * 9, b"\0" * 7 + b"\1", b"\0" * 7 + b"\1" + b"x" * 31, b"\xff" * 8],
)
def test_bytes_that_are_no_frontier_are_refused(data):
    with pytest.raises(Rejected, match=r"merkle\.frontier"):
        Frontier.from_bytes(data)
