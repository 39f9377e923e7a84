"""Certificates: a key in a coat, nothing else."""

import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hansa.errors import Rejected
from hansa.signing import SigningKey
from p2p.certificates import (
    certificate_key,
    client_context,
    self_signed_certificate,
    server_context,
)

KEY = SigningKey(bytes(range(32)))


def der_of(pem):
    return x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER)


def test_the_certificate_carries_the_transport_key():
    assert certificate_key(der_of(self_signed_certificate(KEY))) == KEY.public


def test_the_same_key_makes_the_same_certificate():
    assert self_signed_certificate(KEY) == self_signed_certificate(SigningKey(KEY.seed))


@pytest.mark.parametrize("der", [None, b"", b"no certificate"])
def test_what_is_no_certificate_has_no_key(der):
    with pytest.raises(Rejected, match="wrong_key"):
        certificate_key(der)


def test_a_key_of_another_algorithm_is_no_transport_key():
    private = ec.generate_private_key(ec.SECP256R1())
    own = x509.load_pem_x509_certificate(self_signed_certificate(KEY))
    other = (
        x509.CertificateBuilder()
        .subject_name(own.subject)
        .issuer_name(own.subject)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(own.not_valid_before_utc)
        .not_valid_after(own.not_valid_after_utc)
        .sign(private, hashes.SHA256())
    )

    with pytest.raises(Rejected, match="wrong_key"):
        certificate_key(other.public_bytes(serialization.Encoding.DER))


def test_only_tls_1_3_is_spoken_and_no_session_is_resumed():
    server, client = server_context(KEY), client_context()

    assert server.minimum_version == client.minimum_version == ssl.TLSVersion.TLSv1_3
    assert server.num_tickets == 0
