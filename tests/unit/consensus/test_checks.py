"""What needs a second height: the parent's certificate, other epochs, signers beyond the set."""

import pytest
from msgspec.structs import replace

from consensus.checks import Facts
from consensus.io import Advanced, Stored
from consensus.schedule import Schedule
from hansa.hashing import ZERO_HASH
from hansa.votes import COMMIT, PREPARE
from tests.unit.consensus.talk import Talk, asked
from tests.unit.consensus.world import CHAIN, validator_set, verify


def at_height_2():
    """A core one height on, and the block below."""
    talk = Talk()
    below = talk.block(("below",))
    talk.committed(below)
    return talk, below


def with_certificate(talk, certificate):
    """A block that carries this certificate of the parent."""
    said = (ZERO_HASH, 0) if certificate is None else (certificate.hash, certificate.view)
    block = talk.block(("tx",), last_certificate=said[0], last_view=said[1])
    return replace(block, last_certificate=certificate)


def certificate_of(below, view=0, signers=None, **fields):
    """A certificate of the block below, made by its own set."""
    made = Talk().prepared(below, view, signers, phase=COMMIT)
    return replace(made, **fields)


@pytest.mark.parametrize("view", [0, 3])
def test_any_valid_certificate_of_the_parent_will_do(view):
    talk, below = at_height_2()
    block = with_certificate(talk, certificate_of(below, view, [1, 2, 3]))

    assert len(asked(talk.hear(talk.pre_prepare(block)))) == 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda good: None,
        lambda good: replace(good, signatures=(bytes(64),) * 3),
        lambda good: replace(good, phase=PREPARE),
        lambda good: replace(good, epoch=1),
        lambda good: replace(good, view=1),
        lambda good: replace(good, height=2),
        lambda good: replace(good, block_hash=ZERO_HASH),
        lambda good: replace(good, bitmap=b"\3", signatures=good.signatures[:2]),
    ],
)
def test_a_false_certificate_of_the_parent_is_refused(spoil):
    talk, below = at_height_2()
    block = with_certificate(talk, spoil(certificate_of(below)))

    assert talk.hear(talk.pre_prepare(block)).execute == []


def test_the_first_block_carries_no_certificate():
    talk = Talk()
    block = with_certificate(talk, certificate_of(talk.block(height=0)))

    assert talk.hear(talk.pre_prepare(block)).execute == []


def test_a_view_change_of_a_signer_beyond_the_set_makes_no_new_view():
    talk = Talk()
    proofs = talk.changes(1)
    beyond = replace(
        proofs[2], view_change=replace(proofs[2].view_change, signer=talk.validators.size)
    )

    talk.hear(talk.new_view(1, [*proofs[:2], beyond], talk.block((), view=1), fresh=True))

    assert talk.state.view == 0


def test_the_epoch_rises_where_the_set_changes():
    talk = Talk()
    other = replace(talk.head, next_validators_hash=validator_set(5).hash)

    def facts(head):
        return Facts(CHAIN, head, None, talk.validators, talk.validators, verify)

    assert facts(talk.head).epoch == 0
    assert facts(other).epoch == 1


def test_a_new_set_takes_over_at_the_next_height():
    """A validator that is removed says nothing more; what it hears it still follows."""
    talk = Talk()
    block, rest = talk.block(), validator_set(9)
    header = replace(block.header, next_validators_hash=rest.hash)
    certificate = talk.prepared(replace(block, header=header), phase=COMMIT)
    gone = replace(rest, validators=tuple(v for v in rest.validators if v.name != talk.name))
    schedule = Schedule(gone, 2, header.hash)

    talk.feed(Advanced(header, certificate, talk.validators, gone, schedule))

    assert (talk.core.me, talk.core.may_sign, talk.core.facts.epoch) == (None, False, 1)
    assert talk.core.facts.validators.quorum == 6
    old = talk.vote(PREPARE, block, 0)
    talk.feed(Stored(old))
    assert talk.state.own == {}


def test_a_jump_over_heights_brings_its_own_schedule():
    talk = Talk()
    block = talk.block()
    header = replace(block.header, height=5)
    certificate = talk.prepared(block, phase=COMMIT)
    schedule = Schedule(talk.validators, 1, talk.head.hash)

    talk.feed(Advanced(header, certificate, talk.validators, talk.validators, schedule))

    assert talk.core.height == 6


def test_a_jump_without_a_schedule_is_a_bug_of_ours():
    talk = Talk()
    header = replace(talk.block().header, height=5)
    certificate = talk.prepared(talk.block(), phase=COMMIT)

    with pytest.raises(AssertionError):
        talk.feed(Advanced(header, certificate, talk.validators, talk.validators))


def test_the_own_name_decides_whether_one_has_a_vote():
    assert Talk().core.may_sign
    assert Talk("observer").core.me is None
    assert not Talk("observer").core.may_sign


def test_a_proposal_known_by_its_vote_alone_is_learnt_when_it_comes():
    """After a restart the vote is there; were its body lost, the proposal brings it back."""
    talk = Talk()
    block = talk.block()
    talk.proposed(block)
    talk.records = talk.records[1:]
    talk.restart()
    assert talk.state.proposals == {}

    talk.hear(talk.pre_prepare(block))

    assert list(talk.state.proposals) == [block.header.hash]


def test_no_block_is_prepared_without_its_body():
    talk = Talk()
    block = talk.block()
    talk.hear(talk.pre_prepare(block))
    talk.core.views.prepare(talk.now(), talk.total)

    assert talk.said == []
