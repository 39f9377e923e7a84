"""The time-stamp authority of a story: its tokens are what RFC 3161 says, for any judge."""

import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.errors import Rejected
from hansa.hashing import sha256
from hansa.timestamp import read_token
from hansa.timestamp_check import Authorities
from node.stories.tsa import Authority
from tests.programs import required

NOW_MS = 1_795_000_000_500
AUTHORITY = Authority("time-stamps of a story", NOW_MS)
DIGEST = sha256(b"a page")


@settings(deadline=None, max_examples=20)
@given(st.binary(min_size=32, max_size=32), st.integers(0, 300 * 24 * 3_600_000))
def test_a_token_says_which_digest_and_when(digest, later):
    found = Authorities([AUTHORITY.certificate]).verify(
        AUTHORITY.stamp(digest, NOW_MS + later), [("sha-256", digest)]
    )

    assert found.gen_time == (NOW_MS + later) // 1000 * 1000
    assert found.authority == "CN=time-stamps of a story"


def test_two_tokens_over_one_digest_have_two_numbers():
    made = [read_token(AUTHORITY.stamp(DIGEST, NOW_MS)) for _ in range(2)]

    assert made[0].serial != made[1].serial


def test_a_token_over_another_digest_is_told():
    with pytest.raises(Rejected, match=r"timestamp\.imprint"):
        Authorities([AUTHORITY.certificate]).verify(
            AUTHORITY.stamp(DIGEST, NOW_MS), [("sha-256", sha256(b"another"))]
        )


def test_nobody_trusts_it_who_does_not_have_its_certificate():
    token = AUTHORITY.stamp(DIGEST, NOW_MS)

    assert not Authorities([]).check(token, [("sha-256", DIGEST)]).trusted


def test_it_stamps_nothing_before_its_certificate():
    early = AUTHORITY.stamp(DIGEST, NOW_MS - 2 * 24 * 3_600_000)

    with pytest.raises(Rejected, match=r"timestamp\.expired"):
        Authorities([AUTHORITY.certificate]).verify(early, [("sha-256", DIGEST)])


def test_another_implementation_agrees(tmp_path):
    openssl = required("openssl", "openssl", "the other implementation of RFC 3161")
    pem = x509.load_der_x509_certificate(AUTHORITY.certificate).public_bytes(Encoding.PEM)
    (tmp_path / "tsa.pem").write_bytes(pem)
    (tmp_path / "token.der").write_bytes(AUTHORITY.stamp(DIGEST, NOW_MS))

    def verified(digest):
        """Whether openssl accepts the token for a digest at the time of the stamp."""
        command = [
            openssl, "ts", "-verify", "-token_in", "-in", "token.der", "-digest", digest.hex(),
            "-CAfile", "tsa.pem", "-attime", str(NOW_MS // 1000),
        ]  # fmt: skip
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
        return b"Verification: OK" in done.stdout + done.stderr

    assert (verified(DIGEST), verified(sha256(b"another"))) == (True, False)
