"""Who may begin a handshake now (docs/spec/network.md, section 7). No I/O here.

Promise: strangers cannot take the places of members, nor can one address, a member's or not,
spend this machine on signatures.
"""

from p2p.limits import (
    HANDSHAKES_MAX,
    HANDSHAKES_STRANGERS_MAX,
    MEMBER_ADDRESS_BURST,
    MEMBER_ADDRESS_PER_S,
    STRANGERS_BURST,
    STRANGERS_PER_S,
    TokenBucket,
)


class Door:
    """Places for unfinished handshakes, and the addresses where members are known to be."""

    def __init__(self, now: float) -> None:
        """Start with all places free at `now` (seconds)."""
        self._inside = {True: 0, False: 0}
        self._strangers = TokenBucket(STRANGERS_PER_S, STRANGERS_BURST, now)
        self._buckets: dict[str, TokenBucket] = {}
        self._resolved: dict[str, frozenset[str]] = {}
        self._seen: dict[str, str] = {}

    def resolved(self, name: str, addresses: frozenset[str]) -> None:
        """The addresses that a target's host name has now."""
        self._resolved[name] = addresses

    def seen(self, name: str, address: str) -> None:
        """A peer has proven its key from this address: it may lie behind another one."""
        self._seen[name] = address

    def forget(self, name: str) -> None:
        """A name that is no target any more."""
        self._resolved.pop(name, None)
        self._seen.pop(name, None)

    def is_member(self, address: str) -> bool:
        """Whether a member is known to be there."""
        return address in self._seen.values() or any(
            address in addresses for addresses in self._resolved.values()
        )

    def enter(self, address: str, now: float) -> bool | None:
        """Take a place for a connection from `address`.

        Returns:
            Whether it counts as a member's (give that to `leave`), or None: no place.
        """
        member = self.is_member(address)
        total = self._inside[True] + self._inside[False]
        if total >= HANDSHAKES_MAX:
            return None
        if not member and self._inside[False] >= HANDSHAKES_STRANGERS_MAX:
            return None
        bucket = self._bucket(address, now) if member else self._strangers
        if not bucket.take(1, now):
            return None
        self._inside[member] += 1
        return member

    def leave(self, *, member: bool) -> None:
        """Give a place back."""
        self._inside[member] -= 1
        assert self._inside[member] >= 0

    def _bucket(self, address: str, now: float) -> TokenBucket:
        """The bucket of a member's address; those of addresses that moved on are dropped."""
        if address not in self._buckets:
            for other in [key for key in self._buckets if not self.is_member(key)]:
                del self._buckets[other]
            self._buckets[address] = TokenBucket(MEMBER_ADDRESS_PER_S, MEMBER_ADDRESS_BURST, now)
        return self._buckets[address]
