"""Row G of docs/spec/consensus.md: what a replica accepts as a new view, as conversations."""

import pytest
from msgspec.structs import replace

from consensus.io import Built, Fetch, Stored
from consensus.messages import NewView, ViewChangeProof, Vote
from consensus.records import NewViewRecord
from hansa.encoding import pack
from hansa.votes import COMMIT, PREPARE
from tests.unit.consensus.talk import T0_MS, Talk, asked, sent, signed


def targets(talk):
    return [proof.view_change.target for proof in talk.of(ViewChangeProof)]


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


def false_quorums(talk):
    """New views whose view changes prove nothing; each key says why."""
    fresh = talk.block((), view=1)
    nothing = talk.changes(1)
    foreign = [talk.change(signer, 2) for signer in talk.others]
    twice = [nothing[0], nothing[0], nothing[1]]
    forged = [replace(p, view_change=replace(p.view_change, signature=bytes(64))) for p in nothing]
    epochs = [talk.change(signer, 1, epoch=1) for signer in talk.others]
    heights = [talk.change(signer, 1, height=2) for signer in talk.others]
    proofs = {
        "too few": nothing[:2],
        "one counted twice": twice,
        "of another view": foreign,
        "of another epoch": epochs,
        "of another height": heights,
        "a forged view change": forged,
    }
    return {why: talk.new_view(1, chosen, fresh, fresh=True) for why, chosen in proofs.items()}


def false_choices(talk):
    """New views that choose another block than their view changes say."""
    block, other = talk.block(), talk.block(("other",))
    fresh = talk.block((), view=1)
    nothing = talk.changes(1)
    claiming = [*talk.changes(1, talk.others[:2]), talk.change(talk.others[2], 1, block)]
    early = [talk.change(signer, 1, block, 1) for signer in talk.others]
    two_claims = [
        *talk.changes(2, talk.others[:2]),
        talk.change(talk.others[2], 2, other),
        talk.change(talk.others[3], 2, block, 1),
    ]
    late = talk.prepared(block, 1)
    forged = replace(talk.prepared(block), signatures=(bytes(64),) * 3)

    def claimed(**fields):
        return talk.new_view(1, claiming, block, **fields)

    def unclaimed(chosen=fresh, **fields):
        return talk.new_view(1, nothing, chosen, fresh=True, **fields)

    return {
        "prepared at the target": talk.new_view(1, early, block),
        "the claim ignored": talk.new_view(1, claiming, fresh, fresh=True),
        "another block than claimed": talk.new_view(1, claiming, other),
        "the lower of two claims": talk.new_view(
            2, two_claims, other, certificate=talk.prepared(other)
        ),
        "no certificate": claimed(certificate=None),
        "another certificate": claimed(certificate=talk.prepared(other)),
        "a certificate of another view": claimed(certificate=late),
        "a forged certificate": claimed(certificate=forged),
        "a proposal beside a claim": claimed(proposal=block.proposal()),
        "a certificate beside nothing": unclaimed(certificate=talk.prepared(fresh)),
        "nothing at all": unclaimed(proposal=None),
        "another hash than its block": unclaimed(block_hash=other.header.hash),
        "a fresh block of another primary": unclaimed(block),
    }


def false_senders(talk):
    """New views that their primary did not make."""
    fresh, nothing = talk.block((), view=1), talk.changes(1)
    good = talk.new_view(1, nothing, fresh, fresh=True)
    return {
        "another signer": replace(good, signer=talk.primary(2)),
        "forged": replace(good, signature=bytes(64)),
        "changed after signing": replace(good, view_changes=good.view_changes[:3]),
        "another epoch": talk.new_view(1, nothing, fresh, fresh=True, epoch=1),
        "view 0": talk.new_view(0, nothing, fresh, fresh=True),
    }


def lies(talk):
    """New views that no correct primary makes."""
    return {**false_quorums(talk), **false_choices(talk), **false_senders(talk)}


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
