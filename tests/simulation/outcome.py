"""What a run of any generator tells whoever counts runs.

A generator is a module with ``run(seed, size, story=None) -> Outcome``. It raises
AssertionError where a promise is broken; `story` takes lines for people.
"""

from dataclasses import dataclass

MET = ("view-change", "crash", "partition", "lie")
"""What a campaign must have met often enough to have teeth."""


@dataclass(frozen=True)
class Outcome:
    """One run.

    Attributes:
        digest: of everything that was said and decided: the same seed gives the same one.
        simulated_ms: how long the cluster lived.
        met: which of `MET` the run met; a lie counts when a correct node received it.
        seen: names of strategies, faults and branches of the protocol that it met, in order.
    """

    digest: str
    simulated_ms: int
    met: frozenset
    seen: tuple
