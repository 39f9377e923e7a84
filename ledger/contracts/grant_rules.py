"""The tables and checks of `grant` (docs/spec/grant.md, sections 3 to 5).

The promise: a negotiation and a transfer move as the Dataspace Protocol 2025-1 says and no
other way; whoever asks whether a consent is live reads one key of the state.
"""

from collections.abc import Sequence

from hansa.consent import subject_of
from ledger.authorise import may_sign
from ledger.contract import Context, Refused
from ledger.contracts.grant_records import (
    ACCEPTED,
    AGREE,
    AGREED,
    BY_CONSENT,
    CLOSED,
    COMPLETED,
    FINALIZED,
    LIVE,
    OFFER,
    OFFERED,
    REQUESTED,
    STARTED,
    SUSPENDED,
    TERMINATED,
    VERIFIED,
    Agreement,
    ConsentRecord,
    Dataset,
    Live,
    Request,
    Window,
    Wrap,
)
from ledger.records import SEAL_KEY, SIGNING_USES, KeyRecord, check_version

CONSUMER, PROVIDER = "consumer", "provider"
WRAPPED_TO = (*SIGNING_USES, SEAL_KEY)
"""Uses of keys to which a content key may be wrapped: a key for sealing, or a signer's."""
NO_TRANSFER = ""

NEGOTIATION: dict[tuple[str, str], tuple[str, str]] = {
    (REQUESTED, OFFER): (PROVIDER, OFFERED),
    (REQUESTED, AGREE): (PROVIDER, AGREED),
    (OFFERED, "request"): (CONSUMER, REQUESTED),
    (OFFERED, "accept"): (CONSUMER, ACCEPTED),
    (ACCEPTED, AGREE): (PROVIDER, AGREED),
    (AGREED, "verify"): (CONSUMER, VERIFIED),
    (VERIFIED, "finalize"): (PROVIDER, FINALIZED),
}
"""(state, step) -> (whose step, next state): contract negotiation, section 7 of the protocol."""
TERMINATION: dict[str, tuple[str, ...]] = {
    REQUESTED: (CONSUMER, PROVIDER),
    OFFERED: (CONSUMER, PROVIDER),
    ACCEPTED: (PROVIDER,),
    AGREED: (CONSUMER,),
    VERIFIED: (PROVIDER,),
}
"""Who may end a negotiation in a state."""
TRANSFER: dict[tuple[str, str], tuple[str, ...]] = {
    (NO_TRANSFER, REQUESTED): (CONSUMER,),
    (REQUESTED, STARTED): (PROVIDER,),
    (REQUESTED, TERMINATED): (CONSUMER, PROVIDER),
    (STARTED, COMPLETED): (CONSUMER, PROVIDER),
    (STARTED, SUSPENDED): (CONSUMER, PROVIDER),
    (STARTED, TERMINATED): (CONSUMER, PROVIDER),
    (SUSPENDED, STARTED): (CONSUMER, PROVIDER),
    (SUSPENDED, TERMINATED): (CONSUMER, PROVIDER),
    (COMPLETED, REQUESTED): (CONSUMER,),
    (TERMINATED, REQUESTED): (CONSUMER,),
}
"""(state, next state) -> who may do it: transfer processes, one after the other."""
PROVIDERS_TURN = (REQUESTED, ACCEPTED, VERIFIED)
"""States in which the provider is awaited, and for which its time to answer runs."""


def agreement_key(agreement_id: str) -> str:
    """Where an agreement stands."""
    return "agreement/" + agreement_id


def consent_key(consent_id: str) -> str:
    """Where a consent stands."""
    return "consent/" + consent_id


def dataset_key(dataset_id: str) -> str:
    """Where a dataset stands."""
    return "dataset/" + dataset_id


def correction_key(correction_id: str) -> str:
    """Where a correction stands."""
    return "correction/" + correction_id


def mark_key(dataset_id: str, field_digest: bytes) -> str:
    """The key that is there while a field is disputed; its value is the correction's id."""
    return f"mark/{dataset_id}/{field_digest.hex()}"


def live_key(subject: bytes, purpose: str, controller: str) -> str:
    """The key that is there while a consent is live: its absence can be proved."""
    return f"live/{subject.hex()}/{purpose}/{controller}"


def is_live(context: Context, subject: bytes, purpose: str, controller: str, at: int) -> bool:
    """Whether a consent is live at a time in ms; for any contract, by one read."""
    found = context.within("grant").get(live_key(subject, purpose, controller), Live)
    return found is not None and found.since <= at < found.until


def current(context: Context, agreement_id: str, version: int) -> Agreement:
    """The agreement, as the caller saw it.

    Raises:
        Refused: ``MISSING`` or ``STALE``.
    """
    record = context.need(agreement_key(agreement_id), Agreement)
    check_version(record, version)
    return record


def side_of(context: Context, record: Agreement) -> str:
    """Whether the sender's member is the consumer or the provider.

    Raises:
        Refused: ``AUTH``: an agreement is of no use to anyone else.
    """
    member = context.sender.member
    if member == record.consumer:
        return CONSUMER
    if member == record.provider or (record.escalated and member == record.authority):
        return PROVIDER
    raise Refused("AUTH", id=record.id, need=[record.consumer, record.provider], by=member)


def party_of(context: Context, record: Agreement) -> str:
    """Like `side_of`, but the authority stands in for nobody.

    Raises:
        Refused: ``AUTH``.
    """
    side = side_of(context, record)
    member = context.sender.member
    if member not in (record.consumer, record.provider):
        raise Refused("AUTH", id=record.id, need=[record.consumer, record.provider], by=member)
    return side


def next_state(context: Context, record: Agreement, step: str) -> str:
    """The state after a step of the negotiation.

    Raises:
        Refused: ``AUTH``, ``STATE`` or, after the agreement's end, ``TIME``.
    """
    side = side_of(context, record)
    found = NEGOTIATION.get((record.state, step))
    if found is None:
        need = [state for state, name in NEGOTIATION if name == step]
        raise wrong_state(record, need)
    check_side(record, side, (found[0],), context.sender.member)
    if context.time >= record.until:
        raise Refused("TIME", id=record.id, have=context.time, need=record.until)
    return found[1]


def check_termination(context: Context, record: Agreement, side: str) -> None:
    """Check that this side may end the negotiation now.

    Raises:
        Refused: ``STATE`` or ``AUTH``.
    """
    sides = TERMINATION.get(record.state)
    if sides is None:
        raise wrong_state(record, [*TERMINATION])
    check_side(record, side, sides, context.sender.member)


def check_transfer(context: Context, record: Agreement, to: str) -> None:
    """Check that the sender may move the transfer so.

    Raises:
        Refused: ``AUTH``, ``STATE`` or ``TIME``.
    """
    side = party_of(context, record)
    if record.state != FINALIZED:
        raise wrong_state(record, [FINALIZED])
    sides = TRANSFER.get((record.transfer, to))
    if sides is None:
        need = [state for state, following in TRANSFER if following == to]
        raise Refused("STATE", id=record.id, field="transfer", have=record.transfer, need=[*need])
    check_side(record, side, sides, context.sender.member)
    if to in (REQUESTED, STARTED) and context.time >= record.until:
        raise Refused("TIME", id=record.id, have=context.time, need=record.until)


def check_delivery(context: Context, record: Agreement) -> None:
    """Check that the sender may deliver: as the provider, in a transfer that nobody suspended.

    A delivery of a transfer that was only requested starts it.

    Raises:
        Refused: ``AUTH``, ``STATE``, ``TIME`` or ``CONSENT``.
    """
    side = party_of(context, record)
    if record.state != FINALIZED:
        raise wrong_state(record, [FINALIZED])
    check_side(record, side, (PROVIDER,), context.sender.member)
    if record.transfer not in (REQUESTED, STARTED):
        need = [REQUESTED, STARTED]
        raise Refused("STATE", id=record.id, field="transfer", have=record.transfer, need=[*need])
    if context.time >= record.until:
        raise Refused("TIME", id=record.id, have=context.time, need=record.until)
    check_consent(context, record.consent, context.time)


def check_side(record: Agreement, side: str, sides: tuple[str, ...], member: str) -> None:
    """Check that it is this side's step.

    Raises:
        Refused: ``AUTH`` with the member whose step it is.
    """
    if side not in sides:
        names = {CONSUMER: record.consumer, PROVIDER: record.provider}
        raise Refused("AUTH", id=record.id, need=[names[one] for one in sides], by=member)


def wrong_state(record: Agreement, need: Sequence[str]) -> Refused:
    """The refusal that says which state an agreement is in, since when, and what is needed."""
    height = record.history[-1][0]
    return Refused("STATE", id=record.id, have=record.state, need=[*need], height=height)


def check_request(context: Context, given: Request, dataset: Dataset, consumer: str) -> None:
    """Check a request against the owner's policy and the subject's consent.

    Raises:
        Refused: ``RULE``, ``TIME`` or ``CONSENT``.
    """
    policy = dataset.policy
    if dataset.sharing == CLOSED:
        raise Refused("RULE", field="class", id=dataset.id, have=CLOSED, by=dataset.controller)
    if consumer == dataset.controller:
        raise Refused("RULE", field="consumer", have=consumer, need="another member")
    if policy.purposes and given.purpose not in policy.purposes:
        raise Refused("RULE", field="$.purpose", have=given.purpose, need=[*policy.purposes])
    if given.until <= context.time:
        raise Refused("TIME", field="$.until", have=given.until, need=context.time)
    if policy.until and given.until > policy.until:
        raise Refused("TIME", field="$.until", have=given.until, need=policy.until)
    if given.consent is None:
        if policy.consent or given.legal_basis == BY_CONSENT:
            raise Refused("CONSENT", field="$.consent", need=given.purpose, by=consumer)
        return
    consent = context.get(consent_key(given.consent), ConsentRecord)
    if consent is None:
        raise Refused("CONSENT", field="$.consent", id=given.consent, need=LIVE)
    if (consent.controller, consent.purpose) != (consumer, given.purpose):
        have: list[str] = [consent.controller, consent.purpose]
        need = [consumer, given.purpose]
        raise Refused("CONSENT", id=given.consent, have=[*have], need=[*need])
    check_consent(context, given.consent, context.time)


def check_consent(context: Context, consent_id: str, at: int) -> None:
    """Check that the consent that an agreement rests on was live at a time (it may be past).

    Raises:
        Refused: ``CONSENT`` with what became of it and when.
    """
    if not consent_id:
        return
    consent = context.need(consent_key(consent_id), ConsentRecord)
    end = consent.ended_at or consent.until
    if at >= end:
        raise Refused("CONSENT", id=consent_id, have=consent.state, need=LIVE, since=end)


def check_use(context: Context, record: Agreement, window: Window) -> None:
    """Check that a window of use is past, and inside what was agreed and consented to.

    Raises:
        Refused: ``SCHEMA``, ``TIME`` or ``CONSENT``.
    """
    if window.start >= window.end:
        raise Refused("SCHEMA", field="$.at_window", have=window.end, need=window.start + 1)
    if window.start < record.finalized_at:
        need = record.finalized_at
        raise Refused("TIME", field="$.at_window.start", have=window.start, need=need)
    latest = min(context.time, record.until)
    if window.end > latest:
        raise Refused("TIME", field="$.at_window.end", have=window.end, need=latest)
    check_consent(context, record.consent, window.end - 1)


def check_signed(
    context: Context, subject: bytes, key: bytes, digest: bytes, signature: bytes
) -> None:
    """Check that a subject signed: the key is the subject's, and the signature holds.

    Raises:
        Refused: ``SIGN``.
    """
    if subject_of(key) != subject:
        raise Refused("SIGN", field="$.key", have=subject_of(key), need=subject)
    if not context.registry.verify(key, digest, signature):
        raise Refused("SIGN", field="$.signature", need=digest)


def check_wraps(context: Context, record: Agreement, wraps: tuple[Wrap, ...]) -> None:
    """Check that every wrap is to a key that the assignee has now.

    Raises:
        Refused: ``SIGN`` with the key, or ``DUPLICATE``.
    """
    org = context.within("org")
    seen: set[str] = set()
    for wrap in wraps:
        key = org.get("key/" + wrap.to_key_id, KeyRecord)
        if key is None or key.member != record.consumer or key.use not in WRAPPED_TO:
            have = None if key is None else key.member
            raise Refused("SIGN", key=wrap.to_key_id, have=have, need=record.consumer)
        if not may_sign(key, context.height):
            raise Refused("SIGN", key=wrap.to_key_id, height=key.valid_to)
        if wrap.to_key_id in seen:
            raise Refused("DUPLICATE", key=wrap.to_key_id, field="$.wraps")
        seen.add(wrap.to_key_id)
