"""The coffee story on a chain: from the lot to both jars, and back from each jar."""

import pytest

from hansa.epcis import events_of
from ledger.contracts.trace_walk import trace_walk
from tests.unit.ledger.trace_scene import COFFEE, STORY, TraceScene, seen

EXPECTED = {
    "05-commission.jsonld": "4b3c810f77719678143dabd628d496a75e6089a6777e0902dc52ff92563343a3",
    "06-pack.jsonld": "f525a82acfc026244ce0eb131a2b9d351770da67bd9639f7950def07086136e4",
    "07-ship-box.jsonld": "081058cedd98dd8e84df4b466ff5467b157b9a5ba11194fa1e6e97f4464a09e4",
}


@pytest.fixture(scope="module")
def told():
    """A chain on which the whole story has been told."""
    scene = TraceScene()
    scene.tell()
    return scene


def files(walk):
    """The story's files of the events of a walk, in order."""
    names = {entry["event"]: entry["file"] for entry in STORY["events"]}
    return [names[event["id"]][:2] for event in walk.fields()["events"]]


def test_three_hashes_are_the_ones_the_design_computed():
    hashes = {
        name: events_of((COFFEE / name).read_bytes())[0].event.digest.hex() for name in EXPECTED
    }

    assert hashes == EXPECTED


def test_every_file_of_the_index_holds_the_event_that_it_names():
    for entry in STORY["events"]:
        (event,) = events_of((COFFEE / entry["file"]).read_bytes())
        assert event.id == entry["event"]


@pytest.mark.parametrize("jar", STORY["items"])
def test_from_each_sold_jar_up_to_the_lot_of_green_beans(told, jar):
    walk = trace_walk(told.read, jar, "up")

    assert files(walk) == ["01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11"]
    assert STORY["lot"] in walk.things
    assert not walk.truncated


def test_from_the_lot_down_to_both_jars(told):
    walk = trace_walk(told.read, STORY["lot"], "down")

    assert files(walk) == ["01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11"]
    assert set(STORY["items"]) <= set(walk.things)


def test_a_box_leads_up_to_what_was_in_it_and_its_lot(told):
    walk = trace_walk(told.read, STORY["box"], "up")

    assert {"01", "04", "06"} <= set(files(walk))
    assert STORY["lot"] in walk.things


def test_a_depth_of_zero_is_the_things_own_history(told):
    walk = trace_walk(told.read, STORY["items"][0], "both", 0)

    assert files(walk) == ["04", "05", "06", "10", "11"]
    assert walk.truncated


def test_an_event_id_leads_to_its_things(told):
    walk = trace_walk(told.read, STORY["events"][0]["event"], "both")

    assert set(files(walk)) >= {"01", "11"}


def test_what_the_chain_does_not_know_has_no_walk(told):
    assert trace_walk(told.read, "https://id.gs1.org/01/09520600001012/21/NOBODY", "both") is None
    assert trace_walk(told.read, "ni:///sha-256;" + "0" * 64 + "?ver=CBV2.0", "both") is None


def test_another_spelling_of_a_jar_finds_the_same_events(told):
    plain = trace_walk(told.read, STORY["items"][0], "both")
    other = trace_walk(told.read, "urn:epc:id:sgtin:9520600.000101.K7QH2M9X4T", "both")

    assert plain.fields() == other.fields()


def test_telling_the_story_again_changes_nothing(told):
    before = told.ledger.head.state_root
    entry = STORY["events"][3]
    (event,) = events_of((COFFEE / entry["file"]).read_bytes())

    answer = told.captured(event.text, "carrier")

    assert answer["duplicate"] is True
    assert answer["height"] == 4
    assert told.ledger.head.state_root == before


def test_a_second_commissioning_of_a_jar_is_refused(told):
    fraud = seen(STORY["items"][0], action="ADD", step="commissioning")

    code, fields = told.refused(fraud, "roastery")

    assert (code, fields["by"]) == ("EXISTS", "retailer")


def test_a_shop_cannot_ship_what_it_never_received():
    scene = TraceScene()
    scene.tell(upto=7)

    code, fields = scene.refused(seen(STORY["items"][0], step="shipping"), "retailer")

    assert (code, fields["need"]) == ("AUTH", "roastery")
