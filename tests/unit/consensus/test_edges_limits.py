"""Numbers, tags and waits of the protocol, each at its edge (docs/spec/consensus.md)."""

import msgpack
import pytest
from msgspec.structs import replace

from consensus import (
    checks,
    guard,
    height,
    messages,
    pacemaker,
    records,
    replica,
    schedule,
    set_aside,
    views,
)
from consensus.guard import Guard, Slot
from consensus.io import Tick
from consensus.messages import (
    AskFresh,
    Body,
    Decided,
    Fresh,
    GetBody,
    NewView,
    Refuse,
    ViewChange,
    Vote,
    decode_message,
    encode_message,
)
from consensus.pacemaker import Pacemaker
from consensus.records import BodyRecord, NewViewRecord, OwnRecord, PreparedRecord, encode_record
from consensus.schedule import Schedule
from consensus.set_aside import SetAside
from hansa.encoding import pack, unpack
from hansa.errors import Corrupt, Rejected
from hansa.hashing import ZERO_HASH, tagged_hash
from hansa.votes import COMMIT, PREPARE
from tests.unit.consensus.talk import T0_MS, Talk, sent
from tests.unit.consensus.world import START_MS, genesis, validator_set

HASH, SIGNATURE = b"h" * 32, b"s" * 64
NUMBERS = [
    (checks, "CLOCK_SKEW_MS", 5_000),
    (guard, "STEP_VIEW_CHANGE", 0),
    (guard, "STEP_PROPOSE", 1),
    (guard, "STEP_PREPARE", 2),
    (guard, "STEP_COMMIT", 3),
    (guard, "UNLOCKED", -1),
    (height, "VIEWS_AHEAD_MAX", 2),
    (height, "COMMIT_VIEWS_MAX", 16),
    (height, "BODIES_MAX", 8),
    (messages, "VIEW_MAX", 2_147_483_647),
    (messages, "NOTHING_PREPARED", -1),
    (messages, "UNSIGNED", bytes(64)),
    (pacemaker, "VIEW_DOUBLINGS_MAX", 5),
    (pacemaker, "VIEW_WAIT_MS_MAX", 60_000),
    (pacemaker, "RESEND_MS_MIN", 300),
    (pacemaker, "RESEND_MS_MAX", 4_000),
    (pacemaker, "TRANSACTION_MS", 1),
    (pacemaker, "BUILD_AGAIN_MS", 100),
    (pacemaker, "FRESH_IDLE_MS", 1_000),
    (pacemaker, "FRESH_INTERVAL_MS", 10_000),
    (pacemaker, "FRESH_GAP_MS", 200),
    (records, "RECORD_VERSION", 1),
    (replica, "HELP_GAP_MS", 100),
    (schedule, "WINDOW_HEIGHTS", 1_000),
    (schedule, "PENALTY_HEIGHTS", 10),
    (schedule, "PENALTY_DOUBLINGS_MAX", 6),
    (set_aside, "SUSPECTS_MAX", 64),
    (set_aside, "SKIP_HEIGHTS_MAX", 1_000),
    (views, "SHOW_GAP_MS", 100),
]


@pytest.mark.parametrize(("module", "name", "number"), NUMBERS, ids=str)
def test_a_number_is_that_of_the_specification(module, name, number):
    assert getattr(module, name) == number


# Messages: each field at a limit, and values beyond it.

VOTE = [
    (2, [1]), (0, [-1]), (0, [-1]), (2**31 - 1, [2**31, -1]), (HASH, [HASH[1:]]),
    (99, [100, -1]), (SIGNATURE, [SIGNATURE[1:]]),
]  # fmt: skip
CHANGE = [
    (0, [-1]), (0, [-1]), (2**31 - 1, [2**31]), (-1, [-2, 2**31]), (HASH, [HASH[1:]]),
    (0, [-1, 100]), (SIGNATURE, [SIGNATURE[1:]]),
]  # fmt: skip
NEW_VIEW = [
    (0, [-1]), (0, [-1]), (0, [-1, 2**31]),
    ([[0, 0, 1, -1, HASH, 0, SIGNATURE]] * 100, [[[0, 0, 1, -1, HASH, 0, SIGNATURE]] * 101]),
    (None, []), (HASH, [HASH[1:]]), (None, []), (99, [100]), (SIGNATURE, [SIGNATURE[1:]]),
]  # fmt: skip
FRESH = [
    (0, [-1]), (HASH, [HASH[1:]]), (HASH, [HASH[1:]]), (0, [-1]), (99, [100]),
    (SIGNATURE, [SIGNATURE[1:]]),
]  # fmt: skip
REFUSE = [(0, [-1]), (0, [-1, 2**31]), (HASH, [HASH[1:]]), (HASH, [HASH[1:]])]
KINDS = {
    Vote: VOTE, ViewChange: CHANGE, NewView: NEW_VIEW, Fresh: FRESH, Refuse: REFUSE,
    AskFresh: [(0, [-1])], GetBody: [(0, [-1]), (HASH, [HASH[1:]])],
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_fields_of_a_message_are_taken_at_their_limits_and_refused_beyond_them(kind):
    good = [at_limit for at_limit, _ in KINDS[kind]]
    assert unpack(kind, msgpack.packb(good)) is not None

    for place, (_, beyond) in enumerate(KINDS[kind]):
        for bad in beyond:
            with pytest.raises(Rejected):
                unpack(kind, msgpack.packb([*good[:place], bad, *good[place + 1 :]]))


TALK = Talk()
BLOCK = TALK.block()
TAGGED = [
    TALK.pre_prepare(BLOCK), TALK.vote(PREPARE, BLOCK, 0), TALK.change(0, 1),
    TALK.new_view(1, TALK.changes(1), BLOCK, fresh=True), TALK.decided(BLOCK),
    Refuse(1, 0, HASH, HASH), Fresh(0, HASH, HASH, 1, 0), AskFresh(0), GetBody(1, HASH),
    Body(b"block"),
]  # fmt: skip


@pytest.mark.parametrize("tag", range(1, 11))
def test_each_kind_of_message_has_its_tag(tag):
    data = encode_message(TAGGED[tag - 1])

    assert data[0] == tag
    assert decode_message(data) == TAGGED[tag - 1]


@pytest.mark.parametrize("data", [b"", b"\0", b"\x0b", b"\xff", b"\0" + pack(AskFresh(0))])
def test_an_unknown_tag_is_refused(data):
    with pytest.raises(Rejected):
        decode_message(data)


@pytest.mark.parametrize(
    ("record", "head"),
    [
        (BodyRecord(258, b"x"), b"\1\1" + bytes(6) + b"\1\2x"),
        (OwnRecord(AskFresh(0)), b"\1\2\x08"),
        (NewViewRecord(TAGGED[3]), b"\1\3\4"),
        (PreparedRecord(TAGGED[4].certificate), b"\1\4\x97"),
    ],
    ids=["body", "own", "new view", "prepared"],
)
def test_a_record_begins_with_version_and_kind(record, head):
    assert encode_record(record)[: len(head)] == head


def test_a_body_record_has_a_body():
    with pytest.raises(Corrupt):
        records.decode_record(b"\1\1" + bytes(8))
    assert records.decode_record(b"\1\1" + bytes(8) + b"x") == BodyRecord(0, b"x")


# The guard


def test_a_guard_that_never_signed_has_the_bytes_of_the_specification():
    state = msgpack.packb((1, 0, 0, 0, ZERO_HASH, -1, b""))

    assert Guard.new().encode() == tagged_hash("guard", state) + state
    assert Guard.new().slot == Slot(0, 0, 0)


@pytest.mark.parametrize(("locked", "readable"), [(-1, True), (-2, False)])
def test_a_lock_is_a_view_or_none(locked, readable):
    state = msgpack.packb((1, 5, 4, 3, HASH, locked, b""))
    data = tagged_hash("guard", state) + state

    if readable:
        read = Guard.decode(data)
        assert (read.slot, read.digest, read.locked_view) == (Slot(5, 4, 3), HASH, -1)
    else:
        with pytest.raises(Corrupt):
            Guard.decode(data)


@pytest.mark.parametrize(
    ("step", "height", "target"), [(0, 5, 3), (1, 5, 4), (3, 5, 4), (3, 4, 0), (3, 6, 0)]
)
def test_the_guard_knows_the_least_target_that_it_would_sign(step, height, target):
    assert Guard(Slot(5, 3, step), HASH).least_target(height) == target


@pytest.mark.parametrize(
    ("step", "height", "statement"), [(0, 5, HASH), (1, 5, None), (0, 4, None), (0, 6, None)]
)
def test_the_guard_knows_the_view_change_that_it_signed_last(step, height, statement):
    assert Guard(Slot(5, 3, step), HASH).signed_change(height) == statement


def test_the_guard_keeps_the_latest_certificate():
    latest, older = TALK.prepared(BLOCK, view=2), TALK.prepared(BLOCK, view=1)
    kept = Guard.new()
    kept.keep(older)
    kept.keep(latest)
    kept.keep(older)
    kept.keep(replace(latest, block_hash=HASH))

    assert kept.prepared == latest


# Waits


def test_a_pacemaker_begins_with_nothing_due():
    pace = Pacemaker(T0_MS)

    assert pace.next_deadline() is None
    assert (pace.fresh_last, pace.view_change_for) == (-200, 0)
    pace.attested(50)
    assert (pace.fresh_last, pace.fresh_at) == (50, 10_050)
    pace.built_nothing(50)
    assert (pace.build_at, pace.next_deadline()) == (150, 150)
    pace.enter_height(7)
    assert (pace.build_at, pace.fresh_at, pace.view_change_for) == (None, 1_007, 0)


@pytest.mark.parametrize(
    ("apart", "taken"),
    [(5_000, True), (5_001, False), (-5_000 - T0_MS, True), (-5_001 - T0_MS, False)],
)
def test_a_fresh_block_s_time_is_near_the_own_clock(apart, taken):
    talk = Talk()
    talk.wall += 100_000
    talk.hear(talk.pre_prepare(talk.block(time=talk.wall + apart)))

    assert (0 in talk.state.accepted) is taken


@pytest.mark.parametrize(("later", "taken"), [(0, False), (1, True)])
def test_a_fresh_block_is_later_than_its_parent(later, taken):
    talk = Talk()
    talk.hear(talk.pre_prepare(talk.block(time=START_MS + later)))

    assert (0 in talk.state.accepted) is taken


@pytest.mark.parametrize(("gap", "answers"), [(99, 1), (100, 2)])
def test_a_peer_that_lags_is_helped_at_most_once_in_100_ms(gap, answers):
    talk = Talk()
    old = talk.vote(PREPARE, talk.block(), talk.others[0])
    talk.committed(talk.block())
    talk.hear(old)
    talk.tick(gap)
    talk.hear(old)

    assert len(sent(talk.total, Decided)) == answers


@pytest.mark.parametrize(("gap", "answers"), [(99, 1), (100, 2)])
def test_a_peer_in_an_old_view_is_shown_the_new_one_at_most_once_in_100_ms(gap, answers):
    talk = Talk()
    talk.hear(talk.new_view(1, talk.changes(1), talk.block(view=1), fresh=True))
    assert talk.state.view == 1
    late = talk.change(talk.others[0], 1)
    talk.hear(late)
    talk.tick(gap)
    talk.hear(late)

    shown = [peer for peer, message in talk.total.send if isinstance(message, NewView)]
    assert shown.count(talk.others[0]) == answers


@pytest.mark.parametrize(("after", "view_change"), [(T0_MS - 1, False), (T0_MS, True)])
def test_a_view_is_given_up_at_its_deadline_and_not_before(after, view_change):
    talk = Talk()
    talk.relayed = talk.pending = True
    talk.tick()
    talk.tick(after)

    assert talk.state.status_vc is view_change
    assert talk.state.target == int(view_change)


# Suspicions and penalties


@pytest.mark.parametrize(("times", "span"), [(1, 2), (2, 4), (9, 512), (10, 1_000), (11, 1_000)])
def test_a_transaction_is_left_out_for_exactly_its_span(times, span):
    aside = SetAside(1)
    aside.advance(7, 1)
    for _ in range(times):
        aside.note(HASH, "n00", 0)

    assert aside.skipped(7 + span) == {HASH}
    assert aside.skipped(7 + span + 1) == frozenset()


def test_suspicions_of_a_new_chain_count_from_height_0():
    aside = SetAside(1)
    aside.note(HASH, "n00", 0)

    assert [height for height in range(9) if aside.skipped(height)] == [0, 1, 2]


def test_the_64_latest_suspects_are_watched():
    aside = SetAside(1)
    for number in range(65):
        aside.note(bytes([number]) * 32, "n00", 0)

    assert len(aside.skipped(1)) == 64
    assert bytes(32) not in aside.skipped(1)


def scheduled(*failures, upto):
    """A schedule whose headers say that these heights failed in view 0."""
    validators = validator_set(4)
    made = Schedule(validators, 1, b"\7" * 32)
    order = [made.primary(1, view) for view in range(4)]
    base = genesis(validators)
    proposer = validators.validators[order[1]].name
    for place in range(1, upto + 1):
        header = replace(base, height=place, primary=proposer, last_view=int(place in failures))
        made.advance(header)
    return made, order


@pytest.mark.parametrize(("heights", "skipped"), [(10, True), (11, False)])
def test_a_first_failure_costs_exactly_ten_heights(heights, skipped):
    made, order = scheduled(2, upto=2)
    standing = {made.primary(2 + heights, view) for view in range(4)}

    assert (order[0] not in standing) is skipped


@pytest.mark.parametrize(("heights", "skipped"), [(20, True), (21, False)])
def test_a_second_failure_costs_exactly_twenty_heights(heights, skipped):
    made, order = scheduled(2, 14, upto=14)
    standing = {made.primary(14 + heights, view) for view in range(4)}

    assert (order[0] not in standing) is skipped


@pytest.mark.parametrize(("upto", "remembered"), [(1_001, True), (1_002, False)])
def test_a_failure_is_remembered_for_1000_heights(upto, remembered):
    made, _ = scheduled(2, upto=upto)

    assert bool(made._failures) is remembered


@pytest.mark.parametrize("last_view", [0, 1])
def test_a_height_without_a_failed_view_strikes_nobody(last_view):
    made, _ = scheduled(*([2] if last_view else []), upto=2)

    assert len(made._failures) == last_view


def test_a_core_wakes_at_its_earliest_deadline():
    talk = Talk()
    talk.pending = talk.relayed = True
    out = talk.core.step(Tick(), talk.now())

    assert out.wake_at == min(T0_MS, talk.core.pacemaker.next_deadline())


# Words for people


def test_the_phase_is_told_as_the_height_goes_on():
    talk, told = Talk(), []
    block = talk.block()
    told.append(talk.core.phase)
    talk.proposed(block)
    told.append(talk.core.phase)
    talk.votes(PREPARE, block, signers=talk.others[:2])
    told.append(talk.core.phase)

    assert told == ["idle", "prepare", "commit"]
    assert talk.core.voters(PREPARE) == sorted([*talk.others[:2], talk.me])
    assert talk.core.voters(COMMIT) == [talk.me]


def test_a_view_change_and_a_new_view_are_told_too():
    talk = Talk()
    for proof in talk.changes(1, signers=talk.others[:2]):
        talk.hear(proof)
    assert talk.core.phase == "view-change"

    talk.hear(talk.new_view(1, talk.changes(1), talk.block(view=1), fresh=True))
    assert talk.core.phase == "prepare"
    assert talk.core.primary() == talk.core.primary(1)
