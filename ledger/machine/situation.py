"""What a rule may look at, and what a transition leaves to do (docs/spec/profile.md, section 4).

The promise: the engine reads nothing but a `Situation` and writes nothing at all; what a
transition means is a `Change`, which the caller carries out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from hansa.encoding import Value
from ledger.contract import Signer


@dataclass(frozen=True, slots=True)
class Encumbrance:
    """An encumbrance in force: its kind, the member that it secures, since when (ms)."""

    kind: str
    to: str
    since: int = 0


class Facts(Protocol):
    """What rules ask about the rest of the chain; each question costs the caller a few reads."""

    def has_doc(self, kind: str) -> bool:
        """Whether complete documents about the record, or given with the action, have this kind."""
        ...

    def has_event(self, kind: str) -> bool:
        """Whether a captured event about the record, or given with the action, has this step."""
        ...

    def has_cred(self, kind: str, member: str) -> bool:
        """Whether a member holds a credential of this type that is in force now."""
        ...

    def has_consent(self, purpose: str, subject: str, member: str) -> bool:
        """Whether `subject` lets `member` act for this purpose now."""
        ...

    def is_unique(self, name: str, value: str) -> bool:
        """Whether no other record uses this value of the unique key `name`."""
        ...

    def encumbrances(self) -> tuple[Encumbrance, ...]:
        """Those in force on the record, in a fixed order."""
        ...

    def total(self, name: str) -> int:
        """A sum of the profile (`Profile.sums`) over the record's live siblings, without it."""
        ...

    def linked(self, field: str, of: str) -> Value:
        """The field `of` of the record that the body's field `field` names; None without one.

        ``$state`` and ``$quantity`` are fields of every record.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that a rule may look at.

    Attributes:
        body: the record's fields; for a birth those of `check_body`.
        state: "" before the birth.
        quantity: in units of the profile.
        parties: role to member; `parties_of` makes it.
        args: of the action.
        signers: everyone who signed; empty when the clock acts.
        time: of the block, in ms.
        facts: about the rest of the chain.
    """

    body: Mapping[str, Value]
    state: str
    quantity: int
    parties: Mapping[str, str]
    args: Mapping[str, Value]
    signers: tuple[Signer, ...]
    time: int
    facts: Facts


@dataclass(frozen=True, slots=True)
class Notify:
    """Tell the members that fill a role (an event names them)."""

    role: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenTimer:
    """Have `action` done by the clock at `at` (ms); a timer of that name is replaced."""

    name: str
    at: int
    action: str


@dataclass(frozen=True, slots=True)
class CloseTimer:
    """Take a timer back; nothing happens when none is open."""

    name: str


@dataclass(frozen=True, slots=True)
class EmitMatchLine:
    """A line for the books of two members: who is owed, who owes, how much of the unit."""

    kind: str
    creditor: str
    debtor: str
    amount: int
    unit: str


@dataclass(frozen=True, slots=True)
class Encumber:
    """Put an encumbrance of this kind on the record in favour of a member."""

    kind: str
    to: str


@dataclass(frozen=True, slots=True)
class Release:
    """Lift the encumbrances of this kind that secure this member."""

    kind: str
    to: str


Effect = Notify | OpenTimer | CloseTimer | EmitMatchLine | Encumber | Release
"""What is left to do besides the record's own fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a transition does to a record.

    Attributes:
        action: as the profile names it.
        before: the state before; "" at a birth.
        to: the state after.
        final: whether that state is an end.
        changes: the body's fields with a new value, in order of their names.
        controller: the new controller; "" where it stays.
        holder: the new holder; "" where it stays.
        actor: the member that acted; "" for the clock.
        effects: in the order of the profile.
    """

    action: str
    before: str
    to: str
    final: bool
    changes: Mapping[str, Value]
    controller: str
    holder: str
    actor: str
    effects: tuple[Effect, ...]
