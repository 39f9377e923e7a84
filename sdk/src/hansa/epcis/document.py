"""EPCIS documents: the events in them, each made self-contained (docs/spec/epcis.md, 6).

The promise: what goes on the chain is the text of one event with the document's context
inside, so that its hash can be computed, and its extensions understood, from it alone.
"""

import msgspec

from hansa.epcis.event import EVENT_BYTES_MAX, Event, understand
from hansa.epcis.json_text import Invalid, read_json, write_json
from hansa.epcis.structure import require_event
from hansa.epcis.values import Json

DOCUMENT_BYTES_MAX = 16 * 1024 * 1024
"""A document file: about 20,000 events."""


class DocumentEvent(msgspec.Struct, frozen=True):
    """An event of a document.

    Attributes:
        pointer: where it stands in the document (RFC 6901).
        text: its self-contained JSON text, which `read_event` takes.
        event: what it says.
    """

    pointer: str
    text: bytes
    event: Event

    @property
    def id(self) -> str:
        """``ni:///sha-256;{hex}?ver=CBV2.0``."""
        return self.event.id


def events_of(document: bytes) -> tuple[DocumentEvent, ...]:
    """All events of a single event, an EPCISDocument or an EPCISQueryDocument, in order.

    A query document may name fields that a repository added (``ignoreFields``): they are left
    out, since they say nothing about what happened.

    Raises:
        Invalid: one of the ``epcis.*`` codes, with the JSON pointer in the document.
    """
    if len(document) > DOCUMENT_BYTES_MAX:
        raise Invalid("epcis.limit", "", f"{len(document)} bytes, at most {DOCUMENT_BYTES_MAX}")
    top = read_json(document, strict=False)
    if not isinstance(top, dict):
        raise Invalid("epcis.type", "", "a document or an event is a JSON object")
    if "epcisBody" not in top:
        return (_event(top, "", None, frozenset()),)
    events, pointer, ignored = _event_list(top["epcisBody"])
    context = top.get("@context")
    return tuple(
        _event(event, f"{pointer}/{index}", context, ignored) for index, event in enumerate(events)
    )


def _event_list(body: Json) -> tuple[list[Json], str, frozenset[str]]:
    """The events of a body, the pointer to them, and the fields to leave out."""
    if not isinstance(body, dict):
        raise Invalid("epcis.type", "/epcisBody", "a body is a JSON object")
    if "event" in body:
        return [body["event"]], "/epcisBody/event", frozenset()
    results = body.get("queryResults")
    ignored: frozenset[str] = frozenset()
    pointer = "/epcisBody"
    if isinstance(results, dict):
        ignored = _ignored(results)
        body, pointer = results.get("resultsBody"), "/epcisBody/queryResults/resultsBody"
    events = body.get("eventList", []) if isinstance(body, dict) else None
    if not isinstance(events, list):
        raise Invalid("epcis.type", pointer + "/eventList", "a list of events is needed")
    return events, pointer + "/eventList", ignored


def _ignored(results: dict[str, Json]) -> frozenset[str]:
    for key, value in results.items():
        if key.rpartition(":")[2] == "ignoreFields" and isinstance(value, list):
            return frozenset(item for item in value if isinstance(item, str))
    return frozenset()


def _event(event: Json, pointer: str, context: Json, ignored: frozenset[str]) -> DocumentEvent:
    # One event in an epcisBody stands at the pointer itself, without an index.
    here = pointer.removesuffix("/0") if pointer.startswith("/epcisBody/event/") else pointer
    if not isinstance(event, dict):
        raise Invalid("epcis.type", here, "an event is a JSON object")
    merged = {"@context": _merge(context, event.get("@context"))} | {
        field: value
        for field, value in event.items()
        if field != "@context" and field not in ignored
    }
    if merged["@context"] is None:
        del merged["@context"]
    try:
        understood = understand(require_event(merged, here))
    except Invalid as error:
        if error.pointer.startswith(here):
            raise
        raise Invalid(error.code, here + error.pointer, error.detail, error.hint) from error
    text = write_json(merged)
    if len(text) > EVENT_BYTES_MAX:
        raise Invalid("epcis.limit", here, f"{len(text)} bytes, at most {EVENT_BYTES_MAX}")
    return DocumentEvent(here, text, understood)


def _merge(outer: Json, inner: Json) -> Json:
    """Both contexts, the inner one last so that it decides."""
    if inner is None:
        return outer
    if outer is None:
        return inner
    first = outer if isinstance(outer, list) else [outer]
    return [*first, *(inner if isinstance(inner, list) else [inner])]
