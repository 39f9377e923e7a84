"""`hansa net create` and `hansa node init|start`: directories made on purpose, not by accident."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from node import network as networks
from node.cli.errors import CliError, ExitCode
from node.cli.homes import node_home_of
from node.cli.options import Session, with_session
from node.cli.output import Column, Result
from node.cli.passphrase import known_passphrase
from node.clock import wall_ms

if TYPE_CHECKING:
    from node.founding import MemberPlan
    from node.network import Network, NodeEntry

NODE_COLUMNS = (
    Column("name", "NODE"),
    Column("member", "MEMBER"),
    Column("host", "HOST"),
    Column("api", "API"),
    Column("p2p", "P2P"),
    Column("home", "HOME"),
)


@click.group()
def net() -> None:
    """Make networks."""


@net.command(epilog="Example: hansa net create DIR --members a,b,c,d --hosts 10.0.0.1:2,10.0.0.2:2")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--members", required=True, metavar="A,B,…", help="The founding organisations.")
@click.option("--hosts", metavar="HOST:NODES,…", help="Default: all nodes on 127.0.0.1")
@click.option("--chain-id", metavar="NAME", help="Default: made from the directory's name.")
@click.option(
    "--legal-id",
    "legal_ids",
    multiple=True,
    metavar="A=SCHEME:NUMBER",
    help="A member's number in a register (USCC, LEI, GLN or OTHER).",
)
@click.option("--prefix", "prefixes", multiple=True, metavar="A=DIGITS", help="GS1 company prefix.")
@click.option("--gln", "glns", multiple=True, metavar="A=DIGITS", help="GS1 location number.")
@click.option("--api-port", type=click.IntRange(1024, 65_000), help="Of the first node on a host.")
@click.option("--p2p-port", type=click.IntRange(1024, 65_000), help="Of the first node on a host.")
@click.option("--dev", is_flag=True, help="Public development keys: for tests alone.")
@click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path),
    help="Its first line protects all keys. Default: HANSA_PASSPHRASE, or one made by chance "
    "for each folder of keys and left beside them.",
)
@with_session
def create(  # noqa: PLR0913 - the parts of a network
    session: Session,
    *,
    directory: Path,
    members: str,
    hosts: str | None,
    chain_id: str | None,
    legal_ids: tuple[str, ...],
    prefixes: tuple[str, ...],
    glns: tuple[str, ...],
    api_port: int | None,
    p2p_port: int | None,
    dev: bool,
    passphrase_file: Path | None,
) -> None:
    """Make keys, genesis and a home for each node: a tree that can be copied to the hosts."""
    from node import founding  # noqa: PLC0415 - loads the cryptography

    names = networks.parse_members(members)
    plans = networks.parse_hosts(hosts or f"{networks.LOOPBACK}:{len(names)}")
    plan = founding.NetworkPlan(
        chain_id=chain_id or _chain_id_of(directory),
        members=[
            _member_plan(name, _of(name, legal_ids), _of(name, prefixes), _of(name, glns))
            for name in names
        ],
        nodes=networks.plan_nodes(
            names,
            plans,
            api_port or networks.API_PORT_BASE,
            p2p_port or networks.P2P_PORT_BASE,
        ),
        protection=founding.Protection(dev, None if dev else known_passphrase(passphrase_file)),
        time_ms=wall_ms(),
    )
    target = directory.expanduser().absolute()
    made = founding.create_network(target, plan)
    rows = [{**_row(entry), "home": str(target / entry.home)} for entry in made.nodes]
    document = {
        "chain_id": made.chain_id,
        "home": str(target),
        "genesis": str(target / networks.GENESIS_FILE),
        "trust": str(target / networks.TRUST_FILE),
        "nodes": rows,
    }
    session.printer.done(
        f"chain {made.chain_id}  {len(names)} organisations, {len(rows)} nodes  {target}",
        Result(document, rows, NODE_COLUMNS),
    )
    _advise(session, target, made, dev=dev)


def _advise(session: Session, target: Path, made: "Network", *, dev: bool) -> None:
    """What an operator has to know and do next."""
    say = session.printer.say
    if dev:
        say("! development keys: they are public. Never use them for real data.")
    else:
        say(
            "! keys/passphrase lies beside the keys it opens: move it to a safe place on each host."
        )
    remote = sorted({entry.host for entry in made.nodes} - {"127.0.0.1", "localhost"})
    if remote:
        say("! each API listens on the loopback of its own host (set api.listen and TLS to change)")
        say(f"  copy to each host ({', '.join(remote)}) the homes of its nodes: {target}/NODE")
    session.printer.next(
        f"hansa node start --home {target / made.nodes[0].home}     (and so on for each node)",
    )


def _row(entry: "NodeEntry") -> dict[str, object]:
    import msgspec  # noqa: PLC0415

    row: dict[str, object] = msgspec.structs.asdict(entry)
    return row


def _chain_id_of(directory: Path) -> str:
    name = re.sub(r"[^a-z0-9-]+", "-", directory.absolute().name.lower()).strip("-") or "network"
    return f"hansa-{name}-{os.urandom(2).hex()}"


def _of(name: str, given: tuple[str, ...]) -> tuple[str, ...]:
    """The values that options like ``name=value`` gave to one name."""
    return tuple(item.partition("=")[2] for item in given if item.partition("=")[0] == name)


def _member_plan(
    name: str, legal_ids: tuple[str, ...], prefixes: tuple[str, ...], glns: tuple[str, ...]
) -> "MemberPlan":
    from hansa.genesis import LegalId  # noqa: PLC0415
    from node.founding import MemberPlan  # noqa: PLC0415

    scheme, _, number = (legal_ids[-1] if legal_ids else f"OTHER:{name}").partition(":")
    return MemberPlan(name, LegalId(scheme, number), {"en": name}, prefixes, glns)


@click.group()
def node() -> None:
    """Make a node's home, or run a node."""


@node.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="The node's name on chain.")
@click.option("--member", required=True, help="The organisation that runs it.")
@click.option(
    "--genesis",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    required=True,
    help="The chain's genesis file.",
)
@click.option(
    "--passphrase-file", type=click.Path(path_type=Path), help="Its first line protects the keys."
)
@with_session
def init(  # noqa: PLR0913 - what a node is
    session: Session,
    *,
    directory: Path,
    name: str,
    member: str,
    genesis: Path,
    passphrase_file: Path | None,
) -> None:
    """Make the home of one node of an existing chain, with fresh keys."""
    from hansa.genesis import decode_genesis  # noqa: PLC0415
    from node import founding  # noqa: PLC0415

    chain = decode_genesis(genesis.read_bytes())
    target = directory.expanduser().absolute()
    protection = founding.Protection(passphrase=known_passphrase(passphrase_file))
    public = founding.create_home(target, name, member, chain, protection)
    document = {"home": str(target), "name": name, "member": member, "chain_id": chain.chain_id}
    session.printer.done(
        f"home of {name} ({member}) for chain {chain.chain_id}  {target}",
        Result({**document, "keys": public}),
    )
    session.printer.next(
        "give the two public keys to a member, who adds the node",
        f"hansa node start --home {target}",
    )


@node.command()
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="SECTION.KEY=VALUE",
    help="A setting for this run, e.g. --set logs.level=debug",
)
@with_session
def start(session: Session, *, settings: tuple[str, ...]) -> None:
    """Run the node of --home DIR until it is told to stop. It never makes a chain."""
    home = node_home_of(session)
    overrides = dict(_setting(item) for item in settings)
    from node.app import run_node  # noqa: PLC0415 - loads the whole daemon

    code = run_node(home, overrides)
    if code:
        click.get_current_context().exit(code)


def _setting(item: str) -> tuple[str, str]:
    key, equals, value = item.partition("=")
    if not equals:
        raise CliError(
            ExitCode.USAGE,
            "usage",
            "the node was not started",
            f"--set {item}: no value",
            "write --set SECTION.KEY=VALUE",
        )
    return key, value
