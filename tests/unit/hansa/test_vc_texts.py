"""Names, multibase and lists of bits: one spelling each, and no text that grows without bound."""

import base64
import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.errors import Rejected
from hansa.signing import SigningKey, verify
from hansa.vc.agreement import agreement_key
from hansa.vc.bits import ENTRIES_MIN, value_at, with_value
from hansa.vc.did_key import (
    did_key,
    parse_did_key,
    parse_verification_method,
    verification_method,
)
from hansa.vc.encoded_list import LIST_BYTES_MAX, LIST_BYTES_MIN, decode_list, encode_list
from hansa.vc.multibase import (
    decode_base58,
    decode_base64url,
    encode_base58,
    encode_base64url,
)

PUBLISHED_EMPTY = "uH4sIAAAAAAAAA-3BMQEAAADCoPVPbQwfoAAAAAAAAAAAAAAAAAAAAIC3AYbSVKsAQAAA"
"""A list of zeros in Bitstring Status List v1.0, section 2.2, example 3."""
KEY = SigningKey(b"k" * 32)


def code_of(call, *args):
    with pytest.raises(Rejected) as caught:
        call(*args)
    return caught.value.code


def test_the_published_keys_have_their_names(vectors):
    published = json.loads((vectors / "did-key" / "ed25519-x25519.json").read_text())
    publics = {did: SigningKey(bytes.fromhex(one["seed"])).public for did, one in published.items()}

    assert {did: did_key(public) for did, public in publics.items()} == {
        did: did for did in publics
    }
    assert {did: parse_did_key(did) for did in publics} == publics


def spelled(raw):
    """The two ways in which the collection writes a key apart from its name."""
    text = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    return {encode_base58(raw)[1:], str({"kty": "OKP", "crv": "Ed25519", "x": text})}


def test_the_published_documents_name_the_same_keys(vectors):
    published = json.loads((vectors / "did-key" / "ed25519-x25519.json").read_text())

    for did, one in published.items():
        public = parse_did_key(did)
        assert verification_method(public) == one["didDocument"]["assertionMethod"][0]
        assert parse_verification_method(one["didDocument"]["authentication"][0]) == public
        assert one["didDocument"]["keyAgreement"] == [f"{did}#{agreement_key(public)}"]
        assert spelled(public[1:]) & set(map(str, one["verificationKeyPair"].values()))


def test_the_published_signatures_are_judged_as_published(vectors):
    """A name that was parsed gives the key that verifies: the cases of Wycheproof."""
    groups = json.loads((vectors / "ed25519" / "wycheproof.json").read_text())["testGroups"]
    wrong = [
        case["tcId"]
        for group in groups
        for case in group["tests"]
        if verify(
            parse_did_key(did_key(b"\x01" + bytes.fromhex(group["publicKey"]["pk"]))),
            bytes.fromhex(case["msg"]),
            bytes.fromhex(case["sig"]),
        )
        != (case["result"] == "valid")
    ]

    assert wrong == []


X25519 = encode_base58(b"\xec\x01" + b"k" * 32)
BAD_NAMES = {
    "of another method": ("did:web:example.com", "vc.did"),
    "of an X25519 key": (f"did:key:{X25519}", "vc.did"),
    "of a short key": (f"did:key:{encode_base58(bytes([0xED, 1]) + b'k' * 31)}", "vc.did"),
    "in another base": ("did:key:u" + "A" * 40, "vc.multibase"),
    "with a character that is none": (did_key(KEY.public)[:-1] + "0", "vc.multibase"),
    "of endless length": ("did:key:z" + "1" * 100_000, "vc.multibase"),
    "with a fragment": (verification_method(KEY.public), "vc.multibase"),
}


@pytest.mark.parametrize("name", BAD_NAMES)
def test_what_names_no_key_is_refused(name):
    text, code = BAD_NAMES[name]

    assert code_of(parse_did_key, text) == code


def test_a_method_names_the_key_of_its_own_name():
    other = did_key(SigningKey(b"o" * 32).public).removeprefix("did:key:")

    assert parse_verification_method(verification_method(KEY.public)) == KEY.public
    assert code_of(parse_verification_method, f"{did_key(KEY.public)}#{other}") == "vc.did"
    assert code_of(parse_verification_method, did_key(KEY.public)) == "vc.did"


def test_a_key_that_is_no_point_has_no_partner_for_encryption():
    assert code_of(agreement_key, b"\x01" + b"\xff" * 32) == "vc.did"


@given(st.binary(max_size=80))
def test_texts_come_back_as_they_went(data):
    assert decode_base58(encode_base58(data)) == data
    assert decode_base64url(encode_base64url(data), 200) == data


@pytest.mark.parametrize("text", ["", "AAAA", "uAA==", "uA", "uAB", "u+/", "uA A", "uäöü", "u" * 9])
def test_another_spelling_of_base64url_is_refused(text):
    assert code_of(decode_base64url, text, 8) == "vc.multibase"


def test_the_published_list_is_read():
    bits = decode_list(PUBLISHED_EMPTY)

    assert bits == bytes(ENTRIES_MIN // 8)
    assert decode_list(encode_list(bits)) == bits
    assert len(encode_list(bits)) <= len(PUBLISHED_EMPTY)


def packed(data, **options):
    return encode_base64url(gzip.compress(data, **options))


BAD_LISTS = {
    "too short": (packed(bytes(LIST_BYTES_MIN - 1)), "vc.list-short"),
    "a bomb": (packed(bytes(64 * LIST_BYTES_MAX)), "vc.list"),
    "one byte too many": (packed(bytes(LIST_BYTES_MAX + 1)), "vc.list"),
    "cut off": (encode_base64url(gzip.compress(bytes(LIST_BYTES_MIN))[:-4]), "vc.list"),
    "with a second stream behind it": (
        encode_base64url(gzip.compress(bytes(LIST_BYTES_MIN)) * 2), "vc.list",
    ),
    "with another sum": (
        encode_base64url(gzip.compress(bytes(LIST_BYTES_MIN))[:-8] + bytes(8)), "vc.list",
    ),
    "no GZIP": (encode_base64url(bytes(LIST_BYTES_MIN)), "vc.list"),
    "nothing": (encode_base64url(b""), "vc.list"),
    "without its mark": (PUBLISHED_EMPTY[1:], "vc.multibase"),
    "longer than any list": ("u" + "A" * LIST_BYTES_MAX * 2, "vc.multibase"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_LISTS)
def test_what_is_no_list_is_refused(name):
    text, code = BAD_LISTS[name]

    assert code_of(decode_list, text) == code


def test_the_largest_list_that_nothing_compresses_still_fits():
    bits = SigningKey(b"n" * 32).sign(b"") * (LIST_BYTES_MAX // 64)

    assert decode_list(encode_base64url(gzip.compress(bits, compresslevel=0))) == bits


def test_the_first_index_is_the_left_most_bit():
    bits = with_value(bytes(2), 0, 1, 1)

    assert bits == b"\x80\x00"
    assert with_value(bits, 15, 1, 1) == b"\x80\x01"
    assert with_value(bytes(2), 1, 4, 0xA) == b"\x0a\x00"
    assert value_at(b"\x0a\x00", 9, 4) == 0


@given(
    st.sampled_from([1, 2, 4]),
    st.lists(st.tuples(st.integers(0, 63), st.integers(0, 15)), max_size=30),
)
def test_values_stand_beside_each_other_as_in_a_plain_list(size, changes):
    bits, plain = bytes(8 * size), [0] * 64
    for index, value in changes:
        bits = with_value(bits, index, size, value % (1 << size))
        plain[index] = value % (1 << size)

    assert [value_at(bits, index, size) for index in range(64)] == plain
