"""Ready profiles in good situations, and what breaks each of their rules.

A walk says what no profile can: a body, arguments, what the rest of the chain holds, and the
order of actions. Who signs, and which documents are there, follows from the profile.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from ledger.contract import Refused, Signer
from ledger.machine import (
    Encumber,
    Release,
    Situation,
    check_body,
    decode_profile,
    members_of,
    parties_of,
    transition,
)
from ledger.machine.operands import Operation, Reference, evaluate
from ledger.machine.simulate import GivenEncumbrance, GivenFacts
from tests.unit.ledger.profile_walks import NOW, WALKS

FOLDER = Path(__file__).resolve().parents[3] / "ledger" / "profiles"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
YEAR = 366 * 24 * 3600 * 1000


def written(name):
    """A ready profile as its file has it."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def ready(name):
    """A ready profile."""
    return decode_profile(written(name))


@dataclass(frozen=True)
class Moment:
    """A transition in a situation in which it is allowed."""

    row: object
    situation: Situation


def refusal(profile, action, situation):
    """Code and fields of a refusal; ("", {}) when it is allowed."""
    try:
        transition(profile, action, situation)
    except Refused as refused:
        return refused.code, refused.fields
    return "", {}


def moments(name):
    """Every step of a profile's walk, carried out one after the other."""
    profile, walk = ready(name), WALKS[name]
    return [moment for path in walk["paths"] for moment in _path(profile, walk, path.split())]


def _path(profile, walk, steps):
    facts = msgspec.convert(walk.get("facts", {}), GivenFacts)
    body = check_body(profile, walk["body"])
    state, controller, holder = "", walk["controller"], walk.get("holder", walk["controller"])
    for step in steps:
        action = step.partition(":")[0]
        args = walk.get("args", {})
        bare = Situation(
            body=body,
            state=state,
            quantity=walk.get("quantity", 1),
            parties=parties_of(profile, body, controller, holder),
            args=args.get(step, args.get(action, {})),
            signers=(),
            time=walk.get("times", {}).get(step, NOW),
            facts=facts,
        )
        row = profile.find(action, state)
        assert row is not None, (profile.id, action, state)
        situation = _signed(profile, row, bare, walk.get("actors", {}).get(step))
        change = transition(profile, action, situation)
        yield Moment(row, situation)
        body, state = {**body, **change.changes}, change.to
        controller, holder = change.controller or controller, change.holder or holder
        facts = _with_effects(facts, change.effects)


def _signed(profile, row, bare, actor):
    """The situation with everyone's signature, and with what the transition needs."""
    facts = bare.facts
    roles = [row.by[0], *row.cosign] if row.by[0] != "clock" else []
    signers, creds = [], []
    for place, role in enumerate(roles):
        known = profile.roles.get(role)
        members = members_of(profile, role, bare) or (f"{role}-office",)
        if actor and place == 0:
            members = (actor,)
        if known is not None and known.kind == "listed":
            members = members[:1]
        if known is not None and known.kind == "accredited":
            creds += [(known.of, member) for member in members]
        desk = (known.desk,) if known is not None and known.desk else ()
        signers += [Signer(b"", "", member, f"{member}/app", desk) for member in members]
    if any(guard.name == "pledgee_signed" for guard in row.guards):
        signers += [Signer(b"", "", one.to, f"{one.to}/app", ()) for one in facts.pledges]
    needs = [need.partition(":") for need in row.need]
    creds += [(kind, signers[0].member) for what, _, kind in needs if what == "cred"]
    facts = msgspec.structs.replace(
        facts,
        docs=tuple(kind for what, _, kind in needs if what == "doc"),
        events=tuple(kind for what, _, kind in needs if what == "event"),
        creds=(*facts.creds, *creds),
    )
    return replace(bare, facts=facts, signers=tuple(signers))


def _with_effects(facts, effects):
    pledges = facts.pledges
    for effect in effects:
        if isinstance(effect, Encumber):
            pledges = (*pledges, GivenEncumbrance(effect.kind, effect.to, 1))
        if isinstance(effect, Release):
            pledges = tuple(
                one for one in pledges if (one.kind, one.to) != (effect.kind, effect.to)
            )
    return msgspec.structs.replace(facts, pledges=pledges)


def broken(profile, row, guard, situation):
    """Situations that differ from a good one in one thing that the guard looks at."""
    facts = situation.facts
    if guard.name == "unique":
        name = guard.parameters[0]
        value = situation.body[profile.unique[name].field]
        texts = value if isinstance(value, list) else [value]
        used = tuple((name, str(one)) for one in texts)
        return [replace(situation, facts=msgspec.structs.replace(facts, used=used))]
    if guard.name in ("no_encumbrance", "pledgee_signed"):
        kind = guard.parameters[0]
        one = GivenEncumbrance("pledge" if kind == "*" else kind, "stranger", 7)
        pledges = (*facts.pledges, one)
        return [replace(situation, facts=msgspec.structs.replace(facts, pledges=pledges))]
    if guard.name == "has_cred":
        return [replace(situation, facts=msgspec.structs.replace(facts, creds=()))]
    if guard.name == "consent_for":
        return [replace(situation, facts=msgspec.structs.replace(facts, consents=()))]
    references, values = [], []
    for parameter in guard.parameters:
        parts = parameter if isinstance(parameter, tuple) else (parameter,)
        for part in parts:
            _collect(part, references)
            values.append(evaluate(part, situation, situation.signers[0].member))
    return [
        _changed(situation, reference, value)
        for reference in references
        for value in _others(row, reference, situation, values)
    ]


def _collect(part, references):
    if isinstance(part, Reference):
        references.append(part)
    if isinstance(part, Operation):
        for inner in part.operands:
            _collect(inner, references)


def _others(row, reference, situation, values):
    """Other values than the one that is there, of the same type."""
    value = evaluate(reference, situation, situation.signers[0].member)
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        steps = (1, 2, 500, 10**6, YEAR, 10 * YEAR)
        numbers = [value + sign * step for step in steps for sign in (1, -1)]
        return [0, *numbers, *(one for one in values if type(one) is int)]
    if isinstance(value, list):
        longer = [*value, value[0]] if value else ["someone"]
        return [longer, value[:-1], [1]]
    given = row.args.get(reference.name) if reference.root == "args" else None
    return [
        "stranger",
        "f" * 64,
        *(given.choices if given else ()),
        *(one for one in values if isinstance(one, str)),
    ]


def _changed(situation, reference, value):
    """The situation with another value where the reference looks; the actor stays who acts."""
    root, name, facts = reference.root, reference.name, situation.facts
    held = {"args": "args", "body": "body", "party": "parties"}.get(root)
    if held is not None:
        return replace(situation, **{held: {**getattr(situation, held), name: value}})
    if root in ("quantity", "time"):
        return replace(situation, **{root: value})
    if root == "sum":
        totals = {**facts.totals, name: value}
        return replace(situation, facts=msgspec.structs.replace(facts, totals=totals))
    if root == "linked":
        of = "$" + reference.of if reference.of in ("state", "quantity") else reference.of
        links = {**facts.links, name: {**facts.links.get(name, {}), of: value}}
        return replace(situation, facts=msgspec.structs.replace(facts, links=links))
    return situation
