"""One core among scripted peers: a test says who says what, and looks at what the core does.

`Talk` carries out an `Output` as the driver does: records and signed intents go to its disk,
own messages are fed back as stored, everything else is kept for the test to look at. Nobody
else lives here: votes, view changes and blocks of the others are made by the methods below.
"""

from msgspec.structs import replace

from consensus.checks import Facts
from consensus.guard import Guard
from consensus.io import Advanced, Built, Fetched, Now, Output, Ran, Received, Run, Stored, Tick
from consensus.messages import (
    NOTHING_PREPARED,
    Decided,
    Fresh,
    NewView,
    PrePrepare,
    ViewChange,
    ViewChangeProof,
    Vote,
    decode_message,
    encode_message,
)
from consensus.records import OwnRecord, PreparedRecord, encode_record
from consensus.replica import Replica
from consensus.schedule import Schedule
from hansa.block import Block, Header, hash_of_raw
from hansa.certificate import make_certificate
from hansa.encoding import pack
from hansa.hashing import ZERO_HASH, sha256
from hansa.merkle import root_of
from hansa.votes import COMMIT, PREPARE
from tests.unit.consensus.world import (
    CHAIN,
    START_MS,
    genesis,
    remembered,
    signed,
    validator_set,
    verify,
)

T0_MS = 1_000


class Talk:
    """A core, its disk, and the voices of the others."""

    def __init__(self, role="backup", size=4, *, guarded=True):
        """`role`: primary, next (of view 1), third (of view 2), backup or observer."""
        self.validators = validator_set(size)
        self.head, self.certificate = genesis(self.validators), None
        order = self.order()
        places = {"primary": 0, "next": 1, "third": 2, "backup": size - 1}
        self.name = "watcher" if role == "observer" else f"n{order[places[role]]:02}"
        self.guarded = guarded
        self.time, self.wall, self.pending, self.relayed = 0, START_MS, False, False
        self.records, self.guard = [], Guard.new()
        self.said, self.total = [], Output.empty()
        self.core = self.born()

    # -- who is who --------------------------------------------------------------------------

    def order(self):
        """The primaries of the next height's first views."""
        schedule = Schedule(self.validators, 1, genesis(self.validators).hash)
        return [schedule.primary(self.head.height + 1, v) for v in range(self.validators.size)]

    @property
    def me(self):
        """The own signer index."""
        return self.validators.index_of(self.name)

    @property
    def others(self):
        """All signer indices but the own one."""
        return [index for index in range(self.validators.size) if index != self.me]

    @property
    def height(self):
        """The height in question."""
        return self.head.height + 1

    @property
    def state(self):
        """The core's state of the height."""
        return self.core.state

    def primary(self, view):
        """The signer index of a view's primary."""
        return self.core.primary(view)

    # -- the driver's part ---------------------------------------------------------------------

    def born(self):
        """A core over what the disk holds."""
        facts = Facts(CHAIN, self.head, self.certificate, self.validators, self.validators, verify)
        schedule = Schedule(self.validators, self.height, self.head.hash)
        core = Replica(facts, schedule, self.name, T0_MS)
        core.restore(*remembered(self.records, self.guard, self.height))
        return core

    def restart(self):
        """Power fails and comes back: memory is gone, the disk is as it was."""
        self.guard = Guard.decode(self.guard.encode())
        self.core = self.born()
        return self.tick()

    def now(self):
        """What the core is told."""
        return Now(self.time, self.wall, self.pending, self.relayed)

    def feed(self, event):
        """One input and all that follows from it at once; returns the joined output."""
        joined, events = Output.empty(), [event]
        while events:
            out = self.core.step(events.pop(0), self.now())
            for record in out.persist:
                self.records.append(encode_record(record))
                if isinstance(record, PreparedRecord):
                    self.guard.keep(record.certificate)
            for intent in out.intents:
                message = self.sign(intent)
                if message is not None:
                    self.said.append(message)
                    events.append(Stored(message))
            join(joined, out)
        join(self.total, joined)
        return joined

    def sign(self, intent):
        """Guard, sign, append to the disk."""
        inner = getattr(intent, "view_change", intent)
        if self.guarded and not self.guard.permit(intent, inner.statement(CHAIN)):
            return None
        message = signed(intent, self.validators)
        if not isinstance(message, Fresh):
            self.records.append(encode_record(OwnRecord(message)))
        return message

    def tick(self, after=0):
        """Let time pass."""
        self.time += after
        self.wall += after
        return self.feed(Tick())

    def hear(self, message, peer=None):
        """A message arrives, through the codec, from its signer or from `peer`."""
        inner = getattr(message, "view_change", message)
        source = inner.signer if peer is None else peer
        return self.feed(Received(source, decode_message(encode_message(message))))

    # -- what others say -----------------------------------------------------------------------

    def block(self, texts=("tx",), view=0, **fields):
        """A valid fresh block of a view's primary, unless `fields` of the header say otherwise."""
        raws = tuple(text.encode() for text in texts)
        certificate = self.certificate
        header = Header(
            version=1, chain_id=CHAIN, suite=1, epoch=self.head.epoch, height=self.height,
            time=max(self.head.time + 1, self.wall), parent=self.head.hash,
            primary=self.validators.validators[self.primary(view)].name,
            txs_root=root_of([hash_of_raw(raw) for raw in raws]),
            state_root=sha256(self.head.state_root + b"".join(raws)), log_root=ZERO_HASH,
            log_size=0, validators_hash=self.validators.hash,
            next_validators_hash=self.validators.hash,
            last_certificate=ZERO_HASH if certificate is None else certificate.hash,
            last_view=0 if certificate is None else certificate.view, parameters_version=0,
        )  # fmt: skip
        return Block(replace(header, **fields), raws, certificate)

    def pre_prepare(self, block, signer=None, **fields):
        """The primary of view 0 offers a block."""
        maker = self.primary(0) if signer is None else signer
        message = PrePrepare(self.head.epoch, block.proposal(), maker)
        return signed(replace(message, **fields), self.validators)

    def vote(self, phase, block, signer, view=0, **fields):
        """A vote for a block."""
        message = Vote(phase, self.head.epoch, self.height, view, block.header.hash, signer)
        return signed(replace(message, **fields), self.validators)

    def prepared(self, block, view=0, signers=None, phase=PREPARE):
        """A certificate for a block."""
        chosen = range(self.validators.quorum) if signers is None else signers
        votes = {i: self.vote(phase, block, i, view).signature for i in chosen}
        return make_certificate(
            phase, self.head.epoch, self.height, view, block.header.hash, votes, self.validators
        )

    def decided(self, block, view=0):
        """A commit certificate as a message."""
        return Decided(self.prepared(block, view, phase=COMMIT))

    def change(self, signer, target, block=None, view=0, certificate=None, **fields):
        """A view change, claiming a block prepared in a view or nothing."""
        claim = (NOTHING_PREPARED, ZERO_HASH) if block is None else (view, block.header.hash)
        if block is not None and certificate is None:
            certificate = self.prepared(block, view)
        change = ViewChange(self.head.epoch, self.height, target, *claim, signer)
        change = replace(change, **fields)
        return ViewChangeProof(signed(change, self.validators), certificate)

    def new_view(self, view, proofs, block, *, fresh=False, **fields):
        """A primary's new view."""
        best = max(proofs, key=lambda proof: proof.view_change.prepared_view)
        message = NewView(
            self.head.epoch, self.height, view, tuple(proof.view_change for proof in proofs),
            None if fresh else best.certificate, block.header.hash,
            block.proposal() if fresh else None, self.primary(view),
        )  # fmt: skip
        return signed(replace(message, **fields), self.validators)

    def ran(self, block, *, equal=True, culprit=None):
        """The ledger thread answers Run."""
        body = pack(block) if equal or culprit is not None else b""
        return self.feed(Ran(block.header.height, block.header.hash, equal, body, culprit))

    def built(self, block, view=0):
        """The ledger thread answers Build."""
        return self.feed(Built(self.height, view, block.proposal(), pack(block)))

    def fetched(self, block):
        """A body arrives that was asked for."""
        return self.feed(Fetched(block.proposal(), pack(block)))

    def committed(self, block, view=0, schedule=None):
        """The block is durable: the next height begins."""
        certificate = self.prepared(block, view, phase=COMMIT)
        self.head, self.certificate = block.header, certificate
        self.records.clear()
        event = Advanced(block.header, certificate, self.validators, self.validators, schedule)
        return self.feed(event)

    # -- scenes that many tests begin with ---------------------------------------------------

    def proposed(self, block):
        """A backup has executed a fresh block of view 0 and prepared it."""
        self.hear(self.pre_prepare(block))
        return self.ran(block)

    def votes(self, phase, block, view=0, signers=None):
        """Others vote; returns the joined output."""
        joined = Output.empty()
        for signer in self.others if signers is None else signers:
            join(joined, self.hear(self.vote(phase, block, signer, view)))
        return joined

    def changes(self, target, signers=None, **claim):
        """Others want another view."""
        chosen = self.others if signers is None else signers
        return [self.change(signer, target, **claim) for signer in chosen]

    def of(self, kind, **fields):
        """What was said of a kind, with these fields."""
        return [
            message
            for message in self.said
            if isinstance(message, kind)
            and all(
                getattr(getattr(message, "view_change", message), name) == value
                for name, value in fields.items()
            )
        ]


def join(total, out):
    """Add an output to another."""
    for name in (
        "persist",
        "intents",
        "send",
        "execute",
        "commit",
        "evidence",
        "behind",
        "offences",
    ):
        getattr(total, name).extend(getattr(out, name))
    total.diverged = total.diverged or out.diverged
    total.wake_at = out.wake_at


def asked(out, kind=Run):
    """What an output wants executed."""
    return [work for work in out.execute if isinstance(work, kind)]


def sent(out, kind):
    """(peer, message) of a kind in an output."""
    return [(peer, message) for peer, message in out.send if isinstance(message, kind)]
