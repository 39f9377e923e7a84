"""The real core as a transition function on small local states.

A local state is a pickled `consensus.replica.Replica` with its canonical key: what of it can
still matter to anybody. The core is deterministic, so a transition (local state, input) is
computed once, whatever the other replicas do meanwhile; a global state is a tuple of numbers.

Time is no input here: a timer that is armed may fire at any moment. Nothing is lost and nothing
must arrive: what was said can be delivered at any later moment, in any order (message sets).
The signer guard is left out: the core alone has to be safe.
"""

import io
import pickle

from consensus.checks import Facts
from consensus.io import Build, Built, Fetch, Fetched, Now, Ran, Received, Run, Stored, Tick
from consensus.messages import NewView, PrePrepare, ViewChangeProof, Vote
from consensus.replica import Replica
from consensus.schedule import Schedule
from hansa.block import Block, Header, hash_of_raw
from hansa.encoding import pack
from hansa.hashing import ZERO_HASH, sha256
from hansa.merkle import root_of
from hansa.votes import COMMIT, PREPARE
from tests.unit.consensus.world import CHAIN, START_MS, genesis, signed, validator_set, verify

HEIGHT, EPOCH, T0_MS = 1, 0, 1_000


class BrokenRuleError(AssertionError):
    """A replica did what no correct one may do."""


class Stage:
    """Who is there: n validators in the roles of primaries of views 0, 1, ...; one may lie."""

    def __init__(self, size, liar, views):
        self.size, self.liar, self.views = size, liar, views
        self.validators = validator_set(size)
        self.genesis = genesis(self.validators)
        schedule = self.schedule()
        self.index = [schedule.primary(HEIGHT, view) for view in range(size)]
        self.role = {index: role for role, index in enumerate(self.index)}
        self.correct = [role for role in range(size) if role != liar]
        self.facts = Facts(CHAIN, self.genesis, None, self.validators, self.validators, verify)
        self.blocks, self.names = {}, {}
        for role in range(min(views + 1, size)):
            for variant in range(2 if role == liar else 1):
                block = self._block(role, variant)
                self.blocks[role, variant] = block
                self.names[block.header.hash] = (role, variant)

    def schedule(self):
        """The product's."""
        return Schedule(self.validators, 1, self.genesis.hash)

    def _block(self, role, variant):
        raws = (b"transaction %d" % variant,)
        header = Header(
            version=1, chain_id=CHAIN, suite=1, epoch=EPOCH, height=HEIGHT,
            time=START_MS + 1 + variant, parent=self.genesis.hash,
            primary=self.validators.validators[self.index[role]].name,
            txs_root=root_of([hash_of_raw(raw) for raw in raws]),
            state_root=sha256(b"".join(raws)), log_root=ZERO_HASH, log_size=0,
            validators_hash=self.validators.hash, next_validators_hash=self.validators.hash,
            last_certificate=ZERO_HASH, last_view=0, parameters_version=0,
        )  # fmt: skip
        return Block(header, raws, None)

    def hash_of(self, name):
        """The hash of a block by its name (role of its primary, variant)."""
        return self.blocks[name].header.hash

    def sign(self, message):
        """With the key of whom the message names."""
        return signed(message, self.validators)


class Local:
    """One local state: key, snapshot, and what was said on the way to it."""

    __slots__ = ("image", "key", "number", "said")

    def __init__(self, number, key, image, said):
        self.number, self.key, self.image, self.said = number, key, image, said


class Snapshots:
    """Pickles cores without what never changes."""

    def __init__(self, stage):
        self._fixed = [stage.facts, stage.facts.validators, stage.genesis]
        self._fixed += [block.proposal() for block in stage.blocks.values()]
        self._numbers = {id(item): number for number, item in enumerate(self._fixed)}

    def save(self, core):
        """The bytes of a core."""
        data = io.BytesIO()
        pickler = pickle.Pickler(data, pickle.HIGHEST_PROTOCOL)
        pickler.persistent_id = lambda item: self._numbers.get(id(item))
        pickler.dump(core)
        return data.getvalue()

    def load(self, image):
        """A core of its own from bytes."""
        unpickler = pickle.Unpickler(io.BytesIO(image))  # noqa: S301 - our own bytes
        unpickler.persistent_load = self._fixed.__getitem__
        return unpickler.load()


class Cores:
    """All local states of all correct replicas met so far, and the transitions between them."""

    def __init__(self, stage):
        self.stage, self.snapshots = stage, Snapshots(stage)
        self.locals = {role: [] for role in stage.correct}
        self._numbers = {role: {} for role in stage.correct}
        self._steps, self._decisions = {}, {}

    # -- one core ------------------------------------------------------------------------------

    def begin(self, role):
        """A replica that has just started, with a transaction waiting."""
        stage = self.stage
        name = stage.validators.validators[stage.index[role]].name
        core = Replica(stage.facts, stage.schedule(), name, T0_MS)
        said = {}
        self._turn(core, role, Tick(), 0, said)
        return self._intern(role, core, said)

    def _turn(self, core, role, event, mono_ms, said):
        """One input, and what the driver feeds back at once: own words, blocks, outcomes."""
        stage = self.stage
        now = Now(mono_ms, START_MS, pending=True, relayed=True)
        events = [event]
        while events:
            out = core.step(events.pop(0), now)
            for intent in out.intents:
                message = stage.sign(intent)
                self._hear(said, message)
                events.append(Stored(message))
            for work in out.execute:
                match work:
                    case Build(view=view):
                        block = stage.blocks[role, 0]
                        events.append(Built(HEIGHT, view, block.proposal(), pack(block)))
                    case Run(proposal=proposal):
                        block = stage.blocks[stage.names[proposal.header.hash]]
                        events.append(Ran(HEIGHT, block.header.hash, equal=True, block=pack(block)))
                    case Fetch(block_hash=block_hash):
                        block = stage.blocks[stage.names[block_hash]]
                        events.append(Fetched(block.proposal(), pack(block)))

    def _hear(self, said, message):
        """No second word in one place, no claim below an own COMMIT."""
        place, content = self.place(message)
        if said.setdefault(place, message) is not message:
            _, known = self.place(said[place])
            if known != content:
                raise BrokenRuleError(f"two words at {place}: {known} and {content}")
        if place[0] == "change":
            locked = [view for kind, view in said if kind == COMMIT and view < place[1]]
            if content[0] < max(locked, default=-1):
                raise BrokenRuleError(f"a view change to {place[1]} forgets COMMIT {max(locked)}")

    def place(self, message):
        """Where a word stands, and what it says: (kind, view), content."""
        names = self.stage.names
        match message:
            case Vote(phase=phase, view=view, block_hash=block_hash):
                return (phase, view), names[block_hash]
            case ViewChangeProof(view_change=change):
                claim = (change.prepared_view, names.get(change.prepared_hash))
                return ("change", change.target), claim
            case PrePrepare(proposal=proposal):
                return ("propose", 0), names[proposal.header.hash]
            case NewView(view=view, block_hash=block_hash):
                return ("propose", view), names[block_hash]

    # -- local states -------------------------------------------------------------------------

    def key(self, role, core, said):
        """What of a core can still matter.

        Left out: times (a timer is armed or not), votes below a quorum (they are delivered
        when they complete one), who signed a certificate, and the claims of others where this
        replica is not the primary that chooses among them.
        """
        state, names, stage = core.state, self.stage.names, self.stage
        prepared = state.prepared and (state.prepared.view, names[state.prepared.block_hash])
        changes = []
        for signer, proof in state.changes.items():
            change = proof.view_change
            chooses = change.target == role and change.target not in state.frozen
            claim = (change.prepared_view, names.get(change.prepared_hash)) if chooses else None
            if change.target > state.view:
                changes.append((stage.role[signer], change.target, claim))
        accepted = state.accepted.get(state.view)
        words = sorted((str(place[0]), place[1], self.place(m)[1]) for place, m in said.items())
        return (
            state.view, state.status_vc, state.target, prepared,
            accepted and names[accepted], tuple(sorted(changes, key=repr)), tuple(words),
            core.pacemaker.view_change_at is not None, state.target in state.frozen,
        )  # fmt: skip

    def _intern(self, role, core, said):
        key = self.key(role, core, said)
        number = self._numbers[role].get(key)
        if number is None:
            number = self._numbers[role][key] = len(self.locals[role])
            self.locals[role].append(Local(number, key, self.snapshots.save(core), said))
        return number

    def step(self, role, number, name, inputs):
        """The local state after an input, by its name; `inputs()` makes the messages.

        Raises:
            BrokenRuleError: the replica said what it must not say.
        """
        place = (role, number, name)
        if place not in self._steps:
            local = self.locals[role][number]
            core, said = self.snapshots.load(local.image), dict(local.said)
            for event, mono_ms in inputs(core):
                self._turn(core, role, event, mono_ms, said)
            self._steps[place] = self._intern(role, core, said)
        return self._steps[place]

    def decides(self, role, number, name, votes):
        """What a replica in this state decides when it hears these COMMITs; None: nothing."""
        place = (role, number, name)
        if place not in self._decisions:
            core = self.snapshots.load(self.locals[role][number].image)
            said = dict(self.locals[role][number].said)
            for vote in votes:
                self._turn(core, role, Received(vote.signer, vote), 0, said)
            decided = core.state.decided
            self._decisions[place] = decided and self.stage.names[decided.block_hash]
        return self._decisions[place]


def timeout(core):
    """The timer that is armed fires."""
    pace = core.pacemaker
    due = pace.view_change_at if core.state.status_vc else pace.progress_at
    return [] if due is None else [(Tick(), due)]


__all__ = ["COMMIT", "PREPARE", "BrokenRuleError", "Cores", "Stage", "timeout"]
