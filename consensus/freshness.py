"""Attestations of an idle head, and the certificate that a quorum of them makes.

docs/spec/consensus.md, section 10.
"""

from consensus.checks import Facts
from consensus.messages import Fresh
from hansa.certificate import FreshCertificate, bitmap_of
from hansa.errors import Rejected


class Attestations:
    """The latest attestation of each validator for the head."""

    __slots__ = ("_facts", "_latest", "certificate")

    def __init__(self, facts: Facts) -> None:
        """Begin with the head of `facts`."""
        self._facts = facts
        self._latest: dict[int, Fresh] = {}
        self.certificate: FreshCertificate | None = None

    def add(self, fresh: Fresh) -> None:
        """Take in an attestation; a wrong or older one changes nothing."""
        head = self._facts.head
        mine = (head.height, head.hash, head.state_root)
        known = self._latest.get(fresh.signer)
        if (fresh.height, fresh.block_hash, fresh.state_root) != mine:
            return
        if known is not None and known.time >= fresh.time:
            return
        statement = fresh.statement(self._facts.chain_id)
        if not self._facts.signature_holds(fresh.signer, statement, fresh.signature):
            raise Rejected("fresh.signature", f"signer {fresh.signer}")
        self._latest[fresh.signer] = fresh
        self._renew()

    def _renew(self) -> None:
        validators = self._facts.validators
        if len(self._latest) < validators.quorum:
            return
        latest = sorted(self._latest.values(), key=lambda fresh: (-fresh.time, fresh.signer))
        chosen = sorted(latest[: validators.quorum], key=lambda fresh: fresh.signer)
        head = self._facts.head
        self.certificate = FreshCertificate(
            head.height,
            head.hash,
            head.state_root,
            bitmap_of([fresh.signer for fresh in chosen], validators.size),
            tuple(fresh.time for fresh in chosen),
            tuple(fresh.signature for fresh in chosen),
        )
