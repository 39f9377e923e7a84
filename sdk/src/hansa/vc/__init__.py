"""Verifiable credentials: names, proofs, status lists, the chain's part (docs/spec/vc.md)."""

from hansa.vc.bits import ENTRIES_MAX, ENTRIES_MIN, value_at
from hansa.vc.chain import (
    Accreditation,
    Logged,
    StatusList,
    Term,
    Tile,
    assemble,
    in_force,
    read_state,
    status_in,
)
from hansa.vc.check import Checks, Evidence, check_credential, credential_digest
from hansa.vc.data_integrity import Document, Secured, sign_document, verify_document
from hansa.vc.did_key import (
    agreement_key,
    did_key,
    parse_did_key,
    parse_verification_method,
    verification_method,
)
from hansa.vc.encoded_list import decode_list, encode_list
from hansa.vc.status_list import (
    Status,
    check_list,
    check_status,
    list_credential,
    says_the_same,
    status_entry,
)

__all__ = [
    "ENTRIES_MAX",
    "ENTRIES_MIN",
    "Accreditation",
    "Checks",
    "Document",
    "Evidence",
    "Logged",
    "Secured",
    "Status",
    "StatusList",
    "Term",
    "Tile",
    "agreement_key",
    "assemble",
    "check_credential",
    "check_list",
    "check_status",
    "credential_digest",
    "decode_list",
    "did_key",
    "encode_list",
    "in_force",
    "list_credential",
    "parse_did_key",
    "parse_verification_method",
    "read_state",
    "says_the_same",
    "sign_document",
    "status_entry",
    "status_in",
    "value_at",
    "verification_method",
    "verify_document",
]
