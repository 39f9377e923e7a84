"""``encodedList``: a string of bits as GZIP in multibase base64url (docs/spec/vc.md, section 3).

The promise: a text never makes more memory than `LIST_BYTES_MAX`, whatever it expands to.
Source: Bitstring Status List v1.0, sections 3.3 and 3.4; RFC 1952.
"""

import gzip
import zlib

from hansa.errors import Rejected
from hansa.vc.bits import ENTRIES_MAX, ENTRIES_MIN, STATUS_BITS
from hansa.vc.multibase import decode_base64url, encode_base64url

LIST_BYTES_MIN = ENTRIES_MIN // 8
"""Bytes of a string of bits: 16 KiB (section 2.2)."""
LIST_BYTES_MAX = ENTRIES_MAX * STATUS_BITS[-1] // 8
"""Bytes of the largest list of the chain: 512 KiB."""
TEXT_MAX = 4 * (LIST_BYTES_MAX + 4096) // 3
"""Characters of a text: what no compression can make smaller still fits."""
_GZIP = 16 + zlib.MAX_WBITS


def encode_list(bits: bytes) -> str:
    """The text of a string of bits; the same for the same bits and library."""
    assert LIST_BYTES_MIN <= len(bits) <= LIST_BYTES_MAX
    return encode_base64url(gzip.compress(bits, mtime=0))


def decode_list(text: str) -> bytes:
    """The string of bits of a text.

    Raises:
        Rejected: ``vc.multibase``; ``vc.list`` (no GZIP, cut off, something behind it, or it
            expands beyond `LIST_BYTES_MAX`); ``vc.list-short`` (below 131,072 bits).
    """
    packed = decode_base64url(text, TEXT_MAX)
    expander = zlib.decompressobj(_GZIP)
    try:
        bits = expander.decompress(packed, LIST_BYTES_MAX + 1)
    except zlib.error as error:
        raise Rejected("vc.list", "the list is no GZIP stream") from error
    if len(bits) > LIST_BYTES_MAX:
        raise Rejected("vc.list", f"the list expands beyond {LIST_BYTES_MAX} bytes")
    if not expander.eof or expander.unused_data:
        raise Rejected("vc.list", "the list is cut off, or something stands behind it")
    if len(bits) < LIST_BYTES_MIN:
        raise Rejected("vc.list-short", f"{len(bits)} bytes of bits, {LIST_BYTES_MIN} are needed")
    return bits
