"""``did:key`` for Ed25519: a key that names itself (docs/spec/vc.md, section 2).

Pure: the name holds the whole key, nothing is looked up. Source: the did:key method,
W3C CCG; multicodec 0xed for Ed25519.
"""

from hansa.errors import Rejected
from hansa.keys import ED25519
from hansa.vc.multibase import decode_base58, encode_base58

METHOD = "did:key:"
KEY_BYTES = 32
_ED25519_CODE = b"\xed\x01"


def did_key(public: bytes) -> str:
    """The name of a public key of 33 bytes: ``did:key:z6Mk…``."""
    assert len(public) == KEY_BYTES + 1
    assert public[0] == ED25519
    return METHOD + encode_base58(_ED25519_CODE + public[1:])


def parse_did_key(did: str) -> bytes:
    """The public key, 33 bytes, that a name holds.

    Raises:
        Rejected: ``vc.multibase`` or ``vc.did`` (another method, kind of key or length).
    """
    if not did.startswith(METHOD):
        raise Rejected("vc.did", f"{did[:64]!r} does not begin with {METHOD}")
    data = decode_base58(did.removeprefix(METHOD))
    if data[:2] != _ED25519_CODE or len(data) != 2 + KEY_BYTES:
        raise Rejected("vc.did", f"{did[:64]!r} holds no Ed25519 key of {KEY_BYTES} bytes")
    return bytes([ED25519]) + data[2:]


def verification_method(public: bytes) -> str:
    """How a proof names a key: the name, ``#``, and the key once more."""
    did = did_key(public)
    return f"{did}#{did.removeprefix(METHOD)}"


def parse_verification_method(text: str) -> bytes:
    """The public key, 33 bytes, that a proof names.

    Raises:
        Rejected: ``vc.multibase`` or ``vc.did``.
    """
    did, _, fragment = text.partition("#")
    public = parse_did_key(did)
    if fragment != did.removeprefix(METHOD):
        raise Rejected("vc.did", f"{text[:128]!r} does not name the key of its own did")
    return public
