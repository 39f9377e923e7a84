"""A chain in memory for tests: four members, their keys, blocks that commit at once."""

from dataclasses import dataclass, field

from hansa.certificate import make_certificate
from hansa.encoding import pack
from hansa.genesis import Genesis, LegalId, Member, Node, Person
from hansa.keys import public_key_text
from hansa.receipt import decode_receipt
from hansa.signing import SigningKey, verify
from hansa.transaction import Call, SignedTransaction, Transaction, transaction_digest
from hansa.votes import COMMIT, vote_statement
from ledger.boot import genesis_block
from ledger.execution import Ledger
from storage.kv import MemoryStore

NAMES = ("carrier", "farm", "retailer", "roastery")
START = 1_700_000_000_000
DAY = 24 * 3600 * 1000


def key(text):
    """A key that belongs to a text, the same in every run."""
    return SigningKey(text.encode().ljust(32, b".")[:32])


def genesis(names=NAMES, parameters=None, **changes):
    """Four members, each with a node and two people: `app` and, with a role, `boss`."""
    members = tuple(
        Member(
            name=name,
            legal_id=LegalId("OTHER", f"R-{name}"),
            names={"en": name.title()},
            key=public_key_text(key(name).public),
            prefixes=(f"952060{index}",),
            glns=(f"952060000{index}015",),
            people=(
                Person("app", public_key_text(key(f"{name}/app").public), "service"),
                Person("boss", public_key_text(key(f"{name}/boss").public), "person", ("admin",)),
            ),
        )
        for index, name in enumerate(names)
    )
    nodes = tuple(
        Node(
            f"node{index}",
            name,
            public_key_text(key(f"v{index}").public),
            public_key_text(key(f"t{index}").public),
        )
        for index, name in enumerate(names)
    )
    return Genesis("test-chain", START, members, nodes, parameters or {}, **changes)


@dataclass
class Scene:
    """One ledger over a store in memory; the other replicas are imagined."""

    genesis: Genesis = field(default_factory=genesis)

    def __post_init__(self):
        self.store = MemoryStore()
        self.header0, batch = genesis_block(self.genesis)
        self.store.write(batch, sync=True)
        self.ledger = Ledger.open(self.store, verify)
        self.certificate = None
        self.count = 0

    def sign(self, calls, signers=("farm/app",), *, nonce=None, expires_at=None, **changes):
        """A signed transaction of some calls: (contract, method, args)."""
        self.count += 1
        fields = {
            "version": 1,
            "chain_id": self.genesis.chain_id,
            "type": 0,
            "calls": tuple(Call.of(*call) for call in calls),
            "nonce": nonce or self.count.to_bytes(16, "big"),
            "expires_at": self.ledger.head.time + DAY if expires_at is None else expires_at,
            "signers": tuple(key(name).public for name in signers),
        } | changes
        body = pack(Transaction(**fields))
        digest = transaction_digest(body)
        return SignedTransaction.assemble(body, tuple(key(name).sign(digest) for name in signers))

    def build(self, transactions, time=None, *, allow_empty=True, limits=None):
        """A staged block of transactions."""
        return self.ledger.build(
            transactions,
            time=time or self.ledger.head.time + 1000,
            primary="node0",
            last_certificate=self.certificate,
            allow_empty=allow_empty,
            limits=limits,
        )

    def certify(self, staged):
        """The certificate that the validators would make."""
        header, members = staged.header, self.ledger.validators
        statement = lambda signer: vote_statement(  # noqa: E731
            header.chain_id, header.epoch, header.height, 0, COMMIT, staged.hash, signer
        )
        votes = {
            signer: key("v" + one.name.removeprefix("node")).sign(statement(signer))
            for signer, one in enumerate(members.validators)
        }
        return make_certificate(COMMIT, header.epoch, header.height, 0, staged.hash, votes, members)

    def commit(self, staged):
        """Write a block and make it the head: its receipts."""
        certificate = self.certify(staged)
        self.store.write(self.ledger.commit(staged, certificate), sync=True)
        self.ledger.adopt(staged)
        self.certificate = certificate
        return tuple(decode_receipt(receipt) for receipt in staged.receipts)

    def block(self, *transactions, time=None):
        """Build and commit a block of these transactions: their receipts."""
        staged = self.build(transactions, time)
        assert not self.ledger.dropped, self.ledger.dropped
        return self.commit(staged)

    def call(self, contract, method, args, *signers, time=None):
        """Commit one call in a block of its own: its receipt."""
        signed = self.sign([(contract, method, args)], signers or ("farm/app",))
        return self.block(signed, time=time)[-1]

    def ok(self, contract, method, args, *signers, time=None):
        """Commit one call that is carried out: its result."""
        receipt = self.call(contract, method, args, *signers, time=time)
        assert receipt.code == "OK", (receipt.code, receipt.error_fields())
        return receipt.calls[0].value()
