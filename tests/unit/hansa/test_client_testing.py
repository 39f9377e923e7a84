"""`hansa.testing` finds the chain that the node brings."""

import sys

import pytest

from hansa.errors import Rejected, Unavailable
from hansa.proof import decode_trust, parse_proof, verify_proof
from hansa.signing import verify
from hansa.testing import in_process_chain
from node.testing import LocalChain

DIGEST = bytes(32)


@pytest.fixture
def registered(tmp_path, monkeypatch):
    """A distribution that registers the chain, as `hansa-node` does, and nothing else."""
    folder = tmp_path / "some_node-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: some-node\nVersion: 1\n")
    (folder / "entry_points.txt").write_text("[hansa.testing]\nchain = node.testing:LocalChain\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])


def test_without_the_node_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(Unavailable) as caught:
        in_process_chain()

    assert caught.value.code == "testing.not-installed"
    assert "pip install hansa-node" in caught.value.hint


@pytest.mark.usefixtures("registered")
def test_with_the_node_there_is_a_fresh_chain_each_time():
    with in_process_chain() as one, in_process_chain(["north", "south"]) as other:
        receipt = one.submit([("doc", "register", {"id": "a", "digest": DIGEST})], "farm")
        again = other.submit([("doc", "register", {"id": "a", "digest": DIGEST})], "south")

    assert (receipt.code, again.code) == ("OK", "OK")
    assert other.state("doc/record/a")["controller"] == "south"


def test_the_same_calls_give_the_same_blocks():
    one, other = LocalChain(), LocalChain()
    one.submit([("doc", "register", {"id": "a", "digest": DIGEST})], "farm")
    other.submit([("doc", "register", {"id": "a", "digest": DIGEST})], "farm")

    assert one.ledger.head.hash == other.ledger.head.hash


@pytest.mark.parametrize("validators", [1, 2, 3, 4])
def test_proofs_of_chains_of_any_size_hold(validators):
    chain = LocalChain(validators=validators)
    receipt = chain.submit([("doc", "register", {"id": "a", "digest": DIGEST})], "farm")
    trust = decode_trust(chain.trust())
    files = [chain.prove_tx(receipt.tx_id), chain.prove_state("doc/record/b")]

    verdicts = [verify_proof(parse_proof(file), trust, verify) for file in files]
    assert [verdict.on_chain.verdict for verdict in verdicts] == ["ok", "ok"]


def test_time_moves_when_the_test_says_so():
    chain = LocalChain()
    start = chain.time
    chain.advance(3_600_000)

    assert (chain.height, chain.time) == (1, start + 3_600_000)


def test_what_no_block_can_hold_commits_nothing():
    chain = LocalChain()
    good = chain.sign([("doc", "register", {"id": "a", "digest": DIGEST})], "farm")
    late = chain.sign([("doc", "register", {"id": "b", "digest": DIGEST})], "farm", expires_at=1)
    with pytest.raises(Rejected, match=r"transaction\.expired"):
        chain.commit([good, late])

    assert chain.height == 0
    assert chain.state("doc/record/a") is None


def test_a_forged_transaction_is_refused():
    chain = LocalChain()
    good = chain.sign([("doc", "register", {"id": "a", "digest": DIGEST})], "farm")
    forged = type(good).assemble(good.body, (bytes(64),))
    with pytest.raises(Rejected, match=r"transaction\.signature"):
        chain.commit([forged])
