"""What an action does to a record: a pure function of profile and situation.

The promise: `transition` asks who, then whether, then works out what; it writes nothing, asks
each fact a bounded number of times, and a refusal says which rule, with which values
(docs/spec/profile.md, section 5).
"""

from dataclasses import replace
from typing import Never

from hansa.encoding import INT_MAX, INT_MIN, Value
from ledger.contract import Refused, Signer
from ledger.machine.bodies import check_field, check_fields, check_size
from ledger.machine.guards import judge
from ledger.machine.operands import Operand, Operation, Reference, evaluate
from ledger.machine.profile import Profile, Transition
from ledger.machine.schema import (
    ANYONE,
    CLOCK,
    CONTROLLER,
    HOLDER,
    LISTED,
    NAMED,
    PARTY,
    SECURED,
    Role,
)
from ledger.machine.situation import (
    Change,
    CloseTimer,
    Effect,
    EmitMatchLine,
    Encumber,
    Notify,
    OpenTimer,
    Release,
    Situation,
)
from ledger.machine.steps import Step


def transition(profile: Profile, action: str, situation: Situation) -> Change:
    """What `action` does in a situation; nothing is written.

    Raises:
        Refused: ``STATE`` (not from this state), ``SCHEMA`` (arguments, or a body that would
            not fit), ``AUTH`` (nobody who signed may), ``SIGN`` (a cosigner is missing),
            ``LINK`` (a document, event or credential is missing), ``RULE`` with the rule's id
            and values, ``HELD``, ``DUPLICATE``, ``CONSENT``, ``EXISTS`` (a word that its list
            has already), or ``LIMIT`` (over 64 bits).
    """
    row = profile.find(action, situation.state)
    if row is None:
        _refuse_state(profile, action, situation.state)
    args = check_fields(row.args, situation.args, "/args")
    situation = replace(situation, args=args)
    actor = _actor(profile, row, situation)
    _check_cosigners(profile, row, situation)
    _check_needs(row, situation, actor)
    unique = {name: one.field for name, one in profile.unique.items()}
    for guard in row.guards:
        judge(guard, situation, actor, lambda role: _is_filled(profile, role, situation), unique)
    return _Work(profile, row, situation, actor).run()


def _refuse_state(profile: Profile, action: str, state: str) -> Never:
    rows = [one for one in profile.transitions if one.action == action]
    if not rows:
        known: list[Value] = [*dict.fromkeys(one.action for one in profile.transitions)]
        raise Refused("SCHEMA", field="/action", have=action[:64], need=known)
    raise Refused(
        "STATE", action=action, have=state, need=[state for one in rows for state in one.before]
    )


def _actor(profile: Profile, row: Transition, situation: Situation) -> str:
    """The member that acts: of the first signer who may; "" for the clock."""
    if not situation.signers:
        if CLOCK in row.by:
            return ""
        raise Refused("AUTH", action=row.action, need=list(row.by), by=CLOCK)
    for signer in situation.signers:
        if any(_fills(profile, role, signer, situation) for role in row.by if role != CLOCK):
            return signer.member
    raise Refused(
        "AUTH",
        action=row.action,
        need=list(row.by),
        members=[member for role in row.by for member in members_of(profile, role, situation)],
        by=situation.signers[0].subject,
    )


def _check_cosigners(profile: Profile, row: Transition, situation: Situation) -> None:
    for role in row.cosign:
        if _is_filled(profile, role, situation):
            continue
        members = members_of(profile, role, situation)
        have: list[Value] = [signer.member for signer in situation.signers]
        raise Refused("SIGN", action=row.action, need=role, members=[*members], have=have)


def _is_filled(profile: Profile, role: str, situation: Situation) -> bool:
    """Whether who signed fills a role; of those whom an encumbrance secures, everyone."""
    signing = [one for one in situation.signers if _fills(profile, role, one, situation)]
    definition = profile.roles.get(role)
    if definition is None or definition.kind != SECURED:
        return bool(signing)
    members = [one.member for one in signing]
    return bool(members) and all(
        member in members for member in members_of(profile, role, situation)
    )


def _fills(profile: Profile, role: str, signer: Signer, situation: Situation) -> bool:
    definition = profile.roles.get(role)
    if definition is None:
        return role == ANYONE or situation.parties.get(role) == signer.member
    if definition.desk and definition.desk not in signer.roles:
        return False
    if definition.kind == ANYONE:
        return True
    if definition.kind in (PARTY, LISTED, NAMED, SECURED):
        return signer.member in members_of(profile, role, situation)
    return situation.facts.has_cred(definition.of, signer.member)


def members_of(profile: Profile, role: str, situation: Situation) -> tuple[str, ...]:
    """The members that fill a role, as far as the record names them, each once."""
    definition = profile.roles.get(role)
    if definition is None or definition.kind == PARTY:
        member = situation.parties.get(role)
        return () if member is None else (member,)
    return tuple(dict.fromkeys(_named(definition, situation)))


def _named(role: Role, situation: Situation) -> list[str]:
    found: Value = None
    if role.kind == SECURED:
        return [one.to for one in situation.facts.encumbrances() if one.kind == role.of]
    if role.kind == LISTED:
        found = situation.body.get(role.of)
    elif role.kind == NAMED:
        found = situation.args.get(role.of)
    if isinstance(found, str):
        return [found]
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def _check_needs(row: Transition, situation: Situation, actor: str) -> None:
    facts = situation.facts
    for need in row.need:
        what, _, kind = need.partition(":")
        if what == "doc":
            there = facts.has_doc(kind)
        elif what == "event":
            there = facts.has_event(kind)
        else:
            there = facts.has_cred(kind, actor)
        if not there:
            raise Refused("LINK", action=row.action, need=need, by=actor)


class _Work:
    """The effects of one transition, in order; each sees what those before it changed."""

    def __init__(self, profile: Profile, row: Transition, situation: Situation, actor: str) -> None:
        self._profile = profile
        self._row = row
        self._body = dict(situation.body)
        self._situation = replace(situation, body=self._body)
        self._actor = actor
        self._changes: dict[str, Value] = {}
        self._moved = {CONTROLLER: "", HOLDER: ""}
        self._effects: list[Effect] = []

    def run(self) -> Change:
        row = self._row
        for number, step in enumerate(row.steps):
            self._carry_out(step, number)
        for name in self._changes:
            check_field(self._profile.fields[name], self._body[name], f"/body/{name}")
        if self._changes:
            check_size(self._body)
        to = row.to or self._situation.state
        return Change(
            action=row.action,
            before=self._situation.state,
            to=to,
            final=to in self._profile.final,
            changes={name: self._changes[name] for name in sorted(self._changes)},
            controller=self._moved[CONTROLLER],
            holder=self._moved[HOLDER],
            actor=self._actor,
            effects=tuple(self._effects),
        )

    def _carry_out(self, step: Step, number: int) -> None:
        name, first = step.name, str(step.parameters[0])
        values = [self._value(one) for one in step.parameters[1:]]
        match name:
            case "set":
                self._set(first, values[0], number)
            case "inc":
                self._increase(first, values[0], number)
            case "notify":
                members = members_of(self._profile, first, self._situation)
                self._effects.append(Notify(first, members))
            case "open_timer":
                self._open_timer(first, number)
            case "close_timer":
                self._effects.append(CloseTimer(first))
            case "emit_match_line":
                self._emit(first, values, number)
            case "encumber":
                self._effects.append(Encumber(first, self._member(values[0], number)))
            case _:
                self._effects.append(Release(first, self._member(values[0], number)))

    def _value(self, parameter: str | Operand) -> Value:
        if isinstance(parameter, str):
            return parameter
        return evaluate(parameter, self._situation, self._actor)

    def _missing(self, number: int) -> Never:
        """An effect whose value is not there does not happen, and nor does the rest."""
        step = self._row.steps[number]
        rule = f"{self._row.action}.effect.{number}"
        raise Refused("RULE", rule=rule, check=step.name, need="a value")

    def _member(self, value: Value, number: int) -> str:
        return value if isinstance(value, str) and value else self._missing(number)

    def _set(self, target: str, value: Value, number: int) -> None:
        """Write a field; an optional argument that was not given leaves it as it is."""
        if target in self._moved:
            self._moved[target] = self._member(value, number)
        elif value is not None:
            self._changes[target] = self._body[target] = value
        elif not self._may_be_missing(number):
            self._refuse_again(target, number)
            self._missing(number)

    def _refuse_again(self, target: str, number: int) -> None:
        """Who stands in a list already is told so: nobody commits, reveals or signs twice."""
        operand = self._row.steps[number].parameters[1]
        if not isinstance(operand, Operation) or operand.name != "with":
            return
        words, word = (self._value(one) for one in operand.operands)
        if isinstance(words, list) and word in words:
            action, field = self._row.action, f"/body/{target}"
            raise Refused("EXISTS", action=action, field=field, have=word, by=self._actor)

    def _may_be_missing(self, number: int) -> bool:
        operand = self._row.steps[number].parameters[1]
        return (
            isinstance(operand, Reference)
            and operand.root == "args"
            and self._row.args[operand.name].optional
        )

    def _increase(self, target: str, amount: Value, number: int) -> None:
        before = self._body.get(target, 0)
        if type(amount) is not int or type(before) is not int:
            self._missing(number)
        after = before + amount
        if not INT_MIN <= after <= INT_MAX:
            raise Refused("LIMIT", field=f"/body/{target}", need="64 bits")
        self._changes[target] = self._body[target] = after

    def _open_timer(self, name: str, number: int) -> None:
        timer = self._profile.timers[name]
        at = evaluate(timer.at, self._situation, self._actor)
        if type(at) is not int or at < 0:
            self._missing(number)
        self._effects.append(OpenTimer(name, at, timer.action))

    def _emit(self, kind: str, values: list[Value], number: int) -> None:
        creditor, debtor, amount, unit = values
        if type(amount) is not int:
            self._missing(number)
        self._effects.append(
            EmitMatchLine(
                kind,
                self._member(creditor, number),
                self._member(debtor, number),
                amount,
                str(unit),
            )
        )
