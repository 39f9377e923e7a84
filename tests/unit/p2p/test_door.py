"""The door: members find a place, whatever strangers do."""

from p2p.door import Door
from p2p.limits import (
    HANDSHAKES_MAX,
    HANDSHAKES_STRANGERS_MAX,
    MEMBER_ADDRESS_BURST,
    STRANGERS_BURST,
    TokenBucket,
)

MEMBER, STRANGER = "10.0.0.1", "192.0.2.1"


def door():
    entrance = Door(0.0)
    entrance.resolved("node1", frozenset({MEMBER, "10.0.0.2"}))
    return entrance


def test_strangers_get_half_of_the_places_and_members_the_rest():
    entrance = door()

    strangers = [entrance.enter(STRANGER, 0.0) for _ in range(HANDSHAKES_MAX)]
    members = [entrance.enter(MEMBER, 0.0) for _ in range(HANDSHAKES_MAX)]

    assert strangers.count(False) == HANDSHAKES_STRANGERS_MAX
    assert members.count(True) == HANDSHAKES_MAX - HANDSHAKES_STRANGERS_MAX
    assert None in strangers
    assert None in members


def test_a_place_that_is_given_back_can_be_taken_again():
    entrance = door()
    for _ in range(HANDSHAKES_STRANGERS_MAX):
        entrance.enter(STRANGER, 0.0)

    assert entrance.enter(STRANGER, 0.0) is None
    entrance.leave(member=False)
    assert entrance.enter(STRANGER, 0.0) is False


def visits(entrance, address, count):
    """How many of `count` short visits find the door open."""
    found = 0
    for _ in range(count):
        member = entrance.enter(address, 0.0)
        if member is not None:
            found += 1
            entrance.leave(member=member)
    return found


def test_nobody_can_come_and_go_without_end():
    entrance = door()

    assert visits(entrance, STRANGER, 1000) == STRANGERS_BURST
    assert visits(entrance, MEMBER, 1000) == MEMBER_ADDRESS_BURST
    assert visits(entrance, "10.0.0.2", 1000) == MEMBER_ADDRESS_BURST
    assert entrance.enter(MEMBER, 1.0)


def test_an_address_from_which_a_peer_has_proven_its_key_is_a_members():
    entrance = door()
    entrance.seen("node2", STRANGER)

    assert entrance.enter(STRANGER, 0.0) is True


def test_an_address_is_forgotten_with_its_name():
    entrance = door()
    entrance.seen("node1", STRANGER)
    entrance.enter(MEMBER, 0.0)
    entrance.forget("node1")
    entrance.resolved("node3", frozenset({"10.0.0.3"}))

    assert not entrance.is_member(MEMBER)
    assert not entrance.is_member(STRANGER)
    assert entrance.enter("10.0.0.3", 0.0) is True
    assert list(entrance._buckets) == ["10.0.0.3"]


def test_a_token_bucket_gives_its_burst_and_then_its_rate():
    bucket = TokenBucket(rate=10, burst=5, now=100.0)

    assert bucket.take(5, 100.0)
    assert not bucket.take(1, 100.05)
    assert bucket.take(1, 100.125)
    assert bucket.take(5, 1000.0)
    assert not bucket.take(1, 1000.0)


def test_a_clock_that_stands_still_fills_no_bucket():
    bucket = TokenBucket(rate=10, burst=1, now=100.0)

    assert bucket.take(1, 99.0)
    assert not bucket.take(1, 100.0)
