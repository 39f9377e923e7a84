"""The check of a synced block: each lie has its name."""

import msgspec
import pytest

from hansa.block import Block
from hansa.encoding import pack
from hansa.errors import Rejected
from hansa.signing import verify
from hansa.votes import PREPARE
from node.sync_check import Tip, check_next
from tests.unit.node.chain import CHAIN, EPOCH, Chain, certify, validator_set

GOOD = Chain().extend(4)


def check(block, certificate, tip=None):
    return check_next(CHAIN, tip or GOOD.tip(2), block, certificate, verify)


def lie(*, signed_by=None, certificate=None, last=None, **fields):
    """Block 3 with some fields of its header changed, certified by those who would."""
    header = msgspec.structs.replace(GOOD.headers[3], **fields)
    last = GOOD.certificates[2] if last is None else last
    certificate = certificate or certify(header, signed_by or GOOD.sets[3])
    return pack(Block(header, (), last)), pack(certificate)


def test_a_good_block_passes_and_moves_the_tip():
    (pair,) = GOOD.stored(3, 1)

    block, certificate = check(*pair)

    assert block.header == GOOD.headers[3]
    following = GOOD.tip(2).followed_by(block.header, certificate)
    assert following == Tip(block.header, GOOD.sets[4], certificate, GOOD.sets[3])


def test_the_first_block_follows_genesis():
    (pair,) = GOOD.stored(1, 1)

    assert check(*pair, tip=GOOD.tip(0))[0].last_certificate is None


def test_the_set_after_a_change_is_not_known_before_execution():
    chain = Chain().extend(1, next_names=("node0", "node1", "node2", "node4"))

    assert chain.tip(0).followed_by(chain.headers[1], chain.certificates[1]).validators is None


OTHER = validator_set("node5", "node6", "node7", "node8")
FIVE = validator_set("node0", "node1", "node2", "node3", "node4")


@pytest.mark.parametrize(
    ("pair", "code"),
    [
        ((b"", b""), "encoding.malformed"),
        ((GOOD.blocks[3], b"\x90"), "encoding.malformed"),
        ((b"\x90", GOOD.stored(3, 1)[0][1]), "encoding.malformed"),
        ((GOOD.blocks[3], pack(certify(GOOD.headers[3], GOOD.sets[3], phase=PREPARE))),
         "sync.certificate"),
        (GOOD.stored(4, 1)[0], "sync.certificate"),
        ((GOOD.blocks[4], GOOD.stored(3, 1)[0][1]), "sync.certificate"),
        ((GOOD.blocks[3], pack(certify(GOOD.headers[3], GOOD.sets[3], epoch=EPOCH + 1))),
         "sync.certificate"),
        (lie(chain_id="other"), "sync.chain"),
        (lie(version=2), "sync.chain"),
        (lie(suite=2), "sync.chain"),
        (lie(time=GOOD.headers[2].time), "sync.time"),
        (lie(validators_hash=b"v" * 32), "sync.validators"),
        (lie(txs_root=b"t" * 32), "block.txs-root"),
        (lie(last=GOOD.certificates[1]), "block.last-certificate"),
        (lie(signed_by=OTHER), "certificate.signature"),
        (lie(signed_by=FIVE), "certificate.quorum"),
        (lie(certificate=certify(GOOD.headers[3], GOOD.sets[3], chain="other")),
         "certificate.signature"),
    ],
)  # fmt: skip
def test_a_lie_is_named(pair, code):
    with pytest.raises(Rejected) as error:
        check(*pair)

    assert error.value.code == code


def test_a_block_on_another_parent_is_refused():
    tip = GOOD.tip(2)
    moved = Tip(
        msgspec.structs.replace(tip.header, state_root=b"s" * 32), tip.validators, None, None
    )

    with pytest.raises(Rejected) as error:
        check(*GOOD.stored(3, 1)[0], tip=moved)

    assert error.value.code == "sync.parent"


def parent_certified(certificate):
    """Block 3 whose body holds this certificate of block 2."""
    return lie(last=certificate, last_certificate=certificate.hash, last_view=certificate.view)


def tip_with_signers():
    tip = GOOD.tip(2)
    return Tip(tip.header, tip.validators, tip.certificate, GOOD.sets[2])


def test_another_valid_certificate_of_the_parent_passes():
    later = certify(GOOD.headers[2], GOOD.sets[2], view=1)

    block, _ = check(*parent_certified(later), tip=tip_with_signers())

    assert block.last_certificate == later


@pytest.mark.parametrize(
    ("certificate", "code"),
    [
        (certify(GOOD.headers[2], GOOD.sets[2], phase=PREPARE), "sync.last-certificate"),
        (certify(GOOD.headers[2], GOOD.sets[2], epoch=EPOCH + 1), "sync.last-certificate"),
        (certify(GOOD.headers[2], OTHER), "certificate.signature"),
    ],
)
def test_a_bad_certificate_of_the_parent_is_refused(certificate, code):
    with pytest.raises(Rejected) as error:
        check(*parent_certified(certificate), tip=tip_with_signers())

    assert error.value.code == code


def test_a_block_without_its_parents_certificate_is_refused():
    header = msgspec.structs.replace(GOOD.headers[3], last_certificate=bytes(32), last_view=0)
    pair = pack(Block(header, (), None)), pack(certify(header, GOOD.sets[3]))

    with pytest.raises(Rejected) as error:
        check(*pair)

    assert error.value.code == "sync.last-certificate"
