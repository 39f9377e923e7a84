"""Bodies and arguments against their fields (docs/spec/profile.md, section 2).

The promise: nothing is stored that the profile does not name, of another type or out of its
bounds; a field that rules compute is never given by anyone.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hansa.encoding import INT_MAX, INT_MIN, Value, encode_value
from hansa.errors import Rejected
from hansa.gs1 import has_valid_check_digit
from ledger.contract import Refused
from ledger.machine.guards import unique_texts
from ledger.machine.schema import (
    DIGEST,
    DIGESTS,
    FLAG,
    GLN,
    GTIN,
    INT,
    INTS,
    ITEMS_DEFAULT,
    MEMBER,
    RECORD,
    SSCC,
    TEXT_DEFAULT,
    TEXTS,
    TIME,
    Field,
)

if TYPE_CHECKING:
    from ledger.machine.profile import Profile

BODY_BYTES_MAX = 32 * 1024
"""Canonical bytes of a body: a quarter of a state value, the rest is the record's own."""
_SHAPES = {
    DIGEST: re.compile(r"[0-9a-f]{64}"),
    GLN: re.compile(r"[0-9]{13}"),
    GTIN: re.compile(r"[0-9]{14}"),
    MEMBER: re.compile(r"[a-z0-9][a-z0-9.-]{0,63}"),
    RECORD: re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}"),
    SSCC: re.compile(r"[0-9]{18}"),
}
"""Forms of texts; numbers of GS1 have a check digit as well."""


@dataclass(frozen=True, slots=True)
class UniqueValue:
    """A value that a record takes of a unique key; `reusable` after its end."""

    name: str
    value: str
    reusable: bool


def check_body(profile: "Profile", body: Mapping[str, Value]) -> dict[str, Value]:
    """The body to store for a new record: what was given and what computed fields start with.

    Raises:
        Refused: ``SCHEMA`` with the JSON pointer, ``LIMIT`` for a body that is too large.
    """
    given = {name: field for name, field in profile.fields.items() if not field.computed}
    checked = check_fields(given, body, "/body")
    for name, field in profile.fields.items():
        if field.computed and field.start is not None:
            checked[name] = field.start
    check_size(checked)
    return {name: checked[name] for name in sorted(checked)}


def check_size(body: Mapping[str, Value]) -> None:
    """Refuse a body that is too large.

    Raises:
        Refused: ``LIMIT``, or ``SCHEMA`` for what no value may hold.
    """
    try:
        size = len(encode_value(dict(body)))
    except (Rejected, UnicodeError):
        raise Refused("SCHEMA", field="/body") from None
    if size > BODY_BYTES_MAX:
        raise Refused("LIMIT", field="/body", have=size, need=BODY_BYTES_MAX)


def check_fields(
    fields: Mapping[str, Field], given: Mapping[str, Value], pointer: str
) -> dict[str, Value]:
    """What was given, when it fits the fields.

    Raises:
        Refused: ``SCHEMA`` with the JSON pointer.
    """
    for name in given:
        if name not in fields:
            raise Refused(
                "SCHEMA", field=f"{pointer}/{name}"[:TEXT_DEFAULT], need=[*sorted(fields)]
            )
    checked: dict[str, Value] = {}
    for name, field in fields.items():
        value = given.get(name)
        if value is not None:
            check_field(field, value, f"{pointer}/{name}")
            checked[name] = value
        elif not field.optional:
            raise Refused("SCHEMA", field=f"{pointer}/{name}", need=field.type)
    return checked


def check_field(field: Field, value: Value, pointer: str) -> None:
    """Refuse a value that a field may not hold.

    Raises:
        Refused: ``SCHEMA`` with the JSON pointer, and what is needed.
    """
    if field.type in (INT, TIME):
        if type(value) is not int:
            raise Refused("SCHEMA", field=pointer, need=field.type)
        _check_bounds(field, value, pointer, *number_bounds(field))
    elif field.type == FLAG:
        if type(value) is not bool:
            raise Refused("SCHEMA", field=pointer, need=FLAG)
    elif field.type in (INTS, TEXTS, DIGESTS):
        _check_list(field, value, pointer)
    else:
        _check_text(field, value, pointer)


def number_bounds(field: Field) -> tuple[int, int]:
    """The least and the most that a number may be; a time is not before 1970."""
    least = field.least if field.least is not None else (0 if field.type == TIME else INT_MIN)
    return least, INT_MAX if field.most is None else field.most


def length_bounds(field: Field) -> tuple[int, int]:
    """The least and the most characters of a text, or elements of a list."""
    plural = field.type in (INTS, TEXTS, DIGESTS)
    most = ITEMS_DEFAULT if plural else TEXT_DEFAULT
    return field.least or 0, most if field.most is None else field.most


def _check_bounds(field: Field, have: int, pointer: str, least: int, most: int) -> None:
    if not least <= have <= most:
        raise Refused("SCHEMA", field=pointer, have=have, need=[least, most], type=field.type)


def _check_text(field: Field, value: Value, pointer: str) -> None:
    if not isinstance(value, str):
        raise Refused("SCHEMA", field=pointer, need=field.type)
    shape = _SHAPES.get(field.type)
    if shape is not None:
        numbered = field.type in (GLN, GTIN, SSCC)
        if shape.fullmatch(value) is None or (numbered and not has_valid_check_digit(value)):
            raise Refused("SCHEMA", field=pointer, have=value[:TEXT_DEFAULT], need=field.type)
        return
    _check_bounds(field, len(value), pointer, *length_bounds(field))
    if field.choices and value not in field.choices:
        raise Refused("SCHEMA", field=pointer, have=value, need=list(field.choices))


def _check_list(field: Field, value: Value, pointer: str) -> None:
    if not isinstance(value, list):
        raise Refused("SCHEMA", field=pointer, need=field.type)
    _check_bounds(field, len(value), pointer, *length_bounds(field))
    for number, one in enumerate(value):
        here = f"{pointer}/{number}"
        if field.type == INTS:
            if type(one) is not int or not INT_MIN <= one <= INT_MAX:
                raise Refused("SCHEMA", field=here, need=INT)
        elif not isinstance(one, str) or not 0 < len(one) <= TEXT_DEFAULT:
            raise Refused("SCHEMA", field=here, need=TEXT_DEFAULT)
        elif field.type == DIGESTS and _SHAPES[DIGEST].fullmatch(one) is None:
            raise Refused("SCHEMA", field=here, need=DIGEST)
        elif field.choices and one not in field.choices:
            raise Refused("SCHEMA", field=here, have=one, need=list(field.choices))


def parties_of(
    profile: "Profile", body: Mapping[str, Value], controller: str, holder: str
) -> dict[str, str]:
    """Role to member: controller, holder, and every member that the body names."""
    parties = {"controller": controller, "holder": holder}
    for name, field in profile.fields.items():
        value = body.get(name)
        if field.type == MEMBER and isinstance(value, str):
            parties[name] = value
    return parties


def unique_values(profile: "Profile", body: Mapping[str, Value]) -> tuple[UniqueValue, ...]:
    """The values of unique keys that a body takes, in order of the keys' names."""
    return tuple(
        UniqueValue(name, text, profile.unique[name].reusable)
        for name in sorted(profile.unique)
        for text in unique_texts(body.get(profile.unique[name].field))
    )
