"""Metrics: every promised name, bounded labels, Prometheus' text form."""

from prometheus_client.parser import text_string_to_metric_families

from node.metrics import LABEL_VALUES_MAX, Metrics


def samples(metrics):
    text = metrics.exposition().decode()
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_block_moves_height_count_interval_and_time():
    metrics = Metrics()
    metrics.committed(height=1, transactions=3, time_s=100.5, interval_s=None)
    metrics.committed(height=2, transactions=4, time_s=101.5, interval_s=1.0)

    seen = samples(metrics)
    assert seen["hansa_consensus_height",] == 2
    assert seen["hansa_consensus_transactions_total",] == 7
    assert seen["hansa_consensus_last_commit_timestamp_seconds",] == 101.5
    assert seen["hansa_consensus_block_interval_seconds_count",] == 1


def test_consensus_says_where_it_is():
    metrics = Metrics()
    metrics.build(version="0.1.0", commit="abc", chain_id="demo", suite=1)
    metrics.view(3)
    metrics.view_changed()
    metrics.equivocation()
    metrics.validators(total=4, missing=1)
    metrics.step("prepare", 0.02)
    metrics.step("prepare", 0.02)
    metrics.sync(target=9, state="syncing")
    metrics.votes_pending(2)

    seen = samples(metrics)
    assert seen["hansa_build_info", "0.1.0", "1", "abc", "demo"] == 1
    assert seen["hansa_consensus_view",] == 3
    assert seen["hansa_consensus_view_changes_total",] == 1
    assert seen["hansa_consensus_equivocations_total",] == 1
    assert seen["hansa_consensus_validators",] == 4
    assert seen["hansa_consensus_validators_missing",] == 1
    assert seen["hansa_consensus_step_duration_seconds_count", "prepare"] == 2
    assert seen["hansa_sync_target_height",] == 9
    assert (seen["hansa_sync_state", "syncing"], seen["hansa_sync_state", "synced"]) == (1, 0)
    assert seen["hansa_governance_pending_votes",] == 2


def test_traffic_is_counted_by_direction_and_kind():
    metrics = Metrics()
    metrics.peers(inbound=1, outbound=2)
    metrics.traffic("in", "consensus", 100)
    metrics.traffic("in", "consensus", 50)
    metrics.handshake_failed("p2p.wrong-chain")

    seen = samples(metrics)
    assert (seen["hansa_p2p_peers", "in"], seen["hansa_p2p_peers", "out"]) == (1, 2)
    assert seen["hansa_p2p_bytes_total", "consensus", "in"] == 150
    assert seen["hansa_p2p_handshake_failures_total", "p2p.wrong-chain"] == 1


def test_the_process_tells_its_own_state():
    metrics = Metrics()
    metrics.mempool(transactions=5, size=1000)
    metrics.rejected("tx.expired")
    metrics.store_write(0.001)
    metrics.store_size(10**9)
    metrics.wal_sync(0.0002)
    metrics.verified(0.002, 64)
    metrics.loop_lag(0.003)

    seen = samples(metrics)
    assert (seen["hansa_mempool_txs",], seen["hansa_mempool_bytes",]) == (5, 1000)
    assert seen["hansa_mempool_rejected_total", "tx.expired"] == 1
    assert seen["hansa_store_write_seconds_count",] == 1
    assert seen["hansa_store_size_bytes",] == 10**9
    assert seen["hansa_wal_sync_seconds_count",] == 1
    assert seen["hansa_crypto_verify_seconds_count",] == 1
    assert seen["hansa_crypto_verified_total",] == 64
    assert seen["hansa_eventloop_lag_seconds",] == 0.003
    assert seen["process_resident_memory_bytes",] > 0


def test_a_label_has_a_bounded_number_of_values():
    metrics = Metrics()
    for number in range(LABEL_VALUES_MAX + 5):
        metrics.rejected(f"reason-{number}")
    metrics.rejected("reason-0")

    seen = samples(metrics)
    assert seen["hansa_mempool_rejected_total", "other"] == 5
    assert seen["hansa_mempool_rejected_total", "reason-0"] == 2


def test_two_nodes_in_one_process_count_apart():
    first, second = Metrics(), Metrics()
    first.view(7)

    assert samples(second)["hansa_consensus_view",] == 0


def test_every_metric_is_described_with_units_in_its_name():
    kinds = Metrics().described()

    assert len(kinds) == 29
    assert [name for name, kind, _ in kinds if (kind == "counter") != name.endswith("_total")] == []
    assert [name for name, kind, text in kinds if not text.endswith(".")] == []
    assert [
        name for name, kind, _ in kinds if kind == "histogram" and not name.endswith("_seconds")
    ] == []
