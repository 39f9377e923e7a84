"""Meshes on loopback with real TLS: they find each other, lose each other and find again."""

import pytest
import uvloop

from hansa.errors import Unavailable
from p2p.control import Ping, Pong, Refusal, encode_control
from p2p.frames import BULK, CONSENSUS, CONTROL, TRANSACTIONS
from p2p.limits import Timing

pytestmark = pytest.mark.integration


async def test_four_nodes_connect_and_exchange_messages_of_every_kind(town):
    async with town(4) as place:
        nodes = await place.start_all(4)
        block = bytes(range(256)) * 4 * 8192

        assert nodes[0].mesh.broadcast(CONSENSUS, b"vote") == 3
        assert nodes[0].mesh.send("node3", TRANSACTIONS, b"batch")
        assert nodes[0].mesh.send("node3", BULK, block)
        await nodes[3].until(lambda: len(nodes[3].frames) == 3)
        await nodes[1].until(lambda: nodes[1].frames)

        assert nodes[3].frames == [
            ("node0", CONSENSUS, b"vote"),
            ("node0", TRANSACTIONS, b"batch"),
            ("node0", BULK, block),
        ]
        assert nodes[1].frames == [("node0", CONSENSUS, b"vote")]
        assert nodes[0].mesh.counters["messages_sent_consensus"] == 3
        assert nodes[3].mesh.counters["bytes_received_bulk"] == len(block)


async def test_between_two_nodes_one_connection_remains_and_both_agree_on_it(town):
    async with town(4) as place:
        nodes = await place.start_at_once(4)
        for node in nodes:
            await node.until(lambda node=node: len(node.mesh._all) <= 3)

        directions = {
            (node.name, view.name): view.direction for node in nodes for view in node.mesh.peers()
        }

        assert all(
            {direction, directions[other, one]} == {"in", "out"}
            for (one, other), direction in directions.items()
        )


async def test_a_peer_is_described_to_its_operator(town):
    async with town(2) as place:
        one = await place.start(0)
        two = await place.start(1, configuration=b"x" * 32)
        await place.full_mesh(one, two)

        (view,) = one.mesh.peers()

        assert (view.name, view.role, view.protocol) == ("node1", "validator", 1)
        assert view.software == "hansa/test"
        assert not view.same_configuration
        assert view.address.startswith("127.0.0.1:")
        assert view.queue_bytes == view.queue_messages == 0


async def test_a_node_that_dies_is_missed_and_found_again_at_another_address(town):
    async with town(3) as place:
        nodes = await place.start_all(3)

        await nodes[2].stop()
        await nodes[0].until(lambda: nodes[0].neighbours() == ["node1"])
        assert not nodes[0].mesh.send("node2", CONSENSUS, b"vote")
        again = await place.start(2)
        await place.full_mesh(nodes[0], nodes[1], again)

        assert nodes[0].events[-2:] == [("node2", False), ("node2", True)]
        assert nodes[0].mesh.send("node2", CONSENSUS, b"vote")
        await again.until(lambda: again.frames)


async def test_a_node_that_starts_late_is_dialled_until_it_is_there(town):
    async with town(2) as place:
        late = place.add(1)
        place.target(1, "127.0.0.1", 1)
        early = await place.start(0, public=False)
        await early.count("dials_failed", 3)

        await place.run(late)
        place.publish(late)
        await early.until(lambda: early.neighbours() == ["node1"])

        assert early.mesh.peers()[0].direction == "out"


async def test_a_refused_node_learns_why_and_goes_on_asking(town):
    async with town(1) as place:
        member = await place.start(0)
        outsider = await place.start(5, public=False)
        await outsider.until(lambda: len(outsider.refusals) == 2)

        name, refusal = outsider.refusals[0]
        assert (name, refusal.code) == ("node0", "unknown_node")

        place.know(5, "observer")
        await member.until(lambda: member.neighbours() == ["node5"])
        assert member.mesh.peers()[0].role == "observer"
        assert member.mesh.broadcast(CONSENSUS, b"vote", role="validator") == 0


async def test_a_member_that_is_removed_is_cut(town):
    async with town(2) as place:
        nodes = await place.start_all(2)

        place.forget(1)
        nodes[0].mesh.refresh()
        await nodes[1].until(lambda: nodes[1].refusals)

        assert nodes[0].neighbours() == []
        assert {refusal.code for _, refusal in nodes[1].refusals} == {"unknown_node"}


async def test_a_penalty_ends(town):
    async with town(2) as place:
        nodes = await place.start_all(2)

        nodes[0].mesh.penalise("node1", "sent a forged vote")
        assert nodes[0].neighbours() == []
        await nodes[1].until(lambda: nodes[1].refusals)
        assert "sent a forged vote" in nodes[1].refusals[0][1].detail
        await place.full_mesh(*nodes)


async def test_pings_are_answered_and_measured(town, raw):
    async with town(2) as place:
        nodes = await place.start_all(2)
        await nodes[0].count("pongs_received")

        assert 0 < nodes[0].mesh.peers()[0].rtt_s < 1
        async with raw(nodes[0], 1) as peer:
            await peer.greet()
            peer.send(CONTROL, encode_control(Ping(7)))
            assert (await peer.read_control(Pong)).mark == 7


async def test_a_silent_peer_is_asked_and_then_given_up(town, raw):
    async with town(2) as place:
        node = await place.start(0)
        async with raw(node, 1) as peer:
            await peer.greet()

            assert isinstance(await peer.read_control(Ping), Ping)
            await node.until(lambda: node.events == [("node1", True), ("node1", False)])
            assert node.mesh.counters["peers_silent"] == 1


async def test_a_peer_that_restarts_replaces_its_dead_connection_at_once(town, raw):
    async with town(2) as place:
        node = await place.start(0, timing=Timing())
        async with raw(node, 1) as before, raw(node, 1, instance=b"j" * 16) as after:
            await before.greet()
            await after.greet()
            await node.until(lambda: len(node.events) == 3)

            assert node.events == [("node1", True), ("node1", False), ("node1", True)]
            assert (await before.read_control(Refusal)).code == "duplicate"
            assert node.mesh.send("node1", CONSENSUS, b"vote")
            assert await after.read() == (CONSENSUS, b"vote")


async def test_a_replaced_connection_is_still_heard(town, raw):
    async with town(2) as place:
        node = await place.start(0)
        async with raw(node, 1) as before, raw(node, 1) as after:
            await before.greet()
            await after.greet()
            before.send(CONSENSUS, b"on its way")
            await node.until(lambda: node.frames)

            assert node.frames == [("node1", CONSENSUS, b"on its way")]
            assert await before.read_control(Refusal)
            assert await before.read() is None


async def test_a_port_in_use_is_explained(town):
    async with town(2) as place:
        node = await place.start(0)
        other = place.add(1, port=node.mesh.port)

        with pytest.raises(Unavailable) as caught:
            await other.mesh.run()

        assert caught.value.code == "p2p.listen"
        assert str(node.mesh.port) in caught.value.detail


async def test_a_stopped_mesh_has_said_goodbye_and_left_nothing(town):
    async with town(2) as place:
        nodes = await place.start_all(2)

        await nodes[0].stop()
        await nodes[1].until(lambda: nodes[1].neighbours() == [])

        assert nodes[0].events == [("node1", True), ("node1", False)]
        assert nodes[1].refusals == []
        assert nodes[0].mesh._all == set()
        assert not nodes[0].mesh.listening.is_set()


def test_it_runs_under_the_daemons_loop_too(town):
    uvloop.run(test_four_nodes_connect_and_exchange_messages_of_every_kind(town))
    uvloop.run(test_a_node_that_dies_is_missed_and_found_again_at_another_address(town))
