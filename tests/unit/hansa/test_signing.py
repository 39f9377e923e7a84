"""Ed25519 by libsodium, also where libraries disagree (docs/spec/encoding.md, section 4)."""

import pytest

from hansa.signing import SEED_BYTES, SigningKey, verify
from tests.unit.hansa.frozen import frozen, why

VECTORS = frozen("encoding")


@pytest.mark.parametrize("case", VECTORS["signatures"], ids=why)
def test_every_signature_is_judged_as_frozen(case):
    parts = (bytes.fromhex(case[name]) for name in ("public", "message", "signature"))

    assert verify(*parts) is case["valid"]


@pytest.mark.parametrize("case", VECTORS["keys"], ids=lambda case: case["id"])
def test_a_seed_makes_its_key_and_its_signatures(case):
    key = SigningKey(bytes.fromhex(case["seed"]))
    message = bytes.fromhex(case["message"])

    assert (key.public.hex(), key.seed.hex()) == (case["public"], case["seed"])
    assert key.sign(message).hex() == case["signature"]
    assert verify(key.public, message, key.sign(message))


def test_fresh_keys_differ():
    one, two = SigningKey.generate(), SigningKey.generate()

    assert one.public != two.public
    assert len(one.seed) == SEED_BYTES


def test_a_private_key_is_not_printed():
    key = SigningKey(bytes(32))

    assert key.public[1:].hex()[:12] in repr(key)
    assert key.seed.hex() not in repr(key)


def test_a_seed_has_32_bytes():
    with pytest.raises(AssertionError):
        SigningKey(bytes(31))
