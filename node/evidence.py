"""What a node does with proof that a validator lied: a file that one command takes to the chain.

A node's keys sign no transactions, so the accusation is an organisation's:
``hansa tx call governance.accuse @FILE --as ORG`` (docs/spec/contracts.md, clause 5.7).
"""

import json
from pathlib import Path

from consensus.accuse import evidence_of
from consensus.io import Evidence

EVIDENCE_FOLDER = "evidence"
EVIDENCE_FILES_MAX = 100
"""Files kept: one proves a lie, and a liar may tell one each height for ever."""


class EvidenceFolder:
    """The files of one node's home."""

    def __init__(self, home: Path) -> None:
        """Write below `home`; the folder is made with the first file."""
        self._folder = home / EVIDENCE_FOLDER

    def keep(self, seen: Evidence, validator: str, height: int) -> Path | None:
        """Write what proves the lie; None where it proves nothing or enough is kept.

        Raises:
            OSError: the disk refused; the log has the fact, the node goes on.
        """
        proof = evidence_of(seen)
        if proof is None:
            return None
        self._folder.mkdir(exist_ok=True)
        path = self._folder / f"{height:012d}-{validator}.json"
        if path.exists() or len(list(self._folder.iterdir())) >= EVIDENCE_FILES_MAX:
            return None
        path.write_text(json.dumps({"evidence": {"$bytes": proof.hex()}}) + "\n", "ascii")
        return path
