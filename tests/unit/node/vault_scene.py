"""Organisations with vaults, and a wire between them that can lose, hold and cut."""

import asyncio
import contextlib

from hansa.errors import Rejected
from hansa.seal import Recipient, SealKey, seal_payload
from node.vault import RESERVE_BYTES, Surroundings, Vault
from p2p.frames import BULK
from storage.memory_files import MemoryFiles

CHAIN = "demo"
KEYS = {name: SealKey(name.encode().ljust(32, b".")) for name in ("bank", "carrier", "farm")}
NOW = 1_700_000_000_000


def sealed(payload=b"secret", members=("farm", "bank"), author="farm", **of):
    """A payload for some organisations."""
    keys = [Recipient(name, KEYS[name].public) for name in members]
    return seal_payload(payload, keys, **({"chain_id": CHAIN, "author": author} | of))


class Wire:
    """Carries messages between vaults at once; `lose` says which never come."""

    def __init__(self):
        self.places = {}
        self.up = set()
        self.cut = []
        self.sent = []
        self.lose = lambda *_message: False

    def send(self, source, target, kind, payload):
        assert kind == BULK
        self.sent.append((source, target, payload))
        if (source, target) not in self.up or self.lose(source, target, payload):
            return False
        asyncio.get_running_loop().call_soon(self._deliver, source, target, payload)
        return True

    def _deliver(self, source, target, payload):
        if (source, target) not in self.up:
            return
        try:
            self.places[target].vault.on_frame(source, payload)
        except Rejected as error:  # what the mesh does
            self.cut.append((source, target, error.code))
            self.disconnect(source, target)

    def connect(self, one, other):
        self.up |= {(one, other), (other, one)}
        self.places[one].vault.on_peer(other, up=True)
        self.places[other].vault.on_peer(one, up=True)

    def disconnect(self, one, other):
        if (one, other) in self.up:
            self.up -= {(one, other), (other, one)}
            for here, there in ((one, other), (other, one)):
                if here in self.places:
                    self.places[here].vault.on_peer(there, up=False)


class Place:
    """A node of an organisation: its disk outlives its vault."""

    def __init__(self, wire, name, member, files=None):
        self.wire, self.name, self.member = wire, name, member
        self.files = MemoryFiles() if files is None else files
        self.free = 100 * RESERVE_BYTES
        self.time = 0
        wire.places[name] = self
        self.open()

    def open(self):
        self.vault = Vault(
            self.files,
            Surroundings(
                chain_id=CHAIN,
                member=self.member,
                member_of=self._member_of,
                free_bytes=lambda: self.free,
                mono_ms=lambda: self.time,
                wall_ms=lambda: NOW + self.time,
            ),
        )
        self.vault.transport = self
        self.tasks = []

    def _member_of(self, name):
        known = self.wire.places.get(name)
        return "" if known is None else known.member

    def send(self, peer, kind, payload):
        return self.wire.send(self.name, peer, kind, payload)

    def start(self):
        """Run its tasks but the clock's, which tests turn."""
        running = asyncio.get_running_loop()
        self.tasks = [
            running.create_task(self.vault._serve_for_ever()),
            running.create_task(self.vault._store_for_ever()),
        ]

    async def stop(self):
        for other in list(self.wire.places):
            self.wire.disconnect(self.name, other)
        for task in self.tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self.vault.close()

    def tick(self, milliseconds):
        self.time += milliseconds
        self.vault._carry_out(self.vault.exchange.tick(self.time))


@contextlib.asynccontextmanager
async def town(**members):
    """Places by name, connected with each other."""
    wire = Wire()
    places = {name: Place(wire, name, member) for name, member in members.items()}
    for place in places.values():
        place.start()
    names = sorted(places)
    for index, one in enumerate(names):
        for other in names[index + 1 :]:
            wire.connect(one, other)
    try:
        yield wire, places
    finally:
        for place in places.values():
            await place.stop()


async def until(condition):
    """Give the others their turn until something is so."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - many things may have changed it
            await asyncio.sleep(0.001)


def deaf(wire, name):
    """Let a place say nothing of itself, so that a test can speak in its stead."""
    wire.lose = lambda source, target, _payload: target == name and source != name


async def settle():
    """Let everything that is under way come to its end."""
    for _ in range(30):
        await asyncio.sleep(0.001)
