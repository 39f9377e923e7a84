"""Questions about assets: whose, from what, and what lies on them (docs/spec/asset.md).

The promise: what is said to be absent stands under a key that is named with the answer, so that
whoever doubts it asks for the proof of that key.
"""

from collections import deque
from typing import Annotated

import msgspec

from hansa.encoding import MemberName, Value, decode_value
from ledger.contract import Arguments
from ledger.contracts.asset_arguments import AssetId
from ledger.contracts.asset_records import (
    STANDING,
    Account,
    AssetRecord,
    Held,
    held_key,
    own_key,
    record_key,
    root_key,
    sum_key,
    unique_key,
)
from ledger.contracts.record_queries import Place, changes_of
from ledger.query import PAGE_DEFAULT, PAGE_MAX, After, Limit, Query, Reader, fields_of

Family = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}(?![\s\S])")]
"""A profile's name without its version."""
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
UniqueText = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]


class OfAsset(Arguments, frozen=True):
    """Arguments of `get` and `free_of_encumbrance`."""

    id: AssetId


class Tree(Arguments, frozen=True):
    """Arguments of `tree`: any record of it."""

    id: AssetId
    limit: Limit = PAGE_MAX


class HistoryOf(Arguments, frozen=True):
    """Arguments of `history`."""

    id: AssetId
    after: Place = ""
    limit: Limit = PAGE_DEFAULT


class Mine(Arguments, frozen=True):
    """Arguments of `mine`; without `family` of every profile."""

    member: MemberName
    family: Family | None = None
    after: After = ""
    limit: Limit = PAGE_DEFAULT


class ByUnique(Arguments, frozen=True):
    """Arguments of `by_unique`: the profile's name, the unique key's name, the value."""

    family: Family
    name: Name
    value: UniqueText


class SumOf(Arguments, frozen=True):
    """Arguments of `sum`: the profile's name, the sum's name, the value of its field."""

    family: Family
    name: Name
    value: UniqueText


def get(reader: Reader, given: OfAsset) -> Value:
    """A record with everything that lies on it."""
    record = _need(reader, given.id)
    return {**fields_of(record), "claims": _claims(reader, given.id)}


def history(reader: Reader, given: HistoryOf) -> Value:
    """Every change of a record, oldest first."""
    return changes_of(reader, "asset/" + record_key(given.id), given.after, given.limit)


def tree(reader: Reader, given: Tree) -> Value:
    """The root of a record and all that was split or merged out of it, from the root on."""
    root = _need(reader, given.id).root
    account = reader.find("asset/" + root_key(root), Account)
    items: list[Value] = []
    waiting, seen = deque([root]), {root}
    while waiting and len(items) < given.limit:
        record = _need(reader, waiting.popleft())
        items.append(_short(record))
        for child in record.children:
            if child not in seen:
                seen.add(child)
                waiting.append(child)
    whole = _need(reader, root)
    return {
        "complete": not waiting,
        "ended": account.ended if account is not None else 0,
        "issued": account.issued if account is not None else whole.quantity,
        "items": items,
        "root": root,
        "unit": whole.unit,
    }


def mine(reader: Reader, given: Mine) -> Value:
    """The standing records that a member controls, by profile and id."""
    prefix = "asset/" + own_key(given.member, "", "").rstrip("/") + "/"
    if given.family is not None:
        prefix += given.family + "/"
    page, following = reader.page(prefix, given.after, given.limit)
    ids = [name.rpartition("/")[2] for name, _ in page]
    items: list[Value] = [_short(_need(reader, one)) for one in ids]
    return {"items": items, "next": following}


def by_unique(reader: Reader, given: ByUnique) -> Value:
    """The root that holds a unique value, "" if none ever did, and whether it is over."""
    key = "asset/" + unique_key(given.family, given.name, given.value)
    stored = reader.get(key.encode())
    owner = "" if stored is None else decode_value(stored)
    assert isinstance(owner, str)
    return {"id": owner, "key": key, "over": _is_over(reader, owner) if owner else False}


def free_of_encumbrance(reader: Reader, given: OfAsset) -> Value:
    """Whether nothing lies on a record; the absence of `key` proves it."""
    record = _need(reader, given.id)
    claims = _claims(reader, given.id)
    key = "asset/" + held_key(given.id)
    return {"claims": claims, "free": not claims, "id": record.id, "key": key}


def total(reader: Reader, given: SumOf) -> Value:
    """A sum of the profile over the standing records with one value of its field."""
    key = "asset/" + sum_key(given.family, given.name, given.value)
    stored = reader.get(key.encode())
    return {"key": key, "sum": 0 if stored is None else decode_value(stored)}


def _need(reader: Reader, asset_id: str) -> AssetRecord:
    return reader.need("asset/" + record_key(asset_id), AssetRecord)


def _claims(reader: Reader, asset_id: str) -> list[Value]:
    held = reader.find("asset/" + held_key(asset_id), Held)
    return [] if held is None else [fields_of(claim) for claim in held.claims]


def _is_over(reader: Reader, root: str) -> bool:
    account = reader.find("asset/" + root_key(root), Account)
    if account is not None:
        return account.ended == account.issued
    return _need(reader, root).status not in STANDING


def _short(record: AssetRecord) -> dict[str, Value]:
    return {
        "children": [*record.children],
        "controller": record.controller,
        "holder": record.holder,
        "id": record.id,
        "parents": [*record.parents],
        "profile": record.profile,
        "quantity": record.quantity,
        "state": record.state,
        "status": record.status,
        "unit": record.unit,
        "version": record.version,
    }


QUERIES: dict[str, Query] = {
    "by_unique": (ByUnique, by_unique),
    "free_of_encumbrance": (OfAsset, free_of_encumbrance),
    "get": (OfAsset, get),
    "history": (HistoryOf, history),
    "mine": (Mine, mine),
    "sum": (SumOf, total),
    "tree": (Tree, tree),
}
