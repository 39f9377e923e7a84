"""The node's figures for Prometheus, in a registry of its own.

The promise: names begin with ``hansa_``, units are base units, label values are bounded;
counting one thing costs about a microsecond (children are looked up once). Parts of the
node call plain methods and know nothing of Prometheus.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of `Metrics.exposition`."""
LABEL_VALUES_MAX = 200
"""Different values of one label; later ones are counted as ``other``. Memory stays bounded."""

_FAST_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5)
"""Buckets of disk and crypto, in seconds: 0.1 ms is a good disk, 5 s a dying one."""
_SLOW_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Buckets of blocks and requests, in seconds: up to the cap of a view's timer."""

SyncState = Literal["synced", "syncing", "stalled"]
_SYNC_STATES: tuple[SyncState, ...] = ("synced", "syncing", "stalled")
Direction = Literal["in", "out"]


class Metrics:
    """All figures of one node. Cheap to call; for one thread at a time."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        """For other collectors of the same process, e.g. the API's."""
        self._kinds: dict[str, tuple[str, str]] = {}
        self._values: dict[str, dict[str, str]] = {}
        self._syncs_seen = 0
        self._p2p_seen: dict[str, int] = {}
        self._keys_seen = 0
        self._make_consensus()
        self._make_network()
        self._make_local()
        ProcessCollector(registry=self.registry)

    def exposition(self) -> bytes:
        """Everything, in Prometheus' text form."""
        return generate_latest(self.registry)

    def described(self) -> list[tuple[str, str, str]]:
        """Name, kind and help of every ``hansa_`` metric, in the order of making."""
        return [(name, kind, text) for name, (kind, text) in self._kinds.items()]

    # What consensus does.

    def build(self, *, version: str, commit: str, chain_id: str, suite: int) -> None:
        """Say which program this is and which chain it keeps."""
        self._build_info.labels(version, commit, chain_id, str(suite)).set(1)

    def committed(
        self, *, height: int, transactions: int, time_s: float, interval_s: float | None
    ) -> None:
        """A block is final.

        Args:
            height: its height.
            transactions: how many it holds.
            time_s: wall time of the commit, seconds since 1970.
            interval_s: since the block before; None where this process saw none.
        """
        self._height.set(height)
        self._transactions.inc(transactions)
        self._last_commit.set(time_s)
        if interval_s is not None:
            self._block_interval.observe(interval_s)

    def view(self, view: int) -> None:
        """The view in which this node is, 0 at the start of a height."""
        self._view.set(view)

    def view_changed(self) -> None:
        """This node asked for a view change."""
        self._view_changes.inc()

    def validators(self, *, total: int, missing: int) -> None:
        """The validators of the next height, and how many signed nothing lately."""
        self._validators.set(total)
        self._missing.set(missing)

    def step(self, step: str, seconds: float) -> None:
        """A step of a height took `seconds`: ``prepare``, ``commit``, ``execute``, ``store``."""
        self._step(self._bounded("step", step)).observe(seconds)

    def equivocation(self) -> None:
        """A validator was seen to sign two things at one place."""
        self._equivocations.inc()

    def sync(self, *, target: int, state: SyncState) -> None:
        """Where block sync wants to be, and how it does."""
        self._sync_target.set(target)
        for name in _SYNC_STATES:
            self._sync_state.labels(name).set(int(name == state))

    def votes_pending(self, count: int) -> None:
        """Open ballots in which this member did not vote yet."""
        self._votes_pending.set(count)

    # What goes between nodes. Requests of clients are counted in `node.api`.

    def peers(self, *, inbound: int, outbound: int) -> None:
        """Connections that passed the handshake."""
        self._peers.labels("in").set(inbound)
        self._peers.labels("out").set(outbound)

    def traffic(self, direction: Direction, kind: str, size: int) -> None:
        """A frame of `kind` with `size` bytes went through."""
        self._traffic(direction, self._bounded("type", kind)).inc(size)

    def handshake_failed(self, reason: str) -> None:
        """A connection ended before it was one; `reason` is an error code."""
        self._handshakes.labels(self._bounded("handshake", reason)).inc()

    # What happens in this process.

    def mempool(self, *, transactions: int, size: int) -> None:
        """Transactions that wait, and their bytes."""
        self._mempool_txs.set(transactions)
        self._mempool_bytes.set(size)

    def rejected(self, reason: str) -> None:
        """A transaction was not admitted; `reason` is an error code."""
        self._rejected(self._bounded("rejected", reason)).inc()

    def store_write(self, seconds: float) -> None:
        """One durable batch of the store."""
        self._store_write.observe(seconds)

    def store_size(self, size: int) -> None:
        """Bytes of the store on disk."""
        self._store_size.set(size)

    def wal_sync(self, seconds: float) -> None:
        """One turn's fsync of WAL and signer guard."""
        self._wal_sync.observe(seconds)

    def verified(self, seconds: float, signatures: int) -> None:
        """One chunk of `signatures` was verified."""
        self._verify.observe(seconds)
        self._verified.inc(signatures)

    def storage(self, *, syncs: int, keys: int) -> None:
        """Totals since the start: fsyncs of logs and store, keys written to the store."""
        self._syncs.inc(syncs - self._syncs_seen)
        self._keys.inc(keys - self._keys_seen)
        self._syncs_seen, self._keys_seen = syncs, keys

    def p2p(self, counters: Mapping[str, int]) -> None:
        """The mesh's own counters, as totals since the start."""
        for name, total in counters.items():
            seen = self._p2p_seen.get(name, 0)
            if total > seen:
                self._p2p_events.labels(self._bounded("p2p", name)).inc(total - seen)
                self._p2p_seen[name] = total

    def loop_lag(self, seconds: float) -> None:
        """How late the event loop ran something that was due."""
        self._loop_lag.set(seconds)

    def _make_consensus(self) -> None:
        self._build_info = self._gauge(
            "build_info", "Program and chain.", ("version", "commit", "chain_id", "suite")
        )
        self._height = self._gauge("consensus_height", "Height of the last final block.")
        self._view = self._gauge("consensus_view", "View in which this node is.")
        self._validators = self._gauge("consensus_validators", "Validators of the next height.")
        self._missing = self._gauge(
            "consensus_validators_missing", "Validators that signed nothing lately."
        )
        self._block_interval = self._histogram(
            "consensus_block_interval_seconds", "Time between final blocks.", _SLOW_S
        )
        steps = self._histogram(
            "consensus_step_duration_seconds", "Time that a step of a height took.", _SLOW_S, "step"
        )
        self._step = cache(steps.labels)
        self._view_changes = self._counter(
            "consensus_view_changes_total", "View changes that this node asked for."
        )
        self._equivocations = self._counter(
            "consensus_equivocations_total", "Validators seen to sign two things at one place."
        )
        self._transactions = self._counter(
            "consensus_transactions_total", "Transactions in final blocks."
        )
        self._last_commit = self._gauge(
            "consensus_last_commit_timestamp_seconds", "Wall time of the last final block."
        )
        self._sync_target = self._gauge("sync_target_height", "Height that block sync wants.")
        self._sync_state = self._gauge("sync_state", "1 at the state of block sync.", ("state",))
        self._votes_pending = self._gauge(
            "governance_pending_votes", "Open ballots in which this member did not vote."
        )

    def _make_network(self) -> None:
        self._peers = self._gauge("p2p_peers", "Connected nodes.", ("direction",))
        traffic = self._counter(
            "p2p_bytes_total", "Bytes of frames between nodes.", ("direction", "type")
        )
        self._traffic = cache(traffic.labels)
        self._handshakes = self._counter(
            "p2p_handshake_failures_total", "Connections that failed at the start.", ("reason",)
        )

    def _make_local(self) -> None:
        self._mempool_txs = self._gauge("mempool_txs", "Transactions that wait.")
        self._mempool_bytes = self._gauge("mempool_bytes", "Bytes of transactions that wait.")
        rejected = self._counter(
            "mempool_rejected_total", "Transactions that were not admitted.", ("reason",)
        )
        self._rejected = cache(rejected.labels)
        self._store_write = self._histogram(
            "store_write_seconds", "Time of one durable batch of the store.", _FAST_S
        )
        self._store_size = self._gauge("store_size_bytes", "Bytes of the store on disk.")
        self._wal_sync = self._histogram(
            "wal_sync_seconds", "Time of one turn's fsync of the vote log.", _FAST_S
        )
        self._p2p_events = self._counter(
            "p2p_events_total", "What happened between nodes.", ("event",)
        )
        self._syncs = self._counter("storage_syncs_total", "Fsyncs of logs and store.")
        self._keys = self._counter("storage_keys_total", "Keys written to the store.")
        self._verify = self._histogram(
            "crypto_verify_seconds", "Time of one chunk of signatures.", _FAST_S
        )
        self._verified = self._counter("crypto_verified_total", "Signatures verified.")
        self._loop_lag = self._gauge("eventloop_lag_seconds", "How late the event loop is.")

    def _gauge(self, name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
        self._kinds[f"hansa_{name}"] = ("gauge", text)
        return Gauge(f"hansa_{name}", text, labels, registry=self.registry)

    def _counter(self, name: str, text: str, labels: Sequence[str] = ()) -> Counter:
        self._kinds[f"hansa_{name}"] = ("counter", text)
        return Counter(f"hansa_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: Sequence[float], *labels: str) -> Histogram:
        self._kinds[f"hansa_{name}"] = ("histogram", text)
        return Histogram(f"hansa_{name}", text, labels, buckets=buckets, registry=self.registry)

    def _bounded(self, label: str, value: str) -> str:
        """`value`, or ``other`` once a label has too many."""
        seen = self._values.setdefault(label, {})
        if value not in seen and len(seen) >= LABEL_VALUES_MAX:
            return "other"
        return seen.setdefault(value, value)
