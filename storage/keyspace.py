"""Who owns which keys of the store, and which layout the store has.

The promise: every kind of stored thing has a first byte of its own, heights sort
as numbers, and a store that a newer hansa wrote is refused, not misread.
docs/spec/storage.md, section 3.
"""

from hansa.errors import Corrupt, Unavailable
from storage.kv import Store

META = b"m"
"""Meta: layout version, head, and other single records."""
HEADER = b"h"
"""Header by height."""
BODY = b"b"
"""Body (the transactions) by height."""
CERTIFICATE = b"c"
"""Certificate by height."""
RECEIPTS = b"r"
"""All receipts of a block, by height."""
LOG_TILE = b"l"
"""Tiles of the log of receipts."""
STATE = b"s"
"""State values by state key."""
TREE_PAGE = b"p"
"""Pages of the state tree."""
UNDO = b"u"
"""What takes a block back, by height."""
REPLAY = b"n"
"""Replay window: sender and nonce to expiry."""
TX_INDEX = b"x"
"""Transaction id to height and index."""
EXPIRY = b"e"
"""The replay window in order of expiry."""
RECORD_INDEX = b"i"
"""Index of changes: record and place to what changed."""

KEY_SPACES = (
    META, HEADER, BODY, CERTIFICATE, RECEIPTS, LOG_TILE, STATE, TREE_PAGE, UNDO, REPLAY, TX_INDEX,
    EXPIRY, RECORD_INDEX,
)  # fmt: skip
"""Every first byte that is taken."""

SCHEMA_KEY = META + b"schema"
HEAD_KEY = META + b"head"
SCHEMA_VERSION = 1
"""The layout that this hansa writes. Grows with each change that an older one would misread."""
HEIGHT_BYTES = 8
"""Heights are 8 bytes, big-endian: byte order is number order."""


def height_key(space: bytes, height: int) -> bytes:
    """The key of `height` in a key space that is ordered by height."""
    return space + height.to_bytes(HEIGHT_BYTES, "big")


def height_of(key: bytes) -> int:
    """The height in a key that `height_key` made."""
    assert len(key) == 1 + HEIGHT_BYTES, key
    return int.from_bytes(key[1:], "big")


def ensure_schema(store: Store) -> None:
    """Mark an empty store with our layout version, or check the mark of a used one.

    Raises:
        Unavailable: ``store.newer-schema`` when a newer hansa wrote it.
        Corrupt: ``store.no-schema`` when there are records but no version.
    """
    found = store.get(SCHEMA_KEY)
    if found is None:
        if next(store.iterate(), None) is not None:
            raise Corrupt(
                "store.no-schema",
                "the store holds records but not the version of their layout",
                "this is not a store of hansa, or a damaged one: restore it from a backup, or move "
                "it away and let the node fetch the chain from its peers",
            )
        store.write({SCHEMA_KEY: SCHEMA_VERSION.to_bytes(4, "big")}, sync=True)
        return
    version = int.from_bytes(found, "big")
    if version > SCHEMA_VERSION:
        raise Unavailable(
            "store.newer-schema",
            f"the store has layout {version}, this hansa reads up to {SCHEMA_VERSION}",
            "install the hansa that wrote it, or restore a backup made before the upgrade",
        )
    assert version == SCHEMA_VERSION, "an older layout needs its upgrade step here"
