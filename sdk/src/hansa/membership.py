"""Validator sets and their quorums (docs/spec/consensus.md, section 2)."""

from functools import cached_property
from typing import Annotated

import msgspec

from hansa.encoding import Name, Wire, pack
from hansa.hashing import tagged_hash
from hansa.keys import PublicKey

VALIDATORS_MAX = 100
"""Known members, not a crowd: all-to-all votes grow with the square."""


def fault_bound(n: int) -> int:
    """How many of `n` validators may lie or be silent: f = floor((n - 1) / 3)."""
    return (n - 1) // 3


def quorum_size(n: int) -> int:
    """Votes that decide: q = ceil((n + f + 1) / 2), so two quorums share f + 1 validators."""
    return (n + fault_bound(n) + 2) // 2


class Validator(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """A member's replica: the node's name, the member it belongs to, the key that votes."""

    name: Name
    member: Name
    key: PublicKey


class ValidatorSet(
    msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, dict=True
):
    """The validators of a height, in the order of their names; a signer is an index into it."""

    validators: Annotated[
        tuple[Validator, ...], msgspec.Meta(min_length=1, max_length=VALIDATORS_MAX)
    ]

    def __post_init__(self) -> None:
        names = [validator.name for validator in self.validators]
        keys = {validator.key for validator in self.validators}
        if names != sorted(set(names)) or len(keys) != len(names):
            raise ValueError("validators stand in the order of their names, names and keys once")

    @property
    def size(self) -> int:
        """How many: n."""
        return len(self.validators)

    @property
    def faults(self) -> int:
        """How many may lie or be silent: f."""
        return fault_bound(self.size)

    @property
    def quorum(self) -> int:
        """How many votes decide: q."""
        return quorum_size(self.size)

    @property
    def weak_quorum(self) -> int:
        """How many hold a correct one: w = f + 1."""
        return self.faults + 1

    @cached_property
    def hash(self) -> bytes:
        """What headers carry: the hash of the canonical encoding."""
        return tagged_hash("validators", pack(self))

    @cached_property
    def _index(self) -> dict[str, int]:
        return {validator.name: index for index, validator in enumerate(self.validators)}

    def index_of(self, name: str) -> int | None:
        """The signer index of a node's name, or None when it is no validator."""
        return self._index.get(name)
