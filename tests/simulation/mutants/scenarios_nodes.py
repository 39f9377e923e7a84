"""Whole nodes, made as the daemon makes them: what disks, stores and peers may do to them.

Each function states a promise, holds on the code as it is, and fails where the promise is broken.
"""

import copy

from consensus.messages import (
    Fresh,
    NewView,
    PrePrepare,
    Signed,
    ViewChangeProof,
    Vote,
    decode_message,
)
from consensus.records import BodyRecord, OwnRecord, PreparedRecord, decode_record, message_height
from hansa.block import Block
from hansa.encoding import unpack
from hansa.signing import verify
from hansa.votes import COMMIT, PREPARE
from ledger.execution import Ledger
from node.events import PeerMessage
from node.sync_messages import Status, encode_sync
from p2p.frames import BULK, CONSENSUS
from storage.memory_files import MemoryFiles
from storage.wal import SALT_BYTES, Wal
from tests.simulation.world import Simulation


def own_words(host, effects):
    """What a host says in its own name in these effects, but for attestations of its head."""
    for send in effects.sends:
        message = decode_message(send.message) if send.kind == CONSENSUS else None
        if isinstance(message, Signed) and not isinstance(message, Fresh):
            inner = getattr(message, "view_change", message)
            if inner.signer == host.index:
                yield message


def on_disk(host):
    """The records of a host's vote log that a power cut at this moment would leave."""
    files = copy.deepcopy(host.files)
    files.crash("lost", lambda _: 0)
    _, batches, _ = Wal.open(files, "votes", salt=bytes(SALT_BYTES))
    return [decode_record(record) for batch in batches for record in batch]


class Inspected(Simulation):
    """Whenever a host speaks, its disk is looked at: as if its power were cut just then."""

    inspected = 0

    def carry_out(self, host, effects):
        """7.2: durable before it is said."""
        said = list(own_words(host, effects))
        if said:
            records = on_disk(host)
            for message in said:
                self.inspected += 1
                assert OwnRecord(message) in records, f"{host.name} said what is not on its disk"
                self.inspect_cause(host, message, records)
        super().carry_out(host, effects)

    @staticmethod
    def inspect_cause(host, message, records):
        """What a message rests on is there too: a PREPARE's block, a COMMIT's certificate."""
        if isinstance(message, Vote) and message.phase == PREPARE:
            bodies = [unpack(Block, r.block) for r in records if isinstance(r, BodyRecord)]
            held = message.block_hash in {body.header.hash for body in bodies}
            assert held, f"{host.name} sent PREPARE for a block that is not on its disk"
        if isinstance(message, Vote) and message.phase == COMMIT:
            rests = [r.certificate for r in records if isinstance(r, PreparedRecord)]
            wanted = (message.view, message.block_hash)
            held = wanted in {(one.view, one.block_hash) for one in rests}
            assert held, f"{host.name} sent COMMIT without its certificate on its disk"


def what_is_heard_is_on_the_disk_of_who_said_it():
    """7.2, in view 0 and through a view change: every own word is inspected as it goes out."""
    sim = Inspected(1)
    sim.submit(0, 1)
    assert sim.run(5_000, sim.settled)
    dead = sim.hosts[sim.hosts[0].node.driver.replica.primary(0)]
    dead.life, dead.node = dead.life + 1, None
    sim.submit((dead.index + 1) % 4, 2)
    living = [host for host in sim.hosts if host is not dead]

    done = sim.run(20_000, lambda: all(h.node.worker.ledger.head.height == 2 for h in living))

    assert done, f"not live: heights {sim.heights()}"
    said = {kind for host in living for kind in kinds_on_disk(host)}
    assert said == {PrePrepare, Vote, ViewChangeProof, NewView}
    assert sim.inspected >= 4 + 4 + 3 + 3


def kinds_on_disk(host):
    """Which kinds of own messages a host's vote log holds."""
    return [type(one.message) for one in on_disk(host) if isinstance(one, OwnRecord)]


def what_was_acknowledged_survives_a_power_cut_of_all():
    """7.2: when a commit is told, the block is in the store, and stays there without power."""
    sim = Simulation(2)
    for number in range(3):
        sim.at(number * 700, lambda n=number: sim.submit(n, n))
    assert sim.run(10_000, lambda: len(sim.acked) == 3 and sim.settled())
    heights = sim.heights()

    for host in sim.hosts:
        host.store.crash()

    after = [Ledger.open(host.store, verify).head.height for host in sim.hosts]
    assert after == heights


class Overheard(Simulation):
    """Remembers what one host says in its own name."""

    listened = None

    def carry_out(self, host, effects):
        """Listen, then go on."""
        if self.listened is not None and host.index == self.listened[0]:
            self.listened[1].extend(own_words(host, effects))
        super().carry_out(host, effects)


def who_lost_its_memory_abstains_for_two_heights():
    """8.4: without a signer guard nobody knows what was signed; two heights later all is new."""
    sim = Overheard(3)
    sim.submit(0, 0)
    assert sim.run(5_000, sim.settled)
    victim = sim.hosts[3]
    head = victim.node.worker.ledger.head.height
    sim.kill(victim, "lost")
    victim.files = MemoryFiles()
    sim.listened = (victim.index, [])
    for number in range(1, 13):
        sim.at(sim.time + 4_500 + number * 400, lambda n=number: sim.submit(n % 3, n))

    assert sim.run(60_000, lambda: len(sim.acked) == 13 and sim.settled())

    heights = [message_height(message) for message in sim.listened[1]]
    assert min(heights, default=head + 3) > head + 2, f"voted at {min(heights)}, head {head}"
    assert heights, "it never votes again"


class Beside(Simulation):
    """A liar among four: it says a height that nobody has, and nothing else."""

    liar = 3

    def carry_out(self, host, effects):
        """Its own words are lost."""
        if host.index == self.liar:
            effects.sends = []
        super().carry_out(host, effects)

    def lie(self):
        """Tell all others the same, again and again."""
        claim = encode_sync(Status(1_000_000, bytes(32)))
        for host in self.hosts:
            if host.index != self.liar:
                host.node.driver.feed(PeerMessage(self.hosts[self.liar].name, BULK, claim))
                self.turn(host)
        self.at(self.time + 50, self.lie)


def one_liar_about_its_height_stops_nobody():
    """sync.md: nobody's claim alone is a target; all is committed in time beside the liar."""
    sim = Beside(4)
    sim.at(1, sim.lie)
    for number in range(5):
        sim.at(200 + number * 700, lambda n=number: sim.submit(n % 3, n))
    correct = sim.hosts[:3]

    def done():
        ledgers = [host.node.worker.ledger for host in correct]
        return len(sim.acked) == 5 and all(one.location(tx) for one in ledgers for tx in sim.acked)

    assert sim.run(15_000, done), f"heights {sim.heights()} at {sim.time} ms"
