"""What a query is written against (docs/spec/api.md, section 9).

A query answers one question about the chain at its head. The promise: it is a pure function of
its arguments and of what its `Reader` gives, it changes nothing, and it reads at most so much
that a node can answer it between two blocks. It says no by raising `Refused`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeAlias, TypeVar

import msgspec

from hansa.encoding import Value
from ledger.contract import Arguments, Refused, load

READS_MAX = 10_000
"""Keys that one query may read: as many as a transaction, some 50 ms of the ledger's thread."""
BYTES_MAX = 16 * 1024 * 1024
"""Bytes of values that one query may read: a status list of the largest size, twelve times."""
ARGUMENTS_BYTES_MAX = 6 * 1024
"""JSON of the arguments: with its escapes it has to fit the first line of a request."""
PAGE_DEFAULT, PAGE_MAX = 50, 500
"""Items of one page."""

Limit = Annotated[int, msgspec.Meta(ge=1, le=PAGE_MAX)]
"""How many items a page may have, as an argument."""
After = Annotated[str, msgspec.Meta(max_length=512)]
"""``next`` of the page before, as an argument; "" for the first one."""
HexDigest = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}(?![\s\S])")]
"""32 bytes as an argument of a query: 64 lower-case hex digits."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a record, from the node's index (storage.md, 3.4).

    Attributes:
        height, index: of the transaction in the chain.
        number: of the change in the transaction, from 0.
        time: of the block in ms.
        tx_id: of the transaction; that of a due transaction when a timer changed it.
        method: what was called, ``<contract>.<method>``.
        by: the subjects that signed, the sender first; nobody for a timer.
        before, after: versions; 0 says that there was, or is, none.
    """

    height: int
    index: int
    number: int
    time: int
    tx_id: bytes
    method: str
    by: tuple[str, ...]
    before: int
    after: int


R = TypeVar("R", bound=msgspec.Struct)
Get: TypeAlias = Callable[[bytes], bytes | None]
Scan: TypeAlias = Callable[[bytes, bytes], Iterator[tuple[bytes, bytes]]]
Past: TypeAlias = Callable[[bytes, tuple[int, int, int]], Iterator[Change]]


def _no_past(_key: bytes, _after: tuple[int, int, int]) -> Iterator[Change]:
    return iter(())


@dataclass(slots=True)
class Reader:
    """The chain at one height, metered. For one query.

    Attributes:
        chain_id: of the chain.
        height: of the head.
        time: of the head, in ms: the only clock of a query.
        state: gives the value of a state key.
        walk: gives the keys of a prefix that stand after another, in order, with their values.
        past: gives the changes of a record that stand after (height, index, number), in order.
    """

    chain_id: str
    height: int
    time: int
    state: Get
    walk: Scan
    past: Past = _no_past
    reads: int = field(default=0, init=False)
    size: int = field(default=0, init=False)

    def get(self, key: bytes) -> bytes | None:
        """The value of a state key.

        Raises:
            Refused: ``LIMIT``.
        """
        found = self.state(key)
        self._count(found)
        return found

    def scan(self, prefix: bytes, after: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Keys that begin with `prefix` and stand after `after`, in order, with their values.

        Raises:
            Refused: ``LIMIT``, while it is walked.
        """
        for key, value in self.walk(prefix, after):
            self._count(value)
            yield key, value

    def changes(self, key: bytes, after: tuple[int, int, int]) -> Iterator[Change]:
        """Changes of the record under a state key that stand after a place, oldest first.

        Raises:
            Refused: ``LIMIT``, while it is walked.
        """
        for change in self.past(key, after):
            self._count(None)
            yield change

    def find(self, key: str, kind: type[R]) -> R | None:
        """The record under a state key, or None."""
        found = self.get(key.encode())
        return None if found is None else load(found, kind)

    def need(self, key: str, kind: type[R]) -> R:
        """The record under a state key.

        Raises:
            Refused: ``MISSING``.
        """
        found = self.find(key, kind)
        if found is None:
            raise Refused("MISSING", id=key)
        return found

    def page(self, prefix: str, after: str, limit: int) -> tuple[list[tuple[str, bytes]], str]:
        """At most `limit` keys of a prefix, cut off behind it, with values; and ``next``.

        `after` is the ``next`` of the page before; ``next`` is "" on the last page.
        """
        cut, items = len(prefix), list[tuple[str, bytes]]()
        start = (prefix + after).encode() if after else b""
        for key, value in self.scan(prefix.encode(), start):
            if len(items) == limit:
                return items, items[-1][0]
            items.append((key.decode()[cut:], value))
        return items, ""

    def _count(self, found: bytes | None) -> None:
        self.reads += 1
        self.size += 0 if found is None else len(found)
        if self.reads > READS_MAX:
            raise Refused("LIMIT", field="reads", have=self.reads, need=READS_MAX)
        if self.size > BYTES_MAX:
            raise Refused("LIMIT", field="bytes", have=self.size, need=BYTES_MAX)


Query: TypeAlias = tuple[type[Arguments], Callable[[Reader, Any], Value]]
"""The type of a query's arguments, and the function that answers. The function's docstring says
what it answers; its first line stands in ``/v1/contracts``. Arguments come as JSON: digests and
keys are texts (`HexDigest`), never bytes."""


def fields_of(record: msgspec.Struct) -> dict[str, Value]:
    """Every field of a record as plain values, those at their default included."""
    return {
        encoded: _plain(getattr(record, name))
        for name, encoded in zip(
            record.__struct_fields__, record.__struct_encode_fields__, strict=True
        )
    }


def _plain(value: object) -> Value:
    if isinstance(value, msgspec.Struct):
        return fields_of(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    assert value is None or isinstance(value, bool | int | str | bytes), value
    return value
