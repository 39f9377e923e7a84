"""What would happen: a transition on a record that is given as a map, and nothing written.

The promise: the answer is what `transition` says, and the same for everyone
(docs/spec/profile.md, section 6).
"""

from collections.abc import Mapping
from dataclasses import fields as fields_of
from typing import Annotated, cast

import msgspec

from hansa.encoding import Value
from ledger.contract import Arguments, Refused, Signer
from ledger.machine.bodies import check_body, parties_of
from ledger.machine.engine import transition
from ledger.machine.profile import Profile
from ledger.machine.schema import ITEMS_MAX
from ledger.machine.situation import Change, Effect, Encumbrance, Situation

Pairs = Annotated[tuple[tuple[str, str], ...], msgspec.Meta(max_length=ITEMS_MAX)]
Words = Annotated[tuple[str, ...], msgspec.Meta(max_length=ITEMS_MAX)]
Values = dict[str, bool | int | str | list[int | str] | None]


class GivenEncumbrance(Arguments, frozen=True):
    """An encumbrance of a record that is given."""

    kind: str
    to: str
    since: int = 0


class GivenFacts(Arguments, frozen=True):
    """Facts as a map: the `Facts` of a simulation.

    Attributes:
        docs, events: kinds that are there.
        creds: (type, member).
        consents: (purpose, subject, member).
        used: (unique key, value) of other records.
        pledges: encumbrances in force; ``encumbrances`` in the map.
        totals: sums by name.
        links: field to the fields of the record that it names; ``linked`` in the map.
    """

    docs: Words = ()
    events: Words = ()
    creds: Pairs = ()
    consents: Annotated[tuple[tuple[str, str, str], ...], msgspec.Meta(max_length=ITEMS_MAX)] = ()
    used: Pairs = ()
    pledges: Annotated[tuple[GivenEncumbrance, ...], msgspec.Meta(max_length=ITEMS_MAX)] = (
        msgspec.field(default=(), name="encumbrances")
    )
    totals: dict[str, int] = msgspec.field(default_factory=dict)
    links: dict[str, Values] = msgspec.field(default_factory=dict, name="linked")

    def has_doc(self, kind: str) -> bool:
        """See `Facts`."""
        return kind in self.docs

    def has_event(self, kind: str) -> bool:
        """See `Facts`."""
        return kind in self.events

    def has_cred(self, kind: str, member: str) -> bool:
        """See `Facts`."""
        return (kind, member) in self.creds

    def has_consent(self, purpose: str, subject: str, member: str) -> bool:
        """See `Facts`."""
        return (purpose, subject, member) in self.consents

    def is_unique(self, name: str, value: str) -> bool:
        """See `Facts`."""
        return (name, value) not in self.used

    def encumbrances(self) -> tuple[Encumbrance, ...]:
        """See `Facts`."""
        return tuple(Encumbrance(one.kind, one.to, one.since) for one in self.pledges)

    def total(self, name: str) -> int:
        """See `Facts`."""
        return self.totals.get(name, 0)

    def linked(self, field: str, of: str) -> Value:
        """See `Facts`."""
        return cast("Value", self.links.get(field, {}).get(of))


class GivenSigner(Arguments, frozen=True):
    """Someone who would sign."""

    member: str
    roles: Words = ()


class GivenRecord(Arguments, frozen=True):
    """A record, who would sign, when, and what the rest of the chain would say.

    For a birth `state` is "" and `body` what the issuer gives.
    """

    body: Values
    controller: str
    state: str = ""
    holder: str = ""
    quantity: int = 1
    signers: Annotated[tuple[GivenSigner, ...], msgspec.Meta(max_length=16)] = ()
    time: int = 0
    facts: GivenFacts = msgspec.field(default_factory=GivenFacts)


def situation_of(
    profile: Profile, record: Mapping[str, Value], args: Mapping[str, Value]
) -> Situation:
    """The situation that a map describes.

    Raises:
        Refused: ``SCHEMA`` for another map, or a birth whose body does not fit.
    """
    try:
        given = msgspec.convert(record, GivenRecord)
    except msgspec.ValidationError as error:
        raise Refused("SCHEMA", field="/record", need=str(error)[:160]) from None
    body = cast("dict[str, Value]", given.body)
    if not given.state:
        body = check_body(profile, body)
    holder = given.holder or given.controller
    return Situation(
        body=body,
        state=given.state,
        quantity=given.quantity,
        parties=parties_of(profile, body, given.controller, holder),
        args=args,
        signers=tuple(Signer(b"", "", one.member, one.member, one.roles) for one in given.signers),
        time=given.time,
        facts=given.facts,
    )


def simulate(
    profile: Profile, record: Mapping[str, Value], action: str, args: Mapping[str, Value]
) -> dict[str, Value]:
    """What an action would do: ``ok`` true with the change, or false with code and fields."""
    try:
        change = transition(profile, action, situation_of(profile, record, args))
    except Refused as refusal:
        return {"ok": False, "code": refusal.code, "fields": refusal.fields}
    return {"ok": True, **change_fields(change)}


def change_fields(change: Change) -> dict[str, Value]:
    """A change as a map."""
    return {
        "action": change.action,
        "actor": change.actor,
        "before": change.before,
        "changes": dict(change.changes),
        "controller": change.controller,
        "effects": [effect_fields(effect) for effect in change.effects],
        "final": change.final,
        "holder": change.holder,
        "to": change.to,
    }


def effect_fields(effect: Effect) -> dict[str, Value]:
    """An effect as a map: ``effect`` is its name."""
    plain: dict[str, Value] = {"effect": _SPELLED[type(effect).__name__]}
    for one in fields_of(effect):
        value = getattr(effect, one.name)
        plain[one.name] = list(value) if isinstance(value, tuple) else value
    return plain


_SPELLED = {
    "CloseTimer": "close_timer",
    "EmitMatchLine": "emit_match_line",
    "Encumber": "encumber",
    "Notify": "notify",
    "OpenTimer": "open_timer",
    "Release": "release",
}
