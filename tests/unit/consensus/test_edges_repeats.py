"""What comes once more, or too late, changes nothing: the last branches of rows D, E, G and H."""

from consensus.io import Build
from consensus.messages import NewView
from consensus.records import NewViewRecord, OwnRecord, encode_record
from hansa.votes import COMMIT
from tests.unit.consensus.talk import Talk, asked


def test_a_diverged_replica_says_so_once():
    talk = Talk()
    block = talk.block()
    talk.hear(talk.pre_prepare(block))
    culprit = block.proposal().tx_hashes[0]
    talk.ran(block, equal=False, culprit=culprit)
    talk.votes(COMMIT, block)
    assert talk.ran(block, equal=False, culprit=culprit).diverged
    records = list(talk.records)

    again = talk.ran(block, equal=False, culprit=culprit)

    assert (again.diverged, again.execute, talk.records) == (False, [], records)


def test_a_block_for_a_view_that_was_given_up_is_not_put_forward():
    talk = Talk("next")
    for proof in talk.changes(1):
        out = talk.hear(proof)
    assert [work.view for work in asked(talk.total, Build)] == [1]
    for proof in talk.changes(2):
        out = talk.hear(proof)
    talk.state.building = 1  # the answer is on its way

    out = talk.built(talk.block((), view=1), view=1)

    assert talk.of(NewView) == []
    assert out.intents == []


def test_an_older_own_view_change_in_the_log_gives_up_no_newer_view():
    talk = Talk()
    old = talk.change(talk.me, 1)
    message = talk.new_view(2, talk.changes(2), talk.block((), view=2), fresh=True)
    talk.records += [encode_record(NewViewRecord(message)), encode_record(OwnRecord(old))]

    talk.restart()

    assert (talk.state.view, talk.state.status_vc) == (2, False)
    assert talk.state.own["view-change", 1] == old
