"""Readings of a device: their bytes, the root of a batch, the proof of one (trace.md, 7).

The promise: who holds one reading, its path and the batch's root knows that the device's owner
committed to that reading among all of them; the salt keeps the neighbours' values unknown.
Source: RFC 6962 for the tree.
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from hansa.encoding import INT_MAX, INT_MIN, Uint, encode_value
from hansa.merkle import inclusion_path, leaf_hash, root_of, verify_inclusion

SALT_BYTES = 32
"""A salt of its own for every reading: values are few, and each could be guessed."""


class Reading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One reading.

    Attributes:
        device: as enrolled, ``<member>/<name>``.
        seq: its number, one more than that of the reading before.
        time: when it was taken, ms since 1970.
        value: in thousandths of `unit`.
        unit: of UN/ECE Recommendation 20, e.g. ``CEL``.
        salt: 32 random bytes, told with the reading and never before.
    """

    device: str
    seq: Uint
    time: Uint
    value: Annotated[int, msgspec.Meta(ge=INT_MIN, le=INT_MAX)]
    unit: str
    salt: Annotated[bytes, msgspec.Meta(min_length=SALT_BYTES, max_length=SALT_BYTES)]


def reading_bytes(reading: Reading) -> bytes:
    """The leaf of a reading: the canonical bytes of its map (trace.md, 7.3)."""
    assert len(reading.salt) == SALT_BYTES
    return encode_value(
        {
            "device": reading.device,
            "salt": reading.salt,
            "seq": reading.seq,
            "time": reading.time,
            "unit": reading.unit,
            "value": reading.value,
        }
    )


def batch_root(readings: Sequence[Reading]) -> bytes:
    """The root over readings in the order of their numbers: what `capture_batch` is given."""
    return root_of([reading_bytes(one) for one in readings])


def reading_path(readings: Sequence[Reading], index: int) -> tuple[bytes, ...]:
    """The path of one reading, for whoever is to check it."""
    return inclusion_path([reading_bytes(one) for one in readings], index)


def check_reading(
    reading: Reading, path: Sequence[bytes], root: bytes, first_seq: int, count: int
) -> None:
    """Check that a reading stands in a batch, at the place that its number says.

    `root`, `first_seq` and `count` are those of ``trace/batch/...``, proven by a state proof.

    Raises:
        Rejected: ``merkle.inclusion``.
    """
    leaf = leaf_hash(reading_bytes(reading))
    verify_inclusion(leaf, reading.seq - first_seq, count, path, root)
