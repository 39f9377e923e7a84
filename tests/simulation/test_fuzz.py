"""The fuzz targets find nothing in the product, and find what is wrong when something is.

Longer: `python -m tests.simulation.fuzz --target NAME --seconds S [--seed N]`.
"""

import random

import msgpack
import msgspec
import pytest

import node.sync as node_sync
from consensus.checks import Facts
from hansa.block import decode_block
from hansa.certificate import Certificate
from hansa.encoding import unpack
from hansa.errors import Rejected
from node.sync_messages import Status
from p2p.frames import Parser
from storage.wal import Wal
from tests.simulation.fuzz.campaign import TARGETS, Report, campaign, execute
from tests.simulation.fuzz.decoders import Decoder, Decoders
from tests.simulation.fuzz.frames import Frames
from tests.simulation.fuzz.live import Liar, Live
from tests.simulation.fuzz.logs import Logs
from tests.simulation.fuzz.mutate import mutate, plain_of, respell
from tests.simulation.fuzz.servers import Servers, quick_verify

SEED = 20_260_731
FRESH_SEED = random.SystemRandom().randrange(10**6, 10**9)
"""Another one in each run: printed when it finds something."""
SEEDS = {"test_nothing_is_found": [SEED]}
EXECUTIONS = {"decoders": 12_000, "frames": 2_500, "wal": 8_000, "sync": 500, "live": 10}

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_is_found(name, seed):
    finds_nothing(name, seed)


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_is_found_with_a_fresh_seed(name):
    finds_nothing(name, FRESH_SEED)


def finds_nothing(name, seed):
    report = campaign(TARGETS[name](), seed, executions=EXECUTIONS[name])

    assert report.findings == [], f"--target {name} --seed {seed}"
    assert report.executions == EXECUTIONS[name]
    assert report.accepted > 0


def found(target, executions=3_000):
    """What a target says about something that is wrong."""
    report = campaign(target, SEED, executions=executions)
    return " | ".join(what for _, what in report.findings)


# -- what is wrong is seen -----------------------------------------------------------------------

STATUS = msgpack.packb([7, b"h" * 32])


def lax(data):
    """A decoder that takes other spellings: some fields' bytes are never looked at again."""
    try:
        return msgspec.convert(msgpack.unpackb(data), Status, builtin_types=(bytes,))
    except (ValueError, TypeError, msgspec.ValidationError) as error:
        raise Rejected("encoding.malformed", str(error)) from error


def trusting(data):
    """A decoder that takes what it is given for what it should be."""
    height, block_hash = msgpack.unpackb(data)
    return Status(height + 0, block_hash)


def greedy(data):
    """A decoder that makes room for whatever is claimed."""
    bytearray(2 * 2**20)
    return unpack(Status, data)


def plain(status):
    return msgpack.packb([status.height, status.block_hash])


@pytest.mark.parametrize(
    ("decode", "encode", "said"),
    [
        (lax, plain, "two spellings"),
        (lax, None, "a second spelling"),
        (trusting, plain, "raises "),
        (greedy, plain, "takes "),
    ],
)
def test_a_decoder_that_breaks_its_promise_is_found(decode, encode, said):
    decoder = Decoder("status", decode, encode, (STATUS,))

    assert said in found(Decoders((decoder,)))


class Forgetful(Parser):
    """Loses what stands before the last piece when a message is not whole."""

    def feed(self, received):
        if self._parts:
            self._parts.clear()
        super().feed(received)


def test_a_parser_that_depends_on_the_pieces_is_found():
    assert "in one piece" in found(Frames(Forgetful), executions=500)


class PassingOver(Wal):
    """Takes everything behind damage for a torn tail."""

    def _must_be_torn(self, file, content, offset, *, is_last):
        pass


class Believing(Wal):
    """Reads a batch whatever its checksum and its predecessor say."""

    def _batch_at(self, content, offset):
        header = self._header_at(content, offset)
        if header is not None:
            self._number, self._previous = header.number, header.previous
        return super()._batch_at(content, offset)


@pytest.mark.parametrize(
    ("log", "said"), [(Believing, "another past"), (PassingOver, "are passed over")]
)
def test_a_log_that_reads_on_behind_damage_is_found(log, said):
    assert said in found(Logs(log))


def test_a_sync_that_believes_its_server_is_found(monkeypatch):
    def believes(_chain_id, _tip, block_bytes, certificate_bytes, _verify):
        return decode_block(block_bytes), unpack(Certificate, certificate_bytes)

    monkeypatch.setattr(node_sync, "check_next", believes)

    assert "another block at" in found(Servers(), executions=200)


class Blaming(Liar):
    """A world whose liar is said to be another: its checkers must see that."""

    def on_evidence(self, host, evidence):
        self.liar, liar = (self.liar + 1) % self.size, self.liar
        try:
            super().on_evidence(host, evidence)
        finally:
            self.liar = liar


def test_evidence_against_a_correct_node_is_found():
    assert "accuses the correct" in found(Live(Blaming), executions=20)


def test_a_core_that_takes_votes_without_a_check_is_found(monkeypatch):
    monkeypatch.setattr(Facts, "signature_holds", lambda *_: True)

    assert found(Live(), executions=40)


# -- the mutations -------------------------------------------------------------------------------


def test_an_execution_is_the_same_alone_and_after_others():
    target = Servers()
    first = [execute(target, SEED, number) for number in range(3)]

    assert [execute(Servers(), SEED, number) for number in (2, 1, 0)] == first[::-1]


def test_mutations_are_decided_by_chance_alone():
    runs = [[mutate(STATUS, (STATUS,), random.Random(n)) for n in range(300)] for _ in range(2)]

    assert runs[0] == runs[1]
    assert len(set(runs[0])) > 200


def test_another_spelling_has_the_same_value():
    value = {"a": [1, -5, b"xyz", "text", None], "b": {"c": 2**40}}
    data = msgpack.packb(value)
    others = [respell(data, random.Random(n)) for n in range(60)]

    assert len({other for other in others if other is not None}) > 5
    assert all(other != data and plain_of(other) == value for other in others if other is not None)


def test_a_campaign_ends_when_it_has_found_enough():
    class Broken:
        def one(self, _chance):
            raise AssertionError("broken")

    report = campaign(Broken(), SEED, executions=100)

    assert isinstance(report, Report)
    assert len(report.findings) == report.executions == 10


def test_signatures_are_remembered_with_what_they_sign():
    quick_verify.cache_clear()

    assert not quick_verify(b"\x01" + bytes(32), b"message", bytes(64))
    assert quick_verify.cache_info().currsize == 1
