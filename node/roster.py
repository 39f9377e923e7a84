"""Who the other nodes are: from the chain's state, genesis and configuration.

Keys come from the state; addresses come from the configuration, because they are a
matter between operators and change without a vote.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from hansa.genesis import Genesis
from hansa.keys import parse_public_key
from ledger.contract import load
from ledger.execution import Ledger
from ledger.records import MemberRecord, NodeRecord
from node.config import Config
from p2p.control import Role
from p2p.peers import PeerInfo, PeerTarget

NODES = b"org/node/"
MEMBERS = b"org/member/"


@dataclass(frozen=True, slots=True)
class KnownNode:
    """A node that the chain knows."""

    name: str
    member: str
    transport: bytes
    address: str


class Roster:
    """The nodes of the chain, renewed from state when asked."""

    def __init__(self, genesis: Genesis, config: Config, ledger: Ledger) -> None:
        """Read the state once."""
        self._genesis = genesis
        self._config = config
        self._ledger = ledger
        self._addresses = {peer.name: peer.address for peer in config.p2p.peers}
        self.nodes: dict[str, KnownNode] = {}
        self._by_key: dict[bytes, KnownNode] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read the nodes from the state; a few point reads of the store."""
        nodes = {}
        for key, value in self._ledger.scan_state(NODES):
            record = load(value, NodeRecord)
            name = key[len(NODES) :].decode()
            address = self._addresses.get(name, "")
            nodes[name] = KnownNode(name, record.member, record.transport_key, address)
        for peer in self._config.p2p.peers:
            if peer.name not in nodes:
                transport = parse_public_key(peer.key)
                nodes[peer.name] = KnownNode(peer.name, "", transport, peer.address)
        self.nodes = nodes
        self._by_key = {node.transport: node for node in nodes.values()}

    @property
    def role(self) -> Role:
        """What this node is now."""
        return self._role_of(self._config.node.name)

    def role_of(self, name: str) -> str:
        """``validator`` or ``observer``."""
        return str(self._role_of(name))

    def member_of(self, name: str) -> str:
        """The member that a node belongs to, or an empty string."""
        known = self.nodes.get(name)
        return known.member if known is not None else ""

    def known(self, key: bytes) -> PeerInfo | None:
        """Who a transport key is."""
        node = self._by_key.get(key)
        return None if node is None else PeerInfo(node.name, self._role_of(node.name))

    def targets(self) -> Mapping[str, PeerTarget]:
        """The nodes to dial: those with an address, but not ourselves."""
        found = {}
        for node in self.nodes.values():
            if node.address and node.name != self._config.node.name:
                host, _, port = node.address.rpartition(":")
                found[node.name] = PeerTarget(
                    node.name, node.transport, host.strip("[]"), int(port)
                )
        return found

    def members(self) -> list[MemberRecord]:
        """The member records of the head's state."""
        return [load(value, MemberRecord) for _, value in self._ledger.scan_state(MEMBERS)]

    def _role_of(self, name: str) -> Role:
        index = self._ledger.validators.index_of(name)
        return "observer" if index is None else "validator"
