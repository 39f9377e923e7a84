"""An electronic bill of lading: pledged, endorsed, exchanged for paper and back, surrendered.

DCSA PINT 3.0.0; UNCITRAL MLETR 2017, 17 and 18; Maritime Code 2025, chapter 4.
"""

from hansa.encoding import Value, encode_value
from hansa.hashing import tagged_hash
from node.stories.cast import BANK, CARRIER, FARM, PORT, ROASTERY
from node.stories.stage import Stage, Story
from node.stories.wire import CallSpec

SHIPPER, CONSIGNEE = FARM, ROASTERY
ENDORSED_AGAIN = "the shipper endorses once more what it has endorsed away (DISE)"
AFTER_THE_END = "the consignee endorses the bill after the carrier took it back"


def play(stage: Stage) -> None:
    """Tell it."""
    bill = stage.id("BL")
    _issue(stage, bill)
    pledge = {"kind": "pledge", "to": stage.of(BANK), "enc_id": "advance"}
    laid = stage.on("asset", "encumber", bill, **pledge, args={"to": stage.of(BANK)})
    stage.do(f"pledges {bill} for an advance", [laid], SHIPPER, BANK)
    stage.prove("the bill, pledged", f"asset/record/{bill}")
    stage.prove("what lies on the bill", f"asset/held/{bill}")
    stage.do(
        f"ENDORSE_TO_ORDER: {bill} to the consignee, with the bank's consent",
        [_endorse(stage, bill, stage.of(CONSIGNEE))],
        SHIPPER,
        BANK,
    )
    again = _endorse(stage, bill, stage.of(PORT))
    stage.refused(ENDORSED_AGAIN, "AUTH", [again], SHIPPER, BANK)
    release = stage.on("asset", "release", bill, enc_id="advance", reason="paid by the consignee")
    stage.do(f"releases {bill}: the consignee has paid", [release], BANK)
    stage.prove("nothing lies on the bill", f"asset/held/{bill}")
    _exchange(stage, bill)
    stage.do(
        f"SURRENDER_FOR_DELIVERY: {bill}",
        [stage.on("asset", "act", bill, action="SURRENDER_FOR_DELIVERY")],
        CONSIGNEE,
    )
    taken = stage.do(
        f"SACC: takes {bill} back and hands over the cargo",
        [stage.on("asset", "act", bill, action="SACC")],
        CARRIER,
    )
    late = _endorse(stage, bill, stage.of(PORT))
    stage.refused(AFTER_THE_END, "STATE", [late], CONSIGNEE)
    stage.prove_tx("the surrender, accepted", taken)
    stage.prove("the bill, surrendered", f"asset/record/{bill}")


def _issue(stage: Stage, bill: str) -> None:
    text = stage.id("BL-text")
    body = {
        "reference": f"HNS{stage.tag}".upper(),
        "carrier": stage.of(CARRIER),
        "shipper": stage.of(SHIPPER),
        "document": stage.digest(text).hex(),
        "to_order": True,
    }
    issue = {
        "id": bill,
        "profile": "dcsa.ebl@1",
        "action": "ISSUE",
        "body": body,
        "controller": stage.of(SHIPPER),
    }
    stage.do(
        f"ISSUE: a negotiable bill {bill} for 600 bags of coffee, Haikou to Shanghai",
        [stage.paper(text, "transport_document", [bill]), ("asset", "issue", issue)],
        CARRIER,
        SHIPPER,
    )


def _exchange(stage: Stage, bill: str) -> None:
    """SWTP: to paper and back, with the same content (MLETR 17 and 18)."""
    paper = stage.id("PAPER")
    for medium, text in (
        ("paper", f"SWTP: exchanges {bill} for the paper {paper}"),
        ("electronic", f"hands the paper {paper} in, {bill} is electronic again"),
    ):
        call = stage.on(
            "asset", "replace", bill, medium=medium, new_ref=paper,
            same_content_digest=_content(stage.record("asset", bill)),
        )  # fmt: skip
        stage.do(text, [call], CONSIGNEE, CARRIER)


def _content(record: dict[str, Value]) -> bytes:
    """The digest that both media must have (docs/spec/asset.md, 8.2)."""
    named = {name: record.get(name) for name in ("body", "profile", "quantity", "unit")}
    return tagged_hash("asset-content", encode_value({**named, "seal": record.get("seal", b"")}))


def _endorse(stage: Stage, bill: str, to: str) -> CallSpec:
    return stage.on("asset", "act", bill, action="ENDORSE_TO_ORDER", args={"to": to})


STORY = Story(
    name="ebl",
    title={"zh": "电子提单", "en": "An electronic bill of lading"},
    organisations=(CARRIER, SHIPPER, CONSIGNEE, BANK, PORT),
    profiles=("dcsa.ebl@1",),
    frauds={ENDORSED_AGAIN: "AUTH", AFTER_THE_END: "STATE"},
    play=play,
)
