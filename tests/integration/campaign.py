"""Campaigns of faults on real processes, a round after the other, with a client's durable list.

`python -m tests.integration.campaign kill-primary|kill-all --rounds N --home DIR [--seed S]`.
A network that is there is used again, and the rounds that `DIR/campaign/KIND.jsonl` holds are
not repeated: a campaign that was cut goes on. `manifest --seed N --home DIR` plays one random
manifest on a network of its own (`tests/integration/manifests.py`), `linearisable` lets clients
of a register and a set meet faults (`register_and_set.py`): both begin with an empty DIR.
Ends with 1 when a promise was broken.
"""

import argparse
import contextlib
import itertools
import json
import os
import random
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

from hansa.errors import HansaError
from node.config import load as load_config
from storage import wal
from tests.integration.network import ROOT, DemoNetwork, until

LIGHT_RATE, STEADY_RATE = 50, 150
"""Registrations a second: a light load, and about half of what two shared cores take."""
WATCH_S = 7.0
"""How long commits are watched after a kill: longer than the 6 s that a test allows."""
PATIENCE_S = 60.0
HEIGHTS_TO_GO_ON = 4


class Broken(AssertionError):  # noqa: N818 - it names an outcome
    """A promise of the network was broken."""


class Loader:
    """The load in its process."""

    def __init__(self, network, path, rate):
        self.path = path
        self._words = ["tests.integration.load", str(network.home), str(path), str(rate)]

    def __enter__(self):
        self._process = subprocess.Popen([sys.executable, "-m", *self._words], cwd=ROOT)
        until(lambda: self.path.exists() and self.path.stat().st_size, 30, "a first promise")
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(10)

    def promised(self):
        """The ids that some node has promised to keep."""
        text = self.path.read_text(encoding="ascii")
        return set(text[: text.rfind("\n") + 1].split())


class Books:
    """All blocks of every node, read once each: what is where, and whether all agree."""

    def __init__(self, network):
        self._network = network
        self._read = {entry.name: 0 for entry in network.nodes}
        self._ids = {entry.name: set() for entry in network.nodes}
        self._blocks = {}
        self._duplicates = 0

    def read(self, name):
        """Read the new blocks of a node.

        Raises:
            Broken: it differs from what another node said, or a transaction stands twice.
        """
        with self._network.client(name) as client:
            for height in range(self._read[name] + 1, client.status().height + 1):
                block = client.block(height)
                fact = (block.summary.hash, block.summary.state_root, block.summary.log_root)
                if self._blocks.setdefault(height, fact) != fact:
                    raise Broken(f"{name} has another block at height {height}")
                ids = {transaction.tx_id for transaction in block.transactions}
                if len(ids) != len(block.transactions) or ids & self._ids[name]:
                    raise Broken(f"{name} executed a transaction twice, height {height}")
                self._ids[name] |= ids
                self._read[name] = height

    def missing(self, wanted, names):
        """Of `wanted`, how many some node does not have."""
        for name in names:
            self.read(name)
        return {name: len(wanted - self._ids[name]) for name in names if wanted - self._ids[name]}


def heights(network):
    """The heights of the nodes that answer."""
    found = {}
    for entry in network.nodes:
        status = network.status(entry.name)
        if status is not None:
            found[entry.name] = status.height
    return found


def commits(network, name, since):
    """Seconds since 1970 and heights of what a node has committed after a moment, by its log."""
    found = []
    for line in network.log_lines(name):
        if line.get("event") == "consensus.commit":
            at = datetime.fromisoformat(line["timestamp"]).timestamp()
            if at > since:
                found.append((at, line["height"]))
    return found


def pauses(times, began, ended):
    """The longest time without a commit from `began` to `ended`."""
    stops = [began, *times, ended]
    return max(later - earlier for earlier, later in itertools.pairwise(stops))


def all_there(network, books, wanted, names, what):
    """Wait until every node has all of `wanted`.

    Raises:
        Broken: something is missing for too long.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        missing = books.missing(wanted, names)
        if not missing:
            return
        if time.monotonic() > deadline:
            raise Broken(f"{what}: promised transactions are missing: {missing}")
        time.sleep(0.2)  # between questions to real processes; the deadline ends it


def goes_on(network, names, beyond, what):
    """Wait until all of `names` are well beyond a height; the seconds that took.

    Raises:
        Broken: they are not, with where each of them stands.
    """
    began = time.monotonic()

    def gone_on():
        seen = heights(network)
        return all(seen.get(name, 0) >= beyond + HEIGHTS_TO_GO_ON for name in names)

    try:
        until(gone_on, PATIENCE_S, what)
    except AssertionError as error:
        raise Broken(f"{what}: stuck: {standing(network)}") from error
    return time.monotonic() - began


def standing(network):
    """Where every replica stands, for the one who reads a failure."""
    found = {}
    for entry in network.nodes:
        with network.client(entry.name) as client, contextlib.suppress(HansaError):
            one = client.consensus()
            found[entry.name] = (
                f"height {one.height} view {one.view} {one.phase}, prepares {one.prepares}, "
                f"commits {one.commits}, view changes {one.view_changes}"
            )
    return found


# -- one node, the primary ----------------------------------------------------------------------


def kill_primary(network, books, loader, _chance, _round):
    """Kill the primary, watch the others, start it again, see it vote."""
    t0_s = load_config(network.home / network.nodes[0].home).config.consensus.t0_ms / 1_000
    with network.client("node0") as client:
        primary = client.consensus().primary
    others = [entry.name for entry in network.nodes if entry.name != primary]
    promised = loader.promised()
    killed = network.hansa("demo", "kill", primary)
    began = time.time()
    assert killed.code == 0, killed.err
    time.sleep(WATCH_S)  # the load runs meanwhile: it is judged for this long
    ended = time.time()
    longest = {}
    for name in others:
        longest[name] = pauses([at for at, _ in commits(network, name, began)], began, ended)
    pause = max(longest.values())
    if pause > 3 * t0_s:
        raise Broken(f"{pause:.2f} s without a commit after {primary}: {standing(network)}")
    restarted = time.monotonic()
    network.start(primary)
    caught_up_s = time.monotonic() - restarted
    since = network.status(primary).height
    votes_s = sees_vote(network, primary, others[0], since)
    all_there(network, books, promised, [*others, primary], f"after {primary}")
    return {
        "primary": primary,
        "pause_s": round(pause, 3),
        "caught_up_s": round(caught_up_s, 2),
        "votes_s": round(votes_s, 2),
    }


def sees_vote(network, name, witness, since):
    """Seconds until a block's certificate holds a node's signature, as another node has it."""
    began = time.monotonic()
    checked = since

    def voted():
        nonlocal checked
        with network.client(witness) as client:
            for height in range(checked + 1, client.status().height + 1):
                certificate = client.block(height).certificate
                checked = height
                if certificate is not None and name in certificate.signers:
                    return True
        return False

    try:
        until(voted, PATIENCE_S, f"{name} votes")
    except AssertionError as error:
        raise Broken(f"{name} does not vote: {standing(network)}") from error
    return time.monotonic() - began


# -- all nodes -----------------------------------------------------------------------------------


def kill_all(network, books, loader, chance, number):
    """Kill all at a random moment, cut the logs in every second round, start all."""
    names = [entry.name for entry in network.nodes]
    time.sleep(chance.uniform(0.5, 3.0))  # the random moment of the kill
    before = max(heights(network).values())
    network.kill(*names)
    promised = loader.promised()
    cuts = {name: cut_log(network.home / name, chance) for name in names} if number % 2 else {}
    network.start()
    seconds = goes_on(network, names, max(heights(network).values()), "after the start")
    all_there(network, books, promised, names, "after the start")
    return {
        "height": before,
        "promised": len(promised),
        "cut": cuts,
        "goes_on_s": round(seconds, 2),
    }


def cut_log(home, chance):
    """Cut the last batch of a node's vote log at a random byte; what was cut, in bytes."""
    segments = sorted((home / "wal").glob("votes-*.wal"))
    content = segments[-1].read_bytes()
    start = last_batch(content)
    if start is None:
        return 0
    size = chance.randrange(start, len(content))
    os.truncate(segments[-1], size)
    return len(content) - size


def last_batch(content):
    """Where the last batch of a segment begins; None where there is none."""
    offset, found = wal._SEGMENT_BYTES, None
    while offset + wal._BATCH_BYTES <= len(content):
        length = wal._BATCH.unpack_from(content, offset)[2]
        found, offset = offset, offset + wal._BATCH_BYTES + length
    return found


# -- the campaign --------------------------------------------------------------------------------

ALONE = ("manifest", "linearisable")
KINDS = {"kill-primary": (kill_primary, LIGHT_RATE), "kill-all": (kill_all, STEADY_RATE)}


def campaign(kind, home, rounds, seed):
    """Run what is missing of a campaign; the facts of all its rounds."""
    one_round, rate = KINDS[kind]
    folder = home.parent / f"{home.name}-campaign"
    folder.mkdir(parents=True, exist_ok=True)
    diary = folder / f"{kind}.jsonl"
    facts = [json.loads(line) for line in diary.read_text().splitlines()] if diary.exists() else []
    network = DemoNetwork(home)
    network.up()
    books = Books(network)
    with Loader(network, folder / "promised", rate) as loader:
        for number in range(len(facts), rounds):
            chance = random.Random(f"{seed}/{number}")
            fact = {"round": number, **one_round(network, books, loader, chance, number)}
            facts.append(fact)
            with diary.open("a", encoding="utf-8") as file:
                file.write(json.dumps(fact) + "\n")
            sys.stdout.write(json.dumps(fact) + "\n")
            sys.stdout.flush()
    network.close()  # a broken promise leaves it standing, to be looked at
    return facts


def alone(kind, home, seed, seconds):
    """Play what has a network of its own, and say what happened; the exit code."""
    from tests.integration.manifests import linearisable_alone, manifest_fact  # they import this

    play = manifest_fact if kind == "manifest" else linearisable_alone
    try:
        fact = play(home, seed, seconds)
    except AssertionError as error:
        sys.stderr.write(f"✗ {kind} {seed}: {error}\n  its files still stand in {home}\n")
        return 1
    for at, words in fact.pop("did"):
        sys.stdout.write(f"{at:>7} s  {words}\n")
    sys.stdout.write(f"✓ {kind} {seed}: {json.dumps(fact)}\n")
    return 0


def main():
    """The command line."""
    parser = argparse.ArgumentParser(prog="scripts/campaign")
    parser.add_argument("kind", choices=[*sorted(KINDS), *ALONE])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=120, help="of what is played alone")
    chosen = parser.parse_args()
    home = chosen.home.absolute()
    if chosen.kind in ALONE:
        return alone(chosen.kind, home, chosen.seed, chosen.seconds)
    try:
        facts = campaign(chosen.kind, home, chosen.rounds, chosen.seed)
    except Broken as error:
        sys.stderr.write(f"✗ {error}\n  the network still stands in {home}\n")
        return 1
    figures = ("pause_s", "caught_up_s", "votes_s", "goes_on_s")
    worst = {key: max(f[key] for f in facts) for key in figures if facts and key in facts[0]}
    sys.stdout.write(f"✓ {chosen.kind}: {len(facts)} rounds, at most {worst}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
