"""For each fraud of each story: the one rule that stops it, off.

Where two rules would stop a fraud, both are off: else the second one's refusal hides the first.
A story's own file of switches is joined to `SWITCHES` at the end of this one.
"""

from ledger.contract import Refused
from ledger.contracts import asset_parts, match, trace_devices, trace_rules
from ledger.contracts.asset_case import Case
from ledger.contracts.trace_bench import Bench
from node.stories import coffee, cold, ebl, receipt, recon, voucher
from tests.integration.story_chain import Switch, without_guards
from tests.integration.story_switches_second import SWITCHES as SECOND


def nothing(*given, **named):
    """In the place of a check: it finds nothing wrong."""


def birth_of_what_is_there(bench, identifier, role, state, original=Bench.birth):
    """A birth that does not ask whether the thing was born before."""
    try:
        return original(bench, identifier, role, state)
    except Refused as refusal:
        if refusal.code != "EXISTS":
            raise
    return None


def without_unique(name, *rules):
    """An edit that takes away a unique key and the guards that ask for it."""

    def edit(profile):
        del profile["unique"][name]
        without_guards(*rules)(profile)

    return edit


def two_pledges(profile):
    """Two pledges may lie on a receipt, and nobody asks whether one does."""
    profile["encumbrances"]["pledge"] = 2
    without_guards("not-encumbered-yet")(profile)


def endorsed_by_the_shipper(profile):
    """The shipper may endorse, whoever holds the bill."""
    rows(profile, "ENDORSE_TO_ORDER")[0]["by"].append("shipper")


def endorsed_after_the_end(profile):
    """A bill that was surrendered goes on living."""
    profile["machine"]["final"].remove("SURRENDERED_FOR_DELIVERY")
    rows(profile, "ENDORSE_TO_ORDER")[0]["from"].append("SURRENDERED_FOR_DELIVERY")


def rows(profile, action):
    """The transitions of an action."""
    return [one for one in profile["machine"]["transitions"] if one["action"] == action]


SWITCHES = {
    coffee.COMMISSIONED_TWICE: Switch(patches=((Bench, "birth", birth_of_what_is_there),)),
    coffee.OUT_OF_NOTHING: Switch(patches=((trace_rules, "_require_yield", nothing),)),
    coffee.NEVER_RECEIVED: Switch(patches=((Bench, "need_holder", nothing),)),
    cold.LEFT_OUT: Switch(patches=((trace_devices, "_check_sequence", nothing),)),
    cold.UNCALIBRATED: Switch(patches=((trace_devices, "_check_calibration", nothing),)),
    ebl.ENDORSED_AGAIN: Switch({"dcsa.ebl": endorsed_by_the_shipper}),
    ebl.AFTER_THE_END: Switch({"dcsa.ebl": endorsed_after_the_end}),
    recon.BILLED_AGAIN: Switch(patches=((match, "check_unbilled", nothing),)),
    receipt.SECOND_RECEIPT: Switch(
        {"warehouse.receipt": without_unique("lot_key", "lot-is-free", "covered-by-stock")}
    ),
    receipt.SECOND_PLEDGE: Switch({"warehouse.receipt": two_pledges}),
    receipt.DELIVERY: Switch(
        {"warehouse.receipt": without_guards("delivery-unencumbered")},
        patches=((Case, "require_free", nothing),),
    ),
    voucher.SAME_INVOICE: Switch({"scf.voucher": without_unique("invoice", "invoice-used-once")}),
    voucher.TOO_LONG: Switch({"scf.voucher": without_guards("term-one-year")}),
    voucher.MORE_THAN_THERE_IS: Switch(
        patches=((asset_parts, "sum", lambda parts: voucher.WHOLE),)
    ),
} | SECOND
"""By fraud."""
