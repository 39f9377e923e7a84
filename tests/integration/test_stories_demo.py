"""The stories on the demo's four real processes, as somebody at a terminal plays them."""

from pathlib import Path

from node.stories import NAMES

ALL_S_MAX = 120.0
"""What the guide promises for all of them."""


def test_all_stories_are_played_on_the_demo_network_and_their_proofs_hold(network):
    ended = network.hansa("story", "run", "all", "-o", "json")

    assert ended.code == 0, ended.err
    played = ended.document["stories"]
    assert [one["name"] for one in played] == list(NAMES)
    assert ended.document["elapsed_s"] < ALL_S_MAX
    trust = ended.document["trust"]
    last = [one["proofs"][-1] for one in played]
    for path in last:
        assert network.hansa("verify", path, "--trust", trust).code == 0, path
    refused = played[0]["refused"][0]
    shown = network.hansa("tx", "show", refused["tx_id"], "-o", "json").document
    assert shown["receipt"]["code"] == refused["code"]
    assert network.hansa("verify", refused["proof"], "--trust", trust).code == 1
    assert all(Path(path).is_relative_to(network.home) for path in last)


def test_an_organisation_that_a_story_admitted_signs_on_the_command_line(network, tmp_path):
    if not (network.home / "members" / "bank").exists():
        assert network.hansa("story", "run", "receipt").code == 0
    letter = tmp_path / "letter.txt"
    letter.write_bytes(b"Dear warehouse")
    done = network.hansa("doc", "register", "--file", letter, "--as", "bank", "--wait")

    assert done.code == 0, done.err
