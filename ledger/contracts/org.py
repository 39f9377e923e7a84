"""`org`: members, people, devices, services and nodes; their keys and roles (contracts.md, 4).

The promise: who acted is always answered by the state at that height: keys are never
reused and their history stays; members come, pause and recover by ballot, while each
member alone decides about its own people.
"""

from typing import ClassVar

from hansa.encoding import Value, encode_value
from hansa.keys import X25519, key_id
from ledger.ballots import open_ballot
from ledger.contract import (
    ADMIN,
    BALLOT,
    TIMER,
    Context,
    Contract,
    Refused,
    method,
)
from ledger.contracts.org_arguments import (
    KEYS_MAX,
    ROLES_MAX,
    Admit,
    Assign,
    Enrol,
    Lapse,
    NewSealKey,
    OfMember,
    OfSubject,
    Recover,
    RegisterNode,
    Renew,
    RevokeKey,
    Role,
    Rotate,
)
from ledger.due import cancel, schedule
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
    LAPSED,
    MEMBER_KEY,
    SEAL_KEY,
    SIGNING_USES,
    SUSPENDED,
    KeyRecord,
    LegalNumber,
    MemberRecord,
    SubjectRecord,
    check_version,
    save,
)

LAPSE = "lapse"
"""The timer method that ends a subject whose time is over."""


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
            NewMember(
                given.name,
                legal_id,
                given.names,
                given.key,
                given.prefixes,
                given.glns,
                given.evidence or b"",
            ),
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
        _check_end(context, given.valid_until)
        add_subject(context, given.subject, member, given.kind, given.roles)
        key = add_key(context, given.key, given.subject)
        _describe(context, given)
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
        if old.use == SEAL_KEY:
            raise Refused("RULE", key=given.old_key, have=SEAL_KEY, need="org.seal_key")
        end_key(context, given.old_key, "rotated")
        name = add_key(context, given.new_key, given.subject, old.use)
        if old.use == MEMBER_KEY:
            record = context.need("member/" + owner.member, MemberRecord)
            save(context, "member/" + owner.member, record, key_id=name)
        context.event("rotated", subject=given.subject, old=given.old_key, new=name)
        return {"key": name, "subject": given.subject}

    @method(NewSealKey, role=ADMIN)
    def seal_key(self, context: Context, given: NewSealKey) -> Value:
        """Name the key to which others seal for the sender's member; its last one ends."""
        member = context.sender.member
        if given.key[0] != X25519:
            raise Refused("SCHEMA", field="$.key", have=given.key[0], need=X25519)
        owner = _subject(context, member)
        _check_room(owner)
        for old in _live_keys(context, owner, (SEAL_KEY,)):
            end_key(context, old, "rotated")
        name = add_key(context, given.key, member, SEAL_KEY)
        context.event("seal_key", member=member, key=name)
        return {"key": name, "subject": member}

    @method(RevokeKey)
    def revoke_key(self, context: Context, given: RevokeKey) -> Value:
        """End a key: by its subject, or by an administrator of its member."""
        owner = _subject(context, given.subject)
        if context.sender.subject != given.subject:
            _check_admin(context, owner.member)
        if given.key not in owner.keys:
            raise Refused("MISSING", key=given.key)
        if owner.kind == ORGANISATION and _live_keys(context, owner) == (given.key,):
            raise Refused("RULE", need="a key of the member", key=given.key)
        if given.compromised_since > context.time:
            field = "$.compromised_since"
            raise Refused("TIME", field=field, have=given.compromised_since, need=context.time)
        _end_or_flag(context, given)
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

    @method(Renew, role=ADMIN)
    def renew(self, context: Context, given: Renew) -> Value:
        """Set a new end for somebody of the sender's member; who has lapsed is there again."""
        owner = _own_person(context, given.subject, given.version)
        if owner.state == SUSPENDED:
            raise Refused("STATE", subject=owner.id, have=SUSPENDED, need=[ACTIVE, LAPSED])
        _check_end(context, given.valid_until)
        if owner.valid_until:
            cancel(context, owner.valid_until, _timer(owner.id))
        _schedule_end(context, owner.id, given.valid_until)
        until = given.valid_until
        after = save(context, "subject/" + owner.id, owner, state=ACTIVE, valid_until=until)
        context.event("renewed", subject=owner.id, until=until)
        return {"subject": owner.id, "version": after.version}

    @method(Lapse, via=TIMER)
    def lapse(self, context: Context, given: Lapse) -> Value:
        """End somebody whose time is over; who is suspended stays so, and lapses when resumed."""
        owner = _subject(context, given.subject)
        if owner.state != ACTIVE:
            return None
        save(context, "subject/" + owner.id, owner, state=LAPSED)
        context.event("lapsed", subject=owner.id, until=owner.valid_until)
        return None

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


def _live_keys(
    context: Context, owner: SubjectRecord, uses: tuple[str, ...] = SIGNING_USES
) -> tuple[str, ...]:
    records = (context.need("key/" + name, KeyRecord) for name in owner.keys)
    return tuple(one.id for one in records if one.valid_to == 0 and one.use in uses)


def _set_member(context: Context, given: OfMember, before: str, after: str) -> Value:
    record = context.need("member/" + given.member, MemberRecord)
    if record.state != before:
        raise Refused("STATE", member=given.member, have=record.state, need=before)
    changes = {"state": after, "reason": given.reason, "order_ref": given.order_ref}
    save(context, "member/" + given.member, record, **changes)
    context.event("member_" + after, member=given.member)
    return None


def _set_subject(context: Context, given: OfSubject, before: str, after: str) -> Value:
    owner = _own_person(context, given.subject, given.version)
    if owner.state != before:
        raise Refused("STATE", subject=given.subject, have=owner.state, need=before)
    if after == ACTIVE and 0 < owner.valid_until <= context.time:
        after = LAPSED
    changes = {"state": after, "reason": given.reason, "order_ref": given.order_ref}
    changed = save(context, "subject/" + given.subject, owner, **changes)
    context.event("subject_" + after, subject=given.subject)
    return {"subject": given.subject, "version": changed.version}


def _own_person(context: Context, name: str, version: int) -> SubjectRecord:
    """A subject of the sender's member at a version; of the member itself a ballot decides."""
    owner = _subject(context, name)
    _check_own(context, owner.member)
    check_version(owner, version)
    if owner.kind == ORGANISATION:
        raise Refused("RULE", need="a ballot", subject=name)
    return owner


def _describe(context: Context, given: Enrol) -> None:
    """Note what was said of somebody besides its name, and when it ends."""
    owner = _subject(context, given.subject)
    digest, until = given.attest_digest or b"", given.valid_until
    if digest or until:
        key = "subject/" + owner.id
        save(context, key, owner, attest_digest=digest, valid_until=until)
    _schedule_end(context, given.subject, until)


def _check_end(context: Context, until: int) -> None:
    if until and until <= context.time:
        raise Refused("TIME", field="$.valid_until", have=until, need=context.time)


def _schedule_end(context: Context, subject: str, until: int) -> None:
    if until:
        schedule(context, until, _timer(subject), LAPSE, encode_value({"subject": subject}))


def _timer(subject: str) -> str:
    """The due-queue's name of a subject's end."""
    return "org-" + subject


def _end_or_flag(context: Context, given: RevokeKey) -> None:
    """End a key; of one that has ended, say that it was in wrong hands, or longer than known."""
    record = context.need("key/" + given.key, KeyRecord)
    since, known = given.compromised_since, record.compromised_since
    if not record.valid_to or not since or (known and known <= since):
        end_key(context, given.key, given.reason, since)
        return
    save(context, "key/" + given.key, record, compromised_since=since, reason=given.reason)
