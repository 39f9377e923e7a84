"""Who may do what, from the state alone, before a contract is entered.

Keys, subjects, members and parameters of the head are cached here; a block that
writes any of them reads past the cache from there on. docs/spec/contracts.md, section 3.
"""

from dataclasses import dataclass, field
from typing import Annotated

import msgpack
import msgspec

from hansa.gs1 import PREFIX_DIGITS_MIN
from hansa.keys import Verify, key_id
from ledger.contract import Method, Refused, Signer, Stored, load
from ledger.parameters import DEFAULTS, Value
from ledger.records import (
    ACTIVE,
    SIGNING_USES,
    SUSPENDED,
    KeyRecord,
    LegalNumber,
    MemberRecord,
    SubjectRecord,
)
from ledger.state import Overlay

CACHE_MAX = 20_000
"""Keys whose holders are remembered: about 20 MB. When full it starts anew."""


Role = Annotated[str, msgspec.Meta(max_length=64, pattern=r"^([a-z0-9][a-z0-9._-]*)?(?![\s\S])")]
"""A role's name, or "" for any."""


class Permission(Stored, frozen=True):
    """``governance/permission/<contract>.<method>``: what a vote demands of the signers.

    `role` is what each counted signer holds ("" for any), `members` how many distinct
    members must have signed.
    """

    role: Role
    members: int = 1


@dataclass(frozen=True, slots=True)
class Holder:
    """A key as the head's state knows it."""

    key: KeyRecord
    subject: SubjectRecord
    member: MemberRecord


_UNKNOWN = Holder(
    KeyRecord("", 0, "", (), b"", "", "", "", 0),
    SubjectRecord("", 0, "", (), "", "", ()),
    MemberRecord("", 0, "", (), "", LegalNumber("", ""), {}),
)
"""Stands for a key that was never looked up; None: one that the state does not know."""


@dataclass(slots=True)
class HeadCache:
    """What the head's state says about members and rules; made anew when they change.

    Attributes:
        holders: by public key.
        signers: those of them that stay what they are while no rule changes.
        owners: (owner, prefixes tried) by the digits that were asked for.
        parameters, permissions: by name.
    """

    holders: dict[bytes, Holder | None] = field(default_factory=dict)
    signers: dict[bytes, Signer] = field(default_factory=dict)
    owners: dict[str, tuple[str | None, int]] = field(default_factory=dict)
    parameters: dict[str, Value] = field(default_factory=dict)
    permissions: dict[str, Permission | None] = field(default_factory=dict)


class StateRegistry:
    """Answers about members and parameters, as of the running block."""

    __slots__ = ("_cache", "_height", "_time", "_verify", "_view")

    def __init__(
        self, view: Overlay, cache: HeadCache, height: int, time: int, verify: Verify
    ) -> None:
        """Answer over an overlay whose parent the cache belongs to."""
        self._view = view
        self._cache = cache
        self._height = height
        self._time = time
        self._verify = verify

    def parameter(self, name: str) -> Value:
        """The value of a parameter; its default where the state says nothing."""
        known = self._cache.parameters
        if name in known and not self._view.rules_changed:
            return known[name]
        value = read_parameter(self._view, name)
        if not self._view.rules_changed:
            known[name] = value
        return value

    def members(self) -> tuple[str, ...]:
        """The names of the members in force, in order; each is one read."""
        records = [load(value, MemberRecord) for _, value in self._view.scan(b"org/member/")]
        return tuple(record.id for record in records if record.state == ACTIVE)

    def is_member(self, name: str) -> bool:
        """Whether a member of that name is in force; one read."""
        stored = self._view.get(b"org/member/" + name.encode())
        return stored is not None and load(stored, MemberRecord).state == ACTIVE

    def prefix_owner(self, digits: str) -> str | None:
        """The member that registered the longest GS1 company prefix of these digits.

        One read for each prefix that is tried, cached or not: the meter depends on the
        state alone.
        """
        known = self._cache.owners
        cached = None if self._view.rules_changed else known.get(digits)
        if cached is not None:
            self._view.count(cached[1])
            return cached[0]
        owner, tried = None, 0
        for length in range(len(digits), PREFIX_DIGITS_MIN - 1, -1):
            tried += 1
            owner = self._text(b"org/prefix/" + digits[:length].encode())
            if owner is not None:
                break
        if not self._view.rules_changed:
            if len(known) >= CACHE_MAX:
                known.clear()
            known[digits] = owner, tried
        return owner

    def gln_owner(self, gln: str) -> str | None:
        """The member that registered this location number; one read."""
        return self._text(b"org/gln/" + gln.encode())

    def signer(self, public: bytes) -> Signer | None:
        """The holder of a key that may sign transactions at this height, or None."""
        known = self._cache.signers
        signer = None if self._view.rules_changed else known.get(public)
        if signer is not None:
            return signer
        holder = self.holder(public)
        if holder is None or not may_sign(holder.key, self._height) or is_suspended(holder):
            return None
        subject = holder.subject
        roles = tuple(
            role for role, until in subject.roles.items() if until == 0 or until > self._time
        )
        signer = Signer(public, holder.key.id, subject.member, subject.id, roles)
        lasting = holder.key.valid_to == 0 and not any(subject.roles.values())
        if lasting and not self._view.rules_changed:
            if len(known) >= CACHE_MAX:
                known.clear()
            known[public] = signer
        return signer

    def holder(self, public: bytes) -> Holder | None:
        """The records behind a public key, or None when the state does not know it."""
        if self._view.rules_changed:
            return read_holder(self._view, public)
        known = self._cache.holders
        # One look-up: admission shares the cache and may empty it from another thread.
        found = known.get(public, _UNKNOWN)
        if found is _UNKNOWN:
            found = read_holder(self._view, public)
            if len(known) >= CACHE_MAX:
                known.clear()
            known[public] = found
        return found

    def permission(self, name: str) -> Permission | None:
        """What a vote demands for ``<contract>.<method>``; None: what the method says."""
        known = self._cache.permissions
        if name in known and not self._view.rules_changed:
            return known[name]
        stored = self._view.peek(b"governance/permission/" + name.encode())
        found = None if stored is None else load(stored, Permission)
        if not self._view.rules_changed:
            known[name] = found
        return found

    def verify(self, public: bytes, message: bytes, signature: bytes) -> bool:
        """Whether a signature holds."""
        return self._verify(public, message, signature)

    def _text(self, key: bytes) -> str | None:
        stored = self._view.get(key)
        return None if stored is None else str(msgpack.unpackb(stored, raw=False))


def read_holder(view: Overlay, public: bytes) -> Holder | None:
    """The records behind a public key in a state."""
    stored = view.peek(b"org/key/" + key_id(public).encode())
    if stored is None:
        return None
    key = load(stored, KeyRecord)
    if key.public != public or key.use not in SIGNING_USES:
        return None
    subject = view.peek(b"org/subject/" + key.subject.encode())
    member = view.peek(b"org/member/" + key.member.encode())
    assert subject is not None
    assert member is not None
    return Holder(key, load(subject, SubjectRecord), load(member, MemberRecord))


def read_parameter(view: Overlay, name: str) -> Value:
    """The value of a parameter in a state."""
    stored = view.peek(b"governance/parameter/" + name.encode())
    if stored is None:
        return DEFAULTS[name]
    value = msgpack.unpackb(stored, raw=False)
    assert isinstance(value, int | str)
    return value


def may_sign(key: KeyRecord, height: int) -> bool:
    """Whether a key is valid at a height."""
    return key.valid_from <= height and (key.valid_to == 0 or height < key.valid_to)


def is_suspended(holder: Holder) -> bool:
    """Whether the subject or its member is suspended."""
    return holder.subject.state != ACTIVE or holder.member.state != ACTIVE


def authorise(
    registry: StateRegistry, contract: str, entry: Method, signers: tuple[Signer, ...]
) -> None:
    """Check that these signers may enter a method of a contract.

    Raises:
        Refused: ``AUTH`` with the role or the number of members that is needed.
    """
    permission = registry.permission(f"{contract}.{entry.name}")
    role, members = (entry.role, 1) if permission is None else (permission.role, permission.members)
    if role and role not in signers[0].roles:
        raise Refused("AUTH", need=role, have=list(signers[0].roles), by=signers[0].subject)
    if members > 1:
        counted = {signer.member for signer in signers if not role or role in signer.roles}
        if len(counted) < members:
            raise Refused("AUTH", need=members, have=len(counted), field="members")


def identify(
    registry: StateRegistry, publics: tuple[bytes, ...]
) -> tuple[tuple[Signer, ...], tuple[bytes, ...]]:
    """Signers that the state knows, and keys that it does not know.

    Raises:
        Refused: ``SIGN`` for a key that is not valid at this height, ``AUTH`` for a subject
            or member that is suspended.
    """
    signers: list[Signer] = []
    strangers: list[bytes] = []
    for public in publics:
        signer = registry.signer(public)
        if signer is not None:
            signers.append(signer)
            continue
        holder = registry.holder(public)
        if holder is None:
            strangers.append(public)
            continue
        if is_suspended(holder):
            state = holder.subject.state
            have = SUSPENDED if state == ACTIVE else state
            raise Refused("AUTH", by=holder.subject.id, need=ACTIVE, have=have)
        raise Refused("SIGN", key=holder.key.id, height=holder.key.valid_to)
    assert signers, "a block rule sees to it that the parent's state knows the sender"
    assert signers[0].public == publics[0]
    return tuple(signers), tuple(strangers)
