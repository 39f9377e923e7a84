"""The receipt log in tiles against the plain RFC 6962 tree, at every size."""

import pytest

from hansa.errors import Corrupt
from hansa.merkle import (
    EMPTY_ROOT,
    consistency_path,
    inclusion_path,
    leaf_hash,
    root_of,
    root_of_hashes,
    verify_consistency,
    verify_inclusion,
)
from ledger.log import Log, tile_key

LEAVES = [leaf_hash(b"%d" % number) for number in range(70_000)]


def grown(size, step=None):
    tiles = {}
    log = Log(tiles)
    for first in range(0, size, step or max(size, 1)):
        append = log.append(LEAVES[first : min(size, first + (step or size))])
        tiles.update(append.writes)
        log.adopt(append)
    return log, tiles


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 70_000])
def test_the_root_is_that_of_the_plain_tree(size):
    log, _ = grown(size)

    assert (log.size, log.root) == (size, root_of_hashes(LEAVES[:size]))
    assert log.frontier.root == log.root


@pytest.mark.parametrize("step", [1, 7, 255, 256, 300])
def test_the_tiles_do_not_depend_on_how_the_leaves_came(step):
    once, tiles = grown(1000)
    log, stepwise = grown(1000, step)

    assert stepwise == tiles
    assert log.root == once.root


def test_staging_changes_nothing_and_several_may_be_staged():
    log, tiles = grown(300)
    before = dict(tiles)

    one, other = log.append(LEAVES[300:302]), log.append(LEAVES[301:302])

    assert (log.size, tiles) == (300, before)
    assert one.root == root_of_hashes(LEAVES[:302])
    assert other.root == root_of_hashes([*LEAVES[:300], LEAVES[301]])
    assert len(one.writes) == 1


def test_what_was_staged_from_another_size_is_not_adopted():
    log, _ = grown(300)
    stale = log.append(LEAVES[300:301])
    log.adopt(log.append(LEAVES[300:310]))

    with pytest.raises(AssertionError):
        log.adopt(stale)


def test_nothing_appended_writes_nothing():
    log, _ = grown(0)

    append = log.append([])

    assert (append.root, append.size, append.writes) == (EMPTY_ROOT, 0, {})


POINTS = [
    (1, 0), (2, 1), (255, 254), (256, 0), (257, 256), (1000, 511), (65_536, 65_535),
    (65_537, 65_536), (66_000, 300), (70_000, 69_999),
]  # fmt: skip


@pytest.mark.parametrize(("size", "index"), POINTS)
def test_any_leaf_is_proven_at_any_earlier_size(size, index):
    log, _ = grown(70_000)
    root = root_of_hashes(LEAVES[:size])

    path = log.inclusion_path(index, size)

    verify_inclusion(LEAVES[index], index, size, path, root)
    assert log.leaf(index) == LEAVES[index]


@pytest.mark.parametrize(("size", "index"), POINTS)
def test_any_two_sizes_are_proven_consistent(size, index):
    log, _ = grown(70_000)
    roots = root_of_hashes(LEAVES[: index + 1]), root_of_hashes(LEAVES[:size])

    path = log.consistency_path(index + 1, size)

    verify_consistency(index + 1, size, path, *roots)


def test_the_paths_are_those_of_the_plain_tree():
    entries = [b"%d" % number for number in range(600)]
    log, _ = grown(600)

    assert log.root == root_of(entries)
    assert log.inclusion_path(300, 555) == inclusion_path(entries[:555], 300)
    assert log.consistency_path(300, 555) == consistency_path(entries[:555], 300)


@pytest.mark.parametrize("size", [0, 1, 256, 700, 65_536, 66_001])
def test_a_stored_log_goes_on_where_it_stopped(size):
    log, tiles = grown(size)

    again = Log.load(tiles, size, log.root)
    append = again.append(LEAVES[size : size + 300])

    assert append.root == root_of_hashes(LEAVES[: size + 300])
    assert again.frontier == log.frontier


def test_tiles_that_have_grown_since_still_prove_the_headers_size():
    log, tiles = grown(700)
    early, _ = grown(650)

    again = Log.load(tiles, 650, early.root)

    assert again.inclusion_path(3, 650) == early.inclusion_path(3, 650)
    assert log.size == 700


def test_a_log_of_another_root_stops_the_node():
    _, tiles = grown(700)

    with pytest.raises(Corrupt, match=r"log\.root"):
        Log.load(tiles, 700, EMPTY_ROOT)


@pytest.mark.parametrize("tile", [None, bytes(32)])
def test_a_tile_that_is_gone_or_cut_stops_the_node(tile):
    log, tiles = grown(700)
    edge = tiles | {tile_key(0, 2): tile}
    tiles[tile_key(0, 0)] = tile

    with pytest.raises(Corrupt, match=r"log\.tile"):
        log.inclusion_path(1, 700)
    with pytest.raises(Corrupt, match=r"log\.tile"):
        Log.load(edge, 700, log.root)
