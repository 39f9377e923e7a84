"""A register and a set behind a real network are linearisable, whatever happens to its nodes.

Longer: `scripts/campaign linearisable --seed N --home DIR`.
"""

import os
import random

import pytest

from hansa.client.types import Fate
from tests.integration.linearisable import Operation
from tests.integration.register_and_set import linearisable_fact, never_false, result_of

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(180)]


def test_a_register_and_a_set_are_linearisable_while_nodes_die_and_pause(network):
    seed = int(os.environ.get("HANSA_SEED", random.SystemRandom().randrange(10**6)))

    fact = linearisable_fact(network, seed, seconds=15)

    assert fact["done"] == ["kill", "pause"], f"seed {seed}"
    assert fact["register"]["operations"] > 10
    assert fact["register"]["writes"] > 3
    assert fact["set"]["operations"] > 10
    assert fact["old_reads"] > 0


def test_what_a_node_says_of_a_version_that_never_was_is_seen():
    order = [Operation("one", ("cas", 2, 7), result=True, begin=0, end=1)]

    never_false(order, (2, None), [("node0", 2, None), ("node1", 3, 7)])

    with pytest.raises(AssertionError, match="node1 said 8 of version 3"):
        never_false(order, (2, None), [("node1", 3, 8)])
    with pytest.raises(AssertionError, match="node1 said 9 of version 4"):
        never_false(order, (2, None), [("node1", 4, 9)])


@pytest.mark.parametrize(
    ("fate", "result"),
    [
        (None, None),
        (Fate(state="pending"), None),
        (Fate(state="evicted"), None),
        (Fate(state="committed", code="OK"), True),
        (Fate(state="refused", code="STALE"), False),
    ],
)
def test_a_result_is_what_a_final_fate_says(fate, result):
    assert result_of(fate, "STALE") is result


def test_a_refusal_that_is_not_in_the_model_is_seen():
    with pytest.raises(AssertionError):
        result_of(Fate(state="refused", code="AUTH"), "STALE")
