"""What a driver is made of, and the limits by which it drives. Pure data."""

from dataclasses import dataclass

from consensus.replica import Replica
from node.durable import Logs
from node.events import ChainReader
from node.gossip import Gossip
from node.mempool import Mempool
from node.signer import Signer
from node.sync import Sync

ABSTAIN_FOR_NOW = 2**62
"""A validator that has lost its memory abstains until it knows what it may have signed."""
AMNESIA_HEIGHTS = 2
"""And then through this many heights above the head that a quorum has."""
CANDIDATES_MAX = 5_000
CANDIDATE_BYTES_MAX = 3 * 1024 * 1024
"""Bytes of transactions offered to a block: its 4 MiB hold headers and certificates too."""
EVENTS_MAX = 100_000
"""Inputs that wait for a turn; beyond that peers' frames are dropped, they come again."""
RELAY_AGAIN_MS = 3_000
"""Transactions that wait longer are sent to the others again: frames can be lost, and who
brought one may have died before he told everybody."""
RELAY_AGAIN_MAX = 500
"""So many of them at a time, oldest first."""
NO_RESULT = "transaction.no-result"
"""Memory or stack ran out in a transaction (docs/spec/mempool.md 4.3): once may be chance."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a driver drives: finished parts, made by `assemble`."""

    replica: Replica
    signer: Signer
    logs: Logs
    mempool: Mempool
    gossip: Gossip
    sync: Sync
    chain: ChainReader
    next_due_ms: int | None
