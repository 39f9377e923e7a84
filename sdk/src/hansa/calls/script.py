"""Calls of the contract `script`. Made from the contracts by scripts/reference."""

# ruff: noqa: A001 - names and fields are the contract's

from collections.abc import Mapping

from hansa.calls.build import Plain, build
from hansa.transaction import Call


def propose(*, name: str, source: str) -> Call:
    """Put a script, or its next version, to the vote; it is read and checked at once.

    Args:
        name: text like `^[a-z0-9][a-z0-9._-]{0,63}`.
        source: text, 1 to 32768 characters.
    """
    return build("script", "propose", locals())


def approve(*, name: str, version: int) -> Call:
    """Vote for what is put to the vote about a script.

    `version` is the script's, so that what is approved was seen.

    Args:
        name: text like `^[a-z0-9][a-z0-9._-]{0,63}`.
        version: whole number, 1 to 9007199254740992.
    """
    return build("script", "approve", locals())


def object(*, name: str, version: int, reason: str) -> Call:
    """Vote against it; the reason stands in the receipt.

    Args:
        name: text like `^[a-z0-9][a-z0-9._-]{0,63}`.
        version: whole number, 1 to 9007199254740992.
        reason: text, at most 256 characters.
    """
    return build("script", "object", locals())


def call(
    *, name: str, function: str, args: Mapping[str, Plain] | None = None, number: int | None = None
) -> Call:
    """Call a function of a script: its result, what it cost and which keys it wrote.

    `number` is the version that the caller read (0: the current one).

    Args:
        name: text like `^[a-z0-9][a-z0-9._-]{0,63}`.
        function: text like `^[a-z][a-z0-9_]{0,63}`.
        args: map, each value any value; left out: none.
        number: whole number, 0 to 9007199254740992; left out: `0`.
    """
    return build("script", "call", locals())


def freeze(*, name: str, version: int, reason: str | None = None) -> Call:
    """Put to the vote that a script rests: its calls are refused until it is resumed.

    Args:
        name: text like `^[a-z0-9][a-z0-9._-]{0,63}`.
        version: whole number, 1 to 9007199254740992.
        reason: text, at most 256 characters; left out: none.
    """
    return build("script", "freeze", locals())


def resume(*, name: str, version: int, reason: str | None = None) -> Call:
    """Put to the vote that a frozen script may be called again.

    Args:
        name: text like `^[a-z0-9][a-z0-9._-]{0,63}`.
        version: whole number, 1 to 9007199254740992.
        reason: text, at most 256 characters; left out: none.
    """
    return build("script", "resume", locals())


def retire(*, name: str, version: int, reason: str | None = None) -> Call:
    """Put the end of a script to the vote; its source and its data stay readable.

    Args:
        name: text like `^[a-z0-9][a-z0-9._-]{0,63}`.
        version: whole number, 1 to 9007199254740992.
        reason: text, at most 256 characters; left out: none.
    """
    return build("script", "retire", locals())
