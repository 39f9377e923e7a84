"""Calls of the contract `match`. Made from the contracts by scripts/reference."""

# ruff: noqa: A001, A002, PLR0913 - names and fields are the contract's

from collections.abc import Mapping, Sequence
from typing import Literal, NotRequired, TypedDict

from hansa.calls.build import build
from hansa.transaction import Call


class Line(TypedDict):
    """A line of a party's book."""

    key: str
    issuer: str
    document: str
    line: str
    amounts: NotRequired[Mapping[str, int]]
    seal: NotRequired[bytes]


class Deadlines(TypedDict):
    """Block times in ms from which on it is too late to commit, to reveal, to give a result."""

    commit: int
    reveal: int
    result: int


class Period(TypedDict):
    """What a statement covers, in ms since 1970: `start` is in it, `end` is not."""

    start: int
    end: int


def open(
    *,
    id: str,
    profile: str,
    parties: Sequence[str],
    period: Period,
    deadlines: Deadlines,
    keys: Sequence[str] | None = None,
    tolerance: Mapping[str, int] | None = None,
    arbiter: str | None = None,
    payee: str | None = None,
    bank: str | None = None,
) -> Call:
    """Begin a statement of some parties for a period; once for a profile.

    `payee` or `bank` confirm the payment; with neither, all parties.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        profile: text like `^[a-z0-9][a-z0-9.@-]{0,63}`.
        parties: list of 2 to 4, each text like `^[a-z0-9][a-z0-9.-]*`, 1 to 64 characters.
        period: `Period`.
        deadlines: `Deadlines`.
        keys: list of at most 8, each text like `^[A-Za-z0-9][A-Za-z0-9._:#-]{0,63}`; left out:
            none.
        tolerance: map of at most 4, each value whole number, 0 to 9007199254740992; left out: none.
        arbiter: text like `^[a-z0-9][a-z0-9.-]*`, 1 to 64 characters; left out: none.
        payee: text like `^[a-z0-9][a-z0-9.-]*`, 1 to 64 characters; left out: none.
        bank: text like `^[a-z0-9][a-z0-9.-]*`, 1 to 64 characters; left out: none.
    """
    return build("match", "open", locals())


def commit(
    *, id: str, version: int, root: bytes, count: int, totals: Mapping[str, int] | None = None
) -> Call:
    """Fix one's own lines without showing them.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
        root: bytes, 32.
        count: whole number, 0 to 200.
        totals: map of at most 4, each value whole number, -1801439850948198400 to
            1801439850948198400; left out: none.
    """
    return build("match", "commit", locals())


def reveal(
    *,
    id: str,
    version: int,
    salt: bytes,
    totals: Mapping[str, int],
    lines: Sequence[Line],
    sealed: bool | None = None,
) -> Call:
    """Show the lines that one committed to.

    A salt is 32 bytes.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
        salt: bytes, 32.
        totals: map of at most 4, each value whole number, -1801439850948198400 to
            1801439850948198400.
        lines: list of at most 200, each `Line`.
        sealed: yes or no; left out: no.
    """
    return build("match", "reveal", locals())


def result(
    *,
    id: str,
    version: int,
    digest: bytes,
    counts: Mapping[
        Literal[
            "MATCH",
            "QTY_DIFF",
            "PRICE_DIFF",
            "DATE_DIFF",
            "TAX_DIFF",
            "ONLY_A",
            "ONLY_B",
            "DUP_A",
            "DUP_B",
        ],
        int,
    ],
    payable: Mapping[str, int],
) -> Call:
    """Say what one's own comparison of the books found; the last word of a party counts.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
        digest: bytes, 32.
        counts: map of at most 9, each value whole number, 0 to 800.
        payable: map of at most 4, each value whole number, -1801439850948198400 to
            1801439850948198400.
    """
    return build("match", "result", locals())


def differ(
    *,
    id: str,
    version: int,
    line_key: str,
    code: Literal[
        "MATCH",
        "QTY_DIFF",
        "PRICE_DIFF",
        "DATE_DIFF",
        "TAX_DIFF",
        "ONLY_A",
        "ONLY_B",
        "DUP_A",
        "DUP_B",
    ],
    mine: Mapping[str, int],
    evidence: bytes | None = None,
) -> Call:
    """Name a line on which the books differ, and what one's own says.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
        line_key: text like `^[A-Za-z0-9][A-Za-z0-9._:#-]{0,63}`.
        code: one of `MATCH`, `QTY_DIFF`, `PRICE_DIFF`, `DATE_DIFF`, `TAX_DIFF`, `ONLY_A`, `ONLY_B`,
            `DUP_A`, `DUP_B`.
        mine: map of at most 4, each value whole number, -9007199254740992 to 9007199254740992.
        evidence: bytes, 32; left out: none.
    """
    return build("match", "differ", locals())


def dispute(*, id: str, version: int, line_key: str, to: str) -> Call:
    """Hand a named line to the arbiter whom the parties accepted when they committed.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
        line_key: text like `^[A-Za-z0-9][A-Za-z0-9._:#-]{0,63}`.
        to: text like `^[a-z0-9][a-z0-9.-]*`, 1 to 64 characters.
    """
    return build("match", "dispute", locals())


def adjust(
    *,
    id: str,
    version: int,
    line_key: str,
    value: Mapping[str, int] | None = None,
    drop: bool | None = None,
) -> Call:
    """Fix what a line counts for: all parties together, or the arbiter of a disputed one.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
        line_key: text like `^[A-Za-z0-9][A-Za-z0-9._:#-]{0,63}`.
        value: map of at most 4, each value whole number, -9007199254740992 to 9007199254740992;
            left out: none.
        drop: yes or no; left out: no.
    """
    return build("match", "adjust", locals())


def agree(*, id: str, version: int) -> Call:
    """Agree to the statement as it stands now, for every party that signs.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
    """
    return build("match", "agree", locals())


def settle(
    *,
    id: str,
    version: int,
    payment_ref: str,
    amounts: Mapping[str, int],
    asset_id: str | None = None,
) -> Call:
    """Confirm that the agreed amounts were paid, by which payment, into which record.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
        payment_ref: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}`.
        amounts: map of at most 4, each value whole number, -1801439850948198400 to
            1801439850948198400.
        asset_id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}`; left out: none.
    """
    return build("match", "settle", locals())


def withdraw(*, id: str, version: int, reason: str) -> Call:
    """Give up a statement: its opener before any commitment, all parties before agreement.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
        reason: text, 1 to 256 characters.
    """
    return build("match", "withdraw", locals())
