"""Proofs that a state holds a value under a key, or holds nothing there.

The state is a radix-16 tree over the SHA-256 of each key: a subtree of at most
`PAGE_ENTRIES_MAX` entries is one page, a larger one an inner node of 16 children
(docs/spec/state.md). This file holds the hashes of that tree and the check of a path;
a proof that verifies against a root says one thing about one key, and has one spelling.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Annotated

import msgspec

from hansa.encoding import Wire
from hansa.errors import Rejected
from hansa.hashing import ZERO_HASH

PAGE_ENTRIES_MAX = 40
"""Entries of a page: a proof carries one, so 2.5 kB of it at most."""
ENTRY_BYTES = 64
"""An entry of a page: the key's hash and the value's hash."""
DEPTH_MAX = 64
"""Nibbles of a key's hash, and so the longest path."""
EMPTY = ZERO_HASH
"""The hash of a subtree without entries, and the root of an empty state."""
WIDTH = 16
"""Children of an inner node."""

_PAGE_TAG = b"hansa/state-page/1\0"
_NODE_TAG = b"hansa/state-node/1\0"
_VALUE_TAG = b"hansa/state-value/1\0"


def key_hash(key: bytes) -> bytes:
    """Where a key stands in the tree: 32 bytes (spec/state.md, 1.1)."""
    return sha256(key).digest()


def value_hash(value: bytes) -> bytes:
    """What the tree keeps of a value: 32 bytes (spec/state.md, 1.2)."""
    return sha256(_VALUE_TAG + value).digest()


def page_hash(page: bytes) -> bytes:
    """The hash of a page's bytes; `EMPTY` for no entries (spec/state.md, 2.3)."""
    return sha256(_PAGE_TAG + page).digest() if page else EMPTY


def inner_hash(children: Sequence[bytes]) -> bytes:
    """The hash of an inner node over its 16 children's hashes (spec/state.md, 2.4)."""
    return sha256(_NODE_TAG + b"".join(children)).digest()


def nibble(hashed: bytes, depth: int) -> int:
    """The branch that a key's hash takes at a depth: 0 to 15, the high half of a byte first."""
    byte = hashed[depth >> 1]
    return byte & 15 if depth & 1 else byte >> 4


class Step(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """An inner node on the path, without the child that the path goes through.

    Attributes:
        occupied: bit n says that child n has entries; the path's own bit is 0.
        siblings: the hashes of those children, in their order.
    """

    occupied: Annotated[int, msgspec.Meta(ge=0, lt=1 << WIDTH)]
    siblings: Annotated[bytes, msgspec.Meta(max_length=(WIDTH - 1) * 32)]


class StateProof(Wire, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """The inner nodes from the root down, and the page they lead to (empty: no entries)."""

    steps: Annotated[tuple[Step, ...], msgspec.Meta(max_length=DEPTH_MAX)]
    page: Annotated[bytes, msgspec.Meta(max_length=PAGE_ENTRIES_MAX * ENTRY_BYTES)]

    def verify(self, root: bytes, key: bytes) -> bytes | None:
        """The hash of the value under `key` in the state of this `root`; None: nothing there.

        Raises:
            Rejected: ``state-proof.shape`` (not the spelling that the tree would give) or
                ``state-proof.root`` (a path of another state or another key).
        """
        hashed = key_hash(key)
        found = self._find(hashed)
        node = page_hash(self.page)
        for depth in range(len(self.steps) - 1, -1, -1):
            node = _join(self.steps[depth], nibble(hashed, depth), node)
        if node != root:
            raise Rejected("state-proof.root", f"the path of {key!r} leads to another root")
        return found

    def _find(self, hashed: bytes) -> bytes | None:
        """The value's hash in the page; refuses a page that no tree would have here."""
        page = self.page
        if len(page) % ENTRY_BYTES:
            raise Rejected("state-proof.shape", f"a page of {len(page)} bytes")
        depth = len(self.steps)
        before, found = b"", None
        for start in range(0, len(page), ENTRY_BYTES):
            entry = page[start : start + 32]
            if entry <= before or not shares_prefix(entry, hashed, depth):
                raise Rejected("state-proof.shape", f"entry {start // ENTRY_BYTES} is misplaced")
            if entry == hashed:
                found = page[start + 32 : start + ENTRY_BYTES]
            before = entry
        return found


def shares_prefix(one: bytes, other: bytes, depth: int) -> bool:
    """Whether two key hashes have the same first `depth` nibbles."""
    whole = depth >> 1
    if one[:whole] != other[:whole]:
        return False
    return not depth & 1 or one[whole] >> 4 == other[whole] >> 4


def _join(step: Step, branch: int, child: bytes) -> bytes:
    """The hash of an inner node from its siblings and the child on the path."""
    siblings = step.siblings
    if len(siblings) != 32 * step.occupied.bit_count() or step.occupied >> branch & 1:
        raise Rejected("state-proof.shape", "siblings do not fit the children that are said")
    children = [EMPTY] * WIDTH
    start = 0
    for index in range(WIDTH):
        if step.occupied >> index & 1:
            children[index] = siblings[start : start + 32]
            start += 32
            if children[index] == EMPTY:
                raise Rejected("state-proof.shape", "an empty child is not written down")
    children[branch] = child
    return inner_hash(children)
