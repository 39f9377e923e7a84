"""Which tests are to notice a mistake in a module: the nearest first, then all of the three."""

import re

ORDER = {
    "hansa": ("tests/unit/hansa", "tests/property", "tests/unit/ledger", "tests/unit/consensus"),
    "ledger": ("tests/unit/ledger", "tests/property"),
    "consensus": ("tests/unit/consensus", "tests/property"),
}


def module_of(file):
    """``sdk/src/hansa/block.py`` is ``hansa.block``."""
    return (
        file.removeprefix("sdk/src/")
        .removesuffix(".py")
        .removesuffix("/__init__")
        .replace("/", ".")
    )


def suites_for(root, file):
    """Lists of test files, each to run if the one before saw nothing."""
    module = module_of(file)
    package = module.partition(".")[0]
    order = {folder: place for place, folder in enumerate(ORDER[package])}
    found = [path for folder in order for path in (root / folder).glob("test_*.py")]
    files = sorted(found, key=lambda path: (order[path.parent.relative_to(root).as_posix()], path))
    near = [path for path in files if _names(path, module)]
    # Made for the module first; properties, which take long to be sure, last.
    near.sort(key=lambda path: (_is_property(path), _subject(path) not in module))
    own = [path for path in files if path.parent == root / ORDER[package][0]]
    own = [path for path in own if path not in near]
    far = [path for path in files if path not in near and path not in own]
    far.sort(key=_is_property)
    return [
        [path.relative_to(root).as_posix() for path in group] for group in (near, own, far) if group
    ]


def _names(path, module):
    """Whether a test file imports a module, itself or through a scene beside it."""
    pattern = re.compile(rf"\b(?:from|import) {re.escape(module)}\b")
    text = path.read_text(encoding="utf-8")
    return bool(pattern.search(text)) or module.rpartition(".")[2] == _subject(path)


def _is_property(path):
    return path.parent.name == "property"


def _subject(path):
    return path.stem.removeprefix("test_")
