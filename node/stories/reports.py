"""Credentials of the stories: signed by an organisation's own signer, logged, and checked.

W3C Verifiable Credentials 2.0, eddsa-jcs-2022, Bitstring Status List 1.0 (docs/spec/vc.md).
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from hansa.encoding import encode_value
from hansa.keys import key_id
from hansa.signing import SigningKey
from hansa.vc.bits import ENTRIES_MIN
from hansa.vc.chain import (
    REVOCATION,
    Accreditation,
    Logged,
    S,
    StatusList,
    Tile,
    issuer_key,
    list_key,
    log_key,
    read_state,
)
from hansa.vc.check import Checks, Evidence, check_credential, credential_digest
from hansa.vc.data_integrity import Document, sign_document
from hansa.vc.did_key import did_key
from hansa.vc.list_content import CONTEXT, OWN_TERMS
from hansa.vc.status_list import list_credential, status_entry
from node.stories.cast import Organisation
from node.stories.stage import DAY_MS, Stage
from node.stories.wire import CallSpec


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who issues credentials of a type: its organisation, its signer's key, its status list."""

    organisation: Organisation
    kind: str
    key: SigningKey
    list_id: str


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential in its holder's hands, and the index of its status."""

    document: Document
    index: int

    @property
    def digest(self) -> bytes:
        """What stands on the chain of it."""
        return credential_digest(self.document)


def issuer(stage: Stage, organisation: Organisation, kind: str) -> Issuer:
    """An issuer with a status list of this story's own."""
    key = stage.enrol(organisation, "signer", "service")
    return Issuer(organisation, kind, key, f"{stage.of(organisation)}-{stage.tag}")


def open_list(one: Issuer) -> CallSpec:
    """The call that begins the issuer's status list."""
    args = {"list_id": one.list_id, "size": ENTRIES_MIN, "purpose": REVOCATION}
    return ("cred", "open_list", args)


def list_version(stage: Stage, one: Issuer) -> int:
    """The version of the issuer's status list."""
    found = _read(stage, StatusList, list_key(one.list_id))
    assert found is not None
    return found.version


def write(stage: Stage, one: Issuer, subject: Mapping[str, str | int]) -> Credential:
    """A signed credential about a subject, at an index by chance; its list is open."""
    index = secrets.randbelow(ENTRIES_MIN)
    status_list = _read(stage, StatusList, list_key(one.list_id))
    assert status_list is not None
    document: Document = {
        "@context": [CONTEXT, OWN_TERMS],
        "type": ["VerifiableCredential", one.kind],
        "issuer": did_key(one.key.public),
        "credentialSubject": dict(subject),
        "credentialStatus": status_entry(status_list, index, _url(one)),
    }
    return Credential(sign_document(document, one.key, stage.now), index)


def log(one: Issuer, credential: Credential, valid_until: int) -> CallSpec:
    """The call that puts a credential on record by its digest."""
    args = {
        "type": one.kind,
        "digest": credential.digest,
        "status_list": one.list_id,
        "index": credential.index,
        "valid_until": valid_until,
    }
    return ("cred", "log", args)


def check(stage: Stage, one: Issuer, credential: Credential) -> Checks:
    """What a verifier says of a credential, from the records and the issuer's list as they are."""
    status_list = _read(stage, StatusList, list_key(one.list_id))
    assert status_list is not None
    now, url, member = stage.now, _url(one), stage.of(one.organisation)
    listed = list_credential(
        status_list,
        _tiles(stage, one),
        public=one.key.public,
        url=url,
        valid_from=now,
        valid_until=now + DAY_MS,
    )
    owner = stage.state(f"org/key/{key_id(one.key.public)}")
    assert isinstance(owner, dict)
    known = Evidence(
        lists={url: sign_document(listed, one.key, now)},
        members={one.key.public: str(owner["member"])},
        logged=_read(stage, Logged, log_key(credential.digest)),
        accreditation=_read(stage, Accreditation, issuer_key(one.kind, member)),
    )
    return check_credential(credential.document, known, time=now)


def _tiles(stage: Stage, one: Issuer) -> dict[int, Tile]:
    """Every part of the issuer's list that somebody wrote, by its number."""
    prefix = "tile/" + one.list_id + "/"
    names = [key.removeprefix("cred/") for key in stage.wire.keys("cred/" + prefix)]
    found = {int(name.removeprefix(prefix), 16): _read(stage, Tile, name) for name in names}
    return {number: tile for number, tile in found.items() if tile is not None}


def _read(stage: Stage, kind: type[S], key: str) -> S | None:
    """A record of `cred` as a verifier reads it."""
    value = stage.state("cred/" + key)
    return None if value is None else read_state(kind, encode_value(value))


def _url(one: Issuer) -> str:
    return f"https://{one.organisation.name}.example/status/{one.list_id}"
