"""What may be asked of `doc`: documents, and what stands beside them (docs/spec/contracts.md, 8.9).

The promise: asked with a digest, the chain names everyone who registered that very content.
"""

from collections.abc import Mapping

import msgspec

from hansa.encoding import Value
from ledger.contract import Arguments, load
from ledger.contracts.doc import Algorithm, DocId, DocRecord
from ledger.contracts.doc_records import BatchRecord, ExhibitRecord, StampRecord
from ledger.contracts.record_queries import Place, changes_of
from ledger.query import PAGE_DEFAULT, After, HexDigest, Limit, Query, Reader, fields_of
from ledger.records import Record


class OfDoc(Arguments, frozen=True):
    """Arguments of `get`."""

    id: DocId


class HistoryOf(Arguments, frozen=True):
    """Arguments of `history`."""

    id: DocId
    after: Place = ""
    limit: Limit = PAGE_DEFAULT


class ByDigest(Arguments, frozen=True):
    """Arguments of `by_digest`; `digest` in hex."""

    digest: HexDigest
    alg: Algorithm = "sha-256"
    after: After = ""
    limit: Limit = PAGE_DEFAULT


class Anchors(Arguments, frozen=True):
    """Arguments of `anchors`; with `root` only the batches with this root."""

    root: HexDigest | None = None
    limit: Limit = PAGE_DEFAULT
    after: After = ""


class Beside(Arguments, frozen=True):
    """Arguments of `stamps` and `exhibits`."""

    id: DocId
    limit: Limit = PAGE_DEFAULT
    after: After = ""


def get(reader: Reader, given: OfDoc) -> Value:
    """A document, with the first of its time-stamps and exhibits."""
    record = reader.need(f"doc/record/{given.id}", DocRecord)
    beside = Beside(given.id)
    noted, shown = stamps(reader, beside), exhibits(reader, beside)
    assert isinstance(noted, dict)
    assert isinstance(shown, dict)
    return {
        "document": fields_of(record), "exhibits": shown["exhibits"], "stamps": noted["stamps"],
    }  # fmt: skip


def history(reader: Reader, given: HistoryOf) -> Value:
    """Every change of a document, oldest first: when, by whom, in which transaction."""
    key = f"doc/record/{given.id}"
    reader.need(key, DocRecord)
    return {"id": given.id, **changes_of(reader, key, given.after, given.limit)}


def by_digest(reader: Reader, given: ByDigest) -> Value:
    """Every document with this digest: one for each owner, in the order of their names."""
    prefix = f"doc/digest/{given.alg}:{given.digest}/"
    items, following = reader.page(prefix, given.after, given.limit)
    names = [msgspec.msgpack.decode(value) for _, value in items]
    found: list[Value] = [fields_of(reader.need(f"doc/record/{name}", DocRecord)) for name in names]
    return {"documents": found, "next": following}


def anchors(reader: Reader, given: Anchors) -> Value:
    """Batches in the order of their ids, or those with one root."""
    if given.root is None:
        return _page(reader, "doc/batch/", given, BatchRecord, "batches")
    items, following = reader.page(f"doc/root/{given.root}/", given.after, given.limit)
    names = [msgspec.msgpack.decode(value) for _, value in items]
    found: list[Value] = [
        fields_of(reader.need(f"doc/batch/{name}", BatchRecord)) for name in names
    ]
    return {"batches": found, "next": following}


def stamps(reader: Reader, given: Beside) -> Value:
    """The trusted time-stamps of a document."""
    return _page(reader, f"doc/stamp/{given.id}/", given, StampRecord, "stamps")


def exhibits(reader: Reader, given: Beside) -> Value:
    """To whom a document was shown, in which case."""
    return _page(reader, f"doc/exhibit/{given.id}/", given, ExhibitRecord, "exhibits")


def _page(
    reader: Reader, prefix: str, given: Anchors | Beside, kind: type[Record], name: str
) -> Value:
    items, following = reader.page(prefix, given.after, given.limit)
    found: list[Value] = [fields_of(load(value, kind)) for _, value in items]
    return {name: found, "next": following}


QUERIES: Mapping[str, Query] = {
    "anchors": (Anchors, anchors),
    "by_digest": (ByDigest, by_digest),
    "exhibits": (Beside, exhibits),
    "get": (OfDoc, get),
    "history": (HistoryOf, history),
    "stamps": (Beside, stamps),
}
"""Name, arguments, function."""
