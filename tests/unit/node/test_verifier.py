"""The verifier pool: verdicts in order, in threads or in the loop."""

import asyncio

import pytest

from node.verifier import CHUNK, InlineVerifier, VerifierPool, verify_now
from tests.unit.node.transactions import forge, sign

BATCH = [sign(n) if n % 3 else forge(sign(n)) for n in range(2 * CHUNK + 5)]
VERDICTS = [bool(n % 3) for n in range(2 * CHUNK + 5)]


def test_at_once_each_transaction_gets_its_verdict():
    assert verify_now(BATCH) == VERDICTS


async def test_the_simulated_worlds_verifier_says_the_same():
    assert await InlineVerifier().verify_batch(BATCH) == VERDICTS


@pytest.mark.parametrize("workers", [0, 2])
async def test_the_pool_says_the_same_in_the_same_order(workers):
    with VerifierPool(workers) as pool:
        assert await pool.verify_batch(BATCH) == VERDICTS
        assert await pool.verify_batch([]) == []
        assert pool.verified == len(BATCH)


async def test_one_wrong_cosigner_spoils_a_transaction():
    tx = sign(1, cosigners=(2, 3))
    with VerifierPool(1) as pool:
        assert await pool.verify_batch([tx, forge(tx)]) == [True, False]
        assert pool.verified == 6


async def test_inline_the_loop_gets_its_turn_between_chunks():
    turns = []

    async def other():
        turns.append("other")

    with VerifierPool(0) as pool:
        async with asyncio.TaskGroup() as group:
            group.create_task(pool.verify_batch(BATCH)).add_done_callback(
                lambda _: turns.append("verified")
            )
            group.create_task(other())

    assert turns == ["other", "verified"]
