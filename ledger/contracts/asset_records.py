"""What `asset` keeps in the state, and under which keys (docs/spec/asset.md, section 2).

The promise: a record has exactly one controller from its first height to its last; what lies
on it stands under one key of its own, so that "nothing lies on it" is that key's absence.
"""

import re

import msgspec

from hansa.encoding import Value, encode_value
from hansa.hashing import tagged_hash
from ledger.contract import Stored
from ledger.records import Record

PARTS_MAX = 64
"""Parts of a split, and records of a merge: each is two written keys and more."""
REFS_MAX = 32
"""Other records that a record points to."""
TIMERS_MAX = 8
"""Open timers of a record: as many as a profile may have."""
CLAIMS_MAX = 8
"""Encumbrances on a record by agreement: every split copies them to each part."""
ENCUMBRANCES_MAX = 16
"""Encumbrances with the freezes: creditors cannot fill the place that a court needs."""
HOLD_MS_MAX = 7 * 24 * 3600 * 1000
"""A hold reserves a record for a decision; a bank's takes days, and nobody else may decide
meanwhile."""
OFFER_MS_MAX = 90 * 24 * 3600 * 1000
"""An open offer binds the one who made it: a quarter is long for any trade."""
VALUE_PLAIN_MAX = 128
"""A unique value longer than this, or with other characters, is hashed into its key."""

LIVE, PAPER, SPLIT, MERGED, RETIRED = "live", "paper", "split", "merged", "retired"
"""Status of a record, beside the state that its profile gives it. ``paper``: the same right
stands on paper meanwhile (MLETR 18); the record is not over, but nothing moves it."""
STANDING = (LIVE, PAPER)
"""Status of records whose quantity still stands."""

CONTROLLER, HOLDER, BOTH = "controller", "holder", "both"
"""What an offer passes on: the title, the possession, or both (title escrow's two roles)."""
FINAL, ONWARD, BLANK = "final", "onward", "blank"
"""What the controller may do with the title: not pass it on but to the issuer (a straight
bill, or ``ENDORSE``), pass it on (``ENDORSE_TO_ORDER``), or let it follow the possession
(``BLANK_ENDORSE``): DCSA PINT 3."""

PLEDGE, LIEN, FREEZE, HOLD = "pledge", "lien", "freeze", "hold"
"""Kinds of encumbrance with a rule of their own; a profile may name others."""
STOPPING = (FREEZE, HOLD)
"""Kinds that also forbid a further encumbrance; a second pledge is a matter of rank."""

_PLAIN = re.compile(rf"[A-Za-z0-9._:-]{{1,{VALUE_PLAIN_MAX}}}")

BodyValue = bool | int | str | list[int | str]
"""What a profile's field may hold."""


class Offer(Stored, frozen=True):
    """An offer that waits for its answer.

    Attributes:
        number: the record's version that made it; answers name it.
        by: the member that offers.
        to: the member that may accept.
        role: what passes: ``holder``, ``controller`` or ``both``.
        right: what the new controller may do with the title.
        expires: block time in ms from which it cannot be accepted.
        consents: encumbrances whose members signed when it was made: not again when it is
            accepted, but a later one stops it.
        terms: the digest of what was agreed beside the chain.
    """

    by: str
    expires: int
    number: int
    role: str
    to: str
    right: str = ONWARD
    consents: tuple[str, ...] = ()
    terms: bytes = b""


class AssetRecord(Record, frozen=True):
    """``asset/record/<id>``: an identified right or thing; the controller has the title.

    Attributes:
        body: the fields of its profile.
        holder: the member in possession.
        issuer: the member that issued the root.
        profile: ``<name>@<version>``; a running record keeps its version.
        quantity: whole units of `unit`; what it had at its end, when it is over.
        root: the record that all its ancestors go back to; itself, if none.
        state: of the profile's machine.
        status: ``live``, ``paper``, ``split``, ``merged`` or ``retired``.
        ended: ms of the end, 0 while it stands.
        reason: why it came to an end.
        parents, children: the records it was made from, and into.
        timers: open timers of the profile, name to time in ms.
        paper: the number of the paper in whose place it stands, or which stands in its place.
        supersedes, successor: the record before and after an amendment.
        refs: records that it is about.
        seal: the salted commitment to what is not in clear.
    """

    holder: str
    issuer: str
    profile: str
    quantity: int
    root: str
    state: str
    unit: str
    body: dict[str, BodyValue] = msgspec.field(default_factory=dict)
    children: tuple[str, ...] = ()
    ended: int = 0
    offer: Offer | None = None
    paper: str = ""
    parents: tuple[str, ...] = ()
    reason: str = ""
    refs: tuple[str, ...] = ()
    right: str = ONWARD
    seal: bytes = b""
    status: str = LIVE
    successor: str = ""
    supersedes: str = ""
    timers: dict[str, int] = msgspec.field(default_factory=dict)

    @property
    def family(self) -> str:
        """The profile's name without its version: the scope of unique values and sums."""
        return self.profile.partition("@")[0]


class Claim(Stored, frozen=True):
    """An encumbrance in force.

    Attributes:
        id: its name on this record.
        kind: ``pledge``, ``lien``, ``freeze``, ``hold`` or another of the profile.
        to: the member that it secures, or that ordered it.
        since: block time in ms; height: of the block. Rank is the order in the list.
        by: the member that put it there.
        amount, unit: what it secures; 0: everything.
        until: when the debt is due; a hold ends by itself then. 0: no date.
        terms: the digest of the contract.
        order: the reference of a court's order.
    """

    by: str
    height: int
    id: str
    kind: str
    since: int
    to: str
    amount: int = 0
    order: str = ""
    terms: bytes = b""
    unit: str = ""
    until: int = 0


class Held(Stored, frozen=True):
    """``asset/held/<id>``: everything that lies on a record; there is no key if nothing does."""

    claims: tuple[Claim, ...]


class Account(Stored, frozen=True):
    """``asset/root/<id>``: the books of a root that was split.

    `issued` is what the root was issued for and `ended` what came to an end since; the
    difference is the quantity of its standing descendants, always.
    """

    issued: int
    unit: str
    ended: int = 0


def record_key(asset_id: str) -> str:
    """The key of a record."""
    return "record/" + asset_id


def held_key(asset_id: str) -> str:
    """The key of what lies on a record."""
    return "held/" + asset_id


def root_key(root: str) -> str:
    """The key of a root's books."""
    return "root/" + root


def own_key(member: str, family: str, asset_id: str) -> str:
    """The key that says that a member controls a standing record."""
    return f"of/{member}/{family}/{asset_id}"


def unique_key(family: str, name: str, value: str) -> str:
    """The key of a unique value; its value is the root that took it last."""
    return f"unique/{family}/{name}/{plain(value)}"


def sum_key(family: str, name: str, value: str) -> str:
    """The key of a sum over the standing records with one value of a field."""
    return f"sum/{family}/{name}/{plain(value)}"


def paper_key(family: str, issuer: str, number: str) -> str:
    """The key of an issuer's paper; its value is the record that it was exchanged with."""
    return f"paper/{family}/{issuer}/{plain(number)}"


def plain(value: str) -> str:
    """A value as it stands in a key: itself, or ``~`` and the hash of its text."""
    if _PLAIN.fullmatch(value) is not None:
        return value
    return "~" + tagged_hash("asset-value", value.encode()).hex()


def content_digest(record: AssetRecord) -> bytes:
    """What both media must say alike (MLETR 17 and 18; asset.md, 7.2)."""
    fields: dict[str, Value] = {
        "body": {name: _value(value) for name, value in record.body.items()},
        "profile": record.profile,
        "quantity": record.quantity,
        "seal": record.seal,
        "unit": record.unit,
    }
    return tagged_hash("asset-content", encode_value(fields))


def _value(value: BodyValue) -> Value:
    return [*value] if isinstance(value, list) else value
