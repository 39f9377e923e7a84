"""Programs of other makers that a few tests compare ours with."""

import os
import shutil
import subprocess
from functools import cache

import pytest

INSTALL_S_MAX = 300


@cache
def _found(program, package):
    """Where a program is, installed first where it must not be missing; None elsewhere."""
    found = shutil.which(program)
    if found is None and os.environ.get("CI") == "true" and os.geteuid() == 0:
        for words in (["update"], ["install", "--yes", "--no-install-recommends", package]):
            subprocess.run(["apt-get", "--quiet", *words], check=False, timeout=INSTALL_S_MAX)
        found = shutil.which(program)
    return found


def required(program, package, purpose):
    """The path of a program: the test is skipped where it is absent, and fails when CI is true."""
    found = _found(program, package)
    if found is None:
        reason = f"{program} is not installed: {purpose}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found
