"""What lies on a record: pledge, lien, hold, freeze (docs/spec/asset.md, section 7).

The promise: an encumbrance is laid with the signature of the one who has the title, and lifted
with that of the one whom it secures, or by the order that made it; a hold ends by itself.
"""

from typing import Never

from hansa.encoding import Value
from ledger.contract import Context, Refused
from ledger.contracts.asset_arguments import Enforce, ExpireHold, LayOn, Lift, Order
from ledger.contracts.asset_case import Case, open_case
from ledger.contracts.asset_checks import (
    is_signed,
    need_member,
    refuse_offered,
    require_signed,
    schedule_hold,
)
from ledger.contracts.asset_records import (
    CONTROLLER,
    FREEZE,
    HOLD,
    HOLD_MS_MAX,
    STANDING,
    STOPPING,
    Claim,
)
from ledger.contracts.cred import issuer_ok
from ledger.machine import Encumber

ENCUMBER, RELEASE, UNFREEZE = "encumber", "release", "unfreeze"
ENFORCE, FORECLOSE = "enforce", "foreclose"
AUTHORITIES = ("court", "regulator")
"""Types of accreditation whose holders may freeze, where the profile names nobody."""


def encumber(context: Context, given: LayOn) -> Value:
    """Lay an encumbrance on a record: its controller and the secured member sign.

    Raises:
        Refused: ``RULE`` (a kind that the profile does not have), ``HELD`` (one lies there
            already), ``AUTH``, ``STATE``, ``TIME``, ``EXISTS``, ``LINK``.
    """
    case = open_case(context, given.id, given.version, given.evidence)
    record = case.record
    if given.kind == FREEZE:
        raise Refused("RULE", id=given.id, have=FREEZE, need="asset.freeze")
    refuse_offered(record)
    _check_until(context, given)
    secured = given.secured
    claim = Claim(
        by=context.sender.member,
        height=context.height,
        id=given.enc_id,
        kind=given.kind,
        since=context.time,
        to=given.to,
        amount=0 if secured is None else secured.amount,
        terms=given.terms_digest or b"",
        unit="" if secured is None else secured.unit,
        until=given.until,
    )
    names = [name for name in (given.kind, ENCUMBER) if case.profile.has(name)]
    if names:
        change = case.run(names[0], given.args, done=given.kind)
        for effect in change.effects:
            if isinstance(effect, Encumber) and effect.kind == given.kind:
                _check_same(given, effect.to)
    else:
        require_signed(context, record, CONTROLLER, record.controller)
        require_signed(context, record, "to", given.to)
    case.put_claim(claim)
    if claim.kind == HOLD:
        schedule_hold(context, record.id, claim)
    after = case.save()
    context.event("encumbered", id=given.id, claim=claim.id, kind=claim.kind, to=claim.to)
    return {"claim": claim.id, "id": given.id, "state": after.state, "version": after.version}


def release(context: Context, given: Lift) -> Value:
    """Lift an encumbrance as the member whom it secures.

    Raises:
        Refused: ``MISSING`` (no such one), ``AUTH``, ``STATE`` (a freeze), and what the profile
            refuses.
    """
    case = open_case(context, given.id, given.version, given.evidence, STANDING)
    claim = _find(case, given.enc_id)
    if claim.kind == FREEZE:
        raise Refused("STATE", id=given.id, encumbrance=claim.id, need="asset.unfreeze")
    require_signed(context, case.record, claim.kind, claim.to)
    if claim.kind not in STOPPING and case.profile.has(RELEASE):
        case.run(RELEASE, given.args, done=claim.kind)
    case.lift(claim)
    after = case.save()
    context.event("released", id=given.id, claim=claim.id, reason=given.reason)
    return {"claim": claim.id, "id": given.id, "state": after.state, "version": after.version}


def enforce(context: Context, given: Enforce) -> Value:
    """Give a record to its secured member, or to whom that names.

    Where the profile has no `enforce` or `foreclose`, the controller or an authority signs as
    well: nobody is the judge of his own claim.

    Raises:
        Refused: ``MISSING``, ``AUTH``, ``STATE``, ``HELD`` by other encumbrances.
    """
    case = open_case(context, given.id, given.version, given.evidence)
    claim = _find(case, given.enc_id)
    if claim.kind in STOPPING:
        raise Refused("STATE", id=given.id, encumbrance=claim.id, have=claim.kind)
    require_signed(context, case.record, claim.kind, claim.to)
    refuse_offered(case.record)
    to = given.to or claim.to
    need_member(context, to, "to")
    names = [name for name in (ENFORCE, FORECLOSE) if case.profile.has(name)]
    if names:
        case.run(names[0], given.args, done=claim.kind)
    elif not is_signed(context, case.record.controller) and not _authority(context):
        _refuse_authority(context, case, CONTROLLER)
    # The one enforced is lifted first: its member signed, the others speak for themselves.
    case.lift(claim)
    after = case.save(controller=to, holder=to)
    context.event(
        "enforced", id=given.id, claim=claim.id, by=claim.to, to=to, order=given.order_ref
    )
    return {"controller": to, "id": given.id, "state": after.state, "version": after.version}


def freeze(context: Context, given: Order) -> Value:
    """Stop a record by order of a court or regulator.

    Raises:
        Refused: ``AUTH``, ``DUPLICATE`` (this order did so already), ``LIMIT``.
    """
    case = open_case(context, given.id, given.version, given.evidence, STANDING)
    if case.profile.has(FREEZE):
        by = case.run(FREEZE, given.args, done=FREEZE).actor
    else:
        by = _authority(context)
        if not by:
            _refuse_authority(context, case, "authority")
    if any((one.kind, one.to, one.order) == (FREEZE, by, given.order_ref) for one in case.claims):
        raise Refused("DUPLICATE", id=given.id, field="$.order_ref", have=given.order_ref, by=by)
    name = f"freeze-{case.record.version + 1}"
    case.put_claim(Claim(by, context.height, name, FREEZE, context.time, by, order=given.order_ref))
    after = case.save()
    context.event("frozen", id=given.id, claim=name, by=by, order=given.order_ref)
    return {"claim": name, "id": given.id, "version": after.version}


def unfreeze(context: Context, given: Order) -> Value:
    """End a freeze: by the member that ordered it, or whom the profile says.

    Raises:
        Refused: ``MISSING`` (no freeze by this order), ``AUTH``.
    """
    case = open_case(context, given.id, given.version, given.evidence, STANDING)
    found = [one for one in case.claims if (one.kind, one.order) == (FREEZE, given.order_ref)]
    if not found:
        raise Refused("MISSING", id=given.id, field="$.order_ref", have=given.order_ref)
    if case.profile.has(UNFREEZE):
        case.run(UNFREEZE, given.args, done=FREEZE)
        claim = found[0]
    else:
        own = [one for one in found if is_signed(context, one.to)]
        claim = (own or found)[0]
        require_signed(context, case.record, FREEZE, claim.to)
    case.lift(claim)
    after = case.save()
    context.event("unfrozen", id=given.id, claim=claim.id, order=given.order_ref)
    return {"claim": claim.id, "id": given.id, "version": after.version}


def expire_hold(context: Context, given: ExpireHold) -> Value:
    """End a hold at its time; the due-queue calls this."""
    case = open_case(context, given.id, None, allowed=STANDING)
    claim = _find(case, given.claim)
    case.lift(claim)
    case.save()
    context.event("released", id=given.id, claim=claim.id, reason="expired")
    return None


def _check_until(context: Context, given: LayOn) -> None:
    """A date lies in the future; a hold has one, and soon."""
    if given.kind == HOLD:
        latest = context.time + HOLD_MS_MAX
        if not context.time < given.until <= latest:
            raise Refused("TIME", field="$.until", have=given.until, need=[context.time, latest])
    elif given.until and given.until <= context.time:
        raise Refused("TIME", field="$.until", have=given.until, need=context.time)


def _check_same(given: LayOn, to: str) -> None:
    if to != given.to:
        raise Refused("SCHEMA", field="$.to", have=given.to, need=to)


def _find(case: Case, name: str) -> Claim:
    for claim in case.claims:
        if claim.id == name:
            return claim
    raise Refused("MISSING", id=case.record.id, encumbrance=name)


def _authority(context: Context) -> str:
    """The first member that signed and is accredited as an authority; "" for none."""
    for signer in context.signers:
        if any(issuer_ok(context, signer.member, kind) for kind in AUTHORITIES):
            return signer.member
    return ""


def _refuse_authority(context: Context, case: Case, role: str) -> Never:
    need: list[Value] = [*AUTHORITIES]
    raise Refused("AUTH", id=case.record.id, role=role, need=need, by=context.sender.subject)
