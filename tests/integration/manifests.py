"""Random manifests: a network of real processes, a load, and faults, all decided by one seed.

The promise: the same seed gives the same plan (what happens meanwhile is up to the machine).
When the plan has been played and all is mended, every node goes on, has every transaction that
any of them promised, none twice, and the same blocks as all others; nobody left a traceback.
"""

import random
import shutil
import sys
import time
from dataclasses import dataclass

from hansa.errors import HansaError
from node.network import NETWORK_FILE
from tests.integration.campaign import (
    LIGHT_RATE,
    Books,
    Broken,
    Loader,
    all_there,
    commits,
    goes_on,
    heights,
    pauses,
)
from tests.integration.nemesis import Nemesis
from tests.integration.network import DemoNetwork
from tests.integration.proxy import Proxy
from tests.integration.register_and_set import linearisable_fact

FAULTS = (
    "kill", "kill", "kill_all", "pause", "delay", "drop", "half_open", "throttle", "clock",
    "fill_disk", "cut_store",
)  # fmt: skip
REST_S = (1.0, 4.0)
"""Between two faults: time to heal, or not quite."""


@dataclass(frozen=True)
class Step:
    """A fault of a plan: which, for how many seconds, after which rest."""

    fault: str
    seconds: float
    rest_s: float


@dataclass(frozen=True)
class Manifest:
    """What a seed says: which node gets which gifts, how much load, which faults."""

    seed: int
    rate: int
    clocks: tuple
    disk: str
    steps: tuple


def plan(seed, seconds, faults=FAULTS):
    """The manifest of a seed."""
    chance = random.Random(f"manifest {seed}")
    names = [f"node{index}" for index in range(4)]
    steps, length = [], 0.0
    while True:
        fault = chance.choice(faults)
        one = Step(
            fault,
            10.0 if fault == "pause" else chance.uniform(3.0, 12.0),
            chance.uniform(*REST_S),
        )
        length += one.seconds + one.rest_s
        if steps and length > seconds:
            break
        steps.append(one)
    clocks = tuple(sorted(chance.sample(names, chance.randrange(1, 3))))
    disk = chance.choice([name for name in names if name not in clocks])
    return Manifest(seed, chance.choice((LIGHT_RATE, 2 * LIGHT_RATE)), clocks, disk, tuple(steps))


def prepare(network, manifest, nemesis):
    """Stop the network, give some nodes what their faults need, and start it behind proxies."""
    stopped = network.hansa("demo", "stop")
    assert stopped.code == 0, stopped.err
    wanted = {step.fault for step in manifest.steps}
    for name in nemesis.names:
        config = network.home / name / "config.toml"
        config.write_text(nemesis.proxy.rewrite(name, config.read_text()))
    if "clock" in wanted and not all(map(nemesis.give_clock, manifest.clocks)):
        nemesis.tell("no clock step here: no C compiler")
    if "fill_disk" in wanted and not nemesis.give_small_disk(manifest.disk):
        nemesis.tell("no full disk here: only root may mount a small one")
    nemesis.start(*nemesis.names)


def restore(network, proxy):
    """Take the proxies out of the configurations."""
    for entry in network.nodes:
        config = network.home / entry.name / "config.toml"
        text = config.read_text()
        for (dialler, _), link in proxy.links.items():
            if dialler == entry.name:
                text = text.replace(f"127.0.0.1:{link.port}", f"127.0.0.1:{link.target}")
        config.write_text(text)


def play(network, manifest, promised):
    """Play a manifest on a network that runs; what was done and how it ended.

    Raises:
        Broken: a promise of the network was broken.
    """
    ports = {entry.name: int(entry.p2p.rpartition(":")[2]) for entry in network.nodes}
    with Proxy(ports) as proxy:
        nemesis = Nemesis(network, random.Random(f"nemesis {manifest.seed}"), proxy)
        try:
            prepare(network, manifest, nemesis)
            return _played(network, manifest, nemesis, promised)
        except (AssertionError, HansaError) as error:
            raise Broken(f"{error}; what was done: {nemesis.told}") from error
        finally:
            proxy.mend()
            network.close()
            nemesis.close()
            restore(network, proxy)


def _played(network, manifest, nemesis, promised):
    books, began, skipped = Books(network), time.time(), []
    with Loader(network, promised, manifest.rate) as loader:
        for step in manifest.steps:
            if step.fault in nemesis.available():
                getattr(nemesis, step.fault)(step.seconds)
            else:
                skipped.append(step.fault)
            time.sleep(step.rest_s)  # between faults
        nemesis.proxy.mend()
        high = max(heights(network).values())
        back_s = goes_on(network, nemesis.names, high, f"manifest {manifest.seed}")
        wanted = loader.promised()
    all_there(network, books, wanted, nemesis.names, f"manifest {manifest.seed}")
    for name in nemesis.names:
        books.read(name)
        if "Traceback" in network.log(name):
            raise Broken(f"{name} left a traceback: {network.home / name / 'logs'}")
    times = committed(network, nemesis.names, began)
    return {
        "seed": manifest.seed,
        "did": nemesis.told,
        "skipped": skipped,
        "promised": len(wanted),
        "height": max(heights(network).values()),
        "longest_pause_s": round(pauses(times, began, time.time()), 1),
        "goes_on_s": round(back_s, 2),
        "bytes_through_proxies": sum(link.passed for link in nemesis.proxy.links.values()),
    }


def committed(network, names, since):
    """When the first of all nodes committed each height, by their logs: seconds since 1970."""
    first = {}
    for name in names:
        for at, height in commits(network, name, since):
            first[height] = min(at, first.get(height, at))
    return sorted(first.values())


def empty_network(home):
    """A network of its own in `home`, whatever was there; not started yet.

    Raises:
        Broken: `home` holds something else.
    """
    if home.exists() and any(home.iterdir()) and not (home / NETWORK_FILE).exists():
        raise Broken(f"{home} holds no network: choose an empty directory")
    shutil.rmtree(home, ignore_errors=True)
    home.parent.mkdir(parents=True, exist_ok=True)
    return DemoNetwork(home)


def manifest_fact(home, seed, seconds):
    """Play the manifest of a seed on a network of its own in `home`."""
    manifest, network = plan(seed, seconds), empty_network(home)
    sys.stdout.write(f"manifest {seed}: " + ", ".join(s.fault for s in manifest.steps) + "\n")
    sys.stdout.flush()
    promised = home.parent / f"{home.name}.promised"
    promised.unlink(missing_ok=True)
    try:
        network.up()
        return play(network, manifest, promised)
    finally:
        network.close()


def linearisable_alone(home, seed, seconds):
    """Clients of a register and a set, and faults of a seed, on a network of its own."""
    network = empty_network(home)
    chance = random.Random(f"linearisable {seed}")
    faults = [chance.choice(("kill", "pause", "kill_all")) for _ in range(int(seconds // 15) or 1)]
    try:
        return linearisable_fact(network.up(), seed, seconds, faults)
    finally:
        network.close()
