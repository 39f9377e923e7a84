"""Clients of the simulated world: whoever has a transaction gives it again until it is taken.

The promise: the bytes of a transaction follow from the seed and its number alone, so giving
them again, at another node too, is the same intent; what a run asks for does not depend on
which node was down when it was asked.
"""

import random

from consensus.messages import Fresh, NewView, PrePrepare, ViewChangeProof, Vote, decode_message
from hansa.client.transactions import make
from hansa.hashing import sha256
from hansa.transaction import Call
from p2p.frames import CONSENSUS
from tests.simulation.world import CHAIN, START_MS, SimKey, Simulation

EXPIRY_MS = 3_600_000
"""Transactions of these clients live longer than any run: none may be lost by expiry."""
LOOK_MS, LOOK_LATE_MS = 50, 500
"""A client looks so often whether its transaction is in a block, and when it waits long."""
AGAIN_MS = 1_000
"""It gives it again, at the next node, when this has passed without an acknowledgement."""


def document(number):
    """The call that registers a document of this number."""
    args = {
        "id": f"paper-{number}",
        "digest": sha256(b"paper%d" % number),
        "alg": "sha-256",
        "size": 1,
        "media_type": "text/plain",
        "kind": "file",
    }
    return Call.of("doc", "register", args)


class Market(Simulation):
    """A simulation with clients, and nodes that can be taken away and brought back."""

    def __init__(self, seed, size=4, t0_ms=1_000):
        self.away = set()
        self.names = random.Random(f"clients {seed}")
        self.given = 0
        self.closed = False
        self.commits = []
        super().__init__(seed, size, t0_ms)

    # -- transactions ----------------------------------------------------------------------

    def sign(self, call, clerk=0):
        """A transaction of a member's clerk; its bytes follow from the seed and its number."""
        self.given += 1
        nonce = self.names.randbytes(16)
        expires_at = START_MS + self.time + EXPIRY_MS
        key = SimKey(f"clerk{clerk}")
        return make(CHAIN, key, [call], expires_at=expires_at, nonce=nonce)

    def located(self, tx_id):
        """Whether some node that runs has it in a block."""
        return any(h.node is not None and h.node.worker.ledger.location(tx_id) for h in self.hosts)

    def give(self, signed, place=0, then=lambda: None):
        """Give it to the node at `place`, to the next ones if need be; `then` when it is in."""

        def look(attempt, asked_at):
            if self.located(signed.tx_id):
                then()
                return
            if signed.tx_id not in self.acked and self.time >= asked_at + AGAIN_MS:
                host = self.hosts[(place + attempt) % self.size]
                attempt, asked_at = attempt + 1, self.time
                self.at(self.time + LOOK_MS, lambda: look(attempt, asked_at))
                if host.node is not None:
                    self.post(host, signed, 0)
                return
            wait = LOOK_MS if self.time < begun + AGAIN_MS else LOOK_LATE_MS
            self.at(self.time + wait, lambda: look(attempt, asked_at))

        begun = self.time
        self.at(begun, lambda: look(0, begun - AGAIN_MS))

    def keep_busy(self, outstanding=2, place=None):
        """From now on there is always something to decide: a block in, the next one given."""

        def one():
            if self.closed:
                return
            number = self.given
            chosen = number % self.size if place is None else place
            self.give(self.sign(document(number), chosen), chosen, one)

        for _ in range(outstanding):
            self.at(self.time, one)

    def stop_clients(self):
        """What was given is given again until it is in; nothing new follows."""
        self.closed = True

    # -- nodes that are away -----------------------------------------------------------------

    def boot(self, index):
        """Start a host, unless it is to stay away."""
        if index not in self.away:
            super().boot(index)

    def take_away(self, index, keep="kept"):
        """End a process, and start it no more until `bring_back`."""
        self.away.add(index)
        if self.hosts[index].node is not None:
            self.kill(self.hosts[index], keep)

    def bring_back(self, index):
        """Start it now."""
        self.away.discard(index)
        self.boot(index)

    # -- what is seen ------------------------------------------------------------------------

    def check_commit(self, host, committed):
        """Remember when, where and in which view a height was committed."""
        super().check_commit(host, committed)
        view = committed.certificate.view
        self.commits.append((self.time, host.index, committed.header.height, view))

    @property
    def top(self):
        """The height of the highest head."""
        return max((height for _, _, height, _ in self.commits), default=0)

    def primary(self):
        """Who is primary of view 0 at the height that is being decided, as the highest says."""
        best = max(
            (host.node.driver.replica for host in self.hosts if host.node is not None),
            key=lambda replica: replica.height,
        )
        return best.primary(0)

    def check_equal_prefix(self):
        """Every node that runs has the same blocks, as far as it has come."""
        ledgers = [host.node.worker.ledger for host in self.hosts if host.node is not None]
        low = min(ledger.head.height for ledger in ledgers)
        for height in range(low + 1):
            blocks = {ledger.header(height).hash for ledger in ledgers}
            assert len(blocks) == 1, f"fork at height {height}"

    def check_equal(self):
        """Every node that runs has the same blocks and roots, and all that was acknowledged."""
        self.check_equal_prefix()
        for ledger in [host.node.worker.ledger for host in self.hosts if host.node is not None]:
            lost = [tx_id for tx_id in self.acked if not ledger.location(tx_id)]
            assert not lost, f"{len(lost)} acknowledged transactions lost"


class Heard(Market):
    """Remembers what each node said with its own signature, and lets a node end itself."""

    def __init__(self, seed, size=4):
        self.said = []
        self.ended = []
        super().__init__(seed, size)

    def send(self, source, target, kind, message):
        """Note own words once: by time, host and message."""
        if kind == CONSENSUS:
            decoded = decode_message(message)
            inner = getattr(decoded, "view_change", decoded)
            if isinstance(decoded, Vote | PrePrepare | NewView | ViewChangeProof | Fresh):
                validators = source.node.driver.replica.facts.validators.validators
                if validators[inner.signer].name == source.name:
                    self.said.append((self.time, source.index, decoded))
        super().send(source, target, kind, message)

    def words(self, index, since, *kinds):
        """What a node said of its own since a time."""
        kinds = kinds or (Vote, PrePrepare, NewView, ViewChangeProof, Fresh)
        return [m for at, who, m in self.said if who == index and at > since and type(m) in kinds]

    def new_words(self, index, since):
        """What it said since a time and never before."""
        old = {message for at, who, message in self.said if who == index and at <= since}
        return [message for message in self.words(index, since) if message not in old]

    def stopped(self, host, error):
        """A process ended itself."""
        self.ended.append((host.index, error))
        self.kill(host, "lost")

    def ledger(self, index):
        """The ledger of a node."""
        return self.hosts[index].node.worker.ledger

    def until(self, condition, within=30_000):
        """Let time pass until something holds.

        Raises:
            AssertionError: it does not come to hold.
        """
        assert self.run(self.time + within, condition), f"heights {self.heights()}"

    def busy(self, until_height):
        """A chain under load, up to a height."""
        self.keep_busy()
        self.until(lambda: self.top >= until_height)
        return self

    def follows(self, index):
        """A node has come to the highest head."""
        node = self.hosts[index].node
        return node is not None and node.worker.ledger.head.height >= self.top
