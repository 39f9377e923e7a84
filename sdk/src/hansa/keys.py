"""Public keys, signatures and their texts; no cryptography here (that is `hansa.signing`).

A public key on the wire is an algorithm byte and the key: 33 bytes for Ed25519
(algorithm 1). Its text is ``ed25519:`` and 64 hex digits. docs/spec/encoding.md, section 4.
"""

from collections.abc import Callable
from typing import Annotated

import msgspec

from hansa.errors import Rejected
from hansa.hashing import tagged_hash

ED25519 = 1
"""The algorithm byte of Ed25519 (RFC 8032), the only algorithm of suite 1 that signs."""
X25519 = 2
"""The algorithm byte of X25519 (RFC 7748): keys to which others seal (docs/spec/vault.md)."""
SUITE_ED25519_SHA256 = 1
"""Ed25519 and SHA-256: the suite id that stands in genesis and in every header."""

PublicKey = Annotated[bytes, msgspec.Meta(min_length=33, max_length=33)]
Signature = Annotated[bytes, msgspec.Meta(min_length=64, max_length=64)]

Verify = Callable[[bytes, bytes, bytes], bool]
"""(public key of 33 bytes, message, signature) -> is it valid. Pure; never raises."""

_PREFIX = "ed25519:"


def public_key_text(key: bytes) -> str:
    """``ed25519:`` and the key in lower-case hex."""
    return _PREFIX + key[1:].hex()


def parse_public_key(text: str) -> bytes:
    """The 33 bytes behind a key's text.

    Raises:
        Rejected: ``key.text`` when it is not ``ed25519:`` and 64 hex digits.
    """
    digits = text.removeprefix(_PREFIX)
    if len(digits) != 64 or digits == text or not _is_hex(digits):  # noqa: PLR2004
        raise Rejected(
            "key.text", f"{text!r} is no public key", "write ed25519: and 64 lower-case hex digits"
        )
    return bytes([ED25519]) + bytes.fromhex(digits)


def key_id(key: bytes) -> str:
    """A short, stable name of a public key: 16 hex digits of its hash."""
    return tagged_hash("key-id", key).hex()[:16]


def _is_hex(text: str) -> bool:
    return all(character in "0123456789abcdef" for character in text)
