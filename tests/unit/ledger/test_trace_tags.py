"""Tags: bound once, the first reading recorded once, copies flagged and never refused."""

import pytest

from ledger.ballots import DAY_MS
from ledger.contract import Refused, load
from ledger.contracts.trace_queries import DAYS_MAX, QUERIES
from ledger.contracts.trace_tags import PLACES_MAX, TagRecord
from tests.unit.ledger.scene import key
from tests.unit.ledger.trace_scene import (
    ALIEN,
    BOX,
    JAR,
    LOT,
    START,
    TraceScene,
    packed,
    seen,
)

A, B = JAR + "A", JAR + "B"
TAG, OTHER = "04a1b2c3d4e5f6", "04a1b2c3d4e5f7"
TODAY = START // DAY_MS


class TagScene(TraceScene):
    """Two commissioned jars; `retailer/hub` is a gateway."""

    def __init__(self):
        super().__init__()
        self.captured(seen(A, B, action="ADD", step="commissioning"))
        args = {
            "key": key("retailer/hub").public, "kind": "service", "roles": ["gateway"],
            "subject": "retailer/hub",
        }  # fmt: skip
        self.ok("org", "enrol", args, "retailer")

    def bind(self, tag=TAG, item=A, signer="roastery/app"):
        args = {"item_id": item, "tag_id": tag, "tag_key_commit": b"k" * 32}
        return self.call("trace", "bind", args, signer)

    def scan(self, counter=1, signer="retailer/hub", **changes):
        args = {
            "counter": counter, "day_bucket": self.ledger.head.time // DAY_MS, "item": A,
            "place_bucket": "CN-31", "tag_mac_ok": True,
        }  # fmt: skip
        return self.call("trace", "scan", args | changes, signer)

    def read(self, *args, **more):
        """The answer of a reading; with one bytes argument a state value, as in the parent."""
        if args and isinstance(args[0], bytes):
            return super().read(args[0])
        receipt = self.scan(*args, **more)
        assert receipt.code == "OK", (receipt.code, receipt.error_fields())
        return receipt.calls[0].value()

    def tag(self, tag=TAG):
        return load(self.ledger.get_state(b"trace/tag/" + tag.encode()), TagRecord)

    def ask(self, **args):
        kind, function = QUERIES["scans"]
        return function(self.ledger.query_reader(), kind(**args))


@pytest.fixture
def scene():
    return TagScene()


@pytest.fixture
def bound(scene):
    assert scene.bind().code == "OK"
    return scene


# Binding


def test_a_tag_is_bound_in_two_keys(scene):
    receipt = scene.bind()

    assert receipt.calls[0].value() == {"id": TAG, "item": A, "version": 1}
    assert scene.tag().state == "bound"
    assert scene.ledger.get_state(b"trace/bound/01/09520600001012/21/A") is not None


def test_a_tag_stands_on_one_thing_for_ever(bound):
    receipt = bound.bind(item=B)

    assert receipt.code == "DUPLICATE"
    assert receipt.error_fields() == {"by": "roastery", "field": "$.tag_id", "have": A}


def test_a_thing_has_one_tag_in_any_spelling(bound):
    receipt = bound.bind(OTHER, "urn:epc:id:sgtin:9520600.000101.A")

    assert receipt.code == "DUPLICATE"
    assert receipt.error_fields() == {"field": "$.item_id", "have": TAG}


def test_only_the_owner_of_the_prefix_tags_its_things(scene):
    receipt = scene.bind(signer="retailer/app")

    assert receipt.code == "AUTH"
    assert receipt.error_fields()["need"] == "roastery"


def test_where_nobody_owns_the_prefix_the_holder_of_the_container_tags(scene):
    shop = ALIEN + "1"
    scene.captured(packed(BOX, shop), "roastery")

    receipt = scene.bind(item=shop, signer="retailer/app")
    assert (receipt.code, receipt.error_fields()["role"]) == ("AUTH", "holder")
    assert scene.bind(item=shop).code == "OK"


def test_an_adopted_thing_that_nobody_holds_may_be_tagged_by_anyone(scene):
    scene.captured(seen(ALIEN + "2"))

    assert scene.bind(item=ALIEN + "2", signer="retailer/app").code == "OK"


@pytest.mark.parametrize(
    ("item", "code"),
    [
        (JAR + "NEVER", "MISSING"),
        (LOT + "L1", "SCHEMA"),
        ("https://id.gs1.org/01/09520600001012", "SCHEMA"),
        ("", "SCHEMA"),
    ],
)
def test_what_cannot_carry_a_tag_is_refused(scene, item, code):
    assert scene.bind(item=item).code == code


@pytest.mark.parametrize("tag", ["short", "x" * 65, "04 a1b2c3d4", "-4a1b2c3d4e5f6"])
def test_a_tag_has_a_name_of_its_alphabet(scene, tag):
    assert scene.bind(tag).code == "SCHEMA"


def test_a_destroyed_thing_is_not_tagged(scene):
    scene.captured(seen(A, action="DELETE", step="destroying", minute=5))

    assert scene.bind().code == "STATE"


def test_a_thing_whose_birth_was_declared_wrong_is_not_tagged(scene):
    answer = scene.captured(seen(JAR + "W", action="ADD", step="commissioning", minute=1))
    args = {"event_id": answer["id"], "reason": "did_not_occur"}
    scene.ok("trace", "correct", args, "roastery/app")

    assert scene.bind(item=JAR + "W").code == "MISSING"


# Reading


def test_the_first_reading_is_recorded_once(bound):
    receipt = bound.scan(1, place_bucket="CN-31")
    assert [event.name for event in receipt.calls[0].events] == ["trace.first_scan"]
    bound.read(2, place_bucket="CN-32")

    tag = bound.tag()
    assert (tag.state, tag.first_place, tag.first_day) == ("scanned", "CN-31", TODAY)
    assert (tag.scans, tag.counter) == (2, 2)


def test_a_reading_writes_two_keys(bound):
    before = {key for key, _ in bound.ledger.scan_state(b"trace/")}
    bound.read(1)
    after = {key for key, _ in bound.ledger.scan_state(b"trace/")}

    assert after - before == {f"trace/scans/{TAG}/{TODAY:08x}".encode()}


@pytest.mark.parametrize("signer", ["retailer/app", "roastery/app", "retailer"])
def test_only_a_gateway_reads_tags(bound, signer):
    receipt = bound.scan(signer=signer)

    assert (receipt.code, receipt.error_fields()["need"]) == ("AUTH", "gateway")


def test_what_has_no_tag_is_not_read(bound):
    receipt = bound.scan(item=B)

    assert (receipt.code, receipt.error_fields()["id"]) == ("MISSING", B)


@pytest.mark.parametrize("day", [TODAY - 1, TODAY + 1])
def test_a_reading_lies_between_the_binding_and_today(bound, day):
    receipt = bound.scan(day_bucket=day)

    assert (receipt.code, receipt.error_fields()["have"]) == ("TIME", day)


@pytest.mark.parametrize(
    "changes", [{"counter": -1}, {"counter": 2**32}, {"place_bucket": "31.2N121.5E"}]
)
def test_a_reading_that_says_too_much_or_nothing_is_refused(bound, changes):
    assert bound.scan(**changes).code == "SCHEMA"


def test_a_counter_that_goes_back_warns_of_a_copy_and_never_goes_down(bound):
    bound.read(9)
    receipt = bound.scan(4)
    answer = receipt.calls[0].value()

    assert (receipt.code, answer["flags"], answer["clone"]) == ("OK", ["counter"], True)
    assert receipt.calls[0].events[0].name == "trace.flagged"
    assert bound.tag().counter == 9


def test_the_same_reading_again_is_noted_and_no_copy(bound):
    bound.read(3)

    answer = bound.read(3)

    assert (answer["flags"], answer["clone"]) == (["repeat"], False)


def test_a_wrong_code_says_nothing_about_the_genuine_tag(bound):
    answer = bound.read(1_000, tag_mac_ok=False)

    assert (answer["flags"], answer["clone"]) == (["mac"], False)
    assert (bound.tag().state, bound.tag().counter) == ("bound", 0)
    assert bound.ask(id=A)["days"] == [{"bad": 1, "day": TODAY, "places": {}, "scans": 1}]


def test_many_places_on_one_day_warn_of_copies_and_many_days_do_not(bound):
    for number in range(2):
        assert bound.read(number + 1, place_bucket=f"CN-{number}")["flags"] == []
    tomorrow = bound.ledger.head.time + DAY_MS
    bound.block(time=tomorrow)
    assert bound.read(4, place_bucket="CN-3")["flags"] == []

    answer = [bound.read(5 + number, place_bucket=f"US-{number}") for number in range(3)][-1]

    assert (answer["flags"], answer["clone"]) == (["places"], True)


def test_places_beyond_those_counted_one_by_one_are_counted_together(bound):
    for number in range(PLACES_MAX + 2):
        bound.read(number + 1, place_bucket=f"P-{number}")

    (day,) = bound.ask(id=A)["days"]
    assert (day["scans"], len(day["places"])) == (PLACES_MAX + 2, PLACES_MAX)


def test_a_reading_after_the_sale_is_flagged_and_no_copy(bound):
    bound.captured(seen(A, step="retail_selling", minute=5))

    answer = bound.read(1)

    assert (answer["flags"], answer["clone"]) == (["after_sale"], False)


def test_a_reading_after_the_destruction_warns_of_a_copy(bound):
    bound.captured(seen(A, action="DELETE", step="destroying", minute=5))

    answer = bound.read(1)

    assert (answer["flags"], answer["clone"]) == (["after_end"], True)


def test_a_flag_is_told_once_and_stays(bound):
    bound.read(5)
    bound.read(1)
    receipt = bound.scan(2)

    assert receipt.calls[0].value()["flags"] == ["counter"]
    assert receipt.calls[0].events == ()
    assert bound.read(6) | {"version": 0} == {
        "clone": True, "first_day": TODAY, "flags": [], "scans": 4, "version": 0,
    }  # fmt: skip


# The query


def test_the_query_tells_days_places_flags_and_the_first_reading(bound):
    bound.read(1, place_bucket="CN-31")
    bound.read(2, place_bucket="CN-31")
    bound.block(time=bound.ledger.head.time + DAY_MS)
    bound.read(1, place_bucket="CN-11")

    answer = bound.ask(id="urn:epc:id:sgtin:9520600.000101.A")

    assert answer["days"] == [
        {"bad": 0, "day": TODAY, "places": {"CN-31": 2}, "scans": 2},
        {"bad": 0, "day": TODAY + 1, "places": {"CN-11": 1}, "scans": 1},
    ]
    assert (answer["id"], answer["tag"], answer["scans"]) == (A, TAG, 3)
    assert (answer["flags"], answer["clone"]) == ({"counter": TODAY + 1}, True)
    assert (answer["first_day"], answer["first_place"]) == (TODAY, "CN-31")
    assert [row["day"] for row in bound.ask(id=A, since_day=TODAY + 1)["days"]] == [TODAY + 1]


def test_the_query_says_where_there_is_no_tag(scene):
    with pytest.raises(Refused, match="MISSING"):
        scene.ask(id=A)


def test_a_page_of_days_is_cut_at_a_year(bound, monkeypatch):
    monkeypatch.setattr("ledger.contracts.trace_queries.DAYS_MAX", 1)
    bound.read(1)
    bound.block(time=bound.ledger.head.time + DAY_MS)
    bound.read(2)

    assert DAYS_MAX == 366
    assert bound.ask(id=A)["truncated"]
    assert not bound.ask(id=A, since_day=TODAY + 1)["truncated"]
