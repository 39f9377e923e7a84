"""Reading a profile: what could never work is refused, at the JSON pointer where it stands."""

import copy

import pytest

from ledger.contract import Refused
from ledger.machine import check_body, decode_profile, load_profile, parties_of, unique_values
from ledger.machine.schema import PROFILE_BYTES_MAX
from tests.unit.ledger.machine_scene import LABELS, PLAIN, plain, row, stored

A_FIELD = {"type": "int", "labels": LABELS}


def refused(profile):
    with pytest.raises(Refused) as caught:
        decode_profile(profile)
    return caught.value.code, caught.value.fields["field"]


def test_a_profile_is_read():
    profile = plain()

    assert (profile.id, profile.family, profile.births) == ("test.thing@1", "test.thing", ("make",))
    assert profile.find("make", "").to == "open"
    assert profile.find("make", "open") is None
    assert profile.find("note", "open").to == ""
    assert (profile.has("close"), profile.has("fly")) == (True, False)


def test_canonical_bytes_give_the_same_profile_each_time():
    written = stored()

    assert load_profile(written) is load_profile(bytes(bytearray(written)))
    assert load_profile(written).id == "test.thing@1"


WRONG = {
    "no map": ([], ""),
    "a float": ({"quantity": {"unit": "KGM", "least": 1.5}}, ""),
    "an unknown part": ({"colour": "red"}, ""),
    "no name": ({"name": ""}, "/name"),
    "a name with a slash": ({"name": "a/b"}, "/name"),
    "version zero": ({"version": 0}, "/version"),
    "a label in one language": ({"labels": {"zh": "甲"}}, "/labels"),
    "a digest that is none": ({"text_digest": "abc"}, "/text_digest"),
    "a field of an unknown type": ({"fields.x": {**A_FIELD, "type": "float"}}, "/fields/x/type"),
    "a field that every record has": ({"fields.version": A_FIELD}, "/fields/version"),
    "a field that is private as well": ({"fields.hidden": A_FIELD}, "/fields/hidden"),
    "bounds that leave nothing": (
        {"fields.x": {**A_FIELD, "least": 2, "most": 1}},
        "/fields/x/least",
    ),
    "bounds of a flag": (
        {"fields.x": {"type": "flag", "labels": LABELS, "most": 1}},
        "/fields/x/most",
    ),
    "a text that is too long": (
        {"fields.x": {"type": "text", "labels": LABELS, "most": 1025}},
        "/fields/x/most",
    ),
    "a list that is too long": (
        {"fields.x": {"type": "ints", "labels": LABELS, "most": 257}},
        "/fields/x/most",
    ),
    "choices of a number": ({"fields.x": {**A_FIELD, "choices": ["1"]}}, "/fields/x/choices"),
    "a choice twice": (
        {"fields.x": {"type": "text", "labels": LABELS, "choices": ["a", "a"]}},
        "/fields/x/choices",
    ),
    "a start that anyone may give": ({"fields.x": {**A_FIELD, "start": 1}}, "/fields/x/start"),
    "a start of another type": (
        {"fields.x": {**A_FIELD, "computed": True, "start": "one"}},
        "/fields/x/start",
    ),
    "a field computed and changeable": (
        {"fields.x": {**A_FIELD, "computed": True, "changeable": True}},
        "/fields/x/changeable",
    ),
    "a role with the name of a built-in one": (
        {"roles.clock": {"kind": "anyone", "labels": LABELS}},
        "/roles/clock",
    ),
    "a role of an unknown kind": ({"roles.x": {"kind": "king", "labels": LABELS}}, "/roles/x/kind"),
    "a party that no field names": ({"roles.x": {"kind": "party", "labels": LABELS}}, "/roles/x"),
    "a list that is no list": (
        {"roles.x": {"kind": "listed", "of": "count", "labels": LABELS}},
        "/roles/x/of",
    ),
    "a security that is not there": (
        {"roles.x": {"kind": "secured", "of": "lien", "labels": LABELS}},
        "/roles/x/of",
    ),
    "a credential without a type": (
        {"roles.x": {"kind": "accredited", "labels": LABELS}},
        "/roles/x/of",
    ),
    "a unique key over nothing": ({"unique.x": {"field": "nothing"}}, "/unique/x/field"),
    "a unique flag": ({"unique.x": {"field": "done"}}, "/unique/x/field"),
    "a sum by a list": ({"sums.x": {"by": "marks", "of": "count", "labels": LABELS}}, "/sums/x/by"),
    "a sum of words": ({"sums.x": {"by": "code", "of": "code", "labels": LABELS}}, "/sums/x/of"),
    "too many encumbrances": ({"encumbrances.x": 9}, "/encumbrances"),
    "a final state that is none": ({"machine.final": ["gone"]}, "/machine/final/0"),
    "a state that nothing leads to": ({"machine.states.lonely": LABELS}, "/machine/states/lonely"),
    "a timer whose action the clock may not do": (
        {"timers.end": {"at": "$time", "action": "note", "labels": LABELS}},
        "/timers/end/action",
    ),
    "a timer that nothing opens": (
        {"timers.idle": {"at": "$time", "action": "lapse", "labels": LABELS}},
        "/timers/idle",
    ),
    "a timer at a word": (
        {"timers.end": {"at": "$body.code", "action": "lapse", "labels": LABELS}},
        "/timers/end/at",
    ),
}


def changed(changes):
    """The plain profile with some parts changed, each named by its path."""
    if isinstance(changes, list):
        return changes
    profile = copy.deepcopy(PLAIN)
    for path, value in changes.items():
        *folders, last = path.split(".")
        place = profile
        for folder in folders:
            place = place[folder]
        place[last] = value
    return profile


@pytest.mark.parametrize("name", WRONG)
def test_a_profile_is_refused_with(name):
    changes, pointer = WRONG[name]

    code, field = refused(changed(changes))
    assert code == "SCHEMA"
    assert field.startswith(pointer)


def test_a_profile_of_any_size_is_not_read():
    fields = {f"f{number}": {"type": "int", "labels": LABELS} for number in range(65)}
    large = {"zh": "x" * PROFILE_BYTES_MAX, "en": "x"}

    assert refused({**PLAIN, "fields": fields})[0] == "SCHEMA"
    assert refused({**PLAIN, "labels": large})[0] == "LIMIT"


WRONG_ROWS = {
    "an unknown state to go to": ({"to": "gone"}, "/to"),
    "an unknown state to come from": ({"from": ["gone"]}, "/from/0"),
    "an end to come from": ({"from": ["closed"]}, "/from/0"),
    "a state twice": ({"from": ["open", "open"]}, "/from"),
    "an unknown actor": ({"by": ["king"]}, "/by/0"),
    "nobody": ({"by": []}, "/by"),
    "an unknown cosigner": ({"cosign": ["king"]}, "/cosign/0"),
    "a clock that cosigns": ({"cosign": ["clock"]}, "/cosign/0"),
    "a clock without a timer": ({"by": ["clock"]}, "/by"),
    "an actor without the argument": ({"by": ["taker"], "args": {}}, "/args"),
    "a computed argument": ({"args": {"n": {**A_FIELD, "computed": True}}}, "/args/n"),
    "an argument that may not be": ({"args": {"n": {**A_FIELD, "type": "x"}}}, "/args/n/type"),
    "a need of another kind": ({"need": ["gift:x"]}, "/need/0"),
    "an action that has a meaning": ({"action": "close"}, "/action"),
    "a birth to nowhere": ({"from": []}, "/to"),
}


@pytest.mark.parametrize("name", WRONG_ROWS)
def test_a_transition_is_refused_with(name):
    changes, pointer = WRONG_ROWS[name]

    code, field = refused(row(**changes))
    assert code == "SCHEMA"
    assert field.endswith(pointer)


WRONG_CHECKS = {
    "no guard": ([], "/check"),
    "an unknown guard": (["sorted", 1], "/check/0"),
    "too few operands": (["le", "$body.count"], "/check"),
    "an unknown field": (["le", "$body.weight", 1], "/check/1"),
    "an unknown argument": (["le", "$args.m", 1], "/check/1"),
    "an unknown root": (["le", "$chain.height", 1], "/check/1"),
    "a name too many": (["le", "$body.count.x", 1], "/check/1"),
    "a name behind the time": (["le", "$time.x", 1], "/check/1"),
    "an unknown sum": (["le", "$sum.all", 1], "/check/1"),
    "an unknown party": (["same_org", "$party.king", "$actor"], "/check/1"),
    "a link of a field that is none": (["eq", "$linked.code.state", "x"], "/check/1"),
    "a link to nothing": (["eq", "$linked.other", "x"], "/check/1"),
    "a word for a number": (["le", "$body.code", 1], "/check/1"),
    "a word that is too long": (["eq", "$body.code", "x" * 257], "/check/2"),
    "a number and a word": (["eq", "$body.count", "one"], "/check"),
    "a rule that is always so": (["eq", 1, 1], "/check"),
    "a range that is none": (["between", "$body.count", 5, 4], "/check"),
    "an empty choice": (["in", "$body.code", []], "/check/2"),
    "a choice among fields": (["in", "$body.code", ["$body.code"]], "/check/2/0"),
    "a choice of another type": (["in", "$body.code", [1]], "/check"),
    "a sum of words": (["sum_eq", ["$body.code"], 1], "/check/1/0"),
    "a role that is none": (["has_signed", "king"], "/check/1"),
    "an unknown key": (["unique", "x"], "/check/1"),
    "an unknown encumbrance": (["no_encumbrance", "lien"], "/check/1"),
    "a credential without a type": (["has_cred", "", "$actor"], "/check/1"),
    "a float": (["le", "$body.count", {"mul": [1.5, 2]}], ""),
    "null": (["le", "$body.count", None], "/check/2"),
    "an unknown operation": (["le", "$body.count", {"pow": [1, 2]}], "/check/2"),
    "an operation over nothing": (["le", "$body.count", {"add": []}], "/check/2/add"),
    "an operation over words": (["le", "$body.count", {"add": [1, "x"]}], "/check/2/add/1"),
    "the number of a number": (["le", {"count": [1]}, 1], "/check/1/count/0"),
    "days that are no number": (["le", "$body.count", {"days": "two"}], "/check/2/days"),
    "days before the first": (["le", "$body.count", {"days": -1}], "/check/2/days"),
}


@pytest.mark.parametrize("name", WRONG_CHECKS)
def test_a_guard_is_refused_with(name):
    check, pointer = WRONG_CHECKS[name]

    code, field = refused(row(guard=[{"rule": "r", "check": check}]))
    assert code == "SCHEMA"
    assert field.endswith(pointer)


def test_an_expression_has_a_depth_and_a_size():
    deep = 1
    for _ in range(5):
        deep = {"add": [deep, 1]}
    wide = {"add": [{"add": [1] * 16}] * 3}

    assert refused(row(guard=[{"rule": "r", "check": ["le", "$body.count", deep]}]))[0] == "SCHEMA"
    assert refused(row(guard=[{"rule": "r", "check": ["le", "$body.count", wide]}]))[0] == "SCHEMA"


def test_a_rule_is_named_once():
    guard = {"rule": "r", "check": ["gt", "$body.count", 1]}

    assert refused(row(guard=[guard, guard]))[1].endswith("/guard/1/rule")


WRONG_EFFECTS = {
    "nothing": ([], "/0"),
    "an unknown effect": (["pay", 1], "/0"),
    "too little": (["set", "total"], ""),
    "an unknown field": (["set", "weight", 1], "/1"),
    "a field that was given": (["set", "code", "x"], "/1"),
    "a word in a number": (["set", "total", "x"], "/2"),
    "a number in a role": (["set", "holder", 1], "/2"),
    "a word that grows": (["inc", "note", 1], "/1"),
    "growth by a word": (["inc", "total", "$body.code"], "/2"),
    "a role that is none": (["notify", "king"], "/1"),
    "a timer that is none": (["open_timer", "x"], "/1"),
    "an encumbrance that is none": (["encumber", "lien", "$actor"], "/1"),
    "a line without a kind": (["emit_match_line", "$x", "$actor", "$actor", 1, "EA"], "/1"),
}


@pytest.mark.parametrize("name", WRONG_EFFECTS)
def test_an_effect_is_refused_with(name):
    effect, pointer = WRONG_EFFECTS[name]

    code, field = refused(row(effect=[effect]))
    assert code == "SCHEMA"
    assert field.endswith("/effect/0" + pointer)


def test_a_state_must_lead_to_an_end():
    stuck = {"action": "jam", "labels": LABELS, "by": ["holder"], "from": ["open"], "to": "jammed"}
    machine = PLAIN["machine"]
    states = {**machine["states"], "jammed": LABELS}
    rows = [*machine["transitions"], stuck]

    profile = {**PLAIN, "machine": {**machine, "states": states, "transitions": rows}}
    assert refused(profile) == ("SCHEMA", "/machine/states/jammed")


def test_a_machine_must_begin():
    machine = PLAIN["machine"]

    profile = {**PLAIN, "machine": {**machine, "transitions": machine["transitions"][1:]}}
    assert refused(profile)[0] == "SCHEMA"


def test_a_clock_needs_no_argument():
    machine = copy.deepcopy(PLAIN["machine"])
    (late,) = [one for one in machine["transitions"] if one["action"] == "lapse"]
    late["args"] = {"n": A_FIELD}

    assert refused({**PLAIN, "machine": machine})[1].endswith("/by")


BODY = {"code": "A1", "count": 3, "owner": "farm", "invoices": ["a" * 64, "b" * 64]}


def test_a_body_begins_with_what_its_computed_fields_start_with():
    assert check_body(plain(), BODY) == {**BODY, "done": False, "total": 0}


WRONG_BODIES = {
    "a field too many": {"weight": 1},
    "a field that rules compute": {"total": 7},
    "a word for a number": {"count": "3"},
    "a flag for a number": {"count": True},
    "a number out of bounds": {"count": 1001},
    "a text that is too long": {"code": "x" * 9},
    "a text that is none of the choices": {"colour": "green"},
    "a number for a text": {"code": 1},
    "a member with a slash": {"owner": "farm/app"},
    "a record with a space": {"other": "a b"},
    "a digest that is short": {"invoices": ["abc"]},
    "a list that is none": {"invoices": "a" * 64},
    "a list that is too long": {"invoices": ["a" * 64] * 5},
    "an element of another type": {"marks": [1]},
    "an element that is empty": {"marks": [""]},
    "a word among numbers": {"numbers": ["1"]},
    "a trade item number with a wrong check digit": {"item": "09520600001013"},
    "a location number with a wrong check digit": {"place": "9520600000016"},
    "a time before 1970": {"until": -1},
    "a flag that is none": {"fragile": 1},
    "an element that is none of the choices": {"colours": ["blue", "green"]},
}


@pytest.mark.parametrize("name", WRONG_BODIES)
def test_a_body_is_refused_with(name):
    with pytest.raises(Refused) as caught:
        check_body(plain(), {**BODY, **WRONG_BODIES[name]})

    assert caught.value.code == "SCHEMA"
    assert caught.value.fields["field"].startswith("/body/" + next(iter(WRONG_BODIES[name])))


def test_a_body_without_a_field_is_refused():
    with pytest.raises(Refused) as caught:
        check_body(plain(), {**BODY, "code": None})

    assert caught.value.fields == {"field": "/body/code", "need": "text"}


def test_a_body_has_a_size():
    with pytest.raises(Refused) as caught:
        check_body(plain(), {**BODY, "marks": ["x" * 256] * 200})

    assert caught.value.code == "LIMIT"


def test_a_text_that_no_value_may_hold_is_refused():
    with pytest.raises(Refused) as caught:
        check_body(plain(), {**BODY, "code": "\ud800"})

    assert (caught.value.code, caught.value.fields) == ("SCHEMA", {"field": "/body"})


def test_good_optional_fields_are_kept():
    extra = {
        "item": "09520600001012", "place": "9520600000015", "other": "r-1", "until": 5,
        "fragile": True, "colour": "red", "colours": ["red"], "numbers": [1, -1], "marks": ["m"],
    }  # fmt: skip

    assert check_body(plain(), {**BODY, **extra}).items() >= extra.items()


def test_parties_are_the_members_that_a_record_names():
    assert parties_of(plain(), {**BODY, "guardian": "bank"}, "a", "b") == {
        "controller": "a", "guardian": "bank", "holder": "b", "owner": "farm",
    }  # fmt: skip


def test_a_list_gives_a_unique_key_one_value_for_each_element():
    taken = [(one.name, one.value[:1], one.reusable) for one in unique_values(plain(), BODY)]

    assert taken == [("code", "A", True), ("invoice", "a", False), ("invoice", "b", False)]
