"""The seam between evidence and its judge (contracts.md, clause 5.7).

What a vote is, and what contradicts what, belongs to consensus and its evidence; this
file only says what `governance` needs to be told.
"""

from collections.abc import Callable
from dataclasses import dataclass

from hansa.keys import Verify
from hansa.membership import ValidatorSet


@dataclass(frozen=True, slots=True)
class Offence:
    """What a piece of evidence proves.

    Attributes:
        validator: the node's name.
        kind: of the offence, a short word.
        height: at which it happened.
        view: in which it happened.
    """

    validator: str
    kind: str
    height: int
    view: int


SetAt = Callable[[int], ValidatorSet | None]
"""The set that signs a height, or None when the chain has not decided it."""

Judge = Callable[[bytes, str, SetAt, Verify], Offence]
"""(evidence, chain id, set of a height, verify) -> the offence; raises `Rejected`. Pure."""
