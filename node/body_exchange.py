"""Whole blocks on demand: who holds one behind a certificate serves it (consensus, row D).

No I/O, no clock. Requests and answers travel as messages of kind BULK behind a tag of
their own, because a block may be larger than a consensus message.
"""

from collections.abc import Callable, Sequence

from consensus.io import Fetched
from consensus.messages import Body, GetBody, decode_message, encode_message
from hansa.block import Block, decode_block
from hansa.transaction import SignedTransaction
from node.outbound import Send
from p2p.frames import BULK

BODY_TAG = b"\xb0"
"""Begins a body message among those of kind BULK: block sync's tags are smaller."""
BODY_GAP_MS = 50
"""A peer gets at most one body in this time."""
HOLDERS_ASKED = 2
"""Of the holders so many are asked at once; the core asks again until it has the body."""

BodyOf = Callable[[int, bytes], bytes | None]
"""(height, block hash) -> the bytes of the block, if it is here."""


class BodyExchange:
    """Bodies of the undecided height that came from peers or from the vote log."""

    __slots__ = ("_body_of", "_held", "_served", "_turn", "_wanted")

    def __init__(self, body_of: BodyOf) -> None:
        """Serve what `body_of` knows."""
        self._body_of = body_of
        self._held: dict[bytes, tuple[SignedTransaction, ...]] = {}
        self._wanted: dict[bytes, None] = {}
        self._served: dict[str, int] = {}
        self._turn = 0

    def hold(self, block: Block) -> None:
        """Keep the transactions of a block that a certificate or an own vote names."""
        self._held[block.header.hash] = decode_all(block)

    def transactions(self, block_hash: bytes) -> tuple[SignedTransaction, ...] | None:
        """The transactions of a held block."""
        return self._held.get(block_hash)

    def ask(self, height: int, block_hash: bytes, holders: Sequence[str]) -> list[Send]:
        """Ask some holders, others each time."""
        self._wanted[block_hash] = None
        request = BODY_TAG + encode_message(GetBody(height, block_hash))
        self._turn += 1
        count = min(HOLDERS_ASKED, len(holders))
        chosen = [holders[(self._turn + place) % len(holders)] for place in range(count)]
        return [Send(name, BULK, request) for name in chosen]

    def receive(self, peer: str, payload: bytes, mono_ms: int) -> tuple[list[Send], Fetched | None]:
        """Take a message behind the tag: an answer to send, or a body that was wanted.

        Raises:
            Rejected: ``message.*``, ``block.*`` or ``encoding.*``.
        """
        message = decode_message(payload[len(BODY_TAG) :])
        if isinstance(message, GetBody):
            return self._serve(peer, message, mono_ms), None
        if isinstance(message, Body):
            block = decode_block(message.block)
            block_hash = block.header.hash
            if block_hash in self._wanted:
                del self._wanted[block_hash]
                self.hold(block)
                return [], Fetched(block.proposal(), message.block)
        return [], None

    def clear(self) -> None:
        """The height is decided."""
        self._held.clear()
        self._wanted.clear()

    def _serve(self, peer: str, message: GetBody, mono_ms: int) -> list[Send]:
        last = self._served.get(peer, mono_ms - BODY_GAP_MS)
        block = self._body_of(message.height, message.block_hash)
        if block is None or mono_ms - last < BODY_GAP_MS:
            return []
        self._served[peer] = mono_ms
        return [Send(peer, BULK, BODY_TAG + encode_message(Body(block)))]


def decode_all(block: Block) -> tuple[SignedTransaction, ...]:
    """The transactions of a block that a certificate or an own vote vouches for."""
    return tuple(SignedTransaction.decode(raw) for raw in block.transactions)
