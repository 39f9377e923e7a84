"""From a trust file to a header: certificates and changes of the validator set.

Each set is announced by a block that a quorum of the outgoing set signed; nothing is
skipped, because old keys get sold (docs/spec/proof.md, section 5).
"""

from dataclasses import dataclass

from hansa.block import HEADER_VERSION
from hansa.certificate import FreshCertificate
from hansa.errors import Rejected
from hansa.keys import SUITE_ED25519_SHA256, Verify
from hansa.membership import ValidatorSet
from hansa.proof_file import Chain, Link
from hansa.proof_words import ENGLISH, Words
from hansa.trust import Trust
from hansa.votes import COMMIT


@dataclass(frozen=True, slots=True)
class Reign:
    """A validator set and the epoch it signs in; `last` is the height that ends it."""

    validators: ValidatorSet
    epoch: int
    last: int | None


def check_chain(chain: Chain, verify: Verify) -> tuple[Reign, ...]:
    """Check every certificate and every change of the set against each other.

    Returns:
        The sets in force, in order; the last one is in force above the head.

    Raises:
        Rejected: ``proof.chain`` or ``certificate.*``: the file contradicts itself, so that
            no line can rest on it.
    """
    validators = chain.validators
    epoch = min(link.header.epoch for link in (*chain.changes, chain.block, chain.head))
    reigns = []
    for change in chain.changes:
        assert change.validators is not None
        header = change.header
        announced = change.validators.hash
        if announced != header.next_validators_hash or announced == header.validators_hash:
            raise Rejected("proof.chain", f"height {header.height} announces another set")
        reigns.append(Reign(validators, epoch, header.height))
        validators, epoch = change.validators, epoch + 1
    reigns.append(Reign(validators, epoch, None))
    given = {change.header.hash for change in chain.changes}
    for link in dict.fromkeys((*chain.changes, chain.block, chain.head)):
        header = link.header
        if header.next_validators_hash != header.validators_hash and header.hash not in given:
            # Otherwise the outgoing set, whose keys get sold, could vouch for a fresh head.
            raise Rejected("proof.chain", f"height {header.height} announces a set not given")
        _check_link(link, reign_at(reigns, link.header.height), chain.chain_id, verify)
    return tuple(reigns)


def reign_at(reigns: list[Reign] | tuple[Reign, ...], height: int) -> Reign:
    """Who signs a height."""
    return next(reign for reign in reigns if reign.last is None or height <= reign.last)


def distrust(chain: Chain, reigns: tuple[Reign, ...], trust: Trust, words: Words = ENGLISH) -> str:
    """Why a trust file does not lead to this chain; empty when it does.

    The trusted set must be one of the sets, in the same epoch, and the blocks must be
    signed by it or by those that follow it.
    """
    if trust.chain_id != chain.chain_id:
        return words.say("another_chain", chain=chain.chain_id, own=trust.chain_id)
    trusted = trust.validator_set().hash
    checkpoint = trust.checkpoint
    start = next(
        (
            number
            for number, reign in enumerate(reigns)
            if (reign.validators.hash, reign.epoch) == (trusted, checkpoint.epoch)
        ),
        None,
    )
    if start is None:
        return words.say("not_led")
    heights = {
        checkpoint.height: checkpoint.block_hash,
    }
    for link in (*chain.changes, chain.block, chain.head):
        header = link.header
        if heights.get(header.height, header.hash.hex()) != header.hash.hex():
            return words.say("another_block", height=header.height)
        if heights.get(header.height - 1, header.parent.hex()) != header.parent.hex():
            return words.say("another_parent", height=header.height)
    if reigns.index(reign_at(reigns, chain.block.header.height)) < start:
        return words.say("older", height=checkpoint.height)
    return ""


def check_fresh(
    chain: Chain, reigns: tuple[Reign, ...], fresh: FreshCertificate, verify: Verify
) -> None:
    """Check a freshness certificate over the head.

    Raises:
        Rejected: ``proof.fresh`` or ``certificate.*``.
    """
    head = chain.head.header
    if (fresh.height, fresh.block_hash, fresh.state_root) != (
        head.height,
        head.hash,
        head.state_root,
    ):
        raise Rejected("proof.fresh", "the freshness certificate is of another block")
    fresh.check(chain.chain_id, reign_at(reigns, head.height + 1).validators, verify)


def _check_link(link: Link, reign: Reign, chain_id: str, verify: Verify) -> None:
    header, certificate = link.header, link.certificate
    if (header.version, header.suite) != (HEADER_VERSION, SUITE_ED25519_SHA256):
        raise Rejected("proof.chain", f"a header of version {header.version}: not known")
    if certificate.phase != COMMIT:
        raise Rejected("proof.chain", f"height {header.height}: not a commit certificate")
    if (header.validators_hash, header.epoch) != (reign.validators.hash, reign.epoch):
        raise Rejected("proof.chain", f"height {header.height} is signed by another set")
    certificate.check(chain_id, reign.validators, verify)
