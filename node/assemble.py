"""`assemble(world)`: the daemon and the simulated node, from the same parts.

A world is clock, network, disk, signer, verifier and chance. Nothing below this
file asks whether it is simulated.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from consensus.checks import Facts
from consensus.guard import Guard, Slot
from consensus.replica import Replica
from consensus.schedule import WINDOW_HEIGHTS, Schedule
from hansa.block import Header
from hansa.encoding import unpack
from hansa.errors import Corrupt, Rejected
from hansa.genesis import Genesis
from hansa.hashing import ZERO_HASH
from hansa.keys import Verify
from hansa.receipt import decode_receipt
from ledger.boot import genesis_block
from ledger.execution import Ledger
from node.admission import Limits
from node.driver import Driver
from node.durable import Logs
from node.fate import COMMITTED, REFUSED, Fate
from node.gossip import Gossip
from node.mempool import Mempool
from node.parts import ABSTAIN_FOR_NOW, Parts
from node.sandbox import SCRIPTED
from node.signer import Signer
from node.sync import Sync
from node.sync_check import Tip
from node.worker import Worker
from storage.files import Files
from storage.keyspace import ensure_schema
from storage.kv import Store
from storage.wal import SALT_BYTES, Wal

WAL_FOLDER = "wal"
"""In a node's home: vote log, signer guard and the mempool's journal."""
WAL_NAME = "votes"
GUARD_NAME = "guard"
JOURNAL_NAME = "mempool"
OWN_VOTES_HEIGHTS = 10
"""In the certificates of so many heights a start looks for own votes that its guard forgot."""


class World(Protocol):
    """What a node stands in."""

    @property
    def files(self) -> Files:
        """Where WAL, signer guard and journal live."""
        ...

    @property
    def store(self) -> Store:
        """The store."""
        ...

    @property
    def verify(self) -> Verify:
        """The judge of signatures."""
        ...

    @property
    def sign(self) -> Callable[[bytes], bytes]:
        """Signs with the validator key."""
        ...

    def random_bytes(self, size: int) -> bytes:
        """Chance."""
        ...

    def mono_ms(self) -> int:
        """Processed time."""
        ...

    def wall_ms(self) -> int:
        """Milliseconds since 1970."""
        ...


@dataclass(frozen=True, slots=True)
class Settings:
    """What a node needs to know of its configuration.

    Attributes:
        name: the node's name.
        t0_ms: how long view 0 waits.
    """

    name: str
    t0_ms: int
    mempool: Limits | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """An assembled node, before anything moves."""

    driver: Driver
    worker: Worker
    genesis: Header


def create_guard(files: Files, salt: bytes) -> None:
    """Give a new home the guard of a validator that has never signed.

    Args:
        files: the home's folder for logs.
        salt: 16 fresh bytes of chance.

    Raises:
        Rejected: ``guard.exists``: a second birth would make the key sign twice.
    """
    log, _, tail = Wal.open(files, GUARD_NAME, salt=salt)
    if tail.status != "created":
        raise Rejected(
            "guard.exists",
            "this home has a signer guard already: its key may have signed",
            "keep it; a new validator gets a new key in a new home",
        )
    log.append([Guard.new().encode()])
    log.sync()


def assemble(world: World, genesis: Genesis, settings: Settings) -> Node:
    """Open store, WAL, guard and journal, and put a node together.

    Raises:
        Corrupt: what is stored does not fit together; the message says the way out.
        Unavailable: ``store.newer-schema``.
        Rejected: ``genesis.*``, or ``genesis.other`` when the store is of another chain.
    """
    first = _open_chain(world.store, genesis)
    ledger = Ledger.open(world.store, world.verify, SCRIPTED)
    head = ledger.head
    certificate = ledger.certificate(head.height)
    certified_by = ledger.validators_at(head.height) or ledger.validators
    facts = Facts(
        genesis.chain_id, head, certificate, certified_by, ledger.validators, world.verify
    )
    replica = Replica(facts, _schedule(ledger), settings.name, settings.t0_ms)
    guard, guard_log, remembers = _open_guard(world)
    if not remembers:
        replica.abstain_through = ABSTAIN_FOR_NOW
    wal, batches, _tail = Wal.open(world.files, WAL_NAME, salt=world.random_bytes(SALT_BYTES))
    journal, entries, _tail = Wal.open(
        world.files, JOURNAL_NAME, salt=world.random_bytes(SALT_BYTES)
    )
    mempool = Mempool(ledger.check_admission, settings.mempool)
    tip = Tip(head, ledger.validators, certificate, certified_by)
    driver = Driver(
        Parts(
            replica=replica,
            signer=Signer(guard, world.sign),
            logs=Logs(wal, guard_log, journal),
            mempool=mempool,
            gossip=Gossip(mempool),
            sync=Sync(genesis.chain_id, tip, world.verify, world.mono_ms()),
            chain=ledger,
            next_due_ms=ledger.next_due(),
        )
    )
    driver.restore(batches)
    for height in range(max(1, head.height - OWN_VOTES_HEIGHTS + 1), head.height + 1):
        known, signed_by = ledger.certificate(height), ledger.validators_at(height)
        if known is not None and signed_by is not None:
            driver.doubt_memory(known, signed_by)
    mempool.restore(
        (record for batch in entries for record in batch),
        lambda tx_id: stored_fate(ledger, tx_id),
        world.mono_ms(),
    )
    mempool.expire(head.time + 1)
    return Node(driver, Worker(ledger, world.store, settings.name), first)


def stored_fate(ledger: Ledger, tx_id: bytes) -> Fate | None:
    """What the chain says of a transaction."""
    found = ledger.location(tx_id)
    if found is None:
        return None
    packed = ledger.receipt(tx_id)
    assert packed is not None
    receipt = decode_receipt(packed)
    return Fate(COMMITTED if receipt.accepted else REFUSED, *found, receipt.code)


def _open_chain(store: Store, genesis: Genesis) -> Header:
    """Write genesis into an empty store; check that a used one is of the same chain."""
    ensure_schema(store)
    first, batch = genesis_block(genesis)
    stored = next(store.iterate_prefix(b"h"), None)
    if stored is None:
        store.write(batch, sync=True)
    elif unpack(Header, stored[1]).hash != first.hash:
        raise Rejected(
            "genesis.other",
            f"the store is of another chain than genesis {first.hash.hex()[:12]}",
            "give the node the genesis file that its store was made with, or another home",
        )
    return first


def _schedule(ledger: Ledger) -> Schedule:
    """The schedule at the head, from the headers of its window (consensus, section 5)."""
    head = ledger.head
    if head.validators_hash != head.next_validators_hash or head.height == 0:
        return Schedule(ledger.validators, head.height + 1, head.hash)
    start = _epoch_start(ledger, head)
    before = ledger.header(start - 1)
    assert before is not None
    first = max(start, head.height - WINDOW_HEIGHTS - 1)
    headers = [_header(ledger, height) for height in range(first, head.height + 1)]
    return Schedule.from_headers(ledger.validators, start, before.hash, headers)


def _epoch_start(ledger: Ledger, head: Header) -> int:
    """The first height of the head's epoch, by bisection: epochs only rise."""
    low, high = 1, head.height
    while low < high:
        middle = (low + high) // 2
        if _header(ledger, middle).epoch < head.epoch:
            low = middle + 1
        else:
            high = middle
    return low


def _header(ledger: Ledger, height: int) -> Header:
    header = ledger.header(height)
    if header is None:
        raise Corrupt("store.header", f"the header of height {height} is missing")
    return header


def _open_guard(world: World) -> tuple[Guard, Wal, bool]:
    """The signer guard, its log, and whether it remembers: one without records has amnesia."""
    log, batches, _ = Wal.open(world.files, GUARD_NAME, salt=world.random_bytes(SALT_BYTES))
    records = [record for batch in batches for record in batch]
    if records:
        return Guard.decode(records[-1]), log, True
    return Guard(Slot(0, 0, 0), ZERO_HASH), log, False
