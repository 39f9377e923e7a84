"""Each rule that is worked out outside of the cores sees when it is broken."""

from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from consensus.messages import NewView, Vote
from hansa.certificate import make_certificate
from hansa.votes import COMMIT, PREPARE
from tests.simulation.chaos import Chaos
from tests.simulation.rules import Heard, Signed, check_joined, check_new_view, check_target
from tests.unit.consensus.talk import Talk

SIZE = 4


def moved():
    """A replica in view 1, with the new view that brought it there."""
    talk = Talk()
    talk.hear(talk.new_view(1, talk.changes(1), talk.block((), view=1), fresh=True))
    assert isinstance(talk.state.new_view, NewView)
    return talk


def test_a_new_view_on_a_quorum_keeps_the_rule():
    check_new_view(moved().core)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda changes: changes[:2], "fewer than a quorum"),
        (lambda changes: (changes[0], *changes[:2]), "counts a signer twice"),
        (lambda changes: (replace(changes[0], target=2), *changes[1:]), "a foreign change"),
    ],
    ids=["too few", "twice", "foreign"],
)
def test_a_new_view_on_other_changes_is_seen(spoil, said):
    talk = moved()
    message = talk.state.new_view
    talk.state.new_view = replace(message, view_changes=spoil(message.view_changes))

    with pytest.raises(AssertionError, match=said):
        check_new_view(talk.core)


def test_who_does_not_join_is_seen():
    talk = Talk()
    for proof in talk.changes(1, talk.others[:2]):
        talk.hear(proof)
    check_joined(talk.core)

    talk.state.target, talk.state.status_vc = 0, False

    with pytest.raises(AssertionError, match=r"view 0, but f \+ 1 want 1"):
        check_joined(talk.core)


def test_a_vote_that_nobody_cast_is_seen():
    talk = Talk()
    block, signed = talk.block(), Signed(liars=[3])
    votes = [talk.vote(PREPARE, block, signer, view=0) for signer in range(3)]
    signatures = {vote.signer: vote.signature for vote in votes}
    certificate = make_certificate(
        PREPARE, 0, block.header.height, 0, block.header.hash, signatures, talk.validators
    )
    for vote in votes[:2]:
        signed.hear(vote)
    with pytest.raises(AssertionError, match="a certificate has a vote of 2"):
        signed.check(certificate, SIZE)

    signed.hear(votes[2])

    signed.check(certificate, SIZE)


def test_a_quorum_of_commits_without_a_decision_is_seen():
    talk = Talk()
    block, heard = talk.block(), Heard()
    node = SimpleNamespace(core=talk.core)
    for signer in range(3):
        heard.check(node)
        vote = Vote(COMMIT, 0, talk.core.height, 0, block.header.hash, signer)
        heard.hear(node, vote)

    with pytest.raises(AssertionError, match="a quorum of COMMITs, and no decision"):
        heard.check(node)


def test_a_height_that_one_alone_claims_is_seen():
    sim = Chaos(1, SIZE)
    sim.run(1_000)
    sync = sim.hosts[0].node.driver.sync_machine
    check_target(sync, 0)
    sync._proven = 7

    with pytest.raises(AssertionError, match="follows to 7"):
        check_target(sync, 0)


def test_a_start_over_a_log_that_is_damaged_before_whole_batches_is_seen():
    """The product refuses it; a world in which it does not is told."""
    sim = Chaos(1, SIZE)
    host = sim.hosts[1]
    for number in range(5):
        sim.at(1_000 * number, lambda: sim.register(sim.hosts[0]))
    sim.run(6_000)
    host.held = True
    sim.kill(host, "kept")
    while not host.must_stop:
        sim.damage(host, "flip in the guard's middle")
    assert host.must_stop.startswith("guard")
    host.files.put({}, "guard")  # as if nothing had been damaged
    host.held = False

    with pytest.raises(AssertionError, match="starts over the damaged guard"):
        sim.boot(host.index)


def test_memory_that_runs_out_leaves_nothing_in_a_block():
    sim = Chaos(1, SIZE)
    for host in sim.hosts:
        host.hungry = True
    sim.at(100, lambda: sim.register(sim.hosts[0]))

    assert sim.run(60_000, lambda: sim.chain.top > 0)

    assert not any(host.hungry or host.starved for host in sim.hosts)
