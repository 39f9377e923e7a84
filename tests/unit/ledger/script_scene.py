"""A chain whose members publish and call scripts, with the sandbox of this process."""

from dataclasses import dataclass

import msgpack

from hansa.signing import verify
from ledger.contracts.script import Scripts
from ledger.execution import Ledger
from node.sandbox import SCRIPTED
from tests.unit.ledger.scene import Scene

BOSSES = ("farm/boss", "carrier/boss", "roastery/boss", "retailer/boss")


@dataclass
class ScriptScene(Scene):
    """A scene with scripts; `sandbox` is its own, None for that of this process."""

    sandbox: object = None

    def __post_init__(self):
        super().__post_init__()
        self.ledger = Ledger.open(self.store, verify, self.contracts())

    def contracts(self):
        """The contracts of this replica."""
        if self.sandbox is None:
            return SCRIPTED
        return {**SCRIPTED, "script": Scripts(self.sandbox)}

    def version(self, name):
        """The version of a script's record."""
        return self.head(name)["version"]

    def head(self, name):
        """A script's record."""
        return self.value(f"script/name/{name}")

    def value(self, key):
        """What stands under a state key."""
        stored = self.ledger.get_state(key.encode())
        return None if stored is None else msgpack.unpackb(stored)

    def vote(self, name, *voters):
        """Approve what is put to the vote: the last answer."""
        answer = None
        for boss in voters or BOSSES[1:3]:
            args = {"name": name, "version": self.version(name)}
            answer = self.ok("script", "approve", args, boss)
        return answer

    def publish(self, source, name="s"):
        """Propose a script and approve it."""
        self.ok("script", "propose", {"name": name, "source": source}, BOSSES[0])
        assert self.vote(name)["state"] == "passed"

    def run(self, function, name="s", signer="farm/app", **args):
        """Call a function: the receipt."""
        return self.call(
            "script", "call", {"name": name, "function": function, "args": args}, signer
        )

    def result(self, function, **args):
        """Call a function that returns: its value."""
        receipt = self.run(function, **args)
        assert receipt.code == "OK", (receipt.code, receipt.error_fields())
        return receipt.calls[0].value()["result"]
