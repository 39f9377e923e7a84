"""Microseconds that one written key costs the state tree, in batches of 1,000 random keys.

Usage: python tests/bench/bench_tree.py [--keys 10000] [--batches 20] [--leveldb DIR]
A million keys: --keys 1000000 --leveldb DIR (about a minute of filling).
"""

import argparse
import hashlib
import time

from ledger.tree import Tree

BATCH = 1_000
"""Keys of a batch: a block under load."""


class MemoryPages:
    """Pages in a dictionary."""

    def __init__(self):
        self.pages = {}

    def get(self, key):
        """The page under a key."""
        return self.pages.get(key)

    def write(self, writes):
        """Take a batch of pages."""
        for key, page in writes.items():
            if page is None:
                self.pages.pop(key, None)
            else:
                self.pages[key] = page

    def settle(self):
        """Nothing is left to do."""


class LevelPages:
    """Pages in LevelDB, each batch durable."""

    def __init__(self, folder):
        import plyvel

        self._store = plyvel.DB(folder, create_if_missing=True, write_buffer_size=16 << 20)
        self.get = self._store.get

    def write(self, writes):
        """Write a batch of pages and sync it."""
        with self._store.write_batch(sync=True) as batch:
            for key, page in writes.items():
                if page is None:
                    batch.delete(key)
                else:
                    batch.put(key, page)

    def settle(self):
        """Finish the compactions that filling has left behind."""
        self._store.compact_range()


def random_keys(label, first, count):
    """Keys as records have them, spread by their hash."""
    return {
        b"trace/event/%s" % hashlib.sha256(b"%s%d" % (label, n)).hexdigest().encode(): b"%d" % n
        for n in range(first, first + count)
    }


def measure(keys, batches, store):
    """Fill, then return µs a key: CPU of staging, wall with the store, CPU of the process."""
    tree = Tree(store)
    for first in range(0, keys, 10_000):
        advance(tree, store, random_keys(b"fill", first, min(10_000, keys - first)))
    store.settle()
    staged_s = 0.0
    wall = time.perf_counter()
    cpu = time.process_time()
    for number in range(batches):
        changes = random_keys(b"fill" if number % 2 else b"new", number * BATCH, BATCH)
        started = time.thread_time()
        staged = tree.stage({key: value + b"!" for key, value in changes.items()})
        staged_s += time.thread_time() - started
        store.write(staged.writes)
        tree.adopt(staged)
    written = batches * BATCH
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return tuple(round(s * 1e6 / written, 1) for s in (staged_s, wall, cpu))


def advance(tree, store, changes):
    """One block."""
    staged = tree.stage(changes)
    store.write(staged.writes)
    tree.adopt(staged)


def main():
    """Print one line of results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=10_000)
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--leveldb", metavar="DIR")
    options = parser.parse_args()
    store = LevelPages(options.leveldb) if options.leveldb else MemoryPages()
    stage, wall, cpu = measure(options.keys, options.batches, store)
    print(f"{options.keys} keys: stage {stage}, with store {wall}, process CPU {cpu} µs a key")  # noqa: T201


if __name__ == "__main__":
    main()
