"""Two nodes dial each other at the same time: one connection stays, nothing flaps or is lost.

The connection that the node with the lower key has dialled is kept (docs/spec/network.md, 5.3).
"""

import pytest

from p2p.control import Refusal
from p2p.frames import BULK, CONSENSUS, CONTROL, MESSAGE_BYTES_MAX
from p2p.limits import Timing

pytestmark = pytest.mark.integration

PATIENT = Timing(tick_s=0.05)


def by_key(place):
    """The numbers of two nodes, the one with the lower key first."""
    return sorted(range(2), key=lambda number: place.key_of(number).public)


async def test_the_lower_key_moves_to_the_connection_it_dialled_and_takes_its_queue_along(
    town, raw, raw_listener
):
    async with town(2) as place:
        lower, higher = by_key(place)
        async with raw_listener(place, higher) as accepted:
            node = await place.start(lower, timing=PATIENT)
            dialled = await accepted.get()
            async with raw(node, higher) as incoming:
                await incoming.greet()
                await node.until(lambda: node.events)
                block = bytes(MESSAGE_BYTES_MAX[BULK])
                assert node.mesh.send(f"node{higher}", BULK, block)
                assert node.mesh.send(f"node{higher}", BULK, block)

                dialled.send(CONTROL, await dialled.answer())
                received = [await dialled.read(), await dialled.read()]

                # The first block was under way on the old connection and is sent whole again.
                assert received == [(BULK, block)] * 2
                assert (await incoming.read_control(Refusal)).code == "duplicate"
                assert node.events == [(f"node{higher}", True)]
                assert node.mesh.peers()[0].direction == "out"


async def test_the_lower_key_refuses_what_it_is_dialled_by_when_it_has_dialled(
    town, raw, raw_listener
):
    async with town(2) as place:
        lower, higher = by_key(place)
        async with raw_listener(place, higher) as accepted:
            node = await place.start(lower, timing=PATIENT)
            dialled = await accepted.get()
            dialled.send(CONTROL, await dialled.answer())
            await node.until(lambda: node.events)
            async with raw(node, higher) as incoming:
                assert (await incoming.greet()).refusal.code == "duplicate"

            assert node.mesh.send(f"node{higher}", CONSENSUS, b"vote")
            assert await dialled.read() == (CONSENSUS, b"vote")
            assert node.events == [(f"node{higher}", True)]


async def test_the_higher_key_moves_to_the_connection_it_was_dialled_by(town, raw, raw_listener):
    async with town(2) as place:
        lower, higher = by_key(place)
        async with raw_listener(place, lower) as accepted:
            node = await place.start(higher, timing=PATIENT)
            dialled = await accepted.get()
            dialled.send(CONTROL, await dialled.answer())
            await node.until(lambda: node.events)
            async with raw(node, lower) as incoming:
                assert (await incoming.greet()).established is not None
                assert (await dialled.read_control(Refusal)).code == "duplicate"
                node.mesh.send(f"node{lower}", CONSENSUS, b"vote")

                assert await incoming.read() == (CONSENSUS, b"vote")
                assert node.events == [(f"node{lower}", True)]


async def test_the_higher_key_gives_up_its_own_dial_when_it_was_dialled(town, raw, raw_listener):
    async with town(2) as place:
        lower, higher = by_key(place)
        async with raw_listener(place, lower) as accepted:
            node = await place.start(higher, timing=PATIENT)
            dialled = await accepted.get()
            async with raw(node, lower) as incoming:
                await incoming.greet()
                dialled.send(CONTROL, await dialled.answer())
                assert (await dialled.read_control(Refusal)).code == "duplicate"
                node.mesh.send(f"node{lower}", CONSENSUS, b"vote")

                assert await incoming.read() == (CONSENSUS, b"vote")
                assert node.events == [(f"node{lower}", True)]
                assert node.refusals == []
