"""Mutations of JSON texts: of the characters, of the tree, of the spelling.

The promise: as in `mutate`; the base64 parts of a proof hold MessagePack, and are mutated inside.
"""

import base64
import binascii
import json

from tests.simulation.fuzz.mutate import EDGES, change, cut, flip, insert, mutate, repeat, splice

ODD_TEXTS = (
    b"NaN", b"Infinity", b"-0", b"1e400", b"0.1e1", b"01", b"1" * 5_000, b'"\\ud800"',
    b"\xef\xbb\xbf", b"[" * 10_000, b'{"a":' * 10_000, b'"\\u0000"', b"tru", b"\xff",
    b"1E2", b'{"a":1,"a":2}',
)  # fmt: skip
SPACES = (b" ", b"\n", b"\t", b"\r\n")


def mutate_text(data, others, chance):
    """Another text, or no text at all."""
    how = chance.randrange(10)
    if how < 6:
        try:
            tree = json.loads(data)
        except (ValueError, RecursionError):
            return flip(data, others, chance)
        return _written(_changed(tree, chance))
    if how == 6:
        place = chance.randrange(len(data) + 1)
        return data[:place] + chance.choice(ODD_TEXTS) + data[place:]
    return chance.choice((flip, cut, insert, repeat, splice))(data, others, chance)


def _changed(tree, chance):
    """The same tree but for one place: a part of base64 most often, from the inside."""
    parts = list(_parts(tree, ()))
    if parts and chance.random() < 0.6:
        path, raw = chance.choice(parts)
        inner = mutate(raw, [other for _, other in parts], chance)
        text = base64.b64encode(inner).decode("ascii")
        if chance.random() < 0.1:
            text = chance.choice((text.rstrip("="), text + "=", text + "\n", "-" + text[1:]))
        return _put(tree, path, text)
    changed = change(tree, [b"x"], chance)
    return chance.choice(EDGES) if changed is None else changed


def _parts(tree, path):
    """The parts that are base64 of something, with their paths."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _parts(value, (*path, key))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from _parts(value, (*path, index))
    elif isinstance(tree, str) and len(tree) >= 8:
        try:
            yield path, base64.b64decode(tree, validate=True)
        except (binascii.Error, ValueError):
            return


def _put(tree, path, value):
    if not path:
        return value
    copy = list(tree) if isinstance(tree, list) else dict(tree)
    copy[path[0]] = _put(tree[path[0]], path[1:], value)
    return copy


def _written(tree):
    """The canonical text, as far as there is one: what is no JSON is written as text."""

    def odd(value):
        return value.decode("latin-1") if isinstance(value, bytes) else str(value)

    try:
        text = json.dumps(
            tree, ensure_ascii=False, separators=(",", ":"), sort_keys=True, default=odd
        )
    except TypeError:  # names of two types do not sort
        text = json.dumps(tree, ensure_ascii=False, separators=(",", ":"), default=odd)
    return text.encode("utf-8", "surrogatepass")


def respell_text(data, chance):
    """The same value, written in another way."""
    match chance.randrange(4):
        case 0:
            places = [i for i, byte in enumerate(data) if byte in b"{[,:"]
            place = chance.choice(places) + 1
            return data[:place] + chance.choice(SPACES) + data[place:]
        case 1:
            return data + chance.choice(SPACES)
        case 2:
            return json.dumps(json.loads(data), indent=1, ensure_ascii=True).encode()
        case _:
            place = data.index(b'"') + 1
            return data[:place] + b"\\u%04x" % data[place] + data[place + 1 :]
