"""`asset`: identified, controlled, quantity-bearing records (docs/spec/asset.md).

The promise: a receipt, a voucher, a bill of lading, an item with a serial number are one thing:
a record with exactly one controller at every height, whose quantity is neither made nor lost
after its issue, and which does not move past whoever has a right on it.
"""

from typing import ClassVar

from hansa.encoding import Value
from ledger.contract import TIMER, Context, Contract, method
from ledger.contracts import asset_claims, asset_life, asset_moves, asset_parts
from ledger.contracts.asset_arguments import (
    Act,
    Answer,
    Enforce,
    ExpireHold,
    ExpireOffer,
    Fire,
    Issue,
    LayOn,
    Lift,
    MakeOffer,
    Merge,
    Order,
    Replace,
    Retire,
    Split,
)


class Asset(Contract):
    """Each method stands, with what it refuses, in the module that it calls."""

    name: ClassVar[str] = "asset"

    @method(Issue)
    def issue(self, context: Context, given: Issue) -> Value:
        """Make a record."""
        return asset_life.issue(context, given)

    @method(MakeOffer)
    def offer(self, context: Context, given: MakeOffer) -> Value:
        """Offer title, possession or both to a member."""
        return asset_moves.offer(context, given)

    @method(Answer)
    def accept(self, context: Context, given: Answer) -> Value:
        """Take what is offered."""
        return asset_moves.accept(context, given)

    @method(Answer)
    def reject(self, context: Context, given: Answer) -> Value:
        """Decline what is offered."""
        return asset_moves.reject(context, given)

    @method(Answer)
    def withdraw(self, context: Context, given: Answer) -> Value:
        """Take an offer back."""
        return asset_moves.withdraw(context, given)

    @method(Act)
    def act(self, context: Context, given: Act) -> Value:
        """Carry out an action of the profile."""
        return asset_life.act(context, given)

    @method(Split)
    def split(self, context: Context, given: Split) -> Value:
        """Put several records in the place of one."""
        return asset_parts.split(context, given)

    @method(Merge)
    def merge(self, context: Context, given: Merge) -> Value:
        """Put one record in the place of several."""
        return asset_parts.merge(context, given)

    @method(LayOn)
    def encumber(self, context: Context, given: LayOn) -> Value:
        """Lay a pledge, a lien or a hold on a record."""
        return asset_claims.encumber(context, given)

    @method(Lift)
    def release(self, context: Context, given: Lift) -> Value:
        """Lift an encumbrance as the member whom it secures."""
        return asset_claims.release(context, given)

    @method(Enforce)
    def enforce(self, context: Context, given: Enforce) -> Value:
        """Take a record on which one has a security."""
        return asset_claims.enforce(context, given)

    @method(Replace)
    def replace(self, context: Context, given: Replace) -> Value:
        """Change the medium, to paper or back."""
        return asset_life.replace(context, given)

    @method(Retire)
    def retire(self, context: Context, given: Retire) -> Value:
        """Bring a record to its end."""
        return asset_life.retire(context, given)

    @method(Order)
    def freeze(self, context: Context, given: Order) -> Value:
        """Stop a record by order of a court or regulator."""
        return asset_claims.freeze(context, given)

    @method(Order)
    def unfreeze(self, context: Context, given: Order) -> Value:
        """End a freeze."""
        return asset_claims.unfreeze(context, given)

    @method(Fire, via=TIMER)
    def fire(self, context: Context, given: Fire) -> Value:
        """Carry out a timer of the profile."""
        return asset_life.fire(context, given)

    @method(ExpireOffer, via=TIMER)
    def expire_offer(self, context: Context, given: ExpireOffer) -> Value:
        """End an offer that nobody answered."""
        return asset_moves.expire(context, given)

    @method(ExpireHold, via=TIMER)
    def expire_hold(self, context: Context, given: ExpireHold) -> Value:
        """End a hold at its time."""
        return asset_claims.expire_hold(context, given)
