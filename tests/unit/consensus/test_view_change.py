"""Rows F and G of docs/spec/consensus.md, up to the new primary, as conversations."""

import pytest
from msgspec.structs import replace

from consensus.guard import UNLOCKED
from consensus.io import Build, Built, Fetch
from consensus.messages import (
    NOTHING_PREPARED,
    VIEW_MAX,
    NewView,
    ViewChange,
    ViewChangeProof,
    Vote,
)
from hansa.hashing import ZERO_HASH
from hansa.votes import COMMIT, PREPARE
from tests.unit.consensus.talk import T0_MS, Talk, asked, sent


def targets(talk):
    return [proof.view_change.target for proof in talk.of(ViewChangeProof)]


# -- F: giving a view up ---------------------------------------------------------------------


def test_an_idle_replica_waits_for_nothing():
    talk = Talk()

    talk.tick(3_600_000)

    assert targets(talk) == []


@pytest.mark.parametrize("reason", ["a proposal", "a vote", "a relayed transaction"])
def test_a_view_with_something_to_decide_is_given_up_after_its_wait(reason):
    talk = Talk()
    block = talk.block()
    match reason:
        case "a proposal":
            talk.hear(talk.pre_prepare(block))
        case "a vote":
            talk.hear(talk.vote(PREPARE, block, talk.others[0]))
        case "a relayed transaction":
            talk.relayed = True
            talk.tick()
    extra = len(block.transactions) if reason == "a proposal" else 0

    talk.tick(T0_MS + extra - 1)
    assert targets(talk) == []
    talk.tick(1)
    assert targets(talk) == [1]


def test_no_vote_below_the_target_is_cast_in_view_change():
    talk = Talk()
    block = talk.block()
    talk.proposed(block)
    talk.tick(T0_MS + 1)

    talk.votes(PREPARE, block)

    assert talk.of(Vote, phase=COMMIT) == []
    assert talk.state.prepared is None


def test_a_view_change_claims_what_is_prepared_with_its_certificate():
    talk = Talk()
    block = talk.block()
    talk.proposed(block)
    talk.votes(PREPARE, block)

    talk.tick(2 * T0_MS)

    [proof] = talk.of(ViewChangeProof)
    assert (proof.view_change.prepared_view, proof.view_change.prepared_hash) == (
        0,
        block.header.hash,
    )
    assert proof.certificate == talk.state.prepared.certificate


def test_one_liar_with_a_huge_target_moves_nobody():
    talk = Talk()

    talk.hear(talk.change(talk.others[0], VIEW_MAX))

    assert targets(talk) == []


def test_f_plus_1_others_are_joined_at_the_least_of_their_targets():
    talk = Talk(size=7)
    for signer, target in zip(talk.others, (9, 4, 6), strict=False):
        talk.hear(talk.change(signer, target))

    assert targets(talk) == [4]


def test_a_waiting_replica_joins_upwards_only():
    talk = Talk(size=7)
    for signer in talk.others[:3]:
        talk.hear(talk.change(signer, 5))
    for signer in talk.others[3:6]:
        talk.hear(talk.change(signer, 3))

    assert targets(talk) == [5]


def test_a_minority_does_not_run_through_the_views():
    talk = Talk()
    talk.hear(talk.change(talk.others[0], 1))
    talk.relayed = True
    talk.tick(T0_MS)

    talk.tick(T0_MS)
    talk.tick(3_600_000)

    assert targets(talk) == [1]


def test_after_a_quorum_the_new_view_is_waited_for_and_then_given_up():
    talk = Talk()
    for proof in talk.changes(1, talk.others[:2]):
        talk.hear(proof)
    assert targets(talk) == [1]

    talk.tick(2 * T0_MS - 1)
    assert targets(talk) == [1]
    talk.tick(1)
    assert targets(talk) == [1, 2]


def test_only_the_latest_view_change_of_a_signer_is_kept():
    talk = Talk()
    signer = talk.others[0]
    talk.hear(talk.change(signer, 3))
    talk.hear(talk.change(signer, 2))

    assert talk.state.changes[signer].view_change.target == 3
    talk.hear(talk.change(signer, 4))
    assert talk.state.changes[signer].view_change.target == 4


@pytest.mark.parametrize(
    "spoil",
    [
        lambda talk, b: replace(talk.change(0, 1, b), certificate=None),
        lambda talk, b: replace(talk.change(0, 1), certificate=talk.prepared(b)),
        lambda talk, b: talk.change(0, 1, b, certificate=talk.prepared(talk.block(("other",)))),
        lambda talk, b: talk.change(0, 1, b, certificate=talk.prepared(b, 1)),
        lambda talk, b: talk.change(0, 1, b, 1),
        lambda talk, b: talk.change(0, 1, b, certificate=talk.prepared(b, phase=COMMIT)),
        lambda talk, b: talk.change(
            0, 1, b, certificate=replace(talk.prepared(b), signatures=(bytes(64),) * 3)
        ),
        lambda talk, b: talk.change(
            0, 1, b, certificate=replace(talk.prepared(b), bitmap=b"\x03", signatures=())
        ),
        lambda talk, _: talk.change(0, 1, prepared_hash=b"\1" * 32),
        lambda talk, _: talk.change(0, 1, epoch=1),
        lambda talk, _: talk.change(0, 1, height=2),
        lambda talk, _: talk.change(0, 0),
        lambda talk, _: replace(
            talk.change(0, 1),
            view_change=replace(talk.change(0, 1).view_change, signature=bytes(64)),
        ),
        lambda talk, _: replace(
            talk.change(0, 1), view_change=replace(talk.change(0, 1).view_change, target=2)
        ),
    ],
)
def test_a_view_change_that_lies_is_not_counted(spoil):
    talk = Talk()

    talk.hear(spoil(talk, talk.block()), peer=0)

    assert talk.state.changes == {}


def test_a_view_change_comes_from_its_signer_alone():
    talk = Talk()

    talk.hear(talk.change(0, 1), peer=1)

    assert talk.state.changes == {}


def test_claims_of_others_are_taken_over():
    talk = Talk()
    block = talk.block()
    talk.hear(talk.change(talk.others[0], 1, block))
    talk.relayed = True
    talk.tick()
    talk.tick(T0_MS)

    [proof] = talk.of(ViewChangeProof)
    assert proof.view_change.prepared_hash == block.header.hash


def test_beyond_the_last_view_there_is_nothing():
    talk = Talk()
    for proof in talk.changes(VIEW_MAX, talk.others[:2]):
        talk.hear(proof)
    talk.tick(60_000)

    assert targets(talk) == [VIEW_MAX]


def test_a_core_that_may_not_sign_joins_nobody():
    talk = Talk()
    talk.core.abstain_through = 1
    for proof in talk.changes(1):
        talk.hear(proof)
    talk.relayed = True
    talk.tick()
    talk.tick(60_000)

    assert targets(talk) == []


def test_a_view_change_is_sent_again():
    talk = Talk()
    talk.relayed = True
    talk.tick()
    talk.tick(T0_MS)

    assert sent(talk.tick(300), ViewChangeProof) == [(None, talk.of(ViewChangeProof)[0])]


# -- G: the new primary ------------------------------------------------------------------------


def test_the_new_primary_builds_when_a_quorum_has_nothing_prepared():
    talk = Talk("next")
    for proof in talk.changes(1, talk.others[:2]):
        out = talk.hear(proof)

    [build] = asked(out, Build)
    assert (build.view, build.shrink, build.allow_empty, build.exclude) == (1, 1, True, frozenset())
    block = talk.block((), view=1)
    talk.built(block, 1)
    [message] = talk.of(NewView)
    assert message.proposal == block.proposal()
    assert [change.signer for change in message.view_changes] == sorted([*talk.others[:2], talk.me])
    assert talk.of(Vote, phase=PREPARE, view=1)
    assert talk.core.state.view == 1


def test_from_view_2_on_transactions_of_earlier_proposals_stay_out():
    talk = Talk("third")
    suspect = talk.block(("suspect",))
    talk.hear(talk.pre_prepare(suspect))
    for proof in talk.changes(2, talk.others[:2]):
        out = talk.hear(proof)

    [build] = asked(out, Build)
    assert build.exclude == set(suspect.proposal().tx_hashes)


def test_the_new_primary_proposes_what_is_prepared_without_building():
    talk = Talk("next")
    block = talk.block()
    talk.hear(talk.change(talk.others[0], 1))
    out = talk.hear(talk.change(talk.others[1], 1, block))

    assert asked(out, Build) == []
    assert len(asked(out, Fetch)) == 1
    [message] = talk.of(NewView)
    assert (message.block_hash, message.proposal) == (block.header.hash, None)
    assert message.certificate == talk.prepared(block)


def test_the_largest_prepared_view_is_chosen():
    talk = Talk("third", size=7)
    old, new = talk.block(("old",)), talk.block(("new",))
    talk.hear(talk.change(talk.others[0], 2, old, 0))
    talk.hear(talk.change(talk.others[1], 2, new, 1))
    for signer in talk.others[2:5]:
        talk.hear(talk.change(signer, 2))

    [message] = talk.of(NewView)
    assert message.block_hash == new.header.hash


def test_view_changes_for_another_target_make_no_new_view():
    talk = Talk("next")
    talk.hear(talk.change(talk.others[0], 1))
    talk.hear(talk.change(talk.others[1], 3))
    talk.hear(talk.change(talk.others[2], 3))

    assert targets(talk) == [1, 3]
    assert talk.of(NewView) == []


def test_a_block_built_for_a_target_that_is_given_up_is_dropped():
    talk = Talk("next")
    for proof in talk.changes(1, talk.others[:2]):
        talk.hear(proof)
    talk.tick(2 * T0_MS)
    assert targets(talk) == [1, 2]

    talk.built(talk.block((), view=1), 1)

    assert talk.of(NewView) == []


def test_a_new_primary_that_can_build_nothing_lets_the_view_go():
    talk = Talk("next")
    for proof in talk.changes(1, talk.others[:2]):
        talk.hear(proof)
    talk.feed(Built(1, 1, None, b""))

    talk.tick(2 * T0_MS)

    assert targets(talk) == [1, 2]


def test_a_lock_without_its_certificate_keeps_the_replica_where_it_is():
    talk = Talk()
    block = talk.block()
    talk.core.locked_view = 0
    talk.relayed = True
    talk.tick()
    talk.tick(T0_MS)
    assert targets(talk) == []

    talk.hear(talk.change(talk.others[0], 1, block))
    talk.tick(T0_MS)

    assert targets(talk) == [1]


@pytest.mark.parametrize(("claims", "target"), [("the same", 1), ("another", 2)])
def test_a_target_that_was_signed_with_another_claim_is_left_out(claims, target):
    talk = Talk()
    change = ViewChange(talk.core.facts.epoch, 1, 1, NOTHING_PREPARED, ZERO_HASH, talk.me)
    statement = change.statement(talk.core.facts.chain_id)
    talk.core.restore([], UNLOCKED, 1, statement if claims == "the same" else bytes(32))
    talk.relayed = True
    talk.tick()
    talk.tick(T0_MS)

    assert targets(talk) == [target]
