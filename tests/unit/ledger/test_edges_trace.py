"""Things of the supply chain at the edges: of time, nesting, quantities, and what is stored."""

from itertools import pairwise

import msgpack
import pytest

from hansa.epcis.values import time_text
from ledger.contracts import trace_rules
from ledger.contracts import trace_walk as walk_module
from ledger.contracts.trace_records import thing_key
from ledger.contracts.trace_walk import trace_walk
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

A, B, X = JAR + "A", JAR + "B", ALIEN + "X"
EIGHT = 1_792_051_200_000
"""15 October 2026, 8:00 UTC: the scenes' first minute."""
SHOP = "9520600000046"


@pytest.fixture
def scene():
    return TraceScene()


def stored(scene, identifier):
    """The map that stands in the state for a thing, without what all of them have."""
    found = msgpack.unpackb(scene.read(("trace/" + thing_key(identifier)).encode()))
    return {
        name: value
        for name, value in found.items()
        if name not in {"id", "version", "history", "last"}
    }


def test_a_thing_that_was_only_seen_is_stored_in_few_words(scene):
    scene.captured(seen(X))

    assert stored(scene, X) == {"controller": "", "state": "adopted"}


def test_a_commissioned_thing_is_stored_with_its_birth(scene):
    answer = scene.captured(seen(A, action="ADD"))
    digest = bytes.fromhex(answer["id"][14:78])

    assert stored(scene, A) == {
        "born": digest, "born_time": EIGHT, "controller": "roastery", "state": "active",
    }  # fmt: skip


def test_a_packed_thing_is_stored_with_its_container_and_an_emptied_one_with_its_round(scene):
    scene.captured(seen(A, B, action="ADD"))
    scene.captured(packed(BOX, A, minute=1))
    first = stored(scene, A)
    scene.captured(packed(BOX, minute=2, action="DELETE"))
    scene.captured(packed(BOX, B, minute=3))

    assert first["parent"] == thing_key(BOX).removeprefix("thing/")
    assert "parent_round" not in first
    assert stored(scene, B)["parent_round"] == stored(scene, BOX)["round"] == 1


def test_an_associated_thing_is_stored_with_its_host_and_turn(scene):
    scene.captured(seen(A, B, BOX, action="ADD"))
    scene.captured(packed(BOX, A, minute=1, kind="AssociationEvent"))
    first = stored(scene, A)
    scene.captured(packed(BOX, minute=2, action="DELETE", kind="AssociationEvent"))
    scene.captured(packed(BOX, B, minute=3, kind="AssociationEvent"))

    assert first["host"] == thing_key(BOX).removeprefix("thing/")
    assert "host_round" not in first
    assert stored(scene, B)["host_round"] == stored(scene, BOX)["host_turn"] == 1


def test_a_wrong_birth_leaves_nothing_of_it(scene):
    answer = scene.captured(seen(A, action="ADD"))
    args = {"event_id": answer["id"], "reason": "did_not_occur"}
    correction = scene.ok("trace", "correct", args, "roastery/app")

    assert correction["duplicate"] is False
    assert correction["height"] == answer["height"]
    assert stored(scene, A) == {"controller": "roastery", "state": "void"}
    assert scene.ok("trace", "correct", args, "roastery/app")["duplicate"] is True


@pytest.mark.parametrize("end", [seen(A, action="DELETE", minute=1), made(1, inputEPCList=[A])])
def test_a_wrong_end_leaves_nothing_of_it(scene, end):
    scene.captured(seen(A, action="ADD"))
    before = stored(scene, A)
    answer = scene.captured(end)
    assert stored(scene, A)["ended_time"] == EIGHT + 60_000
    args = {"event_id": answer["id"], "reason": "did_not_occur"}
    scene.ok("trace", "correct", args, "roastery/app")

    assert stored(scene, A) == before


def test_a_wrong_lot_has_no_quantity(scene):
    answer = scene.captured(seen(action="ADD", quantityList=[amount(LOT + "L", 2)]), "farm")
    assert stored(scene, LOT + "L")["made"] == 2_000_000
    args = {"event_id": answer["id"], "reason": "did_not_occur"}
    scene.ok("trace", "correct", args, "farm/app")

    assert "made" not in stored(scene, LOT + "L")
    assert "used" not in stored(scene, LOT + "L")


def test_a_receipt_tells_a_thing_s_version_before_and_after(scene):
    scene.captured(seen(A, action="ADD"))
    (call,) = scene.capture(seen(A, minute=1)).calls
    changes = {one.key.partition("/")[2].partition("/")[0]: one for one in call.records}

    assert (changes["event"].before, changes["event"].after) == (0, 1)
    assert (changes["thing"].before, changes["thing"].after) == (1, 2)


# Times


@pytest.mark.parametrize(("later", "code"), [(0, "OK"), (1, "TIME")])
def test_an_event_may_lie_five_minutes_ahead_and_no_millisecond_more(scene, later, code):
    limit = START + 1_000 + 300_000
    event = seen(X) | {"eventTime": time_text(limit + later)}

    assert scene.capture(event).code == code


@pytest.mark.parametrize(("later", "code"), [(0, "OK"), (-1, "TIME")])
def test_an_event_may_lie_at_the_birth_of_its_thing_and_not_before(scene, later, code):
    scene.captured(seen(A, action="ADD"))
    event = seen(A, step="other") | {"eventTime": time_text(EIGHT + later)}

    assert scene.capture(event).code == code


@pytest.mark.parametrize(("later", "code"), [(0, "OK"), (1, "STATE")])
def test_what_was_adopted_is_gone_right_after_its_destruction(scene, later, code):
    scene.captured(seen(X))
    scene.captured(seen(X, action="DELETE", minute=5))
    event = seen(X, step="other") | {"eventTime": time_text(EIGHT + 5 * 60_000 + later)}

    assert scene.capture(event).code == code


# Nesting and numbers


@pytest.mark.parametrize(("levels", "code"), [(15, "OK"), (16, "LIMIT")])
def test_containers_are_sixteen_deep_at_most(scene, levels, code):
    names = [f"{ALIEN}{number}" for number in range(levels + 1)]
    for minute, (inner, outer) in enumerate(pairwise(names)):
        scene.captured(packed(outer, inner, minute=minute))
    shipping = seen(names[0], minute=59, step="shipping", to=SHOP)

    assert scene.capture(shipping).code == code


@pytest.mark.parametrize(("count", "noted"), [(64, 65), (65, 1)])
def test_a_receipt_names_up_to_64_things(scene, count, noted):
    receipt = scene.capture(seen(*(JAR + str(n) for n in range(count)), action="ADD"))

    assert len(receipt.calls[0].records) == noted


@pytest.mark.parametrize(("out", "code"), [(10, "OK"), (10.000001, "SUM")])
def test_as_much_comes_out_as_went_in_and_no_more(scene, out, code):
    scene.captured(seen(action="ADD", quantityList=[amount(LOT + "L", 10)]), "farm")
    event = made(
        1, inputQuantityList=[amount(LOT + "L", 10)],
        outputQuantityList=[amount(LOT + "M", out)],
    )  # fmt: skip

    assert scene.capture(event, "farm").code == code


@pytest.mark.parametrize(("used", "code"), [(4, "OK"), (4.000001, "SUM")])
def test_a_lot_is_used_up_to_the_last_millionth(scene, used, code):
    scene.captured(seen(action="ADD", quantityList=[amount(LOT + "L", 10)]), "farm")
    first = seen(action="DELETE", quantityList=[amount(LOT + "L", 6)], minute=1)
    scene.captured(first, "farm")
    second = seen(action="DELETE", quantityList=[amount(LOT + "L", used)], minute=2)

    assert scene.capture(second, "farm").code == code
    kept = stored(scene, LOT + "L")
    assert kept["used"] == (10_000_000 if code == "OK" else 6_000_000)


def test_outputs_in_another_unit_are_not_summed(scene):
    scene.captured(seen(action="ADD", quantityList=[amount(LOT + "L", 10)]), "farm")
    event = made(
        1, inputQuantityList=[amount(LOT + "L", 10)],
        outputQuantityList=[amount(LOT + "M", 10), amount(LOT + "N", 99, "LTR")],
    )  # fmt: skip

    assert scene.capture(event, "farm").code == "OK"


def test_the_latest_keepers_of_a_lot_are_kept(scene, monkeypatch):
    monkeypatch.setattr(trace_rules, "KEEPERS_MAX", 1)
    lots = [amount(LOT + "L", 10)]
    scene.captured(seen(action="ADD", quantityList=lots), "farm")
    for minute, place in ((1, "9520600000022"), (2, SHOP), (3, SHOP)):
        scene.captured(seen(quantityList=lots, step="shipping", minute=minute, to=place), "farm")

    assert stored(scene, LOT + "L")["keepers"] == ["retailer"]


# Walks


def told(scene, identifier, depth=64):
    return trace_walk(scene.read, identifier, "both", depth)


def test_a_walk_counts_hops_from_nothing(scene):
    scene.captured(seen(A, action="ADD"))
    answer = scene.captured(packed(BOX, A, minute=1))
    scene.captured(seen(BOX, minute=2, step="storing"))

    assert [event.depth for event in told(scene, A).events] == [0, 0, 1]
    assert [event.depth for event in told(scene, answer["id"]).events] == [0, 0, 0]
    assert not told(scene, A).truncated


@pytest.mark.parametrize(("depth", "found", "cut"), [(0, 2, True), (1, 3, False)])
def test_a_walk_goes_as_many_hops_as_it_is_told(scene, depth, found, cut):
    scene.captured(seen(A, action="ADD"))
    scene.captured(packed(BOX, A, minute=1))
    scene.captured(seen(BOX, minute=2, step="storing"))
    walk = told(scene, A, depth)

    assert (len(walk.events), walk.truncated) == (found, cut)


@pytest.mark.parametrize(("most", "found", "cut"), [(4, 3, False), (2, 2, True)])
def test_a_walk_has_as_many_events_as_it_may(scene, monkeypatch, most, found, cut):
    scene.captured(seen(A, action="ADD"))
    scene.captured(seen(A, minute=1))
    scene.captured(seen(A, minute=2))
    monkeypatch.setattr(walk_module, "EVENTS_MAX", most)
    walk = told(scene, A)

    assert (len(walk.events), walk.truncated) == (found, cut)


@pytest.mark.parametrize(("most", "found", "cut"), [(5, 4, False), (3, 3, True)])
def test_the_events_of_all_things_of_a_walk_count_together(scene, monkeypatch, most, found, cut):
    scene.captured(seen(A, action="ADD"))
    scene.captured(packed(BOX, A, minute=1))
    scene.captured(seen(BOX, minute=2))
    scene.captured(seen(BOX, minute=3))
    monkeypatch.setattr(walk_module, "EVENTS_MAX", most)
    walk = told(scene, A)

    assert (len(walk.events), walk.truncated) == (found, cut)


def test_no_walk_goes_further_than_the_limit(scene, monkeypatch):
    monkeypatch.setattr(walk_module, "DEPTH_MAX", 0)
    scene.captured(seen(A, action="ADD"))
    scene.captured(packed(BOX, A, minute=1))
    scene.captured(seen(BOX, minute=2, step="storing"))

    assert len(told(scene, A, 9).events) == 2
