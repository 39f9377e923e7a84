# ruff: noqa: RUF001 - Chinese punctuation is meant
"""The engine: who may, what must hold, what follows; nothing is written, nothing is asked twice."""

import pytest

from hansa.encoding import INT_MAX, encode_value
from ledger.contract import Refused
from ledger.machine import (
    Change,
    CloseTimer,
    EmitMatchLine,
    Encumber,
    Notify,
    OpenTimer,
    Release,
    sentences,
    simulate,
    transition,
)
from ledger.machine.guards import SHAPES, holds
from ledger.machine.steps import SHAPES as EFFECTS
from ledger.machine.wording import EFFECTS as EFFECT_WORDS
from ledger.machine.wording import GUARDS as GUARD_WORDS
from tests.unit.ledger.machine_scene import BODY, DAY, LABELS, NOW, of, plain, signer, situation


def refused(profile, action, there):
    with pytest.raises(Refused) as caught:
        transition(profile, action, there)
    return caught.value.code, caught.value.fields


def judged(check, *signers, **more):
    """Whether `note` with one guard is allowed: "" or the code of its refusal."""
    profile = plain(guard=[{"rule": "r", "check": check, "source": "law 7"}], by=["anyone"])
    try:
        transition(profile, "note", situation(profile, *(signers or ("holder",)), **more))
    except Refused as no:
        return no.code
    return ""


def test_a_birth_leads_to_its_state():
    profile = plain()

    assert transition(profile, "make", situation(profile, "farm", state="")) == Change(
        action="make", before="", to="open", final=False, changes={}, controller="", holder="",
        actor="farm", effects=(),
    )  # fmt: skip


def test_an_end_is_final():
    profile = plain()
    change = transition(profile, "close", situation(profile, "holder"))

    assert (change.before, change.to, change.final) == ("open", "closed", True)


def test_an_action_is_refused_from_another_state():
    profile = plain()

    assert refused(profile, "close", situation(profile, "holder", state="closed")) == (
        "STATE", {"action": "close", "have": "closed", "need": ["open"]},
    )  # fmt: skip
    assert refused(profile, "close", situation(profile, "holder", state=""))[0] == "STATE"


def test_an_unknown_action_is_refused_with_those_that_there_are():
    profile = plain()

    code, fields = refused(profile, "fly", situation(profile, "holder"))
    assert (code, fields["field"]) == ("SCHEMA", "/action")
    assert fields["need"] == ["make", "close", "start", "lapse", "note"]


@pytest.mark.parametrize("args", [{"x": 1}, {"n": "1"}, {"to": "A/B"}])
def test_arguments_are_those_of_the_action(args):
    profile = plain()

    code, fields = refused(profile, "note", situation(profile, "holder", args=args))
    assert (code, fields["field"]) == ("SCHEMA", "/args/" + next(iter(args)))


def test_who_may_not_act_is_told_who_may():
    profile = plain(by=["holder", "owner"])

    assert refused(profile, "note", situation(profile, "bank")) == (
        "AUTH",
        {
            "action": "note", "by": "bank/app", "members": ["holder", "farm"],
            "need": ["holder", "owner"],
        },
    )  # fmt: skip


def test_whoever_signs_first_among_those_who_may_acts():
    profile = plain(by=["holder", "owner"])

    assert transition(profile, "note", situation(profile, "bank", "farm", "holder")).actor == "farm"


ROLES = {
    "a party": ("owner", "farm", {}),
    "the controller": ("controller", "farm", {}),
    "anyone": ("anyone", "bank", {}),
    "who is named": ("taker", "bank", {"args": {"to": "bank"}}),
    "who is listed": ("listed", "bank", {"body": {"marks": ["bank", "shop"]}}),
    "who is secured": (
        "pledgee",
        "bank",
        {"facts": {"encumbrances": [{"kind": "pledge", "to": "bank"}]}},
    ),
    "who is accredited": ("court", "bank", {"facts": {"creds": [["court", "bank"]]}}),
}


@pytest.mark.parametrize("name", ROLES)
def test_a_role_is_filled_by(name):
    role, member, more = ROLES[name]
    profile = plain(by=[role])

    assert transition(profile, "note", situation(profile, member, **more)).actor == member


@pytest.mark.parametrize("name", [name for name in ROLES if name != "anyone"])
def test_a_role_is_filled_by_nobody_but(name):
    role, _, more = ROLES[name]
    profile = plain(by=[role])

    assert refused(profile, "note", situation(profile, "stranger", **more))[0] == "AUTH"


def test_a_desk_is_a_role_inside_the_member():
    profile = plain(by=["guardian", "helper"])
    bank = {"guardian": "bank"}

    assert transition(profile, "note", situation(profile, signer("bank", "safe"), body=bank))
    assert transition(profile, "note", situation(profile, signer("shop", "help"), body=bank))
    assert refused(profile, "note", situation(profile, signer("bank"), body=bank))[0] == "AUTH"
    assert (
        refused(profile, "note", situation(profile, signer("shop", "safe"), body=bank))[0] == "AUTH"
    )


def test_a_party_that_the_body_does_not_name_is_filled_by_nobody():
    profile = plain(by=["guardian"])

    assert refused(profile, "note", situation(profile, signer("", "safe")))[0] == "AUTH"


def test_a_cosigner_that_is_missing_is_named():
    profile = plain(cosign=["owner"])

    assert refused(profile, "note", situation(profile, "holder")) == (
        "SIGN", {"action": "note", "have": ["holder"], "members": ["farm"], "need": "owner"},
    )  # fmt: skip
    assert transition(profile, "note", situation(profile, "holder", "farm"))


def test_everyone_whom_an_encumbrance_secures_cosigns():
    profile = plain(cosign=["pledgee"])
    pledges = [{"kind": "pledge", "to": "bank"}, {"kind": "pledge", "to": "fund"}]
    facts = {"encumbrances": pledges}

    assert transition(profile, "note", situation(profile, "holder", "bank", "fund", facts=facts))
    assert refused(profile, "note", situation(profile, "holder", "bank", facts=facts))[0] == "SIGN"
    assert refused(profile, "note", situation(profile, "holder", "bank"))[0] == "SIGN"


def test_the_clock_signs_nothing_and_does_nothing_else():
    profile = plain()

    assert transition(profile, "lapse", situation(profile)).actor == ""
    assert refused(profile, "close", situation(profile)) == (
        "AUTH", {"action": "close", "by": "clock", "need": ["holder"]},
    )  # fmt: skip
    assert refused(profile, "lapse", situation(profile, "holder"))[0] == "AUTH"


@pytest.mark.parametrize(
    ("need", "facts"),
    [
        ("doc:slip", {"docs": ["slip"]}), ("event:packing", {"events": ["packing"]}),
        ("cred:skill", {"creds": [["skill", "holder"]]}),
    ],
)  # fmt: skip
def test_what_is_needed_must_be_there(need, facts):
    profile = plain(need=[need])

    assert transition(profile, "note", situation(profile, "holder", facts=facts))
    assert refused(profile, "note", situation(profile, "holder")) == (
        "LINK", {"action": "note", "by": "holder", "need": need},
    )  # fmt: skip


PLEDGED = {"encumbrances": [{"kind": "pledge", "to": "bank", "since": 5}]}
GOOD = [
    (["eq", "$body.code", "A1"], {}), (["eq", "$body.done", False], {}),
    (["ne", "$body.count", 4], {}), (["lt", "$body.count", 4], {}), (["le", "$body.count", 3], {}),
    (["gt", "$quantity", 9], {}), (["ge", "$time", NOW], {}), (["eq", "$state", "open"], {}),
    (["in", "$body.code", ["B", "A1"]], {}), (["between", "$body.count", 3, 4], {}),
    (["within_days", "$time", {"add": ["$time", {"days": 7}]}, 7], {}),
    (["sum_eq", ["$body.numbers", "$body.count"], 6], {"body": {"numbers": [1, 2]}}),
    (["unique", "invoice"], {}), (["same_org", "$actor", "$party.holder"], {}),
    (["not_same_org", "$actor", "$body.owner"], {}), (["has_signed", "holder"], {}),
    (["has_cred", "skill", "$body.owner"], {"facts": {"creds": [["skill", "farm"]]}}),
    (["no_encumbrance", "pledge"], {}), (["no_encumbrance", "*"], {}),
    (["pledgee_signed", "pledge"], {}),
    (["consent_for", "loan", "$body.code"], {"facts": {"consents": [["loan", "A1", "holder"]]}}),
    (["in_geofence", 5, "$body.count", 0, 0, 9, 9], {}),
    (["in_geofence", 5, "$body.count", 0, 170, 9, 10], {}),
    (["in_geofence", 5, {"mul": ["$body.count", 60]}, 0, 170, 9, -10], {}),
    (["sensor_within", "$body.count", 4, 3, 4], {}),
    (["le", {"add": ["$sum.live", "$quantity"]}, "$linked.other.count"],
     {"facts": {"totals": {"live": 40}, "linked": {"other": {"count": 50}}}}),
    (["eq", "$linked.other.state", "open"], {"facts": {"linked": {"other": {"$state": "open"}}}}),
    (["eq", "$linked.other.quantity", 5], {"facts": {"linked": {"other": {"$quantity": 5}}}}),
    (["eq", {"sub": ["$body.count", {"div": [7, 2]}]}, 0], {}),
    (["eq", {"count": ["$body.invoices"]}, 2], {}), (["eq", {"count": ["$body.names"]}, 0], {}),
]  # fmt: skip


@pytest.mark.parametrize(("check", "more"), GOOD)
def test_a_guard_lets_pass(check, more):
    assert judged(check, **more) == ""


BAD = [
    (["eq", "$body.code", "A2"], {}, "RULE"), (["ne", "$body.count", 3], {}, "RULE"),
    (["lt", "$body.count", 3], {}, "RULE"), (["le", "$body.count", 2], {}, "RULE"),
    (["gt", "$body.count", 3], {}, "RULE"), (["ge", "$body.count", 4], {}, "RULE"),
    (["in", "$body.code", ["B"]], {}, "RULE"), (["between", "$body.count", 4, 5], {}, "RULE"),
    (["within_days", "$time", {"add": ["$time", {"days": 8}]}, 7], {}, "RULE"),
    (["within_days", "$time", {"sub": ["$time", 1]}, 7], {}, "RULE"),
    (["sum_eq", ["$body.numbers"], 4], {"body": {"numbers": [1, 2]}}, "RULE"),
    (["sum_eq", ["$body.numbers"], 0], {}, "RULE"),
    (["unique", "invoice"], {"facts": {"used": [["invoice", "b" * 64]]}}, "DUPLICATE"),
    (["same_org", "$actor", "$body.owner"], {}, "RULE"),
    (["same_org", "$body.guardian", "$body.guardian"], {}, "RULE"),
    (["not_same_org", "$actor", "$party.holder"], {}, "RULE"),
    (["not_same_org", "$actor", "$body.guardian"], {}, "RULE"),
    (["has_signed", "owner"], {}, "RULE"), (["has_cred", "skill", "$body.owner"], {}, "RULE"),
    (["has_cred", "skill", "$body.guardian"], {}, "RULE"),
    (["no_encumbrance", "pledge"], {"facts": PLEDGED}, "HELD"),
    (["no_encumbrance", "*"], {"facts": PLEDGED}, "HELD"),
    (["pledgee_signed", "pledge"], {"facts": PLEDGED}, "HELD"),
    (["consent_for", "loan", "$body.code"], {}, "CONSENT"),
    (["consent_for", "loan", "$body.guardian"], {}, "CONSENT"),
    (["in_geofence", 10, "$body.count", 0, 0, 9, 9], {}, "RULE"),
    (["in_geofence", 5, {"mul": ["$body.count", 30]}, 0, 170, 9, -10], {}, "RULE"),
    (["sensor_within", "$body.count", 5, 3, 4], {}, "RULE"),
    (["sensor_within", 5, "$body.count", 3, 5], {}, "RULE"),
    (["le", "$linked.other.count", 5], {}, "RULE"), (["ne", "$body.note", "x"], {}, "RULE"),
    (["eq", "$linked.other.count", 5], {"facts": {"linked": {"other": {"count": "5"}}}}, "RULE"),
    (["eq", {"div": ["$body.count", {"sub": ["$body.count", 3]}]}, 0], {}, "RULE"),
    (["le", {"add": ["$body.until", 1]}, 5], {}, "RULE"),
    (["eq", {"mul": ["$body.count", INT_MAX]}, 0], {}, "LIMIT"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "more", "code"), BAD)
def test_a_guard_refuses(check, more, code):
    assert judged(check, **more) == code


def test_a_unique_value_that_is_missing_is_refused():
    profile = plain(guard=[{"rule": "r", "check": ["unique", "code"]}])
    there = situation(profile, "holder", body={"code": None})

    assert refused(profile, "note", there)[0] == "RULE"


def test_a_rule_tells_its_id_its_source_and_the_values():
    profile = plain(
        guard=[{"rule": "enough", "check": ["le", "$body.count", 2], "source": "law 7"}]
    )

    assert refused(profile, "note", situation(profile, "holder")) == (
        "RULE", {"check": "le", "rule": "enough", "source": "law 7", "values": [3, 2]},
    )  # fmt: skip


def test_what_holds_a_record_is_told_with_whom_it_secures_and_since_when():
    profile = plain(guard=[{"rule": "free", "check": ["no_encumbrance", "*"]}])

    assert refused(profile, "note", situation(profile, "holder", facts=PLEDGED)) == (
        "HELD",
        {"by": "bank", "check": "no_encumbrance", "kind": "pledge", "rule": "free", "since": 5},
    )  # fmt: skip


def test_a_refusal_repeats_long_texts_and_lists_in_part():
    check = ["eq", "$body.note", "x"]
    profile = plain(guard=[{"rule": "r", "check": check}])
    there = situation(profile, "holder", body={"note": "n" * 500})
    numbers = plain(guard=[{"rule": "r", "check": ["sum_eq", ["$body.numbers"], 1]}])
    long = situation(numbers, "holder", body={"numbers": [1] * 256})

    assert refused(profile, "note", there)[1]["values"] == ["n" * 64, "x"]
    assert refused(numbers, "note", long)[1]["values"] == [[[1] * 64], 1]
    assert len(encode_value(refused(numbers, "note", long)[1])) < 4096


@pytest.mark.parametrize("name", ["eq", "ne", "lt", "in", "same_org", "not_same_org", "between"])
def test_what_is_missing_fails_every_guard(name):
    words = [[]] if name == "in" else [None] * (len(SHAPES[name]) - 1)

    assert not holds(name, [None, *words])


def done(effect, *signers, args=None, **more):
    profile = plain(
        effect=effect,
        args={
            "n": of("int", optional=True),
            "to": of("member", optional=True),
            "word": of("text", optional=True),
        },
    )
    return transition(
        profile, "note", situation(profile, *(signers or ("holder",)), args=args or {}, **more)
    )


def test_effects_change_the_body_in_order():
    change = done(
        [["inc", "total", 5], ["inc", "total", "$body.total"], ["set", "count", "$body.total"]]
    )

    assert change.changes == {"count": 10, "total": 10}


def test_the_situation_that_was_given_stays_as_it_was():
    profile = plain(effect=[["set", "count", 7]])
    there = situation(profile, "holder")
    transition(profile, "note", there)

    assert there.body["count"] == 3


def test_an_optional_argument_that_is_not_given_leaves_the_field():
    assert done([["set", "note", "$args.word"]]).changes == {}
    assert done([["set", "note", "$args.word"]], args={"word": "x"}).changes == {"note": "x"}


def test_control_and_possession_move_to_whom_the_effect_names():
    change = done(
        [["set", "controller", "$args.to"], ["set", "holder", "$actor"]], args={"to": "bank"}
    )

    assert (change.controller, change.holder) == ("bank", "holder")


def test_a_list_of_words_grows_by_a_new_one():
    one = {"with": ["$body.names", "$actor"]}

    assert done([["set", "names", one]]).changes == {"names": ["holder"]}
    assert done([["set", "names", one]], body={"names": ["a"]}).changes == {
        "names": ["a", "holder"]
    }
    assert done([["set", "names", []]], body={"names": ["a"]}).changes == {"names": []}


def test_a_word_that_is_in_its_list_is_told_so():
    with pytest.raises(Refused) as caught:
        done(
            [["set", "names", {"with": ["$body.names", "$actor"]}]],
            body={"names": ["a", "holder"]},
        )

    assert caught.value.code == "EXISTS"
    told = caught.value.fields
    assert (told["field"], told["have"], told["by"]) == ("/body/names", "holder", "holder")


MISSING = {
    "a value that nobody gave": ([["set", "total", "$body.until"]], {}),
    "a holder that nobody gave": ([["set", "holder", "$args.to"]], {}),
    "growth by nothing": ([["inc", "total", "$args.n"]], {}),
    "growth of what is no number": ([["inc", "total", 1]], {"body": {"total": "x"}}),
    "a deadline that is not set": ([["open_timer", "end"]], {}),
    "a deadline before 1970": ([["open_timer", "end"]], {"body": {"ends_at": -1}}),
    "security for nobody": ([["encumber", "pledge", "$args.to"]], {}),
    "a line without an amount": (
        [["emit_match_line", "fee", "$actor", "$body.owner", "$args.n", "EA"]],
        {},
    ),
    "a line without a debtor": (
        [["emit_match_line", "fee", "$actor", "$body.guardian", 1, "EA"]],
        {},
    ),
}


@pytest.mark.parametrize("name", MISSING)
def test_an_effect_is_refused_with(name):
    effect, more = MISSING[name]

    with pytest.raises(Refused) as caught:
        done(effect, **more)
    assert caught.value.code == "RULE"
    assert caught.value.fields["rule"] == "note.effect.0"


def test_a_number_stays_within_64_bits():
    with pytest.raises(Refused) as caught:
        done([["inc", "total", 1]], body={"total": INT_MAX})

    assert caught.value.code == "LIMIT"


def test_what_effects_write_fits_the_fields():
    with pytest.raises(Refused) as caught:
        done([["set", "count", 2000]])

    assert (caught.value.code, caught.value.fields["field"]) == ("SCHEMA", "/body/count")


def test_what_is_left_to_do_comes_as_data_in_order():
    effect = [
        ["set", "ends_at", {"add": ["$time", {"days": 2}]}], ["open_timer", "end"],
        ["notify", "pledgee"], ["notify", "listed"], ["notify", "anyone"], ["close_timer", "end"],
        ["emit_match_line", "fee", "$actor", "$body.owner", {"mul": ["$quantity", 3]}, "CNY-cent"],
        ["encumber", "pledge", "$args.to"], ["release", "pledge", "bank"],
    ]  # fmt: skip
    change = done(effect, args={"to": "fund"}, facts=PLEDGED, body={"marks": ["a", "b", "a"]})

    assert change.effects == (
        OpenTimer("end", NOW + 2 * DAY, "lapse"), Notify("pledgee", ("bank",)),
        Notify("listed", ("a", "b")), Notify("anyone", ()), CloseTimer("end"),
        EmitMatchLine("fee", "holder", "farm", 30, "CNY-cent"), Encumber("pledge", "fund"),
        Release("pledge", "bank"),
    )  # fmt: skip


def test_a_simulation_tells_the_change():
    profile = plain(effect=[["inc", "total", 2], ["notify", "owner"]])
    record = {
        "body": {**BODY, "total": 1}, "controller": "farm", "state": "open",
        "signers": [{"member": "farm"}],
    }  # fmt: skip

    assert simulate(profile, record, "note", {}) == {
        "ok": True, "action": "note", "actor": "farm", "before": "open", "changes": {"total": 3},
        "controller": "", "holder": "", "final": False, "to": "open",
        "effects": [{"effect": "notify", "role": "owner", "members": ["farm"]}],
    }  # fmt: skip


def test_a_simulation_tells_the_refusal():
    profile = plain()
    record = {"body": BODY, "controller": "farm", "signers": [{"member": "bank"}]}

    assert simulate(profile, record, "make", {})["code"] == "AUTH"
    assert simulate(profile, {**record, "body": {}}, "make", {})["code"] == "SCHEMA"
    assert simulate(profile, {"colour": 1}, "make", {})["fields"]["field"] == "/record"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_guard_and_effect_has_words(language):
    guards = [{"rule": f"r{number}", "check": check} for number, (check, _) in enumerate(GOOD[:16])]
    effect = [
        ["set", "names", {"with": ["$body.names", "$actor"]}], ["set", "names", []],
        ["inc", "total", {"count": ["$body.marks"]}], ["set", "holder", "$party.guardian"],
        ["close_timer", "end"], ["encumber", "pledge", "$args.to"], ["open_timer", "end"],
    ]  # fmt: skip
    said = sentences(plain(guard=guards, effect=effect), language)

    assert all(said)
    assert set(GUARD_WORDS) == set(SHAPES)
    assert set(EFFECT_WORDS) == set(EFFECTS)


def test_a_rule_reads_like_a_sentence():
    check = ["le", {"add": ["$body.count", "$args.n"]}, {"mul": ["$quantity", {"sub": [3, 1]}]}]
    profile = plain(guard=[{"rule": "enough", "check": check, "source": "law 7"}])

    assert (
        "Rule enough: “something” + the given “something” must not exceed"
        " the quantity × (3 − 1) (law 7)." in sentences(profile, "en")
    )
    assert "规则 enough：「某物」 + 所报「某物」不得大于数量 × (3 − 1)（law 7）。" in sentences(
        profile, "zh"
    )


def test_labels_are_the_profiles_own():
    said = sentences(plain(labels={"zh": "记一笔", "en": "note down"}), "en")

    assert "“note down” is done by the holder in the state “something”; the state stays." in said
    assert LABELS["en"] == "something"
