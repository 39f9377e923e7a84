"""The text that a CBV 2.0 event hash is taken over (docs/spec/epcis.md, section 4).

The promise: the text depends on what the event says, not on how its JSON is spelled.
Published vectors decide where they and the prose of the standard differ.
"""

from collections.abc import Callable
from hashlib import sha256

from hansa.epcis.values import NESTED_MAX, SPACE, Json, Names
from hansa.errors import Rejected

Object = dict[str, Json]

ID_HEAD, ID_TAIL = "ni:///sha-256;", "?ver=CBV2.0"
_TYPED_LISTS = {
    "bizTransactionList": "bizTransaction",
    "destinationList": "destination",
    "sourceList": "source",
}
_IGNORED = frozenset({"type", "recordTime", "eventID", "errorDeclaration", "ilmd"})
_COMMENTS = frozenset({"rdfs:comment", "comment"})
_METADATA = (
    "time", "startTime", "endTime", "deviceID", "deviceMetadata", "rawData",
    "dataProcessingMethod", "bizRules",
)  # fmt: skip
_REPORT = (
    "type", "exception", "deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "time",
    "microorganism", "chemicalSubstance", "value", "component", "stringValue", "booleanValue",
    "hexBinaryValue", "uriValue", "minValue", "maxValue", "meanValue", "sDev", "percRank",
    "percValue", "uom", "coordinateReferenceSystem",
)  # fmt: skip
_TIMES = frozenset({"time", "startTime", "endTime"})
_REPORT_WORDS = {"type": "measurement", "exception": "exception", "component": "component"}
_METADATA_SET, _REPORT_SET = frozenset(_METADATA), frozenset(_REPORT)
_SENSOR_SET = frozenset({"sensorMetadata", "sensorReport"})
_PLACE_SET = frozenset({"id"})
_QUANTITY_SET = frozenset({"epcClass", "quantity", "uom"})


def prehash(event: Object, names: Names, ignore: frozenset[str] = frozenset()) -> str:
    """The pre-hash text of a well-formed event.

    `ignore` holds names of top-level fields, as written, that a repository added and that
    therefore say nothing about what happened.

    Raises:
        Rejected: ``epcis.time`` or ``epcis.depth``.
    """
    parts = [
        "eventType=", _text(event["type"]),
        "eventTime=", names.time(_text(event["eventTime"]))[1],
        "eventTimeZoneOffset=", _text(event["eventTimeZoneOffset"]).strip(SPACE),
    ]  # fmt: skip
    for field, form in _FORMS.items():
        value = event.get(field)
        if value:
            parts.append(form(field, value, names))
    ilmd = event.get("ilmd")
    if isinstance(ilmd, dict) and ilmd:
        parts.append("ilmd" + _extensions(ilmd, names, frozenset()))
    known = _STANDARD | ignore if ignore else _STANDARD
    if not known.issuperset(event):
        parts.append(_extensions(event, names, known))
    return "".join(parts)


def event_hash(text: str) -> bytes:
    """SHA-256 of a pre-hash text: 32 bytes."""
    return sha256(text.encode()).digest()


def event_id(digest: bytes) -> str:
    """The event's id: ``ni:///sha-256;{hex}?ver=CBV2.0``."""
    return f"{ID_HEAD}{digest.hex()}{ID_TAIL}"


def parse_event_id(text: str) -> bytes:
    """The 32 bytes in an event's id; bare hex digits are taken too.

    Raises:
        Rejected: ``epcis.event-id``.
    """
    digits = text.removeprefix(ID_HEAD).removesuffix(ID_TAIL)
    try:
        digest = bytes.fromhex(digits)
    except ValueError:
        digest = b""
    if len(digest) != 32 or len(digits) != 64 or digits != digits.lower():  # noqa: PLR2004
        raise Rejected(
            "epcis.event-id", f"{text[:120]!r} is no event id", f"write {ID_HEAD}…{ID_TAIL}"
        )
    return digest


def _text(value: Json) -> str:
    assert isinstance(value, str)
    return value


def _list(value: Json) -> list[Json]:
    """A list; a value that stands alone is a list of one (JSON-LD sets)."""
    return value if isinstance(value, list) else [value]


def _plain(field: str, value: Json, names: Names) -> str:
    """A field with its value, or one after the other with each of its values."""
    if isinstance(value, list):
        return "".join(sorted([f"{field}={names.value(item)}" for item in value]))
    return f"{field}={names.value(value)}"


def _epcs(field: str, value: Json, names: Names) -> str:
    return field + "".join(sorted(["epc=" + names.value(epc) for epc in _list(value)]))


def _quantities(field: str, value: Json, names: Names) -> str:
    return field + "".join(sorted([_quantity(element, names) for element in _list(value)]))


def _typed_list(field: str, value: Json, names: Names) -> str:
    kind = _TYPED_LISTS[field]
    return field + "".join(sorted([_typed(element, kind, names) for element in _list(value)]))


def _word(field: str, value: Json, names: Names) -> str:
    return f"{field}={names.word(_text(value), field)}"


def _sensors(field: str, value: Json, names: Names) -> str:
    return field + "".join(sorted([_sensor(element, names) for element in _list(value)]))


def _quantity(element: Json, names: Names) -> str:
    assert isinstance(element, dict)
    parts = ["quantityElement"]
    for field in ("epcClass", "quantity", "uom"):
        text = names.value(element.get(field))
        if text:
            parts.append(f"{field}={text}")
    if len(element) > len(parts) - 1:
        parts.append(_extensions(element, names, _QUANTITY_SET))
    return "".join(parts)


def _typed(element: Json, kind: str, names: Names) -> str:
    """``type=`` comes before the value, where there is a type."""
    assert isinstance(element, dict)
    text = f"{kind}={names.value(element.get(kind))}"
    word = element.get("type")
    return text if not word else f"type={names.word(_text(word), kind)}{text}"


def _place(field: str, value: Json, names: Names) -> str:
    if isinstance(value, str):
        return f"{field}id={names.value(value)}"
    assert isinstance(value, dict)
    text = f"{field}id={names.value(value.get('id'))}"
    return text if len(value) == 1 else text + _extensions(value, names, _PLACE_SET)


def _persistent(field: str, value: Json, names: Names) -> str:
    assert isinstance(value, dict)
    parts: list[str] = []
    for side in ("set", "unset"):
        words = [names.word(_text(word), "disposition") for word in _list(value.get(side, []))]
        parts.extend(sorted([f"{side}={word}" for word in words]))
    return field + "".join(parts) if parts else ""


def _sensor(element: Json, names: Names) -> str:
    assert isinstance(element, dict)
    parts = ["sensorElement"]
    metadata = element.get("sensorMetadata")
    if isinstance(metadata, dict) and metadata:
        parts.append("sensorMetadata" + _fields(metadata, _METADATA, _METADATA_SET, names))
    reports = [
        "sensorReport" + _fields(report, _REPORT, _REPORT_SET, names)
        for report in _list(element.get("sensorReport", []))
        if isinstance(report, dict)
    ]
    parts.extend(sorted(reports))
    parts.append(_extensions(element, names, _SENSOR_SET))
    return "".join(parts)


def _fields(element: Object, order: tuple[str, ...], known: frozenset[str], names: Names) -> str:
    """Sensor fields in their order, then what others have added."""
    parts = []
    for field in order:
        value = element.get(field)
        if value is None or value == "":
            continue
        if field in _TIMES:
            text = names.time(_text(value))[1]
        elif field in _REPORT_WORDS and known is _REPORT_SET:
            text = names.word(_text(value), _REPORT_WORDS[field])
        else:
            text = names.value(value)
        parts.append(f"{field}={text}")
    parts.append(_extensions(element, names, known))
    return "".join(parts)


def _extensions(
    element: Object, names: Names, known: frozenset[str], depth: int = NESTED_MAX
) -> str:
    """Everything that is not `known`, sorted; comments and JSON-LD keywords say nothing.

    Raises:
        Rejected: ``epcis.depth``.
    """
    if depth == 0:
        raise Rejected("epcis.depth", f"extension elements nested deeper than {NESTED_MAX}")
    parts = []
    for key, value in element.items():
        if key in known or key in _COMMENTS or key[:1] == "@" or value is None:
            continue
        name = names.key(key)
        parts.extend(
            [name + _extension(item, names, depth) for item in _list(value) if item is not None]
        )
    parts.sort()
    return "".join(parts)


def _extension(value: Json, names: Names, depth: int) -> str:
    if isinstance(value, dict):
        return _extensions(value, names, frozenset(), depth - 1)
    if isinstance(value, list):
        if depth == 1:
            raise Rejected("epcis.depth", f"extension elements nested deeper than {NESTED_MAX}")
        return "".join(sorted([_extension(item, names, depth - 1) for item in value]))
    text = names.value(value)
    return "=" + text if text else ""


_FORMS: dict[str, Callable[[str, Json, Names], str]] = {
    "certificationInfo": _plain,
    "epcList": _epcs,
    "parentID": _plain,
    "inputEPCList": _epcs,
    "childEPCs": _epcs,
    "quantityList": _quantities,
    "childQuantityList": _quantities,
    "inputQuantityList": _quantities,
    "outputEPCList": _epcs,
    "outputQuantityList": _quantities,
    "action": _plain,
    "transformationID": _plain,
    "bizStep": _word,
    "disposition": _word,
    "persistentDisposition": _persistent,
    "readPoint": _place,
    "bizLocation": _place,
    "bizTransactionList": _typed_list,
    "destinationList": _typed_list,
    "sourceList": _typed_list,
    "sensorElementList": _sensors,
}
"""Fields after event time and offset, in the order in which the text has them, and their forms."""
_STANDARD = frozenset(_FORMS) | _IGNORED | {"@context", "eventTime", "eventTimeZoneOffset"}
