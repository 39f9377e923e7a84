"""Makes a mistake in a copy of the tree, never in the checkout, and takes it back again."""

import importlib.util
import os
import shutil
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PASSING = shutil.ignore_patterns("*.pyc.*", ".pytest_cache", ".hypothesis")
"""What others make and remove while the tree is copied."""
COPIED = ("sdk", "consensus", "ledger", "node", "p2p", "storage", "tests", "pyproject.toml")


class CannotApplyError(Exception):
    """The product has changed where a mistake of the table was made."""


def changed_sources(mutant, root=ROOT):
    """Path in the tree -> source with the mistake in it.

    Raises:
        CannotApplyError: an old text is not there, or not once.
        SyntaxError: what comes out is no Python.
    """
    sources = {}
    for edit in mutant.edits:
        source = sources.get(edit.file) or (root / edit.file).read_text(encoding="utf-8")
        count = source.count(edit.old)
        if count != 1:
            raise CannotApplyError(
                f"{mutant.number}, {mutant.words}: in {edit.file} its text stands {count} times, "
                f"not once:\n{edit.old}"
            )
        sources[edit.file] = source.replace(edit.old, edit.new)
    for file, source in sources.items():
        compile(source, file, "exec")
    return sources


def copy_tree(target):
    """The tree in a folder of its own; bytecode comes along, since it makes a start quick."""
    target.mkdir(parents=True)
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=PASSING)
        else:
            shutil.copy2(source, target / name)
    return target


@contextmanager
def applied(mutant, copy):
    """While it lasts the copy has the mistake in it."""
    before = {file: (copy / file).read_bytes() for edit in mutant.edits for file in (edit.file,)}
    try:
        for file, source in changed_sources(mutant, copy).items():
            _write(copy / file, source.encode())
        yield
    finally:
        for file, content in before.items():
            _write(copy / file, content)


def _write(path, content):
    """Old bytecode would hide the change."""
    path.write_bytes(content)
    Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)


def environment(copy):
    """For a child: the copy stands before the checkout on the path."""
    return os.environ | {
        "PYTHONPATH": f"{copy / 'sdk' / 'src'}{os.pathsep}{copy}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
