"""The network that `hansa bench` measures: fresh, in the shipped configuration, with clients.

Nothing is tuned: TLS between nodes, every sync, logs and limits are as `hansa net create` leaves
them; what is added is the people in genesis. Keys are development keys, which changes nothing
after the start.
"""

import os
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hansa.client.plain import Client
from hansa.client.types import BlockSummary
from hansa.errors import Unavailable
from hansa.genesis import LegalId, check_genesis, decode_genesis
from hansa.receipt import OK
from node import demo as processes
from node.bench_figures import BlockCount, samples_of
from node.bench_load import enrol, gln_of, prefix_of
from node.clock import wall_ms
from node.founding import MemberPlan, NetworkPlan, Protection, create_network, trust_of
from node.network import GENESIS_FILE, LOOPBACK, TRUST_FILE, HostPlan, Network, plan_nodes

API_PORTS, P2P_PORTS = 15_000, 20_000
"""Where free ports are looked for: apart from demo networks and the system's own choices."""
PORT_STEPS, PORT_STEP = 400, 10
"""Two runs at the same time begin at different places, by their process ids."""
QUORUM_TIMEOUT_S = 30.0
"""Nodes that do not see each other by then will not."""
SETTLE_TIMEOUT_S = 30.0
"""All nodes are at the same height by then, or something is wrong."""
LAST_WORDS_LINES = 12
"""Of a node that died: the end of its traceback."""
POLL_S = 0.05
PAGE = 100
TICKS_S = os.sysconf("SC_CLK_TCK")
COUNTERS = {
    "signatures_verified": "hansa_crypto_verified_total",
    "fsyncs": "hansa_storage_syncs_total",
    "keys_written": "hansa_storage_keys_total",
}
"""Figures of a node and the metrics that hold them."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What one node has done since its start; None where it does not say.

    Attributes:
        counters: those of `COUNTERS`.
        cpu_s: processor time in user and system mode.
        resident_bytes: memory in RAM now.
        log_size: receipts on the chain.
    """

    counters: dict[str, float | None]
    cpu_s: float
    resident_bytes: int
    log_size: int


class BenchNetwork:
    """A running network in a directory."""

    def __init__(self, directory: Path, network: Network) -> None:
        """Know the network; `start` starts it."""
        self._directory = directory
        self.network = network
        self.running: tuple[processes.Process, ...] = ()

    @property
    def apis(self) -> tuple[str, ...]:
        """The addresses of all nodes."""
        return tuple(process.api or "" for process in self.running)

    def start(self) -> None:
        """Start all nodes and wait until they see each other.

        Raises:
            Unavailable: a node died or is late, or ``bench.quorum``.
        """
        nodes = self.network.nodes
        started = processes.launch(self._directory, nodes)
        self.running = processes.wait_ready(
            self._directory, started, nodes, processes.START_TIMEOUT_S
        )
        deadline = time.monotonic() + QUORUM_TIMEOUT_S
        for api in self.apis:
            with Client(api) as client:
                while client.status().quorum.live < len(nodes):
                    if time.monotonic() > deadline:
                        raise Unavailable("bench.quorum", f"{api} does not see all others")
                    time.sleep(POLL_S)

    def stop(self) -> None:
        """End all nodes, also those that were starting."""
        found = processes.inspect_all(self._directory, self.network)
        processes.stop(found, timeout_s=5.0)

    def counts(self) -> list[Counts]:
        """What every node has done so far."""
        return [_counts(process) for process in self.running]

    def cpu_s(self) -> float:
        """Processor seconds of all nodes so far."""
        return sum(_cpu_s(Path(f"/proc/{process.pid}")) for process in self.running)

    def require_alive(self) -> None:
        """Make sure that no node has ended.

        Raises:
            Unavailable: ``bench.node-died`` with what it said last.
        """
        for entry in self.network.nodes:
            if processes.inspect(self._directory, entry).pid is None:
                output = self._directory / entry.home / "logs" / processes.OUTPUT_FILE
                words = output.read_text(errors="replace").splitlines()[-LAST_WORDS_LINES:]
                raise Unavailable(
                    "bench.node-died",
                    f"{entry.name} ended under the load: {' / '.join(words)}",
                    "look at it with --keep DIR",
                )

    def settle(self) -> tuple[int, bool]:
        """Wait until all nodes are at one height; it, and whether they have the same block."""
        deadline = time.monotonic() + SETTLE_TIMEOUT_S
        while True:
            self.require_alive()
            heads = [_head(api) for api in self.apis]
            heights = {height for height, _ in heads}
            if len(heights) == 1 or time.monotonic() > deadline:
                return max(heights), len(set(heads)) == 1
            time.sleep(POLL_S)

    def blocks(self, start: int, stop: int) -> list[BlockCount]:
        """The blocks with a time in [start, stop] and one more at each end, by their receipts."""
        chosen: list[BlockSummary] = []
        with Client(self.apis[0]) as client:
            for summary in _newest_first(client):
                if summary.time > stop:
                    chosen.clear()
                chosen.append(summary)
                if summary.time < start:
                    break
            return [_counted(client, summary) for summary in reversed(chosen)]


def _newest_first(client: Client) -> Iterator[BlockSummary]:
    cursor: str | None = None
    while True:
        page = client.blocks(PAGE, cursor)
        yield from page.items
        cursor = page.next
        if cursor is None:
            return


def _counted(client: Client, summary: BlockSummary) -> BlockCount:
    codes = [item.code for item in client.block(summary.height).transactions if item.sender]
    accepted = codes.count(OK)
    return BlockCount(summary.height, summary.time, accepted, len(codes) - accepted)


def create(directory: Path, nodes: int, seed: int, keys: int) -> BenchNetwork:
    """Found a network in a directory that does not exist yet; `keys` clients are its people."""
    members = [
        MemberPlan(
            name=f"org{number}",
            legal_id=LegalId("OTHER", f"bench-{number}"),
            prefixes=(prefix_of(number),),
            glns=(gln_of(number),),
        )
        for number in range(nodes)
    ]
    shift = os.getpid() % PORT_STEPS * PORT_STEP
    api_port, p2p_port = processes.free_ports(API_PORTS + shift, P2P_PORTS + shift, nodes)
    names = [member.name for member in members]
    plans = plan_nodes(names, [HostPlan(LOOPBACK, nodes)], api_port, p2p_port)
    protection = Protection(development=True)
    plan = NetworkPlan(f"hansa-bench-{seed}", members, plans, protection, wall_ms())
    network = create_network(directory, plan)
    genesis = enrol(decode_genesis((directory / GENESIS_FILE).read_bytes()), seed, keys)
    check_genesis(genesis)
    (directory / TRUST_FILE).write_bytes(trust_of(genesis))
    for folder in (directory, *(directory / entry.home for entry in network.nodes)):
        (folder / GENESIS_FILE).write_bytes(genesis.to_json())
    return BenchNetwork(directory, network)


def _head(api: str) -> tuple[int, str]:
    with Client(api) as client:
        status = client.status()
    return status.height, status.block_hash


def machine_cpu_s() -> tuple[float, float]:
    """Processor seconds of the machine since its start, all cores: busy and idle."""
    line = Path("/proc/stat").read_text().splitlines()[0]
    user, nice, system, idle, iowait, irq, softirq = map(int, line.split()[1:8])
    return (user + nice + system + irq + softirq) / TICKS_S, (idle + iowait) / TICKS_S


def _counts(process: processes.Process) -> Counts:
    assert process.api is not None
    with Client(process.api) as client:
        log_size = client.status().log_size
    with urllib.request.urlopen(f"{process.api}/metrics") as reply:  # noqa: S310 - our own node
        found = samples_of(reply.read().decode())
    counters = {name: found.get(metric) for name, metric in COUNTERS.items()}
    proc = Path(f"/proc/{process.pid}")
    pages = int((proc / "statm").read_text().split()[1])
    return Counts(counters, _cpu_s(proc), pages * os.sysconf("SC_PAGE_SIZE"), log_size)


def _cpu_s(proc: Path) -> float:
    fields = (proc / "stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])  # utime and stime: fields 14 and 15 of proc(5)
    return ticks / TICKS_S
