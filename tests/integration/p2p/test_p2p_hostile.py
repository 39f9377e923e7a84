"""What strangers and misbehaving members meet: a reason, a limit and a closed door."""

import asyncio
import contextlib

import pytest
import uvloop

from hansa.errors import Rejected
from p2p.control import Ping, Refusal, Welcome, encode_control
from p2p.frames import (
    CONSENSUS,
    CONTROL,
    FRAME_BYTES_MAX,
    HEADER,
    MESSAGE_BYTES_MAX,
    TRANSACTIONS,
)
from p2p.limits import FRAMES_BURST, HANDSHAKES_STRANGERS_MAX

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("host", ["no\0host", "a..b", "host.invalid", "x" * 300])
async def test_a_nonsense_address_harms_nobody(town, host):
    async with town(3) as place:
        place.target(2, host, 1)
        nodes = await place.start_all(2)

        await nodes[0].count("dials_failed")
        assert nodes[0].neighbours() == ["node1"]


async def test_a_stranger_is_told_so_and_cut(town, raw):
    async with town(1) as place:
        node = await place.start(0)
        async with raw(node, 7) as stranger:
            step = await stranger.greet()

            assert step.refusal.code == "unknown_node"
            assert "hansa member approve" in step.refusal.hint
            assert await stranger.read() is None
            assert node.mesh.counters["handshakes_refused_unknown_node"] == 1
            assert node.neighbours() == []


async def test_a_listener_with_another_key_never_hears_a_word(town):
    async with town(2) as place:
        impostor = await place.start(1, public=False)
        place.target(1, "127.0.0.1", impostor.mesh.port, key=place.key_of(3).public)
        node = await place.start(0, public=False)
        await node.until(lambda: node.refusals)

        assert node.refusals[0][1].code == "wrong_key"
        assert node.neighbours() == impostor.neighbours() == []
        assert not any(name.startswith("handshakes_ref") for name in impostor.mesh.counters)


async def test_an_oversized_frame_costs_the_connection_and_a_penalty(town, raw):
    async with town(2) as place:
        node = await place.start(0)
        async with raw(node, 1) as peer:
            await peer.greet()
            peer.writer.write(HEADER.pack(FRAME_BYTES_MAX + 1, CONSENSUS))

            assert (await peer.read_control(Refusal)).code == "frame.oversize"
            assert await peer.read() is None
        async with raw(node, 1) as peer:
            assert (await peer.greet()).refusal.code == "penalised"
        assert node.mesh.counters["violations_frame.oversize"] == 1


async def test_a_message_that_the_node_rejects_costs_a_penalty(town):
    async with town(2) as place:
        nodes = await place.start_all(2)

        def reject(*_frame):
            raise Rejected("encoding.malformed", "no vote at all")

        nodes[0].on_frame = reject
        nodes[1].mesh.send("node0", CONSENSUS, b"nonsense")
        await nodes[1].until(lambda: ("node0", False) in nodes[1].events)

        assert nodes[0].mesh.counters["violations_malformed"] == 1
        assert nodes[0].mesh.counters["peers_penalised"] == 1


async def test_frames_and_control_messages_of_later_versions_are_ignored(town, raw):
    async with town(2) as place:
        node = await place.start(0)
        async with raw(node, 1) as peer:
            await peer.greet()
            peer.writer.write(HEADER.pack(3, 77) + b"new")
            peer.send(CONTROL, b"\x63\x90")
            peer.send(CONSENSUS, b"vote")
            await node.until(lambda: node.frames)

            assert node.frames == [("node1", CONSENSUS, b"vote")]
            assert node.mesh.counters["frames_unknown"] == 2


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", "malformed"),
        (encode_control(Ping(1)) + b"\0", "malformed"),
        (encode_control(Welcome(1)), "order"),
    ],
)
async def test_bad_control_messages_cost_the_connection(town, raw, payload, code):
    async with town(2) as place:
        node = await place.start(0)
        async with raw(node, 1) as peer:
            await peer.greet()
            peer.send(CONTROL, payload)

            assert (await peer.read_control(Refusal)).code == code


async def test_a_flood_of_frames_costs_the_connection(town, raw):
    async with town(2) as place:
        node = await place.start(0)
        async with raw(node, 1) as peer:
            await peer.greet()
            peer.writer.write(HEADER.pack(0, CONSENSUS) * (FRAMES_BURST * 3))

            assert (await peer.read_control(Refusal)).code == "rate"
            assert node.mesh.counters["violations_rate"] == 1


async def test_a_peer_that_does_not_read_loses_transactions_and_then_its_connection(town, raw):
    async with town(3) as place:
        node = await place.start(0)
        reader = await place.start(2)
        await place.full_mesh(node, reader)
        async with raw(node, 1) as peer:
            await peer.greet()
            batch = bytes(MESSAGE_BYTES_MAX[TRANSACTIONS])

            sent = 0
            while node.mesh.send("node1", TRANSACTIONS, batch):
                sent += 1
                await asyncio.sleep(0)
            assert sent < 64
            assert node.mesh.counters["messages_dropped_transactions"] == 1
            assert "node1" in node.neighbours()

            while node.mesh.send("node1", CONSENSUS, batch):
                sent += 1
            assert sent < 128
            assert node.mesh.counters["peers_too_slow"] == 1
            await node.until(lambda: node.neighbours() == ["node2"])
            assert node.mesh.send("node2", CONSENSUS, b"vote")
            await reader.until(lambda: reader.frames)


async def test_a_peer_that_reads_nothing_cannot_keep_a_closed_connection_open(town, raw):
    async with town(2) as place:
        node = await place.start(0)
        async with raw(node, 1) as peer:
            await peer.greet()
            for _ in range(64):
                node.mesh.send("node1", TRANSACTIONS, bytes(MESSAGE_BYTES_MAX[TRANSACTIONS]))
                await asyncio.sleep(0)
            (session,) = node.mesh._all

            node.mesh.penalise("node1", "reads nothing")
            async with asyncio.timeout(5):
                await session.closed.wait()


async def test_old_connections_of_one_peer_do_not_pile_up(town, raw):
    async with town(2) as place:
        node = await place.start(0)
        async with raw(node, 1) as first, raw(node, 1) as second, raw(node, 1) as third:
            await first.greet()
            await second.greet()
            await third.greet()
            await node.until(lambda: len(node.mesh._all) == 2)

            assert await first.read_control(Ping) is None
            assert (await second.read_control(Refusal)).code == "duplicate"
            assert node.mesh.send("node1", CONSENSUS, b"vote")


async def test_observers_beyond_the_limit_are_sent_elsewhere(town, raw, monkeypatch):
    monkeypatch.setattr("p2p.mesh.OBSERVERS_MAX", 1)
    async with town(1) as place:
        node = await place.start(0)
        place.know(1, "observer")
        place.know(2, "observer")
        place.know(3, "validator")
        async with raw(node, 1) as first, raw(node, 2) as second, raw(node, 3) as validator:
            assert (await first.greet()).established is not None
            assert (await second.greet()).refusal.code == "busy"
            assert (await validator.greet()).established is not None


async def test_half_open_connections_do_not_keep_members_out(town, raw):
    async with town(2) as place:
        node = await place.start(0)
        place.target(1, "127.0.0.1", 1)
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(50):
                _, writer = await asyncio.open_connection(
                    "127.0.0.1", node.mesh.port, local_addr=("127.0.0.2", 0)
                )
                stack.push_async_callback(writer.wait_closed)
                stack.callback(writer.transport.abort)
            await node.count("accepts_refused", 50 - HANDSHAKES_STRANGERS_MAX)

            async with raw(node, 1) as member:
                assert (await member.greet()).established is not None
            await node.count("handshakes_failed_timeout", HANDSHAKES_STRANGERS_MAX)
        async with raw(node, 9, local="127.0.0.2") as stranger:
            assert (await stranger.greet()).refusal.code == "unknown_node"


async def test_noise_instead_of_tls_is_dropped(town):
    async with town(1) as place:
        node = await place.start(0)
        reader, writer = await asyncio.open_connection("127.0.0.1", node.mesh.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")

        assert not (await reader.read()).startswith(b"HTTP")
        writer.close()
        await writer.wait_closed()
        await node.count("handshakes_failed_tls")


async def test_messages_before_the_handshake_are_not_delivered(town, raw):
    async with town(2) as place:
        node = await place.start(0)
        async with raw(node, 1) as peer:
            peer.send(CONSENSUS, b"vote")
            peer.writer.write(HEADER.pack(5000, CONSENSUS))

            assert (await peer.read_control(Refusal)).code == "frame.oversize"
            assert node.frames == node.events == []


def test_the_doors_are_closed_under_the_daemons_loop_too(town, raw):
    uvloop.run(test_an_oversized_frame_costs_the_connection_and_a_penalty(town, raw))
    uvloop.run(test_a_peer_that_does_not_read_loses_transactions_and_then_its_connection(town, raw))
    uvloop.run(test_half_open_connections_do_not_keep_members_out(town, raw))
