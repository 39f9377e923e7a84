"""Validator sets and their quorums (docs/spec/consensus.md, section 2)."""

import math

import msgpack
import pytest

from hansa.encoding import pack, unpack
from hansa.errors import Rejected
from hansa.membership import VALIDATORS_MAX, Validator, ValidatorSet, fault_bound, quorum_size
from tests.unit.hansa.frozen import frozen, why

VECTORS = frozen("certificate")
SIZES = range(1, VALIDATORS_MAX + 1)


def test_the_table_is_frozen():
    assert [[n, fault_bound(n), quorum_size(n)] for n in SIZES] == VECTORS["quorums"]


@pytest.mark.parametrize("n", SIZES)
def test_a_quorum_is_the_least_number_of_votes_that_is_safe_and_f_silent_ones_never_block_it(n):
    """By brute force over all numbers: two quorums of q share at least 2q - n validators."""
    faults = max(f for f in range(n) if 3 * f < n)
    safe = [q for q in range(1, n + 1) if 2 * q - n >= faults + 1]

    assert fault_bound(n) == faults
    assert quorum_size(n) == min(safe) == math.ceil((n + faults + 1) / 2) == math.ceil(2 * n / 3)
    assert quorum_size(n) <= n - faults


def test_two_f_plus_1_would_not_do():
    """5, 6, 8, 9, 11 …: two sets of 2f + 1 need not share a correct validator."""
    unsafe = [n for n in SIZES if 2 * (2 * fault_bound(n) + 1) - n < fault_bound(n) + 1]

    assert unsafe == [n for n in SIZES if n % 3 != 1]


def test_a_set_knows_its_sizes_and_its_places():
    validators = unpack(ValidatorSet, bytes.fromhex(VECTORS["validators"]["bytes"]))

    assert (validators.size, validators.faults, validators.quorum) == (4, 1, 3)
    assert validators.weak_quorum == 2
    assert validators.hash.hex() == VECTORS["validators"]["hash"]
    assert pack(validators).hex() == VECTORS["validators"]["bytes"]
    assert [validators.index_of(f"node{i}") for i in range(5)] == [0, 1, 2, 3, None]


@pytest.mark.parametrize("case", VECTORS["not_validators"], ids=why)
def test_a_set_is_ordered_and_names_nobody_twice(case):
    with pytest.raises(Rejected, match=r"encoding\.malformed"):
        unpack(ValidatorSet, bytes.fromhex(case["bytes"]))


def test_a_set_has_at_most_100_validators():
    def of(count):
        one = [[f"n{i:03}", "m", b"\1" + i.to_bytes(32, "big")] for i in range(count)]
        return msgpack.packb([one])

    assert unpack(ValidatorSet, of(VALIDATORS_MAX)).size == VALIDATORS_MAX
    with pytest.raises(Rejected):
        unpack(ValidatorSet, of(VALIDATORS_MAX + 1))


def test_a_set_made_here_is_checked_too():
    validator = Validator("node0", "farm", b"\1" + bytes(32))

    with pytest.raises(ValueError, match="names and keys once"):
        ValidatorSet((validator, validator))
