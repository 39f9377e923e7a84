"""Byzantine strategies on whole nodes: f liars, a swarm of lies, and every promise kept.

A run has a safety phase (liars, mild trouble in the network, crashes, a partition), then the
links are good and the liars go on, and everything that correct nodes promised must come true.
The ids are those of the list of behaviours that the tests cover.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from hansa.membership import fault_bound
from tests.simulation import byzantine_bulk as bulk
from tests.simulation import byzantine_words as words
from tests.simulation.byzantine import ByzantineSimulation
from tests.simulation.byzantine_council import Council, wishes
from tests.simulation.outcome import Outcome

CALM_MS = 12_000
END_MS = 300_000
TRANSACTIONS = 16
EXTRA_MS = 400
"""How often a liar with extras may say something of its own accord."""
ZEAL = (0.1, 0.5, 1.0)


@dataclass(frozen=True)
class Strategy:
    """A way to lie.

    Attributes:
        id: of the behaviour in the list.
        words: what it means.
        twist: what it makes of a message to one target; None: it has no part in messages.
        unasked: what it says of its own accord; None: nothing.
        censors: it does not hear some clients.
        colludes: liars vote for whatever any of them offers.
        twin: a second process: "fresh" or from a "backup".
    """

    id: str
    words: str
    twist: Callable | None = None
    unasked: Callable | None = None
    censors: bool = False
    colludes: bool = False
    twin: str = ""


STRATEGIES = (
    Strategy("B1", "silent", words.silent),
    Strategy("B2", "silent as primary only", words.silent_primary),
    Strategy("B3", "two proposals to two halves", words.two_proposals),
    Strategy("B4", "two PREPAREs", words.two_prepares),
    Strategy("B5", "two COMMITs", words.two_commits),
    Strategy("B6", "votes for blocks that nobody proposed", words.unknown_hash),
    Strategy("B7", "view change that hides what was prepared", words.forget),
    Strategy("B8", "view change with a forged certificate", words.forged_claim),
    Strategy("B9", "certificate with one signer in all places", words.twice_in_a_certificate),
    Strategy("B10", "view changes with huge targets", words.huge_targets),
    Strategy("B11", "new view with a wrong choice", words.wrong_choice),
    Strategy("B12", "new view on too few or foreign view changes", words.too_few_changes),
    Strategy("B13", "new view without the highest claim", words.omit_the_highest),
    Strategy("B14", "proposal to just too few", words.withhold_proposal),
    Strategy("B15", "bodies, transactions and blocks withheld", words.withhold_bodies),
    Strategy("B16", "everything at 0.95 of the view's time", words.late),
    Strategy("B17", "everything to a random half", words.half),
    Strategy("B18", "old messages again", words.replay),
    Strategy("B19", "votes for another chain, epoch, height or phase", words.elsewhere),
    Strategy("B20", "invalid blocks", words.bad_block),
    Strategy("B21", "primary that leaves a client out", words.censor, censors=True),
    Strategy("B22", "primary with tiny blocks at the timer's edge", words.slow_drip),
    Strategy("B23", "lying status heights", bulk.lying_status, bulk.unasked_blocks),
    Strategy("B24", "block sync with wrong or slow answers", bulk.lying_server),
    Strategy("B25", "floods", None, bulk.flood),
    Strategy("B25b", "largest messages", None, bulk.largest),
    Strategy("B25c", "garbage among transactions", None, bulk.garbage_transactions),
    Strategy("B25d", "one nonce under two bodies", None, bulk.two_bodies),
    Strategy("B26", "runs twice with one key", twin="fresh"),
    Strategy("B27", "runs again from an old copy of its disk", twin="backup"),
    Strategy("B28", "liars vote for each other's blocks", words.two_proposals, colludes=True),
    Strategy("B29", "false evidence and much of it", None, bulk.false_evidence),
    Strategy("B30", "votes when removed", None, bulk.vote_when_removed),
    Strategy("B30b", "votes of heights and epochs to come", None, bulk.early_votes),
    Strategy("B31", "malformed bytes", bulk.malformed),
    Strategy("B33", "false hints: the future attested", words.false_hints),
    Strategy("B34", "speaks in the name of others", words.as_somebody),
)
"""B32, more liars than f, is no strategy: `test_strategies.py` shows that the checkers see it."""

TABLE = {strategy.id: strategy for strategy in STRATEGIES}


def plan(roll):
    """A swarm for one liar: some of all strategies, at least two, never silence alone."""
    chosen = [strategy for strategy in STRATEGIES if roll.random() < 0.15]
    chosen += roll.sample(STRATEGIES[2:], 2)
    return tuple(dict.fromkeys(chosen))


def prepare(seed, size, liars=None, plans=None, zeal=None):
    """A world of `size` with its liars; whatever is not given is rolled from the seed."""
    roll = random.Random(f"strategies {seed}")
    if liars is None:
        liars = sorted(roll.sample(range(size), roll.randint(1, fault_bound(size))))
    plans = plans or {liar: plan(roll) for liar in liars}
    zeal = {liar: roll.choice(ZEAL) if zeal is None else zeal for liar in liars}
    world = ByzantineSimulation(seed, size, liars, plans, zeal)
    world.colluders = frozenset(
        liar for liar in liars if any(strategy.colludes for strategy in plans[liar])
    )
    return world


def stir(world, chance):
    """Clients, mild trouble, and what liars do of their own accord."""
    world.loss = chance.choice((0, 0.02, 0.1))
    world.crash = chance.choice((0, 0, 0.004))
    world.commit_loss = chance.choice((0, 0, 0.8))
    for number in range(TRANSACTIONS):
        place = chance.randrange(world.size)
        world.at(chance.randrange(CALM_MS), lambda p=place, n=number: world.submit(p, n))
    if chance.random() < 0.55:
        lone = [chance.choice(world.correct).index]  # it will lag, and ask liars for blocks
        group = chance.sample(range(world.size), chance.randint(1, world.size // 2))
        start = chance.randrange(CALM_MS * 3 // 4)
        apart = chance.choice((lone, group))
        world.at(start, lambda: world.partition(apart))
        world.at(start + 500 + chance.randrange(8_000), world.heal)
    if chance.random() < 0.4:
        world.council = Council(world, wishes(world, chance))
        world.at(chance.randrange(CALM_MS // 2), world.council.step)
    if chance.random() < 0.45:
        place = chance.randrange(world.size)
        keep = chance.choice(("kept", "lost", "torn", "zeros"))
        world.at(chance.randrange(CALM_MS), lambda: kill(world, place, keep))
    for liar in sorted(world.liars):
        for strategy in world.plans[liar]:
            if strategy.unasked is not None:
                world.at(chance.randrange(EXTRA_MS), lambda i=liar, s=strategy: extra(world, i, s))
            if strategy.twin:
                double(world, chance, liar, strategy.twin)


def kill(world, place, keep):
    """Cut the power of a host that is up."""
    if world.hosts[place].node is not None:
        world.kill(world.hosts[place], keep)


def extra(world, index, strategy):
    """What a liar says unasked; rarely where its zeal is small."""
    host = world.hosts[index]
    if host.node is not None and world.dice.random() < world.zeal[index]:
        for target, said in strategy.unasked(world, host):
            world.utter(host, target, strategy, said)
    world.at(world.time + EXTRA_MS, lambda: extra(world, index, strategy))


def double(world, chance, index, kind):
    """Start a twin of a liar now or later, from nothing or from an older copy of its disk."""
    start = chance.randrange(CALM_MS // 2)
    if kind == "fresh":
        world.at(start, lambda: world.add_twin(index))
        return

    def copy_now():
        copied = world.backup(index)
        world.at(
            world.time + 1_000 + chance.randrange(5_000),
            lambda: world.add_twin(index, backup=copied),
        )

    world.at(start, copy_now)


def live_through(world):
    """Chaos, then calm; the promises are checked all the while and at the end.

    Raises:
        AssertionError: one was broken.
    """
    stir(world, world.chance)

    def calm():
        world.calm = True
        world.loss = world.crash = world.commit_loss = 0.0
        world.heal()

    world.at(CALM_MS, calm)
    world.run(CALM_MS + 1_000)
    assert world.run(END_MS, world.settled), f"not live, heights {world.heights()}"
    world.check_end()


def run(seed, size, story=None):
    """One run of the generator.

    Raises:
        AssertionError: a promise was broken, or production code raised.
    """
    world = prepare(seed, size)
    world.story = story
    for liar in sorted(world.liars):
        chosen = ", ".join(f"{s.id} {s.words}" for s in world.plans[liar])
        world.tell(f"n{liar:02} lies (p {world.zeal[liar]}): {chosen}")
    try:
        live_through(world)
    except AssertionError:
        raise
    except Exception as error:
        raise AssertionError(f"production code raised {type(error).__name__}: {error}") from error
    met = {name for name, seen in world.met.items() if seen}
    if world.lied:
        met.add("lie")
    council = () if world.council is None else world.council.done
    changes = [f"{kind} {state}" for kind, _, state in council]
    seen = (*sorted(world.effective), *changes)
    return Outcome(world.digest.hexdigest(), world.time, frozenset(met), seen)
