"""Judging RFC 3161 tokens: signature, certificates, imprint (docs/spec/proof.md, 10.3).

The promise: a token counts when an authority whose root the reader trusts signed it while its
certificates were valid, for the digest in question; that a certificate has expired since says
nothing. It needs the extra ``hansa-sdk[timestamp]``; nothing else of the SDK does.
"""

import hashlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from hansa.der import INTEGER, OCTET_STRING, SEQUENCE, SET, Element
from hansa.errors import Rejected
from hansa.timestamp import TST_INFO, Token, read_token

CHAIN_MAX = 6
"""Certificates from a signer to a root; authorities use two to four."""
CERTIFICATES_MAX = 32
"""Certificates looked at: those in the token and those of the reader."""
RSA_BITS_MIN = 2048
_CONTENT_TYPE = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
_SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.12"
_SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"
_SHA1, _SHA256 = "1.3.14.3.2.26", "2.16.840.1.101.3.4.2.1"
_HASHES: dict[str, hashes.HashAlgorithm] = {
    _SHA256: hashes.SHA256(),
    "2.16.840.1.101.3.4.2.2": hashes.SHA384(),
    "2.16.840.1.101.3.4.2.3": hashes.SHA512(),
}
_ECDSA = {
    "1.2.840.10045.4.3.2": _SHA256,
    "1.2.840.10045.4.3.3": "2.16.840.1.101.3.4.2.2",
    "1.2.840.10045.4.3.4": "2.16.840.1.101.3.4.2.3",
}
_RSA = {
    "1.2.840.113549.1.1.11": _SHA256,
    "1.2.840.113549.1.1.12": "2.16.840.1.101.3.4.2.2",
    "1.2.840.113549.1.1.13": "2.16.840.1.101.3.4.2.3",
}
_RSA_PLAIN, _RSA_PSS, _ED25519 = "1.2.840.113549.1.1.1", "1.2.840.113549.1.1.10", "1.3.101.112"
_PARTS = (
    "issuer", "subject", "serial_number", "extensions", "not_valid_before_utc",
    "not_valid_after_utc",
)  # fmt: skip
_UNREADABLE = (
    ValueError, TypeError, UnsupportedAlgorithm, Warning, x509.InvalidVersion,
    x509.DuplicateExtension, x509.UnsupportedGeneralNameType,
)  # fmt: skip
"""How the library says that it cannot read a certificate."""
_UNDERSTOOD = {
    ExtensionOID.BASIC_CONSTRAINTS, ExtensionOID.KEY_USAGE, ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.SUBJECT_KEY_IDENTIFIER, ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME, ExtensionOID.CERTIFICATE_POLICIES,
}  # fmt: skip
"""Extensions that may be critical; a certificate with another critical one is not used."""


@dataclass(frozen=True, slots=True)
class Stamped:
    """A token that holds.

    Attributes:
        gen_time: ms since 1970.
        authority: the subject of the signer's certificate (RFC 4514).
        trusted: whether a root of the reader's leads to it.
    """

    gen_time: int
    authority: str
    trusted: bool


class Authorities:
    """The time-stamp authorities that a reader trusts."""

    def __init__(self, roots: Sequence[bytes], others: Sequence[bytes] = ()) -> None:
        """Take certificates in DER: roots, or authorities themselves.

        `others` are not trusted; they may stand between a signer and a root.

        Raises:
            Rejected: ``trust.malformed``: one of them is no certificate.
        """
        self._roots = [self._needed(root) for root in roots]
        self._others = [self._needed(other) for other in others]

    @staticmethod
    def _needed(raw: bytes) -> x509.Certificate:
        found = _certificate(raw)
        if found is None:
            raise Rejected(
                "trust.malformed",
                "a root of a time-stamp authority is no certificate",
                "put the authority's own root into the trust file",
            )
        return found

    def check(self, data: bytes, digests: Sequence[tuple[str, bytes]]) -> Stamped:
        """Judge a token over one of these (algorithm, digest).

        Raises:
            Rejected: ``timestamp.*`` or ``der.malformed``: the token does not hold.
        """
        token = read_token(data)
        if (token.algorithm, token.imprint) not in digests:
            raise Rejected("timestamp.imprint", "it stamps another digest", "find its own document")
        given = [*_parsed(token.certificates), *self._others, *self._roots]
        signer = _signer_of(token, given)
        _check_attributes(token, signer)
        _check_signature(token, signer)
        _check_purpose(signer)
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=token.gen_time)
        if not _valid(signer, moment):
            raise Rejected("timestamp.expired", "its signer's certificate was not valid then")
        trusted = self._leads(signer, given, moment)
        return Stamped(token.gen_time, signer.subject.rfc4514_string(), trusted)

    def verify(self, data: bytes, digests: Sequence[tuple[str, bytes]]) -> Stamped:
        """Judge a token as `check` does, and refuse one that no root of the reader's leads to.

        Raises:
            Rejected: ``timestamp.*`` or ``der.malformed``.
        """
        found = self.check(data, digests)
        if not found.trusted:
            raise Rejected(
                "timestamp.untrusted",
                f"no root that you trust leads to {found.authority}",
                "put the authority's own root into the trust file",
            )
        return found

    def _leads(
        self, signer: x509.Certificate, given: list[x509.Certificate], moment: datetime
    ) -> bool:
        """Whether a chain of valid certificates leads from the signer to a root of the reader's.

        Level by level, each certificate once: what was injected costs a check, no more.
        """
        level, seen = [signer], [signer]
        for below in range(CHAIN_MAX):
            if any(certificate in self._roots for certificate in level):
                return True
            above = list[x509.Certificate]()
            for issuer in given:
                if issuer not in seen and any(
                    one.issuer == issuer.subject and _issued(one, issuer, below, moment)
                    for one in level
                ):
                    above.append(issuer)
                    seen.append(issuer)
            level = above
        return False


def _parsed(certificates: Sequence[bytes]) -> list[x509.Certificate]:
    """The certificates in a token; what is none is passed over, for nobody vouches for it."""
    if len(certificates) > CERTIFICATES_MAX:
        raise _refusal(f"{len(certificates)} certificates, at most {CERTIFICATES_MAX}")
    return [found for raw in certificates if (found := _certificate(raw)) is not None]


def _certificate(raw: bytes) -> x509.Certificate | None:
    """A certificate all of whose parts can be read; the library reads them one by one."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # what the library merely dislikes is not used either
        try:
            found = x509.load_der_x509_certificate(raw)
            for part in _PARTS:
                getattr(found, part)
            found.public_key()
        except _UNREADABLE:
            return None
    return found


def _signer_of(token: Token, given: list[x509.Certificate]) -> x509.Certificate:
    """The certificate that the token says it was signed with."""
    for certificate in given:
        if _is_named(token.signer.sid, certificate):
            return certificate
    raise Rejected(
        "timestamp.signer",
        "the certificate of its signer is neither in it nor in the trust file",
        "put the authority's certificate into the trust file",
    )


def _is_named(sid: Element, certificate: x509.Certificate) -> bool:
    """Whether a signer's identifier names this certificate (RFC 5652, section 5.3)."""
    if sid.tag == 0x80:  # noqa: PLR2004 - [0] SubjectKeyIdentifier
        try:
            kind = x509.SubjectKeyIdentifier
            return certificate.extensions.get_extension_for_class(kind).value.digest == sid.body
        except (x509.ExtensionNotFound, ValueError):
            return False
    issuer, serial = _pair(sid)
    return serial.integer() == certificate.serial_number and (
        issuer.raw == certificate.issuer.public_bytes()
    )


def _check_attributes(token: Token, signer: x509.Certificate) -> None:
    """What a token must sign beside its content (RFC 3161, 2.4.2 and RFC 5816)."""
    if token.signer.attributes is None:
        raise _refusal("it signs no attributes")
    values: dict[str, Element] = {}
    for attribute in token.signer.attributes.children():
        name, value = _pair(attribute)
        if name.oid() in values:
            raise _refusal(f"the attribute {name.oid()} stands in it twice")
        values[name.oid()] = value.needed(SET)
    if _only(values, _CONTENT_TYPE).oid() != TST_INFO:
        raise _refusal("the content type that it signs is another one")
    made = _digest(token.signer.digest, token.content)
    if _only(values, _MESSAGE_DIGEST).needed(OCTET_STRING).body != made:
        raise Rejected("timestamp.signature", "its content is not what was signed")
    if _SIGNING_CERTIFICATE not in values and _SIGNING_CERTIFICATE_V2 not in values:
        raise _refusal("it does not sign which certificate signed it")
    for kind, usual in ((_SIGNING_CERTIFICATE, _SHA1), (_SIGNING_CERTIFICATE_V2, _SHA256)):
        if kind in values:
            _check_named(_only(values, kind), usual, signer)


def _check_named(value: Element, usual: str, signer: x509.Certificate) -> None:
    """The first ESSCertID (ESSCertIDv2) is of the signer's certificate (RFC 5035, section 4)."""
    named = value.needed(SEQUENCE).children()
    first = named[0].needed(SEQUENCE).children() if named else []
    parts = first[0].needed(SEQUENCE).children() if first else []
    algorithm = usual
    if parts and parts[0].tag == SEQUENCE and usual == _SHA256:
        algorithm = parts.pop(0).children()[0].oid() if parts[0].children() else ""
    if not parts:
        raise _refusal("it names no certificate")
    raw = signer.public_bytes(Encoding.DER)
    if parts[0].needed(OCTET_STRING).body != _digest(algorithm, raw, sha1=usual == _SHA1):
        raise Rejected("timestamp.signature", "it was signed with another certificate")
    for issuer_serial in parts[1:]:
        _, serial = _pair(issuer_serial)
        if serial.needed(INTEGER).integer() != signer.serial_number:
            raise Rejected("timestamp.signature", "it names another certificate's number")


def _check_signature(token: Token, signer: x509.Certificate) -> None:
    assert token.signer.attributes is not None
    signed = b"\x31" + token.signer.attributes.raw[1:]  # RFC 5652, 5.4: signed as a SET OF
    try:
        _verify(token, signer.public_key(), signed)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError) as error:
        raise Rejected("timestamp.signature", "its signature does not hold") from error


def _verify(token: Token, key: object, signed: bytes) -> None:
    """Verify the signature over the attributes.

    Raises:
        InvalidSignature, UnsupportedAlgorithm, ValueError: by the library.
        Rejected: ``timestamp.malformed`` for an algorithm that is not used here.
    """
    parts = token.signer.algorithm.children()
    kind = parts[0].oid() if parts else ""
    signature = token.signer.signature
    if isinstance(key, ec.EllipticCurvePublicKey) and kind in _ECDSA:
        key.verify(signature, signed, ec.ECDSA(_HASHES[_ECDSA[kind]]))
    elif isinstance(key, ed25519.Ed25519PublicKey) and kind == _ED25519:
        key.verify(signature, signed)
    elif isinstance(key, rsa.RSAPublicKey) and key.key_size >= RSA_BITS_MIN:
        _verify_rsa(key, kind, parts, token, signed)
    else:
        raise _refusal(f"it is signed with {kind}, by a key that does not go with it")


def _verify_rsa(
    key: rsa.RSAPublicKey, kind: str, parts: list[Element], token: Token, signed: bytes
) -> None:
    digest = _RSA.get(kind, token.signer.digest if kind == _RSA_PLAIN else "")
    if kind == _RSA_PSS and len(parts) > 1:
        digest, scheme = _pss(parts[1])
        key.verify(token.signer.signature, signed, scheme, _HASHES[digest])
    elif digest in _HASHES:
        key.verify(token.signer.signature, signed, padding.PKCS1v15(), _HASHES[digest])
    else:
        raise _refusal(f"it is signed with {kind}")


def _pss(parameters: Element) -> tuple[str, padding.PSS]:
    """Digest and padding of RSASSA-PSS-params (RFC 4055, section 3.1)."""
    given = {part.tag: part.children()[0] for part in parameters.children() if part.children()}
    chosen = given.get(0xA0)
    digest = chosen.children()[0].oid() if chosen and chosen.children() else ""
    mask = given.get(0xA1)
    inner = mask.children()[1].children() if mask and len(mask.children()) > 1 else []
    if digest not in _HASHES or not inner or inner[0].oid() not in _HASHES:
        raise _refusal("RSASSA-PSS with other digests than SHA-256, SHA-384, SHA-512")
    salt = given[0xA2].integer() if 0xA2 in given else 20  # noqa: PLR2004 - the default
    return digest, padding.PSS(padding.MGF1(_HASHES[inner[0].oid()]), salt)


def _check_purpose(signer: x509.Certificate) -> None:
    """A signer's key serves time-stamping alone, and says so critically (RFC 3161, 2.3)."""
    try:
        extensions = signer.extensions
        found = extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except (x509.ExtensionNotFound, ValueError) as error:
        raise Rejected("timestamp.purpose", "its signer's certificate names no purpose") from error
    if not found.critical or list(found.value) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise Rejected("timestamp.purpose", "its signer's certificate is not for time-stamps alone")
    usage = _usage(signer)
    if usage is not None and not (usage.digital_signature or usage.content_commitment):
        raise Rejected("timestamp.purpose", "its signer's key is not for signing")
    if not _understood(extensions):
        raise Rejected("timestamp.purpose", "its signer's certificate has an unknown critical part")


def _issued(
    certificate: x509.Certificate, issuer: x509.Certificate, below: int, moment: datetime
) -> bool:
    """Whether an issuer vouches for a certificate, `below` others standing between the signer."""
    try:
        constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage, purposes = _usage(issuer), _purposes(issuer)
        certificate.verify_directly_issued_by(issuer)
        understood = _understood(issuer.extensions)
    except (x509.ExtensionNotFound, InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    short = constraints.path_length is None or below <= constraints.path_length
    return (
        constraints.ca and short and understood and _valid(issuer, moment)
        and (usage is None or usage.key_cert_sign)
        and (not purposes or ExtendedKeyUsageOID.TIME_STAMPING in purposes
             or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in purposes)
    )  # fmt: skip


def _usage(certificate: x509.Certificate) -> x509.KeyUsage | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return None


def _purposes(certificate: x509.Certificate) -> list[x509.ObjectIdentifier]:
    try:
        return list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        return []


def _understood(extensions: x509.Extensions) -> bool:
    return all(one.oid in _UNDERSTOOD for one in _critical(extensions))


def _critical(extensions: x509.Extensions) -> Iterator[x509.Extension[x509.ExtensionType]]:
    return (one for one in extensions if one.critical)


def _valid(certificate: x509.Certificate, moment: datetime) -> bool:
    return certificate.not_valid_before_utc <= moment <= certificate.not_valid_after_utc


def _digest(algorithm: str, data: bytes, *, sha1: bool = False) -> bytes:
    """A digest by its object identifier; SHA-1 serves the identifiers of RFC 2634 alone."""
    if algorithm == _SHA1 and sha1:
        return hashlib.sha1(data, usedforsecurity=False).digest()
    if algorithm not in _HASHES:
        raise _refusal(f"a digest made with {algorithm}")
    return hashlib.new(_HASHES[algorithm].name, data).digest()


def _only(values: dict[str, Element], name: str) -> Element:
    found = values[name].children() if name in values else []
    if len(found) != 1:
        raise _refusal(f"{len(found)} values of {name}, one is needed")
    return found[0]


def _pair(element: Element) -> list[Element]:
    parts = element.needed(SEQUENCE).children()
    if len(parts) != 2:  # noqa: PLR2004
        raise _refusal(f"{len(parts)} elements where two are needed")
    return parts


def _refusal(why: str) -> Rejected:
    return Rejected("timestamp.malformed", f"no time-stamp token: {why}", "ask for a new one")
