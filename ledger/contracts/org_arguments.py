"""What the methods of `org` take: shapes and limits, no rules (contracts.md, section 4).

The promise: whatever passes these types has a bounded size and a known alphabet.
"""

from typing import Annotated

import msgspec

from hansa.encoding import Hash, MemberName, Name, Uint
from hansa.genesis import Digits
from hansa.keys import PublicKey
from ledger.contract import Arguments, Stored
from ledger.records import Version

KEYS_MAX = 64
"""Keys that a subject ever had: one a quarter for 16 years."""
ROLES_MAX = 32
NUMBERS_MAX = 64
LANGUAGES_MAX = 16

SubjectId = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9./-]{0,127}(?![\s\S])")]
KeyId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}(?![\s\S])")]
Reason = Annotated[str, msgspec.Meta(max_length=1024)]
OrderRef = Annotated[str, msgspec.Meta(max_length=128)]
"""The number of an order of a court or an authority, "" for none."""
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Numbers = Annotated[tuple[Digits, ...], msgspec.Meta(max_length=NUMBERS_MAX)]


class LegalId(Stored, frozen=True):
    """The number under which a register knows an organisation."""

    scheme: Annotated[str, msgspec.Meta(pattern=r"^(USCC|LEI|GLN|OTHER)(?![\s\S])")]
    value: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,64}(?![\s\S])")]


class Admit(Arguments, frozen=True):
    """A new member: its name, register number, names by language, key, numbers.

    `evidence` is the SHA-256 of what shows that it is who it says.
    """

    name: MemberName
    legal_id: LegalId
    names: Annotated[dict[Name, Text], msgspec.Meta(min_length=1, max_length=LANGUAGES_MAX)]
    key: PublicKey
    prefixes: Numbers = ()
    glns: Numbers = ()
    evidence: Hash | None = None


class Assign(Arguments, frozen=True):
    """Company prefixes and location numbers for a member."""

    member: MemberName
    prefixes: Numbers = ()
    glns: Numbers = ()


class OfMember(Arguments, frozen=True):
    """A member, why, and by which order."""

    member: MemberName
    reason: Reason = ""
    order_ref: OrderRef = ""


class Recover(Arguments, frozen=True):
    """A new key for a member that has lost its own."""

    member: MemberName
    key: PublicKey
    reason: Reason = ""


class Enrol(Arguments, frozen=True):
    """A person, device or service: ``<member>/<name>``.

    `attest_digest` is the SHA-256 of what proves who or what it is; `valid_until` in ms, 0 for no
    end.
    """

    subject: SubjectId
    kind: Annotated[str, msgspec.Meta(pattern=r"^(person|device|service)(?![\s\S])")]
    key: PublicKey
    roles: Annotated[tuple[Name, ...], msgspec.Meta(max_length=ROLES_MAX)] = ()
    attest_digest: Hash | None = None
    valid_until: Uint = 0


class Rotate(Arguments, frozen=True):
    """A new key in the place of an old one of the same subject; it cosigns."""

    subject: SubjectId
    old_key: KeyId
    new_key: PublicKey


class NewSealKey(Arguments, frozen=True):
    """The X25519 key to which others seal for the sender's member from now on."""

    key: PublicKey


class RevokeKey(Arguments, frozen=True):
    """The end of a key; `compromised_since` (ms) flags what it signed from then on."""

    subject: SubjectId
    key: KeyId
    reason: Reason = ""
    compromised_since: Uint = 0


class Role(Arguments, frozen=True):
    """A role of a subject; `until` in ms, 0 for no end."""

    subject: SubjectId
    role: Name
    version: Version
    until: Uint = 0


class OfSubject(Arguments, frozen=True):
    """A subject at a version, why, and by which order."""

    subject: SubjectId
    version: Version
    reason: Reason = ""
    order_ref: OrderRef = ""


class Renew(Arguments, frozen=True):
    """A subject at a version, and the new end of its validity in ms, 0 for none."""

    subject: SubjectId
    version: Version
    valid_until: Uint = 0


class Lapse(Arguments, frozen=True):
    """A subject whose time is over."""

    subject: SubjectId


class RegisterNode(Arguments, frozen=True):
    """A node of the sender's member; a ballot of `governance` makes it a validator."""

    name: MemberName
    validator_key: PublicKey
    transport_key: PublicKey
