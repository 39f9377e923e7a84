"""A transaction without a result was spared anew at every height: each build ran it again."""

from hansa.encoding import decode_value
from tests.simulation.chaos import Chaos

POISON = "doc-1001"
"""The first document that is registered: its call has a result nowhere."""


class Poisoned:
    """The contract `doc`, where one call takes all memory, on every machine and each time."""

    def __init__(self, contract, runs):
        self._contract, self._runs = contract, runs

    def __getattr__(self, name):
        return getattr(self._contract, name)

    def carry_out(self, which, scope, arguments):
        """The call, unless it is the poisoned one."""
        if decode_value(arguments).get("id") == POISON:
            self._runs.append(scope.height)
            raise MemoryError
        return self._contract.carry_out(which, scope, arguments)


def poison(host, runs):
    """Put the contract on a machine."""
    ledger = host.node.worker.ledger
    ledger._contracts = {**ledger._contracts, "doc": Poisoned(ledger._contracts["doc"], runs)}


def run():
    """Each node runs it in two of its builds and lets it go, whatever commits between them."""
    sim = Chaos(1, 4)
    sim.quiet = True
    runs = []
    sim.at(50, lambda: [poison(host, runs) for host in sim.hosts])
    sim.at(100, lambda: sim.register(sim.hosts[0]))
    for number in range(40):
        sim.at(101 + 25 * number, lambda: sim.register(sim.hosts[0]))
    sim.run(40_000, lambda: len(sim.chain.locations) == 40)
    assert len(sim.chain.locations) == 40
    assert 1 < len(runs) <= 2 * len(sim.hosts), runs
