"""Signed transactions (docs/spec/ledger.md, section 1)."""

import pytest

from hansa.encoding import encode_value, pack
from hansa.errors import Rejected
from hansa.signing import SigningKey, verify
from hansa.transaction import (
    CALLS_MAX,
    DUE,
    SIGNERS_MAX,
    TRANSACTION_BYTES_MAX,
    Call,
    SignedTransaction,
    Transaction,
    transaction_digest,
    transaction_id,
)
from tests.unit.hansa.frozen import frozen, why

VECTORS = frozen("transaction")
ONE_CALL = (Call.of("doc", "sign", {}),)
KEYS = [SigningKey(bytes([number]) * 32) for number in range(1, SIGNERS_MAX + 1)]


def signed(signers=KEYS[:1], calls=ONE_CALL, **fields):
    """A transaction of these signers, and their signatures."""
    plain = {"version": 1, "chain_id": "demo", "type": 0, "nonce": bytes(16), "expires_at": 1}
    transaction = Transaction(
        **{**plain, **fields}, calls=calls, signers=tuple(key.public for key in signers)
    )
    body = pack(transaction)
    return body, tuple(key.sign(transaction_digest(body)) for key in signers)


@pytest.mark.parametrize("case", VECTORS["transactions"], ids=why)
def test_every_transaction_has_its_frozen_bytes_and_ids(case):
    transaction = SignedTransaction.decode(bytes.fromhex(case["raw"]))

    assert transaction.body.hex() == case["body"]
    assert transaction.tx_id.hex() == case["tx_id"] == transaction_id(transaction.body).hex()
    assert transaction.tx_hash.hex() == case["tx_hash"]
    assert transaction_digest(transaction.body).hex() == case["digest"]
    assert transaction.verified_by(verify) is case["valid"]
    again = SignedTransaction.assemble(transaction.body, transaction.signatures)
    assert again.raw == transaction.raw


@pytest.mark.parametrize("case", VECTORS["refused"], ids=why)
def test_every_other_spelling_is_refused(case):
    with pytest.raises(Rejected) as caught:
        SignedTransaction.decode(bytes.fromhex(case["raw"]))

    assert caught.value.code == case["code"]


def test_the_first_signer_is_the_sender():
    transaction = SignedTransaction.assemble(*signed(KEYS[:3]))

    assert transaction.sender == KEYS[0].public
    assert SignedTransaction.assemble(*signed([], type=DUE)).sender == b""


def test_a_bad_signature_changes_the_name_of_the_bytes_and_not_of_the_intent():
    body, signatures = signed()
    good = SignedTransaction.assemble(body, signatures)
    bad = SignedTransaction.assemble(body, (bytes(64),))

    assert good.tx_id == bad.tx_id
    assert good.tx_hash != bad.tx_hash
    assert (good.verified_by(verify), bad.verified_by(verify)) == (True, False)


def test_the_largest_ones_are_accepted_and_larger_ones_are_not():
    most = SignedTransaction.assemble(
        *signed(KEYS, calls=(Call.of("doc", "sign", {}),) * CALLS_MAX)
    )
    assert len(most.transaction.calls) == CALLS_MAX

    spare = TRANSACTION_BYTES_MAX - len(SignedTransaction.assemble(*signed()).raw)
    fill = [encode_value({"content": bytes(spare - used)}) for used in (19, 18)]
    largest, larger = (signed(calls=(Call("doc", "sign", args),)) for args in fill)
    assert len(SignedTransaction.assemble(*largest).raw) == TRANSACTION_BYTES_MAX
    with pytest.raises(Rejected, match=r"transaction\.too-large"):
        SignedTransaction.assemble(*larger)


def test_a_call_gives_its_arguments_back():
    arguments = {"id": "d-1", "parts": [1, None, {"a": b"x"}]}

    assert Call.of("doc", "register", arguments).arguments() == arguments


@pytest.mark.parametrize("args", [encode_value([1]), b"", b"\xcb" + bytes(8)])
def test_arguments_are_a_canonical_map(args):
    with pytest.raises(Rejected, match="encoding"):
        Call("doc", "register", args).arguments()
