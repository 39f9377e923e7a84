"""`match`: what two or more books agree on (docs/spec/match.md).

The promise: nobody sees another's lines before all have committed to their own; what was
agreed never changes; a line of a source document is in one agreed statement only.
"""

from typing import ClassVar

from hansa.encoding import Value, encode_value
from hansa.statement import commitment, nonzero, sums
from ledger.contract import TIMER, Context, Contract, Refused, method
from ledger.contracts.match_records import (
    ADJUSTED,
    AGREED,
    COMMITTED,
    DIFFERS,
    DISPUTED,
    LAPSED,
    MATCH,
    NAMED,
    OPEN,
    REVEALED,
    SETTLED,
    WITHDRAWN,
    Adjust,
    Book,
    Commit,
    Commitment,
    Differ,
    Difference,
    Dispute,
    GiveResult,
    Late,
    OfStatement,
    Open,
    Result,
    Reveal,
    Revealed,
    Settle,
    Statement,
    Withdraw,
)
from ledger.contracts.match_rules import (
    billed_key,
    book_key,
    check_confirmed,
    check_due,
    check_lines,
    check_opening,
    check_result,
    check_unbilled,
    claims_of,
    difference_key,
    differing,
    has_line,
    payment_key,
    period_key,
    record_key,
    same_results,
)
from ledger.due import cancel, schedule
from ledger.records import check_version, create, first, save

RUNNING = (OPEN, COMMITTED, REVEALED, DIFFERS, DISPUTED)
"""States in which nothing is agreed yet."""


class Match(Contract):
    """Open, commit, reveal, result, differ, adjust, dispute, agree, settle, withdraw."""

    name: ClassVar[str] = "match"

    @method(Open)
    def open(self, context: Context, given: Open) -> Value:
        """Begin a statement of some parties for a period; once for a profile."""
        check_opening(context, given)
        key = record_key(given.id)
        if context.exists(key):
            raise Refused("EXISTS", id=given.id)
        unique = period_key(given.profile, given.parties, given.period)
        known = context.get_value(unique)
        if known is not None:
            raise Refused("DUPLICATE", field="$.period", id=known)
        record = Statement(
            id=given.id,
            version=1,
            controller=context.sender.member,
            history=first(context),
            parties=given.parties,
            period=given.period,
            deadlines=given.deadlines,
            profile=given.profile,
            state=OPEN,
            arbiter=given.arbiter or "",
            payee=given.payee or "",
            bank=given.bank or "",
            keys=given.keys,
            tolerance=given.tolerance,
        )
        create(context, key, record)
        context.put_value(unique, given.id)
        _start_timer(context, record)
        context.event("opened", id=given.id, parties=[*given.parties])
        return _answer(record)

    @method(Commit)
    def commit(self, context: Context, given: Commit) -> Value:
        """Fix one's own lines without showing them."""
        record = _current(context, given.id, given.version, (OPEN,))
        party = _party(context, record)
        check_due(context, record.deadlines.commit, "commit")
        if party in record.commits:
            raise Refused("EXISTS", id=given.id, by=party, field="commit")
        made = Commitment(given.root, given.count, given.totals)
        commits = {**record.commits, party: made}
        state = COMMITTED if len(commits) == len(record.parties) else OPEN
        context.event("committed", id=given.id, party=party)
        return _answer(_move(context, record, commits=commits, state=state))

    @method(Reveal)
    def reveal(self, context: Context, given: Reveal) -> Value:
        """Show the lines that one committed to."""
        record = _current(context, given.id, given.version, (COMMITTED,))
        party = _party(context, record)
        check_due(context, record.deadlines.reveal, "reveal")
        if party in record.reveals:
            raise Refused("EXISTS", id=given.id, by=party, field="reveal")
        made = record.commits[party]
        root = commitment(
            context.scope.chain_id,
            given.id,
            party,
            given.salt,
            given.lines,
            given.totals,
            sealed=given.sealed,
        )
        if root != made.root or len(given.lines) != made.count:
            raise Refused("RULE", field="root", have=root, need=made.root, by=party)
        if made.totals is not None and nonzero(made.totals) != nonzero(given.totals):
            raise Refused("SUM", field="$.totals", have={**given.totals}, need={**made.totals})
        check_lines(given, record.parties)
        check_unbilled(context, [billed_key(line) for line in given.lines])
        context.put(book_key(given.id, party), Book(given.lines))
        reveals = {**record.reveals, party: Revealed(given.totals, given.sealed)}
        state = REVEALED if len(reveals) == len(record.parties) else COMMITTED
        context.event("revealed", id=given.id, party=party, count=len(given.lines))
        return _answer(_move(context, record, reveals=reveals, state=state))

    @method(GiveResult)
    def result(self, context: Context, given: GiveResult) -> Value:
        """Say what one's own comparison of the books found; the last word of a party counts."""
        record = _current(context, given.id, given.version, (REVEALED, DIFFERS))
        party = _party(context, record)
        if record.state == REVEALED:
            check_due(context, record.deadlines.result, "result")
        found = Result(given.digest, given.counts, nonzero(given.payable))
        check_result(record, found)
        results = {**record.results, party: found}
        context.event("result", id=given.id, party=party, digest=given.digest)
        if len(results) < len(record.parties):
            return _answer(_move(context, record, results=results, agreed=()))
        settled = record.settled + record.named
        if same_results(results) and differing(found) == 0 and settled == 0:
            return _conclude(context, record, results, record.parties)
        after = _move(context, record, results=results, agreed=(), state=DIFFERS)
        return _answer(after)

    @method(Differ)
    def differ(self, context: Context, given: Differ) -> Value:
        """Name a line on which the books differ, and what one's own says."""
        record = _current(context, given.id, given.version, (DIFFERS, DISPUTED))
        party = _party(context, record)
        if given.code == MATCH:
            raise Refused("SCHEMA", field="$.code", have=MATCH)
        key = difference_key(given.id, given.line_key)
        known = context.get(key, Difference)
        if known is None and not has_line(context, record, given.line_key):
            raise Refused("LINK", id=given.id, field="$.line_key", have=given.line_key)
        if known is not None and known.state == ADJUSTED:
            raise Refused("STATE", key="match/" + key, have=ADJUSTED, need=[NAMED, DISPUTED])
        before = known or Difference(given.code, {})
        if before.code != given.code:
            raise Refused("RULE", field="$.code", have=given.code, need=before.code)
        evidence = {} if given.evidence is None else {party: given.evidence}
        after = Difference(
            code=before.code,
            claims={**before.claims, party: given.mine},
            state=before.state,
            evidence={**before.evidence, **evidence},
        )
        context.put(key, after)
        context.event("differed", id=given.id, line=given.line_key, code=given.code, party=party)
        named = record.named + (known is None)
        return _answer(_move(context, record, named=named, agreed=()))

    @method(Dispute)
    def dispute(self, context: Context, given: Dispute) -> Value:
        """Hand a named line to the arbiter whom the parties accepted when they committed."""
        record = _current(context, given.id, given.version, (DIFFERS, DISPUTED))
        party = _party(context, record)
        if not record.arbiter or given.to != record.arbiter:
            raise Refused("RULE", field="$.to", have=given.to, need=record.arbiter)
        key = difference_key(given.id, given.line_key)
        known = context.need(key, Difference)
        if known.state != NAMED:
            raise Refused("STATE", key="match/" + key, have=known.state, need=[NAMED])
        context.put(key, _with_state(known, DISPUTED))
        context.event("disputed", id=given.id, line=given.line_key, party=party, to=given.to)
        disputed = record.disputed + 1
        return _answer(_move(context, record, disputed=disputed, agreed=(), state=DISPUTED))

    @method(Adjust)
    def adjust(self, context: Context, given: Adjust) -> Value:
        """Fix what a line counts for: all parties together, or the arbiter of a disputed one."""
        record = _current(context, given.id, given.version, (DIFFERS, DISPUTED))
        key = difference_key(given.id, given.line_key)
        known = context.need(key, Difference)
        if known.state == ADJUSTED:
            raise Refused("STATE", key="match/" + key, have=ADJUSTED, need=[NAMED, DISPUTED])
        if given.drop and nonzero(given.value):
            raise Refused("SCHEMA", field="$.value", have={**given.value}, need={})
        by = _adjusting(context, record, known)
        after = Difference(
            code=known.code,
            claims=known.claims,
            state=ADJUSTED,
            evidence=known.evidence,
            value=nonzero(given.value),
            drop=given.drop,
            by=by,
        )
        context.put(key, after)
        context.event("adjusted", id=given.id, line=given.line_key, by=[*by])
        disputed = record.disputed - (known.state == DISPUTED)
        saved = _move(
            context,
            record,
            adjusted=sums([record.adjusted, given.value]),
            agreed=(),
            disputed=disputed,
            dropped=(*record.dropped, given.line_key) if given.drop else record.dropped,
            named=record.named - 1,
            settled=record.settled + 1,
            state=DISPUTED if disputed else DIFFERS,
        )
        return _answer(saved)

    @method(OfStatement)
    def agree(self, context: Context, given: OfStatement) -> Value:
        """Agree to the statement as it stands now, for every party that signs."""
        record = _current(context, given.id, given.version, (DIFFERS,))
        _party(context, record)
        if len(record.results) < len(record.parties) or not same_results(record.results):
            have = [party for party in record.parties if party in record.results]
            raise Refused("STATE", id=given.id, field="result", have=[*have], need="same")
        need = differing(record.results[record.parties[0]])
        if record.named or record.settled != need:
            raise Refused("RULE", id=given.id, field="adjusted", have=record.settled, need=need)
        signing = [signer.member for signer in context.signers]
        agreed = tuple(
            party for party in record.parties if party in record.agreed or party in signing
        )
        if agreed == record.agreed:
            raise Refused("EXISTS", id=given.id, by=context.sender.member, field="agree")
        if len(agreed) == len(record.parties):
            return _conclude(context, record, record.results, agreed)
        return _answer(_move(context, record, agreed=agreed))

    @method(Settle)
    def settle(self, context: Context, given: Settle) -> Value:
        """Confirm that the agreed amounts were paid, by which payment, into which record."""
        record = _current(context, given.id, given.version, (AGREED,))
        check_confirmed(context, record)
        if nonzero(given.amounts) != record.amounts:
            raise Refused("SUM", field="$.amounts", have={**given.amounts}, need={**record.amounts})
        key = payment_key(record, given.payment_ref)
        known = context.get_value(key)
        if known is not None:
            raise Refused("DUPLICATE", field="$.payment_ref", id=known)
        asset = given.asset_id or ""
        if asset and not context.within("asset").exists("record/" + asset):
            raise Refused("LINK", field="$.asset_id", id=asset)
        context.put_value(key, given.id)
        context.event("settled", id=given.id, payment=given.payment_ref)
        after = _move(context, record, asset_id=asset, payment_ref=given.payment_ref, state=SETTLED)
        return _answer(after)

    @method(Withdraw)
    def withdraw(self, context: Context, given: Withdraw) -> Value:
        """Give up a statement: its opener before any commitment, all parties before agreement."""
        record = _current(context, given.id, given.version, RUNNING)
        signing = [signer.member for signer in context.signers]
        alone = record.controller in signing and not record.commits
        missing = [party for party in record.parties if party not in signing]
        if missing and not alone:
            raise Refused("AUTH", id=given.id, need=[*missing], by=context.sender.member)
        _free_period(context, record)
        context.event("withdrawn", id=given.id)
        return _answer(_move(context, record, reason=given.reason, state=WITHDRAWN))

    @method(Late, via=TIMER)
    def late(self, context: Context, given: Late) -> Value:
        """End a stage at its deadline, and name those who missed it."""
        record = context.need(record_key(given.id), Statement)
        late = tuple(party for party in record.parties if party not in _heard(record))
        if record.state == REVEALED:
            state = DIFFERS
        else:
            state = LAPSED
            _free_period(context, record)
        context.event("late", id=given.id, parties=[*late], stage=record.state, state=state)
        _move(context, record, late=late, state=state)
        return None


def _current(context: Context, match_id: str, version: int, allowed: tuple[str, ...]) -> Statement:
    record = context.need(record_key(match_id), Statement)
    check_version(record, version)
    if record.state not in allowed:
        height = record.history[-1][0]
        raise Refused("STATE", id=match_id, have=record.state, need=list(allowed), height=height)
    return record


def _heard(record: Statement) -> tuple[str, ...]:
    """The parties that did what the state asks for."""
    if record.state == OPEN:
        return tuple(record.commits)
    return tuple(record.reveals if record.state == COMMITTED else record.results)


def _party(context: Context, record: Statement) -> str:
    """The sender's member, which must be a party."""
    member = context.sender.member
    if member not in record.parties:
        raise Refused("AUTH", id=record.id, need=[*record.parties], by=member)
    return member


def _adjusting(context: Context, record: Statement, known: Difference) -> tuple[str, ...]:
    """The members that adjust a difference: the arbiter if it is disputed, or all parties."""
    signing = [signer.member for signer in context.signers]
    if known.state == DISPUTED and record.arbiter in signing:
        return (record.arbiter,)
    missing = [party for party in record.parties if party not in signing]
    if missing:
        need = [record.arbiter] if known.state == DISPUTED else missing
        raise Refused("AUTH", id=record.id, need=[*need], by=context.sender.member)
    return record.parties


def _with_state(known: Difference, state: str) -> Difference:
    return Difference(known.code, known.claims, state, known.evidence)


def _conclude(
    context: Context, record: Statement, results: dict[str, Result], agreed: tuple[str, ...]
) -> Value:
    """Fix the amounts and claim every source line that counts: the one batch of keys."""
    claimed: dict[str, str] = {}
    for party in record.parties:
        book = context.need(book_key(record.id, party), Book)
        for key in claims_of(book.lines, record.dropped, party):
            claimed[key] = party
    check_unbilled(context, [*claimed])
    for key in claimed:
        context.put_value(key, record.id)
    amounts = sums([results[record.parties[0]].payable, record.adjusted])
    after = _move(context, record, results=results, agreed=agreed, amounts=amounts, state=AGREED)
    context.event("agreed", id=record.id, amounts={**amounts}, lines=len(claimed))
    return _answer(after)


def _deadline(record: Statement) -> int | None:
    """When the state that a statement is in must have been left."""
    deadlines = record.deadlines
    stages = {OPEN: deadlines.commit, COMMITTED: deadlines.reveal, REVEALED: deadlines.result}
    return stages.get(record.state)


def _start_timer(context: Context, record: Statement) -> None:
    time = _deadline(record)
    if time is not None:
        arguments = encode_value({"id": record.id})
        schedule(context, time, "match/" + record.id, "late", arguments)


def _move(context: Context, record: Statement, **changes: object) -> Statement:
    """Save the next version; a new state has its own timer."""
    after = save(context, record_key(record.id), record, **changes)
    if after.state != record.state:
        time = _deadline(record)
        if time is not None:
            cancel(context, time, "match/" + record.id)
        _start_timer(context, after)
    return after


def _free_period(context: Context, record: Statement) -> None:
    """Let the parties open the same period again."""
    context.delete(period_key(record.profile, record.parties, record.period))


def _answer(record: Statement) -> Value:
    return {"id": record.id, "state": record.state, "version": record.version}
