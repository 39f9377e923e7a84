"""The journal: what was promised is known after a crash."""

import pytest

from hansa.errors import Corrupt
from node.fate import COMMITTED, EVICTED, EXPIRED, IS_PENDING, Fate, FateTable
from node.journal import (
    AcceptedRecord,
    FateRecord,
    decode_journal,
    encode_accepted,
    encode_fate,
)
from node.lane import CLIENT
from node.mempool import Mempool
from tests.unit.node.test_mempool import admit_all, codes, post
from tests.unit.node.transactions import NOW, sign


def unknown(tx_id):
    return None


def restored(records, known=unknown):
    pool = Mempool(admit_all)
    pool.restore(records, known, 5)
    return pool


def test_an_accepted_record_holds_the_time_and_the_bytes():
    tx = sign(1)

    record = decode_journal(encode_accepted(NOW, tx.raw))

    assert isinstance(record, AcceptedRecord)
    assert (record.accepted_ms, record.transaction.raw) == (NOW, tx.raw)


def test_a_fate_record_comes_back():
    record = FateRecord(b"i" * 32, EVICTED, "mempool.nonce-used")

    assert decode_journal(encode_fate(record)) == record


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01",
        b"\x02\x01" + bytes(8) + sign(1).raw,
        b"\x01\x09abc",
        b"\x01\x01" + bytes(8),
        b"\x01\x01" + bytes(8) + b"no transaction",
        b"\x01\x02" + b"\x93",
        encode_fate(FateRecord(b"i" * 32, "committed", "")),
    ],
)
def test_a_record_that_nobody_wrote_stops_the_node(data):
    with pytest.raises(Corrupt) as error:
        restored([data])

    assert error.value.code == "journal.record"


def test_what_was_promised_is_pending_again_with_the_same_promise():
    before = Mempool(admit_all)
    first = post(before, sign(1), sign(2))

    after = restored(first.records)

    assert len(after) == 2
    assert after.relayed_count == 0
    assert post(after, sign(1), wall_ms=NOW + 9).answers == first.answers[:1]
    assert after.oldest_ms == 5


def test_what_is_in_the_index_is_not_pending_again():
    before = Mempool(admit_all)
    admission = post(before, sign(1))
    fate = Fate(COMMITTED, 3, 0, "OK")

    after = restored(admission.records, {sign(1).tx_id: fate}.get)

    assert len(after) == 0
    assert after.fate(sign(1).tx_id) == fate


def test_an_end_without_a_receipt_is_known_after_a_restart():
    before = Mempool(admit_all)
    records = post(before, sign(1), sign(2)).records
    records += before.evict([sign(1).tx_hash], "test.reason").records

    after = restored(records)

    assert after.fate(sign(1).tx_id) == Fate(EVICTED, reason="test.reason")
    assert after.fate(sign(2).tx_id) == IS_PENDING


def test_a_record_twice_counts_once():
    records = post(Mempool(admit_all), sign(1)).records

    assert len(restored(records + records)) == 1


def test_a_snapshot_is_the_whole_journal_in_short():
    before = Mempool(admit_all)
    post(before, sign(1), sign(2), sign(3, contract="org"))
    post(before, sign(4), origin="node1")
    before.evict([sign(1).tx_hash], "test.reason")

    after = restored(before.journal_snapshot())

    assert {one.tx_id for one in after.pending()} == {
        sign(2).tx_id,
        sign(3, contract="org").tx_id,
    }
    assert after.fate(sign(1).tx_id) == Fate(EVICTED, reason="test.reason")
    assert list(after.own()) == list(after.pending())


def test_a_snapshot_is_due_after_many_bytes(monkeypatch):
    monkeypatch.setattr("node.mempool.JOURNAL_BYTES_MAX", 300)
    pool = Mempool(admit_all)
    post(pool, sign(1))
    assert not pool.journal_due

    post(pool, sign(2))

    assert pool.journal_due
    pool.journal_snapshot()
    assert not pool.journal_due


def test_restored_bytes_need_no_second_verification():
    records = post(Mempool(admit_all), sign(1)).records

    pool = restored(records)

    assert pool.is_verified(sign(1).tx_hash)
    assert pool.screen([sign(1).raw], CLIENT, NOW).unverified == ()


def test_a_restored_nonce_is_used():
    pool = restored(post(Mempool(admit_all), sign(1)).records)

    assert codes(post(pool, sign(1, size=17))) == ["mempool.nonce-used"]


def test_fates_are_bounded_and_the_oldest_go_first():
    table = FateTable(2)
    table.put(b"a", Fate(EXPIRED))
    table.put(b"b", Fate(EXPIRED))
    table.put(b"a", Fate(EVICTED))
    table.put(b"c", Fate(COMMITTED, 1, 0, "OK"))

    assert [table.get(key) for key in (b"a", b"b")] == [Fate(EVICTED), None]
    assert [tx_id for tx_id, _ in table.local()] == [b"a"]
    assert len(table) == 2


@pytest.mark.parametrize(
    ("word", "final"), [(COMMITTED, True), (EXPIRED, True), (EVICTED, False), ("pending", False)]
)
def test_only_the_chains_word_is_final(word, final):
    assert Fate(word).final is final
