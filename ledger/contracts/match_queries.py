"""Questions about statements: where both sides stand (docs/spec/match.md).

The promise: what was revealed is shown, what is only committed to is not there to be shown.
"""

from typing import Annotated

import msgspec

from hansa.encoding import Value
from ledger.contract import Arguments, load
from ledger.contracts.match_records import Book, Difference, Statement
from ledger.contracts.match_rules import record_key
from ledger.query import PAGE_DEFAULT, After, Limit, Query, Reader, fields_of

MatchId = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class OfMatch(Arguments, frozen=True):
    """Arguments of `get`; `after` and `limit` page its differences."""

    id: MatchId
    after: After = ""
    limit: Limit = PAGE_DEFAULT


def get(reader: Reader, given: OfMatch) -> Value:
    """A statement with the revealed books of both sides and its differences, by line."""
    record = reader.need("match/" + record_key(given.id), Statement)
    lines: dict[str, Value] = {}
    for key, stored in reader.scan(f"match/lines/{given.id}/".encode()):
        lines[key.decode().rpartition("/")[2]] = fields_of(load(stored, Book))
    page, following = reader.page(f"match/difference/{given.id}/", given.after, given.limit)
    differences: list[Value] = [
        {"key": name, **fields_of(load(stored, Difference))} for name, stored in page
    ]
    return {
        "books": lines,
        "differences": differences,
        "next": following,
        "statement": fields_of(record),
    }


QUERIES: dict[str, Query] = {"get": (OfMatch, get)}
