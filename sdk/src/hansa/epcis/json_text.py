"""JSON text to values without floats, and back (docs/spec/epcis.md, section 1).

The promise: no float is made, nothing depends on the machine, and hostile text (deep, huge
numbers, half characters, keys given twice) is refused with a reason instead of being guessed.
"""

import json
import re
from decimal import Decimal, InvalidOperation

import msgspec

from hansa.epcis.values import DIGITS_MAX, Json
from hansa.errors import Rejected

BRACKETS_MAX = 64
"""Levels of lists and maps in a document: EPCIS has at most 12 besides its extensions."""
_NUMBER_CHARACTERS_MAX = DIGITS_MAX + 10
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")
_ENCODER = msgspec.json.Encoder(decimal_format="number")


class Invalid(Rejected):
    """An event or document that breaks a rule; `pointer` (RFC 6901) says where."""

    def __init__(self, code: str, pointer: str, detail: str, hint: str = "") -> None:
        super().__init__(code, f"{detail} (at {pointer or 'the top'})", hint)
        self.pointer = pointer


def read_json(text: bytes, *, strict: bool) -> Json:
    """The values in JSON text.

    With `strict`, a key given twice is refused; otherwise the last one counts, as GS1's own
    examples need.

    Raises:
        Invalid: ``epcis.json``, ``epcis.depth``, ``epcis.number`` or ``epcis.twice``.
    """
    _require_shallow(text)
    try:
        characters = text.decode("utf-8")
        value: Json = (_STRICT if strict else _LAX).decode(characters)
    except ValueError as error:
        raise Invalid("epcis.json", "", f"no JSON text: {error}") from error
    if "\\u" in characters:
        _require_whole_characters(value)
    return value


def write_json(value: Json) -> bytes:
    """Compact JSON text; numbers keep the digits that they were read with."""
    return _ENCODER.encode(value)


def _require_shallow(text: bytes) -> None:
    """Refuse deep nesting before the parser's own stack has to."""
    if text.count(b"[") + text.count(b"{") <= BRACKETS_MAX:
        return
    depth = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub(b"", text)):
        depth += 1 if bracket in b"[{" else -1
        if depth > BRACKETS_MAX:
            raise Invalid("epcis.depth", "", f"nested deeper than {BRACKETS_MAX}")


def _require_whole_characters(value: Json) -> None:
    """Refuse halves of surrogate pairs and NUL, which only escapes can bring in."""
    try:
        encoded = _ENCODER.encode(value)
    except (UnicodeEncodeError, msgspec.MsgspecError, ValueError) as error:
        raise Invalid("epcis.json", "", "half of a surrogate pair is no character") from error
    if b"\\u0000" in encoded:
        raise Invalid("epcis.json", "", "NUL has no place in a text")


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text) if len(text) <= _NUMBER_CHARACTERS_MAX else None
    except InvalidOperation:  # an exponent beyond what decimals can hold
        number = None
    if number is None or not (number.is_zero() or -DIGITS_MAX <= number.adjusted() <= DIGITS_MAX):
        raise _too_long(text)
    return number


def _whole(text: str) -> int:
    if len(text) > DIGITS_MAX:
        raise _too_long(text)
    return int(text)


def _too_long(text: str) -> Invalid:
    return Invalid("epcis.number", "", f"{text[:20]}… is no quantity", "40 digits at most")


def _constant(text: str) -> Json:
    raise Invalid("epcis.number", "", f"{text} is no number in JSON")


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise Invalid("epcis.twice", "", f"the key {twice[:60]!r} is given twice")
    return members


_STRICT = json.JSONDecoder(
    parse_float=_decimal,
    parse_int=_whole,
    parse_constant=_constant,
    object_pairs_hook=_unique,
)
_LAX = json.JSONDecoder(parse_float=_decimal, parse_int=_whole, parse_constant=_constant)
"""Made once: `json.loads` with hooks would make one for each text."""
