"""Ed25519 by libsodium (PyNaCl), the only implementation that judges signatures here.

Libraries disagree on edge cases (small orders, non-canonical encodings), and a
disagreement splits a chain: docs/spec/encoding.md, section 4.
"""

import os

import nacl.bindings
import nacl.exceptions

from hansa.keys import ED25519

SEED_BYTES = 32


class SigningKey:
    """A private Ed25519 key. Never printed, never encoded by accident."""

    __slots__ = ("_secret", "public")

    def __init__(self, seed: bytes) -> None:
        """Take a seed of 32 bytes (RFC 8032, section 5.1.5)."""
        assert len(seed) == SEED_BYTES
        public, self._secret = nacl.bindings.crypto_sign_seed_keypair(seed)
        self.public = bytes([ED25519]) + public

    @classmethod
    def generate(cls) -> "SigningKey":
        """A fresh key from the operating system's chance."""
        return cls(os.urandom(SEED_BYTES))

    @property
    def seed(self) -> bytes:
        """The 32 bytes that make the key again: for key files only."""
        return nacl.bindings.crypto_sign_ed25519_sk_to_seed(self._secret)

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the signature over `message`."""
        return nacl.bindings.crypto_sign(message, self._secret)[:64]

    def __repr__(self) -> str:  # type: ignore[explicit-override]  # typing.override: 3.12
        return f"SigningKey(ed25519:{self.public[1:].hex()[:12]}…)"


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` (64 bytes) over `message` was made by `public` (33 bytes)."""
    if len(public) != 33 or public[0] != ED25519 or len(signature) != 64:  # noqa: PLR2004
        return False
    try:
        nacl.bindings.crypto_sign_open(signature + message, public[1:])
    except (nacl.exceptions.BadSignatureError, ValueError, TypeError):
        return False
    return True
