"""A fork that 3,000 random seeds missed: accepting a NEW-VIEW below the own target.

Four correct replicas, one unlucky order of messages. All want view 2, having claimed that
nothing is prepared; then the NEW-VIEW of view 1 arrives late. A replica that takes it over
("t >= target or t > view") prepares a block that it has just promised to know nothing of:
one decides it in view 1, the others another block in view 2.
"""

import pytest
from msgspec.structs import replace

from consensus.io import Built, Stored
from consensus.messages import NewView, ViewChangeProof, Vote
from consensus.views import Views
from hansa.encoding import pack
from hansa.votes import COMMIT, PREPARE
from tests.unit.consensus.talk import T0_MS, Talk, signed


def weak(self, view):
    """The wrong rule."""
    state = self._replica.state
    return view > state.view or view >= state.target


class Board:
    """Four cores; the script says which message reaches whom."""

    def __init__(self, *, guarded):
        self.talks = {}
        for index, role in enumerate(("primary", "next", "third", "backup")):
            self.talks["PBCA"[index]] = Talk(role, guarded=guarded)

    def __getitem__(self, name):
        return self.talks[name]

    def tell(self, source, kind, targets, **fields):
        """What `source` said of a kind reaches the others."""
        for message in self[source].of(kind, **fields):
            for target in targets:
                self[target].hear(message)

    def vote(self, phase, view, names):
        """These replicas hear each other's votes."""
        for source in names:
            self.tell(source, Vote, names.replace(source, ""), phase=phase, view=view)

    def executed(self, block, *names):
        """The ledger threads of these replicas execute a block."""
        for name in names:
            self[name].ran(block)

    def decided(self):
        """Which blocks are decided, and by whom."""
        return {
            name: talk.state.decided.block_hash
            for name, talk in self.talks.items()
            if talk.state.decided is not None
        }


def unlucky(board):
    """The schedule. P, B, C and A are the primaries of views 0, 1, 2 and 3."""
    x = board["B"].block(("x",), view=1)
    y = board["C"].block(("y",), view=2)
    new_view = all_want_view_2(board, x)
    view_2_begins_at_c(board, y)
    view_1_arrives_late(board, x, new_view)
    view_2_goes_on(board, y)
    return x.header.hash, y.header.hash


def all_want_view_2(board, x):
    """B's NEW-VIEW of view 1 is durable, but nobody hears it; everybody wants view 2."""
    for talk in board.talks.values():
        talk.relayed = True
        talk.tick()
        talk.tick(T0_MS)
    for source in ("P", "A"):
        board.tell(source, ViewChangeProof, "B")
    out = board["B"].core.step(built(board["B"], x), board["B"].now())
    [new_view] = [intent for intent in out.intents if isinstance(intent, NewView)]
    board.tell("B", ViewChangeProof, "PAC", target=1)
    for source, targets in (("P", "AC"), ("A", "PC"), ("C", "PA")):
        board.tell(source, ViewChangeProof, targets, target=1)
    for name in "PAC":
        board[name].tick(2 * T0_MS)
    for source in "PA":
        board.tell(source, ViewChangeProof, "B", target=2)
    return signed(new_view, board["B"].validators)


def view_2_begins_at_c(board, y):
    """C, primary of view 2, holds a quorum that has nothing prepared: y is fresh."""
    for source in "BP":
        board.tell(source, ViewChangeProof, "C", target=2)
    board["C"].built(y, 2)


def view_1_arrives_late(board, x, new_view):
    """The NEW-VIEW of view 1 reaches P and A, and B hears that its own one is stored."""
    for name in "PA":
        board[name].hear(new_view)
    board["B"].feed(Stored(new_view))
    board.executed(x, "P", "A", "B")
    board.vote(PREPARE, 1, "PAB")
    for source in "PB":
        board.tell(source, Vote, "A", phase=COMMIT, view=1)


def view_2_goes_on(board, y):
    """The NEW-VIEW of view 2 reaches the others but A."""
    for name in "PB":
        board.tell("C", NewView, name, view=2)
    board.executed(y, "P", "B")
    board.vote(PREPARE, 2, "PBC")
    board.vote(COMMIT, 2, "PBC")


def built(talk, block):
    """The ledger thread's answer, as an input."""
    return Built(talk.height, 1, block.proposal(), pack(block))


def test_four_correct_replicas_agree_on_the_unlucky_schedule():
    board = Board(guarded=False)

    _, y = unlucky(board)

    assert board.decided() == {"P": y, "B": y, "C": y}


def test_the_schedule_forks_a_replica_that_accepts_a_new_view_below_its_target(monkeypatch):
    monkeypatch.setattr(Views, "_moves_on", weak)
    board = Board(guarded=False)

    x, y = unlucky(board)

    assert board.decided() == {"A": x, "P": y, "B": y, "C": y}


def test_the_guard_alone_prevents_the_fork_too(monkeypatch):
    monkeypatch.setattr(Views, "_moves_on", weak)
    board = Board(guarded=True)

    unlucky(board)

    assert len(set(board.decided().values())) <= 1


@pytest.mark.parametrize("target", [2, 3])
def test_a_new_view_below_the_target_is_ignored_by_a_single_core(target):
    talk = Talk()
    for proof in talk.changes(target):
        talk.hear(proof)
    below = talk.new_view(1, talk.changes(1), talk.block((), view=1), fresh=True)

    talk.hear(below)
    talk.hear(replace(below, signature=below.signature))

    assert talk.state.view == 0
