"""Questions about profiles: what is in force, what it says, what it would do.

The promise: a simulation decides by the very engine that `asset` runs, and by nothing else.
docs/spec/profile.md, section 6.
"""

from typing import Annotated, Any, cast

import msgspec

from hansa.encoding import Value, decode_value
from ledger.contract import Arguments
from ledger.contracts.asset_records import AssetRecord, Held, held_key, record_key
from ledger.contracts.profile import PREFIX, ProfileId, ProfileRecord, summary
from ledger.machine import load_profile, sentences
from ledger.machine import simulate as simulate_record
from ledger.query import PAGE_DEFAULT, After, Limit, Query, Reader

StateWord = Annotated[str, msgspec.Meta(pattern=r"^(proposed|published|retired|)(?![\s\S])")]
Language = Annotated[str, msgspec.Meta(pattern=r"^(en|zh)(?![\s\S])")]
Action = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
AssetName = Annotated[str, msgspec.Meta(max_length=128)]


class OfProfile(Arguments, frozen=True):
    """Arguments of `get`."""

    id: ProfileId


class ListOf(Arguments, frozen=True):
    """Arguments of `list`; without `state` of any."""

    state: StateWord = ""
    after: After = ""
    limit: Limit = PAGE_DEFAULT


class Sentences(Arguments, frozen=True):
    """Arguments of `sentences`."""

    id: ProfileId
    language: Language = "en"


class Simulate(Arguments, frozen=True):
    """Arguments of `simulate`.

    `record` is the map of `ledger.machine.simulate`; with `asset` what it leaves out is taken
    from that record of the chain, and the time from the head.
    """

    id: ProfileId
    action: Action
    record: dict[str, Any] = msgspec.field(default_factory=dict)
    args: dict[str, Any] = msgspec.field(default_factory=dict)
    asset: AssetName = ""


def get(reader: Reader, given: OfProfile) -> Value:
    """A profile with its state and its whole text."""
    record = _need(reader, given.id)
    return {**summary(record), "profile": decode_value(record.text)}


def list_(reader: Reader, given: ListOf) -> Value:
    """Every profile without its text, by id."""
    items: list[Value] = []
    after, following = given.after, "more"
    while following and len(items) < given.limit:
        page, following = reader.page(f"profile/{PREFIX}", after, given.limit - len(items))
        after = following
        for _, stored in page:
            record = msgspec.msgpack.decode(stored, type=ProfileRecord)
            if given.state in ("", record.state):
                items.append(summary(record))
    return {"items": items, "next": following}


def say(reader: Reader, given: Sentences) -> Value:
    """Every rule of a profile as a sentence, in ``en`` or ``zh``."""
    profile = load_profile(_need(reader, given.id).text)
    return {"id": given.id, "sentences": [*sentences(profile, given.language)]}


def simulate(reader: Reader, given: Simulate) -> Value:
    """What an action would do to a record that is given, or that stands on the chain."""
    profile = load_profile(_need(reader, given.id).text)
    record: dict[str, Value] = {"time": reader.time}
    if given.asset:
        record |= _standing(reader, given.asset)
    record |= cast("dict[str, Value]", given.record)
    return simulate_record(profile, record, given.action, cast("dict[str, Value]", given.args))


def _need(reader: Reader, profile_id: str) -> ProfileRecord:
    return reader.need(f"profile/{PREFIX}{profile_id}", ProfileRecord)


def _standing(reader: Reader, asset_id: str) -> dict[str, Value]:
    """A record of the chain as the map of a simulation, with what lies on it."""
    record = reader.need("asset/" + record_key(asset_id), AssetRecord)
    held = reader.find("asset/" + held_key(asset_id), Held)
    claims: list[Value] = [
        {"kind": one.kind, "since": one.since, "to": one.to}
        for one in (held.claims if held is not None else ())
    ]
    return {
        "body": cast("Value", dict(record.body)),
        "controller": record.controller,
        "facts": {"encumbrances": claims},
        "holder": record.holder,
        "quantity": record.quantity,
        "state": record.state,
    }


QUERIES: dict[str, Query] = {
    "get": (OfProfile, get),
    "list": (ListOf, list_),
    "sentences": (Sentences, say),
    "simulate": (Simulate, simulate),
}
