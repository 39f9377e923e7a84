"""Row K: transactions on which replicas disagree are left out by builders for a while.

Hints decide nothing: a transaction is set aside only when f + 1 peers named it in
proposals of f + 1 different primaries, so that a correct one is among each.
This is one builder's choice, never a rule of validity.
"""

from dataclasses import dataclass, field

SUSPECTS_MAX = 64
"""Transactions watched at once; the oldest suspicion is forgotten first."""
SKIP_HEIGHTS_MAX = 1_000


@dataclass(slots=True)
class _Suspect:
    primaries: set[str] = field(default_factory=set)
    peers: set[int] = field(default_factory=set)
    times: int = 0
    skip_until: int = 0


class SetAside:
    """Suspicions, and what follows from them."""

    __slots__ = ("_height", "_suspects", "_weak_quorum")

    def __init__(self, weak_quorum: int) -> None:
        self._suspects: dict[bytes, _Suspect] = {}
        self._height = 0
        self._weak_quorum = weak_quorum

    def note(self, tx_hash: bytes, primary: str, peer: int) -> None:
        """A peer says that a transaction failed in a proposal of `primary`."""
        suspect = self._suspects.setdefault(tx_hash, _Suspect())
        suspect.primaries.add(primary)
        suspect.peers.add(peer)
        if min(len(suspect.primaries), len(suspect.peers)) >= self._weak_quorum:
            suspect.times += 1
            suspect.skip_until = self._height + min(2**suspect.times, SKIP_HEIGHTS_MAX)
            suspect.primaries.clear()
            suspect.peers.clear()
        while len(self._suspects) > SUSPECTS_MAX:
            del self._suspects[next(iter(self._suspects))]

    def advance(self, height: int, weak_quorum: int) -> None:
        """The chain grew to `height`; its next set has this weak quorum."""
        self._height = height
        self._weak_quorum = weak_quorum

    def skipped(self, height: int) -> frozenset[bytes]:
        """The transactions that stay out of a block at `height`."""
        return frozenset(
            tx_hash for tx_hash, suspect in self._suspects.items() if height <= suspect.skip_until
        )
