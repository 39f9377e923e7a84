"""What makes a document a credential or a presentation (docs/spec/vc.md, section 9).

The promise: whatever the data model asks of the shape of a credential is asked here, without
a network and before anybody signs or believes it. What a remote context means is not looked
up: a term may come from it. Source: Verifiable Credentials Data Model v2.0, sections 4 and 5.
"""

import base64
import binascii
import re
from typing import NoReturn

from hansa.canonical_json import Json
from hansa.errors import Rejected
from hansa.vc.data_integrity import Document, optional_time
from hansa.vc.list_content import CONTEXT, CREDENTIAL_TYPE
from hansa.vc.multibase import decode_base58, decode_base64url

PRESENTATION_TYPE = "VerifiablePresentation"
ENVELOPED = "EnvelopedVerifiableCredential"
MEMBERS_MAX = 1_000
"""Entries of one list in a credential: a roll of subjects, not a database."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20\x7f<>\"{}|\\^`]+", re.ASCII)
"""An absolute URL (section 1.3): a scheme, and no character that RFC 3986 leaves out."""
_OWN_TYPES = frozenset({
    CREDENTIAL_TYPE, PRESENTATION_TYPE, ENVELOPED, "EnvelopedVerifiablePresentation",
    "BitstringStatusList", "BitstringStatusListCredential", "BitstringStatusListEntry",
    "DataIntegrityProof", "JsonSchema", "JsonSchemaCredential",
})  # fmt: skip
"""Types that the base context defines."""
_PROTECTED = _OWN_TYPES | {
    "id", "type", "credentialSubject", "credentialStatus", "credentialSchema", "issuer", "holder",
    "validFrom", "validUntil", "proof", "evidence", "termsOfUse", "refreshService",
    "relatedResource", "verifiableCredential", "name", "description", "digestMultibase",
    "digestSRI", "mediaType", "confidenceMethod", "renderMethod",
}  # fmt: skip
"""Terms of the base context, which it protects: nobody may give them another meaning."""
_LANGUAGE_VALUE = frozenset({"@value", "@language", "@direction"})
_TYPED = {
    "credentialStatus": False, "credentialSchema": True, "refreshService": False,
    "termsOfUse": False, "evidence": False, "confidenceMethod": False, "renderMethod": False,
    "proof": False,
}  # fmt: skip
"""Properties whose values have a type, and whether they need an id too (sections 4.5, 5.10)."""
_SRI = re.compile(r"sha(256|384|512)-([A-Za-z0-9+/]+={0,2})", re.ASCII)
_ENVELOPE = "data:application/vc+"
_DIGEST_CODES = {b"\x12\x20": 32, b"\x20\x30": 48, b"\x13\x40": 64}
"""SHA-256, SHA-384 and SHA-512 as multihash prefixes, and their lengths."""


def require_credential(document: Document) -> Document:
    """The document itself, when it has the shape of a verifiable credential, version 2.0.

    Raises:
        Rejected: ``vc.model`` with the property, or ``vc.time``.
    """
    terms = _contexts(document)
    _types(document.get("type"), "type", terms, CREDENTIAL_TYPE)
    _identifier(document, "")
    _issuer(document.get("issuer"))
    _labels(document, "")
    subjects = _objects(document.get("credentialSubject"), "credentialSubject")
    for subject in subjects:
        if not subject:
            _bad("credentialSubject", "says nothing of its subject")
        _identifier(subject, "credentialSubject.")
    _period(document)
    _typed(document, terms)
    if "relatedResource" in document:
        _related(document["relatedResource"])
    return document


def require_presentation(document: Document) -> Document:
    """The document itself, when it has the shape of a verifiable presentation.

    Its credentials need the shape of credentials; whether their proofs hold is asked of each
    by itself.

    Raises:
        Rejected: ``vc.model`` with the property, or ``vc.time``.
    """
    terms = _contexts(document)
    _types(document.get("type"), "type", terms, PRESENTATION_TYPE)
    _identifier(document, "")
    if "holder" in document:
        _named(document["holder"], "holder")
    _typed(document, terms)
    held = document.get("verifiableCredential", [])
    for one in _objects(held, "verifiableCredential") if held != [] else []:
        if one.get("type") == ENVELOPED or one.get("type") == [ENVELOPED]:
            name = one.get("id")
            if not isinstance(name, str) or not name.startswith(_ENVELOPE):
                _bad("verifiableCredential.id", f"an envelope begins with {_ENVELOPE}")
        else:
            require_credential(one)
    return document


def is_url(value: Json) -> bool:
    """Whether this is an absolute URL; a DID and a URN are some."""
    return isinstance(value, str) and _URL.fullmatch(value) is not None


def _contexts(document: Document) -> dict[str, Json] | None:
    """The terms that the contexts define here; None where a remote one may define any."""
    contexts = document.get("@context")
    if not isinstance(contexts, list) or not contexts or contexts[0] != CONTEXT:
        _bad("@context", f"a list that begins with {CONTEXT}")
    if len(contexts) > MEMBERS_MAX:
        _bad("@context", f"at most {MEMBERS_MAX} contexts")
    terms: dict[str, Json] = {}
    kept: dict[str, Json] = {}
    remote = False
    for context in contexts[1:]:
        if isinstance(context, dict):
            _no_other_meaning(context, kept)
            terms.update(context)
            if context.get("@protected") is True:
                kept.update({name: one for name, one in context.items() if name[:1] != "@"})
        elif is_url(context):
            remote = remote or context != CONTEXT
        else:
            _bad("@context", f"{str(context)[:64]!r} is neither a URL nor an object")
    return None if remote else terms


def _no_other_meaning(context: dict[str, Json], kept: dict[str, Json]) -> None:
    """Refuse a context that gives a protected term another meaning (JSON-LD 1.1, 4.1.11)."""
    for name, meaning in context.items():
        if name in _PROTECTED or (name in kept and kept[name] != meaning):
            _bad("@context", f"{name[:64]!r} has its meaning already")


def _types(value: Json, field: str, terms: dict[str, Json] | None, needed: str = "") -> None:
    """One or several terms or URLs, `needed` among them."""
    kinds = value if isinstance(value, list) else [value]
    if not kinds or len(kinds) > MEMBERS_MAX:
        _bad(field, "one type at least")
    for kind in kinds:
        if not isinstance(kind, str) or not kind:
            _bad(field, f"{str(kind)[:64]!r} is no type")
        if not (is_url(kind) or _is_term(kind, terms)):
            _bad(field, f"{kind[:64]!r} is neither a URL nor a term of the contexts")
    if needed and needed not in kinds:
        _bad(field, f"{needed} is among them")


def _is_term(kind: str, terms: dict[str, Json] | None) -> bool:
    """Whether a context gives a type a URL, as far as that can be told without a network."""
    if kind in _OWN_TYPES:
        return True
    if terms is None:
        return True
    meaning = terms.get(kind)
    if isinstance(meaning, dict):
        meaning = meaning.get("@id")
    if meaning is None:
        return kind not in terms and is_url(terms.get("@vocab"))
    return is_url(meaning)


def _identifier(holder: Document, where: str) -> None:
    if "id" in holder and not is_url(holder["id"]):
        _bad(f"{where}id", "one URL")


def _issuer(value: Json) -> None:
    if value is None:
        _bad("issuer", "a URL, or an object with one as its id")
    _named(value, "issuer")
    if isinstance(value, dict):
        _labels(value, "issuer.")


def _named(value: Json, field: str) -> None:
    if not is_url(value.get("id") if isinstance(value, dict) else value):
        _bad(field, "a URL, or an object with one as its id")


def _labels(holder: Document, where: str) -> None:
    """Names and descriptions are texts, or texts of a language (sections 4.6 and 11.1)."""
    for field in ("name", "description"):
        value = holder.get(field, "")
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                plain = isinstance(one.get("@value"), str) and set(one) <= _LANGUAGE_VALUE
                ends = one.get("@direction") in (None, "ltr", "rtl")
                if not plain or not ends or not isinstance(one.get("@language", ""), str):
                    _bad(f"{where}{field}", "@value, @language and @direction, nothing else")
            elif not isinstance(one, str):
                _bad(f"{where}{field}", "a text, or a text of a language")


def _period(document: Document) -> None:
    for field in ("validFrom", "validUntil"):
        if field in document and document[field] is None:
            _bad(field, "a time with a zone")
    begin, end = optional_time(document, "validFrom"), optional_time(document, "validUntil")
    if begin is not None and end is not None and begin > end:
        _bad("validUntil", "not before validFrom")


def _typed(document: Document, terms: dict[str, Json] | None) -> None:
    for field, named in _TYPED.items():
        if field not in document:
            continue
        for one in _objects(document[field], field):
            _types(one.get("type"), f"{field}.type", terms)
            if field == "proof":
                continue
            _identifier(one, f"{field}.")
            if named and "id" not in one:
                _bad(f"{field}.id", "one URL")


def _related(value: Json) -> None:
    """Resources by their digests, each once (section 5.3)."""
    seen: set[str] = set()
    for one in _objects(value, "relatedResource"):
        name = one.get("id")
        if not isinstance(name, str) or not is_url(name) or name in seen:
            _bad("relatedResource.id", "one URL, each once")
        seen.add(name)
        digests = [one[field] for field in ("digestSRI", "digestMultibase") if field in one]
        if not digests:
            _bad("relatedResource", "digestSRI or digestMultibase")
        if "digestSRI" in one and not _is_sri(one["digestSRI"]):
            _bad("relatedResource.digestSRI", "sha256-, sha384- or sha512- and the digest")
        if "digestMultibase" in one and not _is_multihash(one["digestMultibase"]):
            _bad("relatedResource.digestMultibase", "a multihash of SHA-2 in multibase")


def _is_sri(value: Json) -> bool:
    """Whether this is an integrity text; the digest in base64, or in hex as W3C's cases have it."""
    match = _SRI.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return False
    size = int(match[1]) // 8
    if len(match[2]) == 2 * size:
        return re.fullmatch(r"[0-9a-f]+", match[2]) is not None
    try:
        return len(base64.b64decode(match[2], validate=True)) == size
    except binascii.Error:
        return False


def _is_multihash(value: Json) -> bool:
    """Whether this is a SHA-2 multihash in base58btc (``z``) or base64url (``u``)."""
    if not isinstance(value, str):
        return False
    try:
        data = decode_base58(value) if value[:1] == "z" else decode_base64url(value, 128)
    except Rejected:
        return False
    return _DIGEST_CODES.get(data[:2]) == len(data) - 2


def _objects(value: Json, field: str) -> list[Document]:
    """One object or a list of them, none of which is anything else."""
    values = value if isinstance(value, list) else [value]
    if not values or len(values) > MEMBERS_MAX:
        _bad(field, f"1 to {MEMBERS_MAX} objects")
    found: list[Document] = []
    for one in values:
        if not isinstance(one, dict):
            _bad(field, "an object, or a list of objects")
        found.append(one)
    return found


def _bad(field: str, need: str) -> NoReturn:
    raise Rejected("vc.model", f"no credential or presentation: {field}: {need}")
