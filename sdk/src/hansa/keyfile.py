"""Key files: a private key at rest, encrypted under a passphrase (docs/spec/keyfile.md).

The promise: a file is never overwritten, is readable by its owner alone, gives its
key to nobody without the passphrase, and cannot be passed off as a key of another
purpose. Development keys stand open in the file and say so: ``"dev": true``.
"""

import os
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import nacl.bindings
import nacl.exceptions
import nacl.pwhash.argon2id
import nacl.utils

from hansa.errors import Rejected
from hansa.hashing import tagged_hash
from hansa.keys import parse_public_key, public_key_text
from hansa.signing import SEED_BYTES, SigningKey

FORMAT = "hansa-key/1"
KEY_FILE_BYTES_MAX = 4096
"""A key file has under 600 bytes; nothing larger is read."""
OPEN_MODE = 0o077
"""Permission bits that nobody but the owner may have."""

Purpose = Literal["member", "validator", "transport", "user", "seal"]
"""What a key is for: the organisation, its votes, its connections, a person or device, or (its
seed, docs/spec/vault.md 1.2) what others seal to the organisation."""
Strength = Literal["moderate", "interactive"]
"""Cost of trying a passphrase: 256 MiB and about a second, or 64 MiB and a tenth."""

_COSTS: dict[Strength, tuple[int, int]] = {
    "moderate": (
        nacl.pwhash.argon2id.OPSLIMIT_MODERATE,
        nacl.pwhash.argon2id.MEMLIMIT_MODERATE,
    ),
    "interactive": (
        nacl.pwhash.argon2id.OPSLIMIT_INTERACTIVE,
        nacl.pwhash.argon2id.MEMLIMIT_INTERACTIVE,
    ),
}
OPERATIONS_MIN = nacl.pwhash.argon2id.OPSLIMIT_INTERACTIVE
OPERATIONS_MAX = nacl.pwhash.argon2id.OPSLIMIT_SENSITIVE
"""Passes over the memory that a file may ask for: a file from elsewhere must not stall us."""
MEMORY_BYTES_MIN = nacl.pwhash.argon2id.MEMLIMIT_INTERACTIVE
MEMORY_BYTES_MAX = nacl.pwhash.argon2id.MEMLIMIT_SENSITIVE
"""Memory that a file may ask for (1 GiB), and at least asks for (64 MiB: less is guessable)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile:
    """What a key file holds, opened.

    Attributes:
        key: the private key.
        purpose: what it is for.
        dev: whether it stood open in the file: never to be trusted with real data.
    """

    key: SigningKey
    purpose: Purpose
    dev: bool


class _Kdf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Literal["argon2id13"]
    operations: int
    memory_bytes: int
    salt: str


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The JSON of a key file; either `seed` (dev) or `kdf`, `nonce` and `box`."""

    format: str
    purpose: Purpose
    public: str
    dev: bool = False
    seed: str | None = None
    kdf: _Kdf | None = None
    nonce: str | None = None
    box: str | None = None


def create_key_file(
    path: Path,
    key: SigningKey,
    purpose: Purpose,
    passphrase: str,
    *,
    strength: Strength = "moderate",
) -> None:
    """Write `key`, encrypted, to a new file with mode 0600.

    Raises:
        Rejected: ``key.exists`` when there is a file, ``key.passphrase`` when it is empty.
    """
    if not passphrase:
        raise Rejected("key.passphrase", "the passphrase is empty", "give at least one word")
    operations, memory_bytes = _COSTS[strength]
    salt = nacl.utils.random(nacl.pwhash.argon2id.SALTBYTES)
    nonce = nacl.utils.random(nacl.bindings.crypto_secretbox_NONCEBYTES)
    kdf = _Kdf("argon2id13", operations, memory_bytes, salt.hex())
    plain = _binding(purpose, key.public) + key.seed
    box = nacl.bindings.crypto_secretbox(plain, nonce, _stretch(passphrase, kdf))
    _create(
        path,
        _Document(
            FORMAT,
            purpose,
            public_key_text(key.public),
            kdf=kdf,
            nonce=nonce.hex(),
            box=box.hex(),
        ),
    )


def create_dev_key_file(path: Path, key: SigningKey, purpose: Purpose) -> None:
    """Write `key`, open and flagged ``"dev": true``, to a new file with mode 0600.

    Raises:
        Rejected: ``key.exists`` when there is a file.
    """
    _create(
        path,
        _Document(FORMAT, purpose, public_key_text(key.public), dev=True, seed=key.seed.hex()),
    )


def open_key_file(path: Path, passphrase: str | None = None) -> KeyFile:
    """The key in the file at `path`.

    Args:
        path: the file.
        passphrase: needed unless it is a development key.

    Raises:
        Rejected: ``key.missing``, ``key.permissions``, ``key.malformed``, ``key.kdf`` (costs
            outside the limits), ``key.passphrase`` (missing or wrong), ``key.mismatch``.
    """
    document = _read(path)
    public = parse_public_key(document.public)
    if document.dev:
        seed = _unhex(path, document.seed, SEED_BYTES)
    else:
        seed = _decrypt(path, document, public, passphrase)
    key = SigningKey(seed)
    if key.public != public:
        raise Rejected(
            "key.mismatch",
            f"{path} holds another key than its public key says",
            "the file was changed: restore it from a backup",
        )
    return KeyFile(key=key, purpose=document.purpose, dev=document.dev)


def read_public_key(path: Path) -> tuple[bytes, Purpose, bool]:
    """Public key (33 bytes), purpose and dev flag as the file says them; needs no passphrase.

    Raises:
        Rejected: ``key.missing``, ``key.permissions`` or ``key.malformed``.
    """
    document = _read(path)
    return parse_public_key(document.public), document.purpose, document.dev


def _decrypt(path: Path, document: _Document, public: bytes, passphrase: str | None) -> bytes:
    if document.kdf is None:
        raise _malformed(path, "it is neither encrypted nor a development key")
    kdf = document.kdf
    if not (
        OPERATIONS_MIN <= kdf.operations <= OPERATIONS_MAX
        and MEMORY_BYTES_MIN <= kdf.memory_bytes <= MEMORY_BYTES_MAX
    ):
        raise Rejected(
            "key.kdf",
            f"{path} asks for {kdf.operations} passes over {kdf.memory_bytes} bytes; allowed are "
            f"{OPERATIONS_MIN} to {OPERATIONS_MAX} over {MEMORY_BYTES_MIN} to {MEMORY_BYTES_MAX}",
            "do not use a key file from elsewhere; restore yours from a backup",
        )
    if not passphrase:
        raise Rejected("key.passphrase", f"{path} is encrypted", "give its passphrase")
    nonce = _unhex(path, document.nonce, nacl.bindings.crypto_secretbox_NONCEBYTES)
    binding = _binding(document.purpose, public)
    size = len(binding) + SEED_BYTES + nacl.bindings.crypto_secretbox_MACBYTES
    box = _unhex(path, document.box, size)
    _unhex(path, kdf.salt, nacl.pwhash.argon2id.SALTBYTES)
    try:
        plain = nacl.bindings.crypto_secretbox_open(box, nonce, _stretch(passphrase, kdf))
    except nacl.exceptions.CryptoError as error:
        raise Rejected(
            "key.passphrase",
            f"the passphrase does not open {path}",
            "check it (keyboard layout, spaces at the ends) and try again",
        ) from error
    if plain[: len(binding)] != binding:
        raise Rejected(
            "key.mismatch",
            f"{path} was made for another purpose or key than it says",
            "the file was changed: restore it from a backup",
        )
    return plain[len(binding) :]


def _binding(purpose: Purpose, public: bytes) -> bytes:
    """32 bytes inside the box that hold the file's open fields to its key."""
    return tagged_hash("key-file", purpose.encode() + b"\0" + public)


def _stretch(passphrase: str, kdf: _Kdf) -> bytes:
    """The key of the box. One spelling of a passphrase (NFC) whatever the keyboard sent."""
    return nacl.pwhash.argon2id.kdf(
        nacl.bindings.crypto_secretbox_KEYBYTES,
        unicodedata.normalize("NFC", passphrase).encode(),
        bytes.fromhex(kdf.salt),
        opslimit=kdf.operations,
        memlimit=kdf.memory_bytes,
    )


def _create(path: Path, document: _Document) -> None:
    text = msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise Rejected(
            "key.exists",
            f"{path} exists; a key is never overwritten",
            "give another path, or move the file away",
        ) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise


def _read(path: Path) -> _Document:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(KEY_FILE_BYTES_MAX + 1)
    except FileNotFoundError as error:
        raise Rejected(
            "key.missing", f"there is no key file {path}", "make one: hansa key new"
        ) from error
    if os.name == "posix" and mode & OPEN_MODE:
        raise Rejected(
            "key.permissions",
            f"others may read {path} (mode {mode & 0o777:03o})",
            f"chmod 600 {path}",
        )
    if len(text) > KEY_FILE_BYTES_MAX:
        raise _malformed(path, f"it is larger than {KEY_FILE_BYTES_MAX} bytes")
    try:
        document = msgspec.json.decode(text, type=_Document)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _malformed(path, str(error)) from error
    if document.format != FORMAT:
        raise _malformed(path, f"format {document.format!r} is not {FORMAT!r}")
    return document


def _unhex(path: Path, text: str | None, size: int) -> bytes:
    try:
        found = bytes.fromhex(text or "")
    except ValueError as error:
        raise _malformed(path, str(error)) from error
    if len(found) != size:
        raise _malformed(path, f"a field has {len(found)} bytes instead of {size}")
    return found


def _malformed(path: Path, why: str) -> Rejected:
    return Rejected("key.malformed", f"{path} is no key file: {why}", "restore it from a backup")
