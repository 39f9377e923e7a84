"""Certificates and TLS contexts over the transport key (docs/spec/network.md, section 1).

Promise: TLS 1.3 or nothing, no session tickets, the private key never on disk. Trust does
not come from certificates: a certificate only carries the key, and the key is pinned.
"""

import os
import ssl
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from hansa.errors import Rejected
from hansa.hashing import tagged_hash
from hansa.keys import ED25519, key_id
from hansa.signing import SigningKey

_NOT_BEFORE = datetime(2000, 1, 1, tzinfo=UTC)
_NOT_AFTER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
# RFC 5280, 4.1.2.5: "no well-defined expiration". Keys end in state, not by a clock.


def self_signed_certificate(key: SigningKey) -> bytes:
    """The PEM text of key and certificate; the same key always gives the same certificate."""
    private = ed25519.Ed25519PrivateKey.from_private_bytes(key.seed)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, key_id(key.public))])
    serial = int.from_bytes(tagged_hash("p2p-certificate", key.public)[:16], "big") >> 1 | 1
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(serial)
        .not_valid_before(_NOT_BEFORE)
        .not_valid_after(_NOT_AFTER)
        .sign(private, None)
    )
    secret = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return secret + certificate.public_bytes(serialization.Encoding.PEM)


def certificate_key(der: bytes | None) -> bytes:
    """The transport key (33 bytes) that a certificate in DER carries.

    Raises:
        Rejected: ``wrong_key`` when there is none, or one of another algorithm.
    """
    try:
        public = x509.load_der_x509_certificate(der or b"").public_key()
    except ValueError as error:
        raise Rejected("wrong_key", f"the certificate cannot be read: {error}") from error
    if not isinstance(public, ed25519.Ed25519PublicKey):
        raise Rejected("wrong_key", "the certificate's key is not Ed25519")
    return bytes([ED25519]) + public.public_bytes_raw()


def server_context(key: SigningKey) -> ssl.SSLContext:
    """How we listen: with our certificate, and without asking for the client's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0  # a resumed session would show no certificate
    # load_cert_chain reads files only; this one lives in memory and has no name.
    descriptor = os.memfd_create("hansa-transport-key", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, self_signed_certificate(key))
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
    return context


def client_context() -> ssl.SSLContext:
    """How we dial: the certificate is not judged by any authority.

    The caller compares `certificate_key` with the pinned key before it sends anything; TLS
    itself has checked by then that the other side holds the certificate's private key.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
