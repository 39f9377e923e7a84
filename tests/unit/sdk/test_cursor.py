"""Reading events with a stored cursor: each at least once, over restarts of either side."""

import asyncio
from itertools import islice

import pytest

from hansa.calls import doc
from hansa.client import AsyncClient, Client, FileCursor
from hansa.client.events import EventParser
from hansa.errors import Rejected
from node.local_node import LocalNode
from tests.unit.sdk.place import Server


@pytest.fixture
def busy(server, node):
    """A chain with three documents, one a block."""
    desk = node.acting(server.chain.key("farm"))
    for number in range(3):
        desk.doc.register(id=f"d{number}", digest=bytes([number]) * 32)
    return server


def read(url, cursor, count):
    """The ids of the next events; the last one is read, and not worked through."""
    with Client(url) as node:
        stream = node.events(("tx",), start=1, cursor=cursor)
        found = [event.id for event in islice(stream, count)]
        stream.close()
    return found


def test_a_reader_that_stops_goes_on_with_what_it_had_not_worked_through(busy, tmp_path):
    first = read(busy.url, FileCursor(tmp_path / "cursor"), 2)
    second = read(busy.url, FileCursor(tmp_path / "cursor"), 2)

    assert second[0] == first[1], "the last one was not worked through when the reader stopped"
    assert second[1] > second[0]


async def test_both_clients_share_a_cursor(busy, tmp_path):
    first = await asyncio.to_thread(read, busy.url, FileCursor(tmp_path / "cursor"), 2)
    async with AsyncClient(busy.url) as node:
        stream = node.events(("tx",), start=1, cursor=FileCursor(tmp_path / "cursor"))
        event = await anext(stream)
        await stream.aclose()

    assert event.id == first[1]


class Pruned(LocalNode):
    """A node that no longer keeps the first block."""

    async def block(self, height):
        return None if height == 1 else await super().block(height)


def test_a_cursor_before_what_a_node_keeps_is_told_and_not_waited_for():
    with Server(Pruned) as server, Client(server.url) as node:
        node.acting(server.chain.key("farm")).do(doc.register(id="a", digest=bytes(32)))
        with pytest.raises(Rejected, match=r"events\.pruned"):
            next(node.events(("tx",), start=1))


async def test_the_asynchronous_client_is_told_too():
    with Server(Pruned) as server:
        async with AsyncClient(server.url) as node:
            with pytest.raises(Rejected, match=r"events\.pruned"):
                await anext(node.events(("block",), start=1))


def test_a_node_that_stops_is_come_back_to():
    frame = b'event: closed\ndata: {"code":"node.stopping"}\n\n'

    assert list(EventParser().feed(frame)) == []
