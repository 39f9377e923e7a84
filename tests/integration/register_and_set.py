"""Clients of a register and of a set on a real network, and the histories that they leave.

The register is one record: the role ``register`` of a subject, whose end is the value, written
by `org.give_role`, which names the version that it expects: a compare-and-set. The set is made of
documents, added by `doc.register`. What is promised of reads (docs/spec/api.md, 6; docs/spec/
proof.md): a read at one node says what that node's head says; it may be old and is never false.
A *fresh* read is a proof whose freshness certificate is younger than the call: nothing was
committed above its head before that, so it is as good as asking all of them. Histories hold
fresh reads; `old_reads` holds the others.
"""

import itertools
import random
import threading
import time
from contextlib import suppress

from hansa.client.plain import Client
from hansa.client.transactions import make
from hansa.encoding import decode_value
from hansa.errors import HansaError
from hansa.hashing import sha256
from hansa.keyfile import open_key_file
from hansa.proof import decode_trust, parse_proof, verify_proof
from hansa.proof_lines import FAIL, OK
from hansa.signing import SigningKey, verify
from hansa.transaction import Call
from node.network import TRUST_FILE, read_network
from tests.integration.linearisable import NEVER, GrowingSet, Operation, Register, check, told
from tests.integration.load import register
from tests.integration.nemesis import Nemesis

ROLE = "register"
VALUE_BASE = 4_000_000_000_000
"""A role's end lies in the future: values are counted from here (ms, the year 2096)."""
EXPIRY_MS = 600_000
ANSWER_S = 6.0
"""A client that has not heard of a commit by then goes on and does not know."""
READ_S = 4.0
"""And so long it asks for a proof that is young enough: a busy head has none."""
THINK_S = (0.1, 0.7)
"""Pauses of a client: an idle head is what freshness is about."""
SETTLE_S = 40.0
PAGE = 200
CLIENTS = 5


class NotFreshError(Exception):
    """No proof was young enough in time: not an answer, and not a lie."""


class Recorder:
    """What all clients did, on one clock."""

    def __init__(self):
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self.operations = {"register": [], "set": []}
        self.open = []
        self.old_reads = []
        self.unanswered = 0

    def now(self):
        """Seconds since the beginning."""
        return time.monotonic() - self._began

    def closed(self, about, client, what, result, begin):
        """An operation has its answer."""
        one = Operation(client, what, result, begin, self.now())
        with self._lock:
            self.operations[about].append(one)

    def unheard(self, about, client, what, begin, tx_id):
        """A transaction was sent and nobody said what became of it."""
        with self._lock:
            self.open.append((about, Operation(client, what, None, begin), tx_id))

    def no_answer(self):
        """A read had no answer that counts."""
        with self._lock:
            self.unanswered += 1

    def old(self, read):
        """What a node's head said, (node, version, value)."""
        with self._lock:
            self.old_reads.append(read)


class Scene:
    """What the clients share: keys, names, the trust file, the first member's subject.

    Attributes:
        recorder: where they write.
    """

    def __init__(self, home):
        self.network = read_network(home)
        member = self.network.members()[0]
        keys = home / "members" / member / "keys"
        self.key = open_key_file(keys / "member.json").key
        self.trust = decode_trust((home / TRUST_FILE).read_bytes())
        run = sha256(str(time.time_ns()).encode()).hex()[:8]
        self.subject, self.things = f"{member}/register-{run}", f"set:{run}:"
        self.state_key = f"org/subject/{self.subject}"
        self.first = None
        self.recorder = Recorder()
        self.numbers = itertools.count(1)
        self._lock = threading.Lock()

    def number(self):
        """A number that nobody else has."""
        with self._lock:
            return next(self.numbers)

    def enrol(self):
        """Make the register, with no value yet; its version is what the enrolment left."""
        key = SigningKey(sha256(self.subject.encode()))
        args = {"subject": self.subject, "kind": "service", "key": key.public, "roles": []}
        with Client(self.network.nodes[0].api) as client:
            signed = self.signed(Call.of("org", "enrol", args), (key,))
            reply = client.resubmit(signed, SETTLE_S)
        assert reply.fate.code == "OK", reply
        changed = [record for one in reply.receipt.calls for record in one.records]
        self.first = max(r.after for r in changed if r.key == self.state_key)

    def signed(self, call, cosigners=()):
        """A transaction of the first member."""
        expires_at = time.time_ns() // 10**6 + EXPIRY_MS
        return make(
            self.network.chain_id, self.key, [call], expires_at=expires_at, cosigners=cosigners
        )

    def models(self):
        """The objects that the histories are of."""
        return {"register": Register(self.first, None), "set": GrowingSet()}


class Worker:
    """A client of one node after the other: it moves on when one does not answer."""

    def __init__(self, scene, number, seed):
        self.scene, self.name = scene, f"client{number}"
        self.chance = random.Random(f"{seed}/{number}")
        self._nodes = itertools.cycle(
            [*scene.network.nodes[number:], *scene.network.nodes[:number]]
            if number < len(scene.network.nodes)
            else scene.network.nodes
        )
        self._entry = next(self._nodes)
        self._known = (scene.first, None)
        self._things = []

    def run(self, stop):
        """Call after call until somebody says stop."""
        calls = (self.read, self.read, self.cas, self.cas, self.add, self.has, self.all, self.old)
        while not stop.is_set():
            try:
                self.chance.choice(calls)()
            except NotFreshError:
                self.scene.recorder.no_answer()
            except HansaError:
                self.scene.recorder.no_answer()
                self._entry = next(self._nodes)
            stop.wait(self.chance.uniform(*THINK_S))  # a client thinks

    # -- the register ------------------------------------------------------------------------

    def read(self):
        """Read the register freshly."""
        begin = self.scene.recorder.now()
        version, value, _ = self._fresh(self.scene.state_key)
        self._known = (version, value)
        self.scene.recorder.closed("register", self.name, ("read",), self._known, begin)

    def old(self):
        """Read what the node's head says."""
        with Client(self._entry.api) as client:
            record = client.state(self.scene.state_key)
        roles = record.value.get("roles", {})
        value = roles.get(ROLE)
        found = None if value is None else int(value) - VALUE_BASE
        self.scene.recorder.old((self._entry.name, int(record.value["version"]), found))

    def cas(self):
        """Write a value where the version is the one that was read last, or the one after."""
        version = self._known[0] + (self.chance.random() < 0.2)
        value = self.scene.number()
        args = {
            "subject": self.scene.subject,
            "role": ROLE,
            "version": version,
            "until": VALUE_BASE + value,
        }
        done = self._write(
            "register", ("cas", version, value), Call.of("org", "give_role", args), "STALE"
        )
        if done:
            self._known = (version + 1, value)

    # -- the set -------------------------------------------------------------------------------

    def add(self):
        """Add a thing: a new one most often."""
        if self._things and self.chance.random() < 0.3:
            thing = self.chance.choice(self._things)
        else:
            thing = f"{self.scene.things}{self.scene.number()}"
            self._things.append(thing)
        self._write("set", ("add", thing), Call.of(*_parts(register(thing))), "EXISTS")

    def has(self):
        """Ask freshly for one thing, also for one that nobody added."""
        guess = f"{self.scene.things}{self.chance.randrange(1, 40)}"
        thing = self.chance.choice([*self._things, guess])
        begin = self.scene.recorder.now()
        _, _, there = self._fresh(f"doc/record/{thing}")
        self.scene.recorder.closed("set", self.name, ("has", thing), there, begin)

    def all(self):
        """Read the whole set: a page of the head, and a fresh proof of the same head."""
        begin, since = self.scene.recorder.now(), time.time_ns() // 10**6
        prefix = f"doc/record/{self.scene.things}"
        deadline = time.monotonic() + READ_S
        with Client(self._entry.api) as client:
            while time.monotonic() < deadline:
                height = client.status().height
                page = client.scan(prefix, limit=PAGE)
                proof = self._proof(client, self.scene.state_key)
                # Heights only rise: what was read between two equal ones is of that height.
                if proof.chain.head.header.height == height and _is_fresh(proof, since):
                    assert page.next is None, "the set outgrew a page"
                    found = frozenset(item.key.removeprefix("doc/record/") for item in page.items)
                    self.scene.recorder.closed("set", self.name, ("all",), found, begin)
                    return
        raise NotFreshError

    # -- how ---------------------------------------------------------------------------------

    def _write(self, about, what, call, refused):
        """Send a transaction until its fate is final; whether it did what it says."""
        signed, begin = self.scene.signed(call), self.scene.recorder.now()
        deadline = time.monotonic() + ANSWER_S
        while time.monotonic() < deadline:
            try:
                with Client(self._entry.api) as client:
                    reply = client.submit(signed, "commit", deadline - time.monotonic())
            except HansaError:
                self._entry = next(self._nodes)  # the same bytes, to another node
                time.sleep(0.1)
                continue
            done = result_of(reply.fate, refused)
            if done is not None:
                self.scene.recorder.closed(about, self.name, what, done, begin)
                return done
        self.scene.recorder.unheard(about, self.name, what, begin, signed.tx_id)
        return False

    def _fresh(self, key):
        """Version, value and presence under a key by a proof that is younger than this call."""
        since, deadline = time.time_ns() // 10**6, time.monotonic() + READ_S
        with Client(self._entry.api) as client:
            while time.monotonic() < deadline:
                proof = self._proof(client, key)
                if _is_fresh(proof, since):
                    return _meaning(proof.record.value)
        raise NotFreshError

    def _proof(self, client, key):
        """A proof of a key that holds before this client's own trust file."""
        proof = parse_proof(client.proof_state(key))
        verdict = verify_proof(proof, self.scene.trust, verify)
        assert verdict.on_chain.verdict == OK, verdict.on_chain
        assert verdict.now.verdict != FAIL, verdict.now
        return proof


def _parts(call):
    """Contract, method and arguments of a call."""
    return call.contract, call.method, call.arguments()


def _is_fresh(proof, since_ms):
    """Whether nothing above the proof's head can have been committed by then."""
    return proof.fresh is not None and proof.fresh.time > since_ms


def _meaning(value):
    """Version and value of a record, and whether it is there."""
    if value is None:
        return 0, None, False
    record = decode_value(value)
    until = record.get("roles", {}).get(ROLE)
    return record["version"], None if until is None else until - VALUE_BASE, True


def result_of(fate, refused):
    """Whether a transaction did what it says, by its final fate; None while there is none.

    Raises:
        AssertionError: it was refused for a reason that is not in the model.
    """
    if fate is None or not fate.final:
        return None
    if fate.state == "committed":
        return True
    assert fate.state == "refused", f"a transaction of ten minutes: {fate}"
    assert fate.code == refused, fate
    return False


def play(scene, seed, clients, seconds, nemesis):
    """Let clients call for a while; `nemesis` does its worst meanwhile, and mends it."""
    stop = threading.Event()
    workers = [Worker(scene, number, seed) for number in range(clients)]
    errors = []

    def guarded(worker):
        try:
            worker.run(stop)
        except BaseException as error:  # noqa: BLE001 - told to whoever joins
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    began = time.monotonic()
    try:
        nemesis()
        stop.wait(max(0.0, seconds - (time.monotonic() - began)))  # the rest of the time
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    if errors:
        raise errors[0]
    close_open(scene)
    last = Worker(scene, 0, f"{seed}/last")
    for call in (last.read, last.all):
        _patiently(call)


def _patiently(call):
    """Once all nodes are there a fresh answer comes."""
    deadline = time.monotonic() + SETTLE_S
    while True:
        try:
            return call()
        except (NotFreshError, HansaError):
            if time.monotonic() > deadline:
                raise


def close_open(scene):
    """Ask what became of what nobody had heard of: what is final has happened by now."""
    deadline = time.monotonic() + SETTLE_S
    for about, one, tx_id in scene.recorder.open:
        refused = "STALE" if about == "register" else "EXISTS"
        done = None
        for entry in itertools.cycle(scene.network.nodes):
            with suppress(HansaError), Client(entry.api) as client:
                done = result_of(client.wait(tx_id, 1.0), refused)
            if done is not None or time.monotonic() > deadline:
                break
        end = NEVER if done is None else scene.recorder.now()
        closed = Operation(one.client, one.what, done, one.begin, end)
        scene.recorder.operations[about].append(closed)
    scene.recorder.open.clear()


def linearisable_fact(network, seed, seconds, faults=("kill", "pause")):
    """Play clients and faults on a network that runs, and check both histories.

    Raises:
        AssertionError: a history is not linearisable, or a node said something that never was.
    """
    scene = Scene(network.home)
    scene.enrol()
    nemesis = Nemesis(network, random.Random(f"{seed}/nemesis"))

    def harm():
        for fault in faults:
            time.sleep(1.0)  # some calls without any fault
            getattr(nemesis, fault)(seconds / len(faults) / 2)

    play(scene, seed, CLIENTS, seconds, harm)
    fact = {"seed": seed, "did": nemesis.told, "done": list(faults)}
    for about, model in scene.models().items():
        history = scene.recorder.operations[about]
        verdict = check(history, model)
        assert verdict, f"seed {seed}, {about}: {told(verdict, history)}"
        fact[about] = {
            "operations": len(history),
            "writes": sum(one.result is True for one in history),
            "open": sum(one.is_open for one in history),
            "tried": verdict.tried,
        }
        if about == "register":
            never_false(verdict.order, model.initial, scene.recorder.old_reads)
    fact["old_reads"] = len(scene.recorder.old_reads)
    fact["unanswered"] = scene.recorder.unanswered
    return fact


def never_false(order, state, old_reads):
    """What nodes said of their own heads was the register's value once.

    Raises:
        AssertionError: a node said what never was.
    """
    values = dict([state])
    for one in order:
        state, _ = Register.step(state, one.what)
        values[state[0]] = state[1]
    for node, version, value in old_reads:
        assert values.get(version, NEVER) == value, f"{node} said {value} of version {version}"
