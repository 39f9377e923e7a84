"""The skip list against its definition typed out: a slow twin over whole chains of headers."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from consensus.schedule import PENALTY_DOUBLINGS_MAX, PENALTY_HEIGHTS, WINDOW_HEIGHTS, Schedule
from tests.unit.consensus.world import genesis, validator_set

SEED = b"\7" * 32
START = 10


def slow_standing(schedule, validators, strikes, height):
    """Who is not skipped at a height, given (height at which it was said, signer) strikes."""
    skipped = []
    for signer in range(validators.size):
        said = [at for at, struck in strikes if struck == signer and at < height]
        span = PENALTY_HEIGHTS * 2 ** min(max(len(said) - 1, 0), PENALTY_DOUBLINGS_MAX)
        if said and said[-1] + span >= height:
            skipped.append((said[-1], signer))
    freed = sorted(skipped)[: max(len(skipped) - validators.faults, 0)]
    gone = [signer for _, signer in skipped if (_, signer) not in freed]
    return [signer for signer in schedule._order if signer not in gone]


def slow_primary(schedule, validators, headers, height, view):
    """The primary, from all headers of the epoch and the window alone."""
    strikes = []
    for parent, header in pairwise(headers):
        if header.last_view == 0 or header.height <= headers[-1].height - WINDOW_HEIGHTS:
            continue
        failed = parent.height
        alive = slow_standing(schedule, validators, strikes, failed)
        for failed_view in range(min(header.last_view, len(alive))):
            struck = alive[(failed - START + failed_view) % len(alive)]
            if validators.validators[struck].name != parent.primary:
                strikes.append((header.height, struck))
    alive = slow_standing(schedule, validators, strikes, height)
    return alive[(height - START + view) % len(alive)]


chains = st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0, 0, 0, 1, 1, 2, 5])), max_size=60)


@given(size=st.integers(1, 8), steps=chains)
def test_the_schedule_is_its_definition(size, steps):
    validators = validator_set(size)
    schedule = Schedule(validators, START, SEED)
    headers = []
    for number, (proposer_view, last_view) in enumerate(steps):
        height = START + number
        proposer = validators.validators[schedule.primary(height, proposer_view)].name
        header = replace(genesis(validators), height=height, primary=proposer, last_view=last_view)
        headers.append(header)
        schedule.advance(header)

        expected = [
            slow_primary(schedule, validators, headers, height + 1, view) for view in range(3)
        ]
        assert [schedule.primary(height + 1, view) for view in range(3)] == expected


@given(size=st.integers(4, 13), steps=chains)
def test_at_most_f_are_skipped(size, steps):
    validators = validator_set(size)
    schedule = Schedule(validators, START, SEED)
    for number, (_, last_view) in enumerate(steps):
        header = replace(genesis(validators), height=START + number, last_view=last_view)
        schedule.advance(header)

    height = START + len(steps)
    standing = {schedule.primary(height, view) for view in range(size)}
    assert len(standing) >= size - validators.faults
