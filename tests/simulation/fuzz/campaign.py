"""Running a fuzz target: so many seconds or executions, each with a seed of its own.

The promise: execution k of seed N does the same thing every time, alone or after others; a
finding names both.
"""

import random
import time
from dataclasses import dataclass, field

from tests.simulation.fuzz.decoders import Decoders
from tests.simulation.fuzz.frames import Frames
from tests.simulation.fuzz.live import Live
from tests.simulation.fuzz.logs import Logs
from tests.simulation.fuzz.servers import Servers

TARGETS = {
    "decoders": Decoders,
    "frames": Frames,
    "wal": Logs,
    "sync": Servers,
    "live": Live,
}
FINDINGS_MAX = 10
"""After so many a campaign ends: most of them are one bug."""


@dataclass
class Report:
    """What a campaign did.

    Attributes:
        accepted: executions whose input was taken (or, for `live`, reached a correct node): where
            there are none, or only such, the mutations are of no use.
        findings: (number of the execution, what is wrong).
    """

    executions: int = 0
    accepted: int = 0
    seconds: float = 0.0
    findings: list = field(default_factory=list)


def execute(target, seed, number):
    """One execution; raises whatever it found."""
    return target.one(random.Random(f"fuzz {seed}/{number}"))


def campaign(target, seed, *, seconds=float("inf"), executions=None):
    """Run a target until one of the limits is met."""
    report, began = Report(), time.monotonic()
    while executions is None or report.executions < executions:
        report.seconds = time.monotonic() - began
        if report.seconds >= seconds or len(report.findings) == FINDINGS_MAX:
            break
        number = report.executions
        report.executions += 1
        try:
            report.accepted += bool(execute(target, seed, number))
        except Exception as error:  # noqa: BLE001 - whatever escapes is a finding
            report.findings.append((number, f"{type(error).__name__}: {error}"))
    report.seconds = time.monotonic() - began
    return report
