"""Public keys and their texts (docs/spec/encoding.md, section 4)."""

import pytest

from hansa.errors import Rejected
from hansa.keys import key_id, parse_public_key, public_key_text
from tests.unit.hansa.frozen import frozen

VECTORS = frozen("encoding")


@pytest.mark.parametrize("case", VECTORS["keys"], ids=lambda case: case["id"])
def test_every_key_has_its_text_and_its_short_name(case):
    key = bytes.fromhex(case["public"])

    assert public_key_text(key) == case["text"]
    assert parse_public_key(case["text"]) == key
    assert key_id(key) == case["id"]


@pytest.mark.parametrize("text", VECTORS["not_key_texts"])
def test_other_texts_are_no_keys(text):
    with pytest.raises(Rejected) as caught:
        parse_public_key(text)

    assert caught.value.code == "key.text"
    assert "64" in caught.value.hint
