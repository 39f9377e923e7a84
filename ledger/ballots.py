"""Ballots: decisions of k of n members, for whatever contract needs one (contracts.md, section 6).

The promise: the members that may vote and the votes that are needed are fixed when a
ballot opens; each member votes once; it closes as soon as the outcome is certain, at
its deadline, or when its opener withdraws it. What was decided is carried out in the
transaction that decided it.
"""

import msgspec

from hansa.encoding import Value, encode_value
from hansa.errors import Rejected
from ledger.contract import ADMIN, BALLOT, Context, Refused, store
from ledger.due import cancel, schedule
from ledger.records import Record, create, first, save

OPEN, PASSED, REFUSED, EXPIRED, WITHDRAWN, FAILED = (
    "open",
    "passed",
    "refused",
    "expired",
    "withdrawn",
    "failed",
)
"""States of a ballot. ``failed``: it passed, but could not be carried out any more."""
HOME = "governance"
"""The contract under whose keys all ballots stand."""
CLOSE = "close_ballot"
"""The timer method of `HOME` that ends a ballot at its deadline."""
DAY_MS = 24 * 3600 * 1000
ALL, ANY, MAJORITY, SELF, FORBIDDEN = "ALL", "ANY", "MAJORITY", "SELF", "FORBIDDEN"


class Ballot(Record, frozen=True):
    """``governance/ballot/<id>``: a question, who may answer, and the answers.

    Attributes:
        contract: whose method is carried out, with `action` and `arguments`.
        action: the name of that method without ``apply_``.
        arguments: canonical bytes of a map.
        policy: the policy word at the opening.
        needed: approvals that pass it.
        voters: members that may vote.
        deadline: block time in ms after which it is expired.
        opener: the subject that opened it.
    """

    action: str
    arguments: bytes
    contract: str
    deadline: int
    needed: int
    opener: str
    policy: str
    voters: tuple[str, ...]
    state: str = OPEN
    approvals: tuple[str, ...] = ()
    rejections: tuple[str, ...] = ()
    outcome: str = ""


def approvals_needed(policy: str, voters: int) -> int:
    """How many of so many voters must approve; a share ``k-of-m`` is rounded up."""
    if policy == ALL:
        return voters
    if policy in (ANY, SELF):
        return 1
    if policy == MAJORITY:
        return voters // 2 + 1
    part, _, whole = policy.partition("-of-")
    return -(-int(part) * voters // int(whole))


def open_ballot(
    context: Context, action: str, arguments: msgspec.Struct, *, concerns: str = ""
) -> Value:
    """Open a ballot on an action of the context's contract; the opener's member approves it.

    `concerns` is the member that the action is about: it alone decides under SELF.

    Raises:
        Refused: ``AUTH`` when the sender may not vote, ``STATE`` when the policy forbids the
            action.
    """
    registry, sender = context.registry, context.sender
    policy = str(registry.parameter(f"policy.{context.contract}.{action}"))
    if policy == FORBIDDEN:
        raise Refused("STATE", action=f"{context.contract}.{action}", have=FORBIDDEN)
    voters = (concerns,) if policy == SELF else registry.members()
    _check_voter(context, voters)
    home = context.within(HOME)
    ballot_id = _free_id(home)
    deadline = context.time + int(registry.parameter("ballot.days")) * DAY_MS
    ballot = Ballot(
        id=ballot_id,
        version=1,
        controller=sender.member,
        history=first(context),
        action=action,
        arguments=store(arguments),
        contract=context.contract,
        deadline=deadline,
        needed=approvals_needed(policy, len(voters)),
        opener=sender.subject,
        policy=policy,
        voters=voters,
    )
    create(home, "ballot/" + ballot_id, ballot)
    schedule(home, deadline, ballot_id, CLOSE, encode_value({"id": ballot_id}))
    home.event("ballot_opened", id=ballot_id, action=f"{context.contract}.{action}")
    return _count(home, ballot, (sender.member,), ())


def vote(home: Context, ballot_id: str, *, approve: bool) -> Value:
    """Give the vote of the sender's member; the last vote needed carries the action out.

    Raises:
        Refused: ``MISSING``, ``STATE`` (closed), ``AUTH`` (no voter) or ``DUPLICATE`` (voted).
    """
    ballot = _open(home, ballot_id)
    _check_voter(home, ballot.voters)
    member = home.sender.member
    if member in ballot.approvals or member in ballot.rejections:
        raise Refused("DUPLICATE", id=ballot_id, by=member)
    home.event("voted", id=ballot_id, member=member, approve=approve)
    if approve:
        return _count(home, ballot, (*ballot.approvals, member), ballot.rejections)
    return _count(home, ballot, ballot.approvals, (*ballot.rejections, member))


def withdraw(home: Context, ballot_id: str) -> Value:
    """Close an open ballot that the sender's member opened.

    Raises:
        Refused: ``MISSING``, ``STATE`` or ``AUTH``.
    """
    ballot = _open(home, ballot_id)
    if home.sender.member != ballot.controller:
        raise Refused("AUTH", id=ballot_id, need=ballot.controller, have=home.sender.member)
    return _close(home, ballot, WITHDRAWN)


def expire(home: Context, ballot_id: str) -> None:
    """End a ballot at its deadline; the due-queue calls this."""
    ballot = home.need("ballot/" + ballot_id, Ballot)
    after = save(home, "ballot/" + ballot_id, ballot, state=EXPIRED)
    home.event("ballot_closed", id=ballot_id, state=after.state)


def _open(home: Context, ballot_id: str) -> Ballot:
    ballot = home.need("ballot/" + ballot_id, Ballot)
    if ballot.state != OPEN:
        raise Refused("STATE", id=ballot_id, have=ballot.state, need=OPEN)
    return ballot


def _check_voter(context: Context, voters: tuple[str, ...]) -> None:
    sender = context.sender
    if ADMIN not in sender.roles or sender.member not in voters:
        raise Refused("AUTH", need=ADMIN, have=list(sender.roles), by=sender.subject)


def _free_id(home: Context) -> str:
    """An id that names the transaction; several ballots of one get a number behind it."""
    name = home.scope.tx_id.hex()[:24]
    number = 1
    while home.exists(f"ballot/{name}-{number}"):
        number += 1
    return f"{name}-{number}"


def _count(
    home: Context, ballot: Ballot, approvals: tuple[str, ...], rejections: tuple[str, ...]
) -> Value:
    """Write the votes; close the ballot when its outcome is certain."""
    counted = msgspec.structs.replace(ballot, approvals=approvals, rejections=rejections)
    if len(approvals) >= ballot.needed:
        code = _carry_out(home, ballot)
        return _close(home, counted, FAILED if code else PASSED, code)
    if len(ballot.voters) - len(rejections) < ballot.needed:
        return _close(home, counted, REFUSED)
    after = save(home, "ballot/" + ballot.id, counted)
    return _answer(after)


def _close(home: Context, ballot: Ballot, state: str, outcome: str = "") -> Value:
    cancel(home, ballot.deadline, ballot.id)
    after = save(home, "ballot/" + ballot.id, ballot, state=state, outcome=outcome)
    home.event("ballot_closed", id=ballot.id, state=state)
    return _answer(after)


def _answer(ballot: Ballot) -> Value:
    return {
        "approvals": len(ballot.approvals),
        "ballot": ballot.id,
        "needed": ballot.needed,
        "outcome": ballot.outcome,
        "state": ballot.state,
    }


def _carry_out(home: Context, ballot: Ballot) -> str:
    """Run the action; "" or the code of its refusal, and then nothing of it remains."""
    scope = home.scope
    savepoint, events, records = scope.view.save(), len(scope.events), len(scope.records)
    contract = scope.contracts[ballot.contract]
    try:
        entry = contract.find("apply_" + ballot.action, BALLOT)
        contract.carry_out(entry, scope, ballot.arguments)
    except Refused as refusal:
        code = refusal.code
    except Rejected:
        code = "SCHEMA"
    else:
        return ""
    scope.view.rollback(savepoint)
    del scope.events[events:], scope.records[records:]
    return code
