"""GS1 identifiers: one thing, one name (docs/spec/epcis.md, section 2).

The promise: every spelling of a GS1 key that CBV 2.0 knows (EPC URI, class URI, pattern
URI, GS1 Digital Link on any domain) becomes the same canonical Digital Link URI, so that
an item cannot have two records on the chain. What is no GS1 key stays as it was written.
"""

import operator
import re
from collections.abc import Callable
from urllib.parse import unquote, unquote_to_bytes

from hansa.errors import Rejected

DIGITAL_LINK = "https://id.gs1.org/"
"""What every canonical identifier begins with."""
PREFIX_DIGITS_MIN, PREFIX_DIGITS_MAX = 6, 12
"""Digits of a GS1 company prefix in EPC URIs (GS1 Tag Data Standard 2.0, section 7)."""
_MOST = {
    "00": 18, "01": 14, "253": 30, "255": 25, "401": 30, "402": 17, "414": 13, "417": 13,
    "8003": 30, "8004": 30, "8006": 18, "8010": 30, "8013": 25, "8017": 18, "8018": 18,
    "21": 20, "10": 20, "235": 28, "254": 20, "8011": 12,
}  # fmt: skip
"""Characters of a value at most (GS1 General Specifications, section 3): longer is no GS1 key."""

_SET_82 = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
_SET_32 = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Characters without those that are mistaken for each other: 0 1 I O."""
_PRIMES = (
    2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83,
)  # fmt: skip
"""Weights of a GMN's characters from the right."""
_TABLE_82 = re.compile(r"[!\"%&'()*+,\-./0-9:;<=>?A-Z_a-z#]+", re.ASCII)
"""The characters of GS1's set 82, and ``#`` of set 39."""
_PLAIN = re.compile(r"[0-9A-Za-z'\-.;=_]+", re.ASCII)
"""What stands in a canonical URI without percent signs (Digital Link 1.2, table 7-1)."""
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def check_digit(digits: str) -> str:
    """The GS1 check digit (modulo 10, weights 3 and 1 from the right) of ASCII digits."""
    data = digits.encode("ascii")
    odd, even = data[-1::-2], data[-2::-2]
    return str((48 * (3 * len(odd) + len(even)) - 3 * sum(odd) - sum(even)) % 10)


def check_characters(model: str) -> str:
    """The two check characters of a GMN (GS1 General Specifications, section 7.9.5).

    `model` is what stands before them, in GS1's set 82; "" for anything else.
    """
    values = [_SET_82.find(character) for character in model]
    if not values or len(values) > len(_PRIMES) or -1 in values:
        return ""
    total = sum(map(operator.mul, reversed(values), _PRIMES)) % 1021
    return _SET_32[total // 32] + _SET_32[total % 32]


def has_valid_check_digit(number: str) -> bool:
    """Whether the last of these ASCII digits is the check digit of those before it."""
    return len(number) > 1 and _is_number(number) and check_digit(number[:-1]) == number[-1]


def canonical(uri: str) -> str:
    """The canonical, constrained Digital Link of a GS1 key in any spelling.

    Anything else comes back unchanged (CBV 2.0, section 8.9, rules 17 and 18).
    """
    if uri.startswith("urn:epc:"):
        return from_epc_uri(uri) or uri
    if uri[:4].lower() == "http":
        return from_digital_link(uri) or uri
    return uri


# EPC URIs


def from_epc_uri(uri: str) -> str | None:
    """The canonical Digital Link of an EPC, class or pattern URI; None when it has none."""
    parts = uri.split(":", 4)
    if len(parts) != 5 or parts[:2] != ["urn", "epc"]:  # noqa: PLR2004 - urn:epc:form:scheme:body
        return None
    convert = _EPC_SCHEMES.get(f"{parts[2]}:{parts[3]}")
    path = convert(parts[4].split(".")) if convert else None
    return None if path is None or not _fits(path) else DIGITAL_LINK + path


def _fits(path: str) -> bool:
    """Whether key and qualifier are as short as their AIs want; an escape is one character."""
    parts = path.split("/")
    return all(
        len(value) - 2 * value.count("%") <= _MOST[ai]
        for ai, value in zip(parts[::2], parts[1::2], strict=True)
    )


def _number(prefix: str, reference: str, digits: int) -> str | None:
    """Company prefix and reference, when together they have so many digits."""
    joined = prefix + reference
    fits = (
        len(joined) == digits
        and PREFIX_DIGITS_MIN <= len(prefix) <= PREFIX_DIGITS_MAX
        and _is_number(joined)
    )
    return joined if fits else None


def _gtin(prefix: str, reference: str) -> str | None:
    """GTIN-14: the reference's first digit is the indicator."""
    if _number(prefix, reference, 13) is None or not reference:
        return None
    body = reference[0] + prefix + reference[1:]
    return body + check_digit(body)


def _checked(prefix: str, reference: str, digits: int) -> str | None:
    number = _number(prefix, reference, digits)
    return None if number is None else number + check_digit(number)


def _sgtin(ai: str, parts: list[str]) -> str | None:
    """GTIN with a serial number, a lot, or (pattern) nothing."""
    if len(parts) < 3 or (gtin := _gtin(parts[0], parts[1])) is None:  # noqa: PLR2004
        return None
    serial = _component(".".join(parts[2:]))
    return None if serial is None else f"01/{gtin}/{ai}/{serial}"


def _gtin_class(parts: list[str]) -> str | None:
    if len(parts) != 3 or parts[2] != "*" or (gtin := _gtin(parts[0], parts[1])) is None:  # noqa: PLR2004
        return None
    return f"01/{gtin}"


def _sscc(parts: list[str]) -> str | None:
    if len(parts) != 2 or not parts[1] or _number(parts[0], parts[1], 17) is None:  # noqa: PLR2004
        return None
    body = parts[1][0] + parts[0] + parts[1][1:]
    return f"00/{body}{check_digit(body)}"


def _sgln(parts: list[str]) -> str | None:
    if len(parts) < 3 or (gln := _checked(parts[0], parts[1], 12)) is None:  # noqa: PLR2004
        return None
    extension = _component(".".join(parts[2:]))
    if extension is None:
        return None
    return f"414/{gln}" if extension == "0" else f"414/{gln}/254/{extension}"


def _plain_number(ai: str, digits: int, parts: list[str]) -> str | None:
    """Keys that are one number with a check digit: PGLN, GSRN, GSRNP, GSIN."""
    if len(parts) != 2 or (number := _checked(parts[0], parts[1], digits)) is None:  # noqa: PLR2004
        return None
    return f"{ai}/{number}"


def _with_serial(ai: str, lead: str, parts: list[str]) -> str | None:
    """Keys that are a checked 13-digit number followed by a serial: GDTI, SGCN, GRAI."""
    if len(parts) < 3 or (number := _number(parts[0], parts[1], 12)) is None:  # noqa: PLR2004
        return None
    serial = _component(".".join(parts[2:]))
    if serial is None or (ai == "255" and not _is_number(serial)):
        return None
    return f"{ai}/{lead}{number}{check_digit(lead + number)}{serial}"


def _serial_class(ai: str, lead: str, parts: list[str]) -> str | None:
    if len(parts) != 3 or parts[2] != "*" or (n := _number(parts[0], parts[1], 12)) is None:  # noqa: PLR2004
        return None
    return f"{ai}/{lead}{n}{check_digit(lead + n)}"


def _reference(ai: str, parts: list[str]) -> str | None:
    """Keys that are prefix and free reference: GIAI, GINC."""
    prefix, reference = parts[0], _component(".".join(parts[1:]))
    if reference is None or not _is_prefix(prefix):
        return None
    return f"{ai}/{prefix}{reference}"


def _cpi(parts: list[str]) -> str | None:
    if len(parts) != 3 or not _is_prefix(parts[0]):  # noqa: PLR2004
        return None
    reference = _component(parts[1])
    if reference is None or not (parts[2] == "*" or _CPI_SERIAL.fullmatch(parts[2])):
        return None
    key = f"8010/{parts[0]}{reference}"
    return key if parts[2] == "*" else f"{key}/8011/{parts[2]}"


def _itip(parts: list[str]) -> str | None:
    if len(parts) < 5 or (gtin := _gtin(parts[0], parts[1])) is None:  # noqa: PLR2004
        return None
    piece, total, serial = parts[2], parts[3], ".".join(parts[4:])
    if not (_is_number(piece + total) and len(piece) == len(total) == 2):  # noqa: PLR2004
        return None
    key = f"8006/{gtin}{piece}{total}"
    if serial == "*":
        return key
    coded = _component(serial)
    return None if coded is None else f"{key}/21/{coded}"


def _is_prefix(text: str) -> bool:
    return PREFIX_DIGITS_MIN <= len(text) <= PREFIX_DIGITS_MAX and _is_number(text)


def _is_number(text: str) -> bool:
    """Whether this is ASCII digits: other scripts have digits too."""
    return text.isascii() and text.isdigit()


_EPC_SCHEMES: dict[str, Callable[[list[str]], str | None]] = {
    "id:sgtin": lambda parts: _sgtin("21", parts),
    "id:sscc": _sscc,
    "id:sgln": _sgln,
    "id:grai": lambda parts: _with_serial("8003", "0", parts),
    "id:giai": lambda parts: _reference("8004", parts),
    "id:gsrn": lambda parts: _plain_number("8018", 17, parts),
    "id:gsrnp": lambda parts: _plain_number("8017", 17, parts),
    "id:gdti": lambda parts: _with_serial("253", "", parts),
    "id:cpi": _cpi,
    "id:sgcn": lambda parts: _with_serial("255", "", parts),
    "id:ginc": lambda parts: _reference("401", parts),
    "id:gsin": lambda parts: _plain_number("402", 16, parts),
    "id:itip": _itip,
    "id:upui": lambda parts: _sgtin("235", parts),
    "id:pgln": lambda parts: _plain_number("417", 12, parts),
    "class:lgtin": lambda parts: _sgtin("10", parts),
    "idpat:sgtin": _gtin_class,
    "idpat:upui": _gtin_class,
    "idpat:grai": lambda parts: _serial_class("8003", "0", parts),
    "idpat:gdti": lambda parts: _serial_class("253", "", parts),
    "idpat:sgcn": lambda parts: _serial_class("255", "", parts),
    "idpat:cpi": _cpi,
    "idpat:itip": _itip,
}


def _component(text: str) -> str | None:
    """One path component in its only spelling; None when it is no GS1 component.

    Escapes of characters that need none are undone, missing ones are made, so that two
    spellings of one serial number never become two records.
    """
    if _PLAIN.fullmatch(text):
        return text
    if _BAD_ESCAPE.search(text):
        return None
    try:
        decoded = unquote_to_bytes(text).decode("ascii") if "%" in text else text
    except UnicodeDecodeError:
        return None
    if not _TABLE_82.fullmatch(decoded):
        return None
    return "".join(c if _PLAIN.fullmatch(c) else f"%{ord(c):02X}" for c in decoded)


# Digital Link URIs

_NAMES = {
    "gtin": "01", "itip": "8006", "cpid": "8010", "gln": "414", "party": "417",
    "gsrnp": "8017", "gsrn": "8018", "gcn": "255", "sscc": "00", "gdti": "253",
    "ginc": "401", "gsin": "402", "grai": "8003", "giai": "8004", "gmn": "8013",
}  # fmt: skip
_QUALIFIER_NAMES = {"cpv": "22", "lot": "10", "ser": "21", "cpsn": "8011", "glnx": "254"}
_KEYS = {
    "00": r"\d{18}", "01": r"\d{8}|\d{12,14}", "253": r"\d{13}.{0,51}", "255": r"\d{13,25}",
    "401": r".{4,90}", "402": r"\d{17}", "414": r"\d{13}", "417": r"\d{13}",
    "8003": r"\d{14}.{0,48}", "8004": r".{4,90}", "8006": r"\d{18}", "8010": r"\d{4}.{0,86}",
    "8013": r"\d{4}.{2,71}", "8017": r"\d{18}", "8018": r"\d{18}",
}  # fmt: skip
"""Primary keys and the form of their values, percent signs included."""
_KEY_FORMS = {ai: re.compile(form, re.ASCII) for ai, form in _KEYS.items()}
_FINEST = {
    "01": ("21", "235", "10"), "8006": ("21", "10"), "414": ("254",), "8010": ("8011",),
}  # fmt: skip
"""Qualifiers that name something narrower than the key, the narrowest first (rule 18)."""
_CPI_SERIAL = re.compile(r"(?!0\d)\d+", re.ASCII)
_LINK = re.compile(r"(?i:https?)://[^/?#]+/([^?#]+)", re.ASCII)
_HAS_KEY = re.compile(
    r"/(?:0[01]|25[35]|40[12]|41[47]|80(?:0[346]|1[0378])|"
    r"gtin|itip|cpid|gln|party|gsrnp?|gcn|sscc|gdti|ginc|gsin|grai|giai|gmn)/\d{4}",
    re.ASCII,
)


_USUAL = re.compile(
    r"https://id\.gs1\.org/(?:01/\d{14}(?:/(?:21|10|235)/[0-9A-Za-z'\-.;=_]{1,20})?"
    r"|00/\d{18}|41[47]/\d{13})",
    re.ASCII,
)
"""The commonest links that are canonical already."""


def from_digital_link(uri: str) -> str | None:
    """The canonical, constrained form of a Digital Link URI; None when it is none."""
    if _USUAL.fullmatch(uri):
        return uri
    if not _HAS_KEY.search(uri) or (link := _LINK.match(uri)) is None:
        return None
    parts = link[1].rstrip("/").split("/")
    for position in range(len(parts) - 1):
        ai = _NAMES.get(parts[position], parts[position])
        if ai in _KEYS and _is_number(parts[position + 1][:4]):
            path = _constrained(ai, parts[position + 1 :])
            return None if path is None or not _fits(path) else DIGITAL_LINK + path
    return None


def _constrained(ai: str, rest: list[str]) -> str | None:
    """Key and narrowest qualifier; `rest` is the key's value, then qualifiers and values."""
    value = _component(rest[0])
    if value is None or not _KEY_FORMS[ai].fullmatch(value) or len(rest) % 2 == 0:
        return None
    if ai == "01":
        value = value.rjust(14, "0")
    qualifiers = dict(zip(rest[1::2], rest[2::2], strict=True))
    named = {_QUALIFIER_NAMES.get(name, name): text for name, text in qualifiers.items()}
    for qualifier in _FINEST.get(ai, ()):
        if qualifier in named:
            narrow = _component(named[qualifier])
            if narrow is None or (qualifier == "8011" and not _CPI_SERIAL.fullmatch(narrow)):
                return None
            return f"{ai}/{value}/{qualifier}/{narrow}"
    return f"{ai}/{value}"


# Reading canonical identifiers


def short(identifier: str) -> str:
    """An identifier as state keys spell it: without ``https://id.gs1.org/``."""
    return identifier.removeprefix(DIGITAL_LINK)


def long(text: str) -> str:
    """The identifier that `short` made short."""
    ai = text.partition("/")[0]
    return DIGITAL_LINK + text if ai in _KEYS else text


def is_lot(identifier: str) -> bool:
    """Whether a canonical identifier names a lot: something with a quantity, not one thing."""
    return identifier.startswith(("https://id.gs1.org/01/", "https://id.gs1.org/8006/")) and (
        "/10/" in identifier
    )


def is_class(identifier: str) -> bool:
    """Whether a canonical identifier names a kind of things: a product, an asset type."""
    if not identifier.startswith(DIGITAL_LINK):
        return False
    ai, _, value = identifier[len(DIGITAL_LINK) :].partition("/")
    bare = _CLASS_DIGITS.get(ai)
    return bare is not None and len(value) == bare if ai != "8010" else "/" not in value


_CLASS_DIGITS = {"01": 14, "8006": 18, "8003": 14, "253": 13, "255": 13, "8010": 0}
_PREFIX_AT = {
    "01": 1, "00": 1, "8003": 1, "8006": 1, "253": 0, "255": 0, "401": 0, "402": 0,
    "414": 0, "417": 0, "8004": 0, "8010": 0, "8013": 0, "8017": 0, "8018": 0,
}  # fmt: skip
"""Where the company prefix begins in the value of each key."""
_DIGITS = re.compile(r"\d*", re.ASCII)
COMPANY_END = len(DIGITAL_LINK) + len("8010/") + 1 + PREFIX_DIGITS_MAX
"""Identifiers that are alike up to here have the same `company_digits`."""


def company_digits(identifier: str) -> str:
    """Up to 12 digits of a canonical identifier that begin with its company prefix.

    Empty for what is no GS1 key. A Digital Link does not say how long the prefix is; whoever
    needs it tries the lengths from `PREFIX_DIGITS_MAX` down to `PREFIX_DIGITS_MIN`.
    """
    if not identifier.startswith(DIGITAL_LINK):
        return ""
    ai, _, value = identifier[len(DIGITAL_LINK) :].partition("/")
    start = _PREFIX_AT.get(ai)
    if start is None:
        return ""
    run = _DIGITS.match(value, start)
    digits = run[0] if run else ""
    return digits[:PREFIX_DIGITS_MAX]


def gln_of(identifier: str) -> str:
    """The 13 digits of a party or place (``417`` or ``414``), or an empty string."""
    for head in ("https://id.gs1.org/417/", "https://id.gs1.org/414/"):
        if identifier.startswith(head):
            return identifier[len(head) : len(head) + 13]
    return ""


def require_check_digit(identifier: str) -> str:
    """The identifier itself, when the check digit of its number holds.

    Raises:
        Rejected: ``gs1.check-digit``.
    """
    ai, _, value = short(identifier).partition("/")
    if ai == "8013" and check_characters(unquote(value)[:-2]) != value[-2:]:
        raise Rejected("gs1.check-digit", f"{identifier}: the check characters are wrong")
    length = _CHECKED_DIGITS.get(ai)
    if length is not None and not has_valid_check_digit(value[:length]):
        raise Rejected(
            "gs1.check-digit",
            f"{identifier}: the check digit of {value[:length]} is wrong",
            f"it would be {check_digit(value[: length - 1])}",
        )
    return identifier


_CHECKED_DIGITS = {
    "00": 18, "01": 14, "253": 13, "255": 13, "402": 17, "414": 13, "417": 13,
    "8003": 14, "8006": 14, "8017": 18, "8018": 18,
}  # fmt: skip
