"""Strategies beside the protocol's phases: block sync, transactions, evidence, floods, bytes.

Twists are as in `byzantine_words`. An extra is a function of the world and the liar's host
that gives (target, words) pairs now and then, of the liar's own accord.
"""

from msgspec.structs import replace

from consensus.messages import (
    NOTHING_PREPARED,
    VIEW_MAX,
    Body,
    GetBody,
    NewView,
    Refuse,
    ViewChange,
    ViewChangeProof,
    Vote,
)
from hansa.block import Block
from hansa.certificate import Certificate, bitmap_of
from hansa.client.transactions import make
from hansa.encoding import INT_MAX, pack, unpack
from hansa.evidence import (
    ForgottenCommit,
    SignedViewChange,
    SignedVote,
    double_vote,
    encode_evidence,
)
from hansa.hashing import ZERO_HASH, sha256
from hansa.transaction import Call
from hansa.votes import COMMIT, PREPARE
from node.gossip_messages import GET_COUNT_MAX, GetTransactions, Transactions
from node.sync_messages import WINDOW, Blocks, GetBlocks, Status, SyncBlock
from p2p.frames import BULK, CONSENSUS, TRANSACTIONS
from tests.simulation.byzantine import Later, Raw, encode
from tests.simulation.byzantine_words import core
from tests.simulation.world import CHAIN, START_MS

LASTS_MS = 600_000


def victims(world, liar, count=None):
    """Hosts that a liar speaks to: all others, or a few of them."""
    others = [host for host in world.hosts if host.name != liar.name]
    return others if count is None else world.dice.sample(others, min(count, len(others)))


# -- block sync ------------------------------------------------------------------------------


def lying_status(world, liar, target, message):
    """Claims a height that is too high, too low, falling, or beyond all numbers."""
    if not isinstance(message, Status):
        return None
    step = world.dice.choice((-message.height, -1, 1, 5, 1000))
    height = world.dice.choice((max(message.height + step, 0), INT_MAX))
    return [Status(height, world.any_hash())]


def lying_server(world, liar, target, message):
    """Answers requests for blocks with what nobody should take."""
    if not isinstance(message, Blocks) or not message.blocks:
        return None
    blocks, first = message.blocks, message.blocks[0]
    wrong = unpack(Block, first.block)
    other = replace(wrong, header=replace(wrong.header, state_root=ZERO_HASH))
    certificate = unpack(Certificate, first.certificate)
    unsigned = replace(certificate, signatures=(bytes(64),) * len(certificate.signatures))
    liars_own = replace(certificate, block_hash=other.header.hash)
    vote = Vote(COMMIT, certificate.epoch, certificate.height, certificate.view,
                other.header.hash, core(liar).me or 0)  # fmt: skip
    own = replace(
        liars_own, signatures=(world.say(liar, vote).signature,) * len(certificate.signatures)
    )
    answers = (
        [SyncBlock(pack(other), first.certificate)],
        [SyncBlock(pack(other), pack(own))],  # a fork of the liar's own
        [SyncBlock(first.block, pack(unsigned))],  # a valid block with a wrong certificate
        [SyncBlock(first.block, pack(replace(certificate, height=certificate.height + 1)))],
        [SyncBlock(blocks[-1].block, blocks[-1].certificate)],
        [SyncBlock(first.block, blocks[-1].certificate)],
        [SyncBlock(b"\0", b"\0")] * WINDOW,
        [*blocks, *blocks][:WINDOW],  # more than was asked for, the old ones again
        [SyncBlock(bytes(1 << 20), first.certificate)] * 5,
        [],
    )
    lie = replace(message, blocks=tuple(world.dice.choice(answers)))
    return world.dice.choice(([lie], [lie], [lie], [Later(4_900, message)], []))


def unasked_blocks(world, liar):
    """Blocks that nobody asked for, statuses in haste, requests without end."""
    height = liar.node.worker.ledger.head.height
    words = [Status(height + world.dice.randrange(50), world.any_hash()) for _ in range(5)]
    words += [GetBlocks(1 + world.dice.randrange(height + 3), WINDOW) for _ in range(5)]
    words += [GetBlocks(INT_MAX, WINDOW), GetBody(INT_MAX, world.any_hash())]
    words += [GetBody(height + world.dice.randrange(3), world.any_hash()) for _ in range(3)]
    words.append(Blocks(height + 1, (SyncBlock(b"\1" * 100, b"\2" * 50),) * 3))
    return [(target, words) for target in victims(world, liar, 2)]


# -- transactions and evidence ----------------------------------------------------------------


def _transaction(world, liar, calls, **changes):
    """A transaction of the liar's clerk; `changes` are arguments of `make`, and its chain."""
    given = {
        "chain_id": CHAIN,
        "expires_at": START_MS + world.time + LASTS_MS,
        "nonce": world.dice.randbytes(16),
        **changes,
    }
    return make(given.pop("chain_id"), world.clerk(liar), calls, **given).raw


def _register(number):
    args = {
        "id": f"spam-{number}",
        "digest": sha256(b"%d" % number),
        "alg": "sha-256",
        "size": 1,
        "media_type": "text/plain",
        "kind": "file",
    }
    return [Call.of("doc", "register", args)]


def garbage_transactions(world, liar):
    """Broken, foreign, expired, doubled and unsigned transactions, and lists of hashes."""
    calls = _register(world.dice.randrange(5))
    good = _transaction(world, liar, calls)
    bad = bytearray(good)
    bad[-1 - world.dice.randrange(60)] ^= 1  # its signature does not hold
    raws = [
        bytes(bad),
        good[:-3],
        world.dice.randbytes(200),
        _transaction(world, liar, calls, chain_id="other"),
        _transaction(world, liar, calls, expires_at=START_MS),
        _transaction(world, liar, [Call.of("no", "such", {})]),
        b"\0",
    ]
    chosen = tuple(world.dice.sample(raws, 3))
    hashes = tuple(world.dice.randbytes(32) for _ in range(50))
    words = [Transactions(chosen), GetTransactions(hashes)]
    return [(target, words) for target in victims(world, liar)]


def two_bodies(world, liar):
    """One nonce under two bodies: each half of the nodes is given another one."""
    nonce = world.dice.randbytes(16)
    numbers = world.dice.sample(range(1_000), 2)
    raws = [_transaction(world, liar, _register(n), nonce=nonce) for n in numbers]
    return [(target, [Transactions((raws[target.index % 2],))]) for target in victims(world, liar)]


def _signed_vote(world, liar, phase, place, block_hash):
    height, view, signer = place
    vote = Vote(phase, core(liar).facts.epoch, height, view, block_hash, signer)
    signature = world.key(liar).sign(vote.statement(CHAIN))
    return SignedVote(phase, vote.epoch, height, view, block_hash, signer, signature)


def _accusation(world, liar, signer, height, *, honest):
    """Evidence: against the liar itself it holds, against anybody else it is false."""
    one, other = sorted((world.dice.randbytes(32), world.dice.randbytes(32)))
    views = (0, 0) if honest else (0, world.dice.randrange(2))
    votes = [
        _signed_vote(world, liar, PREPARE, (height, view, signer), block_hash)
        for view, block_hash in zip(views, (one, other), strict=True)
    ]
    if honest or world.dice.random() < 0.6:
        evidence = double_vote(*votes)
    else:
        commit = _signed_vote(world, liar, COMMIT, (height, 1, signer), one)
        change = ViewChange(core(liar).facts.epoch, height, 2, NOTHING_PREPARED, ZERO_HASH, signer)
        signature = world.key(liar).sign(change.statement(CHAIN))
        evidence = ForgottenCommit(
            commit,
            SignedViewChange(
                change.epoch, height, 2, NOTHING_PREPARED, ZERO_HASH, signer, signature
            ),
        )
    args = {"evidence": encode_evidence(evidence)}
    return _transaction(world, liar, [Call.of("governance", "accuse", args)])


def false_evidence(world, liar):
    """Accuses correct validators, of heights past, present and to come."""
    size = core(liar).facts.validators.size
    height = core(liar).height
    raws = [
        _accusation(
            world,
            liar,
            world.dice.choice([i for i in range(size + 1) if i != core(liar).me]),
            max(height - world.dice.randrange(-1, 3), 1),
            honest=False,
        )
        for _ in range(4)
    ]
    raws.append(
        _transaction(
            world, liar, [Call.of("governance", "accuse", {"evidence": world.dice.randbytes(40)})]
        )
    )
    return [(target, [Transactions(tuple(raws))]) for target in victims(world, liar)]


def accuse_itself(world, liar):
    """True evidence against itself: where the set can do without, the liar is removed by it."""
    height = core(liar).height - 1
    if core(liar).me is None or height < 1 or core(liar).facts.epoch != core(liar).facts.head.epoch:
        return []
    raw = _accusation(world, liar, core(liar).me, height, honest=True)
    return [(target, [Transactions((raw,))]) for target in victims(world, liar, 3)]


def vote_when_removed(world, liar):
    """A validator that is out of the set goes on voting, in the old epoch and in the new one."""
    replica = core(liar)
    if replica.me is not None:
        return accuse_itself(world, liar)
    facts = replica.facts
    words = []
    for signer in range(facts.validators.size):
        for epoch in (facts.epoch - 1, facts.epoch):
            vote = Vote(COMMIT, epoch, facts.height, 0, world.any_hash(), signer)
            change = ViewChange(epoch, facts.height, VIEW_MAX, NOTHING_PREPARED, ZERO_HASH, signer)
            signature = world.key(liar).sign(change.statement(CHAIN))
            words += [
                replace(vote, signature=world.key(liar).sign(vote.statement(CHAIN))),
                replace(change, signature=signature),
            ]
    proofs = [_proof(word) for word in words]
    return [(target, proofs) for target in victims(world, liar, 3)]


def _proof(word):
    return ViewChangeProof(word, None) if isinstance(word, ViewChange) else word


def early_votes(world, liar):
    """Votes of the next heights and of an epoch that has not begun."""
    replica = core(liar)
    if replica.me is None:
        return []
    words = [
        world.say(
            liar,
            Vote(phase, replica.facts.epoch + epoch, replica.height + step, 0, world.any_hash(),
                 replica.me),
        )
        for phase in (PREPARE, COMMIT)
        for step, epoch in ((1, 0), (1, 1), (2, 1), (3, 0))
    ]  # fmt: skip
    return [(target, words) for target in victims(world, liar)]


# -- floods and bytes ---------------------------------------------------------------------------


def flood(world, liar):
    """Ten times the usual rate of votes, most of them with signatures that do not hold."""
    replica = core(liar)
    if replica.me is None:
        return []
    words = []
    for view in range(20):
        vote = Vote(
            world.dice.choice((PREPARE, COMMIT)),
            replica.facts.epoch,
            replica.height + world.dice.randrange(2),
            replica.state.view + view,
            world.any_hash(),
            replica.me,
        )
        wrong = replace(vote, signature=world.dice.randbytes(64))
        words += [world.say(liar, vote), wrong, wrong]
    words += [
        Refuse(replica.height, 0, world.any_hash(), world.dice.randbytes(32)) for _ in range(10)
    ]
    return [(target, words) for target in victims(world, liar)]


def largest(world, liar):
    """The largest messages that links let through."""
    replica = core(liar)
    facts, me = replica.facts, replica.me or 0
    change = ViewChange(facts.epoch, facts.height, 1, NOTHING_PREPARED, ZERO_HASH, me)
    new_view = NewView(
        facts.epoch, facts.height, VIEW_MAX, (change,) * 100, None, world.any_hash(), None, me
    )
    certificate = Certificate(
        PREPARE, facts.epoch, facts.height, 0, ZERO_HASH, bitmap_of([me], 100), (bytes(64),) * 100
    )
    words = world.dice.choice(
        (
            [world.say(liar, new_view), replace(new_view, certificate=certificate)],
            [Body(bytes(4 << 20))],
            [Blocks(1, (SyncBlock(bytes(4 << 20), bytes(16 << 10)),))],
            [Transactions((bytes(60),) * 1024)],
            [GetTransactions((world.dice.randbytes(32),) * GET_COUNT_MAX)] * 3,
            [Raw(CONSENSUS, bytes([4]) + bytes(1 << 20))],
        )
    )
    return [(target, words) for target in victims(world, liar, 1)]


def malformed(world, liar, target, message):
    """The bytes of a message with bits turned, cut, doubled, or behind another tag or kind."""
    kind, payload = encode(message)
    bent = bytearray(payload)
    match world.dice.randrange(6):
        case 0:
            for _ in range(world.dice.choice((1, 1, 3, 20))):
                place = world.dice.randrange(len(bent))
                bent[place] ^= 1 << world.dice.randrange(8)
        case 1:
            del bent[world.dice.randrange(len(bent)) :]
        case 2:
            bent += world.dice.randbytes(1 + world.dice.randrange(30))
        case 3:
            bent[0] = world.dice.randrange(256)
        case 4:
            kind = world.dice.choice((0, CONSENSUS, TRANSACTIONS, BULK, 9))
        case _:
            start = world.dice.randrange(len(bent))
            bent[start : start + 1 + world.dice.randrange(4)] = world.dice.choice(
                (b"\xc1", b"\xdd\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xcf" + b"\xff" * 8)
            )
    return [Raw(kind, bytes(bent))]
