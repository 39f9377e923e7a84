"""Split and merge (docs/spec/asset.md, section 6).

The promise: what goes in comes out, to the unit; what lies on a record lies on every part of
it; a record that was split or merged never stands again.
"""

from dataclasses import dataclass

import msgspec

from hansa.encoding import Value
from ledger.contract import Context, Refused
from ledger.contracts.asset_arguments import MakeOffer, Merge, Part, Split
from ledger.contracts.asset_case import Case, open_case
from ledger.contracts.asset_checks import refuse_offered, require_signed, schedule_hold
from ledger.contracts.asset_moves import propose
from ledger.contracts.asset_records import (
    CONTROLLER,
    HOLD,
    LIVE,
    MERGED,
    SPLIT,
    AssetRecord,
    Claim,
    record_key,
)
from ledger.records import first

ACTION_SPLIT, ACTION_MERGE = "split", "merge"


def split(context: Context, given: Split) -> Value:
    """Put several records in the place of one.

    Raises:
        Refused: ``SUM`` (parts that are not the whole), ``RULE`` (indivisible, or a part below the
            least), ``HELD``, ``AUTH``, ``STATE``, ``EXISTS``.
    """
    case = open_case(context, given.id, given.version, given.evidence)
    record = case.record
    _prepare(case)
    total = sum(part.quantity for part in given.parts)
    if total != record.quantity:
        raise Refused("SUM", id=record.id, have=total, need=record.quantity, unit=record.unit)
    names = tuple(part.id for part in given.parts)
    for part in given.parts:
        _check_part(case, part, names)
    if case.profile.has(ACTION_SPLIT):
        case.run(ACTION_SPLIT, given.args)
    claims, outcome = case.claims, _Outcome.of(case)
    after = case.save(status=SPLIT, children=names, reason=ACTION_SPLIT)
    child = msgspec.structs.replace(
        record, version=1, history=first(context), parents=(record.id,), paper="", supersedes="",
        **outcome.fields(),
    )  # fmt: skip
    for part in given.parts:
        _make(
            case, msgspec.structs.replace(child, id=part.id, quantity=part.quantity), claims, part
        )
    parts: list[Value] = [*names]
    context.event("split", id=record.id, parts=parts, quantities=[p.quantity for p in given.parts])
    return {"id": record.id, "parts": parts, "version": after.version}


def merge(context: Context, given: Merge) -> Value:
    """Put one record in the place of several of the same root and class.

    Raises:
        Refused: ``LINK`` (not of one class), ``DUPLICATE`` (one twice), ``HELD``, ``AUTH``,
            ``STATE``, ``EXISTS``, ``RULE``, ``SCHEMA``.
    """
    if len(given.versions) != len(given.ids):
        raise Refused("SCHEMA", field="$.versions", have=len(given.versions), need=len(given.ids))
    if len(dict.fromkeys(given.ids)) != len(given.ids):
        raise Refused("DUPLICATE", field="$.ids")
    _check_free_id(context, given.new_id)
    cases = [
        open_case(context, name, version, given.evidence)
        for name, version in zip(given.ids, given.versions, strict=True)
    ]
    whole = cases[0].record
    claims: list[Claim] = []
    for case in cases:
        _check_class(whole, case.record)
        _prepare(case)
        _join(case, claims)
    outcomes: list[_Outcome] = []
    for case in cases:
        if case.profile.has(ACTION_MERGE):
            case.run(ACTION_MERGE, given.args)
        outcomes.append(_Outcome.of(case))
        case.save(status=MERGED, children=(given.new_id,), reason=ACTION_MERGE)
    if any(one != outcomes[0] for one in outcomes):
        raise Refused("LINK", field="$.ids", action=ACTION_MERGE)
    quantity = sum(case.record.quantity for case in cases)
    merged = msgspec.structs.replace(
        whole, id=given.new_id, version=1, history=first(context), parents=given.ids,
        quantity=quantity, paper="", supersedes="", **outcomes[0].fields(),
    )  # fmt: skip
    _make(cases[0], merged, tuple(claims), None)
    merged_ids: list[Value] = [*given.ids]
    context.event("merged", id=given.new_id, parts=merged_ids, quantity=quantity)
    return {"id": given.new_id, "quantity": quantity, "version": 1}


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What the profile made of a record that is split or merged: what its children begin with.

    Where the profile has a final state for that, it is the state of the old record alone.
    """

    body: object
    controller: object
    holder: object
    state: object
    timers: object

    @classmethod
    def of(cls, case: Case) -> "_Outcome":
        record, changes = case.record, case.changes
        return cls(
            changes.get("body", record.body),
            changes.get("controller", record.controller),
            changes.get("holder", record.holder),
            record.state if "status" in changes else changes.get("state", record.state),
            dict(case.timers),
        )

    def fields(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in self.__slots__}


def _prepare(case: Case) -> None:
    """What splitting and merging ask alike."""
    record, quantity = case.record, case.profile.quantity
    require_signed(case.context, record, CONTROLLER, record.controller)
    refuse_offered(record)
    if quantity is None or not quantity.divisible:
        raise Refused("RULE", id=record.id, need="divisible", profile=record.profile)
    case.require_free()


def _check_part(case: Case, part: Part, names: tuple[str, ...]) -> None:
    quantity = case.profile.quantity
    assert quantity is not None
    if part.quantity < quantity.least:
        raise Refused("RULE", id=part.id, have=part.quantity, need=quantity.least)
    if names.count(part.id) > 1:
        raise Refused("DUPLICATE", field="$.parts", id=part.id)
    _check_free_id(case.context, part.id)


def _check_free_id(context: Context, asset_id: str) -> None:
    if context.exists(record_key(asset_id)):
        raise Refused("EXISTS", id=asset_id)


def _check_class(whole: AssetRecord, part: AssetRecord) -> None:
    """One class: records that differ in nothing but id, quantity and past."""
    for field in (
        "root", "profile", "controller", "holder", "state", "right", "body", "timers", "seal",
    ):  # fmt: skip
        if getattr(part, field) != getattr(whole, field):
            raise Refused("LINK", id=part.id, field=field, need=whole.id)


def _join(case: Case, claims: list[Claim]) -> None:
    """Add what lies on a part to what lies on the whole, each once."""
    for claim in case.claims:
        if claim in claims:
            continue
        if any(one.id == claim.id for one in claims):
            raise Refused("LINK", id=case.record.id, encumbrance=claim.id)
        most = case.profile.encumbrances.get(claim.kind, 0)
        same = [one for one in claims if one.kind == claim.kind]
        if most and len(same) >= most:
            raise Refused(
                "HELD", id=case.record.id, kind=claim.kind, by=same[-1].to, since=same[-1].since,
                need=most,
            )  # fmt: skip
        claims.append(claim)


def _make(case: Case, record: AssetRecord, claims: tuple[Claim, ...], part: Part | None) -> None:
    """Write a record that has parents, with what lies on it, and offer it when that was asked."""
    context = case.context
    record = msgspec.structs.replace(record, status=LIVE, children=(), reason="", ended=0)
    fresh = Case(context, record, case.profile, claims, case.evidence, fresh=True)
    for claim in claims:
        if claim.kind == HOLD:
            schedule_hold(context, record.id, claim)
    if part is None or part.to is None:
        fresh.save()
        return
    wish = MakeOffer(id=part.id, version=1, to=part.to, expires=part.expires)
    fresh.save(offer=propose(fresh, wish, 1))
