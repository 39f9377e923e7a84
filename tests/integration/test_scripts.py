"""Scripts on real nodes: put in force by vote, called, limited alike everywhere; no harm done."""

import json
import os
import signal
from pathlib import Path

import pytest

from tests.integration.network import ROOT, until

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(240)]

POISON = """
def loop():
    for i in range(1000000000): pass
def text():
    s = "x"
    for i in range(30): s = s + s
    return len(s)
def many():
    s = [1]
    for i in range(30): s = s + s
    return len(s)
def nested():
    s = [1]
    for i in range(30): s = [s, s]
    return s
def deep(n=1000): return 0 if n == 0 else 1 + deep(n - 1)
def fine(): return 7
"""
MEMBERS = ("farm", "roastery", "carrier")


def ok(ended):
    assert ended.code == 0, ended.err + ended.out
    return ended.document


def publish(network, name, file):
    ok(network.hansa("script", "propose", name, file, "--as", MEMBERS[0], "--wait", "-o", "json"))
    for member in MEMBERS[1:]:
        vote = ok(network.hansa("script", "approve", name, "--as", member, "--wait", "-o", "json"))
    assert vote["state"] == "passed"


@pytest.fixture(scope="module")
def poison(network, tmp_path_factory):
    """The script of all that must be refused, in force."""
    file = tmp_path_factory.mktemp("scripts") / "poison.star"
    file.write_text(POISON)
    publish(network, "poison", file)
    return "poison"


def frozen(network, name):
    """Freeze a script, by vote."""
    for command, member in zip(("freeze", "approve", "approve"), MEMBERS, strict=True):
        ok(network.hansa("script", command, name, "--as", member, "--wait", "-o", "json"))


def call(network, name, function, *words, member="farm"):
    return network.hansa(
        "script", "call", name, function, *words, "--as", member, "--wait", "-o", "json"
    )


def heads(network):
    return {name: network.status(name) for name in ("node0", "node1", "node2", "node3")}


def same_state(network):
    """Height and state root of all four, when they agree."""
    found = {
        (status.height, status.state_root) if status is not None else None
        for status in heads(network).values()
    }
    return found.pop() if len(found) == 1 and None not in found else None


def sandboxes(network):
    """The processes of scripts, by node."""
    found = {}
    for process in network.processes():
        for child in Path(f"/proc/{process.pid}/task").glob("*/children"):
            for pid in child.read_text().split():
                if b"sandbox_child" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found[process.entry.name] = int(pid)
    return found


def test_members_publish_an_example_and_call_it(network):
    source = ROOT / "docs" / "guides" / "scripts" / "points.star"
    publish(network, "points", source)
    given = json.dumps({"who": "ann", "points": 30})

    called = ok(call(network, "points", "earn", "--args", given))

    assert (called["result"], called["script"]) == (30, "points@1")
    assert called["steps"] > 0
    shown = network.hansa("script", "show", "points", "--source")
    assert shown.out == source.read_text()
    listed = ok(network.hansa("script", "list", "-o", "json"))
    assert ("points", "active") in {(one["name"], one["state"]) for one in listed["scripts"]}
    spent = call(network, "points", "spend", "--args", json.dumps({"who": "ann", "points": 31}))
    assert spent.code == 1
    assert spent.document["error"]["code"] == "refused.SUM"


def test_poison_is_refused_with_limit_on_every_node_and_the_nodes_stay_healthy(network, poison):
    height = network.status("node0").height

    codes = {}
    for function in ("loop", "text", "many", "nested", "deep"):
        codes[function] = call(network, poison, function).document["error"]["code"]

    assert codes == dict.fromkeys(codes, "refused.LIMIT")
    assert ok(call(network, poison, "fine"))["result"] == 7
    head, _ = until(lambda: same_state(network), 30, "all four nodes agree")
    assert head >= height + 6
    for name, status in heads(network).items():
        assert (status.view, status.diverged, status.state) == (0, False, "ok"), name
        assert not [line for line in network.log_lines(name) if line.get("level") == "error"]


def test_a_node_that_loses_its_sandbox_starts_another(network, poison):
    assert ok(call(network, poison, "fine"))["result"] == 7
    until(lambda: len(sandboxes(network)) == 4, 10, "a sandbox at each node")
    before = sandboxes(network)
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)

    assert ok(call(network, poison, "fine", member="carrier"))["result"] == 7

    after = until(
        lambda: (now := sandboxes(network)) and len(now) == 4 and now, 20, "new sandboxes"
    )
    assert not set(before.values()) & set(after.values())
    assert until(lambda: same_state(network), 30, "all four nodes agree")


def test_a_frozen_script_is_held_everywhere(network, tmp_path):
    file = tmp_path / "held.star"
    file.write_text("def fine(): return 7\n")
    publish(network, "held", file)

    frozen(network, "held")

    assert call(network, "held", "fine").document["error"]["code"] == "refused.HELD"
