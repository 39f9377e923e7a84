"""Profiles and their state machines: a pure engine (docs/spec/profile.md).

The promise: rules are data; judging one reads a `Situation` and gives a `Change` or a
`Refused`, in bounded work, the same on every replica.
"""

from ledger.machine.bodies import UniqueValue, check_body, parties_of, unique_values
from ledger.machine.engine import members_of, transition
from ledger.machine.profile import Profile, Timer, Transition, decode_profile, load_profile
from ledger.machine.schema import (
    ANYONE,
    CLOCK,
    CONTROLLER,
    HOLDER,
    Field,
    Labels,
    Quantity,
    Role,
    Sum,
    Unique,
)
from ledger.machine.sentences import sentences
from ledger.machine.simulate import change_fields, effect_fields, simulate, situation_of
from ledger.machine.situation import (
    Change,
    CloseTimer,
    Effect,
    EmitMatchLine,
    Encumber,
    Encumbrance,
    Facts,
    Notify,
    OpenTimer,
    Release,
    Situation,
)

__all__ = [
    "ANYONE", "CLOCK", "CONTROLLER", "HOLDER", "Change", "CloseTimer", "Effect", "EmitMatchLine",
    "Encumber", "Encumbrance", "Facts", "Field", "Labels", "Notify", "OpenTimer", "Profile",
    "Quantity", "Release", "Role", "Situation", "Sum", "Timer", "Transition", "Unique",
    "UniqueValue", "change_fields", "check_body", "decode_profile", "effect_fields",
    "load_profile", "members_of", "parties_of", "sentences", "simulate", "situation_of",
    "transition", "unique_values",
]  # fmt: skip
