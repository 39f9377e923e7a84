"""The demo's network and the processes of any network on this machine.

Each node is a real `hansa node start` in a process of its own, told apart by the
`node.pid` and `ready.json` that it writes. A pid is believed only while the process
behind it names the node's home, so that a number that was reused is never signalled.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hansa.errors import Rejected, Unavailable
from node.network import LOOPBACK, Network, NodeEntry

POLL_S = 0.02
"""Pause between two looks at a file or a process: short against a start of 1.5 s."""
START_TIMEOUT_S = 60.0
"""A node that is not ready by then will not be: a cold start takes about 2 s."""
STOP_TIMEOUT_S = 20.0
"""An ordered stop ends within a block and a sync of the disk; later the node is killed."""
LOG_TAIL_LINES = 5
"""Of a node that ended at once: what it said last."""
PORT_BLOCKS_MAX = 50
"""Blocks of ports that are tried before giving up."""
PORT_BLOCK = 10
"""Ports of one block: as many nodes as a network on one machine has, rounded up."""
OUTPUT_FILE = "node.out"
"""What a node prints outside its log: refusals to start, faults of the interpreter."""


@dataclass(frozen=True, slots=True)
class Process:
    """A node's process.

    Attributes:
        entry: which node.
        home: its home.
        pid: its process, or None when it does not run.
        api: where its API listens, once it is ready.
    """

    entry: NodeEntry
    home: Path
    pid: int | None
    api: str | None

    @property
    def ready(self) -> bool:
        """Whether its API answers."""
        return self.pid is not None and self.api is not None


def inspect(directory: Path, entry: NodeEntry) -> Process:
    """A node's process as it is now."""
    home = directory / entry.home
    pid = _live_pid(home)
    ready = _read_ready(home)
    matches = pid is not None and ready.get("pid") == pid
    api = ready.get("api") if matches else None
    return Process(entry, home, pid, api if isinstance(api, str) else None)


def inspect_all(directory: Path, network: Network) -> tuple[Process, ...]:
    """The processes of all nodes."""
    return tuple(inspect(directory, entry) for entry in network.nodes)


def launch(directory: Path, entries: Sequence[NodeEntry]) -> dict[str, int]:
    """Start those nodes that do not run; pids by node name. Does not wait."""
    started: dict[str, int] = {}
    for entry in entries:
        running = inspect(directory, entry).pid
        started[entry.name] = running or _spawn(directory / entry.home)
    return started


def _spawn(home: Path) -> int:
    """Start one node, detached from this terminal and its pipes."""
    logs = home / "logs"
    logs.mkdir(exist_ok=True)
    for stale in ("ready.json", "node.pid"):
        (home / stale).unlink(missing_ok=True)
    command = [sys.executable, "-P", "-m", "node.cli", "node", "start", "--home", str(home)]
    with (logs / OUTPUT_FILE).open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and command
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd=home,
        )
    process.returncode = 0  # detached: this object must not warn that the node outlives it
    return process.pid


def wait_ready(
    directory: Path, started: dict[str, int], entries: Sequence[NodeEntry], timeout_s: float
) -> tuple[Process, ...]:
    """Wait until the APIs of all these nodes answer.

    Raises:
        Unavailable: ``node.died`` (with its last words) or ``node.start-timeout``.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        processes = tuple(inspect(directory, entry) for entry in entries)
        if all(process.ready for process in processes):
            return processes
        for process in processes:
            if not process.ready and not _alive(started[process.entry.name]):
                raise _died(process)
        if time.monotonic() > deadline:
            late = ", ".join(process.entry.name for process in processes if not process.ready)
            raise Unavailable(
                "node.start-timeout",
                f"{late}: not ready within {timeout_s:.0f} s",
                f"read {processes[0].home.parent}/NODE/logs/{OUTPUT_FILE}",
            )
        time.sleep(POLL_S)


def _died(process: Process) -> Unavailable:
    log = process.home / "logs" / OUTPUT_FILE
    words = ""
    with contextlib.suppress(OSError):
        words = " / ".join(log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])
    return Unavailable(
        "node.died",
        f"{process.entry.name} ended at its start: {words or 'it said nothing'}",
        f"read {log}, then: hansa node start --home {process.home}",
    )


def kill(process: Process) -> bool:
    """End a node without a warning (SIGKILL); whether it ran."""
    return _end(process, signal.SIGKILL, STOP_TIMEOUT_S)


def stop(processes: Sequence[Process], timeout_s: float = STOP_TIMEOUT_S) -> tuple[str, ...]:
    """Stop nodes in order (SIGTERM to all, then wait); the names of those that ran.

    One that does not end in time is killed: its WAL makes that safe.
    """
    running = [process for process in processes if process.pid is not None]
    for process in running:
        _signal(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout_s
    for process in running:
        if not _wait_end(process.pid, max(0.0, deadline - time.monotonic())):
            kill(process)
    return tuple(process.entry.name for process in running)


def _end(process: Process, number: signal.Signals, timeout_s: float) -> bool:
    if process.pid is None:
        return False
    _signal(process.pid, number)
    _wait_end(process.pid, timeout_s)
    return True


def _signal(pid: int | None, number: signal.Signals) -> None:
    assert pid is not None
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _wait_end(pid: int | None, timeout_s: float) -> bool:
    """Whether the process ended in time."""
    assert pid is not None
    deadline = time.monotonic() + timeout_s
    while _alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def _alive(pid: int) -> bool:
    """Whether a process runs; one that ended and that nobody has waited for does not."""
    with contextlib.suppress(OSError):
        os.waitpid(pid, os.WNOHANG)
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


def _live_pid(home: Path) -> int | None:
    """The pid in `node.pid`, if that process runs and was started for this home."""
    try:
        pid = int((home / "node.pid").read_text().split()[0])
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError, IndexError):
        return None
    mine = {os.fsencode(home), os.fsencode(home.resolve())}
    return pid if mine & set(command) and _alive(pid) else None


def _read_ready(home: Path) -> dict[str, object]:
    try:
        ready = json.loads((home / "ready.json").read_text())
    except (OSError, ValueError):
        return {}
    return ready if isinstance(ready, dict) else {}


def free_ports(api_base: int, p2p_base: int, count: int) -> tuple[int, int]:
    """The first two blocks of `count` free ports at or above the bases.

    Raises:
        Rejected: ``ports.taken`` when none of the blocks that are tried is free.
    """
    for block in range(PORT_BLOCKS_MAX):
        shift = block * max(PORT_BLOCK, count)
        ports = [base + shift + index for base in (api_base, p2p_base) for index in range(count)]
        if all(_is_free(port) for port in ports):
            return api_base + shift, p2p_base + shift
    raise Rejected(
        "ports.taken",
        f"no {count} free ports in a row from {api_base} and {p2p_base}",
        "end what listens there, or choose others: --api-port N --p2p-port N",
    )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
