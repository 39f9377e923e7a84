"""Time-stamp authorities of every kind, honest and not, and the tokens that they make."""

import hashlib
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

START = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2026, 12, 31, tzinfo=UTC)
OIDS = {
    "sha1": "1.3.14.3.2.26", "sha256": "2.16.840.1.101.3.4.2.1",
    "sha384": "2.16.840.1.101.3.4.2.2", "sha512": "2.16.840.1.101.3.4.2.3",
    "sm3": "1.2.156.10197.1.401", "md5": "1.2.840.113549.2.5",
}  # fmt: skip
HASHES = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
ECDSA = {"sha256": "1.2.840.10045.4.3.2", "sha384": "1.2.840.10045.4.3.3",
         "sha512": "1.2.840.10045.4.3.4"}  # fmt: skip
RSA = {"sha256": "1.2.840.113549.1.1.11", "sha384": "1.2.840.113549.1.1.12",
       "sha512": "1.2.840.113549.1.1.13"}  # fmt: skip
STAMPING = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])


def tlv(tag, *parts):
    body = b"".join(parts)
    size = len(body)
    if size < 0x80:
        return bytes([tag, size]) + body
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(digits)]) + digits + body


def sequence(*parts):
    return tlv(0x30, *parts)


def number(value):
    return tlv(2, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def oid(text):
    first, second, *rest = map(int, text.split("."))
    body = b""
    for arc in (40 * first + second, *rest):
        digits = [arc & 0x7F]
        while arc := arc >> 7:
            digits.append(0x80 | arc & 0x7F)
        body += bytes(reversed(digits))
    return tlv(6, body)


def octets(data):
    return tlv(4, data)


class Authority:
    """A root, maybe others below it, and the key that signs tokens."""

    def __init__(self, *, curve=None, key=None, depth=1, purpose=STAMPING, critical=True, **more):
        make = lambda: ec.generate_private_key(ec.SECP256R1())  # noqa: E731
        self.key = key or (ec.generate_private_key(curve) if curve else make())
        issuer_key, issuer = make(), None
        self.chain = [certificate("root", issuer_key, issuer_key, None, ca=more.get("ca", True))]
        for level in range(depth):
            below = make()
            issuer = self.chain[0].subject
            self.chain.insert(0, certificate(f"ca {level}", below, issuer_key, issuer, ca=True))
            issuer_key = below
        self.leaf = certificate(
            "tsa", self.key, issuer_key, self.chain[0].subject, purpose=purpose,
            critical=critical, start=more.get("start", START), end=more.get("end", END),
        )  # fmt: skip

    @property
    def root(self):
        return der(self.chain[-1])

    @property
    def others(self):
        return [der(one) for one in (self.leaf, *self.chain[:-1])]


def der(one):
    return one.public_bytes(Encoding.DER)


def certificate(  # noqa: PLR0913 - the knobs of a scene
    name, key, issuer_key, issuer, *, ca=False, purpose=None, critical=True, start=START, end=END
):
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer or subject)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(start).not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )  # fmt: skip
    if purpose is not None:
        builder = builder.add_extension(purpose, critical=critical)
    return builder.sign(issuer_key, hashes.SHA256())


def token(authority, digest, **more):
    """A token over (algorithm, digest); `more` bends it."""
    algorithm, imprint = digest
    moment = more.get("moment", "20260601120000Z").encode()
    info = sequence(
        number(more.get("version", 1)), oid("1.2.3.4.5"),
        sequence(sequence(oid(OIDS[algorithm])), octets(imprint)),
        number(more.get("serial", 4711)), tlv(0x18, moment),
    )  # fmt: skip
    hashed = more.get("hashed", "sha256")
    leaf = more.get("named", authority.leaf)
    attributes = [
        attribute("1.2.840.113549.1.9.3", oid(more.get("content", "1.2.840.113549.1.9.16.1.4"))),
        attribute(
            "1.2.840.113549.1.9.4", octets(more.get("made") or hashlib.new(hashed, info).digest())
        ),
        *more.get("extra", ()),
    ]
    ess = more.get("ess", "v2")
    if ess == "v1":
        named = sequence(
            sequence(
                sequence(octets(hashlib.new("sha1", der(leaf), usedforsecurity=False).digest()))
            )
        )
        attributes.append(attribute("1.2.840.113549.1.9.16.2.12", named))
    elif ess is not None:
        kind = () if ess == "v2" else (sequence(oid(OIDS[ess])),)
        made = hashlib.new("sha256" if ess == "v2" else ess, der(leaf)).digest()
        named = sequence(sequence(sequence(*kind, octets(made), *more.get("issuer_serial", ()))))
        attributes.append(attribute("1.2.840.113549.1.9.16.2.47", named))
    signed = tlv(0x31, *attributes)
    algorithm_id, signature = signature_of(authority.key, signed, more)
    sid = sequence(authority.leaf.issuer.public_bytes(), number(authority.leaf.serial_number))
    if more.get("by_key"):
        kind = x509.SubjectKeyIdentifier
        found = authority.leaf.extensions.get_extension_for_class(kind).value.digest
        sid = tlv(0x80, found)
    given = () if more.get("bare") else (b"\xa0" + signed[1:],)
    signer = sequence(
        number(1), sid, sequence(oid(OIDS[hashed])), *given, algorithm_id,
        octets(more.get("signature", signature)),
    )  # fmt: skip
    certificates = more.get("certificates", [der(authority.leaf), *map(der, authority.chain[:-1])])
    content = sequence(oid("1.2.840.113549.1.9.16.1.4"), tlv(0xA0, octets(info)))
    data = sequence(
        number(3), tlv(0x31, sequence(oid(OIDS[hashed]))), content,
        *((tlv(0xA0, *certificates),) if certificates else ()),
        tlv(0x31, *([signer] * more.get("signers", 1))),
    )  # fmt: skip
    return sequence(oid("1.2.840.113549.1.7.2"), tlv(0xA0, data))


def response(made, status=0):
    return sequence(sequence(number(status)), *((made,) if made else ()))


def attribute(name, *values):
    return sequence(oid(name), tlv(0x31, *values))


def signature_of(key, signed, more):
    hashed = more.get("signed_with", "sha256")
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return sequence(oid(ECDSA[hashed])), key.sign(signed, ec.ECDSA(HASHES[hashed]))
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return sequence(oid("1.3.101.112")), key.sign(signed)
    assert isinstance(key, rsa.RSAPrivateKey)
    if more.get("pss"):
        scheme = padding.PSS(padding.MGF1(HASHES[hashed]), HASHES[hashed].digest_size)
        kind = sequence(oid(OIDS[hashed]))
        parameters = sequence(
            tlv(0xA0, kind),
            tlv(0xA1, sequence(oid("1.2.840.113549.1.1.8"), kind)),
            tlv(0xA2, number(HASHES[hashed].digest_size)),
        )
        signature = key.sign(signed, scheme, HASHES[hashed])
        return sequence(oid("1.2.840.113549.1.1.10"), parameters), signature
    name = "1.2.840.113549.1.1.1" if more.get("plain") else RSA[hashed]
    return sequence(oid(name), tlv(5)), key.sign(signed, padding.PKCS1v15(), HASHES[hashed])
