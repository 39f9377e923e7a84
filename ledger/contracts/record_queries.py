"""Questions about any record: what stands, and every change of it (docs/spec/api.md, section 9).

The promise: the history of a record is complete, whatever its contract; each entry names the
transaction whose receipt proves it.
"""

from typing import Annotated

import msgspec

from hansa.encoding import Value, decode_value
from ledger.contract import Arguments, Refused
from ledger.query import PAGE_DEFAULT, Change, Limit, Query, Reader

Key = Annotated[str, msgspec.Meta(min_length=1, max_length=512)]
Place = Annotated[str, msgspec.Meta(pattern=r"^([0-9]{1,15}\.[0-9]{1,9}\.[0-9]{1,9})?(?![\s\S])")]
"""``next`` of the page before: height, index and number of its last change; "" at first."""
Contract = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_-]{0,31}(?![\s\S])")]


class OfRecord(Arguments, frozen=True):
    """Arguments of `get`: `id` as the contract has it, or with its kind: ``agreement/a-1``."""

    contract: Contract
    id: Key


class HistoryOf(Arguments, frozen=True):
    """Arguments of `history`; `id` as in `get`."""

    contract: Contract
    id: Key
    after: Place = ""
    limit: Limit = PAGE_DEFAULT


def get(reader: Reader, given: OfRecord) -> Value:
    """A record of any contract, with its state key."""
    key, stored = locate(reader, given.contract, given.id)
    return {"key": key, "record": decode_value(stored)}


def history(reader: Reader, given: HistoryOf) -> Value:
    """Every change of a record of any contract, oldest first; it may be gone by now."""
    key = f"{given.contract}/record/{given.id}"
    found = changes_of(reader, key, given.after, given.limit)
    if not found["items"] and not given.after:
        key = f"{given.contract}/{given.id}"
        found = changes_of(reader, key, given.after, given.limit)
    if not found["items"] and not given.after:
        key, _ = locate(reader, given.contract, given.id)
    return {"key": key, **found}


def locate(reader: Reader, contract: str, record_id: str) -> tuple[str, bytes]:
    """State key and value of a record: below ``record/``, or as its id says.

    Raises:
        Refused: ``MISSING``.
    """
    for key in (f"{contract}/record/{record_id}", f"{contract}/{record_id}"):
        stored = reader.get(key.encode())
        if stored is not None:
            return key, stored
    raise Refused("MISSING", contract=contract, id=record_id)


def changes_of(reader: Reader, key: str, after: str, limit: int) -> dict[str, Value]:
    """A page of the changes of the record under a state key, oldest first."""
    start = _place(after) if after else (0, 0, -1)
    items: list[Value] = []
    last = ""
    for change in reader.changes(key.encode(), start):
        if len(items) == limit:
            return {"items": items, "next": last}
        items.append(_fields(change))
        last = f"{change.height}.{change.index}.{change.number}"
    return {"items": items, "next": ""}


def _place(text: str) -> tuple[int, int, int]:
    height, index, number = text.split(".")
    return int(height), int(index), int(number)


def _fields(change: Change) -> dict[str, Value]:
    return {
        "after": change.after,
        "before": change.before,
        "by": [*change.by],
        "height": change.height,
        "index": change.index,
        "method": change.method,
        "time": change.time,
        "tx_id": change.tx_id,
    }


QUERIES: dict[str, Query] = {"get": (OfRecord, get), "history": (HistoryOf, history)}
