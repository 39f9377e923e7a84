"""One transaction: its calls, all or none, and the receipt that it leaves.

The promise: whatever a contract does, there is either a receipt that every replica
makes alike, or `NoResult`, and then nothing at all. docs/spec/ledger.md, section 4.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from hansa.encoding import encode_value
from hansa.errors import Corrupt, HansaError, Rejected, Unavailable
from hansa.receipt import NO_FIELDS, NOBODY, OK
from hansa.transaction import Call, SignedTransaction
from ledger.authorise import StateRegistry, authorise, identify
from ledger.changes import entries
from ledger.contract import CALL, TIMER, Contract, Refused, Scope, encode_fields
from ledger.due import Ripe
from ledger.state import Overlay

ERROR_BYTES_MAX = 4 * 1024
"""Fields of a refusal; longer ones are dropped, the code remains."""
DUE_READS_MAX, DUE_KEYS_MAX = 10_000, 1_024
"""The meter of each due entry: that of a transaction."""

_ENCODER = msgspec.msgpack.Encoder()
_Notes = tuple[tuple[str, bytes], ...]
_Changes = tuple[tuple[str, int, int], ...]
Result = tuple[bytes, _Notes, _Changes]
"""A call's result, events and record changes, as they stand in the receipt."""


class NoResult(HansaError):  # noqa: N818 - it names an outcome
    """Memory or stack ran out: nothing is known about the call, so there is no receipt."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An exception out of a contract: an alarm for the operator, never a receipt's content.

    Attributes:
        index: of the transaction.
        call: as ``<contract>.<method>``.
        text: of the exception.
    """

    index: int
    call: str
    text: str


@dataclass(slots=True)
class Executor:
    """Runs the transactions of one block, one after the other.

    Attributes:
        view: the block's overlay.
        registry: answers about members and parameters.
        contracts: by name.
        chain_id: of the chain.
        height: of the block.
        time: of the block, in ms.
        faults: exceptions out of contracts so far.
        index: entries of the index of changes so far.
    """

    view: Overlay
    registry: StateRegistry
    contracts: Mapping[str, Contract]
    chain_id: str
    height: int
    time: int
    faults: list[Fault] = field(default_factory=list)
    index: dict[bytes, bytes] = field(default_factory=dict)

    def run(self, transaction: SignedTransaction, index: int) -> bytes:
        """Run a client's transaction: the bytes of its receipt.

        Raises:
            NoResult: memory or stack ran out; the overlay is as before.
        """
        registry = self.registry
        self.view.begin(
            _number(registry, "transaction.reads"), _number(registry, "transaction.keys")
        )
        results: list[Result] = []
        try:
            signers, strangers = identify(registry, transaction.transaction.signers)
            scope = self._scope(transaction, index)
            scope.signers, scope.strangers = signers, strangers
            for call in transaction.transaction.calls:
                results.append(self._call(scope, call))  # noqa: PERF401 - its length names the call
        except Refused as refusal:
            return self._refuse(transaction, index, len(results), refusal)
        except (Corrupt, Unavailable):
            raise
        except (MemoryError, RecursionError) as error:
            self.view.rollback(0)
            raise NoResult("transaction.no-result", type(error).__name__) from error
        except Rejected as error:
            said = Refused("SCHEMA", reason=error.code)
            return self._refuse(transaction, index, len(results), said)
        except Exception as error:  # noqa: BLE001 - whatever a contract raises is a FAULT
            call = transaction.transaction.calls[min(len(results), _last(transaction))]
            self.faults.append(Fault(index, f"{call.contract}.{call.method}", repr(error)))
            return self._refuse(transaction, index, len(results), Refused("FAULT"))
        receipt = self._receipt(transaction, index, OK, NOBODY, NO_FIELDS, results)
        most = _number(registry, "transaction.receipt_bytes")
        if len(receipt) > most:
            large = Refused("LIMIT", field="receipt", have=len(receipt), need=most)
            return self._refuse(transaction, index, len(results) - 1, large)
        by = [signer.subject for signer in signers]
        self._note(transaction, index, by, zip(_names(transaction), results, strict=True))
        return receipt

    def run_due(self, transaction: SignedTransaction, ripe: tuple[Ripe, ...]) -> bytes:
        """Run due entries, each for itself: one that is refused is gone, the others stand.

        Raises:
            NoResult: memory or stack ran out.
        """
        scope = self._scope(transaction, 0)
        outcomes: list[dict[str, str]] = []
        done: list[tuple[str, Result]] = []
        for item in ripe:
            self.view.begin(DUE_READS_MAX, DUE_KEYS_MAX)
            self.view.delete(item.key)
            savepoint = self.view.save()
            events, records = len(scope.events), len(scope.records)
            code = self._run_entry(scope, item)
            if code != OK:
                self.view.rollback(savepoint)
                del scope.events[events:], scope.records[records:]
            name = f"{item.entry.contract}.{item.entry.method}"
            done.append((name, (b"", (), tuple(scope.records[records:]))))
            outcomes.append({"code": code, "id": item.key.decode()})
        result: Result = (
            _ENCODER.encode({"entries": outcomes}),
            tuple(scope.events),
            tuple(scope.records),
        )
        self._note(transaction, 0, [], done)
        return self._receipt(transaction, 0, OK, NOBODY, NO_FIELDS, [result])

    def _note(
        self,
        transaction: SignedTransaction,
        index: int,
        by: list[str],
        done: Iterable[tuple[str, Result]],
    ) -> None:
        """Put what a transaction changed into the index of changes."""
        changes = ((name, result[2]) for name, result in done)
        self.index.update(entries(self.height, index, transaction.tx_id, by, changes))

    def _run_entry(self, scope: Scope, item: Ripe) -> str:
        entry = item.entry
        try:
            contract = self.contracts[entry.contract]
            contract.carry_out(contract.find(entry.method, TIMER), scope, entry.arguments)
        except Refused as refusal:
            return refusal.code
        except (Corrupt, Unavailable):
            raise
        except (MemoryError, RecursionError) as error:
            raise NoResult("transaction.no-result", type(error).__name__) from error
        except Exception as error:  # noqa: BLE001 - whatever a contract raises is a FAULT
            self.faults.append(Fault(0, f"{entry.contract}.{entry.method}", repr(error)))
            return "FAULT"
        return OK

    def _scope(self, transaction: SignedTransaction, index: int) -> Scope:
        return Scope(
            view=self.view,
            registry=self.registry,
            chain_id=self.chain_id,
            height=self.height,
            time=self.time,
            index=index,
            tx_id=transaction.tx_id,
            signers=(),
            strangers=(),
            events=[],
            records=[],
            contracts=self.contracts,
        )

    def _call(self, scope: Scope, call: Call) -> Result:
        contract = self.contracts.get(call.contract)
        if contract is None:
            raise Refused("MISSING", contract=call.contract)
        entry = contract.find(call.method, CALL)
        if scope.strangers and not entry.strangers:
            raise Refused("SIGN", key=scope.strangers[0])
        authorise(self.registry, call.contract, entry, scope.signers)
        scope.events, scope.records = [], []
        value = contract.carry_out(entry, scope, call.args)
        result = encode_fields(value) if isinstance(value, dict) else encode_value(value)
        return result, tuple(scope.events), tuple(scope.records)

    def _refuse(
        self, transaction: SignedTransaction, index: int, failed: int, refusal: Refused
    ) -> bytes:
        self.view.rollback(0)
        fields = encode_value(refusal.fields)
        if len(fields) > ERROR_BYTES_MAX:
            fields = NO_FIELDS
        return self._receipt(transaction, index, refusal.code, failed, fields, [])

    def _receipt(  # noqa: PLR0913, PLR0917 - the fields of a receipt
        self,
        transaction: SignedTransaction,
        index: int,
        code: str,
        failed: int,
        error: bytes,
        results: list[Result],
    ) -> bytes:
        """The bytes that `pack` gives for a `Receipt` of these fields, made at once."""
        tx_id, tx_hash = transaction.tx_id, transaction.tx_hash
        fields = (tx_id, tx_hash, self.height, index, code, failed, error, results)
        return _ENCODER.encode(fields)


def _number(registry: StateRegistry, name: str) -> int:
    value = registry.parameter(name)
    assert isinstance(value, int)
    return value


def _names(transaction: SignedTransaction) -> list[str]:
    return [f"{call.contract}.{call.method}" for call in transaction.transaction.calls]


def _last(transaction: SignedTransaction) -> int:
    return len(transaction.transaction.calls) - 1
