"""Every checker of the simulated world sees what it is there for: each is shown a violation."""

from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from consensus.messages import Fresh, ViewChange, ViewChangeProof, Vote
from hansa.certificate import make_certificate
from hansa.hashing import ZERO_HASH, sha256
from hansa.votes import COMMIT, PREPARE
from node.jobs import Committed
from tests.simulation import chaos
from tests.simulation.chaos import Chaos
from tests.simulation.checkers import (
    Progress,
    Targets,
    Words,
    check_durable,
    check_equal_stores,
    check_memory,
)
from tests.simulation.healing import check_end, live_through, open_promises
from tests.simulation.world import CHAIN, SimKey

SEEDS = {"test_f_plus_one_twins_fork_and_the_checker_sees_it": range(3)}
BLOCK, OTHER = sha256(b"a block"), sha256(b"another")
NOTHING = -1


def vote(phase, view, block=BLOCK, height=1):
    return Vote(phase, 0, height, view, block, 0, bytes(64))


def change(target, prepared=NOTHING, block=ZERO_HASH):
    return ViewChangeProof(ViewChange(0, 1, target, prepared, block, 0, bytes(64)), None)


def fresh(height):
    return Fresh(height, BLOCK, ZERO_HASH, 1, 0, bytes(64))


@pytest.fixture(name="sim")
def small_chain():
    """Four nodes with three blocks and no faults."""
    sim = Chaos(1, 4)
    for number in range(3):
        sim.at(200 * number, lambda n=number: sim.register(sim.hosts[n]))
    sim.run(3_000)
    assert sim.heights() == [3, 3, 3, 3]
    return sim


# -- words ----------------------------------------------------------------------------------------


def test_a_second_word_in_one_slot_is_seen():
    words = Words(CHAIN)
    words.hear("n00", vote(PREPARE, 0))
    words.hear("n00", vote(PREPARE, 0))

    with pytest.raises(AssertionError, match="two things"):
        words.hear("n00", vote(PREPARE, 0, OTHER))


def test_a_forgotten_commit_is_seen():
    words = Words(CHAIN)
    words.hear("n00", vote(COMMIT, 1))

    with pytest.raises(AssertionError, match="forgot its COMMIT"):
        words.hear("n00", change(2, 0, BLOCK))


def test_freshness_below_an_own_vote_is_seen():
    words = Words(CHAIN)
    words.hear("n00", fresh(1))
    words.hear("n00", vote(PREPARE, 0, height=2))

    with pytest.raises(AssertionError, match="fresh at 1"):
        words.hear("n00", fresh(1))


def test_a_vote_after_amnesia_at_a_height_of_before_is_seen():
    words = Words(CHAIN)
    words.hear("n00", vote(PREPARE, 0))
    words.forget("n00", b"")
    words.hear("n00", vote(PREPARE, 0))
    words.hear("n00", vote(PREPARE, 0, height=2))

    with pytest.raises(AssertionError, match="lost its memory at 1"):
        words.hear("n00", vote(COMMIT, 0))


def test_a_view_change_that_nobody_else_wants_is_seen(sim):
    targets, validators = Targets(), sim.chain.sets[1]
    targets.hear("n00", change(1), validators, correct=True)
    targets.hear("n01", change(1), validators, correct=True)

    with pytest.raises(AssertionError, match="alone"):
        targets.hear("n00", change(2), validators, correct=True)


def test_a_view_change_that_a_quorum_wanted_before_is_none(sim):
    targets, validators = Targets(), sim.chain.sets[1]
    for name in ("n00", "n01", "n02"):
        targets.hear(name, change(1), validators, correct=True)

    targets.hear("n00", change(2), validators, correct=True)


def test_a_word_that_is_not_on_the_disk_is_seen(sim):
    host = sim.hosts[0]
    above = host.node.worker.ledger.head.height + 1
    message = replace(vote(PREPARE, 0), height=above, signature=b"\1" * 64)

    with pytest.raises(AssertionError, match="before its disk"):
        check_durable(host, message)
    host.files.append("votes-x", message.signature)
    with pytest.raises(AssertionError, match="before its disk"):
        check_durable(host, message)
    host.files.sync("votes-x")
    check_durable(host, message)


# -- blocks ---------------------------------------------------------------------------------------


def committed(sim, **changes):
    """What a commit of another block at the top would look like, certified by everybody."""
    ledger = sim.hosts[0].node.worker.ledger
    header = replace(ledger.head, **changes)
    validators = sim.chain.sets[header.height]
    bare = Vote(COMMIT, header.epoch, header.height, 0, header.hash, 0, bytes(64))
    signatures = {
        index: SimKey(f"vote{index}").sign(replace(bare, signer=index).statement(CHAIN))
        for index in range(validators.quorum)
    }
    certificate = make_certificate(
        COMMIT, header.epoch, header.height, 0, header.hash, signatures, validators
    )
    return Committed(header, certificate, validators, validators, (), None)


def judge(sim, block):
    sim.chain.judge(sim.hosts[0], block, sim.hosts[0].node.worker.ledger)


def test_a_fork_is_seen(sim):
    with pytest.raises(AssertionError, match="fork at height 3"):
        judge(sim, committed(sim, state_root=OTHER))


def test_a_block_on_another_parent_is_seen(sim):
    del sim.chain.headers[3]

    with pytest.raises(AssertionError, match="extends another"):
        judge(sim, committed(sim, parent=OTHER))


def test_a_certificate_without_a_quorum_is_seen(sim):
    good = committed(sim)
    judge(sim, good)
    broken = replace(good.certificate, signatures=(bytes(64), *good.certificate.signatures[1:]))
    bad = Committed(good.header, broken, good.certified_by, good.validators, (), None)

    with pytest.raises(Exception, match="signature"):
        judge(sim, bad)


def test_a_set_that_the_parent_did_not_promise_is_seen(sim):
    del sim.chain.headers[3]
    other = committed(sim, validators_hash=OTHER, next_validators_hash=OTHER)

    with pytest.raises(AssertionError, match="another set"):
        judge(sim, other)


def test_a_transaction_that_stands_twice_is_seen(sim):
    again = next(iter(sim.chain.locations))
    outcome = SimpleNamespace(tx_id=again)
    good = committed(sim)
    del sim.chain.blocks[3], sim.chain.headers[3]
    sim.chain.locations[again] = 1
    twice = Committed(
        good.header, good.certificate, good.certified_by, good.validators, (outcome,), None
    )

    with pytest.raises(AssertionError, match="stands at 1 and at 3"):
        judge(sim, twice)


def test_a_promised_transaction_in_no_block_is_seen(sim):
    assert not open_promises(sim)

    sim.promises[OTHER] = 0
    sim.owners[OTHER] = "m0"

    assert open_promises(sim) == [OTHER]


def test_a_store_with_another_value_is_seen(sim):
    check_equal_stores(sim.hosts)
    key = next(key for key, _ in sim.hosts[1].store.iterate(b"s"))
    sim.hosts[1].store.write({key: b"another"}, sync=True)

    with pytest.raises(AssertionError, match="differ"):
        check_equal_stores(sim.hosts)


def test_a_block_that_only_the_store_knows_is_taken_up_at_the_next_start(sim):
    del sim.chain.headers[3], sim.chain.blocks[3]
    sim.kill(sim.hosts[1], "kept")
    sim.run(20_000)

    assert sim.chain.top == 3


def test_a_store_that_starts_with_another_block_is_seen(sim):
    sim.chain.headers[3] = replace(sim.chain.headers[3], state_root=OTHER)

    with pytest.raises(AssertionError, match="fork at height 3"):
        sim.chain.absorb(sim.hosts[1])


def test_a_header_that_does_not_replay_is_seen(sim):
    check_end(sim)
    sim.chain.headers[2] = replace(sim.chain.headers[2], state_root=OTHER)

    with pytest.raises(AssertionError, match="replays to another block"):
        check_end(sim)


# -- nodes ----------------------------------------------------------------------------------------


def test_a_view_that_falls_is_seen(sim):
    progress, host = Progress(), sim.hosts[0]
    host.node.driver.replica.state.view = 2
    progress.look(host)
    host.node.driver.replica.state.view = 1

    with pytest.raises(AssertionError, match="falls from view 2"):
        progress.look(host)


def test_too_many_bodies_are_seen(sim):
    host = sim.hosts[0]
    check_memory(host)
    state = host.node.driver.replica.state
    state.bodies.update({bytes([number]): b"" for number in range(20)})

    with pytest.raises(AssertionError, match="bodies"):
        check_memory(host)


def test_evidence_against_a_correct_node_is_seen(sim):
    seen = SimpleNamespace(signer=1)

    with pytest.raises(AssertionError, match="accuses the correct n01"):
        sim.on_evidence(sim.hosts[0], [seen])


def test_a_penalty_for_a_correct_node_is_seen(sim):
    effects = SimpleNamespace(penalise=[("n01", "encoding.malformed")], ended=[])

    with pytest.raises(AssertionError, match="penalises the correct n01"):
        sim.carry_out(sim.hosts[0], effects)


def test_an_exception_of_a_node_fails_the_run(monkeypatch):
    def broken(*_):
        raise KeyError("a bug")

    monkeypatch.setattr("consensus.votes.Votes.count", broken)

    with pytest.raises(AssertionError, match="unhandled KeyError"):
        live_through(Chaos(0, 4))


def test_a_disk_that_is_used_after_it_failed_is_seen(sim):
    files = sim.hosts[0].files
    files.fail("sync", "eio")
    files.append("votes-x", b"data")
    with pytest.raises(Exception, match="Input/output error"):
        files.sync("votes-x")

    with pytest.raises(AssertionError, match="must have ended"):
        files.append("votes-x", b"again")


# -- more liars than the bound allows -------------------------------------------------------------


def test_f_plus_one_twins_fork_and_the_checker_sees_it(seed):
    """Two of four run twice; each half sees one of each pair, and each half is a quorum."""
    sim = Chaos(seed, 4)
    pairs = []
    for index in (0, 1):
        sim.distrust(f"n0{index}")
        pairs.append((index, sim.add_machine(f"n0{index}", faulty=True).index))
    left, right = {0, 1, 2}, {3, *(other for _, other in pairs)}
    sim.network.partitions["sides"] = {
        (a, b) for a in sim.places for b in sim.places if (a in left) != (b in left)
    }
    for number in range(10):
        for place in (min(left), max(right)):
            sim.at(100 + 300 * number, lambda p=place: sim.register(sim.hosts[p]))

    with pytest.raises(AssertionError, match="fork at height 1"):
        sim.run(30_000)


def test_f_twins_on_two_sides_do_not_fork():
    """The same scene with one of four: one side has no quorum."""
    sim = Chaos(0, 4)
    sim.distrust("n00")
    sim.add_machine("n00", faulty=True)
    sides = ({0, 1, 2}, {3, 4})
    sim.network.partitions["sides"] = {
        (a, b) for a in sim.places for b in sim.places if (a in sides[0]) != (b in sides[0])
    }
    for number in range(10):
        for place in (1, 3):
            sim.at(100 + 300 * number, lambda p=place: sim.register(sim.hosts[p]))

    sim.run(30_000)

    assert sim.heights()[1] == sim.heights()[2] > 0
    assert sim.heights()[3] == 0


def test_the_outcome_names_what_was_met():
    outcome = chaos.run(0, 4)

    assert outcome.simulated_ms > 10_000
    assert len(outcome.digest) == 64
    assert outcome.seen
