"""Fixtures that every test may use."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
MEASURED = (ROOT / "tests" / "unit", ROOT / "tests" / "property")

settings.register_profile("hansa", deadline=None, print_blob=True)  # a loaded machine is no bug
settings.load_profile("hansa")


def pytest_collection_modifyitems(items):
    """Mark the fast tests of the pure parts: under branch coverage they take minutes as it is."""
    for item in items:
        in_folder = any(item.path.is_relative_to(folder) for folder in MEASURED)
        if in_folder and item.get_closest_marker("slow") is None:
            item.add_marker(pytest.mark.measured)


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
