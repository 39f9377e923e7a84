"""`script`: proposed with its source, decided on by the members, called, frozen, retired."""

import pytest

from hansa.block import Proposal
from hansa.hashing import sha256
from hansa.signing import verify
from ledger.contract import load
from ledger.contracts.script_records import ScriptVersion
from ledger.execution import Ledger
from ledger.rules import BlockRefused, weight_of
from tests.unit.ledger.scene import Scene
from tests.unit.ledger.script_scene import BOSSES, ScriptScene

SOURCE = '''
"""Counts."""
def add(n, to="x"):
    put("count/" + to, get("count/" + to, 0) + n)
    event("added", n=n, by=caller())
    return get("count/" + to)
def no(reason="never", code="RULE"):
    put("count/x", 99)
    refuse(reason, code=code, have=1)
def facts():
    return [caller(), subject(), signers(), now(), height()]
def _hidden(): pass
def test_x(): return []
'''


@pytest.fixture
def scene():
    return ScriptScene()


@pytest.fixture
def active(scene):
    scene.publish(SOURCE)
    return scene


def test_a_proposal_stands_with_its_source_and_does_not_run(scene):
    answer = scene.ok("script", "propose", {"name": "s", "source": SOURCE}, "farm/boss")

    assert (answer["state"], answer["number"], answer["script"]) == ("open", 1, "proposed")
    version = load(scene.ledger.get_state(b"script/record/s@1"), ScriptVersion)
    assert (version.source, version.digest) == (SOURCE, sha256(SOURCE.encode()))
    receipt = scene.run("add", n=1)
    assert (receipt.code, receipt.error_fields()["have"]) == ("STATE", "proposed")


def test_a_proposal_writes_four_keys(scene):
    staged = scene.build(
        [scene.sign([("script", "propose", {"name": "s", "source": SOURCE})], ("farm/boss",))]
    )
    keys = [key[1:] for key in staged.writes if key.startswith(b"s") and staged.writes[key]]

    assert len(keys) == 4


def test_members_put_a_script_in_force_and_anybody_calls_it(active):
    receipt = active.run("add", n=2, signer="retailer/app")

    assert receipt.code == "OK"
    (call,) = receipt.calls
    answer = call.value()
    assert (answer["result"], answer["script"], answer["written"]) == (
        2, "s@1", ["script/data/s/count/x"],
    )  # fmt: skip
    assert answer["steps"] > 0 < answer["size"]
    assert [(event.name, event.fields()) for event in call.events] == [
        (
            "script.event",
            {"fields": {"by": "retailer", "n": 2}, "name": "added", "script": "s"},
        ),
        ("script.called", {"function": "add", "id": "s@1"}),
    ]
    assert active.result("add", n=3) == 5
    assert active.value("script/data/s/count/x") == 5


def test_a_refusal_of_a_script_takes_back_what_it_wrote(active):
    active.run("add", n=1)
    receipt = active.run("no")

    assert (receipt.code, receipt.error_fields()) == ("RULE", {"have": 1, "reason": "never"})
    assert active.value("script/data/s/count/x") == 1


def test_a_script_refuses_with_the_codes_that_are_its_own(active):
    assert active.run("no", code="SUM").code == "SUM"
    for code in ("LIMIT", "FAULT", "SIGN", "OK", "x"):
        receipt = active.run("no", code=code)
        assert (receipt.code, receipt.error_fields()["have"]) == ("RULE", "code")


def test_a_script_knows_who_calls_it_and_when(active):
    signed = active.sign(
        [("script", "call", {"name": "s", "function": "facts"})], ("farm/app", "carrier/boss")
    )
    receipt = active.block(signed)[-1]

    header = active.ledger.head
    assert receipt.calls[0].value()["result"] == [
        "farm", "farm/app", ["farm", "carrier"], header.time, header.height,
    ]  # fmt: skip


BAD_CALLS = {
    "of an unknown script": ({"name": "t", "function": "add"}, "MISSING"),
    "of an unknown function": ({"name": "s", "function": "sub"}, "MISSING"),
    "of a private function": ({"name": "s", "function": "_hidden"}, "SCHEMA"),
    "of a test": ({"name": "s", "function": "test_x"}, "MISSING"),
    "without an argument": ({"name": "s", "function": "add"}, "SCHEMA"),
    "with one more": ({"name": "s", "function": "add", "args": {"n": 1, "m": 1}}, "SCHEMA"),
    "with bytes": ({"name": "s", "function": "add", "args": {"n": [{"a": b""}]}}, "SCHEMA"),
    "of another version": ({"name": "s", "function": "facts", "number": 2}, "STALE"),
    "with too much": ({"name": "s", "function": "add", "args": {"n": "x" * 65_532}}, "LIMIT"),
    "with a wrong type": ({"name": "s", "function": "add", "args": {"n": "x"}}, "RULE"),
}


@pytest.mark.parametrize("name", BAD_CALLS)
def test_a_wrong_call_is_refused(active, name):
    args, code = BAD_CALLS[name]

    receipt = active.call("script", "call", args)

    assert receipt.code == code, receipt.error_fields()


def test_the_version_that_a_caller_read_may_be_named(active):
    args = {"name": "s", "function": "facts", "number": 1}

    assert active.call("script", "call", args).code == "OK"


def test_a_new_version_takes_the_place_of_the_old_and_keeps_the_data(active):
    active.run("add", n=1)
    active.ok("script", "propose", {"name": "s", "source": "def add(n): return get('count/x')\n"},
              "carrier/boss")  # fmt: skip
    assert active.result("add", n=5) == 6, "the vote is open: the old one runs"
    active.vote("s", "farm/boss", "retailer/boss")

    assert active.result("add", n=9) == 6
    assert (active.head("s")["current"], active.head("s")["latest"]) == (2, 2)
    first = load(active.ledger.get_state(b"script/record/s@1"), ScriptVersion)
    assert first.source == SOURCE


def test_a_second_vote_on_a_script_waits_for_the_first(scene):
    given = {"name": "s", "source": SOURCE}
    scene.ok("script", "propose", given, "farm/boss")
    receipt = scene.call("script", "propose", given, "carrier/boss")

    assert (receipt.code, receipt.error_fields()["have"]) == ("STATE", "voted on")


def test_what_is_turned_down_may_be_proposed_anew(scene):
    scene.ok("script", "propose", {"name": "s", "source": SOURCE}, "farm/boss")
    for boss in ("carrier/boss", "roastery/boss"):
        args = {"name": "s", "version": scene.version("s"), "reason": "too short"}
        answer = scene.ok("script", "object", args, boss)
    assert answer["state"] == "refused"
    assert scene.run("facts").code == "STATE"

    scene.publish(SOURCE)
    assert scene.head("s")["current"] == 2
    assert scene.run("facts").code == "OK"


def test_what_is_no_script_cannot_be_proposed(scene):
    receipt = scene.call("script", "propose", {"name": "s", "source": "x = 1.5\n"}, "farm/boss")

    assert (receipt.code, receipt.error_fields()) == (
        "SCHEMA", {"field": "$.source", "have": "number", "line": 1},
    )  # fmt: skip


def test_who_may_not_vote_cannot_propose(scene):
    receipt = scene.call("script", "propose", {"name": "s", "source": SOURCE}, "farm/app")

    assert receipt.code == "AUTH"


def test_an_approval_names_the_version_that_was_seen(scene):
    scene.ok("script", "propose", {"name": "s", "source": SOURCE}, "farm/boss")

    assert scene.call("script", "approve", {"name": "s", "version": 7}, BOSSES[1]).code == "STALE"
    assert scene.call("script", "approve", {"name": "t", "version": 1}, BOSSES[1]).code == "MISSING"


def decide(scene, method, reason="why"):
    scene.ok(
        "script", method, {"name": "s", "version": scene.version("s"), "reason": reason}, BOSSES[0]
    )
    return scene.vote("s")


def test_a_frozen_script_rests_until_it_is_resumed(active):
    assert decide(active, "freeze")["state"] == "passed"
    receipt = active.run("facts")
    assert (receipt.code, receipt.error_fields()) == (
        "HELD",
        {"have": "frozen", "height": active.head("s")["since"], "id": "s", "reason": "why"},
    )

    decide(active, "resume")
    assert active.run("facts").code == "OK"


def test_a_retired_script_never_runs_again(active):
    active.run("add", n=4)
    decide(active, "retire")

    assert active.run("facts").code == "STATE"
    for method in ("freeze", "resume", "retire"):
        args = {"name": "s", "version": active.version("s"), "reason": ""}
        assert active.call("script", method, args, BOSSES[0]).code == "STATE"
    assert (
        active.call("script", "propose", {"name": "s", "source": SOURCE}, BOSSES[0]).code == "STATE"
    )
    assert active.value("script/data/s/count/x") == 4


def test_only_an_active_script_can_be_frozen(scene):
    scene.ok("script", "propose", {"name": "s", "source": SOURCE}, BOSSES[0])

    args = {"name": "s", "version": scene.version("s")}
    assert scene.call("script", "freeze", args, BOSSES[0]).code == "STATE"


def test_a_frozen_script_gets_a_new_version_and_stays_frozen(active):
    decide(active, "freeze")
    active.publish("def facts(): return 2\n")

    assert active.run("facts").code == "HELD"
    decide(active, "resume")
    assert active.result("facts") == 2


STORE = """
def put_many(n):
    for i in range(n):
        put("k%d" % i, i)
def put_large(n):
    put("k", "x" * n)
def put_at(key):
    put(key, 1)
def put_value(what):
    put("k", [1, (2, 3)] if what == "tuple" else {1: 2} if what == "keys" else None)
def drop(key):
    delete(key)
    return get(key, "gone")
def names(prefix=""):
    return keys(prefix)
def events(n):
    for i in range(n):
        event("e", i=i)
def many_fields():
    event("e", a=1, b=1, c=1, d=1, e=1, f=1, g=1, h=1, i=1)
def bad_event():
    event("Not A Name")
def give(x):
    return x
def nest(n):
    x = 1
    for i in range(n):
        x = [x]
    return x
def not_text():
    return {1: 2}
def a_range():
    return range(3)
def long_reason():
    refuse("x" * 1000, have=["y" * 5000])
def odd_field():
    refuse("x", colour=1)
def no_reason():
    refuse(7)
"""


@pytest.fixture
def store(scene):
    scene.publish(STORE)
    return scene


LIMITS = {
    "64 writes": ("put_many", {"n": 64}, "OK", None),
    "65 writes": ("put_many", {"n": 65}, "LIMIT", "writes"),
    "16 KiB": ("put_large", {"n": 16 * 1024 - 3}, "OK", None),
    "more than 16 KiB": ("put_large", {"n": 16 * 1024 - 2}, "LIMIT", "value"),
    "32 events": ("events", {"n": 32}, "OK", None),
    "33 events": ("events", {"n": 33}, "LIMIT", "events"),
    "nine fields": ("many_fields", {}, "LIMIT", "events"),
    "15 levels": ("nest", {"n": 15}, "OK", None),
    "16 levels": ("nest", {"n": 16}, "LIMIT", "nesting"),
    "17 levels": ("nest", {"n": 17}, "LIMIT", "nesting"),
    "a key with a space": ("put_at", {"key": "a b"}, "RULE", "program"),
    "an empty key": ("put_at", {"key": ""}, "RULE", "program"),
    "a long key": ("put_at", {"key": "k" * 129}, "RULE", "program"),
    "a key that climbs": ("put_at", {"key": "../x"}, "RULE", "program"),
    "the longest key": ("put_at", {"key": "k" * 128}, "OK", None),
    "no key": ("put_at", {"key": 7}, "RULE", "program"),
    "a tuple": ("put_value", {"what": "tuple"}, "OK", None),
    "a map with numbers": ("put_value", {"what": "keys"}, "RULE", "program"),
    "nothing": ("put_value", {"what": "none"}, "RULE", "program"),
    "a bad event": ("bad_event", {}, "RULE", "program"),
    "a result with numbers as keys": ("not_text", {}, "RULE", "program"),
    "a range as a result": ("a_range", {}, "RULE", "program"),
    "a field that is not said": ("odd_field", {}, "RULE", "program"),
    "large fields": ("long_reason", {}, "RULE", "program"),
    "a reason that is no text": ("no_reason", {}, "RULE", "program"),
}


@pytest.mark.parametrize("name", LIMITS)
def test_what_a_script_writes_and_says_has_limits(store, name):
    function, args, code, field = LIMITS[name]

    receipt = store.run(function, **args)

    assert (receipt.code, receipt.error_fields().get("field")) == (code, field), (
        receipt.error_fields()
    )


def test_a_script_lists_and_deletes_its_own_keys_only(store):
    store.publish("def put_at(key): put(key, 1)\n", name="s2")
    store.run("put_at", name="s2", key="other")
    store.run("put_many", n=3)

    assert store.result("names") == ["k0", "k1", "k2"]
    assert store.result("drop", key="k1") == "gone"
    assert store.result("names", prefix="k") == ["k0", "k2"]
    assert store.result("names", prefix="o") == []
    assert store.value("script/data/s2/other") == 1


def test_the_meter_of_the_transaction_holds_inside_a_script():
    from tests.unit.ledger.scene import genesis

    scene = ScriptScene(genesis(parameters={"transaction.keys": 64}))
    scene.publish(STORE)
    call = ("script", "call", {"name": "s", "function": "put_many", "args": {"n": 40}})
    other = ("script", "call", {"name": "s2", "function": "put_many", "args": {"n": 40}})
    scene.publish(STORE, name="s2")

    receipt = scene.block(scene.sign([call, other]))[-1]

    assert (receipt.code, receipt.failed_call) == ("LIMIT", 1)
    assert receipt.error_fields() == {"field": "keys", "need": 64}


def test_more_keys_than_a_listing_holds_are_a_limit(store):
    source = "def fill(a):\n    for i in range(64):\n        put('k%d-%d' % (a, i), 1)\n"
    source += "def names(): return keys()\n"
    store.publish(source, name="s")
    for part in range(4):
        store.run("fill", a=part)
    assert len(store.result("names")) == 256
    store.run("fill", a=5)

    assert store.run("names").error_fields()["field"] == "listing"


@pytest.mark.parametrize(
    "value", [0, -5, 2**63 - 1, -(2**63), "é中\n\x00", [1, [2]], {"a": {}}, True, None]
)
def test_a_value_comes_back_as_it_went_in(store, value):
    assert store.result("give", x=value) == value


def test_a_call_weighs_what_a_script_may_take(active):
    call = ("script", "call", {"name": "s", "function": "facts"})
    one, two = active.sign([call]), active.sign([call, call])

    assert weight_of(one) > 20_000
    assert weight_of(two) - weight_of(one) > 20_000


def test_a_proposal_weighs_what_reading_a_source_may_take(active):
    given = {"name": "t", "source": "def f(): pass\n"}

    assert 60_000 < weight_of(active.sign([("script", "propose", given)])) < 61_000


def test_a_ledger_without_a_sandbox_has_no_result_and_no_receipt(active):
    signed = active.sign([("script", "call", {"name": "s", "function": "facts"})])
    staged = active.build([signed])
    active.ledger = Ledger.open(active.store, verify)

    assert active.build([signed]).transactions == ()
    assert active.ledger.dropped[0].code == "transaction.no-result"
    with pytest.raises(BlockRefused) as caught:
        active.ledger.run(
            Proposal(staged.header, (signed.tx_hash,), active.certificate),
            (signed,),
            signatures_checked=True,
        )
    assert (caught.value.code, caught.value.index) == ("transaction.no-result", 0)


def test_a_chain_without_scripts_has_no_need_of_a_sandbox():
    assert Scene().ledger.head.height == 0
