"""A proof file says six things, and damage is either refused or turns one of them."""

import base64
import json
import re

import msgspec
import pytest
from msgspec.structs import replace

from hansa.encoding import pack
from hansa.errors import Rejected
from hansa.hashing import ZERO_HASH
from hansa.proof import (
    Included,
    ProofBase,
    build_state_proof,
    build_transaction_proof,
    parse_proof,
    signer_key,
)
from hansa.proof_judge import time_line
from hansa.transaction import Call, SignedTransaction, Transaction
from hansa.trust import Organisation, Trust
from hansa.votes import COMMIT, PREPARE
from tests.unit.hansa.proof_scene import (
    CHAIN,
    DOC,
    EVENT,
    FIRST,
    SECOND,
    SIGNER,
    START_MS,
    STRANGER,
    VECTORS,
    World,
    altered,
    capture_sample,
    judge,
    register,
    state_sample,
    transaction_sample,
    validator_set,
    verdicts,
)


def test_a_good_proof_says_six_things():
    world, data = transaction_sample()

    verdict = judge(world, data)

    assert [re.sub("   +", " | ", line[12:]) for line in verdict.to_text().splitlines()] == [
        "the file you hold is the one recorded | sha-256 c85b5f057780",
        (
            "height 5, 2026-11-22 10:00:05 UTC, confirmed by 3 of 4 organisations (3 needed)  "
            "carrier, farm, roastery"
        ),
        "roastery/office (USCC 91310000MADEM002X2), key valid at that height",
        "chain time 10:00:05; no trusted time-stamp given",
        "in force, as of height 5, 2 s ago",
        "that the content of the document is true",
    ]
    assert verdict.exit_code == 0


STRANGE_TRUST = {
    "another chain": lambda trust: replace(trust, chain_id="other"),
    "other validators": lambda trust: replace(trust, validators=trust.validators[:3]),
    "another epoch": lambda trust: replace(trust, checkpoint=replace(trust.checkpoint, epoch=9)),
    "another genesis": lambda trust: replace(
        trust, checkpoint=replace(trust.checkpoint, block_hash="00" * 32, height=1)
    ),
    "another block": lambda trust: replace(
        trust, checkpoint=replace(trust.checkpoint, block_hash="00" * 32, height=2)
    ),
}


@pytest.mark.parametrize("name", STRANGE_TRUST)
def test_a_trust_file_that_does_not_lead_there_turns_line_two_and_the_rest_is_not_checked(name):
    world, data = transaction_sample()

    verdict = judge(world, data, trust=STRANGE_TRUST[name](world.trust()))

    assert verdicts(verdict) == {
        "content": "ok", "on_chain": "fail", "signers": "not checked", "time": "not checked",
        "now": "not checked", "not_proven": "info",
    }  # fmt: skip
    assert verdict.exit_code == 1
    assert verdict.failed == ("on_chain",)


def test_any_checkpoint_up_to_the_block_will_do_and_a_later_set_will_not():
    world, data = transaction_sample()
    late_world, late = transaction_sample(later=[{"other/9": 9}])
    late_world.block({}, validators=FIRST)

    heights = [judge(world, data, trust=world.trust(n)).exit_code for n in range(5)]

    assert heights == [0] * 5
    assert judge(late_world, late, trust=Trust.of(late_world.headers[7], FIRST)).failed == (
        "on_chain",
    )


def test_a_block_older_than_the_trust_file_is_said_to_be_so():
    world, data = transaction_sample(change_at=None, later=[{"other/9": 9}])
    world.block({}, validators=SECOND)
    keys = [world.fetch(signer_key(SIGNER.public)), world.fetch("org/member/roastery")]
    proof = json.loads(data)
    included = Included(
        base64.b64decode(proof["transaction"]), base64.b64decode(proof["receipt"]),
        proof["inclusion"]["index"], parse_proof(data).inclusion.path,
        world.headers[5], world.certificates[5],
    )  # fmt: skip
    records = [world.fetch("doc/record/contract-7")]
    data = build_transaction_proof(world.base(), included, keys, records)

    verdict = judge(world, data, trust=Trust.of(world.headers[7], SECOND))

    assert verdict.on_chain.text == "older than your trust file, which begins at height 7"
    assert judge(world, data).exit_code == 0


def test_a_wrong_signature_turns_the_signers_alone():
    world, data = transaction_sample()
    signed = register()
    raw = signed.raw.replace(signed.signatures[0], bytes(64))

    verdict = judge(world, altered(data, "transaction", value=base64.b64encode(raw).decode()))

    assert verdict.failed == ("signers",)
    assert verdict.signers.text.startswith("the signature of ed25519:")


def test_other_signatures_than_the_recorded_ones_turn_line_two():
    world, data = transaction_sample()
    signed = register()
    raw = signed.raw.replace(signed.signatures[0], bytes(64))
    data = altered(data, "transaction", value=base64.b64encode(raw).decode())

    verdict = judge(world, data, verifier=lambda *_: True)

    assert verdict.failed == ("on_chain",)


def test_an_unknown_cosigner_is_unknown_and_nothing_is_tampered():
    world, data = transaction_sample(signed=register((SIGNER, STRANGER)))

    verdict = judge(world, data)

    assert verdict.signers.verdict == "attention"
    assert "; unknown signer ed25519:" in verdict.signers.text
    assert verdict.exit_code == 0


def test_what_the_chain_itself_did_has_no_signer():
    body = pack(Transaction(1, CHAIN, 3, (Call.of("doc", "x", {}),), bytes(16), START_MS, ()))
    world, data = transaction_sample(signed=SignedTransaction.assemble(body, ()))

    verdict = judge(world, data, None)

    assert verdict.signers.text == "the chain itself: what was due at that time"
    assert verdict.exit_code == 0


KEY_HISTORIES = [
    ({"valid_from": 6}, "fail", "roastery/office (LEI 1), key not valid at that height"),
    ({"valid_to": 5}, "fail", "roastery/office (LEI 1), key not valid at that height"),
    ({"valid_to": 6}, "ok", "roastery/office (LEI 1), key valid at that height, ended at height 6"),
    (
        {"compromised_since": START_MS, "valid_to": 6},
        "attention",
        "roastery/office (LEI 1), key reported as compromised since 2026-11-22 10:00:00 UTC",
    ),
    (
        {"compromised_since": START_MS + 9000},
        "ok",
        "roastery/office (LEI 1), key valid at that height",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "expected", "text"), KEY_HISTORIES)
def test_a_signature_is_judged_by_the_key_at_its_height(fields, expected, text):
    key = World.org_records()[signer_key(SIGNER.public)] | fields
    member = {"legal_id": {"scheme": "LEI", "value": "1"}}
    later = [{signer_key(SIGNER.public): dict(sorted(key.items())), "org/member/roastery": member}]
    world, data = transaction_sample(later=later)

    line = judge(world, data).signers

    assert (line.verdict, line.text) == (expected, text)


def test_the_holders_own_number_of_an_organisation_stands_in_where_the_state_has_none():
    world, data = transaction_sample(later=[{"org/member/roastery": "odd"}])
    organisation = Organisation("roastery", None, "LEI 5299000J2N45DDNE4Y28")

    line = judge(world, data, trust=replace(world.trust(), organisations=(organisation,))).signers
    bare = judge(world, data).signers

    assert line.text.startswith("roastery/office (LEI 5299000J2N45DDNE4Y28), key valid")
    assert bare.text.startswith("roastery/office, key valid")


def test_a_refused_transaction_is_not_passed_off_as_recorded():
    world, data = transaction_sample(code="EXISTS")

    verdict = judge(world, data)

    assert verdict.on_chain.text == "at height 5 it was refused with EXISTS: it changed nothing"
    assert verdict.now.text.startswith("it left no record that could have changed")


FATES = [
    ({"history": [[5, 3], [6, 0]]}, "doc/record/contract-7 changed since, at height 6"),
    ({**DOC, "state": "superseded", "superseded_by": "contract-8"}, "superseded by contract-8"),
    ({**DOC, "state": "withdrawn"}, "withdrawn"),
    ({**DOC, "reason": "incorrect_data", "wrong": True}, "declared wrong (incorrect_data)"),
    ({**DOC, "wrong": True}, "declared wrong (no reason given)"),
    (None, "doc/record/contract-7 was removed since"),
]


@pytest.mark.parametrize(("record", "text"), FATES)
def test_the_now_line_says_what_became_of_the_record(record, text):
    world, data = transaction_sample(later=[{"doc/record/contract-7": record}])

    verdict = judge(world, data)

    assert verdict.now.verdict == "attention"
    assert verdict.now.text == f"{text}, as of height 6, 1 s ago"
    assert verdict.exit_code == 0


def test_a_document_that_was_signed_since_is_in_force():
    later = [{"doc/record/contract-7": {**DOC, "history": [[5, 3], [6, 0]]}}]
    world, data = transaction_sample(later=later)

    assert judge(world, data).now.text == "in force, as of height 6, 1 s ago"


@pytest.mark.parametrize(
    ("history", "text"),
    [([[5, 3]], "in force"), ([[6, 0]], "in force; 1 of 1 things moved on since")],
)
def test_a_thing_that_moved_on_leaves_its_event_in_force(history, text):
    key = "trace/thing/01/09520600001012/21/K7QH2M9X4T"
    thing = {"history": history, "state": "sold"}
    world, data = transaction_sample(key=key, later=[{key: thing}])

    line = judge(world, data).now

    assert (line.verdict, line.text) == ("ok", f"{text}, as of height 6, 1 s ago")


@pytest.mark.parametrize(
    "value", [b"\xc1", 5, {"history": 7}, {"history": [["x"]]}, {"history": []}]
)
def test_a_record_of_another_shape_is_in_force_as_long_as_it_is_there(value):
    world, data = transaction_sample(later=[{"doc/record/contract-7": value}])

    assert judge(world, data).now.text.startswith("in force, as of height 6")


def test_without_a_freshness_certificate_the_now_line_asks_for_attention():
    world, data = transaction_sample(fresh=False)

    line = judge(world, data).now

    assert line.verdict == "attention"
    assert line.text == (
        "in force, as of height 5, 2026-11-22 10:00:05 UTC; no freshness certificate given"
    )


def test_without_a_clock_times_are_given_instead_of_ages():
    world, data = transaction_sample()

    text = judge(world, data, now_ms=None).now.text

    assert text == "in force, as of height 5, 2026-11-22 10:00:07 UTC"


def test_a_freshness_certificate_of_another_block_turns_the_now_line():
    _, other = transaction_sample(later=[{"other/9": 9}])
    world, data = transaction_sample()

    verdict = judge(world, altered(data, "fresh", value=json.loads(other)["fresh"]))

    assert verdict.failed == ("now",)


def test_a_state_proof_shows_what_is_there_and_compares_a_file_with_it():
    world, data = state_sample("doc/record/7")

    verdict = judge(world, data)

    assert verdict.exit_code == 0
    assert verdict.content.verdict == "ok"
    assert verdict.signers.verdict == "not given"
    assert verdict.now.text == "document 7 stands as given here, as of height 2, 5 s ago"


def test_a_state_proof_shows_that_nothing_is_there():
    world, data = state_sample("doc/record/none", fresh=False)

    verdict = judge(world, data, None)

    assert verdict.now.text.startswith("there is no document none, as of height 2")
    assert verdict.not_proven.text == "that there is no such thing outside of this chain"


def test_an_unknown_application_has_a_sentence_too():
    world, data = transaction_sample(signed=register(contract="other", args={"n": 1}))

    assert judge(world, data).not_proven.text == "that what was signed is true"


def recertified(world, number, phase=COMMIT, **fields):
    """The base of a proof whose head is another header, well signed."""
    header = msgspec.structs.replace(world.headers[number], **fields)
    return header, World.certify(header, world.validators, phase)


BAD_HEADS = {
    "a header of another version": {"version": 2},
    "another suite": {"suite": 2},
    "another set": {"validators_hash": ZERO_HASH},
    "a prepare in the place of a commit": {"phase": PREPARE},
}


@pytest.mark.parametrize("name", BAD_HEADS)
def test_what_every_line_rests_on_must_hold_or_it_is_no_proof(name):
    world = World()
    world.block({"other/1": 1})
    header, certificate = recertified(world, 1, **BAD_HEADS[name])
    base = ProofBase(FIRST, [], header, certificate)
    data = build_state_proof(base, world.fetch("other/1"))

    with pytest.raises(Rejected, match=r"proof\.chain"):
        judge(world, data)


def test_a_change_must_announce_the_set_that_is_given():
    world, data = transaction_sample()
    other = base64.b64encode(pack(validator_set("node0"))).decode()

    with pytest.raises(Rejected, match=r"proof\.chain"):
        judge(world, altered(data, "changes", 0, "validators", value=other))


@pytest.mark.parametrize(
    "name", ["doc.register", "trace.capture", "state, present", "state, absent"]
)
def test_the_builder_writes_the_bytes_that_were_frozen(name):
    samples = {
        "doc.register": lambda: transaction_sample(later=[{"other/9": 9}]),
        "trace.capture": capture_sample,
        "state, present": lambda: state_sample("doc/record/7"),
        "state, absent": lambda: state_sample("doc/record/none"),
    }
    frozen = json.loads((VECTORS / "proof.json").read_text())["proofs"]

    assert samples[name]()[1].decode() == next(c["proof"] for c in frozen if c["name"] == name)


def test_an_epcis_capture_is_compared_with_a_document_and_shows_its_claimed_time():
    world, data = capture_sample()
    document = b'{"epcisBody":{"eventList":[%s]}}' % EVENT

    verdict = judge(world, data, document)

    assert verdict.content.text == "the file you hold is the one recorded"
    assert verdict.time.text == (
        "claimed 2026-11-22 09:59:58 UTC; chain time 2026-11-22 10:00:05 UTC; "
        "no trusted time-stamp given"
    )
    assert verdict.not_proven.text == "that the event happened as its reporter says"


def test_events_of_several_times_claim_a_span():
    _, data = capture_sample()

    line = time_line(parse_proof(data), (START_MS, START_MS + 5_000))

    assert line.text.startswith("claimed 2026-11-22 10:00:00 UTC to 2026-11-22 10:00:05 UTC; ")
