"""What validators sign (docs/spec/consensus.md, section 3).

Every statement covers chain, epoch, height, view, phase and signer, so that a
vote says exactly one thing for ever: it cannot be moved to another chain, set,
height, view or phase.
"""

import msgpack

from hansa.hashing import tagged_hash

PREPARE, COMMIT = 2, 3
"""Phases of a vote; the numbers are the steps of the signer guard."""


def vote_statement(  # noqa: PLR0913, PLR0917 - the seven things that a vote covers
    chain_id: str, epoch: int, height: int, view: int, phase: int, block_hash: bytes, signer: int
) -> bytes:
    """The 32 bytes that a PREPARE or COMMIT signs."""
    fields = (chain_id, epoch, height, view, phase, block_hash, signer)
    return tagged_hash("vote", msgpack.packb(fields))


def view_change_statement(  # noqa: PLR0913, PLR0917 - as above
    chain_id: str,
    epoch: int,
    height: int,
    target: int,
    prepared_view: int,
    prepared_hash: bytes,
    signer: int,
) -> bytes:
    """The 32 bytes that a VIEW-CHANGE signs; view -1 and 32 zero bytes: nothing prepared."""
    fields = (chain_id, epoch, height, target, prepared_view, prepared_hash, signer)
    return tagged_hash("view-change", msgpack.packb(fields))


def fresh_statement(  # noqa: PLR0913, PLR0917 - as above
    chain_id: str, height: int, block_hash: bytes, state_root: bytes, time_ms: int, signer: int
) -> bytes:
    """The 32 bytes that a FRESH signs: at `time_ms`, nothing above `height` was prepared."""
    fields = (chain_id, height, block_hash, state_root, time_ms, signer)
    return tagged_hash("fresh", msgpack.packb(fields))


def pre_prepare_statement(
    chain_id: str, epoch: int, height: int, block_hash: bytes, signer: int
) -> bytes:
    """The 32 bytes that a PRE-PREPARE signs (always of view 0)."""
    return tagged_hash("pre-prepare", msgpack.packb((chain_id, epoch, height, block_hash, signer)))


def new_view_statement(  # noqa: PLR0913, PLR0917 - as above
    chain_id: str,
    epoch: int,
    height: int,
    view: int,
    block_hash: bytes,
    justification: bytes,
    signer: int,
) -> bytes:
    """The 32 bytes that a NEW-VIEW signs; `justification` hashes all that it carries."""
    fields = (chain_id, epoch, height, view, block_hash, justification, signer)
    return tagged_hash("new-view", msgpack.packb(fields))
