"""`org`: members, people, devices, services and nodes; their keys and roles (contracts.md, 4).

The promise: who acted is always answered by the state at that height: keys are never
reused and their history stays; members come, pause and recover by ballot, while each
member alone decides about its own people.
"""

from typing import Annotated, ClassVar

import msgspec

from hansa.encoding import MemberName, Name, Uint, Value
from hansa.genesis import Digits
from hansa.keys import PublicKey, key_id
from ledger.ballots import open_ballot
from ledger.contract import ADMIN, BALLOT, Arguments, Context, Contract, Refused, Stored, method
from ledger.enrol import (
    ORGANISATION,
    NewMember,
    add_key,
    add_member,
    add_node,
    add_subject,
    claim_numbers,
    end_key,
)
from ledger.records import (
    ACTIVE,
    MEMBER_KEY,
    SIGNING_USES,
    SUSPENDED,
    KeyRecord,
    LegalNumber,
    MemberRecord,
    SubjectRecord,
    Version,
    check_version,
    save,
)

KEYS_MAX = 64
"""Keys that a subject ever had: one a quarter for 16 years."""
ROLES_MAX = 32
NUMBERS_MAX = 64
LANGUAGES_MAX = 16

SubjectId = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9./-]{0,127}(?![\s\S])")]
KeyId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}(?![\s\S])")]
Reason = Annotated[str, msgspec.Meta(max_length=1024)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Numbers = Annotated[tuple[Digits, ...], msgspec.Meta(max_length=NUMBERS_MAX)]


class LegalId(Stored, frozen=True):
    """The number under which a register knows an organisation."""

    scheme: Annotated[str, msgspec.Meta(pattern=r"^(USCC|LEI|GLN|OTHER)(?![\s\S])")]
    value: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,64}(?![\s\S])")]


class Admit(Arguments, frozen=True):
    """A new member: its name, register number, names by language, key, numbers."""

    name: MemberName
    legal_id: LegalId
    names: Annotated[dict[Name, Text], msgspec.Meta(min_length=1, max_length=LANGUAGES_MAX)]
    key: PublicKey
    prefixes: Numbers = ()
    glns: Numbers = ()


class Assign(Arguments, frozen=True):
    """Company prefixes and location numbers for a member."""

    member: MemberName
    prefixes: Numbers = ()
    glns: Numbers = ()


class OfMember(Arguments, frozen=True):
    """A member, and why."""

    member: MemberName
    reason: Reason = ""


class Recover(Arguments, frozen=True):
    """A new key for a member that has lost its own."""

    member: MemberName
    key: PublicKey
    reason: Reason = ""


class Enrol(Arguments, frozen=True):
    """A person, device or service: ``<member>/<name>``."""

    subject: SubjectId
    kind: Annotated[str, msgspec.Meta(pattern=r"^(person|device|service)(?![\s\S])")]
    key: PublicKey
    roles: Annotated[tuple[Name, ...], msgspec.Meta(max_length=ROLES_MAX)] = ()


class Rotate(Arguments, frozen=True):
    """A new key in the place of an old one of the same subject; it cosigns."""

    subject: SubjectId
    old_key: KeyId
    new_key: PublicKey


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
    """A subject at a version."""

    subject: SubjectId
    version: Version


class RegisterNode(Arguments, frozen=True):
    """A node of the sender's member; a ballot of `governance` makes it a validator."""

    name: MemberName
    validator_key: PublicKey
    transport_key: PublicKey


class Org(Contract):
    """Who is who."""

    name: ClassVar[str] = "org"

    @method(Admit)
    def admit(self, context: Context, given: Admit) -> Value:
        """Open a ballot on a new member."""
        if context.exists("member/" + given.name):
            raise Refused("EXISTS", member=given.name)
        return open_ballot(context, "admit", given, concerns=given.name)

    @method(Admit, via=BALLOT)
    def apply_admit(self, context: Context, given: Admit) -> Value:
        """Write the member that was voted in."""
        legal_id = LegalNumber(given.legal_id.scheme, given.legal_id.value)
        add_member(
            context,
            NewMember(given.name, legal_id, given.names, given.key, given.prefixes, given.glns),
        )
        context.event("admitted", member=given.name)
        return None

    @method(Assign)
    def assign(self, context: Context, given: Assign) -> Value:
        """Open a ballot on numbers for a member."""
        context.need("member/" + given.member, MemberRecord)
        return open_ballot(context, "assign", given, concerns=given.member)

    @method(Assign, via=BALLOT)
    def apply_assign(self, context: Context, given: Assign) -> Value:
        """Give numbers to a member."""
        record = context.need("member/" + given.member, MemberRecord)
        claim_numbers(context, given.member, given.prefixes, given.glns)
        prefixes, glns = record.prefixes + given.prefixes, record.glns + given.glns
        save(context, "member/" + given.member, record, prefixes=prefixes, glns=glns)
        return None

    @method(OfMember)
    def suspend(self, context: Context, given: OfMember) -> Value:
        """Open a ballot on suspending a member: its people sign nothing meanwhile."""
        context.need("member/" + given.member, MemberRecord)
        return open_ballot(context, "suspend", given, concerns=given.member)

    @method(OfMember, via=BALLOT)
    def apply_suspend(self, context: Context, given: OfMember) -> Value:
        """Suspend a member; the last one in force stays."""
        if context.registry.members() == (given.member,):
            raise Refused("RULE", need="a member in force")
        return _set_member(context, given, ACTIVE, SUSPENDED)

    @method(OfMember)
    def resume(self, context: Context, given: OfMember) -> Value:
        """Open a ballot on ending a suspension."""
        context.need("member/" + given.member, MemberRecord)
        return open_ballot(context, "resume", given, concerns=given.member)

    @method(OfMember, via=BALLOT)
    def apply_resume(self, context: Context, given: OfMember) -> Value:
        """End a suspension."""
        return _set_member(context, given, SUSPENDED, ACTIVE)

    @method(Recover, strangers=True)
    def recover(self, context: Context, given: Recover) -> Value:
        """Open a ballot on a new member key, when the old one is lost."""
        context.need("member/" + given.member, MemberRecord)
        return open_ballot(context, "recover", given, concerns=given.member)

    @method(Recover, via=BALLOT)
    def apply_recover(self, context: Context, given: Recover) -> Value:
        """Replace a member's key."""
        record = context.need("member/" + given.member, MemberRecord)
        end_key(context, record.key_id, given.reason)
        name = add_key(context, given.key, given.member, MEMBER_KEY)
        save(context, "member/" + given.member, record, key_id=name)
        context.event("recovered", member=given.member, key=name)
        return None

    @method(Enrol, role=ADMIN, strangers=True)
    def enrol(self, context: Context, given: Enrol) -> Value:
        """Add somebody or something to the sender's member."""
        member, slash, name = given.subject.partition("/")
        if not slash or not name or "/" in name:
            raise Refused("SCHEMA", field="$.subject", need="<member>/<name>")
        _check_own(context, member)
        add_subject(context, given.subject, member, given.kind, given.roles)
        key = add_key(context, given.key, given.subject)
        context.event("enrolled", subject=given.subject, key=key)
        return {"key": key, "subject": given.subject}

    @method(Rotate, strangers=True)
    def rotate(self, context: Context, given: Rotate) -> Value:
        """Replace a key; the new one proves itself by cosigning."""
        owner = _subject(context, given.subject)
        sender = context.sender
        own = sender.subject == given.subject
        if not own and (ADMIN not in sender.roles or sender.member != owner.member):
            raise Refused("AUTH", need=ADMIN, by=sender.subject)
        if given.new_key not in context.strangers:
            raise Refused("SIGN", key=key_id(given.new_key))
        if given.old_key not in owner.keys:
            raise Refused("MISSING", key=given.old_key)
        _check_room(owner)
        old = context.need("key/" + given.old_key, KeyRecord)
        end_key(context, given.old_key, "rotated")
        name = add_key(context, given.new_key, given.subject, old.use)
        if old.use == MEMBER_KEY:
            record = context.need("member/" + owner.member, MemberRecord)
            save(context, "member/" + owner.member, record, key_id=name)
        context.event("rotated", subject=given.subject, old=given.old_key, new=name)
        return {"key": name, "subject": given.subject}

    @method(RevokeKey)
    def revoke_key(self, context: Context, given: RevokeKey) -> Value:
        """End a key: by its subject, or by an administrator of its member."""
        owner = _subject(context, given.subject)
        if context.sender.subject != given.subject:
            _check_admin(context, owner.member)
        if given.key not in owner.keys:
            raise Refused("MISSING", key=given.key)
        if owner.kind == ORGANISATION and len(_live_keys(context, owner)) == 1:
            raise Refused("RULE", need="a key of the member", key=given.key)
        end_key(context, given.key, given.reason, given.compromised_since)
        context.event("key_revoked", subject=given.subject, key=given.key)
        return {"key": given.key, "subject": given.subject}

    @method(Role, role=ADMIN)
    def give_role(self, context: Context, given: Role) -> Value:
        """Give a role to somebody of the sender's member."""
        owner = _subject(context, given.subject)
        _check_own(context, owner.member)
        check_version(owner, given.version)
        if given.role not in owner.roles and len(owner.roles) >= ROLES_MAX:
            raise Refused("LIMIT", field="$.role", need=ROLES_MAX)
        if given.until and given.until <= context.time:
            raise Refused("TIME", field="$.until", have=given.until, need=context.time)
        roles = {**owner.roles, given.role: given.until}
        after = save(context, "subject/" + given.subject, owner, roles=roles)
        return {"subject": given.subject, "version": after.version}

    @method(Role, role=ADMIN)
    def take_role(self, context: Context, given: Role) -> Value:
        """Take a role away; the member itself stays an administrator."""
        owner = _subject(context, given.subject)
        _check_own(context, owner.member)
        check_version(owner, given.version)
        if given.role not in owner.roles:
            raise Refused("MISSING", subject=given.subject, role=given.role)
        if owner.kind == ORGANISATION and given.role == ADMIN:
            raise Refused("RULE", need="an administrator", subject=given.subject)
        roles = {role: until for role, until in owner.roles.items() if role != given.role}
        after = save(context, "subject/" + given.subject, owner, roles=roles)
        return {"subject": given.subject, "version": after.version}

    @method(OfSubject, role=ADMIN)
    def suspend_subject(self, context: Context, given: OfSubject) -> Value:
        """Suspend somebody of the sender's member, but not the member itself."""
        return _set_subject(context, given, ACTIVE, SUSPENDED)

    @method(OfSubject, role=ADMIN)
    def resume_subject(self, context: Context, given: OfSubject) -> Value:
        """End a suspension."""
        return _set_subject(context, given, SUSPENDED, ACTIVE)

    @method(RegisterNode, role=ADMIN)
    def register_node(self, context: Context, given: RegisterNode) -> Value:
        """Make a node known: it may connect as an observer."""
        member = context.sender.member
        add_node(context, given.name, member, given.validator_key, given.transport_key)
        context.event("node_registered", node=given.name, member=member)
        return {"node": given.name}


def _subject(context: Context, name: str) -> SubjectRecord:
    return context.need("subject/" + name, SubjectRecord)


def _check_own(context: Context, member: str) -> None:
    if context.sender.member != member:
        raise Refused("AUTH", need=member, have=context.sender.member)


def _check_admin(context: Context, member: str) -> None:
    _check_own(context, member)
    if ADMIN not in context.sender.roles:
        raise Refused("AUTH", need=ADMIN, by=context.sender.subject)


def _check_room(owner: SubjectRecord) -> None:
    if len(owner.keys) >= KEYS_MAX:
        raise Refused("LIMIT", subject=owner.id, field="keys", need=KEYS_MAX)


def _live_keys(context: Context, owner: SubjectRecord) -> tuple[str, ...]:
    records = (context.need("key/" + name, KeyRecord) for name in owner.keys)
    return tuple(one.id for one in records if one.valid_to == 0 and one.use in SIGNING_USES)


def _set_member(context: Context, given: OfMember, before: str, after: str) -> Value:
    record = context.need("member/" + given.member, MemberRecord)
    if record.state != before:
        raise Refused("STATE", member=given.member, have=record.state, need=before)
    save(context, "member/" + given.member, record, state=after, reason=given.reason)
    context.event("member_" + after, member=given.member)
    return None


def _set_subject(context: Context, given: OfSubject, before: str, after: str) -> Value:
    owner = _subject(context, given.subject)
    _check_own(context, owner.member)
    check_version(owner, given.version)
    if owner.kind == ORGANISATION:
        raise Refused("RULE", need="a ballot", subject=given.subject)
    if owner.state != before:
        raise Refused("STATE", subject=given.subject, have=owner.state, need=before)
    changed = save(context, "subject/" + given.subject, owner, state=after)
    context.event("subject_" + after, subject=given.subject)
    return {"subject": given.subject, "version": changed.version}
