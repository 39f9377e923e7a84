"""What replicas say to each other (docs/spec/consensus.md, section 3).

Each message is a canonical array behind one tag byte. Statements, i.e. the
bytes that are signed, cover chain, epoch, height and view; whatever is not
signed is a hint and never decides anything.
"""

from typing import Annotated, TypeAlias

import msgspec

from hansa.block import Proposal
from hansa.certificate import Certificate
from hansa.encoding import Hash, Uint, Wire, pack, unpack
from hansa.errors import Rejected
from hansa.hashing import ZERO_HASH, tagged_hash
from hansa.keys import Signature
from hansa.membership import VALIDATORS_MAX
from hansa.votes import (
    COMMIT,
    PREPARE,
    fresh_statement,
    new_view_statement,
    pre_prepare_statement,
    view_change_statement,
    vote_statement,
)

VIEW_MAX = 2**31 - 1
"""A view above it is a lie: at 60 s a view it lies four thousand years ahead."""
NOTHING_PREPARED = -1
UNSIGNED = bytes(64)
"""Stands where a signature will be: an intent."""

View = Annotated[int, msgspec.Meta(ge=0, le=VIEW_MAX)]
Signer = Annotated[int, msgspec.Meta(ge=0, lt=VALIDATORS_MAX)]


class PrePrepare(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """The primary of view 0 offers a fresh block."""

    epoch: Uint
    proposal: Proposal
    signer: Signer
    signature: Signature = UNSIGNED

    def statement(self, chain_id: str) -> bytes:
        """What is signed."""
        header = self.proposal.header
        return pre_prepare_statement(chain_id, self.epoch, header.height, header.hash, self.signer)


class Vote(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """PREPARE or COMMIT."""

    phase: Annotated[int, msgspec.Meta(ge=PREPARE, le=COMMIT)]
    epoch: Uint
    height: Uint
    view: View
    block_hash: Hash
    signer: Signer
    signature: Signature = UNSIGNED

    def statement(self, chain_id: str) -> bytes:
        """What is signed."""
        return vote_statement(
            chain_id,
            self.epoch,
            self.height,
            self.view,
            self.phase,
            self.block_hash,
            self.signer,
        )


class ViewChange(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """The claim that a new view rests on: what the signer has prepared, if anything."""

    epoch: Uint
    height: Uint
    target: View
    prepared_view: Annotated[int, msgspec.Meta(ge=NOTHING_PREPARED, le=VIEW_MAX)]
    prepared_hash: Hash
    signer: Signer
    signature: Signature = UNSIGNED

    def statement(self, chain_id: str) -> bytes:
        """What is signed."""
        return view_change_statement(
            chain_id,
            self.epoch,
            self.height,
            self.target,
            self.prepared_view,
            self.prepared_hash,
            self.signer,
        )

    @property
    def claims_nothing(self) -> bool:
        """Whether it says that nothing is prepared, in the one way to say so."""
        return self.prepared_view == NOTHING_PREPARED and self.prepared_hash == ZERO_HASH


class ViewChangeProof(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """A view change with the certificate that its claim needs."""

    view_change: ViewChange
    certificate: Certificate | None


class NewView(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """The new primary's choice, with the view changes and the certificate that justify it.

    `proposal` stands in it for a fresh block alone; a justified one is fetched by hash.
    """

    epoch: Uint
    height: Uint
    view: View
    view_changes: Annotated[tuple[ViewChange, ...], msgspec.Meta(max_length=VALIDATORS_MAX)]
    certificate: Certificate | None
    block_hash: Hash
    proposal: Proposal | None
    signer: Signer
    signature: Signature = UNSIGNED

    @property
    def justification(self) -> bytes:
        """The hash of everything but the signature."""
        return tagged_hash("justification", pack(msgspec.structs.replace(self, signature=UNSIGNED)))

    def statement(self, chain_id: str) -> bytes:
        """What is signed. It is small, so that two of them fit a piece of evidence."""
        return new_view_statement(
            chain_id,
            self.epoch,
            self.height,
            self.view,
            self.block_hash,
            self.justification,
            self.signer,
        )


class Decided(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """A commit certificate for somebody who lags: it proves itself."""

    certificate: Certificate


class Refuse(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """A hint, signed by nobody: this transaction of that proposal failed here."""

    height: Uint
    view: View
    block_hash: Hash
    tx_hash: Hash


class Fresh(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """`signer` has signed no PREPARE or COMMIT above `height` at `time` (ms)."""

    height: Uint
    block_hash: Hash
    state_root: Hash
    time: Uint
    signer: Signer
    signature: Signature = UNSIGNED

    def statement(self, chain_id: str) -> bytes:
        """What is signed."""
        return fresh_statement(
            chain_id, self.height, self.block_hash, self.state_root, self.time, self.signer
        )


class AskFresh(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """Asks for a FRESH of the head of `height`."""

    height: Uint


class GetBody(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """Asks for the block behind a hash that a certificate names."""

    height: Uint
    block_hash: Hash


class Body(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """The answer to GetBody: the canonical bytes of the whole block."""

    block: bytes


Signed: TypeAlias = PrePrepare | Vote | ViewChangeProof | NewView | Fresh
Message: TypeAlias = Signed | Decided | Refuse | AskFresh | GetBody | Body

_KINDS: tuple[type[Wire], ...] = (
    PrePrepare,
    Vote,
    ViewChangeProof,
    NewView,
    Decided,
    Refuse,
    Fresh,
    AskFresh,
    GetBody,
    Body,
)
_TAGS = {kind: bytes([tag]) for tag, kind in enumerate(_KINDS, start=1)}


def encode_message(message: Message) -> bytes:
    """The bytes that travel: one tag byte and the canonical array."""
    return _TAGS[type(message)] + pack(message)


def decode_message(data: bytes) -> Message:
    """The message that `data` encodes.

    Raises:
        Rejected: ``message.unknown`` or ``encoding.*``.
    """
    if not data or not 1 <= data[0] <= len(_KINDS):
        raise Rejected("message.unknown", f"tag {data[:1].hex() or 'missing'}")
    return unpack(_KINDS[data[0] - 1], data[1:])  # type: ignore[return-value] # _KINDS is Message
