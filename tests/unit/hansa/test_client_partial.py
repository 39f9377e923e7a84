"""Partly signed transactions travel as files and come together in any order."""

import msgspec
import pytest

from hansa.encoding import pack
from hansa.errors import Rejected
from hansa.partial import PARTIAL_BYTES_MAX, build, decode_partial
from hansa.signing import SigningKey, verify
from hansa.transaction import CLIENT, DUE, Call, Transaction

KEYS = [SigningKey(bytes([number]) * 32) for number in (1, 2, 3)]
CALL = Call.of("doc", "register", {"id": "a"})


@pytest.fixture
def unsigned():
    return build(
        "chain", [CALL], [key.public for key in KEYS], expires_at=99, nonce=bytes(range(16))
    )


def changed(partial, **fields):
    return msgspec.json.encode(msgspec.json.decode(partial.to_json()) | fields)


def test_signatures_come_together_in_any_order(unsigned):
    parts = [decode_partial(unsigned.to_json(), verify).sign(key) for key in KEYS]
    one = parts[0].merge(parts[1]).merge(parts[2])
    other = parts[2].merge(parts[0]).merge(parts[1])

    assert one.to_json() == other.to_json()
    assert one.complete().verified_by(verify)
    assert one.complete().tx_id == unsigned.tx_id


def test_a_file_is_read_as_it_was_written(unsigned):
    signed = unsigned.sign(KEYS[1])

    assert decode_partial(signed.to_json(), verify) == signed
    assert signed.missing == (KEYS[0].public, KEYS[2].public)


def test_what_is_not_complete_says_who_is_missing(unsigned):
    with pytest.raises(Rejected, match=r"partial\.incomplete: missing: ed25519:"):
        unsigned.sign(KEYS[0]).complete()


def test_a_stranger_cannot_sign(unsigned):
    with pytest.raises(Rejected, match=r"partial\.not-a-signer"):
        unsigned.sign(SigningKey(bytes(32)))


def test_other_transactions_do_not_merge(unsigned):
    other = build("chain", [CALL], [KEYS[0].public], expires_at=99, nonce=bytes(16))
    with pytest.raises(Rejected, match=r"partial\.other-transaction"):
        unsigned.merge(other)


STRANGER = SigningKey(bytes(32))


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"format": "hansa/partial@2"}, "partial.malformed"),
        ({"extra": 1}, "partial.malformed"),
        ({"body": "*"}, "partial.malformed"),
        ({"body": "AAAA"}, "encoding.malformed"),
        ({"tx_id": "00"}, "partial.tx-id"),
        ({"signatures": {"x": "00"}}, "partial.malformed"),
        ({"signatures": {"ed25519:x": "00" * 64}}, "key.text"),
        (
            {"signatures": {"ed25519:" + STRANGER.public[1:].hex(): "00" * 64}},
            "partial.not-a-signer",
        ),
        (
            {"signatures": {"ed25519:" + KEYS[0].public[1:].hex(): "00" * 64}},
            "partial.signature",
        ),
    ],
)
def test_damaged_files_are_refused(unsigned, fields, code):
    with pytest.raises(Rejected) as caught:
        decode_partial(changed(unsigned, **fields), verify)

    assert caught.value.code == code


def test_a_file_that_is_too_large_is_not_read():
    with pytest.raises(Rejected, match=r"partial\.too-large"):
        decode_partial(b" " * (PARTIAL_BYTES_MAX + 1), verify)


@pytest.mark.parametrize(
    ("version", "kind", "signers", "code"),
    [
        (2, CLIENT, KEYS[:1], "transaction.version"),
        (1, DUE, KEYS[:1], "transaction.signers"),
        (1, CLIENT, [], "transaction.signers"),
        (1, CLIENT, [KEYS[0], KEYS[0]], "transaction.signers"),
    ],
)
def test_bodies_that_nobody_may_sign_are_refused(unsigned, version, kind, signers, code):
    publics = tuple(key.public for key in signers)
    body = pack(Transaction(version, "chain", kind, (CALL,), bytes(16), 99, publics))
    with pytest.raises(Rejected) as caught:
        decode_partial(
            changed(unsigned, body=msgspec.json.decode(msgspec.json.encode(body))), verify
        )

    assert caught.value.code == code
