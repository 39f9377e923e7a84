"""Calls of the contract `profile`. Made from the contracts by scripts/reference."""

# ruff: noqa: A001, A002 - names and fields are the contract's

from collections.abc import Mapping

from hansa.calls.build import Plain, build
from hansa.transaction import Call


def propose(*, profile: Mapping[str, Plain]) -> Call:
    """Put a profile to the vote; one that was turned down may be proposed anew.

    Args:
        profile: map, each value any value.
    """
    return build("profile", "propose", locals())


def approve(*, id: str, version: int) -> Call:
    """Vote for what is put to the vote about a profile.

    `version` is the record's, so that what is approved was seen.

    Args:
        id: text like `^[a-z0-9][a-z0-9._-]{0,63}@[1-9][0-9]{0,6}`.
        version: whole number, 1 to 9007199254740992.
    """
    return build("profile", "approve", locals())


def object(*, id: str, version: int, reason: str) -> Call:
    """Vote against it; the reason stands in the receipt.

    Args:
        id: text like `^[a-z0-9][a-z0-9._-]{0,63}@[1-9][0-9]{0,6}`.
        version: whole number, 1 to 9007199254740992.
        reason: text, at most 1024 characters.
    """
    return build("profile", "object", locals())


def retire(*, id: str, version: int, successor: str, from_height: int | None = None) -> Call:
    """Put the end of a profile to the vote, with what takes its place.

    Without a height it holds from the next one on.

    Args:
        id: text like `^[a-z0-9][a-z0-9._-]{0,63}@[1-9][0-9]{0,6}`.
        version: whole number, 1 to 9007199254740992.
        successor: text like `^[a-z0-9][a-z0-9._-]{0,63}@[1-9][0-9]{0,6}`.
        from_height: whole number, at least 0; left out: `0`.
    """
    return build("profile", "retire", locals())
