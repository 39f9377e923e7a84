"""Proof that a validator broke the protocol (docs/spec/consensus.md, section 11).

Evidence is self-contained: two signed statements of one validator that a correct one
never both makes, judged with nothing but the set of their height. Whoever holds it can
convince anybody; nobody can make it against a correct validator without its key.
"""

from dataclasses import dataclass
from typing import Annotated, TypeAlias

import msgspec

from hansa.encoding import Hash, Uint, Wire, pack, unpack
from hansa.errors import Rejected
from hansa.hashing import ZERO_HASH
from hansa.keys import Signature, Verify
from hansa.membership import VALIDATORS_MAX, ValidatorSet
from hansa.votes import (
    COMMIT,
    PREPARE,
    new_view_statement,
    pre_prepare_statement,
    view_change_statement,
    vote_statement,
)

EVIDENCE_BYTES_MAX = 1_024
"""Two statements with their signatures take less than half of it."""
DOUBLE_VOTE = "double-vote"
DOUBLE_PROPOSAL = "double-proposal"
FORGOTTEN_COMMIT = "forgotten-commit"

Signer = Annotated[int, msgspec.Meta(ge=0, lt=VALIDATORS_MAX)]


class SignedVote(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """A PREPARE or COMMIT and its signature."""

    phase: Annotated[int, msgspec.Meta(ge=PREPARE, le=COMMIT)]
    epoch: Uint
    height: Uint
    view: Uint
    block_hash: Hash
    signer: Signer
    signature: Signature

    def statement(self, chain_id: str) -> bytes:
        """What was signed."""
        return vote_statement(
            chain_id,
            self.epoch,
            self.height,
            self.view,
            self.phase,
            self.block_hash,
            self.signer,
        )


class SignedProposal(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """A PRE-PREPARE (view 0, `justification` of 32 zero bytes) or a NEW-VIEW, and its signature."""

    epoch: Uint
    height: Uint
    view: Uint
    block_hash: Hash
    justification: Hash
    signer: Signer
    signature: Signature

    def statement(self, chain_id: str) -> bytes:
        """What was signed."""
        if self.view == 0:
            return pre_prepare_statement(
                chain_id, self.epoch, self.height, self.block_hash, self.signer
            )
        return new_view_statement(
            chain_id,
            self.epoch,
            self.height,
            self.view,
            self.block_hash,
            self.justification,
            self.signer,
        )


class SignedViewChange(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """A VIEW-CHANGE and its signature; prepared view -1: it claims that nothing is prepared."""

    epoch: Uint
    height: Uint
    target: Uint
    prepared_view: Annotated[int, msgspec.Meta(ge=-1)]
    prepared_hash: Hash
    signer: Signer
    signature: Signature

    def statement(self, chain_id: str) -> bytes:
        """What was signed."""
        return view_change_statement(
            chain_id,
            self.epoch,
            self.height,
            self.target,
            self.prepared_view,
            self.prepared_hash,
            self.signer,
        )


class DoubleVote(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """Two votes of one phase and view for different blocks, the lesser hash first."""

    first: SignedVote
    second: SignedVote


class DoubleProposal(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """Two proposals of one view for different blocks, the lesser hash first."""

    first: SignedProposal
    second: SignedProposal


class ForgottenCommit(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """A COMMIT, and a VIEW-CHANGE above it that claims less than the COMMIT rests on."""

    commit: SignedVote
    view_change: SignedViewChange


Evidence: TypeAlias = DoubleVote | DoubleProposal | ForgottenCommit

_KINDS: tuple[type[Wire], ...] = (DoubleVote, DoubleProposal, ForgottenCommit)
_TAGS = {kind: bytes([tag]) for tag, kind in enumerate(_KINDS, start=1)}


@dataclass(frozen=True, slots=True)
class Offence:
    """What a piece of evidence proves: which validator did what, where.

    Attributes:
        name: the validator's node name.
        view: of the COMMIT, where one was forgotten.
        kind: DOUBLE_VOTE, DOUBLE_PROPOSAL or FORGOTTEN_COMMIT.
    """

    name: str
    height: int
    view: int
    kind: str


def double_vote(one: SignedVote, other: SignedVote) -> DoubleVote:
    """The evidence that two votes make, in its one order."""
    return DoubleVote(*sorted((one, other), key=lambda vote: vote.block_hash))


def double_proposal(one: SignedProposal, other: SignedProposal) -> DoubleProposal:
    """The evidence that two proposals make, in its one order."""
    return DoubleProposal(*sorted((one, other), key=lambda proposal: proposal.block_hash))


def claims_less(commit_view: int, block_hash: bytes, change: tuple[int, int, bytes]) -> bool:
    """Whether a view change (target, prepared view, prepared hash) forgets a COMMIT.

    Who commits in a view holds a prepared certificate of that view. Later view changes,
    i.e. those with a target above it, claim this one or one of a higher view.
    """
    target, prepared_view, prepared_hash = change
    forgets = prepared_view < commit_view
    replaces = prepared_view == commit_view and prepared_hash != block_hash
    return target > commit_view and (forgets or replaces)


def encode_evidence(evidence: Evidence) -> bytes:
    """One tag byte and the canonical array."""
    return _TAGS[type(evidence)] + pack(evidence)


def decode_evidence(data: bytes) -> Evidence:
    """The evidence that `data` encodes; whether it proves anything is `check_evidence`'s to say.

    Raises:
        Rejected: ``evidence.size``, ``evidence.unknown`` or ``encoding.*``.
    """
    if len(data) > EVIDENCE_BYTES_MAX:
        raise Rejected("evidence.size", f"{len(data)} bytes, at most {EVIDENCE_BYTES_MAX}")
    if not data or not 1 <= data[0] <= len(_KINDS):
        raise Rejected("evidence.unknown", f"tag {data[:1].hex() or 'missing'}")
    return unpack(_KINDS[data[0] - 1], data[1:])  # type: ignore[return-value] # _KINDS is Evidence


def height_of(evidence: Evidence) -> int:
    """The height whose validator set judges it."""
    return _pair(evidence)[0].height


def check_evidence(data: bytes, chain_id: str, validators: ValidatorSet, verify: Verify) -> Offence:
    """What evidence proves against a validator of the set of its height.

    Raises:
        Rejected: ``evidence.*`` or ``encoding.*``: it proves nothing.
    """
    evidence = decode_evidence(data)
    one, other = _pair(evidence)
    if (one.signer, one.epoch, one.height) != (other.signer, other.epoch, other.height):
        raise Rejected("evidence.unrelated", "two signers, epochs or heights")
    if one.signer >= validators.size:
        raise Rejected("evidence.signer", f"signer {one.signer} of {validators.size}")
    kind, view = _contradiction(evidence)
    validator = validators.validators[one.signer]
    for signed in (one, other):
        if not verify(validator.key, signed.statement(chain_id), signed.signature):
            raise Rejected("evidence.signature", f"a signature of {validator.name} is wrong")
    return Offence(validator.name, one.height, view, kind)


def _pair(
    evidence: Evidence,
) -> tuple[SignedVote | SignedProposal, SignedVote | SignedProposal | SignedViewChange]:
    match evidence:
        case DoubleVote() | DoubleProposal():
            return evidence.first, evidence.second
        case ForgottenCommit():
            return evidence.commit, evidence.view_change


def _contradiction(evidence: Evidence) -> tuple[str, int]:
    """The kind of the offence and its view, if the statements contradict each other."""
    match evidence:
        case DoubleVote(one, other):
            same = (one.phase, one.view) == (other.phase, other.view)
            if same and one.block_hash < other.block_hash:
                return DOUBLE_VOTE, one.view
        case DoubleProposal(one, other):
            shaped = one.view > 0 or one.justification == other.justification == ZERO_HASH
            if shaped and one.view == other.view and one.block_hash < other.block_hash:
                return DOUBLE_PROPOSAL, one.view
        case ForgottenCommit(commit, change):
            claim = (change.target, change.prepared_view, change.prepared_hash)
            if commit.phase == COMMIT and claims_less(commit.view, commit.block_hash, claim):
                return FORGOTTEN_COMMIT, commit.view
    raise Rejected("evidence.nothing", "a correct validator may have signed both")
