"""Row K: what replicas disagree on is left out for a while, and liars can leave nothing out."""

from consensus.io import Build
from consensus.messages import Refuse
from consensus.set_aside import SKIP_HEIGHTS_MAX, SetAside
from hansa.hashing import sha256
from tests.unit.consensus.talk import Talk, asked

SUSPECT = sha256(b"suspect")


def test_one_peer_sets_nothing_aside():
    aside = SetAside(2)
    for primary in ("n00", "n01", "n02"):
        aside.note(SUSPECT, primary, 3)

    assert aside.skipped(1) == frozenset()


def test_proposals_of_one_primary_set_nothing_aside():
    aside = SetAside(2)
    for peer in range(4):
        aside.note(SUSPECT, "n00", peer)

    assert aside.skipped(1) == frozenset()


def test_f_plus_1_of_each_set_it_aside_for_longer_each_time():
    aside = SetAside(2)
    spans = []
    for height in range(0, 40_000, 4_000):
        aside.advance(height, 2)
        aside.note(SUSPECT, "n00", 0)
        aside.note(SUSPECT, "n01", 1)
        spans.append(sum(SUSPECT in aside.skipped(height + step) for step in range(1, 2_000)))

    assert spans == [min(2**k, SKIP_HEIGHTS_MAX) for k in range(1, 11)]


def test_a_builder_leaves_out_what_was_refused_by_enough():
    talk = Talk("third")
    one = talk.block(("good", "suspect"))
    suspect = one.proposal().tx_hashes[1]
    talk.hear(talk.pre_prepare(one))
    two = talk.block(("suspect",), view=1)
    talk.hear(Refuse(1, 0, one.header.hash, suspect), peer=talk.others[0])
    talk.hear(talk.new_view(1, talk.changes(1), two, fresh=True))
    talk.ran(two, equal=False, culprit=suspect)
    talk.committed(talk.block((), view=1))
    talk.pending = True
    out = talk.tick()
    talk.core.duties.build(0, out)

    assert [work.exclude for work in asked(out, Build)][-1] == {suspect}


def test_a_refusal_of_an_unknown_block_or_of_another_transaction_is_nothing():
    talk = Talk()
    block = talk.block()
    talk.hear(talk.pre_prepare(block))
    for peer in talk.others:
        talk.hear(Refuse(1, 0, bytes(32), SUSPECT), peer=peer)
        talk.hear(Refuse(1, 0, block.header.hash, SUSPECT), peer=peer)

    assert talk.core.set_aside._suspects == {}
