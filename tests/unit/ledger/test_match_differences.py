"""`match`, where books differ: lines are named, adjusted or decided, then agreed; deadlines."""

import pytest

from tests.unit.ledger.match_scene import DEADLINES, HOUR, TWO, MatchScene, line
from tests.unit.ledger.scene import START

OURS = (line("W1", 1000), line("W2", 500), line("W2b", 500, document="W2"))
THEIRS = (line("W1", 1000), line("W2", 450))
FOUND = {"MATCH": 1, "PRICE_DIFF": 1, "DUP_A": 1}


@pytest.fixture
def scene():
    """The carrier bills W2 twice, and for 500; the farm knows of 450."""
    made = MatchScene()
    made.shown(OURS, THEIRS, arbiter="retailer")
    made.both_find(made.found(FOUND, 1000))
    return made


def differ(key="W2", code="PRICE_DIFF", fen=500):
    return {"code": code, "line_key": key, "mine": {"CNY.fen": fen}}


def adjust(key="W2", fen=480):
    return {"line_key": key, "value": {"CNY.fen": fen}}


def drop(key="W2b"):
    return {"drop": True, "line_key": key}


def test_a_result_with_differences_is_not_agreed_at_once(scene):
    assert scene.record().state == "differs"
    assert scene.keys("match/billed/") == []


def test_results_that_differ_are_not_agreed():
    scene = MatchScene()
    scene.shown()
    scene.done("result", scene.found(), "farm")

    assert scene.done("result", scene.found(digest=b"x" * 32), "carrier") == "differs"
    code, fields = scene.refused("agree", {}, "carrier", "farm")
    assert (code, fields["field"]) == ("STATE", "result")


def test_a_party_may_correct_its_result_until_both_are_the_same():
    scene = MatchScene()
    scene.shown()
    scene.done("result", scene.found(), "farm")
    scene.done("result", scene.found(digest=b"x" * 32), "carrier")

    assert scene.done("result", scene.found(), "carrier") == "agreed"


def test_adjusted_lines_are_added_to_what_matched(scene):
    scene.done("differ", differ(), "carrier")
    scene.done("differ", differ(fen=450), "farm")
    scene.done("differ", differ("W2b", "DUP_A"), "farm")
    scene.done("adjust", adjust(), "carrier", "farm")
    scene.done("adjust", drop(), "farm", "carrier")

    assert scene.done("agree", {}, "carrier") == "differs"
    assert scene.done("agree", {}, "farm") == "agreed"
    assert scene.record().amounts == {"CNY.fen": 1480}
    assert scene.keys("match/billed/") == ["match/billed/carrier/W1/1", "match/billed/carrier/W2/1"]


def test_all_parties_may_agree_in_one_transaction(scene):
    for key, code in (("W2", "PRICE_DIFF"), ("W2b", "DUP_A")):
        scene.done("differ", differ(key, code), "carrier")
    scene.done("adjust", adjust(), "carrier", "farm")
    scene.done("adjust", drop(), "carrier", "farm")

    assert scene.done("agree", {}, "carrier", "farm") == "agreed"


def test_a_dropped_line_stays_free_for_another_statement():
    scene = MatchScene()
    scene.shown(TWO, TWO[:1])
    scene.both_find(scene.found({"MATCH": 1, "ONLY_A": 1}, 1000))
    scene.done("differ", differ("W2", "ONLY_A"), "farm")
    scene.done("adjust", drop("W2"), "carrier", "farm")
    scene.done("agree", {}, "carrier", "farm")
    scene.shown(TWO[1:], TWO[1:], name="O", profile="recon.bank@1")

    assert scene.both_find(scene.found({"MATCH": 1}, 500), name="O") == "agreed"


def test_nothing_is_agreed_while_lines_are_open(scene):
    scene.done("differ", differ(), "carrier")
    code, fields = scene.refused("agree", {}, "carrier")
    assert (code, fields["have"], fields["need"]) == ("RULE", 0, 2)

    scene.done("adjust", adjust(), "carrier", "farm")
    code, fields = scene.refused("agree", {}, "carrier")
    assert (code, fields["have"], fields["need"]) == ("RULE", 1, 2)


def test_a_line_that_is_counted_twice_after_adjusting_is_a_duplicate(scene):
    for key, code in (("W2", "PRICE_DIFF"), ("W2b", "DUP_A")):
        scene.done("differ", differ(key, code), "carrier")
        scene.done("adjust", adjust(key), "carrier", "farm")

    code, fields = scene.refused("agree", {}, "carrier", "farm")
    assert (code, fields["have"], fields["by"]) == ("DUPLICATE", "W2b", "carrier")


def test_every_change_takes_back_who_agreed(scene):
    for key, code in (("W2", "PRICE_DIFF"), ("W2b", "DUP_A")):
        scene.done("differ", differ(key, code), "carrier")
    scene.done("adjust", adjust(), "carrier", "farm")
    scene.done("adjust", drop(), "carrier", "farm")
    scene.done("agree", {}, "carrier")
    assert scene.refused("agree", {}, "carrier")[0] == "EXISTS"
    scene.done("result", scene.found(FOUND, 1000), "carrier")

    assert scene.record().agreed == ()
    assert scene.done("agree", {}, "farm") == "differs"


BAD_DIFFERENCES = {
    "about no line": (differ("W9"), "LINK"),
    "that is none": (differ(code="MATCH"), "SCHEMA"),
    "of another kind than said before": (differ(code="QTY_DIFF"), "RULE"),
}


@pytest.mark.parametrize("name", BAD_DIFFERENCES)
def test_a_difference_is_refused(scene, name):
    scene.done("differ", differ(), "carrier")
    args, code = BAD_DIFFERENCES[name]

    assert scene.refused("differ", args, "farm")[0] == code


def test_an_adjusted_line_is_final(scene):
    scene.done("differ", differ(), "carrier")
    scene.done("adjust", adjust(), "carrier", "farm")

    assert scene.refused("adjust", adjust(), "carrier", "farm")[0] == "STATE"
    assert scene.refused("differ", differ(), "farm")[0] == "STATE"
    assert scene.refused("dispute", {"line_key": "W2", "to": "retailer"}, "farm")[0] == "STATE"


def test_evidence_is_kept_by_party(scene):
    scene.done("differ", differ() | {"evidence": b"e" * 32}, "carrier")

    assert b"e" * 32 in scene.ledger.get_state(b"match/difference/S/W2")


BAD_ADJUSTMENTS = {
    "by one party": (adjust(), ("carrier",), "AUTH"),
    "by the arbiter of a line that nobody disputes": (adjust(), ("retailer",), "AUTH"),
    "of a line that nobody named": (adjust("W1"), ("carrier", "farm"), "MISSING"),
    "that drops a line and keeps its value": (
        adjust() | {"drop": True}, ("carrier", "farm"), "SCHEMA",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_ADJUSTMENTS)
def test_an_adjustment_is_refused(scene, name):
    scene.done("differ", differ(), "carrier")
    args, signers, code = BAD_ADJUSTMENTS[name]

    assert scene.refused("adjust", args, *signers)[0] == code


def test_the_arbiter_decides_a_disputed_line(scene):
    scene.done("differ", differ(), "carrier")
    scene.done("dispute", {"line_key": "W2", "to": "retailer"}, "farm")
    assert scene.refused("agree", {}, "carrier", "farm")[0] == "STATE"
    code, fields = scene.refused("adjust", adjust(), "carrier")
    assert (code, fields["need"]) == ("AUTH", ["retailer"])

    assert scene.done("adjust", adjust(), "retailer") == "differs"
    assert scene.record().adjusted == {"CNY.fen": 480}


def test_the_parties_may_still_settle_a_disputed_line_together(scene):
    scene.done("differ", differ(), "carrier")
    scene.done("differ", differ("W2b", "DUP_A"), "carrier")
    scene.done("dispute", {"line_key": "W2", "to": "retailer"}, "farm")
    scene.done("dispute", {"line_key": "W2b", "to": "retailer"}, "farm")

    assert scene.done("adjust", adjust(), "carrier", "farm") == "disputed"


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ({"line_key": "W2", "to": "roastery"}, "RULE"),
        ({"line_key": "W1", "to": "retailer"}, "MISSING"),
    ],
)
def test_a_dispute_goes_to_the_arbiter_about_a_named_line(scene, args, code):
    scene.done("differ", differ(), "carrier")

    assert scene.refused("dispute", args, "farm")[0] == code


def test_without_an_arbiter_there_is_no_dispute():
    scene = MatchScene()
    scene.shown()
    scene.both_find(scene.found({"MATCH": 1, "QTY_DIFF": 1}, 1000))
    scene.done("differ", differ("W2", "QTY_DIFF"), "farm")

    assert scene.refused("dispute", {"line_key": "W2", "to": "retailer"}, "farm")[0] == "RULE"


# Deadlines


@pytest.mark.parametrize(
    ("stage", "late", "state"),
    [
        ("commit", ("farm",), "lapsed"),
        ("reveal", ("farm",), "lapsed"),
        ("result", ("carrier",), "differs"),
    ],
)
def test_a_deadline_ends_a_stage_and_names_who_is_late(stage, late, state):
    scene = MatchScene()
    scene.begin()
    mine = scene.commit_to("carrier")
    if stage != "commit":
        other = scene.commit_to("farm")
        scene.done("reveal", mine, "carrier")
    if stage == "result":
        scene.done("reveal", other, "farm")
        scene.done("result", scene.found(), "farm")

    scene.block(time=DEADLINES[stage])

    assert (scene.record().state, scene.record().late) == (state, late)
    assert scene.keys("due/") == []
    assert len(scene.keys("match/period/")) == (state == "differs")


def test_a_lapsed_period_may_be_opened_again():
    scene = MatchScene()
    scene.begin()
    scene.block(time=DEADLINES["commit"])
    later = {name: time + 9 * HOUR for name, time in DEADLINES.items()}

    assert scene.begin(name="T", deadlines=later)["state"] == "open"


def test_what_comes_at_its_deadline_is_too_late_even_if_the_queue_is_behind():
    scene = MatchScene()
    for number in range(65):
        name = f"M{number:02}"
        scene.begin(name=name, profile=f"p{number}@1")

    code, fields = scene.refused(
        "commit", {"count": 0, "root": b"x" * 32}, "farm", name="M64", time=DEADLINES["commit"]
    )
    assert (code, fields["need"]) == ("TIME", DEADLINES["commit"])


def test_a_stage_that_was_left_in_time_is_not_ended(scene):
    scene.block(time=START + 100 * HOUR)

    assert (scene.record().state, scene.record().late) == ("differs", ())


# Giving up


@pytest.mark.parametrize(
    ("committed", "signers", "code"),
    [
        (False, ("carrier",), "OK"),
        (False, ("farm",), "AUTH"),
        (True, ("carrier",), "AUTH"),
        (True, ("farm", "carrier"), "OK"),
        (True, ("farm", "roastery"), "AUTH"),
    ],
)
def test_a_statement_is_given_up_by_its_opener_first_and_later_by_all(committed, signers, code):
    scene = MatchScene()
    scene.begin()
    if committed:
        scene.commit_to("farm")

    assert scene.step("withdraw", {"reason": "wrong period"}, *signers).code == code


def test_a_statement_that_was_given_up_frees_its_period_and_its_timer():
    scene = MatchScene()
    scene.begin()
    scene.done("withdraw", {"reason": "wrong period"}, "carrier")

    assert scene.keys("match/period/") == scene.keys("due/") == []
    assert scene.record().reason == "wrong period"
    assert scene.begin(name="T")["state"] == "open"


def test_three_books_agree_together():
    scene = MatchScene()
    scene.begin("carrier", "farm", "retailer")
    shown = {one: scene.commit_to(one) for one in ("carrier", "farm", "retailer")}
    for one, args in shown.items():
        scene.done("reveal", args, one)

    states = [scene.done("result", scene.found(), one) for one in shown]
    assert states == ["revealed", "revealed", "agreed"]


def test_the_largest_statement_is_agreed_in_one_transaction():
    """Four books of 200 lines that name 800 sources: the most keys that a call writes."""
    scene = MatchScene()
    parties = ("carrier", "farm", "retailer", "roastery")
    scene.begin(*parties)
    books = {
        party: [line(f"K{n}", 5, document=f"{party}-{n}") for n in range(200)] for party in parties
    }
    shown = {party: scene.commit_to(party, lines) for party, lines in books.items()}
    for party, args in shown.items():
        scene.done("reveal", args, party)

    states = [scene.done("result", scene.found({"MATCH": 200}, 1000), one) for one in parties]
    assert states[-1] == "agreed"
    assert len(scene.keys("match/billed/")) == 800


def test_a_book_has_at_most_two_hundred_lines():
    scene = MatchScene()
    scene.begin()

    assert scene.refused("commit", {"count": 201, "root": b"x" * 32}, "farm")[0] == "SCHEMA"
