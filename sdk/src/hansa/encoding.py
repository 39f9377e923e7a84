"""Canonical MessagePack: one value, one encoding (docs/spec/encoding.md).

Two shapes travel. *Structs* are arrays of typed fields: `pack` and `unpack`.
*Values* are what a transaction's arguments may hold: integers of 64 bits,
strings, bytes, booleans, null, lists and maps with sorted ASCII keys; no
floats: `encode_value` and `decode_value`. Both decoders refuse what the
encoder would not have written.
"""

from typing import Annotated, TypeVar, cast

import msgpack
import msgspec

from hansa.errors import Rejected

DEPTH_MAX = 16
"""Nesting of a value: deeper input has no use and costs stack."""
INT_MIN = -(2**63)
INT_MAX = 2**63 - 1

Uint = Annotated[int, msgspec.Meta(ge=0, le=INT_MAX)]
"""A whole number that fits 63 bits."""
Hash = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
"""32 bytes of SHA-256."""
Name = Annotated[
    str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9._-]*(?![\s\S])")
]
"""A name of a chain, member, node, contract or method: lower case, 1 to 64 characters."""
MemberName = Annotated[
    str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9.-]*(?![\s\S])")
]

Value = None | bool | int | str | bytes | list["Value"] | dict[str, "Value"]


class Wire(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """Base of everything that is encoded as an array of fields."""


W = TypeVar("W")
_ENCODER = msgspec.msgpack.Encoder()
"""Writes the shortest spelling of everything, as `msgpack` does, and structs at once."""
_DECODERS: dict[type[object], msgspec.msgpack.Decoder[object]] = {}


def pack(struct: msgspec.Struct) -> bytes:
    """The canonical bytes of a struct."""
    return _ENCODER.encode(struct)


def unpack(kind: type[W], data: bytes) -> W:
    """The struct that `data` encodes.

    Raises:
        Rejected: ``encoding.malformed`` (not MessagePack, wrong types, sizes or number of
            fields) or ``encoding.not-canonical`` (another spelling of a valid struct).
    """
    try:
        struct = decoder(kind).decode(data)
    except (ValueError, TypeError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
        raise Rejected("encoding.malformed", f"{kind.__name__}: {error}") from error
    if _ENCODER.encode(struct) != data:
        raise Rejected("encoding.not-canonical", f"{kind.__name__}: not the shortest spelling")
    return struct


def decoder(kind: type[W]) -> msgspec.msgpack.Decoder[W]:
    """What reads bytes as a type, made once: it takes other spellings too, see `unpack`."""
    found = _DECODERS.get(kind)
    if found is None:
        found = _DECODERS[kind] = msgspec.msgpack.Decoder(kind, ext_hook=_no_extension)
    return cast("msgspec.msgpack.Decoder[W]", found)


def encode_value(value: Value) -> bytes:
    """The canonical bytes of a value.

    Raises:
        Rejected: ``encoding.value`` when the value holds what no value may hold.
    """
    return msgpack.packb(_ordered(value, DEPTH_MAX))


def decode_value(data: bytes) -> Value:
    """The value that `data` encodes.

    Raises:
        Rejected: ``encoding.malformed``, ``encoding.value`` or ``encoding.not-canonical``.
    """
    try:
        value = msgpack.unpackb(data, raw=False, strict_map_key=True, ext_hook=_no_extension)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise Rejected("encoding.malformed", f"value: {error}") from error
    if encode_value(value) != data:  # type: ignore[arg-type]  # encode_value checks every node
        raise Rejected("encoding.not-canonical", "value: not the shortest, ordered spelling")
    return value  # type: ignore[return-value]  # checked by encode_value


def _no_extension(code: int, data: bytes | memoryview) -> None:
    """An extension type would pass for an array of two: a second spelling."""
    raise ValueError(f"extension type {code} with {len(data)} bytes")


def _ordered(value: Value, depth: int) -> Value:
    """The same value with every map in key order; refuses what no value may hold."""
    if value is None or isinstance(value, bool | str | bytes):
        return value
    if isinstance(value, int):
        if not INT_MIN <= value <= INT_MAX:
            raise Rejected("encoding.value", f"integer {value} does not fit 64 bits")
        return value
    if depth == 0:
        raise Rejected("encoding.value", f"nested deeper than {DEPTH_MAX}")
    if isinstance(value, list | tuple):
        return [_ordered(item, depth - 1) for item in value]
    if isinstance(value, dict):
        names: list[object] = list(value)
        for key in names:
            if not isinstance(key, str) or not key.isascii():
                raise Rejected("encoding.value", f"map key {key!r} is not an ASCII string")
        return {key: _ordered(value[key], depth - 1) for key in sorted(value)}
    raise Rejected("encoding.value", f"{type(value).__name__} is not a value (no floats)")
