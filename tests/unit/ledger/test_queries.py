"""Queries over real chains: what they answer, page by page, and what they refuse."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.hashing import sha256
from hansa.receipt import decode_receipt
from hansa.vc.encoded_list import decode_list
from ledger import query as query_module
from ledger.contract import Refused
from ledger.queries import QUERIES, answer
from tests.unit.ledger.asset_scene import AssetScene
from tests.unit.ledger.cred_scene import SIZE, CredScene
from tests.unit.ledger.grant_scene import SUBJECT, GrantScene, delivery, taken_back, word
from tests.unit.ledger.match_scene import MatchScene
from tests.unit.ledger.profile_scene import written
from tests.unit.ledger.scene import DAY, Scene

PARTS = [{"id": "R1", "quantity": 60}, {"id": "R2", "quantity": 40}]


def ask(scene, contract, name, /, **args):
    """The answer to a question about the head."""
    return answer(scene.ledger.query_reader(), contract, name, json.dumps(args).encode())


def refusal(scene, contract, name, raw):
    """Code and fields of a question that is refused."""
    with pytest.raises(Refused) as caught:
        answer(scene.ledger.query_reader(), contract, name, raw)
    return caught.value.code, caught.value.fields


@pytest.fixture
def assets():
    scene = AssetScene()
    scene.receipt()
    return scene


# -- the door ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("contract", "name", "raw", "code", "field"),
    [
        ("asset", "burn", b"{}", "MISSING", None),
        ("burn", "get", b"{}", "MISSING", None),
        ("asset", "get", b"{}", "SCHEMA", "$"),
        ("asset", "get", b'{"id":"R","idd":"S"}', "SCHEMA", "$"),
        ("asset", "get", b'{"id":7}', "SCHEMA", "$.id"),
        ("asset", "get", b'{"id":', "SCHEMA", "$"),
        ("asset", "get", b"\xff", "SCHEMA", "$"),
        ("asset", "get", b"[" * 5000, "SCHEMA", "$"),
        ("asset", "get", b" " * 7000, "LIMIT", "args"),
        ("asset", "get", b'{"id":"X"}', "MISSING", None),
        ("asset", "mine", b'{"member":"owner","limit":501}', "SCHEMA", "$.limit"),
        ("asset", "mine", b'{"member":"owner","limit":0}', "SCHEMA", "$.limit"),
        ("record", "get", b'{"contract":"asset","id":"X"}', "MISSING", None),
        ("record", "history", b'{"contract":"asset","id":"X"}', "MISSING", None),
        ("record", "history", b'{"contract":"asset","id":"R","after":"x"}', "SCHEMA", "$.after"),
        ("doc", "by_digest", b'{"digest":"ABCD"}', "SCHEMA", "$.digest"),
        ("profile", "get", b'{"id":"none@1"}', "MISSING", None),
    ],
)
def test_a_wrong_question_is_refused_with_what_is_wrong(  # noqa: PLR0913, PLR0917
    assets, contract, name, raw, code, field
):
    told, fields = refusal(assets, contract, name, raw)

    assert (told, fields.get("field")) == (code, field)


def test_who_asks_for_no_query_is_told_which_there_are(assets):
    assert refusal(assets, "match", "sum", b"{}")[1]["need"] == ["get"]
    assert refusal(assets, "mach", "sum", b"{}")[1]["need"] == sorted(QUERIES)


def test_every_query_has_a_schema_and_says_what_it_answers():
    for contract, queries in QUERIES.items():
        for name, (kind, function) in queries.items():
            assert msgspec.json.schema(kind)["$defs"], (contract, name)
            assert function.__doc__.strip().endswith("."), (contract, name)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.sampled_from([(c, q) for c in QUERIES for q in QUERIES[c]]), st.binary(max_size=60))
def test_no_bytes_for_arguments_break_a_query(which, raw):
    scene = Scene()
    try:
        answer(scene.ledger.query_reader(), *which, raw)
    except Refused as refusal:
        assert refusal.code in {"SCHEMA", "MISSING"}  # noqa: PT017 - any other error fails


def test_a_query_that_reads_too_much_is_refused(assets, monkeypatch):
    monkeypatch.setattr(query_module, "READS_MAX", 2)
    code, fields = refusal(assets, "asset", "tree", b'{"id":"R"}')
    assert (code, fields) == ("LIMIT", {"field": "reads", "have": 3, "need": 2})
    monkeypatch.setattr(query_module, "READS_MAX", 100)
    monkeypatch.setattr(query_module, "BYTES_MAX", 10)
    assert refusal(assets, "asset", "get", b'{"id":"R"}')[1]["field"] == "bytes"


# -- records and their history -------------------------------------------------------------


def test_every_change_of_a_record_is_told_with_who_made_it(assets):
    assets.pledge()
    assets.step("release", "R", {"enc_id": "p1"}, "bank")
    items = ask(assets, "asset", "history", id="R")["items"]

    assert [(one["method"], one["before"], one["after"]) for one in items] == [
        ("asset.issue", 0, 1), ("asset.encumber", 1, 2), ("asset.release", 2, 3),
    ]  # fmt: skip
    assert [one["by"] for one in items] == [
        ["keeper/app"], ["owner/app", "keeper/app", "bank/app"], ["bank/app"],
    ]  # fmt: skip
    for one in items:
        assert assets.ledger.header(one["height"]).time == one["time"]
        assert assets.ledger.location(one["tx_id"]) == (one["height"], one["index"])


def test_what_a_timer_changes_names_its_method_and_nobody(assets):
    assets.step("act", "R", {"action": "store"}, "keeper")
    assets.block(time=assets.record("R").timers["term"])
    last = ask(assets, "asset", "history", id="R")["items"][-1]

    assert (last["method"], last["by"], last["before"], last["after"]) == ("asset.fire", [], 2, 3)


def test_a_long_history_is_turned_page_by_page_beyond_what_a_record_keeps(assets):
    for _ in range(20):
        assets.step("act", "R", {"action": "count_stock", "args": {"found": 1}}, "keeper")
    pages, after = [], ""
    while True:
        page = ask(assets, "asset", "history", id="R", limit=4, after=after)
        pages.append(page["items"])
        after = page["next"]
        if not after:
            break

    assert [len(page) for page in pages] == [4, 4, 4, 4, 4, 1]
    assert [one["after"] for page in pages for one in page] == list(range(1, 22))


def test_what_is_refused_leaves_no_history(assets):
    assert assets.code("split", "R", {"parts": PARTS}, "trader", "keeper") == "AUTH"

    assert len(ask(assets, "asset", "history", id="R")["items"]) == 1


def test_a_record_whose_name_begins_like_another_has_its_own_history(assets):
    assets.receipt("R1", lot="L2")
    assets.receipt("R10", lot="L3")

    assert len(ask(assets, "asset", "history", id="R1")["items"]) == 1


def test_several_changes_of_one_transaction_stand_in_their_order():
    scene = Scene()
    calls = [("doc", "register", {"id": "D", "digest": b"d" * 32, "threshold": 2})]
    calls.append(("doc", "sign", {"id": "D", "version": 1}))
    (receipt,) = scene.block(scene.sign(calls))
    items = ask(scene, "record", "history", contract="doc", id="D")["items"]
    first = ask(scene, "record", "history", contract="doc", id="D", limit=1)
    rest = ask(scene, "record", "history", contract="doc", id="D", after=first["next"])

    assert receipt.code == "OK"
    assert [(one["method"], one["after"]) for one in items] == [
        ("doc.register", 1), ("doc.sign", 2),
    ]  # fmt: skip
    assert [one["after"] for one in rest["items"]] == [2]


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    st.lists(
        st.lists(st.sampled_from(["good", "again", "bad", "two"]), min_size=1, max_size=4),
        max_size=5,
    )
)
def test_the_index_holds_every_change_of_every_receipt_once_and_in_order(blocks):
    scene, number = Scene(), 0
    for block in blocks:
        signed = []
        for kind in block:
            number += 1
            calls = [("doc", "register", {"id": f"D{number}", "digest": sha256(bytes([number]))})]
            if kind == "two":
                calls.append(("doc", "register", {"id": f"E{number}", "digest": b"%032d" % number}))
            if kind == "bad":
                calls.append(("doc", "sign", {"id": "nothing", "version": 1}))
            if kind == "again":
                calls[0][2]["id"] = "D0"
            signed.append(scene.sign(calls))
        scene.block(*signed)
    told = [
        (change.key, receipt.height, receipt.index, change.before, change.after, receipt.tx_id)
        for height in range(1, scene.ledger.head.height + 1)
        for receipt in map(decode_receipt, scene.ledger.receipts(height))
        for call in receipt.calls
        for change in call.records
    ]
    indexed = [
        (key, one.height, one.index, one.before, one.after, one.tx_id)
        for key in sorted({one[0] for one in told})
        for one in scene.ledger.changes(key.encode(), (0, 0, -1))
    ]

    assert sorted(indexed) == sorted(told)
    assert len(list(scene.store.iterate_prefix(b"i"))) == len(told)


def test_replay_makes_the_same_index_again(assets):
    assets.pledge()
    again = AssetScene()
    again.receipt()
    again.pledge()

    index = list(assets.store.iterate_prefix(b"i"))
    assert index
    assert index == list(again.store.iterate_prefix(b"i"))


def test_a_record_of_any_contract_is_found_by_its_id_or_with_its_kind(assets):
    assert ask(assets, "record", "get", contract="asset", id="R")["key"] == "asset/record/R"
    member = ask(assets, "record", "get", contract="org", id="member/bank")
    assert member["record"]["key_id"]
    history = ask(assets, "record", "history", contract="org", id="member/bank")
    assert (history["key"], history["items"]) == ("org/member/bank", [])


# -- assets --------------------------------------------------------------------------------


def test_an_asset_is_shown_with_what_lies_on_it(assets):
    assert ask(assets, "asset", "get", id="R")["claims"] == []
    assets.pledge()
    shown = ask(assets, "asset", "get", id="R")

    assert (shown["controller"], shown["offer"], shown["status"]) == ("owner", None, "live")
    assert [(one["kind"], one["to"]) for one in shown["claims"]] == [("pledge", "bank")]


def test_an_unencumbered_asset_names_the_key_whose_absence_proves_it(assets):
    free = ask(assets, "asset", "free_of_encumbrance", id="R")
    assets.pledge()
    held = ask(assets, "asset", "free_of_encumbrance", id="R")

    assert (free["free"], free["key"]) == (True, "asset/held/R")
    assert held["free"] is False
    assert assets.ledger.get_state(held["key"].encode()) is not None


def test_a_tree_shows_root_parts_and_the_whole_sum(assets):
    assets.step("split", "R", {"parts": PARTS}, "owner", "keeper")
    assets.step(
        "split", "R1", {"parts": [{"id": "R11", "quantity": 30}, {"id": "R12", "quantity": 30}]},
        "owner", "keeper",
    )  # fmt: skip
    tree = ask(assets, "asset", "tree", id="R12")
    live = [one["quantity"] for one in tree["items"] if one["status"] == "live"]

    assert [one["id"] for one in tree["items"]] == ["R", "R1", "R2", "R11", "R12"]
    assert (tree["root"], tree["issued"], tree["ended"], sum(live)) == ("R", 100, 0, 100)
    assert tree["complete"] is True
    assert ask(assets, "asset", "tree", id="R", limit=2)["complete"] is False


def test_whoever_asks_for_what_is_theirs_gets_it_page_by_page(assets):
    for number in range(5):
        assets.token(f"T{number}")
    first = ask(assets, "asset", "mine", member="owner", limit=4)
    rest = ask(assets, "asset", "mine", member="owner", limit=4, after=first["next"])
    tokens = ask(assets, "asset", "mine", member="owner", family="test.token")

    assert [one["id"] for one in first["items"]] == ["R", "T0", "T1", "T2"]
    assert ([one["id"] for one in rest["items"]], rest["next"]) == (["T3", "T4"], "")
    assert len(tokens["items"]) == 5
    assert ask(assets, "asset", "mine", member="bank")["items"] == []


def test_a_unique_value_names_its_root_and_whether_that_is_over(assets):
    value = {"family": "test.receipt", "name": "number", "value": "R"}
    assert ask(assets, "asset", "by_unique", **value)["id"] == "R"
    assert ask(assets, "asset", "by_unique", **(value | {"value": "new"}))["id"] == ""
    assets.step("retire", "R", {"reason": "delivered"}, "owner", "keeper")
    assert ask(assets, "asset", "by_unique", **value)["over"] is True


def test_a_sum_is_that_of_the_standing_records(assets):
    assets.receipt("S", 50, lot="L2")

    assert (
        ask(assets, "asset", "sum", family="test.receipt", name="on_lot", value="L1")["sum"] == 100
    )
    assert ask(assets, "asset", "sum", family="test.receipt", name="on_lot", value="L9")["sum"] == 0


# -- profiles ------------------------------------------------------------------------------


def test_profiles_are_listed_shown_and_said(assets):
    found = ask(assets, "profile", "list")["items"]
    page = ask(assets, "profile", "list", limit=2)
    rest = ask(assets, "profile", "list", after=page["next"])
    said = ask(assets, "profile", "sentences", id="test.receipt@1", language="zh")["sentences"]

    ids = ["test.fixed@1", "test.receipt@1", "test.token@1"]
    assert [one["id"] for one in found] == ids
    assert [one["id"] for one in (*page["items"], *rest["items"])] == ids
    assert ask(assets, "profile", "list", state="proposed")["items"] == []
    assert ask(assets, "profile", "get", id="test.fixed@1")["profile"]["name"] == "test.fixed"
    assert said
    assert all(isinstance(one, str) and one for one in said)


def test_an_action_is_tried_on_a_record_of_the_chain_without_touching_it(assets):
    root = assets.ledger.head.state_root
    signers = [{"member": "owner"}, {"member": "keeper"}]
    args = {"id": "test.receipt@1", "action": "split", "asset": "R"}
    good = ask(assets, "profile", "simulate", record={"signers": signers}, **args)
    bad = ask(assets, "profile", "simulate", record={"signers": signers[:1]}, **args)

    assert (good["ok"], good["to"]) == (True, "issued")
    assert (bad["ok"], bad["code"]) == (False, "SIGN")
    assert assets.ledger.head.state_root == root


def test_an_action_is_tried_on_a_record_that_is_not_there():
    scene = Scene()
    scene.ok("profile", "propose", {"profile": written("recon.bank")}, "farm/boss")
    record = {"body": {}, "controller": "farm"}
    told = ask(scene, "profile", "simulate", id="recon.bank@1", action="none", record=record)

    assert told["ok"] is False


# -- documents, credentials, statements, grants --------------------------------------------


def test_everyone_who_registered_a_content_is_named_by_its_digest():
    scene, digest = Scene(), sha256(b"letter")
    for member in ("farm", "carrier"):
        args = {"id": f"{member}:1", "digest": digest}
        scene.ok("doc", "register", args, f"{member}/app")
    found = ask(scene, "doc", "by_digest", digest=digest.hex())["documents"]

    assert [one["owner"] for one in found] == ["carrier", "farm"]
    assert ask(scene, "doc", "by_digest", digest="00" * 32)["documents"] == []
    assert ask(scene, "doc", "get", id="farm:1")["document"]["digest"] == digest


def test_an_issuer_is_answered_for_now_and_for_any_height():
    scene = CredScene()
    scene.accredit()
    since = scene.ledger.head.height
    scene.decide("disaccredit", {"issuer": "farm", "type": "Licence", "reason": "over"})
    scene.block()
    now = ask(scene, "cred", "issuer_ok", issuer="farm", type="Licence")
    then = ask(scene, "cred", "issuer_ok", issuer="farm", type="Licence", height=since)

    assert (now["ok"], then["ok"], len(now["terms"])) == (False, True, 1)
    assert ask(scene, "cred", "issuer_ok", issuer="carrier", type="Licence")["ok"] is False


def test_a_status_list_becomes_the_credential_that_its_issuer_signs():
    scene = CredScene()
    scene.accredit()
    scene.open_list()
    scene.issue(index=9)
    change = {"list_id": "r", "version": 1, "reason_code": "error"}
    scene.ok("cred", "status", change | {"changes": [{"index": 9, "value": 1}]})
    made = ask(scene, "cred", "list_credential", list_id="r", url="https://farm.example/r")
    status = ask(scene, "cred", "status_of", list_id="r", index=9)
    subject = made["credential"]["credentialSubject"]

    assert decode_list(subject["encodedList"])[1] == 0b0100_0000
    assert made["credential"]["id"] == "https://farm.example/r"
    assert (status["value"], status["used"], status["note"]) == (1, True, None)
    assert ask(scene, "cred", "status_of", list_id="r", index=8)["used"] is False
    assert ask(scene, "cred", "logged", digest=(1).to_bytes(32, "big").hex())["type"] == "Licence"
    assert refusal(scene, "cred", "status_of", b'{"list_id":"r","index":%d}' % SIZE)[0] == "LIMIT"


def test_a_list_is_signed_with_a_key_of_its_own_member_alone():
    scene = CredScene()
    scene.open_list()
    args = b'{"list_id":"r","url":"https://f.example/r","key":"%s"}'
    key = ask(scene, "record", "get", contract="org", id="member/carrier")["record"]["key_id"]

    assert refusal(scene, "cred", "list_credential", args % key.encode())[0] == "AUTH"


def test_a_statement_is_shown_with_both_books_and_its_differences():
    scene = MatchScene()
    scene.shown()
    shown = ask(scene, "match", "get", id="S")

    assert sorted(shown["books"]) == ["carrier", "farm"]
    assert shown["statement"]["parties"] == ["carrier", "farm"]
    assert shown["differences"] == []


def test_a_consent_is_live_until_it_is_withdrawn():
    scene = GrantScene()
    scene.ok("grant", "consent", word(), "farm/app")
    args = {"subject": SUBJECT.hex(), "purpose": "audit", "controller": "farm"}
    before = ask(scene, "grant", "live", **args)
    listed = ask(scene, "grant", "consents_of", subject=SUBJECT.hex())["items"]
    late = ask(scene, "grant", "live", time=before["until"], **args)
    scene.ok("grant", "withdraw", taken_back(), "farm/app")
    after = ask(scene, "grant", "live", **args)

    assert (before["live"], late["live"], after["live"]) == (True, False, False)
    assert [(one["purpose"], one["controller"], one["consent"]) for one in listed] == [
        ("audit", "farm", "C"),
    ]  # fmt: skip
    assert scene.ledger.get_state(after["key"].encode()) is None
    assert ask(scene, "grant", "consents_of", subject=SUBJECT.hex())["items"] == []


def test_a_grant_is_shown_with_its_deliveries_and_uses():
    scene = GrantScene()
    scene.started()
    scene.done("deliver", delivery(), "roastery")
    shown = ask(scene, "grant", "get", id="A")

    assert (shown["agreement"]["consumer"], shown["deliveries"][0]["seq"]) == ("farm", 1)
    assert shown["uses"] == []
    assert ask(scene, "grant", "get", id="D")["dataset"]["controller"] == "roastery"
    assert refusal(scene, "grant", "get", b'{"id":"nothing"}')[0] == "MISSING"


def test_time_of_a_query_is_that_of_the_head(assets):
    assets.block(time=assets.ledger.head.time + DAY)
    reader = assets.ledger.query_reader()

    assert (reader.time, reader.height) == (assets.ledger.head.time, assets.ledger.head.height)
