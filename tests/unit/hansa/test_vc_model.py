"""Verifiable Credentials 2.0: what has the shape of a credential or a presentation."""

import copy

import pytest

from hansa.errors import Rejected
from hansa.signing import SigningKey
from hansa.vc.did_key import did_key
from hansa.vc.list_content import CONTEXT, OWN_TERMS
from hansa.vc.model import MEMBERS_MAX, require_credential, require_presentation

ISSUER = did_key(SigningKey(b"i" * 32).public)
MEANT = "https://a.example/#Licence"
CREDENTIAL = {
    "@context": [CONTEXT],
    "type": ["VerifiableCredential"],
    "issuer": ISSUER,
    "credentialSubject": {"id": "did:example:one"},
}
PRESENTATION = {
    "@context": [CONTEXT],
    "type": ["VerifiablePresentation"],
    "holder": ISSUER,
    "verifiableCredential": [CREDENTIAL],
}
ENVELOPE = {
    "@context": CONTEXT, "type": "EnvelopedVerifiableCredential",
    "id": "data:application/vc+jwt,eyJ.e30.c2ln",
}  # fmt: skip
RESOURCE = "https://a.example/r"
SRI = "sha384-" + "A" * 64
MULTIBASE = "uEiAjCHMnK5-ayOIZLWo_TBoKYVvSAprlkYEjRlm19Cj0uw"


def changed(base, changes):
    """A document with other values; a dot leads inside, None as a value takes a field away."""
    whole = copy.deepcopy(base)
    for path, value in changes.items():
        holder, *rest = whole, *path.split(".")
        for step in rest[:-1]:
            holder = holder[step]
        if value is None:
            del holder[rest[-1]]
        else:
            holder[rest[-1]] = value
    return whole


NULL = [None]
"""What stands for a null of JSON in the tables: see `nulls`."""


def nulls(document):
    return {name: None if value is NULL else value for name, value in document.items()}


def typed(field, value):
    return {field: value, "@context": [CONTEXT, {"Kind": MEANT}]}


GOOD = [
    {},
    {"@context": [CONTEXT, "https://a.example/context"]},
    {"@context": [CONTEXT, {"Licence": MEANT}], "type": ["Licence", "VerifiableCredential"]},
    {
        "@context": [CONTEXT, {"Licence": {"@id": MEANT}}],
        "type": ["VerifiableCredential", "Licence"],
    },
    {
        "@context": [CONTEXT, {"@vocab": "https://a.example/#"}],
        "type": ["VerifiableCredential", "L"],
    },
    {"@context": [CONTEXT, OWN_TERMS], "type": ["VerifiableCredential", "Licence"]},
    {"@context": [CONTEXT, {"@protected": True, "a": MEANT}, {"a": MEANT}]},
    {"type": "VerifiableCredential"},
    {"type": [MEANT, "VerifiableCredential", "urn:a:b"]},
    {"id": "urn:uuid:1"},
    {"id": "https://a.example/1"},
    {"id": "did:example:1?a=b#c"},
    {"issuer": {"id": ISSUER, "name": "Farm"}},
    {"credentialSubject": {"legalName": "Farm"}},
    {"credentialSubject": [{"id": "did:example:a"}, {"id": "did:example:b:c"}]},
    {"validFrom": "2023-02-26T00:36:23.123Z"},
    {"validUntil": "2999-02-26T00:36:23-08:00"},
    {"validFrom": "2023-01-01T00:00:00Z", "validUntil": "2023-01-01T08:00:00+08:00"},
    {"name": "Licence", "description": "To roast"},
    {"name": {"@value": "Lizenz", "@language": "de", "@direction": "ltr"}},
    {"description": [{"@value": "Dog", "@language": "en"}, {"@value": "Chien", "@language": "fr"}]},
    typed("credentialStatus", {"type": "Kind"}),
    typed("credentialStatus", [{"type": "Kind", "id": "did:example:s"}, {"type": MEANT}]),
    typed("credentialSchema", {"type": "JsonSchema", "id": RESOURCE}),
    typed("credentialSchema", [{"type": "Kind", "id": RESOURCE}]),
    typed("refreshService", {"type": "Kind"}),
    typed("refreshService", {"type": MEANT, "id": RESOURCE}),
    typed("termsOfUse", [{"type": "Kind", "id": RESOURCE}, {"type": "Kind"}]),
    typed("evidence", {"type": ["Kind", MEANT], "verifier": ISSUER}),
    typed("proof", {"type": "DataIntegrityProof"}),
    {"relatedResource": {"id": RESOURCE, "digestSRI": SRI, "mediaType": "application/json"}},
    {"relatedResource": [{"id": RESOURCE, "digestMultibase": MULTIBASE}]},
    {"relatedResource": [{"id": RESOURCE, "digestSRI": "sha256-" + "0a" * 32}]},
]


@pytest.mark.parametrize("changes", GOOD, ids=str)
def test_what_the_standard_allows_is_a_credential(changes):
    document = changed(CREDENTIAL, changes)

    assert require_credential(document) is document


BAD = [
    ({"@context": None}, "@context"),
    ({"@context": CONTEXT}, "@context"),
    ({"@context": []}, "@context"),
    ({"@context": [OWN_TERMS, CONTEXT]}, "@context"),
    ({"@context": ["https://www.w3.org/2018/credentials/v1"]}, "@context"),
    ({"@context": [CONTEXT, "https ://a.example"]}, "@context"),
    ({"@context": [CONTEXT, 5]}, "@context"),
    ({"@context": [CONTEXT, None]}, "@context"),
    ({"@context": [CONTEXT] * (MEMBERS_MAX + 1)}, "@context"),
    ({"@context": [CONTEXT, {"VerifiableCredential": MEANT}]}, "@context"),
    ({"@context": [CONTEXT, {"@protected": True, "a": MEANT}, {"a": "urn:x:y"}]}, "@context"),
    ({"type": None}, "type"),
    ({"type": []}, "type"),
    ({"type": [1]}, "type"),
    ({"type": ""}, "type"),
    ({"type": ["https://a.example/#T"]}, "type"),
    ({"type": ["VerifiablePresentation"]}, "type"),
    ({"type": ["VerifiableCredential", "Licence"]}, "type"),
    (
        {"type": ["VerifiableCredential", "Kind"], "@context": [CONTEXT, {"Kind": "https ://a#K"}]},
        "type",
    ),
    (
        {"type": ["VerifiableCredential", "Kind"], "@context": [CONTEXT, {"@vocab": NULL[0]}]},
        "type",
    ),
    ({"id": ["urn:a:1", "urn:a:2"]}, "id"),
    ({"id": "//a.example"}, "id"),
    ({"id": "no url"}, "id"),
    ({"id": NULL}, "id"),
    ({"id": "https://a.example/ b"}, "id"),
    ({"issuer": None}, "issuer"),
    ({"issuer": NULL}, "issuer"),
    ({"issuer": "//a/b"}, "issuer"),
    ({"issuer": {"name": "a"}}, "issuer"),
    ({"issuer": {"id": "a"}}, "issuer"),
    ({"issuer": [ISSUER]}, "issuer"),
    ({"issuer": {"id": ISSUER, "name": 1}}, "issuer.name"),
    ({"issuer": {"id": ISSUER, "description": {"@value": "a", "url": "b"}}}, "issuer.description"),
    ({"credentialSubject": None}, "credentialSubject"),
    ({"credentialSubject": []}, "credentialSubject"),
    ({"credentialSubject": {}}, "credentialSubject"),
    ({"credentialSubject": "a"}, "credentialSubject"),
    ({"credentialSubject": [{"a": 1}, {}]}, "credentialSubject"),
    ({"credentialSubject.id": ["did:a:b", "did:a:c"]}, "credentialSubject.id"),
    ({"name": {"@language": "en"}}, "name"),
    ({"name": {"@value": "a", "@direction": "up"}}, "name"),
    ({"name": {"@value": "a", "@language": 1}}, "name"),
    ({"description": [1]}, "description"),
    ({"validUntil": "2023-01-01T00:00:00Z", "validFrom": "2023-01-01T00:00:01Z"}, "validUntil"),
    ({"validFrom": NULL}, "validFrom"),
    (typed("credentialStatus", {"id": RESOURCE}), "credentialStatus.type"),
    (typed("credentialStatus", {"type": 2}), "credentialStatus.type"),
    (typed("credentialStatus", {"type": "Kind", "id": "not-a-url"}), "credentialStatus.id"),
    (
        typed("credentialStatus", {"type": "Kind", "id": [RESOURCE, "urn:a:b"]}),
        "credentialStatus.id",
    ),
    (typed("credentialStatus", {"type": "Unknown"}), "credentialStatus.type"),
    (typed("credentialSchema", {"type": "Kind"}), "credentialSchema.id"),
    (typed("credentialSchema", {"id": RESOURCE}), "credentialSchema.type"),
    (typed("refreshService", {"id": RESOURCE}), "refreshService.type"),
    (typed("refreshService", {"type": "Kind", "id": "//a"}), "refreshService.id"),
    (typed("termsOfUse", [{"type": "Kind"}, {}]), "termsOfUse.type"),
    (typed("evidence", ["a"]), "evidence"),
    (typed("evidence", {"a": 1}), "evidence.type"),
    (typed("proof", {"created": "2023-01-01T00:00:00Z"}), "proof.type"),
    ({"relatedResource": [RESOURCE]}, "relatedResource"),
    ({"relatedResource": {"digestSRI": SRI}}, "relatedResource.id"),
    ({"relatedResource": [{"id": RESOURCE, "digestSRI": SRI}] * 2}, "relatedResource.id"),
    ({"relatedResource": {"id": RESOURCE}}, "relatedResource"),
    (
        {"relatedResource": {"id": RESOURCE, "digestSRI": "sha256-AAAA"}},
        "relatedResource.digestSRI",
    ),
    ({"relatedResource": {"id": RESOURCE, "digestSRI": "sha256-A"}}, "relatedResource.digestSRI"),
    ({"relatedResource": {"id": RESOURCE, "digestSRI": "md5-AAAA"}}, "relatedResource.digestSRI"),
    (
        {"relatedResource": {"id": RESOURCE, "digestMultibase": 1}},
        "relatedResource.digestMultibase",
    ),
    (
        {"relatedResource": {"id": RESOURCE, "digestMultibase": "z?"}},
        "relatedResource.digestMultibase",
    ),
    (
        {"relatedResource": {"id": RESOURCE, "digestMultibase": "uAAAA"}},
        "relatedResource.digestMultibase",
    ),
]


@pytest.mark.parametrize(("changes", "field"), BAD, ids=str)
def test_what_the_standard_forbids_is_refused_with_the_property(changes, field):
    with pytest.raises(Rejected) as refusal:
        require_credential(nulls(changed(CREDENTIAL, changes)))

    assert refusal.value.code == "vc.model"
    assert f": {field}: " in refusal.value.detail


@pytest.mark.parametrize("field", ["validFrom", "validUntil"])
@pytest.mark.parametrize("time", ["2023-02-26", "2023-02-26T00:36:23", "soon", 5])
def test_a_period_is_of_times_with_a_zone(field, time):
    with pytest.raises(Rejected, match=r"vc\.time"):
        require_credential(changed(CREDENTIAL, {field: time}))


GOOD_PRESENTATIONS = [
    {}, {"holder": None}, {"holder": {"id": ISSUER}}, {"verifiableCredential": None},
    {"verifiableCredential": []}, {"verifiableCredential": CREDENTIAL}, {"id": "urn:uuid:1"},
    {"verifiableCredential": [CREDENTIAL, ENVELOPE]},
    {"@context": [CONTEXT, {"Kind": MEANT}], "type": ["VerifiablePresentation", "Kind"]},
]  # fmt: skip


@pytest.mark.parametrize("changes", GOOD_PRESENTATIONS, ids=str)
def test_what_the_standard_allows_is_a_presentation(changes):
    document = changed(PRESENTATION, changes)

    assert require_presentation(document) is document


BAD_PRESENTATIONS = [
    ({"@context": None}, "@context"), ({"@context": ["https://a.example"]}, "@context"),
    ({"type": None}, "type"), ({"type": ["VerifiableCredential"]}, "type"), ({"id": "a"}, "id"),
    ({"holder": {"id": "z6MkpJySvETLnxhQG9DzEdmKJtys"}}, "holder"), ({"holder": "a"}, "holder"),
    ({"verifiableCredential": "urn:a:b"}, "verifiableCredential"),
    ({"verifiableCredential": [CREDENTIAL, 5]}, "verifiableCredential"),
    ({"verifiableCredential": [changed(CREDENTIAL, {"issuer": None})]}, "issuer"),
    ({"verifiableCredential": ENVELOPE | {"id": RESOURCE}}, "verifiableCredential.id"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "field"), BAD_PRESENTATIONS, ids=str)
def test_what_is_no_presentation_is_refused_with_the_property(changes, field):
    with pytest.raises(Rejected) as refusal:
        require_presentation(changed(PRESENTATION, changes))

    assert refusal.value.code == "vc.model"
    assert f": {field}: " in refusal.value.detail
