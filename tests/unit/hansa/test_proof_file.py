"""A proof file has one spelling, and damage to it is refused or turns one line, the right one."""

import base64
import functools
import json
from pathlib import Path

import pytest

from hansa.canonical_json import dumps
from hansa.errors import Rejected
from hansa.proof import decode_trust, parse_proof, verify_proof
from hansa.signing import verify

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
CASES = {case["name"]: case for case in json.loads((VECTORS / "proof.json").read_text())["proofs"]}
DOC, PRESENT = CASES["doc.register"]["proof"].encode(), CASES["state, present"]["proof"].encode()


remembered = functools.cache(verify)


def judge(case, data=None, content=b""):
    content = base64.b64decode(case["content"] or "") if content == b"" else content
    trust = decode_trust(dumps(case["trust"]))
    proof = parse_proof(case["proof"].encode() if data is None else data)
    return verify_proof(proof, trust, remembered, content or None, case["now_ms"])


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


def turned(case, data, base):
    """How a damaged file is judged: the lines whose verdict differs, or that it is no proof."""
    try:
        found = verdicts(judge(case, data))
    except Rejected:
        return ("no proof",)
    return tuple(f"{name}: {found[name]}" for name in found if found[name] != base[name])


def flipped(data, mask):
    return (
        data[:place] + bytes([data[place] ^ mask]) + data[place + 1 :] for place in range(len(data))
    )


TURNED = {
    "doc.register": {("signers: fail",), ("now: fail",), ("on_chain: fail",), ("no proof",)},
    "trace.capture": {("signers: fail",), ("now: fail",), ("on_chain: fail",), ("no proof",)},
    "doc.register, time-stamped": {
        ("signers: fail",), ("now: fail",), ("on_chain: fail",), ("no proof",),
    },
    "doc.anchor, one file": {
        ("content: fail",), ("signers: fail",), ("now: fail",), ("on_chain: fail",), ("no proof",),
    },
    "doc.register, fields shown": {
        ("content: fail",), ("signers: fail",), ("now: fail",), ("on_chain: fail",), ("no proof",),
    },
    "state, present": {("now: fail",), ("no proof",)},
    "state, absent": {("now: fail",), ("no proof",)},
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", CASES)
def test_every_flipped_byte_turns_exactly_one_line_or_the_file_is_refused(name):
    case = CASES[name]
    base = verdicts(judge(case))

    seen = {turned(case, damaged, base) for damaged in flipped(case["proof"].encode(), 1)}

    assert seen == TURNED[name]


@pytest.mark.parametrize("name", CASES)
def test_a_frozen_proof_is_judged_as_it_was_frozen(name):
    assert judge(CASES[name]).to_json() == CASES[name]["verdict"]


@pytest.mark.parametrize(("content", "expected"), [(None, "not given"), (b"another file", "fail")])
def test_the_content_line_depends_on_the_file_alone(content, expected):
    found = verdicts(judge(CASES["doc.register"], content=content))

    assert found == verdicts(judge(CASES["doc.register"])) | {"content": expected}


def test_a_verdict_has_a_form_for_machines():
    found = judge(CASES["doc.register"]).to_json()

    assert list(found) == ["content", "on_chain", "signers", "time", "now", "not_proven"]
    assert found["content"] == {
        "verdict": "ok",
        "text": "the file you hold is the one recorded",
        "note": "sha-256 c85b5f057780",
    }


NO_PROOFS = {
    "another format": (("format",), "hansa/proof@2", "proof.malformed"),
    "an unknown field": (("extra",), 1, "proof.malformed"),
    "another kind": (("kind",), "both", "proof.malformed"),
    "a section of an unknown version": (("inclusion", "version"), 2, "proof.malformed"),
    "another spelling of base64": (("receipt",), lambda text: text + "\n", "proof.malformed"),
    "the statement of another transaction": (("statement", "tx_id"), "00" * 32, "proof.parts"),
    "the statement of another height": (("statement", "height"), 6, "proof.parts"),
    "another chain": (("chain_id",), "other", "proof.parts"),
    "no key record": (("keys",), [], "proof.parts"),
    "a strange key record": (("keys", 1, "key"), "doc/record/1", "proof.parts"),
    "no present record": (("records",), [], "proof.parts"),
    "another transaction": (
        ("transaction",), json.loads(CASES["trace.capture"]["proof"])["transaction"], "proof.parts"
    ),
    "another receipt": (
        ("receipt",), json.loads(CASES["trace.capture"]["proof"])["receipt"], "proof.parts"
    ),
    "a header of another height": (
        ("block", "header"), json.loads(DOC)["head"]["header"], "proof.parts"
    ),
    "changes out of order": (("changes",), lambda changes: changes * 2, "proof.parts"),
    "a head that is not above the block": (("head",), json.loads(DOC)["block"], "proof.parts"),
    "a signature of another vote": (
        ("head", "certificate"), json.loads(DOC)["block"]["certificate"], "proof.parts"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_PROOFS)
def test_parts_that_do_not_belong_together_are_no_proof(name):
    path, value, code = NO_PROOFS[name]

    with pytest.raises(Rejected) as caught:
        parse_proof(altered(DOC, *path, value=value))

    assert caught.value.code == code


def test_a_file_too_large_or_not_canonical_is_no_proof():
    with pytest.raises(Rejected, match=r"proof\.too-large"):
        parse_proof(b" " * (8 * 1024 * 1024 + 1))
    with pytest.raises(Rejected, match=r"json\.not-canonical"):
        parse_proof(DOC + b"\n")


@pytest.mark.parametrize(
    ("statement", "value"), [("key", "doc/record/8"), ("height", 3), ("present", False)]
)
def test_a_state_proof_claims_what_it_shows(statement, value):
    with pytest.raises(Rejected, match=r"proof\.parts"):
        parse_proof(altered(PRESENT, "statement", statement, value=value))
