"""Values of an event in their only spelling (CBV 2.0, section 8.9.2; docs/spec/epcis.md, 3).

The promise: two spellings that mean the same (URN, CURIE, bare word, Digital Link, time
zone, trailing zeros) give the same text, and no float is ever made on the way.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType

from hansa.errors import Rejected
from hansa.gs1 import from_digital_link, from_epc_uri

Json = None | bool | int | Decimal | str | list["Json"] | dict[str, "Json"]
"""What JSON text holds once it is parsed; numbers with a point or exponent are Decimal."""

DIGITS_MAX = 40
"""Digits of a number, and the reach of its exponent: no measurement has more."""
NESTED_MAX = 16
"""Levels of extension elements inside each other, as for transaction arguments."""

SPACE = " \t\r\n"
"""White space around values (XML Schema): other scripts' spaces depend on Unicode's version."""

CBV = "https://ref.gs1.org/cbv/"
VOCABULARIES = MappingProxyType(
    {
        "bizStep": CBV + "BizStep-",
        "disposition": CBV + "Disp-",
        "bizTransaction": CBV + "BTT-",
        "source": CBV + "SDT-",
        "destination": CBV + "SDT-",
        "component": CBV + "Comp-",
        "reason": CBV + "ER-",
        "measurement": "https://gs1.org/voc/",
        "exception": "https://gs1.org/voc/",
    }
)
"""What a bare word of the standard vocabulary stands for, by field."""
_URN_VOCABULARIES = {
    "bizstep": CBV + "BizStep-",
    "disp": CBV + "Disp-",
    "btt": CBV + "BTT-",
    "sdt": CBV + "SDT-",
    "er": CBV + "ER-",
}
_STANDARD_PREFIXES = MappingProxyType(
    {
        "gs1": "https://gs1.org/voc/",
        "cbv": CBV,
        "epcis": "https://ref.gs1.org/epcis/",
        "cbvmda": "urn:epcglobal:cbv:mda:",
        "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    }
)
"""Prefixes that the EPCIS context itself defines."""
_SCHEMES = frozenset({"http", "https", "urn", "ni", "geo", "mailto", "data"})
"""Words before a colon that name a scheme and can never be a prefix."""
_BARE = re.compile(r"[A-Za-z0-9_]+", re.ASCII)
_NUMERIC = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII
)
_USUAL_TIME = re.compile(r"(?!0000)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
"""The only spelling of a moment, as `time_text` writes it."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ZONE_MINUTES_MAX = 14 * 60
"""xsd:dateTimeStamp: no zone is further than 14 hours from UTC."""


class Names:
    """The prefixes of one document: what ``example:field`` means in it."""

    __slots__ = ("_prefixes", "_seen", "_times")

    def __init__(self, context: Json = None) -> None:
        """Read a JSON-LD context: a URL, a map, or a list of both.

        Remote contexts other than GS1's are not fetched; a prefix that nobody defines stays
        as it is written.
        """
        self._prefixes = _STANDARD_PREFIXES
        self._seen: dict[str, str] = {}
        self._times: dict[str, tuple[int, str]] = {}
        if not isinstance(context, str) and context is not None:
            self._prefixes = _prefixes(context)

    def key(self, key: str) -> str:
        """A field's name with its namespace in braces: ``{https://ns.example/}field``."""
        prefix, colon, local = key.partition(":")
        namespace = self._prefixes.get(prefix) if colon else None
        return key if namespace is None else f"{{{namespace}}}{local}"

    def text(self, text: str) -> str:
        """The canonical text of a string value."""
        seen = self._seen.get(text)
        if seen is None:
            seen = self._seen[text] = self._canonical(text.strip(SPACE))
        return seen

    def _canonical(self, text: str) -> str:  # noqa: PLR0911 - one way out for each kind of text
        if text.startswith("urn:"):
            return _urn(text)
        if text.startswith("http"):
            return from_digital_link(text) or text
        prefix, colon, local = text.partition(":")
        if colon:
            namespace = self._prefixes.get(prefix)
            if local.startswith("//"):  # a scheme has no case (RFC 3986, 3.1), a prefix has one
                return (prefix[:4].lower() == "http" and from_digital_link(text)) or text
            if namespace is None:
                return text
            expanded = namespace + local
            return _urn(expanded) if expanded.startswith("urn:") else expanded
        if text[:1] in "+-.0123456789" and _NUMERIC.fullmatch(text):
            return plain_number(text)
        return text

    def time(self, text: str) -> tuple[int, str]:
        """The milliseconds of a time, and their only spelling.

        Raises:
            Rejected: ``epcis.time``.
        """
        found = self._times.get(text)
        if found is None:
            usual = _usual_millis(text)
            if usual is None:
                millis = _parse_any_time(text)
                found = millis, time_text(millis)
            else:
                found = usual, text
            self._times[text] = found
        return found

    def word(self, text: str, field: str) -> str:
        """The canonical text of a value from the standard vocabulary of a field."""
        text = text.strip(SPACE)
        return VOCABULARIES[field] + text if _BARE.fullmatch(text) else self.text(text)

    def value(self, value: Json) -> str:
        """The canonical text of any simple value; empty for null."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int):
            return str(value)
        return "" if value is None else plain_number(str(value))


def _prefixes(context: Json) -> MappingProxyType[str, str]:
    found = dict(_STANDARD_PREFIXES)
    for part in context if isinstance(context, list) else [context]:
        if not isinstance(part, dict):
            continue
        for prefix, meaning in part.items():
            if isinstance(meaning, dict):
                meaning = meaning.get("@id")  # noqa: PLW2901 - the long form of the same
            if isinstance(meaning, str) and prefix not in _SCHEMES and prefix[:1] != "@":
                found[prefix] = meaning
    return MappingProxyType(found)


def _urn(text: str) -> str:
    """EPC URIs become Digital Links, CBV URNs web vocabulary; other URNs stay."""
    if text.startswith("urn:epc:"):
        return from_epc_uri(text) or text
    if text.startswith("urn:epcglobal:cbv:"):
        kind, colon, word = text[18:].partition(":")
        vocabulary = _URN_VOCABULARIES.get(kind) if colon else None
        return text if vocabulary is None else vocabulary + word
    return text


def plain_number(text: str) -> str:
    """A number without exponent, leading or trailing zeros; exact.

    A text whose number would not fit `DIGITS_MAX` digits comes back unchanged.
    """
    if text.isdigit():
        return text.lstrip("0") or "0"
    number = Decimal(text)
    if number.is_zero():
        return "0"
    if not -DIGITS_MAX <= number.adjusted() <= DIGITS_MAX:
        return text
    plain = format(number, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def parse_time(text: str) -> int:
    """Milliseconds since 1970 of an xsd:dateTimeStamp, the fourth decimal rounding half up.

    Raises:
        Rejected: ``epcis.time``.
    """
    usual = _usual_millis(text)
    return _parse_any_time(text) if usual is None else usual


def _usual_millis(text: str) -> int | None:
    """The milliseconds of a time in its only spelling; None for every other text."""
    if not _USUAL_TIME.fullmatch(text):
        return None
    try:
        apart = datetime.fromisoformat(text) - _EPOCH
    except ValueError:
        raise _bad_time(text) from None
    return (apart.days * 86_400 + apart.seconds) * 1_000 + apart.microseconds // 1_000


def _parse_any_time(text: str) -> int:
    match = _TIME.fullmatch(text.strip(SPACE))
    if match is None:
        raise _bad_time(text)
    year, month, day, hour, minute, second, fraction, sign, zone_hour, zone_minute = match.groups()
    try:
        moment = datetime(
            int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=UTC
        )
    except ValueError:
        raise _bad_time(text) from None
    apart = moment - _EPOCH
    millis = (apart.days * 86_400 + apart.seconds) * 1_000
    if fraction:
        millis += int(fraction[:3].ljust(3, "0")) + (fraction[3:4] >= "5")
    if sign:
        minutes = int(zone_hour) * 60 + int(zone_minute)
        if minutes > _ZONE_MINUTES_MAX or int(zone_minute) >= 60:  # noqa: PLR2004
            raise _bad_time(text)
        millis -= minutes * 60_000 if sign == "+" else -minutes * 60_000
    return millis


def time_text(millis: int) -> str:
    """The only spelling of a moment: UTC, milliseconds, ``Z``.

    Raises:
        Rejected: ``epcis.time`` outside of the years 1 to 9999.
    """
    try:
        moment = _EPOCH + timedelta(milliseconds=millis)
    except OverflowError:
        raise _bad_time(str(millis)) from None
    return moment.isoformat(timespec="milliseconds")[:-6] + "Z"


def _bad_time(text: str) -> Rejected:
    return Rejected(
        "epcis.time",
        f"{text[:40]!r} is no time with a zone",
        "write it like 2026-09-12T10:15:00+08:00",
    )
