"""`hansa config show|check`: every setting of a node, its value and where it came from."""

import os

import click

from node.cli.homes import CONFIG_FILE, find_network, home_of, node_home_of
from node.cli.options import Session, with_session
from node.cli.output import Column, Result


@click.group()
def config() -> None:
    """Show and check configuration."""


@config.command(epilog="Example: hansa config show --origin --home DIR/node0")
@click.option("--origin", is_flag=True, help="Say where each value came from.")
@with_session
def show(session: Session, *, origin: bool) -> None:
    """Show every setting; without a node's home, the built-in values."""
    from node.config import load, show_origin  # noqa: PLC0415

    home = home_of(session)
    loaded = load(home if (home / CONFIG_FILE).exists() else None, os.environ)
    rows = [
        {"setting": key, "value": value, **({"origin": source} if origin else {})}
        for key, value, source in show_origin(loaded)
    ]
    columns = [Column("setting", "SETTING"), Column("value", "VALUE")]
    if origin:
        columns.append(Column("origin", "ORIGIN"))
    session.printer.result(Result({"settings": rows}, rows, columns))
    session.printer.next("hansa config check --home DIR")


@config.command()
@with_session
def check(session: Session) -> None:
    """Check the configuration of a node, or of every node of a network, without running it."""
    from node.config import load  # noqa: PLC0415

    network = find_network(session)
    home = home_of(session)
    if network is not None and not (home / CONFIG_FILE).exists():
        homes = [network[0] / entry.home for entry in network[1].nodes]
        homes = [path for path in homes if path.exists()]
    else:
        homes = [node_home_of(session)]
    rows = []
    for path in homes:
        load(path, os.environ)
        rows.append({"file": str(path / CONFIG_FILE), "valid": True})
    session.printer.done(
        f"{len(rows)} configuration{'s' if len(rows) != 1 else ''} valid",
        Result({"configurations": rows}, rows),
    )
    session.printer.next("hansa node start --home DIR")
