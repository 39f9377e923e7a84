"""Checks on what others sent: pure functions of the message and the height's facts.

Cheap checks stand before dear ones; signatures come last. docs/spec/consensus.md,
sections 3 to 5.
"""

from dataclasses import dataclass

from consensus.height import largest_claimed
from consensus.messages import NewView, ViewChange, ViewChangeProof
from hansa.block import HEADER_VERSION, Header, Proposal, check_links
from hansa.certificate import Certificate
from hansa.errors import Rejected
from hansa.keys import SUITE_ED25519_SHA256, Verify
from hansa.membership import ValidatorSet
from hansa.votes import COMMIT, PREPARE

CLOCK_SKEW_MS = 5_000
"""A fresh block's time may differ from the own clock by this much, later by the view's wait."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is fixed while a height lasts.

    Attributes:
        head: the header below it.
        head_certificate: the commit certificate of the head (None at genesis).
        head_validators: the set that certified the head.
        validators: the set of this height.
    """

    chain_id: str
    head: Header
    head_certificate: Certificate | None
    head_validators: ValidatorSet
    validators: ValidatorSet
    verify: Verify

    @property
    def height(self) -> int:
        """The height that is being decided."""
        return self.head.height + 1

    @property
    def epoch(self) -> int:
        """Rises with each change of the set."""
        return self.head.epoch + (self.head.validators_hash != self.head.next_validators_hash)

    def signature_holds(self, signer: int, statement: bytes, signature: bytes) -> bool:
        """Whether a validator of this height signed a statement."""
        if signer >= self.validators.size:
            return False
        return self.verify(self.validators.validators[signer].key, statement, signature)


def check_certificate(facts: Facts, certificate: Certificate, phase: int) -> None:
    """Check a certificate of this height.

    Raises:
        Rejected: ``certificate.*``.
    """
    if (certificate.phase, certificate.height, certificate.epoch) != (
        phase,
        facts.height,
        facts.epoch,
    ):
        raise Rejected("certificate.other", "another phase, height or epoch")
    certificate.check(facts.chain_id, facts.validators, facts.verify)


def check_fresh(facts: Facts, proposal: Proposal, view: int, primary: int, clock: range) -> None:
    """Check a fresh proposal as far as that needs no execution (row B, "cheap").

    `primary` is the signer index that must have built it; `clock` are the block times
    that the own clock allows.

    Raises:
        Rejected: ``proposal.*``, ``block.*`` or ``certificate.*``.
    """
    header, head = proposal.header, facts.head
    expected = (
        HEADER_VERSION,
        facts.chain_id,
        SUITE_ED25519_SHA256,
        facts.epoch,
        facts.height,
        head.hash,
        facts.validators.validators[primary].name,
        facts.validators.hash,
    )
    said = (
        header.version,
        header.chain_id,
        header.suite,
        header.epoch,
        header.height,
        header.parent,
        header.primary,
        header.validators_hash,
    )
    if said != expected:
        raise Rejected("proposal.header", f"height {header.height}: does not extend the head")
    if header.time <= head.time or header.time not in clock:
        raise Rejected(
            "proposal.time", f"{header.time} ms is not after {head.time} or not near {clock}"
        )
    if not proposal.tx_hashes and view == 0:
        raise Rejected("proposal.empty", "a block of view 0 has transactions")
    if len(set(proposal.tx_hashes)) != len(proposal.tx_hashes):
        raise Rejected("proposal.duplicate", "a transaction stands in it twice")
    check_links(proposal)
    _check_last_certificate(facts, proposal.last_certificate)


def _check_last_certificate(facts: Facts, certificate: Certificate | None) -> None:
    """The parent's certificate: any valid one will do, the own one needs no check."""
    if certificate == facts.head_certificate:
        return
    if certificate is None or facts.head_certificate is None:
        raise Rejected("block.last-certificate", "missing, or there at height 1")
    own = facts.head_certificate
    if (certificate.phase, certificate.height, certificate.epoch) != (
        COMMIT,
        own.height,
        own.epoch,
    ):
        raise Rejected("block.last-certificate", "another phase, height or epoch")
    certificate.check(facts.chain_id, facts.head_validators, facts.verify)


def check_view_change(facts: Facts, proof: ViewChangeProof) -> None:
    """Check a view change and the certificate behind its claim.

    Raises:
        Rejected: ``view-change.claim``, ``view-change.signature`` or ``certificate.*``.
    """
    change, certificate = proof.view_change, proof.certificate
    check_claim(change)
    if change.claims_nothing != (certificate is None):
        raise Rejected("view-change.claim", "a claim comes with its certificate, none with none")
    if certificate is not None and (certificate.view, certificate.block_hash) != (
        change.prepared_view,
        change.prepared_hash,
    ):
        raise Rejected("view-change.claim", "the certificate is for something else")
    statement = change.statement(facts.chain_id)
    if not facts.signature_holds(change.signer, statement, change.signature):
        raise Rejected("view-change.signature", f"signer {change.signer}")
    if certificate is not None:
        check_certificate(facts, certificate, PREPARE)


def check_claim(change: ViewChange) -> None:
    """A claim is for a view below the target.

    Raises:
        Rejected: ``view-change.claim``.
    """
    proper = change.claims_nothing or 0 <= change.prepared_view < change.target
    if not proper:
        raise Rejected(
            "view-change.claim", f"prepared in {change.prepared_view}, target {change.target}"
        )


def check_new_view(facts: Facts, message: NewView) -> bool:
    """Check a new view: a quorum of signed view changes and the choice that follows from them.

    Returns:
        Whether the block is justified by a certificate (else it is fresh, and the
        caller checks it as a fresh one).

    Raises:
        Rejected: ``new-view.*``, ``view-change.*`` or ``certificate.*``.
    """
    _check_quorum(facts, message)
    chosen = largest_claimed(message.view_changes)
    certificate = message.certificate
    if chosen is None:
        proposal = message.proposal
        if certificate is not None or proposal is None:
            raise Rejected("new-view.choice", "nothing is prepared: a fresh block is needed")
        if proposal.header.hash != message.block_hash:
            raise Rejected("new-view.choice", "another block than its hash says")
    elif (
        certificate is None
        or message.proposal is not None
        or message.block_hash != chosen.prepared_hash
        or (certificate.view, certificate.block_hash) != (chosen.prepared_view, message.block_hash)
    ):
        raise Rejected("new-view.choice", "not the block with the largest prepared view")
    statement = message.statement(facts.chain_id)
    if not facts.signature_holds(message.signer, statement, message.signature):
        raise Rejected("new-view.signature", f"signer {message.signer}")
    for change in message.view_changes:
        claim = change.statement(facts.chain_id)
        if not facts.signature_holds(change.signer, claim, change.signature):
            raise Rejected("view-change.signature", f"signer {change.signer}")
    if certificate is not None:
        check_certificate(facts, certificate, PREPARE)
    return chosen is not None


def _check_quorum(facts: Facts, message: NewView) -> None:
    """A quorum of distinct signers, all of them about this height, epoch and view."""
    signers = {change.signer for change in message.view_changes}
    if len(signers) != len(message.view_changes) or len(signers) < facts.validators.quorum:
        raise Rejected("new-view.quorum", f"{len(signers)} distinct signers")
    for change in message.view_changes:
        place = (change.height, change.epoch, change.target)
        if place != (facts.height, facts.epoch, message.view):
            raise Rejected("new-view.foreign", "a view change of another height, epoch or view")
        check_claim(change)
