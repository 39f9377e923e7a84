"""The way of an own message from intent to signature: through the guard, never around it.

docs/spec/consensus.md, section 8. The validator key may live in another process one day:
`sign` is all that is asked of it.
"""

from collections.abc import Callable

import msgspec

from consensus.guard import Guard
from consensus.messages import Signed, ViewChangeProof


class Signer:
    """Signs what the guard permits.

    Attributes:
        guard: the last thing signed.
        signed: messages signed by this process.
        refused: intents that the guard refused: a bug of the core, or lost memory.
    """

    __slots__ = ("_sign", "guard", "refused", "signed")

    def __init__(self, guard: Guard, sign: Callable[[bytes], bytes]) -> None:
        """`sign` gives the 64 bytes of a signature with the validator key."""
        self.guard = guard
        self._sign = sign
        self.signed = 0
        self.refused = 0

    def sign(self, intent: Signed, chain_id: str) -> Signed | None:
        """The signed message, or None when the guard refuses it."""
        statement = statement_of(intent, chain_id)
        if not self.guard.permit(intent, statement):
            self.refused += 1
            return None
        self.signed += 1
        signature = self._sign(statement)
        if isinstance(intent, ViewChangeProof):
            change = msgspec.structs.replace(intent.view_change, signature=signature)
            return ViewChangeProof(change, intent.certificate)
        return msgspec.structs.replace(intent, signature=signature)

    def remember(self, message: Signed, chain_id: str) -> None:
        """The vote log knows this message: the guard moves up to it."""
        self.guard.permit(message, statement_of(message, chain_id))


def statement_of(message: Signed, chain_id: str) -> bytes:
    """What is signed of a message."""
    inner = message.view_change if isinstance(message, ViewChangeProof) else message
    return inner.statement(chain_id)
