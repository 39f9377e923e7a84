"""What goes wrong in a run of `tests/simulation/chaos.py`: a few kinds of faults, much of each.

The promise: the seed chooses; every fault that acts is counted by its name; none begins once
the world is quiet, and all of them keep to the fault bound through `Chaos.allowance`.
"""

from node.events import PeerDown, PeerUp
from tests.simulation.crash_points import CrashPlan
from tests.simulation.disk import DAMAGES
from tests.simulation.faults import PARTITIONS, WORDS, between
from tests.simulation.machine import MACHINES, at_random, kill

ENDS_MS = (12_000, 20_000, 30_000)
"""How long things go wrong."""
PAUSE_MS_MAX = 12_000


def swarm(sim):
    """Arrange the faults of a run; returns when they end."""
    chance = sim.chance
    ends = chance.choice(ENDS_MS)
    if sim.size > 7:
        ends = 10_000
    traffic(sim, ends)
    if chance.random() < 0.5:
        twins(sim, ends)
    if chance.random() < 0.6:
        membership(sim, ends)
    if chance.random() < 0.8:
        sim.crashes = CrashPlan(chance)
    if chance.random() < 0.8:
        for name in chance.sample(sorted(CUTS), chance.choice((1, 1, 2, 3))):
            CUTS[name](sim, name, ends)
    for kinds, often in SHARES:
        if chance.random() < often:
            some(sim, kinds, ends)
    if chance.random() < 0.35:
        damage(sim, ends)
    return ends


def some(sim, kinds, ends):
    """One to three kinds of faults of a sort."""
    count = min(len(kinds), sim.chance.choice((1, 2, 3)))
    for name in sim.chance.sample(sorted(kinds), count):
        kinds[name](sim, name, ends)


def traffic(sim, ends):
    """Clients register documents at random hosts."""
    for _ in range(sim.chance.choice((6, 12, 20))):
        at_random(sim, ends, lambda: sim.register(sim.chance.choice(sim.hosts)))


# -- who takes part -------------------------------------------------------------------------------


def twins(sim, ends):
    """Up to f validators run twice; now and then each of the two sees others."""
    chance, most = sim.chance, sim.allowance()
    if most < 1:
        return
    chosen = chance.sample(range(sim.size), 1 + chance.randrange(most))
    pairs = []
    for index in chosen:
        sim.distrust(sim.hosts[index].name)
        pairs.append((sim.hosts[index], sim.add_machine(sim.hosts[index].name, faulty=True)))
        sim.see("twins")
    inside = {host.index for pair in pairs for host in pair}

    def part():
        if sim.quiet:
            return
        group = [place for place in sim.places if chance.random() < 0.5]
        cut = set()
        if chance.random() < 0.8:
            for one, other in pairs:
                left = set(group) - inside
                right = set(sim.places) - set(group) - inside
                cut |= {link for p in right for link in ((one.index, p), (p, one.index))}
                cut |= {link for p in left for link in ((other.index, p), (p, other.index))}
            if chance.random() < 0.5:
                cut |= between(set(group) - inside, [p for p in sim.places if p not in inside])
        sim.network.partitions["twins"] = cut
        for one, other in pairs:
            for host in (one, other):
                sim.register(host)
        sim.at(sim.time + chance.randrange(500, 4_000), part)

    sim.at(0, part)


def membership(sim, ends):
    """Validators come, go and pause by ballots of the members."""
    chance, council = sim.chance, sim.council
    wishes, size = [], sim.size
    for number in range(chance.choice((1, 2, 3))):
        kind = chance.choice(("add", "remove", "suspend"))
        member = chance.choice(sim.members)
        if kind == "add":
            wishes.append(("add", f"n{sim.size + number:02}", member))
            size += 1
        elif kind == "remove" and size > 4:
            gone = f"n{chance.randrange(sim.size):02}"
            wishes.append(("remove", gone))
            size -= 1
        elif kind == "suspend" and not council.suspended:
            wishes += [("suspend", member), ("resume", member)][: chance.choice((1, 2))]
            if chance.random() < 0.5:
                break
    council.wishes = wishes
    if sim.allowance() < 0:
        council.wishes = [wish for wish in wishes if wish[0] != "remove"]
    sim.at(chance.randrange(1 + ends // 3), council.step)


# -- links ----------------------------------------------------------------------------------------


def _cut(sim, name, links, lasts):
    """Cut links for a while; an empty cut is none."""
    if links:
        sim.met["partition"] = True
        sim.see("network " + name)
        sim.network.partitions[name] = links
        sim.at(sim.time + lasts, lambda: sim.network.partitions.pop(name, None))


def partition(sim, name, ends):
    """One of `PARTITIONS`, once to three times."""

    def begin():
        links = PARTITIONS[name](sim.places, sim.chance)
        _cut(sim, name, links, 500 + sim.chance.randrange(10_000))

    at_random(sim, ends, begin, sim.chance.choice((1, 2, 3)))


def flapping(sim, name, ends):
    """Two halves come apart and together every 0.5 to 5 s."""

    def flap():
        if not sim.quiet:
            lasts = sim.chance.randrange(500, 5_000)
            _cut(sim, name, PARTITIONS["halves"](sim.places, sim.chance), lasts // 2)
            sim.at(sim.time + lasts, flap)

    sim.at(sim.chance.randrange(ends), flap)


def at_a_phase(sim, name, ends):
    """A partition exactly when a certain message is said for a certain time."""
    state = {"word": None, "left": 0}

    def set_trap():
        word = sim.chance.choice(WORDS[:-1])
        state.update(word=word, left=1 + sim.chance.randrange(sim.size + 1))

        def trap(said):
            if said != state["word"] or sim.quiet:
                return
            state["left"] -= 1
            if state["left"] == 0:
                pattern = sim.chance.choice(sorted(PARTITIONS))
                links = PARTITIONS[pattern](sim.places, sim.chance)
                _cut(sim, f"partition after {said}", links, sim.chance.randrange(200, 6_000))

        sim.trap = trap

    at_random(sim, ends, set_trap, 3)


def lossy(sim, name, ends):
    """A share of everything is lost."""
    sim.network.loss = sim.chance.choice((0.02, 0.1, 0.3, 0.4))
    sim.see("network " + name)


def lossy_word(sim, name, ends):
    """Nearly all messages of one kind are lost for some seconds."""

    def begin():
        word = sim.chance.choice(WORDS)
        sim.see(f"network loss of {word}")
        sim.network.loss_of[word] = 0.9
        sim.at(sim.time + 3_000 + sim.chance.randrange(6_000), sim.network.loss_of.clear)

    at_random(sim, ends, begin, 2)


def heavy_tail(sim, name, ends):
    """Some messages take up to 5 s."""
    sim.network.heavy, sim.network.is_ordered = sim.chance.choice((0.02, 0.1, 0.3)), False
    sim.see("network " + name)


def disorder(sim, name, ends):
    """Messages overtake each other and come twice."""
    sim.network.duplicates = sim.chance.choice((0.1, 0.5))
    sim.network.heavy, sim.network.is_ordered = 0.02, False
    sim.see("network " + name)


def clog(sim, name, ends):
    """Links hold everything back and then give it all at once."""

    def begin():
        until = sim.time + sim.chance.randrange(300, 5_000)
        for a in sim.places:
            for b in sim.places:
                if sim.chance.random() < 0.4:
                    sim.network.clogged[a, b] = until
        sim.see("network " + name)

    at_random(sim, ends, begin, 3)


def narrow(sim, name, ends):
    """Links carry few bytes a second."""
    sim.network.capacity = sim.chance.choice((2, 10, 50))
    sim.see("network " + name)


def resets(sim, name, ends):
    """Connections break: what was on the way is lost, both ends are told."""

    def reset():
        one, other = sim.chance.sample(sim.hosts, 2)
        if one.name == other.name or one.node is None or other.node is None:
            return
        sim.network.reset((one.index, other.index))
        for here, there in ((one, other), (other, one)):
            here.node.driver.feed(PeerDown(there.name))
            here.node.driver.feed(PeerUp(there.name))
            sim.at(sim.time, lambda h=here: sim.turn(h), here)
        sim.see("network " + name)

    at_random(sim, ends, reset, 12)


def slow_reader(sim, name, ends):
    """One host needs long for every message; what its queue cannot hold is dropped."""
    place = sim.chance.choice(sim.places)
    sim.network.readers[place] = sim.chance.choice((5, 30, 100))
    sim.see("network " + name)


def kept_apart(sim, name, ends):
    """A scheduler that gives votes to one favourite first, and late to all others."""

    def begin():
        sim.network.apart = True
        sim.see("network " + name)

    at_random(sim, ends // 2, begin)


CUTS = {**dict.fromkeys(PARTITIONS, partition), "flapping": flapping, "at a phase": at_a_phase}
LINKS = {
    "loss": lossy,
    "loss of one kind": lossy_word,
    "heavy tail": heavy_tail,
    "disorder": disorder,
    "clog": clog,
    "narrow links": narrow,
    "connection resets": resets,
    "slow reader": slow_reader,
    "kept apart": kept_apart,
}


# -- clocks ---------------------------------------------------------------------------------------


def _wrong_clocks(sim):
    """As many validators as may be wrong."""
    most = max((sim.size - 1) // 3, 1)
    return sim.chance.sample(sim.hosts[: sim.size], 1 + sim.chance.randrange(most))


def skew(sim, name, ends):
    """All clocks are off by a little, some by up to a minute."""
    for host in sim.hosts:
        host.clock.ahead_ms = sim.chance.randrange(-2_000, 2_001)
    for host in _wrong_clocks(sim):
        host.clock.ahead_ms = sim.chance.randrange(-60_000, 60_001)
    sim.see("clock " + name)


def step(sim, name, ends):
    """A wall clock jumps by up to ten minutes."""

    def jump(host):
        host.clock.ahead_ms = sim.chance.choice((-600_000, -30_000, 30_000, 600_000))
        sim.see("clock " + name)

    for host in _wrong_clocks(sim):
        at_random(sim, ends, lambda h=host: jump(h), 2)


def rate(sim, name, ends):
    """Timers run at half to double speed."""
    for host in sim.hosts:
        host.clock.run_at(sim.chance.choice((50, 80, 100, 125, 200)), sim.time)
    sim.see("clock " + name)


def _freeze(sim, name, ends, longest):
    """A process stands still; its processed time counts only 0.25 s of it."""
    host = sim.chance.choice(sim.hosts)
    lasts = min(sim.chance.randrange(1_000, longest), ends - sim.time)
    if host.node is None or lasts < 500:
        return
    due = sim.time if host.wake is None else sim.due(host, host.wake)
    host.frozen_until = sim.time + lasts
    host.clock.lose(max(0, lasts - max(due - sim.time, 0) - 250) * host.clock.rate // 100)
    sim.see("clock " + name)


def pause(sim, name, ends):
    """SIGSTOP and SIGCONT."""
    at_random(sim, ends, lambda: _freeze(sim, name, ends, PAUSE_MS_MAX), 3)


def stall(sim, name, ends):
    """The event loop is held up."""
    at_random(sim, ends, lambda: _freeze(sim, name, ends, 5_000), 6)


CLOCKS = {"skew": skew, "step": step, "rate": rate, "pause": pause, "stall": stall}


# -- crashes --------------------------------------------------------------------------------------


def _keep(sim):
    return sim.chance.choice(("kept", "lost", "torn", "zeros", "holes"))


def single(sim, name, ends):
    """One process at a time."""
    at_random(sim, ends, lambda: kill(sim, sim.chance.choice(sim.hosts), name, _keep(sim)), 4)


def everybody(sim, name, ends):
    """The power fails for all at once."""

    def kill_all():
        keep = _keep(sim)
        for host in sim.hosts:
            kill(sim, host, name, keep)

    at_random(sim, ends, kill_all, sim.chance.choice((1, 1, 2)), ends // 4)


def rolling(sim, name, ends):
    """One after the other, a second or two apart."""
    start, gap = sim.chance.randrange(ends // 2), 500 + sim.chance.randrange(2_000)
    for number, host in enumerate(list(sim.hosts)):
        when = start + number * gap
        if when < ends:
            sim.at(when, lambda h=host: None if sim.quiet else kill(sim, h, name, "kept"))


CRASHES = {"single": single, "everybody": everybody, "rolling": rolling}


# -- disks ----------------------------------------------------------------------------------------


def failing(sim, name, ends):
    """An operation of a disk fails once: the process must end and try nothing again."""
    operation, kind = {
        "fsync error": ("sync", "eio"),
        "disk full": ("append", "enospc"),
        "short write": ("append", "short"),
        "read error": ("read", "eio"),
        "replace fails": ("replace", "enospc"),
    }[name]

    def order():
        host = sim.chance.choice(sim.hosts)
        host.files.fail(operation, kind, sim.chance.randrange(3))
        sim.see("disk " + name)
        if operation in {"read", "replace"}:
            kill(sim, host, "single", "kept")
            host.files.fail(operation, kind, sim.chance.randrange(3))

    at_random(sim, ends, order, 3)


def failing_store(sim, name, ends):
    """A read or a batch of the store fails once."""

    def order():
        host = sim.chance.choice(sim.hosts)
        operation = sim.chance.choice(("read", "write"))
        host.store.fails_in[operation] = sim.chance.randrange(20 if operation == "read" else 2)
        sim.see(f"disk {name} {operation}")

    at_random(sim, ends, order, 3)


def slow_disk(sim, name, ends):
    """Every sync takes 50 ms up to seconds."""
    for host in sim.chance.sample(sim.hosts, 1 + sim.chance.randrange(len(sim.hosts))):
        sim.slow_disks[host.index] = sim.chance.choice((100, 500, 5_000))
    sim.see("disk " + name)


def damage(sim, ends):
    """A disk loses what it promised, while its process is down; backups are older."""
    middles = [name for name in sorted(DAMAGES) if name.endswith("middle")]
    kinds = [*sim.chance.sample(sorted(DAMAGES), 4), sim.chance.choice(middles)]

    def copy():
        for host in sim.hosts:
            sim.back_up(host)

    def break_one():
        host = sim.chance.choice(sim.hosts)
        kill(sim, host, "single", _keep(sim))
        if host.node is None:
            sim.damage(host, sim.chance.choice(kinds))
            if sim.chance.random() < 0.5:
                sim.boot(host.index)  # at once: others may still be where it was

    at_random(sim, ends, copy, 2)
    at_random(sim, ends, break_one, 5)


DISKS = {
    **dict.fromkeys(
        ("fsync error", "disk full", "short write", "read error", "replace fails"), failing
    ),
    "store": failing_store,
    "slow fsync": slow_disk,
}

SHARES = ((LINKS, 0.6), (CLOCKS, 0.4), (CRASHES, 0.7), (DISKS, 0.6), (MACHINES, 0.4))
"""Sorts of faults, and in which share of the runs there are any of it."""
