"""`hansa demo`: four organisations on this machine, real nodes, a story of coffee, no flags."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import click

from hansa.errors import Rejected
from node.cli.cluster import ask_nodes, see_cluster
from node.cli.errors import CliError, ExitCode
from node.cli.homes import home_of, network_of
from node.cli.options import Session, duration, with_session
from node.cli.output import Column, Result
from node.cli.status import lag_of, show_status
from node.clock import monotonic_ms
from node.network import NETWORK_FILE, TRUST_FILE, Network, NodeEntry

NODE_COLUMNS = (
    Column("name", "NODE"),
    Column("member", "MEMBER"),
    Column("api", "API"),
    Column("p2p", "P2P"),
    Column("pid", "PID", "number"),
    Column("home", "HOME"),
)
CATCH_UP_MS = 60_000
"""A node that was away for some thousand blocks is back within seconds."""
POLL_S = 0.05
TRACED = "https://id.gs1.org/01/09520600001012/21/K7QH2M9X4T"
"""The jar of coffee that the banner offers to trace."""


class Steps:
    """Lines of progress with the time since the start."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.started = monotonic_ms()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start, to a tenth."""
        return round((monotonic_ms() - self.started) / 1_000, 1)

    def done(self, what: str, facts: str) -> None:
        """One step is done."""
        self._session.printer.say(f"✓ {what:<40} {self.elapsed_s:.1f} s   {facts}")


@click.group(invoke_without_command=True, epilog="Example: hansa demo -o json --home DIR")
@click.option("--api-port", type=click.IntRange(1024, 65_000), help="Of the first node.")
@click.option("--p2p-port", type=click.IntRange(1024, 65_000), help="Of the first node.")
@click.pass_context
@with_session
def demo(
    session: Session, context: click.Context, *, api_port: int | None, p2p_port: int | None
) -> None:
    """Run a network of four organisations here; alone: set up, start, tell a story, print facts."""
    if context.invoked_subcommand is not None:
        return
    up(session, api_port, p2p_port)


def up(session: Session, api_port: int | None, p2p_port: int | None) -> None:
    """Set up what is missing, start what is down, capture the story, print the facts."""
    from node import demo as processes  # noqa: PLC0415 - loads the cryptography
    from node import demo_network  # noqa: PLC0415

    steps = Steps(session)
    home = home_of(session)
    network = demo_network.ensure(home, api_port, p2p_port)
    count = len(network.members())
    steps.done(f"keys and genesis for {count} organisations", f"chain {network.chain_id}")
    started = processes.launch(home, network.nodes)
    running = processes.wait_ready(home, started, network.nodes, processes.START_TIMEOUT_S)
    pids = " ".join(str(process.pid) for process in running)
    steps.done(f"{len(running)} nodes started", f"pids {pids}")
    told = demo_network.tell_story(session, steps.done)
    rows = [process_row(process) for process in running]
    document = {
        "chain_id": network.chain_id,
        "home": str(home),
        "height": told.height,
        "elapsed_s": steps.elapsed_s,
        "trust": str(home / TRUST_FILE),
        "nodes": rows,
        "events": told.events,
    }
    _banner(session, home, running[0], document)
