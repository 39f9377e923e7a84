"""What a node writes into its log about consensus: one line a block, one a trouble."""

from consensus.io import Evidence
from consensus.records import message_height
from node.events import Effects
from node.evidence import EvidenceFolder
from node.logs import Logger
from node.loop import NodeLoop
from storage.errors import DiskFailed


class Journalist:
    """Turns effects into log lines with stable event names."""

    def __init__(self, log: Logger, loop: NodeLoop, folder: EvidenceFolder) -> None:
        """Write to `log`, and proof of lies to `folder`."""
        self._folder = folder
        self._log = log
        self._loop = loop
        self._view = 0

    def observe(self, effects: Effects) -> None:
        """Write about one turn."""
        for committed in effects.committed:
            header = committed.header
            self._view = 0
            self._log.info(
                "consensus.commit",
                height=header.height,
                transactions=len(committed.receipts),
                view=committed.certificate.view,
                primary=header.primary,
                block=header.hash.hex()[:12],
            )
        view = self._loop.driver.replica.state.target
        if view > self._view:
            self._view = view
            replica = self._loop.driver.replica
            self._log.warning("consensus.view_change", height=replica.height, target=view)
        for peer, reason in effects.penalise:
            self._log.warning("p2p.penalised", peer=peer, reason=reason)
        for evidence in effects.evidence:
            self._accuse(evidence)
        if effects.diverged:
            self._log.error(
                "node.diverged",
                height=self._loop.driver.replica.height,
                detail="execution here gives another outcome than a quorum certified",
                hint="this node signs nothing more; compare versions, then sync its store again",
            )

    def _accuse(self, seen: Evidence) -> None:
        try:
            file = self._folder.keep(seen)
        except DiskFailed as error:
            file = None
            self._log.warning("consensus.evidence_lost", reason=error.detail)
        self._log.error(
            "consensus.evidence",
            validator=seen.validator,
            height=message_height(seen.first),
            file="" if file is None else str(file),
            hint="hansa tx call governance.accuse @FILE --as ORG takes it to the chain",
        )
