"""Rotation and skip list (docs/spec/consensus.md, section 5)."""

from itertools import pairwise

import pytest
from msgspec.structs import replace

from consensus.schedule import (
    PENALTY_DOUBLINGS_MAX,
    PENALTY_HEIGHTS,
    WINDOW_HEIGHTS,
    Schedule,
)
from tests.unit.consensus.world import genesis, validator_set

SEED = b"\7" * 32


def header(validators, height, proposer, last_view=0):
    """A committed header: who built it, and the view of its parent's certificate."""
    return replace(
        genesis(validators),
        height=height,
        primary=validators.validators[proposer].name,
        last_view=last_view,
    )


class Chain:
    """A schedule and the headers it has seen."""

    def __init__(self, size=4):
        self.validators = validator_set(size)
        self.schedule = Schedule(self.validators, 1, SEED)
        self.headers = []
        self.view = 0

    @property
    def height(self):
        return len(self.headers) + 1

    def primary(self, view=0):
        return self.schedule.primary(self.height, view)

    def grow(self, view=0):
        """The next height is decided in this view, by that view's own block."""
        proposer = self.primary(view)
        made = header(self.validators, self.height, proposer, self.view)
        self.view = view
        self.headers.append(made)
        self.schedule.advance(made)
        return proposer

    def standing(self):
        """Who takes part in the rotation at this height."""
        return {self.primary(view) for view in range(self.validators.size)}


def test_every_validator_is_primary_once_in_a_round_and_views_go_on_in_the_same_order():
    chain = Chain(7)
    first = [chain.primary(view) for view in range(7)]
    later = [chain.grow() for _ in range(14)]

    assert sorted(first) == list(range(7))
    assert later == first * 2


def test_the_order_of_an_epoch_depends_on_its_seed_alone():
    validators = validator_set(7)
    orders = {
        tuple(Schedule(validators, start, seed).primary(start, v) for v in range(7))
        for seed in (b"a" * 32, b"b" * 32)
        for start in (1, 50)
    }

    assert len(orders) == 2


def test_the_primary_of_a_failed_view_is_stepped_over_two_headers_later():
    chain = Chain()
    chain.grow()
    dead = chain.primary(0)
    chain.grow(view=1)
    assert dead in chain.standing(), "the certificate of that height is not in a header yet"

    chain.grow()

    assert dead not in chain.standing()


def test_the_penalty_ends():
    chain = Chain()
    dead = chain.primary(0)
    chain.grow(view=1)
    chain.grow()
    said_at = chain.height - 1

    spans = 0
    while dead not in chain.standing():
        chain.grow()
        spans += 1

    assert chain.height == said_at + PENALTY_HEIGHTS + 1
    assert spans == PENALTY_HEIGHTS


def test_a_dead_validator_costs_ever_fewer_views():
    chain = Chain()
    dead = chain.primary(0)
    failed = []
    for _ in range(600):
        if chain.primary(0) == dead:
            failed.append(chain.height)
            chain.grow(view=1)
        else:
            chain.grow()
    gaps = [later - earlier for earlier, later in pairwise(failed)]

    assert len(failed) <= 8
    assert gaps == sorted(gaps)
    assert gaps[-1] > PENALTY_HEIGHTS * 2 ** (len(gaps) - 2)
    assert len(gaps) <= PENALTY_DOUBLINGS_MAX


def test_the_proposer_of_the_committed_block_is_not_punished():
    """Its block may have been prepared in view 0 and decided in a later view."""
    chain = Chain()
    proposer = chain.primary(0)
    made = header(chain.validators, 1, proposer)
    chain.schedule.advance(made)
    chain.headers.append(made)
    follower = header(chain.validators, 2, chain.primary(0), last_view=2)
    others = {Schedule(chain.validators, 1, SEED).primary(1, view) for view in (0, 1)}
    chain.schedule.advance(follower)
    chain.headers.append(follower)

    assert proposer in chain.standing()
    assert others - chain.standing() == others - {proposer}


@pytest.mark.parametrize("size", [4, 7, 10])
def test_at_most_f_are_skipped_and_who_was_skipped_first_is_freed_first(size):
    chain = Chain(size)
    faults = chain.validators.faults
    for _ in range(30):
        chain.grow(view=size - 1)

        assert len(chain.standing()) >= size - faults


@pytest.mark.parametrize("size", [1, 2, 3])
def test_without_a_fault_to_tolerate_nobody_is_skipped(size):
    chain = Chain(size)
    for _ in range(5):
        chain.grow(view=5)

    assert len(chain.standing()) == size


def test_a_view_that_counts_far_beyond_the_rotation_punishes_each_once():
    chain = Chain()
    chain.grow(view=2**31)
    chain.grow()

    assert len(chain.standing()) == 3


def test_a_restart_finds_the_same_primaries_from_the_window_alone():
    chain = Chain(7)
    for number in range(WINDOW_HEIGHTS + 300):
        chain.grow(view=(0, 0, 3, 0, 0, 0, 1)[number % 7])
    first = max(1, len(chain.headers) - WINDOW_HEIGHTS - 1)

    again = Schedule.from_headers(chain.validators, 1, SEED, chain.headers[first - 1 :])

    here = [chain.primary(view) for view in range(7)]
    assert [again.primary(chain.height, view) for view in range(7)] == here


def test_the_parent_of_an_epoch_s_first_block_punishes_nobody():
    validators = validator_set(4)
    schedule = Schedule(validators, 10, SEED)
    schedule.advance(header(validators, 10, 0, last_view=3))

    assert {schedule.primary(11, view) for view in range(4)} == {0, 1, 2, 3}


def test_a_proposer_of_another_set_protects_nobody():
    validators = validator_set(4)
    schedule = Schedule(validators, 1, SEED)
    schedule.advance(replace(header(validators, 1, 0), primary="somebody"))
    schedule.advance(header(validators, 2, 1, last_view=1))

    assert len({schedule.primary(3, view) for view in range(4)}) == 3
