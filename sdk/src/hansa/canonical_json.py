"""JSON with one spelling for one value: RFC 8785 (JCS), and a strict reader.

The only file of the SDK that knows floats: their text is that of ECMAScript
(RFC 8785, section 3.2.2.3). Everything signed, hashed or proven in JSON goes through
here. The reader refuses what two programs might read differently: doubled names,
lone surrogates, numbers beyond a double, other encodings than UTF-8.
"""

import json
import math
from collections.abc import Sequence
from typing import NoReturn

from hansa.errors import Rejected

Json = None | bool | int | float | str | Sequence["Json"] | dict[str, "Json"]

SAFE_INTEGER_MAX = 2**53 - 1
"""Whole numbers up to here are the same for every reader of JSON (RFC 7493, section 2.2)."""
DEPTH_MAX = 128
"""Nesting of a text: far more than documents have, far less than the stack allows."""
_POINT_MAX = 21
"""Digits before the point from which ECMAScript writes an exponent."""
_POINT_MIN = -6
"""Zeros after the point, negative, from which ECMAScript writes an exponent."""


def dumps(value: Json) -> bytes:
    """The canonical bytes of a value: UTF-8, no spaces, names in UTF-16 order.

    Raises:
        Rejected: ``json.value`` when the value has no canonical JSON.
    """
    try:
        return _text(value, DEPTH_MAX).encode("utf-8")
    except UnicodeEncodeError as error:
        raise Rejected("json.value", "a string holds half of a surrogate pair") from error


def loads(data: bytes) -> Json:
    """The value of a JSON text in any spelling. Whole numbers beyond 2^53 become doubles.

    Raises:
        Rejected: ``json.malformed`` or ``json.value``.
    """
    try:
        value: Json = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object,
            parse_int=_whole,
            parse_float=_double,
            parse_constant=_constant,
        )
    except (ValueError, RecursionError) as error:
        raise Rejected("json.malformed", f"no JSON text: {error}") from error
    dumps(value)
    return value


def loads_canonical(data: bytes) -> Json:
    """The value of a canonical JSON text.

    Raises:
        Rejected: ``json.malformed``, ``json.value``, or ``json.not-canonical`` for another
            spelling of a valid text.
    """
    value = loads(data)
    if dumps(value) != data:
        raise Rejected("json.not-canonical", "not the RFC 8785 spelling of its value")
    return value


def canonicalise(data: bytes) -> bytes:
    """The canonical spelling of a JSON text.

    Raises:
        Rejected: ``json.malformed`` or ``json.value``.
    """
    return dumps(loads(data))


def number_text(number: float) -> str:
    """A double as ECMAScript writes it (ECMA-262, Number::toString).

    Raises:
        Rejected: ``json.value`` when it is not finite.
    """
    if not math.isfinite(number):
        raise Rejected("json.value", f"{number} is no JSON number")
    if number == 0:
        return "0"
    sign = "-" if number < 0 else ""
    mantissa, _, exponent = repr(abs(number)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    return sign + _placed(digits.rstrip("0"), point)


def _placed(digits: str, point: int) -> str:
    """The digits with their point, which stands `point` digits from the left."""
    if len(digits) <= point <= _POINT_MAX:
        return digits + "0" * (point - len(digits))
    if 0 < point <= _POINT_MAX:
        return f"{digits[:point]}.{digits[point:]}"
    if _POINT_MIN < point <= 0:
        return f"0.{'0' * -point}{digits}"
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{fraction}e{point - 1:+d}"


def _text(value: Json, depth: int) -> str:
    if depth == 0:
        raise Rejected("json.value", f"nested deeper than {DEPTH_MAX}")
    if value is None or isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int):
        if abs(value) > SAFE_INTEGER_MAX:
            raise Rejected("json.value", f"{value} is beyond 2^53: write it as a string")
        return str(int(value))
    if isinstance(value, float):
        return number_text(value)
    if isinstance(value, list | tuple):
        return f"[{','.join(_text(item, depth - 1) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{','.join(_member(name, value[name], depth) for name in _ordered(value))}}}"
    raise Rejected("json.value", f"{type(value).__name__} has no JSON")


def _member(name: str, value: Json, depth: int) -> str:
    return f"{json.dumps(name, ensure_ascii=False)}:{_text(value, depth - 1)}"


def _ordered(value: dict[str, Json]) -> list[str]:
    """The names in the order of their UTF-16 code units (RFC 8785, section 3.2.3)."""
    if not all(isinstance(name, str) for name in value):
        raise Rejected("json.value", "the names of an object are strings")
    return sorted(value, key=lambda name: name.encode("utf-16-be"))


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return members


def _whole(text: str) -> int | float:
    number = int(text)
    return number if abs(number) <= SAFE_INTEGER_MAX else _double(text)


def _double(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is beyond a double")
    return number


def _constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")
