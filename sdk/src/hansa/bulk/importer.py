"""Carrying out many rows, over interruptions, each once (docs/guides/sdk.md).

The promise: a row that is on the chain is never brought there again, however often the import
is killed and run again with the same journal: signed bytes are on the disk before they are sent,
and what is not final is sent again as the same bytes before anything new is signed.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from hansa.bulk.rows import Failed, Row
from hansa.client.acting import EXPIRES_MS, WITHIN_S, now_ms
from hansa.client.outbox import Kept, Outbox, deliver_one
from hansa.client.plain import Client
from hansa.client.transactions import make
from hansa.client.types import Fate, Json, ReceiptView
from hansa.errors import Rejected, Unavailable
from hansa.signing import SigningKey
from hansa.transaction import SignedTransaction

CALLS_A_TRANSACTION = 32
"""Rows of one transaction: their receipt stays far below its limit of 64 KiB."""
BYTES_A_TRANSACTION = 200 * 1024
"""Of arguments in one transaction: the chain takes 256 KiB with everything around them."""
TOO_MUCH = "LIMIT"
"""The refusal of a transaction that reads, writes or tells too much as a whole."""
EXPIRED_MAX = 3
"""Transactions in a row that no block took in their time: then the chain stands still."""


@dataclass(frozen=True, slots=True)
class Carried:
    """A row that is on the chain.

    Attributes:
        number: of the row in this run.
        name: of the row.
        tx_id: hex, of the transaction that this import sent for it.
        height: of its block.
        duplicate: whether the chain had it before.
    """

    number: int
    name: str
    tx_id: str
    height: int | None
    duplicate: bool

    @property
    def document(self) -> dict[str, object]:
        """The machine form."""
        return {
            "row": self.number,
            "name": self.name,
            "tx_id": self.tx_id,
            "height": self.height,
            "duplicate": self.duplicate,
        }


@dataclass(slots=True)
class Report:
    """What became of the rows.

    Attributes:
        carried: rows that are on the chain, earlier runs of the same journal included.
        failed: rows that are not, and why, by number.
        before: how many of `carried` were there before this run began.
        transactions: how many this run had committed.
    """

    carried: list[Carried] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    before: int = 0
    transactions: int = 0

    @property
    def rows(self) -> int:
        """How many rows were read."""
        return len(self.carried) + len(self.failed)


class Import:
    """Carries rows out as one signer, in their order: they may rest on each other."""

    def __init__(  # noqa: PLR0913 - a node, a signer, and how to go about it
        self,
        node: Client,
        key: SigningKey,
        outbox: Outbox,
        *,
        within_s: float = WITHIN_S,
        expires_ms: int = EXPIRES_MS,
        progress: Callable[[Report], None] = lambda _: None,
    ) -> None:
        """Import through a node; `progress` hears of each transaction."""
        self._node = node
        self._key = key
        self._outbox = outbox
        self._within_s = within_s
        self._expires_ms = expires_ms
        self._progress = progress
        self._chain_id = ""
        self._expired = 0
        self._known: dict[str, Carried] = {}
        self.report = Report()

    def run(self, rows: Iterable[Row | Failed]) -> Report:
        """Carry out what is not on the chain yet.

        Raises:
            Rejected: the node refuses the bytes themselves: a wrong key, no permission to submit.
            Unavailable: a transaction is not final within its time, or `EXPIRED_MAX` expired: run
                it again with the same journal.
        """
        self._chain_id = self._node.status().chain_id
        self._remember()
        for kept in [*self._outbox.pending.values()]:
            self._deliver(kept)
        taken: set[str] = set()
        chunk: list[Row] = []
        size = 0
        for row in rows:
            if isinstance(row, Failed):
                self.report.failed.append(row)
                continue
            known = self._known.get(row.name)
            if known is not None or row.name in taken:
                self._note_known(row, known)
                continue
            taken.add(row.name)
            bytes_of_row = len(row.call.args)
            if len(chunk) >= CALLS_A_TRANSACTION or size + bytes_of_row > BYTES_A_TRANSACTION:
                self._carry_out(chunk)
                chunk, size = [], 0
            chunk.append(row)
            size += bytes_of_row
        self._carry_out(chunk)
        self.report.failed.sort(key=lambda row: row.number)
        return self.report

    def _remember(self) -> None:
        """Take in what earlier runs with this journal brought onto the chain."""
        for settled in self._outbox.settled.values():
            self._know(settled.tx_id, settled.fate, settled.note, settled.result)

    def _know(self, tx_id: bytes, fate: Fate, note: Json, result: Json) -> None:
        if fate.state != "committed" or not isinstance(note, list):
            return
        duplicates = result if isinstance(result, list) else []
        for place, name in enumerate(note):
            assert isinstance(name, str)
            known = Carried(0, name, tx_id.hex(), fate.height, place in duplicates)
            self._known[name] = known

    def _note_known(self, row: Row, known: Carried | None) -> None:
        """Note a row that is there already, or that stands twice in the table."""
        self.report.before += 1
        self.report.carried.append(
            Carried(row.number, row.name, "", None, duplicate=True)
            if known is None
            else Carried(row.number, row.name, known.tx_id, known.height, known.duplicate)
        )

    def _carry_out(self, rows: Sequence[Row]) -> None:
        """Carry out rows in their order; one that is refused is left out, the others go on."""
        waiting = [[*rows]] if rows else []
        while waiting:
            chunk = waiting.pop(0)
            expires_at = now_ms() + self._expires_ms
            calls = [row.call for row in chunk]
            signed = make(self._chain_id, self._key, calls, expires_at=expires_at)
            names: Json = [row.name for row in chunk]
            self._outbox.put(signed, names)
            self._submit(signed)
            fate, receipt = self._deliver(Kept(signed, names))
            if fate.state == "expired":
                self._count_expired()
                waiting.insert(0, chunk)
            elif fate.state == "committed":
                self._note_carried(chunk)
            else:
                waiting[:0] = self._without_refused(chunk, fate, receipt)
            self._progress(self.report)

    def _submit(self, signed: SignedTransaction) -> None:
        """Send what was never sent: a node that does not take it has settled it."""
        try:
            self._node.submit(signed)
        except Rejected as error:
            self._outbox.turned_away(signed.tx_id, error)
            raise
        except Unavailable:
            pass  # it may have been taken all the same: the same bytes again

    def _deliver(self, kept: Kept) -> tuple[Fate, ReceiptView | None]:
        """Send the same bytes until their fate is final, and write that down."""
        fate, receipt = deliver_one(self._node, kept.signed, self._within_s)
        result = _duplicates(receipt)
        self._outbox.settle(kept.signed.tx_id, fate, result)
        self._know(kept.signed.tx_id, fate, kept.note, result)
        if fate.state == "committed":
            self.report.transactions += 1
            self._expired = 0
        return fate, receipt

    def _note_carried(self, chunk: Sequence[Row]) -> None:
        for row in chunk:
            known = self._known[row.name]
            carried = Carried(row.number, row.name, known.tx_id, known.height, known.duplicate)
            self.report.carried.append(carried)

    def _without_refused(
        self, chunk: list[Row], fate: Fate, receipt: ReceiptView | None
    ) -> list[list[Row]]:
        """What is left to carry out after a refusal, which carried out nothing.

        Several rows may together be too much for one transaction: they are told apart only when
        one alone is too much.
        """
        call = -1 if receipt is None else receipt.failed_call
        if len(chunk) > 1 and (call < 0 or fate.code == TOO_MUCH):
            cut = call if 0 < call < len(chunk) else len(chunk) // 2
            return [chunk[:cut], chunk[cut:]]
        refused = chunk[max(call, 0)]
        self._refuse(refused, fate, receipt)
        left = [row for row in chunk if row is not refused]
        return [left] if left else []

    def _refuse(self, row: Row, fate: Fate, receipt: ReceiptView | None) -> None:
        error = None if receipt is None else receipt.error
        fields = error if isinstance(error, dict) else {}
        said = "  ".join(f"{name}={value}" for name, value in fields.items())
        self.report.failed.append(
            Failed(row.number, row.name, fate.code, said or fate.reason, fields)
        )

    def _count_expired(self) -> None:
        self._expired += 1
        if self._expired >= EXPIRED_MAX:
            raise Unavailable(
                "import.expired",
                f"{self._expired} transactions in a row expired",
                "the chain stands still: hansa status; then run the import again",
            )


def _duplicates(receipt: ReceiptView | None) -> Json:
    """Places of the calls that found their thing on the chain already."""
    if receipt is None:
        return None
    return [
        place
        for place, call in enumerate(receipt.calls)
        if isinstance(call.result, dict) and call.result.get("duplicate") is True
    ] or None
