"""Genesis: who is there at height 0 and which rules hold (docs/spec/ledger.md, section 7).

A file of JSON that every founder can read. The chain's identity is the hash of the
block at height 0, which the ledger computes by writing a genesis into an empty state.
"""

from typing import Annotated

import msgspec

from hansa.encoding import MemberName, Name, Uint
from hansa.errors import Rejected
from hansa.keys import SUITE_ED25519_SHA256, parse_public_key
from hansa.membership import VALIDATORS_MAX, Validator, ValidatorSet

GENESIS_BYTES_MAX = 16 * 1024 * 1024
"""A file of 50,000 people; beyond that they are enrolled by transactions."""
GENESIS_VERSION = 1

VALIDATOR, OBSERVER = "validator", "observer"

KeyText = Annotated[str, msgspec.Meta(pattern=r"^ed25519:[0-9a-f]{64}(?![\s\S])")]
"""The text of a public key."""
Digits = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4,13}(?![\s\S])")]
ParameterValue = bool | int | str


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base: a JSON object that refuses unknown fields."""


class LegalId(_Part, frozen=True):
    """The number under which a register knows an organisation."""

    scheme: Annotated[str, msgspec.Meta(pattern=r"^(USCC|LEI|GLN|OTHER)(?![\s\S])")]
    value: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class Person(_Part, frozen=True):
    """A person, device or service of a member; its subject is ``<member>/<name>``."""

    name: MemberName
    key: KeyText
    kind: Annotated[str, msgspec.Meta(pattern=r"^(person|device|service)(?![\s\S])")] = "person"
    roles: tuple[Name, ...] = ()


class Member(_Part, frozen=True):
    """A founding organisation.

    `names` are its names by language (``en``, ``zh``). `prefixes` are GS1 company prefixes
    and `glns` location numbers of 13 digits that belong to it alone.
    """

    name: MemberName
    legal_id: LegalId
    names: dict[str, str]
    key: KeyText
    prefixes: tuple[Digits, ...] = ()
    glns: tuple[Digits, ...] = ()
    people: tuple[Person, ...] = ()


class Node(_Part, frozen=True):
    """A founding node: its member, its validator key and its transport key."""

    name: MemberName
    member: MemberName
    validator_key: KeyText
    transport_key: KeyText
    role: Annotated[str, msgspec.Meta(pattern=r"^(validator|observer)(?![\s\S])")] = VALIDATOR


class Genesis(_Part, frozen=True):
    """Everything that stands in the state at height 0.

    `time` is in ms since 1970. `parameters` holds only what differs from the defaults.
    """

    chain_id: Name
    time: Uint
    members: Annotated[tuple[Member, ...], msgspec.Meta(min_length=1)]
    nodes: Annotated[tuple[Node, ...], msgspec.Meta(min_length=1)]
    parameters: dict[str, ParameterValue] = {}
    suite: int = SUITE_ED25519_SHA256
    version: int = GENESIS_VERSION

    def validators(self) -> ValidatorSet:
        """The first validator set."""
        chosen = [node for node in self.nodes if node.role == VALIDATOR]
        return ValidatorSet(
            tuple(
                Validator(node.name, node.member, parse_public_key(node.validator_key))
                for node in sorted(chosen, key=lambda node: node.name)
            )
        )

    def to_json(self) -> bytes:
        """The file: indented, fields sorted, one newline at the end."""
        return msgspec.json.format(msgspec.json.encode(self, order="sorted"), indent=2) + b"\n"


def decode_genesis(data: bytes) -> Genesis:
    """Parse a genesis file and check that its parts fit together.

    Raises:
        Rejected: ``genesis.malformed``, ``genesis.version``, ``genesis.suite``,
            ``genesis.names`` (something stands twice), ``genesis.member`` (a node of nobody) or
            ``genesis.validators``.
    """
    if len(data) > GENESIS_BYTES_MAX:
        raise Rejected("genesis.malformed", f"{len(data)} bytes, at most {GENESIS_BYTES_MAX}")
    try:
        genesis = msgspec.json.decode(data, type=Genesis)
    except (ValueError, RecursionError) as error:
        raise Rejected("genesis.malformed", str(error)) from error
    check_genesis(genesis)
    return genesis


def check_genesis(genesis: Genesis) -> None:
    """Check that the parts of a genesis fit together.

    Raises:
        Rejected: as `decode_genesis`.
    """
    if genesis.version != GENESIS_VERSION:
        raise Rejected("genesis.version", f"{genesis.version}, known: {GENESIS_VERSION}")
    if genesis.suite != SUITE_ED25519_SHA256:
        raise Rejected("genesis.suite", f"{genesis.suite}, known: {SUITE_ED25519_SHA256}")
    members = genesis.members
    _once("member", [member.name for member in members])
    _once("node", [node.name for node in genesis.nodes])
    _once("company prefix", [prefix for member in members for prefix in member.prefixes])
    _once("GLN", [gln for member in members for gln in member.glns])
    _once("register number", [f"{m.legal_id.scheme}:{m.legal_id.value}" for m in members])
    for member in members:
        _once(f"person of {member.name}", [person.name for person in member.people])
    keys = [member.key for member in members]
    keys += [person.key for member in members for person in member.people]
    keys += [key for node in genesis.nodes for key in (node.validator_key, node.transport_key)]
    _once("key", keys)
    known = {member.name for member in members}
    for node in genesis.nodes:
        if node.member not in known:
            raise Rejected("genesis.member", f"node {node.name} belongs to {node.member}: unknown")
    count = sum(node.role == VALIDATOR for node in genesis.nodes)
    if not 1 <= count <= VALIDATORS_MAX:
        raise Rejected("genesis.validators", f"{count} validators, 1 to {VALIDATORS_MAX} may be")


def _once(what: str, names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise Rejected("genesis.names", f"{what} {name} stands twice")
        seen.add(name)
