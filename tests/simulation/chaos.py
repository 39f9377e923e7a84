"""Time-based chaos over whole nodes: links, clocks, disks, crashes, twins and changes of the set.

The promise: one seed decides a run; whatever `tests/simulation/swarm.py` lets go wrong stays
within the fault bound f of every set in force; then all faults end and a connected core of at
least a quorum must be live within bounds, and in the end everybody must be equal.
"""

from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, field

from consensus.accuse import evidence_of
from consensus.guard import slot_of
from consensus.messages import Fresh, NewView, PrePrepare, Signed, ViewChangeProof, decode_message
from consensus.records import message_height
from hansa.evidence import check_evidence
from hansa.membership import fault_bound
from hansa.transaction import Call
from ledger.boot import genesis_block
from node.assemble import create_guard
from node.events import PeerMessage, PeerUp
from p2p.frames import CONSENSUS
from storage.errors import DiskFailed
from tests.simulation.checkers import (
    Chain,
    Progress,
    Targets,
    Words,
    check_durable,
    check_memory,
    inner_of,
)
from tests.simulation.crash_everywhere import small_logs
from tests.simulation.crash_points import SIGNED
from tests.simulation.disk import ALL_WORDS, DAMAGES, GUARD, HookedFiles, HookedStore
from tests.simulation.faults import Clock, Network, between, word_of
from tests.simulation.healing import live_through
from tests.simulation.machine import check_starved, starve
from tests.simulation.membership import Council
from tests.simulation.outcome import Outcome
from tests.simulation.rules import check_joined, check_new_view
from tests.simulation.world import (
    CHAIN,
    START_MS,
    Host,
    ProcessGoneError,
    SimKey,
    Simulation,
    verify,
)

KEEPS = ("kept", "lost", "torn", "zeros", "holes")
LASTS_MS = 3_600_000
"""Transactions live longer than any run, also where a clock is ten minutes ahead."""


@dataclass
class Machine(Host):
    """A host with clocks of its own.

    Attributes:
        faulty: a liar by the count of the fault bound: a twin, or restored from a backup.
        backup: (files, store) as they were at some moment.
        held: its process does not start.
        must_stop: a log that was damaged before whole batches: no process may start over it.
        hungry: memory runs out in the next call of a contract.
        starved: that has happened in the job that is carried out.
    """

    clock: Clock = field(default_factory=Clock)
    faulty: bool = False
    backup: tuple = ({}, {})
    held: bool = False
    must_stop: str = ""
    hungry: bool = False
    starved: bool = False


class Chaos(Simulation):
    """Whole nodes in a world where everything of the swarm can go wrong.

    Attributes:
        seen: what was met, with how often.
        damaged: index of a host that lost promises of its disk -> the chain's top at that time.
        promises: transaction -> index of the correct host that promised to keep it.
    """

    def prepare(self):
        """What must be there before the first process starts."""
        self.seen = Counter()
        self.network = Network(self.chance)
        self.crashes = self.trap = None
        self.quiet = False
        self.words, self.targets, self.progress = Words(CHAIN), Targets(), Progress()
        self.chain = Chain(CHAIN, verify, genesis_block(self.genesis)[0])
        self.chain.sets[1] = self.genesis.validators()
        self.damaged, self.promises, self.owners, self.ended = {}, {}, {}, {}
        self.slow_disks, self.heads, self._said, self._accused = {}, {}, {}, set()
        self.away, self.first_block = 0, None
        self.word, self.lying, self.sent, self.numbers = "", False, 0, 1_000
        self.council = Council(self, ())
        self.met["lie"] = False

    def make_host(self, index, name):
        """A machine whose disk tells what it is used for."""
        host = Machine(index, name)
        host.files = HookedFiles(lambda operation: self.on_disk(host, "file " + operation))
        host.store = HookedStore(lambda moment: self.on_disk(host, moment))
        return host

    def see(self, name):
        """Count something that a run has met."""
        self.seen[name] += 1
        self.tell(f"[{name}]")

    # -- who is who ------------------------------------------------------------------------

    @property
    def correct(self):
        """The hosts that keep to the protocol."""
        return [host for host in self.hosts if not host.faulty]

    @property
    def members(self):
        """The names of all members."""
        return [f"m{index}" for index in range(self.size)]

    @property
    def places(self):
        """Every host's index: what links are named by."""
        return [host.index for host in self.hosts]

    def sets(self):
        """Names of the sets that a correct node may vote in, now or when a wish was granted."""
        low = min((self.heads.get(host.index, 0) for host in self.correct), default=0)
        heights = range(low + 1, self.chain.top + 2)
        sets = [self.chain.sets[height] for height in heights if height in self.chain.sets]
        found = [[one.name for one in validators.validators] for validators in sets]
        for kind, name, *_ in self.council.wishes:
            if kind == "add":
                found += [[*names, name] for names in found if name not in names]
            if kind == "remove":
                found += [[one for one in names if one != name] for names in found]
        return found

    def allowance(self):
        """How many more validators may lose what their disk promised, or lie."""
        bad = {host.name for host in self.hosts if host.faulty or host.index in self.damaged}
        return min(fault_bound(len(one)) - sum(name in bad for name in one) for one in self.sets())

    def answers(self, host):
        """Whether a client would get an answer."""
        return host.node is not None and host.frozen_until <= self.time

    # -- clocks ------------------------------------------------------------------------------

    def mono_ms(self, host):
        return self.time if host is None else host.clock.mono_ms(self.time)

    def wall_ms(self, host):
        return START_MS + self.time + (0 if host is None else host.clock.ahead_ms)

    def due(self, host, mono_ms):
        return host.clock.due(mono_ms)

    def sync_ms(self, host):
        slow = self.slow_disks.get(host.index)
        return 0 if slow is None or self.quiet else self.chance.randrange(50, slow)

    # -- processes ---------------------------------------------------------------------------

    def downtime(self, host):
        """Mostly short, now and then long enough that the others go far ahead."""
        if self.quiet:
            return 100
        return 100 + self.chance.randrange(self.chance.choice((500, 4_000, 12_000)))

    def boot(self, index):
        """Start a process, unless it is to stay away."""
        host = self.hosts[index]
        if host.held or host.node is not None:
            return
        super().boot(index)
        assert not host.must_stop, f"{host.name} starts over the damaged {host.must_stop}"
        starve(host)
        if not host.faulty:
            with host.store.spared():
                self.chain.absorb(host)
            self.heads[index] = host.node.worker.ledger.head.height
        if self.crashes is not None:
            self.crashes.started(index)

    def on_disk(self, host, moment):
        """A process uses its disk: in its start, or later."""
        if host.life == 0:
            return
        if host.node is None:
            moment = "recovery " + moment.removeprefix("file ").replace("stored", "store")
        self.die_at(host, moment)

    def point(self, host, name, what=None):
        """Name the place as `tests/simulation/crash_points.py` does."""
        if name == "answered" and host.starved:
            check_starved(host)
        if self.crashes is None:
            return
        match name:
            case "sync" | "synced":
                signed = host.node.driver._signed
                name = f"{name} {_name_of(signed[0]) if signed else 'other'}"
            case "send":
                word = self.word if self.word in (*SIGNED, "transactions", "bulk") else "bulk"
                name = f"send {word}"
            case "job" | "answered":
                name = f"{name} {type(what).__name__}"
        self.die_at(host, name)

    def die_at(self, host, name):
        """End the process here if the plan says so."""
        if self.crashes is not None and self.crashes.hits(host.index, name):
            self.see("crash at " + name)
            self.kill(host, self.chance.choice(KEEPS))
            raise ProcessGoneError

    def kill(self, host, keep):
        """End a process; a twin's sister is still connected."""
        super().kill(host, keep)
        host.store.restart()
        if any(h.name == host.name and h.node is not None for h in self.hosts):
            for other in self.hosts:
                if other.name != host.name and other.node is not None:
                    other.node.driver.feed(PeerUp(host.name))

    def stopped(self, host, error):
        """The process ended itself: the operator does what the message says and starts it."""
        self.see("stopped " + error.code)
        host.must_stop = ""
        if not isinstance(error, DiskFailed):
            assert host.index in self.damaged or host.faulty, f"{host.name}: {error}"
            assert error.code == "wal.corrupt", f"{host.name}: {error}"
            log = str(error.detail).split("-", 1)[0]
            host.files.put({}, log)
            self.lost(host, GUARD if log == "guard" else "", journal=log == "mempool")
        self.kill(host, "kept")

    # -- disks that lose what they promised -----------------------------------------------------

    def back_up(self, host):
        """Copy a host's disk as it would be after a power cut."""
        host.backup = (host.files.copy(), host.store.copy())

    def damage(self, host, name):
        """Break promises of the disk of a host that is down, within the fault bound."""
        if not host.faulty and host.index not in self.damaged and self.allowance() < 1:
            return
        self.see("disk " + name)
        host.must_stop = ""
        what = DAMAGES[name](host, self.chance)
        self.damaged[host.index] = self.chain.top
        self.lost(host, what, journal=name.startswith(("flip in the j", "logs", "home")))

    def lost(self, host, what, *, journal):
        """Take note of what a disk has lost."""
        if journal:
            mine = [tx_id for tx_id, index in self.promises.items() if index == host.index]
            for tx_id in mine:
                del self.promises[tx_id]
        if what == ALL_WORDS:
            self.distrust(host.name)
        if what == GUARD and not host.faulty:
            self.see("amnesia")
            self.words.forget(host.name, b"".join(host.files.copy().values()))

    def distrust(self, name):
        """From now on a validator counts as a liar."""
        for host in self.hosts:
            if host.name == name:
                host.faulty = True
        hosts = {host.index for host in self.hosts if host.faulty}
        self.promises = {tx: index for tx, index in self.promises.items() if index not in hosts}

    def recovered(self, host, height):
        """A damaged host is past whatever it may have forgotten."""
        replica = host.node.driver.replica
        if height > self.damaged[host.index] + 1 and replica.abstain_through < height:
            del self.damaged[host.index]

    # -- machines that come ----------------------------------------------------------------------

    def found(self, name):
        """A new node with an empty home, which has never signed."""
        if any(host.name == name for host in self.hosts):
            return None
        return self.add_machine(name)

    def add_machine(self, name, *, faulty=False):
        """Another machine, with a fresh guard."""
        host = self.make_host(len(self.hosts), name)
        host.faulty = faulty
        create_guard(host.files, self.chance.randbytes(16))
        self.hosts.append(host)
        self.at(self.time, lambda: self.boot(host.index))
        return host

    # -- words -------------------------------------------------------------------------------

    def carry_out(self, host, effects):
        """Nobody punishes a correct node; what ended without a receipt is remembered."""
        names = {one.name for one in self.hosts if one.faulty}
        if not host.faulty:
            for peer, reason in effects.penalise:
                assert peer in names, f"{host.name} penalises the correct {peer}: {reason}"
            self.ended.update((tx_id, fate) for tx_id, fate in effects.ended)
        else:
            effects.diverged = False
        super().carry_out(host, effects)

    def overhear(self, send):
        """Judge what is said at the moment of its release."""
        host = self.running
        self.digest.update(send.message)
        self.word, self.lying = word_of(send.kind, send.message), False
        if self.trap is not None:
            self.trap(self.word)
        if send.kind != CONSENSUS:
            return
        message = decode_message(send.message)
        if not isinstance(message, Signed):
            return
        height = message.height + 1 if isinstance(message, Fresh) else message_height(message)
        validators = self.chain.sets.get(height) or host.node.driver.replica.facts.validators
        if validators.index_of(host.name) != inner_of(message).signer:
            return  # a new view of somebody else, which proves itself
        if host.faulty:
            self._hear_liar(host.name, message)
        else:
            self.words.hear(host.name, message)
            check_durable(host, message)
        if isinstance(message, ViewChangeProof):
            self.targets.hear(host.name, message, validators, correct=not host.faulty)

    def _hear_liar(self, name, message):
        if isinstance(message, Fresh):
            return
        statement = inner_of(message).statement(CHAIN)
        known = self._said.setdefault((name, slot_of(message)), statement)
        self.lying = known != statement
        if self.lying:
            self.see("two words of one key")

    def send(self, source, target, kind, message):
        """Through the network of the swarm."""
        self.sent += 1
        if target.node is None:
            return
        link, lying = (source.index, target.index), self.lying
        connection = self.network.generation(link)

        def deliver():
            if self.network.is_cut(link) or self.network.generation(link) != connection:
                return
            if lying and not target.faulty:
                self.met["lie"] = True
            target.node.driver.feed(PeerMessage(source.name, kind, message))
            self.turn(target)

        for at in self.network.arrivals(link, self.word, len(message), self.time):
            self.at(at, deliver, target)

    def on_evidence(self, host, evidence):
        """S11: it names liars only and convinces others; then the chain is told."""
        for seen in () if host.faulty else evidence:
            validators = host.node.driver.replica.facts.validators
            name = validators.validators[seen.signer].name
            liars = {one.name for one in self.hosts if one.faulty}
            assert name in liars, f"{host.name} accuses the correct {name}"
            data = evidence_of(seen)
            offence = check_evidence(data, CHAIN, validators, verify)
            assert offence.name == name
            self.see("evidence " + offence.kind)
            if data not in self._accused:
                self._accused.add(data)
                self.at(self.time + 20, lambda h=host, d=data: self.accuse(h, d), host)

    def accuse(self, host, data):
        """A clerk takes evidence to the chain."""
        member = f"m{host.index % self.size}"
        call = Call.of("governance", "accuse", {"evidence": data})
        signed = self.signed_by(SimKey("clerk" + member[1:]), call, LASTS_MS)
        self.owners[signed.tx_id] = member
        self.post(host, signed, member)

    # -- clients -----------------------------------------------------------------------------

    def register(self, host):
        """A clerk registers a document at a host, if it answers."""
        if not self.answers(host):
            return None
        self.numbers += 1
        args = {
            "id": f"doc-{self.numbers}",
            "digest": self.chance.randbytes(32),
            "alg": "sha-256",
            "size": 1,
            "media_type": "text/plain",
            "kind": "file",
        }
        member = f"m{host.index % self.size}"
        call = Call.of("doc", "register", args)
        signed = self.signed_by(SimKey("clerk" + member[1:]), call, LASTS_MS)
        self.owners[signed.tx_id] = member
        self.post(host, signed, member)
        return signed.tx_id

    def acknowledged(self, host, answer):
        """A correct host has promised to keep it."""
        if not host.faulty:
            self.promises.setdefault(answer.tx_id, host.index)

    # -- checkers ----------------------------------------------------------------------------

    def check_commit(self, host, committed):
        """What a liar commits is its own affair."""
        if host.faulty:
            return
        header = committed.header
        with host.store.spared():
            self.chain.commit(host, committed)
        self.heads[host.index] = header.height
        self.digest.update(host.name.encode() + header.hash)
        self.tell(f"{host.name} commits height {header.height} {header.hash.hex()[:8]}")
        if host.index in self.damaged:
            self.recovered(host, header.height)
        if header.validators_hash != header.next_validators_hash:
            self.see("epoch")
            self.die_at(host, "epoch")

    def look(self):
        """After each event, at whoever has turned."""
        host = self.running
        if host is not None and host.node is not None and not host.faulty:
            replica = host.node.driver.replica
            check_new_view(replica)
            check_joined(replica)
            self.progress.look(host)
            check_memory(host)

    def cut_off(self, inside):
        """Only the places `inside` are connected with each other."""
        places = self.places
        outside = [place for place in places if place not in inside]
        apart = between(inside, places) | {(a, b) for a in outside for b in outside if a != b}
        self.network.partitions["core"] = apart


def _name_of(message):
    match message:
        case PrePrepare():
            return "pre-prepare"
        case NewView():
            return "new-view"
        case ViewChangeProof():
            return "view-change"
        case Fresh():
            return "other"
        case _:
            return "prepare" if message.phase == 2 else "commit"


def run(seed, size, story=None):
    """One run; `story` takes its lines.

    Raises:
        AssertionError: a promise was broken.
    """
    sim = Chaos(seed, size)
    sim.story = story
    with small_logs() if seed % 2 else nullcontext():
        live_through(sim)
    met = frozenset(name for name, is_met in sim.met.items() if is_met)
    return Outcome(sim.digest.hexdigest(), sim.time, met, tuple(sim.seen))
