"""Whatever the sizes, honest RFC 6962 proofs hold and dishonest ones do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.canonical_json import dumps, loads_canonical, number_text
from hansa.errors import Rejected
from hansa.merkle import leaf_hash, root_of_hashes, verify_consistency, verify_inclusion
from ledger.log import Log

LEAVES = [leaf_hash(b"%d" % number) for number in range(1_200)]


class Tiles(dict):
    """Tiles in memory."""


def stored():
    tiles = Tiles()
    log = Log(tiles)
    append = log.append(LEAVES)
    tiles.update(append.writes)
    log.adopt(append)
    return log


LOG = stored()
SIZES = st.integers(1, len(LEAVES))


@given(size=SIZES, data=st.data())
def test_the_path_of_any_leaf_holds_for_it_alone(size, data):
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, size - 1).filter(lambda n: n != index or size == 1))
    root = root_of_hashes(LEAVES[:size])

    path = LOG.inclusion_path(index, size)

    verify_inclusion(LEAVES[index], index, size, path, root)
    if other != index:
        with pytest.raises(Rejected):
            verify_inclusion(LEAVES[index], other, size, path, root)


@given(size=SIZES, data=st.data())
def test_any_earlier_tree_is_consistent_and_no_other_root_is(size, data):
    first = data.draw(st.integers(1, size))
    roots = root_of_hashes(LEAVES[:first]), root_of_hashes(LEAVES[:size])

    path = LOG.consistency_path(first, size)

    verify_consistency(first, size, path, *roots)
    with pytest.raises(Rejected):
        verify_consistency(first, size, path, leaf_hash(b"x"), roots[1])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(value=JSON)
def test_canonical_json_reads_back_as_the_value_it_was(value):
    assert loads_canonical(dumps(value)) == value


@given(number=st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_reads_back_as_the_double_it_was(number):
    assert float(number_text(number)) == number
