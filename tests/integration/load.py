"""A client process that registers documents at a steady rate and keeps a durable list.

An id stands in the list once a node promised to keep the transaction, and the list is synced
before the next request: whatever it says is the judge of what the network may not lose.
Run as `python -m tests.integration.load HOME LIST RATE`; ends at SIGTERM.
"""

import itertools
import os
import signal
import sys
import time
from pathlib import Path

from hansa.client.plain import Client
from hansa.client.transactions import make
from hansa.errors import HansaError
from hansa.hashing import sha256
from hansa.keyfile import open_key_file
from hansa.transaction import Call
from node.network import read_network

REQUESTS_PER_S = 10
EXPIRY_MS = 3_600_000
RETRY_S = 0.05


def batches(home, size):
    """Signed registrations for ever, each of a new document, members in turn."""
    network = read_network(home)
    folders = [home / "members" / member / "keys" / "desk.json" for member in network.members()]
    keys = [open_key_file(path).key for path in folders]
    run = os.urandom(4).hex()
    for number in itertools.count():
        expires_at = time.time_ns() // 1_000_000 + EXPIRY_MS
        yield [
            make(
                network.chain_id,
                keys[number % len(keys)],
                [register(f"load:{run}:{number}:{index}")],
                expires_at=expires_at,
            )
            for index in range(size)
        ]


def register(name):
    """A call that registers a document of this name."""
    return Call.of(
        "doc",
        "register",
        {
            "id": name,
            "digest": sha256(name.encode()),
            "size": len(name),
            "media_type": "text/plain",
            "kind": "",
            "signers_needed": [],
            "threshold": 0,
        },
    )


def promised(clients, batch):
    """Send a batch until some node has promised all of it; the ids."""
    waiting = list(batch)
    while waiting:
        client = next(clients)
        try:
            reply = client.submit_many(waiting)
        except HansaError:
            time.sleep(RETRY_S)  # the node said: later
            continue
        taken = [result.tx_id for result in reply.results if result.problem is None]
        if taken:
            yield taken
        waiting = [
            transaction
            for transaction, result in zip(waiting, reply.results, strict=True)
            if result.problem is not None
        ]
        if waiting:
            time.sleep(RETRY_S)  # the node said: later


def load(home, path, rate):
    """Until SIGTERM: send, wait for the promise, write it down, sync."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    entries = read_network(home).nodes
    clients = itertools.cycle([Client(entry.api) for entry in entries])
    began = time.monotonic()
    with path.open("a", encoding="ascii") as file:
        for number, batch in enumerate(batches(home, max(1, rate // REQUESTS_PER_S))):
            pause = began + number / REQUESTS_PER_S - time.monotonic()
            if pause < -1:
                began -= pause  # what was not sent while nobody answered is not made up for
            time.sleep(max(0.0, pause))  # the rate of the load
            for taken in promised(clients, batch):
                file.write("".join(tx_id + "\n" for tx_id in taken))
                file.flush()
                os.fsync(file.fileno())


if __name__ == "__main__":
    load(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
