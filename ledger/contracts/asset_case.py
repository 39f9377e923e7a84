"""One record while an action is carried out on it, and the only place where records are written.

The promise: whoever moves a record (its controller, its holder, or its end) passes `Case.save`,
which refuses it unless everyone whom an encumbrance secures has signed; and with the record it
brings up to date what lies on it, whose it is, its root's books, its sums, unique values and
timers (docs/spec/asset.md, sections 2 to 4).
"""

from collections.abc import Mapping
from typing import cast

import msgspec

from hansa.encoding import Value, encode_value
from ledger.contract import Context, Refused
from ledger.contracts.asset_checks import FIRE, entry_name, is_signed, need_member, refuse_offered
from ledger.contracts.asset_facts import AssetFacts, claim_values, count
from ledger.contracts.asset_records import (
    CLAIMS_MAX,
    ENCUMBRANCES_MAX,
    FREEZE,
    HOLD,
    LIVE,
    RETIRED,
    SPLIT,
    STANDING,
    STOPPING,
    TIMERS_MAX,
    Account,
    AssetRecord,
    BodyValue,
    Claim,
    Held,
    held_key,
    own_key,
    record_key,
    root_key,
)
from ledger.contracts.profile import need_profile
from ledger.due import cancel, schedule
from ledger.machine import (
    Change,
    CloseTimer,
    EmitMatchLine,
    Encumber,
    Notify,
    OpenTimer,
    Profile,
    Release,
    Situation,
    parties_of,
    transition,
)
from ledger.records import check_version, create, save


class Case:
    """A record, its profile and what lies on it; changes gather until `save`."""

    __slots__ = ("changes", "claims", "context", "evidence", "fresh", "profile", "record", "timers")

    def __init__(  # noqa: PLR0913 - the parts of a case
        self,
        context: Context,
        record: AssetRecord,
        profile: Profile,
        claims: tuple[Claim, ...] = (),
        evidence: tuple[str, ...] = (),
        *,
        fresh: bool = False,
    ) -> None:
        """Work on `record`, which is not written yet when it is `fresh`."""
        self.context = context
        self.record = record
        self.profile = profile
        self.claims = claims
        self.evidence = evidence
        self.fresh = fresh
        self.timers = dict(record.timers)
        self.changes: dict[str, object] = {}

    def run(
        self, action: str, args: Mapping[str, BodyValue] | None = None, *, done: str = ""
    ) -> Change:
        """Judge a transition of the profile and take in what it changes.

        Encumbrances of the kind `done` are put there or lifted by the caller.

        Raises:
            Refused: what the profile says; ``HELD``, ``LINK`` or ``LIMIT`` for its effects.
        """
        record = self.record
        facts = AssetFacts(
            self.context, self.profile, record, self.fresh, self.claims, self.evidence
        )
        body = cast("dict[str, Value]", record.body)
        born = self.fresh and not record.parents
        situation = Situation(
            body=body,
            state="" if born else record.state,
            quantity=record.quantity,
            parties=parties_of(self.profile, body, record.controller, record.holder),
            args=cast("Mapping[str, Value]", args or {}),
            signers=self.context.signers,
            time=self.context.time,
            facts=facts,
        )
        change = transition(self.profile, action, situation)
        self.changes["state"] = change.to
        if change.changes:
            self.changes["body"] = cast("dict[str, BodyValue]", {**body, **change.changes})
        for name, member in (("controller", change.controller), ("holder", change.holder)):
            if member:
                need_member(self.context, member, name)
                self.changes[name] = member
        if change.final:
            self.changes |= {"status": RETIRED, "reason": action}
        for effect in change.effects:
            self._carry_out(effect, action, done)
        return change

    def save(
        self, *, consents: tuple[str, ...] = (), answered: bool = False, **changes: object
    ) -> AssetRecord:
        """Write the record and everything that follows from it.

        `consents` are encumbrances whose members agreed before; `answered` says that the caller
        deals with an open offer.

        Raises:
            Refused: ``HELD`` when a record that is encumbered moves without those whom that
                secures, ``STATE`` when it moves while an offer is open, and what sums and unique
                values refuse.
        """
        before, context = self.record, self.context
        changes = self.changes | changes
        after = msgspec.structs.replace(before, **changes)
        moved = _place(before) != _place(after) and not self.fresh
        if moved:
            self.require_free(consents)
        if moved and before.offer is not None and not answered:
            if context.signers:
                refuse_offered(before)
            self.close_offer()
            changes["offer"] = None
        if after.status not in STANDING:
            self._end(changes)
        after = self._write(changes)
        old = None if self.fresh else before
        if not (self.fresh and before.parents):
            claim_values(context, self.profile, old, after)
        count(context, self.profile, old, after)
        self._own(old, after)
        return after

    def require_free(self, consents: tuple[str, ...] = (), kinds: tuple[str, ...] = ()) -> None:
        """Refuse unless everyone whom an encumbrance (of these kinds) secures has signed.

        Raises:
            Refused: ``HELD`` with whom, by what and since when.
        """
        for one in self.claims:
            if kinds and one.kind not in kinds:
                continue
            if one.id not in consents and not is_signed(self.context, one.to):
                raise Refused(
                    "HELD", id=self.record.id, kind=one.kind, by=one.to, since=one.since,
                    height=one.height, encumbrance=one.id,
                )  # fmt: skip

    def put_claim(self, claim: Claim) -> None:
        """Lay an encumbrance on the record.

        Raises:
            Refused: ``HELD`` by a freeze, a hold or the last of its kind, ``EXISTS``, ``LINK``,
                ``LIMIT``.
        """
        need_member(self.context, claim.to, "to")
        same = [one for one in self.claims if one.kind == claim.kind]
        if any(one.id == claim.id for one in self.claims):
            raise Refused("EXISTS", id=self.record.id, encumbrance=claim.id)
        if claim.kind != FREEZE:
            self.require_free(kinds=STOPPING)
            most = self.profile.encumbrances.get(claim.kind, 0)
            if not most:
                kinds: list[Value] = [*sorted(self.profile.encumbrances)]
                raise Refused("RULE", id=self.record.id, have=claim.kind, need=kinds)
            if same and len(same) >= most:
                raise Refused(
                    "HELD", id=self.record.id, kind=claim.kind, by=same[-1].to,
                    since=same[-1].since, height=same[-1].height, need=most,
                )  # fmt: skip
        room = ENCUMBRANCES_MAX if claim.kind == FREEZE else CLAIMS_MAX
        if len(self.claims) >= room:
            raise Refused("LIMIT", id=self.record.id, field="held", need=room)
        self.claims = (*self.claims, claim)

    def lift(self, claim: Claim) -> None:
        """Take an encumbrance away; the caller has asked whether that may be."""
        self.claims = tuple(one for one in self.claims if one is not claim)
        if claim.kind == HOLD:
            cancel(self.context, claim.until, entry_name(self.record.id, "hold", claim.id))

    def close_offer(self) -> None:
        """Take the open offer's end out of the due-queue."""
        offer = self.record.offer
        if offer is not None:
            cancel(self.context, offer.expires, entry_name(self.record.id, "offer"))

    def _carry_out(self, effect: object, action: str, done: str) -> None:
        context, record = self.context, self.record
        if isinstance(effect, Notify):
            context.event("notice", id=record.id, role=effect.role, to=[*effect.members])
        elif isinstance(effect, EmitMatchLine):
            context.event(
                "line", id=record.id, kind=effect.kind, creditor=effect.creditor,
                debtor=effect.debtor, amount=effect.amount, unit=effect.unit,
            )  # fmt: skip
        elif isinstance(effect, OpenTimer):
            self._close_timer(effect.name)
            # A timer in the past runs in the next block, never twice in one.
            at = max(effect.at, context.time + 1)
            self.timers[effect.name] = at
        elif isinstance(effect, CloseTimer):
            self._close_timer(effect.name)
        elif isinstance(effect, Encumber):
            if effect.kind != done:
                self._encumber(effect, action)
        elif isinstance(effect, Release) and effect.kind != done:
            self._release(effect)

    def _encumber(self, effect: Encumber, action: str) -> None:
        # The version makes the name: an action lays one of a kind on a record.
        version = 1 if self.fresh else self.record.version + 1
        name = f"{action}-{effect.kind}-{version}"
        context = self.context
        by = context.signers[0].member if context.signers else ""
        self.put_claim(Claim(by, context.height, name, effect.kind, context.time, effect.to))
        context.event("encumbered", id=self.record.id, kind=effect.kind, to=effect.to, claim=name)

    def _release(self, effect: Release) -> None:
        """Only the secured member's own signature takes its security away."""
        found = [one for one in self.claims if (one.kind, one.to) == (effect.kind, effect.to)]
        for one in found:
            if not is_signed(self.context, one.to):
                raise Refused(
                    "HELD", id=self.record.id, kind=one.kind, by=one.to, since=one.since,
                    encumbrance=one.id,
                )  # fmt: skip
            self.lift(one)
            self.context.event("released", id=self.record.id, claim=one.id)

    def _close_timer(self, name: str) -> None:
        at = self.timers.pop(name, None)
        if at is not None and at == self.record.timers.get(name) and not self.fresh:
            cancel(self.context, at, entry_name(self.record.id, "timer", name))

    def _end(self, changes: dict[str, object]) -> None:
        """Nothing waits for, or lies on, a record that is over."""
        for name in [*self.timers]:
            self._close_timer(name)
        for one in self.claims:
            self.lift(one)
        changes["ended"] = self.context.time

    def _write(self, changes: Mapping[str, object]) -> AssetRecord:
        context, key = self.context, record_key(self.record.id)
        if len(self.timers) > TIMERS_MAX:
            raise Refused("LIMIT", id=self.record.id, field="timers", need=TIMERS_MAX)
        for name, at in self.timers.items():
            if self.fresh or self.record.timers.get(name) != at:
                arguments = encode_value({"at": at, "id": self.record.id, "name": name})
                schedule(context, at, entry_name(self.record.id, "timer", name), FIRE, arguments)
        changes = {**changes, "timers": self.timers}
        if self.fresh:
            after = msgspec.structs.replace(self.record, **changes)
            create(context, key, after)
        else:
            after = save(context, key, self.record, **changes)
        held = held_key(self.record.id)
        if self.claims:
            context.put(held, Held(self.claims))
        else:
            context.delete(held)
        return after

    def _own(self, before: AssetRecord | None, after: AssetRecord) -> None:
        """Keep the list of what a member controls, and the books of the root."""
        context = self.context
        old = "" if before is None else own_key(before.controller, before.family, before.id)
        new = own_key(after.controller, after.family, after.id)
        stands = after.status in STANDING
        if old and (old != new or not stands):
            context.delete(old)
        if stands and old != new:
            context.put_value(new, value=True)
        key = root_key(after.root)
        if after.status == SPLIT and not context.exists(key):
            context.put(key, Account(after.quantity, after.unit))
        if after.status == RETIRED:
            account = context.get(key, Account)
            if account is not None:
                ended = account.ended + after.quantity
                context.put(key, msgspec.structs.replace(account, ended=ended))


def open_case(
    context: Context,
    asset_id: str,
    version: int | None,
    evidence: tuple[str, ...] = (),
    allowed: tuple[str, ...] = (LIVE,),
) -> Case:
    """The case of a record that a call names, at the version that it names.

    Raises:
        Refused: ``MISSING``, ``STALE``, ``STATE`` (not of this status) or ``PROFILE``.
    """
    record = context.need(record_key(asset_id), AssetRecord)
    if version is not None:
        check_version(record, version)
    if record.status not in allowed:
        raise Refused(
            "STATE", id=asset_id, have=record.status, need=[*allowed], reason=record.reason,
            height=record.history[-1][0],
        )  # fmt: skip
    held = context.get(held_key(asset_id), Held)
    claims = () if held is None else held.claims
    return Case(context, record, need_profile(context, record.profile), claims, evidence)


def _place(record: AssetRecord) -> tuple[str, str, str]:
    """Who has a record and whether it stands: what no one changes past an encumbrance."""
    return record.controller, record.holder, record.status
