"""Expressions of guards and effects: literals, references, whole-number arithmetic.

The promise: an expression is checked for its type when a profile is proposed; evaluating it
always ends, touches each part once, and never leaves 64 bits (docs/spec/profile.md, section 3).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Never, cast

from hansa.encoding import INT_MAX, INT_MIN, Value
from ledger.contract import Refused
from ledger.machine.schema import (
    DAY_MS,
    DIGESTS,
    FLAG,
    INT,
    INTS,
    ITEMS_MAX,
    OPERANDS_MAX,
    RECORD,
    STEPS_MAX,
    TEXT,
    TEXT_DEFAULT,
    TEXTS,
    TIME,
    Field,
)
from ledger.machine.situation import Situation

ANY = "any"
"""The type of what another record holds, known when it is read, and of the empty list."""
DEPTH_MAX = 4
"""Nesting of an expression: an amount is a product of sums at most."""
OPERATIONS = {"add": (2, STEPS_MAX), "sub": (2, 2), "mul": (2, 4), "div": (2, 2)}
"""Name to the least and most operands; ``div`` rounds down, its divisor is above 0."""
LISTS = {"count": (1, 1), "with": (2, 2)}
"""``count``: the elements of a list. ``with``: a list of words and one more, which must be new."""


_OPERAND_TYPES: dict[tuple[str, int], tuple[str, ...]] = {
    ("count", 0): (TEXTS, INTS),
    ("with", 0): (TEXTS,),
    ("with", 1): (TEXT,),
}
_PLAIN = {"actor": TEXT, "quantity": INT, "state": TEXT, "time": INT}
"""References without a name behind them."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that stands in the profile; the empty list has the type `ANY`."""

    value: Value
    type: str


@dataclass(frozen=True, slots=True)
class Days:
    """So many days, in ms."""

    days: int


@dataclass(frozen=True, slots=True)
class Reference:
    """``$root.name.of``: what the situation says."""

    root: str
    name: str
    of: str
    type: str


@dataclass(frozen=True, slots=True)
class Operation:
    """Whole-number arithmetic over operands, or one of `LISTS`."""

    name: str
    operands: tuple["Operand", ...]


Operand = Literal | Days | Reference | Operation


@dataclass(slots=True)
class Names:
    """What expressions of one transition may name, and where the reader is.

    Attributes:
        fields: of the body.
        args: of the action.
        parties: roles that are filled by one member, in the body or the record.
        sums: names of the profile's sums.
        left: parts that the guard or effect may still have.
    """

    fields: Mapping[str, Field]
    args: Mapping[str, Field]
    parties: frozenset[str]
    sums: frozenset[str]
    left: int = field(default=OPERANDS_MAX)


def refuse(pointer: str, **fields: Value) -> Never:
    """Refuse a profile at a JSON pointer.

    Raises:
        Refused: ``SCHEMA``.
    """
    raise Refused("SCHEMA", field=pointer, **fields)


def type_of(operand: Operand) -> str:
    """``int``, ``text``, ``flag``, ``ints``, ``texts`` or ``any``."""
    if isinstance(operand, Literal | Reference):
        return operand.type
    return TEXTS if isinstance(operand, Operation) and operand.name == "with" else INT


def field_type(kind: str) -> str:
    """The type of an expression that names a field of this type."""
    if kind in (INT, TIME):
        return INT
    if kind in (FLAG, INTS):
        return kind
    return TEXTS if kind in (TEXTS, DIGESTS) else TEXT


def is_constant(operand: Operand) -> bool:
    """Whether an expression says the same in every situation."""
    if isinstance(operand, Operation):
        return all(map(is_constant, operand.operands))
    return isinstance(operand, Literal | Days)


def read_operand(raw: object, pointer: str, names: Names, depth: int = DEPTH_MAX) -> Operand:
    """The expression that a value spells.

    Raises:
        Refused: ``SCHEMA`` with the JSON pointer of the part that is wrong.
    """
    names.left -= 1
    if names.left < 0:
        refuse(pointer, need=OPERANDS_MAX)
    if isinstance(raw, bool):
        return Literal(raw, FLAG)
    if isinstance(raw, int):
        return Literal(raw, INT)
    if isinstance(raw, str):
        return _read_text(raw, pointer, names)
    if raw == []:
        return Literal([], ANY)
    if isinstance(raw, dict) and len(raw) == 1:
        return _read_operation(raw, pointer, names, depth)
    return refuse(pointer, need="an expression")


def _read_text(raw: str, pointer: str, names: Names) -> Operand:
    if not raw.startswith("$"):
        if len(raw) > TEXT_DEFAULT:
            refuse(pointer, have=len(raw), need=TEXT_DEFAULT)
        return Literal(raw, TEXT)
    root, _, rest = raw[1:].partition(".")
    name, _, of = rest.partition(".")
    found = _reference(root, name, of, names)
    return found or refuse(pointer, have=raw[:TEXT_DEFAULT], need="a known reference")


def _reference(root: str, name: str, of: str, names: Names) -> Reference | None:
    """The reference of these parts, or None when it names nothing."""
    kind = None
    if root in _PLAIN and not name:
        kind = _PLAIN[root]
    elif root in ("body", "args"):
        found = (names.fields if root == "body" else names.args).get(name)
        kind = None if found is None else field_type(found.type)
    elif root == "party" and name in names.parties:
        kind = TEXT
    elif root == "sum" and name in names.sums:
        kind = INT
    elif root == "linked":
        linked = names.fields.get(name)
        known = linked is not None and linked.type == RECORD and of and "." not in of
        return Reference(root, name, of, ANY) if known else None
    return None if kind is None or of else Reference(root, name, "", kind)


def _read_operation(raw: dict[object, object], pointer: str, names: Names, depth: int) -> Operand:
    ((name, parts),) = raw.items()
    here = f"{pointer}/{name}"
    if name == "days":
        if type(parts) is not int or not 0 <= parts <= INT_MAX // DAY_MS:
            refuse(here, need="days")
        return Days(parts)
    bounds = {**OPERATIONS, **LISTS}.get(name) if isinstance(name, str) else None
    if bounds is None or not isinstance(parts, list) or depth == 0:
        refuse(pointer, need=["days", *OPERATIONS, *LISTS], have="" if depth else "too deep")
    if not bounds[0] <= len(parts) <= bounds[1]:
        refuse(here, have=len(parts), need=list(bounds))
    operands = tuple(
        read_operand(part, f"{here}/{number}", names, depth - 1)
        for number, part in enumerate(parts)
    )
    for number, operand in enumerate(operands):
        allowed = _OPERAND_TYPES.get((str(name), number), (INT, ANY))
        if type_of(operand) not in allowed:
            refuse(f"{here}/{number}", have=type_of(operand), need=list(allowed))
    return Operation(str(name), operands)


def evaluate(operand: Operand, situation: Situation, actor: str) -> Value:
    """The value of an expression; None where something it needs is missing.

    Raises:
        Refused: ``LIMIT`` when a number leaves 64 bits.
    """
    if isinstance(operand, Literal):
        return [] if operand.type == ANY else operand.value
    if isinstance(operand, Days):
        return operand.days * DAY_MS
    if isinstance(operand, Reference):
        return _look_up(operand, situation, actor)
    numbers = [evaluate(part, situation, actor) for part in operand.operands]
    if operand.name in LISTS:
        return _list(operand.name, numbers)
    if any(type(number) is not int for number in numbers):
        return None
    return _compute(operand.name, cast("list[int]", numbers))


def _look_up(reference: Reference, situation: Situation, actor: str) -> Value:
    root, name = reference.root, reference.name
    maps = {"args": situation.args, "body": situation.body, "party": situation.parties}
    if root in maps:
        return maps[root].get(name)
    if root == "sum":
        return situation.facts.total(name)
    if root == "linked":
        of = "$" + reference.of if reference.of in ("state", "quantity") else reference.of
        return situation.facts.linked(name, of)
    plain: dict[str, Value] = {
        "actor": actor,
        "quantity": situation.quantity,
        "state": situation.state,
        "time": situation.time,
    }
    return plain[root]


def _list(name: str, values: list[Value]) -> Value:
    """The number of elements, or the longer list; a list that was never written is empty."""
    elements = values[0] if isinstance(values[0], list) else []
    if name == "count":
        return len(elements)
    word = values[1]
    if not isinstance(word, str) or word in elements or len(elements) >= ITEMS_MAX:
        return None
    return [*elements, word]


def _compute(name: str, numbers: list[int]) -> int | None:
    if name == "add":
        result = sum(numbers)
    elif name == "sub":
        result = numbers[0] - numbers[1]
    elif name == "mul":
        result = 1
        for number in numbers:
            result *= number
    elif numbers[1] <= 0:
        return None
    else:
        result = numbers[0] // numbers[1]
    if not INT_MIN <= result <= INT_MAX:
        raise Refused("LIMIT", field=name, need="64 bits")
    return result
