"""What does not belong into the project: loose ends, other people's machines, drawers."""

import re

from tests.tidy.tree import PACKAGES, ROOT, name_of, text_files

LOOSE_ENDS = re.compile(
    r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK")) + r")\b"
)
MACHINE = re.compile(r"(?<![\w.])/(?:home|root|Users|work|mnt|opt/venv)/[a-z]")
"""Absolute paths that exist on one machine only."""
EXAMPLE_PATHS = ("/home/user",)
REGISTRY = re.compile(
    r"(?:--index-url|--extra-index-url|index-url\s*=|files\.pythonhosted|/simple/?\b)"
)
"""Addresses of a package registry: they would pin everyone to the one of whoever wrote them."""
DRAWERS = {"utils", "common", "helpers", "core", "misc"}
DRAWER_FILES = {"utils.py", "common.py", "helpers.py", "types.py", "constants.py", "misc.py"}
MAY_HOLD_TYPES = {"sdk/src/hansa/client/types.py"}
"""The replies of the API: one file, since the OpenAPI page is made from it."""


def lines_with(pattern):
    return [
        f"{name_of(path)}:{number}: {line.strip()[:80]}"
        for path in text_files()
        if path.name not in {"test_words.py", "LICENSE"}
        for number, line in enumerate(
            path.read_text(encoding="utf-8", errors="replace").splitlines(), 1
        )
        if pattern.search(line)
    ]


def test_there_are_no_loose_ends():
    assert lines_with(LOOSE_ENDS) == []


def test_no_path_of_one_machine_stands_in_the_project():
    found = [line for line in lines_with(MACHINE) if not any(p in line for p in EXAMPLE_PATHS)]

    assert found == []


def test_no_registry_address_stands_in_the_project():
    assert lines_with(REGISTRY) == []


def test_no_lock_file_of_another_tool_is_kept():
    assert not (ROOT / "uv.lock").exists() or "uv.lock" in (ROOT / ".gitignore").read_text()


def test_constraints_name_versions_and_nothing_else():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()

    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][\w.]*", line)] == []


def test_there_are_no_drawers():
    found = [
        name_of(path)
        for folder in PACKAGES.values()
        for path in folder.rglob("*")
        if path.name in DRAWERS | DRAWER_FILES and name_of(path) not in MAY_HOLD_TYPES
    ]

    assert found == []
