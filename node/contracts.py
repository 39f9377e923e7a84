"""What `/v1/contracts` says: every method with the JSON schema of its arguments."""

from collections.abc import Mapping

import msgspec

from ledger.contract import CALL
from ledger.contracts import CONTRACTS


def describe_contracts() -> Mapping[str, object]:
    """Contract -> method -> description."""
    return {
        contract.name: {
            method.name: {
                "role": method.role,
                "arguments": msgspec.json.schema(method.arguments),
                "doc": (
                    contract.__class__.__dict__[_function(contract, method.name)].__doc__ or ""
                ),
            }
            for method in contract.methods.values()
            if method.via == CALL
        }
        for contract in CONTRACTS.values()
    }


def _function(contract: object, name: str) -> str:
    return name if hasattr(contract, name) else name + "_"
