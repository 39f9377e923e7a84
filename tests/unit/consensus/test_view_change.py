"""Rows F and G of docs/spec/consensus.md as conversations with one core."""

import pytest
from msgspec.structs import replace

from consensus.io import Build, Built, Fetch, Stored
from consensus.messages import VIEW_MAX, NewView, ViewChangeProof, Vote
from consensus.records import NewViewRecord
from hansa.encoding import pack
from hansa.votes import COMMIT, PREPARE
from tests.unit.consensus.talk import T0_MS, Talk, asked, sent, signed


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


# -- G: the others -------------------------------------------------------------------------------


def test_a_justified_block_is_prepared_without_execution_when_its_body_is_here():
    talk = Talk()
    block = talk.block()
    talk.hear(talk.pre_prepare(block))
    talk.ran(block, equal=False, culprit=block.proposal().tx_hashes[0])

    out = talk.hear(talk.new_view(1, talk.changes(1, block=block), block))

    assert [type(record) for record in out.persist[:1]] == [NewViewRecord]
    assert [vote.view for vote in talk.of(Vote, phase=PREPARE)] == [1]


def test_the_body_of_a_justified_block_is_fetched_before_the_prepare():
    talk = Talk()
    block = talk.block()

    out = talk.hear(talk.new_view(1, talk.changes(1, block=block), block))

    [fetch] = asked(out, Fetch)
    assert fetch.block_hash == block.header.hash
    assert talk.said == []
    assert asked(talk.tick(300), Fetch) == [fetch]
    [run] = asked(talk.fetched(block))
    assert not run.fresh
    assert [vote.view for vote in talk.of(Vote, phase=PREPARE)] == [1]


def test_a_justified_block_is_not_judged_by_clock_primary_or_emptiness_again():
    talk = Talk()
    block = talk.block((), view=1)
    proofs = talk.changes(2, block=block, view=1)
    talk.wall += 10_000_000

    talk.hear(talk.new_view(2, proofs, block))
    talk.fetched(block)

    assert [vote.view for vote in talk.of(Vote, phase=PREPARE)] == [2]


def test_a_fresh_block_of_a_new_view_is_executed_first_and_may_be_empty():
    talk = Talk()
    block = talk.block((), view=1)

    out = talk.hear(talk.new_view(1, talk.changes(1), block, fresh=True))

    assert [work.fresh for work in asked(out)] == [True]
    assert talk.said == []
    talk.ran(block)
    assert [vote.view for vote in talk.of(Vote, phase=PREPARE)] == [1]


def test_prepares_that_came_before_the_new_view_count_with_it():
    talk = Talk()
    block = talk.block((), view=1)
    talk.votes(PREPARE, block, view=1)

    talk.hear(talk.new_view(1, talk.changes(1), block, fresh=True))
    talk.ran(block)

    assert [vote.view for vote in talk.of(Vote, phase=COMMIT)] == [1]


def test_a_fresh_block_that_was_executed_already_is_prepared_at_once():
    talk = Talk()
    block = talk.block((), view=1)
    new_view = talk.new_view(1, talk.changes(1), block, fresh=True)
    talk.state.proposals[block.header.hash] = block.proposal()
    talk.ran(block)

    out = talk.hear(new_view)

    assert asked(out) == []
    assert [vote.view for vote in talk.of(Vote, phase=PREPARE)] == [1]


def lies(talk):
    """New views that no correct primary makes; the first of each pair says why."""
    block, other = talk.block(), talk.block(("other",))
    fresh = talk.block((), view=1)
    nothing = talk.changes(1)
    claiming = [*talk.changes(1, talk.others[:2]), talk.change(talk.others[2], 1, block)]
    good = talk.new_view(1, nothing, fresh, fresh=True)
    foreign = [talk.change(signer, 2) for signer in talk.others]
    twice = [nothing[0], nothing[0], nothing[1]]
    forged = [replace(p, view_change=replace(p.view_change, signature=bytes(64))) for p in nothing]
    early = [talk.change(signer, 1, block, 1) for signer in talk.others]
    return {
        "too few": talk.new_view(1, nothing[:2], fresh, fresh=True),
        "one counted twice": talk.new_view(1, twice, fresh, fresh=True),
        "of another view": talk.new_view(1, foreign, fresh, fresh=True),
        "of another epoch": talk.new_view(
            1, [talk.change(s, 1, epoch=1) for s in talk.others], fresh, fresh=True
        ),
        "of another height": talk.new_view(
            1, [talk.change(s, 1, height=2) for s in talk.others], fresh, fresh=True
        ),
        "a forged view change": talk.new_view(1, forged, fresh, fresh=True),
        "prepared at the target": talk.new_view(1, early, block),
        "the claim ignored": talk.new_view(1, claiming, fresh, fresh=True),
        "another block than claimed": talk.new_view(1, claiming, other),
        "no certificate": talk.new_view(1, claiming, block, certificate=None),
        "another certificate": talk.new_view(
            1, claiming, block, certificate=talk.prepared(other)
        ),
        "a certificate of another view": talk.new_view(
            1, claiming, block, certificate=talk.prepared(block, 1)
        ),
        "a forged certificate": talk.new_view(
            1,
            claiming,
            block,
            certificate=replace(talk.prepared(block), signatures=(bytes(64),) * 3),
        ),
        "a certificate beside nothing": talk.new_view(
            1, nothing, fresh, fresh=True, certificate=talk.prepared(fresh)
        ),
        "a proposal beside a claim": talk.new_view(
            1, claiming, block, proposal=block.proposal()
        ),
        "nothing at all": talk.new_view(1, nothing, fresh, fresh=True, proposal=None),
        "another hash than its block": talk.new_view(
            1, nothing, fresh, fresh=True, block_hash=other.header.hash
        ),
        "a fresh block of another primary": talk.new_view(1, nothing, block, fresh=True),
        "another signer": replace(good, signer=talk.primary(2)),
        "forged": replace(good, signature=bytes(64)),
        "changed after signing": replace(good, view_changes=good.view_changes[:3]),
        "another epoch": talk.new_view(1, nothing, fresh, fresh=True, epoch=1),
        "view 0": talk.new_view(0, nothing, fresh, fresh=True),
    }  # fmt: skip


@pytest.mark.parametrize("why", sorted(lies(Talk(size=5))))
def test_a_new_view_that_does_not_prove_itself_is_not_accepted(why):
    talk = Talk(size=5)

    talk.hear(lies(talk)[why], peer=0)

    assert (talk.state.view, talk.state.status_vc) == (0, False)


def test_the_lies_differ_from_a_new_view_that_is_accepted():
    talk = Talk(size=5)

    talk.hear(talk.new_view(1, talk.changes(1), talk.block((), view=1), fresh=True), peer=0)

    assert talk.state.view == 1


def test_whoever_holds_a_new_view_may_show_it():
    talk = Talk()
    message = talk.new_view(1, talk.changes(1), talk.block((), view=1), fresh=True)

    talk.hear(message, peer=talk.primary(2))

    assert talk.state.view == 1


def test_a_new_view_below_the_own_target_is_not_accepted():
    talk = Talk()
    for proof in talk.changes(2):
        talk.hear(proof)

    talk.hear(talk.new_view(1, talk.changes(1), talk.block((), view=1), fresh=True))

    assert (talk.state.view, talk.state.target, talk.state.status_vc) == (0, 2, True)


def test_a_new_view_at_or_above_the_own_target_ends_the_view_change():
    talk = Talk()
    for proof in talk.changes(2):
        talk.hear(proof)

    talk.hear(talk.new_view(3, talk.changes(3), talk.block((), view=3), fresh=True))

    assert (talk.state.view, talk.state.target, talk.state.status_vc) == (3, 3, False)


def test_views_never_go_back():
    talk = Talk()
    talk.hear(talk.new_view(2, talk.changes(2), talk.block((), view=2), fresh=True))

    talk.hear(talk.new_view(1, talk.changes(1), talk.block((), view=1), fresh=True))

    assert talk.state.view == 2


def test_a_peer_that_wants_a_view_that_is_over_is_shown_the_new_one_now_and_then():
    talk = Talk()
    message = talk.new_view(2, talk.changes(2), talk.block((), view=2), fresh=True)
    talk.hear(message)
    asking = talk.change(talk.others[0], 1)

    shown = [sent(talk.hear(asking), NewView) for _ in range(2)]
    talk.tick(100)
    shown.append(sent(talk.hear(asking), NewView))

    assert shown == [[(talk.others[0], message)], [], [(talk.others[0], message)]]


def test_in_view_0_there_is_no_new_view_to_show():
    talk = Talk()

    assert talk.hear(talk.change(talk.others[0], 0)).send == []


def test_a_view_that_decides_nothing_is_given_up_after_a_longer_wait():
    talk = Talk()
    talk.hear(talk.new_view(1, talk.changes(1), talk.block((), view=1), fresh=True))

    talk.tick(2 * T0_MS - 1)
    assert targets(talk) == []
    talk.tick(1)
    assert targets(talk) == [2]


def test_an_own_new_view_that_was_overtaken_is_not_entered():
    talk = Talk("next")
    for proof in talk.changes(1, talk.others[:2]):
        talk.hear(proof)
    block = talk.block((), view=1)
    out = talk.core.step(Built(1, 1, block.proposal(), pack(block)), talk.now())
    [message] = [intent for intent in out.intents if isinstance(intent, NewView)]
    talk.hear(talk.new_view(2, talk.changes(2), talk.block((), view=2), fresh=True))

    talk.feed(Stored(signed(message, talk.validators)))

    assert talk.state.view == 2


def test_an_observer_follows_new_views():
    talk = Talk("observer")
    talk.hear(talk.new_view(1, talk.changes(1), talk.block((), view=1), fresh=True))

    talk.tick(60_000)

    assert (talk.state.view, talk.said) == (1, [])


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
