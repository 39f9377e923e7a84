"""JSON schemas of arguments in plain words, and examples that fit them.

The promise: an example has every argument that is needed, each of a shape that the schema takes.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from node.cli.tx import BYTES_KEY

Schema = Mapping[str, Any]
INTEGER_MAX = 2**53
"""Larger bounds mean "any": they are not worth a place in a table."""
DEPTH_MAX = 6
"""Shapes inside of shapes: no argument has half as many."""
_SAMPLES = (
    "a-1", "farm", "audit", "warehouse.receipt@1", "en", "0" * 16, "0" * 64, "https://farm.example",
    "1", "2027-01-31",
)  # fmt: skip
"""What is tried as a text that fits a pattern."""


def arguments_of(schema: Schema) -> list[dict[str, object]]:
    """A row for each argument: name, type, limits, whether it is needed, what it is without."""
    known = schema.get("$defs", {})
    shape = _resolved(schema, known)
    needed = shape.get("required", [])
    rows: list[dict[str, object]] = []
    for name, raw in shape.get("properties", {}).items():
        rows.append(
            {
                "argument": name,
                "type": type_of(raw, known),
                "limits": limits_of(raw, known),
                "needed": name in needed,
                "default": None if name in needed else json.dumps(raw.get("default")),
            }
        )
    return rows


def type_of(raw: Schema, known: Schema, depth: int = 0) -> str:
    """The type in a few words: ``bytes``, ``list of text``, ``{kind, to}``."""
    if "anyOf" in raw:
        kinds = dict.fromkeys(type_of(one, known, depth) for one in raw["anyOf"])
        return " or ".join(kind for kind in kinds if kind != "null")
    shape = _resolved(raw, known)
    kind = shape.get("type", "any")
    if kind == "string":
        return "bytes" if shape.get("contentEncoding") == "base64" else "text"
    if kind == "array":
        items = shape.get("items") or {}
        return f"list of {type_of(items, known, depth + 1)}" if items else "list"
    if kind == "object" and shape.get("properties") and depth < DEPTH_MAX:
        return "{" + ", ".join(shape["properties"]) + "}"
    if kind == "object":
        inner = shape.get("additionalProperties")
        return f"map of {type_of(inner, known, depth + 1)}" if isinstance(inner, dict) else "map"
    return {"integer": "whole number", "boolean": "true or false"}.get(str(kind), str(kind))


def limits_of(raw: Schema, known: Schema) -> str:
    """Bounds and pattern in a few words; "" where there is none."""
    if "anyOf" in raw:
        found = [limits_of(one, known) for one in raw["anyOf"]]
        return "; ".join(dict.fromkeys(one for one in found if one))
    shape = _resolved(raw, known)
    words = []
    low, high = shape.get("minimum"), shape.get("maximum")
    if low is not None or (high is not None and high < INTEGER_MAX):
        top = "" if high is None or high >= INTEGER_MAX else f" to {high}"
        words.append(f"{low if low is not None else ''}{top or ' and more'}")
    size = _size(shape)
    if size:
        words.append(size)
    if "pattern" in shape:
        words.append(_pattern(shape["pattern"]))
    return ", ".join(words)


def example_of(schema: Schema) -> str:
    """The needed arguments as JSON, with values that fit; bytes as ``{"$bytes": hex}``."""
    known = schema.get("$defs", {})
    return json.dumps(_example(_resolved(schema, known), known, 0), ensure_ascii=False)


def _size(shape: Schema) -> str:
    """Length in bytes, characters or items."""
    encoded = shape.get("contentEncoding") == "base64"
    for least, most, unit in (
        ("minLength", "maxLength", "bytes" if encoded else "characters"),
        ("minItems", "maxItems", "items"),
        ("minProperties", "maxProperties", "fields"),
    ):
        low, high = shape.get(least), shape.get(most)
        if low is None and high is None:
            continue
        if encoded:
            low, high = _bytes(low), _bytes(high)
        if low == high:
            return f"{low} {unit}"
        return f"{low} to {high} {unit}" if low and high else f"at most {high} {unit}"
    return ""


def _bytes(characters: int | None) -> int | None:
    """Bytes whose base64 has so many characters; exact but for the padding, which hides two."""
    if characters is None:
        return None
    known = {44: 32, 48: 33, 88: 64}
    return known.get(characters, characters // 4 * 3)


def _pattern(pattern: str) -> str:
    """A pattern without the end that only machines need; alternatives as words."""
    text = pattern.removesuffix(r"(?![\s\S])")
    choice = re.fullmatch(r"\^\(([A-Za-z0-9|@._-]+)\)\$?", text)
    return "one of " + ", ".join(choice[1].split("|")) if choice else text


def _example(shape: Schema, known: Schema, depth: int) -> object:
    kind = shape.get("type")
    if kind == "object":
        properties = shape.get("properties", {})
        return {
            name: _example(_resolved(properties[name], known), known, depth + 1)
            for name in shape.get("required", [])
        }
    if kind == "array":
        items = _resolved(shape.get("items") or {}, known)
        return [_example(items, known, depth + 1)] * int(shape.get("minItems", 0))
    if kind == "integer":
        return max(int(shape.get("minimum", 1)), 1)
    if kind == "boolean":
        return True
    if shape.get("contentEncoding") == "base64":
        return {BYTES_KEY: "00" * (_bytes(shape.get("minLength")) or 1)}
    return _sample(shape)


def _sample(shape: Schema) -> str:
    """A text that fits pattern and length; the pattern itself where none of ours does."""
    pattern = shape.get("pattern", "")
    words: Sequence[str] = _SAMPLES
    choice = _pattern(pattern)
    if choice.startswith("one of "):
        words = choice.removeprefix("one of ").split(", ")
    least = shape.get("minLength", 0)
    for word in words:
        if len(word) >= least and re.search(pattern, word):
            return word
    return str(pattern)


def _resolved(raw: Schema, known: Schema) -> Schema:
    """The shape behind a reference, or the first of several that is not null."""
    for _ in range(DEPTH_MAX):
        if "$ref" in raw:
            raw = known[str(raw["$ref"]).rpartition("/")[2]]
        elif "anyOf" in raw:
            raw = next(one for one in raw["anyOf"] if one.get("type") != "null")
        else:
            break
    return raw
