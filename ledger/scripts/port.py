"""What the ledger asks of whoever runs a script: a process of its own, in a node.

The promise: a run gives the values and counts of docs/spec/script.md, or a refusal that every
run gives alike, or `NoAnswer`, and then nothing is known.
"""

from dataclasses import dataclass
from typing import Protocol

from hansa.encoding import Value


class NoAnswer(MemoryError):  # noqa: N818 - it names an outcome
    """The sandbox was killed, ran out of memory or out of time, or is not there.

    A `MemoryError`, because the executor makes *no result* of those and never a receipt
    (docs/spec/ledger.md, 4.5): a builder leaves the transaction out, others refuse the block.
    """


@dataclass(frozen=True, slots=True)
class Job:
    """One call of a script.

    Attributes:
        program: the rewritten text; it fixes everything about the script.
        function: the name of a public function.
        arguments: by the names of its parameters.
        facts: ``caller``, ``height``, ``signers``, ``subject`` and ``time``.
    """

    program: str
    function: str
    arguments: dict[str, Value]
    facts: dict[str, Value]


@dataclass(frozen=True, slots=True)
class Done:
    """A function returned.

    Attributes:
        value: what it returned, not yet checked by anybody but the sandbox.
        steps: counted.
        size: units counted.
    """

    value: Value
    steps: int
    size: int


class Host(Protocol):
    """What a script asks while it runs."""

    def answer(self, question: str, values: list[Value]) -> Value:
        """The answer to ``get``, ``put``, ``delete``, ``keys`` or ``event``.

        Raises:
            Refused: the call ends with it.
        """
        ...


class Sandbox(Protocol):
    """Runs scripts apart from the node."""

    def run(self, job: Job, host: Host) -> Done:
        """Run one call to its end.

        Raises:
            Refused: ``LIMIT`` by a count, ``RULE`` and others by the script or by its error, or
                what the host said.
            NoAnswer: nothing is known about the call.
        """
        ...
