"""Coffee: from the bean to the shop, an identity for each jar, and three ways to cheat with it.

EPCIS 2.0, CBV 2.0, GS1 Digital Link; ISO 22383.
"""

from dataclasses import dataclass

from hansa.epcis import events_of
from hansa.gs1 import check_digit
from hansa.receipt import Receipt
from node.stories.cast import CARRIER, FARM, RETAILER, ROASTERY, Organisation
from node.stories.stage import DAY_MS, Stage, Story
from node.story import coffee, document_of

COMMISSIONED_TWICE = "the roastery commissions jar K7QH2M9X4T a second time"
OUT_OF_NOTHING = "the roastery reports 70 kg of coffee out of 60 kg of beans"
NEVER_RECEIVED = "the shop ships a jar that it never received"
ROOT = "https://id.gs1.org"
JAR, BEANS = f"{ROOT}/01/09520600001012", f"{ROOT}/01/09520601000014"
FARM_GATE, ROASTING, CENTRE, SHOP = (
    FARM.glns[0],
    ROASTERY.glns[0],
    RETAILER.glns[0],
    RETAILER.glns[1],
)
KILOGRAMS, ROASTED, TOO_MUCH = 60, 50.4, 70
SSCC_SERIAL_DIGITS = 9
"""Of a box, after the extension digit and a company prefix of seven digits."""
COUNTER = 1
"""What a printed code says each time: it does not count, and so every copy says the same."""
PROVINCES = ("CN-ZJ", "CN-GD", "CN-SC")


@dataclass(frozen=True, slots=True)
class Goods:
    """The things of this run."""

    lot: str
    jars: tuple[str, str]
    box: str
    tag: str


def play(stage: Stage) -> None:
    """Tell it."""
    _known_jars(stage)
    tag = stage.tag.upper()
    goods = Goods(
        lot=f"{BEANS}/10/HN{tag}",
        jars=(f"{JAR}/21/K{tag}9X4T", f"{JAR}/21/M{tag}6C2P"),
        box=_box(stage),
        tag=f"QR-{tag}-0001",
    )
    _roast(stage, goods)
    _bring(stage, goods)
    _copy(stage, goods)
    name = goods.jars[0].removeprefix(ROOT + "/")
    stage.prove("the jar, sold", f"trace/thing/{name}")
    stage.prove("no such jar was ever issued", f"trace/thing/{name}0")
    stage.prove("the tag, copied", f"trace/tag/{goods.tag}")


def _known_jars(stage: Stage) -> None:
    """The two jars of the demo: their events have the same ids wherever they are told."""
    told = coffee()
    actors = {one.name: one for one in (FARM, ROASTERY, CARRIER, RETAILER)}
    for event in told.events:
        found = events_of(document_of(event))[0]
        stage.check(found.event.id == event.event, f"the id of {event.file} is that of CBV 2.0")
        call = ("trace", "capture", {"event": found.text})
        stage.do(event.en, [call], actors[event.member])
    again, _ = stage.event(
        action="ADD",
        bizStep="commissioning",
        disposition="active",
        epcList=[told.items[0]],
        **_at(ROASTING),
    )
    stage.refused(COMMISSIONED_TWICE, "EXISTS", [again], ROASTERY)


def _roast(stage: Stage, goods: Goods) -> None:
    """Beans become jars; no more comes out than went in."""
    beans = [{"epcClass": goods.lot, "quantity": KILOGRAMS, "uom": "KGM"}]
    _tell(stage, FARM, f"harvests {KILOGRAMS} kg of beans, lot HN{stage.tag.upper()}",
          action="ADD", bizStep="commissioning", disposition="active", quantityList=beans,
          **_at(FARM_GATE))  # fmt: skip
    _tell(stage, FARM, "ships the beans to the roastery", bizStep="shipping",
          disposition="in_transit", quantityList=beans, readPoint=_place(FARM_GATE),
          **_between(FARM_GATE, ROASTING))  # fmt: skip
    _tell(stage, ROASTERY, "receives the beans", bizStep="receiving", disposition="in_progress",
          quantityList=beans, **_at(ROASTING), **_between(FARM_GATE, ROASTING))  # fmt: skip
    for amount, jars in ((TOO_MUCH, ()), (ROASTED, goods.jars)):
        lot = f"{JAR}/10/R{stage.tag.upper()}"
        roasting, _ = stage.event(
            type="TransformationEvent",
            action=None,
            inputQuantityList=beans,
            outputEPCList=[*jars] or None,
            outputQuantityList=[{"epcClass": lot, "quantity": amount, "uom": "KGM"}],
            bizStep="creating_class_instance",
            disposition="in_progress",
            **_at(ROASTING),
        )
        if jars:
            stage.do(f"roasts: {ROASTED} kg in jars, two of them by name", [roasting], ROASTERY)
        else:
            stage.refused(OUT_OF_NOTHING, "SUM", [roasting], ROASTERY)
    _tell(stage, ROASTERY, "commissions the two jars", action="ADD", bizStep="commissioning",
          disposition="active", epcList=[*goods.jars], **_at(ROASTING))  # fmt: skip
    bind = {
        "tag_id": goods.tag,
        "item_id": goods.jars[0],
        "tag_key_commit": stage.digest("the key of the tag"),
    }
    stage.do(f"binds the tag {goods.tag} to a jar", [("trace", "bind", bind)], ROASTERY)


def _bring(stage: Stage, goods: Goods) -> None:
    """Into the box, on the road, into the shop, to the customer."""
    theft, _ = stage.event(
        bizStep="shipping", disposition="in_transit", epcList=[goods.jars[1]],
        readPoint=_place(SHOP), **_between(SHOP, CENTRE),
    )  # fmt: skip
    stage.refused(NEVER_RECEIVED, "AUTH", [theft], RETAILER)
    for who, text, fields in (
        (ROASTERY, "packs both jars into a box", _packing(goods, "ADD", "packing", ROASTING)),
        (
            ROASTERY,
            "ships the box to the distribution centre",
            {"bizStep": "shipping", "disposition": "in_transit", "epcList": [goods.box],
             "readPoint": _place(ROASTING), **_between(ROASTING, CENTRE)},
        ),
        (
            RETAILER,
            "receives the box",
            {"bizStep": "receiving", "disposition": "in_progress", "epcList": [goods.box],
             **_at(CENTRE), **_between(ROASTING, CENTRE)},
        ),
        (RETAILER, "takes the jars out", _packing(goods, "DELETE", "unpacking", SHOP)),
        (
            RETAILER,
            "sells both jars",
            {"bizStep": "retail_selling", "disposition": "retail_sold",
             "epcList": [*goods.jars], **_at(SHOP)},
        ),
    ):  # fmt: skip
        _tell(stage, who, text, **fields)


def _copy(stage: Stage, goods: Goods) -> None:
    """The code of a jar is read in three provinces within a day."""
    gateway = stage.enrol(RETAILER, "gateway", "service", "gateway")
    today = stage.now // DAY_MS
    scans = [
        {
            "item": goods.jars[0],
            "day_bucket": today,
            "place_bucket": place,
            "counter": COUNTER,
            "tag_mac_ok": True,
        }
        for place in PROVINCES
    ]
    read = [
        stage.do(
            f"reads the jar's code in {one['place_bucket']}", [("trace", "scan", one)], gateway
        )
        for one in scans
    ]
    answers = [one.calls[0].value() for one in read]
    warned = [isinstance(one, dict) and one["clone"] is True for one in answers]
    stage.check(
        warned == [False, False, True],
        "the page warns of a copy with the third province in a day, and not before",
    )
    stage.prove_tx("the reading that warns", read[-1])
    stage.warn(f"the code of {goods.tag} has been copied: read in {len(read)} provinces in a day")


def _tell(stage: Stage, who: Organisation, text: str, **fields: object) -> Receipt:
    call, _ = stage.event(**fields)
    return stage.do(text, [call], who)


def _packing(goods: Goods, action: str, step: str, gln: str) -> dict[str, object]:
    return {
        "type": "AggregationEvent",
        "action": action,
        "bizStep": step,
        "disposition": "in_progress",
        "parentID": goods.box,
        "childEPCs": [*goods.jars],
        "readPoint": _place(gln),
    }


def _box(stage: Stage) -> str:
    serial = int(stage.tag, 16) % 10**SSCC_SERIAL_DIGITS
    digits = f"09520600{serial:0{SSCC_SERIAL_DIGITS}d}"
    return f"{ROOT}/00/{digits}{check_digit(digits)}"


def _at(gln: str) -> dict[str, object]:
    return {"readPoint": _place(gln), "bizLocation": _place(gln)}


def _place(gln: str) -> dict[str, str]:
    return {"id": f"{ROOT}/414/{gln}"}


def _between(source: str, destination: str) -> dict[str, object]:
    party = "possessing_party"
    return {
        "sourceList": [{"type": party, "source": f"{ROOT}/417/{source}"}],
        "destinationList": [{"type": party, "destination": f"{ROOT}/417/{destination}"}],
    }


STORY = Story(
    name="coffee",
    title={"zh": "一罐咖啡的身份证", "en": "Two jars of coffee, from the bean to the shop"},
    organisations=(FARM, ROASTERY, CARRIER, RETAILER),
    frauds={COMMISSIONED_TWICE: "EXISTS", OUT_OF_NOTHING: "SUM", NEVER_RECEIVED: "AUTH"},
    play=play,
)
