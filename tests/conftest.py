"""Fixtures that every test may use."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def vectors():
    """The folder of public test vectors: skipped where absent, required when CI is true."""
    folder = Path(os.environ.get("HANSA_VECTORS", ROOT.parent / "shared" / "vectors"))
    if not folder.is_dir():
        reason = f"no public vectors at {folder}: set HANSA_VECTORS"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return folder
