"""The parts of a profile as they are written down (docs/spec/profile.md, sections 1 and 2).

The promise: a profile is a map of maps, lists, texts and whole numbers, the same value in a
JSON file and on the chain; every part has a named limit.
"""

from typing import Annotated, Any

import msgspec

from hansa.encoding import INT_MAX, INT_MIN, Name
from ledger.contract import Stored

PROFILE_BYTES_MAX = 64 * 1024
"""Canonical bytes of a profile: half of what a state value may hold."""
FIELDS_MAX = 64
"""Fields of a body: the longest form read for the ready profiles has 30."""
ARGS_MAX = 16
"""Arguments of an action."""
ROLES_MAX = 32
"""Roles; a bill of lading has 7."""
STATES_MAX = 32
"""States; a negotiated agreement has 8."""
TRANSITIONS_MAX = 64
"""Rows of the machine; a bill of lading has 20."""
STEPS_MAX = 16
"""Guards, effects, needs or cosigners of one transition: what bounds its work."""
KEYS_MAX = 8
"""Unique keys, sums and timers: each costs a written key when it changes."""
ENCUMBRANCES_MAX = 8
"""Kinds of encumbrance, and how many of a kind may be in force."""
OPERANDS_MAX = 32
"""Parts of one guard's expressions."""
CHOICES_MAX = 64
"""Words that a field may be, or a guard compares with."""
ITEMS_MAX = 256
"""Elements of a list: the lines of a month's wages of a large team."""
TEXT_MAX = 1024
"""Characters of a text in a body: longer text is a document with a digest."""
TEXT_DEFAULT = 256
"""Characters of a text whose field names no limit."""
ITEMS_DEFAULT = 32
"""Elements of a list whose field names no limit."""
LABEL_MAX = 160
"""Characters of a label: it stands inside a sentence."""
SOURCE_MAX = 160
"""Characters of a source: a law and its article."""
DAY_MS = 24 * 3600 * 1000

CONTROLLER, HOLDER, ANYONE, CLOCK = "controller", "holder", "anyone", "clock"
"""Roles of every profile: who disposes of a record, who has it, any member, the due-queue."""
RESERVED = ("controller", "history", "holder", "id", "quantity", "state", "version")
"""What every record has already: no field may be named so."""

INT, TIME, FLAG, TEXT, MEMBER, RECORD = "int", "time", "flag", "text", "member", "record"
DIGEST, GTIN, GLN, SSCC, TEXTS, DIGESTS, INTS = (
    "digest",
    "gtin",
    "gln",
    "sscc",
    "texts",
    "digests",
    "ints",
)
FIELD_TYPES = (
    INT, TIME, FLAG, TEXT, MEMBER, RECORD, DIGEST, GTIN, GLN, SSCC, TEXTS, DIGESTS, INTS,
)  # fmt: skip
"""What a field may hold; a time is in ms since 1970, a digest 64 hex digits."""
PARTY, LISTED, NAMED, SECURED, ACCREDITED = "party", "listed", "named", "secured", "accredited"
ROLE_KINDS = (PARTY, LISTED, NAMED, SECURED, ACCREDITED, ANYONE)
"""How a role is filled: by the member in the body's field of that name, by those in a list of the
body, by one named in the arguments, by whom an encumbrance secures, by whoever holds a
credential, by any member."""
LANGUAGES = ("zh", "en")

END = r"(?![\s\S])"
Word = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,47}" + END)]
"""A name inside a profile."""
Kind = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}" + END)]
"""A type of document, event or credential, or a role inside a member."""
Need = Annotated[
    str, msgspec.Meta(pattern=r"^(doc|event|cred):[A-Za-z0-9][A-Za-z0-9._-]{0,63}" + END)
]
Source = Annotated[str, msgspec.Meta(max_length=SOURCE_MAX)]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=LABEL_MAX)]
Int = Annotated[int, msgspec.Meta(ge=INT_MIN, le=INT_MAX)]


class Labels(Stored, frozen=True):
    """A name for people, in Chinese and in English."""

    zh: Label
    en: Label

    def of(self, language: str) -> str:
        """The label in ``zh`` or ``en``."""
        return self.zh if language == "zh" else self.en


class Field(Stored, frozen=True):
    """A field of a body, or an argument of an action.

    Attributes:
        type: one of `FIELD_TYPES`.
        labels: its name for people.
        optional: whether it may be missing.
        computed: whether only effects write it; then it may `start` with a value.
        changeable: whether it is given and effects may write it later.
        least, most: bounds of a number, or of the length of a text or list.
        choices: the words that it may be; any when empty.
        start: what a computed field begins with; None: nothing.
    """

    type: str
    labels: Labels
    optional: bool = False
    computed: bool = False
    changeable: bool = False
    least: Int | None = None
    most: Int | None = None
    choices: Annotated[
        tuple[Annotated[str, msgspec.Meta(max_length=TEXT_DEFAULT)], ...],
        msgspec.Meta(max_length=CHOICES_MAX),
    ] = ()
    start: bool | Int | Annotated[str, msgspec.Meta(max_length=TEXT_DEFAULT)] | None = None


class Role(Stored, frozen=True):
    """Who may act.

    Attributes:
        kind: one of `ROLE_KINDS`.
        labels: its name for people.
        of: the field (listed), the argument (named), the kind of encumbrance (secured), the
            type of credential (accredited).
        desk: the role that who signs must have inside the member; "" for any.
    """

    kind: str
    labels: Labels
    of: Annotated[str, msgspec.Meta(max_length=64)] = ""
    desk: Annotated[str, msgspec.Meta(max_length=64)] = ""


class Quantity(Stored, frozen=True):
    """What a record counts: the unit, whether it can be split, the least of a part."""

    unit: Kind
    divisible: bool = False
    least: Annotated[int, msgspec.Meta(ge=1, le=INT_MAX)] = 1


class Unique(Stored, frozen=True):
    """A field whose value only one record of the family may have.

    `reusable`: it is free again when all records that had it have come to an end (the place
    of a lot; never an invoice).
    """

    field: Word
    reusable: bool = False


class Sum(Stored, frozen=True):
    """The sum of `of` (a field, or ``$quantity``) over live records with the same `by`."""

    by: Word
    of: Annotated[str, msgspec.Meta(max_length=64)]
    labels: Labels


class RawTimer(Stored, frozen=True):
    """A deadline: when it is, and the action that the clock then takes."""

    at: Any
    action: Word
    labels: Labels


class RawGuard(Stored, frozen=True):
    """A rule: its id, what must hold, and where the rule comes from."""

    rule: Kind
    check: Annotated[list[Any], msgspec.Meta(min_length=1, max_length=STEPS_MAX)]
    source: Source = ""


class RawTransition(Stored, frozen=True):
    """A row of the machine, as it is written down; `from_` is empty for a birth."""

    action: Word
    by: Annotated[tuple[Word, ...], msgspec.Meta(min_length=1, max_length=STEPS_MAX)]
    labels: Labels
    args: Annotated[dict[Word, Field], msgspec.Meta(max_length=ARGS_MAX)] = msgspec.field(
        default_factory=dict
    )
    cosign: Annotated[tuple[Word, ...], msgspec.Meta(max_length=STEPS_MAX)] = ()
    effect: Annotated[tuple[list[Any], ...], msgspec.Meta(max_length=STEPS_MAX)] = ()
    from_: Annotated[tuple[Word, ...], msgspec.Meta(max_length=STATES_MAX)] = msgspec.field(
        default=(), name="from"
    )
    guard: Annotated[tuple[RawGuard, ...], msgspec.Meta(max_length=STEPS_MAX)] = ()
    need: Annotated[tuple[Need, ...], msgspec.Meta(max_length=STEPS_MAX)] = ()
    source: Source = ""
    to: Annotated[str, msgspec.Meta(max_length=48)] = ""


class RawMachine(Stored, frozen=True):
    """States, ends and transitions."""

    states: Annotated[dict[Word, Labels], msgspec.Meta(min_length=1, max_length=STATES_MAX)]
    final: Annotated[tuple[Word, ...], msgspec.Meta(min_length=1, max_length=STATES_MAX)]
    transitions: Annotated[
        tuple[RawTransition, ...], msgspec.Meta(min_length=1, max_length=TRANSITIONS_MAX)
    ]


class RawProfile(Stored, frozen=True):
    """A profile as it is written down."""

    name: Name
    version: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
    labels: Labels
    fields: Annotated[dict[Word, Field], msgspec.Meta(max_length=FIELDS_MAX)]
    machine: RawMachine
    encumbrances: Annotated[
        dict[Word, Annotated[int, msgspec.Meta(ge=1, le=ENCUMBRANCES_MAX)]],
        msgspec.Meta(max_length=ENCUMBRANCES_MAX),
    ] = msgspec.field(default_factory=dict)
    private: Annotated[dict[Word, Labels], msgspec.Meta(max_length=FIELDS_MAX)] = msgspec.field(
        default_factory=dict
    )
    quantity: Quantity | None = None
    roles: Annotated[dict[Word, Role], msgspec.Meta(max_length=ROLES_MAX)] = msgspec.field(
        default_factory=dict
    )
    sources: Annotated[tuple[Source, ...], msgspec.Meta(max_length=STEPS_MAX)] = ()
    sums: Annotated[dict[Word, Sum], msgspec.Meta(max_length=KEYS_MAX)] = msgspec.field(
        default_factory=dict
    )
    text_digest: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?" + END)] = ""
    timers: Annotated[dict[Word, RawTimer], msgspec.Meta(max_length=KEYS_MAX)] = msgspec.field(
        default_factory=dict
    )
    unique: Annotated[dict[Word, Unique], msgspec.Meta(max_length=KEYS_MAX)] = msgspec.field(
        default_factory=dict
    )
