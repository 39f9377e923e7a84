"""Certificates (docs/spec/consensus.md, section 4)."""

import pytest

from hansa.certificate import (
    Certificate,
    FreshCertificate,
    bitmap_of,
    make_certificate,
    signers_in,
)
from hansa.encoding import pack, unpack
from hansa.errors import Rejected
from hansa.hashing import ZERO_HASH
from hansa.membership import ValidatorSet
from hansa.signing import SigningKey, verify
from hansa.votes import COMMIT, vote_statement
from tests.unit.hansa.frozen import frozen, why

VECTORS = frozen("certificate")
VALIDATORS = unpack(ValidatorSet, bytes.fromhex(VECTORS["validators"]["bytes"]))
KEYS = [SigningKey(bytes([number]) * 32) for number in range(4)]


@pytest.mark.parametrize("case", VECTORS["certificates"], ids=why)
def test_every_certificate_has_its_frozen_bytes_and_holds(case):
    certificate = unpack(Certificate, bytes.fromhex(case["bytes"]))

    certificate.check("demo", VALIDATORS, verify)
    assert certificate.signers() == case["signers"]
    assert certificate.hash.hex() == case["hash"]
    assert pack(certificate).hex() == case["bytes"]


@pytest.mark.parametrize("case", VECTORS["refused"], ids=why)
def test_every_false_certificate_is_refused(case):
    certificate = unpack(Certificate, bytes.fromhex(case["bytes"]))

    with pytest.raises(Rejected) as caught:
        certificate.check("demo", VALIDATORS, verify)

    assert caught.value.code == case["code"]


@pytest.mark.parametrize("case", VECTORS["fresh"], ids=why)
def test_every_freshness_certificate_holds_at_its_least_time(case):
    certificate = unpack(FreshCertificate, bytes.fromhex(case["bytes"]))

    certificate.check("demo", VALIDATORS, verify)
    assert certificate.time == case["time"]


@pytest.mark.parametrize("case", VECTORS["fresh_refused"], ids=why)
def test_every_false_freshness_certificate_is_refused(case):
    certificate = unpack(FreshCertificate, bytes.fromhex(case["bytes"]))

    with pytest.raises(Rejected) as caught:
        certificate.check("demo", VALIDATORS, verify)

    assert caught.value.code == case["code"]


def test_more_votes_than_a_quorum_make_a_certificate_of_the_lowest_signers():
    votes = {
        signer: KEYS[signer].sign(vote_statement("demo", 0, 1, 0, COMMIT, ZERO_HASH, signer))
        for signer in (3, 1, 0, 2)
    }

    certificate = make_certificate(COMMIT, 0, 1, 0, ZERO_HASH, votes, VALIDATORS)

    assert certificate.signers() == [0, 1, 2]
    certificate.check("demo", VALIDATORS, verify)


def test_fewer_votes_than_a_quorum_are_a_bug_of_ours():
    with pytest.raises(AssertionError):
        make_certificate(COMMIT, 0, 1, 0, ZERO_HASH, {0: bytes(64), 1: bytes(64)}, VALIDATORS)


@pytest.mark.parametrize("size", [1, 7, 8, 9, 100])
def test_a_bitmap_gives_its_signers_back(size):
    signers = list(range(0, size, 3))
    bitmap = bitmap_of(signers, size)

    assert len(bitmap) == (size + 7) // 8
    assert list(signers_in(bitmap)) == signers
