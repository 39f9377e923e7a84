"""Calls of the contract `governance`. Made from the contracts by scripts/reference."""

# ruff: noqa: A002 - names and fields are the contract's

from collections.abc import Sequence

from hansa.calls.build import build
from hansa.transaction import Call


def set_parameter(*, name: str, value: int | str) -> Call:
    """Open a ballot on a parameter.

    Args:
        name: text, at most 64 characters.
        value: whole number or text, at most 256 characters.
    """
    return build("governance", "set_parameter", locals())


def set_permission(
    *, contract: str, method: str, role: str | None = None, members: int | None = None
) -> Call:
    """Open a ballot on who may enter a method.

    Args:
        contract: text like `^[a-z0-9][a-z0-9._-]*`, 1 to 64 characters.
        method: text like `^[a-z0-9][a-z0-9._-]*`, 1 to 64 characters.
        role: text like `^([a-z0-9][a-z0-9._-]*)?`, at most 64 characters; left out: none.
        members: whole number, 1 to 16; left out: `1`.
    """
    return build("governance", "set_permission", locals())


def set_validators(
    *, add: Sequence[str] | None = None, remove: Sequence[str] | None = None
) -> Call:
    """Open a ballot on the validator set.

    Args:
        add: list of at most 100, each text like `^[a-z0-9][a-z0-9.-]*`, 1 to 64 characters; left
            out: none.
        remove: list of at most 100, each text like `^[a-z0-9][a-z0-9.-]*`, 1 to 64 characters; left
            out: none.
    """
    return build("governance", "set_validators", locals())


def vote(*, id: str, approve: bool) -> Call:
    """Vote on a ballot of any contract.

    Args:
        id: text like `^[0-9a-f]{24}-[0-9]{1,3}`.
        approve: yes or no.
    """
    return build("governance", "vote", locals())


def withdraw(*, id: str) -> Call:
    """Take back a ballot that the sender's member opened.

    Args:
        id: text like `^[0-9a-f]{24}-[0-9]{1,3}`.
    """
    return build("governance", "withdraw", locals())


def accuse(*, evidence: bytes) -> Call:
    """Prove that a validator broke the protocol; it is removed where the set allows.

    Args:
        evidence: bytes, 1 to 65536.
    """
    return build("governance", "accuse", locals())
