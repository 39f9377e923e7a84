"""A chain of headers over a real log and a real state tree, and proofs of what it holds."""

import json
from pathlib import Path

from hansa.block import Header
from hansa.canonical_json import dumps
from hansa.certificate import FreshCertificate, bitmap_of, make_certificate
from hansa.encoding import encode_value, pack
from hansa.hashing import ZERO_HASH, sha256
from hansa.keys import key_id
from hansa.membership import Validator, ValidatorSet
from hansa.merkle import leaf_hash
from hansa.proof import (
    Included,
    ProofBase,
    build_state_proof,
    build_transaction_proof,
    parse_proof,
    record_keys,
    signer_key,
    verify_proof,
)
from hansa.receipt import CallResult, Receipt, RecordChange, decode_receipt
from hansa.signing import SigningKey, verify
from hansa.transaction import Call, SignedTransaction, Transaction, transaction_digest
from hansa.trust import Organisation, Trust
from hansa.votes import COMMIT, fresh_statement, vote_statement
from ledger.log import Log
from ledger.tree import Tree

CHAIN = "hansa-test"
CONTENT = b"%PDF-1.7 a contract of sale"
START_MS = 1_795_341_600_000
VECTORS = Path(__file__).resolve().parents[2] / "vectors"
MEMBERS = ("farm", "roastery", "carrier", "retailer")
VALIDATOR_KEYS = {f"node{n}": SigningKey(sha256(b"validator %d" % n)) for n in range(5)}
SIGNER = SigningKey(sha256(b"roastery's office"))
STRANGER = SigningKey(sha256(b"a stranger"))


def validator_set(*names):
    owners = dict(zip(VALIDATOR_KEYS, (*MEMBERS, "retailer"), strict=True))
    return ValidatorSet(
        tuple(Validator(name, owners[name], VALIDATOR_KEYS[name].public) for name in names)
    )


FIRST = validator_set("node0", "node1", "node2", "node3")
SECOND = validator_set("node0", "node1", "node2", "node4")


class World:
    """A chain of headers over a real log and a real state tree; nothing votes in it."""

    def __init__(self):
        self.pages, self.tiles, self.values = {}, {}, {}
        self.tree, self.log = Tree(self.pages), Log(self.tiles)
        self.headers, self.certificates, self.undo = [], [], []
        self.epoch, self.validators = 0, FIRST
        self.block(self.org_records(), validators=FIRST)

    @staticmethod
    def org_records():
        key = {
            "controller": "roastery", "history": [[0, 0]], "id": key_id(SIGNER.public),
            "member": "roastery", "public": SIGNER.public, "subject": "roastery/office",
            "use": "subject", "valid_from": 0, "version": 1,
        }  # fmt: skip
        member = {"id": "roastery", "legal_id": {"scheme": "USCC", "value": "91310000MADEM002X2"}}
        return {signer_key(SIGNER.public): key, "org/member/roastery": member}

    def block(self, records, receipts=(), validators=None, leaves=3):
        """Commit a block that writes records and leaves receipts among some others."""
        height = len(self.headers)
        validators = validators or self.validators
        changes = {
            key.encode(): value
            if value is None or isinstance(value, bytes)
            else encode_value(value)
            for key, value in records.items()
        }
        staged = self.tree.stage(changes)
        self.pages.update({key: page for key, page in staged.writes.items() if page is not None})
        self.tree.adopt(staged)
        self.values.update(changes)
        others = [b"other %d %d" % (height, n) for n in range(leaves)]
        first = self.log.size + len(others)
        append = self.log.append([leaf_hash(leaf) for leaf in (*others, *receipts)])
        self.tiles.update(append.writes)
        self.log.adopt(append)
        header = Header(
            1, CHAIN, 1, self.epoch, height, START_MS + 1000 * height,
            self.headers[-1].hash if self.headers else ZERO_HASH, "node0", ZERO_HASH,
            self.tree.root, self.log.root, self.log.size, self.validators.hash, validators.hash,
            ZERO_HASH, 0, 0,
        )  # fmt: skip
        self.headers.append(header)
        self.certificates.append(self.certify(header, self.validators))
        if validators != self.validators:
            self.epoch += 1
            self.validators = validators
        return first

    @staticmethod
    def certify(header, validators, phase=COMMIT):
        votes = {
            index: VALIDATOR_KEYS[validator.name].sign(
                vote_statement(CHAIN, header.epoch, header.height, 0, phase, header.hash, index)
            )
            for index, validator in enumerate(validators.validators)
        }
        return make_certificate(
            phase, header.epoch, header.height, 0, header.hash, votes, validators
        )

    def fresh(self):
        """A quorum of FRESH statements over the head, two seconds after it."""
        head, signers = self.headers[-1], list(range(self.validators.quorum))
        times = tuple(head.time + 2000 + index for index in signers)
        signatures = tuple(
            VALIDATOR_KEYS[self.validators.validators[index].name].sign(
                fresh_statement(CHAIN, head.height, head.hash, head.state_root, times[index], index)
            )
            for index in signers
        )
        bitmap = bitmap_of(signers, self.validators.size)
        return FreshCertificate(head.height, head.hash, head.state_root, bitmap, times, signatures)

    def base(self, *, fresh=True):
        changes = [
            (header, self.certificates[header.height], SECOND)
            for header in self.headers
            if header.next_validators_hash != header.validators_hash
        ]
        return ProofBase(
            FIRST, changes, self.headers[-1], self.certificates[-1], self.fresh() if fresh else None
        )

    def fetch(self, key):
        return key, self.values.get(key.encode()), self.tree.prove(key.encode())

    def trust(self, height=0):
        header = self.headers[height]
        validators = FIRST if header.next_validators_hash == FIRST.hash else SECOND
        return Trust.of(header, validators, (Organisation("roastery", "Roastery"),))


def register(signers=(SIGNER,), contract="doc", args=None):
    args = args or {"alg": "sha-256", "digest": sha256(CONTENT), "id": "contract-7"}
    call = Call.of(contract, "register" if contract == "doc" else "capture", args)
    publics = tuple(signer.public for signer in signers)
    body = pack(Transaction(1, CHAIN, 0, (call,), bytes(16), START_MS + 60_000, publics))
    digest = transaction_digest(body)
    return SignedTransaction.assemble(body, tuple(signer.sign(digest) for signer in signers))


def receipt_of(signed, height, key="doc/record/contract-7", code="OK"):
    calls = (CallResult(b"\x80", (), (RecordChange(key, 0, 1),)),) if code == "OK" else ()
    failed = -1 if code == "OK" else 0
    return pack(Receipt(signed.tx_id, signed.tx_hash, height, 3, code, failed, b"\x80", calls))


NOW = START_MS + 9_000
DOC = {"history": [[5, 3]], "id": "contract-7", "state": "complete", "version": 1}


def transaction_sample(  # noqa: PLR0913 - the knobs of a scene
    *, signed=None, later=(), fresh=True, code="OK", key="doc/record/contract-7", change_at=2
):
    """A chain with a change of the set and, at height 5, a transaction."""
    world = World()
    signed = signed or register()
    for height in range(1, 5):
        world.block({f"other/{height}": 1}, validators=SECOND if height == change_at else None)
    receipt = receipt_of(signed, 5, key, code)
    index = world.block({key: DOC} if code == "OK" else {}, (receipt,))
    for records in later:
        world.block(records)
    header = world.headers[5]
    path = world.log.inclusion_path(index, header.log_size)
    included = Included(signed.raw, receipt, index, path, header, world.certificates[5])
    keys = [world.fetch(signer_key(public)) for public in signed.transaction.signers]
    keys.append(world.fetch("org/member/roastery"))
    records = [world.fetch(name) for name in record_keys(decode_receipt(receipt))]
    return world, build_transaction_proof(world.base(fresh=fresh), included, keys, records)


EVENT = (
    b'{"type":"ObjectEvent","eventTime":"2026-11-22T09:59:58Z","eventTimeZoneOffset":"+00:00",'
    b'"action":"OBSERVE","epcList":["https://id.gs1.org/01/09520600001012/21/K7QH2M9X4T"]}'
)


def capture_sample():
    """A captured event, and the two documents that a reader may hold."""
    signed = register(contract="trace", args={"event": EVENT})
    return transaction_sample(signed=signed, key="trace/event/ab")


def state_sample(key, *, fresh=True):
    """A proof of one key of the state at height 2."""
    world = World()
    world.block({f"doc/record/{n}": {"n": n} for n in range(300)})
    world.block({"doc/record/7": {"digest": sha256(CONTENT), "id": "7"}})
    return world, build_state_proof(world.base(fresh=fresh), world.fetch(key))


def judge(  # noqa: PLR0913 - the knobs of a scene
    world, data, content=CONTENT, *, now_ms=NOW, trust=None, verifier=verify
):
    return verify_proof(parse_proof(data), trust or world.trust(), verifier, content, now_ms)


def verdicts(verdict):
    return {name: line.verdict for name, line in verdict.lines}


def altered(data, *path, value):
    """The file with one field of its JSON set to another value, canonical again."""
    document = json.loads(data)
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value(place[path[-1]]) if callable(value) else value
    return dumps(document)
