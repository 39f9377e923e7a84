"""What a person signs to consent, and to take it back (docs/spec/grant.md, section 5).

The promise: nothing here is personal. A subject is the hash of a key that its holder uses for
one purpose alone; clients and chain compute the same bytes.
"""

from hansa.encoding import Value, encode_value
from hansa.hashing import tagged_hash


def subject_of(key: bytes) -> bytes:
    """The subject that a public key speaks for: 32 bytes that say nothing about the person."""
    return tagged_hash("grant-subject", key)


def consent_digest(  # noqa: PLR0913, PLR0917 - what it binds
    chain_id: str,
    consent_id: str,
    subject: bytes,
    controller: str,
    purpose: str,
    scope_digest: bytes,
    until: int,
) -> bytes:
    """The 32 bytes that a subject signs to consent (grant.md, 5.2)."""
    fields: dict[str, Value] = {
        "chain": chain_id,
        "controller": controller,
        "id": consent_id,
        "purpose": purpose,
        "scope": scope_digest,
        "subject": subject,
        "until": until,
    }
    return tagged_hash("grant-consent", encode_value(fields))


def withdrawal_digest(chain_id: str, consent_id: str) -> bytes:
    """The 32 bytes that a subject signs to withdraw a consent (grant.md, 5.4)."""
    return tagged_hash("grant-withdraw", encode_value({"chain": chain_id, "id": consent_id}))
