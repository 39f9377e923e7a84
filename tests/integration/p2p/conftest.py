"""A town of meshes on loopback, and a peer that is played by hand."""

import asyncio
import contextlib
import gc
from collections import Counter
from dataclasses import replace

import pytest

from hansa.signing import SigningKey
from p2p.certificates import certificate_key, client_context, server_context
from p2p.control import decode_control
from p2p.frames import (
    CONTROL,
    MESSAGE_BYTES_MAX,
    Parser,
    encode_message,
)
from p2p.handshake import Dialler, Listener, hello_of
from p2p.limits import Timing
from p2p.mesh import Mesh
from p2p.peers import Identity, MeshPorts, PeerInfo, PeerTarget

QUICK = Timing(
    tick_s=0.05,
    handshake_s=1.0,
    ping_s=0.1,
    dead_s=0.6,
    redial_min_s=0.02,
    redial_max_s=0.1,
    penalty_s=0.3,
    close_s=0.5,
)


def key_of(number):
    return SigningKey(bytes([number + 1]) * 32)


def identity(number, **changes):
    base = Identity(
        name=f"node{number}",
        role="validator",
        chain_id="hansa-test",
        genesis_hash=b"g" * 32,
        key=key_of(number),
        software="hansa/test",
    )
    return replace(base, **changes)


class Watched(Counter):
    """Counters that tell when they change."""

    def __init__(self, changed):
        super().__init__()
        self.changed = changed

    def __setitem__(self, name, count):
        super().__setitem__(name, count)
        self.changed.set()


class Node:
    """A mesh and what its owner would see of it."""

    def __init__(self, town, number, port=0, timing=QUICK, **changes):
        self.town = town
        self.identity = identity(number, **changes)
        self.name = self.identity.name
        self.frames = []
        self.events = []
        self.refusals = []
        self.on_frame = lambda *frame: self.frames.append(frame)
        self.changed = asyncio.Event()
        self.mesh = Mesh(
            self.identity,
            ("127.0.0.1", port),
            MeshPorts(
                targets=town.targets,
                known=town.known.get,
                on_frame=self._frame,
                on_peer=self._peer,
                on_refused=self._refused,
            ),
            timing,
        )
        self.mesh.counters = Watched(self.changed)

    def _frame(self, *frame):
        self.changed.set()
        self.on_frame(*frame)

    def _peer(self, *event):
        self.changed.set()
        self.events.append(event)

    def _refused(self, *refusal):
        self.changed.set()
        self.refusals.append(refusal)

    async def until(self, condition):
        while not condition():
            self.changed.clear()
            await self.changed.wait()

    async def count(self, name, least=1):
        await self.until(lambda: self.mesh.counters[name] >= least)

    def neighbours(self):
        return [view.name for view in self.mesh.peers()]

    async def stop(self):
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task


class Town:
    """Who is known, who is dialled, and the group that every mesh runs in."""

    key_of = staticmethod(key_of)
    identity = staticmethod(identity)

    def __init__(self, size):
        self.known = {key_of(n).public: PeerInfo(f"node{n}", "validator") for n in range(size)}
        self.addresses = {}

    def targets(self):
        return dict(self.addresses)

    def publish(self, node):
        self.target(int(node.name[4:]), "127.0.0.1", node.mesh.port)

    def target(self, number, host, port, key=None):
        """A target that is not one of our nodes, or not yet."""
        name = f"node{number}"
        self.addresses[name] = PeerTarget(name, key or key_of(number).public, host, port)

    def add(self, number, **changes):
        """A node that does not run yet."""
        return Node(self, number, **changes)

    def know(self, number, role):
        self.known[key_of(number).public] = PeerInfo(f"node{number}", role)

    def forget(self, number):
        del self.known[key_of(number).public]
        del self.addresses[f"node{number}"]

    async def full_mesh(self, *nodes):
        for node in nodes:
            await node.until(lambda node=node: len(node.neighbours()) == len(nodes) - 1)

    async def start_all(self, size):
        """Every node dials those before it, and nobody dials back: no two connections cross."""
        nodes = []
        for number in range(size):
            nodes.append(await self.start(number, public=False))
            await self.full_mesh(*nodes)
            self.publish(nodes[-1])
        return nodes

    async def start_at_once(self, size):
        """All dial all: connections cross, and what is sent meanwhile may be lost."""
        nodes = [await self.start(number) for number in range(size)]
        await self.full_mesh(*nodes)
        return nodes

    async def run(self, node):
        node.task = self.group.create_task(node.mesh.run())
        await node.mesh.listening.wait()

    async def start(self, number, *, public=True, **changes):
        node = self.add(number, **changes)
        await self.run(node)
        if public:
            self.publish(node)
        return node


@contextlib.asynccontextmanager
async def town(size):
    """A town in which `size` nodes are known; whatever still runs at the end is cancelled."""
    place = Town(size)
    with contextlib.suppress(asyncio.CancelledError):
        async with asyncio.TaskGroup() as place.group:
            yield place
            for task in place.group._tasks.copy():
                task.cancel()
    gc.collect()  # what was left open would warn here, and warnings are errors


@contextlib.asynccontextmanager
async def raw(node, number, instance=b"i" * 16, local="127.0.0.1", **changes):
    """A peer played by hand, after TLS and before its handshake."""
    peer = Raw()
    peer.reader, peer.writer = await asyncio.open_connection(
        "127.0.0.1",
        node.mesh.port,
        ssl=client_context(),
        server_hostname="",
        ssl_shutdown_timeout=0.2,
        local_addr=(local, 0),
    )
    shown = peer.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    who = identity(number, **changes)
    known = {node.identity.key.public: PeerInfo(node.name, "validator")}
    peer.machine = Dialler(
        who, hello_of(who, number.to_bytes(32, "big"), instance), certificate_key(shown), known.get
    )
    try:
        yield peer
    finally:
        peer.writer.transport.abort()
        with contextlib.suppress(OSError):
            await peer.writer.wait_closed()


@contextlib.asynccontextmanager
async def raw_listener(place, number, instance=b"i" * 16):
    """A node played by hand that others dial; gives the queue of its accepted connections."""
    accepted = asyncio.Queue()
    who = identity(number)

    def accept(reader, writer):
        peer = Raw()
        peer.reader, peer.writer = reader, writer
        peer.machine = Listener(who, hello_of(who, bytes([9]) * 32, instance), place.known.get)
        everyone.append(peer)
        accepted.put_nowait(peer)

    everyone = []
    server = await asyncio.start_server(
        accept, "127.0.0.1", 0, ssl=server_context(who.key), ssl_shutdown_timeout=0.2
    )
    place.target(number, "127.0.0.1", server.sockets[0].getsockname()[1])
    try:
        yield accepted
    finally:
        server.close()
        for peer in everyone:
            peer.writer.transport.abort()
            with contextlib.suppress(OSError):
                await peer.writer.wait_closed()


class Raw:
    """One end of a connection, moved by hand."""

    def __init__(self):
        self.parser = Parser(MESSAGE_BYTES_MAX)

    def send(self, kind, payload):
        self.writer.write(encode_message(kind, payload))

    async def read(self):
        """The next message, or None at the end of the stream."""
        while (message := self.parser.next_message()) is None:
            received = await self.reader.read(65536)
            if not received:
                return None
            self.parser.feed(received)
        return message

    async def read_control(self, kind):
        """The next control message of this type; others are passed over."""
        while (message := await self.read()) is not None:
            if message[0] == CONTROL and isinstance(found := decode_control(message[1]), kind):
                return found
        return None

    async def answer(self):
        """The listener's part of the handshake, up to but without its welcome."""
        while True:
            step = self.machine.receive((await self.read())[1])
            if step.established is not None:
                return step.send
            self.send(CONTROL, step.send)

    async def greet(self):
        """The handshake; the step that decided it."""
        step = self.machine.start(self.machine._expected)
        while step.established is None and step.refusal is None:
            self.send(CONTROL, step.send)
            step = self.machine.receive((await self.read())[1])
        return step


@pytest.fixture(name="town")
def town_fixture():
    """`async with town(4) as place`: four nodes are known, none runs yet."""
    return town


@pytest.fixture(name="raw")
def raw_fixture():
    """`async with raw(node, 1) as peer`: a connection to `node`, played by hand as node1."""
    return raw


@pytest.fixture(name="raw_listener")
def raw_listener_fixture():
    """`async with raw_listener(place, 1) as accepted`: node1, played by hand, is dialled."""
    return raw_listener
