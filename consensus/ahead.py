"""Messages of the next height, kept until it begins (docs/spec/consensus.md, section 9).

A replica that is a moment behind would otherwise wait for them to be sent again. They are
not checked yet, so each validator has few places, and what comes again takes the same one.
"""

from consensus.height import VIEWS_AHEAD_MAX
from consensus.messages import Message, NewView, PrePrepare, ViewChangeProof, Vote


class Ahead:
    """One proposal, one view change, one new view, and the votes of a few views a validator."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: dict[int, dict[tuple[str, int], Message]] = {}

    def keep(self, peer: int, message: Message) -> None:
        """Put a message in its place; there is none for hints and far views."""
        match message:
            case Vote():
                if message.view > VIEWS_AHEAD_MAX:
                    return
                place = (f"vote{message.phase}", message.view)
            case PrePrepare() | ViewChangeProof() | NewView():
                place = (type(message).__name__, 0)
            case _:
                return
        self._kept.setdefault(peer, {})[place] = message

    def take(self) -> list[tuple[int, Message]]:
        """All of them, proposals first, so that votes find the block that they are for.

        Otherwise the order is that of their places' first use. The places are empty then.
        """
        kept, self._kept = self._kept, {}
        waiting = [(peer, item) for peer, places in kept.items() for item in places.values()]
        return sorted(waiting, key=lambda entry: not isinstance(entry[1], PrePrepare | NewView))
