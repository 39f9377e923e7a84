"""Books of two parties for `match`: lines, totals, and the commitment that fixes them.

docs/spec/match.md, section 3.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from hansa.encoding import Value, encode_value
from hansa.hashing import tagged_hash
from hansa.merkle import leaf_hash, root_of_hashes
from node.stories.cast import Organisation
from node.stories.stage import CHINA, DAY_MS, Stage
from node.stories.wire import CallSpec

MONEY = "CNY.fen"
HOUR_MS = 3_600_000
MONTH_DAYS = 30

Line = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Book:
    """A party's lines, and the salt that opens its commitment."""

    party: str
    lines: tuple[Line, ...]
    salt: bytes

    @property
    def totals(self) -> dict[str, int]:
        """The sums of the lines by unit."""
        return total(self.lines)


def total(lines: Iterable[Line]) -> dict[str, int]:
    """What lines add up to by unit."""
    totals: dict[str, int] = {}
    for line in lines:
        amounts = line["amounts"]
        assert isinstance(amounts, dict)
        for unit, amount in amounts.items():
            assert isinstance(amount, int)
            totals[unit] = totals.get(unit, 0) + amount
    return totals


def open_statement(
    stage: Stage, statement: str, parties: tuple[Organisation, Organisation], month: int
) -> None:
    """Open a statement of two parties for a month of 2026; the first one does it.

    Parties settle a period once, so each run has its own first moment of the month.
    """
    first = dt.datetime(2026, month, 1, tzinfo=CHINA)
    start = int(first.timestamp()) * 1_000 + int(stage.tag, 16)
    now = stage.now
    opening = {
        "id": statement,
        "profile": "recon.threeway@1",
        "parties": [stage.of(one) for one in parties],
        "period": {"start": start, "end": start + MONTH_DAYS * DAY_MS},
        "keys": ["waybill", "line"],
        "deadlines": {
            "commit": now + HOUR_MS,
            "reveal": now + 2 * HOUR_MS,
            "result": now + 3 * HOUR_MS,
        },
    }
    stage.do(f"opens the statement {statement}", [("match", "open", opening)], parties[0])


def commit(stage: Stage, statement: str, book: Book) -> CallSpec:
    """The call that fixes a book without showing it."""
    leaves = [leaf_hash(encode_value(line)) for line in book.lines]
    fields: dict[str, Value] = {
        "chain": stage.wire.chain_id,
        "count": len(book.lines),
        "id": statement,
        "lines": root_of_hashes(leaves),
        "party": book.party,
        "salt": book.salt,
        "sealed": False,
        "totals": {**book.totals},
    }
    root = tagged_hash("match-root", encode_value(fields))
    return stage.on("match", "commit", statement, root=root, count=len(book.lines))


def reveal(stage: Stage, statement: str, book: Book) -> CallSpec:
    """The call that shows it."""
    return stage.on(
        "match", "reveal", statement, salt=book.salt, totals=book.totals, lines=[*book.lines]
    )


def show(
    stage: Stage, statement: str, first: tuple[Organisation, Book], other: tuple[Organisation, Book]
) -> None:
    """Both commit before either shows anything: nobody copies."""
    for text, make in (("commits to", commit), ("reveals", reveal)):
        for who, book in (first, other):
            stage.do(f"{text} {len(book.lines)} lines", [make(stage, statement, book)], who)
