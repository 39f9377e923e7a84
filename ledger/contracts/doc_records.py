"""Records that stand beside a document: time-stamps, exhibits, and the roots of batches.

Each is made once and never changed (docs/spec/contracts.md, 8.6 to 8.8).
"""

import msgspec

from ledger.records import Record


class StampRecord(Record, frozen=True):
    """``doc/stamp/<doc>/<32 hex digits>``: an RFC 3161 token over a document's digest.

    The token itself stands in the transaction. `gen_time` is in ms, `serial` in hex, `token` is
    the token's SHA-256. The contract has compared the imprint and nothing else.
    """

    doc: str
    gen_time: int
    policy: str
    serial: str
    token: bytes


class ExhibitRecord(Record, frozen=True):
    """``doc/exhibit/<doc>/<member>/<16 hex digits>``: a document was shown in a case."""

    doc: str
    case_no: str
    to_org: str


class BatchRecord(Record, frozen=True):
    """``doc/batch/<id>``: the RFC 6962 root over `count` digests (contracts.md, 8.8)."""

    root: bytes
    count: int
    alg: str
    owner: str
    meta: dict[str, str] = msgspec.field(default_factory=dict)
