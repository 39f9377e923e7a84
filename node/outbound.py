"""What the sans-IO parts hand to the shell for sending: a message, its kind and its peer."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Send:
    """One message to send.

    Attributes:
        peer: the node's name, or None for every connected peer (the same bytes object).
        kind: the kind of message, `p2p.frames.TRANSACTIONS` or `BULK`.
        message: its bytes.
    """

    peer: str | None
    kind: int
    message: bytes
