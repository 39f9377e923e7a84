"""How members, subjects, keys and nodes come into the state: one way for all.

The promise: a key is never used twice, whoever it was enrolled for; a company prefix, a
location number and a register number belong to one member (contracts.md, section 4).
The context is always that of `org`.
"""

import msgspec

from hansa.keys import key_id
from ledger.contract import ADMIN, Context, Refused
from ledger.records import (
    MEMBER_KEY,
    SUBJECT_KEY,
    TRANSPORT_KEY,
    VALIDATOR_KEY,
    KeyRecord,
    LegalNumber,
    MemberRecord,
    NodeRecord,
    SubjectRecord,
    create,
    first,
    save,
)

ORGANISATION = "organisation"
"""The kind of the subject that is the member itself."""


class NewMember(msgspec.Struct, frozen=True):
    """What is told of a member that comes in."""

    name: str
    legal_id: LegalNumber
    names: dict[str, str]
    key: bytes
    prefixes: tuple[str, ...]
    glns: tuple[str, ...]
    evidence: bytes = b""


def add_member(context: Context, new: NewMember) -> None:
    """Write a member, the subject that it is itself, and its key.

    Raises:
        Refused: ``EXISTS`` for a name, key, register number, prefix or location number that
            is taken.
    """
    if context.exists("member/" + new.name):
        raise Refused("EXISTS", member=new.name)
    register = f"legal/{new.legal_id.scheme}/{new.legal_id.value}"
    taken = context.get_value(register)
    if taken is not None:
        raise Refused("EXISTS", field="legal_id", by=taken)
    context.put_value(register, new.name)
    record = MemberRecord(
        id=new.name,
        version=1,
        controller=new.name,
        history=first(context),
        key_id=key_id(new.key),
        legal_id=new.legal_id,
        names=new.names,
        prefixes=new.prefixes,
        glns=new.glns,
        evidence=new.evidence,
    )
    create(context, "member/" + new.name, record)
    claim_numbers(context, new.name, new.prefixes, new.glns)
    add_subject(context, new.name, new.name, ORGANISATION, (ADMIN,))
    add_key(context, new.key, new.name, MEMBER_KEY)


def claim_numbers(
    context: Context, member: str, prefixes: tuple[str, ...], glns: tuple[str, ...]
) -> None:
    """Give company prefixes and location numbers to a member.

    Raises:
        Refused: ``EXISTS`` when one is taken.
    """
    for key in [*("prefix/" + text for text in prefixes), *("gln/" + text for text in glns)]:
        owner = context.get_value(key)
        if owner is not None:
            raise Refused("EXISTS", key="org/" + key, by=owner)
        context.put_value(key, member)


def add_subject(
    context: Context, subject: str, member: str, kind: str, roles: tuple[str, ...]
) -> None:
    """Write a subject without keys.

    Raises:
        Refused: ``EXISTS``.
    """
    if context.exists("subject/" + subject):
        raise Refused("EXISTS", subject=subject)
    record = SubjectRecord(
        id=subject,
        version=1,
        controller=member,
        history=first(context),
        member=member,
        kind=kind,
        keys=(),
        roles=dict.fromkeys(roles, 0),
    )
    create(context, "subject/" + subject, record)


def add_key(context: Context, public: bytes, subject: str, use: str = SUBJECT_KEY) -> str:
    """Write a key that is valid from this height on: its id.

    Raises:
        Refused: ``EXISTS`` when the key was ever enrolled, ``MISSING`` without the subject.
    """
    owner = context.need("subject/" + subject, SubjectRecord)
    name = key_id(public)
    _write_key(context, public, subject, owner.member, use)
    save(context, "subject/" + subject, owner, keys=(*owner.keys, name))
    return name


def add_node(
    context: Context, name: str, member: str, validator_key: bytes, transport_key: bytes
) -> None:
    """Write a node and its two keys.

    Raises:
        Refused: ``EXISTS`` for the name or a key.
    """
    if context.exists("node/" + name):
        raise Refused("EXISTS", node=name)
    record = NodeRecord(
        id=name,
        version=1,
        controller=member,
        history=first(context),
        member=member,
        validator_key=validator_key,
        transport_key=transport_key,
    )
    create(context, "node/" + name, record)
    _write_key(context, validator_key, "node:" + name, member, VALIDATOR_KEY)
    _write_key(context, transport_key, "node:" + name, member, TRANSPORT_KEY)


def end_key(context: Context, name: str, reason: str, compromised_since: int = 0) -> None:
    """End a key's validity: this height is the last at which it counts.

    Raises:
        Refused: ``MISSING`` or, when it has ended, ``STATE``.
    """
    record = context.need("key/" + name, KeyRecord)
    if record.valid_to:
        raise Refused("STATE", key=name, have="revoked", height=record.valid_to)
    save(
        context,
        "key/" + name,
        record,
        valid_to=context.height + 1,
        reason=reason,
        compromised_since=compromised_since,
    )


def _write_key(context: Context, public: bytes, subject: str, member: str, use: str) -> None:
    name = key_id(public)
    if context.exists("key/" + name):
        raise Refused("EXISTS", key=name)
    record = KeyRecord(
        id=name,
        version=1,
        controller=member,
        history=first(context),
        public=public,
        subject=subject,
        member=member,
        use=use,
        valid_from=context.height,
    )
    create(context, "key/" + name, record)
