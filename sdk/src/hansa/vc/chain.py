"""What the contract `cred` keeps in the state, as everyone reads it (docs/spec/cred.md, 7).

The promise: one shape and one rule for the chain and for whoever checks its state offline.
A value is proven by a state proof; this file says what it means. No cryptography here.
"""

from typing import TypeVar

import msgspec

from hansa.encoding import decoder
from hansa.errors import Rejected
from hansa.vc.bits import ENTRIES_MAX, ENTRIES_MIN, STATUS_BITS, TILE_ENTRIES, tile_bytes, value_at

REVOCATION, SUSPENSION, MESSAGE = "revocation", "suspension", "message"
PURPOSES = (REVOCATION, SUSPENSION, MESSAGE)
"""What a list says of a credential (Bitstring Status List v1.0, section 2.1)."""
TILE_DIGITS = 4
"""Digits of a tile's number in its key: enough for 256 tiles, and sorted as text."""


class Term(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """A time in which an issuer is accredited: `from_height` ≤ height < `to_height`.

    Attributes:
        evidence: SHA-256 of the decision, 32 bytes, or empty.
        from_height: the block that began it.
        until: block time in ms at which it lapses; 0 for never.
        to_height: the first height at which it is over; 0 where nobody ended it.
        reason: why it was ended.
    """

    evidence: bytes
    from_height: int
    until: int
    to_height: int = 0
    reason: str = ""


class Tile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """``cred/tile/<list>/<number>``: which indexes are used (a bit each), and their values."""

    used: bytes
    values: bytes


class Accreditation(msgspec.Struct, frozen=True):
    """As much of ``cred/issuer/<type>/<member>`` as a check needs."""

    id: str
    version: int
    controller: str
    terms: tuple[Term, ...]


class StatusList(msgspec.Struct, frozen=True):
    """As much of ``cred/list/<id>`` as a check needs.

    Attributes:
        id: of the list.
        version: counts its changes.
        controller: the member that issues from it.
        purpose: one of `PURPOSES`.
        size: entries.
        opened: block time in ms of its beginning.
        updated: block time in ms of its last change.
        bits: of one status.
        messages: of the values in order, for the purpose ``message``.
    """

    id: str
    version: int
    controller: str
    purpose: str
    size: int
    opened: int
    updated: int
    bits: int = 1
    messages: tuple[str, ...] = ()


class Logged(msgspec.Struct, frozen=True):
    """As much of ``cred/log/<digest>`` as a check needs; `places` are (list, index)."""

    id: str
    controller: str
    history: tuple[tuple[int, int], ...]
    logged_at: int
    type: str
    places: tuple[tuple[str, int], ...]
    template: int = 0
    valid_until: int = 0


S = TypeVar("S", bound=msgspec.Struct)


def in_force(terms: tuple[Term, ...], height: int, time: int) -> bool:
    """Whether any term holds at a block: its height, and its time in ms (cred.md, 2.4)."""
    return any(holds(term, height, time) for term in terms)


def holds(term: Term, height: int, time: int) -> bool:
    """Whether a term holds at a block."""
    begun = term.from_height <= height and (term.to_height == 0 or height < term.to_height)
    return begun and (term.until == 0 or time < term.until)


def issuer_key(kind: str, member: str) -> str:
    """Where an accreditation stands, below ``cred/``."""
    return f"issuer/{kind}/{member}"


def list_key(list_id: str) -> str:
    """Where a list stands, below ``cred/``."""
    return "list/" + list_id


def tile_key(list_id: str, index: int) -> str:
    """Where the tile of an index stands, below ``cred/``."""
    return f"tile/{list_id}/{index // TILE_ENTRIES:0{TILE_DIGITS}x}"


def log_key(digest: bytes) -> str:
    """Where a logged credential stands, below ``cred/``."""
    return "log/" + digest.hex()


def note_key(list_id: str, index: int) -> str:
    """Where the annotation of an entry stands, below ``cred/``."""
    return f"note/{list_id}/{index}"


def read_state(kind: type[S], value: bytes) -> S:
    """What a state value says.

    Raises:
        Rejected: ``vc.state``: not what `cred` writes under such a key.
    """
    try:
        return decoder(kind).decode(value)
    except (ValueError, TypeError, RecursionError, msgspec.MsgspecError) as error:
        raise Rejected("vc.state", f"no {kind.__name__} of the chain") from error


def status_in(tile: Tile | None, status_list: StatusList, index: int) -> int:
    """The value of an entry from its tile; 0 where there is none.

    Raises:
        Rejected: ``vc.range`` for an index outside of the list, ``vc.state``.
    """
    if not 0 <= index < status_list.size:
        raise Rejected("vc.range", f"index {index} of {status_list.size} entries")
    if tile is None:
        return 0
    return value_at(_checked(tile, status_list).values, index % TILE_ENTRIES, status_list.bits)


def assemble(status_list: StatusList, tiles: dict[int, Tile]) -> bytes:
    """The whole string of bits from the tiles by number; a tile that is absent holds zeros.

    Raises:
        Rejected: ``vc.state`` when a shape or a number does not fit the list.
    """
    if status_list.bits not in STATUS_BITS or not ENTRIES_MIN <= status_list.size <= ENTRIES_MAX:
        raise Rejected("vc.state", f"a list of {status_list.size} times {status_list.bits} bits")
    count = status_list.size // TILE_ENTRIES
    if any(not 0 <= number < count for number in tiles):
        raise Rejected("vc.state", f"a tile beyond the {count} of the list")
    empty = bytes(tile_bytes(status_list.bits))
    return b"".join(
        _checked(tiles[number], status_list).values if number in tiles else empty
        for number in range(count)
    )


def _checked(tile: Tile, status_list: StatusList) -> Tile:
    """A tile of the size that its list says."""
    lengths = (len(tile.used), len(tile.values))
    if status_list.bits not in STATUS_BITS or lengths != (
        tile_bytes(1),
        tile_bytes(status_list.bits),
    ):
        raise Rejected("vc.state", f"a tile of {lengths} bytes")
    return tile
