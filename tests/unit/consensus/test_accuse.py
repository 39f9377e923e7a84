"""Contradictions are noticed, and become evidence that convinces whoever knows the set."""

import pytest
from msgspec.structs import replace

from consensus.accuse import evidence_of
from consensus.io import Evidence
from consensus.messages import UNSIGNED
from hansa.evidence import check_evidence
from hansa.votes import COMMIT, PREPARE
from tests.unit.consensus.talk import T0_MS, Talk
from tests.unit.consensus.world import CHAIN, verify


def verdict(talk, out):
    """What the one piece of evidence in an output proves."""
    [seen] = out.evidence
    offence = check_evidence(evidence_of(seen), CHAIN, talk.validators, verify)
    assert talk.validators.index_of(offence.name) == seen.signer
    return seen.signer, offence.kind, offence.view


@pytest.mark.parametrize("phase", [PREPARE, COMMIT])
def test_two_votes_of_one_phase_and_view(phase):
    talk = Talk()
    signer = talk.others[0]
    talk.hear(talk.vote(phase, talk.block(("one",)), signer))

    out = talk.hear(talk.vote(phase, talk.block(("two",)), signer))

    assert verdict(talk, out) == (signer, "double-vote", 0)


def test_a_forged_second_vote_accuses_nobody():
    talk = Talk()
    signer = talk.others[0]
    talk.hear(talk.vote(PREPARE, talk.block(("one",)), signer))

    forged = talk.vote(PREPARE, talk.block(("two",)), signer)
    out = talk.hear(replace(forged, signature=UNSIGNED))

    assert out.evidence == []


def test_two_pre_prepares():
    talk = Talk()
    talk.hear(talk.pre_prepare(talk.block(("one",))))

    out = talk.hear(talk.pre_prepare(talk.block(("two",))))

    assert verdict(talk, out) == (talk.primary(0), "double-proposal", 0)


def test_a_second_pre_prepare_accuses_only_if_the_first_was_heard_by_this_core():
    talk = Talk()
    talk.proposed(talk.block(("one",)))
    talk.restart()

    out = talk.hear(talk.pre_prepare(talk.block(("two",))))

    assert out.evidence == []


def test_a_forged_second_pre_prepare_accuses_nobody():
    talk = Talk()
    talk.hear(talk.pre_prepare(talk.block(("one",))))
    forged = talk.pre_prepare(talk.block(("two",)))

    out = talk.hear(replace(forged, signature=UNSIGNED))

    assert out.evidence == []


def test_two_new_views():
    talk = Talk()
    one, two = talk.block(("one",), view=1), talk.block(("two",), view=1)
    talk.hear(talk.new_view(1, talk.changes(1), one, fresh=True))

    out = talk.hear(talk.new_view(1, talk.changes(1), two, fresh=True))

    assert verdict(talk, out) == (talk.primary(1), "double-proposal", 1)


def test_a_second_new_view_for_the_same_block_or_forged_accuses_nobody():
    talk = Talk()
    one, two = talk.block(("one",), view=1), talk.block(("two",), view=1)
    talk.hear(talk.new_view(1, talk.changes(1), one, fresh=True))

    same = talk.hear(talk.new_view(1, talk.changes(1)[:2], one, fresh=True))
    good = talk.new_view(1, talk.changes(1), two, fresh=True)
    forged = talk.hear(replace(good, signature=UNSIGNED))

    assert (same.evidence, forged.evidence) == ([], [])


@pytest.mark.parametrize("commit_first", [True, False])
def test_a_commit_and_a_view_change_that_forgets_it(commit_first):
    talk = Talk()
    signer = talk.others[0]
    commit = talk.vote(COMMIT, talk.block(), signer)
    change = talk.change(signer, 1)
    first, second = (commit, change) if commit_first else (change, commit)
    talk.hear(first)

    out = talk.hear(second)

    assert verdict(talk, out) == (signer, "forgotten-commit", 0)


def test_a_commit_and_a_view_change_that_claims_another_block_of_its_view():
    talk = Talk()
    signer = talk.others[0]
    talk.hear(talk.vote(COMMIT, talk.block(("one",)), signer))

    out = talk.hear(talk.change(signer, 1, talk.block(("two",))))

    assert verdict(talk, out)[1] == "forgotten-commit"


def test_honest_view_changes_accuse_nobody():
    talk = Talk()
    block, signer = talk.block(), talk.others[0]
    talk.hear(talk.vote(COMMIT, block, signer))
    talk.hear(talk.vote(PREPARE, block, signer))

    same = talk.hear(talk.change(signer, 1, block))
    talk.hear(talk.vote(COMMIT, block, signer, view=1))
    later = talk.hear(talk.change(signer, 2, block, view=1))
    other = talk.hear(talk.change(talk.others[1], 1))

    assert (same.evidence, later.evidence, other.evidence) == ([], [], [])


def test_a_liar_is_accused_once_a_height():
    talk = Talk()
    signer = talk.others[0]
    for text in ("one", "two", "three", "four"):
        talk.hear(talk.vote(PREPARE, talk.block((text,)), signer))

    assert len(talk.total.evidence) == 1


def test_messages_that_contradict_nothing_are_no_evidence():
    talk = Talk()
    vote, proposal = talk.vote(PREPARE, talk.block(), 0), talk.pre_prepare(talk.block())

    assert evidence_of(Evidence(0, vote, proposal, "n00")) is None


def test_a_correct_core_never_contradicts_itself_through_view_changes():
    talk = Talk()
    block = talk.block()
    talk.proposed(block)
    talk.votes(PREPARE, block)
    talk.tick(2 * T0_MS)
    listener = Talk("next")

    for message in talk.said:
        listener.hear(message)

    assert listener.total.evidence == []
