"""Arguments of the methods of `asset` (docs/spec/asset.md, section 3)."""

from typing import Annotated

import msgspec

from hansa.encoding import Hash, MemberName, Uint
from ledger.contract import Arguments
from ledger.contracts.asset_records import (
    BOTH,
    ONWARD,
    PARTS_MAX,
    REFS_MAX,
    BodyValue,
)
from ledger.contracts.profile import ProfileId
from ledger.records import Version

EVIDENCE_MAX = 16
"""Documents and events that an action names: as many as a transition may need."""
FIELDS_MAX = 64
"""Fields of a body, as many as a profile may have."""

_END = r"(?![\s\S])"
AssetId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}" + _END)]
"""An identifier of a record; the engine's field type `record` takes the same."""
Word = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,47}" + _END)]
"""A name inside a profile: an action, a kind of encumbrance."""
Amount = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
Seal = Annotated[bytes, msgspec.Meta(max_length=256)]
"""A salted commitment."""
Reference = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
"""The number of an order or of a paper, as its issuer writes it."""
Reason = Annotated[str, msgspec.Meta(max_length=1024)]
Evidence = Annotated[tuple[Reference, ...], msgspec.Meta(max_length=EVIDENCE_MAX)]
Fields = Annotated[dict[Word, BodyValue], msgspec.Meta(max_length=FIELDS_MAX)]
RoleWord = Annotated[str, msgspec.Meta(pattern="^(both|controller|holder)" + _END)]
RightWord = Annotated[str, msgspec.Meta(pattern="^(blank|final|onward)" + _END)]
Medium = Annotated[str, msgspec.Meta(pattern="^(electronic|paper)" + _END)]
EndReason = Annotated[
    str,
    msgspec.Meta(pattern="^(cancelled|consumed|delivered|destroyed|paid|surrendered)" + _END),
]


class Issue(Arguments, frozen=True):
    """Arguments of `issue`; `action` is the profile's birth.

    `controller` is the actor and `holder` the controller when they are not given. `supersedes`
    is the record that this one amends, `paper` the number of a paper that it replaces.
    """

    id: AssetId
    profile: ProfileId
    action: Word = "issue"
    args: Fields = msgspec.field(default_factory=dict)
    body: Fields = msgspec.field(default_factory=dict)
    controller: MemberName | None = None
    evidence: Evidence = ()
    holder: MemberName | None = None
    paper: Reference | None = None
    quantity: Amount = 1
    refs: Annotated[tuple[AssetId, ...], msgspec.Meta(max_length=REFS_MAX)] = ()
    right: RightWord = ONWARD
    seal: Seal = b""
    supersedes: AssetId | None = None
    unit: Annotated[str, msgspec.Meta(max_length=64)] = ""


class MakeOffer(Arguments, frozen=True):
    """Arguments of `offer`: `role` passes to the member `to`, who may accept before `expires`."""

    id: AssetId
    version: Version
    to: MemberName
    expires: Uint
    args: Fields = msgspec.field(default_factory=dict)
    evidence: Evidence = ()
    right: RightWord = ONWARD
    role: RoleWord = BOTH
    terms_digest: Hash | None = None


class Answer(Arguments, frozen=True):
    """Arguments of `accept`, `reject` and `withdraw`; `offer` is the offer's number."""

    id: AssetId
    version: Version
    offer: Version
    args: Fields = msgspec.field(default_factory=dict)
    evidence: Evidence = ()
    reason: Reason = ""


class Act(Arguments, frozen=True):
    """Arguments of `act`: an action of the profile."""

    id: AssetId
    version: Version
    action: Word
    args: Fields = msgspec.field(default_factory=dict)
    evidence: Evidence = ()


class Part(Arguments, frozen=True):
    """A part of a split; with `to`, it is offered to that member until `expires`."""

    id: AssetId
    quantity: Amount
    expires: Uint = 0
    to: MemberName | None = None


class Split(Arguments, frozen=True):
    """Arguments of `split`."""

    id: AssetId
    version: Version
    parts: Annotated[tuple[Part, ...], msgspec.Meta(min_length=2, max_length=PARTS_MAX)]
    args: Fields = msgspec.field(default_factory=dict)
    evidence: Evidence = ()


class Merge(Arguments, frozen=True):
    """Arguments of `merge`; `versions` are those of `ids`, one for one."""

    ids: Annotated[tuple[AssetId, ...], msgspec.Meta(min_length=2, max_length=PARTS_MAX)]
    new_id: AssetId
    versions: Annotated[tuple[Version, ...], msgspec.Meta(min_length=2, max_length=PARTS_MAX)]
    args: Fields = msgspec.field(default_factory=dict)
    evidence: Evidence = ()


class Secured(Arguments, frozen=True):
    """What an encumbrance secures, in minor units of a currency or another unit."""

    amount: Amount
    unit: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class LayOn(Arguments, frozen=True):
    """Arguments of `encumber`: `kind` in favour of the member `to`, under the name `enc_id`."""

    id: AssetId
    version: Version
    enc_id: AssetId
    kind: Word
    to: MemberName
    args: Fields = msgspec.field(default_factory=dict)
    evidence: Evidence = ()
    secured: Secured | None = None
    terms_digest: Hash | None = None
    until: Uint = 0


class Lift(Arguments, frozen=True):
    """Arguments of `release`."""

    id: AssetId
    version: Version
    enc_id: AssetId
    args: Fields = msgspec.field(default_factory=dict)
    evidence: Evidence = ()
    reason: Reason = ""


class Enforce(Arguments, frozen=True):
    """Arguments of `enforce`; without `to` the secured member takes the record itself."""

    id: AssetId
    version: Version
    enc_id: AssetId
    order_ref: Reference
    args: Fields = msgspec.field(default_factory=dict)
    evidence: Evidence = ()
    to: MemberName | None = None


class Replace(Arguments, frozen=True):
    """Arguments of `replace`: to paper, or back; `new_ref` is the paper's number.

    `to` is who handed in the paper, when that is not the controller.
    """

    id: AssetId
    version: Version
    medium: Medium
    new_ref: Reference
    same_content_digest: Hash
    args: Fields = msgspec.field(default_factory=dict)
    evidence: Evidence = ()
    to: MemberName | None = None


class Retire(Arguments, frozen=True):
    """Arguments of `retire`."""

    id: AssetId
    version: Version
    reason: EndReason
    args: Fields = msgspec.field(default_factory=dict)
    evidence: Evidence = ()


class Order(Arguments, frozen=True):
    """Arguments of `freeze` and `unfreeze`.

    The version may be left out: an order does not lose a race against the one it binds.
    """

    id: AssetId
    order_ref: Reference
    args: Fields = msgspec.field(default_factory=dict)
    evidence: Evidence = ()
    version: Version | None = None


class Fire(Arguments, frozen=True):
    """What the due-queue hands to `fire`: a timer of the profile, and its time."""

    at: Uint
    id: AssetId
    name: Word


class ExpireOffer(Arguments, frozen=True):
    """What the due-queue hands to `expire_offer`."""

    id: AssetId
    number: Version


class ExpireHold(Arguments, frozen=True):
    """What the due-queue hands to `expire_hold`."""

    claim: AssetId
    id: AssetId
