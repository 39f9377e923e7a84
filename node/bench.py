"""`hansa bench`: a fresh network under load, held against what libsodium can do on the machine.

The promise: what is measured is the shipped product, real processes loaded through the API by
other processes; throughput is counted from the blocks, latency by the client's clock, and the
limit of the machine is taken in the same run, with the load stopped, before, between and after
the two halves of the load. Whatever ends a run, nothing of it is left.
"""

import contextlib
import os
import platform
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TypeAlias

from hansa.errors import Rejected
from node.bench_figures import (
    BlockCount,
    Limit,
    Shares,
    Window,
    difference,
    limit_of,
    percentile,
    shares_of,
    steady_rate,
)
from node.bench_load import MEMBERS_MAX, LoadPlan, Workload
from node.bench_network import BenchNetwork, Counts, create, machine_cpu_s
from node.bench_process import Crew
from node.bench_worker import Load, Loaded, Make
from node.clock import wall_ms

Report: TypeAlias = dict[str, object]
"""The JSON of `hansa bench`."""
Say = Callable[[str], None]

DEFAULT_KEYS = 1_000
DEFAULT_SEED = 1
BATCH = 100
"""Transactions of one request: what a gateway of scanners gathers in a tenth of a second."""
IN_FLIGHT = 2_400
"""Transactions on their way in all: enough that a block is always waiting, far from full."""
RAMP_MS = 2_000
"""Cut off at the start of each half; of short halves a quarter."""
SUPPLY_SHARE = 0.6
"""Transactions are made for so much of the limit: more than any run has used up."""
SUPPLY_MAX = 1_000_000
"""Transactions signed in advance, about 1 GiB."""
SUPPLY_MIN = 10_000
"""Enough for a short run where the limit was measured too low."""
OTHERS_MAX = 0.05
"""Of the machine's processor time: beyond it a run says that it was disturbed."""
KEYS_MAX = 40_000
"""People that fit into a genesis file."""
EXPIRY_MS = 6 * 3600 * 1000
"""No transaction dies during a run."""
SIGNED_PACKAGES = ("hansa-node", "hansa-sdk", "PyNaCl", "plyvel", "aiohttp", "msgpack", "msgspec")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run is asked to do.

    Attributes:
        nodes: node processes, each of its own member.
        seconds: of load, in two halves.
        workload: the kind of transaction.
        keys: client keys.
        rate: transactions a second; None: as many as the network takes.
        seed: of keys and contents.
        in_flight: transactions on their way, when there is no rate.
    """

    nodes: int = 4
    seconds: int = 20
    workload: Workload = "epcis"
    keys: int = DEFAULT_KEYS
    rate: int | None = None
    seed: int = DEFAULT_SEED
    in_flight: int = IN_FLIGHT


@dataclass(frozen=True, slots=True)
class Measured:
    """What the phases of a run left.

    Attributes:
        first_commit_s: from nothing to the first committed transaction.
        rounds: slices of each round of verification.
        halves: of load; one entry a process in each.
        shares: of each half, how much of the machine idled and how much others took.
        before: counts of the nodes, idle.
        after: the same at the end.
        blocks: all blocks of the load.
        height: of all nodes at the end.
        agree: whether they all have the same block there.
    """

    first_commit_s: float
    rounds: list[list[float]]
    halves: list[list[Loaded]]
    shares: list[Shares]
    before: list[Counts]
    after: list[Counts]
    blocks: list[BlockCount]
    height: int
    agree: bool


def run(settings: Settings, say: Say, directory: Path | None = None) -> Report:
    """Measure a fresh network in a new directory; `directory` keeps it for a look afterwards.

    Raises:
        Rejected: ``bench.settings``.
        Unavailable: a process did not do its part.
    """
    _check(settings)
    with _interruptible(), contextlib.ExitStack() as stack:
        if directory is None:
            parent = Path(tempfile.mkdtemp(prefix="hansa-bench-"))
            stack.callback(shutil.rmtree, parent, ignore_errors=True)
            home = parent / "network"
        else:
            home = directory.expanduser().absolute()
        crew = stack.enter_context(Crew(os.cpu_count() or 1))
        started = time.monotonic()
        network = create(home, settings.nodes, settings.seed, settings.keys)
        stack.callback(network.stop)
        stack.callback(_deaf)  # first of all, however this ends
        network.start()
        say(f"  {settings.nodes} nodes run, {settings.keys} client keys in genesis")
        measured = _measure(settings, network, crew, started, say)
        disturbed = max(one.others for one in measured.shares)
        if disturbed > OTHERS_MAX:
            say(f"  ! other processes took {disturbed:.0%} of the machine: the figures are too low")
        return _report(settings, measured, [entry.name for entry in network.network.nodes])


def _check(settings: Settings) -> None:
    if settings.nodes > MEMBERS_MAX:
        raise Rejected("bench.settings", f"{settings.nodes} nodes, at most {MEMBERS_MAX}")
    if not settings.nodes <= settings.keys <= KEYS_MAX:
        raise Rejected(
            "bench.settings", f"{settings.keys} keys, {settings.nodes} to {KEYS_MAX} may be"
        )
    if settings.rate is not None and settings.rate * settings.seconds > SUPPLY_MAX:
        raise Rejected(
            "bench.settings",
            f"{settings.rate * settings.seconds} transactions, at most {SUPPLY_MAX} are signed",
            "lower --rate or --seconds",
        )


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Let a request to end unwind the stack, as an interrupt does, and let nothing disturb that."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(number: int, frame: object) -> None:
        del number, frame
        _deaf()
        raise KeyboardInterrupt

    kept = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def _deaf() -> None:
    """The end has begun: a second interrupt must not leave processes behind."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


# -- the phases ------------------------------------------------------------------------------


def _measure(
    settings: Settings, network: BenchNetwork, crew: Crew, started: float, say: Say
) -> Measured:
    now = wall_ms()
    plan = LoadPlan(
        chain_id=network.network.chain_id,
        workload=settings.workload,
        seed=settings.seed,
        keys=settings.keys,
        members=settings.nodes,
        made_at=now,
        expires_at=now + EXPIRY_MS,
    )
    crew.make([_share(plan, 0, 1, 1)])
    crew.load([Load(network.apis[:1], 1, 1, 0)])
    first_commit_s = time.monotonic() - started
    crew.make([_share(plan, 1, 1, 1)] * crew.size)
    rounds = [crew.limit()]
    supply = _supply(settings, limit_of(rounds))
    share = -(-supply // crew.size)
    made = crew.make(
        [_share(plan, 1 + i * share, share, _batch(settings)) for i in range(crew.size)]
    )
    say(f"  first commit after {first_commit_s:.1f} s; {made} transactions signed in advance")
    before = network.counts()
    halves, shares = [], []
    for half in range(2):
        say(f"  half {half + 1} of the load: {settings.seconds / 2:g} s")
        ours, machine_before = network.cpu_s(), machine_cpu_s()
        loads = crew.load(_loads(settings, network.apis, crew.size))
        ours = network.cpu_s() - ours + sum(one.cpu_ms for one in loads) / 1_000
        shares.append(shares_of(machine_before, machine_cpu_s(), ours))
        halves.append(loads)
        network.settle()
        rounds.append(crew.limit())
    height, agree = network.settle()
    after = network.counts()
    say("  counting blocks")
    windows = _windows(halves)
    blocks = network.blocks(windows[0].start, windows[-1].drained)
    return Measured(first_commit_s, rounds, halves, shares, before, after, blocks, height, agree)


def _share(plan: LoadPlan, first: int, count: int, batch: int) -> Make:
    return Make(plan, first, count, batch)


def _batch(settings: Settings) -> int:
    """Transactions of a request; with a low rate fewer, so that they come evenly."""
    if settings.rate is None:
        return BATCH
    return max(1, min(BATCH, settings.rate // 20))


def _supply(settings: Settings, limit: Limit) -> int:
    """How many transactions to sign in advance."""
    if settings.rate is not None:
        return settings.rate * (settings.seconds + 1)
    wanted = int(limit.median / settings.nodes * SUPPLY_SHARE * settings.seconds)
    if wanted > SUPPLY_MAX:
        raise Rejected(
            "bench.settings",
            f"{wanted} transactions for {settings.seconds} s, at most {SUPPLY_MAX} are signed",
            "lower --seconds, or give --rate",
        )
    return max(wanted, SUPPLY_MIN)


def _loads(settings: Settings, apis: Sequence[str], size: int) -> list[Load]:
    """Orders for half of the load: the nodes are dealt out to the processes."""
    busy = min(size, len(apis))
    window = max(1, round(settings.in_flight / BATCH / len(apis)))
    gap_ms = 0.0 if settings.rate is None else 1_000 * busy * _batch(settings) / settings.rate
    seconds = settings.seconds / 2
    return [Load(tuple(apis[i::busy]), seconds, window, gap_ms) for i in range(busy)]


# -- the report --------------------------------------------------------------------------------


def _windows(halves: Sequence[Sequence[Loaded]]) -> list[Window]:
    """Where the load was steady."""
    windows = []
    for half in halves:
        start = max(one.started for one in half)
        stop = min(one.stopped for one in half)
        ramp = min(RAMP_MS, (stop - start) // 4)
        windows.append(Window(start + ramp, stop, max(one.drained for one in half)))
    return windows


def _report(settings: Settings, measured: Measured, names: Sequence[str]) -> Report:
    limit = limit_of(measured.rounds)
    rate = steady_rate(measured.blocks, _windows(measured.halves))
    all_loads = [one for half in measured.halves for one in half]
    samples = _samples(all_loads, settings)
    problems: dict[str, int] = {}
    for one in all_loads:
        for code, count in one.problems.items():
            problems[code] = problems.get(code, 0) + count
    return {
        "workload": settings.workload,
        "tx_per_s": round(rate.per_s, 1),
        "p50_ms": _ms(percentile(samples, 50)),
        "p99_ms": _ms(percentile(samples, 99)),
        "verify_limit_per_s": round(limit.median),
        "verify_limit_spread": round(limit.spread, 3),
        "verify_limit_rounds": [round(middle) for middle in limit.rounds],
        "fraction_of_limit": round(settings.nodes * rate.per_s / limit.median, 4),
        "transactions": rate.transactions,
        "refused": sum(block.refused for block in measured.blocks),
        "blocks": rate.blocks,
        "steady_ms": rate.ms,
        "latency_samples": len(samples),
        "problems": problems,
        "supply_exhausted": any(one.exhausted for one in all_loads) and settings.rate is None,
        "first_commit_s": round(measured.first_commit_s, 2),
        "height": measured.height,
        "agree": measured.agree,
        "cpu_idle": round(max(one.idle for one in measured.shares), 3),
        "cpu_others": round(max(one.others for one in measured.shares), 3),
        "clients_cpu_s": sum(one.cpu_ms for one in all_loads) / 1_000,
        "nodes": [
            _node(name, before, after)
            for name, before, after in zip(names, measured.before, measured.after, strict=True)
        ],
        "parameters": {
            "nodes": settings.nodes,
            "seconds": settings.seconds,
            "keys": settings.keys,
            "rate": settings.rate,
            "seed": settings.seed,
            "batch": _batch(settings),
            "in_flight": None if settings.rate else settings.in_flight,
        },
        "machine": machine(),
        "versions": versions(),
    }


def _samples(loads: Sequence[Loaded], settings: Settings) -> list[int]:
    """Latencies in µs of what was submitted after the ramp."""
    ramp = min(RAMP_MS, settings.seconds * 500 // 4)
    return [took for one in loads for at, took in one.samples if at >= ramp]


def _ms(us: int | None) -> float | None:
    return None if us is None else round(us / 1_000, 1)


def _node(name: str, before: Counts, after: Counts) -> Report:
    grown = difference(before.counters, after.counters)
    cpu_s, receipts = after.cpu_s - before.cpu_s, after.log_size - before.log_size
    return {
        "name": name,
        **{what: None if value is None else int(value) for what, value in grown.items()},
        "cpu_s": round(cpu_s, 2),
        "cpu_us_per_tx": round(cpu_s * 1e6 / receipts) if receipts else None,
        "idle_bytes": before.resident_bytes,
        "resident_bytes": after.resident_bytes,
    }


def machine() -> Report:
    """The machine, as far as figures depend on it."""
    model = ""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "system": f"{platform.system()} {platform.release()}",
    }


def versions() -> Report:
    """Python and the packages that do the work."""
    found: Report = {"python": platform.python_version()}
    for package in SIGNED_PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found
