"""Four real node processes on loopback in a temporary folder, and what tests do with them.

The promise: nothing outlives the test, also when it fails; the user's own demo is never touched.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from hansa.client.plain import Client
from node import demo
from node.cli import main as hansa_main
from node.network import read_network

ROOT = Path(__file__).resolve().parents[2]
COMMAND_S_MAX = 90.0
"""No command of these tests takes longer, on a machine that does other things too."""
POLL_S = 0.02
API_PORT, P2P_PORT, PORTS_A_WORKER = 18_600, 28_600, 100
"""Free ports are looked for from here on: workers that start at once must not find the same."""


@dataclass(frozen=True)
class Ended:
    """A command that ended: exit code and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def document(self):
        """Standard output as JSON."""
        return json.loads(self.out)


def run_hansa(*arguments, home, cwd=None, env=None, data=None):
    """`hansa` in a process of its own; its HOME is the test's folder."""
    assert callable(hansa_main)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "node.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=COMMAND_S_MAX,
        cwd=cwd,
        input=data,
        env={**os.environ, "HOME": str(home), **(env or {})},
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def until(condition, timeout_s, what):
    """Wait until `condition()` gives something true, and give that back."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        time.sleep(POLL_S)


class DemoNetwork:
    """The demo's network in a folder of a test.

    Attributes:
        home: its directory.
        facts: what `hansa demo -o json` printed.
    """

    def __init__(self, home):
        self.home = home
        self.facts = {}

    def up(self):
        """Start it, story and all."""
        worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
        ports = [base + worker * PORTS_A_WORKER for base in (API_PORT, P2P_PORT)]
        words = ("--api-port", ports[0], "--p2p-port", ports[1])
        ended = self.hansa("demo", "--no-input", "-o", "json", *words)
        assert ended.code == 0, ended.err
        self.facts = ended.document
        return self

    def hansa(self, *arguments, data=None):
        """A command on this network."""
        words = list(arguments)
        return run_hansa(*words, "--home", self.home, home=self.home.parent, data=data)

    @property
    def nodes(self):
        """The entries of `network.json`."""
        return read_network(self.home).nodes

    def entry(self, name):
        """One of them."""
        return read_network(self.home).node(name)

    def processes(self):
        """The processes as they are now."""
        return demo.inspect_all(self.home, read_network(self.home))

    def client(self, name="node0"):
        """A client of one node; a context manager."""
        return Client(self.entry(name).api)

    def status(self, name):
        """What a node says of itself; None when it does not answer."""
        from hansa.errors import HansaError

        with self.client(name) as client, contextlib.suppress(HansaError):
            return client.status()
        return None

    def kill(self, *names):
        """SIGKILL to all of them at once; returns when they are gone."""
        chosen = [one for one in self.processes() if one.entry.name in names]
        for process in chosen:
            if process.pid is not None:
                os.kill(process.pid, signal.SIGKILL)
        for process in chosen:
            demo.kill(process)

    def start(self, *names):
        """`hansa demo start`: ready and caught up."""
        ended = self.hansa("demo", "start", *names, "-o", "json")
        assert ended.code == 0, ended.err
        return ended.document

    def log(self, name):
        """What a node wrote: its log and whatever else came out of it."""
        return (self.home / name / "logs" / demo.OUTPUT_FILE).read_text(errors="replace")

    def log_lines(self, name):
        """The log's entries; what is no JSON line is left out."""
        for line in self.log(name).splitlines():
            with contextlib.suppress(ValueError):
                entry = json.loads(line)
                if isinstance(entry, dict):
                    yield entry

    def metric(self, name, metric):
        """The value of a metric, summed over its labels, or over those that `metric` names."""
        with self.client(name) as client:
            text = client.metrics() if hasattr(client, "metrics") else _metrics(client.base_url)
        return sum(
            float(line.rpartition(" ")[2])
            for line in text.splitlines()
            if line.startswith((metric + " ", metric + "{"))
        )

    def resident_bytes(self, name):
        """The resident memory of a node's process."""
        (process,) = [one for one in self.processes() if one.entry.name == name]
        pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def close(self):
        """End every process; the folder stays."""
        with contextlib.suppress(Exception):
            for process in self.processes():
                demo.kill(process)


def _metrics(base_url):
    import urllib.request

    with urllib.request.urlopen(f"{base_url}/metrics", timeout=10) as reply:  # noqa: S310
        return reply.read().decode()


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A demo network for the tests of a module; one that kills nodes starts them again."""
    running = DemoNetwork(tmp_path_factory.mktemp("town") / "demo")
    try:
        yield running.up()
    finally:
        running.close()
