"""`grant`: who may see and use what, by whose word, and what became of it (docs/spec/grant.md).

The promise: an agreement is of use to its assignee alone and moves as the Dataspace
Protocol says; what rests on consent ends with the consent; silence of a provider, of a
corrector, of one side of a use is visible.
"""

from typing import ClassVar

from hansa.consent import consent_digest, withdrawal_digest
from hansa.encoding import Value, encode_value
from ledger.contract import TIMER, Context, Contract, Refused, method
from ledger.contracts.grant_records import (
    AGREE,
    CONSENT_MS_MAX,
    CORRECTION_MS_MAX,
    EXPIRED,
    FINALIZED,
    LIVE,
    OFFERED,
    OPEN,
    OVERDUE,
    REFUSE,
    REQUESTED,
    STARTED,
    TERMINATED,
    WITHDRAWN,
    Agreement,
    AnswerCorrection,
    ConsentRecord,
    Correction,
    CorrectionRecord,
    Dataset,
    Decide,
    Deliver,
    Delivery,
    Erased,
    Erasure,
    GiveConsent,
    Live,
    OfAgreement,
    OfTimer,
    Publish,
    Request,
    Terminate,
    Transfer,
    Use,
    Used,
    UseRecord,
    WithdrawConsent,
)
from ledger.contracts.grant_rules import (
    PROVIDERS_TURN,
    agreement_key,
    check_consent,
    check_delivery,
    check_request,
    check_signed,
    check_termination,
    check_transfer,
    check_use,
    check_wraps,
    consent_key,
    correction_key,
    current,
    dataset_key,
    live_key,
    mark_key,
    next_state,
    party_of,
    side_of,
    wrong_state,
)
from ledger.due import cancel, schedule
from ledger.records import check_version, create, first, save


class Grant(Contract):
    """Catalogue, negotiation, delivery, use, consent, correction, erasure."""

    name: ClassVar[str] = "grant"

    @method(Publish)
    def publish(self, context: Context, given: Publish) -> Value:
        """Put a dataset into the catalogue; it belongs to the sender's member."""
        owner = context.sender.member
        key = dataset_key(given.id)
        if context.exists(key):
            raise Refused("EXISTS", id=given.id)
        if given.authority == owner:
            raise Refused("RULE", field="$.authority", have=owner, need="another member")
        if given.authority is not None and not context.registry.is_member(given.authority):
            raise Refused("MISSING", member=given.authority)
        record = Dataset(
            id=given.id,
            version=1,
            controller=owner,
            history=first(context),
            descriptor_digest=given.descriptor_digest,
            sharing=given.sharing,
            policy=given.policy,
            answer_ms=given.answer_ms,
            authority=given.authority or "",
            contact_role=given.contact_role,
        )
        create(context, key, record)
        context.event("published", id=given.id, owner=owner)
        return {"id": given.id, "version": 1}

    @method(Request)
    def request(self, context: Context, given: Request) -> Value:
        """Ask for a dataset, ask again after an offer, or, as its owner, offer it first."""
        dataset = context.need(dataset_key(given.dataset), Dataset)
        if given.version is not None:
            return _ask_again(context, given, given.version, dataset)
        if context.exists(agreement_key(given.id)):
            raise Refused("EXISTS", id=given.id)
        sender = context.sender.member
        offering = sender == dataset.controller and given.consumer is not None
        consumer = given.consumer if given.consumer is not None else sender
        if not offering and consumer != sender:
            raise Refused("AUTH", id=given.id, need=[consumer, dataset.controller], by=sender)
        if not context.registry.is_member(consumer):
            raise Refused("MISSING", member=consumer)
        check_request(context, given, dataset, consumer)
        record = Agreement(
            id=given.id,
            version=1,
            controller=consumer,
            history=first(context),
            consumer=consumer,
            dataset=given.dataset,
            legal_basis=given.legal_basis,
            provider=dataset.controller,
            purpose=given.purpose,
            state=OFFERED if offering else REQUESTED,
            terms=given.offer,
            until=given.until,
            answer_ms=dataset.answer_ms,
            answer_by=0 if offering else context.time + dataset.answer_ms,
            authority=dataset.authority,
            consent=given.consent or "",
            sharing=dataset.sharing,
        )
        create(context, agreement_key(given.id), record)
        _start_answer(context, record)
        context.event("requested", id=given.id, dataset=given.dataset, consumer=consumer)
        return _answer(record)

    @method(Decide)
    def decide(self, context: Context, given: Decide) -> Value:
        """Offer, agree or refuse, as the provider; as its authority once it was silent."""
        record = current(context, given.id, given.version)
        if given.decision == REFUSE:
            return _refuse(context, record, given.reason)
        state = next_state(context, record, given.decision)
        if given.terms_digest is None:
            raise Refused("SCHEMA", field="$.terms_digest")
        if given.decision == AGREE and given.terms_digest != record.terms:
            have, need = given.terms_digest, record.terms
            raise Refused("RULE", field="$.terms_digest", have=have, need=need)
        check_consent(context, record.consent, context.time)
        context.event("decided", id=given.id, decision=given.decision)
        return _answer(_move(context, record, state=state, terms=given.terms_digest))

    @method(OfAgreement)
    def accept(self, context: Context, given: OfAgreement) -> Value:
        """Accept the provider's offer, as the consumer."""
        return _step(context, given, "accept")

    @method(OfAgreement)
    def verify(self, context: Context, given: OfAgreement) -> Value:
        """Confirm the agreement, as the consumer."""
        return _step(context, given, "verify")

    @method(OfAgreement)
    def finalize(self, context: Context, given: OfAgreement) -> Value:
        """Put the agreement into force, as the provider."""
        return _step(context, given, "finalize", finalized_at=context.time)

    @method(Terminate)
    def terminate(self, context: Context, given: Terminate) -> Value:
        """End a negotiation, saying why."""
        record = current(context, given.id, given.version)
        side = party_of(context, record)
        check_termination(context, record, side)
        if not given.reason:
            raise Refused("RULE", field="$.reason", need="reason", by=context.sender.member)
        context.event("terminated", id=given.id, by=context.sender.member)
        return _answer(_move(context, record, reason=given.reason, state=TERMINATED))

    @method(Transfer)
    def transfer(self, context: Context, given: Transfer) -> Value:
        """Request, start, suspend, complete or terminate a transfer under the agreement."""
        record = current(context, given.id, given.version)
        check_transfer(context, record, given.to)
        if given.to in (REQUESTED, STARTED):
            check_consent(context, record.consent, context.time)
        context.event("transfer", id=given.id, state=given.to, by=context.sender.member)
        after = _move(context, record, reason=given.reason or record.reason, transfer=given.to)
        return _answer(after)

    @method(Deliver)
    def deliver(self, context: Context, given: Deliver) -> Value:
        """Hand over data: their digest, and the content key for keys of the assignee only."""
        record = current(context, given.id, given.version)
        check_delivery(context, record)
        if given.seq != record.seq + 1:
            raise Refused("RULE", field="$.seq", have=given.seq, need=record.seq + 1)
        check_wraps(context, record, given.wraps)
        made = Delivery(given.digest, context.height, context.time, given.where_commit, given.wraps)
        context.put(f"delivery/{given.id}/{given.seq:08x}", made)
        context.event("delivered", id=given.id, seq=given.seq, digest=given.digest)
        return _answer(_move(context, record, seq=given.seq, transfer=STARTED))

    @method(Used)
    def used(self, context: Context, given: Used) -> Value:
        """Say how often data were used in a window; if both sides differ, it shows."""
        agreement = context.need(agreement_key(given.id), Agreement)
        side = party_of(context, agreement)
        if agreement.state != FINALIZED:
            raise wrong_state(agreement, [FINALIZED])
        window = given.at_window
        check_use(context, agreement, window)
        key = f"use/{given.id}/{window.start}-{window.end}"
        said = Use(given.n, given.receipt_digest, context.time)
        known = context.get(key, UseRecord)
        if known is None:
            after = UseRecord(key, 1, agreement.consumer, first(context), {side: said})
            create(context, key, after)
        else:
            if given.version is None:
                raise Refused("EXISTS", key="grant/" + key, have=known.version)
            check_version(known, given.version)
            if side in known.sides:
                raise Refused("EXISTS", key="grant/" + key, by=context.sender.member)
            sides = {**known.sides, side: said}
            told = [(one.n, one.receipt_digest) for one in sides.values()]
            after = save(context, key, known, sides=sides, mismatch=told[0] != told[1])
        context.event("used", id=given.id, n=given.n, side=side)
        if after.mismatch:
            context.event("use_mismatch", id=given.id, start=window.start, end=window.end)
        return {"id": given.id, "mismatch": after.mismatch, "version": after.version}

    @method(GiveConsent)
    def consent(self, context: Context, given: GiveConsent) -> Value:
        """Record a subject's signed word that a member may use data for a purpose."""
        if context.exists(consent_key(given.id)):
            raise Refused("EXISTS", id=given.id)
        if not context.registry.is_member(given.controller):
            raise Refused("MISSING", member=given.controller)
        latest = context.time + CONSENT_MS_MAX
        if not context.time < given.until <= latest:
            raise Refused("TIME", field="$.until", have=given.until, need=[context.time, latest])
        digest = consent_digest(
            context.scope.chain_id,
            given.id,
            given.subject,
            given.controller,
            given.purpose,
            given.scope_digest,
            given.until,
        )
        check_signed(context, given.subject, given.key, digest, given.signature)
        key = live_key(given.subject, given.purpose, given.controller)
        known = context.get(key, Live)
        if known is not None:
            raise Refused("EXISTS", key="grant/" + key, id=known.consent)
        record = ConsentRecord(
            id=given.id,
            version=1,
            controller=given.controller,
            history=first(context),
            purpose=given.purpose,
            scope_digest=given.scope_digest,
            since=context.time,
            state=LIVE,
            subject=given.subject,
            until=given.until,
        )
        create(context, consent_key(given.id), record)
        context.put(key, Live(given.id, given.scope_digest, context.time, given.until))
        _schedule(context, "consent", given.id, given.until, "expire")
        context.event("consented", id=given.id, controller=given.controller, purpose=given.purpose)
        return _answer(record)

    @method(WithdrawConsent)
    def withdraw(self, context: Context, given: WithdrawConsent) -> Value:
        """Take a consent back: by the subject's signature, whoever brings it."""
        record = context.need(consent_key(given.id), ConsentRecord)
        check_version(record, given.version)
        if record.state != LIVE:
            have, since = record.state, record.ended_at
            raise Refused("STATE", id=given.id, have=have, need=[LIVE], since=since)
        digest = withdrawal_digest(context.scope.chain_id, given.id)
        check_signed(context, record.subject, given.key, digest, given.signature)
        _cancel(context, "consent", given.id, record.until)
        context.event("withdrawn", id=given.id, controller=record.controller)
        return _answer(_end_consent(context, record, WITHDRAWN))

    @method(Correction)
    def correction(self, context: Context, given: Correction) -> Value:
        """Claim that a field of a dataset is wrong: it is marked at once."""
        dataset = context.need(dataset_key(given.dataset), Dataset)
        if context.exists(correction_key(given.id)):
            raise Refused("EXISTS", id=given.id)
        latest = context.time + CORRECTION_MS_MAX
        if not context.time < given.due <= latest:
            raise Refused("TIME", field="$.due", have=given.due, need=[context.time, latest])
        mark = mark_key(given.dataset, given.field_digest)
        known = context.get_value(mark)
        if known is not None:
            raise Refused("EXISTS", key="grant/" + mark, id=known)
        record = CorrectionRecord(
            id=given.id,
            version=1,
            controller=context.sender.member,
            history=first(context),
            claim_digest=given.claim_digest,
            dataset=given.dataset,
            due=given.due,
            field_digest=given.field_digest,
            state=OPEN,
        )
        create(context, correction_key(given.id), record)
        context.put_value(mark, given.id)
        _schedule(context, "correction", given.id, given.due, "overdue")
        context.event("disputed", id=given.id, dataset=given.dataset, owner=dataset.controller)
        return _answer(record)

    @method(AnswerCorrection)
    def answer_correction(self, context: Context, given: AnswerCorrection) -> Value:
        """Correct or uphold a disputed field, as its owner; as its authority once overdue."""
        record = context.need(correction_key(given.id), CorrectionRecord)
        check_version(record, given.version)
        if record.state not in (OPEN, OVERDUE):
            height = record.history[-1][0]
            need = [OPEN, OVERDUE]
            raise Refused("STATE", id=given.id, have=record.state, need=[*need], height=height)
        dataset = context.need(dataset_key(record.dataset), Dataset)
        allowed = [dataset.controller]
        if record.state == OVERDUE and dataset.authority:
            allowed.append(dataset.authority)
        if context.sender.member not in allowed:
            raise Refused("AUTH", id=given.id, need=[*allowed], by=context.sender.member)
        _cancel(context, "correction", given.id, record.due)
        context.delete(mark_key(record.dataset, record.field_digest))
        after = save(
            context,
            correction_key(given.id),
            record,
            answer_digest=given.answer_digest,
            late=context.time >= record.due,
            state=given.outcome,
        )
        context.event("answered", id=given.id, outcome=given.outcome, late=after.late)
        return _answer(after)

    @method(Erased)
    def erased(self, context: Context, given: Erased) -> Value:
        """Declare, as a holder that signs, that data under an agreement or consent are gone."""
        if given.holder not in [signer.member for signer in context.signers]:
            raise Refused("AUTH", id=given.id, need=given.holder, by=context.sender.member)
        known = (agreement_key(given.id), consent_key(given.id))
        if not any(context.exists(key) for key in known):
            raise Refused("LINK", id=given.id, need=["agreement", "consent"])
        key = f"erasure/{given.id}/{given.holder}/{given.scope_digest.hex()}"
        if context.exists(key):
            raise Refused("EXISTS", key="grant/" + key)
        record = Erasure(
            id=key,
            version=1,
            controller=given.holder,
            history=first(context),
            method=given.method,
            scope_digest=given.scope_digest,
            about=given.id,
            time=context.time,
        )
        create(context, key, record)
        context.event("erased", id=given.id, holder=given.holder, method=given.method)
        return {"id": given.id, "version": 1}

    @method(OfTimer, via=TIMER)
    def escalate(self, context: Context, given: OfTimer) -> Value:
        """Note that the provider was silent: from now on its authority may answer too."""
        record = context.need(agreement_key(given.id), Agreement)
        context.event("escalated", id=given.id, by=record.provider, to=record.authority)
        save(context, agreement_key(given.id), record, escalated=context.time)
        return None

    @method(OfTimer, via=TIMER)
    def expire(self, context: Context, given: OfTimer) -> Value:
        """End a consent at its time."""
        record = context.need(consent_key(given.id), ConsentRecord)
        context.event("expired", id=given.id, controller=record.controller)
        _end_consent(context, record, EXPIRED)
        return None

    @method(OfTimer, via=TIMER)
    def overdue(self, context: Context, given: OfTimer) -> Value:
        """Note that a correction was not answered in time; the mark stays."""
        record = context.need(correction_key(given.id), CorrectionRecord)
        dataset = context.need(dataset_key(record.dataset), Dataset)
        context.event("overdue", id=given.id, by=dataset.controller, to=dataset.authority)
        save(context, correction_key(given.id), record, state=OVERDUE)
        return None


def _ask_again(context: Context, given: Request, version: int, dataset: Dataset) -> Value:
    """A counter-request: other terms, perhaps for another purpose or time."""
    record = current(context, given.id, version)
    state = next_state(context, record, "request")
    if given.dataset != record.dataset:
        raise Refused("LINK", field="$.dataset", have=given.dataset, need=record.dataset)
    check_request(context, given, dataset, record.consumer)
    context.event("requested", id=given.id, dataset=given.dataset, consumer=record.consumer)
    after = _move(
        context,
        record,
        consent=given.consent or "",
        legal_basis=given.legal_basis,
        purpose=given.purpose,
        state=state,
        terms=given.offer,
        until=given.until,
    )
    return _answer(after)


def _refuse(context: Context, record: Agreement, reason: str) -> Value:
    """End a negotiation as the provider; data of the class `open` are not refused."""
    side = side_of(context, record)
    check_termination(context, record, side)
    if side != "provider":
        raise Refused("AUTH", id=record.id, need=record.provider, by=context.sender.member)
    if record.sharing == OPEN:
        raise Refused("RULE", field="class", id=record.dataset, have=OPEN, by=record.provider)
    if not reason:
        raise Refused("RULE", field="$.reason", need="reason", by=context.sender.member)
    context.event("decided", id=record.id, decision=REFUSE)
    return _answer(_move(context, record, reason=reason, state=TERMINATED))


def _step(context: Context, given: OfAgreement, step: str, **changes: object) -> Value:
    record = current(context, given.id, given.version)
    state = next_state(context, record, step)
    check_consent(context, record.consent, context.time)
    context.event(state.lower(), id=given.id, by=context.sender.member)
    return _answer(_move(context, record, state=state, **changes))


def _move(context: Context, record: Agreement, **changes: object) -> Agreement:
    """Save the next version; a step of the negotiation stops and starts the answer's clock."""
    state = changes.get("state", record.state)
    if state != record.state:
        if record.answer_by:
            _cancel(context, "answer", record.id, record.answer_by)
        awaited = state in PROVIDERS_TURN
        changes["answer_by"] = context.time + record.answer_ms if awaited else 0
        changes["escalated"] = 0
    after = save(context, agreement_key(record.id), record, **changes)
    if state != record.state:
        _start_answer(context, after)
    return after


def _start_answer(context: Context, record: Agreement) -> None:
    if record.answer_by:
        _schedule(context, "answer", record.id, record.answer_by, "escalate")


def _end_consent(context: Context, record: ConsentRecord, state: str) -> ConsentRecord:
    """Make a consent dead, and its key in the state absent."""
    context.delete(live_key(record.subject, record.purpose, record.controller))
    ended = min(context.time, record.until)
    return save(context, consent_key(record.id), record, ended_at=ended, state=state)


def _schedule(context: Context, kind: str, record_id: str, time: int, name: str) -> None:
    schedule(context, time, f"grant/{kind}/{record_id}", name, encode_value({"id": record_id}))


def _cancel(context: Context, kind: str, record_id: str, time: int) -> None:
    cancel(context, time, f"grant/{kind}/{record_id}")


def _answer(record: Agreement | ConsentRecord | CorrectionRecord) -> Value:
    return {"id": record.id, "state": record.state, "version": record.version}
