"""The simulated world: production nodes over a simulated clock, network, disk and store.

Every node is made by the same `assemble(world)` as the daemon: core, codec, WAL, signer
guard, driver, mempool, gossip, block sync and ledger are the product's. One seed decides
everything else: delays, loss, partitions, crashes with torn tails, who submits what.
"""

import hashlib
import heapq
import random
from contextlib import suppress
from dataclasses import dataclass, field

from consensus.io import Tick
from consensus.messages import decode_message
from hansa.certificate import Certificate
from hansa.client.transactions import make
from hansa.genesis import Genesis, LegalId, Member, Node, Person
from hansa.hashing import sha256
from hansa.keys import ED25519, public_key_text
from hansa.transaction import Call
from node.assemble import Settings, assemble, create_guard
from node.events import PeerDown, PeerMessage, PeerUp, Verified
from node.jobs import Committed
from p2p.frames import CONSENSUS
from storage.kv import MemoryStore
from storage.memory_files import MemoryFiles
from tests.unit.consensus.world import Witness

CHAIN = "sim"
START_MS = 1_700_000_000_000
JOB_MS = 4
"""Simulated time of a job of the ledger thread."""


class SimKey:
    """A signing key of this world: quick, deterministic, unforgeable enough for tests."""

    def __init__(self, name):
        self.public = bytes([ED25519]) + sha256(name.encode())

    def sign(self, message):
        """What `verify` accepts."""
        return sha256(b"secret" + self.public + message) * 2


def verify(public, message, signature):
    """Whether a `SimKey` made it."""
    return signature == sha256(b"secret" + public + message) * 2


def genesis(size):
    """Members m0, m1, ... with a node and a clerk each."""
    members, nodes = [], []
    for index in range(size):
        keys = {kind: SimKey(f"{kind}{index}") for kind in ("member", "clerk", "vote", "link")}
        text = {kind: public_key_text(key.public) for kind, key in keys.items()}
        clerk = Person(name="clerk", key=text["clerk"], roles=("admin",))
        members.append(
            Member(
                name=f"m{index}",
                legal_id=LegalId("OTHER", f"m{index}"),
                names={"en": f"Member {index}"},
                key=text["member"],
                people=(clerk,),
            )
        )
        nodes.append(Node(f"n{index:02}", f"m{index}", text["vote"], text["link"]))
    return Genesis(CHAIN, START_MS, tuple(members), tuple(nodes))


@dataclass
class Ground:
    """What an assembled node stands in (`node.assemble.World`)."""

    files: MemoryFiles
    store: MemoryStore
    key: SimKey
    sim: "Simulation"
    verify = staticmethod(verify)

    @property
    def sign(self):
        """Signs with the validator key."""
        return self.key.sign

    def random_bytes(self, size):
        """Chance from the seed."""
        return self.sim.chance.randbytes(size)

    def mono_ms(self):
        """Simulated time."""
        return self.sim.time

    def wall_ms(self):
        """The same as wall time: clocks agree in this version."""
        return START_MS + self.sim.time


@dataclass
class Host:
    """A machine: its disk survives, its process comes and goes."""

    index: int
    name: str
    files: MemoryFiles = field(default_factory=MemoryFiles)
    store: MemoryStore = field(default_factory=MemoryStore)
    node: object = None
    life: int = 0
    wake: int | None = None
    busy: bool = False
    jobs: list = field(default_factory=list)


class ProcessGoneError(Exception):
    """The process is gone."""


class Simulation:
    """All hosts, the links between them, the clock, and the checkers outside of the nodes."""

    def __init__(self, seed, size=4, t0_ms=1_000):
        self.seed, self.size, self.t0_ms = seed, size, t0_ms
        self.chance = random.Random(seed)
        self.time = 0
        self._queue, self._order = [], 0
        self.genesis = genesis(size)
        self.loss = self.crash = 0.0
        self.cut = set()
        self.agreed, self.roots, self.acked = {}, {}, {}
        self.digest = hashlib.sha256()
        self.witness = Witness()
        self.met = {"view-change": False, "crash": False, "partition": False}
        self.story = None
        self.hosts = [Host(i, f"n{i:02}") for i in range(size)]
        for host in self.hosts:
            create_guard(host.files, self.chance.randbytes(16))
        for host in self.hosts:
            self.boot(host.index)

    # -- time ------------------------------------------------------------------------------

    def at(self, time, action, host=None):
        """Do something then; if it belongs to a host, only while the same process lives."""
        self._order += 1
        life = None if host is None else host.life
        heapq.heappush(self._queue, (time, self._order, host, life, action))

    def run(self, until, stop=lambda: False):
        """Let time pass."""
        while self._queue and self._queue[0][0] <= until and not stop():
            self.time, _, host, life, action = heapq.heappop(self._queue)
            if host is None or (host.node is not None and host.life == life):
                with suppress(ProcessGoneError):
                    action()
        return stop()

    def tell(self, text):
        """A line of the story."""
        if self.story is not None:
            self.story.append(f"{self.time:>7} ms  {text}")

    # -- processes ---------------------------------------------------------------------------

    def boot(self, index):
        """Start a host's process over what its disk holds."""
        host = self.hosts[index]
        if host.node is not None:
            return
        host.life += 1
        host.wake, host.busy, host.jobs = None, False, []
        ground = Ground(host.files, host.store, SimKey(f"vote{index}"), self)
        host.node = assemble(ground, self.genesis, Settings(host.name, self.t0_ms))
        self.tell(f"{host.name} starts at height {host.node.worker.ledger.head.height}")
        for other in self.hosts:
            if other is not host and other.node is not None:
                for here, there in ((host, other), (other, host)):
                    here.node.driver.feed(PeerUp(there.name))
        for up in self.hosts:
            if up.node is not None:
                self.at(self.time, lambda h=up: self.turn(h), up)

    def kill(self, host, keep):
        """End a process; `keep` says what its disk keeps of what was not synced."""
        self.met["crash"] = True
        self.tell(f"{host.name} crashes ({keep})")
        host.node = None
        host.files.crash(keep, self.chance.randrange)
        for other in self.hosts:
            if other.node is not None:
                other.node.driver.feed(PeerDown(host.name))
        self.at(self.time + 100 + self.chance.randrange(4_000), lambda: self.boot(host.index))

    def maybe_crash(self, host):
        """Power may fail between any two lines."""
        if self.crash and self.chance.random() < self.crash:
            self.kill(host, self.chance.choice(("kept", "lost", "torn", "zeros")))
            raise ProcessGoneError

    # -- turns -------------------------------------------------------------------------------

    def turn(self, host):
        """The driver's loop, as `node.loop` turns it."""
        driver = host.node.driver
        while driver.has_work:
            needs_sync = driver.begin(self.time, START_MS + self.time)
            if needs_sync:
                syncs = driver.syncs()
                self.chance.shuffle(syncs)  # they run side by side: any of them may be cut off
                for sync in syncs:
                    self.maybe_crash(host)
                    sync()
                self.maybe_crash(host)
            self.carry_out(host, driver.finish())

    def carry_out(self, host, effects):
        """Send, execute, verify, as the shell does."""
        assert not effects.diverged, f"{host.name} diverged"
        assert not effects.evidence, f"{host.name} saw evidence against a correct node"
        for send in effects.sends:
            self.overhear(send)
            targets = [h for h in self.hosts if send.peer in (None, h.name) and h is not host]
            for target in targets:
                self.send(host, target, send.kind, send.message)
        for screening in effects.verify:
            verdicts = tuple(item.verified_by(verify) for item in screening.unverified)
            host.node.driver.feed(Verified(screening, verdicts, None))
        for ticket, answers in effects.answers:
            del ticket
            for answer in answers:
                if hasattr(answer, "accepted_ms"):
                    self.acked[answer.tx_id] = answer.expires_at
        host.jobs += effects.jobs
        self.work(host)
        if host.node.driver.replica.state.view > 0:
            self.met["view-change"] = True
        wake = effects.wake_at
        if wake is not None and wake != host.wake:
            host.wake = wake
            self.at(max(wake, self.time + 1), lambda: self.ring(host), host)

    def overhear(self, send):
        """S3 and S5: no second word and no forgotten COMMIT; every byte counts for the digest."""
        self.digest.update(send.message)
        if send.kind == CONSENSUS:
            self.witness.hear(decode_message(send.message))

    def ring(self, host):
        """The one timer fired."""
        host.wake = None
        host.node.driver.feed(Tick())
        self.turn(host)

    def work(self, host):
        """The ledger thread: one job at a time."""
        if host.busy or not host.jobs:
            return
        host.busy = True
        job = host.jobs.pop(0)

        def done():
            answer = host.node.worker.do(job)
            host.busy = False
            if isinstance(answer, Committed):
                self.check_commit(host, answer)
            self.maybe_crash(host)
            host.node.driver.feed(answer)
            self.work(host)
            self.turn(host)

        self.at(self.time + JOB_MS, done, host)

    # -- links -------------------------------------------------------------------------------

    def send(self, source, target, kind, message):
        """Through a link that loses and delays; order is kept, as TCP keeps it."""
        link = (source.index, target.index)
        if link in self.cut or self.chance.random() < self.loss:
            return
        delay = 1 + self.chance.randrange(15)

        def deliver():
            if link not in self.cut:
                target.node.driver.feed(PeerMessage(source.name, kind, message))
                self.turn(target)

        if target.node is not None:
            self.at(self.time + delay, deliver, target)

    def partition(self, group):
        """Cut all links between a group of indices and the rest."""
        self.met["partition"] = True
        inside = set(group)
        everyone = range(self.size)
        self.cut = {(a, b) for a in everyone for b in everyone if (a in inside) != (b in inside)}

    # -- clients -----------------------------------------------------------------------------

    def submit(self, index, number):
        """A clerk registers a document at a host; nothing happens while it is down."""
        host = self.hosts[index]
        if host.node is None:
            return
        args = {
            "id": f"doc-{number}",
            "digest": sha256(b"%d" % number),
            "alg": "sha-256",
            "size": 1,
            "media_type": "text/plain",
            "kind": "file",
        }
        signed = make(
            CHAIN,
            SimKey(f"clerk{index}"),
            [Call.of("doc", "register", args)],
            expires_at=START_MS + self.time + 600_000,
            nonce=self.chance.randbytes(16),
        )
        driver = host.node.driver
        screening = driver.screen([signed.raw], "", START_MS + self.time)
        verdicts = tuple(item.verified_by(verify) for item in screening.unverified)
        driver.feed(Verified(screening, verdicts, number))
        self.turn(host)

    # -- checkers ----------------------------------------------------------------------------

    def check_commit(self, host, committed):
        """S1 agreement, S2 chain, S4 certificate, S9 roots; outside of the nodes."""
        header, certificate = committed.header, committed.certificate
        assert isinstance(certificate, Certificate)
        certificate.check(CHAIN, committed.certified_by, verify)
        assert certificate.block_hash == header.hash
        known = self.agreed.setdefault(header.height, header.hash)
        assert known == header.hash, f"fork at height {header.height}"
        if header.height > 1:
            assert self.agreed[header.height - 1] == header.parent
        self.digest.update(host.name.encode() + header.hash)
        self.tell(f"{host.name} commits height {header.height} {header.hash.hex()[:8]}")

    def settled(self):
        """Whether every acknowledged transaction is in a block of every node."""
        return all(
            host.node is not None
            and all(host.node.worker.ledger.location(tx_id) for tx_id in self.acked)
            for host in self.hosts
        )

    def heights(self):
        """The height of each store."""
        return [None if h.node is None else h.node.worker.ledger.head.height for h in self.hosts]


def run_seed(seed, *, size=4, story=None):
    """One run: chaos for half a minute, then calm; returns the simulation, checked.

    Raises:
        AssertionError: a promise was broken; the seed says how to see it again.
    """
    sim = Simulation(seed, size)
    sim.story = story
    chance = sim.chance
    sim.loss = chance.choice((0, 0.02, 0.1, 0.3))
    sim.crash = chance.choice((0, 0.005, 0.02))
    for number in range(12):
        place = chance.randrange(size)
        sim.at(chance.randrange(25_000), lambda p=place, n=number: sim.submit(p, n))
    if chance.random() < 0.7:
        split = [index for index in range(size) if chance.random() < 0.5]
        start = chance.randrange(20_000)
        sim.at(start, lambda: sim.partition(split))
        sim.at(start + chance.randrange(8_000), sim.cut.clear)

    def calm():
        sim.loss = sim.crash = 0.0
        sim.cut.clear()

    sim.at(30_000, calm)
    sim.run(35_000)
    assert sim.run(120_000, sim.settled), f"seed {seed}: not live, heights {sim.heights()}"
    return sim
