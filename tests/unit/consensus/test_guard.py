"""The signer guard (docs/spec/consensus.md, section 8): upwards, or the same bytes, or nothing."""

import itertools

import pytest
from msgspec.structs import replace

from consensus.guard import UNLOCKED, Guard, Slot, slot_of
from hansa.errors import Corrupt
from hansa.hashing import tagged_hash
from hansa.votes import COMMIT, PREPARE
from tests.unit.consensus.talk import Talk
from tests.unit.consensus.world import CHAIN

TALK = Talk("primary")
ONE, TWO = TALK.block(("one",)), TALK.block(("two",))


def statement(message):
    return getattr(message, "view_change", message).statement(CHAIN)


def permits(guard, message):
    return guard.permit(message, statement(message))


def every_slot():
    """One message of every slot of two views, in the order in which they may be signed."""
    me = TALK.me
    first = [TALK.pre_prepare(ONE), *(TALK.vote(p, ONE, me) for p in (PREPARE, COMMIT))]
    change = TALK.change(me, 1, ONE)
    new_view = TALK.new_view(1, [TALK.change(i, 1, ONE) for i in range(3)], ONE, signer=me)
    return [*first, change, new_view, *(TALK.vote(p, ONE, me, view=1) for p in (PREPARE, COMMIT))]


def test_everything_in_its_order_is_signed():
    guard = Guard.new()

    assert all(permits(guard, message) for message in every_slot())
    assert guard.slot == Slot(1, 1, COMMIT)


@pytest.mark.parametrize(
    ("later", "earlier"),
    [(b, a) for a, b in itertools.combinations(range(7), 2)],
)
def test_nothing_is_signed_backwards(later, earlier):
    messages, guard = every_slot(), Guard.new()
    permits(guard, messages[later])

    assert not permits(guard, messages[earlier])
    assert guard.slot == slot_of(messages[later])


@pytest.mark.parametrize("place", range(7))
def test_the_same_bytes_are_signed_again_and_others_in_their_place_are_not(place):
    guard, message = Guard.new(), every_slot()[place]
    permits(guard, message)

    assert permits(guard, message)
    assert not guard.permit(message, b"other" * 6 + b"xx")


def test_a_higher_height_is_always_signed():
    guard = Guard.new()
    permits(guard, every_slot()[-1])

    assert permits(guard, replace(TALK.vote(PREPARE, TWO, TALK.me), height=2))
    assert guard.locked_at(2) == UNLOCKED


def test_a_view_change_claims_at_least_the_view_of_the_last_commit():
    guard = Guard.new()
    permits(guard, TALK.vote(COMMIT, ONE, TALK.me, view=1))

    assert guard.locked_at(1) == 1
    assert not permits(guard, TALK.change(TALK.me, 2))
    assert not permits(guard, TALK.change(TALK.me, 2, ONE, 0))
    assert permits(guard, TALK.change(TALK.me, 2, ONE, 1))
    assert guard.locked_at(1) == 1
    assert guard.locked_at(2) == UNLOCKED


def test_a_lock_of_an_old_height_binds_nobody():
    guard = Guard.new()
    permits(guard, TALK.vote(COMMIT, ONE, TALK.me))
    change = TALK.change(TALK.me, 1)
    change = replace(change, view_change=replace(change.view_change, height=2))

    assert permits(guard, change)


def test_it_reads_back_what_it_wrote():
    guard = Guard.new()
    for message in every_slot():
        permits(guard, message)
        again = Guard.decode(guard.encode())

        assert (again.slot, again.digest, again.locked_view) == (
            guard.slot,
            guard.digest,
            guard.locked_view,
        )


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: bytes([data[0] ^ 1]) + data[1:],
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: tagged_hash("guard", b"\x90") + b"\x90",
    ],
)
def test_a_damaged_one_does_not_read_back(spoil):
    with pytest.raises(Corrupt, match=r"guard\.damaged"):
        Guard.decode(spoil(Guard.new().encode()))
