"""What `/v1/contracts` says: every method and query with the JSON schema of its arguments.

Beside the contracts stands the name ``queries``, which no contract may have.
"""

from collections.abc import Callable, Mapping

import msgspec

from ledger.contract import CALL, Contract
from ledger.contracts import CONTRACTS
from ledger.queries import QUERIES
from node.refusals import refusals_of

QUERIES_NAME = "queries"
"""The entry that lists the queries: contract -> query -> description."""


def describe_contracts() -> Mapping[str, object]:
    """Contract -> method -> description, and under ``queries`` contract -> query -> description."""
    assert QUERIES_NAME not in CONTRACTS
    methods: dict[str, object] = {
        contract.name: {
            method.name: {
                "role": method.role,
                "arguments": msgspec.json.schema(method.arguments),
                "refusals": refusals_of(_code(contract, method.name)),
                "doc": _code(contract, method.name).__doc__ or "",
            }
            for method in contract.methods.values()
            if method.via == CALL
        }
        for contract in CONTRACTS.values()
    }
    methods[QUERIES_NAME] = {
        contract: {
            name: {"arguments": msgspec.json.schema(kind), "doc": function.__doc__ or ""}
            for name, (kind, function) in queries.items()
        }
        for contract, queries in QUERIES.items()
    }
    return methods


def _code(contract: Contract, name: str) -> Callable[..., object]:
    """The function of a method; a name that Python or the base class needs has a ``_`` behind."""
    functions = contract.__class__.__dict__
    code: Callable[..., object] = functions.get(name + "_") or functions[name]
    return code
