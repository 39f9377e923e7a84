"""Everything on the chain that concerns one member, taken out into a folder (docs/spec/export.md).

The promise: only the API is asked; killed at any moment and run again, an export goes on where
it was; what is in the folder can be checked by a stranger, proof by proof, with no node at all.
"""

import base64
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

from hansa.bulk.export_files import Folder, proof_of_record, proof_of_tx
from hansa.client.plain import Client
from hansa.client.types import BlockTransaction, Json, TransactionReply
from hansa.epcis import read_event
from hansa.errors import Rejected, Unavailable
from hansa.keys import public_key_text
from hansa.transaction import SignedTransaction

P = ParamSpec("P")
K = TypeVar("K", bytes, str)
T = TypeVar("T")

PAGE = 200
"""Keys that are asked for at once: the most that a node gives."""
KEPT_EVERY = 50
"""Blocks that are read again after a crash, at most."""
TRIES_MAX = 60
PAUSE_S = 1.0
"""A node that is busy is asked again that often, a minute in all."""
QUERIES = "queries"
"""Beside the contracts, in the node's list of them: what may be asked."""
RECORDS_MAX = 1_000_000
"""Records of one member: their keys are held in memory."""
SIGNED, NAMED, RECORD = "signed", "named", "record"
"""Why a transaction concerns a member: a key of it signed, it is named, a record of it changed."""


@dataclass(slots=True)
class Summary:
    """What an export holds.

    Attributes:
        member: whom it concerns.
        height: up to which blocks were read.
        transactions, records, proofs: how many.
        gaps: heights whose blocks the node no longer keeps.
        unproven: what no proof could be had for, and the code why.
    """

    member: str
    height: int
    transactions: int = 0
    records: int = 0
    proofs: int = 0
    gaps: int = 0
    unproven: int = 0


class Export:
    """Takes out what concerns one member."""

    def __init__(
        self, node: Client, member: str, folder: Path, progress: Callable[[str], None]
    ) -> None:
        """Export into `folder`; `progress` hears a sentence now and then."""
        self._node = node
        self._member = member
        self._folder = folder
        self._say = progress
        self._keys: frozenset[str] = frozenset()
        self._mine: set[str] = set()

    def run(self) -> Summary:
        """Take out everything.

        Raises:
            Rejected: ``export.member``, ``export.folder``, ``export.done``, ``export.other`` or
                ``export.records``.
            Unavailable: the node gave no answer for a minute: run it again.
        """
        status = _patient(self._node.status)
        if not _patient(self._node.state, f"org/member/{self._member}").present:
            raise Rejected(
                "export.member",
                f"{status.chain_id} has no member {self._member}",
                "hansa get org/member/ --scan",
            )
        with Folder.open(self._folder, status.chain_id, self._member, status.height) as folder:
            self._keys = frozenset(self._keys_of_member())
            folder.write("trust.json", _patient(self._node.trust))
            self._take_records(folder)
            self._mine = {str(row["key"]) for row in folder.records.rows()}
            self._take_blocks(folder)
            summary = Summary(self._member, folder.state.to)
            self._prove(folder, summary)
            summary.gaps = len(folder.state.gaps)
            folder.finish()
            return summary

    def _keys_of_member(self) -> Iterator[str]:
        """The texts of all keys that ever were the member's."""
        for _, value in self._scan("org/key/"):
            if isinstance(value, dict) and value.get("member") == self._member:
                yield public_key_text(bytes.fromhex(str(value["public"])))

    def _scan(self, prefix: str) -> Iterator[tuple[str, Json]]:
        cursor: str | None = None
        while True:
            page = _patient(self._node.scan, prefix, PAGE, cursor)
            for entry in page.items:
                yield entry.key, entry.value
            cursor = page.next
            if cursor is None:
                return

    def _take_records(self, folder: Folder) -> None:
        """Take what stands in the state, contract by contract."""
        for contract in sorted(_patient(self._node.contracts)):
            if contract == QUERIES or contract in folder.state.contracts:
                continue
            for key, value in self._scan(contract + "/"):
                why = self._why_record(key, value)
                if why:
                    if folder.records.count >= RECORDS_MAX:
                        raise Rejected("export.records", f"more than {RECORDS_MAX} records")
                    folder.records.add({"key": key, "why": [*why], "value": value})
            folder.state.contracts.append(contract)
            folder.keep()
            self._say(f"{contract}: {folder.records.count} records so far")

    def _why_record(self, key: str, value: Json) -> list[str]:
        """The fields in which a record names the member; ``key`` where its key does."""
        fields = value if isinstance(value, dict) else {"value": value}
        why = [name for name, inside in fields.items() if names(inside, self._member)]
        return ["key", *why] if self._member in key.split("/") else why

    def _take_blocks(self, folder: Folder) -> None:
        """Take the transactions of all blocks, oldest first."""
        state = folder.state
        while state.height < state.to:
            height = state.height + 1
            try:
                block = _patient(self._node.block, height)
            except Rejected as error:
                if error.code != "block.not-found":
                    raise
                state.gaps.append(height)
            else:
                for listed in block.transactions:
                    self._take_transaction(folder, listed, height, block.summary.time)
            state.height = height
            if height == state.to or not height % KEPT_EVERY:
                folder.keep()
            if not height % PAGE:
                self._say(f"block {height} of {state.to}: {folder.transactions.count} transactions")

    def _take_transaction(
        self, folder: Folder, listed: BlockTransaction, height: int, at: int
    ) -> None:
        tx_id = bytes.fromhex(listed.tx_id)
        reply = _patient(self._node.transaction, tx_id)
        why = self._why_transaction(reply)
        if not why or reply.transaction is None or reply.receipt is None:
            return
        view, receipt = reply.transaction, reply.receipt
        folder.transactions.add({
            "tx_id": listed.tx_id,
            "height": height,
            "index": listed.index,
            "time": at,
            "code": listed.code,
            "why": [*why],
            "signers": [*view.signers],
            "calls": [
                {"contract": call.contract, "method": call.method, "args": call.args}
                for call in view.calls
            ],
            "error": receipt.error,
            "results": [call.result for call in receipt.calls],
            "records": [change.key for call in receipt.calls for change in call.records],
            "raw": view.raw,
        })  # fmt: skip
        for digest, text in event_texts(view.raw):
            folder.write(f"events/{digest.hex()}.json", text)

    def _why_transaction(self, reply: TransactionReply) -> list[str]:
        why = []
        view, receipt = reply.transaction, reply.receipt
        if view is not None:
            if self._keys.intersection(view.signers):
                why.append(SIGNED)
            said: Json = [call.args for call in view.calls]
            if receipt is not None:
                said = [said, receipt.error, [call.result for call in receipt.calls]]
                said += [[event.fields for event in call.events] for call in receipt.calls]
            if names(said, self._member):
                why.append(NAMED)
        if receipt is not None:
            changed = {change.key for call in receipt.calls for change in call.records}
            if not self._mine.isdisjoint(changed):
                why.append(RECORD)
        return why

    def _prove(self, folder: Folder, summary: Summary) -> None:
        """Fetch a proof for each transaction and each record that has none yet."""
        for row in folder.transactions.rows():
            tx_id = bytes.fromhex(str(row["tx_id"]))
            self._fetch(folder, proof_of_tx(row), self._node.proof_tx, tx_id, summary)
            summary.transactions += 1
        for row in folder.records.rows():
            key = str(row["key"])
            self._fetch(folder, proof_of_record(row), self._node.proof_state, key, summary)
            summary.records += 1

    def _fetch(
        self, folder: Folder, name: str, ask: Callable[[K], bytes], of: K, summary: Summary
    ) -> None:
        if not folder.has(name):
            try:
                folder.write(name, _patient(ask, of))
            except Rejected as error:
                folder.missing[name] = error.code
                summary.unproven += 1
                return
        summary.proofs += 1
        if not summary.proofs % (5 * PAGE):
            self._say(f"{summary.proofs} proofs")


def names(value: Json, member: str) -> bool:
    """Whether a value names a member, or one of its subjects (``<member>/<name>``), anywhere."""
    if isinstance(value, str):
        return value == member or value.startswith(member + "/")
    if isinstance(value, dict):
        return any(names(name, member) or names(inside, member) for name, inside in value.items())
    return isinstance(value, list) and any(names(inside, member) for inside in value)


def event_texts(raw: str) -> Iterator[tuple[bytes, bytes]]:
    """Hash and text of each EPCIS event in a transaction (base64url)."""
    signed = SignedTransaction.decode(base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4)))
    for call in signed.transaction.calls:
        if call.contract != "trace":
            continue
        for value in call.arguments().values():
            for text in value if isinstance(value, list) else [value]:
                if isinstance(text, bytes):
                    try:
                        yield read_event(text).digest, text
                    except Rejected:
                        continue  # bytes that are no event: a seal, a digest


def _patient(ask: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Ask a node that may be busy.

    Raises:
        Unavailable: it does not answer, or was busy `TRIES_MAX` times.
    """
    for _ in range(TRIES_MAX - 1):
        try:
            return ask(*args, **kwargs)
        except Unavailable as error:
            if error.code == "node.unreachable":
                raise
            time.sleep(PAUSE_S)
    return ask(*args, **kwargs)
