"""The values that a node and its mesh hand to each other. No I/O here."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hansa.signing import SigningKey
from p2p.control import Refusal, Role

PROTOCOL_MIN, PROTOCOL_MAX = 1, 1
"""The range of protocol versions that this software speaks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who we are, as the handshake says it."""

    name: str
    """The node's name, e.g. ``node0``."""
    role: Role
    """What we think we are; the peer judges by its own state."""
    chain_id: str
    genesis_hash: bytes
    """32 bytes: two chains of one name are still two chains."""
    key: SigningKey
    """The transport key."""
    configuration: bytes = bytes(32)
    """32 bytes: digest of the settings that all nodes should share; shown, never judged."""
    software: str = ""
    """Name and version of the software, for operators' eyes; at most 64 characters."""
    protocol_min: int = PROTOCOL_MIN
    protocol_max: int = PROTOCOL_MAX


@dataclass(frozen=True, slots=True)
class PeerInfo:
    """What the node knows of a transport key."""

    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class PeerTarget:
    """A node to be connected with: its name, transport key (33 bytes) and address."""

    name: str
    key: bytes
    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerView:
    """A connected peer, for status and metrics."""

    name: str
    role: Role
    direction: str
    """``out``: we dialled; ``in``: the peer did."""
    address: str
    """The other end as ``host:port``."""
    since: float
    """The loop's clock, in seconds, when the handshake ended."""
    queue_messages: int
    queue_bytes: int
    rtt_s: float | None
    """Seconds from the last ping to its pong; None before the first."""
    protocol: int
    """The protocol version in use."""
    software: str
    same_configuration: bool
    """Whether its configuration digest equals ours."""


def _ignore_refusal(_name: str, _refusal: Refusal) -> None:
    """A node that does not ask why it was refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshPorts:
    """What the mesh asks of the node. All are called in the event loop and must not block."""

    targets: Callable[[], Mapping[str, PeerTarget]]
    """The nodes to dial, by name; asked at every tick, so it may follow the state."""
    known: Callable[[bytes], PeerInfo | None]
    """Who a transport key is: from state, configuration and open invitations."""
    on_frame: Callable[[str, int, bytes], None]
    """(peer name, kind, payload). `Rejected` raised by it penalises the peer."""
    on_peer: Callable[[str, bool], None]
    """(peer name, whether it is connected now)."""
    on_refused: Callable[[str, Refusal], None] = _ignore_refusal
    """(target's name, the reason and what to do) when a peer refuses us or we refuse it."""
    random_bytes: Callable[[int], bytes] = secrets.token_bytes
    """Chance: nonces and the jitter of redials."""
