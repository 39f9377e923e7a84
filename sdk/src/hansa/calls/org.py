"""Calls of the contract `org`. Made from the contracts by scripts/reference."""

# ruff: noqa: PLR0913 - names and fields are the contract's

from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict

from hansa.calls.build import build
from hansa.transaction import Call


class LegalId(TypedDict):
    """The number under which a register knows an organisation."""

    scheme: Literal["USCC", "LEI", "GLN", "OTHER"]
    value: str


def admit(
    *,
    name: str,
    legal_id: LegalId,
    names: Mapping[str, str],
    key: bytes,
    prefixes: Sequence[str] | None = None,
    glns: Sequence[str] | None = None,
    evidence: bytes | None = None,
) -> Call:
    """Open a ballot on a new member.

    Args:
        name: text like `^[a-z0-9][a-z0-9.-]*`, 1 to 64 characters.
        legal_id: `LegalId`.
        names: map of at most 16, each value text, 1 to 256 characters.
        key: bytes, 33.
        prefixes: list of at most 64, each text like `^[0-9]{4,13}`; left out: none.
        glns: list of at most 64, each text like `^[0-9]{4,13}`; left out: none.
        evidence: bytes, 32; left out: none.
    """
    return build("org", "admit", locals())


def assign(
    *, member: str, prefixes: Sequence[str] | None = None, glns: Sequence[str] | None = None
) -> Call:
    """Open a ballot on numbers for a member.

    Args:
        member: text like `^[a-z0-9][a-z0-9.-]*`, 1 to 64 characters.
        prefixes: list of at most 64, each text like `^[0-9]{4,13}`; left out: none.
        glns: list of at most 64, each text like `^[0-9]{4,13}`; left out: none.
    """
    return build("org", "assign", locals())


def suspend(*, member: str, reason: str | None = None, order_ref: str | None = None) -> Call:
    """Open a ballot on suspending a member: its people sign nothing meanwhile.

    Args:
        member: text like `^[a-z0-9][a-z0-9.-]*`, 1 to 64 characters.
        reason: text, at most 1024 characters; left out: none.
        order_ref: text, at most 128 characters; left out: none.
    """
    return build("org", "suspend", locals())


def resume(*, member: str, reason: str | None = None, order_ref: str | None = None) -> Call:
    """Open a ballot on ending a suspension.

    Args:
        member: text like `^[a-z0-9][a-z0-9.-]*`, 1 to 64 characters.
        reason: text, at most 1024 characters; left out: none.
        order_ref: text, at most 128 characters; left out: none.
    """
    return build("org", "resume", locals())


def recover(*, member: str, key: bytes, reason: str | None = None) -> Call:
    """Open a ballot on a new member key, when the old one is lost.

    Args:
        member: text like `^[a-z0-9][a-z0-9.-]*`, 1 to 64 characters.
        key: bytes, 33.
        reason: text, at most 1024 characters; left out: none.
    """
    return build("org", "recover", locals())


def enrol(
    *,
    subject: str,
    kind: Literal["person", "device", "service"],
    key: bytes,
    roles: Sequence[str] | None = None,
    attest_digest: bytes | None = None,
    valid_until: int | None = None,
) -> Call:
    """Add somebody or something to the sender's member.

    Args:
        subject: text like `^[a-z0-9][a-z0-9./-]{0,127}`.
        kind: one of `person`, `device`, `service`.
        key: bytes, 33.
        roles: list of at most 32, each text like `^[a-z0-9][a-z0-9._-]*`, 1 to 64 characters; left
            out: none.
        attest_digest: bytes, 32; left out: none.
        valid_until: whole number, at least 0; left out: `0`.
    """
    return build("org", "enrol", locals())


def rotate(*, subject: str, old_key: str, new_key: bytes) -> Call:
    """Replace a key; the new one proves itself by cosigning.

    Args:
        subject: text like `^[a-z0-9][a-z0-9./-]{0,127}`.
        old_key: text like `^[0-9a-f]{16}`.
        new_key: bytes, 33.
    """
    return build("org", "rotate", locals())


def seal_key(*, key: bytes) -> Call:
    """Name the key to which others seal for the sender's member; its last one ends.

    Args:
        key: bytes, 33.
    """
    return build("org", "seal_key", locals())


def revoke_key(
    *, subject: str, key: str, reason: str | None = None, compromised_since: int | None = None
) -> Call:
    """End a key: by its subject, or by an administrator of its member.

    Args:
        subject: text like `^[a-z0-9][a-z0-9./-]{0,127}`.
        key: text like `^[0-9a-f]{16}`.
        reason: text, at most 1024 characters; left out: none.
        compromised_since: whole number, at least 0; left out: `0`.
    """
    return build("org", "revoke_key", locals())


def give_role(*, subject: str, role: str, version: int, until: int | None = None) -> Call:
    """Give a role to somebody of the sender's member.

    Args:
        subject: text like `^[a-z0-9][a-z0-9./-]{0,127}`.
        role: text like `^[a-z0-9][a-z0-9._-]*`, 1 to 64 characters.
        version: whole number, 1 to 9007199254740992.
        until: whole number, at least 0; left out: `0`.
    """
    return build("org", "give_role", locals())


def take_role(*, subject: str, role: str, version: int, until: int | None = None) -> Call:
    """Take a role away; the member itself stays an administrator.

    Args:
        subject: text like `^[a-z0-9][a-z0-9./-]{0,127}`.
        role: text like `^[a-z0-9][a-z0-9._-]*`, 1 to 64 characters.
        version: whole number, 1 to 9007199254740992.
        until: whole number, at least 0; left out: `0`.
    """
    return build("org", "take_role", locals())


def suspend_subject(
    *, subject: str, version: int, reason: str | None = None, order_ref: str | None = None
) -> Call:
    """Suspend somebody of the sender's member, but not the member itself.

    Args:
        subject: text like `^[a-z0-9][a-z0-9./-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
        reason: text, at most 1024 characters; left out: none.
        order_ref: text, at most 128 characters; left out: none.
    """
    return build("org", "suspend_subject", locals())


def resume_subject(
    *, subject: str, version: int, reason: str | None = None, order_ref: str | None = None
) -> Call:
    """End a suspension.

    Args:
        subject: text like `^[a-z0-9][a-z0-9./-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
        reason: text, at most 1024 characters; left out: none.
        order_ref: text, at most 128 characters; left out: none.
    """
    return build("org", "resume_subject", locals())


def renew(*, subject: str, version: int, valid_until: int | None = None) -> Call:
    """Set a new end for somebody of the sender's member; who has lapsed is there again.

    Args:
        subject: text like `^[a-z0-9][a-z0-9./-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
        valid_until: whole number, at least 0; left out: `0`.
    """
    return build("org", "renew", locals())


def register_node(*, name: str, validator_key: bytes, transport_key: bytes) -> Call:
    """Make a node known: it may connect as an observer.

    Args:
        name: text like `^[a-z0-9][a-z0-9.-]*`, 1 to 64 characters.
        validator_key: bytes, 33.
        transport_key: bytes, 33.
    """
    return build("org", "register_node", locals())
