"""The closed list of effects, as a profile spells them (docs/spec/profile.md, section 4).

The promise: an effect names only what the profile has, with a value of the right type; it can
only change the record's own fields or leave something to do, as data.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ledger.machine.operands import ANY, Names, Operand, field_type, read_operand, refuse, type_of
from ledger.machine.schema import (
    ANYONE,
    CONTROLLER,
    HOLDER,
    INT,
    MEMBER,
    TEXT,
    RawProfile,
    RawTransition,
)

TARGET, AMOUNT, ROLE, TIMER, WORD, ENCUMBRANCE = (
    "target",
    "amount",
    "role",
    "timer",
    "word",
    "encumbrance",
)
"""What an effect takes, besides expressions of a type."""
SHAPES: Mapping[str, tuple[str, ...]] = {
    "set": (TARGET, ANY),
    "inc": (TARGET, AMOUNT),
    "notify": (ROLE,),
    "open_timer": (TIMER,),
    "close_timer": (TIMER,),
    "emit_match_line": (WORD, TEXT, TEXT, INT, WORD),
    "encumber": (ENCUMBRANCE, TEXT),
    "release": (ENCUMBRANCE, TEXT),
}
"""Every effect and what it takes. A match line has a kind, creditor, debtor, amount, unit."""
WORD_MAX = 64


@dataclass(frozen=True, slots=True)
class Step:
    """One effect of a transition: its name, and names or expressions."""

    name: str
    parameters: tuple[str | Operand, ...]


def read_step(raw: list[object], pointer: str, profile: RawProfile, row: RawTransition) -> Step:
    """The effect that a list spells.

    Raises:
        Refused: ``SCHEMA`` with the JSON pointer.
    """
    name = raw[0] if raw else None
    shape = SHAPES.get(name) if isinstance(name, str) else None
    if shape is None:
        refuse(pointer + "/0", need=list(SHAPES))
    if len(raw) != 1 + len(shape):
        refuse(pointer, have=len(raw) - 1, need=len(shape))
    members = [field for field, kind in profile.fields.items() if kind.type == MEMBER]
    parties = frozenset((CONTROLLER, HOLDER, *members))
    names = Names(profile.fields, row.args, parties, frozenset(profile.sums))
    parameters = tuple(
        _read(kind, part, f"{pointer}/{number}", profile, names)
        for number, (kind, part) in enumerate(zip(shape, raw[1:], strict=True), 1)
    )
    if shape[0] == TARGET:
        _check_assignment(str(name), parameters, pointer, profile)
    return Step(str(name), parameters)


def _read(kind: str, raw: object, pointer: str, profile: RawProfile, names: Names) -> str | Operand:
    known: dict[str, tuple[str, ...]] = {
        TARGET: (*profile.fields, CONTROLLER, HOLDER),
        ROLE: (*profile.roles, CONTROLLER, HOLDER, ANYONE),
        TIMER: tuple(profile.timers),
        ENCUMBRANCE: tuple(profile.encumbrances),
    }
    if kind == WORD:
        if not isinstance(raw, str) or not 0 < len(raw) <= WORD_MAX or raw.startswith("$"):
            refuse(pointer, need=WORD_MAX)
        return raw
    if kind in known:
        if not isinstance(raw, str) or raw not in known[kind]:
            refuse(pointer, need=[*sorted(known[kind])])
        return raw
    operand = read_operand(raw, pointer, names)
    have, need = type_of(operand), INT if kind == AMOUNT else kind
    if ANY not in (have, need) and have != need:
        refuse(pointer, have=have, need=need)
    return operand


def _check_assignment(
    name: str, parameters: tuple[str | Operand, ...], pointer: str, profile: RawProfile
) -> None:
    """The value fits the target, which rules may write."""
    target, operand = parameters
    assert isinstance(target, str)
    assert not isinstance(operand, str)
    field = profile.fields.get(target)
    if field is not None and not (field.computed or field.changeable):
        refuse(pointer + "/1", have=target, need=["changeable", "computed"])
    need = TEXT if field is None else field_type(field.type)
    if name == "inc" and need != INT:
        refuse(pointer + "/1", have=need, need=INT)
    if type_of(operand) not in (need, ANY):
        refuse(pointer + "/2", have=type_of(operand), need=need)
