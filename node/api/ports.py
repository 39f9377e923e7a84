"""What the API asks of the node; the API owns this interface, `node/app.py` keeps it.

Nothing here knows HTTP. Everything refuses by raising a `hansa.errors.HansaError`, whose code
the API turns into a status. Methods that may touch the store are asynchronous; the others answer
from memory at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from hansa.block import Block, Header
from hansa.certificate import Certificate
from hansa.client.promise import PromiseEntry, SignedPromise
from hansa.client.types import Check, Consensus, Direction, Fate, Json, Peer, QueryReply, Status
from hansa.errors import HansaError
from hansa.membership import ValidatorSet
from hansa.receipt import Receipt


@dataclass(frozen=True, slots=True)
class Known:
    """The same intent came to its end before: nothing was taken, its fate stands.

    Attributes:
        tx_id: of the intent.
        tx_hash: of the bytes that were submitted now.
        fate: what became of it.
    """

    tx_id: bytes
    tx_hash: bytes
    fate: Fate


Result: TypeAlias = PromiseEntry | Known | HansaError
"""What became of one submitted transaction: taken, over already, or the reason why not."""


@dataclass(frozen=True, slots=True)
class Admission:
    """The answer to a batch.

    Attributes:
        results: one for each transaction of the batch, in its order. A transaction that is
            pending already counts as taken again.
        promise: over the taken ones, in order; None when none was taken.
    """

    results: tuple[Result, ...]
    promise: SignedPromise | None


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """A committed block and what belongs to it.

    Attributes:
        block: header, signed transactions, the parent's certificate.
        certificate: its own commit certificate; None at height 0 and outside the kept window.
        validators: the set that signed it.
        receipts: one for each transaction, in order.
    """

    block: Block
    certificate: Certificate | None
    validators: ValidatorSet
    receipts: tuple[Receipt, ...]


@dataclass(frozen=True, slots=True)
class StateAt:
    """The value under a key at the head.

    Attributes:
        height: of the head.
        value: canonical MessagePack, or None when the key is not there.
    """

    height: int
    value: bytes | None


class NodePort(Protocol):
    """The node as the API sees it."""

    @property
    def chain_id(self) -> str:
        """The chain's name."""
        ...

    @property
    def node(self) -> str:
        """The node's own name."""
        ...

    @property
    def height(self) -> int:
        """The height of the head."""
        ...

    async def submit(self, raws: Sequence[bytes]) -> Admission:
        """Decode, verify and journal signed transactions; return when that is durable.

        Refusals of single transactions stand in the results. Raises only what concerns the
        whole batch (``Unavailable``: the node is stopping or its disk is full).
        """
        ...

    async def fates(self, tx_ids: Sequence[bytes]) -> list[Fate]:
        """What became of transactions; ``unknown`` for those never heard of."""
        ...

    async def wait(self, tx_ids: Sequence[bytes], timeout_s: float) -> list[Fate]:
        """The same, as soon as none is pending or `timeout_s` has passed. Never raises on time."""
        ...

    async def receipt(self, tx_id: bytes) -> Receipt | None:
        """The receipt that a transaction left in a block."""
        ...

    async def transaction(self, tx_id: bytes) -> bytes | None:
        """The bytes of a signed transaction, pending or committed."""
        ...

    async def header(self, height: int) -> Header | None:
        """The header at a height, genesis at 0."""
        ...

    async def block(self, height: int) -> StoredBlock | None:
        """The block at a height."""
        ...

    async def reached(self, height: int, timeout_s: float) -> int:
        """Wait until the head is at `height` or above, or `timeout_s` passed; then its height."""
        ...

    async def state(self, key: bytes) -> StateAt:
        """The value under a state key at the head."""
        ...

    async def scan(self, prefix: bytes, after: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """At most `limit` keys with `prefix` that stand after `after`, in order, with values."""
        ...

    async def trace(
        self, identifier: str, direction: Direction, depth: int
    ) -> Mapping[str, "Json"]:
        """Events up and down from an identifier (``events``, ...).

        Raises:
            Rejected: ``trace.not-found``, ``trace.identifier``.
        """
        ...

    async def query(self, contract: str, name: str, arguments: bytes) -> QueryReply:
        """What a contract answers to a question about the head; `arguments` is JSON.

        Raises:
            Rejected: with the code of a contract's refusal.
        """
        ...

    async def proof_tx(self, tx_id: bytes) -> bytes:
        """The proof file of a transaction.

        Raises:
            Rejected: ``tx.not-found``.
            Unavailable: ``proof.pruned`` or ``tx.pending``.
        """
        ...

    async def proof_state(self, key: bytes) -> bytes:
        """The proof file of a key's presence or absence at the head."""
        ...

    async def trust(self) -> bytes:
        """The trust file: what a verifier has to believe beforehand."""
        ...

    def status(self) -> Status:
        """What the node says of itself."""
        ...

    def peers(self) -> tuple[Peer, ...]:
        """All peers."""
        ...

    def consensus(self) -> Consensus:
        """Where the replica stands."""
        ...

    def metrics(self) -> bytes:
        """The node's metrics in Prometheus' text form."""
        ...

    def live(self) -> bool:
        """Whether the node's tasks still turn."""
        ...

    def ready(self) -> tuple[Check, ...]:
        """Every condition of readiness: ``synced``, ``quorum``, ``disk``, ..."""
        ...
