"""Multibase texts: base58btc and base64url, each with one spelling (docs/spec/vc.md, section 1).

The promise: what is decoded is encoded to the same text again, and no text is longer than
its limit before any work is done on it. Source: Controlled Identifiers 1.0, section 2.4.
"""

import base64
import binascii

from hansa.errors import Rejected

BASE58_TEXT_MAX = 128
"""Characters of a base58btc text: a signature has 88; decoding costs the square of it."""

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGITS = {character: digit for digit, character in enumerate(_ALPHABET)}
_BASE58_MARK, _BASE64URL_MARK = "z", "u"


def encode_base58(data: bytes) -> str:
    """``z`` and the base58btc text of `data`."""
    rest = data.lstrip(b"\0")
    number = int.from_bytes(rest, "big")
    digits: list[str] = []
    while number:
        number, digit = divmod(number, 58)
        digits.append(_ALPHABET[digit])
    return _BASE58_MARK + "1" * (len(data) - len(rest)) + "".join(reversed(digits))


def decode_base58(text: str) -> bytes:
    """The bytes of a multibase text in base58btc.

    Raises:
        Rejected: ``vc.multibase``.
    """
    if not text.startswith(_BASE58_MARK) or len(text) > BASE58_TEXT_MAX:
        raise _bad(text)
    body = text[1:]
    rest = body.lstrip("1")
    number = 0
    for character in rest:
        digit = _DIGITS.get(character)
        if digit is None:
            raise _bad(text)
        number = number * 58 + digit
    return bytes(len(body) - len(rest)) + number.to_bytes(-(-number.bit_length() // 8), "big")


def encode_base64url(data: bytes) -> str:
    """``u`` and the base64url text of `data`, without padding (RFC 4648, section 5)."""
    return _BASE64URL_MARK + base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode_base64url(text: str, most: int) -> bytes:
    """The bytes of a multibase text in base64url of at most `most` characters.

    Raises:
        Rejected: ``vc.multibase``: no such text, too long, padded, or not the spelling that
            `encode_base64url` would give.
    """
    if not text.startswith(_BASE64URL_MARK) or len(text) > most or not text.isascii():
        raise _bad(text)
    body = text[1:]
    try:
        data = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise _bad(text) from error
    if encode_base64url(data) != text:
        raise _bad(text)
    return data


def _bad(text: str) -> Rejected:
    return Rejected("vc.multibase", f"{text[:24]!r} ({len(text)} characters) is no multibase text")
