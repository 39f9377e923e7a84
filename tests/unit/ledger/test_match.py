"""`match`, the straight way: commit before reveal, same result, agreed, settled, billed once."""

import pytest

from hansa.merkle import root_of
from hansa.statement import Line, commitment, lines_root
from ledger.contract import store
from tests.unit.ledger.match_scene import DEADLINES, HOUR, PERIOD, TWO, MatchScene, line
from tests.unit.ledger.scene import START


@pytest.fixture
def scene():
    return MatchScene()


def opening(**changes):
    return {
        "deadlines": DEADLINES,
        "id": "S",
        "parties": ["carrier", "farm"],
        "period": PERIOD,
        "profile": "recon.threeway@1",
    } | changes


def test_opening_writes_a_record_the_period_and_a_deadline(scene):
    receipt = scene.call("match", "open", opening(), "farm/app")

    assert receipt.code == "OK"
    assert scene.keys() == [
        f"match/period/recon.threeway@1/carrier+farm/{PERIOD['start']}-{PERIOD['end']}",
        "match/record/S",
    ]
    assert len(scene.keys("due/")) == 1
    assert scene.record().controller == "farm"


BAD_OPENINGS = {
    "by a stranger to it": ({"parties": ["carrier", "roastery"]}, "AUTH"),
    "with one party twice": ({"parties": ["farm", "farm"]}, "SCHEMA"),
    "of one party": ({"parties": ["farm"]}, "SCHEMA"),
    "of an unknown member": ({"parties": ["farm", "nobody"]}, "MISSING"),
    "of an empty period": ({"period": {"start": 5, "end": 5}}, "SCHEMA"),
    "with deadlines in no order": (
        {"deadlines": {"commit": START + 9, "reveal": START + 9, "result": START + 10}}, "SCHEMA",
    ),
    "too late to commit": (
        {"deadlines": {"commit": START, "reveal": START + 1, "result": START + 2}}, "TIME",
    ),
    "that runs for years": ({"deadlines": DEADLINES | {"result": START + 10**12}}, "TIME"),
    "with a party as arbiter": ({"arbiter": "carrier"}, "RULE"),
    "with an unknown arbiter": ({"arbiter": "nobody"}, "MISSING"),
    "with an unknown bank": ({"bank": "nobody"}, "MISSING"),
    "with a payee who is no party": ({"payee": "retailer"}, "RULE"),
    "with a negative tolerance": ({"tolerance": {"CNY.fen": -1}}, "SCHEMA"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_OPENINGS)
def test_an_opening_is_refused(scene, name):
    changes, code = BAD_OPENINGS[name]

    assert scene.call("match", "open", opening(**changes), "farm/app").code == code


def test_an_id_and_a_period_are_taken_once(scene):
    scene.begin()

    other = opening(id="T", parties=["farm", "carrier"])
    assert scene.call("match", "open", opening(), "farm/app").code == "EXISTS"
    again = scene.call("match", "open", other, "farm/app")
    assert (again.code, again.error_fields()["id"]) == ("DUPLICATE", "S")
    assert scene.call("match", "open", other | {"profile": "recon.bank@1"}, "farm/app").code == "OK"


def test_the_straight_way_ends_settled(scene):
    scene.begin(payee="carrier")
    mine, other = scene.commit_to("carrier"), scene.commit_to("farm")
    states = [
        scene.record().state,
        scene.done("reveal", mine, "carrier"),
        scene.done("reveal", other, "farm"),
        scene.done("result", scene.found(), "farm"),
        scene.done("result", scene.found(), "carrier"),
        scene.done("settle", {"amounts": {"CNY.fen": 1500}, "payment_ref": "E2E-1"}, "carrier"),
    ]

    assert states == ["committed", "committed", "revealed", "revealed", "agreed", "settled"]
    assert scene.record().amounts == {"CNY.fen": 1500}
    assert scene.keys("match/billed/") == ["match/billed/carrier/W1/1", "match/billed/carrier/W2/1"]
    assert scene.keys("due/") == []


def test_nobody_reveals_before_all_have_committed(scene):
    scene.begin()
    mine = scene.commit_to("carrier")

    code, fields = scene.refused("reveal", mine, "carrier")
    assert (code, fields["have"], fields["need"]) == ("STATE", "open", ["committed"])


def test_a_copied_commitment_opens_for_nobody_but_its_maker(scene):
    scene.begin()
    mine = scene.commit_to("carrier")
    root = scene.record().commits["carrier"].root
    scene.done("commit", {"count": 2, "root": root}, "farm")
    scene.done("reveal", mine, "carrier")

    assert scene.refused("reveal", mine, "farm")[0] == "RULE"


def test_a_commitment_is_made_once_and_for_good(scene):
    scene.begin()
    scene.commit_to("carrier")

    assert scene.refused("commit", {"count": 0, "root": b"x" * 32}, "carrier")[0] == "EXISTS"


@pytest.mark.parametrize("method", ["commit", "reveal", "result", "differ", "dispute", "agree"])
def test_only_a_party_takes_part(scene, method):
    arguments = {
        "commit": {"count": 1, "root": b"x" * 32},
        "reveal": {"lines": [], "salt": b"s" * 32, "totals": {}},
        "result": scene.found(),
        "differ": {"code": "QTY_DIFF", "line_key": "W1", "mine": {}},
        "dispute": {"line_key": "W1", "to": "retailer"},
        "agree": {},
    }
    scene.begin()
    if method != "commit":
        mine, other = scene.commit_to("carrier"), scene.commit_to("farm")
    if method not in {"commit", "reveal"}:
        scene.done("reveal", mine, "carrier")
        scene.done("reveal", other, "farm")
    if method not in {"commit", "reveal", "result"}:
        scene.both_find(scene.found({"MATCH": 1, "QTY_DIFF": 1}, 1000))

    code, fields = scene.refused(method, arguments[method], "roastery")
    assert (code, fields["need"], fields["by"]) == ("AUTH", ["carrier", "farm"], "roastery")


BAD_REVEALS = {
    "of other lines": ({"lines": [line("W1", 1500)]}, "RULE"),
    "with another salt": ({"salt": b"x" * 32}, "RULE"),
    "with other totals": ({"totals": {"CNY.fen": 1}}, "RULE"),
    "with a short salt": ({"salt": b"x"}, "SCHEMA"),
    "as sealed": ({"sealed": True}, "RULE"),
}


@pytest.mark.parametrize("name", BAD_REVEALS)
def test_a_reveal_that_does_not_open_the_commitment_is_refused(scene, name):
    scene.begin()
    mine = scene.commit_to("carrier")
    scene.commit_to("farm")
    changes, code = BAD_REVEALS[name]

    assert scene.refused("reveal", mine | changes, "carrier")[0] == code


BAD_LINES = {
    "that do not add up": ([line("W1", 1), line("W2", 2)], {"CNY.fen": 4}, "SUM"),
    "in another unit": ([line("W1", 1)], {"KGM": 1}, "SUM"),
    "with one key twice": ([line("W1", 1), line("W1", 1)], None, "DUPLICATE"),
    "from an outsider's document": ([line("W1", 1, "retailer")], None, "RULE"),
    "with a short seal": ([line("W1", 1, seal=b"x")], None, "SCHEMA"),
}


@pytest.mark.parametrize("name", BAD_LINES)
def test_lines_are_refused(scene, name):
    lines, totals, code = BAD_LINES[name]
    scene.begin()
    mine = scene.commit_to("carrier", lines, totals)
    scene.commit_to("farm")

    assert scene.refused("reveal", mine, "carrier")[0] == code


def test_totals_that_were_told_early_hold_at_the_reveal(scene):
    scene.begin()
    mine = scene.commit_to("carrier", told={"CNY.fen": 1500})
    other = scene.commit_to("farm", told={"CNY.fen": 1499})
    scene.done("reveal", mine, "carrier")

    assert scene.refused("reveal", other, "farm") == (
        "SUM",
        {"field": "$.totals", "have": {"CNY.fen": 1500}, "need": {"CNY.fen": 1499}},
    )


def sealed(key):
    return {"document": key, "issuer": "carrier", "key": key, "line": "1", "seal": b"s" * 32}


def test_sealed_lines_keep_their_amounts_to_the_parties(scene):
    scene.begin()
    mine = scene.commit_to("carrier", [sealed("W1")], {"CNY.fen": 9}, sealed=True)
    scene.commit_to("farm")

    assert scene.done("reveal", mine, "carrier") == "committed"
    assert scene.record().reveals["carrier"].sealed


def test_a_sealed_line_tells_no_amounts(scene):
    scene.begin()
    lines = [sealed("W1") | {"amounts": {"CNY.fen": 9}}]
    mine = scene.commit_to("carrier", lines, {"CNY.fen": 9}, sealed=True)
    scene.commit_to("farm")

    assert scene.refused("reveal", mine, "carrier")[0] == "SCHEMA"


def test_lines_are_revealed_once(scene):
    scene.begin()
    mine = scene.commit_to("carrier")
    scene.commit_to("farm")
    scene.done("reveal", mine, "carrier")

    assert scene.refused("reveal", mine, "carrier")[0] == "EXISTS"


def test_the_root_of_lines_is_the_merkle_root_of_their_maps():
    lines = [Line(**one) for one in TWO]

    assert lines_root(lines) == root_of([store(one) for one in lines])


BAD_RESULTS = {
    "of too few lines": ({"counts": {"MATCH": 1}}, "SUM"),
    "of too many lines": ({"counts": {"MATCH": 5}}, "SUM"),
    "without differences, of another sum": ({"payable": {"CNY.fen": 1499}}, "SUM"),
    "in another unit": ({"payable": {"KGM": 1500}}, "SUM"),
    "with an unknown verdict": ({"counts": {"FINE": 2}}, "SCHEMA"),
}


@pytest.mark.parametrize("name", BAD_RESULTS)
def test_a_result_is_refused(scene, name):
    scene.shown()
    changes, code = BAD_RESULTS[name]

    assert scene.refused("result", scene.found() | changes, "farm")[0] == code


def test_a_tolerance_is_fixed_at_the_opening(scene):
    scene.shown(ours=[line("W1", 1000), line("W2", 501)], tolerance={"CNY.fen": 1})

    assert scene.both_find(scene.found()) == "agreed"


def test_an_agreed_statement_never_changes(scene):
    scene.shown()
    scene.both_find(scene.found())
    before = scene.record()

    for method, args in {
        "result": scene.found(),
        "differ": {"code": "QTY_DIFF", "line_key": "W1", "mine": {}},
        "adjust": {"line_key": "W1"},
        "agree": {},
        "withdraw": {"reason": "second thoughts"},
    }.items():
        code, fields = scene.refused(method, args, "carrier", "farm")
        assert (code, fields["have"]) == ("STATE", "agreed")
    assert scene.record() == before


def test_a_waybill_is_not_billed_again_in_another_month(scene):
    scene.shown()
    scene.both_find(scene.found())
    october = {"start": PERIOD["end"], "end": PERIOD["end"] + 30 * 24 * HOUR}
    scene.begin(name="O", period=october)
    mine = scene.commit_to("carrier", [line("W2", 500)], name="O")
    scene.commit_to("farm", name="O")

    assert scene.refused("reveal", mine, "carrier", name="O") == (
        "DUPLICATE", {"id": "S", "key": "match/billed/carrier/W2/1"},
    )  # fmt: skip


def test_of_two_open_statements_the_first_to_be_agreed_has_the_source(scene):
    scene.shown(name="S")
    scene.shown(name="O", profile="recon.bank@1")
    scene.both_find(scene.found(), name="S")
    scene.done("result", scene.found(), "farm", name="O")

    code, fields = scene.refused("result", scene.found(), "carrier", name="O")
    assert (code, fields["id"]) == ("DUPLICATE", "S")
    assert scene.record("O").state == "revealed"


def test_one_document_twice_in_a_book_is_not_agreed(scene):
    twice = [line("W1", 1000), line("W2", 500, document="W1")]
    scene.shown(twice, twice)
    scene.done("result", scene.found(), "farm")

    code, fields = scene.refused("result", scene.found(), "carrier")
    assert (code, fields["have"]) == ("DUPLICATE", "W2")


def test_a_change_names_the_version_it_saw(scene):
    scene.begin()
    scene.commit_to("carrier")

    code, fields = scene.refused("commit", {"count": 0, "root": b"x" * 32, "version": 1}, "farm")
    assert (code, fields["have"], fields["given"]) == ("STALE", 2, 1)
    args = {"count": 0, "id": "none", "root": b"x" * 32, "version": 1}
    assert scene.call("match", "commit", args).code == "MISSING"


BAD_SETTLEMENTS = {
    "of another amount": ({"amounts": {"CNY.fen": 1499}}, ("carrier",), "SUM"),
    "in more units": ({"amounts": {"CNY.fen": 1500, "KGM": 1}}, ("carrier",), "SUM"),
    "by who pays": ({}, ("farm",), "AUTH"),
    "into no record": ({"asset_id": "voucher-1"}, ("carrier",), "LINK"),
}


@pytest.mark.parametrize("name", BAD_SETTLEMENTS)
def test_a_settlement_is_refused(scene, name):
    scene.shown(payee="carrier")
    scene.both_find(scene.found())
    changes, signers, code = BAD_SETTLEMENTS[name]
    args = {"amounts": {"CNY.fen": 1500}, "payment_ref": "E2E-1"} | changes

    assert scene.refused("settle", args, *signers)[0] == code


def test_nothing_is_settled_before_it_is_agreed(scene):
    scene.shown()

    args = {"amounts": {"CNY.fen": 1500}, "payment_ref": "E2E-1"}
    assert scene.refused("settle", args, "carrier", "farm")[0] == "STATE"


@pytest.mark.parametrize(
    ("more", "signers", "code"),
    [
        ({"bank": "retailer"}, ("retailer",), "OK"),
        ({"bank": "retailer"}, ("carrier", "farm"), "AUTH"),
        ({"bank": "retailer", "payee": "carrier"}, ("carrier",), "OK"),
        ({}, ("carrier",), "AUTH"),
        ({}, ("carrier", "farm"), "OK"),
    ],
)
def test_a_payment_is_confirmed_by_who_receives_it_or_the_bank(scene, more, signers, code):
    scene.shown(**more)
    scene.both_find(scene.found())

    args = {"amounts": {"CNY.fen": 1500}, "payment_ref": "E2E-1"}
    assert scene.step("settle", args, *signers).code == code


def test_a_payment_settles_one_statement(scene):
    scene.shown(payee="carrier")
    other = [line("W8", 1000), line("W9", 500)]
    scene.shown(other, other, name="O", profile="recon.bank@1", payee="carrier")
    args = {"amounts": {"CNY.fen": 1500}, "payment_ref": "E2E-1"}
    for name in ("S", "O"):
        scene.both_find(scene.found(), name=name)
    scene.done("settle", args, "carrier")

    assert scene.refused("settle", args, "carrier", name="O") == (
        "DUPLICATE", {"field": "$.payment_ref", "id": "S"},
    )  # fmt: skip


def test_a_commitment_stays_the_same_bytes():
    made = commitment("c", "S", "farm", b"s" * 32, [Line(**TWO[0])], {"CNY.fen": 1000})

    assert made.hex() == "c3fe315497e89789a22e12508d595c63f5dcd0bfe8885e1f950b810c24963cf0"
