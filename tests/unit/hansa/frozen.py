"""Vectors that are frozen: bytes that must come out for ever."""

import json
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent.parent / "vectors"


def frozen(name):
    """The content of a file of vectors."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def why(case):
    """The id of a case."""
    return case.get("why", case.get("kind", ""))
