"""`hansa demo`: four organisations on this machine, real nodes, a story of coffee, no flags."""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from node.cli.cluster import Cluster, see_cluster
from node.cli.errors import CliError, ExitCode
from node.cli.homes import home_of
from node.cli.options import Session, duration, duration_text, with_session
from node.cli.output import Column, Result
from node.cli.status import lag_of, show_status
from node.clock import monotonic_ms
from node.network import NETWORK_FILE, TRUST_FILE, Network, NodeEntry, read_network

if TYPE_CHECKING:
    from hansa.client.types import BlockView
    from node.demo import Process

NODE_COLUMNS = (
    Column("name", "NODE"),
    Column("member", "MEMBER"),
    Column("api", "API"),
    Column("p2p", "P2P"),
    Column("pid", "PID", "number"),
    Column("home", "HOME"),
)
POLL_S = 0.05
"""Pause between two looks at a node that catches up."""
STORY_TIMEOUT_MS = 30_000
"""Of one step of the story; a block takes some 50 ms."""


@dataclass(frozen=True, slots=True)
class Steps:
    """Lines of progress with the time since the start."""

    session: Session
    started_ms: int

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start, to a tenth."""
        return round((monotonic_ms() - self.started_ms) / 1_000, 1)

    def done(self, what: str, facts: str) -> None:
        """One step is done."""
        self.session.printer.say(f"✓ {what:<40} {self.elapsed_s:.1f} s   {facts}")


@click.group(invoke_without_command=True, epilog="Example: hansa demo -o json --home DIR")
@click.option("--api-port", type=click.IntRange(1024, 65_000), help="Of the first node.")
@click.option("--p2p-port", type=click.IntRange(1024, 65_000), help="Of the first node.")
@click.pass_context
@with_session
def demo(
    session: Session, context: click.Context, *, api_port: int | None, p2p_port: int | None
) -> None:
    """Run four organisations here: set up, start, tell the story, print the facts."""
    if context.invoked_subcommand is None:
        _up(session, api_port, p2p_port)


def _up(session: Session, api_port: int | None, p2p_port: int | None) -> None:
    from node import demo as machine  # noqa: PLC0415 - only what runs processes pays for it

    steps = Steps(session, monotonic_ms())
    home = home_of(session)
    network = _ensure(home, api_port, p2p_port)
    count = len(network.members())
    steps.done(f"keys and genesis for {count} organisations", f"chain {network.chain_id}")
    started = machine.launch(home, network.nodes)
    running = machine.wait_ready(home, started, network.nodes, machine.START_TIMEOUT_S)
    pids = " ".join(str(process.pid) for process in running)
    steps.done(f"{len(running)} nodes started", f"pids {pids}")
    height, events = _tell(session, steps)
    rows = [process_row(process) for process in running]
    document = {
        "chain_id": network.chain_id,
        "home": str(home),
        "height": height,
        "elapsed_s": steps.elapsed_s,
        "trust": str(home / TRUST_FILE),
        "nodes": rows,
        "events": events,
    }
    printer = session.printer
    printer.say("")
    if printer.for_people or not printer.asked:
        click.echo(_facts(home, running[0]), file=printer.out)
    else:
        printer.say(_facts(home, running[0]))
        printer.result(Result(document, rows, NODE_COLUMNS))
    session.printer.say("! development keys: they are public. Never use them for real data.\n")
    session.printer.say(_suggestions(session))


def _ensure(home: Path, api_port: int | None, p2p_port: int | None) -> Network:
    """The demo's network in a directory, made if there is none.

    Raises:
        CliError: ``demo.not-a-demo`` for a network that is none.
    """
    if (home / NETWORK_FILE).exists():
        return _demo_network(home)
    from node import demo as machine  # noqa: PLC0415
    from node.founding import create_demo  # noqa: PLC0415 - loads the cryptography
    from node.network import API_PORT_BASE, P2P_PORT_BASE  # noqa: PLC0415
    from node.story import coffee  # noqa: PLC0415

    story = coffee()
    ports = machine.free_ports(
        api_port or API_PORT_BASE, p2p_port or P2P_PORT_BASE, len(story.members)
    )
    return create_demo(home, story, ports)


def _demo_network(home: Path) -> Network:
    network = read_network(home)
    if not network.development_keys:
        raise CliError(
            ExitCode.NOT_PERMITTED,
            "demo.not-a-demo",
            "this is no demo",
            f"{home} holds the chain {network.chain_id}, whose keys are not development keys",
            "hansa status shows it; name another directory for a demo: --home DIR",
        )
    return network


def _tell(session: Session, steps: Steps) -> tuple[int, list[dict[str, object]]]:
    """Capture the story, step by step, each as its member; the height of its last event, its rows.

    Told again it changes nothing: events that are there stay, and the facts are the same.
    """
    from hansa.epcis import events_of  # noqa: PLC0415
    from node.cli.connect import client_of, signing_key  # noqa: PLC0415
    from node.cli.epcis import Capture  # noqa: PLC0415
    from node.story import coffee, document_of  # noqa: PLC0415

    story = coffee()
    rows: list[dict[str, object]] = []
    with client_of(session) as client:
        for number, step in enumerate(story.events):
            key = signing_key(session, step.member, None)
            job = Capture(
                session, client, key, wait=True, timeout_ms=STORY_TIMEOUT_MS, expires_ms=600_000
            )
            for row in job.run(events_of(document_of(step))):
                facts = {name: row[name] for name in ("id", "tx_id", "height")}
                rows.append({**facts, "member": step.member, "en": step.en, "zh": step.zh})
            if number == 0:
                steps.done("first block committed", _first_block(client.block(1)))
    height = max(row["height"] for row in rows if isinstance(row["height"], int))
    members = len({step.member for step in story.events})
    steps.done(
        f"{story.name} story captured",
        f"{len(rows)} events by {members} organisations, height {height}",
    )
    return height, rows


def _first_block(block: "BlockView") -> str:
    """Who signed the first block; a certificate holds exactly a quorum."""
    signed = len(block.certificate.signers) if block.certificate else 0
    return f"height {block.summary.height}, {signed} of {block.validators} signatures"


def _facts(home: Path, first: "Process") -> str:
    """What stays true as long as the network runs: the same at every start."""
    rows = (
        ("api", f"{first.entry.api}/v1", first.entry.name),
        ("metrics", f"{first.entry.api}/metrics", ""),
        ("directory", str(home), "removed by: hansa demo rm"),
    )
    return "\n".join(f"  {name:<11} {value}    {note}".rstrip() for name, value, note in rows)


def _suggestions(session: Session) -> str:
    from node.story import coffee  # noqa: PLC0415

    home = "" if session.home is None else f" --home {session.home}"
    return (
        f"  try   hansa epcis trace {coffee().items[0]}{home}\n"
        f"        hansa demo kill node2{home}      hansa status{home}      hansa demo stop{home}"
    )


def process_row(process: "Process") -> dict[str, object]:
    """A node with its process."""
    entry = process.entry
    return {
        "name": entry.name,
        "member": entry.member,
        "api": entry.api,
        "p2p": entry.p2p,
        "pid": process.pid,
        "home": str(process.home),
    }


def _chosen(network: Network, names: tuple[str, ...]) -> list[NodeEntry]:
    """The nodes that are named, all when none is.

    Raises:
        Rejected: ``network.node.not-found``.
    """
    return [network.node(name) for name in names] if names else list(network.nodes)


def _home_network(session: Session) -> tuple[Path, Network]:
    home = home_of(session)
    return home, _demo_network(home)


@demo.command(epilog="Example: hansa demo start node2")
@click.argument("nodes", nargs=-1)
@click.option("--timeout", type=duration, default="60s", show_default=True, help="To catch up.")
@with_session
def start(session: Session, *, nodes: tuple[str, ...], timeout: int) -> None:
    """Start nodes (all, if none is named) and wait until they have caught up."""
    from node import demo as machine  # noqa: PLC0415

    home, network = _home_network(session)
    entries = _chosen(network, nodes)
    began = monotonic_ms()
    started = machine.launch(home, entries)
    running = machine.wait_ready(home, started, entries, timeout / 1_000)
    cluster = _caught_up(session, tuple(entry.name for entry in entries), began, timeout)
    rows = [process_row(process) for process in running]
    names = " ".join(entry.name for entry in entries)
    elapsed = (monotonic_ms() - began) / 1_000
    session.printer.done(
        f"started {names}  height {cluster.height}  in {elapsed:.1f} s   {cluster.quorum_text}",
        Result({"started": rows, "height": cluster.height}, rows, NODE_COLUMNS),
    )
    session.printer.next("hansa status")


def _caught_up(session: Session, names: tuple[str, ...], began: int, timeout: int) -> Cluster:
    """Wait until these nodes stand at the top of what is seen.

    Raises:
        CliError: ``wait.timeout``.
    """
    while True:
        cluster = see_cluster(session)
        late = lag_of(cluster, names)
        if not late:
            return cluster
        if monotonic_ms() - began > timeout:
            raise CliError(
                ExitCode.TRY_AGAIN,
                "wait.timeout",
                f"not caught up within {duration_text(timeout)}",
                late,
                "hansa status     or: hansa wait synced --timeout 5m",
            )
        time.sleep(POLL_S)


@demo.command(epilog="Example: hansa demo kill node2 node3")
@click.argument("nodes", nargs=-1, required=True)
@with_session
def kill(session: Session, *, nodes: tuple[str, ...]) -> None:
    """Kill nodes without a warning (SIGKILL), as a power cut would."""
    from node import demo as machine  # noqa: PLC0415

    home, network = _home_network(session)
    processes = [machine.inspect(home, entry) for entry in _chosen(network, nodes)]
    killed = [process.entry.name for process in processes if machine.kill(process)]
    rows = [{"name": process.entry.name, "pid": process.pid} for process in processes]
    session.printer.done(
        f"killed {' '.join(killed) or 'nothing: they did not run'}",
        Result({"killed": killed}, rows),
    )
    session.printer.next("hansa status", f"hansa demo start {nodes[0]}")


@demo.command()
@click.argument("nodes", nargs=-1)
@with_session
def stop(session: Session, *, nodes: tuple[str, ...]) -> None:
    """Stop nodes in order (all, if none is named); everything stays on the disk."""
    from node import demo as machine  # noqa: PLC0415

    home, network = _home_network(session)
    stopped = machine.stop([machine.inspect(home, entry) for entry in _chosen(network, nodes)])
    rows = [{"name": name} for name in stopped]
    session.printer.done(
        f"stopped {' '.join(stopped) or 'nothing: no node ran'}",
        Result({"stopped": list(stopped)}, rows, (Column("name", "NODE"),)),
    )
    session.printer.next("hansa demo start", "hansa demo rm")


@demo.command("status")
@with_session
def demo_status(session: Session) -> None:
    """Show every node, as `hansa status` does."""
    show_status(session)


@demo.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_session
def rm(session: Session, *, yes: bool) -> None:
    """Stop the demo and remove its directory with everything in it."""
    from node import demo as machine  # noqa: PLC0415

    home, network = _home_network(session)
    if not yes:
        if session.no_input:
            raise CliError(
                ExitCode.USAGE,
                "confirm",
                "nothing was removed",
                "it was not confirmed",
                "hansa demo rm --yes",
            )
        click.confirm(f"remove {home} with the chain {network.chain_id}?", abort=True, err=True)
    machine.stop(machine.inspect_all(home, network))
    shutil.rmtree(home)
    session.printer.done(f"removed {home}", Result({"removed": str(home)}))
    session.printer.next("hansa demo")
