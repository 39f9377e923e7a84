"""What a script's end means for the receipt (docs/spec/script.md, section 5).

The promise: codes of the closed set and typed fields, never an interpreter's text.
"""

from typing import Final

from hansa.encoding import Value, encode_value
from hansa.errors import Rejected
from ledger.contract import Refused
from ledger.scripts.limits import FIELDS_MAX, TEXT_MAX

CODES: Final = (
    "RULE", "AUTH", "CONSENT", "DUPLICATE", "EXISTS", "HELD", "MISSING", "SCHEMA", "STATE", "SUM",
    "TIME",
)  # fmt: skip
"""Codes with which a script may refuse; the others say what only the ledger can know."""
FIELDS: Final = ("action", "by", "field", "have", "id", "need", "since", "unit")
"""Names of the fields that it may give."""


def program_error(what: str) -> Refused:
    """The script is wrong: ``error`` is the interpreter's, anything else the meter's word."""
    return Refused("RULE", field="program", have=what)


def refusal_of(kind: str, fields: dict[str, Value]) -> Refused:
    """The refusal that a sandbox reports."""
    if kind == "LIMIT":
        return Refused("LIMIT", field=str(fields.get("field", "")))
    if kind != "refuse":
        return program_error(str(fields.get("have", ""))[:TEXT_MAX])
    reason, code, given = fields.get("reason"), fields.get("code"), fields.get("fields")
    if code not in CODES or not isinstance(code, str):
        return program_error("code")
    if not isinstance(reason, str) or not isinstance(given, dict):
        return program_error("reason")
    if any(name not in FIELDS for name in given) or not _is_small(given):
        return program_error("fields")
    return Refused(code, reason=reason[:TEXT_MAX], **given)


def _is_small(given: dict[str, Value]) -> bool:
    try:
        return len(given) <= FIELDS_MAX and len(encode_value(given)) <= FIELDS_MAX * TEXT_MAX
    except Rejected:
        return False
