"""Replicas with a sandbox each: the same receipts, roots and refusals, or no result at all."""

import pytest

from hansa.block import Proposal
from hansa.receipt import decode_receipt
from ledger.rules import BlockRefused
from node.sandbox import ProcessSandbox
from tests.unit.ledger.scene import genesis
from tests.unit.ledger.script_scene import ScriptScene

SOURCE = """
def loop():
    put("k", 1)
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
def fine(n=1):
    put("n", get("n", 0) + n)
    return {"b": [n, (1, None)], "a": "%s" % [n, "é"]}
def wrong(): return [][0]
"""
FUNCTIONS = ("loop", "fine", "text", "many", "fine", "nested", "deep", "wrong", "fine")


@pytest.fixture
def replicas():
    """Four ledgers of one chain, each with its own process for scripts."""
    made = [ScriptScene(genesis(), sandbox=ProcessSandbox()) for _ in range(4)]
    for scene in made:
        scene.publish(SOURCE)
    assert len({scene.ledger.head.hash for scene in made}) == 1
    yield made
    for scene in made:
        scene.sandbox.close()


def calls(scene, functions=FUNCTIONS):
    return [scene.sign([("script", "call", {"name": "s", "function": name})]) for name in functions]


def run(scene, staged):
    proposal = Proposal(
        staged.header, tuple(one.tx_hash for one in staged.transactions), staged.last_certificate
    )
    return scene.ledger.run(proposal, staged.transactions, signatures_checked=True)


def test_every_replica_leaves_the_same_receipts(replicas):
    primary, *backups = replicas
    staged = primary.build(calls(primary))

    codes = [decode_receipt(receipt).code for receipt in staged.receipts]

    assert codes == ["LIMIT", "OK", "LIMIT", "LIMIT", "OK", "LIMIT", "LIMIT", "RULE", "OK"]
    for backup in backups:
        theirs = run(backup, staged)
        assert (theirs.header, theirs.receipts) == (staged.header, staged.receipts)
    assert len({scene.sandbox.pid for scene in replicas}) == 4
    assert [scene.sandbox.starts for scene in replicas] == [1, 1, 1, 1]
    assert not staged.faults


def test_a_primary_whose_sandbox_is_late_leaves_the_calls_out(replicas):
    primary, backup, *_ = replicas
    primary.sandbox._wall_ms = 0
    good = primary.sign([("doc", "register", document())])
    staged = primary.build([*calls(primary, ("fine",)), good])

    assert staged.transactions == (good,)
    assert [dropped.code for dropped in primary.ledger.dropped] == ["transaction.no-result"]
    assert run(backup, staged).header == staged.header


def test_a_backup_whose_sandbox_is_late_refuses_the_block_and_recovers(replicas):
    primary, backup, *_ = replicas
    staged = primary.build(calls(primary, ("fine",)))
    wall, backup.sandbox._wall_ms = backup.sandbox._wall_ms, 0

    with pytest.raises(BlockRefused) as caught:
        run(backup, staged)
    assert (caught.value.code, caught.value.index) == ("transaction.no-result", 0)

    backup.sandbox._wall_ms = wall
    assert run(backup, staged).header == staged.header


def document():
    return {
        "id": "farm:1", "digest": b"d" * 32, "size": 1, "media_type": "text/plain",
        "kind": "", "signers_needed": [], "threshold": 0,
    }  # fmt: skip
