"""What a node does with proof that a validator lied: a file that one command takes to the chain.

A node's keys sign no transactions, so the accusation is an organisation's:
``hansa tx call governance.accuse @FILE --as ORG`` (docs/spec/contracts.md, clause 5.7).
"""

import json
from contextlib import closing
from pathlib import Path

from consensus.accuse import evidence_of
from consensus.io import Evidence
from consensus.records import message_height
from storage.files import RealFiles

EVIDENCE_FOLDER = "evidence"
EVIDENCE_FILES_MAX = 100
"""Files kept: one proves a lie, and a liar may tell one each height for ever."""


class EvidenceFolder:
    """The files of one node's home."""

    def __init__(self, home: Path) -> None:
        """Write below `home`; the folder is made with the first file."""
        self._folder = home / EVIDENCE_FOLDER

    def keep(self, seen: Evidence) -> Path | None:
        """Write what proves the lie, whole and durably: after a restart nobody has it any more.

        None where it proves nothing or enough is kept.

        Raises:
            DiskFailed: the log has the fact, the node goes on.
        """
        proof = evidence_of(seen)
        if proof is None:
            return None
        name = f"{message_height(seen.first):012d}-{seen.validator}.json"
        with closing(RealFiles(self._folder)) as files:
            kept = files.names()
            if name in kept or len(kept) >= EVIDENCE_FILES_MAX:
                return None
            files.replace(name, json.dumps({"evidence": {"$bytes": proof.hex()}}).encode() + b"\n")
        return self._folder / name
