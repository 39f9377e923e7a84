"""Evidence by the names of ChainMaker's CMEVI standard, over the contract `doc`.

The promise: who knows ``Evidence``, ``ExistsOfHash`` and ``FindById`` finds them here. What
CMEVI would overwrite (``UpdateEvidence``) is a new document that takes the place of the old
one; the old one stays. The names are an SDK's: the chain knows `doc` alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from hansa.client.types import QueryReply
from hansa.encoding import Value
from hansa.errors import Rejected
from hansa.transaction import CALLS_MAX, Call

METADATA_KEY = "metadata"
"""The entry of a document's `meta` that holds CMEVI's metadata."""


class Asks(Protocol):
    """What is asked: `hansa.client.Client` does it."""

    def query(
        self, contract: str, name: str, args: Mapping[str, object] | None = None
    ) -> QueryReply:
        """Ask a contract a question about the head."""
        ...


@dataclass(frozen=True, slots=True)
class Evidence:
    """A piece of evidence, with the fields that CMEVI gives it.

    Attributes:
        id: its id.
        hash: the digest, 64 hex digits.
        tx_id: of the transaction that registered it, hex.
        block_height: where it stands.
        timestamp: of that block, ms since 1970.
        metadata: what was given with it.
    """

    id: str
    hash: str
    tx_id: str
    block_height: int
    timestamp: int
    metadata: str


def evidence(evidence_id: str, digest: str, metadata: str = "") -> Call:
    """``Evidence``: register a digest (64 hex digits).

    Raises:
        Rejected: ``cmevi.hash``.
    """
    return Call.of("doc", "register", _arguments(evidence_id, digest, metadata))


def evidence_batch(items: Sequence[tuple[str, str, str]]) -> tuple[Call, ...]:
    """``EvidenceBatch``: calls for one transaction; each item is (id, hash, metadata).

    Raises:
        Rejected: ``cmevi.batch`` or ``cmevi.hash``.
    """
    if not 0 < len(items) <= CALLS_MAX:
        hint = "for more, anchor a batch: doc.anchor"
        raise Rejected("cmevi.batch", f"{len(items)} items, 1 to {CALLS_MAX} at once", hint)
    return tuple(evidence(*item) for item in items)


def update_evidence(
    old_id: str, version: int, evidence_id: str, digest: str, metadata: str = ""
) -> Call:
    """``UpdateEvidence``: a new document in the place of an old one, whose `version` was seen.

    Raises:
        Rejected: ``cmevi.hash``.
    """
    more: dict[str, Value] = {"supersedes": old_id, "version": version}
    return Call.of("doc", "register", _arguments(evidence_id, digest, metadata) | more)


def exists_of_hash(client: Asks, digest: str) -> bool:
    """``ExistsOfHash``: whether anybody registered this digest."""
    return bool(_by_hash(client, digest))


def exists_of_id(client: Asks, evidence_id: str) -> bool:
    """``ExistsOfId``: whether this id is taken."""
    try:
        client.query("doc", "get", {"id": evidence_id})
    except Rejected as error:
        if error.code == "MISSING":
            return False
        raise
    return True


def find_by_hash(client: Asks, digest: str) -> tuple[Evidence, ...]:
    """``FindByHash``: everything registered with this digest, in the order of the owners."""
    return tuple(find_by_id(client, name) for name in _by_hash(client, digest))


def find_by_id(client: Asks, evidence_id: str) -> Evidence:
    """``FindById``: the evidence of this id.

    Raises:
        Rejected: ``MISSING``.
    """
    found = _fields(client.query("doc", "get", {"id": evidence_id}).result)
    document = _fields(found["document"])
    past = _fields(client.query("doc", "history", {"id": evidence_id, "limit": 1}).result)
    items = past["items"]
    assert isinstance(items, list)
    born = _fields(items[0])
    return Evidence(
        evidence_id,
        str(document["digest"]),
        str(born["tx_id"]),
        _number(born["height"]),
        _number(born["time"]),
        str(_fields(document["meta"]).get(METADATA_KEY, "")),
    )


def _arguments(evidence_id: str, digest: str, metadata: str) -> dict[str, Value]:
    try:
        raw = bytes.fromhex(digest)
    except ValueError as error:
        raise Rejected("cmevi.hash", f"{digest[:80]!r} is no hash", "64 hex digits") from error
    meta: dict[str, Value] = {METADATA_KEY: metadata} if metadata else {}
    return {"id": evidence_id, "digest": raw, "kind": "evidence", "meta": meta}


def _by_hash(client: Asks, digest: str) -> list[str]:
    found = _fields(client.query("doc", "by_digest", {"digest": digest.lower()}).result)
    documents = found["documents"]
    assert isinstance(documents, list)
    return [str(_fields(document)["id"]) for document in documents]


def _fields(value: object) -> dict[str, object]:
    assert isinstance(value, dict)
    return value


def _number(value: object) -> int:
    assert isinstance(value, int)
    return value
