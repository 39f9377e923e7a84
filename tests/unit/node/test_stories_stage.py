"""The stage: a step that goes another way than told ends the story, and nothing else does."""

import json

import pytest

from hansa.__main__ import judge
from hansa.hashing import sha256
from node.clock import wall_ms
from node.stories.cast import FARM, RETAILER
from node.stories.run import run
from node.stories.stage import Step, Story
from tests.integration.story_chain import story_network

TWICE = "registers the same paper twice"
HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def theatre(tmp_path_factory):
    """A network of one node."""
    with story_network(tmp_path_factory.mktemp("stage") / "net") as found:
        yield found


@pytest.fixture
def play(theatre):
    """Play a story of the test's own: what is left of it."""

    def told(function, frauds=None):
        story = Story(
            name="test",
            title={"zh": "试", "en": "A test"},
            organisations=(FARM, RETAILER),
            frauds=frauds or {},
            play=function,
        )
        (played,) = run(theatre, [story])
        return played

    return told


def paper(stage, name="P"):
    return stage.paper(stage.id(name), "letter")


def test_a_step_leaves_who_did_what_where_and_which_records(play):
    played = play(lambda stage: stage.do("registers a paper", [paper(stage)], FARM))

    (step,) = played.account.steps
    assert (step["who"], step["text"], len(step["records"])) == ("farm", "registers a paper", 1)
    assert step["height"] > 0
    assert len(step["tx_id"]) == 64
    assert played.account.failure == ""


def test_a_step_that_is_refused_ends_the_story_with_the_code(play):
    def story(stage):
        stage.do("registers a paper", [paper(stage)], FARM)
        stage.do("registers it again", [paper(stage)], FARM)
        stage.say("never told")

    account = play(story).account

    assert len(account.steps) == 1
    assert "step 2: farm: registers it again: refused, EXISTS" in account.failure


def test_a_fraud_is_refused_with_its_code_and_leaves_a_proof_and_a_receipt(play, theatre):
    def story(stage):
        stage.do("registers a paper", [paper(stage)], FARM)
        stage.refused(TWICE, "EXISTS", [paper(stage)], FARM)

    played = play(story, {TWICE: "EXISTS"})
    (refused,) = played.account.refused
    proofs = [*(played.folder / "refused").glob("*.proof.json")]
    (receipt,) = (played.folder / "refused").glob("*.receipt.json")
    verdict = judge(proofs[0], theatre.home / "trust.json", None, wall_ms() + HOUR_MS)

    assert played.account.failure == ""
    assert (refused["code"], refused["proof"]) == ("EXISTS", str(proofs[0]))
    assert verdict.failed == ("on_chain",)
    assert json.loads(receipt.read_text())["code"] == "EXISTS"


def test_a_fraud_that_goes_through_ends_the_story(play):
    account = play(
        lambda stage: stage.refused(TWICE, "EXISTS", [paper(stage)], FARM), {TWICE: "EXISTS"}
    ).account

    assert f"the fraud went through: {TWICE}: EXISTS was due" in account.failure
    assert account.refused == []


def test_a_fraud_that_is_refused_with_another_code_ends_the_story(play):
    def story(stage):
        stage.do("registers a paper", [paper(stage)], FARM)
        stage.refused(TWICE, "HELD", [paper(stage)], FARM)

    assert "HELD was due, EXISTS came" in play(story, {TWICE: "HELD"}).account.failure


def test_a_story_plays_exactly_the_frauds_that_it_lists(play):
    account = play(lambda stage: stage.say("nothing happens"), {TWICE: "EXISTS"}).account

    assert "frauds [] were played, ['registers the same paper twice'] are the story's" in (
        account.failure
    )


def test_a_check_that_is_not_so_ends_the_story(play):
    account = play(lambda stage: stage.check(stage.tag == "pigs", "pigs fly")).account

    assert "not so: pigs fly" in account.failure


def test_a_record_that_is_not_there_ends_the_story(play):
    account = play(lambda stage: stage.on("asset", "act", "nothing", action="x")).account

    assert "there is no asset/record/nothing" in account.failure


def test_steps_that_do_not_rest_on_each_other_go_together(play):
    def story(stage):
        stage.together(
            [Step(f"registers {name}", [paper(stage, name)], [who])
             for name, who in (("A", FARM), ("B", RETAILER))]
        )  # fmt: skip

    account = play(story).account

    assert [step["who"] for step in account.steps] == ["farm", "retailer"]


def test_one_refused_step_of_several_ends_the_story(play):
    def story(stage):
        stage.together([Step("registers", [paper(stage)], [FARM]) for _ in range(2)])

    assert "refused, EXISTS" in play(story).account.failure


def test_what_stands_and_what_does_not_stand_is_proven(play, theatre):
    def story(stage):
        done = stage.do("registers a paper", [paper(stage)], FARM)
        stage.prove("the paper", f"doc/record/{stage.id('P')}")
        stage.prove("no other paper", f"doc/record/{stage.id('Q')}")
        stage.prove_tx("its transaction", done)

    played = play(story)
    found = sorted(path.name for path in played.folder.glob("*.proof.json"))

    assert found == [
        "01-the-paper.proof.json",
        "02-no-other-paper.proof.json",
        "03-its-transaction.proof.json",
    ]
    for path in played.account.proofs:
        trust = theatre.home / "trust.json"
        assert judge(played.folder / path, trust, None, wall_ms() + HOUR_MS).exit_code == 0


def test_a_device_is_enrolled_once_and_signs(play):
    def story(stage):
        first = stage.enrol(FARM, "scale", "device", "device")
        again = stage.enrol(FARM, "scale", "device", "device")
        stage.check(first.public == again.public, "one key")
        stage.do("registers a weight", [paper(stage)], first)

    account = play(story).account

    assert account.failure == ""
    assert account.steps[-1]["who"] == "farm/scale"


def test_digests_and_ids_are_of_one_run(play):
    seen = []
    for _ in range(2):
        play(lambda stage: seen.append((stage.id("A"), stage.digest("A"))))

    assert seen[0] != seen[1]
    assert seen[0][1] != sha256(b"A")
