"""A chain in this process behind the real API, for the SDK's tests."""

import asyncio
import threading
import time
from contextlib import contextmanager

from hansa.keyfile import create_dev_key_file
from node.api import ApiServer, ApiSettings
from node.contracts import describe_contracts
from node.local_node import LocalNode
from node.testing import LocalChain

HEAD = "type,eventTime,action,bizStep,epcList,readPoint,destinationList\n"
"""Columns of the tables of events here."""


def item(number):
    """A trade item of the roastery, whose company prefix is 95206001."""
    return f"https://id.gs1.org/01/09520600101231/21/{number:04}"


def event_row(number, *, action="ADD", step="commissioning", minute=None):
    """A row that makes one item."""
    at = f"2025-11-22T09:{(number if minute is None else minute) % 60:02}:00+08:00"
    return f"ObjectEvent,{at},{action},{step},{item(number)},,\n"


def table(folder, *rows, head=HEAD, name="events.csv"):
    path = folder / name
    path.write_text(head + "".join(rows), encoding="utf-8")
    return path


class Server:
    """The API of a chain, served by a thread of its own.

    Attributes:
        chain: in memory.
        node: the API's port over it.
        url: where it listens.
    """

    def __init__(self, kind=LocalNode, parameters=None):
        self.chain = LocalChain(parameters=parameters)
        self.chain.advance(time.time_ns() // 1_000_000 - self.chain.time)
        self.node = kind(self.chain)
        self.url = ""
        self._loop = None
        self._end = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(),), daemon=True)

    async def _serve(self):
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        server = ApiServer(
            self.node, ApiSettings(port=0), version="local", contracts=describe_contracts
        )
        async with server:
            self.url = server.url
            self._ready.set()
            await self._end.wait()

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(20)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(20)
        self.chain.__exit__(None, None, None)

    def run(self, coroutine):
        """Run something in the server's own thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(20)

    def hold(self):
        """Commit nothing until `release`."""
        self.node.hold()

    def release(self):
        """Commit what waits."""
        self.run(self.node.release())

    def key_file(self, folder, member):
        """A development key file of a member."""
        path = folder / f"{member}.json"
        create_dev_key_file(path, self.chain.key(member), "user")
        return path

    def heights_of(self, key):
        """How often a record was changed: the heights of its history."""
        value = self.chain.state(key)
        return None if value is None else [height for height, _ in value["history"]]


@contextmanager
def serving():
    """A server for one test or module."""
    with Server() as server:
        yield server
