"""Structure-aware mutations of valid bytes: of the bytes, and of the tree behind them.

The promise: whatever the bytes are, `mutate` gives other bytes, decided by its chance alone;
`respell` gives another spelling of the same MessagePack value. A byte string that is
MessagePack itself (a body, arguments, a header in a proof) is mutated inside as well.
"""

import msgpack

EDGES = (
    0, 1, 2, -1, 31, 32, 127, 128, 255, 256, 2**16 - 1, 2**16, 2**31 - 1, 2**31, 2**32 - 1,
    2**53, 2**63 - 1, 2**63, 2**64 - 1, -(2**31), -(2**63),
)  # fmt: skip
ODD = (None, True, False, 0.0, 1.5, "", b"", [], {}, "\0", "\u2028", {"a": 1}, [[[]]], "a" * 65)
TEXT_CHANGES = ("\n", " ", "A", "\u00e9", "\0", "..", "/", "-")
DEPTH_MAX = 4
"""How many byte strings within byte strings are opened."""
NESTED_MAX = 600
"""Levels of a nested list: above the stack of a decoder that trusts its input."""
UNREADABLE = (ValueError, TypeError, OverflowError, RecursionError)
"""What the library raises for bytes that are no value."""
HEADS = (b"\xdd", b"\xdf", b"\xc6", b"\xdb")
"""First bytes of array, map, bytes and text whose length has four bytes."""


def plain_of(data):
    """The MessagePack value of some bytes; raises one of `UNREADABLE` where they are none."""
    return msgpack.unpackb(data, raw=False, strict_map_key=False, ext_hook=_refuse)


def _refuse(code, data):
    raise ValueError(f"extension type {code}, {len(data)} bytes")


def mutate(data, others, chance):
    """Other bytes than `data`; `others` are valid ones from which parts are taken."""
    how = chance.choice((bend, bend, bend, cut, flip, flip, insert, repeat, splice, claim, nest))
    changed = how(data, others, chance)
    for _ in range(chance.choice((0, 0, 0, 1, 3))):
        changed = chance.choice((cut, flip, insert, repeat))(changed, others, chance)
    return changed


# -- of the bytes -------------------------------------------------------------------------------


def flip(data, _others, chance):
    """One bit, or one byte, is another."""
    if not data:
        return b"\xc1"
    changed = bytearray(data)
    place = chance.randrange(len(data))
    changed[place] ^= (
        1 << chance.randrange(8) if chance.random() < 0.5 else chance.randrange(1, 256)
    )
    return bytes(changed)


def cut(data, _others, chance):
    """A piece is missing, most often the end."""
    if not data:
        return b"\xc1"
    start = chance.randrange(len(data))
    return data[:start] + (data[start + chance.randrange(1, 9) :] if chance.random() < 0.4 else b"")


def insert(data, _others, chance):
    """A few bytes more."""
    place = chance.randrange(len(data) + 1)
    return data[:place] + chance.randbytes(chance.randrange(1, 5)) + data[place:]


def repeat(data, _others, chance):
    """A part stands twice."""
    start = chance.randrange(len(data) + 1)
    stop = min(len(data), start + chance.randrange(1, 65))
    return data[:stop] + data[start:]


def splice(data, others, chance):
    """The front of one and the back of another."""
    other = chance.choice(others)
    return data[: chance.randrange(len(data) + 1)] + other[chance.randrange(len(other) + 1) :]


def claim(data, _others, chance):
    """A length of four bytes that promises more than there is, up to 4 GiB."""
    place = chance.randrange(len(data) + 1)
    length = chance.choice((2**32 - 1, 2**31, 10**6, len(data) + 1, len(data)))
    return data[:place] + chance.choice(HEADS) + length.to_bytes(4, "big") + data[place:]


def nest(data, _others, chance):
    """Lists in lists in lists: something that trusts its input runs out of stack."""
    depth = chance.choice((3, 17, 129, NESTED_MAX, 100 * NESTED_MAX))
    one = chance.choice((b"\x91", b"\x81\xa1a"))
    place = chance.randrange(min(len(data), 4) + 1)
    return data[:place] + one * depth + chance.choice((b"\xc0", data[place:], b""))


# -- of the tree ---------------------------------------------------------------------------------


def bend(data, others, chance):
    """Change one place of the value behind the bytes, however deep; a tag byte is kept."""
    for head in chance.sample((0, 1, 2), 3):
        try:
            tree = plain_of(data[head:])
        except UNREADABLE:
            continue
        if isinstance(tree, list | dict):
            return data[:head] + msgpack.packb(change(tree, others, chance))
    return flip(data, others, chance)


def change(tree, others, chance, depth=0):
    """The same tree, but for one place."""
    places = [None, *_places(tree)]
    path = chance.choice(places)
    if path is None:
        return _other(tree, others, chance, depth)
    return _put(tree, path, lambda leaf: _other(leaf, others, chance, depth))


def _places(tree, path=()):
    """The paths of everything below."""
    items = enumerate(tree) if isinstance(tree, list) else tree.items()
    for key, value in items:
        yield (*path, key)
        if isinstance(value, list | dict):
            yield from _places(value, (*path, key))


def _put(tree, path, make):
    if not path:
        return make(tree)
    copy = list(tree) if isinstance(tree, list) else dict(tree)
    copy[path[0]] = _put(tree[path[0]], path[1:], make)
    return copy


def _other(value, others, chance, depth):  # noqa: PLR0911 - one for each type
    """Another value in the place of one: most often of the same type."""
    if chance.random() < 0.15:
        return chance.choice((*ODD, *EDGES[:-1]))
    match value:
        case bool() | None:
            return chance.choice((0, 1, not value, b"", ""))
        case int():
            near = chance.choice((value + 1, value - 1, value ^ (1 << chance.randrange(32))))
            far = chance.choice((*EDGES, float(value % 2**53), str(value), True))
            return near if -(2**63) <= near < 2**64 and chance.random() < 0.6 else far
        case bytes():
            return _other_bytes(value, others, chance, depth)
        case str():
            place = chance.randrange(len(value) + 1)
            odd = value[:place] + chance.choice(TEXT_CHANGES) + value[place:]
            return chance.choice((odd, value.encode(), value[1:], value * 40, value.upper()))
        case list():
            return _other_list(value, chance)
        case dict():
            return _other_map(value, chance)
    return None


def _other_bytes(value, others, chance, depth):
    if depth < DEPTH_MAX and chance.random() < 0.6:
        try:
            inner = plain_of(value)
        except UNREADABLE:
            inner = None
        if isinstance(inner, list | dict):
            return msgpack.packb(change(inner, others, chance, depth + 1))
    how = chance.randrange(5)
    if how == 0:
        return bytes(len(value))
    if how == 1:
        return value.decode("latin-1")
    return chance.choice((flip, cut, insert, repeat))(value, others, chance)


def _other_list(value, chance):  # noqa: PLR0911 - one for each change
    if not value:
        return [chance.choice(ODD)]
    place = chance.randrange(len(value))
    match chance.randrange(6):
        case 0:
            return value[:place] + value[place + 1 :]
        case 1:
            return value[: place + 1] + value[place:]  # one part stands twice
        case 2:
            other = chance.randrange(len(value))
            swapped = list(value)
            swapped[place], swapped[other] = swapped[other], swapped[place]
            return swapped
        case 3:
            return [*value, chance.choice(ODD)]
        case 4:
            return value * chance.choice((2, 17, 120))
        case _:
            return dict(enumerate(value))


def _other_map(value, chance):
    if not value:
        return {chance.choice(("a", "", "\u00e9", 1)): 1}
    key = chance.choice(sorted(value, key=str))
    rest = {name: part for name, part in value.items() if name != key}
    match chance.randrange(4):
        case 0:
            return rest
        case 1:
            return {**rest, key: value[key]}  # behind all others
        case 2:
            return {**value, str(key) + "x": value[key]}
        case _:
            return [[name, part] for name, part in value.items()]


# -- of the spelling -----------------------------------------------------------------------------


def respell(data, chance):
    """The same value in another spelling; None where none was found."""
    try:
        tree = plain_of(data)
    except UNREADABLE:
        return None
    places = [()] + (list(_places(tree)) if isinstance(tree, list | dict) else [])
    other = _spell(tree, chance.choice(places), (), chance)
    return other if other != data else None


def _spell(value, long, path, chance):  # noqa: PLR0911 - one for each type
    """The bytes of a value; the part at the path `long` takes more of them than it needs."""
    wide = path == long
    match value:
        case list():
            body = b"".join(_spell(v, long, (*path, i), chance) for i, v in enumerate(value))
            return _head(len(value), wide, chance, b"\xdc", b"\xdd", 0x90, 16) + body
        case dict():
            body = b"".join(
                msgpack.packb(k) + _spell(v, long, (*path, k), chance) for k, v in value.items()
            )
            return _head(len(value), wide, chance, b"\xde", b"\xdf", 0x80, 16) + body
        case str() if wide:
            text = value.encode("utf-8", "surrogatepass")
            return _head(len(text), wide, chance, b"\xda", b"\xdb", 0xA0, 32) + text
        case bytes() if wide:
            return b"\xc6" + len(value).to_bytes(4, "big") + value
        case int() if wide and not isinstance(value, bool) and value >= 0:
            return b"\xcf" + value.to_bytes(8, "big")
        case int() if wide and not isinstance(value, bool):
            return b"\xd3" + value.to_bytes(8, "big", signed=True)
    return msgpack.packb(value)


def _head(count, wide, chance, two, four, short, limit):  # noqa: PLR0913, PLR0917 - one per width
    """The first bytes of something that has a length: the shortest, or one of the others."""
    if not wide and count < limit:
        return bytes([short | count])
    if not wide and count < 2**16:
        if short == 0xA0 and count < 2**8:
            return b"\xd9" + bytes([count])
        return two + count.to_bytes(2, "big")
    if count < 2**16 and chance.random() < 0.5:
        return two + count.to_bytes(2, "big")
    return four + count.to_bytes(4, "big")
