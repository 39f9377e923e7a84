"""Calls of the contract `asset`. Made from the contracts by scripts/reference."""

# ruff: noqa: A002, PLR0913 - names and fields are the contract's

from collections.abc import Mapping, Sequence
from typing import Literal, NotRequired, TypedDict

from hansa.calls.build import build
from hansa.transaction import Call


class Secured(TypedDict):
    """What an encumbrance secures, in minor units of a currency or another unit."""

    amount: int
    unit: str


class Part(TypedDict):
    """A part of a split; with `to`, it is offered to that member until `expires`."""

    id: str
    quantity: int
    expires: NotRequired[int]
    to: NotRequired[str | None]


def issue(
    *,
    id: str,
    profile: str,
    action: str | None = None,
    args: Mapping[str, bool | int | str | Sequence[int | str]] | None = None,
    body: Mapping[str, bool | int | str | Sequence[int | str]] | None = None,
    controller: str | None = None,
    evidence: Sequence[str] | None = None,
    holder: str | None = None,
    paper: str | None = None,
    quantity: int | None = None,
    refs: Sequence[str] | None = None,
    right: Literal["blank", "final", "onward"] | None = None,
    seal: bytes | None = None,
    supersedes: str | None = None,
    unit: str | None = None,
) -> Call:
    """Make a record.

    `action` is the profile's birth. `controller` is the actor and `holder` the controller when they
    are not given. `supersedes` is the record that this one amends, `paper` the number of a paper
    that it replaces.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        profile: text like `^[a-z0-9][a-z0-9._-]{0,63}@[1-9][0-9]{0,6}`.
        action: text like `^[A-Za-z][A-Za-z0-9_]{0,47}`; left out: `issue`.
        args: map of at most 64, each value yes or no or whole number or text or list, each whole
            number or text; left out: none.
        body: map of at most 64, each value yes or no or whole number or text or list, each whole
            number or text; left out: none.
        controller: text like `^[a-z0-9][a-z0-9.-]*`, 1 to 64 characters; left out: none.
        evidence: list of at most 16, each text, 1 to 128 characters; left out: none.
        holder: text like `^[a-z0-9][a-z0-9.-]*`, 1 to 64 characters; left out: none.
        paper: text, 1 to 128 characters; left out: none.
        quantity: whole number, at least 1; left out: `1`.
        refs: list of at most 32, each text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`; left out:
            none.
        right: one of `blank`, `final`, `onward`; left out: `onward`.
        seal: bytes, at most 256; left out: none.
        supersedes: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`; left out: none.
        unit: text, at most 64 characters; left out: none.
    """
    return build("asset", "issue", locals())


def offer(
    *,
    id: str,
    version: int,
    to: str,
    expires: int,
    args: Mapping[str, bool | int | str | Sequence[int | str]] | None = None,
    evidence: Sequence[str] | None = None,
    right: Literal["blank", "final", "onward"] | None = None,
    role: Literal["both", "controller", "holder"] | None = None,
    terms_digest: bytes | None = None,
) -> Call:
    """Offer title, possession or both to a member.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
        to: text like `^[a-z0-9][a-z0-9.-]*`, 1 to 64 characters.
        expires: whole number, at least 0.
        args: map of at most 64, each value yes or no or whole number or text or list, each whole
            number or text; left out: none.
        evidence: list of at most 16, each text, 1 to 128 characters; left out: none.
        right: one of `blank`, `final`, `onward`; left out: `onward`.
        role: one of `both`, `controller`, `holder`; left out: `both`.
        terms_digest: bytes, 32; left out: none.
    """
    return build("asset", "offer", locals())


def accept(
    *,
    id: str,
    version: int,
    offer: int,
    args: Mapping[str, bool | int | str | Sequence[int | str]] | None = None,
    evidence: Sequence[str] | None = None,
    reason: str | None = None,
) -> Call:
    """Take what is offered.

    `offer` is the offer's number.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
        offer: whole number, 1 to 9007199254740992.
        args: map of at most 64, each value yes or no or whole number or text or list, each whole
            number or text; left out: none.
        evidence: list of at most 16, each text, 1 to 128 characters; left out: none.
        reason: text, at most 1024 characters; left out: none.
    """
    return build("asset", "accept", locals())


def reject(
    *,
    id: str,
    version: int,
    offer: int,
    args: Mapping[str, bool | int | str | Sequence[int | str]] | None = None,
    evidence: Sequence[str] | None = None,
    reason: str | None = None,
) -> Call:
    """Decline what is offered.

    `offer` is the offer's number.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
        offer: whole number, 1 to 9007199254740992.
        args: map of at most 64, each value yes or no or whole number or text or list, each whole
            number or text; left out: none.
        evidence: list of at most 16, each text, 1 to 128 characters; left out: none.
        reason: text, at most 1024 characters; left out: none.
    """
    return build("asset", "reject", locals())


def withdraw(
    *,
    id: str,
    version: int,
    offer: int,
    args: Mapping[str, bool | int | str | Sequence[int | str]] | None = None,
    evidence: Sequence[str] | None = None,
    reason: str | None = None,
) -> Call:
    """Take an offer back.

    `offer` is the offer's number.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
        offer: whole number, 1 to 9007199254740992.
        args: map of at most 64, each value yes or no or whole number or text or list, each whole
            number or text; left out: none.
        evidence: list of at most 16, each text, 1 to 128 characters; left out: none.
        reason: text, at most 1024 characters; left out: none.
    """
    return build("asset", "withdraw", locals())


def act(
    *,
    id: str,
    version: int,
    action: str,
    args: Mapping[str, bool | int | str | Sequence[int | str]] | None = None,
    evidence: Sequence[str] | None = None,
) -> Call:
    """Carry out an action of the profile.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
        action: text like `^[A-Za-z][A-Za-z0-9_]{0,47}`.
        args: map of at most 64, each value yes or no or whole number or text or list, each whole
            number or text; left out: none.
        evidence: list of at most 16, each text, 1 to 128 characters; left out: none.
    """
    return build("asset", "act", locals())


def split(
    *,
    id: str,
    version: int,
    parts: Sequence[Part],
    args: Mapping[str, bool | int | str | Sequence[int | str]] | None = None,
    evidence: Sequence[str] | None = None,
) -> Call:
    """Put several records in the place of one.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
        parts: list of 2 to 64, each `Part`.
        args: map of at most 64, each value yes or no or whole number or text or list, each whole
            number or text; left out: none.
        evidence: list of at most 16, each text, 1 to 128 characters; left out: none.
    """
    return build("asset", "split", locals())


def merge(
    *,
    ids: Sequence[str],
    new_id: str,
    versions: Sequence[int],
    args: Mapping[str, bool | int | str | Sequence[int | str]] | None = None,
    evidence: Sequence[str] | None = None,
) -> Call:
    """Put one record in the place of several.

    `versions` are those of `ids`, one for one.

    Args:
        ids: list of 2 to 64, each text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        new_id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        versions: list of 2 to 64, each whole number, 1 to 9007199254740992.
        args: map of at most 64, each value yes or no or whole number or text or list, each whole
            number or text; left out: none.
        evidence: list of at most 16, each text, 1 to 128 characters; left out: none.
    """
    return build("asset", "merge", locals())


def encumber(
    *,
    id: str,
    version: int,
    enc_id: str,
    kind: str,
    to: str,
    args: Mapping[str, bool | int | str | Sequence[int | str]] | None = None,
    evidence: Sequence[str] | None = None,
    secured: Secured | None = None,
    terms_digest: bytes | None = None,
    until: int | None = None,
) -> Call:
    """Lay a pledge, a lien or a hold on a record.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
        enc_id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        kind: text like `^[A-Za-z][A-Za-z0-9_]{0,47}`.
        to: text like `^[a-z0-9][a-z0-9.-]*`, 1 to 64 characters.
        args: map of at most 64, each value yes or no or whole number or text or list, each whole
            number or text; left out: none.
        evidence: list of at most 16, each text, 1 to 128 characters; left out: none.
        secured: `Secured`; left out: none.
        terms_digest: bytes, 32; left out: none.
        until: whole number, at least 0; left out: `0`.
    """
    return build("asset", "encumber", locals())


def release(
    *,
    id: str,
    version: int,
    enc_id: str,
    args: Mapping[str, bool | int | str | Sequence[int | str]] | None = None,
    evidence: Sequence[str] | None = None,
    reason: str | None = None,
) -> Call:
    """Lift an encumbrance as the member whom it secures.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
        enc_id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        args: map of at most 64, each value yes or no or whole number or text or list, each whole
            number or text; left out: none.
        evidence: list of at most 16, each text, 1 to 128 characters; left out: none.
        reason: text, at most 1024 characters; left out: none.
    """
    return build("asset", "release", locals())


def enforce(
    *,
    id: str,
    version: int,
    enc_id: str,
    order_ref: str,
    args: Mapping[str, bool | int | str | Sequence[int | str]] | None = None,
    evidence: Sequence[str] | None = None,
    to: str | None = None,
) -> Call:
    """Take a record on which one has a security.

    Without `to` the secured member takes the record itself.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
        enc_id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        order_ref: text, 1 to 128 characters.
        args: map of at most 64, each value yes or no or whole number or text or list, each whole
            number or text; left out: none.
        evidence: list of at most 16, each text, 1 to 128 characters; left out: none.
        to: text like `^[a-z0-9][a-z0-9.-]*`, 1 to 64 characters; left out: none.
    """
    return build("asset", "enforce", locals())


def replace(
    *,
    id: str,
    version: int,
    medium: Literal["electronic", "paper"],
    new_ref: str,
    same_content_digest: bytes,
    args: Mapping[str, bool | int | str | Sequence[int | str]] | None = None,
    evidence: Sequence[str] | None = None,
    to: str | None = None,
) -> Call:
    """Change the medium, to paper or back.

    `new_ref` is the paper's number. `to` is who handed in the paper, when that is not the
    controller.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
        medium: one of `electronic`, `paper`.
        new_ref: text, 1 to 128 characters.
        same_content_digest: bytes, 32.
        args: map of at most 64, each value yes or no or whole number or text or list, each whole
            number or text; left out: none.
        evidence: list of at most 16, each text, 1 to 128 characters; left out: none.
        to: text like `^[a-z0-9][a-z0-9.-]*`, 1 to 64 characters; left out: none.
    """
    return build("asset", "replace", locals())


def retire(
    *,
    id: str,
    version: int,
    reason: Literal["cancelled", "consumed", "delivered", "destroyed", "paid", "surrendered"],
    args: Mapping[str, bool | int | str | Sequence[int | str]] | None = None,
    evidence: Sequence[str] | None = None,
) -> Call:
    """Bring a record to its end.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
        reason: one of `cancelled`, `consumed`, `delivered`, `destroyed`, `paid`, `surrendered`.
        args: map of at most 64, each value yes or no or whole number or text or list, each whole
            number or text; left out: none.
        evidence: list of at most 16, each text, 1 to 128 characters; left out: none.
    """
    return build("asset", "retire", locals())


def freeze(
    *,
    id: str,
    order_ref: str,
    args: Mapping[str, bool | int | str | Sequence[int | str]] | None = None,
    evidence: Sequence[str] | None = None,
    version: int | None = None,
) -> Call:
    """Stop a record by order of a court or regulator.

    The version may be left out: an order does not lose a race against the one it binds.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        order_ref: text, 1 to 128 characters.
        args: map of at most 64, each value yes or no or whole number or text or list, each whole
            number or text; left out: none.
        evidence: list of at most 16, each text, 1 to 128 characters; left out: none.
        version: whole number, 1 to 9007199254740992; left out: none.
    """
    return build("asset", "freeze", locals())


def unfreeze(
    *,
    id: str,
    order_ref: str,
    args: Mapping[str, bool | int | str | Sequence[int | str]] | None = None,
    evidence: Sequence[str] | None = None,
    version: int | None = None,
) -> Call:
    """End a freeze.

    The version may be left out: an order does not lose a race against the one it binds.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        order_ref: text, 1 to 128 characters.
        args: map of at most 64, each value yes or no or whole number or text or list, each whole
            number or text; left out: none.
        evidence: list of at most 16, each text, 1 to 128 characters; left out: none.
        version: whole number, 1 to 9007199254740992; left out: none.
    """
    return build("asset", "unfreeze", locals())
