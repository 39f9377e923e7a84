"""What whole nodes must keep to, judged outside of them after each event.

The promise: nothing here trusts a node's own word for what it checks; words are compared when
they are released, blocks when they are committed, state and memory whenever a node has turned.
Numbers S1 to S13 are those of the list of invariants in docs/spec/consensus.md's order:
agreement, chain, one word, certificates, locks, views, durability, validity, roots, sets,
evidence, memory, no exception. `tests/simulation/test_checkers.py` shows that each one sees.
"""

from dataclasses import dataclass, field

from consensus.guard import slot_of
from consensus.height import BODIES_MAX, COMMIT_VIEWS_MAX, VIEWS_AHEAD_MAX
from consensus.messages import Fresh, Signed, ViewChangeProof, Vote
from consensus.records import message_height
from consensus.set_aside import SUSPECTS_MAX
from hansa.certificate import Certificate
from hansa.receipt import decode_receipt
from hansa.votes import COMMIT, PREPARE
from node.jobs import ApplyJob, Committed


def inner_of(message):
    """The part of an own message that is signed."""
    return message.view_change if isinstance(message, ViewChangeProof) else message


class Words:
    """S3, S5, and the rules of FRESH and of amnesia: what one correct validator says."""

    def __init__(self, chain_id):
        self._chain_id = chain_id
        self._said, self._locks, self._top, self._fresh, self._forgot = {}, {}, {}, {}, {}

    def hear(self, name, message):
        """A message at the moment of its release."""
        inner = inner_of(message)
        if isinstance(message, Fresh):
            top = self._top.get(name, 0)
            assert top <= message.height, f"{name} is fresh at {message.height}, signed at {top}"
            self._fresh[name] = max(self._fresh.get(name, 0), message.height)
            return
        slot, statement = slot_of(message), inner.statement(self._chain_id)
        known = self._said.get((name, slot))
        if known is None:  # what was said before and is still known may be said again
            forgot, log = self._forgot.get(name, (0, b""))
            is_new = slot.height > forgot or inner.signature in log
            assert is_new, f"{name} lost its memory at {forgot} and signs {slot}"
            known = self._said[name, slot] = statement
        assert known == statement, f"{name} said two things at {slot}"
        self._top[name] = max(self._top.get(name, 0), slot.height)
        place = (name, slot.height)
        locked = self._locks.get(place, -1)
        if isinstance(message, Vote) and message.phase == COMMIT:
            self._locks[place] = max(locked, message.view)
        if isinstance(message, ViewChangeProof):
            kept = inner.prepared_view >= locked or inner.target <= locked
            assert kept, f"{name} forgot its COMMIT of view {locked} at height {slot.height}"

    def forget(self, name, log):
        """A validator has lost its guard: at no height where it has signed may it sign again.

        What its vote log, if it still has one, holds may be sent again.
        """
        self._forgot[name] = (self._top.get(name, 0), log)


class Targets:
    """L6: nobody runs through views alone; who goes on to a target has heard a quorum."""

    def __init__(self):
        self._targets = {}

    def hear(self, name, message, validators, *, correct):
        """A view change at its release; `validators` are those of its height."""
        change = message.view_change
        targets = self._targets.setdefault(change.height, {})
        targets[name] = max(targets.get(name, 0), change.target)
        if not correct or change.target <= 1:
            return
        members = [one.name for one in validators.validators]
        before = sum(targets.get(one, 0) >= change.target - 1 for one in members)
        joined = sum(targets.get(one, 0) >= change.target for one in members)
        enough = before >= validators.quorum or joined >= validators.weak_quorum
        assert enough, f"{name} runs to view {change.target} at {change.height} alone"


@dataclass
class Chain:
    """S1, S2, S4, S8, S9, S10: what is committed, by whomever."""

    chain_id: str
    verify: object
    first: object
    headers: dict = field(default_factory=dict)
    blocks: dict = field(default_factory=dict)
    sets: dict = field(default_factory=dict)
    locations: dict = field(default_factory=dict)

    def commit(self, host, committed):
        """A correct node has made a block its head."""
        ledger = host.node.worker.ledger
        assert ledger.head.hash == committed.header.hash
        self.judge(host, committed, ledger)

    def absorb(self, host):
        """A process starts: what its store holds may be news, if it died when it had written."""
        ledger = host.node.worker.ledger
        for height in range(1, ledger.head.height + 1):
            header = ledger.header(height)
            certified_by, above = ledger.validators_at(height), ledger.validators
            if height < ledger.head.height:
                above = ledger.validators_at(height + 1)
            receipts = tuple(decode_receipt(packed) for packed in ledger.receipts(height))
            certificate = ledger.certificate(height)
            self.judge(
                host, Committed(header, certificate, certified_by, above, receipts, None), ledger
            )

    def judge(self, host, committed, ledger):
        """A block in a correct node's store."""
        header, certificate = committed.header, committed.certificate
        height = header.height
        known = self.headers.setdefault(height, header)
        assert known.hash == header.hash, f"fork at height {height}"
        assert known.state_root == header.state_root
        parent = self.first if height == 1 else self.headers.get(height - 1)
        assert parent is not None, f"{host.name} commits {height} without a parent"
        assert header.parent == parent.hash, f"block {height} extends another block"
        assert header.time > parent.time
        assert isinstance(certificate, Certificate)
        certificate.check(self.chain_id, committed.certified_by, self.verify)
        assert (certificate.block_hash, certificate.height) == (header.hash, height)
        assert certificate.phase == COMMIT
        promised = parent.next_validators_hash
        assert committed.certified_by.hash == promised == header.validators_hash, "another set"
        assert committed.validators.hash == header.next_validators_hash, "another set above"
        grown = header.epoch - parent.epoch
        assert grown == int(parent.validators_hash != parent.next_validators_hash)
        self.sets[height] = committed.certified_by
        self.sets[height + 1] = committed.validators
        self._transactions(height, committed, ledger)

    def _transactions(self, height, committed, ledger):
        """S8: nothing stands twice in the chain."""
        if height in self.blocks:
            return
        self.blocks[height] = (ledger.block(height), committed.certificate)
        for outcome in committed.receipts:
            known = self.locations.setdefault(outcome.tx_id, height)
            assert known == height, f"a transaction stands at {known} and at {height}"

    @property
    def top(self):
        """The highest height that any correct node has."""
        return max(self.headers, default=0)

    def replay(self, worker, head):
        """S8 and S9 by a slow twin: a fresh ledger that executes every block of the chain."""
        for height in range(1, head + 1):
            answer = worker.do(ApplyJob(*self.blocks[height]))
            assert isinstance(answer, Committed), f"height {height} does not replay: {answer}"
            same = answer.header.hash == self.headers[height].hash
            assert same, f"height {height} replays to another block"


class Progress:
    """S6: within a life the height never falls, and within a height neither view nor target."""

    def __init__(self):
        self._last = {}

    def look(self, host):
        """After a turn."""
        state = host.node.driver.replica.state
        now = (state.height, state.view, state.target)
        life, before = self._last.get(host.index, (host.life, now))
        if life == host.life:
            assert now[0] >= before[0], f"{host.name} falls from height {before[0]} to {now[0]}"
            if now[0] == before[0]:
                assert now[1] >= before[1], f"{host.name} falls from view {before[1]} to {now[1]}"
                assert now[2] >= before[2], f"{host.name} falls from target {before[2]}"
        self._last[host.index] = (host.life, now)


def check_memory(host):
    """S12: the table of docs/spec/consensus.md 9.4, and queues."""
    driver = host.node.driver
    replica = driver.replica
    state, size = replica.state, replica.facts.validators.size
    near = 2 * (VIEWS_AHEAD_MAX + 1)
    assert len(state.tally.views(PREPARE)) <= near, "PREPAREs of too many views"
    assert len(state.tally.views(COMMIT)) <= COMMIT_VIEWS_MAX + near, "COMMITs of too many views"
    assert len(state.changes) <= size, "VIEW-CHANGEs"
    assert len(state.bodies) <= BODIES_MAX + len(state.prepare_views) + 2, "bodies"
    assert len(state.accused) <= size, "accusations"
    assert len(replica.set_aside._suspects) <= SUSPECTS_MAX, "suspicions"  # no other way to count
    places = 2 * (VIEWS_AHEAD_MAX + 1) + 3
    for kept in replica._ahead._kept.values():
        assert len(kept) <= places, "messages of the next height"
    assert driver.dropped_events == 0, "inputs were dropped"


def check_durable(host, message):
    """S7, the part of a vote: what is signed and said is in the log that a power cut leaves.

    A PREPARE's block is there too, since others may come to rest on it. Once a height's block is
    in the store, the log of that height has gone, and only the guard counts.
    """
    if not isinstance(message, Signed) or isinstance(message, Fresh):
        return
    if message_height(message) <= host.node.worker.ledger.head.height:
        return
    signature = inner_of(message).signature
    assert host.files.holds("votes", signature), f"{host.name} speaks before its disk has it"
    state = host.node.driver.replica.state
    if isinstance(message, Vote) and message.phase == PREPARE and message.height == state.height:
        block = state.bodies.get(message.block_hash)
        if block is not None:
            assert host.files.holds("votes", block), f"{host.name} says PREPARE without its block"


def check_equal_stores(hosts):
    """S9: nodes at one height have the same keys and values, certificates of blocks aside."""
    known = {}
    for host in hosts:
        height = host.node.worker.ledger.head.height
        content = {key: value for key, value in host.store.iterate() if key[:1] != b"c"}
        other = known.setdefault(height, (host.name, content))
        if other[1] != content:
            keys = [key for key in content if other[1].get(key) != content[key]]
            keys += [key for key in other[1] if key not in content]
            raise AssertionError(f"stores of {host.name} and {other[0]} differ in {keys[:4]}")
