"""Sealed data: a salted commitment for the chain, and a blob for the named organisations alone.

The promise: the chain learns nothing of a payload, not even by trying all of its possible
values; who is not named cannot read it; who is named can prove that what it read is what
was committed to. Who knows the payload and its salt needs no key to check a commitment.
docs/spec/vault.md, sections 1 to 3. RFC 2104, RFC 7748, libsodium's sealed box and
secretstream (XChaCha20-Poly1305).
"""

import hashlib
import hmac
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec
import nacl.bindings as sodium
import nacl.exceptions

from hansa.canonical_json import Json, dumps
from hansa.encoding import Hash, MemberName, Name, Wire, pack, unpack
from hansa.errors import Rejected
from hansa.hashing import sha256, tagged_hash
from hansa.keys import X25519, key_id

SALT_BYTES = 32
"""Chance that makes a commitment to a guessable payload unguessable."""
CONTENT_KEY_BYTES = sodium.crypto_secretstream_xchacha20poly1305_KEYBYTES
WRAP_BYTES = 80
"""A sealed box around a content key: 32 bytes of a fresh public key, 16 of a tag, 32."""
SEAL_BYTES_MAX = 256
"""What the `seal` of a record may hold (asset.md, contracts.md)."""
CHUNK_BYTES = 64 * 1024
"""Plain bytes of a chunk: what a reader holds before it knows that they are genuine."""
BLOB_BYTES_MAX = 16 * 1024 * 1024
"""A whole blob: a scanned contract or a day of a sensor. Larger things are cut by their owner."""
HEADER_BYTES_MAX = 16 * 1024
"""A header with `WRAPS_MAX` wraps of the longest names has under 12 KiB."""
WRAPS_MAX = 64
"""Keys to which one content key is wrapped."""
ABOUT_CHARACTERS_MAX = 128
MEDIA_TYPE_CHARACTERS_MAX = 127
"""RFC 6838, 4.2: the two names of a media type."""
MAGIC = b"hsv\x01"
"""Begins every blob; the last byte is the version."""

COMMITMENT: Final = "HMAC-SHA-256"
CIPHER: Final = "secretstream-xchacha20poly1305"
WRAPPING: Final = "x25519-sealedbox"
WHERE_VAULT = "vault"
JSON_TYPE = "application/json"
"""The media type of a payload that is RFC 8785 text."""

_TAG_BYTES = sodium.crypto_secretstream_xchacha20poly1305_ABYTES
_STREAM_BYTES = sodium.crypto_secretstream_xchacha20poly1305_HEADERBYTES
_FINAL = sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL
_MESSAGE = sodium.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
_SEALED_CHUNK = CHUNK_BYTES + _TAG_BYTES
_LENGTH_BYTES = 4

KeyId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}(?![\s\S])")]
About = Annotated[
    str, msgspec.Meta(max_length=ABOUT_CHARACTERS_MAX, pattern=r"^[A-Za-z0-9._:/-]*(?![\s\S])")
]
"""The id of the record that a blob belongs to: an agreement or consent; empty: none."""


class Cipher(Wire, frozen=True):
    """Where the encrypted payload is: the SHA-256 of the blob, and who keeps it."""

    alg: Literal["secretstream-xchacha20poly1305"]
    digest: Hash
    where: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9.-]{0,31}(?![\s\S])")]


class Seal(Wire, frozen=True):
    """What stands in a record's `seal`: the commitment, and the blob if there is one."""

    version: Literal[1]
    alg: Literal["HMAC-SHA-256"]
    commit: Hash
    cipher: Cipher | None


class Wrap(Wire, frozen=True):
    """The content key, sealed to one key of a member (the fields of `grant.deliver`)."""

    member: MemberName
    to_key_id: KeyId
    alg: Literal["x25519-sealedbox"]
    ek: Annotated[bytes, msgspec.Meta(min_length=WRAP_BYTES, max_length=WRAP_BYTES)]


class Header(Wire, frozen=True):
    """The open part of a blob: anybody who holds it sees for whom it is.

    Attributes:
        chain_id: of the chain whose keys are named.
        author: the member that says it sealed this; nothing proves it but the chain's record.
        about: the agreement or consent under which it is shared; empty: none.
        commit: the commitment, as in the record.
        wraps: the content key for each named key, each key once.
    """

    chain_id: Name
    author: MemberName
    about: About
    commit: Hash
    wraps: Annotated[tuple[Wrap, ...], msgspec.Meta(min_length=1, max_length=WRAPS_MAX)]

    @property
    def members(self) -> tuple[str, ...]:
        """The named members, each once, in order."""
        return tuple(sorted({wrap.member for wrap in self.wraps}))


class SealKey:
    """A private X25519 key, made from 32 bytes of chance. Never printed by accident."""

    __slots__ = ("_secret", "public")

    def __init__(self, seed: bytes) -> None:
        """Make the key of a seed: ``tagged_hash("seal-key", seed)`` (vault.md, 1.2)."""
        self._secret = tagged_hash("seal-key", seed)
        self.public = bytes([X25519]) + sodium.crypto_scalarmult_base(self._secret)

    @property
    def id(self) -> str:
        """The key's name on the chain."""
        return key_id(self.public)

    def unwrap(self, wrap: Wrap) -> bytes:
        """The content key in a wrap.

        Raises:
            Rejected: ``seal.wrong-key`` when it was not sealed to this key.
        """
        try:
            found = sodium.crypto_box_seal_open(wrap.ek, self.public[1:], self._secret)
        except (nacl.exceptions.CryptoError, ValueError) as error:
            raise Rejected(
                "seal.wrong-key",
                f"the wrap for key {wrap.to_key_id} does not open with key {self.id}",
                "give the key file of that key: hansa key list",
            ) from error
        assert len(found) == CONTENT_KEY_BYTES
        return found

    def __repr__(self) -> str:  # type: ignore[explicit-override]  # typing.override: 3.12
        return f"SealKey({self.id})"


@dataclass(frozen=True, slots=True)
class Recipient:
    """A key on the chain to which is sealed: its member and its 33 bytes."""

    member: str
    key: bytes


@dataclass(frozen=True, slots=True)
class Sealed:
    """What sealing gave.

    Attributes:
        seal: for the record on the chain.
        blob: for the vault.
        salt: opens the commitment; it is also in the blob. Who keeps it keeps the payload's
            erasure from being complete.
    """

    seal: Seal
    blob: bytes
    salt: bytes

    @property
    def id(self) -> bytes:
        """The blob's name: its SHA-256."""
        assert self.seal.cipher is not None
        return self.seal.cipher.digest


@dataclass(frozen=True, slots=True)
class Opened:
    """What was sealed, its commitment checked."""

    payload: bytes
    media_type: str
    salt: bytes
    header: Header


def commitment(salt: bytes, payload: bytes) -> bytes:
    """The 32 bytes that stand for a payload: HMAC-SHA-256 keyed with the salt (RFC 2104)."""
    assert len(salt) == SALT_BYTES
    return hmac.digest(salt, payload, hashlib.sha256)


def commits_to(seal: Seal, salt: bytes, payload: bytes) -> bool:
    """Whether a seal is that of a payload: what an auditor checks who was shown both."""
    return hmac.compare_digest(seal.commit, commitment(salt, payload))


def where_commit(digest: bytes) -> bytes:
    """What `grant.deliver` says of the place: the hash of ``vault:`` and the blob's id in hex."""
    return sha256(f"{WHERE_VAULT}:{digest.hex()}".encode())


def seal_json(value: Json, recipients: Sequence[Recipient], **of: str) -> Sealed:
    """Seal a JSON value as its RFC 8785 bytes; `of` as in `seal_payload`.

    Raises:
        Rejected: ``json.value`` or ``seal.*``.
    """
    return seal_payload(dumps(value), recipients, media_type=JSON_TYPE, **of)


def seal_payload(  # noqa: PLR0913 - what a blob says of itself
    payload: bytes,
    recipients: Sequence[Recipient],
    *,
    chain_id: str,
    author: str,
    about: str = "",
    media_type: str = "application/octet-stream",
) -> Sealed:
    """Commit to a payload with a fresh salt, encrypt it with a fresh key, wrap that.

    Args:
        payload: the bytes.
        recipients: keys of the named organisations; the author's own among them if it wants
            to read it again.
        chain_id: where these keys are.
        author: the member that seals.
        about: the agreement or consent that it belongs to.
        media_type: of the payload; it is encrypted too.

    Raises:
        Rejected: ``seal.recipients``, ``seal.too-large`` or ``seal.malformed``.
    """
    salt, content_key = os.urandom(SALT_BYTES), os.urandom(CONTENT_KEY_BYTES)
    commit = commitment(salt, payload)
    wraps = tuple(wrap_key(content_key, one) for one in recipients)
    header = pack(Header(chain_id, author, about, commit, wraps))
    _checked_header(header)
    kind = media_type.encode()
    if len(kind) > MEDIA_TYPE_CHARACTERS_MAX:
        raise Rejected("seal.malformed", f"a media type of {len(kind)} bytes, 127 are taken")
    plain = salt + bytes([len(kind)]) + kind + payload
    blob = MAGIC + len(header).to_bytes(_LENGTH_BYTES, "big") + header
    blob += _encrypt(content_key, _bound(header), plain)
    if len(blob) > BLOB_BYTES_MAX:
        raise Rejected(
            "seal.too-large",
            f"the blob has {len(blob)} bytes, {BLOB_BYTES_MAX} are taken",
            "cut the payload and seal the parts",
        )
    cipher = Cipher(CIPHER, sha256(blob), WHERE_VAULT)
    return Sealed(Seal(1, COMMITMENT, commit, cipher), blob, salt)


def wrap_key(content_key: bytes, recipient: Recipient) -> Wrap:
    """A content key for one recipient.

    Raises:
        Rejected: ``seal.recipients`` when its key is no X25519 key, or a degenerate one.
    """
    key = recipient.key
    if len(key) != 33 or key[0] != X25519:  # noqa: PLR2004 - algorithm byte and key
        raise Rejected("seal.recipients", f"{key.hex()} of {recipient.member} is no X25519 key")
    try:
        ek = sodium.crypto_box_seal(content_key, key[1:])
    except nacl.exceptions.CryptoError as error:
        raise Rejected(
            "seal.recipients",
            f"the key of {recipient.member} is a point to which nothing can be sealed",
            "that member names another key: hansa vault key",
        ) from error
    return Wrap(recipient.member, key_id(key), WRAPPING, ek)


def rewrap(wrap: Wrap, old: SealKey, new: Recipient) -> Wrap:
    """The content key of a wrap for another key; the blob and its id stay as they are.

    Raises:
        Rejected: ``seal.wrong-key`` or ``seal.recipients``.
    """
    return wrap_key(old.unwrap(wrap), new)


def read_header(blob: bytes) -> Header:
    """The open part of a blob, read from its beginning (`HEADER_BYTES_MAX` and 8 are enough).

    Raises:
        Rejected: ``seal.version``, ``seal.malformed``, ``seal.recipients`` or ``encoding.*``.
    """
    header, _ = _split(blob)
    return _checked_header(header)


def open_blob(blob: bytes, key: SealKey, wraps: Sequence[Wrap] = ()) -> Opened:
    """The payload of a blob, for one of its readers.

    Args:
        blob: all of it.
        key: the reader's.
        wraps: further wraps, which a node keeps beside the blob after a rotation.

    Raises:
        Rejected: ``seal.not-named``, ``seal.wrong-key``, ``seal.broken`` (a byte differs, or
            the end is missing), ``seal.commit`` or one of `read_header`.
    """
    raw, start = _split(blob)
    header = _checked_header(raw)
    found = [wrap for wrap in (*wraps, *header.wraps) if wrap.to_key_id == key.id]
    if not found:
        named = ", ".join(f"{wrap.member} {wrap.to_key_id}" for wrap in header.wraps)
        raise Rejected(
            "seal.not-named",
            f"it is not sealed to key {key.id}, but to: {named}",
            "give the key file of a named key",
        )
    plain = _decrypt(key.unwrap(found[0]), _bound(raw), blob[start:])
    body = SALT_BYTES + 1
    if len(plain) < body or len(plain) < body + plain[SALT_BYTES]:
        raise _broken("the plain text is shorter than its own head")
    salt, end = plain[:SALT_BYTES], body + plain[SALT_BYTES]
    payload = plain[end:]
    if not hmac.compare_digest(header.commit, commitment(salt, payload)):
        raise Rejected(
            "seal.commit",
            "the payload is not what its author committed to",
            "show it to the others: the author sealed one thing and committed to another",
        )
    return Opened(payload, plain[body:end].decode("utf-8", "replace"), salt, header)


def encode_seal(seal: Seal) -> bytes:
    """The bytes of a record's `seal`, at most `SEAL_BYTES_MAX`."""
    return pack(seal)


def decode_seal(data: bytes) -> Seal:
    """The seal of a record.

    Raises:
        Rejected: ``seal.too-large`` or ``encoding.*``.
    """
    if len(data) > SEAL_BYTES_MAX:
        raise Rejected("seal.too-large", f"a seal of {len(data)} bytes, {SEAL_BYTES_MAX} are taken")
    return unpack(Seal, data)


def _split(blob: bytes) -> tuple[bytes, int]:
    """The header's bytes, and where the stream begins."""
    if blob[: len(MAGIC)] != MAGIC:
        if blob[: len(MAGIC) - 1] == MAGIC[:-1] and len(blob) >= len(MAGIC):
            raise Rejected(
                "seal.version", f"version {blob[3]} of a blob, known: 1", "use a newer hansa"
            )
        raise Rejected("seal.malformed", "these bytes are no sealed blob")
    start = len(MAGIC) + _LENGTH_BYTES
    size = int.from_bytes(blob[len(MAGIC) : start], "big")
    if size > HEADER_BYTES_MAX or len(blob) < start + size:
        raise Rejected("seal.malformed", f"a header of {size} bytes in a blob of {len(blob)} bytes")
    return blob[start : start + size], start + size


def _checked_header(raw: bytes) -> Header:
    header = unpack(Header, raw)
    names = [wrap.to_key_id for wrap in header.wraps]
    if len(set(names)) != len(names):
        raise Rejected("seal.recipients", f"a key is named twice among: {', '.join(names)}")
    return header


def _bound(header: bytes) -> bytes:
    """Associated data of every chunk: a stream fits its own header alone."""
    return tagged_hash("seal-header", header)


def _encrypt(key: bytes, bound: bytes, plain: bytes) -> bytes:
    state = sodium.crypto_secretstream_xchacha20poly1305_state()
    parts = [sodium.crypto_secretstream_xchacha20poly1305_init_push(state, key)]
    last = max(len(plain) - 1, 0) // CHUNK_BYTES
    for number in range(last + 1):
        chunk = plain[number * CHUNK_BYTES : (number + 1) * CHUNK_BYTES]
        tag = _FINAL if number == last else _MESSAGE
        parts.append(sodium.crypto_secretstream_xchacha20poly1305_push(state, chunk, bound, tag))
    return b"".join(parts)


def _decrypt(key: bytes, bound: bytes, stream: bytes) -> bytes:
    """The plain text; a byte that differs, a missing end and bytes after it are all refused."""
    if not _STREAM_BYTES < len(stream) <= BLOB_BYTES_MAX:
        raise _broken(f"a stream of {len(stream)} bytes")
    state = sodium.crypto_secretstream_xchacha20poly1305_state()
    head, body = stream[:_STREAM_BYTES], stream[_STREAM_BYTES:]
    sodium.crypto_secretstream_xchacha20poly1305_init_pull(state, head, key)
    parts: list[bytes] = []
    for start in range(0, len(body), _SEALED_CHUNK):
        chunk = body[start : start + _SEALED_CHUNK]
        try:
            part, tag = sodium.crypto_secretstream_xchacha20poly1305_pull(state, chunk, bound)
        except (nacl.exceptions.CryptoError, ValueError) as error:
            raise _broken(f"the chunk at byte {start} of the stream is not genuine") from error
        is_last = start + _SEALED_CHUNK >= len(body)
        if (tag == _FINAL) != is_last:
            raise _broken("its end is missing, or something follows it")
        parts.append(part)
    return b"".join(parts)


def _broken(why: str) -> Rejected:
    return Rejected("seal.broken", f"the blob was changed or cut: {why}", "fetch it again")
