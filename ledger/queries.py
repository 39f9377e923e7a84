"""The chain's queries, by contract and name: registered here and nowhere else.

The promise: what may be asked, with the types of its arguments, stands in one table; a question
that is not in it, or has other arguments, is refused before anything is read.
docs/spec/api.md, section 9.
"""

from collections.abc import Mapping

import msgspec

from hansa.encoding import Value
from ledger.contract import Refused
from ledger.contracts import (
    asset_queries,
    cred_queries,
    doc_queries,
    grant_queries,
    match_queries,
    org_queries,
    profile_queries,
    record_queries,
    trace_queries,
)
from ledger.query import ARGUMENTS_BYTES_MAX, Query, Reader


def _gathered(*given: tuple[str, Mapping[str, Query]]) -> dict[str, dict[str, Query]]:
    """One table of several; no name twice."""
    table: dict[str, dict[str, Query]] = {}
    for contract, queries in given:
        known = table.setdefault(contract, {})
        assert not known.keys() & queries.keys(), (contract, known.keys() & queries.keys())
        known.update(queries)
    return table


QUERIES: Mapping[str, Mapping[str, Query]] = _gathered(
    ("asset", asset_queries.QUERIES),
    ("cred", cred_queries.QUERIES),
    ("doc", doc_queries.QUERIES),
    ("grant", grant_queries.QUERIES),
    ("match", match_queries.QUERIES),
    ("org", org_queries.QUERIES),
    ("profile", profile_queries.QUERIES),
    ("record", record_queries.QUERIES),
    ("trace", trace_queries.QUERIES),
)
"""Every query, by contract and name. ``record`` is no contract: it answers for all of them."""


def answer(reader: Reader, contract: str, name: str, arguments: bytes) -> Value:
    """Answer a query; `arguments` is JSON.

    Raises:
        Refused: ``MISSING`` for a query that there is not, ``SCHEMA`` for other arguments than
            it takes, ``LIMIT`` for one that reads too much, and what the query says.
    """
    query = QUERIES.get(contract, {}).get(name)
    if query is None:
        raise Refused("MISSING", contract=contract[:64], query=name[:64], need=_names(contract))
    if len(arguments) > ARGUMENTS_BYTES_MAX:
        raise Refused("LIMIT", field="args", have=len(arguments), need=ARGUMENTS_BYTES_MAX)
    kind, function = query
    try:
        given = msgspec.json.decode(arguments, type=kind)
    except msgspec.ValidationError as error:
        said, _, path = str(error).partition(" - at `")
        raise Refused("SCHEMA", field=path.rstrip("`") or "$", need=said) from None
    except (ValueError, RecursionError):
        raise Refused("SCHEMA", field="$", need="JSON") from None
    return function(reader, given)


def _names(contract: str) -> list[Value]:
    """What could have been meant: the contract's queries, else the contracts."""
    return [*QUERIES.get(contract, QUERIES)]
