"""CSV tables of supply-chain events as EPCIS 2.0 events, one a row (docs/guides/sdk.md).

The promise: a row becomes the event that its columns say and nothing else; times carry their
zone, so that a moment is never guessed. Extensions and sensor data have no columns: capture
them from JSON (`hansa.epcis.events_of`).
"""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path

from hansa.bulk.rows import Failed, Row, failed, read_table
from hansa.calls import trace
from hansa.epcis import DocumentEvent, Invalid, Json, events_of, write_json
from hansa.epcis.values import parse_time
from hansa.errors import Rejected

CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
_ZONE = re.compile(r"(Z|[+-]\d\d:\d\d)$", re.ASCII)


def _text(cell: str) -> Json:
    return cell


def _time(cell: str) -> Json:
    """A time with its zone, as it is written."""
    try:
        parse_time(cell)
    except Rejected as error:
        hint = "write it like 2026-10-15T08:30:00+08:00"
        raise Rejected(error.code, error.detail, hint) from error
    return cell


def _identifiers(cell: str) -> Json:
    """Identifiers with blanks between them."""
    return [*cell.split()]


def _place(cell: str) -> Json:
    return {"id": cell}


def _quantities(cell: str) -> Json:
    """``CLASS [QUANTITY [UNIT]]``, with semicolons between them."""
    return [_quantity(part.split()) for part in cell.split(";") if part.strip()]


def _quantity(words: list[str]) -> Json:
    if not 1 <= len(words) <= 3:  # noqa: PLR2004 - class, quantity, unit
        raise Rejected("import.cell", f"{' '.join(words)}: write CLASS QUANTITY UNIT")
    element: dict[str, Json] = {"epcClass": words[0]}
    if len(words) > 1:
        try:
            element["quantity"] = Decimal(words[1])
        except InvalidOperation as error:
            raise Rejected("import.cell", f"{words[1]} is no number") from error
    if len(words) > 2:  # noqa: PLR2004 - the unit
        element["uom"] = words[2]
    return element


def _typed(field: str) -> Callable[[str], Json]:
    """``[TYPE] IDENTIFIER``, with semicolons between them."""

    def read(cell: str) -> Json:
        elements: list[Json] = []
        for part in cell.split(";"):
            words = part.split()
            if not words:
                continue
            if len(words) > 2 or (len(words) == 1 and field != "bizTransaction"):  # noqa: PLR2004
                raise Rejected("import.cell", f"{part.strip()}: write TYPE IDENTIFIER")
            element: dict[str, Json] = {field: words[-1]}
            if len(words) > 1:
                element["type"] = words[0]
            elements.append(element)
        return elements

    return read


COLUMNS: dict[str, Callable[[str], Json]] = {
    "type": _text,
    "eventTime": _time,
    "eventTimeZoneOffset": _text,
    "action": _text,
    "bizStep": _text,
    "disposition": _text,
    "readPoint": _place,
    "bizLocation": _place,
    "epcList": _identifiers,
    "quantityList": _quantities,
    "parentID": _text,
    "childEPCs": _identifiers,
    "childQuantityList": _quantities,
    "inputEPCList": _identifiers,
    "inputQuantityList": _quantities,
    "outputEPCList": _identifiers,
    "outputQuantityList": _quantities,
    "transformationID": _text,
    "bizTransactionList": _typed("bizTransaction"),
    "sourceList": _typed("source"),
    "destinationList": _typed("destination"),
}
"""The columns, called as EPCIS calls its fields, and how a cell is read."""


def event_of(cells: dict[str, str]) -> DocumentEvent:
    """The event that a row says; `cells` hold what is not empty, by column.

    Without `type` it is an ObjectEvent; without `eventTimeZoneOffset` the zone of `eventTime`
    itself is taken.

    Raises:
        Rejected: ``import.cell``, or ``epcis.*`` with the field.
    """
    event: dict[str, Json] = {"@context": CONTEXT, "type": "ObjectEvent"}
    for column, cell in cells.items():
        try:
            event[column] = COLUMNS[column](cell)
        except Rejected as error:
            raise Rejected(error.code, f"{column}: {error.detail}", error.hint) from error
    zone = _ZONE.search(cells.get("eventTime", ""))
    if "eventTimeZoneOffset" not in cells and zone is not None:
        event["eventTimeZoneOffset"] = "+00:00" if zone[1] == "Z" else zone[1]
    (found,) = events_of(write_json(event))
    return found


def epcis_rows(path: Path) -> Iterator[Row | Failed]:
    """Each row of a table of events, in order; its name is the event's id.

    Raises:
        Rejected: ``import.*``: the table cannot be read.
    """
    for number, cells in read_table(path, frozenset(COLUMNS)):
        try:
            event = event_of(cells)
        except Invalid as error:
            yield failed(number, error, {"field": error.pointer.lstrip("/").partition("/")[0]})
        except Rejected as error:
            yield failed(number, error)
        else:
            yield Row(number, event.id, trace.capture(event=event.text))
