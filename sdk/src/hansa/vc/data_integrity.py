"""Data Integrity proofs with ``eddsa-jcs-2022`` (docs/spec/vc.md, section 5).

The promise: what verifies is exactly the document that is returned, signed by exactly the
key that is returned. Who that key belongs to is another question, for the chain.
Source: Data Integrity EdDSA Cryptosuites v1.0, section 3.3; RFC 8785; VC Data Integrity 1.0.
"""

from dataclasses import dataclass

from hansa.canonical_json import Json, dumps
from hansa.epcis.values import parse_time, time_text
from hansa.errors import Rejected
from hansa.hashing import sha256
from hansa.signing import SigningKey, verify
from hansa.vc.did_key import parse_verification_method, verification_method
from hansa.vc.multibase import decode_base58, encode_base58

CRYPTOSUITE = "eddsa-jcs-2022"
PROOF_TYPE = "DataIntegrityProof"
ASSERTION = "assertionMethod"
"""The purpose of a proof under a credential."""
DOCUMENT_BYTES_MAX = 2 * 1024 * 1024
"""Canonical bytes of a document: the largest list has 0.7 MB."""

Document = dict[str, Json]


@dataclass(frozen=True, slots=True)
class Secured:
    """A document whose proof holds.

    Attributes:
        document: what was signed, without its proof.
        public: the key that signed, 33 bytes.
        method: as the proof names it.
        created: ms since 1970, or None where the proof does not say.
        expires: ms since 1970 after which the proof counts no more, or None.
    """

    document: Document
    public: bytes
    method: str
    created: int | None
    expires: int | None


def sign_document(
    document: Document, key: SigningKey, created: int, *, purpose: str = ASSERTION
) -> Document:
    """The document with a proof by `key`, made at `created` (ms since 1970).

    Raises:
        Rejected: ``json.value`` for a document without canonical JSON, ``vc.proof`` for one
            that has a proof or is too large.
    """
    if "proof" in document:
        raise Rejected("vc.proof", "the document has a proof already")
    options: Document = {
        "type": PROOF_TYPE,
        "cryptosuite": CRYPTOSUITE,
        "created": time_text(created),
        "verificationMethod": verification_method(key.public),
        "proofPurpose": purpose,
    }
    if "@context" in document:
        options["@context"] = document["@context"]
    value = encode_base58(key.sign(signing_input(document, options)))
    return {**document, "proof": {**options, "proofValue": value}}


def verify_document(secured: Document, *, purpose: str = ASSERTION) -> Secured:
    """The document under a proof, and the key that signed it.

    Raises:
        Rejected: ``vc.proof`` (no proof, several, of another suite, for another purpose, with
            a context that the document does not begin with, too large), ``vc.did``,
            ``vc.multibase``, ``vc.time``, ``json.value``, or ``vc.signature``.
    """
    proof = secured.get("proof")
    if not isinstance(proof, dict):
        raise Rejected("vc.proof", "one proof is needed, as an object")
    wanted = {"type": PROOF_TYPE, "cryptosuite": CRYPTOSUITE, "proofPurpose": purpose}
    for name, need in wanted.items():
        if proof.get(name) != need:
            raise Rejected("vc.proof", f"{name} is {str(proof.get(name))[:64]!r}, not {need!r}")
    document = {name: value for name, value in secured.items() if name != "proof"}
    options = {name: value for name, value in proof.items() if name != "proofValue"}
    if "@context" in options:
        document["@context"] = _shared_context(secured.get("@context"), options["@context"])
    method, value = proof.get("verificationMethod"), proof.get("proofValue")
    if not isinstance(method, str) or not isinstance(value, str):
        raise Rejected("vc.proof", "verificationMethod and proofValue are texts")
    created, expires = optional_time(options, "created"), optional_time(options, "expires")
    public = parse_verification_method(method)
    if not verify(public, signing_input(document, options), decode_base58(value)):
        raise Rejected("vc.signature", f"the proof is not by {method[:128]}")
    return Secured(document, public, method, created, expires)


def signing_input(document: Document, options: Document) -> bytes:
    """The 64 bytes that are signed: the hash of the proof's options, then the document's.

    Raises:
        Rejected: ``json.value``, or ``vc.proof`` when the document is too large.
    """
    text = dumps(document)
    if len(text) > DOCUMENT_BYTES_MAX:
        raise Rejected("vc.proof", f"{len(text)} bytes of document, at most {DOCUMENT_BYTES_MAX}")
    return sha256(dumps(options)) + sha256(text)


def optional_time(holder: Document, name: str) -> int | None:
    """A time in ms under a name, or None where there is none.

    Raises:
        Rejected: ``vc.time``.
    """
    text = holder.get(name)
    if text is None:
        return None
    try:
        return parse_time(text if isinstance(text, str) else "")
    except Rejected as error:
        raise Rejected("vc.time", f"{name}: {str(text)[:40]!r} is no time with a zone") from error


def _shared_context(whole: Json, signed: Json) -> Json:
    """The signed contexts, if the document's begin with all of them in their order (3.3.2)."""
    document = whole if isinstance(whole, list) else [whole]
    first = signed if isinstance(signed, list) else [signed]
    if dumps([*document[: len(first)]]) != dumps([*first]):
        raise Rejected("vc.proof", "the document does not begin with the signed contexts")
    return signed
