"""The profiles that ship, on the chain: a bill of lading, a voucher, a warehouse receipt.

Each story ends with the frauds that it refuses.
"""

import json
from pathlib import Path

import pytest

from tests.unit.ledger.asset_scene import DAY, START, AssetScene, accredited

PROFILES = Path(__file__).resolve().parents[3] / "ledger" / "profiles"
DIGEST = "ab" * 32
WAREHOUSE = "9520600000053"


def shipped(*names):
    """A scene with these profiles; `bank` may lend, `court` is a court, `keeper` a warehouse."""
    found = [json.loads((PROFILES / f"{name}.json").read_text("utf-8")) for name in names]
    scene = AssetScene(*found)
    key, value = accredited("bank", "lender")
    scene.store.write({b"s" + key.encode(): value}, sync=True)
    return scene


def act(scene, name, action, args, *members):
    return scene.step("act", name, {"action": action, "args": args}, *members)


def register(scene, name, kind, about, by="keeper"):
    doc = {"id": name, "digest": name.encode().ljust(32, b"."), "kind": kind, "about": [about]}
    scene.ok("doc", "register", doc, by + "/app")


def capture(scene, step, minute):
    event = {
        "type": "ObjectEvent", "eventTime": f"2023-11-14T00:{minute:02}:00Z",
        "eventTimeZoneOffset": "+00:00", "action": "OBSERVE", "bizStep": step,
        "epcList": [f"https://id.gs1.org/253/4012345000054{minute:03}"],
        "readPoint": {"id": "https://id.gs1.org/414/" + WAREHOUSE},
    }  # fmt: skip
    text = json.dumps(event).encode()
    return scene.ok("trace", "capture", {"event": text}, "keeper/app")["id"]


@pytest.fixture
def bill():
    """A negotiable bill of the keeper, who is the carrier here, to the owner."""
    scene = shipped("dcsa.ebl")
    body = {
        "carrier": "keeper", "shipper": "owner", "reference": "BL-1", "document": DIGEST,
        "to_order": True,
    }  # fmt: skip
    args = {"id": "B", "profile": "dcsa.ebl@1", "action": "ISSUE", "body": body}
    scene.done("issue", args | {"controller": "owner"}, "keeper", "owner")
    return scene


def test_a_bill_is_endorsed_pledged_and_surrendered(bill):
    act(bill, "B", "ENDORSE_TO_ORDER", {"to": "trader"}, "owner")
    pledge = {"kind": "pledge", "to": "bank", "enc_id": "p", "args": {"to": "bank"}}
    bill.step("encumber", "B", pledge, "trader", "bank")
    endorse = {"action": "ENDORSE", "args": {"to": "owner"}}
    assert bill.code("act", "B", endorse, "owner") == "AUTH"
    assert bill.code("act", "B", endorse, "trader") == "HELD"
    bill.step("release", "B", {"enc_id": "p"}, "bank")
    act(bill, "B", "SURRENDER_FOR_DELIVERY", {}, "trader")
    act(bill, "B", "SACC", {}, "keeper")

    assert (bill.record("B").status, bill.record("B").controller) == ("retired", "trader")
    assert bill.code("act", "B", endorse, "trader") == "STATE"


def test_a_bill_that_was_surrendered_for_amendment_is_issued_anew(bill):
    act(bill, "B", "SURRENDER_FOR_AMENDMENT", {"reason": "COD"}, "owner")
    act(bill, "B", "SACC", {}, "keeper")
    body = bill.record("B").body | {"document": "cd" * 32}
    given = {name: body[name] for name in ("carrier", "shipper", "reference", "document")}
    args = {
        "id": "B2", "profile": "dcsa.ebl@1", "action": "ISSUE", "controller": "owner",
        "body": given | {"to_order": True},
    }  # fmt: skip
    other = bill.call("asset", "issue", args, "keeper/app", "owner/app")
    bill.done("issue", args | {"supersedes": "B"}, "keeper", "owner")

    assert other.code == "DUPLICATE"
    assert bill.record("B").successor == "B2"


def voucher(scene, name="V", number="V-1", invoice=DIGEST, days=150):
    for kind in ("invoice", "trade_contract"):
        register(scene, f"{name}.{kind}", kind, name, "owner")
    body = {
        "number": number, "debtor": "owner", "creditor": "trader", "contract": DIGEST,
        "invoices": [invoice], "due_at": START + days * DAY, "recourse": False,
    }  # fmt: skip
    args = {
        "id": name, "profile": "scf.voucher@1", "body": body, "quantity": 128_000_000,
        "unit": "CNY-cent", "evidence": [f"{name}.invoice", f"{name}.trade_contract"],
    }  # fmt: skip
    return scene.call("asset", "issue", args, "owner/app")


def test_a_voucher_is_split_assigned_financed_and_paid():
    scene = shipped("scf.voucher")
    assert voucher(scene).code == "OK"
    act(scene, "V", "confirm", {}, "trader")
    parts = [{"id": "V1", "quantity": 80_000_000}, {"id": "V2", "quantity": 49_000_000}]
    assert scene.code("split", "V", {"parts": parts}, "trader") == "SUM"
    parts[1]["quantity"] = 48_000_000
    scene.step("split", "V", {"parts": parts}, "trader")
    act(scene, "V2", "assign", {"to": "keeper"}, "trader", "keeper")
    finance = {"amount": 47_000_000, "registration": "Z-1"}
    act(scene, "V2", "finance", finance, "bank", "keeper")
    scene.block(time=START + 150 * DAY)
    assert [scene.record(name).state for name in ("V1", "V2")] == ["due", "due"]
    for name, holder in (("V1", "trader"), ("V2", "bank")):
        paid = {"amount": scene.record(name).quantity, "payment": "E2E-" + name}
        act(scene, name, "pay", paid, "owner", holder)

    assert scene.account("V") == (128_000_000, 128_000_000)
    assert scene.due() == 0


def test_an_invoice_backs_one_voucher_and_none_is_too_long():
    scene = shipped("scf.voucher")
    voucher(scene)

    assert voucher(scene, "W", "V-2").code == "DUPLICATE"
    assert voucher(scene, "X", "V-3", "cd" * 32, days=400).code == "RULE"


@pytest.fixture
def copper():
    """100 t of copper in the keeper's warehouse, with a receipt to the owner."""
    scene = shipped("warehouse.receipt", "warehouse.stock")
    stock = json.loads((PROFILES / "warehouse.stock.json").read_text("utf-8"))
    known = {"keeper": "keeper", "lot_key": DIGEST, "warehouse": WAREHOUSE, "measured": 100_000,
             "unit": "KGM"}  # fmt: skip
    samples = {"text": "x", "int": 1, "time": START, "member": "keeper", "digest": DIGEST}
    body = {
        name: known.get(name, samples.get(one["type"]))
        for name, one in stock["fields"].items()
        if not one.get("optional") and not one.get("computed")
    }
    named = [capture(scene, "storing", 1)]
    register(scene, "contract", "storage_contract", "R")
    scene.done(
        "issue",
        {"id": "STOCK", "profile": "warehouse.stock@1", "body": body, "evidence": named},
        "keeper",
    )
    receipt = {
        "receipt_no": "R-1", "lot_key": DIGEST, "stock": "STOCK", "keeper": "keeper",
        "depositor": "owner", "warehouse": WAREHOUSE, "goods": "copper", "quality": "A",
        "packing": "bundle", "pieces": 40, "loss_basis_points": 10, "fee": 1,
        "stored_until": START + 300 * DAY,
    }  # fmt: skip
    scene.receipt_args = {
        "id": "R", "profile": "warehouse.receipt@1", "body": receipt, "quantity": 100_000,
        "unit": "KGM", "controller": "owner", "evidence": [*named, "contract"],
    }  # fmt: skip
    scene.done("issue", scene.receipt_args, "keeper", "owner")
    return scene


def test_a_receipt_is_split_pledged_and_foreclosed(copper):
    parts = [{"id": "R60", "quantity": 60_000}, {"id": "R40", "quantity": 40_000}]
    copper.step("split", "R", {"parts": parts}, "owner", "keeper")
    pledge = {"kind": "pledge", "to": "bank", "enc_id": "p", "args": {"to": "bank"}}
    copper.step("encumber", "R60", pledge, "owner", "keeper", "bank")
    again = pledge | {"to": "trader", "enc_id": "q", "args": {"to": "trader"}}
    assert copper.code("encumber", "R60", again, "owner", "keeper", "trader") == "HELD"
    out = capture(copper, "shipping", 2)
    deliver = {"action": "deliver", "evidence": [out]}
    assert copper.code("act", "R60", deliver, "owner", "keeper") == "HELD"
    assert copper.code("retire", "R60", {"reason": "delivered"}, "owner", "keeper") == "HELD"
    copper.step("act", "R40", deliver, "owner", "keeper")
    assert copper.account("R") == (100_000, 40_000)

    register(copper, "judgment", "enforcement_basis", "R60", "court")
    order = {"enc_id": "p", "order_ref": "2026-7", "args": {"basis": "judgment"}}
    assert copper.code("enforce", "R60", order, "bank", "keeper") == "LINK"
    copper.step("enforce", "R60", order | {"evidence": ["judgment"]}, "bank", "keeper")
    assert (copper.record("R60").controller, copper.record("R60").state) == ("bank", "issued")


def test_a_lot_has_one_receipt(copper):
    body = copper.receipt_args["body"] | {"receipt_no": "R-2"}
    register(copper, "other", "storage_contract", "R2")
    named = [copper.receipt_args["evidence"][0], "other"]
    args = copper.receipt_args | {"id": "R2", "body": body, "evidence": named}
    receipt = copper.call("asset", "issue", args, "keeper/app", "owner/app")

    assert (receipt.code, receipt.error_fields()["have"]) == ("DUPLICATE", DIGEST)


def test_a_shortfall_is_told_to_whom_a_receipt_is_pledged(copper):
    pledge = {"kind": "pledge", "to": "bank", "enc_id": "p", "args": {"to": "bank"}}
    copper.step("encumber", "R", pledge, "owner", "keeper", "bank")
    report = {"action": "report_shortfall"}
    assert copper.refused("act", "R", report, "keeper")[1]["rule"] == "stock-is-short"
    act(copper, "STOCK", "shortfall", {"measured": 92_000}, "keeper")
    full = {"id": "R", "version": copper.record("R").version} | report
    receipt = copper.call("asset", "act", full, "keeper/app")

    notices = [one.fields() for one in receipt.calls[0].events if one.name == "asset.notice"]
    assert {name for one in notices for name in one["to"]} == {"bank", "owner"}
    assert copper.record("R").state == "pledged"
