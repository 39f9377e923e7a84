"""Lines of a statement and the commitment to them (docs/spec/match.md, section 3).

The promise: a commitment is bound to its party, so that it opens for nobody else, and a line has
one encoding, so that everyone who holds the lines computes the same root, clients and chain alike.
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from hansa.encoding import MemberName, Value, encode_value
from hansa.hashing import tagged_hash
from hansa.merkle import leaf_hash, root_of_hashes

UNITS_MAX = 4
"""Units of a statement: an amount of money, pieces, a weight and one more."""
AMOUNT_MAX = 2**53
"""Of one line, either sign: 200 of them still fit 63 bits."""
SALT_BYTES = 32
"""Of a commitment: what low-entropy lines need against guessing."""

Token = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:#-]{0,63}(?![\s\S])")]
"""A document's number, a line's number or key; or a pseudonym of it."""
Unit = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9.%]{0,15}(?![\s\S])")]
"""What an amount is counted in, the smallest coin or measure: ``CNY.fen``, ``KGM``, ``BOX``."""
Amount = Annotated[int, msgspec.Meta(ge=-AMOUNT_MAX, le=AMOUNT_MAX)]
Amounts = Annotated[dict[Unit, Amount], msgspec.Meta(max_length=UNITS_MAX)]

_ENCODER = msgspec.msgpack.Encoder(order="sorted")


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """A line of a party's book.

    Attributes:
        key: by which the parties match their lines; once in a party's book.
        issuer: the party that issued the source document.
        document: its number, or a pseudonym that the parties share.
        line: the line of it.
        amounts: by unit; empty when the line is sealed.
        seal: the salted commitment to what is not in clear (32 bytes), or empty.
    """

    key: Token
    issuer: MemberName
    document: Token
    line: Token
    amounts: Amounts = msgspec.field(default_factory=dict)
    seal: Annotated[bytes, msgspec.Meta(max_length=32)] = b""


def lines_root(lines: Sequence[Line]) -> bytes:
    """The RFC 6962 root over the canonical maps of the lines, in their order."""
    return root_of_hashes([leaf_hash(_ENCODER.encode(line)) for line in lines])


def commitment(  # noqa: PLR0913, PLR0917 - what it binds
    chain_id: str,
    match_id: str,
    party: str,
    salt: bytes,
    lines: Sequence[Line],
    totals: dict[str, int],
    *,
    sealed: bool = False,
) -> bytes:
    """The root that a party commits to: 32 bytes (match.md, 3.2).

    It names the party, so a commitment that was copied opens for nobody but its maker.
    """
    fields: dict[str, Value] = {
        "chain": chain_id,
        "count": len(lines),
        "id": match_id,
        "lines": lines_root(lines),
        "party": party,
        "salt": salt,
        "sealed": sealed,
        "totals": {**totals},
    }
    return tagged_hash("match-root", encode_value(fields))


def sums(amounts: Sequence[dict[str, int]]) -> dict[str, int]:
    """The sums by unit; a unit whose sum is nothing is left out."""
    total: dict[str, int] = {}
    for one in amounts:
        for unit, value in one.items():
            total[unit] = total.get(unit, 0) + value
    return nonzero(total)


def nonzero(amounts: dict[str, int]) -> dict[str, int]:
    """Amounts without the units of which there is nothing: two equal sums compare equal."""
    return {unit: value for unit, value in sorted(amounts.items()) if value}
