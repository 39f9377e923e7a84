"""Tests of applications against a chain in the test's own process.

The chain itself comes with the node (`hansa-node`); this module finds it, so that the SDK needs
nothing of the node. No network, no clock, no chance: the same test gives the same block hashes.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import entry_points
from types import TracebackType
from typing import Protocol, Self, cast

from hansa.encoding import Value
from hansa.errors import Unavailable
from hansa.receipt import Receipt
from hansa.signing import SigningKey
from hansa.transaction import SignedTransaction

GROUP, NAME = "hansa.testing", "chain"
"""Where the node registers its chain: an entry point of this group and name."""

CallSpec = tuple[str, str, Mapping[str, Value]]
"""(contract, method, arguments)."""


class Chain(Protocol):
    """A chain in this process; every submit makes a block."""

    def __enter__(self) -> Self:
        """Use it in ``with``."""
        ...

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let it go."""
        ...

    @property
    def chain_id(self) -> str:
        """The chain's name."""
        ...

    @property
    def height(self) -> int:
        """The height of the head."""
        ...

    @property
    def time(self) -> int:
        """The time of the head in ms since 1970."""
        ...

    def key(self, name: str) -> SigningKey:
        """A member's key by the member's name."""
        ...

    def sign(
        self,
        calls: Sequence[CallSpec],
        as_member: str,
        cosigners: Sequence[str] = (),
        expires_at: int | None = None,
    ) -> SignedTransaction:
        """A signed transaction that is not submitted yet."""
        ...

    def submit(
        self, calls: Sequence[CallSpec], as_member: str, cosigners: Sequence[str] = ()
    ) -> Receipt:
        """Commit calls as one transaction: its receipt, whatever its code."""
        ...

    def commit(self, transactions: Sequence[SignedTransaction]) -> tuple[Receipt, ...]:
        """Commit signed transactions in one block."""
        ...

    def advance(self, milliseconds: int) -> tuple[Receipt, ...]:
        """Let time pass and commit a block, in which ripe deadlines take effect."""
        ...

    def state(self, key: str) -> Value:
        """The value under a state key, None when there is none."""
        ...

    def prove_tx(self, tx_id: bytes) -> bytes:
        """The proof file of a transaction."""
        ...

    def prove_state(self, key: str) -> bytes:
        """The proof file of a state key, present or absent."""
        ...

    def trust(self) -> bytes:
        """The trust file of the chain."""
        ...


def in_process_chain(members: Sequence[str] | None = None) -> Chain:
    """A fresh chain; `members` names its organisations (None: the four of the demo).

    Raises:
        Unavailable: ``testing.not-installed``.
    """
    found = list(entry_points(group=GROUP, name=NAME))
    if not found:
        raise Unavailable(
            "testing.not-installed",
            "the in-process chain comes with the node, which is not installed here",
            "pip install hansa-node into the environment of the tests",
        )
    factory = cast("Callable[..., Chain]", found[0].load())
    return factory() if members is None else factory(members)
