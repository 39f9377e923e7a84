"""Every global state of a small scope: one height, views 0 to V, one liar with every message.

A global state is what the correct replicas are in; what was said follows from it. From each
state every timer that is armed fires, and every message that was or could have been said is
delivered to every replica that it can move.
"""

import itertools
import time
from collections import deque

from consensus.io import Received
from consensus.messages import (
    NOTHING_PREPARED,
    NewView,
    PrePrepare,
    ViewChange,
    ViewChangeProof,
    Vote,
)
from hansa.certificate import make_certificate
from hansa.hashing import ZERO_HASH
from tests.simulation.exhaustive.cores import (
    COMMIT,
    EPOCH,
    HEIGHT,
    PREPARE,
    BrokenRuleError,
    Cores,
    Stage,
    timeout,
)

NOTHING = (NOTHING_PREPARED, None)
X, Y = (0, 0), (1, 0)
TWO_CLAIMS = (
    (1, ("propose", 0, X)),
    (0, (PREPARE, 0, X)),
    (1, ("timeout",)),
    (3, ("timeout",)),
    (1, ("change", 1, 2, NOTHING)),
    (1, ("change", 1, 3, NOTHING)),
    (3, ("propose", 1, Y)),
    (1, (PREPARE, 1, Y)),
    (3, (PREPARE, 1, Y)),
)
"""Replica 0 has prepared x in view 0, 1 and 3 have committed y in view 1; the liar leads view 2."""


class ViolationError(AssertionError):
    """A promise is broken; the message has the way there."""


class Said:
    """What stands on the wire in a global state: words of the correct, by kind."""

    def __init__(self, stage, cores, state):
        self.votes, self.changes, self.proposals = {}, {}, {}
        for role, number in zip(stage.correct, state, strict=True):
            for (kind, view), message in cores.locals[role][number].said.items():
                if kind == "change":
                    self.changes.setdefault(view, {})[role] = message
                elif kind == "propose":
                    self.proposals.setdefault(view, []).append(message)
                else:
                    name = stage.names[message.block_hash]
                    self.votes.setdefault((kind, view, name), []).append(message)


class Search:
    """Breadth first (or, to hunt, depth first) from the start until all is seen."""

    def __init__(self, size=4, liar=0, views=1):
        self.stage = Stage(size, liar, views)
        self.cores = Cores(self.stage)
        self.start = tuple(self.cores.begin(role) for role in self.stage.correct)
        self.seen, self.depth, self.complete = set(), 0, False
        self.transitions = 0
        self._symmetries = self._find_symmetries()
        self._images, self._keys, self._certificates = [{} for _ in self.start], {}, {}
        self._orders = []
        for roles, _ in self._symmetries:
            place = {roles.get(role, role): i for i, role in enumerate(self.stage.correct)}
            self._orders.append([place[role] for role in self.stage.correct])
        self._networks, self._wires = {}, []
        self._moves, self._prepared, self._decided = {}, {}, {}

    # -- what can happen -----------------------------------------------------------------------

    def liar_vote(self, phase, view, name):
        """The liar signs any vote."""
        stage = self.stage
        place = (EPOCH, HEIGHT, view, stage.hash_of(name), stage.index[stage.liar])
        return stage.sign(Vote(phase, *place))

    def votes(self, said, phase, view, name):
        """All votes there can be for a block."""
        own = said.votes.get((phase, view, name), [])
        return own if self.stage.liar is None else [*own, self.liar_vote(phase, view, name)]

    def certificates(self, said):
        """Every prepared certificate that the liar could hold: (view, block) -> certificate."""
        found = {}
        for phase, view, name in said.votes:
            if phase != PREPARE:
                continue
            votes = self.votes(said, PREPARE, view, name)
            if len(votes) >= self.stage.validators.quorum:
                key = (view, name, tuple(sorted(vote.signer for vote in votes)))
                if key not in self._certificates:
                    signatures = {vote.signer: vote.signature for vote in votes}
                    place = (PREPARE, EPOCH, HEIGHT, view, self.stage.hash_of(name))
                    self._certificates[key] = make_certificate(
                        *place, signatures, self.stage.validators
                    )
                found[view, name] = self._certificates[key]
        return found

    def liar_changes(self, target, certificates):
        """Every view change of the liar whose claim can hold."""
        stage = self.stage
        claims = [(*NOTHING, None)]
        claims += [(v, n, c) for (v, n), c in certificates.items() if v < target]
        for view, name, certificate in claims:
            block_hash = ZERO_HASH if name is None else stage.hash_of(name)
            signer = stage.index[stage.liar]
            change = ViewChange(EPOCH, HEIGHT, target, view, block_hash, signer)
            yield (view, name), stage.sign(ViewChangeProof(change, certificate))

    def liar_new_views(self, target, said, certificates):
        """Every new view of the liar: any view changes, any choice; also too few, also twice."""
        stage = self.stage
        quorum = stage.validators.quorum
        correct = sorted(said.changes.get(target, {}).items())
        choices = [("fresh", variant, None) for variant in range(2)]
        choices += [(*place, certificate) for place, certificate in certificates.items()]
        sets = set()
        for claim, own in self.liar_changes(target, certificates):
            everyone = [*((role, p) for role, p in correct), (stage.liar, own)]
            for count in range(quorum, len(everyone) + 1):
                for chosen in itertools.combinations(everyone, count):
                    sets.add((chosen, claim))
            sets.add((((stage.liar, own),) * quorum, claim))
            sets.add((((stage.liar, own),), claim))
        for chosen, _ in sorted(sets, key=repr):
            changes = tuple(proof.view_change for _, proof in chosen)
            said_by = tuple((role, self.cores.place(proof)[1]) for role, proof in chosen)
            for view, name, certificate in choices:
                yield (said_by, view, name), self._new_view(target, changes, name, certificate)

    def _new_view(self, target, changes, name, certificate):
        stage = self.stage
        signer = stage.index[stage.liar]
        if certificate is None:
            block = stage.blocks[stage.liar, name]
            rest = (None, block.header.hash, block.proposal(), signer)
        else:
            rest = (certificate, stage.hash_of(name), None, signer)
        return stage.sign(NewView(EPOCH, HEIGHT, target, changes, *rest))

    def deliverable(self, said):
        """Messages that any replica might get: name -> message; votes come in quorums."""
        stage = self.stage
        words = {}
        for view, messages in said.proposals.items():
            for message in messages:
                words["propose", view, self.cores.place(message)[1]] = message
        for target, senders in said.changes.items():
            for role, message in senders.items():
                words["change", target, role, self.cores.place(message)[1]] = message
        if stage.liar is not None:
            words.update(self._lies(said))
        return words

    def _lies(self, said):
        """What the liar can say, whatever its reasons."""
        stage, words = self.stage, {}
        certificates = self.certificates(said)
        if stage.liar == 0:
            for variant in range(2):
                proposal = stage.blocks[0, variant].proposal()
                message = PrePrepare(EPOCH, proposal, stage.index[0])
                words["propose", 0, (0, variant)] = stage.sign(message)
        for target in range(1, stage.views + 1):
            for claim, proof in self.liar_changes(target, certificates):
                words["change", target, stage.liar, claim] = proof
            if stage.liar == target:
                for name, message in self.liar_new_views(target, said, certificates):
                    words["new-view", target, *name] = message
        return words

    def network(self, state):
        """The number of what stands on the wire in a state."""
        locals_ = self.cores.locals
        words = tuple(
            locals_[role][number].key[6]
            for role, number in zip(self.stage.correct, state, strict=True)
        )
        if words not in self._networks:
            said = Said(self.stage, self.cores, state)
            self._networks[words] = len(self._wires)
            self._wires.append((said, self.deliverable(said)))
        return self._networks[words]

    def moves(self, position, local, network):
        """What can happen to one replica, and change it: (name, local state after)."""
        place = (position, local, network)
        if place not in self._moves:
            role = self.stage.correct[position]
            found = {}
            for name, inputs in self._inputs(role, local, *self._wires[network]):
                self.transitions += 1
                try:
                    number = self.cores.step(role, local, name, inputs)
                except BrokenRuleError as broken:
                    raise ViolationError(broken, name) from None
                if number != local:
                    found.setdefault(number, name)
            self._moves[place] = [(name, number) for number, name in found.items()]
        return self._moves[place]

    def _inputs(self, role, local, said, words):
        view, changing, target, *_ = self.cores.locals[role][local].key
        if (target if changing else view) < self.stage.views:
            yield ("timeout",), timeout
        for name in sorted({place[2] for place in said.votes}):
            votes = self.votes(said, PREPARE, view, name)
            known = said.votes.get((PREPARE, view, name))
            if not changing and known and len(votes) >= self.stage.validators.quorum:
                signers = tuple(vote.signer for vote in votes)
                yield (PREPARE, view, name, signers), _deliver(votes)
        me = self.stage.index[role]
        for name, message in words.items():
            kind, place = name[:2]
            late = place < view if kind == "propose" else place <= view
            if not late and message_signer(message) != me:
                yield name, _deliver([message])

    # -- the search ------------------------------------------------------------------------------

    def walk(self, script):
        """Begin the search later: after these moves, each a role and how its name begins."""
        state = self.start
        for role, beginning in script:
            position = self.stage.correct.index(role)
            moves = self.moves(position, state[position], self.network(state))
            number = next(n for name, n in moves if name[: len(beginning)] == beginning)
            state = (*state[:position], number, *state[position + 1 :])
        self.start = state
        return self

    def run(self, deadline, *, deep=False):
        """Go on until everything was seen, time is up or a promise is broken.

        Raises:
            ViolationError: with the moves that lead there.
        """
        waiting = deque([(self.start, None, 0)])
        self.seen.add(self.canonical(self.start))
        while waiting and time.monotonic() < deadline:
            state, way, depth = waiting.pop() if deep else waiting.popleft()
            self.depth = max(self.depth, depth)
            network = self.network(state)
            for position, local in enumerate(state):
                role = self.stage.correct[position]
                try:
                    moves = self.moves(position, local, network)
                except ViolationError as broken:
                    end, name = broken.args
                    raise ViolationError(_story((way, (role, name)), end)) from None
                for name, number in moves:
                    self.transitions += 1
                    after = (*state[:position], number, *state[position + 1 :])
                    canonical = self.canonical(after)
                    if canonical not in self.seen:
                        self.seen.add(canonical)
                        here = (way, (role, name))
                        self.check(after, here)
                        waiting.append((after, here, depth + 1))
        self.complete = not waiting
        return self

    def check(self, state, way):
        """Agreement: whatever is decided, also by who hears all COMMITs only now, is one block.

        And one block a view at most has a prepared certificate.
        """
        network = self.network(state)
        if network not in self._prepared:
            views = [view for view, _ in self.certificates(self._wires[network][0])]
            self._prepared[network] = len(views) == len(set(views))
        if not self._prepared[network]:
            raise ViolationError(_story(way, "two prepared certificates in one view"))
        decided = set()
        for position, local in enumerate(state):
            place = (position, local, network)
            if place not in self._decided:
                self._decided[place] = self._decides(position, local, network)
            decided |= self._decided[place]
        if len(decided) > 1:
            raise ViolationError(_story(way, f"fork: {sorted(decided)}"))

    def _decides(self, position, local, network):
        """The blocks that a replica in this state decides, given the COMMITs that there are."""
        said, _ = self._wires[network]
        role, found = self.stage.correct[position], set()
        for phase, view, name in sorted(said.votes):
            if phase == COMMIT:
                votes = self.votes(said, COMMIT, view, name)
                place = (COMMIT, view, name, tuple(vote.signer for vote in votes))
                if self.cores.decides(role, local, place, votes) is not None:
                    found.add(name)
        return found

    # -- symmetry ----------------------------------------------------------------------------------

    def _find_symmetries(self):
        """Renamings under which the protocol is the same: roles -> roles, and the liar's blocks.

        Replicas that are primary of no view in the scope differ in nothing but their names:
        every rule counts distinct signers. The two blocks of a liar differ in nothing but
        their hashes, and no rule orders hashes.
        """
        stage = self.stage
        idle = [role for role in stage.correct if role > stage.views]
        swaps = (False, True) if stage.liar is not None else (False,)
        return [
            (dict(zip(idle, order, strict=True)), swap)
            for order in itertools.permutations(idle)
            for swap in swaps
        ]

    def canonical(self, state):
        """The least of a state's images."""
        for position, local in enumerate(state):
            if local not in self._images[position]:
                self._images[position][local] = self._image(position, local)
        numbers = [self._images[position][local] for position, local in enumerate(state)]
        return min(
            tuple([numbers[position][symmetry] for position in order])
            for symmetry, order in enumerate(self._orders)
        )

    def _image(self, position, local):
        """The numbers of a local key under each renaming; a number names one key."""
        key = self.cores.locals[self.stage.correct[position]][local].key
        renamed = [self._rename(key, roles, swap=swap) for roles, swap in self._symmetries]
        return [self._keys.setdefault(other, len(self._keys)) for other in renamed]

    def _rename(self, key, roles, *, swap):
        def name(block):
            swapped = block and swap and block[0] == self.stage.liar
            return (block[0], 1 - block[1]) if swapped else block

        def claim(pair):
            return pair and (pair[0], name(pair[1]))

        view, changing, target, prepared, accepted, changes, words, *rest = key
        renamed = sorted(((roles.get(r, r), t, claim(c)) for r, t, c in changes), key=repr)
        said = [
            (kind, v, claim(content) if kind == "change" else name(content))
            for kind, v, content in words
        ]
        places = (claim(prepared), name(accepted), tuple(renamed), tuple(said))
        return (view, changing, target, *places, *rest)


def _deliver(messages):
    return lambda core: [(Received(message_signer(m), m), 0) for m in messages]


def message_signer(message):
    """Who signed it, i.e. whose link brings it."""
    return getattr(message, "view_change", message).signer


def _story(way, end):
    steps = []
    while way is not None:
        way, step = way
        steps.append(f"  replica {step[0]}: {step[1]}")
    return "\n".join([str(end), *reversed(steps)])
