"""Limits of time and number between nodes (docs/spec/network.md, section 7). No I/O here."""

from dataclasses import dataclass

HANDSHAKES_MAX = 16
"""Unfinished handshakes at a time: each may cost 5 ms of signing and some 100 KiB."""
HANDSHAKES_STRANGERS_MAX = HANDSHAKES_MAX // 2
"""How many of them may come from addresses where no member is known to be."""
STRANGERS_PER_S = 20
"""Connections a second from such addresses: 20 handshakes are a tenth of one core."""
STRANGERS_BURST = 40
"""Such connections at once, e.g. after a power cut."""
MEMBER_ADDRESS_PER_S = 50
"""Connections a second from one member's address: it may be a laptop with a whole testnet."""
MEMBER_ADDRESS_BURST = 200
"""Such connections at once: 100 nodes behind one address, each trying twice."""
OBSERVERS_MAX = 64
"""Observers connected at a time: each costs queues and a share of the gossip."""

FRAMES_PER_S = 20_000
"""Frames a second from one peer: 5000 consensus messages, gossip and bulk, four times over."""
FRAMES_BURST = 80_000
"""Frames at once: what gathers in buffers while this node sleeps for a few seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Times between nodes, in seconds. The defaults are for real networks; tests shorten them."""

    tick_s: float = 0.5
    """How often peers, addresses and keepalive are looked at."""
    handshake_s: float = 5.0
    """From the first packet to the welcome: far above any round trip, short for an attacker."""
    ping_s: float = 2.0
    """Silence after which we ask whether the peer is there."""
    dead_s: float = 10.0
    """Silence after which it is gone."""
    redial_min_s: float = 0.1
    """The first pause before a redial; it doubles."""
    redial_max_s: float = 5.0
    """The longest pause: a node that comes back is found within it."""
    penalty_s: float = 30.0
    """How long a peer that misbehaved stays out."""
    close_s: float = 1.0
    """How long a closing connection may take to send its last frame."""


class TokenBucket:
    """So much a second, and a burst; the caller brings the time."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        """Start full at `now` (seconds)."""
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = now

    def take(self, count: float, now: float) -> bool:
        """Take `count` tokens if they are there."""
        if now > self._at:
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
            self._at = now
        if count > self._tokens:
            return False
        self._tokens -= count
        return True
