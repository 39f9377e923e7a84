"""Blocks of random calls: every replica agrees, and nothing is lost or counted twice."""

from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.merkle import leaf_hash, root_of
from hansa.receipt import decode_receipt
from ledger.execution import Ledger
from tests.unit.ledger.scene import Scene, genesis, verify

GENESIS = genesis()
CALLS = st.one_of(
    st.builds(
        lambda number, threshold: (
            "doc",
            "register",
            {"digest": bytes([number]) * 32, "id": f"d{number}", "threshold": threshold},
        ),
        st.integers(0, 5),
        st.integers(0, 2),
    ),
    st.builds(
        lambda name, number, version: ("doc", name, {"id": f"d{number}", "version": version}),
        st.sampled_from(["sign", "decline", "withdraw"]),
        st.integers(0, 5),
        st.integers(1, 3),
    ),
    st.just(("none", "such", {})),
)
SIGNERS = st.sampled_from(["farm/app", "carrier/app", "retailer/boss"])
BLOCKS = st.lists(
    st.lists(st.tuples(st.lists(CALLS, min_size=1, max_size=3), SIGNERS), max_size=5), max_size=4
)


@settings(max_examples=30, deadline=None)
@given(BLOCKS)
def test_a_second_replica_agrees_block_by_block_and_so_does_one_that_starts_anew(blocks):
    one, other = Scene(GENESIS), Scene(GENESIS)
    leaves = []
    for calls in blocks:
        staged = one.build([one.sign(group, (signer,)) for group, signer in calls])
        theirs = other.ledger.run(staged.proposal, staged.transactions, signatures_checked=True)
        assert dict(theirs.writes) == dict(staged.writes)
        one.commit(staged)
        other.commit(theirs)
        leaves.extend(staged.receipts)

    head = one.ledger.head
    assert root_of(leaves) == head.log_root
    assert (head.log_size, len(leaf_hash(b""))) == (len(leaves), 32)
    assert Ledger.open(one.store, verify).head == other.ledger.head
    records = [name for name, _ in one.ledger.scan_state(b"doc/record/")]
    accepted = [decode_receipt(leaf) for leaf in leaves]
    made = [
        change.key.encode()
        for receipt in accepted
        for call in receipt.calls
        for change in call.records
        if change.before == 0
    ]
    assert sorted(made) == records


@settings(max_examples=20, deadline=None)
@given(BLOCKS)
def test_undo_gives_back_every_earlier_state(blocks):
    scene = Scene(GENESIS)
    states = [dict(scene.ledger.scan_state(b""))]
    for calls in blocks:
        scene.block(*(scene.sign(group, (signer,)) for group, signer in calls))
        states.append(dict(scene.ledger.scan_state(b"")))

    names = sorted(set().union(*states))
    for height, state in enumerate(states):
        assert [scene.ledger.get_state(name, height) for name in names] == [
            state.get(name) for name in names
        ]
