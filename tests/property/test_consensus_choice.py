"""The choice of a new view, and counting votes, against brute force."""

from hypothesis import given
from hypothesis import strategies as st

from consensus.checks import Facts, check_new_view
from consensus.height import Tally, largest_claim, largest_claimed
from consensus.messages import NOTHING_PREPARED, NewView, ViewChange, ViewChangeProof, Vote
from hansa.certificate import make_certificate
from hansa.errors import Rejected
from hansa.hashing import ZERO_HASH, sha256
from hansa.membership import quorum_size
from hansa.votes import PREPARE
from tests.unit.consensus.world import CHAIN, genesis, signed, validator_set, verify

BLOCKS = [sha256(b"x"), sha256(b"y"), sha256(b"z")]
TARGET = 6


def facts_of(size):
    """The facts of height 1 of a set."""
    validators = validator_set(size)
    return Facts(CHAIN, genesis(validators), None, validators, validators, verify)


def certificate(validators, view, block):
    """A prepared certificate: there is one block a view, the view's own."""
    votes = {
        i: signed(Vote(PREPARE, 0, 1, view, block, i), validators).signature
        for i in range(validators.quorum)
    }
    return make_certificate(PREPARE, 0, 1, view, block, votes, validators)


def proofs_of(validators, claims):
    """View changes of the first signers: None claims nothing, else a prepared view."""
    proofs = []
    for signer, view in enumerate(claims):
        block = ZERO_HASH if view is None else BLOCKS[view % 3]
        prepared = NOTHING_PREPARED if view is None else view
        change = ViewChange(0, 1, TARGET, prepared, block, signer)
        proof = None if view is None else certificate(validators, view, block)
        proofs.append(signed(ViewChangeProof(change, proof), validators))
    return tuple(proofs)


@st.composite
def new_views(draw):
    """A set, view changes of some of it, and what a primary might make of them."""
    size = draw(st.integers(1, 7))
    validators = validator_set(size)
    count = draw(st.integers(1, size))
    claims = draw(st.lists(st.none() | st.integers(0, TARGET - 1), min_size=count, max_size=count))
    shown = draw(st.none() | st.integers(0, TARGET - 1))
    return validators, claims, shown


@given(new_views())
def test_only_the_block_with_the_largest_prepared_view_is_justified(case):
    validators, claims, shown = case
    facts = facts_of(validators.size)
    proofs = proofs_of(validators, claims)
    best = max((view for view in claims if view is not None), default=None)
    block = ZERO_HASH if shown is None else BLOCKS[shown % 3]
    message = NewView(
        0, 1, TARGET, tuple(proof.view_change for proof in proofs),
        None if shown is None else certificate(validators, shown, block), block, None, 0,
    )  # fmt: skip
    message = signed(message, validators)

    try:
        accepted = check_new_view(facts, message)
    except Rejected:
        accepted = False

    enough = len(claims) >= quorum_size(validators.size)
    assert accepted == (enough and best is not None and shown == best)


@given(st.lists(st.none() | st.integers(0, TARGET - 1), max_size=7))
def test_the_largest_claim_is_the_largest(claims):
    proofs = proofs_of(validator_set(7), claims)
    best = max((view for view in claims if view is not None), default=None)

    chosen = largest_claim(proofs)
    claimed = largest_claimed(tuple(proof.view_change for proof in proofs))

    assert (chosen is None) == (claimed is None) == (best is None)
    assert best is None or chosen.view_change.prepared_view == claimed.prepared_view == best


@given(
    size=st.integers(1, 10),
    votes=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2), st.integers(0, 2)), max_size=40),
)
def test_a_tally_counts_each_signer_once(size, votes):
    """The slow twin: a map from (view, signer) to the last block said."""
    validators = validator_set(size)
    tally, said = Tally(), {}
    for signer, view, block in votes:
        if signer < size:
            tally.add(signed(Vote(PREPARE, 0, 1, view, BLOCKS[block], signer), validators))
            said[view, signer] = BLOCKS[block]

    for view in range(3):
        counts = [
            sum(said.get((view, signer)) == block for signer in range(size)) for block in BLOCKS
        ]
        made = tally.certificate(PREPARE, view, validators, 0)

        assert (made is not None) == (max(counts) >= validators.quorum)
        if made is not None:
            assert counts[BLOCKS.index(made.block_hash)] >= validators.quorum
            made.check(CHAIN, validators, verify)
            assert made.signers() == sorted(set(made.signers()))
