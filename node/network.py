"""Networks on disk: plan one, make its keys, genesis and homes, read it again.

A network's directory can be copied to its hosts as it is: every path in it is relative.
Nothing is ever made implicitly: an existing directory is refused, a partial one removed.

    DIR/network.json   who runs which node where
    DIR/genesis.json   the state at height 0
    DIR/trust.json     what a stranger needs to check proofs
    DIR/members/M/keys/{member,desk}.json
    DIR/NODE/{config.toml, genesis.json, keys/{validator,transport}.json}
"""

import re
import secrets
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from hansa.errors import Rejected
from hansa.genesis import Genesis, LegalId, Member, Node, Person, check_genesis
from hansa.hashing import tagged_hash
from hansa.keyfile import Purpose, Strength, create_dev_key_file, create_key_file
from hansa.keys import public_key_text
from hansa.signing import SigningKey
from hansa.trust import Organisation, Trust
from ledger.boot import genesis_block
from node.assemble import WAL_FOLDER, create_guard
from node.config import (
    CONFIG_NAME,
    ApiSection,
    Config,
    KeysSection,
    NodeSection,
    P2pSection,
    Peer,
    render,
)
from storage.files import RealFiles

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
MEMBER_KEY, DESK_KEY = "member", "desk"
"""Names of a member's key files: its own key, and that of its front desk, which signs
what the command line does `--as` it."""

PASSPHRASE_FILE = "passphrase"  # noqa: S105 - the name of a file
"""Beside keys that were made without a passphrase of the operator's own."""
PASSPHRASE_BYTES = 16
"""Of a passphrase that nobody has to remember: 128 bits of chance."""

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
class MemberPlan:
    """A founding organisation before it has keys; fields as in `hansa.genesis.Member`."""

    name: str
    legal_id: LegalId
    names: Mapping[str, str] = field(default_factory=dict)
    prefixes: tuple[str, ...] = ()
    glns: tuple[str, ...] = ()

    @classmethod
    def unregistered(cls, name: str) -> "MemberPlan":
        """An organisation of which only the name is known."""
        return cls(name, LegalId("OTHER", name))


@dataclass(frozen=True, slots=True)
class Protection:
    """How the new keys are kept.

    Attributes:
        development: open, made from their names alone: the same for everybody.
        passphrase: of all keys; None makes one by chance for each folder of keys and
            leaves it beside them, readable by the owner alone.
    """

    development: bool = False
    passphrase: str | None = None


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
    local = [plan.host for plan in plans if plan.host in _LOCAL_HOSTS]
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


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """A network before it exists.

    Attributes:
        chain_id: the chain's name.
        members: the founding organisations.
        nodes: their nodes; all of them vote.
        protection: how keys are kept.
        time_ms: the time of the genesis block, ms since 1970.
    """

    chain_id: str
    members: Sequence[MemberPlan]
    nodes: Sequence[NodePlan]
    protection: Protection
    time_ms: int


def create_network(directory: Path, plan: NetworkPlan) -> Network:
    """Make a network's directory: keys, genesis, trust file, a home for each node.

    Raises:
        Rejected: ``network.exists``, or what genesis or key files refuse. Nothing is left then.
    """
    try:
        directory.mkdir(parents=True)
    except FileExistsError as error:
        raise Rejected(
            "network.exists",
            f"{directory} exists",
            "give another directory, or remove it yourself; nothing was changed",
        ) from error
    try:
        return _fill(directory, plan)
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise


def _fill(directory: Path, plan: NetworkPlan) -> Network:
    protection = plan.protection
    founders = tuple(_make_member(directory, member, protection) for member in plan.members)
    identities = tuple(_make_node_keys(directory, node, protection) for node in plan.nodes)
    genesis = Genesis(chain_id=plan.chain_id, time=plan.time_ms, members=founders, nodes=identities)
    check_genesis(genesis)
    genesis_json = genesis.to_json()
    (directory / GENESIS_FILE).write_bytes(genesis_json)
    (directory / TRUST_FILE).write_bytes(trust_of(genesis))
    for node in plan.nodes:
        home = directory / node.name
        (home / GENESIS_FILE).write_bytes(genesis_json)
        create_guard(RealFiles(home / WAL_FOLDER))
        config = _config_of(node, plan.nodes, identities, protection)
        (home / CONFIG_NAME).write_text(render(config), encoding="utf-8")
    entries = tuple(node.entry for node in plan.nodes)
    network = Network(plan.chain_id, entries, protection.development)
    write_network(directory, network)
    return network


def trust_of(genesis: Genesis) -> bytes:
    """The trust file of a chain that begins now: its genesis block and first validators."""
    header, _ = genesis_block(genesis)
    organisations = tuple(
        Organisation(
            name=member.name,
            title=member.names.get("en"),
            legal_id=f"{member.legal_id.scheme} {member.legal_id.value}",
        )
        for member in genesis.members
    )
    return Trust.of(header, genesis.validators(), organisations).to_json()


def create_home(
    directory: Path, name: str, member: str, genesis: Genesis, protection: Protection
) -> dict[str, str]:
    """Make the home of one more node; the texts of its public keys by their names.

    Raises:
        Rejected: ``network.exists``, ``config.value`` or ``key.*``. Nothing is left then.
    """
    try:
        directory.mkdir(parents=True)
    except FileExistsError as error:
        raise Rejected(
            "network.exists",
            f"{directory} exists",
            "give another directory, or remove it yourself; nothing was changed",
        ) from error
    try:
        public = make_keys(directory / "keys", name, _NODE_KEYS, protection)
        (directory / GENESIS_FILE).write_bytes(genesis.to_json())
        create_guard(RealFiles(directory / WAL_FOLDER))
        node = NodePlan(name, member, LOOPBACK, API_PORT_BASE, P2P_PORT_BASE)
        config = _config_of(node, (), (), protection)
        (directory / CONFIG_NAME).write_text(render(config), encoding="utf-8")
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    return public


def _make_member(directory: Path, plan: MemberPlan, protection: Protection) -> Member:
    keys = directory / MEMBERS_FOLDER / plan.name / "keys"
    public = make_keys(keys, plan.name, {MEMBER_KEY: "member", DESK_KEY: "user"}, protection)
    return Member(
        name=plan.name,
        legal_id=plan.legal_id,
        names=dict(plan.names) or {"en": plan.name},
        key=public[MEMBER_KEY],
        prefixes=plan.prefixes,
        glns=plan.glns,
        people=(Person(name=DESK_KEY, key=public[DESK_KEY], kind="service"),),
    )


def _make_node_keys(directory: Path, plan: NodePlan, protection: Protection) -> Node:
    keys = directory / plan.name / "keys"
    public = make_keys(keys, plan.name, _NODE_KEYS, protection)
    return Node(
        name=plan.name,
        member=plan.member,
        validator_key=public["validator"],
        transport_key=public["transport"],
    )


def make_keys(
    folder: Path, owner: str, wanted: Mapping[str, Purpose], protection: Protection
) -> dict[str, str]:
    """Make a folder of keys; the text of each public key by the key's name.

    Raises:
        Rejected: ``key.*``.
    """
    folder.mkdir(parents=True, mode=0o700)
    passphrase, strength = protection.passphrase, _BY_A_PERSON
    if passphrase is None and not protection.development:
        passphrase, strength = secrets.token_hex(PASSPHRASE_BYTES), _BY_CHANCE
        beside = folder / PASSPHRASE_FILE
        beside.touch(mode=0o600)
        beside.write_text(passphrase + "\n", encoding="ascii")
    public: dict[str, str] = {}
    for name, purpose in wanted.items():
        path = folder / f"{name}.json"
        if passphrase is None:
            key = development_key(owner, name)
            create_dev_key_file(path, key, purpose)
        else:
            key = SigningKey.generate()
            create_key_file(path, key, purpose, passphrase, strength=strength)
        public[name] = public_key_text(key.public)
    return public


_NODE_KEYS: dict[str, Purpose] = {"validator": "validator", "transport": "transport"}
_BY_A_PERSON: Strength = "moderate"
_BY_CHANCE: Strength = "interactive"


def development_key(owner: str, name: str) -> SigningKey:
    """The well-known key of an owner in development networks."""
    return SigningKey(tagged_hash("development-key", f"{owner}/{name}".encode()))


def _config_of(
    plan: NodePlan, nodes: Sequence[NodePlan], identities: Sequence[Node], protection: Protection
) -> Config:
    local = plan.host in _LOCAL_HOSTS
    peers = tuple(
        Peer(name=other.name, key=identity.transport_key, address=other.entry.p2p)
        for other, identity in zip(nodes, identities, strict=True)
        if other.name != plan.name
    )
    beside = not protection.development and protection.passphrase is None
    return Config(
        node=NodeSection(name=plan.name, member=plan.member, dev=protection.development),
        keys=KeysSection(passphrase_file=f"keys/{PASSPHRASE_FILE}" if beside else ""),
        api=ApiSection(listen=f"{LOOPBACK}:{plan.api_port}"),
        p2p=P2pSection(
            listen=f"{LOOPBACK if local else _ANY_ADDRESS}:{plan.p2p_port}",
            advertise="" if local else plan.entry.p2p,
            peers=peers,
        ),
    )


_LOCAL_HOSTS = frozenset({LOOPBACK, "localhost"})
_ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - nodes on other hosts connect here; TLS pins both sides
