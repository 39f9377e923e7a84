"""The simulated world: production nodes over a simulated clock, network, disk and store.

Every node is made by the same `assemble(world)` as the daemon: core, codec, WAL, signer
guard, driver, mempool, gossip, block sync and ledger are the product's. One seed decides
everything else: delays, loss, partitions, crashes with torn tails, who submits what.
"""

import hashlib
import heapq
import random
from dataclasses import dataclass, field

from consensus.io import Tick
from consensus.messages import decode_message
from hansa.certificate import Certificate
from hansa.client.transactions import make
from hansa.errors import Corrupt
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
    host: "Host | None" = None
    verify = staticmethod(verify)

    @property
    def sign(self):
        """Signs with the validator key."""
        return self.key.sign

    def random_bytes(self, size):
        """Chance from the seed."""
        return self.sim.chance.randbytes(size)

    def mono_ms(self):
        """The host's processed time."""
        return self.sim.mono_ms(self.host)

    def wall_ms(self):
        """What the host's clock on the wall says."""
        return self.sim.wall_ms(self.host)


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
    syncing: bool = False
    frozen_until: int = 0


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
        self.running = None
        self.prepare()
        self.hosts = [self.make_host(i, f"n{i:02}") for i in range(size)]
        for host in self.hosts:
            create_guard(host.files, self.chance.randbytes(16))
        for host in self.hosts:
            self.boot(host.index)

    # -- hooks: what a world with more faults says otherwise ---------------------------------

    def prepare(self):
        """Called before the first host is made."""

    def make_host(self, index, name):
        """A machine with an empty disk."""
        return Host(index, name)

    def mono_ms(self, host):
        """Processed time at a host."""
        return self.time

    def wall_ms(self, host):
        """Wall time at a host: clocks agree here."""
        return START_MS + self.time

    def due(self, host, mono_ms):
        """The simulated time at which a host's processed time is that."""
        return mono_ms

    def sync_ms(self, host):
        """How long the syncs of a turn take."""
        return 0

    def downtime(self, host):
        """How long a crashed process stays away."""
        return 100 + self.chance.randrange(4_000)

    def point(self, host, name, what=None):
        """A process comes to a place where it may end; `ProcessGoneError` if it does."""
        if name in {"sync", "synced", "answered"}:
            self.maybe_crash(host)

    def stopped(self, host, error):
        """A process ended itself, as the product does when its disk is not to be trusted."""
        raise AssertionError(f"{host.name} stopped: {error}") from error

    def look(self):
        """Called after each event."""

    # -- time ------------------------------------------------------------------------------

    def at(self, time, action, host=None):
        """Do something then; if it belongs to a host, only while the same process lives."""
        self._order += 1
        life = None if host is None else host.life
        heapq.heappush(self._queue, (time, self._order, host, life, action))

    def run(self, until, stop=lambda: False):
        """Let time pass."""
        while self._queue and self._queue[0][0] <= until and not stop():
            self.time, order, host, life, action = heapq.heappop(self._queue)
            if host is not None:
                if host.node is None or host.life != life:
                    continue
                if host.frozen_until > self.time:
                    entry = (host.frozen_until, order, host, life, action)
                    heapq.heappush(self._queue, entry)
                    continue
            try:
                action()
            except ProcessGoneError:
                pass
            except Corrupt as error:
                self.stopped(self.running, error)
            self.look()
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
        host.syncing, host.frozen_until = False, 0
        self.running = host
        key = SimKey(f"vote{int(host.name[1:])}")
        ground = Ground(host.files, host.store, key, self, host)
        host.node = assemble(ground, self.genesis, Settings(host.name, self.t0_ms))
        self.tell(f"{host.name} starts at height {host.node.worker.ledger.head.height}")
        for other in self.hosts:
            if other.name != host.name and other.node is not None:
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
            if other.node is not None and other.name != host.name:
                other.node.driver.feed(PeerDown(host.name))
        self.at(self.time + self.downtime(host), lambda: self.boot(host.index))

    def maybe_crash(self, host):
        """Power may fail between any two lines."""
        if self.crash and self.chance.random() < self.crash:
            self.kill(host, self.chance.choice(("kept", "lost", "torn", "zeros")))
            raise ProcessGoneError

    # -- turns -------------------------------------------------------------------------------

    def turn(self, host):
        """The driver's loop, as `node.loop` turns it."""
        self.running = host
        driver = host.node.driver
        while driver.has_work and not host.syncing:
            self.point(host, "begin")
            if driver.begin(self.mono_ms(host), self.wall_ms(host)):
                syncs = driver.syncs()
                self.chance.shuffle(syncs)  # they run side by side: any of them may be cut off
                for sync in syncs:
                    self.point(host, "sync")
                    sync()
                self.point(host, "synced")
                wait = self.sync_ms(host)
                if wait:
                    host.syncing = True
                    self.at(self.time + wait, lambda: self.go_on(host), host)
                    return
            self.carry_out(host, driver.finish())

    def go_on(self, host):
        """The slow syncs of a turn have returned."""
        self.running, host.syncing = host, False
        self.carry_out(host, host.node.driver.finish())
        self.turn(host)

    def carry_out(self, host, effects):
        """Send, execute, verify, as the shell does."""
        assert not effects.diverged, f"{host.name} diverged"
        self.on_evidence(host, effects.evidence)
        for send in effects.sends:
            self.overhear(send)
            targets = [h for h in self.hosts if send.peer in (None, h.name)]
            for target in targets:
                if target.name == host.name:
                    continue
                self.point(host, "send", send)
                self.send(host, target, send.kind, send.message)
        for screening in effects.verify:
            verdicts = tuple(item.verified_by(verify) for item in screening.unverified)
            host.node.driver.feed(Verified(screening, verdicts, None))
        for _ticket, answers in effects.answers:
            for answer in answers:
                if hasattr(answer, "accepted_ms"):
                    self.acknowledged(host, answer)
        host.jobs += effects.jobs
        self.work(host)
        if host.node.driver.replica.state.view > 0:
            self.met["view-change"] = True
        wake = effects.wake_at
        if wake is not None and wake != host.wake:
            host.wake = wake
            self.at(max(self.due(host, wake), self.time + 1), lambda: self.ring(host), host)

    def on_evidence(self, host, evidence):
        """A node says that it holds proof against another: here nobody lies."""
        assert not evidence, f"{host.name} saw evidence against a correct node"

    def acknowledged(self, host, answer):
        """A client was promised that its transaction will not be lost."""
        self.acked[answer.tx_id] = answer.expires_at

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
            self.running = host
            self.point(host, "job", job)
            answer = host.node.worker.do(job)
            host.busy = False
            if isinstance(answer, Committed):
                self.check_commit(host, answer)
            self.point(host, "answered", job)
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

    def mend(self):
        """All links are whole again."""
        self.cut.clear()

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
        clerk = SimKey(f"clerk{index}")
        self.post(host, self.signed_by(clerk, Call.of("doc", "register", args)), number)

    def signed_by(self, key, call, lasts_ms=600_000):
        """A transaction of one call."""
        return make(
            CHAIN,
            key,
            [call],
            expires_at=START_MS + self.time + lasts_ms,
            nonce=self.chance.randbytes(16),
        )

    def post(self, host, signed, ticket):
        """A client hands a transaction to a node that runs."""
        self.running = host
        driver = host.node.driver
        screening = driver.screen([signed.raw], "", self.wall_ms(host))
        verdicts = tuple(item.verified_by(verify) for item in screening.unverified)
        driver.feed(Verified(screening, verdicts, ticket))
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
        sim.at(start + chance.randrange(8_000), sim.mend)

    def calm():
        sim.loss = sim.crash = 0.0
        sim.cut.clear()

    sim.at(30_000, calm)
    sim.run(35_000)
    assert sim.run(120_000, sim.settled), f"seed {seed}: not live, heights {sim.heights()}"
    return sim
