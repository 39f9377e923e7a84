"""The chain's parameters: their names, bounds and defaults (docs/spec/contracts.md, section 5).

Parameters are state, never constants: a value stands under
``governance/parameter/<name>`` when it differs from the default here.
"""

import re
from dataclasses import dataclass

from hansa.block import BLOCK_BYTES_MAX, BLOCK_TRANSACTIONS_MAX
from hansa.errors import Rejected
from ledger.state import READS_MAX, WRITTEN_KEYS_MAX

OVERHEAD_BYTES = 32 * 1024
"""Kept free in a block for header, hashes and a certificate of 100 signatures."""
BODY_BYTES_MAX = BLOCK_BYTES_MAX - OVERHEAD_BYTES
RECEIPT_BYTES_MAX = 64 * 1024
"""A receipt is a leaf that proofs carry whole."""
BLOCK_WEIGHT_MAX = 1_000_000
"""About one second of execution, in µs, well inside the progress timer."""
POLICY = re.compile(r"ALL|ANY|MAJORITY|SELF|FORBIDDEN|[1-9][0-9]{0,2}-of-[1-9][0-9]{0,2}")
"""Who decides a ballot; ``2-of-3`` is a share: it grows with the number of members."""

Value = int | str


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number between `least` and `most`."""

    default: int
    least: int
    most: int

    def accepts(self, value: Value) -> bool:
        """Whether this is a value of the parameter."""
        return type(value) is int and self.least <= value <= self.most


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some words."""

    default: str
    words: tuple[str, ...]

    def accepts(self, value: Value) -> bool:
        """Whether this is a value of the parameter."""
        return value in self.words


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy word of a ballot."""

    default: str

    def accepts(self, value: Value) -> bool:
        """Whether this is a value of the parameter."""
        if not isinstance(value, str) or POLICY.fullmatch(value) is None:
            return False
        part, of, whole = value.partition("-of-")
        return not of or int(part) <= int(whole)


PARAMETERS: dict[str, Number | Choice | Policy] = {
    "ballot.days": Number(7, 1, 90),
    "block.bytes": Number(BODY_BYTES_MAX, 300_000, BODY_BYTES_MAX),
    "block.transactions": Number(BLOCK_TRANSACTIONS_MAX, 1, BLOCK_TRANSACTIONS_MAX),
    "block.weight": Number(BLOCK_WEIGHT_MAX, 100_000, BLOCK_WEIGHT_MAX),
    "policy.cred.accredit": Policy("MAJORITY"),
    "policy.cred.disaccredit": Policy("MAJORITY"),
    "policy.governance.set_parameter": Policy("MAJORITY"),
    "policy.governance.set_permission": Policy("MAJORITY"),
    "policy.governance.set_validators": Policy("MAJORITY"),
    "policy.org.admit": Policy("MAJORITY"),
    "policy.org.assign": Policy("MAJORITY"),
    "policy.org.recover": Policy("MAJORITY"),
    "policy.org.resume": Policy("MAJORITY"),
    "policy.org.suspend": Policy("MAJORITY"),
    "policy.profile.publish": Policy("MAJORITY"),
    "policy.profile.retire": Policy("MAJORITY"),
    "policy.script.freeze": Policy("MAJORITY"),
    "policy.script.publish": Policy("MAJORITY"),
    "policy.script.resume": Policy("MAJORITY"),
    "policy.script.retire": Policy("MAJORITY"),
    "trace.max_skew_ms": Number(300_000, 0, 24 * 3600 * 1000),
    "trace.uncalibrated": Choice("accept", ("accept", "refuse")),
    "trace.unknown_ids": Choice("adopt", ("adopt", "refuse")),
    "transaction.keys": Number(WRITTEN_KEYS_MAX, 64, WRITTEN_KEYS_MAX),
    "transaction.reads": Number(READS_MAX, 1_000, READS_MAX),
    "transaction.receipt_bytes": Number(RECEIPT_BYTES_MAX, 8 * 1024, RECEIPT_BYTES_MAX),
    "validators.minimum": Number(1, 1, 100),
}  # fmt: skip
"""Every parameter of this version."""

DEFAULTS: dict[str, Value] = {name: kind.default for name, kind in PARAMETERS.items()}


def check_parameter(name: str, value: Value) -> None:
    """Check a value before it is written.

    Raises:
        Rejected: ``parameter.unknown`` or ``parameter.value``.
    """
    kind = PARAMETERS.get(name)
    if kind is None:
        raise Rejected("parameter.unknown", f"{name!r} is no parameter")
    if not kind.accepts(value):
        raise Rejected("parameter.value", f"{value!r} is no value of {name}: {kind}")
