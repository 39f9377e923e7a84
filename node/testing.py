"""A chain in one process: the real ledger over memory, with real signatures and certificates.

Promise: what a contract does here it does on a network, receipts, state and proofs included. No
network, no clock, no chance: time moves when the test says so, keys follow from names, and the
same calls give the same block hashes. `hansa.testing.in_process_chain` finds it.
"""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from hansa.certificate import Certificate, make_certificate
from hansa.client.transactions import make
from hansa.encoding import Value, decode_value
from hansa.errors import Rejected
from hansa.genesis import Genesis, LegalId, Member, Node
from hansa.hashing import tagged_hash
from hansa.keys import public_key_text
from hansa.receipt import Receipt, decode_receipt
from hansa.signing import SigningKey, verify
from hansa.transaction import Call, SignedTransaction
from hansa.votes import COMMIT, vote_statement
from ledger.boot import genesis_block
from ledger.execution import Ledger
from ledger.staged import Staged
from node.proofs import state_proof, transaction_proof, trust_file
from node.sandbox import SCRIPTED
from storage.kv import MemoryStore

CHAIN_ID = "hansa-local"
MEMBERS = ("farm", "roastery", "carrier", "retailer")
START_MS = 1_763_805_600_000
"""Genesis time: 2025-11-22 10:00:00 UTC."""
BLOCK_MS = 1_000
"""Time between blocks unless `advance` says otherwise."""
HOUR_MS = 3_600_000

CallSpec = tuple[str, str, Mapping[str, Value]]
"""(contract, method, arguments)."""


class LocalChain:
    """A chain of some members, each with one validator; every submit makes a block."""

    def __init__(
        self,
        members: Sequence[str] = MEMBERS,
        parameters: Mapping[str, bool | int | str] | None = None,
        validators: int | None = None,
    ) -> None:
        """Start at genesis; `validators` is how many of the members run one (None: all).

        Raises:
            Rejected: ``genesis.*`` for names or parameters that no chain can have.
        """
        count = len(members) if validators is None else validators
        self.members = tuple(members)
        self.genesis = _genesis(self.members, dict(parameters or {}), count)
        self.store = MemoryStore()
        self.first, batch = genesis_block(self.genesis)
        self.store.write(batch, sync=True)
        self.ledger = Ledger.open(self.store, verify, SCRIPTED)
        self._certificate: Certificate | None = None
        self._nonces = 0
        self._time = START_MS

    def __enter__(self) -> Self:
        """The chain lives in memory: nothing happens."""
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let the store go."""
        self.store.close()

    @property
    def chain_id(self) -> str:
        """The chain's name."""
        return self.genesis.chain_id

    @property
    def height(self) -> int:
        """The height of the head."""
        return self.ledger.head.height

    @property
    def time(self) -> int:
        """The time of the head in ms since 1970."""
        return self.ledger.head.time

    def key(self, name: str) -> SigningKey:
        """The key that belongs to a name: a member's own key for a member's name."""
        return SigningKey(tagged_hash("local-chain-key", name.encode()))

    def sign(
        self,
        calls: Sequence[CallSpec],
        as_member: str,
        cosigners: Sequence[str] = (),
        expires_at: int | None = None,
    ) -> SignedTransaction:
        """A transaction signed by members; it expires an hour after the head unless said."""
        self._nonces += 1
        return make(
            self.chain_id,
            self.key(as_member),
            [Call.of(contract, method, dict(args)) for contract, method, args in calls],
            expires_at=self.time + HOUR_MS if expires_at is None else expires_at,
            nonce=self._nonces.to_bytes(16, "big"),
            cosigners=[self.key(name) for name in cosigners],
        )

    def submit(
        self, calls: Sequence[CallSpec], as_member: str, cosigners: Sequence[str] = ()
    ) -> Receipt:
        """Commit calls as one transaction in a block of its own.

        Raises:
            Rejected: ``transaction.*`` when no block can hold it; a contract's refusal is a
                receipt with another code than ``OK``.
        """
        return self.commit([self.sign(calls, as_member, cosigners)])[-1]

    def commit(self, transactions: Sequence[SignedTransaction]) -> tuple[Receipt, ...]:
        """Commit signed transactions in one block; due entries come first.

        Raises:
            Rejected: ``transaction.*`` for the first that no block can hold; nothing is committed.
        """
        for transaction in transactions:
            if not transaction.verified_by(verify):
                raise Rejected("transaction.signature", "a signature does not hold")
        staged = self._build(transactions)
        if self.ledger.dropped:
            first = self.ledger.dropped[0]
            raise Rejected(first.code, first.detail)
        return self._adopt(staged)

    def advance(self, milliseconds: int) -> tuple[Receipt, ...]:
        """Let time pass and commit a block, in which ripe deadlines take effect."""
        self._time = self.time + milliseconds - BLOCK_MS
        return self.commit([])

    def state(self, key: str) -> Value:
        """The value under a state key, None when there is none."""
        stored = self.ledger.get_state(key.encode())
        return None if stored is None else decode_value(stored)

    def prove_tx(self, tx_id: bytes) -> bytes:
        """The proof file of a transaction."""
        return transaction_proof(self.ledger, tx_id, None)

    def prove_state(self, key: str) -> bytes:
        """The proof file of a state key, present or absent."""
        return state_proof(self.ledger, key, None)

    def trust(self) -> bytes:
        """The trust file of the chain."""
        return trust_file(self.ledger)

    def _build(self, transactions: Sequence[SignedTransaction]) -> Staged:
        staged = self.ledger.build(
            transactions,
            time=max(self._time, self.time) + BLOCK_MS,
            primary=self.ledger.validators.validators[0].name,
            last_certificate=self._certificate,
            allow_empty=True,
        )
        assert staged is not None
        return staged

    def _adopt(self, staged: Staged) -> tuple[Receipt, ...]:
        certificate = self._certify(staged)
        self.store.write(self.ledger.commit(staged, certificate), sync=True)
        self.ledger.adopt(staged)
        self._certificate = certificate
        self._time = staged.header.time
        return tuple(map(decode_receipt, staged.receipts))

    def _certify(self, staged: Staged) -> Certificate:
        """The commit certificate that the validators would make in view 0."""
        header, validators = staged.header, self.ledger.validators
        votes = {
            signer: self.key(f"{one.name}/validator").sign(
                vote_statement(
                    header.chain_id, header.epoch, header.height, 0, COMMIT, staged.hash, signer
                )
            )
            for signer, one in enumerate(validators.validators)
        }
        return make_certificate(
            COMMIT, header.epoch, header.height, 0, staged.hash, votes, validators
        )


def _genesis(
    members: Sequence[str], parameters: dict[str, bool | int | str], validators: int
) -> Genesis:
    def text(name: str) -> str:
        seed = tagged_hash("local-chain-key", name.encode())
        return public_key_text(SigningKey(seed).public)

    return Genesis(
        chain_id=CHAIN_ID,
        time=START_MS,
        members=tuple(
            Member(
                name=name,
                legal_id=LegalId("OTHER", f"LOCAL-{name}"),
                names={"en": name.title()},
                key=text(name),
                prefixes=(f"9520600{index}",),
            )
            for index, name in enumerate(members)
        ),
        nodes=tuple(
            Node(
                f"node{index}",
                name,
                text(f"node{index}/validator"),
                text(f"node{index}/transport"),
                "validator" if index < validators else "observer",
            )
            for index, name in enumerate(members)
        ),
        parameters=parameters,
    )
