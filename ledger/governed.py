"""What governance keeps in the state and execution returns: validators, parameters' version.

Only the contract `governance` writes these keys (docs/spec/contracts.md, section 5).
"""

from hansa.membership import Validator, ValidatorSet
from ledger.contract import Stored, load
from ledger.state import Overlay

VALIDATORS_KEY = b"governance/validators"
PARAMETERS_KEY = b"governance/parameters"
_HEIGHT_DIGITS = 16


class ValidatorEntry(Stored, frozen=True):
    """A validator as the state keeps it."""

    key: bytes
    member: str
    name: str


class Validators(Stored, frozen=True):
    """``governance/validators``: the set in force at the next height, in order of names.

    `changed_at` is the height of the last change and `changes` how many validators it
    touched, so that several ballots of one block stay within the bound together.
    """

    validators: tuple[ValidatorEntry, ...]
    changed_at: int = 0
    changes: int = 0

    def as_set(self) -> ValidatorSet:
        """The set as headers and votes know it."""
        return ValidatorSet(
            tuple(Validator(one.name, one.member, one.key) for one in self.validators)
        )


class ParametersVersion(Stored, frozen=True):
    """``governance/parameters``: counts every change of a parameter or permission."""

    version: int


def validators_in(view: Overlay) -> ValidatorSet:
    """The set in force at the height after this state."""
    stored = view.peek(VALIDATORS_KEY)
    assert stored is not None
    return load(stored, Validators).as_set()


def parameters_version(view: Overlay) -> int:
    """How often parameters were changed."""
    stored = view.peek(PARAMETERS_KEY)
    assert stored is not None
    return load(stored, ParametersVersion).version


def set_key(height: int) -> str:
    """The key, below ``governance/``, of the set that is in force from a height on."""
    return f"set/{height:0{_HEIGHT_DIGITS}x}"
