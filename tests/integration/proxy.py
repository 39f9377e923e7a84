"""TCP proxies that stand between the nodes of a network, and misbehave on order.

The promise: while nothing is ordered, bytes pass as they are; every fault is of one direction of
one pair of nodes, begins at once, and ends at once with `mend`. One thread carries all links.
"""

import asyncio
import contextlib
import itertools
import re
import socket
import threading
from dataclasses import dataclass, field

CHUNK_BYTES = 16 * 1024
QUEUE_CHUNKS = 64
"""Chunks on their way at a slow link; then the sender is made to wait, as TCP does."""
RETRY_S = 0.05
CONFIG_PEER = re.compile(
    r'(name = "(?P<name>[^"]+)"[^\[]*?address = ")(?P<address>[^"]+)(")', re.DOTALL
)
"""A peer in a configuration: its name, and where it is dialled."""


@dataclass
class Link:
    """How one node reaches another one.

    Attributes:
        port: where the proxy listens.
        target: the real port of the other node.
        delay_s: how long bytes are on their way, in both directions.
        rate: bytes a second in each direction; 0: as fast as it goes.
        is_silent: half-open: connections stay, nothing passes in either direction.
        is_refused: connections are cut, new ones too.
    """

    port: int
    target: int
    delay_s: float = 0.0
    rate: int = 0
    is_silent: bool = False
    is_refused: bool = False
    passed: int = 0
    cuts: int = 0
    writers: list = field(default_factory=list)


class Proxy:
    """The proxies of all links of a network; a context manager.

    Attributes:
        links: (who dials, who is dialled) -> `Link`.
    """

    def __init__(self, ports):
        self.links = {}
        self._listeners = {}
        for dialler, dialled in itertools.permutations(sorted(ports), 2):
            listener = socket.create_server(("127.0.0.1", 0))
            listener.settimeout(0)
            link = Link(listener.getsockname()[1], ports[dialled])
            self.links[dialler, dialled] = link
            self._listeners[dialler, dialled] = listener
        self._loop, self._stop = asyncio.new_event_loop(), asyncio.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    # -- orders, from any thread -----------------------------------------------------------

    def of(self, name):
        """The links of a node, in both directions."""
        return [link for pair, link in self.links.items() if name in pair]

    def order(self, links, **faults):
        """Let links be as said."""
        for link in links:
            for fault, value in faults.items():
                assert hasattr(link, fault)
                setattr(link, fault, value)

    def cut(self, links):
        """Reset the connections of links as they are now."""
        done = threading.Event()

        def now():
            for link in links:
                link.cuts += len(link.writers)
                for writer in link.writers:
                    writer.transport.abort()
            done.set()

        self._loop.call_soon_threadsafe(now)
        done.wait()

    def mend(self):
        """All links carry again whatever comes."""
        self.order(self.links.values(), delay_s=0.0, rate=0, is_silent=False, is_refused=False)

    def rewrite(self, name, text):
        """A node's configuration in which it finds the others behind the proxies."""

        def replaced(found):
            link = self.links.get((name, found["name"]))
            port = found["address"] if link is None else f"127.0.0.1:{link.port}"
            return f"{found[1]}{port}{found[4]}"

        return CONFIG_PEER.sub(replaced, text)

    # -- the thread ----------------------------------------------------------------------------

    def _run(self):
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self):
        servers = []
        for pair, listener in self._listeners.items():
            link = self.links[pair]
            servers.append(
                await asyncio.start_server(
                    lambda r, w, k=link: self._connect(k, r, w), sock=listener
                )
            )
        await self._stop.wait()
        for server in servers:
            server.close()
        for link in self.links.values():
            for writer in link.writers:
                writer.transport.abort()
        pending = asyncio.all_tasks() - {asyncio.current_task()}
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)

    async def _connect(self, link, reader, writer):
        """One connection: two directions, cut together."""
        writers = [writer]
        link.writers.append(writer)
        try:
            if link.is_refused:
                return
            other_reader, other_writer = await asyncio.open_connection("127.0.0.1", link.target)
            writers.append(other_writer)
            link.writers.append(other_writer)
            ways = [
                asyncio.ensure_future(self._carry(link, reader, other_writer)),
                asyncio.ensure_future(self._carry(link, other_reader, writer)),
            ]
            _, pending = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in pending:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            pass  # the node is not there, or the proxy ends: the dialler sees a cut connection
        finally:
            for one in writers:
                link.writers.remove(one)
                one.transport.abort()

    async def _carry(self, link, reader, writer):
        """Bytes of one direction, late, slow, or not at all; ends with the connection."""
        queue = asyncio.Queue(QUEUE_CHUNKS)
        sender = asyncio.ensure_future(self._send(link, queue, writer))
        try:
            with contextlib.suppress(OSError):
                while chunk := await reader.read(CHUNK_BYTES):
                    await queue.put((self._loop.time() + link.delay_s, chunk))
            await queue.put((0, b""))
            await sender
        finally:
            sender.cancel()

    async def _send(self, link, queue, writer):
        while True:
            due, chunk = await queue.get()
            if not chunk:
                return
            await asyncio.sleep(max(0.0, due - self._loop.time()))
            if link.rate:
                await asyncio.sleep(len(chunk) / link.rate)
            while link.is_silent:  # noqa: ASYNC110 - the order comes from another thread
                await asyncio.sleep(RETRY_S)
            if link.is_refused:
                return
            link.passed += len(chunk)
            try:
                writer.write(chunk)
                await writer.drain()
            except OSError:
                return
