"""A time-stamp authority of a story's own: it signs tokens of RFC 3161 that anybody can check.

The promise: a token is a real one (RFC 3161, 2.4.2; CMS of RFC 5652; ESSCertIDv2 of RFC 5816),
by a key that lives as long as the story. Nobody but a reader who takes its certificate trusts it.
"""

import secrets
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hansa.der import GENERALIZED_TIME, INTEGER, OCTET_STRING, OID, SEQUENCE, SET
from hansa.hashing import sha256
from hansa.timestamp import SIGNED_DATA, TST_INFO

SERIAL_BITS = 64
YEAR = timedelta(days=365)
_CONTEXT_0 = 0xA0
_LONG_FORM = 0x80
"""Lengths from here on are written with their own length before them (X.690, 8.1.3.5)."""
_SHA256, _ECDSA_SHA256 = "2.16.840.1.101.3.4.2.1", "1.2.840.10045.4.3.2"
_CONTENT_TYPE, _MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
_SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"
_POLICY = "1.3.6.1.4.1.32473.1"
"""Under the number that RFC 5612 sets aside for examples."""


class Authority:
    """An authority with a key and a certificate, valid from yesterday on for a year."""

    def __init__(self, name: str, now_ms: int) -> None:
        """Make the key and sign the certificate with it."""
        self._key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        begin = datetime.fromtimestamp(now_ms // 1000, UTC) - timedelta(days=1)
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        self._made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + YEAR)
            .add_extension(purpose, critical=True)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def certificate(self) -> bytes:
        """In DER: what a reader takes who trusts this authority."""
        return self._made.public_bytes(Encoding.DER)

    def stamp(self, digest: bytes, time_ms: int) -> bytes:
        """The token, in DER, over a SHA-256 at a time in ms since 1970 (kept to the second)."""
        moment = datetime.fromtimestamp(time_ms // 1000, UTC).strftime("%Y%m%d%H%M%SZ")
        imprint = _sequence(_sequence(_oid(_SHA256)), _tlv(OCTET_STRING, digest))
        info = _sequence(
            _number(1),
            _oid(_POLICY),
            imprint,
            _number(secrets.randbits(SERIAL_BITS)),
            _tlv(GENERALIZED_TIME, moment.encode()),
        )
        digests = _sequence(_oid(_SHA256))
        content = _sequence(_oid(TST_INFO), _tlv(_CONTEXT_0, _tlv(OCTET_STRING, info)))
        data = _sequence(
            _number(3),
            _tlv(SET, digests),
            content,
            _tlv(_CONTEXT_0, self.certificate),
            _tlv(SET, self._signer(info)),
        )
        return _sequence(_oid(SIGNED_DATA), _tlv(_CONTEXT_0, data))

    def _signer(self, info: bytes) -> bytes:
        named = _sequence(_sequence(_sequence(_tlv(OCTET_STRING, sha256(self.certificate)))))
        attributes = b"".join(
            sorted(
                _sequence(_oid(kind), _tlv(SET, value))
                for kind, value in (
                    (_CONTENT_TYPE, _oid(TST_INFO)),
                    (_MESSAGE_DIGEST, _tlv(OCTET_STRING, sha256(info))),
                    (_SIGNING_CERTIFICATE_V2, named),
                )
            )
        )
        issuer = _sequence(self._made.issuer.public_bytes(), _number(self._made.serial_number))
        signature = self._key.sign(_tlv(SET, attributes), ec.ECDSA(hashes.SHA256()))
        return _sequence(
            _number(1),
            issuer,
            _sequence(_oid(_SHA256)),
            _tlv(_CONTEXT_0, attributes),
            _sequence(_oid(_ECDSA_SHA256)),
            _tlv(OCTET_STRING, signature),
        )


def _tlv(tag: int, *parts: bytes) -> bytes:
    """Tag, length, value in DER."""
    body = b"".join(parts)
    size = len(body)
    if size < _LONG_FORM:
        return bytes([tag, size]) + body
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, _LONG_FORM | len(digits)]) + digits + body


def _sequence(*parts: bytes) -> bytes:
    return _tlv(SEQUENCE, *parts)


def _number(value: int) -> bytes:
    """A number of 0 or more: one more bit than it has, for the sign."""
    return _tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _oid(text: str) -> bytes:
    first, second, *rest = map(int, text.split("."))
    body = b""
    for arc in (40 * first + second, *rest):
        left, digits = arc >> 7, [arc & 0x7F]
        while left:
            digits.append(0x80 | left & 0x7F)
            left >>= 7
        body += bytes(reversed(digits))
    return _tlv(OID, body)
