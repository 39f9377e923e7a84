"""Quorums of votes as one value (docs/spec/consensus.md, section 4).

A certificate holds exactly q signatures and a bitmap of who signed, so that no
signer can stand in it twice.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated

import msgspec

from hansa.encoding import Hash, Uint, Wire, pack
from hansa.errors import Rejected
from hansa.hashing import tagged_hash
from hansa.keys import Signature, Verify
from hansa.membership import VALIDATORS_MAX, ValidatorSet
from hansa.votes import COMMIT, PREPARE, fresh_statement, vote_statement

BITMAP_BYTES_MAX = (VALIDATORS_MAX + 7) // 8

Bitmap = Annotated[bytes, msgspec.Meta(max_length=BITMAP_BYTES_MAX)]


def bitmap_of(signers: list[int], size: int) -> bytes:
    """Bit i, counted from the least significant of byte 0, says that signer i signed."""
    bits = bytearray((size + 7) // 8)
    for signer in signers:
        bits[signer // 8] |= 1 << (signer % 8)
    return bytes(bits)


def signers_in(bitmap: bytes) -> Iterator[int]:
    """The signers of a bitmap, in order."""
    for index in range(len(bitmap) * 8):
        if bitmap[index // 8] >> (index % 8) & 1:
            yield index


class Certificate(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """q votes of one phase for one block in one view."""

    phase: Annotated[int, msgspec.Meta(ge=PREPARE, le=COMMIT)]
    epoch: Uint
    height: Uint
    view: Uint
    block_hash: Hash
    bitmap: Bitmap
    signatures: Annotated[tuple[Signature, ...], msgspec.Meta(max_length=VALIDATORS_MAX)]

    @property
    def hash(self) -> bytes:
        """What the next header carries."""
        return tagged_hash("certificate", pack(self))

    def signers(self) -> list[int]:
        """The indices of those who signed."""
        return list(signers_in(self.bitmap))

    def check(self, chain_id: str, validators: ValidatorSet, verify: Verify) -> None:
        """Check it against the set of its height.

        Raises:
            Rejected: ``certificate.quorum`` or ``certificate.signature``.
        """
        signers = _check_shape(self.bitmap, self.signatures, validators)
        for signer, signature in zip(signers, self.signatures, strict=True):
            statement = vote_statement(
                chain_id, self.epoch, self.height, self.view, self.phase, self.block_hash, signer
            )
            if not verify(validators.validators[signer].key, statement, signature):
                raise Rejected(
                    "certificate.signature",
                    f"height {self.height}: the signature of "
                    f"{validators.validators[signer].name} is wrong",
                )


class FreshCertificate(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """q FRESH statements: before the least of `times`, nothing above `height` was prepared."""

    height: Uint
    block_hash: Hash
    state_root: Hash
    bitmap: Bitmap
    times: Annotated[tuple[Uint, ...], msgspec.Meta(max_length=VALIDATORS_MAX)]
    signatures: Annotated[tuple[Signature, ...], msgspec.Meta(max_length=VALIDATORS_MAX)]

    @property
    def time(self) -> int:
        """The least time of its statements, in ms."""
        return min(self.times)

    def check(self, chain_id: str, validators: ValidatorSet, verify: Verify) -> None:
        """Check it against the set in force at `height` + 1.

        Raises:
            Rejected: ``certificate.quorum`` or ``certificate.signature``.
        """
        signers = _check_shape(self.bitmap, self.signatures, validators)
        if len(self.times) != len(signers):
            raise Rejected("certificate.quorum", f"{len(self.times)} times, {len(signers)} signers")
        for signer, time_ms, signature in zip(signers, self.times, self.signatures, strict=True):
            statement = fresh_statement(
                chain_id, self.height, self.block_hash, self.state_root, time_ms, signer
            )
            if not verify(validators.validators[signer].key, statement, signature):
                name = validators.validators[signer].name
                raise Rejected("certificate.signature", f"FRESH of {name} is wrong")


def make_certificate(  # noqa: PLR0913, PLR0917 - what a vote covers, and the votes
    phase: int,
    epoch: int,
    height: int,
    view: int,
    block_hash: bytes,
    votes: Mapping[int, bytes],
    validators: ValidatorSet,
) -> Certificate:
    """Join votes (signer -> signature) into a certificate of exactly q, lowest signers first."""
    chosen = sorted(votes)[: validators.quorum]
    assert len(chosen) == validators.quorum
    return Certificate(
        phase,
        epoch,
        height,
        view,
        block_hash,
        bitmap_of(chosen, validators.size),
        tuple(votes[signer] for signer in chosen),
    )


def _check_shape(
    bitmap: bytes, signatures: tuple[bytes, ...], validators: ValidatorSet
) -> list[int]:
    signers = list(signers_in(bitmap))
    proper = (
        len(bitmap) == (validators.size + 7) // 8
        and len(signers) == len(signatures) == validators.quorum
        and signers[-1] < validators.size
    )
    if not proper:
        raise Rejected(
            "certificate.quorum",
            f"{len(signers)} signers with {len(signatures)} signatures among "
            f"{validators.size} validators, exactly {validators.quorum} are needed",
        )
    return signers
