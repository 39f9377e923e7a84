"""The project's own source files, read and parsed once for all tidy tests."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "hansa": ROOT / "sdk" / "src" / "hansa",
    "consensus": ROOT / "consensus",
    "ledger": ROOT / "ledger",
    "p2p": ROOT / "p2p",
    "storage": ROOT / "storage",
    "node": ROOT / "node",
}
"""Import name to folder, of everything that is shipped."""
TEXT_SUFFIXES = {".py", ".pyi", ".md", ".toml", ".txt", ".json", ".jsonld", ".cfg", ".html", ".js"}
TEXT_SUFFIXES |= {".css", ".mjs", ".service", ".yml", ".yaml", ""}
GENERATED = {".git", ".venv", "__pycache__", ".hypothesis", "dist", "build"}
"""Folders that no commit holds."""


def modules(*packages):
    """The Python files of some packages, or of all, in order."""
    folders = [PACKAGES[name] for name in packages or PACKAGES]
    return [path for folder in folders for path in sorted(folder.rglob("*.py"))]


def python_files():
    """Every Python file of the project: what is shipped, and its tests."""
    return modules() + sorted((ROOT / "tests").rglob("*.py"))


def text_files():
    """Every file of the project that people read."""
    return [
        path
        for path in sorted(ROOT.rglob("*"))
        if path.is_file()
        and path.suffix in TEXT_SUFFIXES
        and not _is_generated(path.relative_to(ROOT).parts)
    ]


def _is_generated(parts):
    return any(
        part in GENERATED
        or part.endswith(("_cache", ".egg-info"))
        or part.startswith((".venv", ".coverage"))
        for part in parts
    )


@cache
def parsed(path):
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def name_of(path):
    """A file as people name it: its path from the project's root."""
    return path.relative_to(ROOT).as_posix()


def module_of(path):
    """A module's dotted name, from its file."""
    for package, folder in PACKAGES.items():
        if path.is_relative_to(folder):
            parts = [package, *path.relative_to(folder).with_suffix("").parts]
            return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    raise AssertionError(path)


def called(node):
    """The bare name of what a call calls: ``f`` of ``f()`` and of ``a.f()``."""
    function = node.func
    if isinstance(function, ast.Name):
        return function.id
    return function.attr if isinstance(function, ast.Attribute) else ""


def docs_text():
    """All pages under docs/, as one text."""
    pages = sorted((ROOT / "docs").rglob("*.md"))
    return "\n".join(page.read_text(encoding="utf-8") for page in pages)
