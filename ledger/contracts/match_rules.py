"""The rules of `match` that look at lines, sums and sources (docs/spec/match.md, section 4).

The promise: each check here is a pure question about a statement and the state, and says
what was had and what is needed when the answer is no.
"""

from collections.abc import Sequence

from hansa.statement import Line, nonzero, sums
from ledger.contract import Context, Refused
from ledger.contracts.match_records import (
    MATCH,
    Book,
    Open,
    Period,
    Result,
    Reveal,
    Statement,
)

RUN_MS_MAX = 366 * 24 * 3600 * 1000
"""From opening to the last deadline: a yearly statement."""
SEAL_BYTES = 32


def record_key(match_id: str) -> str:
    """Where a statement stands."""
    return "record/" + match_id


def book_key(match_id: str, party: str) -> str:
    """Where a party's revealed lines stand."""
    return f"lines/{match_id}/{party}"


def difference_key(match_id: str, line_key: str) -> str:
    """Where a difference stands."""
    return f"difference/{match_id}/{line_key}"


def period_key(profile: str, parties: Sequence[str], period: Period) -> str:
    """What only one statement that is not given up may hold; the parties' order is no matter."""
    return f"period/{profile}/{'+'.join(sorted(parties))}/{period.start}-{period.end}"


def billed_key(line: Line) -> str:
    """Where the agreed statement that has a source document's line is named."""
    return f"billed/{line.issuer}/{line.document}/{line.line}"


def payment_key(record: Statement, payment_ref: str) -> str:
    """Where the statement that a payment settled is named; references are the receiver's."""
    return f"payment/{record.payee or record.controller}/{payment_ref}"


def check_opening(context: Context, given: Open) -> None:
    """Check who takes part, what is covered and by when.

    Raises:
        Refused: ``AUTH``, ``SCHEMA``, ``MISSING``, ``RULE`` or ``TIME``.
    """
    parties, period, deadlines = given.parties, given.period, given.deadlines
    if context.sender.member not in parties:
        raise Refused("AUTH", id=given.id, need=[*parties], by=context.sender.member)
    if len(set(parties)) != len(parties):
        raise Refused("SCHEMA", field="$.parties", have=[*parties])
    if period.start >= period.end:
        raise Refused("SCHEMA", field="$.period", have=period.end, need=period.start + 1)
    if not deadlines.commit < deadlines.reveal < deadlines.result:
        raise Refused("SCHEMA", field="$.deadlines", need="commit < reveal < result")
    if deadlines.commit <= context.time:
        raise Refused("TIME", field="$.deadlines.commit", have=deadlines.commit, need=context.time)
    latest = context.time + RUN_MS_MAX
    if deadlines.result > latest:
        raise Refused("TIME", field="$.deadlines.result", have=deadlines.result, need=latest)
    _check_names(context, given)


def _check_names(context: Context, given: Open) -> None:
    parties = given.parties
    if given.arbiter in parties:
        raise Refused("RULE", field="$.arbiter", have=given.arbiter, need="no party")
    if given.payee is not None and given.payee not in parties:
        raise Refused("RULE", field="$.payee", have=given.payee, need=[*parties])
    for name in (*parties, given.arbiter, given.bank):
        if name is not None and not context.registry.is_member(name):
            raise Refused("MISSING", member=name)


def check_due(context: Context, deadline: int, field: str) -> None:
    """Check that a deadline has not come.

    Raises:
        Refused: ``TIME``.
    """
    if context.time >= deadline:
        raise Refused("TIME", field=field, have=context.time, need=deadline)


def check_lines(given: Reveal, parties: tuple[str, ...]) -> None:
    """Check that revealed lines are whole, each once, and add up to the stated totals.

    Raises:
        Refused: ``DUPLICATE`` (a key twice), ``RULE`` (an issuer that is no party),
            ``SCHEMA`` (sealed and not, both) or ``SUM``.
    """
    keys: set[str] = set()
    for index, line in enumerate(given.lines):
        field = f"$.lines[{index}]"
        if line.key in keys:
            raise Refused("DUPLICATE", field=field, have=line.key)
        keys.add(line.key)
        if line.issuer not in parties:
            raise Refused("RULE", field=field + ".issuer", have=line.issuer, need=[*parties])
        wrong = len(line.seal) != SEAL_BYTES or line.amounts if given.sealed else False
        if wrong or len(line.seal) not in (0, SEAL_BYTES):
            raise Refused("SCHEMA", field=field + ".seal", have=len(line.seal), need=SEAL_BYTES)
    if given.sealed:
        return
    found = sums([line.amounts for line in given.lines])
    if found != nonzero(given.totals):
        raise Refused("SUM", field="$.totals", have={**found}, need={**given.totals})


def claims_of(lines: Sequence[Line], dropped: Sequence[str], party: str) -> list[str]:
    """The sources that a party's lines claim, but for the dropped ones.

    Raises:
        Refused: ``DUPLICATE``, with the line, when one source stands twice in what is kept.
    """
    claims: dict[str, str] = {}
    for line in lines:
        if line.key in dropped:
            continue
        key = billed_key(line)
        if key in claims:
            raise Refused("DUPLICATE", key="match/" + key, have=line.key, by=party)
        claims[key] = line.key
    return [*claims]


def check_unbilled(context: Context, claims: Sequence[str]) -> None:
    """Check that no agreed statement has one of these sources.

    Raises:
        Refused: ``DUPLICATE`` with the source and the statement that has it.
    """
    for key in claims:
        known = context.get_value(key)
        if known is not None:
            raise Refused("DUPLICATE", key="match/" + key, id=known)


def has_line(context: Context, record: Statement, line_key: str) -> bool:
    """Whether a line of that key is in some party's book."""
    return any(
        line.key == line_key
        for party in record.parties
        for line in context.need(book_key(record.id, party), Book).lines
    )


def check_result(record: Statement, found: Result) -> None:
    """Check that a result speaks of all lines and, without differences, of the stated totals.

    Raises:
        Refused: ``SUM``.
    """
    counts = [record.commits[party].count for party in record.parties]
    lines = sum(found.counts.values())
    if not max(counts) <= lines <= sum(counts):
        raise Refused("SUM", field="$.counts", have=lines, need=[max(counts), sum(counts)])
    if differing(found):
        return
    for party in record.parties:
        totals = record.reveals[party].totals
        for unit in sorted({**totals, **found.payable}):
            have, need = found.payable.get(unit, 0), totals.get(unit, 0)
            if abs(have - need) > record.tolerance.get(unit, 0):
                raise Refused("SUM", field="$.payable", have=have, need=need, unit=unit, by=party)


def differing(found: Result) -> int:
    """How many lines a result says differ."""
    return sum(count for code, count in found.counts.items() if code != MATCH)


def same_results(results: dict[str, Result]) -> bool:
    """Whether all parties found the same: digest, counts that are not nothing, and sum."""
    seen = [(one.digest, nonzero(one.counts), one.payable) for one in results.values()]
    return all(one == seen[0] for one in seen)


def check_confirmed(context: Context, record: Statement) -> None:
    """Check that the payment is confirmed by who receives it, or by the bank.

    Raises:
        Refused: ``AUTH``.
    """
    signing = [signer.member for signer in context.signers]
    named = [name for name in (record.payee, record.bank) if name]
    if any(name in signing for name in named):
        return
    missing = [name for name in named or record.parties if name not in signing]
    if missing:
        raise Refused("AUTH", id=record.id, need=[*missing], by=context.sender.member)
