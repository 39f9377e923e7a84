"""From messages that contradict each other to evidence that convinces others.

docs/spec/consensus.md, section 11. The core notices contradictions (`io.Evidence`); this
file writes them down in the SDK's words, small and self-contained.
"""

from consensus.io import Evidence
from consensus.messages import NewView, PrePrepare, ViewChangeProof, Vote
from hansa.evidence import (
    ForgottenCommit,
    SignedProposal,
    SignedViewChange,
    SignedVote,
    double_proposal,
    double_vote,
    encode_evidence,
)
from hansa.hashing import ZERO_HASH


def evidence_of(seen: Evidence) -> bytes | None:
    """The bytes for `governance.accuse`; None when the two messages prove nothing."""
    match seen.first, seen.second:
        case Vote() as one, Vote() as other:
            return encode_evidence(double_vote(_vote(one), _vote(other)))
        case (PrePrepare() | NewView()) as one, (PrePrepare() | NewView()) as other:
            return encode_evidence(double_proposal(_proposal(one), _proposal(other)))
        case Vote() as commit, ViewChangeProof() as proof:
            return encode_evidence(ForgottenCommit(_vote(commit), _view_change(proof)))
        case _:
            return None


def _vote(vote: Vote) -> SignedVote:
    return SignedVote(
        vote.phase,
        vote.epoch,
        vote.height,
        vote.view,
        vote.block_hash,
        vote.signer,
        vote.signature,
    )


def _proposal(message: PrePrepare | NewView) -> SignedProposal:
    if isinstance(message, PrePrepare):
        header = message.proposal.header
        where = (message.epoch, header.height, 0, header.hash, ZERO_HASH)
    else:
        where = (
            message.epoch,
            message.height,
            message.view,
            message.block_hash,
            message.justification,
        )
    return SignedProposal(*where, message.signer, message.signature)


def _view_change(proof: ViewChangeProof) -> SignedViewChange:
    change = proof.view_change
    return SignedViewChange(
        change.epoch,
        change.height,
        change.target,
        change.prepared_view,
        change.prepared_hash,
        change.signer,
        change.signature,
    )
