"""The stories on a chain of one node: as told, and without the rule that stops a fraud.

The second half is a table: a row names a fraud and what is switched off. Every fraud of every
story has a row, and a row that switched off nothing would not make its story fail.
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hansa.__main__ import judge
from hansa.receipt import REFUSALS
from ledger.contracts import trace_tags
from node.cli.root import run as hansa
from node.clock import wall_ms
from node.stories import NAMES, stories, story, voucher
from node.stories.run import run
from tests.integration.story_chain import Switch, play, story_network
from tests.integration.story_switches import SWITCHES

HOURS_MS = 24 * 3_600_000
"""The chain of these tests runs ahead of the clock on the wall."""


FRAUDS = [
    pytest.param(name, what, id=f"{name}-{code}-{number}")
    for name in NAMES
    for number, (what, code) in enumerate(story(name).frauds.items())
]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A directory of a network."""
    return tmp_path_factory.mktemp("stories") / "net"


@pytest.fixture(scope="module")
def theatre(home):
    """A network with every rule in force; module-wide, because stories leave it usable."""
    with story_network(home) as found:
        yield found


@pytest.fixture(scope="module")
def told(theatre):
    """All stories, told once, and the lines that were told."""
    lines = []
    return run(replace(theatre, tell=lines.append), stories("all")), lines


def test_every_story_goes_as_told_and_every_fraud_is_refused(told):
    played, _ = told

    assert {one.story.name: one.account.failure for one in played} == dict.fromkeys(NAMES, "")
    for one in played:
        refused = {each["what"]: each["code"] for each in one.account.refused}
        assert refused == dict(one.story.frauds)
        assert set(refused.values()) <= set(REFUSALS)


def test_every_proof_holds_and_the_proof_of_a_refusal_says_that_it_was_one(told, home):
    played, _ = told
    for one in played:
        assert one.account.proofs
        for path in one.account.proofs:
            assert judge(Path(path), home / "trust.json", None, later()).exit_code == 0, path
        for each in one.account.refused:
            verdict = judge(Path(each["proof"]), home / "trust.json", None, later())
            assert verdict.failed == ("on_chain",)
            assert f"refused with {each['code']}" in verdict.on_chain.text
            receipt_file = each["proof"].replace(".proof.json", ".receipt.json")
            assert json.loads(Path(receipt_file).read_text())["code"] == each["code"]


def test_each_step_is_told_in_one_line_that_says_who_did_what_and_where_it_stands(told):
    played, lines = told
    for one in played:
        own = [line for line in lines if line.startswith(one.story.name + " ")]
        assert len(own) == len(one.account.steps) + len(one.account.refused)
        for step in one.account.steps:
            if "tx_id" in step:
                shown = f"{step['who']}: {step['text']}  tx {step['tx_id'][:12]}"
                assert any(f"{shown}  height {step['height']}" in line for line in own)
    assert not any("\n" in line for line in lines)


def test_a_second_telling_finds_everything_there_and_makes_fresh_records(told, theatre):
    first, _ = told
    lines = []
    again = run(replace(theatre, tell=lines.append), stories("all"))

    assert {one.account.failure for one in again} == {""}
    assert [line for line in lines if line.startswith("setting")] == []
    assert {one.folder for one in again}.isdisjoint(one.folder for one in first)


def test_keys_of_the_stories_are_readable_by_their_owner_alone(told, home):
    del told
    found = [*home.glob("members/*/keys/*.json"), *home.glob("stories/keys/*.json")]

    assert len(found) > 12
    assert {oct(path.stat().st_mode & 0o777) for path in found} == {"0o600"}


def test_the_command_plays_a_story_and_prints_what_is_left_of_it(theatre, home, capsys):
    del theatre
    code = hansa(["story", "run", "receipt", "--home", str(home), "-o", "json"])
    out, err = capsys.readouterr()
    document = json.loads(out)["stories"][0]

    assert code == 0, err
    assert (document["name"], document["title"]["zh"]) == ("receipt", "可信仓单")
    assert [one["code"] for one in document["refused"]] == ["DUPLICATE", "HELD", "HELD"]
    assert all(Path(one).exists() for one in document["proofs"])
    assert len(document["steps"]) > 10
    assert "next: hansa verify" in err


def test_the_command_puts_proofs_where_it_is_told(theatre, home, tmp_path, capsys):
    del theatre
    code = hansa(["story", "run", "ebl", "--home", str(home), "--to", str(tmp_path / "p")])
    _, err = capsys.readouterr()

    assert code == 0, err
    assert len([*(tmp_path / "p").glob("*.proof.json")]) == 5
    assert len([*(tmp_path / "p" / "refused").glob("*.proof.json")]) == 2


def test_the_command_tells_which_story_there_is_not(theatre, home, capsys):
    del theatre
    code = hansa(["story", "run", "nonsense", "--home", str(home)])

    assert code != 0
    assert "choose of: coffee" in capsys.readouterr().err


def test_the_list_names_titles_organisations_and_frauds(capsys):
    assert hansa(["story", "list", "-o", "json"]) == 0
    listed = json.loads(capsys.readouterr().out)["stories"]

    assert [one["name"] for one in listed] == list(NAMES)
    for one in listed:
        assert one["title"]["zh"]
        assert one["title"]["en"]
        assert one["organisations"]
        assert {each["code"] for each in one["frauds"]} <= set(REFUSALS)


def test_every_fraud_of_every_story_has_a_switch():
    assert {what for name in NAMES for what in story(name).frauds} == set(SWITCHES)


@pytest.mark.parametrize(("name", "what"), FRAUDS)
def test_without_the_rule_that_stops_a_fraud_the_story_fails(name, what, tmp_path, monkeypatch):
    (played,) = play(tmp_path / "net", [story(name)], SWITCHES[what], monkeypatch)

    code = story(name).frauds[what]
    assert f"the fraud went through: {what}: {code} was due" in played.account.failure
    assert not any(one["what"] == what for one in played.account.refused)


def test_without_its_flags_a_copied_code_warns_nobody_and_the_story_fails(tmp_path, monkeypatch):
    blind = Switch(patches=((trace_tags, "is_clone", lambda flags: False),))
    (played,) = play(tmp_path / "net", [story("coffee")], blind, monkeypatch)

    assert "the page warns of a copy with the third province" in played.account.failure


def test_the_command_fails_with_a_story_and_says_why(tmp_path, capsys):
    switch = SWITCHES[voucher.TOO_LONG]
    with story_network(tmp_path / "net", switch):
        words = ["story", "run", "voucher", "--home", str(tmp_path / "net"), "-o", "json"]
        code = hansa(words)
    out, err = capsys.readouterr()

    assert code == 1
    assert json.loads(out)["error"]["code"] == "story.failed"
    assert voucher.TOO_LONG in err


def later():
    """A reader's clock that no block of these chains is ahead of."""
    return wall_ms() + HOURS_MS
