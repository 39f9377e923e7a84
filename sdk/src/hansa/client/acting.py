"""Acting on the chain: calls are built, signed, submitted, waited for (`Client.acting`).

The promise: a method that returns was carried out in a block; whatever else happened is an
error that says whose fault it is. With an `Outbox` the bytes are on the disk before they leave.
"""

import os
import time
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hansa.calls.acting import Contracts
from hansa.client.outbox import Outbox, deliver_one, deliver_one_async
from hansa.client.transactions import make
from hansa.client.types import Fate, Json, ReceiptView
from hansa.errors import Rejected, Unavailable
from hansa.partial import Partial
from hansa.partial import build as build_partial
from hansa.signing import SigningKey
from hansa.transaction import NONCE_BYTES, Call, SignedTransaction

if TYPE_CHECKING:
    from hansa.client.asynchronous import AsyncClient
    from hansa.client.plain import Client

WITHIN_S = 60.0
"""How long to wait for a final fate when nobody says."""
EXPIRES_MS = 10 * 60_000
"""How long a transaction may wait for its block (docs/spec/ledger.md, 1)."""
EXPIRES_SEVERAL_MS = 24 * 3600 * 1000
"""The same where a file has to travel between signers first."""


@dataclass(frozen=True, slots=True)
class Done:
    """What was carried out.

    Attributes:
        tx_id: of the transaction.
        height: of its block.
        receipt: results, events and changed records of each call.
    """

    tx_id: bytes
    height: int
    receipt: ReceiptView

    @property
    def results(self) -> tuple[Json, ...]:
        """What each call gave, in order."""
        return tuple(call.result for call in self.receipt.calls)

    @property
    def result(self) -> Json:
        """What the only call gave."""
        (only,) = self.results
        return only


class TransactionRefused(Rejected):
    """A contract said no; nothing of the transaction was carried out.

    Attributes:
        refusal: one code of the closed set (docs/spec/contracts.md), such as ``AUTH``.
        fields: what was had, what is needed, by whom.
        call: number of the call that was refused.
        tx_id: of the transaction.
    """

    def __init__(self, refusal: str, fields: Mapping[str, Json], call: int, tx_id: bytes) -> None:
        """Tell a receipt's refusal."""
        said = "  ".join(f"{name}={value}" for name, value in fields.items())
        super().__init__(
            f"refused.{refusal}",
            f"call {call}  {said}".rstrip(),
            "mend what is named and sign anew",
        )
        self.refusal = refusal
        self.fields = dict(fields)
        self.call = call
        self.tx_id = tx_id


@dataclass(frozen=True, slots=True)
class Manner:
    """How someone acts.

    Attributes:
        key: of the sender.
        cosigners: keys that sign beside it.
        outbox: where bytes are kept until they are final, if anywhere.
        within_s: how long to wait for that.
        expires_ms: from signing on, when an uncommitted transaction dies.
    """

    key: SigningKey
    cosigners: tuple[SigningKey, ...] = ()
    outbox: Outbox | None = None
    within_s: float = WITHIN_S
    expires_ms: int = EXPIRES_MS

    def sign(self, chain_id: str, calls: Sequence[Call]) -> SignedTransaction:
        """A signed transaction, in the outbox if there is one."""
        expires_at = now_ms() + self.expires_ms
        signed = make(chain_id, self.key, calls, expires_at=expires_at, cosigners=self.cosigners)
        if self.outbox is not None:
            self.outbox.put(signed)
        return signed

    def settle(self, signed: SignedTransaction, fate: Fate) -> None:
        """Note the final fate in the outbox, if there is one."""
        if self.outbox is not None:
            self.outbox.settle(signed.tx_id, fate)

    def turned_away(self, signed: SignedTransaction, error: Rejected) -> None:
        """Note that the only node that saw the bytes did not take them."""
        if self.outbox is not None:
            self.outbox.turned_away(signed.tx_id, error)

    def draft(self, chain_id: str, calls: Sequence[Call], others: Sequence[bytes]) -> Partial:
        """A transaction that others must sign, too, signed by the keys here."""
        mine = (self.key, *self.cosigners)
        draft = build_partial(
            chain_id,
            calls,
            [*(key.public for key in mine), *others],
            expires_at=now_ms() + EXPIRES_SEVERAL_MS,
            nonce=os.urandom(NONCE_BYTES),
        )
        for key in mine:
            draft = draft.sign(key)
        return draft


class Acting(Contracts[Done]):
    """Someone who signs, at one node; ``acting.asset.issue(...)`` is carried out at once."""

    def __init__(self, node: "Client", manner: Manner) -> None:
        """Act at a node."""
        super().__init__(self.do)
        self._node = node
        self._manner = manner
        self._chain_id = ""

    def do(self, *calls: Call) -> Done:
        """Carry out calls in one transaction: all of them or none.

        Raises:
            TransactionRefused: a contract said no.
            Rejected: the node refuses the bytes for good, or (``tx.expired``) no block took them.
            Unavailable: nothing final within the time: it may still commit.
        """
        signed = self.sign(*calls)
        try:
            self._node.submit(signed)
        except Rejected as error:
            self._manner.turned_away(signed, error)
            raise
        except Unavailable:
            pass  # it may have been taken all the same: the same bytes again
        fate, receipt = deliver_one(self._node, signed, self._manner.within_s)
        self._manner.settle(signed, fate)
        return told(signed, fate, receipt)

    def sign(self, *calls: Call) -> SignedTransaction:
        """Sign calls for this chain and put them into the outbox; send nothing."""
        self._chain_id = self._chain_id or self._node.status().chain_id
        return self._manner.sign(self._chain_id, calls)

    def draft(self, *calls: Call, others: Sequence[bytes]) -> Partial:
        """A transaction that `others` (public keys) have to sign, too, as a file that travels."""
        self._chain_id = self._chain_id or self._node.status().chain_id
        return self._manner.draft(self._chain_id, calls, others)


class AsyncActing(Contracts[Coroutine[Any, Any, Done]]):
    """The same at an asynchronous client; everything is awaited."""

    def __init__(self, node: "AsyncClient", manner: Manner) -> None:
        """Act at a node."""
        super().__init__(self.do)
        self._node = node
        self._manner = manner
        self._chain_id = ""

    async def do(self, *calls: Call) -> Done:
        """Carry out calls in one transaction: all of them or none. Raises as `Acting.do`."""
        signed = await self.sign(*calls)
        try:
            await self._node.submit(signed)
        except Rejected as error:
            self._manner.turned_away(signed, error)
            raise
        except Unavailable:
            pass  # as above
        fate, receipt = await deliver_one_async(self._node, signed, self._manner.within_s)
        self._manner.settle(signed, fate)
        return told(signed, fate, receipt)

    async def sign(self, *calls: Call) -> SignedTransaction:
        """Sign calls for this chain and put them into the outbox; send nothing."""
        self._chain_id = self._chain_id or (await self._node.status()).chain_id
        return self._manner.sign(self._chain_id, calls)

    async def draft(self, *calls: Call, others: Sequence[bytes]) -> Partial:
        """A transaction that `others` (public keys) have to sign, too, as a file that travels."""
        self._chain_id = self._chain_id or (await self._node.status()).chain_id
        return self._manner.draft(self._chain_id, calls, others)


def told(signed: SignedTransaction, fate: Fate, receipt: ReceiptView | None) -> Done:
    """What was carried out.

    Raises:
        TransactionRefused: it was refused.
        Rejected: ``tx.expired``.
        Unavailable: ``node.reply``: the node gives no receipt of what it says is in a block.
    """
    if fate.state == "expired":
        raise Rejected(
            "tx.expired", f"{signed.tx_id.hex()}: no block took it in its time", "sign it anew"
        )
    if receipt is None or fate.height is None:
        raise Unavailable(
            "node.reply", f"{signed.tx_id.hex()} is {fate.state}, but there is no receipt"
        )
    if fate.state != "committed":
        fields = receipt.error if isinstance(receipt.error, dict) else {}
        raise TransactionRefused(receipt.code, fields, receipt.failed_call, signed.tx_id)
    return Done(signed.tx_id, fate.height, receipt)


def now_ms() -> int:
    """Wall time in ms since 1970."""
    return time.time_ns() // 1_000_000
