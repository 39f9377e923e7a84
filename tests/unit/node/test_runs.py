"""Proposals reach the ledger thread once and whole; nothing is fetched that is on its way."""

import pytest
from msgspec.structs import replace

from consensus.io import Fetch, Ran, Run
from consensus.messages import Body, decode_message, encode_message
from hansa.block import Block
from hansa.encoding import pack
from hansa.merkle import root_of
from node.body_exchange import BODY_TAG
from node.gossip import Gossip
from node.gossip_messages import decode_gossip
from node.jobs import RunJob
from node.mempool import Mempool
from node.runs import Runs
from tests.unit.consensus.talk import Talk
from tests.unit.node.test_mempool import admit_all, post
from tests.unit.node.transactions import sign


class Place:
    """The runs of a backup at height 1, with a mempool that holds some transactions."""

    def __init__(self, *known):
        self.talk = Talk()
        self.pool = Mempool(admit_all)
        gossip = Gossip(self.pool)
        for validator in self.talk.validators.validators:
            gossip.peer_up(validator.name, 0)
        post(self.pool, *known)
        self.runs = Runs(self.talk.core, self.pool, gossip, self)

    def block_bytes(self, height):
        """No block is committed here."""
        return

    def block(self, *transactions):
        """A block of the primary."""
        root = root_of([transaction.tx_hash for transaction in transactions])
        header = replace(self.talk.block().header, txs_root=root)
        return Block(header, tuple(transaction.raw for transaction in transactions), None)

    def want(self, block):
        return self.runs.want(Run(block.proposal(), self.talk.primary(0), fresh=True), 0)

    def fetch(self, block):
        return self.runs.fetch(Fetch(1, block.header.hash, (0, 1, 2)))


def is_whole(job, block):
    """Whether a job executes all of a block."""
    raws = tuple(transaction.raw for transaction in job.transactions)
    return isinstance(job, RunJob) and (job.proposal, raws) == (
        block.proposal(),
        block.transactions,
    )


@pytest.fixture
def both():
    return sign(1), sign(2)


def test_a_proposal_whose_transactions_are_here_is_executed_at_once(both):
    place = Place(*both)
    block = place.block(*both)

    sends, job = place.want(block)

    assert sends == []
    assert is_whole(job, block)
    assert place.runs.start(block.header.hash) is None, "once"


def test_what_is_missing_is_asked_of_the_primary_and_the_run_begins_when_it_came(both):
    place = Place(both[0])
    block = place.block(*both)

    sends, begun = place.want(block)

    primary = place.talk.validators.validators[place.talk.primary(0)].name
    assert [(send.peer, decode_gossip(send.message).tx_hashes) for send in sends] == [
        (primary, (both[1].tx_hash,))
    ]
    assert begun is None
    post(place.pool, both[1])
    assert is_whole(place.runs.start(block.header.hash), block)


def test_a_body_that_is_being_executed_is_not_fetched(both):
    place = Place(*both)
    block = place.block(*both)
    place.want(block)

    assert place.fetch(block) == []
    place.runs.ran(block.header.hash)
    assert len(place.fetch(block)) == 2


def test_a_body_whose_transactions_are_still_gathered_is_fetched(both):
    place = Place(both[0])
    block = place.block(*both)
    place.want(block)

    assert len(place.fetch(block)) == 2, "the others may have let the missing one go"
    message = BODY_TAG + encode_message(Body(pack(block)))
    _, fetched = place.runs.receive("n02", message, 0)

    assert fetched.proposal == block.proposal()
    assert is_whole(place.runs.start(block.header.hash), block)


def test_a_fetched_body_is_executed_without_the_mempool(both):
    place = Place()
    block = place.block(*both)
    place.runs.hold(block)

    sends, job = place.want(block)

    assert sends == []
    assert is_whole(job, block)


def test_a_transaction_that_is_invalid_for_ever_answers_the_run(both):
    place = Place(both[0])
    block = place.block(*both)
    place.want(block)

    ran = place.runs.spoil(block.header.hash, both[1].tx_hash)

    assert ran == Ran(1, block.header.hash, equal=False, culprit=both[1].tx_hash)
    assert place.runs.spoil(block.header.hash, both[1].tx_hash) is None, "once"


def test_a_decided_height_leaves_nothing(both):
    place = Place(both[0])
    block = place.block(*both)
    place.want(block)
    place.runs.hold(block)

    place.runs.clear()

    assert place.runs.waiting == {}
    assert place.runs.bodies.transactions(block.header.hash) is None
    assert len(place.fetch(block)) == 2


def test_a_request_for_a_body_that_nobody_has_gets_no_answer():
    place = Place()
    (request, *_) = [decode_message(send.message[1:]) for send in place.fetch(place.block(sign(1)))]

    sends, fetched = place.runs.receive("n02", BODY_TAG + encode_message(request), 0)

    assert (sends, fetched) == ([], None)
