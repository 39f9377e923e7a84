"""A warehouse receipt: 100 t of copper, split, pledged, partly delivered, and found short.

Civil Code 441, 908 to 910; interpretation on security 59; GB/T 30332-2024.
"""

import hashlib
from dataclasses import dataclass

from node.stories.cast import BANK, INSPECTOR, SECOND_BANK, TRADER, WAREHOUSE
from node.stories.stage import DAY_MS, Stage, Step, Story
from node.stories.wire import CallSpec

SECOND_RECEIPT = "the keeper issues a second receipt on the same lot"
SECOND_PLEDGE = "the trader pledges the 60 t again, to another bank"
DELIVERY = "the trader fetches the pledged 60 t without the bank"
WHOLE, PLEDGED, FREE, FETCHED, FOUND = 100_000, 60_000, 40_000, 5_000, 92_000
"""Kilograms: of the lot, of its two parts, of what is fetched, and what the check finds."""


@dataclass(frozen=True, slots=True)
class Lot:
    """A lot in the warehouse: its key, the record of its stock, the event of its intake."""

    key: str
    stock: str
    intake: str


def play(stage: Stage) -> None:
    """Tell it."""
    lot = _store(stage)
    receipt = stage.id("R1")
    stage.do(
        f"issues the receipt {receipt} for {WHOLE:,} kg",
        [_receipt(stage, "R1", lot)],
        WAREHOUSE,
        TRADER,
    )
    second = _receipt(stage, "R2", lot)
    stage.refused(SECOND_RECEIPT, "DUPLICATE", [second], WAREHOUSE, TRADER)
    _pledge(stage, receipt)
    rest = _fetch(stage, lot)
    _find_short(stage, lot, rest)


def _store(stage: Stage) -> Lot:
    """The goods come in and are weighed; the contracts of storage are on record."""
    place = f"Qingdao/7/B-12/CU20260830/{stage.tag}"
    stock, key = stage.id("LOT"), hashlib.sha256(place.encode()).hexdigest()
    weighed, intake = _weighing(stage, "storing")
    body = {
        "lot_key": key,
        "keeper": stage.of(WAREHOUSE),
        "warehouse": WAREHOUSE.glns[0],
        "slot": "7/B-12",
        "goods": "copper cathode, GTIN 09520600004044",
        "unit": "KGM",
        "measured": WHOLE,
        "inspector": stage.of(INSPECTOR),
    }
    put = {"id": stock, "profile": "warehouse.stock@1", "body": body, "evidence": [intake]}
    contracts = [
        stage.paper(stage.id(f"{name}-contract"), "storage_contract", [stage.id(name)])
        for name in ("R1", "R2")
    ]
    stage.do(
        f"weighs {WHOLE:,} kg of copper into slot B-12 and opens {stock}",
        [weighed, ("asset", "issue", put), *contracts],
        WAREHOUSE,
    )
    return Lot(key, stock, intake)


def _pledge(stage: Stage, receipt: str) -> None:
    pledged, free = stage.id("R60"), stage.id("R40")
    parts = [{"id": pledged, "quantity": PLEDGED}, {"id": free, "quantity": FREE}]
    split = stage.on("asset", "split", receipt, parts=parts)
    stage.do(f"splits {receipt} into {pledged} and {free}", [split], TRADER, WAREHOUSE)
    stage.do(f"pledges {pledged} to the bank", [_pledge_to(stage, pledged, stage.of(BANK))],
             TRADER, WAREHOUSE, BANK)  # fmt: skip
    again = _pledge_to(stage, pledged, stage.of(SECOND_BANK))
    stage.refused(SECOND_PLEDGE, "HELD", [again], TRADER, WAREHOUSE, SECOND_BANK)
    stage.prove("the 60 t, pledged", f"asset/record/{pledged}")
    stage.prove("what lies on the 60 t", f"asset/held/{pledged}")
    stage.prove("the 40 t", f"asset/record/{free}")
    stage.prove("nothing lies on the 40 t", f"asset/held/{free}")


def _fetch(stage: Stage, lot: Lot) -> str:
    """Part of the free 40 t leaves; the pledged 60 t do not. The rest's receipt."""
    free, part, rest = stage.id("R40"), stage.id("R40-1"), stage.id("R40-2")
    parts = [{"id": part, "quantity": FETCHED}, {"id": rest, "quantity": FREE - FETCHED}]
    stage.do(
        f"splits {FETCHED:,} kg off {free}",
        [stage.on("asset", "split", free, parts=parts)],
        TRADER,
        WAREHOUSE,
    )
    loaded, out = _weighing(stage, "shipping")
    stage.do(f"loads {FETCHED:,} kg at the gate", [loaded], WAREHOUSE)
    deliver = stage.on("asset", "act", part, action="deliver", evidence=[out])
    stage.do(f"fetches {FETCHED:,} kg for {part}", [deliver], TRADER, WAREHOUSE)
    taken = stage.on(
        "asset", "act", lot.stock, action="take_out", args={"amount": FETCHED}, evidence=[out]
    )
    stage.do(f"takes {FETCHED:,} kg off {lot.stock}", [taken], WAREHOUSE, INSPECTOR)
    theft = stage.on("asset", "act", stage.id("R60"), action="deliver", evidence=[out])
    stage.refused(DELIVERY, "HELD", [theft], TRADER, WAREHOUSE)
    stage.prove("the part that was delivered", f"asset/record/{part}")
    return rest


def _find_short(stage: Stage, lot: Lot, rest: str) -> None:
    """The stock check finds less than there should be: everyone with a right in it is told."""
    check = stage.on(
        "asset", "act", lot.stock, action="shortfall", args={"measured": FOUND}
    )  # fmt: skip
    stage.do(
        f"counts the stock: {FOUND:,} kg, {WHOLE - FETCHED - FOUND:,} short", [check], INSPECTOR
    )
    told: set[object] = set()
    for receipt in stage.together(
        [
            Step(
                f"reports the shortfall on {name}",
                [stage.on("asset", "act", name, action="report_shortfall")],
                [WAREHOUSE],
            )
            for name in (stage.id("R60"), rest)
        ]
    ):
        for notice in stage.events(receipt, "asset.notice"):
            names = notice["to"]
            assert isinstance(names, list)
            told.update(names)
    stage.check(stage.of(BANK) in told, "the pledgee is told of the shortfall")
    stage.warn(f"shortfall on {lot.stock}: told {', '.join(sorted(map(str, told)))}")
    stage.prove("the stock, short", f"asset/record/{lot.stock}")


def _receipt(stage: Stage, name: str, lot: Lot) -> CallSpec:
    body = {
        "receipt_no": stage.id(f"CD-2026-{name}"),
        "lot_key": lot.key,
        "stock": lot.stock,
        "keeper": stage.of(WAREHOUSE),
        "depositor": stage.of(TRADER),
        "warehouse": WAREHOUSE.glns[0],
        "goods": "copper cathode",
        "quality": "Cu 99.99 %",
        "packing": "bundles",
        "pieces": 40,
        "loss_basis_points": 5,
        "fee": 120_000,
        "stored_until": stage.now + 90 * DAY_MS,
        "insured": 700_000_000,
        "insurer": "Demo insurance",
    }
    issue = {
        "id": stage.id(name),
        "profile": "warehouse.receipt@1",
        "body": body,
        "quantity": WHOLE,
        "unit": "KGM",
        "controller": stage.of(TRADER),
        "evidence": [lot.intake, stage.id(f"{name}-contract")],
    }
    return ("asset", "issue", issue)


def _pledge_to(stage: Stage, receipt: str, bank: str) -> CallSpec:
    return stage.on(
        "asset",
        "encumber",
        receipt,
        enc_id=f"pledge-{bank}",
        kind="pledge",
        to=bank,
        args={"to": bank},
        secured={"amount": 300_000_000, "unit": "CNY-cent"},
    )


def _weighing(stage: Stage, step: str) -> tuple[CallSpec, str]:
    """A weighing at the warehouse; the thing that it names is the weigh ticket."""
    ticket = f"https://id.gs1.org/253/{WAREHOUSE.glns[0]}{step[:2].upper()}{stage.tag.upper()}"
    return stage.event(
        epcList=[ticket],
        bizStep=step,
        readPoint={"id": f"https://id.gs1.org/414/{WAREHOUSE.glns[0]}"},
    )


STORY = Story(
    name="receipt",
    title={"zh": "可信仓单", "en": "A warehouse receipt for 100 t of copper"},
    organisations=(WAREHOUSE, TRADER, BANK, SECOND_BANK, INSPECTOR),
    profiles=("warehouse.stock@1", "warehouse.receipt@1"),
    frauds={SECOND_RECEIPT: "DUPLICATE", SECOND_PLEDGE: "HELD", DELIVERY: "HELD"},
    play=play,
)
