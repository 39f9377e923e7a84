"""What travels: each field of a struct is taken at its limit and refused one step beyond it."""

import msgpack
import pytest

from hansa.block import Block, Proposal
from hansa.certificate import (
    Certificate,
    FreshCertificate,
    bitmap_of,
    make_certificate,
    signers_in,
)
from hansa.client.promise import Promise, PromiseEntry, SignedPromise
from hansa.encoding import MemberName, Name, Uint, decode_value, encode_value, unpack
from hansa.errors import Rejected
from hansa.evidence import SignedProposal, SignedViewChange, SignedVote
from hansa.membership import Validator, ValidatorSet
from hansa.receipt import Receipt, RecordChange
from hansa.state_proof import StateProof, Step
from hansa.transaction import Transaction

HASH, SIGNATURE, KEY = b"h" * 32, b"s" * 64, b"\1" + b"k" * 32
LARGEST = 2**63 - 1

# Each field with a value at a limit, and values one step beyond a limit.
CERTIFICATE = [
    (2, [1, 4]), (0, [-1]), (LARGEST, [-1, LARGEST + 1]), (0, [-1]),
    (HASH, [HASH[1:], HASH + b"h"]), (b"b" * 13, [b"b" * 14]),
    ([SIGNATURE] * 100, [[SIGNATURE] * 101, [SIGNATURE[1:]], [SIGNATURE + b"s"]]),
]  # fmt: skip
FRESH = [
    (0, [-1]), (HASH, [HASH[1:]]), (HASH, [HASH[1:]]), (b"b" * 13, [b"b" * 14]),
    ([0] * 100, [[0] * 101, [-1]]), ([SIGNATURE] * 100, [[SIGNATURE] * 101]),
]  # fmt: skip
TRANSACTION = [
    (1, []), ("c" * 64, ["c" * 65, ""]), (3, [4, -1]),
    ([["doc", "sign", b""]] * 256, [[["doc", "sign", b""]] * 257, []]),
    (b"n" * 16, [b"n" * 15, b"n" * 17]), (LARGEST, [-1, LARGEST + 1]),
    ([KEY] * 16, [[KEY] * 17, [KEY[1:]], [KEY + b"k"]]),
]  # fmt: skip
VOTE = [
    (3, [4, 1]), (0, [-1]), (0, [-1]), (0, [-1]), (HASH, [HASH[1:]]), (99, [100, -1]),
    (SIGNATURE, [SIGNATURE[1:]]),
]  # fmt: skip
PROPOSAL = [
    (0, [-1]), (0, [-1]), (0, [-1]), (HASH, [HASH[1:]]), (HASH, [HASH[1:]]), (99, [100, -1]),
    (SIGNATURE, [SIGNATURE[1:]]),
]  # fmt: skip
CHANGE = [
    (0, [-1]), (0, [-1]), (0, [-1]), (-1, [-2]), (HASH, [HASH[1:]]), (99, [100, -1]),
    (SIGNATURE, [SIGNATURE[1:]]),
]  # fmt: skip
RECEIPT = [
    (HASH, [HASH[1:]]), (HASH, [HASH[1:]]), (0, [-1]), (0, [-1]), ("OK", []), (-1, [-2, 256]),
    (b"\x80", []), ([], []),
]  # fmt: skip
ENTRY = [HASH, HASH, 0]
PROMISE = [
    ("c", ["", "c" * 65]), ("n", [""]), (0, [-1]), ([ENTRY] * 1_000, [[ENTRY] * 1_001]),
]  # fmt: skip
VALIDATOR = [("n" * 64, ["", "n" * 65]), ("m", ["M"]), (KEY, [KEY[1:]])]
CHANGED = [("k" * 512, ["", "k" * 513]), (0, [-1]), (LARGEST, [-1, LARGEST + 1])]
SIGNED_PROMISE = [
    (["c", "n", 0, []], []), (KEY, [KEY[1:]]), (SIGNATURE, [SIGNATURE[1:]]),
]  # fmt: skip
STEP = [(2**16 - 1, [2**16, -1]), (HASH * 15, [HASH * 16])]
STATE_PROOF = [([[0, b""]] * 63, []), (b"p" * 64 * 40, [b"p" * (64 * 40 + 1)])]

KINDS = {
    Certificate: CERTIFICATE, FreshCertificate: FRESH, Transaction: TRANSACTION,
    SignedVote: VOTE, SignedProposal: PROPOSAL, SignedViewChange: CHANGE, Receipt: RECEIPT,
    Promise: PROMISE, Validator: VALIDATOR, RecordChange: CHANGED, SignedPromise: SIGNED_PROMISE,
    PromiseEntry: [(HASH, [HASH[1:]]), (HASH, [HASH[1:]]), (LARGEST, [-1, LARGEST + 1])],
    Step: STEP, StateProof: STATE_PROOF,
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_fields_are_taken_at_their_limits_and_refused_beyond_them(kind):
    fields = KINDS[kind]
    good = [at_limit for at_limit, _ in fields]
    assert unpack(kind, msgpack.packb(good)) is not None

    for place, (_, beyond) in enumerate(fields):
        for bad in beyond:
            given = [*good[:place], bad, *good[place + 1 :]]
            with pytest.raises(Rejected):
                unpack(kind, msgpack.packb(given))


@pytest.mark.parametrize("failed", [-1, 0, 255])
def test_the_failed_call_of_a_receipt_is_one_of_256_or_none(failed):
    good = [at_limit for at_limit, _ in RECEIPT]
    receipt = unpack(Receipt, msgpack.packb([*good[:5], failed, *good[6:]]))

    assert receipt.failed_call == failed


HEADER = [1, "c", 1, 0, 1, 0, HASH, "p", HASH, HASH, HASH, 0, HASH, HASH, HASH, 0, 0]


@pytest.mark.parametrize(("kind", "item"), [(Proposal, HASH), (Block, b"raw")])
def test_a_block_has_at_most_5000_transactions(kind, item):
    assert unpack(kind, msgpack.packb([HEADER, [item] * 5_000, None]))
    with pytest.raises(Rejected):
        unpack(kind, msgpack.packb([HEADER, [item] * 5_001, None]))


def _validators(size):
    return [[f"n{number:03}", "m", bytes([1, number]) + b"k" * 31] for number in range(size)]


def test_a_set_has_1_to_100_validators():
    assert unpack(ValidatorSet, msgpack.packb([_validators(100)])).size == 100
    for size in (0, 101):
        with pytest.raises(Rejected):
            unpack(ValidatorSet, msgpack.packb([_validators(size)]))


@pytest.mark.parametrize(
    ("kind", "text", "taken"),
    [
        (Name, "a_b-c.d0", True), (Name, "_a", False), (Name, "a\n", False),
        (MemberName, "a-b.c0", True), (MemberName, "a_b", False), (MemberName, "m" * 64, True),
        (MemberName, "m" * 65, False), (MemberName, "", False), (Name, "-", False),
    ],
)  # fmt: skip
def test_a_name_has_its_characters(kind, text, taken):
    if taken:
        assert _decoded(kind, text) == text
    else:
        with pytest.raises(Rejected):
            _decoded(kind, text)


def _decoded(kind, value):
    return unpack(list[kind], msgpack.packb([value]))[0]


@pytest.mark.parametrize(("number", "taken"), [(0, True), (LARGEST, True), (LARGEST + 1, False)])
def test_a_whole_number_has_63_bits(number, taken):
    if taken:
        assert _decoded(Uint, number) == number
    else:
        with pytest.raises(Rejected):
            _decoded(Uint, number)


# Values


@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: {"a": inner}])
def test_a_value_is_nested_16_deep_and_no_deeper(wrap):
    value = None
    for _ in range(16):
        value = wrap(value)

    assert decode_value(encode_value(value)) == value
    with pytest.raises(Rejected):
        encode_value(wrap(value))


@pytest.mark.parametrize("number", [-(2**63), 2**63 - 1])
def test_a_value_s_whole_number_has_64_bits(number):
    assert decode_value(encode_value(number)) == number
    with pytest.raises(Rejected):
        encode_value(number + (1 if number > 0 else -1))


# Bitmaps


@pytest.mark.parametrize(
    ("signers", "size", "bitmap"),
    [
        ([], 1, b"\0"), ([0], 1, b"\1"), ([7], 8, b"\x80"), ([0, 8], 9, b"\1\1"),
        ([0, 7, 8, 15], 16, b"\x81\x81"), ([99], 100, bytes(12) + b"\x08"),
    ],
)  # fmt: skip
def test_a_bitmap_has_a_bit_for_each_signer(signers, size, bitmap):
    assert bitmap_of(signers, size) == bitmap
    assert list(signers_in(bitmap)) == signers


def _set(size):
    return ValidatorSet(tuple(Validator(*fields) for fields in _validators(size)))


def _holds(key, statement, signature):
    return signature == SIGNATURE


@pytest.mark.parametrize("size", [1, 4, 8, 9])
def test_a_certificate_has_a_bitmap_of_exactly_its_set(size):
    validators = _set(size)
    votes = dict.fromkeys(range(size), SIGNATURE)
    good = make_certificate(3, 0, 1, 0, HASH, votes, validators)
    quorum = validators.quorum
    assert len(good.signatures) == quorum
    good.check("c", validators, _holds)
    bytes_needed = (size + 7) // 8

    def code(bitmap, count):
        bad = Certificate(3, 0, 1, 0, HASH, bitmap, (SIGNATURE,) * count)
        with pytest.raises(Rejected) as caught:
            bad.check("c", validators, _holds)
        return caught.value.code

    beyond = bitmap_of([*range(1, quorum), size], size + 1)[:bytes_needed]
    assert code(good.bitmap + b"\0", quorum) == "certificate.quorum"
    assert code(good.bitmap[:-1], quorum) == "certificate.quorum"
    assert code(good.bitmap, quorum - 1) == "certificate.quorum"
    assert code(good.bitmap, quorum + 1) == "certificate.quorum"
    assert code(bitmap_of(list(range(quorum - 1)), size), quorum - 1) == "certificate.quorum"
    if size % 8:
        assert code(beyond, quorum) == "certificate.quorum"
    if size > quorum:
        assert code(bitmap_of(list(range(quorum + 1)), size), quorum + 1) == "certificate.quorum"
        last = bitmap_of([*range(quorum - 1), size - 1], size)
        Certificate(3, 0, 1, 0, HASH, last, (SIGNATURE,) * quorum).check("c", validators, _holds)


def test_a_fresh_certificate_has_a_time_for_each_signature():
    validators = _set(4)
    bitmap = bitmap_of([0, 1, 2], 4)
    good = FreshCertificate(1, HASH, HASH, bitmap, (5, 4, 6), (SIGNATURE,) * 3)
    good.check("c", validators, _holds)

    assert good.time == 4
    for times in ((5, 4), (5, 4, 6, 7)):
        bad = FreshCertificate(1, HASH, HASH, bitmap, times, (SIGNATURE,) * 3)
        with pytest.raises(Rejected):
            bad.check("c", validators, _holds)
