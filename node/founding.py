"""Founding a network: keys, genesis, trust file and a home for each node, in one directory.

The promise: nothing is made implicitly, an existing directory is refused, a partial one
removed, and no key lies open unless it is a development key that says so.
"""

import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hansa.errors import Rejected
from hansa.genesis import Genesis, LegalId, Member, Node, Person, decode_genesis
from hansa.hashing import tagged_hash
from hansa.keyfile import Purpose, Strength, create_dev_key_file, create_key_file
from hansa.keys import public_key_text
from hansa.signing import SigningKey
from hansa.trust import Organisation, Trust
from ledger.boot import genesis_block
from node.assemble import WAL_FOLDER, create_guard
from node.clock import wall_ms
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
from node.network import (
    API_PORT_BASE,
    DESK_KEY,
    GENESIS_FILE,
    LOCAL_HOSTS,
    LOOPBACK,
    MEMBER_KEY,
    MEMBERS_FOLDER,
    P2P_PORT_BASE,
    PASSPHRASE_FILE,
    TRUST_FILE,
    HostPlan,
    Network,
    NodePlan,
    plan_nodes,
    write_network,
)
from node.story import Story
from storage.files import RealFiles
from storage.wal import SALT_BYTES

PASSPHRASE_BYTES = 16
"""Of a passphrase that nobody has to remember: 128 bits of chance."""


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
    genesis_json = genesis.to_json()
    decode_genesis(genesis_json)
    (directory / GENESIS_FILE).write_bytes(genesis_json)
    (directory / TRUST_FILE).write_bytes(trust_of(genesis))
    for node in plan.nodes:
        home = directory / node.name
        (home / GENESIS_FILE).write_bytes(genesis_json)
        create_guard(RealFiles(home / WAL_FOLDER), secrets.token_bytes(SALT_BYTES))
        config = _config_of(node, plan.nodes, identities, protection)
        (home / CONFIG_NAME).write_text(render(config), encoding="utf-8")
    entries = tuple(node.entry for node in plan.nodes)
    network = Network(plan.chain_id, entries, protection.development)
    write_network(directory, network)
    return network


def create_demo(directory: Path, story: Story, ports: tuple[int, int]) -> Network:
    """Make the demo: a node on this machine for each member of a story, with development keys.

    Args:
        directory: where.
        story: who takes part.
        ports: of the first node's API and of its connections to others.

    Raises:
        Rejected: as `create_network`.
    """
    members = [
        MemberPlan(
            member.name,
            LegalId(member.legal_id.scheme, member.legal_id.value),
            member.names,
            member.prefixes,
            member.glns,
        )
        for member in story.members
    ]
    hosts = (HostPlan(LOOPBACK, len(members)),)
    return create_network(
        directory,
        NetworkPlan(
            chain_id=f"hansa-demo-{secrets.token_hex(2)}",
            members=members,
            nodes=plan_nodes([member.name for member in members], hosts, *ports),
            protection=Protection(development=True),
            time_ms=wall_ms(),
        ),
    )


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
        create_guard(RealFiles(directory / WAL_FOLDER), secrets.token_bytes(SALT_BYTES))
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
    local = plan.host in LOCAL_HOSTS
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


_ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - nodes on other hosts connect here; TLS pins both sides
