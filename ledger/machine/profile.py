"""A profile that was checked: decoding, and the rows of its machine.

The promise: a `Profile` that exists can work; whatever is wrong with one is refused when it
is proposed, at the JSON pointer where it stands (docs/spec/profile.md, sections 1 to 4).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import msgspec

from hansa.encoding import Value, decode_value, encode_value
from hansa.errors import Rejected
from ledger.contract import Refused
from ledger.machine.checks import check_machine, check_parts
from ledger.machine.guards import Guard, Known, read_guard
from ledger.machine.operands import Names, Operand, read_operand, refuse, type_of
from ledger.machine.schema import (
    ANYONE,
    CLOCK,
    CONTROLLER,
    HOLDER,
    INT,
    MEMBER,
    PROFILE_BYTES_MAX,
    Field,
    Labels,
    Quantity,
    RawProfile,
    RawTransition,
    Role,
    Sum,
    Unique,
)
from ledger.machine.steps import Step, read_step

CACHED = 256
"""Decoded profiles that are remembered: more than a chain has in daily use, 10 MB."""
_STEP = re.compile(r"\.([A-Za-z0-9_]+)|\[([^\]]*)\]")


@dataclass(frozen=True, slots=True)
class Transition:
    """A row of the machine; `before` is empty for a birth, `to` is "" where the state stays."""

    action: str
    labels: Labels
    before: tuple[str, ...]
    to: str
    by: tuple[str, ...]
    cosign: tuple[str, ...]
    need: tuple[str, ...]
    args: Mapping[str, Field]
    guards: tuple[Guard, ...]
    steps: tuple[Step, ...]
    source: str


@dataclass(frozen=True, slots=True)
class Timer:
    """A deadline in ms, and what the clock does then."""

    at: Operand
    action: str
    labels: Labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A schema, a state machine and its rules; see `RawProfile` for how it is written down.

    Attributes:
        family: the profiles among which unique keys are unique: all versions of one name.
        births: actions that make a record.
    """

    name: str
    version: int
    labels: Labels
    text_digest: str
    sources: tuple[str, ...]
    fields: Mapping[str, Field]
    private: Mapping[str, Labels]
    roles: Mapping[str, Role]
    states: Mapping[str, Labels]
    final: tuple[str, ...]
    transitions: tuple[Transition, ...]
    births: tuple[str, ...]
    quantity: Quantity | None
    unique: Mapping[str, Unique]
    encumbrances: Mapping[str, int]
    sums: Mapping[str, Sum]
    timers: Mapping[str, Timer]

    @property
    def id(self) -> str:
        """``<name>@<version>``."""
        return f"{self.name}@{self.version}"

    @property
    def family(self) -> str:
        """The scope of unique keys."""
        return self.name

    def has(self, action: str) -> bool:
        """Whether any transition has this action."""
        return any(one.action == action for one in self.transitions)

    def find(self, action: str, state: str) -> Transition | None:
        """The transition of this action from a state ("" for a birth), or None."""
        for one in self.transitions:
            if one.action == action and (state in one.before or not (state or one.before)):
                return one
        return None


@lru_cache(maxsize=CACHED)
def load_profile(stored: bytes) -> Profile:
    """The profile that canonical bytes encode; published bytes never change.

    Raises:
        Refused: as `decode_profile`.
    """
    return decode_profile(decode_value(stored))


def decode_profile(value: Value) -> Profile:
    """The profile that a map spells.

    Raises:
        Refused: ``SCHEMA`` with ``field``, the JSON pointer of what is wrong, and ``need``;
            ``LIMIT`` for a profile that is too large.
    """
    try:
        size = len(encode_value(value))
    except (Rejected, UnicodeError):
        refuse("", need="whole numbers, texts, lists and maps")
    if size > PROFILE_BYTES_MAX:
        raise Refused("LIMIT", field="", have=size, need=PROFILE_BYTES_MAX)
    try:
        raw = msgspec.convert(value, RawProfile)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `")
        refuse(_pointer(path.rstrip("`")), need=message.partition(":")[0])
    return _compile(raw)


def _pointer(path: str) -> str:
    """A JSON pointer from the decoder's path, ``$.machine.transitions[0].to``."""
    return "".join(f"/{name or index}" for name, index in _STEP.findall(path))


def _compile(raw: RawProfile) -> Profile:
    check_parts(raw)
    transitions = tuple(
        _read_transition(raw, row, f"/machine/transitions/{number}")
        for number, row in enumerate(raw.machine.transitions)
    )
    timers = {name: _read_timer(raw, name) for name in raw.timers}
    check_machine(raw)
    return Profile(
        name=raw.name,
        version=raw.version,
        labels=raw.labels,
        text_digest=raw.text_digest,
        sources=raw.sources,
        fields=raw.fields,
        private=raw.private,
        roles=raw.roles,
        states=raw.machine.states,
        final=raw.machine.final,
        transitions=transitions,
        births=tuple(row.action for row in raw.machine.transitions if not row.from_),
        quantity=raw.quantity,
        unique=raw.unique,
        encumbrances=raw.encumbrances,
        sums=raw.sums,
        timers=timers,
    )


def _names(raw: RawProfile, args: Mapping[str, Field]) -> Names:
    members = [name for name, field in raw.fields.items() if field.type == MEMBER]
    return Names(raw.fields, args, frozenset((CONTROLLER, HOLDER, *members)), frozenset(raw.sums))


def _read_timer(raw: RawProfile, name: str) -> Timer:
    timer = raw.timers[name]
    pointer = f"/timers/{name}/at"
    at = read_operand(timer.at, pointer, _names(raw, {}))
    if type_of(at) != INT:
        refuse(pointer, have=type_of(at), need=INT)
    return Timer(at, timer.action, timer.labels)


def _read_transition(raw: RawProfile, row: RawTransition, pointer: str) -> Transition:
    roles = frozenset((*raw.roles, CONTROLLER, HOLDER, ANYONE))
    known = Known(
        roles,
        {name: unique.field for name, unique in raw.unique.items()},
        frozenset(raw.encumbrances),
    )
    guards = tuple(
        read_guard(guard, f"{pointer}/guard/{number}", _names(raw, row.args), known)
        for number, guard in enumerate(row.guard)
    )
    steps = tuple(
        read_step(cast("list[object]", step), f"{pointer}/effect/{number}", raw, row)
        for number, step in enumerate(row.effect)
    )
    for number, name in enumerate((*row.by, *row.cosign)):
        where = f"by/{number}" if number < len(row.by) else f"cosign/{number - len(row.by)}"
        if name not in roles and not (name == CLOCK and number < len(row.by)):
            refuse(f"{pointer}/{where}", have=name, need=[*sorted(roles)])
    return Transition(
        action=row.action,
        labels=row.labels,
        before=row.from_,
        to=row.to,
        by=row.by,
        cosign=row.cosign,
        need=row.need,
        args=row.args,
        guards=guards,
        steps=steps,
        source=row.source,
    )
