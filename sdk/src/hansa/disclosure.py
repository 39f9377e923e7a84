"""Showing chosen fields of a sealed document (docs/spec/proof.md, section 11).

The promise: the chain holds one root and learns nothing of any field; who gets a field with
its salt and its path knows that this value was sealed, and learns nothing of the others.
RFC 2104 (HMAC), RFC 8785 (the text of a value), RFC 6962 (the tree).
"""

import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec

from hansa.batch import Batch
from hansa.canonical_json import Json, dumps, loads
from hansa.encoding import Hash
from hansa.errors import Rejected
from hansa.merkle import leaf_hash, verify_inclusion

SALT_BYTES = 32
FIELDS_MAX = 1024
"""Fields of one sealed document: a form has some dozens."""
SHOWN_MAX = 64
"""Fields that one proof shows."""
PATH_MAX = 10
"""Hashes of a field's path: log2 of `FIELDS_MAX`."""
SALTS_BYTES_MAX = 16 * 1024 * 1024
SALTS_FORMAT = "hansa/salts@1"

FieldName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_@$.:-]{1,64}(?![\s\S])")]
"""A field's name: it is printed, so it holds no blanks and nothing invisible."""


class ShownField(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A field of a sealed document, with what shows that it was sealed so."""

    name: FieldName
    value: object
    salt: Hash
    index: Annotated[int, msgspec.Meta(ge=0, lt=FIELDS_MAX)]
    path: Annotated[tuple[Hash, ...], msgspec.Meta(max_length=PATH_MAX)]


class Salts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The owner's file: every value and salt; whoever has it can show, and read, everything."""

    values: dict[FieldName, object]
    salts: dict[FieldName, Hash]
    format: Literal["hansa/salts@1"] = "hansa/salts@1"


@dataclass(frozen=True, slots=True)
class SealedFields:
    """A document's fields, each committed to.

    Attributes:
        values: by name.
        salts: by name, 32 random bytes each.
        batch: the tree over the commitments, in the order of the names.
    """

    values: Mapping[str, Json]
    salts: Mapping[str, bytes]
    batch: Batch

    @property
    def root(self) -> bytes:
        """What goes on the chain, as `seal` of `doc.register`: 32 bytes."""
        return self.batch.root

    def commitments(self) -> bytes:
        """The file whose SHA-256 is registered: RFC 8785 text, one entry for each field."""
        entries: list[Json] = [list(_entry(name, self)) for name in sorted(self.values)]
        return dumps({"commitments": entries, "format": "hansa/commitments@1"})

    def to_json(self) -> bytes:
        """The salts file, RFC 8785 text."""
        salts = Salts(dict(self.values), dict(self.salts))
        return dumps(msgspec.to_builtins(salts))

    def show(self, names: Sequence[str]) -> tuple[ShownField, ...]:
        """The named fields, ready for a proof file.

        Raises:
            Rejected: ``reveal.unknown`` for a name that the document does not have.
        """
        order = sorted(self.values)
        unknown = sorted(name for name in names if name not in self.values)
        if unknown or not names:
            raise Rejected(
                "reveal.unknown",
                f"no field {', '.join(unknown) or 'was named'}",
                f"choose of: {', '.join(order)}",
            )
        return tuple(
            ShownField(
                name=name,
                value=self.values[name],
                salt=self.salts[name],
                index=order.index(name),
                path=self.batch.path(order.index(name)),
            )
            for name in sorted(set(names))
        )


def commitment(salt: bytes, value: Json) -> bytes:
    """HMAC-SHA256 over the RFC 8785 text of a value, keyed with its salt: 32 bytes."""
    return hmac.digest(salt, dumps(value), "sha256")


def leaf_of(name: str, made: bytes) -> bytes:
    """The entry of a field in the tree: the RFC 8785 text of its name and commitment in hex."""
    return dumps([name, made.hex()])


def seal_fields(document: bytes, salts: Mapping[str, bytes] | None = None) -> SealedFields:
    """Commit to each field of a JSON object, with fresh salts unless they are given.

    Raises:
        Rejected: ``reveal.document`` or ``json.*``: no object, or more than 1,024 fields, or a
            name that could not be printed.
    """
    values = loads(document)
    if not isinstance(values, dict) or not 0 < len(values) <= FIELDS_MAX:
        raise Rejected("reveal.document", f"a JSON object of 1 to {FIELDS_MAX} fields is sealed")
    try:
        msgspec.convert(list(values), list[FieldName])
    except msgspec.ValidationError as error:
        raise Rejected("reveal.document", f"a field's name cannot be shown: {error}") from error
    given = salts or {name: secrets.token_bytes(SALT_BYTES) for name in values}
    leaves = [leaf_of(name, commitment(given[name], values[name])) for name in sorted(values)]
    return SealedFields(values, given, Batch.of(leaves))


def read_salts(data: bytes) -> SealedFields:
    """The sealed fields behind a salts file.

    Raises:
        Rejected: ``reveal.salts`` or ``json.*``.
    """
    if len(data) > SALTS_BYTES_MAX:
        raise Rejected("reveal.salts", f"{len(data)} bytes, at most {SALTS_BYTES_MAX}")
    try:
        salts = msgspec.convert(loads(data), Salts)
    except msgspec.ValidationError as error:
        raise Rejected("reveal.salts", f"no salts file: {error}", "hansa seal FILE") from error
    if salts.values.keys() != salts.salts.keys():
        raise Rejected("reveal.salts", "values and salts have other names", "hansa seal FILE")
    return seal_fields(dumps(salts.values), salts.salts)  # type: ignore[arg-type]


def is_sealed(field: ShownField, size: int, root: bytes) -> bool:
    """Whether a shown field stands in the tree of this root."""
    try:
        entry = leaf_of(field.name, commitment(field.salt, field.value))  # type: ignore[arg-type]
        verify_inclusion(leaf_hash(entry), field.index, size, field.path, root)
    except Rejected:
        return False
    return True


def _entry(name: str, sealed: SealedFields) -> tuple[str, str]:
    return name, commitment(sealed.salts[name], sealed.values[name]).hex()
