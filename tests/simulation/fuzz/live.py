"""Fuzzing that knows the state: live messages of a running cluster, changed by small scope.

One node of four runs the product and what it says is changed on its way: a field is one more or
one less, a hash is another that was heard of, a phase or a signer is another, a signer is missing
in a certificate, an old message comes again. It signs its lies with its own key, or leaves the
signature that does not fit any more.

The promise: the others stay safe, blame nobody but the liar, and execute whatever they promised.
"""

from msgspec import Struct
from msgspec.structs import replace

from consensus.accuse import evidence_of
from consensus.messages import Signed, ViewChange, ViewChangeProof, decode_message, encode_message
from hansa.block import Header, Proposal
from hansa.certificate import Certificate, bitmap_of
from hansa.encoding import INT_MAX
from hansa.errors import Rejected
from hansa.evidence import check_evidence
from node.gossip_messages import decode_gossip, encode_gossip
from node.sync_messages import decode_sync, encode_sync
from p2p.frames import BULK, CONSENSUS, TRANSACTIONS
from tests.simulation.fuzz.mutate import mutate
from tests.simulation.world import CHAIN, SimKey, Simulation, verify

CALM_MS = 20_000
END_MS = 150_000
PAST_MAX = 60
CODECS = {
    CONSENSUS: (decode_message, encode_message),
    TRANSACTIONS: (decode_gossip, encode_gossip),
    BULK: (decode_sync, encode_sync),
}
NUMBERS = (0, 1, 2, 3, 50, 10**6, 2**31 - 1, 2**31, INT_MAX)


class Liar(Simulation):
    """A simulated world in which what one node says is changed for each target by itself.

    Attributes:
        liar: its index.
        told: how many changed messages arrived at a correct node.
    """

    def __init__(self, seed, size, liar, zeal):
        self.liar, self.zeal, self.told = liar, zeal, 0
        self.past, self.hashes, self.certificates = [], [bytes(32)], []
        super().__init__(seed, size)
        self.own_key = SimKey(f"vote{liar}")

    # -- the way of words --------------------------------------------------------------------

    def overhear(self, send):
        """What correct nodes say in their own name counts; the liar learns from all of it."""
        self.digest.update(send.message)
        if send.kind != CONSENSUS:
            return
        message = decode_message(send.message)
        self.learn(message)
        inner = getattr(message, "view_change", message)
        speaker = self.running.index
        if isinstance(inner, Signed | ViewChange) and inner.signer == speaker != self.liar:
            self.witness.hear(message)

    def learn(self, message):
        """Hashes and certificates that lies are made of."""
        for name in ("block_hash", "prepared_hash"):
            found = getattr(getattr(message, "view_change", message), name, None)
            if found is not None and found not in self.hashes:
                self.hashes = [*self.hashes[-PAST_MAX:], found]
        found = getattr(message, "certificate", None)
        if found is not None and found not in self.certificates:
            self.certificates = [*self.certificates[-PAST_MAX:], found]

    def send(self, source, target, kind, message):
        """Through the link; the liar's messages are changed first."""
        if source.index != self.liar:
            self.past = [*self.past[-PAST_MAX:], (kind, message)]
            super().send(source, target, kind, message)
            return
        words = [(kind, message)]
        if self.chance.random() < self.zeal:
            words = self.changed(kind, message)
        for one_kind, word in words:
            if word != message and target.node is not None:
                self.told += 1
            self.digest.update(word)
            super().send(source, target, one_kind, word)

    def changed(self, kind, message):
        """What arrives in a message's place: (kind, bytes) pairs."""
        self.past = [*self.past[-PAST_MAX:], (kind, message)]
        how = self.chance.random()
        if how < 0.1:
            return [(kind, mutate(message, (message,), self.chance))]
        if how < 0.2:
            return [(kind, message), self.chance.choice(self.past)]
        if how < 0.25:
            return []
        decode, encode = CODECS[kind]
        try:
            struct = decode(message)
        except Rejected:  # bodies travel beside sync, in a form of their own
            return [(kind, mutate(message, (message,), self.chance))]
        for _ in range(self.chance.choice((1, 1, 2))):
            struct = self.bent(struct)
        if self.chance.random() < 0.85:
            struct = self.signed(struct)
        lie = encode(struct)
        return [(kind, lie)] if self.chance.random() < 0.6 else [(kind, message), (kind, lie)]

    def signed(self, message):
        """With a signature of the liar's that fits, where it has a place for one."""
        inner = getattr(message, "view_change", message)
        if not hasattr(inner, "signature") or not hasattr(inner, "statement"):
            return message
        fits = replace(inner, signature=self.own_key.sign(inner.statement(CHAIN)))
        return fits if inner is message else replace(message, view_change=fits)

    # -- small changes -----------------------------------------------------------------------

    def bent(self, value):
        """The same struct but for one field, at any depth."""
        if isinstance(value, Certificate) and self.chance.random() < 0.5:
            return self.bent_certificate(value)
        names = [name for name in value.__struct_fields__ if name not in {"version", "suite"}]
        name = self.chance.choice(names)
        if name == "signature" and len(names) > 1:
            name = names[0]
        return replace(value, **{name: self.bent_field(name, getattr(value, name))})

    def bent_field(self, name, value):  # noqa: PLR0911 - one for each type
        """Another value of the same type, as near as it goes."""
        match value:
            case ViewChange() | ViewChangeProof() | Proposal() | Header() | Certificate():
                return self.bent(value)
            case bool() | None:
                known = self.certificates if name == "certificate" else []
                return self.chance.choice([value, *known])
            case int():
                return self.bent_number(name, value)
            case bytes() if len(value) == 32:
                return self.chance.choice(self.hashes)
            case bytes():
                return mutate(value, (value,), self.chance)[: len(value) + 4] or b"\0"
            case str():
                return self.chance.choice([host.name for host in self.hosts])
            case tuple():
                return self.bent_tuple(value)
        assert isinstance(value, Struct), f"{name}: {type(value).__name__}"
        return self.bent(value)

    def bent_number(self, name, value):
        """One more, one less, another phase or signer, or far away."""
        if name == "phase":
            return 5 - value
        if name == "signer":
            return self.chance.randrange(self.size + 1)
        low = -1 if name == "prepared_view" else 0
        near = max(low, value + self.chance.choice((-1, 1, -1, 1, 2, 4)))
        far = self.chance.choice(NUMBERS)
        limit = 2**31 - 1 if name in {"view", "target", "prepared_view"} else INT_MAX
        chosen = near if self.chance.random() < 0.8 else far
        return min(chosen, limit, 16) if name == "count" else min(chosen, limit)

    def bent_tuple(self, value):
        """One part less, twice, elsewhere, or another."""
        if not value:
            return value
        place = self.chance.randrange(len(value))
        match self.chance.randrange(4):
            case 0:
                return value[:place] + value[place + 1 :]
            case 1:
                return (*value[:place], value[0], *value[place + 1 :])
            case 2:
                return value[::-1]
            case _:
                part = value[place]
                bent = self.bent(part) if isinstance(part, Struct) else self.bent_field("", part)
                return (*value[:place], bent, *value[place + 1 :])

    def bent_certificate(self, certificate):
        """A signer is missing, stands twice, or is said to be another."""
        size, signatures = self.size, certificate.signatures or (bytes(64),)
        signers = [signer for signer in certificate.signers() if signer < size]
        match self.chance.randrange(4):
            case 0:
                return replace(
                    certificate, bitmap=bitmap_of(signers[1:], size), signatures=signatures[1:]
                )
            case 1:
                return replace(certificate, signatures=(signatures[-1], *signatures[1:]))
            case 2:
                others = [index for index in range(size) if index not in signers] or [0]
                named = sorted({*signers[1:], others[0]})
                return replace(certificate, bitmap=bitmap_of(named, size))
            case _:
                view = max(0, certificate.view + self.chance.choice((-1, 1)))
                return replace(certificate, view=view)

    # -- checkers ----------------------------------------------------------------------------

    def carry_out(self, host, effects):
        """The liar's own judgement counts for nothing; correct nodes blame nobody else."""
        if host.index == self.liar:
            effects.evidence, effects.answers, effects.diverged = [], [], False
        else:
            name = self.hosts[self.liar].name
            for peer, reason in effects.penalise:
                assert peer == name, f"{host.name} blames the correct {peer}: {reason}"
        super().carry_out(host, effects)

    def on_evidence(self, host, evidence):
        """Evidence names the liar and convinces others."""
        for seen in evidence:
            assert seen.signer == self.liar, f"{host.name} accuses the correct {seen.signer}"
            data = evidence_of(seen)
            validators = host.node.driver.replica.facts.validators
            if data is not None:
                found = check_evidence(data, CHAIN, validators, verify)
                assert found.name == self.hosts[self.liar].name

    def check_commit(self, host, committed):
        """What the liar commits is its own affair."""
        if host.index != self.liar:
            super().check_commit(host, committed)

    def settled(self):
        """Whether every promise of a correct node is kept by all of them."""
        correct = [host for host in self.hosts if host.index != self.liar]
        return all(
            host.node is not None
            and all(host.node.worker.ledger.location(tx_id) for tx_id in self.acked)
            for host in correct
        )


class Live:
    """The target: a cluster's life in which one node's messages are changed."""

    def __init__(self, world=Liar):
        self._world = world

    def one(self, chance):
        """One execution; whether a changed message arrived anywhere.

        Raises:
            AssertionError: a promise is broken.
        """
        size = chance.choice((4, 4, 4, 5))
        zeal = chance.choice((0.05, 0.2, 0.5, 1.0))
        sim = self._world(chance.randrange(2**62), size, chance.randrange(size), zeal)
        sim.loss = chance.choice((0, 0, 0.05))
        sim.crash = chance.choice((0, 0, 0.003))
        for number in range(8):
            place = chance.randrange(size)
            sim.at(chance.randrange(CALM_MS), lambda p=place, n=number: sim.submit(p, n))

        def calm():
            sim.loss = sim.crash = 0.0

        sim.at(CALM_MS, calm)
        sim.run(CALM_MS + 5_000)
        assert sim.run(END_MS, sim.settled), f"not live, heights {sim.heights()}"
        return sim.told > 0
