"""What nodes say about blobs: kind BULK, a tag byte of the vault's own, a tag, an array.

docs/spec/vault.md, section 5. The session says who speaks (network.md, 4): no message names
its sender, so none can be replayed as another's.
"""

from typing import Annotated, TypeAlias

import msgspec

from hansa.encoding import Hash, Wire, pack, unpack
from hansa.errors import Rejected
from hansa.seal import BLOB_BYTES_MAX

VAULT_TAG = b"\xb1"
"""Begins a message of the vault among those of kind BULK."""
PIECE_BYTES = 256 * 1024
"""Bytes of a blob in one message: four frames, between which votes pass."""
HAVE_MAX = 256
"""Blobs named in one message: 10 KiB."""

Size = Annotated[int, msgspec.Meta(ge=1, le=BLOB_BYTES_MAX)]
Offset = Annotated[int, msgspec.Meta(ge=0, lt=BLOB_BYTES_MAX)]


class Item(Wire, frozen=True):
    """A blob and its size."""

    id: Hash
    size: Size


class Have(Wire, frozen=True):
    """HAVE: blobs that are for the receiver's organisation and can be had here."""

    items: Annotated[tuple[Item, ...], msgspec.Meta(min_length=1, max_length=HAVE_MAX)]


class Want(Wire, frozen=True):
    """WANT: asks for the piece that begins at an offset."""

    id: Hash
    offset: Offset


class Piece(Wire, frozen=True):
    """PIECE: `PIECE_BYTES` of a blob from an offset on, or what is left of it."""

    id: Hash
    offset: Offset
    data: Annotated[bytes, msgspec.Meta(min_length=1, max_length=PIECE_BYTES)]


class Gone(Wire, frozen=True):
    """GONE: not to be had here. Whether it is unknown, erased or for others is not said."""

    id: Hash


VaultMessage: TypeAlias = Have | Want | Piece | Gone

_TAGS: dict[type[Wire], bytes] = {Have: b"\x01", Want: b"\x02", Piece: b"\x03", Gone: b"\x04"}
_KINDS = {tag: kind for kind, tag in _TAGS.items()}


def encode_vault(message: VaultMessage) -> bytes:
    """The bytes that travel."""
    return VAULT_TAG + _TAGS[type(message)] + pack(message)


def decode_vault(data: bytes) -> VaultMessage:
    """The message that `data` encodes.

    Raises:
        Rejected: ``message.unknown`` or ``encoding.*``.
    """
    kind = _KINDS.get(data[1:2])
    if data[:1] != VAULT_TAG or kind is None:
        raise Rejected("message.unknown", f"vault: tag {data[:2].hex() or 'missing'}")
    return unpack(kind, data[2:])  # type: ignore[return-value]  # _KINDS holds only these
