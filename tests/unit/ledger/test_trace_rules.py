"""The invariants of `trace`: each with what it allows and the fraud that it refuses."""

import json

import pytest

from hansa.epcis.values import parse_time
from ledger.contracts.trace_records import ThingRecord
from tests.unit.ledger.trace_scene import (
    ALIEN,
    BOX,
    JAR,
    LOT,
    START,
    TraceScene,
    amount,
    made,
    packed,
    seen,
)

ROASTERY, SHOP = "9520600000022", "9520600000046"
A, B, C = JAR + "A", JAR + "B", JAR + "C"
CASE = "https://id.gs1.org/00/095206000000003337"


@pytest.fixture
def scene():
    """A chain with three commissioned jars, held by the roastery."""
    chain = TraceScene()
    chain.captured(seen(A, B, C, action="ADD", step="commissioning"))
    return chain


@pytest.fixture
def empty():
    """A chain without things."""
    return TraceScene()


# Coming into being


def test_a_commissioned_jar_has_a_record_that_says_who_and_since_when(scene):
    jar = scene.thing(A)

    assert isinstance(jar, ThingRecord)
    assert (jar.id, jar.version, jar.controller, jar.state) == (A, 1, "roastery", "active")
    assert jar.history == ((1, 0),)
    assert jar.born == jar.last


def test_a_receipt_names_the_event_and_the_things(empty):
    receipt = empty.capture(seen(A, action="ADD"))
    (call,) = receipt.calls
    answer = call.value()

    assert answer["duplicate"] is False
    assert (answer["height"], answer["tx"]) == (receipt.height, receipt.tx_id)
    digest = answer["id"].removeprefix("ni:///sha-256;").removesuffix("?ver=CBV2.0")
    assert [change.key for change in call.records] == [
        "trace/event/" + digest,
        "trace/thing/01/09520600001012/21/A",
    ]
    assert call.events[0].name == "trace.captured"
    assert call.events[0].fields()["id"] == answer["id"]


def test_a_large_event_is_carried_out_and_its_receipt_names_the_event_alone(empty):
    receipt = empty.capture(seen(*(JAR + str(n) for n in range(900)), action="ADD"))

    assert receipt.code == "OK", receipt.error_fields()
    assert len(receipt.calls[0].records) == 1
    assert empty.thing(JAR + "899").state == "active"


def test_a_jar_is_commissioned_once_in_any_spelling(scene):
    again = seen("urn:epc:id:sgtin:9520600.000101.A", action="ADD", minute=1)

    code, fields = scene.refused(again)

    assert (code, fields["id"], fields["by"]) == ("EXISTS", A, "roastery")


def test_only_the_owner_of_the_prefix_commissions(empty):
    code, fields = empty.refused(seen(A, action="ADD"), "farm")

    assert (code, fields["need"], fields["by"]) == ("AUTH", "roastery", "farm")


def test_the_owner_of_the_prefix_may_sign_beside_another(empty):
    empty.captured(seen(A, action="ADD"), "farm", "roastery")

    assert empty.thing(A).controller == "roastery"


def test_nothing_happens_to_an_item_before_its_commissioning(empty):
    code, fields = empty.refused(seen(A))

    assert (code, fields["need"], fields["by"]) == ("MISSING", "commissioning", "roastery")


def test_an_event_cannot_lie_before_the_birth_of_its_item(scene):
    early = seen(A) | {"eventTime": "2026-10-15T07:59:59.999Z"}

    code, fields = scene.refused(early)

    assert code == "TIME"
    assert fields["need"] - fields["have"] == 1


def test_an_event_lies_in_the_past_up_to_the_skew(empty):
    limit = START + 1000 + 300_000
    late = seen(ALIEN + "1") | {"eventTime": "2026-11-20T00:00:00Z"}

    code, fields = empty.refused(late)

    assert (code, fields["need"]) == ("TIME", limit)
    assert fields["have"] == parse_time(late["eventTime"])


# Ids of prefixes that nobody registered


def test_the_first_sight_of_an_unregistered_prefix_adopts(empty):
    empty.captured(seen(ALIEN + "1"), "carrier")

    thing = empty.thing(ALIEN + "1")
    assert (thing.state, thing.controller, thing.born) == ("adopted", "", b"")


def test_what_was_adopted_may_be_commissioned_later_and_then_counts(empty):
    empty.captured(seen(ALIEN + "1"), "carrier")
    empty.captured(seen(ALIEN + "1", action="ADD"), "farm")

    assert empty.thing(ALIEN + "1").controller == "farm"
    assert empty.refused(seen(ALIEN + "1", action="ADD", minute=1), "farm")[0] == "EXISTS"
    assert empty.refused(seen(ALIEN + "1", step="shipping"), "carrier")[0] == "AUTH"


def test_a_chain_may_refuse_unknown_ids_altogether():
    strict = TraceScene({"trace.unknown_ids": "refuse"})

    assert strict.refused(seen(ALIEN + "1"), "farm")[0] == "MISSING"
    assert strict.refused(seen(ALIEN + "1", action="ADD"), "farm")[0] == "AUTH"
    strict.captured(seen(A, action="ADD"))
    strict.captured(seen("https://id.gs1.org/414/9520600000022"))


def test_an_adopted_thing_that_was_destroyed_may_only_be_reported_late(empty):
    empty.captured(seen(ALIEN + "1", action="DELETE", minute=5), "farm")

    empty.captured(seen(ALIEN + "1", minute=4), "farm")
    assert empty.refused(seen(ALIEN + "1", minute=6), "farm")[0] == "STATE"


def test_what_was_adopted_may_be_packed_anew_without_a_word_about_unpacking(empty):
    empty.captured(packed("urn:x:1", ALIEN + "1"), "farm")
    empty.captured(packed("urn:x:2", ALIEN + "1", minute=1), "farm")
    empty.captured(packed("urn:x:1", ALIEN + "1", minute=2, action="DELETE"), "farm")

    assert empty.thing(ALIEN + "1").parent == ""


def test_kinds_of_things_have_no_record(empty):
    product = "https://id.gs1.org/01/09520600001012"
    event = seen(quantityList=[amount(product, 5)], step="shipping") | {"epcList": [product]}

    empty.captured(event, "farm")

    assert empty.thing(product) is None


# Ending


def test_nothing_happens_to_an_item_after_its_destruction(scene):
    scene.captured(seen(A, action="DELETE", step="destroying", minute=1))

    assert scene.thing(A).state == "destroyed"
    assert scene.refused(seen(A, minute=2))[0] == "STATE"
    assert scene.refused(seen(A, action="ADD", minute=2))[0] == "EXISTS"


def test_only_the_holder_destroys(scene):
    assert scene.refused(seen(A, action="DELETE"), "retailer")[0] == "AUTH"


def test_a_sold_jar_is_neither_packed_nor_shipped_until_it_comes_back(scene):
    scene.captured(seen(A, step="retail_selling", minute=1))

    assert scene.thing(A).state == "sold"
    assert scene.refused(seen(A, step="shipping", minute=2))[0] == "STATE"
    assert scene.refused(packed(BOX, A, minute=2))[0] == "STATE"
    assert scene.refused(seen(A, step="retail_selling", minute=2))[0] == "STATE"
    scene.captured(seen(A, step="inspecting", minute=2), "farm")
    scene.captured(seen(A, step="receiving", minute=3))
    assert scene.thing(A).state == "active"


# Holding


def test_the_holder_ships_and_whoever_it_was_shipped_to_receives(scene):
    scene.captured(seen(A, step="shipping", to=SHOP, minute=1))
    assert scene.thing(A).transit == "retailer"

    assert scene.refused(seen(A, step="receiving", minute=2), "carrier")[0] == "AUTH"
    scene.captured(seen(A, step="receiving", minute=2), "retailer")
    assert (scene.thing(A).controller, scene.thing(A).transit) == ("retailer", "")
    assert scene.refused(seen(A, step="shipping", minute=3), "roastery")[0] == "AUTH"


def test_a_shipment_to_nobody_in_particular_is_received_by_whoever_takes_it(scene):
    scene.captured(seen(A, step="shipping", minute=1))
    scene.captured(seen(A, step="accepting", minute=2), "carrier")

    assert scene.thing(A).controller == "carrier"


def test_a_shipment_may_be_called_off(scene):
    scene.captured(seen(A, step="shipping", to=SHOP, minute=1))
    scene.captured(seen(A, step="void_shipping", minute=2))

    assert scene.refused(seen(A, step="receiving", minute=3), "retailer")[0] == "AUTH"


def test_a_thing_is_not_taken_from_its_holder_without_a_shipment(scene):
    code, fields = scene.refused(seen(A, step="receiving", minute=1), "retailer")

    assert (code, fields["need"], fields["role"]) == ("AUTH", "roastery", "shipper")


def test_anyone_may_look(scene):
    scene.captured(seen(A, step="inspecting", minute=1), "farm")

    assert scene.thing(A).controller == "roastery"


def test_an_adopted_thing_is_held_by_the_member_that_receives_it_for_itself(empty):
    empty.captured(seen(ALIEN + "1", step="receiving", to=SHOP), "retailer")
    empty.captured(seen(ALIEN + "2", step="receiving", to=SHOP), "farm")

    assert empty.thing(ALIEN + "1").controller == "retailer"
    assert empty.thing(ALIEN + "2").controller == ""


def test_things_under_a_business_document_are_handed_over_too(scene):
    order = {"bizTransactionList": [{"type": "po", "bizTransaction": "urn:x:po"}]}
    event = seen(A, step="shipping", minute=1) | order | {"type": "TransactionEvent"}

    assert scene.refused(event, "retailer")[0] == "AUTH"
    scene.captured(event | {"parentID": BOX.replace("9520600", "9521234")})
    assert scene.thing(A).transit == "?"


# Containment


def test_a_container_moves_what_is_in_it(scene):
    scene.captured(packed(BOX, A, B, minute=1))
    scene.captured(seen(BOX, step="shipping", to=SHOP, minute=2))
    scene.captured(seen(BOX, step="receiving", minute=3), "retailer")

    assert scene.thing(A).controller == "roastery"
    assert scene.refused(packed(BOX, A, minute=4, action="DELETE"))[0] == "AUTH"
    scene.captured(packed(BOX, A, minute=4, action="DELETE"), "retailer")
    assert (scene.thing(A).controller, scene.thing(A).parent) == ("retailer", "")


def test_what_is_in_a_container_is_received_and_seen_without_being_moved(scene):
    scene.captured(packed(BOX, A, minute=1))
    scene.captured(seen(BOX, step="shipping", to=SHOP, minute=2))
    scene.captured(seen(A, step="shipping", minute=3))
    scene.captured(seen(A, step="receiving", minute=4), "retailer")
    scene.captured(packed(BOX, A, minute=5, action="OBSERVE", step="receiving"), "retailer")

    assert (scene.thing(A).controller, scene.thing(A).transit) == ("roastery", "")
    assert scene.thing(BOX).controller == "retailer"


def test_children_without_a_container_are_observed_one_by_one(scene):
    event = packed("", A, minute=1, action="OBSERVE", step="shipping")
    del event["parentID"]

    scene.captured(event)

    assert scene.thing(A).transit == "?"


def test_an_item_is_in_one_container_at_a_time(scene):
    scene.captured(packed(BOX, A, minute=1))

    code, fields = scene.refused(packed(CASE, A, minute=2))

    assert (code, fields["have"], fields["field"]) == (
        "STATE", "00/095206000000002224", "parent",
    )  # fmt: skip
    assert scene.refused(packed(BOX, A, minute=2))[0] == "STATE"


def test_only_the_holder_packs(scene):
    scene.captured(seen(ALIEN + "1", action="ADD"), "farm")

    assert scene.refused(packed(BOX, ALIEN + "1", minute=1), "roastery")[0] == "AUTH"
    assert scene.refused(packed(BOX, A, minute=1), "farm")[0] == "AUTH"


def test_a_container_cannot_be_inside_itself(scene):
    scene.captured(packed(BOX, A, minute=1))
    scene.captured(packed(CASE, BOX, minute=2))

    assert scene.refused(packed(BOX, CASE, minute=3))[0] == "LINK"
    assert scene.refused(packed(CASE, CASE, minute=3))[0] == "LINK"


def test_containers_are_nested_up_to_a_limit(scene):
    inner = A
    for number in range(16):
        case = f"https://id.gs1.org/8003/09520600000015S{number}"
        scene.captured(packed(case, inner, minute=number + 1))
        inner = case

    assert scene.refused(seen(A, step="shipping", minute=30))[0] == "LIMIT"


def test_unpacking_takes_out_of_the_right_container_only(scene):
    scene.captured(packed(BOX, A, minute=1))
    scene.captured(packed(CASE, B, minute=1))

    code, fields = scene.refused(packed(CASE, A, minute=2, action="DELETE"))
    loose = scene.refused(packed(CASE, C, minute=2, action="DELETE"))[1]

    assert (code, fields["have"]) == ("STATE", "00/095206000000002224")
    assert loose["have"] == ""


def test_emptying_a_container_frees_everything_with_one_written_record(scene):
    scene.captured(packed(BOX, A, B, minute=1))
    answer = scene.capture(packed(BOX, minute=2, action="DELETE"))

    assert len(answer.calls[0].records) == 2
    scene.captured(packed(CASE, A, B, minute=3))
    assert scene.thing(A).parent == "00/095206000000003337"


def test_a_packing_by_the_owner_of_the_prefix_makes_the_container(scene):
    scene.captured(packed(BOX, A, minute=1))

    assert scene.thing(BOX).state == "active"
    assert scene.thing(BOX).controller == "roastery"


def test_a_container_of_an_unregistered_prefix_belongs_to_who_packs_it(scene):
    pallet = "https://id.gs1.org/00/095212340000000018"
    scene.captured(packed(pallet, A, minute=1))

    assert scene.thing(pallet).controller == "roastery"
    assert scene.refused(packed(pallet, A, minute=2, action="DELETE"), "farm")[0] == "AUTH"


def test_kinds_of_things_may_be_packed_and_contain(scene):
    product = "https://id.gs1.org/01/09520600001012"

    scene.captured(packed(product, A, product, minute=1))

    assert scene.thing(A).parent == ""


# Associations


def fixed(parent, *things, **fields):
    """An AssociationEvent."""
    return packed(parent, *things, kind="AssociationEvent", **fields)


def test_an_association_needs_its_own_holder_and_one_host_at_a_time(scene):
    scene.captured(fixed("urn:h:1", A, minute=1))
    scene.captured(packed(BOX, A, minute=2))

    assert scene.thing(A).host == "urn:h:1"
    assert scene.refused(fixed("urn:h:2", A, minute=3))[0] == "STATE"
    assert scene.refused(fixed("urn:h:1", A, minute=3), "farm")[0] == "AUTH"
    assert scene.refused(fixed(A, A, minute=3))[0] == "LINK"
    assert scene.refused(fixed("urn:h:2", A, minute=3, action="DELETE"))[0] == "STATE"
    scene.captured(fixed("urn:h:1", A, minute=3, action="OBSERVE"))
    scene.captured(fixed("urn:h:1", A, minute=4, action="DELETE"))
    assert scene.thing(A).host == ""


def test_dissolving_an_association_frees_everything(scene):
    scene.captured(fixed("urn:h:1", A, B, minute=1))
    scene.captured(fixed("urn:h:1", minute=2, action="DELETE"))
    scene.captured(fixed("urn:h:2", A, minute=3))

    assert scene.thing(A).host == "urn:h:2"


def test_lots_and_kinds_may_be_named_in_associations(scene):
    product = "https://id.gs1.org/01/09520600001012"
    event = fixed("urn:h:1", minute=1) | {"childQuantityList": [amount(product, 1)]}
    scene.captured(event)
    scene.captured(fixed(product, A, minute=2))

    assert scene.thing(A).host == ""


# Transformations and quantities


def beans(scene, quantity, lot="L1", **fields):
    """Make a lot of green beans at the farm."""
    event = seen(action="ADD", quantityList=[amount(LOT + lot, quantity)]) | fields
    del event["epcList"]
    scene.captured(event, "farm")


def test_inputs_are_consumed_and_outputs_are_made_and_then_commissioned(scene):
    scene.captured(made(minute=1, inputEPCList=[A], outputEPCList=[JAR + "N"]))

    assert scene.thing(A).state == "consumed"
    assert scene.thing(JAR + "N").state == "made"
    scene.captured(seen(JAR + "N", action="ADD", minute=2))
    assert scene.thing(JAR + "N").state == "active"
    assert scene.refused(seen(JAR + "N", action="ADD", minute=3))[0] == "EXISTS"


def test_a_transformation_that_commissions_leaves_nothing_to_commission(scene):
    scene.captured(made(minute=1, step="commissioning", outputEPCList=[JAR + "N"]))

    assert scene.refused(seen(JAR + "N", action="ADD", minute=2))[0] == "EXISTS"


@pytest.mark.parametrize(
    ("event", "member", "code"),
    [
        (made(minute=1, inputEPCList=[A]), "farm", "AUTH"),
        (made(minute=1, outputEPCList=[A]), "roastery", "EXISTS"),
        (made(minute=1, inputEPCList=[A], outputEPCList=[A]), "roastery", "EXISTS"),
        (made(minute=1, outputEPCList=[JAR + "N"]), "farm", "AUTH"),
    ],
)
def test_a_transformation_needs_its_holder_and_new_outputs(scene, event, member, code):
    assert scene.refused(event, member)[0] == code


def test_a_consumed_input_is_gone(scene):
    scene.captured(made(minute=1, inputEPCList=[A], outputEPCList=[JAR + "N"]))

    assert scene.refused(made(minute=2, inputEPCList=[A], outputEPCList=[JAR + "M"]))[0] == "STATE"


def test_a_lot_is_used_up_to_what_was_made(scene):
    beans(scene, 60)
    beans(scene, 40, minute=0, readPoint={"id": "urn:p:1"})
    use = {"inputQuantityList": [amount(LOT + "L1", 70)]}
    scene.captured(made(minute=1, **use), "farm")

    code, fields = scene.refused(made(minute=2, **use), "farm")

    assert (code, fields["have"], fields["need"]) == ("SUM", 30_000_000, 70_000_000)


def test_a_lot_in_another_unit_or_without_a_number_is_counted_no_more(scene):
    beans(scene, 60)
    beans(scene, 60, "L2")
    beans(scene, 60, "L3")
    beans(scene, 60, "L3", readPoint={"id": "urn:p:1"}, quantityList=[{"epcClass": LOT + "L3"}])
    beans(scene, 1, "L3", readPoint={"id": "urn:p:2"})
    scene.captured(made(minute=1, inputQuantityList=[amount(LOT + "L1", 9_000, "GRM")]), "farm")
    scene.captured(made(minute=2, inputQuantityList=[{"epcClass": LOT + "L2"}]), "farm")
    scene.captured(made(minute=3, inputQuantityList=[amount(LOT + "L1", 900)]), "farm")

    assert [scene.thing(LOT + name).made for name in ("L1", "L2", "L3")] == [-1, -1, -1]


def test_more_cannot_come_out_than_went_in(scene):
    beans(scene, 60)
    went_in = {"inputQuantityList": [amount(LOT + "L1", 60)]}
    roasted = "https://id.gs1.org/01/09520601000014/10/R"

    fraud = made(minute=1, **went_in, outputQuantityList=[amount(roasted, 60.000001)])
    code, fields = scene.refused(fraud, "farm")

    assert (code, fields["rule"]) == ("SUM", "yield")
    scene.captured(made(minute=1, **went_in, outputQuantityList=[amount(roasted, 60)]), "farm")
    assert scene.thing(roasted).made == 60_000_000


@pytest.mark.parametrize(
    "inputs",
    [
        {"inputQuantityList": [amount("urn:x:1", 1), amount("urn:x:2", 1, "LTR")]},
        {"inputQuantityList": [{"epcClass": "urn:x:1", "uom": "KGM"}]},
        {"inputQuantityList": [{"epcClass": "urn:x:1", "quantity": 1}]},
        {"inputEPCList": [A], "inputQuantityList": [amount("urn:x:1", 1)]},
    ],
    ids=["two units", "no number", "no unit", "single things"],
)
def test_what_cannot_be_compared_is_not_compared(scene, inputs):
    scene.captured(made(minute=1, **inputs, outputQuantityList=[amount("urn:x:9", 100)]))


def test_part_of_a_lot_is_shipped_received_and_used_elsewhere(scene):
    beans(scene, 60)
    part = {"quantityList": [amount(LOT + "L1", 20)]}
    scene.captured(seen(step="shipping", to=ROASTERY, minute=1) | part | {"epcList": []}, "farm")
    scene.captured(seen(step="receiving", minute=2) | part | {"epcList": []})
    scene.captured(made(minute=3, inputQuantityList=[amount(LOT + "L1", 20)]))
    scene.captured(made(minute=4, inputQuantityList=[amount(LOT + "L1", 20)]), "roastery")

    assert scene.refused(seen(step="receiving", minute=5) | part | {"epcList": []}, "carrier")[0]
    destroy = seen(action="DELETE", minute=6) | part | {"epcList": []}
    assert scene.refused(destroy, "carrier")[0] == "AUTH"
    scene.captured(destroy)
    assert scene.thing(LOT + "L1").used == 60_000_000


def test_a_lot_grows_by_its_holder_only_and_may_be_sold_in_part(scene):
    beans(scene, 60)
    grow = seen(action="ADD", minute=1) | {"epcList": [], "quantityList": [amount(LOT + "L1", 1)]}
    sell = seen(step="retail_selling", minute=2) | {"epcList": []}

    assert scene.refused(grow, "carrier")[0] == "AUTH"
    scene.captured(sell | {"quantityList": [amount(LOT + "L1", 1)]}, "farm")
    assert scene.thing(LOT + "L1").state == "active"


def test_a_lot_that_comes_out_of_a_container_is_held_by_who_took_it_out(scene):
    beans(scene, 60)
    part = {"childQuantityList": [amount(LOT + "L1", 10)]}
    sack = "https://id.gs1.org/00/095206010000000016"
    scene.captured(packed(sack, minute=1) | part, "farm")
    scene.captured(seen(sack, step="shipping", to=ROASTERY, minute=2), "farm")
    scene.captured(seen(sack, step="receiving", minute=3))
    scene.captured(packed(sack, minute=4, action="DELETE") | part)
    scene.captured(made(minute=5, inputQuantityList=[amount(LOT + "L1", 10)]))

    assert scene.thing(LOT + "L1").keepers == ("roastery",)
    assert scene.refused(packed(BOX, minute=6) | part, "carrier")[0] == "AUTH"


# The call itself


@pytest.mark.parametrize(
    ("text", "code", "field"),
    [
        (b"{}", "SCHEMA", "/type"),
        (b"{" * 3, "SCHEMA", ""),
        (json.dumps(seen(action="x")).encode(), "SCHEMA", "/action"),
        (json.dumps(seen(*(["urn:x"] * 1001))).encode(), "LIMIT", "/epcList"),
    ],
)
def test_a_text_that_is_no_event_is_refused_with_the_place(empty, text, code, field):
    refused, fields = empty.refused(text)

    assert (refused, fields["field"]) == (code, field)
    assert fields["need"].startswith("epcis.")


def test_capturing_again_gives_the_old_answer_and_writes_nothing(scene):
    event = seen(A, minute=1)
    first = scene.captured(event)
    root = scene.ledger.head.state_root

    again = scene.captured(event | {"recordTime": "2026-10-16T00:00:00Z"}, "farm")

    assert again == first | {"duplicate": True}
    assert scene.ledger.head.state_root == root
