"""RFC 3161 time-stamp tokens: what they say, read from their bytes (docs/spec/proof.md, 10).

Reading is pure and needs no library, so that a contract may do it as well. Nothing is
believed here: `hansa.timestamp_check` judges signature and certificates.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hansa.der import GENERALIZED_TIME, INTEGER, OCTET_STRING, SEQUENCE, SET, Element, read
from hansa.errors import Rejected

TOKEN_BYTES_MAX = 16 * 1024
"""A token with three certificates of 4096-bit RSA has 7 kB."""
SERIAL_BYTES_MAX = 20
"""RFC 3161, 2.4.2: serial numbers have up to 160 bits."""
SIGNED_DATA = "1.2.840.113549.1.7.2"
TST_INFO = "1.2.840.113549.1.9.16.1.4"
DIGESTS = {
    "2.16.840.1.101.3.4.2.1": "sha-256",
    "2.16.840.1.101.3.4.2.2": "sha-384",
    "2.16.840.1.101.3.4.2.3": "sha-512",
    "1.2.156.10197.1.401": "sm3",
}
"""Digests that an imprint may be made with; SHA-1 and MD5 are not among them."""
_GRANTED = (0, 1)
_EXPLICIT_0, _EXPLICIT_1 = 0xA0, 0xA1
_VERSIONS = (1, 3)
_TIME_FIELDS = ((0, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 14))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SignerInfo:
    """Who signed a token, and what (RFC 5652, section 5.3).

    Attributes:
        sid: the signer's identifier: issuer and serial number, or [0] key identifier.
        digest: the object identifier of the digest of what was signed.
        attributes: the signed attributes as they stand in the token; None: there are none.
        algorithm: the AlgorithmIdentifier of the signature.
        signature: its bytes.
    """

    sid: Element
    digest: str
    attributes: Element | None
    algorithm: Element
    signature: bytes


@dataclass(frozen=True, slots=True)
class Token:
    """A token, read.

    Attributes:
        raw: the ContentInfo.
        content: the bytes of TSTInfo, which are what was signed.
        policy: the authority's policy, a dotted object identifier.
        algorithm: ``sha-256``, ``sha-384``, ``sha-512`` or ``sm3``.
        imprint: the digest that was stamped.
        serial: the authority's number for this token.
        gen_time: when it was made, ms since 1970, rounded down.
        certificates: the DER of every certificate in it; nothing says that they belong to it.
        signer: the one signer.
    """

    raw: bytes
    content: bytes
    policy: str
    algorithm: str
    imprint: bytes
    serial: int
    gen_time: int
    certificates: tuple[bytes, ...]
    signer: SignerInfo


def token_of(data: bytes) -> bytes:
    """The token in a file: the file itself, or what an authority's response (.tsr) carries.

    Raises:
        Rejected: ``timestamp.malformed``, ``timestamp.refused`` or ``der.malformed``.
    """
    _limit(data)
    parts = read(data).needed(SEQUENCE).children()
    if not parts or parts[0].tag != SEQUENCE:
        return data
    status = _first(parts[0]).integer()
    if status not in _GRANTED or len(parts) != 2:  # noqa: PLR2004 - status and token
        raise Rejected(
            "timestamp.refused",
            f"the authority granted no time-stamp (status {status})",
            "ask the authority again",
        )
    return parts[1].raw


def read_token(data: bytes) -> Token:
    """What a token says.

    Raises:
        Rejected: ``timestamp.malformed`` or ``der.malformed``.
    """
    _limit(data)
    kind, wrapped = _exactly(read(data), 2, "ContentInfo")
    if kind.oid() != SIGNED_DATA:
        raise _refusal("its content is no SignedData")
    parts = _one(wrapped, _EXPLICIT_0).needed(SEQUENCE).children()
    if tuple(part.tag for part in parts) not in _SHAPES:
        raise _refusal("SignedData with other parts than version, digests, content, signers")
    if parts[0].integer() not in _VERSIONS:
        raise _refusal("a version of SignedData that is neither 1 nor 3")
    content = _content(parts[2])
    certificates = [part for part in parts if part.tag == _EXPLICIT_0]
    return _read_info(
        data,
        content,
        tuple(one.raw for part in certificates for one in part.children() if one.tag == SEQUENCE),
        _signer(_one(parts[-1], SET)),
    )


_SHAPES = tuple(
    (INTEGER, SET, SEQUENCE, *optional, SET)
    for optional in ((), (_EXPLICIT_0,), (_EXPLICIT_1,), (_EXPLICIT_0, _EXPLICIT_1))
)
"""SignedData: version, digests, content, maybe certificates, maybe revocation lists, signers."""


def _content(part: Element) -> bytes:
    kind, wrapped = _exactly(part, 2, "EncapsulatedContentInfo")
    if kind.oid() != TST_INFO:
        raise _refusal("what it signs is no TSTInfo")
    return _one(wrapped, _EXPLICIT_0).needed(OCTET_STRING).body


def _read_info(
    raw: bytes, content: bytes, certificates: tuple[bytes, ...], signer: SignerInfo
) -> Token:
    parts = read(content).needed(SEQUENCE).children()
    if len(parts) < 5:  # noqa: PLR2004 - version, policy, imprint, serial number, time
        raise _refusal("TSTInfo is cut")
    version, policy, imprint, serial, moment = parts[:5]
    if version.integer() != 1:
        raise _refusal("a version of TSTInfo that is not 1")
    kind, digest = _exactly(imprint, 2, "messageImprint")
    algorithm = DIGESTS.get(_first(kind).oid())
    if algorithm is None:
        raise _refusal(f"an imprint made with {_first(kind).oid()}")
    if len(digest.needed(OCTET_STRING).body) != _SIZES[algorithm]:
        raise _refusal(f"an imprint of {len(digest.body)} bytes for {algorithm}")
    if len(serial.body) > SERIAL_BYTES_MAX + 1:
        raise _refusal("a serial number of more than 160 bits")
    return Token(
        raw,
        content,
        policy.oid(),
        algorithm,
        digest.body,
        serial.integer(),
        _moment(moment),
        certificates,
        signer,
    )


_SIZES = {"sha-256": 32, "sha-384": 48, "sha-512": 64, "sm3": 32}


def _signer(info: Element) -> SignerInfo:
    parts = info.needed(SEQUENCE).children()
    if len(parts) < 5:  # noqa: PLR2004 - version, sid, digest, algorithm, signature
        raise _refusal("SignerInfo is cut")
    attributes = parts[3] if parts[3].tag == _EXPLICIT_0 else None
    rest = parts[3 + (attributes is not None) :]
    if len(rest) not in {2, 3} or parts[0].integer() not in _VERSIONS:
        raise _refusal("SignerInfo of another shape")
    return SignerInfo(
        parts[1],
        _first(parts[2]).oid(),
        attributes,
        rest[0].needed(SEQUENCE),
        rest[1].needed(OCTET_STRING).body,
    )


def _moment(element: Element) -> int:
    """GeneralizedTime as RFC 3161 has it: ``YYYYMMDDhhmmss[.s...]Z``, in ms since 1970."""
    text = element.needed(GENERALIZED_TIME).body.decode("latin-1")
    whole, dot, fraction = text.removesuffix("Z").partition(".")
    digits = whole + fraction
    proper = len(whole) == 14 and text.endswith("Z")  # noqa: PLR2004
    if not (proper and digits.isascii() and digits.isdecimal() and bool(dot) == bool(fraction)):
        raise _refusal(f"its time is {text!r}")
    try:
        year, month, day, hour, minute, second = (
            int(whole[start:end]) for start, end in _TIME_FIELDS
        )
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise _refusal(f"its time is {text!r}, which is none") from error
    return (moment - _EPOCH) // timedelta(milliseconds=1) + int(fraction[:3].ljust(3, "0"))


def _exactly(element: Element, count: int, what: str) -> list[Element]:
    parts = element.needed(SEQUENCE).children()
    if len(parts) != count:
        raise _refusal(f"{what} has {len(parts)} parts, {count} are needed")
    return parts


def _one(element: Element, tag: int) -> Element:
    """The only element in a wrapper."""
    parts = element.needed(tag).children()
    if len(parts) != 1:
        raise _refusal(f"{len(parts)} elements where one is needed")
    return parts[0]


def _first(element: Element) -> Element:
    parts = element.needed(SEQUENCE).children()
    if not parts:
        raise _refusal("an empty sequence")
    return parts[0]


def _limit(data: bytes) -> None:
    if len(data) > TOKEN_BYTES_MAX:
        raise _refusal(f"{len(data)} bytes, at most {TOKEN_BYTES_MAX}")


def _refusal(why: str) -> Rejected:
    return Rejected("timestamp.malformed", f"no time-stamp token: {why}", "ask for a new one")
