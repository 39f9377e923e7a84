"""A list of the chain's state, its credential, and a credential that points into it."""

from hansa.signing import SigningKey
from hansa.vc.bits import ENTRIES_MIN, TILE_ENTRIES, tile_bytes, with_value
from hansa.vc.chain import Accreditation, Logged, StatusList, Term, Tile
from hansa.vc.check import Evidence, credential_digest
from hansa.vc.data_integrity import sign_document
from hansa.vc.did_key import did_key
from hansa.vc.status_list import list_credential, status_entry

KEY, OTHER = SigningKey(b"k" * 32), SigningKey(b"o" * 32)
NOW, HOUR = 1_700_000_000_000, 3_600_000
URL = "https://chain.example/status/r"
MESSAGES = ("filed", "checked", "sent", "done")


def listed(purpose="revocation", **changes):
    """A list record as the state has it."""
    more = {"bits": 2, "messages": MESSAGES} if purpose == "message" else {}
    fields = {"id": "r", "version": 2, "controller": "farm", "purpose": purpose}
    times = {"opened": NOW - HOUR, "updated": NOW, "size": ENTRIES_MIN}
    return StatusList(**(fields | times | more | changes))


def tiles(values, bits=1):
    """Tiles by number in which these indexes have these values."""
    made = {}
    for index, value in values.items():
        number, place = divmod(index, TILE_ENTRIES)
        known = made.get(number, bytes(tile_bytes(bits)))
        made[number] = with_value(known, place, bits, value)
    return {number: Tile(b"\xff" * tile_bytes(1), bytes_) for number, bytes_ in made.items()}


def published(values, purpose="revocation", key=KEY, **changes):
    """The signed credential of a list in which these indexes have these values."""
    record = listed(purpose)
    options = {"public": key.public, "url": URL, "valid_from": NOW, "valid_until": NOW + HOUR}
    document = list_credential(record, tiles(values, record.bits), **(options | changes))
    return sign_document(document, key, NOW)


def credential(index=5, purpose="revocation", key=KEY, **changes):
    """A signed credential at an index."""
    document = {
        "@context": [
            "https://www.w3.org/ns/credentials/v2",
            "https://www.w3.org/ns/credentials/undefined-terms/v2",
        ],
        "type": ["VerifiableCredential", "Licence"],
        "issuer": did_key(key.public),
        "validFrom": "2023-01-01T00:00:00Z",
        "credentialSubject": {"licence": "roast"},
        "credentialStatus": status_entry(listed(purpose), index, URL),
    }
    whole = {name: value for name, value in (document | changes).items() if value is not None}
    return sign_document(whole, key, NOW - HOUR)


def evidence(secured, values=None, **changes):
    """What a verifier holds when all is well."""
    fields = {
        "lists": {URL: published(values or {})},
        "members": {KEY.public: "farm"},
        "logged": logged(secured),
        "accreditation": accreditation(),
    }
    return Evidence(**(fields | changes))


def logged(secured, **changes):
    """The record of a credential on the chain."""
    fields = {
        "id": credential_digest(secured).hex(),
        "controller": "farm",
        "history": ((9, 0),),
        "logged_at": NOW - HOUR,
        "type": "Licence",
        "places": (("r", 5),),
    }
    return Logged(**(fields | changes))


def accreditation(**changes):
    """`farm` is accredited for licences from height 3 on."""
    fields = {"id": "Licence/farm", "version": 1, "controller": "farm"}
    return Accreditation(**(fields | {"terms": (Term(b"", 3, 0),)} | changes))
