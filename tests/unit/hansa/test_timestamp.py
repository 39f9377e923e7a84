"""RFC 3161 tokens: the published ones, and those of authorities that bend one rule each."""

import hashlib
from contextlib import suppress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa import der
from hansa.errors import Rejected
from hansa.timestamp import TOKEN_BYTES_MAX, read_token, token_of
from hansa.timestamp_check import Authorities
from tests.unit.hansa import tsa_scene as scene
from tests.unit.hansa.tsa_scene import Authority, token

DIGEST = ("sha256", hashlib.sha256(b"hello").digest())
WANTED = ("sha-256", DIGEST[1])
JUNE_MS = 1_780_315_200_000
NAMES = {"sha-256": "sha256", "sha-384": "sha384", "sha-512": "sha512"}


@pytest.fixture(scope="module")
def authority():
    return Authority()


def judged(authority, data, digests=(WANTED,), roots=None):
    return Authorities([authority.root] if roots is None else roots).check(data, digests)


def refused(authority, data, digests=(WANTED,)):
    with pytest.raises(Rejected) as caught:
        judged(authority, data, digests)
    return caught.value.code


PUBLISHED = {
    "identrust/issue-104.tsr": "ok",
    "sigstage/response-sha256.tsr": "ok",
    "sigstage/response-sha384.tsr": "ok",
    "sigstage/response-sha512.tsr": "ok",
    "sigstage/response-no-embedded-cert.tsr": "ok",
    "sigstage/response-invalid-signature.tsr": "timestamp.signature",
    "sigstore.mock/response-expired.tsr": "ok",
    "test_tsa/response.tsr": "ok",
    "test_tsa/response-injected-certs.tsr": "ok",
    "test_tsa/other_response.tsr": "timestamp.untrusted",
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_tokens_are_judged_as_published(name, vectors):
    path = vectors / "rfc3161" / name
    folder = path.parent
    raw = (folder / "ts_chain.pem").read_bytes()
    chain = (
        x509.load_pem_x509_certificates(raw) if raw.startswith(b"-----BEGIN")
        else [x509.load_der_x509_certificate(raw)]
    )  # fmt: skip
    known = [one.public_bytes(Encoding.DER) for one in chain]
    made = token_of(path.read_bytes())
    payload = folder / "payload"
    said = payload.read_bytes() if payload.exists() else b"hello"
    digests = [(ours, hashlib.new(theirs, said).digest()) for ours, theirs in NAMES.items()]
    judge = Authorities(known[-1:], known[:-1])

    try:
        judge.verify(made, digests)
        outcome = "ok"
    except Rejected as error:
        outcome = error.code
    with pytest.raises(Rejected):
        judge.verify(made, [("sha-256", bytes(32))])

    assert outcome == PUBLISHED[name]


def test_a_token_says_what_when_and_by_whom(authority):
    made = token(authority, DIGEST)
    read = read_token(made)
    found = judged(authority, made)

    assert (read.algorithm, read.imprint, read.serial) == (*WANTED, 4711)
    assert (read.policy, read.gen_time) == ("1.2.3.4.5", JUNE_MS)
    assert (found.gen_time, found.authority, found.trusted) == (JUNE_MS, "CN=tsa", True)
    assert token_of(scene.response(made)) == token_of(made) == made


KEYS = {
    "P-256": {"curve": ec.SECP256R1()},
    "P-384": {"curve": ec.SECP384R1()},
    "P-521": {"curve": ec.SECP521R1()},
    "Ed25519": {"key": ed25519.Ed25519PrivateKey.generate()},
    "RSA": {"key": rsa.generate_private_key(65537, 2048)},
}
GOOD = {
    "ESSCertID of SHA-1": {"ess": "v1"},
    "ESSCertIDv2 of SHA-384": {"ess": "sha384"},
    "ESSCertIDv2 of SHA-512": {"ess": "sha512"},
    "SHA-512 over the content": {"hashed": "sha512"},
    "the signer named by its key": {"by_key": True},
    "a negative serial number": {"serial": -559_038_737},
    "fractions of a second": {"moment": "20260601120000.5Z"},
}


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("hashed", ["sha256", "sha384", "sha512"])
def test_every_usual_key_and_digest_holds(kind, hashed):
    authority = Authority(**KEYS[kind])
    digest = (hashed, hashlib.new(hashed, b"hello").digest())
    made = token(authority, digest, hashed=hashed, signed_with=hashed)

    assert judged(authority, made, [(f"sha-{hashed[3:]}", digest[1])]).trusted


@pytest.mark.parametrize("form", [{}, {"plain": True}, {"pss": True}])
def test_rsa_has_three_forms(form):
    authority = Authority(**KEYS["RSA"])

    assert judged(authority, token(authority, DIGEST, **form)).trusted


@pytest.mark.parametrize("what", GOOD)
def test_what_the_standard_allows_holds(authority, what):
    assert judged(authority, token(authority, DIGEST, **GOOD[what])).trusted


STRANGER = Authority()
BAD = {
    "another content type": ({"content": "1.2.840.113549.1.7.1"}, "timestamp.malformed"),
    "another digest of the content": ({"made": bytes(32)}, "timestamp.signature"),
    "another certificate named": ({"named": STRANGER.leaf}, "timestamp.signature"),
    "no certificate named": ({"ess": None}, "timestamp.malformed"),
    "no signed attributes": ({"bare": True}, "timestamp.malformed"),
    "a broken signature": ({"signature": bytes(64)}, "timestamp.signature"),
    "no certificate in it": ({"certificates": []}, "timestamp.signer"),
    "two signers": ({"signers": 2}, "timestamp.malformed"),
    "no signer": ({"signers": 0}, "timestamp.malformed"),
    "another version": ({"version": 2}, "timestamp.malformed"),
    "a time that is none": ({"moment": "20260631120000Z"}, "timestamp.malformed"),
    "a time without a zone": ({"moment": "20260601120000"}, "timestamp.malformed"),
    "a time before the certificate": ({"moment": "20251231235959Z"}, "timestamp.expired"),
    "a time after the certificate": ({"moment": "20270101000000Z"}, "timestamp.expired"),
    "an attribute twice": (
        {"extra": [scene.attribute("1.2.840.113549.1.9.3", scene.oid("1.2.3"))]},
        "timestamp.malformed",
    ),
    "another issuer's number": (
        {"issuer_serial": (scene.sequence(scene.sequence(), scene.number(1)),)},
        "timestamp.signature",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_a_token_that_bends_a_rule_is_refused(authority, what):
    bent, code = BAD[what]

    assert refused(authority, token(authority, DIGEST, **bent)) == code


PURPOSES = {
    "none": {"purpose": None},
    "not critical": {"critical": False},
    "more than time-stamps": {
        "purpose": x509.ExtendedKeyUsage(
            [ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.CODE_SIGNING]
        )
    },
    "another": {"purpose": x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])},
}


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_key_for_other_purposes_stamps_no_time(purpose):
    authority = Authority(**PURPOSES[purpose])

    assert refused(authority, token(authority, DIGEST)) == "timestamp.purpose"


def test_another_digest_is_not_stamped(authority):
    made = token(authority, DIGEST)

    assert refused(authority, made, [("sha-256", bytes(32))]) == "timestamp.imprint"
    assert refused(authority, made, [("sha-512", DIGEST[1])]) == "timestamp.imprint"


def test_an_unknown_authority_is_told_apart_from_a_forgery(authority):
    made = token(authority, DIGEST)

    assert not judged(authority, made, roots=[STRANGER.root]).trusted
    with pytest.raises(Rejected, match=r"timestamp\.untrusted"):
        Authorities([STRANGER.root]).verify(made, [WANTED])


def test_the_way_to_the_root_is_needed_and_may_come_from_the_reader(authority):
    alone = token(authority, DIGEST, certificates=[scene.der(authority.leaf)])

    assert not judged(authority, alone).trusted
    assert Authorities([authority.root], authority.others).verify(alone, [WANTED]).trusted
    assert judged(authority, alone, roots=[scene.der(authority.leaf)]).trusted


def test_an_issuer_that_is_no_authority_leads_nowhere():
    authority = Authority(depth=0, ca=False)

    assert not judged(authority, token(authority, DIGEST)).trusted


def test_injected_certificates_change_nothing(authority):
    injected = [scene.der(STRANGER.leaf), *map(scene.der, STRANGER.chain)]
    own = [scene.der(authority.leaf), *map(scene.der, authority.chain)]
    made = token(authority, DIGEST, certificates=[*injected, *own])

    assert judged(authority, made).trusted
    assert not judged(authority, made, roots=[STRANGER.root]).trusted


def test_what_an_authority_refused_has_no_token(authority):
    made = token(authority, DIGEST)
    with pytest.raises(Rejected, match=r"timestamp\.refused"):
        token_of(scene.response(None, status=2))
    with pytest.raises(Rejected, match=r"timestamp\.refused"):
        token_of(scene.response(made, status=2))
    with pytest.raises(Rejected, match="at most"):
        read_token(bytes(TOKEN_BYTES_MAX + 1))


def test_a_root_that_is_no_certificate_is_told():
    with pytest.raises(Rejected, match=r"trust\.malformed"):
        Authorities([b"no certificate"])


SAMPLE = token(STRANGER, DIGEST, certificates=[scene.der(STRANGER.leaf)])


@settings(deadline=None, max_examples=300)
@given(st.integers(0, len(SAMPLE) - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_says_nothing_new(place, change):
    bent = bytearray(SAMPLE)
    bent[place] ^= change
    try:
        found = Authorities([STRANGER.root], STRANGER.others).check(bytes(bent), [WANTED])
    except Rejected:
        return
    assert found.gen_time == JUNE_MS


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    for read in (der.read, read_token, token_of):
        with suppress(Rejected):
            read(data)


@pytest.mark.parametrize(
    "text", ["", "30", "3080", "308100", "30820001", "1f00", "0201", "30850000000001"]
)
def test_what_is_no_der_is_refused(text):
    with pytest.raises(Rejected, match=r"der\.malformed"):
        der.read(bytes.fromhex(text))


@pytest.mark.parametrize("text", ["0200", "02020001", "0202ffff", "0600", "060180", "0500"])
def test_numbers_and_names_have_one_spelling(text):
    element = der.read(bytes.fromhex(text))
    with pytest.raises(Rejected, match=r"der\.malformed"):
        element.oid() if element.tag == der.OID else element.integer()


def test_identifiers_and_numbers_are_read():
    assert der.read(scene.oid("2.16.840.1.101.3.4.2.1")).oid() == "2.16.840.1.101.3.4.2.1"
    assert der.read(scene.number(-559_038_737)).integer() == -559_038_737
    assert der.read(scene.number(2**64)).integer() == 2**64
