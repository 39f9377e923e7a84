"""A query of the API, answered from the ledger at its head (docs/spec/api.md, section 9)."""

from hansa.client.types import QueryReply
from hansa.encoding import Value
from hansa.errors import Rejected
from ledger.contract import Refused
from ledger.execution import Ledger
from ledger.queries import answer
from node.api.views import json_of

HINTS = {
    "LIMIT": "ask for less: a smaller limit, a narrower prefix, page by page with after",
    "MISSING": "hansa contract describe CONTRACT lists its queries; an id may be mistyped",
    "SCHEMA": "hansa contract describe CONTRACT.QUERY shows the arguments",
}
"""What to do about the usual refusals of a query."""


def answer_query(ledger: Ledger, contract: str, name: str, arguments: bytes) -> QueryReply:
    """What a query answers; belongs to the ledger's thread.

    Raises:
        Rejected: with the code of the refusal; the detail holds its fields.
    """
    reader = ledger.query_reader()
    try:
        result = answer(reader, contract, name, arguments)
    except Refused as refusal:
        said = {"contract": contract, "query": name, **refusal.fields}
        detail = ", ".join(f"{field} {_text(value)}" for field, value in said.items())
        hint = HINTS.get(refusal.code, "")
        raise Rejected(refusal.code, detail[:500], hint) from refusal
    return QueryReply(
        contract=contract,
        query=name,
        height=reader.height,
        time=reader.time,
        result=json_of(result),
    )


def _text(value: Value) -> str:
    shown = json_of(value)
    return ", ".join(map(str, shown)) if isinstance(shown, list) else str(shown)
