"""Killed processes and cut logs: nothing promised is lost, and the others go on.

Each campaign runs a round or two here; `scripts/campaign` runs as many as one likes
(docs/guides/faults.md has the results).
"""

import random

import pytest

from tests.integration.campaign import Books, Loader, kill_all, kill_primary, last_batch
from tests.integration.network import until

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture
def whole(network):
    """The network with all of its nodes running, whatever a test before did to it."""
    network.start()
    return network


def one_round(network, tmp_path, kind, rate, number):
    with Loader(network, tmp_path / "promised", rate) as loader:
        return kind(network, Books(network), loader, random.Random(number), number)


def test_the_others_commit_again_soon_after_the_primary_died_and_it_votes_again(whole, tmp_path):
    fact = one_round(whole, tmp_path, kill_primary, 50, 0)

    assert 0 < fact["pause_s"] <= 6


@pytest.mark.parametrize("number", [0, 1], ids=["logs whole", "logs cut"])
def test_all_nodes_killed_lose_nothing_that_was_promised(whole, tmp_path, number):
    fact = one_round(whole, tmp_path, kill_all, 100, number)

    assert fact["promised"] > 0
    assert bool(fact["cut"]) == (number == 1)


def test_without_a_quorum_a_wait_ends_and_says_who_is_missing_and_what_to_do(whole, tmp_path):
    path = tmp_path / "waits.pdf"
    path.write_text(str(tmp_path))
    killed = whole.hansa("demo", "kill", "node2", "node3")
    assert killed.code == 0, killed.err

    ended = whole.hansa(
        *("doc", "register", "--file", path, "--as", "farm", "--wait"),
        *("--timeout", "5s", "-o", "json"),
    )

    told = ended.document
    tx_id = told["tx_id"]
    assert ended.code == 75
    assert told["error"]["code"] == "quorum.missing"
    assert told["missing"] == ["carrier", "retailer"]
    assert "2 of 4 validators reachable, 3 needed (missing: carrier, retailer)" in ended.err
    assert f"tx {tx_id[:12]} stays in the mempool until " in ended.err
    assert "hansa demo start node2" in ended.err

    status = whole.hansa("status", "-o", "json")
    quorum = status.document["quorum"]
    assert status.code == 0
    assert (quorum["live"], quorum["need"], quorum["reached"]) == (2, 3, False)
    states = {node["name"]: node["state"] for node in status.document["nodes"]}
    assert states["node2"] == states["node3"] == "unreachable"
    assert "no quorum" in whole.hansa("status").err

    started = whole.hansa("demo", "start", "node2")
    assert started.code == 0, started.err
    waited = whole.hansa("wait", f"tx={tx_id}", "--timeout", "30s", "-o", "json")
    assert waited.code == 0, waited.err


def test_a_node_that_stops_in_order_starts_again_with_what_it_had(whole):
    before = whole.status("node1").height

    stopped = whole.hansa("demo", "stop", "node1", "-o", "json")
    started = whole.start("node1")

    assert stopped.document["stopped"] == ["node1"]
    assert [node["name"] for node in started["started"]] == ["node1"]
    until(lambda: whole.status("node1").height >= before, 20, "the old height")
    assert "Traceback" not in whole.log("node1")


def test_the_last_batch_of_a_log_is_found():
    assert last_batch(b"") is None
