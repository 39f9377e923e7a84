"""The numbers of the specifications: other numbers are other bytes (docs/spec/encoding.md)."""

import pytest

from hansa import (
    __main__,
    block,
    canonical_json,
    certificate,
    encoding,
    evidence,
    genesis,
    gs1,
    keyfile,
    keys,
    membership,
    merkle,
    partial,
    proof_file,
    receipt,
    signing,
    state_proof,
    transaction,
    trust,
    votes,
)
from hansa.client import calls, events, promise
from hansa.epcis import document, event, json_text, structure, values

NUMBERS = [
    (__main__, "EXIT_NO_PROOF", 65),
    (__main__, "EXIT_NO_FILE", 66),
    (block, "HEADER_VERSION", 1),
    (block, "BLOCK_BYTES_MAX", 4_194_304),
    (block, "BLOCK_TRANSACTIONS_MAX", 5_000),
    (calls, "NOT_READY", 503),
    (calls, "TRY_LATER", {408, 429, 500, 502, 503, 504}),
    (canonical_json, "SAFE_INTEGER_MAX", 9_007_199_254_740_991),
    (canonical_json, "DEPTH_MAX", 128),
    (certificate, "BITMAP_BYTES_MAX", 13),
    (document, "DOCUMENT_BYTES_MAX", 16_777_216),
    (encoding, "DEPTH_MAX", 16),
    (encoding, "INT_MIN", -9_223_372_036_854_775_808),
    (encoding, "INT_MAX", 9_223_372_036_854_775_807),
    (event, "EVENT_BYTES_MAX", 204_800),
    (event, "MICRO", 1_000_000),
    (events, "LINE_BYTES_MAX", 1_048_576),
    (evidence, "EVIDENCE_BYTES_MAX", 1_024),
    (genesis, "GENESIS_BYTES_MAX", 16_777_216),
    (genesis, "GENESIS_VERSION", 1),
    (gs1, "PREFIX_DIGITS_MIN", 6),
    (gs1, "PREFIX_DIGITS_MAX", 12),
    (json_text, "BRACKETS_MAX", 64),
    (keyfile, "KEY_FILE_BYTES_MAX", 4_096),
    (keyfile, "OPEN_MODE", 0o077),
    (keys, "ED25519", 1),
    (keys, "SUITE_ED25519_SHA256", 1),
    (membership, "VALIDATORS_MAX", 100),
    (merkle, "HASH_BYTES", 32),
    (merkle, "SIZE_MAX", 9_223_372_036_854_775_807),
    (partial, "PARTIAL_BYTES_MAX", 357_717),
    (promise, "PROMISE_ENTRIES_MAX", 1_000),
    (proof_file, "PROOF_BYTES_MAX", 8_388_608),
    (proof_file, "CHANGES_MAX", 1_000),
    (proof_file, "RECORDS_MAX", 16),
    (proof_file, "PATH_MAX", 63),
    (receipt, "NOBODY", -1),
    (signing, "SEED_BYTES", 32),
    (state_proof, "PAGE_ENTRIES_MAX", 40),
    (state_proof, "ENTRY_BYTES", 64),
    (state_proof, "DEPTH_MAX", 64),
    (state_proof, "WIDTH", 16),
    (structure, "ID_BYTES_MAX", 400),
    (structure, "LIST_MAX", 1_000),
    (transaction, "TRANSACTION_BYTES_MAX", 262_144),
    (transaction, "CALLS_MAX", 256),
    (transaction, "SIGNERS_MAX", 16),
    (transaction, "NONCE_BYTES", 16),
    (transaction, "EXPIRY_MS_MAX", 604_800_000),
    (transaction, "VERSION", 1),
    (transaction, "CLIENT", 0),
    (transaction, "GATEWAY_BATCH", 1),
    (transaction, "EVIDENCE", 2),
    (transaction, "DUE", 3),
    (trust, "TRUST_BYTES_MAX", 1_048_576),
    (values, "DIGITS_MAX", 40),
    (values, "NESTED_MAX", 16),
    (votes, "PREPARE", 2),
    (votes, "COMMIT", 3),
]


@pytest.mark.parametrize(("module", "name", "number"), NUMBERS, ids=str)
def test_a_number_is_that_of_the_specification(module, name, number):
    assert getattr(module, name) == number


@pytest.mark.parametrize(
    ("size", "faults", "quorum", "weak"),
    [
        (1, 0, 1, 1), (2, 0, 2, 1), (3, 0, 2, 1), (4, 1, 3, 2), (5, 1, 4, 2), (6, 1, 4, 2),
        (7, 2, 5, 3), (10, 3, 7, 4), (13, 4, 9, 5), (100, 33, 67, 34),
    ],
)  # fmt: skip
def test_quorums_are_those_of_the_table(size, faults, quorum, weak):
    validators = membership.ValidatorSet(
        tuple(
            membership.Validator(f"n{index:03}", f"m{index:03}", b"\1" + bytes([index]) * 32)
            for index in range(size)
        )
    )

    assert (validators.size, validators.faults) == (size, faults)
    assert (validators.quorum, validators.weak_quorum) == (quorum, weak)
    assert membership.fault_bound(size) == faults
    assert membership.quorum_size(size) == quorum
