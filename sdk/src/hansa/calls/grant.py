"""Calls of the contract `grant`. Made from the contracts by scripts/reference."""

# ruff: noqa: A002, PLR0913 - names and fields are the contract's

from collections.abc import Sequence
from typing import Literal, NotRequired, TypedDict

from hansa.calls.build import build
from hansa.transaction import Call


class Window(TypedDict):
    """A time in ms since 1970: `start` is in it, `end` is not."""

    start: int
    end: int


class Wrap(TypedDict):
    """A content key encrypted to one key of the assignee; `ek` is the encrypted key."""

    to_key_id: str
    alg: str
    ek: bytes


class Policy(TypedDict):
    """What an owner permits: the part of ODRL that the chain enforces."""

    purposes: NotRequired[Sequence[str]]
    until: NotRequired[int]
    consent: NotRequired[bool]


def publish(
    *,
    id: str,
    descriptor_digest: bytes,
    class_: Literal["open", "conditional", "closed"],
    policy: Policy | None = None,
    answer_ms: int | None = None,
    authority: str | None = None,
    contact_role: str | None = None,
) -> Call:
    """Put a dataset into the catalogue; it belongs to the sender's member.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        descriptor_digest: bytes, 32.
        class_: one of `open`, `conditional`, `closed`.
        policy: `Policy`; left out: as the contract has it.
        answer_ms: whole number, 1000 to 7776000000; left out: `864000000`.
        authority: text like `^[a-z0-9][a-z0-9.-]*`, 1 to 64 characters; left out: none.
        contact_role: text, at most 64 characters; left out: none.
    """
    return build("grant", "publish", locals())


def request(
    *,
    id: str,
    dataset: str,
    offer: bytes,
    purpose: str,
    legal_basis: Literal["consent", "contract", "law", "public-interest"],
    until: int,
    consent: str | None = None,
    consumer: str | None = None,
    version: int | None = None,
) -> Call:
    """Ask for a dataset, ask again after an offer, or, as its owner, offer it first.

    With `version` a counter-request, with `consumer` a first offer.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        dataset: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        offer: bytes, 32.
        purpose: text like `^[a-z0-9][a-z0-9._-]{0,63}`.
        legal_basis: one of `consent`, `contract`, `law`, `public-interest`.
        until: whole number, at least 0.
        consent: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`; left out: none.
        consumer: text like `^[a-z0-9][a-z0-9.-]*`, 1 to 64 characters; left out: none.
        version: whole number, 1 to 9007199254740992; left out: none.
    """
    return build("grant", "request", locals())


def decide(
    *,
    id: str,
    version: int,
    decision: Literal["offer", "agree", "refuse"],
    terms_digest: bytes | None = None,
    reason: str | None = None,
) -> Call:
    """Offer, agree or refuse, as the provider; as its authority once it was silent.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
        decision: one of `offer`, `agree`, `refuse`.
        terms_digest: bytes, 32; left out: none.
        reason: text, at most 256 characters; left out: none.
    """
    return build("grant", "decide", locals())


def accept(*, id: str, version: int) -> Call:
    """Accept the provider's offer, as the consumer.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
    """
    return build("grant", "accept", locals())


def verify(*, id: str, version: int) -> Call:
    """Confirm the agreement, as the consumer.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
    """
    return build("grant", "verify", locals())


def finalize(*, id: str, version: int) -> Call:
    """Put the agreement into force, as the provider.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
    """
    return build("grant", "finalize", locals())


def terminate(*, id: str, version: int, reason: str) -> Call:
    """End a negotiation, saying why.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
        reason: text, at most 256 characters.
    """
    return build("grant", "terminate", locals())


def transfer(
    *,
    id: str,
    version: int,
    to: Literal["REQUESTED", "STARTED", "SUSPENDED", "COMPLETED", "TERMINATED"],
    reason: str | None = None,
) -> Call:
    """Request, start, suspend, complete or terminate a transfer under the agreement.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
        to: one of `REQUESTED`, `STARTED`, `SUSPENDED`, `COMPLETED`, `TERMINATED`.
        reason: text, at most 256 characters; left out: none.
    """
    return build("grant", "transfer", locals())


def deliver(
    *, id: str, version: int, digest: bytes, wraps: Sequence[Wrap], where_commit: bytes, seq: int
) -> Call:
    """Hand over data: their digest, and the content key for keys of the assignee only.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
        digest: bytes, 32.
        wraps: list of 1 to 16, each `Wrap`.
        where_commit: bytes, 32.
        seq: whole number, 1 to 4294967296.
    """
    return build("grant", "deliver", locals())


def used(
    *, id: str, receipt_digest: bytes, n: int, at_window: Window, version: int | None = None
) -> Call:
    """Say how often data were used in a window; if both sides differ, it shows.

    `version` is that of the window's record, if there is one.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        receipt_digest: bytes, 32.
        n: whole number, at least 0.
        at_window: `Window`.
        version: whole number, 1 to 9007199254740992; left out: none.
    """
    return build("grant", "used", locals())


def consent(
    *,
    id: str,
    subject: bytes,
    controller: str,
    purpose: str,
    scope_digest: bytes,
    until: int,
    key: bytes,
    signature: bytes,
) -> Call:
    """Record a subject's signed word that a member may use data for a purpose.

    `signature` is by `key` over `consent_digest`.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        subject: bytes, 32.
        controller: text like `^[a-z0-9][a-z0-9.-]*`, 1 to 64 characters.
        purpose: text like `^[a-z0-9][a-z0-9._-]{0,63}`.
        scope_digest: bytes, 32.
        until: whole number, at least 0.
        key: bytes, 33.
        signature: bytes, 64.
    """
    return build("grant", "consent", locals())


def withdraw(*, id: str, version: int, key: bytes, signature: bytes) -> Call:
    """Take a consent back: by the subject's signature, whoever brings it.

    `signature` is by `key` over `withdrawal_digest`.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
        key: bytes, 33.
        signature: bytes, 64.
    """
    return build("grant", "withdraw", locals())


def correction(
    *, id: str, dataset: str, field_digest: bytes, claim_digest: bytes, due: int
) -> Call:
    """Claim that a field of a dataset is wrong: it is marked at once.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        dataset: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        field_digest: bytes, 32.
        claim_digest: bytes, 32.
        due: whole number, at least 0.
    """
    return build("grant", "correction", locals())


def answer_correction(
    *, id: str, version: int, outcome: Literal["corrected", "upheld"], answer_digest: bytes
) -> Call:
    """Correct or uphold a disputed field, as its owner; as its authority once overdue.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        version: whole number, 1 to 9007199254740992.
        outcome: one of `corrected`, `upheld`.
        answer_digest: bytes, 32.
    """
    return build("grant", "answer_correction", locals())


def erased(
    *,
    id: str,
    holder: str,
    scope_digest: bytes,
    method: Literal["delete", "overwrite", "key-destroyed"],
) -> Call:
    """Declare, as a holder that signs, that data under an agreement or consent are gone.

    `id` names an agreement or a consent.

    Args:
        id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
        holder: text like `^[a-z0-9][a-z0-9.-]*`, 1 to 64 characters.
        scope_digest: bytes, 32.
        method: one of `delete`, `overwrite`, `key-destroyed`.
    """
    return build("grant", "erased", locals())
