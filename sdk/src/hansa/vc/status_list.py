"""``BitstringStatusListCredential``: made from the chain's state, checked without a network.

The promise: a list says exactly what the state said; a check answers only when list, proof,
purpose, time and index all fit, and never takes the silence of a list for a good status.
Source: Bitstring Status List v1.0, sections 2 and 3; docs/spec/vc.md, sections 6 and 7.
"""

from dataclasses import dataclass

from hansa.canonical_json import Json
from hansa.errors import Rejected
from hansa.vc.bits import ENTRIES_MIN, STATUS_BITS, value_at
from hansa.vc.chain import StatusList, Tile, assemble
from hansa.vc.data_integrity import Document, Secured, optional_time, verify_document
from hansa.vc.did_key import did_key
from hansa.vc.encoded_list import decode_list
from hansa.vc.list_content import (
    CONTEXT,
    CREDENTIAL_TYPE,
    ENTRY_TYPE,
    LIST_CREDENTIAL,
    LIST_TYPE,
    list_credential,
    status_entry,
)

__all__ = [
    "CONTEXT", "CREDENTIAL_TYPE", "ENTRY_TYPE", "INDEX_DIGITS_MAX", "LIST_CREDENTIAL", "LIST_TYPE",
    "STATUSES_MAX", "Status", "check_issuer", "check_list", "check_period", "check_status",
    "has_type", "list_credential", "read_entry", "says_the_same", "status_entry",
]  # fmt: skip

INDEX_DIGITS_MAX = 16
"""Digits of an index: more than any list has, few enough to count."""
STATUSES_MAX = 16
"""Status entries of one credential."""


@dataclass(frozen=True, slots=True)
class Status:
    """What a list says of a credential (Bitstring Status List v1.0, section 3.2).

    Attributes:
        purpose: of the entry.
        value: 0 for neither revoked nor suspended; or the number of a message.
        valid: whether the value is 0, as the standard has it for every purpose.
        message: the issuer's word for the value, "" where there is none.
        as_of: ms since 1970: the beginning of the list's validity, None if it does not say.
    """

    purpose: str
    value: int
    valid: bool
    message: str
    as_of: int | None


def check_list(secured: Document, *, time: int) -> Secured:
    """A status list credential whose proof holds, by its own issuer, valid at `time` (ms).

    Raises:
        Rejected: what `data_integrity.verify_document` says; ``vc.type``, ``vc.issuer``,
            ``vc.time``.
    """
    checked = verify_document(secured)
    if not has_type(checked.document, LIST_CREDENTIAL):
        raise Rejected("vc.type", f"no {LIST_CREDENTIAL}")
    check_issuer(checked)
    check_period(checked, time)
    return checked


def check_status(entry: Json, checked: Secured) -> Status:
    """What a list, that `check_list` gave, says of a credential with this status entry.

    Raises:
        Rejected: ``vc.entry`` or ``vc.type`` (shape), ``vc.status`` (another list or
            purpose), ``vc.range`` (no such index), ``vc.list``, ``vc.list-short``.
    """
    purpose, index, size = read_entry(entry)
    assert isinstance(entry, dict)
    document = checked.document
    if entry["statusListCredential"] != document.get("id"):
        raise Rejected("vc.status", "the entry names another list")
    subject = document.get("credentialSubject")
    if not isinstance(subject, dict) or subject.get("type") != LIST_TYPE:
        raise Rejected("vc.type", f"the subject is no {LIST_TYPE}")
    purposes = subject.get("statusPurpose")
    if purpose not in (purposes if isinstance(purposes, list) else [purposes]):
        raise Rejected("vc.status", f"the list is not for {purpose[:32]!r}")
    if subject.get("statusSize", size) != size:
        raise Rejected("vc.status", f"the list does not have {size} bits a status")
    encoded = subject.get("encodedList")
    bits = decode_list(encoded if isinstance(encoded, str) else "")
    entries = len(bits) * 8 // size
    if entries < ENTRIES_MIN:
        raise Rejected("vc.list-short", f"{entries} entries, {ENTRIES_MIN} are needed")
    if index >= entries:
        raise Rejected("vc.range", f"index {index} of {entries} entries")
    value = value_at(bits, index, size)
    message = _message(entry.get("statusMessage"), value)
    return Status(purpose, value, value == 0, message, optional_time(document, "validFrom"))


def says_the_same(checked: Secured, status_list: StatusList, tiles: dict[int, Tile]) -> bool:
    """Whether a list credential says what a (proven) state says, bit by bit.

    Raises:
        Rejected: ``vc.state``, ``vc.list``, ``vc.list-short``, ``vc.multibase``.
    """
    subject = checked.document.get("credentialSubject")
    if not isinstance(subject, dict) or subject.get("statusPurpose") != status_list.purpose:
        return False
    encoded = subject.get("encodedList")
    bits = decode_list(encoded if isinstance(encoded, str) else "")
    return bits == assemble(status_list, tiles)


def read_entry(entry: Json) -> tuple[str, int, int]:
    """Purpose, index and bits of a ``credentialStatus`` entry.

    Raises:
        Rejected: ``vc.entry``.
    """
    if not isinstance(entry, dict) or entry.get("type") != ENTRY_TYPE:
        raise Rejected("vc.entry", f"no {ENTRY_TYPE}")
    purpose, index = entry.get("statusPurpose"), entry.get("statusListIndex")
    size, url = entry.get("statusSize", 1), entry.get("statusListCredential")
    if not isinstance(purpose, str) or not isinstance(url, str):
        raise Rejected("vc.entry", "statusPurpose and statusListCredential are texts")
    if not isinstance(index, str) or not _is_index(index):
        raise Rejected("vc.entry", f"statusListIndex {str(index)[:32]!r} is no number as text")
    if type(size) is not int or size not in STATUS_BITS:
        raise Rejected("vc.entry", f"statusSize {str(size)[:32]!r} is none of {STATUS_BITS}")
    messages = entry.get("statusMessage")
    if (size > 1 or messages is not None) and (
        not isinstance(messages, list) or len(messages) != 1 << size
    ):
        raise Rejected("vc.entry", f"statusMessage needs {1 << size} messages")
    return purpose, int(index), size


def check_issuer(checked: Secured) -> None:
    """Refuse a credential that another key has signed than its issuer's.

    Raises:
        Rejected: ``vc.issuer``.
    """
    issuer = checked.document.get("issuer")
    name = issuer.get("id") if isinstance(issuer, dict) else issuer
    if name != did_key(checked.public):
        raise Rejected("vc.issuer", f"{str(name)[:64]!r} did not sign, {checked.method[:64]} did")


def check_period(checked: Secured, time: int) -> None:
    """Refuse a credential that is not valid yet, or no more, at `time` (ms).

    Raises:
        Rejected: ``vc.time``.
    """
    begin = optional_time(checked.document, "validFrom")
    end = optional_time(checked.document, "validUntil")
    if begin is not None and time < begin:
        raise Rejected("vc.time", f"valid from {begin}, it is {time}")
    for last in (end, checked.expires):
        if last is not None and time > last:
            raise Rejected("vc.time", f"valid until {last}, it is {time}")


def has_type(document: Document, name: str) -> bool:
    """Whether ``type`` is or holds a name."""
    kinds = document.get("type")
    return name in kinds if isinstance(kinds, list) else kinds == name


def _message(messages: Json, value: int) -> str:
    """The message of a value, "" where the entry has none."""
    if not isinstance(messages, list):
        return ""
    for item in messages:
        if isinstance(item, dict) and item.get("status") == f"{value:#x}":
            return str(item.get("message", ""))
    return ""


def _is_index(text: str) -> bool:
    plain = text.isascii() and text.isdigit() and len(text) <= INDEX_DIGITS_MAX
    return plain and str(int(text)) == text
