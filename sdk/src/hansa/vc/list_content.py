"""What a status list's credential says, before anyone signs it (docs/spec/vc.md, section 6).

The promise: it says exactly what the state said. No key and no chance here, so that a node can
answer with it; whoever signs it (`data_integrity.sign_document`) answers for it.
Source: Bitstring Status List v1.0, sections 2 and 3.
"""

from hansa.canonical_json import Json
from hansa.epcis.values import time_text
from hansa.errors import Rejected
from hansa.vc.chain import MESSAGE, StatusList, Tile, assemble
from hansa.vc.did_key import did_key
from hansa.vc.encoded_list import encode_list

CONTEXT = "https://www.w3.org/ns/credentials/v2"
OWN_TERMS = "https://www.w3.org/ns/credentials/undefined-terms/v2"
"""W3C's context for types and claims that no other one defines."""
CREDENTIAL_TYPE, LIST_CREDENTIAL = "VerifiableCredential", "BitstringStatusListCredential"
LIST_TYPE, ENTRY_TYPE = "BitstringStatusList", "BitstringStatusListEntry"

Document = dict[str, Json]


def list_credential(  # noqa: PLR0913 - what the credential says
    status_list: StatusList,
    tiles: dict[int, Tile],
    *,
    url: str,
    public: bytes,
    valid_from: int,
    valid_until: int,
) -> Document:
    """The unsigned credential of a list as the state had it at `valid_from` (ms).

    `url` is where credentials say the list is; `public` the key that will sign
    (`data_integrity.sign_document`); `tiles` those of the state, by number.

    Raises:
        Rejected: ``vc.state`` or ``vc.time`` (an empty time of validity).
    """
    if valid_until <= valid_from:
        raise Rejected("vc.time", f"valid until {valid_until}, from {valid_from}")
    subject: Document = {
        "id": url + "#list",
        "type": LIST_TYPE,
        "statusPurpose": status_list.purpose,
        "encodedList": encode_list(assemble(status_list, tiles)),
    }
    if status_list.purpose == MESSAGE:
        subject["statusSize"] = status_list.bits
        subject["statusMessages"] = _messages(status_list)
    return {
        "@context": [CONTEXT],
        "id": url,
        "type": [CREDENTIAL_TYPE, LIST_CREDENTIAL],
        "issuer": did_key(public),
        "validFrom": time_text(valid_from),
        "validUntil": time_text(valid_until),
        "credentialSubject": subject,
    }


def status_entry(status_list: StatusList, index: int, url: str) -> Document:
    """The ``credentialStatus`` of a credential at an index of a list."""
    entry: Document = {
        "id": f"{url}#{index}",
        "type": ENTRY_TYPE,
        "statusPurpose": status_list.purpose,
        "statusListIndex": str(index),
        "statusListCredential": url,
    }
    if status_list.purpose == MESSAGE:
        entry["statusSize"] = status_list.bits
        entry["statusMessage"] = _messages(status_list)
    return entry


def _messages(status_list: StatusList) -> list[Json]:
    return [
        {"message": message, "status": f"{value:#x}"}
        for value, message in enumerate(status_list.messages)
    ]
