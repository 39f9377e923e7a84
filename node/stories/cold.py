"""The cold chain: a logger on a box of salmon, and a rule that takes 5 % off when it got warm.

GB 31605-2020; EPCIS 2.0 sensor data. The rule is the profile `cold.chain@1`.
"""

from dataclasses import dataclass

from hansa.encoding import encode_value
from hansa.hashing import sha256
from hansa.merkle import leaf_hash, root_of_hashes
from hansa.receipt import Receipt
from hansa.signing import SigningKey
from node.stories.books import HOUR_MS, MONEY, Book, Line, open_statement, show
from node.stories.cast import CARRIER, INSPECTOR, RETAILER, ROASTERY
from node.stories.stage import DAY_MS, MINUTE_MS, Stage, Story, iso
from node.stories.wire import CallSpec

SHIPPER, CONSIGNEE = ROASTERY, RETAILER
UNCALIBRATED = "the carrier posts readings of a logger whose calibration is over"
LEFT_OUT = "the carrier leaves 12 readings out of the sequence"
COUNT, EVERY_MS = 288, 5 * MINUTE_MS
"""Readings of a day, one every five minutes."""
LEAST, USUAL, WARM, MOST, LIMIT = 600, 2_400, 5_100, 6_300, 4_000
"""Thousandths of a degree Celsius: the coldest, the usual, warm, the warmest, and what may be."""
COLDEST_AT, WARM_AT, MISSING = 40, range(130, 140), 12
"""Numbers of the coldest and of the warm readings; how many readings the fraud leaves out."""
FREIGHT, DEDUCTION = 150_000, 7_500
"""Cents: of the transport, and 5 % of it."""
LOGGER = "https://id.gs1.org/8004/9520600LOG0007"
CONSIGNMENT = "https://id.gs1.org/401/9520600WB"
CALIBRATION = "CalibrationCertificate"
LIST_SIZE = 131_072
"""Entries of a status list, the least that hides whom an entry is about."""
SHORT_MS, YEAR_MS = 8_000, 365 * DAY_MS
"""How long the certificates of the two loggers run when they are recorded."""


@dataclass(frozen=True, slots=True)
class Logger:
    """A device: its subject on the chain, its key, until when it is calibrated (ms)."""

    subject: str
    key: SigningKey
    until: int


def play(stage: Stage) -> None:
    """Tell it."""
    logger, old = _loggers(stage)
    waybill, rule = stage.id("WB"), stage.id("COLD")
    _send(stage, waybill, rule, logger)
    readings = [_milli(number) for number in range(1, COUNT + 1)]
    posted = stage.do(
        f"posts {COUNT} readings by their root, {LEAST / 1_000} to {MOST / 1_000} °C",
        [_batch(stage, logger, readings, 1, ago=HOUR_MS), _breach(stage, rule, readings)],
        logger.key,
    )
    _check_deduction(stage, posted)
    stage.do(
        "reports the way of the salmon and its temperatures", [_report(stage, readings)], CARRIER
    )
    left_out = _batch(stage, logger, readings[-MISSING:], COUNT + MISSING + 1)
    stage.refused(LEFT_OUT, "RULE", [left_out], logger.key)
    _settle(stage, waybill, rule)
    stage.until(lambda: stage.now > old.until, "the second logger's calibration is over")
    stage.refused(UNCALIBRATED, "RULE", [_batch(stage, old, readings, 1)], old.key)
    stage.prove_tx("the readings and the deduction", posted)
    stage.prove("the readings by their root", f"trace/batch/{logger.subject}/{COUNT:016x}")
    stage.prove("the rule of this transport", f"asset/record/{rule}")


def _loggers(stage: Stage) -> tuple[Logger, Logger]:
    """Two loggers of the carrier, calibrated by the inspection body: one only just still."""
    status_list = f"calibrations-{stage.tag}"
    opening = {"list_id": status_list, "size": LIST_SIZE, "purpose": "revocation"}
    stage.do("opens a status list of calibrations", [("cred", "open_list", opening)], INSPECTOR)
    made = []
    for index, (name, days_ms) in enumerate((("log0007", YEAR_MS), ("log0008", SHORT_MS))):
        key = stage.enrol(CARRIER, f"{name}-{stage.tag}", "device", "device")
        logger = Logger(f"{stage.of(CARRIER)}/{name}-{stage.tag}", key, stage.now + days_ms)
        digest = stage.digest(f"certificate of {name}")
        log = {
            "type": CALIBRATION,
            "digest": digest,
            "status_list": status_list,
            "index": index,
            "valid_until": logger.until,
        }
        since = {"device": logger.subject, "digest": digest, "since": stage.now - 30 * DAY_MS}
        stage.do(
            f"certifies that {logger.subject} measures right",
            [("cred", "log", log), ("trace", "calibrate", since)],
            INSPECTOR,
        )
        made.append(logger)
    return made[0], made[1]


def _send(stage: Stage, waybill: str, rule: str, logger: Logger) -> None:
    """The salmon leaves; the rule of its transport is fixed before."""
    paper = stage.id("WB-text")
    parties = {"carrier": stage.of(CARRIER)}
    body = parties | {
        "number": waybill,
        "document": stage.digest(paper).hex(),
        "consignor": stage.of(SHIPPER),
        "consignee": stage.of(CONSIGNEE),
        "pieces": 400,
        "weight": 200_000,
        "freight": FREIGHT,
        "due_at": stage.now + DAY_MS,
    }
    kept = parties | {
        "shipment": waybill,
        "shipper": stage.of(SHIPPER),
        "device": logger.subject,
        "calibrated_until": logger.until,
        "low": 0,
        "high": LIMIT,
        "freight": FREIGHT,
        "south": 20_000_000,
        "west": 108_000_000,
        "north": 32_000_000,
        "east": 122_000_000,
        "due_at": stage.now + DAY_MS,
    }
    stage.do(
        f"draw up {waybill}: 400 boxes of salmon, GTIN 09520600003030",
        [
            stage.paper(paper, "waybill", [waybill]),
            ("asset", "issue", {"id": waybill, "profile": "ubl.waybill@1", "body": body}),
        ],
        SHIPPER,
        CARRIER,
    )
    fixed = ("asset", "issue", {"id": rule, "profile": "cold.chain@1", "body": kept})
    stage.do(f"fix the rule {rule}: 0 to 4 °C", [fixed], CARRIER, SHIPPER)
    stage.do(
        f"picks up {waybill}",
        [stage.on("asset", "act", waybill, action="pick_up")],
        CARRIER,
        SHIPPER,
    )


def _milli(number: int) -> int:
    """The reading of a number."""
    if number in WARM_AT:
        return MOST if number == WARM_AT[4] else WARM
    return LEAST if number == COLDEST_AT else USUAL


def _root(readings: list[int], first: int) -> bytes:
    """The root of RFC 6962 over the readings, each with its number."""
    leaves = [
        leaf_hash(encode_value({"milli": value, "seq": first + index}))
        for index, value in enumerate(readings)
    ]
    return root_of_hashes(leaves)


def _batch(stage: Stage, logger: Logger, readings: list[int], first: int, ago: int = 0) -> CallSpec:
    """The call that posts readings which ended `ago` ms ago."""
    end = stage.now - ago
    args = {
        "root": _root(readings, first),
        "count": len(readings),
        "first_seq": first,
        "last_seq": first + len(readings) - 1,
        "device": logger.subject,
        "window": {"from": end - (len(readings) - 1) * EVERY_MS, "to": end},
        "summary": {"min": min(readings), "max": max(readings), "n": len(readings)},
        "unit": "CEL",
    }
    return ("trace", "capture_batch", args)


def _report(stage: Stage, readings: list[int]) -> CallSpec:
    """The call that captures the temperatures as EPCIS has them, for who reads no roots."""
    end = stage.now - HOUR_MS
    reading = {
        "sensorMetadata": {
            "startTime": iso(end - (len(readings) - 1) * EVERY_MS),
            "endTime": iso(end),
            "deviceID": LOGGER,
        },
        "sensorReport": [
            {
                "type": "Temperature",
                "minValue": min(readings) / 1_000,
                "maxValue": max(readings) / 1_000,
                "uom": "CEL",
            }
        ],
    }
    call, _ = stage.event(
        epcList=[f"{CONSIGNMENT}{stage.tag.upper()}"],
        bizStep="transporting",
        disposition="in_transit",
        readPoint={"id": "geo:30.2741,120.1551"},
        sensorElementList=[reading],
    )
    return call


def _breach(stage: Stage, rule: str, readings: list[int]) -> CallSpec:
    """The call that says how long it was too warm; the profile works out what that costs."""
    warm = [one for one in readings if one > LIMIT]
    args = {
        "root": _root(readings, 1).hex(),
        "first": 1,
        "last": len(readings),
        "most": max(readings),
        "minutes": len(warm) * EVERY_MS // MINUTE_MS,
    }
    return stage.on("asset", "act", rule, action="record_breach", args=args)


def _check_deduction(stage: Stage, posted: Receipt) -> None:
    lines = stage.events(posted, "asset.line")
    stage.check(
        [(one["kind"], one["debtor"], one["amount"]) for one in lines]
        == [("deduction", stage.of(CARRIER), DEDUCTION)],
        "one line of 5 % came out, against the carrier",
    )
    stage.warn(f"50 minutes above 4 °C: the rule deducts {DEDUCTION / 100:.2f} CNY")


def _settle(stage: Stage, waybill: str, rule: str) -> None:
    """What arrived is received; freight and deduction meet in the statement of both."""
    handed = stage.on("asset", "act", waybill, action="hand_over", args={"pieces": 400})
    stage.do(f"hands over {waybill}", [handed], CARRIER, CONSIGNEE)
    closed = stage.on("asset", "act", waybill, action="close")
    settled = stage.on("asset", "act", rule, action="settle")
    stage.do(f"close {waybill} and {rule}", [settled, closed], SHIPPER, CARRIER)
    statement, lines = stage.id("COLD-MATCH"), _lines(stage, waybill, rule)
    open_statement(stage, statement, (SHIPPER, CARRIER), month=8)
    ours, theirs = (
        Book(stage.of(one), lines, stage.digest(f"salt of {one.name}"))
        for one in (SHIPPER, CARRIER)
    )
    show(stage, statement, (SHIPPER, ours), (CARRIER, theirs))
    digest = sha256(encode_value(["MATCH", "MATCH"]))
    for who in (SHIPPER, CARRIER):
        found = {"digest": digest, "counts": {"MATCH": 2}, "payable": {MONEY: FREIGHT - DEDUCTION}}
        stage.do("finds 2 MATCH", [stage.on("match", "result", statement, **found)], who)
    stage.check(stage.record("match", statement)["state"] == "agreed", "both books are one")
    stage.prove("the statement with the deduction in it", f"match/record/{statement}")


def _lines(stage: Stage, waybill: str, rule: str) -> tuple[Line, ...]:
    return (
        {
            "key": "FREIGHT", "issuer": stage.of(CARRIER), "document": waybill, "line": "1",
            "amounts": {MONEY: FREIGHT},
        },
        {
            "key": "DEDUCTION", "issuer": stage.of(SHIPPER), "document": rule, "line": "1",
            "amounts": {MONEY: -DEDUCTION},
        },
    )  # fmt: skip


STORY = Story(
    name="cold",
    title={"zh": "冷链规则合约", "en": "A cold chain whose rule is a contract"},
    organisations=(SHIPPER, CARRIER, CONSIGNEE, INSPECTOR),
    profiles=("ubl.waybill@1", "cold.chain@1", "recon.threeway@1"),
    accredited=(("calibration", CARRIER), (CALIBRATION, INSPECTOR)),
    frauds={LEFT_OUT: "RULE", UNCALIBRATED: "RULE"},
    play=play,
)
