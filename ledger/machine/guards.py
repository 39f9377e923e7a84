"""The closed list of guards (docs/spec/profile.md, section 3).

The promise: every guard is total and looks at whole numbers, words and flags alone; what is
missing or of another type fails it; a profile cannot add one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from hansa.encoding import INT_MAX, INT_MIN, Value
from ledger.contract import Refused
from ledger.machine.operands import (
    ANY,
    Literal,
    Names,
    Operand,
    evaluate,
    is_constant,
    read_operand,
    refuse,
    type_of,
)
from ledger.machine.schema import (
    CHOICES_MAX,
    DAY_MS,
    DIGESTS,
    FLAG,
    INT,
    INTS,
    TEXT,
    TEXTS,
    RawGuard,
)
from ledger.machine.situation import Encumbrance, Situation

SCALAR, PARTS, LITERALS, ROLE, UNIQUE, CREDENTIAL, ENCUMBRANCE = (
    "scalar",
    "parts",
    "literals",
    "role",
    "unique",
    "credential",
    "encumbrance",
)
"""What a guard takes, besides expressions of a type."""
SHAPES: Mapping[str, tuple[str, ...]] = {
    "eq": (SCALAR, SCALAR),
    "ne": (SCALAR, SCALAR),
    "lt": (INT, INT),
    "le": (INT, INT),
    "gt": (INT, INT),
    "ge": (INT, INT),
    "in": (SCALAR, LITERALS),
    "between": (INT, INT, INT),
    "within_days": (INT, INT, INT),
    "sum_eq": (PARTS, INT),
    "unique": (UNIQUE,),
    "same_org": (TEXT, TEXT),
    "not_same_org": (TEXT, TEXT),
    "has_signed": (ROLE,),
    "has_cred": (CREDENTIAL, TEXT),
    "no_encumbrance": (ENCUMBRANCE,),
    "pledgee_signed": (ENCUMBRANCE,),
    "consent_for": (TEXT, TEXT),
    "in_geofence": (INT, INT, INT, INT, INT, INT),
    "sensor_within": (INT, INT, INT, INT),
}
"""Every guard and what it takes. ``no_encumbrance`` takes ``*`` for every kind."""
ALL_KINDS = "*"
SHOWN_MAX = 64
"""Characters of a text, or elements of a list, that a refusal repeats."""


@dataclass(frozen=True, slots=True)
class Guard:
    """A rule of a transition: what it checks, its id, and where it comes from."""

    rule: str
    name: str
    parameters: tuple["Parameter", ...]
    source: str


Parameter = Operand | tuple[Operand, ...] | str
"""An expression, several (``sum_eq``, ``in``), or the name of a role, a key, a kind."""
Filled = Callable[[str], bool]
"""Whether a role is filled by someone who signed."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the guards of a transition may name besides expressions."""

    roles: frozenset[str]
    unique: Mapping[str, str]
    encumbrances: frozenset[str]


def read_guard(raw: RawGuard, pointer: str, names: Names, known: Known) -> Guard:
    """The guard that a map spells.

    Raises:
        Refused: ``SCHEMA`` with the JSON pointer.
    """
    here = pointer + "/check"
    name, given = raw.check[0], raw.check[1:]
    shape = SHAPES.get(name) if isinstance(name, str) else None
    if shape is None:
        refuse(here + "/0", need=list(SHAPES))
    if len(given) != len(shape):
        refuse(here, have=len(given), need=len(shape))
    parameters = tuple(
        _read_parameter(kind, part, f"{here}/{number}", names, known)
        for number, (kind, part) in enumerate(zip(shape, given, strict=True), 1)
    )
    guard = Guard(raw.rule, str(name), parameters, raw.source)
    _check_sense(guard, here)
    return guard


def _read_parameter(kind: str, raw: object, pointer: str, names: Names, known: Known) -> Parameter:
    if kind in (PARTS, LITERALS):
        return _read_list(kind, raw, pointer, names)
    if kind in (ROLE, UNIQUE, ENCUMBRANCE, CREDENTIAL):
        return _read_name(kind, raw, pointer, known)
    operand = read_operand(raw, pointer, names)
    have = type_of(operand)
    allowed = (INT, TEXT, FLAG, ANY) if kind == SCALAR else (kind, ANY)
    if have not in allowed:
        refuse(pointer, have=have, need=list(allowed))
    return operand


def _read_list(kind: str, raw: object, pointer: str, names: Names) -> tuple[Operand, ...]:
    if not isinstance(raw, list) or not 0 < len(raw) <= CHOICES_MAX:
        refuse(pointer, need=CHOICES_MAX)
    if kind == LITERALS:
        names.left += len(raw)
    operands = tuple(
        read_operand(part, f"{pointer}/{number}", names) for number, part in enumerate(raw)
    )
    for number, operand in enumerate(operands):
        if kind == LITERALS and not isinstance(operand, Literal):
            refuse(f"{pointer}/{number}", need="a word or a number")
        if kind == PARTS and type_of(operand) not in (INT, INTS, ANY):
            refuse(f"{pointer}/{number}", have=type_of(operand), need=[INT, INTS])
    return operands


def _read_name(kind: str, raw: object, pointer: str, known: Known) -> str:
    allowed: dict[str, frozenset[str]] = {
        ROLE: known.roles,
        UNIQUE: frozenset(known.unique),
        ENCUMBRANCE: known.encumbrances | {ALL_KINDS},
    }
    if not isinstance(raw, str) or not 0 < len(raw) <= SHOWN_MAX:
        refuse(pointer, need=kind)
    if kind != CREDENTIAL and raw not in allowed[kind]:
        refuse(pointer, have=raw, need=[*sorted(allowed[kind])])
    return raw


def _check_sense(guard: Guard, pointer: str) -> None:
    """Refuse a guard that says the same in every situation, or compares unlike things."""
    operands: list[Operand] = []
    for parameter in guard.parameters:
        if isinstance(parameter, tuple):
            operands.extend(parameter)
        elif not isinstance(parameter, str):
            operands.append(parameter)
    if operands and all(map(is_constant, operands)):
        refuse(pointer, need="something that can differ")
    if guard.name in ("eq", "ne", "in"):
        kinds = [type_of(operand) for operand in operands if type_of(operand) != ANY]
        if any(kind != kinds[0] for kind in kinds):
            refuse(pointer, have=list(kinds), need="equal types")
    if guard.name in ("between", "sensor_within"):
        low, high = cast("tuple[Operand, Operand]", guard.parameters[-2:])
        if isinstance(low, Literal) and isinstance(high, Literal) and _empty(low, high):
            refuse(pointer, need="least <= most")


def _empty(low: Literal, high: Literal) -> bool:
    return cast("int", low.value) > cast("int", high.value)


def judge(guard: Guard, situation: Situation, actor: str, filled: Filled, fields: "Fields") -> None:
    """Refuse what a guard forbids.

    `fields` maps the profile's unique keys to the fields whose values they are.

    Raises:
        Refused: ``RULE`` with the rule's id, its source and the values; ``HELD``,
            ``DUPLICATE`` or ``CONSENT`` where the rule is about one of these.
    """
    name, parameters = guard.name, guard.parameters
    if name in ("no_encumbrance", "pledgee_signed"):
        _judge_encumbrances(guard, situation)
    elif name == "unique":
        _judge_unique(guard, situation, fields[str(parameters[0])])
    elif name == "has_signed":
        if not filled(str(parameters[0])):
            raise Refused("RULE", **_why(guard), need=str(parameters[0]))
    else:
        values = [_value(parameter, situation, actor) for parameter in parameters]
        _judge_values(guard, values, situation, actor)


Fields = Mapping[str, str]


def _value(parameter: Parameter, situation: Situation, actor: str) -> Value:
    if isinstance(parameter, str):
        return parameter
    if isinstance(parameter, tuple):
        return [evaluate(part, situation, actor) for part in parameter]
    return evaluate(parameter, situation, actor)


def _judge_values(guard: Guard, values: list[Value], situation: Situation, actor: str) -> None:
    shown: Value = [_shown(value) for value in values]
    if guard.name == "has_cred":
        kind, member = values
        if not isinstance(member, str) or not situation.facts.has_cred(str(kind), member):
            raise Refused("RULE", **_why(guard), values=shown)
    elif guard.name == "consent_for":
        purpose, subject = values
        texts = isinstance(purpose, str) and isinstance(subject, str)
        if not texts or not situation.facts.has_consent(str(purpose), str(subject), actor):
            raise Refused("CONSENT", **_why(guard), values=shown, by=actor)
    elif not holds(guard.name, values):
        raise Refused("RULE", **_why(guard), values=shown)


def holds(name: str, values: list[Value]) -> bool:  # noqa: C901, PLR0911, PLR0912 - a table
    """Whether a guard over plain values holds: the whole arithmetic of rules."""
    if name in ("same_org", "not_same_org"):
        one, other = values
        known = isinstance(one, str) and isinstance(other, str) and one != "" and other != ""
        return known and (one == other) == (name == "same_org")
    if name in ("eq", "ne"):
        one, other = values
        comparable = one is not None and type(one) is type(other)
        return comparable and (one == other) == (name == "eq")
    if name == "in":
        value, words = values
        return any(
            type(value) is type(word) and value == word for word in cast("list[Value]", words)
        )
    if name == "sum_eq":
        return _sum(cast("list[Value]", values[0])) == values[1] is not None
    if any(type(value) is not int for value in values):
        return False
    numbers = cast("list[int]", values)
    match name:
        case "lt":
            return numbers[0] < numbers[1]
        case "le":
            return numbers[0] <= numbers[1]
        case "gt":
            return numbers[0] > numbers[1]
        case "ge":
            return numbers[0] >= numbers[1]
        case "between":
            return numbers[1] <= numbers[0] <= numbers[2]
        case "within_days":
            return 0 <= numbers[1] - numbers[0] <= numbers[2] * DAY_MS
        case "sensor_within":
            return numbers[2] <= numbers[0] <= numbers[1] <= numbers[3]
        case _:
            return _in_box(numbers)


def _in_box(numbers: list[int]) -> bool:
    """Latitude, longitude, south, west, north, east; west > east crosses the date line."""
    latitude, longitude, south, west, north, east = numbers
    if not south <= latitude <= north:
        return False
    if west <= east:
        return west <= longitude <= east
    return longitude >= west or longitude <= east


def _sum(parts: list[Value]) -> int | None:
    """The sum of numbers and lists of numbers, or None when it is none that fits 64 bits."""
    total = 0
    for part in parts:
        numbers = part if isinstance(part, list) else [part]
        for number in numbers:
            if type(number) is not int:
                return None
            total += number
    return total if INT_MIN <= total <= INT_MAX else None


def _judge_encumbrances(guard: Guard, situation: Situation) -> None:
    """Nothing lies on the record, or all whom it secures have signed."""
    kind = str(guard.parameters[0])
    lying = [one for one in situation.facts.encumbrances() if kind in (ALL_KINDS, one.kind)]
    if guard.name == "pledgee_signed":
        members = [signer.member for signer in situation.signers]
        lying = [one for one in lying if one.to not in members]
    if lying:
        raise Refused("HELD", **_why(guard), **_held(lying[0]))


def _held(one: Encumbrance) -> dict[str, Value]:
    return {"by": one.to, "kind": one.kind, "since": one.since}


def _judge_unique(guard: Guard, situation: Situation, field: str) -> None:
    name = str(guard.parameters[0])
    value = situation.body.get(field)
    for text in unique_texts(value):
        if not situation.facts.is_unique(name, text):
            raise Refused("DUPLICATE", **_why(guard), field=field, have=_shown(text))
    if value is None:
        raise Refused("RULE", **_why(guard), field=field)


def unique_texts(value: Value) -> tuple[str, ...]:
    """The values that a field gives to a unique key: one for each element of a list."""
    if value is None:
        return ()
    return tuple(str(one) for one in value) if isinstance(value, list) else (str(value),)


def _why(guard: Guard) -> dict[str, Value]:
    why: dict[str, Value] = {"rule": guard.rule, "check": guard.name}
    if guard.source:
        why["source"] = guard.source
    return why


def _shown(value: Value) -> Value:
    """As much of a value as a refusal may carry."""
    if isinstance(value, str):
        return value[:SHOWN_MAX]
    if isinstance(value, list):
        return [_shown(one) for one in value[:SHOWN_MAX]]
    return value


LIST_TYPES = (INTS, TEXTS, DIGESTS)
"""Types of fields that hold several values."""
