"""Questions about grants: what stands, and whether a consent is live (docs/spec/grant.md).

The promise: "no consent is live" is the absence of one key, which is named with the answer.
"""

from hansa.encoding import MemberName, Uint, Value
from ledger.contract import Arguments, Refused, load
from ledger.contracts.grant_records import (
    Agreement,
    ConsentRecord,
    CorrectionRecord,
    Dataset,
    Delivery,
    GrantId,
    Live,
    Purpose,
    UseRecord,
)
from ledger.contracts.grant_rules import live_key
from ledger.query import PAGE_DEFAULT, After, HexDigest, Limit, Query, Reader, fields_of

_KINDS = (
    ("agreement", Agreement),
    ("consent", ConsentRecord),
    ("correction", CorrectionRecord),
    ("dataset", Dataset),
)


class OfGrant(Arguments, frozen=True):
    """Arguments of `get`; `after` and `limit` page an agreement's deliveries."""

    id: GrantId
    after: After = ""
    limit: Limit = PAGE_DEFAULT


class OfConsent(Arguments, frozen=True):
    """Arguments of `live`; without `time` at the head."""

    subject: HexDigest
    purpose: Purpose
    controller: MemberName
    time: Uint | None = None


class OfSubject(Arguments, frozen=True):
    """Arguments of `consents_of`."""

    subject: HexDigest
    after: After = ""
    limit: Limit = PAGE_DEFAULT


def get(reader: Reader, given: OfGrant) -> Value:
    """What has this id: an agreement with deliveries and uses, a dataset, a consent, a claim."""
    found: dict[str, Value] = {}
    for kind, shape in _KINDS:
        record = reader.find(f"grant/{kind}/{given.id}", shape)
        if record is not None:
            found[kind] = fields_of(record)
    if not found:
        raise Refused("MISSING", id=given.id)
    if "agreement" not in found:
        return found
    page, following = reader.page(f"grant/delivery/{given.id}/", given.after, given.limit)
    found["deliveries"] = [
        {"seq": int(name, 16), **fields_of(load(stored, Delivery))} for name, stored in page
    ]
    found["next"] = following
    uses, _ = reader.page(f"grant/use/{given.id}/", "", given.limit)
    found["uses"] = [
        {"window": name, **fields_of(load(stored, UseRecord))} for name, stored in uses
    ]
    return found


def live(reader: Reader, given: OfConsent) -> Value:
    """Whether a subject's consent is live; the absence of `key` proves that none is."""
    key = "grant/" + live_key(bytes.fromhex(given.subject), given.purpose, given.controller)
    found = reader.find(key, Live)
    time = reader.time if given.time is None else given.time
    holds = found is not None and found.since <= time < found.until
    answer: dict[str, Value] = {"key": key, "live": holds, "time": time}
    return answer if found is None else {**answer, **fields_of(found)}


def consents_of(reader: Reader, given: OfSubject) -> Value:
    """The live consents of a subject, by purpose and controller."""
    page, following = reader.page(f"grant/live/{given.subject}/", given.after, given.limit)
    items: list[Value] = []
    for name, stored in page:
        purpose, _, controller = name.partition("/")
        items.append(
            {"controller": controller, "purpose": purpose, **fields_of(load(stored, Live))}
        )
    return {"items": items, "next": following}


QUERIES: dict[str, Query] = {
    "consents_of": (OfSubject, consents_of),
    "get": (OfGrant, get),
    "live": (OfConsent, live),
}
