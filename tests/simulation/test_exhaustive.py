"""In a small scope every reachable state is seen, and no two blocks can be decided in any.

One height, n = 4, one validator that may say every well-formed message, messages in any order:
`tests/simulation/exhaustive`. Larger scopes: `python -m tests.simulation.exhaustive --views V`.
"""

import time

import pytest

from tests.simulation.exhaustive.search import TWO_CLAIMS, Search, ViolationError
from tests.simulation.spec.mutants import active

PATIENCE_S = 150
"""A loaded machine is no violation: the scopes below take a tenth of it."""


def search(size, liar, views, *, script=(), deep=False):
    """A whole search."""
    started = Search(size, liar, views).walk(script)
    return started.run(time.monotonic() + PATIENCE_S, deep=deep)


@pytest.mark.slow
@pytest.mark.timeout(2 * PATIENCE_S)
def test_all_states_of_two_views_with_a_lying_backup_agree():
    found = search(4, 2, 1)

    assert found.complete
    assert len(found.seen) > 10_000
    assert found.depth > 10


@pytest.mark.parametrize("size", [4, 5, 6, 7])
@pytest.mark.parametrize("liar", [0, 1])
def test_all_states_of_one_view_agree(size, liar):
    found = search(size, liar, 0)

    assert found.complete
    assert len(found.seen) >= 8


@pytest.mark.parametrize(("size", "liar"), [(4, 0), (5, 0), (5, 1)])
def test_what_is_the_same_but_for_names_is_seen_once_and_not_missed(size, liar):
    """Without the symmetries there are more states, and each is the image of one that was seen."""
    reduced = search(size, liar, 0)
    everything, waiting = {reduced.start}, [reduced.start]
    while waiting:
        state = waiting.pop()
        for position, local in enumerate(state):
            for _, number in reduced.moves(position, local, reduced.network(state)):
                after = (*state[:position], number, *state[position + 1 :])
                if after not in everything:
                    everything.add(after)
                    waiting.append(after)

    assert len(everything) > len(reduced.seen)
    assert {reduced.canonical(state) for state in everything} == reduced.seen


@pytest.mark.parametrize(
    ("name", "scope", "way", "end"),
    [
        ("quorum-2f+1", (5, 0, 0), {}, "two prepared certificates"),
        ("quorum-2f+1", (6, 0, 0), {}, "two prepared certificates"),
        ("view-change-without-certificate", (4, 0, 1), {}, "forgets COMMIT"),
        ("new-view-unchecked", (4, 1, 1), {"deep": True}, "fork"),
        ("duplicate-view-changes", (4, 1, 1), {"deep": True}, "fork"),
        ("lowest-prepared-accepted", (4, 2, 2), {"script": TWO_CLAIMS}, "fork"),
    ],
)
@pytest.mark.timeout(2 * PATIENCE_S)
def test_a_mistake_is_found_with_the_way_there(name, scope, way, end):
    with active(name), pytest.raises(ViolationError, match=end) as found:
        search(*scope, **way)

    assert "replica" in str(found.value)


def test_the_start_between_two_claims_is_no_violation_itself():
    started = Search(4, 2, 2).walk(TWO_CLAIMS)

    started.check(started.start, None)
    started.run(time.monotonic() + 2)
