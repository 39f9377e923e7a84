"""What makes a JSON object an EPCIS 2.0 event (docs/spec/epcis.md, section 5).

The promise: an event that passes has every field that its type needs, of the type that the
rest of the code assumes; what the standard leaves open (extensions, own vocabularies, missing
options) passes.
"""

import re
from collections.abc import Callable
from decimal import Decimal

from hansa.epcis.json_text import Invalid
from hansa.epcis.values import SPACE, Json
from hansa.errors import Rejected

ID_BYTES_MAX = 400
"""An identifier as text: it becomes part of a state key, and those are short."""
LIST_MAX = 1_000
"""Elements of a list: a transaction writes about as many keys."""

OBJECT, AGGREGATION, TRANSACTION = "ObjectEvent", "AggregationEvent", "TransactionEvent"
TRANSFORMATION, ASSOCIATION = "TransformationEvent", "AssociationEvent"
ACTIONS = ("ADD", "OBSERVE", "DELETE")

_COMMON = frozenset({
    "@context", "type", "eventID", "eventTime", "recordTime", "eventTimeZoneOffset",
    "certificationInfo", "errorDeclaration", "bizStep", "disposition", "persistentDisposition",
    "readPoint", "bizLocation", "bizTransactionList", "sourceList", "destinationList",
    "sensorElementList", "ilmd",
})  # fmt: skip
_OWN = {
    OBJECT: frozenset({"action", "epcList", "quantityList"}),
    AGGREGATION: frozenset({"action", "parentID", "childEPCs", "childQuantityList"}),
    TRANSACTION: frozenset({"action", "parentID", "epcList", "quantityList"}),
    TRANSFORMATION: frozenset({
        "inputEPCList", "inputQuantityList", "outputEPCList", "outputQuantityList",
        "transformationID",
    }),
    ASSOCIATION: frozenset({"action", "parentID", "childEPCs", "childQuantityList"}),
}  # fmt: skip
_ALL_OWN = frozenset().union(*_OWN.values())
_USUAL = re.compile(r"[!-~]{1,400}")
"""Identifiers that need no closer look: printable ASCII without spaces, short enough."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_OFFSET = re.compile(r"[+-](?:0\d|1[0-3]):[0-5]\d|[+-]14:00", re.ASCII)


def require_event(event: Json, pointer: str = "") -> dict[str, Json]:
    """The event itself, when it is one.

    Raises:
        Invalid: ``epcis.type``, ``epcis.field``, ``epcis.missing``, ``epcis.action``,
            ``epcis.zone``, ``epcis.limit`` or ``epcis.value``, with the JSON pointer.
    """
    if not isinstance(event, dict):
        raise Invalid("epcis.type", pointer, "an event is a JSON object")
    kind = event.get("type")
    own = _OWN.get(kind) if isinstance(kind, str) else None
    if own is None:
        known = ", ".join(_OWN)
        raise Invalid("epcis.type", pointer + "/type", f"{kind!r:.60} is no event type", known)
    for field, value in event.items():
        if field in _ALL_OWN and field not in own:
            raise Invalid("epcis.field", f"{pointer}/{field}", f"{kind} has no {field}")
        check = _CHECKS.get(field)
        if check is not None and value is not None:
            check(value, f"{pointer}/{field}")
    _require_offset(event, pointer)
    if "action" in own and event.get("action") not in ACTIONS:
        raise Invalid("epcis.action", pointer + "/action", "action is ADD, OBSERVE or DELETE")
    _NEEDS[str(kind)](event, pointer)
    return event


def _require_offset(event: dict[str, Json], pointer: str) -> None:
    if not isinstance(event.get("eventTime"), str):
        raise Invalid("epcis.missing", pointer + "/eventTime", "an event has an event time")
    offset = event.get("eventTimeZoneOffset")
    if not isinstance(offset, str) or _OFFSET.fullmatch(offset.strip(SPACE)) is None:
        raise Invalid(
            "epcis.zone", pointer + "/eventTimeZoneOffset",
            f"{offset!r:.40} is no time zone offset", "write it like +08:00",
        )  # fmt: skip


def _need_object(event: dict[str, Json], pointer: str) -> None:
    if not (event.get("epcList") or event.get("quantityList") or event.get("sensorElementList")):
        raise Invalid("epcis.missing", pointer + "/epcList", "an ObjectEvent is about something")


def _need_parent(event: dict[str, Json], pointer: str) -> None:
    kind, action = event["type"], event["action"]
    if not event.get("parentID") and (kind == ASSOCIATION or action != "OBSERVE"):
        raise Invalid("epcis.missing", pointer + "/parentID", f"{action} needs a parent")
    children = event.get("childEPCs") or event.get("childQuantityList")
    if not children and (action == "ADD" or (action == "OBSERVE" and kind == AGGREGATION)):
        raise Invalid("epcis.missing", pointer + "/childEPCs", f"{action} needs children")


def _need_transaction(event: dict[str, Json], pointer: str) -> None:
    if not event.get("bizTransactionList"):
        raise Invalid(
            "epcis.missing", pointer + "/bizTransactionList", "a TransactionEvent names one"
        )


def _need_transformation(event: dict[str, Json], pointer: str) -> None:
    if not any(event.get(field) for field in _OWN[TRANSFORMATION] - {"transformationID"}):
        raise Invalid(
            "epcis.missing", pointer + "/inputEPCList", "a transformation has inputs or outputs"
        )


_NEEDS: dict[str, Callable[[dict[str, Json], str], None]] = {
    OBJECT: _need_object,
    AGGREGATION: _need_parent,
    TRANSACTION: _need_transaction,
    TRANSFORMATION: _need_transformation,
    ASSOCIATION: _need_parent,
}


# Types of fields


def _string(value: Json, pointer: str) -> None:
    if not isinstance(value, str):
        raise Invalid("epcis.value", pointer, "a text is needed")


def _identifier(value: Json, pointer: str) -> None:
    if not isinstance(value, str) or not value.strip(SPACE):
        raise Invalid("epcis.value", pointer, "an identifier is needed")
    size = len(value) if value.isascii() else len(value.encode())
    if size > ID_BYTES_MAX or _CONTROL.search(value):
        raise Invalid("epcis.limit", pointer, f"an identifier has at most {ID_BYTES_MAX} bytes")


def _list(value: Json, pointer: str) -> list[Json]:
    if not isinstance(value, list):
        raise Invalid("epcis.value", pointer, "a list is needed")
    if len(value) > LIST_MAX:
        raise Invalid("epcis.limit", pointer, f"{len(value)} elements, at most {LIST_MAX}")
    return value


def _identifiers(value: Json, pointer: str) -> None:
    for index, item in enumerate(_list(value, pointer)):
        if not (isinstance(item, str) and _USUAL.fullmatch(item)):
            _identifier(item, f"{pointer}/{index}")


def _texts(value: Json, pointer: str) -> None:
    for index, item in enumerate(_list(value, pointer)):
        _string(item, f"{pointer}/{index}")


def _map(value: Json, pointer: str) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise Invalid("epcis.value", pointer, "a JSON object is needed")
    return value


def _number(value: Json, pointer: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise Invalid("epcis.value", pointer, "a number is needed")


def _quantities(value: Json, pointer: str) -> None:
    for index, item in enumerate(_list(value, pointer)):
        here = f"{pointer}/{index}"
        element = _map(item, here)
        _identifier(element.get("epcClass"), here + "/epcClass")
        quantity = element.get("quantity")
        if quantity is not None:
            _number(quantity, here + "/quantity")
            assert isinstance(quantity, int | Decimal)
            if quantity < 0:
                raise Invalid("epcis.value", here + "/quantity", "a quantity is not negative")
        if element.get("uom") is not None:
            _string(element["uom"], here + "/uom")


def _typed(kind: str) -> Callable[[Json, str], None]:
    def check(value: Json, pointer: str) -> None:
        for index, item in enumerate(_list(value, pointer)):
            here = f"{pointer}/{index}"
            element = _map(item, here)
            _identifier(element.get(kind), f"{here}/{kind}")
            if element.get("type") is not None:
                _string(element["type"], here + "/type")

    return check


def _place(value: Json, pointer: str) -> None:
    if not isinstance(value, str):
        _identifier(_map(value, pointer).get("id"), pointer + "/id")


def _persistent(value: Json, pointer: str) -> None:
    element = _map(value, pointer)
    for side in ("set", "unset"):
        if side in element:
            _texts(element[side], f"{pointer}/{side}")


_SENSOR_TEXTS = (
    "time", "startTime", "endTime", "type", "exception", "component", "stringValue", "uom",
)  # fmt: skip
_SENSOR_NUMBERS = (
    "value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue",
)  # fmt: skip


def _sensors(value: Json, pointer: str) -> None:
    for index, item in enumerate(_list(value, pointer)):
        here = f"{pointer}/{index}"
        element = _map(item, here)
        if element.get("sensorMetadata") is not None:
            _sensor(_map(element["sensorMetadata"], here + "/sensorMetadata"), here)
        for number, report in enumerate(_list(element.get("sensorReport", []), here)):
            there = f"{here}/sensorReport/{number}"
            _sensor(_map(report, there), there)


def _sensor(element: dict[str, Json], pointer: str) -> None:
    for field in _SENSOR_TEXTS:
        if element.get(field) is not None:
            _string(element[field], f"{pointer}/{field}")
    for field in _SENSOR_NUMBERS:
        if element.get(field) is not None:
            _number(element[field], f"{pointer}/{field}")


def _error(value: Json, pointer: str) -> None:
    element = _map(value, pointer)
    _string(element.get("declarationTime"), pointer + "/declarationTime")
    if element.get("reason") is not None:
        _string(element["reason"], pointer + "/reason")
    if element.get("correctiveEventIDs") is not None:
        _identifiers(element["correctiveEventIDs"], pointer + "/correctiveEventIDs")


def _certification(value: Json, pointer: str) -> None:
    if isinstance(value, list):
        _texts(value, pointer)
    else:
        _string(value, pointer)


def _any_map(value: Json, pointer: str) -> None:
    _map(value, pointer)


_CHECKS: dict[str, Callable[[Json, str], None]] = {
    "epcList": _identifiers,
    "childEPCs": _identifiers,
    "inputEPCList": _identifiers,
    "outputEPCList": _identifiers,
    "quantityList": _quantities,
    "childQuantityList": _quantities,
    "inputQuantityList": _quantities,
    "outputQuantityList": _quantities,
    "parentID": _identifier,
    "transformationID": _identifier,
    "bizStep": _identifier,
    "disposition": _identifier,
    "persistentDisposition": _persistent,
    "readPoint": _place,
    "bizLocation": _place,
    "bizTransactionList": _typed("bizTransaction"),
    "sourceList": _typed("source"),
    "destinationList": _typed("destination"),
    "sensorElementList": _sensors,
    "errorDeclaration": _error,
    "certificationInfo": _certification,
    "ilmd": _any_map,
}


def at(pointer: str, error: Rejected) -> Invalid:
    """The same refusal with the place where it was met."""
    return Invalid(error.code, pointer, error.detail, error.hint)
