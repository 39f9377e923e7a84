"""Birth, actions of the profile, change of medium and end (docs/spec/asset.md, sections 3 and 8).

The promise: a record is born of a transition that its profile names, changes by such
transitions alone, and ends once.
"""

from typing import cast

from hansa.encoding import Value
from ledger.contract import Context, Refused
from ledger.contracts.asset_arguments import Act, Fire, Issue, Replace, Retire
from ledger.contracts.asset_case import Case, open_case
from ledger.contracts.asset_checks import need_member, refuse_offered, require_signed
from ledger.contracts.asset_facts import is_over
from ledger.contracts.asset_records import (
    CONTROLLER,
    LIVE,
    PAPER,
    RETIRED,
    STANDING,
    AssetRecord,
    BodyValue,
    content_digest,
    paper_key,
    record_key,
)
from ledger.contracts.profile import need_live_profile
from ledger.machine import Profile, check_body
from ledger.records import first, save

NATIVE = (
    "accept", "encumber", "enforce", "freeze", "issue", "merge", "offer", "reject",
    "replace", "split", "unfreeze", "withdraw",
)  # fmt: skip
"""Actions with a method of their own: `act` does not do by halves what that does whole."""
ACTION_RETIRE, ACTION_REPLACE = "retire", "replace"
AMENDED = ("cancelled", "surrendered", "surrendered_for_amendment")
"""Ends (as a reason, or as a state in small letters) after which a record may be issued anew in
another wording: never after delivery or payment."""


def issue(context: Context, given: Issue) -> Value:
    """Make a record, as the profile's birth says; other contracts may call this as well.

    Raises:
        Refused: ``EXISTS``, ``PROFILE``, ``SCHEMA``, ``DUPLICATE``, ``LINK``, and what the
            profile refuses.
    """
    key = record_key(given.id)
    known = context.get(key, AssetRecord)
    if known is not None:
        raise Refused("EXISTS", id=given.id, by=known.issuer, height=known.history[0][0])
    profile = need_live_profile(context, given.profile)
    _check_quantity(profile, given)
    body = check_body(profile, cast("dict[str, Value]", given.body))
    sender = context.sender.member
    controller = given.controller or sender
    record = AssetRecord(
        id=given.id,
        version=1,
        controller=controller,
        history=first(context),
        holder=given.holder or controller,
        issuer=sender,
        profile=profile.id,
        quantity=given.quantity,
        root=given.id,
        state="",
        unit=given.unit,
        body=cast("dict[str, BodyValue]", body),
        refs=given.refs,
        right=given.right,
        seal=given.seal,
        supersedes=given.supersedes or "",
    )
    case = Case(context, record, profile, (), given.evidence, fresh=True)
    if given.action not in profile.births:
        births: list[Value] = [*profile.births]
        raise Refused("SCHEMA", field="$.action", have=given.action, need=births)
    actor = case.run(given.action, given.args).actor
    if given.supersedes is not None:
        _supersede(context, record, actor)
    need_member(context, str(case.changes.get("controller", record.controller)), "controller")
    need_member(context, str(case.changes.get("holder", record.holder)), "holder")
    if given.paper is not None:
        _take_paper(context, record.family, actor, given.paper, given.id)
    after = case.save(issuer=actor, paper=given.paper or "")
    context.event(
        "issued", id=given.id, profile=profile.id, by=actor, controller=after.controller,
        quantity=after.quantity, unit=after.unit,
    )  # fmt: skip
    return {"id": given.id, "state": after.state, "version": 1}


def act(context: Context, given: Act) -> Value:
    """Carry out an action of the profile that has no method of its own.

    Raises:
        Refused: ``SCHEMA`` (not an action for `act`), ``STATE``, ``AUTH``, ``SIGN``, ``RULE``,
            ``LINK``, ``HELD``, as the profile and what lies on the record say.
    """
    if given.action in NATIVE:
        raise Refused("SCHEMA", field="$.action", have=given.action, need="asset." + given.action)
    case = open_case(context, given.id, given.version, given.evidence)
    change = case.run(given.action, given.args)
    after = case.save()
    evidence: list[Value] = [*given.evidence]
    context.event(
        "acted", id=given.id, action=given.action, by=change.actor, state=after.state,
        evidence=evidence,
    )  # fmt: skip
    return {"id": given.id, "state": after.state, "version": after.version}


def fire(context: Context, given: Fire) -> Value:
    """Carry out what a timer of the profile says; the due-queue calls this."""
    case = open_case(context, given.id, None, allowed=STANDING)
    timer = case.profile.timers.get(given.name)
    if timer is None or case.timers.get(given.name) != given.at:
        return None
    del case.timers[given.name]
    case.run(timer.action)
    after = case.save()
    context.event("timed", id=given.id, action=timer.action, timer=given.name, state=after.state)
    return None


def retire(context: Context, given: Retire) -> Value:
    """Bring a record to its end; its unique values stay used, unless they are reusable.

    Raises:
        Refused: ``HELD``, ``STATE``, ``AUTH``, and what the profile refuses.
    """
    case = open_case(context, given.id, given.version, given.evidence)
    refuse_offered(case.record)
    if case.profile.has(ACTION_RETIRE):
        case.run(ACTION_RETIRE, given.args)
    else:
        _require_both(context, case.record)
    after = case.save(status=RETIRED, reason=given.reason)
    evidence: list[Value] = [*given.evidence]
    context.event("retired", id=given.id, reason=given.reason, evidence=evidence)
    return {"id": given.id, "state": after.state, "version": after.version}


def replace(context: Context, given: Replace) -> Value:
    """Change the medium: to paper, or back (MLETR 17 and 18; reason code SWTP).

    While the paper is out, the record stands still; it comes back when its issuer has the paper
    in hand. Both must say the same, and one of them alone has effect at any height.

    Raises:
        Refused: ``SUM`` (another content), ``DUPLICATE`` (that paper was exchanged before),
            ``LINK`` (another paper), ``STATE``, ``HELD``, ``AUTH``.
    """
    to_paper = given.medium == PAPER
    case = open_case(
        context, given.id, given.version, given.evidence, (LIVE,) if to_paper else (PAPER,)
    )
    record = case.record
    refuse_offered(record)
    digest = content_digest(record)
    if digest != given.same_content_digest:
        raise Refused("SUM", id=given.id, field="$.same_content_digest", need=digest)
    if case.profile.has(ACTION_REPLACE):
        case.run(ACTION_REPLACE, given.args)
    else:
        _require_both(context, record)
    if to_paper:
        _take_paper(context, record.family, record.issuer, given.new_ref, given.id)
        after = case.save(status=PAPER, paper=given.new_ref)
    else:
        if given.new_ref != record.paper:
            raise Refused("LINK", id=given.id, have=given.new_ref, need=record.paper)
        to = given.to or record.controller
        require_signed(context, record, "to", to)
        need_member(context, to, "to")
        after = case.save(status=LIVE, controller=to, holder=to)
    context.event("replaced", id=given.id, medium=given.medium, paper=given.new_ref, content=digest)
    return {"id": given.id, "status": after.status, "version": after.version}


def _check_quantity(profile: Profile, given: Issue) -> None:
    quantity = profile.quantity
    if quantity is None:
        if given.quantity != 1 or given.unit:
            raise Refused("SCHEMA", field="$.quantity", have=given.quantity, need=1)
        return
    if given.unit != quantity.unit:
        raise Refused("SCHEMA", field="$.unit", have=given.unit, need=quantity.unit)
    if given.quantity < quantity.least:
        raise Refused("RULE", field="$.quantity", have=given.quantity, need=quantity.least)


def _require_both(context: Context, record: AssetRecord) -> None:
    """Who has the right and who owes it agree."""
    require_signed(context, record, "issuer", record.issuer)
    if record.status == LIVE:
        require_signed(context, record, CONTROLLER, record.controller)


def _take_paper(context: Context, family: str, issuer: str, number: str, asset_id: str) -> None:
    key = paper_key(family, issuer, number)
    known = context.get_value(key)
    if known is not None:
        raise Refused("DUPLICATE", field="$.paper", have=number, by=known)
    context.put_value(key, asset_id)


def _supersede(context: Context, record: AssetRecord, issuer: str) -> None:
    """Point from the amended record to the new one; its unique values pass to it."""
    key = record_key(record.supersedes)
    old = context.get(key, AssetRecord)
    if old is None:
        raise Refused("LINK", field="$.supersedes", id=record.supersedes)
    ends_so = old.reason in AMENDED or old.state.lower() in AMENDED
    amended = old.status == RETIRED and ends_so and is_over(context, old.root)
    if not amended or old.id != old.root or old.successor:
        ends: list[Value] = [*AMENDED]
        raise Refused(
            "LINK", field="$.supersedes", id=old.id, have=old.status, need=ends, by=old.successor
        )
    if (old.family, old.issuer) != (record.family, issuer):
        raise Refused("LINK", field="$.supersedes", id=old.id, have=old.issuer, need=issuer)
    save(context, key, old, successor=record.id)
