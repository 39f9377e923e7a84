"""The check of a block that a peer sent, against the head that it follows (docs/spec/sync.md, 4).

After it only execution can still refuse the block, and that would not be the peer's fault.
"""

from dataclasses import dataclass
from typing import Self

from hansa.block import HEADER_VERSION, Block, Header, decode_block
from hansa.certificate import Certificate
from hansa.encoding import unpack
from hansa.errors import Rejected
from hansa.keys import SUITE_ED25519_SHA256, Verify
from hansa.membership import ValidatorSet
from hansa.votes import COMMIT


@dataclass(frozen=True, slots=True)
class Tip:
    """A head, and what is needed to judge the block after it.

    Attributes:
        header: the head's header.
        validators: the set in force at the next height; None while it is not known, because
            the head changes the set and has not been executed yet.
        certificate: the head's certificate; None at genesis.
        signed_by: the set that signed the head; None when it is not known any more.
    """

    header: Header
    validators: ValidatorSet | None
    certificate: Certificate | None
    signed_by: ValidatorSet | None

    @property
    def height(self) -> int:
        """The head's height."""
        return self.header.height

    def followed_by(self, header: Header, certificate: Certificate) -> Self:
        """The tip after a checked block; its set is known if it did not change."""
        assert self.validators is not None
        same = header.next_validators_hash == self.validators.hash
        return type(self)(header, self.validators if same else None, certificate, self.validators)


def check_next(
    chain_id: str, tip: Tip, block_bytes: bytes, certificate_bytes: bytes, verify: Verify
) -> tuple[Block, Certificate]:
    """Decode and check the block of the next height.

    Raises:
        Rejected: ``sync.*``, ``block.*``, ``certificate.*`` or ``encoding.*``: whoever sent it
            lied or is broken.
    """
    assert tip.validators is not None
    certificate = unpack(Certificate, certificate_bytes)
    if (certificate.phase, certificate.height) != (COMMIT, tip.height + 1):
        raise Rejected(
            "sync.certificate",
            f"phase {certificate.phase} of height {certificate.height}, "
            f"a commit of {tip.height + 1} is needed",
        )
    block = decode_block(block_bytes)
    header = block.header
    if header.hash != certificate.block_hash or header.epoch != certificate.epoch:
        raise Rejected("sync.certificate", f"height {tip.height + 1}: it is for another block")
    _check_header(chain_id, tip, header)
    certificate.check(chain_id, tip.validators, verify)
    _check_parent_certificate(chain_id, tip, block.last_certificate, verify)
    return block, certificate


def _check_header(chain_id: str, tip: Tip, header: Header) -> None:
    """Check what a header says of its chain and of its parent."""
    assert tip.validators is not None
    same = (header.version, header.chain_id, header.suite) == (
        HEADER_VERSION,
        chain_id,
        SUITE_ED25519_SHA256,
    )
    if not same:
        raise Rejected(
            "sync.chain",
            f"version {header.version}, chain {header.chain_id}, suite {header.suite}",
            f"this node is on chain {chain_id}",
        )
    if (header.height, header.parent) != (tip.height + 1, tip.header.hash):
        raise Rejected("sync.parent", f"height {header.height} does not follow {tip.height}")
    if header.time <= tip.header.time:
        raise Rejected("sync.time", f"height {header.height} is not later than its parent")
    if header.validators_hash != tip.validators.hash:
        raise Rejected("sync.validators", f"height {header.height}: another validator set")


def _check_parent_certificate(
    chain_id: str, tip: Tip, certificate: Certificate | None, verify: Verify
) -> None:
    """Check the parent's certificate in the body; its links were checked with the block."""
    if (certificate is None) != (tip.height == 0):
        raise Rejected("sync.last-certificate", f"height {tip.height + 1}: missing or too early")
    if certificate is None or certificate == tip.certificate or tip.signed_by is None:
        return  # the quorum that signed this block has judged it too
    if certificate.phase != COMMIT or certificate.epoch != tip.header.epoch:
        raise Rejected("sync.last-certificate", f"height {tip.height + 1}: no commit of its parent")
    certificate.check(chain_id, tip.signed_by, verify)
