"""Whatever is sealed opens for its readers alone, and any change of a byte is noticed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.errors import Rejected
from hansa.seal import (
    CHUNK_BYTES,
    Recipient,
    SealKey,
    commits_to,
    decode_seal,
    encode_seal,
    open_blob,
    read_header,
    rewrap,
    seal_json,
    seal_payload,
)

KEYS = {f"m{number}": SealKey(bytes([number + 1]) * 32) for number in range(5)}
OF = {"chain_id": "demo", "author": "m0"}
sizes = st.one_of(
    st.integers(0, 300),
    st.integers(-40, 40).map(lambda more: CHUNK_BYTES - 33 - 24 + more),
    st.integers(-3, 3).map(lambda more: 2 * CHUNK_BYTES + more),
)
members = st.lists(st.sampled_from(sorted(KEYS)), min_size=1, max_size=5, unique=True)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


def to(names):
    return [Recipient(name, KEYS[name].public) for name in names]


@given(sizes, members, st.binary(min_size=1, max_size=16))
@settings(deadline=None)
def test_the_named_open_it_and_the_others_do_not(size, names, pattern):
    payload = (pattern * (size // len(pattern) + 1))[:size]
    sealed = seal_payload(payload, to(names), **OF)
    seal = decode_seal(encode_seal(sealed.seal))

    for name, key in KEYS.items():
        if name in names:
            opened = open_blob(sealed.blob, key)
            assert opened.payload == payload
            assert commits_to(seal, opened.salt, payload)
        else:
            with pytest.raises(Rejected, match=r"seal\.not-named"):
                open_blob(sealed.blob, key)


@given(json_values, json_values)
@settings(deadline=None)
def test_equal_values_alone_fit_a_commitment(one, other):
    first = seal_json(one, to(["m0"]), **OF)
    second = open_blob(seal_json(other, to(["m0"]), **OF).blob, KEYS["m0"]).payload
    same = open_blob(first.blob, KEYS["m0"]).payload == second

    assert commits_to(first.seal, first.salt, second) == same


@given(st.data(), st.binary(max_size=200))
@settings(deadline=None)
def test_any_changed_cut_or_longer_blob_is_refused(data, payload):
    blob = seal_payload(payload, to(["m0", "m1"]), **OF).blob
    place = data.draw(st.integers(0, len(blob) - 1))
    flip = data.draw(st.integers(1, 255))
    bad = data.draw(
        st.sampled_from(
            [
                blob[:place] + bytes([blob[place] ^ flip]) + blob[place + 1 :],
                blob[:place],
                blob + bytes([flip]),
            ]
        )
    )

    with pytest.raises(Rejected):
        open_blob(bad, KEYS["m0"])


@given(st.binary(max_size=400))
def test_any_bytes_are_refused_and_never_crash(junk):
    for raw in (junk, b"hsv\x01" + junk, b"hsv\x01\0\0\0\x05" + junk):
        with pytest.raises(Rejected):
            read_header(raw)
    with pytest.raises(Rejected):
        decode_seal(junk + b"\xff" * 257)


@given(st.integers(1, 4), st.binary(max_size=50))
@settings(deadline=None)
def test_rotations_open_the_blob_for_the_newest_key_and_leave_its_bytes(count, payload):
    sealed = seal_payload(payload, to(["m0"]), **OF)
    (wrap,), key, kept = read_header(sealed.blob).wraps, KEYS["m0"], []
    for number in range(count):
        following = SealKey(bytes([100 + number]) * 32)
        wrap = rewrap(wrap, key, Recipient("m0", following.public))
        key = following
        kept.append(wrap)

    assert open_blob(sealed.blob, key, kept).payload == payload
    with pytest.raises(Rejected, match=r"seal\.not-named"):
        open_blob(sealed.blob, key)
