"""What a replica knows about the one height that is not decided yet.

Votes are counted here by distinct signers of the height's set; a signer has
one place for each (phase, view), so that nobody counts twice and nobody can
fill memory (docs/spec/consensus.md, sections 4 and 9).
"""

from dataclasses import dataclass, field

from consensus.messages import NewView, Signed, ViewChange, ViewChangeProof, Vote
from hansa.block import Proposal
from hansa.certificate import Certificate, make_certificate
from hansa.membership import ValidatorSet

VIEWS_AHEAD_MAX = 2
"""PREPAREs are kept for the current view and this many after it."""
COMMIT_VIEWS_MAX = 16
"""COMMITs are kept for so many views before the latest of those: nobody but the own view
moves the window, so that a liar cannot push the votes of others out of it."""
BODIES_MAX = 8
"""Blocks of one height kept in memory; those that a certificate may name stay."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A prepared certificate and what it is for."""

    view: int
    block_hash: bytes
    certificate: Certificate


class Tally:
    """Votes of one height: (phase, view) -> signer -> vote."""

    __slots__ = ("_votes",)

    def __init__(self) -> None:
        self._votes: dict[tuple[int, int], dict[int, Vote]] = {}

    def get(self, phase: int, view: int, signer: int) -> Vote | None:
        """The vote that stands in a signer's place."""
        return self._votes.get((phase, view), {}).get(signer)

    def add(self, vote: Vote) -> None:
        """Put a checked vote in its place."""
        self._votes.setdefault((vote.phase, vote.view), {})[vote.signer] = vote

    def certificate(
        self, phase: int, view: int, validators: ValidatorSet, epoch: int
    ) -> Certificate | None:
        """The certificate that the votes of a phase and view make, if a quorum agrees."""
        votes = self._votes.get((phase, view), {})
        if len(votes) < validators.quorum:
            return None
        by_hash: dict[bytes, dict[int, bytes]] = {}
        for signer, vote in votes.items():
            by_hash.setdefault(vote.block_hash, {})[signer] = vote.signature
        for block_hash, signatures in by_hash.items():
            if len(signatures) >= validators.quorum:
                height = votes[next(iter(votes))].height
                return make_certificate(
                    phase, epoch, height, view, block_hash, signatures, validators
                )
        return None

    def views(self, phase: int) -> list[int]:
        """The views that have votes of a phase, lowest first."""
        return sorted(view for kind, view in self._votes if kind == phase)

    def drop_view(self, phase: int, view: int) -> None:
        """Forget the votes of a view."""
        self._votes.pop((phase, view), None)


@dataclass(slots=True)
class HeightState:
    """The mutable state of one height; `consensus.replica` alone writes it.

    Attributes:
        status_vc: in view change (else normal).
        accepted: view -> hash of the block accepted in it.
        runs: hash -> whether execution gave the header's outcome (volatile).
        changes: signer -> the latest view change with its certificate.
        frozen: target -> the view changes that an own new view rests on.
        own: what was signed here, by (kind, view), for resending.
        accused: signers against whom this height has given evidence; once is enough.
    """

    height: int
    view: int = 0
    status_vc: bool = False
    target: int = 0
    prepared: Prepared | None = None
    decided: Certificate | None = None
    accepted: dict[int, bytes] = field(default_factory=dict)
    proposals: dict[bytes, Proposal] = field(default_factory=dict)
    bodies: dict[bytes, bytes] = field(default_factory=dict)
    persisted_bodies: set[bytes] = field(default_factory=set)
    running: set[bytes] = field(default_factory=set)
    runs: dict[bytes, bool] = field(default_factory=dict)
    cold_runs: set[bytes] = field(default_factory=set)
    tally: Tally = field(default_factory=Tally)
    changes: dict[int, ViewChangeProof] = field(default_factory=dict)
    frozen: dict[int, tuple[ViewChangeProof, ...]] = field(default_factory=dict)
    new_view: NewView | None = None
    building: int | None = None
    prepare_views: set[int] = field(default_factory=set)
    commit_views: set[int] = field(default_factory=set)
    own: dict[tuple[str, int], Signed] = field(default_factory=dict)
    accused: set[int] = field(default_factory=set)
    committing: bool = False
    active: bool = False

    def keep_body(self, proposal: Proposal, block: bytes) -> None:
        """Remember a whole block, forgetting the oldest that nothing names."""
        block_hash = proposal.header.hash
        self.proposals[block_hash] = proposal
        self.bodies[block_hash] = block
        if len(self.bodies) > BODIES_MAX:
            # Who sent PREPARE holds the body until the height is decided: a certificate may
            # rest on it somewhere, and its holder will ask the signers.
            named = {self.accepted.get(view, block_hash) for view in sorted(self.prepare_views)}
            named.add(self.accepted.get(self.view, block_hash))
            if self.prepared is not None:
                named.add(self.prepared.block_hash)
            if self.decided is not None:
                named.add(self.decided.block_hash)
            for old in list(self.bodies):
                if old not in named and old != block_hash:
                    del self.bodies[old]
                    break


def largest_claim(proofs: tuple[ViewChangeProof, ...]) -> ViewChangeProof | None:
    """Of the view changes, one that claims the largest prepared view; None: nothing prepared."""
    claims = [proof for proof in proofs if not proof.view_change.claims_nothing]
    return max(claims, key=lambda proof: proof.view_change.prepared_view, default=None)


def largest_claimed(changes: tuple[ViewChange, ...]) -> ViewChange | None:
    """The same choice on bare view changes, as a new view carries them."""
    claims = [change for change in changes if not change.claims_nothing]
    return max(claims, key=lambda change: change.prepared_view, default=None)
