"""What the rules of a profile may ask about the chain, for a record of `asset`.

The promise: a document or an event counts only when it was named with the action, stands on
the chain in good order, and is about this record (docs/spec/asset.md, section 4).
"""

from dataclasses import dataclass

from hansa.consent import subject_of
from hansa.encoding import Value
from hansa.epcis import parse_event_id
from hansa.errors import Rejected
from hansa.gs1 import long
from hansa.vc.did_key import METHOD, parse_did_key
from ledger.contract import Context, Refused
from ledger.contracts.asset_records import (
    STANDING,
    Account,
    AssetRecord,
    BodyValue,
    Claim,
    record_key,
    root_key,
    sum_key,
    unique_key,
)
from ledger.contracts.cred import issuer_ok
from ledger.contracts.doc import COMPLETE, DocRecord
from ledger.contracts.grant_rules import is_live
from ledger.contracts.trace_records import EventRecord, event_key
from ledger.machine import Encumbrance, Profile, unique_values

GLN_DIGITS = 13
_STATE, _QUANTITY = "$state", "$quantity"


@dataclass(frozen=True, slots=True)
class AssetFacts:
    """Answers for one record and one action.

    Attributes:
        context: of `asset`.
        profile: the record's.
        record: as it stands before the action; for a birth as it would be.
        fresh: whether this is a birth: it counts nowhere yet.
        claims: what lies on it.
        evidence: ids of documents and events that the action names.
    """

    context: Context
    profile: Profile
    record: AssetRecord
    fresh: bool
    claims: tuple[Claim, ...]
    evidence: tuple[str, ...]

    def has_doc(self, kind: str) -> bool:
        """Whether a named document of this kind is complete and about the record."""
        names = _names(self.record)
        docs = self.context.within("doc")
        for name in self.evidence:
            doc = docs.get("record/" + name, DocRecord)
            if doc is None or doc.kind != kind or doc.state != COMPLETE:
                continue
            if doc.id in names or doc.digest.hex() in names or any(a in names for a in doc.about):
                return True
        return False

    def has_event(self, kind: str) -> bool:
        """Whether a named event has this step, was not declared wrong, and is about the record."""
        names = _names(self.record)
        events = self.context.within("trace")
        for name in self.evidence:
            digest = _digest(name)
            event = None if digest is None else events.get(event_key(digest), EventRecord)
            if event is None or event.wrong or event.step != kind:
                continue
            things = [link.thing for link in event.links]
            if event.id in names or any(one in names or long(one) in names for one in things):
                return True
            # At the record's own place: a warehouse that the body names by its GLN.
            if any(len(part) == GLN_DIGITS and part in names for part in event.place.split("/")):
                return True
        return False

    def has_cred(self, kind: str, member: str) -> bool:
        """Whether a member is accredited for this type now."""
        return issuer_ok(self.context, member, kind)

    def has_consent(self, purpose: str, subject: str, member: str) -> bool:
        """Whether `subject` (hex as in `grant`, or a did:key) lets `member` act for this now."""
        key = _subject(subject)
        return bool(key) and is_live(self.context, key, purpose, member, self.context.time)

    def is_unique(self, name: str, value: str) -> bool:
        """Whether no other root holds this value."""
        reusable = self.profile.unique[name].reusable
        owner = owner_of(self.context, self.profile.family, name, value, reusable=reusable)
        return owner in ("", self.record.root, self.record.supersedes)

    def encumbrances(self) -> tuple[Encumbrance, ...]:
        """What lies on the record, in order of rank."""
        return tuple(Encumbrance(one.kind, one.to, one.since) for one in self.claims)

    def total(self, name: str) -> int:
        """A sum over the standing records beside this one."""
        part = contribution(self.profile, self.record, name)
        if part is None:
            return 0
        by, own = part
        stored = self.context.get_value(sum_key(self.profile.family, name, by))
        assert stored is None or isinstance(stored, int)
        return (stored or 0) - (0 if self.fresh else own)

    def linked(self, field: str, of: str) -> Value:
        """A field of the record (or the state of the document) that a body's field names."""
        name = self.record.body.get(field)
        if not isinstance(name, str):
            return None
        other = self.context.get(record_key(name), AssetRecord)
        if other is None:
            doc = self.context.within("doc").get("record/" + name, DocRecord)
            return doc.state if doc is not None and of == _STATE else None
        if of == _STATE:
            return other.state
        if of == _QUANTITY:
            return other.quantity
        found = other.body.get(of)
        return [*found] if isinstance(found, list) else found


def contribution(profile: Profile, record: AssetRecord, name: str) -> tuple[str, int] | None:
    """Which sum a standing record belongs to, and what it adds; None: to none."""
    rule = profile.sums[name]
    by = record.body.get(rule.by)
    if by is None or record.status not in STANDING:
        return None
    amount = record.quantity if rule.of == _QUANTITY else record.body.get(rule.of, 0)
    return str(by), amount if isinstance(amount, int) else 0


def count(
    context: Context, profile: Profile, before: AssetRecord | None, after: AssetRecord
) -> None:
    """Bring the sums of the profile up to date: one written key for each that changes.

    Raises:
        Refused: ``LIMIT`` for a sum over 64 bits.
    """
    for name in profile.sums:
        old = None if before is None else contribution(profile, before, name)
        new = contribution(profile, after, name)
        if old == new:
            continue
        if old is not None:
            _add(context, sum_key(profile.family, name, old[0]), -old[1])
        if new is not None:
            _add(context, sum_key(profile.family, name, new[0]), new[1])


def _add(context: Context, key: str, amount: int) -> None:
    stored = context.get_value(key)
    assert stored is None or isinstance(stored, int)
    total = (stored or 0) + amount
    if not -(2**63) <= total < 2**63:
        raise Refused("LIMIT", field=key, need="64 bits")
    context.put_value(key, total)


def claim_values(
    context: Context, profile: Profile, before: AssetRecord | None, after: AssetRecord
) -> None:
    """Take the unique values that a body has and did not have before, for the record's root.

    Raises:
        Refused: ``DUPLICATE`` with the root that has the value.
    """
    known = () if before is None else unique_values(profile, _plain(before.body))
    for one in unique_values(profile, _plain(after.body)):
        if one in known:
            continue
        owner = owner_of(context, profile.family, one.name, one.value, reusable=one.reusable)
        if owner not in ("", after.root, after.supersedes):
            height = context.need(record_key(owner), AssetRecord).history[0][0]
            raise Refused(
                "DUPLICATE", field=f"/body/{profile.unique[one.name].field}", have=one.value[:128],
                by=owner, unique=one.name, height=height,
            )  # fmt: skip
        context.put_value(unique_key(profile.family, one.name, one.value), after.root)


def owner_of(context: Context, family: str, name: str, value: str, *, reusable: bool) -> str:
    """The root that holds a unique value now; "" when it is free."""
    owner = context.get_value(unique_key(family, name, value))
    if not isinstance(owner, str) or (reusable and is_over(context, owner)):
        return ""
    return owner


def is_over(context: Context, root: str) -> bool:
    """Whether nothing of a root stands any more, live or on paper."""
    account = context.get(root_key(root), Account)
    if account is not None:
        return account.ended == account.issued
    return context.need(record_key(root), AssetRecord).status not in STANDING


def _plain(body: dict[str, BodyValue]) -> dict[str, Value]:
    return {name: [*one] if isinstance(one, list) else one for name, one in body.items()}


def _names(record: AssetRecord) -> set[str]:
    """What a document or event may name to be about a record; only asked, never walked."""
    names = {record.id}
    for value in record.body.values():
        parts = value if isinstance(value, list) else [value]
        names.update(part for part in parts if isinstance(part, str))
    return names


def _subject(text: str) -> bytes:
    """A subject of `grant`; nothing where a text names none."""
    try:
        return subject_of(parse_did_key(text)) if text.startswith(METHOD) else bytes.fromhex(text)
    except (Rejected, ValueError):
        return b""


def _digest(name: str) -> bytes | None:
    try:
        return parse_event_id(name)
    except Rejected:
        return None
