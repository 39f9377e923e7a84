"""`cred`: who may attest, what was issued, whether it still holds; nothing about a person."""

import pytest

from hansa.vc.bits import TILE_ENTRIES
from tests.unit.ledger.cred_scene import SIZE, CredScene
from tests.unit.ledger.scene import DAY

DIGEST = (1).to_bytes(32, "big")


@pytest.fixture
def scene():
    return CredScene()


@pytest.fixture
def issuing(scene):
    """`farm` is accredited and has a revocation list, a suspension list, a message list."""
    scene.accredit()
    scene.open_list()
    scene.open_list("s", "suspension")
    scene.open_list("m", "message", bits=2, messages=["filed", "checked", "sent", "done"])
    return scene


def status(version, *changes, name="r", reason="error"):
    pairs = [{"index": index, "value": value} for index, value in changes]
    return {"changes": pairs, "list_id": name, "reason_code": reason, "version": version}


def log(**changes):
    return {"digest": DIGEST, "index": 0, "status_list": "r", "type": "Licence"} | changes


# Accreditation


def test_members_decide_who_issues_a_type(scene):
    opened = scene.ok("cred", "accredit", {"issuer": "farm", "type": "Licence"}, "farm/boss")
    vote = {"approve": True, "id": opened["ballot"]}
    scene.ok("governance", "vote", vote, "carrier/boss")
    passed = scene.ok("governance", "vote", vote, "roastery/boss")

    assert (opened["needed"], opened["state"], passed["state"]) == (3, "open", "passed")
    assert scene.state("issuer/Licence/farm")["terms"] == [
        {"evidence": b"", "from_height": 3, "until": 0}
    ]


def test_the_decision_behind_it_is_kept_as_a_digest(scene):
    scene.decide("accredit", {"evidence": DIGEST, "issuer": "farm", "type": "Licence"})

    assert scene.state("issuer/Licence/farm")["terms"][0]["evidence"] == DIGEST


def test_only_administrators_open_the_ballot(scene):
    args = {"issuer": "farm", "type": "Licence"}

    assert scene.refused("accredit", args, "farm/app")[0] == "AUTH"


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"issuer": "nobody"}, "MISSING", "$.issuer"),
        ({"until": 1}, "TIME", "$.until"),
        ({"type": "a/b"}, "SCHEMA", "$.type"),
        ({"type": "Licence\n"}, "SCHEMA", "$.type"),
        ({"evidence": b"short"}, "SCHEMA", "$.evidence"),
    ],
)
def test_an_accreditation_is_refused(scene, change, code, field):
    args = {"issuer": "farm", "type": "Licence"} | change

    answered, fields = scene.refused("accredit", args, "farm/boss")
    assert (answered, fields["field"]) == (code, field)


def test_an_accreditation_that_lapsed_while_members_voted_fails(scene):
    until = scene.ledger.head.time + 1500
    answer = scene.decide("accredit", {"issuer": "farm", "type": "Licence", "until": until})

    assert (answer["state"], answer["outcome"]) == ("failed", "TIME")


def test_a_second_accreditation_takes_the_place_of_the_running_one(scene):
    scene.accredit()
    until = scene.ledger.head.time + DAY
    scene.accredit(until=until)

    assert scene.state("issuer/Licence/farm")["terms"] == [
        {"evidence": b"", "from_height": 3, "to_height": 6, "until": 0},
        {"evidence": b"", "from_height": 6, "until": until},
    ]


def test_a_term_that_would_last_no_block_is_left_out(scene):
    ballots = [
        scene.ok("cred", "accredit", {"issuer": "farm", "type": "Licence"}, "farm/boss")["ballot"]
        for _ in range(2)
    ]
    for voter in ("carrier/boss", "retailer/boss"):
        votes = [("governance", "vote", {"approve": True, "id": one}) for one in ballots]
        scene.block(scene.sign(votes, (voter,)))

    assert [one["from_height"] for one in scene.state("issuer/Licence/farm")["terms"]] == [4]


def test_a_member_has_so_many_terms_of_a_type_and_no_more(scene, monkeypatch):
    monkeypatch.setattr("ledger.contracts.cred.TERMS_MAX", 1)
    scene.accredit()

    answer = scene.decide("accredit", {"issuer": "farm", "type": "Licence"})
    assert (answer["state"], answer["outcome"]) == ("failed", "LIMIT")


def test_an_accreditation_ends_with_the_next_block_at_the_earliest(scene):
    scene.accredit()
    ending = {"from_height": 1, "issuer": "farm", "reason": "audit", "type": "Licence"}
    scene.decide("disaccredit", ending)

    assert scene.ledger.head.height == 6
    assert scene.state("issuer/Licence/farm")["terms"] == [
        {"evidence": b"", "from_height": 3, "reason": "audit", "to_height": 7, "until": 0}
    ]
    scene.open_list()
    assert scene.refused("log", log()) == (
        "AUTH",
        {"by": "farm", "height": 7, "need": "accreditation", "type": "Licence", "until": 0},
    )


def test_a_member_may_be_accredited_again_after_an_end(scene):
    scene.accredit()
    scene.decide("disaccredit", {"issuer": "farm", "type": "Licence"})
    scene.accredit()

    terms = scene.state("issuer/Licence/farm")["terms"]
    assert [(one["from_height"], one.get("to_height")) for one in terms] == [(3, 7), (9, None)]


def test_an_end_in_the_future_may_be_brought_forward_and_not_put_off(scene):
    scene.accredit()
    ending = {"issuer": "farm", "type": "Licence"}
    scene.decide("disaccredit", ending | {"from_height": 100})
    scene.decide("disaccredit", ending | {"from_height": 50})

    code, fields = scene.refused("disaccredit", ending | {"from_height": 60}, "farm/boss")
    assert (code, fields["have"]) == ("STATE", 50)
    assert scene.refused("disaccredit", ending | {"type": "Other"}, "farm/boss")[0] == "MISSING"


def test_an_accreditation_that_is_over_is_not_ended_again(scene):
    scene.accredit(until=scene.ledger.head.time + DAY)
    scene.open_list()
    scene.block(time=scene.ledger.head.time + DAY)

    ending = {"issuer": "farm", "type": "Licence"}
    assert scene.refused("disaccredit", ending, "farm/boss")[0] == "STATE"
    assert scene.refused("log", log(digest=b"x" * 32, index=1))[0] == "AUTH"


# Templates


def test_versions_of_a_template_follow_each_other(scene):
    scene.accredit()
    args = {"schema_digest": DIGEST, "type": "Licence", "version": 2}

    assert scene.refused("template", args) == (
        "LINK", {"field": "$.version", "have": 2, "need": 1},
    )  # fmt: skip
    scene.ok("cred", "template", args | {"version": 1})
    assert scene.ok("cred", "template", args) == {"id": "Licence/2", "version": 1}
    assert scene.refused("template", args) == (
        "EXISTS", {"by": "farm", "height": 6, "id": "Licence/2"},
    )  # fmt: skip


def test_only_an_accredited_member_sets_a_template(scene):
    scene.accredit()
    args = {"schema_digest": DIGEST, "type": "Licence", "version": 1}

    assert scene.refused("template", args, "carrier/app") == (
        "AUTH", {"by": "carrier", "need": "accreditation", "type": "Licence"},
    )  # fmt: skip


# Lists


def test_a_list_costs_one_key_whatever_its_size(scene):
    scene.open_list(size=8 * SIZE)

    assert scene.written() == [b"cred/list/r"]


def test_a_list_is_opened_once(scene):
    scene.open_list()

    args = {"list_id": "r", "purpose": "suspension", "size": SIZE}
    assert scene.refused("open_list", args, "carrier/app") == (
        "EXISTS", {"by": "farm", "height": 1, "id": "r"},
    )  # fmt: skip


BAD_LISTS = {
    "too short": {"size": SIZE - TILE_ENTRIES},
    "too long": {"size": 8 * SIZE + TILE_ENTRIES},
    "of broken tiles": {"size": SIZE + 8},
    "for no known purpose": {"purpose": "gossip"},
    "for revocation, of several bits": {"bits": 2},
    "for revocation, with messages": {"messages": ["no", "yes"]},
    "of three bits": {"bits": 3, "messages": ["x"] * 8, "purpose": "message"},
    "for messages, with too few": {"bits": 2, "messages": ["a", "b"], "purpose": "message"},
    "with a story for a message": {"messages": ["a", "b" * 65], "purpose": "message"},
    "with a slash in its name": {"list_id": "a/b"},
}


@pytest.mark.parametrize("name", BAD_LISTS)
def test_no_list_is_opened(scene, name):
    args = {"list_id": "r", "purpose": "revocation", "size": SIZE} | BAD_LISTS[name]

    assert scene.refused("open_list", args)[0] == "SCHEMA"


# The log of credentials


def test_a_credential_is_logged_by_digest_type_and_place_alone(issuing):
    receipt = issuing.call("cred", "log", log(index=5, valid_until=issuing.ledger.head.time + DAY))

    assert receipt.code == "OK"
    record = issuing.state("log/" + DIGEST.hex())
    assert set(record) == {
        "controller", "history", "id", "logged_at", "places", "type", "valid_until", "version",
    }  # fmt: skip
    assert (record["controller"], record["places"]) == ("farm", [["r", 5]])


def test_one_credential_takes_places_in_three_lists_and_writes_four_keys(issuing):
    before = issuing.written()
    more = [{"index": 9, "list_id": "s"}, {"index": 9, "list_id": "m"}]
    issuing.ok("cred", "log", log(index=9, more=more))

    assert len(issuing.written()) - len(before) == 4


def test_an_index_is_used_once(issuing):
    issuing.issue(7)

    assert issuing.refused("log", log(digest=b"x" * 32, index=7)) == (
        "DUPLICATE", {"by": "farm", "field": "index", "have": 7, "list": "r"},
    )  # fmt: skip
    twice = log(digest=b"x" * 32, index=8, more=[{"index": 8, "list_id": "r"}])
    assert issuing.refused("log", twice)[0] == "DUPLICATE"
    assert issuing.issue(8, number=2)


def test_a_digest_is_logged_once(issuing):
    issuing.issue(0)

    assert issuing.refused("log", log(index=1)) == (
        "DUPLICATE", {"by": "farm", "field": "$.digest", "height": 7},
    )  # fmt: skip


BAD_LOGS = {
    "of a type without accreditation": ({"type": "Other"}, "AUTH"),
    "in a list that is not there": ({"status_list": "none"}, "MISSING"),
    "behind the list's end": ({"index": SIZE}, "LIMIT"),
    "that has run out already": ({"valid_until": 1}, "TIME"),
    "of a template that is not there": ({"template": 1}, "LINK"),
    "with a word about its subject": ({"subject": "did:example:ann"}, "SCHEMA"),
    "with a digest of another length": ({"digest": b"x" * 33}, "SCHEMA"),
}


@pytest.mark.parametrize("name", BAD_LOGS)
def test_no_credential_is_logged(issuing, name):
    change, code = BAD_LOGS[name]

    assert issuing.refused("log", log(**change))[0] == code
    assert issuing.ledger.get_state(b"cred/log/" + DIGEST.hex().encode()) is None


def test_nobody_logs_in_the_list_of_another_member(issuing):
    issuing.accredit("carrier")

    assert issuing.refused("log", log(), "carrier/app") == (
        "AUTH", {"have": "carrier", "id": "r", "need": "farm"},
    )  # fmt: skip


def test_a_credential_names_a_template_that_is_there(issuing):
    issuing.ok("cred", "template", {"schema_digest": DIGEST, "type": "Licence", "version": 1})

    assert issuing.issue(template=1)


# Statuses


def test_a_revocation_writes_the_list_and_one_tile(issuing):
    issuing.issue(TILE_ENTRIES + 1)
    before = {key: issuing.ledger.get_state(key) for key in issuing.written()}
    issuing.ok("cred", "status", status(1, (TILE_ENTRIES + 1, 1)))

    changed = [key for key, value in before.items() if issuing.ledger.get_state(key) != value]
    assert changed == [b"cred/list/r", b"cred/tile/r/0001"]
    assert issuing.state("tile/r/0001")["values"] == b"\x40" + bytes(511)


def test_a_revocation_is_final(issuing):
    issuing.issue(3)
    issuing.ok("cred", "status", status(1, (3, 1)))

    assert issuing.refused("status", status(2, (3, 0))) == (
        "RULE", {"have": 1, "index": 3, "list": "r", "rule": "final"},
    )  # fmt: skip


def test_a_suspension_goes_both_ways(issuing):
    issuing.issue(3, "s")
    issuing.ok("cred", "status", status(1, (3, 1), name="s"))

    assert issuing.ok("cred", "status", status(2, (3, 0), name="s", reason="resolved")) == {
        "list": "s",
        "version": 3,
    }


def test_a_message_takes_every_value_of_its_list(issuing):
    issuing.issue(1, "m")
    issuing.ok("cred", "status", status(1, (1, 3), name="m"))
    issuing.ok("cred", "status", status(2, (1, 2), name="m"))

    assert issuing.state("tile/m/0000")["values"][:1] == b"\x20"
    assert issuing.refused("status", status(3, (1, 4), name="m")) == (
        "SCHEMA", {"field": "$.changes.value", "have": 4, "need": 3},
    )  # fmt: skip


def test_changes_of_one_call_are_made_together_or_not_at_all(issuing):
    for number, index in enumerate((0, 1, TILE_ENTRIES)):
        issuing.issue(index, number=number)
    issuing.ok("cred", "status", status(1, (0, 1), (TILE_ENTRIES, 1)))

    assert issuing.refused("status", status(2, (1, 1), (0, 0)))[0] == "RULE"
    assert issuing.state("tile/r/0000")["values"][:1] == b"\x80"
    assert issuing.state("tile/r/0001")["values"][:1] == b"\x80"


def test_one_call_changes_so_many_tiles_and_no_more(issuing):
    places = [number * TILE_ENTRIES for number in range(4)]
    for number, index in enumerate(places):
        issuing.issue(index, number=number)

    assert issuing.refused("status", status(1, *((index, 1) for index in places))) == (
        "LIMIT", {"field": "tiles", "have": 4, "need": 3},
    )  # fmt: skip
    assert issuing.ok("cred", "status", status(1, *((index, 1) for index in places[:3])))


BAD_CHANGES = {
    "of an index that nobody used": (status(1, (4, 1)), "MISSING"),
    "that saw another version": (status(2, (3, 1)), "STALE"),
    "that changes nothing": (status(1, (3, 0)), "STATE"),
    "behind the end": (status(1, (SIZE, 1)), "LIMIT"),
    "twice of one index": (status(1, (3, 1), (3, 1)), "DUPLICATE"),
    "for a story": (status(1, (3, 1), reason="he drank"), "SCHEMA"),
    "of a list that is not there": (status(1, (3, 1), name="none"), "MISSING"),
    "to a value beyond its bits": (status(1, (3, 2)), "SCHEMA"),
    "of nothing": (status(1), "SCHEMA"),
}


@pytest.mark.parametrize("name", BAD_CHANGES)
def test_no_status_changes(issuing, name):
    issuing.issue(3)
    args, code = BAD_CHANGES[name]

    assert issuing.refused("status", args)[0] == code


def test_only_the_lists_member_changes_a_status_even_without_accreditation(issuing):
    issuing.issue(3)
    issuing.decide("disaccredit", {"issuer": "farm", "type": "Licence"})

    assert issuing.refused("status", status(1, (3, 1)), "carrier/app") == (
        "AUTH", {"have": "carrier", "id": "r", "need": "farm"},
    )  # fmt: skip
    assert issuing.ok("cred", "status", status(1, (3, 1)), "farm/boss")
