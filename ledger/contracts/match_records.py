"""What `match` keeps and takes: statements, lines, differences (docs/spec/match.md, section 2).

The promise: what is agreed has one shape; lines and the commitment to them are those of
`hansa.statement`, so that a party computes what the chain computes.
"""

from typing import Annotated

import msgspec

from hansa.encoding import Hash, MemberName, Uint
from hansa.statement import AMOUNT_MAX, SALT_BYTES, UNITS_MAX, Amounts, Line, Token, Unit
from ledger.contract import Arguments, Stored
from ledger.records import Record, Version

PARTIES_MAX = 4
"""Books of one statement: with `LINES_MAX` lines each, all claims fit one transaction's keys."""
LINES_MAX = 200
"""Lines of one party: 4 x 200 claims stay under the 1,024 keys of a transaction."""
KEYS_MAX = 8
"""Names of the fields by which parties match their lines."""

OPEN, COMMITTED, REVEALED, DIFFERS, DISPUTED, AGREED, SETTLED = (
    "open",
    "committed",
    "revealed",
    "differs",
    "disputed",
    "agreed",
    "settled",
)
LAPSED, WITHDRAWN = "lapsed", "withdrawn"
MATCH = "MATCH"
CODES = (
    "QTY_DIFF",
    "PRICE_DIFF",
    "DATE_DIFF",
    "TAX_DIFF",
    "ONLY_A",
    "ONLY_B",
    "DUP_A",
    "DUP_B",
)
"""What a line can be besides `MATCH`; A and B are the parties in the statement's order."""
NAMED, ADJUSTED = "named", "adjusted"
"""States of a difference, with `DISPUTED` between them."""

MatchId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}(?![\s\S])")]
Total = Annotated[int, msgspec.Meta(ge=-LINES_MAX * AMOUNT_MAX, le=LINES_MAX * AMOUNT_MAX)]
Totals = Annotated[dict[Unit, Total], msgspec.Meta(max_length=UNITS_MAX)]
Tolerance = Annotated[
    dict[Unit, Annotated[int, msgspec.Meta(ge=0, le=AMOUNT_MAX)]],
    msgspec.Meta(max_length=UNITS_MAX),
]
Profile = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9.@-]{0,63}(?![\s\S])")]
Code = Annotated[str, msgspec.Meta(pattern="^(" + "|".join((MATCH, *CODES)) + r")(?![\s\S])")]
Counts = Annotated[
    dict[Code, Annotated[int, msgspec.Meta(ge=0, le=PARTIES_MAX * LINES_MAX)]],
    msgspec.Meta(max_length=len(CODES) + 1),
]
Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Reference = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}(?![\s\S])")]
"""A payment's end-to-end id (ISO 20022 EndToEndId: 35 characters), or a record's id."""


class Period(Stored, frozen=True):
    """What a statement covers, in ms since 1970: `start` is in it, `end` is not."""

    start: Uint
    end: Uint


class Deadlines(Stored, frozen=True):
    """Block times in ms from which on it is too late to commit, to reveal, to give a result."""

    commit: Uint
    reveal: Uint
    result: Uint


Lines = Annotated[tuple[Line, ...], msgspec.Meta(max_length=LINES_MAX)]


class Book(Stored, frozen=True):
    """``match/lines/<id>/<party>``: the revealed lines of a party."""

    lines: tuple[Line, ...]


class Commitment(Stored, frozen=True):
    """A party's commitment; `totals` None: not told before the reveal."""

    root: bytes
    count: int
    totals: dict[str, int] | None = None


class Revealed(Stored, frozen=True):
    """What a party revealed: totals, and whether the lines are sealed."""

    totals: dict[str, int]
    sealed: bool = False


class Result(Stored, frozen=True):
    """What a party found: digest of the result, counts by verdict, sum of what matches."""

    digest: bytes
    counts: dict[str, int]
    payable: dict[str, int]


class Difference(Stored, frozen=True):
    """``match/difference/<id>/<line key>``: a line on which the books differ.

    Attributes:
        code: one of `CODES`.
        claims: what each party that spoke says it is.
        evidence: digests by party.
        state: `NAMED`, `DISPUTED` or `ADJUSTED`.
        value: what it counts for once adjusted.
        drop: adjusted to nothing: its source document stays free for another statement.
        by: members that adjusted it.
    """

    code: str
    claims: dict[str, dict[str, int]]
    state: str = NAMED
    evidence: dict[str, bytes] = msgspec.field(default_factory=dict)
    value: dict[str, int] = msgspec.field(default_factory=dict)
    drop: bool = False
    by: tuple[str, ...] = ()


class Statement(Record, frozen=True):
    """``match/record/<id>``: a statement; its controller is the member that opened it.

    Attributes:
        commits, reveals, results: by party.
        agreed: parties that agree to the statement as it stands.
        adjusted: sum of the adjusted lines by unit.
        amounts: what was agreed by unit; fixed for ever with the state `AGREED`.
        named, disputed: differences that are not adjusted yet; those among them at the arbiter.
        settled: differences that are adjusted.
        dropped: keys of lines that count for nothing.
        late: parties that missed a deadline.
    """

    parties: tuple[str, ...]
    period: Period
    deadlines: Deadlines
    profile: str
    state: str
    arbiter: str = ""
    payee: str = ""
    bank: str = ""
    keys: tuple[str, ...] = ()
    tolerance: dict[str, int] = msgspec.field(default_factory=dict)
    commits: dict[str, Commitment] = msgspec.field(default_factory=dict)
    reveals: dict[str, Revealed] = msgspec.field(default_factory=dict)
    results: dict[str, Result] = msgspec.field(default_factory=dict)
    agreed: tuple[str, ...] = ()
    adjusted: dict[str, int] = msgspec.field(default_factory=dict)
    amounts: dict[str, int] = msgspec.field(default_factory=dict)
    named: int = 0
    disputed: int = 0
    settled: int = 0
    dropped: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    payment_ref: str = ""
    asset_id: str = ""
    reason: str = ""


class Open(Arguments, frozen=True):
    """Arguments of `open`. `payee` or `bank` confirm the payment; with neither, all parties."""

    id: MatchId
    profile: Profile
    parties: Annotated[tuple[MemberName, ...], msgspec.Meta(min_length=2, max_length=PARTIES_MAX)]
    period: Period
    deadlines: Deadlines
    keys: Annotated[tuple[Token, ...], msgspec.Meta(max_length=KEYS_MAX)] = ()
    tolerance: Tolerance = msgspec.field(default_factory=dict)
    arbiter: MemberName | None = None
    payee: MemberName | None = None
    bank: MemberName | None = None


class Commit(Arguments, frozen=True):
    """Arguments of `commit`."""

    id: MatchId
    version: Version
    root: Hash
    count: Annotated[int, msgspec.Meta(ge=0, le=LINES_MAX)]
    totals: Totals | None = None


class Reveal(Arguments, frozen=True):
    """Arguments of `reveal`; a salt is 32 bytes."""

    id: MatchId
    version: Version
    salt: Annotated[bytes, msgspec.Meta(min_length=SALT_BYTES, max_length=SALT_BYTES)]
    totals: Totals
    lines: Lines
    sealed: bool = False


class GiveResult(Arguments, frozen=True):
    """Arguments of `result`."""

    id: MatchId
    version: Version
    digest: Hash
    counts: Counts
    payable: Totals


class Differ(Arguments, frozen=True):
    """Arguments of `differ`."""

    id: MatchId
    version: Version
    line_key: Token
    code: Code
    mine: Amounts
    evidence: Hash | None = None


class Adjust(Arguments, frozen=True):
    """Arguments of `adjust`."""

    id: MatchId
    version: Version
    line_key: Token
    value: Amounts = msgspec.field(default_factory=dict)
    drop: bool = False


class Dispute(Arguments, frozen=True):
    """Arguments of `dispute`."""

    id: MatchId
    version: Version
    line_key: Token
    to: MemberName


class OfStatement(Arguments, frozen=True):
    """Arguments of `agree`."""

    id: MatchId
    version: Version


class Settle(Arguments, frozen=True):
    """Arguments of `settle`."""

    id: MatchId
    version: Version
    payment_ref: Reference
    amounts: Totals
    asset_id: Reference | None = None


class Withdraw(Arguments, frozen=True):
    """Arguments of `withdraw`."""

    id: MatchId
    version: Version
    reason: Reason


class Late(Arguments, frozen=True):
    """Arguments of the timer method `late`."""

    id: MatchId
