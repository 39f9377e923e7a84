"""Which directory and which nodes a command speaks of."""

import os
from pathlib import Path

from hansa.errors import Rejected
from node.cli.errors import CliError, ExitCode
from node.cli.options import Session
from node.network import NETWORK_FILE, Network, read_network

CONFIG_FILE = "config.toml"


def default_home() -> Path:
    """Where the demo lives when nothing else is said."""
    return Path(os.environ.get("HOME") or Path.home()) / ".hansa" / "demo"


def home_of(session: Session) -> Path:
    """The directory that `--home` names, or the demo's; it need not exist."""
    return (session.home or default_home()).expanduser().absolute()


def network_of(session: Session) -> tuple[Path, Network]:
    """The network whose directory `--home` names; a node's home leads to the network around it.

    Raises:
        Rejected: ``network.not-found`` and others of `read_network`.
    """
    home = home_of(session)
    if not (home / NETWORK_FILE).exists() and (home.parent / NETWORK_FILE).exists():
        home = home.parent
    return home, read_network(home)


def find_network(session: Session) -> tuple[Path, Network] | None:
    """The same, or None where there is no network."""
    try:
        return network_of(session)
    except Rejected as error:
        if error.code == "network.not-found":
            return None
        raise


def node_home_of(session: Session) -> Path:
    """The home of one node, which holds its configuration.

    Raises:
        CliError: ``node.home`` when it is none.
    """
    home = home_of(session)
    if (home / CONFIG_FILE).exists():
        return home
    network = find_network(session)
    example = f" e.g. --home {home / network[1].nodes[0].home}" if network else ""
    raise CliError(
        ExitCode.NOT_FOUND,
        "node.home.not-found",
        "no node's home",
        f"there is no {CONFIG_FILE} in {home}",
        f"name a node's directory:{example or ' --home DIR, or make one: hansa node init DIR'}",
    )
