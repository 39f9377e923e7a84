"""One event, read: what it says in canonical identifiers, and its hash (docs/spec/epcis.md).

The promise: `read_event` takes the self-contained text that a transaction carries and gives
everything that the chain's rules ask for, in one pass, without a float and without state.
"""

from decimal import Decimal

import msgspec

from hansa.epcis.json_text import Invalid, read_json
from hansa.epcis.prehash import event_hash, event_id, prehash
from hansa.epcis.structure import at, require_event
from hansa.epcis.values import CBV, SPACE, Json, Names, parse_time
from hansa.errors import Rejected

EVENT_BYTES_MAX = 200 * 1024
"""The text of an event: with signatures it fits a transaction of 256 KiB."""
MICRO = 1_000_000
"""Quantities are counted in millionths of their unit, so that sums are of whole numbers."""
_STEPS, _DISPOSITIONS = CBV + "BizStep-", CBV + "Disp-"
_POSSESSING = CBV + "SDT-possessing_party"


class Quantity(msgspec.Struct, frozen=True, gc=False):
    """A class of things with how much of it; `micro` is None where that is not known."""

    epc_class: str
    micro: int | None
    uom: str


class ErrorDeclaration(msgspec.Struct, frozen=True, gc=False):
    """That an earlier event with the same hash is wrong, why, and what stands in its place."""

    time: int
    reason: str
    corrective: tuple[str, ...]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """What an event says. Identifiers are canonical, each once in its list.

    Attributes:
        digest: the CBV 2.0 event hash, 32 bytes.
        kind: the event type.
        time: ms since 1970.
        action: ``ADD``, ``OBSERVE``, ``DELETE``, or "" for a transformation.
        step: the business step; a standard one as its bare word.
        disposition: likewise.
        objects, children, inputs, outputs: single things.
        object_lots, child_lots, input_lots, output_lots: quantities of classes.
        parent: the container, or "".
        source, destination: the possessing parties, or "".
        place: the read point, or "".
        transformation: the transformation's id, or "".
        error: the error declaration, when this is one.
    """

    digest: bytes
    kind: str
    time: int
    action: str
    step: str
    disposition: str
    parent: str
    source: str
    destination: str
    place: str
    transformation: str
    error: ErrorDeclaration | None
    objects: tuple[str, ...]
    children: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    object_lots: tuple[Quantity, ...]
    child_lots: tuple[Quantity, ...]
    input_lots: tuple[Quantity, ...]
    output_lots: tuple[Quantity, ...]

    @property
    def id(self) -> str:
        """``ni:///sha-256;{hex}?ver=CBV2.0``."""
        return event_id(self.digest)


def read_event(text: bytes) -> Event:
    """The event in a self-contained JSON text (its ``@context`` inside).

    Raises:
        Invalid: one of the ``epcis.*`` codes, with the JSON pointer.
    """
    if len(text) > EVENT_BYTES_MAX:
        raise Invalid("epcis.limit", "", f"{len(text)} bytes, at most {EVENT_BYTES_MAX}")
    return understand(require_event(read_json(text, strict=True)))


def understand(event: dict[str, Json], ignore: frozenset[str] = frozenset()) -> Event:
    """What a well-formed event says; `ignore` as for `prehash`.

    Raises:
        Invalid: ``epcis.time`` or ``epcis.depth``.
    """
    names = Names(event.get("@context"))
    try:
        digest = event_hash(prehash(event, names, ignore))
        time, _ = names.time(str(event["eventTime"]))
        error = _error(event, names)
    except Invalid:
        raise
    except Rejected as refusal:
        raise at("", refusal) from refusal
    get = event.get
    step, disposition, place = get("bizStep"), get("disposition"), get("readPoint")
    return Event(
        digest=digest,
        kind=str(event["type"]),
        time=time,
        action=str(get("action") or ""),
        step=_word(step, "bizStep", _STEPS, names) if step else "",
        disposition=_word(disposition, "disposition", _DISPOSITIONS, names) if disposition else "",
        parent=_text(get("parentID"), names),
        source=_party(get("sourceList"), "source", names),
        destination=_party(get("destinationList"), "destination", names),
        place=_place(place, names) if place else "",
        transformation=_text(get("transformationID"), names),
        error=error,
        objects=_identifiers(get("epcList"), names),
        children=_identifiers(get("childEPCs"), names),
        inputs=_identifiers(get("inputEPCList"), names),
        outputs=_identifiers(get("outputEPCList"), names),
        object_lots=_quantities(get("quantityList"), names),
        child_lots=_quantities(get("childQuantityList"), names),
        input_lots=_quantities(get("inputQuantityList"), names),
        output_lots=_quantities(get("outputQuantityList"), names),
    )


def event_prehash(event: dict[str, Json], ignore: frozenset[str] = frozenset()) -> str:
    """The pre-hash text of a well-formed, self-contained event: for people who compare."""
    return prehash(event, Names(event.get("@context")), ignore)


def _text(value: Json, names: Names) -> str:
    return names.text(value) if isinstance(value, str) else ""


def _word(value: Json, field: str, vocabulary: str, names: Names) -> str:
    if not isinstance(value, str):
        return ""
    return names.word(value, field).removeprefix(vocabulary)


def _identifiers(value: Json, names: Names) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(dict.fromkeys([names.text(item) for item in value if isinstance(item, str)]))


def _quantities(value: Json, names: Names) -> tuple[Quantity, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(
        Quantity(_text(item["epcClass"], names), _micro(item.get("quantity")), _unit(item))
        for item in value
        if isinstance(item, dict)
    )


def _unit(element: dict[str, Json]) -> str:
    uom = element.get("uom")
    return uom.strip(SPACE) if isinstance(uom, str) else ""


def _micro(value: Json) -> int | None:
    """Millionths, exactly; None where there is no number or it does not come out even."""
    if isinstance(value, int):
        micro = value * MICRO
    elif isinstance(value, Decimal):
        sign, digits, exponent = value.as_tuple()
        shift = (exponent if isinstance(exponent, int) else 0) + 6
        unscaled = int("".join(map(str, digits)))
        if shift < 0 and unscaled % 10**-shift:
            return None
        micro = unscaled * 10**shift if shift >= 0 else unscaled // 10**-shift
        micro = -micro if sign else micro
    else:
        return None
    return micro if micro < 2**62 else None


def _party(value: Json, kind: str, names: Names) -> str:
    """The possessing party of a source or destination list."""
    for item in value if isinstance(value, list) else ():
        word = item.get("type") if isinstance(item, dict) else None
        if isinstance(word, str) and names.word(word, kind) == _POSSESSING:
            assert isinstance(item, dict)
            return _text(item.get(kind), names)
    return ""


def _place(value: Json, names: Names) -> str:
    return _text(value.get("id") if isinstance(value, dict) else value, names)


def _error(event: dict[str, Json], names: Names) -> ErrorDeclaration | None:
    value = event.get("errorDeclaration")
    if not isinstance(value, dict):
        return None
    corrective = value.get("correctiveEventIDs")
    return ErrorDeclaration(
        time=parse_time(str(value["declarationTime"])),
        reason=_word(value.get("reason"), "reason", CBV + "ER-", names),
        corrective=_identifiers(corrective, names),
    )
