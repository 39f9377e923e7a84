"""Proofs with eddsa-jcs-2022: the published values, and everything that breaks a proof."""

import json

import pytest

from hansa.canonical_json import canonicalise, dumps
from hansa.errors import Rejected
from hansa.hashing import sha256
from hansa.signing import SigningKey
from hansa.vc.data_integrity import (
    DOCUMENT_BYTES_MAX,
    sign_document,
    signing_input,
    verify_document,
)
from hansa.vc.did_key import verification_method
from hansa.vc.multibase import decode_base58, encode_base58

KEY, OTHER = SigningKey(b"k" * 32), SigningKey(b"o" * 32)
DOCUMENT = {"@context": ["https://www.w3.org/ns/credentials/v2", "https://a.example"], "a": 1}
CREATED = 1_700_000_000_000


@pytest.fixture
def published(vectors):
    """Every file of the published proof, as text."""
    folder = vectors / "eddsa-jcs-2022"
    return {path.name: path.read_text(encoding="utf-8").strip() for path in folder.iterdir()}


def published_key(published):
    secret = decode_base58(json.loads(published["keyPair.json"])["privateKeyMultibase"])
    return SigningKey(secret[2:])


def refused(document, **options):
    with pytest.raises(Rejected) as caught:
        verify_document(document, **options)
    return caught.value.code


def signed(**changes):
    """A signed document whose proof was changed afterwards."""
    whole = sign_document(DOCUMENT, KEY, CREATED)
    return {**whole, "proof": {**whole["proof"], **changes}}


def resigned(**changes):
    """A document whose changed proof is signed by `KEY`: only its content is wrong."""
    options = {name: value for name, value in signed()["proof"].items() if name != "proofValue"}
    options.update(changes)
    document = {**DOCUMENT, "@context": options["@context"]}
    value = encode_base58(KEY.sign(signing_input(document, options)))
    return {**DOCUMENT, "proof": {**options, "proofValue": value}}


def test_every_published_step_is_reproduced(published):
    whole = json.loads(published["signedJCS.json"])
    document = {name: value for name, value in whole.items() if name != "proof"}
    options = json.loads(published["proofConfigJCS.json"])

    assert dumps(document).decode() == published["canonDocJCS.txt"]
    assert (
        canonicalise(published["proofConfigJCS.json"].encode()).decode()
        == (published["proofCanonJCS.txt"])
    )
    assert sha256(dumps(document)).hex() == published["docHashJCS.txt"]
    assert sha256(dumps(options)).hex() == published["proofHashJCS.txt"]
    assert signing_input(document, options).hex() == published["combinedHashJCS.txt"]
    signature = published_key(published).sign(signing_input(document, options))
    assert signature.hex() == published["sigHexJCS.txt"]
    assert encode_base58(signature) == published["sigBTC58JCS.txt"]


def test_the_published_document_verifies_and_is_made_again(published):
    whole = json.loads(published["signedJCS.json"])
    checked = verify_document(whole)
    key = published_key(published)

    assert checked.public == key.public
    assert checked.method.endswith(json.loads(published["keyPair.json"])["publicKeyMultibase"])
    assert checked.created == 1_677_281_798_000
    again = sign_document(checked.document, key, checked.created)
    assert verify_document(again).document == checked.document


def test_what_is_signed_verifies():
    checked = verify_document(sign_document(DOCUMENT, KEY, CREATED))

    assert (checked.document, checked.public) == (DOCUMENT, KEY.public)
    assert (checked.created, checked.expires) == (CREATED, None)


def test_a_document_without_contexts_is_signed_as_well():
    assert verify_document(sign_document({"a": 1}, KEY, CREATED)).document == {"a": 1}


def test_only_the_signed_contexts_come_out():
    whole = signed()
    whole["@context"] = [*whole["@context"], "https://later.example"]

    assert verify_document(whole).document == DOCUMENT


BAD = {
    "without a proof": (DOCUMENT, "vc.proof"),
    "with two proofs": ({**DOCUMENT, "proof": [signed()["proof"]] * 2}, "vc.proof"),
    "of another suite": (signed(cryptosuite="eddsa-rdfc-2022"), "vc.proof"),
    "of another type": (signed(type="Ed25519Signature2020"), "vc.proof"),
    "for another purpose": (signed(proofPurpose="authentication"), "vc.proof"),
    "whose contexts begin otherwise": (signed(**{"@context": ["https://x.example"]}), "vc.proof"),
    "with more contexts signed than there are": (
        signed(**{"@context": [*DOCUMENT["@context"], "x"]}), "vc.proof",
    ),
    "that says another thing": ({**signed(), "a": 2}, "vc.signature"),
    "that says one thing more": ({**signed(), "b": 2}, "vc.signature"),
    "with another date": (signed(created="2023-11-14T22:13:21.000Z"), "vc.signature"),
    "by another key": (
        signed(verificationMethod=verification_method(OTHER.public)), "vc.signature",
    ),
    "with a short signature": (signed(proofValue=encode_base58(b"s" * 63)), "vc.signature"),
    "with a signature in another base": (signed(proofValue="uAAAA"), "vc.multibase"),
    "without a signature": (signed(proofValue=None), "vc.proof"),
    "by a key of another method": (signed(verificationMethod="https://x.example#k"), "vc.did"),
    "with a date without a zone": (resigned(created="2023-11-14T22:13:20"), "vc.time"),
    "with a number for a date": (resigned(created=5), "vc.time"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_document_is_refused(name):
    document, code = BAD[name]

    assert refused(document) == code


def test_a_number_that_is_true_elsewhere_is_not_the_same():
    assert refused({**signed(), "a": True}) == "vc.signature"


def test_an_expiry_is_signed_and_comes_out():
    assert verify_document(resigned(expires="2023-11-15T00:00:00Z")).expires == 1_700_006_400_000


def test_a_purpose_is_asked_for():
    whole = sign_document(DOCUMENT, KEY, CREATED, purpose="authentication")

    assert verify_document(whole, purpose="authentication").public == KEY.public
    assert refused(whole) == "vc.proof"


def test_nothing_is_signed_twice_and_nothing_too_large():
    with pytest.raises(Rejected, match=r"vc\.proof"):
        sign_document(signed(), KEY, CREATED)
    with pytest.raises(Rejected, match=r"vc\.proof"):
        sign_document({"a": "x" * DOCUMENT_BYTES_MAX}, KEY, CREATED)
