"""The signer guard: a second, independent line against signing twice.

It knows no protocol. It remembers the last thing signed as (height, view,
step) and what was signed there; it signs upwards, gives the same answer for
the same bytes, and refuses the rest. A bug in the core then costs progress,
not agreement. docs/spec/consensus.md, section 8.
"""

from dataclasses import dataclass
from typing import Annotated, assert_never

import msgspec

from consensus.messages import Fresh, NewView, PrePrepare, Signed, ViewChangeProof, Vote
from hansa.certificate import Certificate
from hansa.encoding import Hash, Uint, Wire, pack, unpack
from hansa.errors import Corrupt, Rejected
from hansa.hashing import ZERO_HASH, tagged_hash

STEP_VIEW_CHANGE, STEP_PROPOSE, STEP_PREPARE, STEP_COMMIT = 0, 1, 2, 3


UNLOCKED = -1
"""No COMMIT was signed at the height of the slot."""


class _State(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    version: int
    height: Uint
    view: Uint
    step: Uint
    digest: Hash
    locked_view: Annotated[int, msgspec.Meta(ge=UNLOCKED)]
    prepared: bytes


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """Where a signature stands in the order of all signatures of a validator."""

    height: int
    view: int
    step: int


def slot_of(message: Signed) -> Slot | None:
    """The slot of a message; FRESH has none, it is judged by height alone."""
    match message:
        case PrePrepare():
            return Slot(message.proposal.header.height, 0, STEP_PROPOSE)
        case Vote():
            return Slot(message.height, message.view, message.phase)
        case ViewChangeProof():
            change = message.view_change
            return Slot(change.height, change.target, STEP_VIEW_CHANGE)
        case NewView():
            return Slot(message.height, message.view, STEP_PROPOSE)
        case Fresh():
            return None
        case _:
            assert_never(message)


class Guard:
    """The last slot that was signed, what was signed there, and the lock of its height.

    Attributes:
        slot: the last one.
        digest: the statement that was signed in it.
        locked_view: the highest view in which a COMMIT was signed at the slot's height: no
            VIEW-CHANGE of that height may claim less, whatever else was forgotten.
        prepared: the latest certificate that a COMMIT rests on: as lasting as the lock, so
            that a lock whose vote log was cut can still be claimed.
    """

    __slots__ = ("digest", "locked_view", "prepared", "slot")

    def __init__(
        self,
        slot: Slot,
        digest: bytes,
        locked_view: int = UNLOCKED,
        prepared: Certificate | None = None,
    ) -> None:
        self.slot = slot
        self.digest = digest
        self.locked_view = locked_view
        self.prepared = prepared

    @classmethod
    def new(cls) -> "Guard":
        """The guard of a validator that has never signed."""
        return cls(Slot(0, 0, 0), ZERO_HASH)

    @classmethod
    def decode(cls, data: bytes) -> "Guard":
        """Read it back.

        Raises:
            Corrupt: ``guard.damaged``: the way out is the rule of amnesia.
        """
        state = _checked(data)
        if state is None:
            raise Corrupt(
                "guard.damaged",
                f"the signer guard ({len(data)} bytes) does not read back",
                "delete it: the node then abstains until it is safe to vote",
            )
        slot = Slot(state.height, state.view, state.step)
        prepared = unpack(Certificate, state.prepared) if state.prepared else None
        return cls(slot, state.digest, state.locked_view, prepared)

    def encode(self) -> bytes:
        """The bytes of its file: checksum and state."""
        slot = self.slot
        prepared = b"" if self.prepared is None else pack(self.prepared)
        state = pack(
            _State(1, slot.height, slot.view, slot.step, self.digest, self.locked_view, prepared)
        )
        return tagged_hash("guard", state) + state

    def locked_at(self, height: int) -> int:
        """The view of the last COMMIT at a height, or `UNLOCKED`."""
        return self.locked_view if height == self.slot.height else UNLOCKED

    def least_target(self, height: int) -> int:
        """The lowest target of a VIEW-CHANGE of a height that is not refused for its slot."""
        if height != self.slot.height:
            return 0
        return self.slot.view + (self.slot.step > STEP_VIEW_CHANGE)

    def signed_change(self, height: int) -> bytes | None:
        """The statement of the VIEW-CHANGE that is the last thing signed at a height, if it is."""
        is_change = self.slot.height == height and self.slot.step == STEP_VIEW_CHANGE
        return self.digest if is_change else None

    def bounds_at(self, height: int) -> tuple[int, int, bytes | None]:
        """What a core has to know of a height after a restart: the three answers above."""
        return self.locked_at(height), self.least_target(height), self.signed_change(height)

    def keep(self, certificate: Certificate) -> None:
        """The certificate that a COMMIT to come rests on."""
        known = self.prepared
        if known is None or (known.height, known.view) < (certificate.height, certificate.view):
            self.prepared = certificate

    def permit(self, message: Signed, statement: bytes) -> bool:
        """Whether this may be signed; if so, it is remembered (the caller makes it durable)."""
        slot = slot_of(message)
        if slot is None:
            return isinstance(message, Fresh) and self.slot.height <= message.height
        if slot == self.slot:
            return statement == self.digest
        locked = self.locked_at(slot.height)
        if slot < self.slot or (
            isinstance(message, ViewChangeProof) and message.view_change.prepared_view < locked
        ):
            return False
        self.locked_view = slot.view if slot.step == STEP_COMMIT else locked
        self.slot, self.digest = slot, statement
        return True


def _checked(data: bytes) -> _State | None:
    """The state behind a checksum that holds."""
    checksum, state = data[:32], data[32:]
    if tagged_hash("guard", state) != checksum:
        return None
    try:
        return unpack(_State, state)
    except Rejected:
        return None
