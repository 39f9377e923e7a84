"""Twins, view by view: a script decides who leads, who hears whom and who crashes; then calm.

The product's cores, codec, records and guard run the case behind a number (`cases.py`). The
round of a word is its height and view, so that the script follows the protocol and not the
clock. After the scripted rounds every link is good, the twins go on, and all must be decided.
"""

from consensus.guard import slot_of
from consensus.io import Fetch, Received
from consensus.messages import (
    Decided,
    Fresh,
    NewView,
    PrePrepare,
    Signed,
    ViewChangeProof,
    Vote,
    decode_message,
    encode_message,
)
from consensus.pacemaker import VIEW_DOUBLINGS_MAX
from consensus.records import message_height
from consensus.schedule import Schedule
from hansa.votes import COMMIT
from tests.simulation.cases import CRASHES, case_of
from tests.simulation.outcome import Outcome
from tests.simulation.rules import CoreRules
from tests.unit.consensus.liars import LiarWorld
from tests.unit.consensus.world import CHAIN, Disk, Node, World

T0_MS = 100
TRANSACTIONS = 4
VIEW_MS_MAX = T0_MS * 2**VIEW_DOUBLINGS_MAX
"""The longest wait of a view."""


def run(seed, size, story=None):
    """One case.

    Raises:
        AssertionError: a promise was broken.
    """
    world = ScriptedWorld(case_of(seed, size), seed, story)
    world.live_through()
    return world.outcome()


class Scripted(Schedule):
    """The primaries of the scripted rounds are those of the script."""

    __slots__ = ("rounds",)

    def primary(self, height, view):
        """Every replica reads the same script."""
        row = height - 1 + view
        return self.rounds[row][0] if row < len(self.rounds) else super().primary(height, view)


class ScriptedWorld(World):
    """A case, lived through."""

    t0_ms = T0_MS

    def __init__(self, case, seed, story=None):
        """`seed` decides delays within a round, and nothing else."""
        self.case, self.story = case, story
        self.rules = CoreRules(range(case.twins))
        super().__init__(case.size, f"scripted {seed}", liars=range(case.twins))
        for index in range(case.twins):
            name = self.validators.validators[index].name
            self.nodes.append(Node(self, name, Disk(), len(self.nodes)))
        self.calm_ms = T0_MS * 2 ** len(case.rounds)
        self.plan = {(slot, write): kind for slot, write, kind in case.crashes}
        self.writes = [0] * case.slots
        self.last_words = {}
        self.met, self.seen = set(), {}
        self._said, self._pending = {}, {}

    def schedule(self):
        """Who is primary, from genesis on."""
        scripted = Scripted(self.validators, 1, self.genesis.hash)
        scripted.rounds = self.case.rounds
        return scripted

    @property
    def calm(self):
        """Whether the script is over."""
        return self.time >= self.calm_ms

    # -- telling ---------------------------------------------------------------------------------

    def tell(self, text):
        """A line of the story."""
        if self.story is not None:
            self.story.append(f"{self.time:>6} ms  {text}")

    def name(self, slot):
        """A replica for people: the second half of a twin has a prime."""
        node = self.nodes[slot]
        return node.name + ("'" if slot >= self.case.size else "")

    def note(self, name):
        """Something worth counting happened."""
        self.seen[name] = None

    # -- links -----------------------------------------------------------------------------------

    def broadcast(self, source, message):
        """To every replica of another validator."""
        if not source.alive:
            self.last_word(source, message)
            return
        if source.index not in self.liars:
            self.witness.hear(message)
        self.deliver(source, message, [n for n in self.nodes if n.name != source.name])

    def send(self, source, target, message):
        """To one validator: both of its halves."""
        if source.alive:
            self.deliver(source, message, [n for n in self.nodes if n.name == target.name])

    def last_word(self, source, message):
        """A process that ends after its first word: one peer hears it."""
        if self.last_words.pop(source.slot, None) is source:
            targets = [node for node in self.nodes if node.name != source.name]
            self.deliver(source, message, targets[:1])

    def deliver(self, source, message, targets):
        """What arrives, arrives a few ms later as the bytes say it."""
        data = encode_message(message)
        self.digest.update(data)
        arriving = decode_message(data)
        heard = [node.slot for node in targets if self.arrives(source, node, message)]
        for slot in heard:
            delay = 1 + self.chance.randrange(4)
            self.at(self.time + delay, None, lambda s=slot: self.hear(s, source.index, arriving))
        if self.story is not None:
            lost = [self.name(node.slot) for node in targets if node.slot not in heard]
            to = " ".join(map(self.name, heard)) or "nobody"
            gone = f", lost to {' '.join(lost)}" if lost else ""
            self.tell(f"{self.name(source.slot)} says {told(message)} to {to}{gone}")

    def arrives(self, source, target, message):
        """Whether the script lets a word pass."""
        if self.calm:
            return True
        place = place_of(message)
        if place is None:
            return self.chance.randrange(100) < self.case.leak
        row, phase = place
        if row >= len(self.case.rounds):
            return True
        passes = self.case.passes(row, phase, source.slot, target.slot)
        if not passes:
            self.met.add("partition")
        return passes

    def hear(self, slot, index, message):
        """A replica takes a message."""
        node = self.nodes[slot]
        if not node.alive:
            return
        if node.index not in self.liars:
            if index in self.liars:
                self.look_for_lies(message)
            self.rules.took(node, index, message)
        node.feed(Received(index, message))

    def look_for_lies(self, message):
        """Two words of one validator for one place, both heard by correct replicas."""
        if not isinstance(message, Signed) or isinstance(message, Fresh):
            return
        inner = getattr(message, "view_change", message)
        if inner.signer not in self.liars:
            return
        statement = inner.statement(CHAIN)
        if self._said.setdefault((inner.signer, slot_of(message)), statement) != statement:
            self.met.add("lie")
            self.note(f"two words: {kind_of(message)}")

    def fetch(self, node, holder, work):
        """Bodies travel where proposals do."""
        row = work.height - 1 + node.core.state.view
        for other in self.nodes:
            passes = self.calm or row >= len(self.case.rounds)
            passes = passes or self.case.passes(row, 1, other.slot, node.slot)
            if other.name == holder.name and other.name != node.name and passes:
                super().fetch(node, other, work)

    def catch_up(self, slot):
        """Block sync, as much as the case lets it."""
        if self.calm or self.chance.randrange(100) < self.case.leak:
            self.note("block sync")
            super().catch_up(slot)

    # -- the application -------------------------------------------------------------------------

    def pending_for(self, node):
        """Until calm the halves of a twin know of different transactions: their blocks differ."""
        key = (len(node.disk.chain), len(self.transactions), self.calm)
        known, pending = self._pending.get(node.slot, (None, None))
        if known != key:
            pending = super().pending_for(node)
            if node.index in self.liars and not self.calm:
                half = node.slot >= self.case.size
                pending = [raw for raw in pending if raw[-1] % 2 == half]
            self._pending[node.slot] = key, pending
        return pending

    # -- crashes ---------------------------------------------------------------------------------

    def crashes_before_sync(self, node):
        """Power fails where the case says: by the count of a replica's writes."""
        if not node.alive:
            return False  # the rest of a turn whose words nobody hears
        self.writes[node.slot] += 1
        kind = self.plan.get((node.slot, self.writes[node.slot]))
        if kind is None:
            return False
        self.met.add("crash")
        self.note(f"crash {CRASHES[kind]}")
        self.tell(f"{self.name(node.slot)} crashes {CRASHES[kind]}")
        self.kill(node.slot)
        self.after(T0_MS // 2 + self.chance.randrange(T0_MS), None, lambda: self.start(node.slot))
        if kind == 2:
            self.last_words[node.slot] = node
        return kind == 0

    def start(self, slot):
        """A new process over the old disk."""
        self.tell(f"{self.name(slot)} starts at height {len(self.nodes[slot].disk.chain)}")
        super().start(slot)

    # -- checkers --------------------------------------------------------------------------------

    def check_commit(self, node, block, certificate):
        """Agreement, and a line of the story."""
        height, block_hash = block.header.height, block.header.hash.hex()[:8]
        self.tell(
            f"{self.name(node.slot)} commits height {height} view {certificate.view} {block_hash}"
        )
        super().check_commit(node, block, certificate)

    def trace(self, node, out):
        """Which branches of the protocol a correct replica goes."""
        super().trace(node, out)
        if node.index in self.liars:
            return
        self.rules.check(node)
        if node.core.state.view > 0:
            self.met.add("view-change")
        for intent in out.intents:
            self.note(kind_of(intent))
        if any(isinstance(message, Decided) for _, message in out.send):
            self.note("help with a certificate")
        if any(isinstance(work, Fetch) for work in out.execute):
            self.note("fetch of a body")
        if out.evidence:
            self.note("evidence")
        for commit in out.commit:
            self.note(f"decision in view {min(commit.certificate.view, 5)}")

    def sign(self, node, intent):
        """What correct replicas sign is held against them."""
        message = super().sign(node, intent)
        if node.index not in self.liars:
            self.rules.spoken(node, message)
        return message

    check_memory = LiarWorld.check_memory

    # -- a whole case ----------------------------------------------------------------------------

    def live_through(self):
        """The script, then calm; raises AssertionError where a promise is broken."""
        self.submit(0)
        self.submit(1)
        for number in range(2, TRANSACTIONS):
            self.at(self.chance.randrange(self.calm_ms), None, lambda n=number: self.submit(n))
        self.at(self.calm_ms, None, lambda: self.tell("calm: every link is good from now on"))
        self.run(self.calm_ms)
        self.submit(TRANSACTIONS)
        # Each twin may lead and fail one of the longest views, and so may the script's last.
        until = self.calm_ms + VIEW_MS_MAX * (self.case.twins + 3)
        assert self.run(until, self.everywhere), f"not live: heights {self.heights()}"
        self.check_memory()

    def everywhere(self):
        """Whether every correct replica is up and has every transaction."""
        return all(node.alive and not self.pending_for(node) for node in self.correct)

    def outcome(self):
        """What the run met."""
        case = self.case
        self.note(f"{case.twins} twins of {case.size}")
        self.note(f"{len(case.rounds)} scripted rounds")
        digest = self.digest.hexdigest()
        return Outcome(digest, self.time, frozenset(self.met), tuple(sorted(self.seen)))


def place_of(message):
    """The round and the phase of a word; None for what no script speaks of."""
    if not isinstance(message, Signed) or isinstance(message, Fresh):
        return None
    match message:
        case ViewChangeProof():
            view, phase = message.view_change.target, 0
        case PrePrepare():
            view, phase = 0, 1
        case NewView():
            view, phase = message.view, 1
        case Vote():
            view, phase = message.view, 3 if message.phase == COMMIT else 2
    return message_height(message) - 1 + view, phase


def kind_of(message):
    """What kind of word it is, for people and counts."""
    match message:
        case Vote():
            return "commit" if message.phase == COMMIT else "prepare"
        case ViewChangeProof():
            nothing = message.view_change.claims_nothing
            return "view change with nothing" if nothing else "view change with a certificate"
        case NewView():
            fresh = message.proposal is not None
            return "new view with a fresh block" if fresh else "new view with a prepared block"
        case PrePrepare():
            return "proposal"
        case _:
            return type(message).__name__


def told(message):
    """A word for the story: kind, height, view, block."""
    if isinstance(message, Decided):
        certificate = message.certificate
        return f"decided {certificate.height} {certificate.block_hash.hex()[:8]}"
    if place_of(message) is None:
        return kind_of(message)
    inner = getattr(message, "view_change", message)
    view = getattr(inner, "target", getattr(inner, "view", 0))
    if isinstance(message, PrePrepare):
        block_hash = message.proposal.header.hash
    else:
        block_hash = getattr(inner, "prepared_hash", getattr(inner, "block_hash", b""))
    return f"{kind_of(message)} {message_height(message)}/{view} {block_hash.hex()[:8]}"
