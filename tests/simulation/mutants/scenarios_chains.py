"""What the chain keeps and judges: sets, evidence, receipts.

Each function states a promise, holds on the code as it is, and fails where the promise is broken.
"""

from hansa.errors import Rejected
from hansa.evidence import SignedVote, check_evidence, double_vote, encode_evidence
from hansa.hashing import sha256
from hansa.signing import verify as verify_ed25519
from hansa.votes import PREPARE
from ledger.contract import Arguments, Contract, method
from ledger.contracts import CONTRACTS
from ledger.execution import Ledger
from node.jobs import BuildJob, CommitJob
from node.worker import Worker
from tests.unit.consensus.world import CHAIN, sign, validator_set, verify
from tests.unit.ledger.scene import Scene, genesis


def a_certificate_is_judged_by_the_set_that_its_parent_announced():
    """2.3: block 1 removes a validator; its certificate is that of the set before."""
    names = ("carrier", "farm", "retailer", "roastery", "elba")
    scene = Scene(genesis(names, {"policy.governance.set_validators": "ANY"}))
    change = scene.sign([("governance", "set_validators", {"remove": ["node4"]})], ("farm/boss",))
    worker = Worker(scene.ledger, scene.store, "node0")
    time = scene.ledger.head.time + 1_000
    made = worker.do(BuildJob(1, 0, time, None, False, 0, (change,)))  # noqa: FBT003
    staged = worker._staged[made.built.proposal.header.hash]
    certificate = scene.certify(staged)

    committed = worker.do(CommitJob(staged.hash, certificate))

    assert (committed.certified_by.size, committed.validators.size) == (5, 4)
    for judges in (committed.certified_by, scene.ledger.validators_at(1)):
        certificate.check(scene.genesis.chain_id, judges, verify_ed25519)


def nobody_is_accused_by_a_strangers_signature():
    """11.4: evidence holds when the keys of its height's set say so; nobody can make it else."""
    validators = validator_set(4)
    accused, stranger = validators.validators[2].key, validators.validators[1].key
    assert _offender(validators, accused) == "n02"

    assert _offender(validators, stranger) is None


def _offender(validators, key):
    """Whom two PREPAREs of validator 2, signed with this key, convict."""
    fields = (PREPARE, 0, 7, 0)
    votes = []
    for text in (b"one", b"other"):
        bare = SignedVote(*fields, sha256(text), 2, bytes(64))
        signature = sign(key, bare.statement(CHAIN))
        votes.append(SignedVote(*fields, sha256(text), 2, signature))
    try:
        return check_evidence(encode_evidence(double_vote(*votes)), CHAIN, validators, verify).name
    except Rejected:
        return None


class _Nothing(Arguments, frozen=True):
    pass


class _Hungry(Contract):
    """Runs into the ceilings of one machine."""

    name = "hungry"

    @method(_Nothing)
    def eat(self, context, given):
        raise MemoryError

    @method(_Nothing)
    def dig(self, context, given):
        raise RecursionError


def a_ceiling_of_one_machine_leaves_no_receipt():
    """ledger.md 4: where memory or stack ran out nothing is known, so nothing is written."""
    scene = Scene()
    scene.ledger = Ledger.open(scene.store, verify_ed25519, {**CONTRACTS, "hungry": _Hungry()})
    hungry = [scene.sign([("hungry", name, {})]) for name in ("eat", "dig")]

    staged = scene.build(hungry)

    assert (staged.transactions, staged.receipts) == ((), ())
    assert {dropped.code for dropped in scene.ledger.dropped} == {"transaction.no-result"}
