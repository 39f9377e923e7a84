"""The trust file: the one thing that a stranger must have from a source of his own.

It names a chain, a checkpoint and the validators in force after it. Whoever holds it
can judge any proof of that chain without asking anybody (docs/spec/proof.md, section 2).
"""

import base64
from collections.abc import Sequence
from typing import Annotated, Literal, Self

import msgspec

from hansa.block import Header
from hansa.canonical_json import Json, loads
from hansa.encoding import Name, Uint
from hansa.errors import Rejected
from hansa.keys import parse_public_key, public_key_text
from hansa.membership import VALIDATORS_MAX, Validator, ValidatorSet

TRUST_FORMAT = "hansa/trust@1"
TRUST_BYTES_MAX = 1024 * 1024
"""A hundred validators and their organisations take 30 kB."""

AUTHORITIES_MAX = 32
"""Roots of time-stamp authorities: a court's list has a dozen."""
WITNESSES_MAX = 64
CERTIFICATE_BYTES_MAX = 8 * 1024
"""A certificate with a 4096-bit key has 2 kB."""

HexHash = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}(?![\s\S])")]
"""32 bytes in lower-case hex."""
Line = Annotated[
    str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*(?![\s\S])")
]
"""Text that is printed: no control characters."""


CertificateBytes = Annotated[bytes, msgspec.Meta(min_length=1, max_length=CERTIFICATE_BYTES_MAX)]
WitnessKey = Annotated[
    str,
    msgspec.Meta(pattern=r"^[\x21-\x2a\x2c-\x7e]{1,200}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}(?![\s\S])"),
]
"""A verifier key of C2SP signed-note: name, key id, and base64 of a type byte and 32 bytes."""


class Checkpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A block that the holder believes in (height 0: the genesis).

    `epoch` is the one in force at `height` + 1.
    """

    height: Uint
    block_hash: HexHash
    epoch: Uint


class TrustedValidator(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A validator in force at the checkpoint's height + 1; the key as its text."""

    name: Name
    member: Name
    key: str


class Organisation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a member is called and registered, as the holder knows it."""

    name: Name
    title: Line | None = None
    legal_id: Line | None = None


class Trust(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A trust file.

    Attributes:
        chain_id, checkpoint, validators: section 2 of the page.
        organisations: what the holder knows of members.
        time_authorities: certificates in DER: roots of RFC 3161 time-stamp authorities, or the
            authorities' own.
        witnesses: keys of C2SP witnesses in their text (``name+id+key``).
    """

    chain_id: Name
    checkpoint: Checkpoint
    validators: Annotated[
        tuple[TrustedValidator, ...], msgspec.Meta(min_length=1, max_length=VALIDATORS_MAX)
    ]
    organisations: tuple[Organisation, ...] = ()
    time_authorities: Annotated[
        tuple[CertificateBytes, ...], msgspec.Meta(max_length=AUTHORITIES_MAX)
    ] = ()
    witnesses: Annotated[tuple[WitnessKey, ...], msgspec.Meta(max_length=WITNESSES_MAX)] = ()
    format: Literal["hansa/trust@1"] = "hansa/trust@1"

    @classmethod
    def of(
        cls,
        header: Header,
        next_validators: ValidatorSet,
        organisations: tuple[Organisation, ...] = (),
    ) -> Self:
        """The trust file of a block and of the set in force above it."""
        assert header.next_validators_hash == next_validators.hash
        changed = header.validators_hash != header.next_validators_hash
        return cls(
            header.chain_id,
            Checkpoint(header.height, header.hash.hex(), header.epoch + changed),
            tuple(
                TrustedValidator(item.name, item.member, public_key_text(item.key))
                for item in next_validators.validators
            ),
            organisations,
        )

    def validator_set(self) -> ValidatorSet:
        """The validators in force at the checkpoint's height + 1.

        Raises:
            Rejected: ``trust.validators`` when they are no set, ``key.text`` for a bad key.
        """
        parsed = [
            Validator(item.name, item.member, parse_public_key(item.key))
            for item in self.validators
        ]
        try:
            return ValidatorSet(tuple(sorted(parsed, key=lambda validator: validator.name)))
        except ValueError as error:
            raise Rejected("trust.validators", str(error)) from error

    def organisation(self, name: str) -> Organisation | None:
        """What the holder knows of a member, or None."""
        return next((item for item in self.organisations if item.name == name), None)

    def to_json(self) -> bytes:
        """The file: indented, fields sorted, one newline at the end."""
        plain = msgspec.to_builtins(self)
        for name in ("time_authorities", "witnesses"):
            if not plain[name]:
                del plain[name]
        return msgspec.json.format(msgspec.json.encode(plain, order="sorted"), indent=2) + b"\n"


def decode_trust(data: bytes) -> Trust:
    """Parse a trust file.

    Raises:
        Rejected: ``trust.malformed``, ``trust.validators`` or ``key.text``.
    """
    if len(data) > TRUST_BYTES_MAX:
        raise Rejected("trust.malformed", f"{len(data)} bytes, at most {TRUST_BYTES_MAX}")
    try:
        plain = loads(data)
        trust = msgspec.convert(plain, Trust)
    except (Rejected, msgspec.ValidationError) as error:
        raise Rejected(
            "trust.malformed", f"no trust file: {error}", "get it from a member that you know"
        ) from error
    trust.validator_set()
    if [*map(_base64, trust.time_authorities)] != [*_given(plain, "time_authorities")]:
        raise Rejected("trust.malformed", "base64 that has another spelling", "write it again")
    return trust


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _given(plain: Json, name: str) -> Sequence[Json]:
    found = plain.get(name, []) if isinstance(plain, dict) else []
    return found if isinstance(found, list) else []
