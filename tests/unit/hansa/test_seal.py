"""Sealed payloads: the frozen bytes, what a reader refuses, what nobody else can read."""

import json
import stat
from pathlib import Path

import msgspec
import pytest

from hansa.encoding import unpack
from hansa.errors import Rejected
from hansa.hashing import sha256
from hansa.keyfile import create_dev_key_file, open_key_file
from hansa.keys import ED25519
from hansa.seal import (
    BLOB_BYTES_MAX,
    CHUNK_BYTES,
    SEAL_BYTES_MAX,
    WRAPS_MAX,
    Recipient,
    Seal,
    SealKey,
    Wrap,
    commitment,
    commits_to,
    decode_seal,
    encode_seal,
    open_blob,
    read_header,
    rewrap,
    seal_json,
    seal_payload,
    where_commit,
)
from hansa.signing import SigningKey

VECTORS = json.loads(
    (Path(__file__).parents[2] / "vectors" / "vault.json").read_text(encoding="utf-8")
)
FARM, BANK, LATER = (SealKey(bytes.fromhex(one["seed"])) for one in VECTORS["keys"])
OF = {"chain_id": "demo", "author": "farm"}


def to(member, key):
    return Recipient(member, key.public)


def code_of(call, *arguments):
    with pytest.raises(Rejected) as caught:
        call(*arguments)
    return caught.value.code


@pytest.mark.parametrize("vector", VECTORS["keys"], ids=lambda one: one["member"])
def test_a_key_is_made_from_its_seed_as_the_specification_says(vector):
    key = SealKey(bytes.fromhex(vector["seed"]))

    assert (key.public.hex(), key.id) == (vector["public"], vector["id"])


@pytest.mark.parametrize("vector", VECTORS["blobs"]["good"], ids=lambda one: one["name"])
def test_a_frozen_blob_opens(vector):
    blob, seal = bytes.fromhex(vector["blob"]), decode_seal(bytes.fromhex(vector["seal"]))
    key = FARM if "farm" in vector["members"] else BANK

    opened = open_blob(blob, key)

    assert sha256(blob).hex() == vector["id"] == seal.cipher.digest.hex()
    assert (opened.payload.hex(), opened.salt.hex()) == (vector["payload"], vector["salt"])
    assert opened.media_type == vector["media_type"]
    assert (list(opened.header.members), opened.header.about) == (
        vector["members"],
        vector["about"],
    )
    assert commits_to(seal, opened.salt, opened.payload)
    assert where_commit(seal.cipher.digest).hex() == vector["where_commit"]


@pytest.mark.parametrize("vector", VECTORS["blobs"]["bad"], ids=lambda one: one["why"])
def test_a_bad_blob_is_refused(vector):
    assert code_of(open_blob, bytes.fromhex(vector["blob"]), FARM) == vector["code"]


@pytest.mark.parametrize("vector", VECTORS["seals"]["good"], ids=lambda one: str(one["digest"]))
def test_a_frozen_seal_is_read_and_written_alike(vector):
    seal = decode_seal(bytes.fromhex(vector["seal"]))

    assert seal.commit.hex() == vector["commit"]
    assert (seal.cipher and seal.cipher.digest.hex()) == vector["digest"]
    assert encode_seal(seal).hex() == vector["seal"]


@pytest.mark.parametrize("vector", VECTORS["seals"]["bad"], ids=lambda one: one["why"])
def test_a_bad_seal_is_refused(vector):
    assert code_of(decode_seal, bytes.fromhex(vector["seal"])) == vector["code"]


def test_every_changed_byte_of_a_blob_is_noticed():
    vector = VECTORS["blobs"]["good"][0]
    blob = bytes.fromhex(vector["blob"])

    for place in range(len(blob)):
        changed = blob[:place] + bytes([blob[place] ^ 1]) + blob[place + 1 :]
        assert code_of(open_blob, changed, FARM)


def test_every_cut_of_a_blob_is_noticed():
    blob = bytes.fromhex(VECTORS["blobs"]["good"][2]["blob"])

    for size in range(len(blob)):
        assert code_of(open_blob, blob[:size], BANK)


def test_a_cut_between_two_chunks_is_noticed():
    sealed = seal_payload(bytes(3 * CHUNK_BYTES), [to("farm", FARM)], **OF)
    last = len(sealed.blob) - (33 + 25 + 17)

    assert code_of(open_blob, sealed.blob[:last], FARM) == "seal.broken"


def test_two_chunks_cannot_change_places():
    sealed = seal_payload(bytes(3 * CHUNK_BYTES), [to("farm", FARM)], **OF)
    start = 8 + int.from_bytes(sealed.blob[4:8], "big") + 24
    one, two = CHUNK_BYTES + 17, 2 * (CHUNK_BYTES + 17)
    body = sealed.blob[start:]
    swapped = sealed.blob[:start] + body[one:two] + body[:one] + body[two:]

    assert code_of(open_blob, swapped, FARM) == "seal.broken"


def test_the_same_payload_is_never_sealed_to_the_same_bytes():
    first, second = (seal_json({"amount": 1}, [to("farm", FARM)], **OF) for _ in range(2))

    assert first.seal.commit != second.seal.commit
    assert first.salt != second.salt
    assert first.id != second.id


def test_all_amounts_tried_without_the_salt_do_not_find_the_sealed_one():
    sealed = seal_json(1280, [to("farm", FARM)], **OF)
    tried = {sha256(str(amount).encode()) for amount in range(2_000)}
    tried |= {commitment(bytes(32), str(amount).encode()) for amount in range(2_000)}

    assert sealed.seal.commit not in tried
    assert commits_to(sealed.seal, sealed.salt, b"1280")
    assert not commits_to(sealed.seal, sealed.salt, b"1281")


def test_spellings_of_one_json_value_are_one_payload():
    sealed = seal_json({"b": 1, "a": "ü"}, [to("farm", FARM)], **OF)

    assert open_blob(sealed.blob, FARM).payload == '{"a":"ü","b":1}'.encode()


def test_the_payload_and_its_media_type_stand_nowhere_in_the_blob():
    sealed = seal_payload(b"ID 11010519491231002X", [to("farm", FARM)], **OF, media_type="x/y-z")

    assert b"11010519491231002X" not in sealed.blob
    assert b"x/y-z" not in sealed.blob
    assert sealed.salt not in sealed.blob


def test_a_wrap_for_a_new_key_opens_the_unchanged_blob():
    vector = VECTORS["blobs"]["good"][0]
    wrap = unpack(Wrap, bytes.fromhex(VECTORS["rewrapped"]["wrap"]))
    blob = bytes.fromhex(vector["blob"])

    assert code_of(open_blob, blob, LATER) == "seal.not-named"
    assert open_blob(blob, LATER, [wrap]).payload.hex() == vector["payload"]


def test_who_is_not_named_cannot_wrap_again():
    header = read_header(bytes.fromhex(VECTORS["blobs"]["good"][0]["blob"]))
    wrap = next(one for one in header.wraps if one.member == "bank")

    assert code_of(rewrap, wrap, FARM, to("farm", FARM)) == "seal.wrong-key"


@pytest.mark.parametrize(
    "key",
    [SigningKey(bytes(32)).public, b"\x02" + bytes(32), b"\x02" + bytes(31), b""],
    ids=["Ed25519", "zero", "short", "empty"],
)
def test_nothing_is_sealed_to_what_is_no_key(key):
    assert code_of(lambda: seal_payload(b"", [Recipient("x", key)], **OF)) == "seal.recipients"


def test_a_blob_names_at_most_64_keys_each_once():
    many = [to("farm", SealKey(bytes([number]) * 32)) for number in range(WRAPS_MAX)]

    assert len(read_header(seal_payload(b"", many, **OF).blob).wraps) == WRAPS_MAX
    extra = to("farm", SealKey(b"x" * 32))
    assert code_of(lambda: seal_payload(b"", [*many, extra], **OF)) == "encoding.malformed"
    assert code_of(lambda: seal_payload(b"", [extra, extra], **OF)) == "seal.recipients"
    assert code_of(lambda: seal_payload(b"", [], **OF)) == "encoding.malformed"


def test_the_longest_header_fits_its_limit():
    long = [to("m" * 64, SealKey(bytes([number]) * 32)) for number in range(WRAPS_MAX)]

    sealed = seal_payload(b"", long, chain_id="c" * 64, author="a" * 64, about="x" * 128)

    assert len(read_header(sealed.blob).wraps) == WRAPS_MAX
    assert len(encode_seal(sealed.seal)) <= SEAL_BYTES_MAX


def test_a_blob_has_at_most_16_mebibytes():
    most = BLOB_BYTES_MAX - 8 * 1024
    assert len(seal_payload(bytes(most), [to("farm", FARM)], **OF).blob) <= BLOB_BYTES_MAX
    assert (
        code_of(lambda: seal_payload(bytes(BLOB_BYTES_MAX), [to("farm", FARM)], **OF))
        == "seal.too-large"
    )


def test_a_media_type_has_at_most_127_bytes():
    one = [to("farm", FARM)]

    assert open_blob(seal_payload(b"", one, **OF, media_type="m" * 127).blob, FARM)
    assert code_of(lambda: seal_payload(b"", one, **OF, media_type="m" * 128)) == "seal.malformed"


def test_a_seal_key_shows_its_id_alone():
    assert repr(FARM) == f"SealKey({FARM.id})"
    assert FARM.public[0] != ED25519


def test_a_seal_without_a_blob_is_a_commitment_alone():
    seal = Seal(1, "HMAC-SHA-256", commitment(bytes(32), b"x"), None)

    assert decode_seal(encode_seal(seal)) == seal
    assert commits_to(seal, bytes(32), b"x")
    assert not commits_to(msgspec.structs.replace(seal, commit=bytes(32)), bytes(32), b"x")


def test_a_seal_key_is_kept_in_a_key_file_of_its_own_purpose(tmp_path):
    made = SigningKey.generate()
    create_dev_key_file(tmp_path / "seal.json", made, "seal")

    opened = open_key_file(tmp_path / "seal.json")

    assert opened.purpose == "seal"
    assert SealKey(opened.key.seed).public == SealKey(made.seed).public
    assert stat.S_IMODE((tmp_path / "seal.json").stat().st_mode) == 0o600
