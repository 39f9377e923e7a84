"""Offers and their answers: how title and possession pass (docs/spec/asset.md, section 5).

The promise: nothing passes without the one who gives and the one who takes; one offer is open
at a time, names one taker and ends by itself; what lies on a record goes with it.
"""

from hansa.encoding import Value
from ledger.contract import Context, Refused
from ledger.contracts.asset_arguments import Answer, ExpireOffer, MakeOffer
from ledger.contracts.asset_case import Case, open_case
from ledger.contracts.asset_checks import (
    need_member,
    refuse_offered,
    require_signed,
    schedule_offer,
)
from ledger.contracts.asset_records import (
    BLANK,
    BOTH,
    CONTROLLER,
    FINAL,
    HOLDER,
    OFFER_MS_MAX,
    AssetRecord,
    Offer,
)

OFFER, ACCEPT, REJECT, WITHDRAW = "offer", "accept", "reject", "withdraw"


def offer(context: Context, given: MakeOffer) -> Value:
    """Offer title, possession or both to a member.

    Raises:
        Refused: ``STATE``, ``AUTH``, ``HELD``, ``TIME``, ``LINK``, and what the profile refuses.
    """
    case = open_case(context, given.id, given.version, given.evidence)
    made = propose(case, given, case.record.version + 1)
    after = case.save(offer=made)
    return {"id": given.id, "offer": made.number, "version": after.version}


def propose(case: Case, given: MakeOffer, number: int) -> Offer:
    """Check an offer on a record that is open for one, and schedule its end.

    Raises:
        Refused: as `offer`.
    """
    context, record, profile = case.context, case.record, case.profile
    refuse_offered(record)
    if not (profile.has(OFFER) or profile.has(ACCEPT)):
        raise Refused("STATE", id=record.id, action=OFFER, profile=profile.id)
    role = BOTH if given.role == HOLDER and record.right == BLANK else given.role
    giver = _check_giver(context, record, role, given.role)
    if given.right == BLANK and role != BOTH:
        raise Refused("RULE", id=record.id, field="$.role", have=role, need=BOTH)
    if role != HOLDER and record.right == FINAL and given.to != record.issuer:
        raise Refused("AUTH", id=record.id, have=FINAL, need=record.issuer, by=giver)
    need_member(context, given.to, "to")
    has = {CONTROLLER: (record.controller,), HOLDER: (record.holder,)}.get(
        role, (record.controller, record.holder)
    )
    if all(member == given.to for member in has):
        raise Refused("STATE", id=record.id, have=given.to, need="another member", role=role)
    latest = context.time + OFFER_MS_MAX
    if not context.time < given.expires <= latest:
        raise Refused("TIME", field="$.expires", have=given.expires, need=[context.time, latest])
    case.require_free()
    consents = tuple(claim.id for claim in case.claims)
    if profile.has(OFFER):
        case.run(OFFER, given.args)
    schedule_offer(context, record.id, number, given.expires)
    context.event("offered", id=record.id, offer=number, by=giver, to=given.to, role=role)
    return Offer(
        by=giver,
        expires=given.expires,
        number=number,
        role=role,
        to=given.to,
        right=record.right if given.role == HOLDER else given.right,
        consents=consents,
        terms=given.terms_digest or b"",
    )


def accept(context: Context, given: Answer) -> Value:
    """Take what is offered: title and possession pass in this very record.

    Raises:
        Refused: ``STATE`` (no such offer), ``AUTH`` (for another), ``TIME`` (too late), ``HELD``.
    """
    case = open_case(context, given.id, given.version, given.evidence)
    made = _need_offer(case.record, given.offer)
    require_signed(context, case.record, "to", made.to)
    if context.time >= made.expires:
        raise Refused("TIME", id=given.id, have=context.time, need=made.expires, offer=made.number)
    if case.profile.has(ACCEPT):
        case.run(ACCEPT, given.args)
    case.close_offer()
    passed: dict[str, object] = {}
    if made.role != HOLDER:
        passed |= {"controller": made.to, "right": made.right}
    if made.role != CONTROLLER:
        passed["holder"] = made.to
    after = case.save(consents=made.consents, answered=True, offer=None, **passed)
    context.event(
        "passed", id=given.id, offer=made.number, by=made.by, to=made.to, role=made.role,
        right=after.right,
    )  # fmt: skip
    return _answer(after)


def reject(context: Context, given: Answer) -> Value:
    """Decline an offer as the one to whom it was made.

    Raises:
        Refused: ``STATE`` (no such offer), ``AUTH``.
    """
    return _turn_down(context, given, REJECT)


def withdraw(context: Context, given: Answer) -> Value:
    """Take an offer back as the one who made it.

    Raises:
        Refused: ``STATE`` (no such offer), ``AUTH``.
    """
    return _turn_down(context, given, WITHDRAW)


def expire(context: Context, given: ExpireOffer) -> Value:
    """End an offer that nobody answered; the due-queue calls this."""
    case = open_case(context, given.id, None)
    made = case.record.offer
    if made is None or made.number != given.number:
        return None
    case.save(answered=True, offer=None)
    context.event("offer_closed", id=given.id, offer=made.number, how="expire")
    return None


def _turn_down(context: Context, given: Answer, how: str) -> Value:
    case = open_case(context, given.id, given.version, given.evidence)
    made = _need_offer(case.record, given.offer)
    role, member = ("to", made.to) if how == REJECT else ("by", made.by)
    require_signed(context, case.record, role, member)
    if case.profile.has(how):
        case.run(how, given.args)
    case.close_offer()
    after = case.save(answered=True, offer=None)
    context.event("offer_closed", id=given.id, offer=made.number, how=how, reason=given.reason)
    return _answer(after)


def _check_giver(context: Context, record: AssetRecord, role: str, asked: str) -> str:
    """Who gives: the holder possession, the controller title, both together what they share."""
    if asked == HOLDER:
        require_signed(context, record, HOLDER, record.holder)
        return record.holder
    require_signed(context, record, CONTROLLER, record.controller)
    if role == BOTH:
        require_signed(context, record, HOLDER, record.holder)
    return record.controller


def _need_offer(record: AssetRecord, number: int) -> Offer:
    made = record.offer
    if made is None or made.number != number:
        have = 0 if made is None else made.number
        raise Refused("STATE", id=record.id, field="$.offer", have=have, need=number)
    return made


def _answer(after: AssetRecord) -> Value:
    return {
        "controller": after.controller,
        "holder": after.holder,
        "id": after.id,
        "state": after.state,
        "version": after.version,
    }
