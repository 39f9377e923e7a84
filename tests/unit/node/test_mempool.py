"""The mempool's promises, one by one."""

import pytest

from hansa.errors import Rejected
from hansa.receipt import Receipt
from hansa.transaction import DUE, EVIDENCE
from node.admission import Accepted, Ended, Limits
from node.fate import COMMITTED, EVICTED, EXPIRED, IS_PENDING, REFUSED, Fate
from node.lane import CLIENT, Full, LaneLimits
from node.mempool import EXPIRY_SLACK, Mempool
from node.verifier import verify_now
from tests.unit.node.transactions import MINUTE, NOW, forge, key, sign

BLOCK = b"b" * 32


def admit_all(transaction, wall_ms):
    """A ledger that has nothing against anybody."""


def post(pool, *transactions, origin=CLIENT, mono_ms=1, wall_ms=NOW):
    """The whole way through the door, with real signatures."""
    screening = pool.screen([one.raw for one in transactions], origin, wall_ms)
    return pool.admit(screening, verify_now(screening.unverified), mono_ms, wall_ms)


def codes(admission):
    return [getattr(answer, "code", type(answer).__name__) for answer in admission.answers]


def receipt(transaction, *, height=1, index=0, code="OK"):
    return Receipt(transaction.tx_id, transaction.tx_hash, height, index, code, -1, b"\x80", ())


def pool_with(count=3, bytes_=1_000_000, sender=100, peer=100, admission=admit_all):
    lane = LaneLimits(count=count, bytes=bytes_, sender_count=sender, peer_count=peer)
    return Mempool(admission, Limits(lane, lane))


def test_what_a_client_posts_is_promised_and_journalled():
    pool = Mempool(admit_all)
    tx = sign(1)

    admission = post(pool, tx)

    expected = Accepted(tx.tx_id, tx.tx_hash, NOW, tx.transaction.expires_at)
    assert admission.answers == [expected]
    assert len(admission.records) == 1
    assert pool.fate(tx.tx_id) == IS_PENDING
    assert (len(pool), pool.bytes_count) == (1, len(tx.raw))
    assert pool.is_verified(tx.tx_hash)


def test_what_a_peer_passes_on_is_neither_promised_nor_journalled():
    pool = Mempool(admit_all)

    admission = post(pool, sign(1), origin="node1")

    assert admission.records == []
    assert admission.answers[0].accepted_ms == 0
    assert len(pool) == 1


def test_the_same_bytes_again_get_the_first_answer_and_no_second_record():
    pool = Mempool(admit_all)
    tx = sign(1)
    first = post(pool, tx)

    again = post(pool, tx, wall_ms=NOW + 500)

    assert again.answers == first.answers
    assert again.records == []
    assert len(pool) == 1


def test_twice_the_same_bytes_in_one_batch_are_one_transaction():
    pool = Mempool(admit_all)

    admission = post(pool, sign(1), sign(1))

    assert admission.answers[0] == admission.answers[1]
    assert (len(admission.records), len(pool)) == (1, 1)


def test_a_client_who_posts_what_a_peer_passed_on_is_promised_it_too():
    pool = Mempool(admit_all)
    post(pool, sign(1), origin="node1")

    admission = post(pool, sign(1))

    assert admission.answers[0].accepted_ms == NOW
    assert len(admission.records) == 1


def test_other_signatures_of_a_pending_body_are_the_same_intent():
    pool = Mempool(admit_all)
    tx = sign(1, cosigners=(2,))
    post(pool, tx)
    forged = forge(tx)

    screening = pool.screen([forged.raw], CLIENT, NOW)
    admission = pool.admit(screening, [True], 1, NOW)  # as if it were another valid signature

    assert admission.answers[0].tx_hash == tx.tx_hash
    assert len(pool) == 1


def test_a_wrong_signature_is_refused_and_is_an_offence():
    pool = Mempool(admit_all)

    admission = post(pool, forge(sign(1)))

    assert codes(admission) == ["transaction.signature"]
    assert admission.offences == 1
    assert len(pool) == 0
    assert pool.verifying_count == 0


def test_bytes_are_verified_once():
    pool = Mempool(admit_all)
    tx = sign(1)
    post(pool, tx)
    pool.evict([tx.tx_hash], "test.reason")

    assert pool.screen([tx.raw], CLIENT, NOW).unverified == ()


def test_a_second_body_with_a_used_nonce_is_refused():
    pool = Mempool(admit_all)
    post(pool, sign(1))

    admission = post(pool, sign(1, size=17))

    assert codes(admission) == ["mempool.nonce-used"]


def test_two_bodies_with_one_nonce_in_one_batch_leave_the_first():
    pool = Mempool(admit_all)

    admission = post(pool, sign(1), sign(1, size=17))

    assert codes(admission) == ["Accepted", "mempool.nonce-used"]


def test_the_same_nonce_of_another_sender_is_another_nonce():
    pool = Mempool(admit_all)

    assert codes(post(pool, sign(1, sender=1), sign(1, sender=2))) == ["Accepted", "Accepted"]


def test_a_due_transaction_comes_only_inside_a_block():
    assert codes(post(Mempool(admit_all), sign(1, kind=DUE))) == ["mempool.due"]


def test_the_ledgers_word_is_passed_on():
    def refuse(transaction, wall_ms):
        raise Rejected("transaction.expired", f"at {wall_ms}")

    admission = post(Mempool(refuse), sign(1))

    assert codes(admission) == ["transaction.expired"]
    assert admission.offences == 0


@pytest.mark.parametrize(
    ("limits", "origin", "code"),
    [
        ({"count": 2}, CLIENT, "mempool.full"),
        ({"bytes_": 2 * len(sign(1).raw) + 5}, CLIENT, "mempool.full"),
        ({"sender": 2}, CLIENT, "mempool.sender-full"),
        ({"peer": 2}, "node1", "mempool.peer-full"),
    ],
)
def test_each_limit_refuses_what_is_too_much_and_says_when_to_come_again(limits, origin, code):
    pool = pool_with(**limits)

    admission = post(pool, sign(1), sign(2), sign(3), origin=origin)

    assert codes(admission) == ["Accepted", "Accepted", code]
    assert isinstance(admission.answers[2], Full)
    assert admission.answers[2].retry_after_s > 0
    assert admission.offences == 0


def test_room_comes_back_when_transactions_leave():
    pool = pool_with(count=1, sender=1, peer=1)
    post(pool, sign(1), origin="node1")

    pool.on_commit(1, NOW, [receipt(sign(1))])

    assert codes(post(pool, sign(2), origin="node1")) == ["Accepted"]


@pytest.mark.parametrize(
    ("contract", "kind"), [("governance", 0), ("org", 0), ("governance", EVIDENCE)]
)
def test_governance_has_room_when_the_mempool_is_full(contract, kind):
    pool = pool_with(count=1)
    post(pool, sign(1))

    act = sign(2, contract=contract, kind=kind)

    assert codes(post(pool, act)) == ["Accepted"]
    assert pool.candidates(1, 10_000) == [pool.get(act.tx_hash)]


def test_too_many_verifications_at_once_are_refused(monkeypatch):
    monkeypatch.setattr("node.mempool.VERIFYING_MAX", 1)
    pool = Mempool(admit_all)
    first = pool.screen([sign(1).raw], CLIENT, NOW)

    second = pool.screen([sign(2).raw], CLIENT, NOW)

    assert second.items[0].code == "mempool.busy"
    pool.abandon(first)
    assert pool.verifying_count == 0
    assert len(pool.screen([sign(2).raw], CLIENT, NOW).unverified) == 1


def test_what_a_peer_repeats_during_verification_is_not_verified_again():
    pool = Mempool(admit_all)
    pool.screen([sign(1).raw], "node1", NOW)

    again = pool.screen([sign(1).raw], "node2", NOW)

    assert again.items[0].code == "mempool.verifying"


def test_candidates_are_governance_then_the_oldest_within_limits():
    pool = Mempool(admit_all)
    big, small, act = sign(1, size=500), sign(2), sign(3, contract="org")
    post(pool, big, small, act)

    def hashes(*args):
        return [one.tx_hash for one in pool.candidates(*args)]

    assert hashes(9, 9_999) == [act.tx_hash, big.tx_hash, small.tx_hash]
    assert hashes(2, 9_999) == [act.tx_hash, big.tx_hash]
    assert hashes(9, len(act.raw) + len(small.raw)) == [act.tx_hash, small.tx_hash]
    assert hashes(9, 9_999, {act.tx_hash}) == [big.tx_hash, small.tx_hash]


def test_a_committed_transaction_leaves_and_its_fate_is_known():
    pool = Mempool(admit_all)
    good, bad = sign(1), sign(2)
    post(pool, good, bad)

    pool.on_commit(7, NOW, [receipt(good, height=7), receipt(bad, index=1, code="STATE")])

    assert len(pool) == 0
    assert pool.bytes_count == 0
    assert pool.fate(good.tx_id) == Fate(COMMITTED, 7, 0, "OK")
    assert pool.fate(bad.tx_id) == Fate(REFUSED, 7, 1, "STATE")
    assert post(pool, good).answers == [Ended(good.tx_id, Fate(COMMITTED, 7, 0, "OK"))]


def test_a_body_committed_under_other_signatures_leaves_too():
    pool = Mempool(admit_all)
    tx = sign(1)
    post(pool, tx)

    pool.on_commit(1, NOW, [receipt(forge(tx))])

    assert len(pool) == 0


def test_another_body_of_the_same_nonce_that_commits_evicts_ours():
    pool = Mempool(admit_all)
    ours, theirs = sign(1), sign(1, size=17)
    post(pool, ours)
    pool.require(BLOCK, 1, [theirs.tx_hash])
    post(pool, theirs, origin="node1")

    changes = pool.on_commit(1, NOW, [receipt(theirs)])

    fate = Fate(EVICTED, reason="mempool.nonce-used")
    assert changes.ended == [(ours.tx_id, fate)]
    assert pool.fate(ours.tx_id) == fate
    assert len(changes.records) == 1


def test_expired_is_final_when_every_later_block_is_too_late():
    pool = Mempool(admit_all)
    tx = sign(1, expires_at=NOW + MINUTE)
    post(pool, tx)

    assert pool.expire(NOW + MINUTE).ended == []
    changes = pool.expire(NOW + MINUTE + 1)

    assert changes.ended == [(tx.tx_id, Fate(EXPIRED))]
    assert post(pool, tx).answers == [Ended(tx.tx_id, Fate(EXPIRED))]


def test_a_block_at_the_very_time_of_expiry_ends_what_it_does_not_hold():
    pool = Mempool(admit_all)
    tx = sign(1, expires_at=NOW)
    post(pool, tx)

    assert pool.on_commit(1, NOW, []).ended == [(tx.tx_id, Fate(EXPIRED))]


def test_a_peers_transaction_that_expires_leaves_no_record():
    pool = Mempool(admit_all)
    post(pool, sign(1), origin="node1")

    changes = pool.expire(NOW + 60 * MINUTE)

    assert len(changes.ended) == 1
    assert changes.records == []


def test_an_evicted_transaction_may_be_posted_again():
    pool = Mempool(admit_all)
    tx = sign(1)
    post(pool, tx)

    changes = pool.evict([tx.tx_hash, b"?" * 32], "transaction.sender")

    assert pool.fate(tx.tx_id) == Fate(EVICTED, reason="transaction.sender")
    assert len(changes.ended) == 1
    assert codes(post(pool, tx)) == ["Accepted"]
    assert pool.fate(tx.tx_id) == IS_PENDING


def test_an_unknown_intent_has_no_fate_here():
    assert Mempool(admit_all).fate(b"?" * 32) is None


def test_the_expiry_heap_forgets_what_was_committed():
    pool = Mempool(admit_all)
    tx = sign(1)
    screening = pool.screen([tx.raw], CLIENT, NOW)

    for _ in range(EXPIRY_SLACK + 10):
        pool.admit(screening, [True], 1, NOW)
        pool.evict([tx.tx_hash], "test.again")

    assert len(pool._expiries) <= EXPIRY_SLACK + 3


def test_only_the_latest_verified_hashes_are_remembered(monkeypatch):
    monkeypatch.setattr("node.mempool.VERIFIED_MAX", 2)
    pool = Mempool(admit_all)
    old = sign(1)

    post(pool, old, sign(2), sign(3))

    assert not pool.is_verified(old.tx_hash)
    assert len(pool) == 3


def test_the_age_of_the_oldest_is_known():
    pool = Mempool(admit_all)
    assert pool.oldest_ms is None
    post(pool, sign(1), mono_ms=50)
    post(pool, sign(2, contract="org"), mono_ms=60)

    assert pool.oldest_ms == 50


# -- proposals ---------------------------------------------------------------------------------


def test_a_proposal_of_known_transactions_is_complete_at_once():
    pool = Mempool(admit_all)
    first, second = sign(1), sign(2)
    post(pool, first, second)

    assert pool.require(BLOCK, 1, [second.tx_hash, first.tx_hash]) == ()
    assert [one.tx_hash for one in pool.resolve(BLOCK)] == [second.tx_hash, first.tx_hash]


def test_a_proposal_keeps_its_transactions_whatever_happens_to_them():
    pool = Mempool(admit_all)
    tx = sign(1)
    post(pool, tx)
    pool.require(BLOCK, 1, [tx.tx_hash])

    pool.evict([tx.tx_hash], "test.reason")

    assert pool.resolve(BLOCK) is not None
    assert pool.get(tx.tx_hash) is not None
    pool.on_commit(1, NOW, [])
    assert pool.resolve(BLOCK) is None
    assert pool.get(tx.tx_hash) is None


def test_a_missing_transaction_completes_its_proposals_when_it_comes():
    pool = Mempool(admit_all)
    here, lacking = sign(1), sign(2)
    post(pool, here)
    assert pool.require(BLOCK, 1, [here.tx_hash, lacking.tx_hash]) == (lacking.tx_hash,)
    other = b"o" * 32
    pool.require(other, 1, [lacking.tx_hash])
    assert pool.resolve(BLOCK) is None

    admission = post(pool, lacking, origin="node1")

    assert admission.complete == [BLOCK, other]
    assert len(pool.resolve(BLOCK)) == 2
    assert len(pool) == 2


def test_a_wanted_transaction_passes_a_full_mempool_and_an_unwilling_ledger():
    def refuse(transaction, wall_ms):
        raise Rejected("transaction.expired", "too late for the door")

    pool = Mempool(refuse)
    tx = sign(1)
    pool.require(BLOCK, 1, [tx.tx_hash])

    admission = post(pool, tx, origin="node1")

    assert admission.complete == [BLOCK]
    assert codes(admission) == ["transaction.expired"]
    assert len(pool) == 0
    assert pool.resolve(BLOCK) is not None


def test_a_wanted_transaction_with_a_wrong_signature_breaks_its_proposal():
    pool = Mempool(admit_all)
    bad = forge(sign(1))
    pool.require(BLOCK, 1, [bad.tx_hash])

    admission = post(pool, bad, origin="node1")

    assert admission.broken == [(BLOCK, bad.tx_hash)]
    assert pool.resolve(BLOCK) is None
    assert pool.bodies.broken(BLOCK) == bad.tx_hash


def test_a_proposal_that_is_larger_than_a_block_is_broken(monkeypatch):
    monkeypatch.setattr("node.bodies.BLOCK_BYTES_MAX", 300)
    pool = Mempool(admit_all)
    first, second = sign(1), sign(2)
    pool.require(BLOCK, 1, [first.tx_hash, second.tx_hash])

    admission = post(pool, first, second, origin="node1")

    assert admission.broken == [(BLOCK, second.tx_hash)]
    assert pool.resolve(BLOCK) is None


def test_a_proposal_that_names_a_hash_twice_wants_it_once():
    pool = Mempool(admit_all)
    tx = sign(1)

    assert pool.require(BLOCK, 1, [tx.tx_hash, tx.tx_hash]) == (tx.tx_hash,)
    assert post(pool, tx).complete == [BLOCK]
    assert len(pool.resolve(BLOCK)) == 2


def test_asking_for_an_open_proposal_again_gives_what_is_still_missing():
    pool = Mempool(admit_all)
    first, second = sign(1), sign(2)
    pool.require(BLOCK, 1, [first.tx_hash, second.tx_hash])
    post(pool, first)

    assert pool.require(BLOCK, 1, [first.tx_hash, second.tx_hash]) == (second.tx_hash,)


def test_an_own_proposal_is_held_with_its_due_transactions():
    pool = Mempool(admit_all)
    due = sign(1, kind=DUE)

    pool.hold(BLOCK, 1, [due])

    assert pool.get(due.tx_hash) is due
    assert pool.resolve(BLOCK) == (due,)


def test_open_proposals_are_bounded():
    pool = Mempool(admit_all)
    tx = sign(1)

    for number in range(20):
        pool.require(bytes([number]) * 32, 1, [tx.tx_hash])

    assert len(post(pool, tx).complete) == 8


# -- gossip ------------------------------------------------------------------------------------


def test_only_clients_transactions_wait_to_be_relayed():
    pool = Mempool(admit_all)
    mine, theirs = sign(1), sign(2)
    post(pool, mine)
    post(pool, theirs, origin="node1")

    assert pool.relayed_count == 1
    outbox = pool.take_outbox()
    assert [one.tx_hash for one in outbox] == [mine.tx_hash]
    assert pool.take_outbox() == []
    pool.mark_relayed([*outbox, *outbox, sign(9)])
    assert pool.relayed_count == 2
    assert [one.tx_hash for one in pool.own()] == [mine.tx_hash]


def test_what_ended_before_the_end_of_the_turn_is_not_relayed():
    pool = Mempool(admit_all)
    post(pool, sign(1))
    pool.on_commit(1, NOW, [receipt(sign(1))])

    assert pool.take_outbox() == []


def test_a_sender_is_the_first_signer():
    assert sign(1, sender=3, cosigners=(4,)).sender == key(3).public


def test_a_pending_transaction_is_found_by_its_intent():
    pool = Mempool(admit_all)
    tx = sign(1)
    post(pool, tx)

    assert pool.by_id(tx.tx_id).raw == tx.raw
    assert pool.by_id(b"?" * 32) is None


def test_an_intent_that_ended_during_verification_is_not_admitted():
    pool = Mempool(admit_all)
    tx = sign(1)
    screening = pool.screen([tx.raw], CLIENT, NOW)
    pool.on_commit(3, NOW, [receipt(tx, height=3)])

    admission = pool.admit(screening, [True], 1, NOW)

    assert admission.answers == [Ended(tx.tx_id, Fate(COMMITTED, 3, 0, "OK"))]
    assert admission.records == []


def test_a_closed_proposal_leaves_the_wishes_of_others():
    pool = Mempool(admit_all)
    tx = sign(1)
    pool.require(BLOCK, 1, [tx.tx_hash])
    pool.require(b"o" * 32, 2, [tx.tx_hash])

    pool.on_commit(1, NOW, [])

    assert post(pool, tx).complete == [b"o" * 32]
