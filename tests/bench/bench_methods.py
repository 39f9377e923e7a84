"""Microseconds and written keys of single calls in the ledger, signatures and state tree apart.

What is timed is all that a transaction of one call costs while a block is executed: who
signed, who may, decoding, the contract, the overlay, the receipt. Beside it stands what the
check of one Ed25519 signature costs in the same run, so that figures of a disturbed machine
can be read. The aims: `doc.register` under 30 µs, `trace.capture` under 150 µs and 5 µs for
each EPC.

Usage: python tests/bench/bench_methods.py [--count 1000] [--rounds 5]
"""
# ruff: noqa: T201 - it is a program: it prints what it measures

import argparse
import json
import time

from hansa.hashing import sha256
from hansa.signing import verify
from ledger.authorise import HeadCache, StateRegistry
from ledger.calls import Executor
from ledger.contracts import CONTRACTS
from ledger.state import STATE, Overlay, Prefixed
from tests.unit.ledger.scene import key
from tests.unit.ledger.trace_scene import JAR, START, TraceScene

EPCS = (1, 10, 100)
"""How many items the captured events name."""


def registered(number):
    """The arguments of one document."""
    return {
        "id": f"paper-{number}",
        "digest": sha256(b"%d" % number),
        "alg": "sha-256",
        "size": 1_000,
        "media_type": "application/pdf",
        "kind": "contract",
    }


def captured(number, epcs):
    """The arguments of an event that commissions so many items."""
    event = {
        "type": "ObjectEvent",
        "eventTime": "2026-11-18T08:00:00.000Z",
        "eventTimeZoneOffset": "+08:00",
        "epcList": [f"{JAR}S{number}.{index}" for index in range(epcs)],
        "action": "ADD",
        "bizStep": "commissioning",
        "disposition": "active",
        "readPoint": {"id": "https://id.gs1.org/414/9520600000022"},
    }
    return {"event": json.dumps(event).encode()}


class Block:
    """An open block on a fresh chain: calls are run in it, one transaction each."""

    def __init__(self, scene):
        self.scene = scene
        state, height = Prefixed(scene.store, STATE), scene.ledger.head.height + 1
        self.view = Overlay(state)
        registry = StateRegistry(self.view, HeadCache(), height, START + 1_000, verify)
        self.executor = Executor(
            self.view, registry, CONTRACTS, "coffee-chain", height, START + 1_000
        )

    def run(self, transactions):
        """Run them; nanoseconds of processor time and keys written, for each of them."""
        began = time.process_time_ns()
        receipts = [self.executor.run(one, index) for index, one in enumerate(transactions)]
        spent = time.process_time_ns() - began
        assert not self.executor.faults, self.executor.faults[0]
        assert all(b"OK" in receipt for receipt in receipts)
        return spent / len(transactions), len(self.view.net_changes()) / len(transactions)


def measured(contract, method, arguments, count, rounds):
    """Microseconds of the quickest round, and keys: what else runs here only adds."""
    costs, keys = [], 0.0
    for _ in range(rounds):
        scene = TraceScene()
        calls = [[(contract, method, arguments(number))] for number in range(count)]
        block = Block(scene)
        spent, keys = block.run([scene.sign(one, ("roastery/app",)) for one in calls])
        costs.append(spent / 1_000)
    return min(costs), keys


def verification(rounds):
    """Microseconds of one signature's check in the quickest round."""
    signer, digest = key("roastery/app"), bytes(32)
    signature, public = signer.sign(digest), signer.public
    costs = []
    for _ in range(rounds):
        began = time.process_time_ns()
        for _ in range(1_000):
            assert verify(public, digest, signature)
        costs.append((time.process_time_ns() - began) / 1_000_000)
    return min(costs)


def main():
    """Print one line a method."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    print(f"{'one Ed25519 check':<28} {verification(chosen.rounds):>8.1f} µs")
    cost, keys = measured("doc", "register", registered, chosen.count, chosen.rounds)
    print(f"{'doc.register':<28} {cost:>8.1f} µs {keys:>6.1f} keys   aim 30 µs")
    for epcs in EPCS:
        count = max(chosen.count // epcs, 10)
        cost, keys = measured(
            "trace",
            "capture",
            lambda number, epcs=epcs: captured(number, epcs),
            count,
            chosen.rounds,
        )
        aim = 150 + 5 * epcs
        label = f"trace.capture, {epcs} EPC"
        print(f"{label:<28} {cost:>8.1f} µs {keys:>6.1f} keys   aim {aim} µs")


if __name__ == "__main__":
    main()
