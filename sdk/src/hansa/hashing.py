"""Domain-separated SHA-256 (docs/spec/encoding.md, section 3).

Each use of the hash has a tag of its own, so that bytes made for one purpose
never stand for another.
"""

import hashlib

ZERO_HASH = bytes(32)
"""Stands where there is nothing to hash, e.g. the parent of the genesis block."""


_PREFIXES: dict[str, bytes] = {}
"""Tag -> what is hashed before the payload: the tags are a few literals of this code."""


def tagged_hash(tag: str, payload: bytes) -> bytes:
    """SHA-256 over ``hansa/`` tag ``/1`` NUL payload: 32 bytes."""
    prefix = _PREFIXES.get(tag)
    if prefix is None:
        prefix = _PREFIXES[tag] = b"hansa/%b/1\0" % tag.encode("ascii")
    return hashlib.sha256(prefix + payload).digest()


def sha256(payload: bytes) -> bytes:
    """Plain SHA-256: 32 bytes. For content digests and RFC 6962, which has its own tags."""
    return hashlib.sha256(payload).digest()
