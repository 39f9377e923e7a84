"""Campaigns of many hours that can be broken off: `scripts/simulate campaign` and `report`.

What a run gave is true of the code that it ran, so that results are kept by a digest of that
code: `DIR/DIGEST/SHARD.jsonl`, a line a run, appended. A campaign goes on where it stopped; a
last line that was cut is dropped and its run repeated. Shards that ran elsewhere are merged by
copying their files into one folder.
"""

import ast
import hashlib
import json
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.cases import drawing, walking
from tests.simulation.jobs import (
    GENERATORS,
    NEEDED,
    Job,
    Tally,
    job_of,
    load_generators,
    missing_generators,
    results_of,
)

ROOT = Path(__file__).resolve().parents[2]
SEEDS, CASES = 20_000, 80_000
BATCH = 240
"""Runs between two looks at the clock: some seconds."""
TWICE_EVERY = 100
"""Every so many runs one is run again, and must give the same."""
FOLDERS = ("consensus", "storage")
"""Every file of these counts; of the rest, what the generators import, directly or not."""
FOLLOWED = ("consensus", "hansa", "ledger", "node", "p2p", "storage", "tests")
_APPLICATION = "no simulated transaction calls it, and what no call names is never carried out"
_QUESTION = "queries are asked through the API, which no simulated world serves"
NEVER_RUN = {
    **{
        f"ledger.contracts.{name}": _APPLICATION
        for name in ("asset", "cred", "grant", "match", "profile", "script", "trace")
    },
    "node.sandbox": _APPLICATION,
    "node.questions": _QUESTION,
    "ledger.queries": _QUESTION,
    "ledger.query": _QUESTION,
}
"""Modules that are imported and never executed, and why: they do not count, nor do those that
nothing else imports. `test_digest.py` runs every generator to see that this is so.
"""
JUDGED_FROM = 1_000
"""Fewer seeds say nothing about how often something is met."""


# -- the code under test -------------------------------------------------------------------------


def sources():
    """The files whose change makes old results worthless, in order."""
    found = {path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")}
    waiting = sorted(found)
    simulation = ROOT / "tests" / "simulation"
    begun = [simulation / f"{name}.py" for name in ("jobs", *GENERATORS)]
    begun = [path for path in begun if path.is_file()]
    found |= set(begun)
    waiting += begun
    while waiting:
        for name in _imports(waiting.pop()):
            path = None if name in NEVER_RUN else _file_of(name)
            if path is not None and path not in found:
                found.add(path)
                waiting.append(path)
    return sorted(found)


def _file_of(name):
    """Where a module of this repository stands; None for what is no such module."""
    first, *rest = name.split(".")
    if first not in FOLLOWED:
        return None
    base = (ROOT / "sdk" / "src" if first == "hansa" else ROOT).joinpath(first, *rest)
    places = (base.with_suffix(".py"), base / "__init__.py")
    return next((path for path in places if path.is_file()), None)


def _imports(path):
    """The modules that a file names, also those named inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def code_digest():
    """One name for the code under test."""
    digest = hashlib.sha256()
    for path in sources():
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(ROOT).as_posix()} {content}\n".encode())
    return digest.hexdigest()[:16]


# -- what runs -----------------------------------------------------------------------------------


def case_job(number):
    """A view-scripted case: a walk through all small scripts, drawn ones of 4 and 7, liars."""
    index, kind = divmod(number, 3)
    half, odd = divmod(index, 2)
    twice = number % TWICE_EVERY == 0
    if kind == 0:
        return Job("scripted", walking(index), 4, twice)
    if kind == 1:
        return Job("scripted", drawing(index), 4, twice)
    if odd:
        return Job("scripted", drawing(half), 7, twice)
    return Job("lying", half, (4, 7)[half % 2], twice)


def swarm_job(number):
    """A seed of all generators."""
    job = job_of(number)
    return Job(job.generator, job.seed, job.size, number % TWICE_EVERY == 0)


KINDS = {"seed": swarm_job, "case": case_job}


def in_shard(number, shard, shards):
    """Each shard gets whole groups of four seeds: one of each generator."""
    return number // len(GENERATORS) % shards == shard


def wanted(totals, done, shard, shards):
    """What is missing of a campaign, both kinds side by side from the first minute."""
    waiting = {
        kind: [
            number
            for number in range(totals[kind])
            if (kind, number) not in done and in_shard(number, shard, shards)
        ]
        for kind in KINDS
    }
    order = [
        ((place + 1) / len(numbers), kind, number)
        for kind, numbers in waiting.items()
        for place, number in enumerate(numbers)
    ]
    return [(kind, number) for _, kind, number in sorted(order)]


# -- results -------------------------------------------------------------------------------------


class Results:
    """The results of one digest in a folder."""

    def __init__(self, folder, digest):
        self.folder = Path(folder) / digest

    def records(self):
        """Every whole line of every shard, each run once."""
        seen = set()
        for path in sorted(self.folder.glob("*.jsonl")):
            for line in path.read_bytes().splitlines(keepends=True):
                if not line.endswith(b"\n"):
                    continue
                record = json.loads(line)
                key = (record["kind"], record["number"])
                if key not in seen:
                    seen.add(key)
                    yield record

    def open(self, shard, shards):
        """The file that a shard appends to, without a last line that was cut."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{shard}of{shards}.jsonl"
        if path.exists():
            content = path.read_bytes()
            os.truncate(path, content.rfind(b"\n") + 1)
        return path.open("a", encoding="utf-8")


def keep(file, kind, number, record):
    """Append a result; the caller syncs."""
    line = {"kind": kind, "number": number, **record}
    file.write(json.dumps(line, separators=(",", ":")) + "\n")


@dataclass
class Progress:
    """How far a campaign is, for the one who waits."""

    todo: int
    violations: int = 0
    done: int = 0

    def __post_init__(self):
        self._began = self._told = time.monotonic()

    def tell(self, every_s=30.0, *, last=False):
        """A line now and then."""
        now = time.monotonic()
        if not last and now - self._told < every_s:
            return
        self._told = now
        pace = self.done / max(now - self._began, 0.001)
        left = (self.todo - self.done) / pace / 3_600 if pace else 0
        print(
            f"{self.done} of {self.todo} runs, violations {self.violations}, "
            f"{pace:.1f} runs/s, {left:.1f} h left",
            flush=True,
        )


def run(folder, totals, *, hours=None, part=(0, 1), processes=1):
    """Run what is missing of a part, until it is done or time is up; the number of violations."""
    load_generators()  # every process is a copy of this one: code that changes later does not count
    results = Results(folder, code_digest())
    done = {(record["kind"], record["number"]) for record in results.records()}
    todo = wanted(totals, done, *part)
    print(f"digest {results.folder.name}: {len(done)} runs are there, {len(todo)} to do")
    progress = Progress(len(todo))
    ends = None if hours is None else time.monotonic() + hours * 3_600
    with results.open(*part) as file:
        for batch in batches(todo):
            if ends is not None and time.monotonic() >= ends:
                print("time is up: the same command goes on from here")
                break
            _run_batch(batch, file, progress, processes)
    progress.tell(last=True)
    return sum("violation" in record for record in results.records())


def batches(todo):
    """Parts of what is to do."""
    return [todo[start : start + BATCH] for start in range(0, len(todo), BATCH)]


def _run_batch(batch, file, progress, processes):
    jobs = {(kind, number): KINDS[kind](number) for kind, number in batch}
    keys = {}
    for key, job in jobs.items():
        keys.setdefault((job.generator, job.seed, job.size), []).append(key)
    for record in results_of(list(jobs.values()), processes):
        kind, number = keys[record["generator"], record["seed"], record["size"]].pop()
        keep(file, kind, number, record)
        progress.done += 1
        if "violation" in record:
            progress.violations += 1
            job = jobs[kind, number]
            print(f"✗ {kind} {number}: {record['violation']}; replay: {job.replay}", flush=True)
        progress.tell()
    file.flush()
    os.fsync(file.fileno())


# -- report --------------------------------------------------------------------------------------


def report(folder, digest):
    """The report of one digest, as lines, and whether all is well."""
    tallies = {kind: Tally() for kind in KINDS}
    everything = Tally()
    for record in Results(folder, digest).records():
        tallies[record["kind"]].add(record)
        everything.add(record)
    swarm, cases = tallies["seed"], tallies["case"]
    lines = [
        f"digest {digest}",
        f"seeds {swarm.runs} ({_shares(swarm.generators)})",
        f"cases {cases.runs} ({_shares(cases.generators)})",
        f"validators: {_shares(everything.sizes)}",
        f"simulated cluster-hours {everything.simulated_ms / 3_600_000:.1f}",
        f"hours of one core {everything.seconds / 3_600:.2f}",
    ]
    judged = swarm.runs >= JUDGED_FROM
    for name, needed in NEEDED.items():
        rule = f"{needed} % needed" if judged else f"judged from {JUDGED_FROM} seeds on"
        lines.append(f"{name} in {swarm.percent(name)} % of seeds ({rule})")
    lines.append("strategies, faults and branches of the protocol, and how many runs met them:")
    lines += [f"{count:>9} {name}" for name, count in sorted(everything.seen.items())]
    for record in everything.violations:
        job = Job(record["generator"], record["seed"], record["size"])
        lines.append(f"✗ {record['kind']} {record['number']}: {record['violation']}")
        lines.append(f"  replay: {job.replay}")
    lines.append(f"violations {len(everything.violations)}")
    rare = swarm.too_rare() if judged else []
    if rare:
        lines.append(f"✗ too rare: {', '.join(rare)}")
    return lines, not (everything.violations or rare)


def _shares(counts):
    return ", ".join(f"{name} {counts[name]}" for name in sorted(counts)) or "none"


# -- the command line ----------------------------------------------------------------------------


def main(parser_class, words):
    """`scripts/simulate campaign`."""
    options = parser_class(
        prog="scripts/simulate campaign",
        description="Many runs that can be broken off; ends with 1 on a violation.",
    )
    options.add_argument("--resume", metavar="DIR", type=Path, required=True,
                         help="keeps the results; what stands there is not run again")  # fmt: skip
    options.add_argument("--hours", metavar="H", type=float, help="stop after so long")
    options.add_argument("--seeds", metavar="N", type=int, default=SEEDS,
                         help=f"seeds of all four generators (default {SEEDS})")  # fmt: skip
    options.add_argument("--cases", metavar="N", type=int, default=CASES,
                         help=f"view-scripted cases (default {CASES})")  # fmt: skip
    options.add_argument(
        "--shard", metavar="i/n", default="0/1", help="the i-th of n parts, from 0"
    )
    options.add_argument("--processes", metavar="N", type=int, default=os.cpu_count())
    chosen = options.parse_args(words)
    part = re.fullmatch(r"(\d+)/(\d+)", chosen.shard)
    if part is None or int(part[1]) >= int(part[2]):
        options.error(f"--shard {chosen.shard!r} is no part i/n with i below n")
    if min(chosen.seeds, chosen.cases, chosen.processes - 1) < 0 or (chosen.hours or 1) <= 0:
        options.error("--seeds, --cases, --processes and --hours are not negative")
    missing = missing_generators(GENERATORS)
    if missing:
        options.error(f"no module in tests/simulation makes {', '.join(missing)}")
    violations = run(
        chosen.resume,
        {"seed": chosen.seeds, "case": chosen.cases},
        hours=chosen.hours,
        part=(int(part[1]), int(part[2])),
        processes=chosen.processes,
    )
    return 1 if violations else 0


def main_report(parser_class, words):
    """`scripts/simulate report`."""
    options = parser_class(
        prog="scripts/simulate report",
        description="What a campaign has run; ends with 1 on a violation or a lack of teeth.",
    )
    options.add_argument("folder", metavar="DIR", type=Path)
    chosen = options.parse_args(words)
    here = code_digest()
    digests = sorted(path.name for path in chosen.folder.glob("*/") if any(path.glob("*.jsonl")))
    if not digests:
        options.error(f"{chosen.folder} holds no results: scripts/simulate campaign --resume DIR")
    if here not in digests:
        print(f"nothing was run on the code as it is now (digest {here})")
    well = here in digests
    for digest in sorted(digests, key=lambda digest: digest == here):
        lines, fine = report(chosen.folder, digest)
        if digest != here:
            print(f"kept apart, of other code: {lines[0]}, {lines[1]}, {lines[2]}")
            continue
        well = fine
        print("\n".join(lines))
    return 0 if well else 1
