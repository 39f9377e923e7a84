"""Which run a seed names, and many runs side by side.

Four generators share the seeds equally, since none of them finds everything: ``seed % 4`` names
one, and the seed also names the number of validators.
"""

import importlib
import importlib.util
import multiprocessing
import os
import random
import signal
import time
import traceback
from dataclasses import dataclass

from tests.simulation.outcome import MET

GENERATORS = ("chaos", "strategies", "scripted", "lying")
MODULE = "tests.simulation.{}"
NEEDED = {"view-change": 60, "crash": 50, "partition": 50, "lie": 40}
"""In so many percent of seeds a campaign must meet each, else it has no teeth."""
SECONDS_MAX = 300
"""A run that takes longer never ends: the slowest take seconds."""
SIZES_MAX = 50


@dataclass(frozen=True)
class Job:
    """One run: what makes it, from which seed, of how many validators.

    Attributes:
        twice: run it again and compare: the same seed gives the same run.
    """

    generator: str
    seed: int
    size: int
    twice: bool = False

    @property
    def replay(self):
        """The command that shows this run."""
        chosen = f"--generator {self.generator} --seed {self.seed} --size {self.size}"
        return f"scripts/simulate {chosen} --trace"


def generator_of(seed):
    """All four in equal shares."""
    return GENERATORS[seed % len(GENERATORS)]


def size_of(seed):
    """80 % of four validators, 15 % of five to seven, 5 % of ten to thirteen."""
    roll = random.Random(f"size {seed}")
    percent = roll.randrange(100)
    if percent < 80:
        return 4
    return roll.randint(5, 7) if percent < 95 else roll.randint(10, 13)


def job_of(seed, generator=None, size=None):
    """The run that a seed names, narrowed by what was asked for."""
    return Job(generator or generator_of(seed), seed, size or size_of(seed))


def missing_generators(names):
    """Those of some generators that no module makes."""
    return [name for name in sorted(names) if importlib.util.find_spec(MODULE.format(name)) is None]


def load_generators():
    """Load all modules that runs need."""
    for name in GENERATORS:
        importlib.import_module(MODULE.format(name))


def outcome_of(job, story=None):
    """Run it; a generator's module is loaded when it is needed.

    Raises:
        AssertionError: a promise was broken.
    """
    module = importlib.import_module(MODULE.format(job.generator))
    return module.run(job.seed, job.size, story)


def result_of(job):
    """Run it, and say what came of it as a record of plain values."""
    began = time.monotonic()
    record = {"generator": job.generator, "seed": job.seed, "size": job.size}
    try:
        outcome = outcome_of(job)
        if job.twice:
            assert outcome == outcome_of(job), "the same seed gave another run"
    except Exception as error:  # noqa: BLE001 - whatever a run raises is a finding
        record["violation"] = _reason(error)
    else:
        record["digest"] = outcome.digest[:16]
        record["ms"] = outcome.simulated_ms
        record["met"] = [name for name in MET if name in outcome.met]
        record["seen"] = list(outcome.seen)
    record["seconds"] = round(time.monotonic() - began, 3)
    return record


def _reason(error):
    """What was broken, and where if nobody expected it."""
    text = str(error).strip().partition("\n")[0]
    if isinstance(error, AssertionError) and text:
        return text
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{os.path.basename(frame.filename)}:{frame.lineno}"  # noqa: PTH119 - of a frame
    return f"{type(error).__name__} at {place}: {text or frame.line}"


def results_of(jobs, processes):
    """The results of many runs, in the order in which they end."""
    if processes == 1:
        yield from map(_watched, jobs)
        return
    with multiprocessing.Pool(processes, initializer=_deaf) as pool:
        yield from pool.imap_unordered(_watched, jobs)


def _deaf():
    """Control-C goes to the parent alone, which ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _watched(job):
    """A run that never ends is a finding too."""

    def too_long(*_):
        raise AssertionError(f"no end after {SECONDS_MAX} s")

    before = signal.signal(signal.SIGALRM, too_long)
    others = signal.alarm(SECONDS_MAX)
    try:
        return result_of(job)
    finally:
        signal.alarm(others)
        signal.signal(signal.SIGALRM, before)


class Tally:
    """What many runs met."""

    def __init__(self):
        self.runs, self.violations, self.simulated_ms, self.seconds = 0, [], 0, 0.0
        self.met = dict.fromkeys(MET, 0)
        self.seen, self.generators, self.sizes = {}, {}, {}

    def add(self, record):
        """Count a run."""
        self.runs += 1
        self.seconds += record["seconds"]
        _count(self.generators, record["generator"])
        _count(self.sizes, record["size"])
        if "violation" in record:
            self.violations.append(record)
            return
        self.simulated_ms += record["ms"]
        for name in record["met"]:
            self.met[name] += 1
        for name in record["seen"]:
            _count(self.seen, name)

    def percent(self, name):
        """In how many of a hundred runs something was met, rounded down."""
        return 100 * self.met[name] // max(self.runs, 1)

    def too_rare(self):
        """What was met in fewer runs than needed."""
        return [name for name, needed in NEEDED.items() if self.percent(name) < needed]


def _count(counts, name):
    counts[name] = counts.get(name, 0) + 1
