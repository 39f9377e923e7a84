"""Byzantine strategies keep no promise from being kept, and the checkers see what breaks one.

Every seed is a test of its own. Again: `pytest tests/simulation/test_strategies.py --seed N`.
"""

import os
import subprocess
import sys

import pytest
from msgspec.structs import replace

from consensus.io import Evidence
from consensus.messages import Vote, encode_message
from hansa.hashing import sha256
from hansa.votes import COMMIT, PREPARE
from node.events import Effects
from node.outbound import Send
from p2p.frames import CONSENSUS
from tests.conftest import ROOT
from tests.simulation import lying, strategies
from tests.simulation.byzantine_bounds import check_memory
from tests.simulation.outcome import MET
from tests.simulation.strategies import STRATEGIES, TABLE
from tests.simulation.world import CHAIN, SimKey
from tests.unit.consensus import liars

SIZES = (4, 5, 6, 7, 10, 13)
SEEDS = {
    "test_whole_nodes_outlive_f_liars": range(24),
    "test_bare_cores_outlive_lies_told_view_by_view": range(36),
    "test_the_same_seed_gives_the_same_run": [5],
}
ENOUGH = {"lie": 80, "view-change": 60, "crash": 40, "partition": 40}
"""Per cent of runs that must have met it."""


def test_whole_nodes_outlive_f_liars(seed):
    strategies.run(seed, SIZES[seed % len(SIZES)])


def test_bare_cores_outlive_lies_told_view_by_view(seed):
    lying.run(seed, SIZES[seed % len(SIZES)])


@pytest.mark.parametrize("generator", [strategies, lying], ids=["whole nodes", "bare cores"])
def test_the_same_seed_gives_the_same_run(generator, seed):
    """Also in another process, where sets and maps of text have another order."""
    here = generator.run(seed, 4).digest
    code = f"from {generator.__name__} import run; print(run({seed}, 4).digest)"

    def elsewhere(hash_seed):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", code]
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, env=environment, cwd=ROOT
        )
        return done.stdout.strip()

    assert {generator.run(seed, 4).digest, elsewhere("1"), elsewhere("2")} == {here}


@pytest.mark.parametrize("generator", [strategies, lying], ids=["whole nodes", "bare cores"])
def test_runs_meet_what_they_are_for(generator):
    runs = 30
    outcomes = [generator.run(9_000 + seed, 4) for seed in range(runs)]

    for name in MET:
        met = 100 * sum(name in outcome.met for outcome in outcomes) // runs
        assert met >= ENOUGH[name] - 20, f"{name}: {met} %"  # so few runs stray from the mean


# -- every strategy does something --------------------------------------------------------------


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: strategy.id)
def test_each_strategy_reaches_a_correct_node(strategy):
    """Alone or, where it needs occasions that are rare, in several runs."""
    for seed in range(30):
        size = (5, 7)[seed % 2]
        world = strategies.prepare(
            seed, size, liars=[seed % size], plans={seed % size: (strategy,)}, zeal=1.0
        )
        strategies.live_through(world)
        if world.effective[strategy.id]:
            return
    pytest.fail(f"{strategy.id}, {strategy.words}: nobody was told")


# -- the checkers see ----------------------------------------------------------------------------


def test_more_than_f_colluding_liars_fork_whole_nodes_and_it_is_seen():
    """An equivocating primary and double voters, two of four."""
    plans = dict.fromkeys((1, 2), (TABLE["B28"],))
    world = strategies.prepare(1, 4, liars=[1, 2], plans=plans, zeal=1.0)

    with pytest.raises(AssertionError, match="fork at height"):
        strategies.live_through(world)


class TwoFaced(lying.LyingWorld):
    """Liars who offer each side a block of its own and vote on each side for that one."""

    def __init__(self, seed, liars_):
        super().__init__(4, seed, liars=liars_)
        self.loss = self.crash = 0.0
        self.zeal = dict.fromkeys(self.liars, 1.0)
        self.plans = {index: [self.two_faces] for index in sorted(self.liars)}
        self.offered = {}

    def parts(self, *, commit):
        """The network is no help to the liars."""
        return 1

    def two_faces(self, world, liar, target, message):
        """Proposals to halves, votes for what each half was offered."""
        words = liars.two_proposals(world, liar, target, message)
        for word in words:
            proposal = getattr(word, "proposal", None)
            if proposal is not None:
                place = (proposal.header.height, getattr(word, "view", 0), target.index)
                self.offered[place] = proposal.header.hash
        if isinstance(message, Vote):
            place = (message.height, message.view, target.index)
            block_hash = self.offered.get(place, message.block_hash)
            phases = (PREPARE, COMMIT)
            return [self.say(replace(message, block_hash=block_hash, phase=p)) for p in phases]
        return words


def test_more_than_f_liars_fork_bare_cores_and_it_is_seen():
    seen = []
    for seed in range(20):
        try:
            TwoFaced(seed, [0, 1]).live_through(lying.TRANSACTIONS, lying.END_MS)
        except AssertionError as error:
            seen.append(str(error))
    assert any(text.startswith("fork at") for text in seen), seen


def test_one_two_faced_liar_forks_nobody():
    for seed in range(6):
        TwoFaced(seed, [seed % 4]).live_through(lying.TRANSACTIONS, lying.END_MS)


def calm_world():
    """A world of four with a liar that does nothing yet."""
    return strategies.prepare(3, 4, liars=[3], plans={3: ()}, zeal=0.0)


def votes_of(number, signer):
    """Two PREPAREs of one validator for one place."""
    blocks = sorted((sha256(b"one"), sha256(b"two")))
    votes = [Vote(PREPARE, 0, 1, 0, block_hash, signer) for block_hash in blocks]
    key = SimKey(f"vote{number}")
    return [replace(vote, signature=key.sign(vote.statement(CHAIN))) for vote in votes]


def test_evidence_against_a_correct_node_is_seen():
    world = calm_world()
    world.on_evidence(world.hosts[0], [Evidence(3, *votes_of(3, 3), "n03")])
    assert world.accused == {"double-vote": 1}

    with pytest.raises(AssertionError, match="against the correct n01"):
        world.on_evidence(world.hosts[0], [Evidence(1, *votes_of(1, 1), "n01")])


def test_evidence_that_convinces_nobody_is_seen():
    world = calm_world()

    with pytest.raises(Exception, match="wrong"):
        world.on_evidence(world.hosts[0], [Evidence(3, *votes_of(1, 3), "n03")])


def test_a_correct_node_that_is_penalised_is_seen():
    world = calm_world()
    world.carry_out(world.hosts[0], Effects(penalise=[("n03", "encoding.bytes")]))

    with pytest.raises(AssertionError, match="penalises the correct n01"):
        world.carry_out(world.hosts[0], Effects(penalise=[("n01", "encoding.bytes")]))


def test_a_lost_promise_is_seen():
    world = calm_world()
    world.submit(0, 1)
    world.run(5_000)
    assert world.acked
    assert world.settled()

    world.acked[sha256(b"promised and lost")] = 0

    assert not world.settled()


def test_memory_that_grows_is_seen():
    world = calm_world()
    world.run(1_000)
    node = world.hosts[0].node
    check_memory(node)

    for signer in range(5):
        node.driver.replica.state.changes[signer] = None

    with pytest.raises(AssertionError, match="view changes: 5, at most 4"):
        check_memory(node)


def test_a_second_word_of_a_correct_node_is_seen():
    """Of its own, that is: it may hand on what a liar has said twice."""
    world = calm_world()
    world.speaker = world.hosts[0]
    for vote in votes_of(3, 3):
        world.overhear(sent(vote))
    first, second = votes_of(0, 0)
    world.overhear(sent(first))

    with pytest.raises(AssertionError, match="said two things"):
        world.overhear(sent(second))


def sent(message):
    """A message on its way to all."""
    return Send(None, CONSENSUS, encode_message(message))


def test_liars_have_no_key_but_their_own():
    world = calm_world()

    with pytest.raises(AssertionError):
        world.key(world.hosts[0])


def test_ids_stand_for_one_strategy_each():
    assert len(TABLE) == len(STRATEGIES)
