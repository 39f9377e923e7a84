"""How soon things are there: first commit of a demo, idle nodes, start of the command line.

The promise: it measures what a stranger types, in a directory of its own, and removes it.
`python -m node.bench_startup` prints one JSON object; progress goes to standard error.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from statistics import median

import msgspec

from node.bench import machine, versions
from node.network import NETWORK_FILE, NETWORK_VERSION, Network, read_network

RUNS = 10
"""Starts of each command; the figure is their median."""
IDLE_S = 5.0
"""Quiet before memory is read."""
TIMEOUT_S = 120.0
POLL_S = 0.02
STATUS_TIMEOUT_S = 1.0


class Startup(msgspec.Struct, frozen=True):
    """The figures.

    Attributes:
        help_ms: `hansa --help`, median.
        version_ms: `hansa version`.
        status_ms: `hansa status` of a running network of four.
        demo_first_commit_s: from `hansa demo` to the first committed transaction.
        demo_done_s: from `hansa demo` to its return, the story told.
        idle_bytes: memory in RAM of each node, idle after the demo.
    """

    help_ms: float
    version_ms: float
    status_ms: float
    demo_first_commit_s: float
    demo_done_s: float
    idle_bytes: tuple[int, ...]


def command(*arguments: str) -> list[str]:
    """A command line of hansa, by this interpreter."""
    script = Path(sys.executable).with_name("hansa")
    head = [str(script)] if script.exists() else [sys.executable, "-P", "-m", "node.cli"]
    return [*head, *arguments]


def start_ms(*arguments: str) -> float:
    """The median time of a command from its start to its end, in ms."""
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        subprocess.run(  # noqa: S603 - our own command
            command(*arguments), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        times.append((time.perf_counter() - started) * 1_000)
    return round(median(times), 1)


def measure() -> Startup:
    """Run a demo network in a new directory and take all figures."""
    home = Path(tempfile.mkdtemp(prefix="hansa-startup-")) / "demo"
    try:
        started = time.monotonic()
        demo = subprocess.Popen(  # noqa: S603 - our own command
            command("demo", "--home", str(home), "--no-input", "-o", "json"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _wait_commit(home, demo, started + TIMEOUT_S)
        first = time.monotonic() - started
        demo.wait(TIMEOUT_S)
        done = time.monotonic() - started
        time.sleep(IDLE_S)
        return Startup(
            help_ms=start_ms("--help"),
            version_ms=start_ms("version"),
            status_ms=start_ms("status", "--home", str(home), "-o", "json"),
            demo_first_commit_s=round(first, 2),
            demo_done_s=round(done, 2),
            idle_bytes=tuple(map(_resident, _pids(home))),
        )
    finally:
        remove = command("demo", "rm", "--yes", "--home", str(home))
        subprocess.run(remove, check=False, capture_output=True)  # noqa: S603 - our own command
        for pid in _pids(home):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(home.parent, ignore_errors=True)


def _wait_commit(home: Path, demo: "subprocess.Popen[bytes]", deadline: float) -> None:
    """Wait until a node of the network that is being made has a block.

    Raises:
        TimeoutError: it does not come, or the demo failed.
    """
    while not any(_height(api) for api in _apis(home)):
        if time.monotonic() > deadline or demo.poll():
            raise TimeoutError("hansa demo did not commit anything")
        time.sleep(POLL_S)


def _network(home: Path) -> Network:
    if not (home / NETWORK_FILE).exists():
        return Network("none", (), version=NETWORK_VERSION)
    return read_network(home)


def _apis(home: Path) -> list[str]:
    """The first node that is ready."""
    for entry in _network(home).nodes[:1]:
        if (home / entry.home / "ready.json").exists():
            return [entry.api]
    return []


def _height(api: str) -> int:
    try:
        with urllib.request.urlopen(f"{api}/v1/status", timeout=STATUS_TIMEOUT_S) as reply:  # noqa: S310 - our own node
            height = json.load(reply)["height"]
    except (OSError, urllib.error.URLError, ValueError):
        return 0
    assert isinstance(height, int)
    return height


def _pids(home: Path) -> list[int]:
    files = [home / entry.home / "node.pid" for entry in _network(home).nodes]
    return [int(file.read_text()) for file in files if file.exists()]


def _resident(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Print the figures with the machine and the versions."""
    print("  measuring start-up, about half a minute", file=sys.stderr)  # noqa: T201
    figures = msgspec.to_builtins(measure())
    report = {**figures, "runs": RUNS, "machine": machine(), "versions": versions()}
    print(json.dumps(report, indent=2))  # noqa: T201 - the result


if __name__ == "__main__":
    main()
