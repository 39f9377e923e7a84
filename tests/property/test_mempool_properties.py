"""The mempool against a slow twin: a plain list of what is pending."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from hansa.receipt import Receipt
from node.admission import Limits
from node.fate import COMMITTED, EVICTED, EXPIRED, PENDING
from node.lane import CLIENT, GOVERNANCE_CONTRACTS, LaneLimits
from node.mempool import Mempool
from tests.unit.node.transactions import NOW, sign

MAIN = LaneLimits(count=8, bytes=2_400, sender_count=4, peer_count=5)
GOVERNANCE = LaneLimits(count=3, bytes=9_999, sender_count=2, peer_count=2)

# Ten nonces of two senders in two bodies each, so that conflicts happen; expiry NOW + 1 to 5.
TRANSACTIONS = [
    sign(
        number % 5,
        sender=1 + number % 2,
        size=16 + 40 * (number // 10),
        contract="org" if number % 4 == 3 else "doc",
        expires_at=NOW + 1 + number % 5,
    )
    for number in range(20)
]
NUMBERS = st.integers(0, 19)
ORIGINS = (CLIENT, "node1", "node2")


class MempoolMachine(RuleBasedStateMachine):
    """What is promised, pending and ended, kept twice."""

    def __init__(self):
        super().__init__()
        self.pool = Mempool(lambda transaction, wall_ms: None, Limits(MAIN, GOVERNANCE))
        self.pending = []
        self.promised = {}
        self.ended = {}
        self.journalled = {}  # what the journal says of promised ones that ended
        self.records = []
        self.height = 0
        self.time = NOW

    def room(self, tx, origin):
        governance = tx.transaction.calls[0].contract in GOVERNANCE_CONTRACTS
        limits = GOVERNANCE if governance else MAIN
        lane = [
            (other, source)
            for other, source in self.pending
            if (other.transaction.calls[0].contract in GOVERNANCE_CONTRACTS) == governance
        ]
        return (
            len(lane) < limits.count
            and sum(len(other.raw) for other, _ in lane) + len(tx.raw) <= limits.bytes
            and sum(other.sender == tx.sender for other, _ in lane) < limits.sender_count
            and (
                origin == CLIENT or sum(source == origin for _, source in lane) < limits.peer_count
            )
        )

    def twin_admit(self, tx, origin):
        known = [other.tx_id for other, _ in self.pending]
        rivals = [
            other
            for other, _ in self.pending
            if (other.sender, other.transaction.nonce) == (tx.sender, tx.transaction.nonce)
        ]
        if self.ended.get(tx.tx_id) in (COMMITTED, EXPIRED):
            return
        if tx.tx_id not in known:
            if rivals or not self.room(tx, origin):
                return
            self.pending.append((tx, origin))
            self.ended.pop(tx.tx_id, None)
        if origin == CLIENT:
            self.promised[tx.tx_id] = True
            self.journalled.pop(tx.tx_id, None)

    def twin_end(self, gone, word):
        gone_ids = [tx.tx_id for tx in gone]
        self.ended |= dict.fromkeys(gone_ids, word)
        self.journalled |= {tx_id: word for tx_id in gone_ids if tx_id in self.promised}
        self.pending = [item for item in self.pending if item[0].tx_id not in gone_ids]

    @rule(
        numbers=st.lists(NUMBERS, min_size=1, max_size=4),
        origin=st.sampled_from(ORIGINS),
    )
    def arrive(self, numbers, origin):
        chosen = [TRANSACTIONS[number] for number in numbers]
        screening = self.pool.screen([tx.raw for tx in chosen], origin, self.time)
        valid = [True] * len(screening.unverified)
        self.records += self.pool.admit(screening, valid, 1, self.time).records
        # The door looks at what ended before the batch, then takes in one after the other.
        for tx in chosen:
            self.twin_admit(tx, origin)

    @precondition(lambda self: self.pending)
    @rule(count=st.integers(1, 3))
    def commit(self, count):
        chosen = self.pool.candidates(count, 10_000)
        self.height += 1
        receipts = [
            Receipt(tx.tx_id, tx.tx_hash, self.height, index, "OK", -1, b"\x80", ())
            for index, tx in enumerate(chosen)
        ]
        self.pool.on_commit(self.height, self.time - 10, receipts)
        self.twin_end(chosen, COMMITTED)

    @rule(earliest=st.integers(NOW, NOW + 4))
    def expire(self, earliest):
        self.records += self.pool.expire(earliest).records
        gone = [tx for tx, _ in self.pending if tx.transaction.expires_at < earliest]
        self.twin_end(gone, EXPIRED)

    @rule(number=NUMBERS)
    def evict(self, number):
        tx = TRANSACTIONS[number]
        self.records += self.pool.evict([tx.tx_hash], "test.reason").records
        self.twin_end([other for other, _ in self.pending if other.tx_id == tx.tx_id], EVICTED)

    @rule()
    def restart(self):
        """Read the journal back: only what was promised is still there."""
        before = self.pool

        def index(tx_id):
            fate = before.fate(tx_id)
            return fate if fate is not None and fate.word == COMMITTED else None

        self.pool = Mempool(lambda transaction, wall_ms: None, Limits(MAIN, GOVERNANCE))
        self.pool.restore(self.records, index, 1)
        for tx_id, word in self.ended.items():
            if word != COMMITTED and tx_id not in self.promised:
                assert self.pool.fate(tx_id) is None
        self.ended = {
            tx_id: word
            for tx_id, word in self.ended.items()
            if word == COMMITTED or tx_id in self.promised
        }
        self.ended = {
            tx_id: word for tx_id, word in self.ended.items() if self.pool.fate(tx_id) is not None
        }
        kept = [tx for tx, _ in self.pending if self.pool.entry(tx.tx_hash) is not None]
        assert {tx.tx_id for tx in kept} >= {
            tx.tx_id for tx, origin in self.pending if origin == CLIENT
        }
        self.pending = [(tx, CLIENT) for tx in self.pool.pending()]
        # One that a peer brought back after its end is forgotten again: the end still holds.
        still = [tx.tx_id for tx, _ in self.pending]
        self.ended |= {
            tx_id: word
            for tx_id, word in self.journalled.items()
            if tx_id not in still and tx_id not in self.ended
        }

    @invariant()
    def pending_is_the_same_in_the_same_order(self):
        lanes = [
            tx.tx_hash
            for governance in (True, False)
            for tx, _ in self.pending
            if (tx.transaction.calls[0].contract in GOVERNANCE_CONTRACTS) == governance
        ]
        assert [tx.tx_hash for tx in self.pool.candidates(100, 10**6)] == lanes
        assert len(self.pool) == len(self.pending)
        assert self.pool.bytes_count == sum(len(tx.raw) for tx, _ in self.pending)

    @invariant()
    def every_promise_has_exactly_one_fate(self):
        for tx_id in self.promised:
            fate = self.pool.fate(tx_id)
            assert fate is not None
            expected = self.ended.get(tx_id, PENDING)
            assert fate.word == expected

    @invariant()
    def counts_are_sums(self):
        lanes = (self.pool._main, self.pool._governance)
        for lane in lanes:
            assert sum(lane._senders.values()) == len(lane.entries)
            assert lane.bytes == sum(len(one.transaction.raw) for one in lane.oldest())
        unrelayed = sum(not one.relayed for lane in lanes for one in lane.oldest())
        assert self.pool.relayed_count == len(self.pool) - unrelayed
        assert len(self.pool._nonces) == len(self.pool._by_id) == len(self.pool)


TestMempool = MempoolMachine.TestCase
TestMempool.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
