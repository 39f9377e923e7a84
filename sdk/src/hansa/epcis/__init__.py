"""GS1 EPCIS 2.0 events: reading, checking, hashing (docs/spec/epcis.md)."""

from hansa.epcis.document import DocumentEvent, events_of
from hansa.epcis.event import (
    MICRO,
    ErrorDeclaration,
    Event,
    Quantity,
    event_prehash,
    read_event,
    understand,
)
from hansa.epcis.json_text import Invalid, read_json, write_json
from hansa.epcis.prehash import event_hash, event_id, parse_event_id, prehash
from hansa.epcis.structure import require_event
from hansa.epcis.values import Json, Names

__all__ = [
    "MICRO",
    "DocumentEvent",
    "ErrorDeclaration",
    "Event",
    "Invalid",
    "Json",
    "Names",
    "Quantity",
    "event_hash",
    "event_id",
    "event_prehash",
    "events_of",
    "parse_event_id",
    "prehash",
    "read_event",
    "read_json",
    "require_event",
    "understand",
    "write_json",
]
