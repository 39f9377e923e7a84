"""Split and merge: nothing is made, nothing is lost, and what lies on a record stays on it."""

import pytest

from tests.unit.ledger.asset_scene import DAY, AssetScene

PARTS = [{"id": "R1", "quantity": 60}, {"id": "R2", "quantity": 40}]


@pytest.fixture
def scene():
    made = AssetScene()
    made.receipt()
    return made


def split(scene, name="R", parts=PARTS, *members, **more):
    return scene.step("split", name, {"parts": parts} | more, *(members or ("owner", "keeper")))


def merge(scene, *names, new_id="M", by=("owner",)):
    versions = [scene.record(name).version for name in names]
    args = {"ids": list(names), "versions": versions, "new_id": new_id}
    return scene.call("asset", "merge", args, *(one + "/app" for one in by))


def test_parts_stand_in_the_place_of_the_whole(scene):
    result = split(scene)
    parent, part = scene.record("R"), scene.record("R1")

    assert result == {"id": "R", "parts": ["R1", "R2"], "version": 2}
    assert (parent.status, parent.children) == ("split", ("R1", "R2"))
    assert (part.root, part.parents, part.quantity, part.version) == ("R", ("R",), 60, 1)
    assert part.body == parent.body
    assert scene.account("R") == (100, 0)
    assert scene.keys("of/") == ["of/owner/test.receipt/R1", "of/owner/test.receipt/R2"]


BAD = {
    "more than there is": ([60, 50], "SUM"),
    "less than there is": ([60, 30], "SUM"),
    "below the least part": ([95, 5], "RULE"),
    "one part": ([100], "SCHEMA"),
    "nothing": ([100, 0], "SCHEMA"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_split_is_refused_into(scene, name):
    amounts, code = BAD[name]
    parts = [{"id": f"P{n}", "quantity": amount} for n, amount in enumerate(amounts)]

    assert scene.code("split", "R", {"parts": parts}, "owner", "keeper") == code


def test_a_refused_sum_says_what_was_had_and_needed(scene):
    parts = [{"id": "A", "quantity": 60}, {"id": "B", "quantity": 50}]

    assert scene.refused("split", "R", {"parts": parts}, "owner", "keeper")[1] == {
        "have": 110, "id": "R", "need": 100, "unit": "KGM",
    }  # fmt: skip


def test_an_id_stands_for_one_part(scene):
    twice = [{"id": "A", "quantity": 50}, {"id": "A", "quantity": 50}]
    taken = [{"id": "A", "quantity": 50}, {"id": "R", "quantity": 50}]

    assert scene.code("split", "R", {"parts": twice}, "owner", "keeper") == "DUPLICATE"
    assert scene.code("split", "R", {"parts": taken}, "owner", "keeper") == "EXISTS"


def test_who_has_the_title_splits_and_the_profile_asks_for_more(scene):
    assert scene.code("split", "R", {"parts": PARTS}, "trader", "keeper") == "AUTH"
    assert scene.code("split", "R", {"parts": PARTS}, "owner") == "SIGN"
    split(scene)
    assert scene.code("split", "R", {"parts": PARTS}, "owner", "keeper") == "STATE"


def test_what_is_one_piece_is_not_split(scene):
    scene.done("issue", {"id": "F", "profile": "test.fixed@1", "action": "make"}, "owner")

    assert scene.code("split", "F", {"parts": PARTS}, "owner") == "RULE"


def test_a_pledge_lies_on_every_part(scene):
    scene.pledge()

    code, fields = scene.refused("split", "R", {"parts": PARTS}, "owner", "keeper")
    assert (code, fields["by"], fields["kind"]) == ("HELD", "bank", "pledge")
    split(scene, "R", PARTS, "owner", "keeper", "bank")
    assert scene.held("R1") == scene.held("R2") == [("pledge", "bank")]
    assert scene.value("held/R") is None


def test_a_hold_ends_on_every_part(scene):
    until = scene.now + DAY
    args = {"kind": "hold", "to": "bank", "enc_id": "h", "until": until}
    scene.step("encumber", "R", args, "owner", "bank")
    split(scene, "R", PARTS, "owner", "keeper", "bank")
    scene.block(time=until)

    assert scene.keys("held/") == []


def test_parts_keep_the_timers_that_are_open(scene):
    scene.step("act", "R", {"action": "store"}, "keeper")
    at = scene.record("R").timers["term"]
    split(scene)
    scene.block(time=at)

    assert [scene.record(name).body["reminders"] for name in ("R", "R1", "R2")] == [0, 1, 1]


def test_a_part_may_be_offered_at_once(scene):
    parts = [{"id": "R1", "quantity": 60},
             {"id": "R2", "quantity": 40, "to": "trader", "expires": scene.now + DAY}]  # fmt: skip
    split(scene, "R", parts)
    scene.step("accept", "R2", {"offer": 1}, "trader")

    assert (scene.record("R1").controller, scene.record("R2").controller) == ("owner", "trader")


def test_an_offered_part_keeps_the_rules_of_offers(scene):
    parts = [{"id": "R1", "quantity": 60}, {"id": "R2", "quantity": 40, "to": "trader"}]

    assert scene.code("split", "R", {"parts": parts}, "owner", "keeper") == "TIME"


def test_parts_become_one_again(scene):
    split(scene)
    receipt = merge(scene, "R1", "R2")
    merged = scene.record("M")

    assert receipt.code == "OK", receipt.error_fields()
    assert (merged.quantity, merged.root, merged.parents) == (100, "R", ("R1", "R2"))
    assert (scene.record("R1").status, scene.record("R1").children) == ("merged", ("M",))
    assert scene.account("R") == (100, 0)
    assert scene.keys("of/") == ["of/owner/test.receipt/M"]


def test_parts_of_different_roots_stay_apart(scene):
    scene.receipt("S", lot="L2")
    receipt = merge(scene, "R", "S")

    assert (receipt.code, receipt.error_fields()["field"]) == ("LINK", "root")


DIFFERENT = {
    "holds another body": ("body", {"action": "count_stock", "args": {"found": 90}}, "keeper"),
    "waits for a timer": ("timers", {"action": "store"}, "keeper"),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_a_part_is_not_merged_that(scene, name):
    field, args, by = DIFFERENT[name]
    split(scene)
    scene.step("act", "R1", args, by)
    receipt = merge(scene, "R1", "R2")

    assert (receipt.code, receipt.error_fields()["field"]) == ("LINK", field)


def test_a_part_counts_once(scene):
    split(scene)

    assert merge(scene, "R1", "R1").code == "DUPLICATE"
    assert merge(scene, "R1", "R2", new_id="R").code == "EXISTS"
    assert merge(scene, "R1", "R2", by=("trader",)).code == "AUTH"
    args = {"ids": ["R1", "R2"], "versions": [1, 1, 1], "new_id": "M"}
    assert scene.call("asset", "merge", args, "owner/app").code == "SCHEMA"


def test_what_lies_on_parts_lies_on_the_whole_once(scene):
    scene.pledge()
    split(scene, "R", PARTS, "owner", "keeper", "bank")
    assert scene.record("R1").state == "issued"

    assert merge(scene, "R1", "R2").code == "HELD"
    assert merge(scene, "R1", "R2", by=("owner", "bank")).code == "OK"
    assert scene.held("M") == [("pledge", "bank")]


def test_two_pledges_do_not_meet_on_one_record(scene):
    split(scene)
    for name, to in (("R1", "bank"), ("R2", "trader")):
        scene.pledge(name, to, enc_id="p-" + to)

    assert merge(scene, "R1", "R2", by=("owner", "bank", "trader")).code == "HELD"


def test_one_name_for_two_encumbrances_keeps_parts_apart():
    scene = AssetScene()
    scene.token()
    parts = [{"id": "A", "quantity": 4}, {"id": "B", "quantity": 6}]
    scene.step("split", "T", {"parts": parts}, "owner")
    for name, to in (("A", "bank"), ("B", "trader")):
        args = {"kind": "pledge", "to": to, "enc_id": "p"}
        scene.step("encumber", name, args, "owner", to)
    receipt = merge(scene, "A", "B", by=("owner", "bank", "trader"))

    assert (receipt.code, receipt.error_fields()["encumbrance"]) == ("LINK", "p")
