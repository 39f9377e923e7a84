"""Calls of the contract `doc`. Made from the contracts by scripts/reference."""

# ruff: noqa: A002, PLR0913 - names and fields are the contract's

from collections.abc import Mapping, Sequence
from typing import Literal, NotRequired, TypedDict

from hansa.calls.build import build
from hansa.transaction import Call


class Place(TypedDict):
    """A place to sign: for a member, a subject or a holder of a role ("" for any)."""

    member: NotRequired[str]
    subject: NotRequired[str]
    role: NotRequired[str]


def register(
    *,
    id: str,
    digest: bytes,
    alg: Literal["sha-256", "sm3"] | None = None,
    size: int | None = None,
    media_type: str | None = None,
    kind: str | None = None,
    signers_needed: Sequence[Place] | None = None,
    threshold: int | None = None,
    meta: Mapping[str, str] | None = None,
    seal: bytes | None = None,
    about: Sequence[str] | None = None,
    retain_until: int | None = None,
    supersedes: str | None = None,
    version: int | None = None,
) -> Call:
    """Put a digest on record; once for each owner.

    `seal` is the salted commitment to what is not in clear.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        digest: bytes, 32.
        alg: one of `sha-256`, `sm3`; left out: `sha-256`.
        size: whole number, at least 0; left out: `0`.
        media_type: text, at most 128 characters; left out: none.
        kind: text, at most 128 characters; left out: none.
        signers_needed: list of at most 64, each `Place`; left out: none.
        threshold: whole number, 0 to 64; left out: `0`.
        meta: map of at most 32, each value text, at most 1024 characters; left out: none.
        seal: bytes, at most 256; left out: none.
        about: list of at most 64, each text, at most 128 characters; left out: none.
        retain_until: whole number, at least 0; left out: `0`.
        supersedes: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`; left out: none.
        version: whole number, 1 to 9007199254740992; left out: none.
    """
    return build("doc", "register", locals())


def sign(
    *,
    id: str,
    version: int,
    role: str | None = None,
    remark_digest: bytes | None = None,
    key: bytes | None = None,
    signature: bytes | None = None,
) -> Call:
    """Add a detached signature, or those of everyone who signed the transaction.

    With `key` and `signature` it is a detached one.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
        role: text, at most 128 characters; left out: none.
        remark_digest: bytes, 32; left out: none.
        key: bytes, 33; left out: none.
        signature: bytes, 64; left out: none.
    """
    return build("doc", "sign", locals())


def decline(*, id: str, version: int, reason: str | None = None) -> Call:
    """Say as a needed signer that one will not sign.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
        reason: text, at most 1024 characters; left out: none.
    """
    return build("doc", "decline", locals())


def withdraw(*, id: str, version: int, reason: str | None = None) -> Call:
    """Take back a document that is not complete, as its controller.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
        reason: text, at most 1024 characters; left out: none.
    """
    return build("doc", "withdraw", locals())


def supersede(*, id: str, version: int, new_id: str, reason: str | None = None) -> Call:
    """Point from a document to the one that takes its place.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
        new_id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        reason: text, at most 1024 characters; left out: none.
    """
    return build("doc", "supersede", locals())


def stamp(*, id: str, token_der: bytes) -> Call:
    """Note a trusted time-stamp over the document's digest, as one of its parties.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        token_der: bytes, 1 to 16384.
    """
    return build("doc", "stamp", locals())


def exhibit(*, id: str, case_no: str, to_org: str) -> Call:
    """Put on record, as one of its parties, to whom the document was shown in a case.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        case_no: text, 1 to 128 characters.
        to_org: text like `^[a-z0-9][a-z0-9._-]*`, 1 to 64 characters.
    """
    return build("doc", "exhibit", locals())


def anchor(
    *,
    batch_id: str,
    root: bytes,
    count: int,
    alg: Literal["sha-256", "sm3"] | None = None,
    meta: Mapping[str, str] | None = None,
) -> Call:
    """Put the root over the digests of many files on record.

    Args:
        batch_id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        root: bytes, 32.
        count: whole number, at least 1.
        alg: one of `sha-256`, `sm3`; left out: `sha-256`.
        meta: map of at most 32, each value text, at most 1024 characters; left out: none.
    """
    return build("doc", "anchor", locals())
