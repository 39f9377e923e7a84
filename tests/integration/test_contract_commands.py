"""The commands of contracts on a network of real processes: the examples of their help."""

import json
import shlex

import pytest

from hansa.keyfile import read_public_key
from hansa.keys import key_id
from tests.integration.network import run_hansa
from tests.unit.node.examples import BALLOT, CLAIMS, KEY_ID, WRAPPED, example_of

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(180)]


class Desk:
    """A folder in which examples are run, one after the other."""

    def __init__(self, network, folder):
        self.network = network
        self.folder = folder
        for name in ("prices.json", "terms.txt", "prices.sealed", "scope.txt", "receipts.txt"):
            (folder / name).write_text(name)
        (folder / "claims.json").write_text(json.dumps(CLAIMS))
        (folder / "schema.json").write_text("{}")

    def hansa(self, *words):
        """A command that must succeed: its JSON."""
        where = ("--home", self.network.home, "-o", "json")
        ended = run_hansa(*words, *where, home=self.network.home.parent, cwd=self.folder)
        assert ended.code == 0, (words, ended.err)
        assert "next: hansa" in ended.err, (words, ended.err)
        return ended.document

    def example(self, *names, **replaced):
        """The example of a command's help."""
        line = example_of(*names)
        for old, new in replaced.items():
            line = line.replace(old, new)
        return self.hansa(*shlex.split(line))


@pytest.fixture
def desk(network, tmp_path):
    """A desk of the demo's network."""
    return Desk(network, tmp_path)


def test_what_stands_in_the_help_works_on_a_real_network(desk):
    listed = desk.example("contract", "list")["contracts"]
    described = desk.example("contract", "describe")
    desk.example("profile", "propose")
    desk.example("profile", "approve")
    desk.hansa("profile", "approve", "warehouse.receipt@1", "--as", "retailer", "--wait")
    history = desk.hansa("record", "history", "profile", "warehouse.receipt@1")

    assert {"asset", "cred", "doc", "grant", "match", "profile"} <= {
        one["contract"] for one in listed
    }
    assert described["refusals"]
    assert [one["method"] for one in history["changes"]] == ["profile.propose", "profile.approve"]
    assert desk.hansa("profile", "show", "warehouse.receipt@1")["state"] == "published"


def test_a_credential_and_a_grant_live_on_a_real_network(desk):
    opened = desk.example("cred", "accredit")
    ballot = {BALLOT: opened["result"]["ballot"]}
    desk.example("cred", "vote", **ballot)
    desk.example("cred", "vote", **ballot, roastery="retailer")
    for name in ("template", "open-list", "sign", "log", "list"):
        desk.example("cred", name)
    assert desk.example("cred", "check")["passed"] is True

    for name in ("publish", "request", "decide", "verify", "finalize", "transfer"):
        desk.example("grant", name)
    file = desk.network.home / "members" / "roastery" / "keys" / "desk.json"
    key = key_id(read_public_key(file)[0])
    desk.example("grant", "deliver", **{KEY_ID: key, WRAPPED: "ab" * 80})
    desk.example("grant", "used")
    assert desk.example("grant", "show")["agreement"]["state"] == "FINALIZED"
