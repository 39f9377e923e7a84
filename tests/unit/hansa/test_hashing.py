"""Tagged hashes (docs/spec/encoding.md, section 3)."""

import hashlib

import pytest

from hansa.hashing import ZERO_HASH, sha256, tagged_hash
from tests.unit.hansa.frozen import frozen


@pytest.mark.parametrize("case", frozen("encoding")["tagged_hashes"], ids=lambda case: case["tag"])
def test_every_tag_has_its_frozen_hash(case):
    assert tagged_hash(case["tag"], bytes.fromhex(case["payload"])).hex() == case["hash"]


def test_the_definition_typed_out():
    assert tagged_hash("vote", b"x") == hashlib.sha256(b"hansa/vote/1\0x").digest()


def test_bytes_for_one_purpose_never_stand_for_another():
    assert tagged_hash("vote", b"x") != tagged_hash("view-change", b"x") != sha256(b"x")


def test_a_tag_is_ascii():
    with pytest.raises(UnicodeEncodeError):
        tagged_hash("é", b"")


def test_plain_hashes():
    assert sha256(b"") == hashlib.sha256(b"").digest()
    assert bytes(32) == ZERO_HASH
