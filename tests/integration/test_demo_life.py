"""The life of a demo's processes: killed, stopped, started, removed; on a network of its own."""

import json
import re
import socket
import subprocess
import sys
import threading

import pytest

from tests.integration.network import DemoNetwork, run_hansa, until

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(180)]

VERIFY_WITH_THE_SDK_ALONE = """
import sys
for name in ("node", "ledger", "consensus", "p2p", "storage", "aiohttp", "click", "plyvel"):
    sys.modules[name] = None
from hansa.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def letter(tmp_path):
    """A document that nobody has registered yet."""
    path = tmp_path / "letter.txt"
    path.write_text(str(path))
    return path


def primary(network):
    """The node that leads now."""
    nodes = network.hansa("status", "-o", "json").document["nodes"]
    return next(node["name"] for node in nodes if "primary" in node["state"])


def heads(network):
    """State roots of all nodes that answer, by name."""
    nodes = network.hansa("status", "-o", "json").document["nodes"]
    return {node["name"]: node["state_root"] for node in nodes}


def test_without_a_quorum_75_says_who_is_missing_and_it_commits_when_one_returns(network, letter):
    killed = network.hansa("demo", "kill", "node2", "node3", "-o", "json")
    line = ("doc", "register", "--file", letter, "--as", "farm", "--wait", "--timeout", "2s")
    ended = network.hansa(*line, "-o", "json")
    status = network.hansa("status", "-o", "json")
    started = network.hansa("demo", "start", "node2")
    tx_id = ended.document["tx_id"]
    committed = network.hansa("wait", f"tx={tx_id[:12]}", "--timeout", "30s")
    network.start("node3")

    assert killed.document == {"killed": ["node2", "node3"]}
    assert ended.code == 75
    assert ended.err.splitlines()[0] == (
        "✗ not committed within 2 s: no quorum, 2 of 4 validators reachable, 3 needed "
        "(missing: carrier, retailer)"
    )
    assert re.search(r"tx [0-9a-f]{12} stays in the mempool until .*; it can still", ended.err)
    assert "hansa demo start node2" in ended.err
    assert ended.document["missing"] == ["carrier", "retailer"]
    assert (status.code, status.document["quorum"]["live"]) == (0, 2)
    assert "there is no quorum now" in status.err
    assert (started.code, committed.code) == (0, 0), started.err + committed.err


def test_the_others_go_on_without_their_primary_which_catches_up(network, letter):
    leader = primary(network)
    killed = network.hansa("demo", "kill", leader)
    line = ("doc", "register", "--file", letter, "--as", "roastery", "--wait")
    committed = network.hansa(*line, "-o", "json")
    started = network.start(leader)

    assert (killed.code, committed.code) == (0, 0), committed.err
    assert started["height"] >= committed.document["height"]
    until(lambda: len(set(heads(network).values())) == 1, 30, "one state root on all nodes")


def test_what_was_acknowledged_is_there_after_all_four_were_killed(network, letter):
    line = ("doc", "register", "--file", letter, "--as", "carrier", "--wait", "-o", "json")
    tx_id = network.hansa(*line).document["tx_id"]
    network.hansa("demo", "kill", "node0", "node1", "node2", "node3")
    network.start()

    shown = network.hansa("tx", "show", tx_id, "state")
    assert (shown.code, shown.out) == (0, "committed\n"), shown.err
    assert len(set(heads(network).values())) == 1


def test_a_network_that_was_stopped_comes_back_with_the_same_facts(network):
    stopped = network.hansa("demo", "stop", "-o", "json")
    nobody = network.hansa("status")
    again = network.hansa("demo", "-o", "json", "--no-input")

    assert stopped.document == {"stopped": ["node0", "node1", "node2", "node3"]}
    assert nobody.code == 69
    assert "hansa demo" in nobody.err
    assert again.code == 0, again.err
    same = ("chain_id", "home", "trust", "events")
    assert {k: again.document[k] for k in same} == {k: network.facts[k] for k in same}


def test_a_home_in_use_is_told_so(network):
    ended = network.hansa("demo", "status")
    second = run_hansa("node", "start", "--home", network.home / "node0", home=network.home)

    assert ended.code == 0
    assert second.code != 0
    assert "Traceback" not in second.err
    assert "next:" in second.err


def test_a_port_that_is_taken_is_told_so(tmp_path):
    with socket.socket() as taken, socket.socket() as free:
        for one in (taken, free):
            one.bind(("127.0.0.1", 0))
        taken.listen()
        port, other = (str(one.getsockname()[1]) for one in (taken, free))
        free.close()
        made = ("net", "create", tmp_path / "n", "--members", "a", "--dev", "--api-port", port)
        run_hansa(*made, "--p2p-port", other, home=tmp_path)
        ended = run_hansa("node", "start", "--home", tmp_path / "n" / "node0", home=tmp_path)

    assert ended.code not in {0, 70}, ended.err
    assert port in ended.err
    assert "Traceback" not in ended.err


def test_a_demo_whose_ports_are_taken_takes_the_next(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        demo = DemoNetwork(tmp_path / "demo")
        try:
            line = ("demo", "--api-port", str(port), "-o", "json", "--no-input")
            facts = demo.hansa(*line).document
            removed = demo.hansa("demo", "rm", "--yes")
        finally:
            demo.close()

    moved = int(facts["nodes"][0]["api"].rpartition(":")[2]) - port
    assert (moved > 0, moved % 10) == (True, 0)
    assert (removed.code, demo.home.exists()) == (0, False)


def test_a_proof_outlives_every_home_and_needs_the_sdk_alone(network, letter, tmp_path):
    line = ("doc", "register", "--file", letter, "--as", "roastery", "--wait", "-o", "json")
    tx_id = network.hansa(*line).document["tx_id"]
    network.hansa("prove", "tx", tx_id[:12], "-O", tmp_path / "p.json")
    (tmp_path / "trust.json").write_bytes((network.home / "trust.json").read_bytes())
    words = ("verify", "p.json", "--trust", "trust.json", "--file", str(letter), "-o", "json")
    done = subprocess.run(
        [sys.executable, "-P", "-c", VERIFY_WITH_THE_SDK_ALONE, *words],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )

    lines = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert list(lines) == ["content", "on_chain", "signers", "time", "now", "not_proven"]
    assert lines["content"]["verdict"] == "ok"
    assert "roastery" in lines["signers"]["text"]


def test_watch_sees_a_block_when_it_comes(network, letter):
    seen = []
    follow = threading.Thread(
        target=lambda: seen.append(network.hansa("watch", "--count", "1", "-o", "jsonl"))
    )
    follow.start()
    register = ("doc", "register", "--file", letter, "--as", "retailer", "--wait", "-o", "json")
    network.hansa(*register)
    letter.write_text("another one")
    height = network.hansa(*register).document["height"]
    follow.join(60)

    assert json.loads(seen[0].out)["height"] <= height
