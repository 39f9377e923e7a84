"""What would make a profile that could never work (docs/spec/profile.md, sections 2 to 4).

The promise: each check is a function of the map alone and ends at the first fault, with the
JSON pointer where it stands.
"""

from collections.abc import Iterable, Mapping

from ledger.contract import Refused
from ledger.machine.bodies import check_field, length_bounds, number_bounds
from ledger.machine.operands import refuse
from ledger.machine.schema import (
    ACCREDITED,
    ANYONE,
    CLOCK,
    CONTROLLER,
    DIGESTS,
    FIELD_TYPES,
    FLAG,
    HOLDER,
    INT,
    INTS,
    ITEMS_MAX,
    LISTED,
    MEMBER,
    NAMED,
    PARTY,
    RESERVED,
    ROLE_KINDS,
    SECURED,
    TEXT,
    TEXT_MAX,
    TEXTS,
    TIME,
    Field,
    RawMachine,
    RawProfile,
    RawTransition,
    Role,
)

QUANTITY = "$quantity"
"""What a sum counts when it is no field."""
_BUILT_IN = (CONTROLLER, HOLDER, ANYONE, CLOCK)
_ORDERED = (INT, TIME, INTS, TEXT, TEXTS, DIGESTS)


def check_parts(raw: RawProfile) -> None:
    """Fields, roles, keys, sums and timers, each for itself.

    Raises:
        Refused: ``SCHEMA``.
    """
    for name, field in raw.fields.items():
        if name in RESERVED or name in raw.private:
            refuse(f"/fields/{name}", need="another name")
        _check_definition(field, f"/fields/{name}")
    for name, role in raw.roles.items():
        _check_role(raw, name, role)
    _check_keys(raw)
    _check_arguments(raw)
    _check_timers(raw)


def _check_keys(raw: RawProfile) -> None:
    """Unique keys and sums name fields of the right types."""
    for name, unique in raw.unique.items():
        field = _field(raw, unique.field, f"/unique/{name}/field")
        if field.type == FLAG:
            refuse(f"/unique/{name}/field", have=FLAG)
    for name, one in raw.sums.items():
        if _field(raw, one.by, f"/sums/{name}/by").type in (FLAG, INTS, TEXTS, DIGESTS):
            refuse(f"/sums/{name}/by", need="one word or number")
        if one.of != QUANTITY and _field(raw, one.of, f"/sums/{name}/of").type != INT:
            refuse(f"/sums/{name}/of", need=INT)


def _check_arguments(raw: RawProfile) -> None:
    for number, row in enumerate(raw.machine.transitions):
        for name, field in row.args.items():
            pointer = f"/machine/transitions/{number}/args/{name}"
            _check_definition(field, pointer)
            if field.computed or field.changeable:
                refuse(pointer, need="given")


def _field(raw: RawProfile, name: str, pointer: str) -> Field:
    field = raw.fields.get(name)
    return field or refuse(pointer, have=name, need=[*sorted(raw.fields)])


def _check_definition(field: Field, pointer: str) -> None:
    """A field's type, bounds, choices and start agree."""
    if field.type not in FIELD_TYPES:
        refuse(pointer + "/type", have=field.type, need=list(FIELD_TYPES))
    _check_bounds(field, pointer)
    if field.choices and field.type not in (TEXT, TEXTS):
        refuse(pointer + "/choices", have=field.type, need=[TEXT, TEXTS])
    if len(frozenset(field.choices)) != len(field.choices):
        refuse(pointer + "/choices", need="different words")
    if field.computed and field.changeable:
        refuse(pointer + "/changeable", need="computed or changeable")
    if field.start is not None:
        _check_start(field, field.start, pointer + "/start")


def _check_bounds(field: Field, pointer: str) -> None:
    if (field.least, field.most) != (None, None) and field.type not in _ORDERED:
        refuse(pointer + "/most", have=field.type, need=list(_ORDERED))
    plain = field.type in (INT, TIME)
    least, most = number_bounds(field) if plain else length_bounds(field)
    if least > most:
        refuse(pointer + "/least", have=least, need=most)
    longest = ITEMS_MAX if field.type in (INTS, TEXTS, DIGESTS) else TEXT_MAX
    if not plain and not 0 <= least <= most <= longest:
        refuse(pointer + "/most", have=most, need=longest)


def _check_start(field: Field, start: bool | int | str, pointer: str) -> None:  # noqa: FBT001 - a value
    if not field.computed:
        refuse(pointer, need="computed")
    try:
        check_field(field, start, pointer)
    except Refused as refusal:
        refuse(pointer, need=refusal.fields["need"])


def _check_role(raw: RawProfile, name: str, role: Role) -> None:
    pointer = f"/roles/{name}"
    if name in _BUILT_IN:
        refuse(pointer, need="another name")
    if role.kind not in ROLE_KINDS:
        refuse(pointer + "/kind", have=role.kind, need=list(ROLE_KINDS))
    field = raw.fields.get(name if role.kind == PARTY else role.of)
    have = "" if field is None else field.type
    if role.kind == PARTY and have != MEMBER:
        refuse(pointer, have=have, need="a field of type member")
    if role.kind == LISTED and have != TEXTS:
        refuse(pointer + "/of", have=have, need=TEXTS)
    if role.kind == SECURED and role.of not in raw.encumbrances:
        refuse(pointer + "/of", have=role.of, need=[*sorted(raw.encumbrances)])
    if role.kind == ACCREDITED and not role.of:
        refuse(pointer + "/of", need="a type of credential")
    if role.kind == NAMED:
        _check_named(raw, name, role)


def _check_named(raw: RawProfile, name: str, role: Role) -> None:
    """Where such a role acts, the action has the argument that names it."""
    for number, row in enumerate(raw.machine.transitions):
        argument = row.args.get(role.of)
        used = name in (*row.by, *row.cosign)
        if used and (argument is None or argument.type != MEMBER):
            refuse(f"/machine/transitions/{number}/args", need=role.of)


def _check_timers(raw: RawProfile) -> None:
    """Each timer is opened somewhere, and the clock may do what it asks for."""
    rows = raw.machine.transitions
    for name, timer in raw.timers.items():
        if not any(row.action == timer.action and CLOCK in row.by for row in rows):
            refuse(f"/timers/{name}/action", have=timer.action, need=CLOCK)
        if not any(step[:2] == ["open_timer", name] for row in rows for step in row.effect):
            refuse(f"/timers/{name}", need="open_timer")
    started = [timer.action for timer in raw.timers.values()]
    for number, row in enumerate(rows):
        if CLOCK in row.by:
            pointer = f"/machine/transitions/{number}/by"
            if row.action not in started:
                refuse(pointer, have=CLOCK, need="a timer")
            if row.cosign or any(not field.optional for field in row.args.values()):
                refuse(pointer, have=CLOCK, need="no cosigner and no argument")


def check_machine(raw: RawProfile) -> None:
    """Every state can be reached and left to an end; each action says one thing in a state.

    Raises:
        Refused: ``SCHEMA``.
    """
    machine, here = raw.machine, "/machine"
    for number, name in enumerate(machine.final):
        if name not in machine.states:
            refuse(f"{here}/final/{number}", have=name, need=[*sorted(machine.states)])
    for number, row in enumerate(machine.transitions):
        _check_row(machine, row, f"{here}/transitions/{number}")
    _check_one_meaning(machine)
    _check_rules_are_named_once(raw)
    births = [row.to for row in machine.transitions if not row.from_]
    if not births:
        refuse(here + "/transitions", need="a transition without from")
    edges: dict[str, list[str]] = {name: [] for name in machine.states}
    back: dict[str, list[str]] = {name: [] for name in machine.states}
    for row in machine.transitions:
        for before in row.from_:
            edges[before].append(row.to or before)
            back[row.to or before].append(before)
    _check_all(machine.states, _reached(births, edges), "reachable")
    _check_all(machine.states, _reached(machine.final, back), "a way to an end")


def _check_row(machine: RawMachine, row: RawTransition, pointer: str) -> None:
    if row.to not in machine.states and (row.to or not row.from_):
        refuse(pointer + "/to", have=row.to, need=[*sorted(machine.states)])
    for number, name in enumerate(row.from_):
        if name not in machine.states:
            refuse(f"{pointer}/from/{number}", have=name, need=[*sorted(machine.states)])
        if name in machine.final:
            refuse(f"{pointer}/from/{number}", have=name, need="a state that is no end")
    if len(frozenset(row.from_)) != len(row.from_):
        refuse(pointer + "/from", need="different states")


def _check_one_meaning(machine: RawMachine) -> None:
    taken: dict[tuple[str, str], int] = {}
    for number, row in enumerate(machine.transitions):
        for state in row.from_ or ("",):
            if (row.action, state) in taken:
                refuse(f"/machine/transitions/{number}/action", have=row.action, state=state)
            taken[row.action, state] = number


def _check_rules_are_named_once(raw: RawProfile) -> None:
    taken: dict[str, bool] = {}
    for number, row in enumerate(raw.machine.transitions):
        for place, guard in enumerate(row.guard):
            if guard.rule in taken:
                pointer = f"/machine/transitions/{number}/guard/{place}/rule"
                refuse(pointer, have=guard.rule, need="another name")
            taken[guard.rule] = True


def _reached(first: Iterable[str], edges: Mapping[str, list[str]]) -> dict[str, bool]:
    """States that some steps lead to; each state is visited once."""
    seen: dict[str, bool] = {}
    waiting = list(first)
    while waiting:
        state = waiting.pop()
        if state not in seen:
            seen[state] = True
            waiting.extend(edges[state])
    return seen


def _check_all(states: Iterable[str], reached: Mapping[str, bool], need: str) -> None:
    for name in states:
        if name not in reached:
            refuse(f"/machine/states/{name}", need=need)
