"""Status values in a string of bits, and the tiles that the chain keeps them in.

The promise: index 0 is at the left-most bit of the first byte, and a value of several bits
has its highest one first. Used alike by the contract `cred` and by whoever checks it
offline. Source: Bitstring Status List v1.0, sections 2.2 and 7.1; docs/spec/vc.md, section 4.
"""

ENTRIES_MIN = 131_072
"""Entries of a list: so many that an index says little about whose it is (section 6.1)."""
ENTRIES_MAX = 1_048_576
"""Entries of a list: 128 KiB of single bits, and eight times the least."""
TILE_ENTRIES = 4_096
"""Entries of a tile: one change writes half a kilobyte, and a list has 32 tiles and more."""
STATUS_BITS = (1, 2, 4)
"""Bits of a status: they divide a byte, and 16 messages are enough to tell a story."""


def value_at(bits: bytes, index: int, size: int) -> int:
    """The value of `size` bits at an index; zero behind the end."""
    byte, shift = _place(index, size)
    return bits[byte] >> shift & (1 << size) - 1 if byte < len(bits) else 0


def with_value(bits: bytes, index: int, size: int, value: int) -> bytes:
    """The same bits with another value at an index that they hold."""
    assert 0 <= value < 1 << size
    byte, shift = _place(index, size)
    mask = (1 << size) - 1 << shift
    changed = bits[byte] & ~mask | value << shift
    return bits[:byte] + bytes([changed]) + bits[byte + 1 :]


def tile_bytes(size: int) -> int:
    """Bytes of a tile's values of `size` bits."""
    return TILE_ENTRIES * size // 8


def _place(index: int, size: int) -> tuple[int, int]:
    """The byte that holds a value, and how far from its right end."""
    assert size in STATUS_BITS
    byte, start = divmod(index * size, 8)
    return byte, 8 - start - size
