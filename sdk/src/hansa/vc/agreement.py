"""The X25519 key that belongs to a ``did:key`` (docs/spec/vc.md, section 2).

Apart from `hansa.vc.did_key`, which whoever reads names alone may load: this one needs libsodium.
Source: the did:key method, W3C CCG; multicodec 0xec for X25519.
"""

import nacl.bindings
import nacl.exceptions

from hansa.errors import Rejected
from hansa.vc.multibase import encode_base58

_X25519_CODE = b"\xec\x01"


def agreement_key(public: bytes) -> str:
    """The X25519 key that belongs to an Ed25519 key, for encryption: ``z6LS…``.

    Raises:
        Rejected: ``vc.did`` when the 32 bytes are no point of the curve.
    """
    try:
        converted = nacl.bindings.crypto_sign_ed25519_pk_to_curve25519(public[1:])
    except nacl.exceptions.RuntimeError as error:
        raise Rejected("vc.did", f"{public.hex()} is no point of edwards25519") from error
    return encode_base58(_X25519_CODE + converted)
