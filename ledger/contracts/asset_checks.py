"""Small questions that several methods of `asset` ask, and the entries that wait on a record.

The promise: every refusal here says who or what was needed (docs/spec/asset.md, section 4).
"""

from hansa.encoding import Value, encode_value
from ledger.contract import Context, Refused
from ledger.contracts.asset_records import AssetRecord, Claim
from ledger.due import schedule

FIRE, EXPIRE_OFFER, EXPIRE_HOLD = "fire", "expire_offer", "expire_hold"
"""The timer methods of `asset`."""


def is_signed(context: Context, member: str) -> bool:
    """Whether anyone signed for a member."""
    return any(signer.member == member for signer in context.signers)


def require_signed(context: Context, record: AssetRecord, role: str, member: str) -> None:
    """Refuse unless somebody signed for the member that has a role.

    Raises:
        Refused: ``AUTH`` with the role and the member.
    """
    if not is_signed(context, member):
        have: list[Value] = [signer.member for signer in context.signers]
        raise Refused("AUTH", id=record.id, need=member, role=role, have=have)


def need_member(context: Context, member: str, field: str) -> None:
    """Refuse who is no member in force.

    Raises:
        Refused: ``LINK``.
    """
    if not context.registry.is_member(member):
        raise Refused("LINK", field="$." + field, have=member, need="member")


def refuse_offered(record: AssetRecord) -> None:
    """Refuse what an open offer stands in the way of.

    Raises:
        Refused: ``STATE`` with the offer, when there is one.
    """
    offer = record.offer
    if offer is not None:
        raise Refused(
            "STATE", id=record.id, have="offered", by=offer.by, to=offer.to, offer=offer.number,
            until=offer.expires,
        )  # fmt: skip


def schedule_offer(context: Context, asset_id: str, number: int, expires: int) -> None:
    """Have an offer end by itself."""
    arguments = encode_value({"id": asset_id, "number": number})
    schedule(context, expires, entry_name(asset_id, "offer"), EXPIRE_OFFER, arguments)


def schedule_hold(context: Context, asset_id: str, claim: Claim) -> None:
    """Have a hold end by itself."""
    arguments = encode_value({"claim": claim.id, "id": asset_id})
    entry = entry_name(asset_id, "hold", claim.id)
    schedule(context, claim.until, entry, EXPIRE_HOLD, arguments)


def entry_name(asset_id: str, kind: str, name: str = "") -> str:
    """The name of a due entry: one for each thing that can wait on a record."""
    return f"asset/{asset_id}/{kind}/{name}"
