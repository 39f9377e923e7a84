"""A process of the benchmark, without the process."""

import msgpack
import msgspec

from hansa.signing import verify
from hansa.transaction import SignedTransaction
from node.bench_load import LoadPlan
from node.bench_worker import CHUNK, Load, Make, Order, Verify, Worker

PLAN = LoadPlan("bench-chain", "doc", 1, 10, 2, 1_800_000_000_000, 1_800_000_060_000)


def test_batches_are_ready_requests_in_the_order_of_the_numbers():
    worker = Worker()

    made = worker.make(Make(PLAN, 0, 25, 10))

    batches = list(reversed(worker._batches))
    raws = [raw for batch in batches for raw in msgpack.unpackb(batch.ask.body)]
    decoded = [SignedTransaction.decode(raw) for raw in raws]
    assert (made.count, [batch.count for batch in batches]) == (25, [10, 10, 5])
    assert [batch.last for batch in batches] == [decoded[i].tx_id for i in (9, 19, 24)]
    assert all(item.verified_by(verify) for item in decoded)
    assert made.size == sum(len(batch.ask.body) for batch in batches)


def test_a_slice_of_verification_takes_its_time_and_counts_chunks():
    worker = Worker()
    worker.make(Make(PLAN, 0, 1, 1))

    found = worker.verify(Verify(10))

    assert found.ns >= 10_000_000
    assert found.count > 0
    assert found.count % CHUNK == 0


def test_orders_travel_as_lines_of_json():
    orders = [Make(PLAN, 0, 1, 1), Verify(300), Load(("http://x",), 1.5, 2, 0.0)]

    lines = [msgspec.json.encode(order) for order in orders]

    assert [msgspec.json.decode(line, type=Order) for line in lines] == orders
