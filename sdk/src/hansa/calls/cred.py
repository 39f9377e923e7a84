"""Calls of the contract `cred`. Made from the contracts by scripts/reference."""

# ruff: noqa: A002, PLR0913 - names and fields are the contract's

from collections.abc import Sequence
from typing import TypedDict

from hansa.calls.build import build
from hansa.transaction import Call


class Change(TypedDict):
    """A new value at an index."""

    index: int
    value: int


class Place(TypedDict):
    """An index of a list."""

    list_id: str
    index: int


def accredit(
    *, issuer: str, type: str, until: int | None = None, evidence: bytes | None = None
) -> Call:
    """Open a ballot on a member that may issue credentials of a type.

    `until` in ms, 0 for no end; `evidence` a SHA-256.

    Args:
        issuer: text like `^[a-z0-9][a-z0-9.-]*`, 1 to 64 characters.
        type: text like `^[A-Za-z0-9][A-Za-z0-9._-]{0,63}`.
        until: whole number, at least 0; left out: `0`.
        evidence: bytes, 32; left out: none.
    """
    return build("cred", "accredit", locals())


def disaccredit(
    *, issuer: str, type: str, reason: str | None = None, from_height: int | None = None
) -> Call:
    """Open a ballot on ending a member's accreditation.

    Over from `from_height` on, at the earliest the next one.

    Args:
        issuer: text like `^[a-z0-9][a-z0-9.-]*`, 1 to 64 characters.
        type: text like `^[A-Za-z0-9][A-Za-z0-9._-]{0,63}`.
        reason: text, at most 256 characters; left out: none.
        from_height: whole number, at least 0; left out: `0`.
    """
    return build("cred", "disaccredit", locals())


def template(*, type: str, version: int, schema_digest: bytes) -> Call:
    """Put the digest of a type's schema on record, version after version.

    Args:
        type: text like `^[A-Za-z0-9][A-Za-z0-9._-]{0,63}`.
        version: whole number, 1 to 9007199254740992.
        schema_digest: bytes, 32.
    """
    return build("cred", "template", locals())


def open_list(
    *,
    list_id: str,
    size: int,
    purpose: str,
    bits: int | None = None,
    messages: Sequence[str] | None = None,
) -> Call:
    """Begin a status list of the sender's member; all its values are zero.

    `messages` says what the values of a message list mean.

    Args:
        list_id: text like `^[a-z0-9][a-z0-9._-]*`, 1 to 64 characters.
        size: whole number, 131072 to 1048576.
        purpose: text.
        bits: whole number; left out: `1`.
        messages: list of at most 16, each text like `^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}`; left out:
            none.
    """
    return build("cred", "open_list", locals())


def log(
    *,
    type: str,
    digest: bytes,
    status_list: str,
    index: int,
    valid_until: int | None = None,
    more: Sequence[Place] | None = None,
    template: int | None = None,
) -> Call:
    """Put an issued credential on record by its digest, and take its places in lists.

    `more` are places in further lists; `valid_until` in ms, 0: none.

    Args:
        type: text like `^[A-Za-z0-9][A-Za-z0-9._-]{0,63}`.
        digest: bytes, 32.
        status_list: text like `^[a-z0-9][a-z0-9._-]*`, 1 to 64 characters.
        index: whole number, 0 to 9007199254740992.
        valid_until: whole number, at least 0; left out: `0`.
        more: list of at most 2, each `Place`; left out: none.
        template: whole number, 0 to 9007199254740992; left out: `0`.
    """
    return build("cred", "log", locals())


def status(*, list_id: str, version: int, changes: Sequence[Change], reason_code: str) -> Call:
    """Change values of a list; all of them or none.

    Args:
        list_id: text like `^[a-z0-9][a-z0-9._-]*`, 1 to 64 characters.
        version: whole number, 1 to 9007199254740992.
        changes: list of 1 to 256, each `Change`.
        reason_code: text.
    """
    return build("cred", "status", locals())


def annotate(
    *,
    list_id: str,
    index: int,
    version: int,
    kind: str,
    statement_digest: bytes,
    due: int | None = None,
) -> Call:
    """Mark a credential as disputed, at once; or say that it was corrected or upheld.

    Version 0 where nothing was noted; `due` in ms, to `disputed`.

    Args:
        list_id: text like `^[a-z0-9][a-z0-9._-]*`, 1 to 64 characters.
        index: whole number, 0 to 9007199254740992.
        version: whole number, 0 to 9007199254740992.
        kind: text.
        statement_digest: bytes, 32.
        due: whole number, at least 0; left out: `0`.
    """
    return build("cred", "annotate", locals())
