"""A plugin for runs that only ask whether a test fails: quick, and kind to the machine."""

import resource
import signal

from hypothesis import Phase, settings

MEMORY_BYTES_MAX = 4 * 1024**3
"""A mistake that gathers without end must not take the machine's memory."""
COLLECT_S_MAX = 45
"""A mistake may hang where tests are collected, which no test's own limit covers; usually 1 s."""


def pytest_configure():
    """Limit memory, and look for no smallest example: the project's profile is loaded by now."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    signal.alarm(COLLECT_S_MAX)
    phases = (Phase.explicit, Phase.generate)
    settings.register_profile("hurry", settings.get_profile("hansa"), phases=phases)
    settings.load_profile("hurry")


def pytest_collection_finish():
    """From here on each test has its own limit."""
    signal.alarm(0)
