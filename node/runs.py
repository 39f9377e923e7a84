"""Proposals on their way to the ledger thread: gathered, executed, or fetched whole.

What it promises: a proposal is handed over once, with all of its transactions, whatever brought
them; a body is fetched only where nothing else brings it. No I/O, no clock.
"""

from consensus.io import Fetch, Fetched, Ran, Run
from consensus.replica import Replica
from hansa.block import Block
from node.body_exchange import BodyExchange
from node.events import ChainReader
from node.gossip import Gossip
from node.jobs import RunJob
from node.mempool import Mempool
from node.outbound import Send


class Runs:
    """The runs of the undecided height.

    Attributes:
        waiting: what the core wants executed and transactions are missing of, by block hash.
        bodies: whole blocks that came from peers or from the vote log.
    """

    __slots__ = ("_chain", "_executing", "_gossip", "_mempool", "_replica", "bodies", "waiting")

    def __init__(
        self, replica: Replica, mempool: Mempool, gossip: Gossip, chain: ChainReader
    ) -> None:
        """Stand between these parts of one node."""
        self._replica = replica
        self._mempool = mempool
        self._gossip = gossip
        self._chain = chain
        self._executing: dict[bytes, None] = {}
        self.waiting: dict[bytes, Run] = {}
        self.bodies = BodyExchange(self._body_of)

    def want(self, work: Run, mono_ms: int) -> tuple[list[Send], RunJob | Ran | None]:
        """The core wants a proposal executed: requests for what is missing, and what follows."""
        proposal = work.proposal
        header, block_hash = proposal.header, proposal.header.hash
        self.waiting[block_hash] = work
        if self.bodies.transactions(block_hash) is not None:
            return [], self.start(block_hash)
        validators = self._replica.facts.validators.validators
        primary = validators[work.primary].name
        others = [v.name for v in validators if v.name not in (primary, self._replica.name)]
        missing, sends = self._gossip.gather(
            block_hash, header.height, proposal.tx_hashes, [primary, *others], mono_ms
        )
        broken = self._mempool.bodies.broken(block_hash)
        if broken is not None:
            return sends, self.spoil(block_hash, broken)
        return sends, None if missing else self.start(block_hash)

    def start(self, block_hash: bytes) -> RunJob | None:
        """The job of a proposal of which everything is here now."""
        work = self.waiting.get(block_hash)
        if work is None:
            return None
        transactions = self.bodies.transactions(block_hash)
        if transactions is None:
            transactions = self._mempool.resolve(block_hash)
        if transactions is None:
            return None
        del self.waiting[block_hash]
        self._executing[block_hash] = None
        return RunJob(work.proposal, transactions)

    def spoil(self, block_hash: bytes, culprit: bytes) -> Ran | None:
        """A transaction makes a waiting proposal invalid: the answer to its run."""
        if self.waiting.pop(block_hash, None) is None:
            return None
        return Ran(self._replica.height, block_hash, equal=False, culprit=culprit)

    def ran(self, block_hash: bytes) -> None:
        """The ledger thread has answered."""
        self._executing.pop(block_hash, None)

    def fetch(self, work: Fetch) -> list[Send]:
        """Ask holders for a body that a certificate names.

        Not for one that the ledger thread is executing: its answer brings the body.
        """
        if work.block_hash in self._executing:
            return []
        validators = self._replica.facts.validators.validators
        holders = [validators[holder].name for holder in work.holders]
        return self.bodies.ask(work.height, work.block_hash, holders)

    def receive(self, peer: str, payload: bytes, mono_ms: int) -> tuple[list[Send], Fetched | None]:
        """A message about bodies: see `BodyExchange.receive`.

        Raises:
            Rejected: ``message.*``, ``block.*`` or ``encoding.*``.
        """
        return self.bodies.receive(peer, payload, mono_ms)

    def hold(self, block: Block) -> None:
        """Keep a block that the vote log holds."""
        self.bodies.hold(block)

    def clear(self) -> None:
        """The height is decided."""
        self.waiting.clear()
        self._executing.clear()
        self.bodies.clear()

    def _body_of(self, height: int, block_hash: bytes) -> bytes | None:
        if height == self._replica.height:
            return self._replica.body(block_hash)
        return self._chain.block_bytes(height)
