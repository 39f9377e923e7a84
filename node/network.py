"""Networks on disk: who runs which node where, and how to plan that.

A network's directory can be copied to its hosts as it is: every path in it is relative.
This module loads no cryptography: every command reads networks, only one makes them
(`node/founding.py`).

    DIR/network.json   who runs which node where
    DIR/genesis.json   the state at height 0
    DIR/trust.json     what a stranger needs to check proofs
    DIR/members/M/keys/{member,desk}.json
    DIR/NODE/{config.toml, genesis.json, keys/{validator,transport}.json}
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from hansa.errors import Rejected

API_PORT_BASE = 8600
"""The API of the first node on a host; the others follow."""
P2P_PORT_BASE = 26600
"""Where the first node on a host listens for the others."""
NODES_PER_HOST_MAX = 100
"""The chain's own limit of validators; more on one host is a slip of the finger."""
NETWORK_VERSION = 1
NETWORK_FILE = "network.json"
GENESIS_FILE = "genesis.json"
TRUST_FILE = "trust.json"
MEMBERS_FOLDER = "members"
LOOPBACK = "127.0.0.1"
LOCAL_HOSTS = frozenset({LOOPBACK, "localhost"})
MEMBER_KEY, DESK_KEY = "member", "desk"
"""Names of a member's key files: its own key, and that of its front desk, which signs
what the command line does `--as` it."""
PASSPHRASE_FILE = "passphrase"  # noqa: S105 - the name of a file
"""Beside keys that were made without a passphrase of the operator's own."""

_NAME = re.compile(r"^[a-z0-9][a-z0-9.-]{0,63}$")


class NodeEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A node of a network: `home` is relative to the network's directory.

    `api` is the address of its API, `p2p` the ``host:port`` at which other nodes find it.
    """

    name: str
    member: str
    host: str
    api: str
    p2p: str
    home: str


class Network(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `network.json` says."""

    chain_id: str
    nodes: tuple[NodeEntry, ...]
    development_keys: bool = False
    version: int = NETWORK_VERSION

    def node(self, name: str) -> NodeEntry:
        """The node of this name.

        Raises:
            Rejected: ``network.node.not-found``.
        """
        for entry in self.nodes:
            if entry.name == name:
                return entry
        names = ", ".join(entry.name for entry in self.nodes)
        raise Rejected("network.node.not-found", f"no node {name!r} here", f"choose of: {names}")

    def members(self) -> tuple[str, ...]:
        """The members that run nodes, each once."""
        return tuple(dict.fromkeys(entry.member for entry in self.nodes))


@dataclass(frozen=True, slots=True)
class HostPlan:
    """How many nodes run on a host."""

    host: str
    nodes: int


@dataclass(frozen=True, slots=True)
class NodePlan:
    """A node before it has keys."""

    name: str
    member: str
    host: str
    api_port: int
    p2p_port: int

    @property
    def entry(self) -> NodeEntry:
        """Its line in `network.json`. The API listens on the loopback of its own host."""
        return NodeEntry(
            name=self.name,
            member=self.member,
            host=self.host,
            api=f"http://{LOOPBACK}:{self.api_port}",
            p2p=f"{_bracketed(self.host)}:{self.p2p_port}",
            home=self.name,
        )


def parse_hosts(text: str) -> tuple[HostPlan, ...]:
    """Read ``10.0.0.1:2,10.0.0.2:2``: how many nodes each host runs (1 where nothing is said).

    Raises:
        Rejected: ``network.hosts``.
    """
    plans = [_parse_host(part.strip()) for part in text.split(",")]
    twice = [host for host, count in Counter(plan.host for plan in plans).items() if count > 1]
    if twice:
        raise Rejected("network.hosts", f"{twice[0]} stands twice", "give each host once")
    local = [plan.host for plan in plans if plan.host in LOCAL_HOSTS]
    if local and len(plans) > 1:
        raise Rejected(
            "network.hosts",
            f"no other host can reach {local[0]}",
            "give this machine's address in the network instead",
        )
    return tuple(plans)


def _parse_host(part: str) -> HostPlan:
    match = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(?::(\d{1,3}))?", part)
    if match is None:
        raise Rejected("network.hosts", f"{part!r} is no host", "write HOST:NODES,HOST:NODES")
    count = int(match[2] or "1")
    if not 1 <= count <= NODES_PER_HOST_MAX:
        raise Rejected("network.hosts", f"{part}: {count} nodes, 1 to {NODES_PER_HOST_MAX} may be")
    return HostPlan(match[1].strip("[]"), count)


def parse_members(text: str) -> tuple[str, ...]:
    """Read ``farm,roastery``: the names of organisations.

    Raises:
        Rejected: ``network.members``.
    """
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if not _NAME.match(name):
            raise Rejected(
                "network.members",
                f"{name!r} is no name",
                "lower-case letters, digits, dot and hyphen, at most 64",
            )
    if len(set(names)) != len(names):
        raise Rejected("network.members", "a name stands twice", "give each member once")
    return tuple(names)


def plan_nodes(
    members: Sequence[str],
    hosts: Sequence[HostPlan],
    api_port: int = API_PORT_BASE,
    p2p_port: int = P2P_PORT_BASE,
) -> tuple[NodePlan, ...]:
    """Spread nodes over hosts in order and give them to the members in turn.

    Raises:
        Rejected: ``network.hosts`` when there are fewer nodes than members.
    """
    slots = [(plan.host, index) for plan in hosts for index in range(plan.nodes)]
    if len(slots) < len(members):
        raise Rejected(
            "network.hosts",
            f"{len(slots)} nodes for {len(members)} members",
            "every founding member runs a node: raise the numbers in --hosts",
        )
    width = len(str(len(slots) - 1))
    return tuple(
        NodePlan(
            name=f"node{number:0{width}d}",
            member=members[number % len(members)],
            host=host,
            api_port=api_port + index,
            p2p_port=p2p_port + index,
        )
        for number, (host, index) in enumerate(slots)
    )


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def read_network(directory: Path) -> Network:
    """Read a network's directory.

    Raises:
        Rejected: ``network.not-found``, ``network.malformed`` or ``network.version``.
    """
    path = directory / NETWORK_FILE
    try:
        network = msgspec.json.decode(path.read_bytes(), type=Network)
    except FileNotFoundError as error:
        raise Rejected(
            "network.not-found",
            f"no network in {directory}",
            "make one: hansa demo, or hansa net create DIR; or name another: --home DIR",
        ) from error
    except msgspec.DecodeError as error:
        raise Rejected("network.malformed", f"{path}: {error}") from error
    if network.version != NETWORK_VERSION:
        raise Rejected(
            "network.version",
            f"{path}: version {network.version}, known: {NETWORK_VERSION}",
            "use the hansa that made it, or a newer one",
        )
    return network


def write_network(directory: Path, network: Network) -> None:
    """Write `network.json`."""
    text = msgspec.json.format(msgspec.json.encode(network), indent=2) + b"\n"
    (directory / NETWORK_FILE).write_bytes(text)
