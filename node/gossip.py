"""Gossip of transactions and the fetching of what a proposal lacks (docs/spec/mempool.md, 6).

Clients' transactions go to every node directly, once; what peers pass on is not passed on
again. What a proposal lacks is asked of its primary first, then of others. No I/O, no clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from node.gossip_messages import (
    GET_COUNT_MAX,
    GetTransactions,
    Transactions,
    batches,
    decode_gossip,
    encode_gossip,
)
from node.mempool import Mempool
from node.outbound import Send
from p2p.frames import TRANSACTIONS

FETCH_GAP_MS = 150
"""How long one peer is waited for before the next is asked: some round trips between cities."""
FETCH_ROUNDS_MAX = 3
"""Peers asked for one proposal; then the progress timer does the rest."""
CONNECT_BYTES_MAX = 4 * 1024 * 1024
"""Own pending transactions sent to a peer that connects: half of its queue for transactions."""
REPLY_BYTES_BURST = 6 * 1024 * 1024
"""Bytes one peer may ask for at once: a whole block and a half; a reply costs what it holds."""
REPLY_BYTES_PER_MS = 2 * 1024
"""How fast that is refilled: 2 MiB/s a peer, twice what 1,000 transactions a second are."""
REQUEST_COST = 64
"""What each hash asked for costs in addition, found or not, so that asking is never free."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """What a message brought.

    Attributes:
        raws: transactions for `Mempool.screen`, with the peer as their origin.
        sends: replies.
    """

    raws: tuple[bytes, ...] = ()
    sends: tuple[Send, ...] = ()


@dataclass(slots=True, eq=False)
class _Budget:
    tokens: int
    at_ms: int


@dataclass(slots=True, eq=False)
class _Fetch:
    sources: list[str]
    rounds: int
    next_ms: int


class Gossip:
    """The gossip of one node."""

    def __init__(self, mempool: Mempool) -> None:
        self._mempool = mempool
        self._peers: dict[str, _Budget] = {}
        self._fetches: dict[bytes, _Fetch] = {}
        self.replies_refused = 0

    @property
    def wake_at(self) -> int | None:
        """Monotonic time at which `tick` has something to do, or None."""
        return min((fetch.next_ms for fetch in self._fetches.values()), default=None)

    def peer_up(self, peer: str, mono_ms: int) -> list[Send]:
        """A peer connected: it gets what clients gave us, oldest first, up to a limit."""
        self._peers[peer] = _Budget(REPLY_BYTES_BURST, mono_ms)
        chosen = []
        room = CONNECT_BYTES_MAX
        for transaction in self._mempool.own():
            room -= len(transaction.raw)
            if room < 0:
                break
            chosen.append(transaction)
        self._mempool.mark_relayed(chosen)
        return [
            Send(peer, TRANSACTIONS, message)
            for message in batches(transaction.raw for transaction in chosen)
        ]

    def peer_down(self, peer: str) -> None:
        """A peer is gone; what it was asked for is asked of others in time."""
        self._peers.pop(peer, None)

    def flush(self) -> list[Send]:
        """At the end of a turn: clients' new transactions, for every connected peer."""
        fresh = self._mempool.take_outbox()
        if not fresh or not self._peers:
            return []  # a peer that connects later gets them then
        self._mempool.mark_relayed(fresh)
        return [
            Send(None, TRANSACTIONS, message)
            for message in batches(transaction.raw for transaction in fresh)
        ]

    def receive(self, peer: str, message: bytes, mono_ms: int) -> Incoming:
        """Take a message of kind TRANSACTIONS.

        Raises:
            Rejected: ``message.unknown`` or ``encoding.*``: no correct peer sends that.
        """
        match decode_gossip(message):
            case Transactions(raws):
                return Incoming(raws=raws)
            case GetTransactions(tx_hashes):
                return Incoming(sends=self._reply(peer, tx_hashes, mono_ms))

    def gather(
        self,
        block_hash: bytes,
        height: int,
        tx_hashes: Sequence[bytes],
        sources: Sequence[str],
        mono_ms: int,
    ) -> tuple[tuple[bytes, ...], list[Send]]:
        """Open a proposal in the mempool and fetch what it lacks.

        `sources` are node names, the primary first. Returns the missing hashes (nothing: the
        proposal is complete now) and the requests. Later `Admission.complete` or `.broken`
        names the block.
        """
        missing = self._mempool.require(block_hash, height, tx_hashes)
        if not missing:
            return (), []
        if block_hash not in self._fetches:
            self._fetches[block_hash] = _Fetch(list(sources), 0, mono_ms)
        return missing, self.tick(mono_ms)

    def tick(self, mono_ms: int) -> list[Send]:
        """Ask the next peer where the last one has not answered in time."""
        sends: list[Send] = []
        for block_hash, fetch in list(self._fetches.items()):
            missing = self._mempool.bodies.missing(block_hash)
            if not missing:
                del self._fetches[block_hash]
            elif fetch.next_ms <= mono_ms:
                source = self._next_source(fetch)
                if source is None:
                    del self._fetches[block_hash]
                    continue
                fetch.rounds += 1
                fetch.next_ms = mono_ms + FETCH_GAP_MS
                sends += _requests(source, missing)
        return sends

    def _next_source(self, fetch: _Fetch) -> str | None:
        """The next connected peer to ask; None when enough were asked."""
        while fetch.sources and fetch.rounds < FETCH_ROUNDS_MAX:
            source = fetch.sources.pop(0)
            if source in self._peers:
                return source
        return None

    def _reply(self, peer: str, tx_hashes: Sequence[bytes], mono_ms: int) -> tuple[Send, ...]:
        """What we have of what a peer asks for, as far as its budget goes."""
        budget = self._peers.get(peer)
        if budget is None:
            return ()
        refill = (mono_ms - budget.at_ms) * REPLY_BYTES_PER_MS
        budget.tokens = min(REPLY_BYTES_BURST, budget.tokens + refill)
        budget.at_ms = mono_ms
        found: list[bytes] = []
        for tx_hash in tx_hashes:
            transaction = self._mempool.get(tx_hash)
            cost = REQUEST_COST + (0 if transaction is None else len(transaction.raw))
            if cost > budget.tokens:
                self.replies_refused += 1
                break
            budget.tokens -= cost
            if transaction is not None:
                found.append(transaction.raw)
        return tuple(Send(peer, TRANSACTIONS, message) for message in batches(found))


def _requests(peer: str, missing: Sequence[bytes]) -> list[Send]:
    return [
        Send(
            peer,
            TRANSACTIONS,
            encode_gossip(GetTransactions(tuple(missing[start : start + GET_COUNT_MAX]))),
        )
        for start in range(0, len(missing), GET_COUNT_MAX)
    ]
