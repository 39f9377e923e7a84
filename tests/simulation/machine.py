"""What a machine itself does to a node: memory, an address, a home that two processes want.

The promise: memory runs out inside of a call of a contract, where the product must know what to
do; the home's lock is the product's own, on real files; an address that changed is found again
by each peer at a time of its own.
"""

from functools import cache, partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from hansa.errors import Unavailable
from hansa.receipt import decode_receipt
from node.events import PeerDown, PeerUp
from storage.lock import HomeLock

CONTRACT = "doc"
"""What the clients of these worlds call most."""


class Starved:
    """A contract on a machine whose memory may run out."""

    def __init__(self, contract, host):
        self._contract, self._host = contract, host

    def __getattr__(self, name):
        return getattr(self._contract, name)

    def carry_out(self, *arguments):
        """The call, unless memory runs out in it."""
        if self._host.hungry:
            self._host.hungry, self._host.starved = False, True
            raise MemoryError
        return self._contract.carry_out(*arguments)


def starve(host):
    """A process has started: its contracts stand on this machine's memory."""
    ledger = host.node.worker.ledger
    contracts = dict(ledger._contracts)
    contracts[CONTRACT] = Starved(contracts[CONTRACT], host)
    ledger._contracts = contracts


def check_starved(host):
    """A job in which memory ran out is over: no block that it made says what came of the call."""
    host.starved = False
    for staged in host.node.worker._staged.values():
        for packed in staged.receipts:
            code = decode_receipt(packed).code
            assert code != "FAULT", f"{host.name} makes a receipt of a call that had no memory"


@cache
def refuses_a_second():
    """A home that is in use is refused to a second process."""
    with TemporaryDirectory(prefix="hansa-home-") as home, HomeLock(Path(home)):
        try:
            HomeLock(Path(home)).close()
        except Unavailable as error:
            assert error.code == "home.in-use"  # noqa: PT017 - a world, no test
        else:
            raise AssertionError("two processes have one home")


# -- faults of the swarm --------------------------------------------------------------------------


def at_random(sim, ends, action, times=1, begins=0):
    """Do something at random moments, unless the world is quiet by then."""
    for _ in range(times):
        when = begins + sim.chance.randrange(max(ends - begins, 1))
        sim.at(when, lambda: None if sim.quiet else action())


def kill(sim, host, name, keep):
    """End a process, if it runs."""
    if host.node is not None:
        sim.see("crash " + name)
        sim.kill(host, keep)


def moves(sim, name, ends):
    """A node's address changes: each of the others finds it again at a time of its own."""
    numbers = count()

    def move():
        host, label = sim.chance.choice(sim.hosts), f"{name} {next(numbers)}"
        if host.node is None:
            return
        sim.see("network " + name)
        lost = sim.network.partitions[label] = set()
        for other in sim.hosts:
            if other.name != host.name:
                sim.network.reset((host.index, other.index))
                lost |= {(host.index, other.index), (other.index, host.index)}
                _tell_both(sim, host, other, PeerDown)
                found = min(sim.time + sim.chance.randrange(50, 6_000), ends - 1)
                sim.at(max(found, sim.time), partial(find, host, other, lost))

    def find(host, other, lost):
        lost -= {(host.index, other.index), (other.index, host.index)}
        _tell_both(sim, host, other, PeerUp)

    at_random(sim, ends, move, 2)


def _tell_both(sim, one, other, event):
    """Both ends of a connection notice the same, if both are there."""
    if one.node is None or other.node is None:
        return
    for here, there in ((one, other), (other, one)):
        here.node.driver.feed(event(there.name))
        sim.at(sim.time, lambda h=here: sim.turn(h), here)


def second_process(sim, name, ends):
    """Somebody starts a node whose home is in use; refused, they kill the first and try again."""

    def start():
        host = sim.chance.choice(sim.hosts)
        if host.node is None:
            return
        refuses_a_second()
        sim.see("disk " + name)
        if sim.chance.random() < 0.5:
            kill(sim, host, "single", "kept")
            sim.boot(host.index)

    at_random(sim, ends, start, 2)


def short_of_memory(sim, name, ends):
    """Memory runs out in a call of a contract, at most once on each machine."""

    def order(host):
        host.hungry = True
        sim.see("machine " + name)

    for host in sim.chance.sample(sim.hosts, 1 + sim.chance.randrange(len(sim.hosts))):
        at_random(sim, ends, lambda h=host: order(h))


MACHINES = {
    "address change": moves,
    "home in use": second_process,
    "short of memory": short_of_memory,
}
