"""Two verifiers, hansa's and one in JavaScript, say the same of any file.

`scripts/verify.mjs` shares no line and no library with hansa: where the two differ, one of them or
a page of docs/spec/ is wrong. Compared are the exit code and the verdict of each of the six lines.
"""

import base64
import hashlib
import json
import subprocess
from functools import cache

import pytest
from msgspec.structs import replace

from hansa.certificate import bitmap_of
from hansa.encoding import pack
from hansa.errors import Rejected
from hansa.proof import (
    Included,
    build_state_proof,
    build_transaction_proof,
    decode_trust,
    parse_proof,
    signer_key,
    verify_proof,
)
from hansa.signing import verify
from hansa.transaction import Call, SignedTransaction, Transaction, transaction_digest
from hansa.votes import COMMIT, PREPARE, fresh_statement, vote_statement
from tests.programs import required
from tests.property import verifier_cases as cases
from tests.property.verifier_cases import Case
from tests.tidy.tree import ROOT
from tests.unit.hansa import proof_scene as scene

pytestmark = pytest.mark.slow
VERIFIER = ROOT / "scripts" / "verify.mjs"
BATCH = ROOT / "tests" / "property" / "verifier_batch.mjs"
RANDOM_FILES = 500
"""Damaged files beside those that are made by name."""
SECONDS_MAX = 300
VERIFIER_LINES_MAX = 500
"""So that a court's expert can read all of it, on lines of at most 100 characters."""
ASKED_AT_ONCE = 500
"""Files in one run of node: each is some 30 kB of base64."""
judged = cache(verify)


@pytest.fixture(scope="module")
def node():
    """The program that runs JavaScript."""
    return required("node", "nodejs", "scripts/verify.mjs needs Node.js 18 or newer")


def ask(node, lines):
    """What verify.mjs says of each line of a batch."""
    answers = []
    for start in range(0, len(lines), ASKED_AT_ONCE):
        text = "\n".join(json.dumps(line) for line in lines[start : start + ASKED_AT_ONCE])
        done = subprocess.run(
            [node, BATCH], input=text.encode(), capture_output=True, check=True,
            timeout=SECONDS_MAX,
        )  # fmt: skip
        answers += [json.loads(line) for line in done.stdout.splitlines()]
    return answers


def line_of(case):
    """A case as a line of a batch: proof, trust file and document in base64."""
    parts = (case.proof, case.trust, case.content)
    return [None if part is None else base64.b64encode(part).decode() for part in parts]


def said(case):
    """What Python's verifier says: the exit code and the verdict of each line."""
    try:
        trust = decode_trust(case.trust)
        verdict = verify_proof(parse_proof(case.proof), trust, judged, case.content, case.now_ms)
    except Rejected:
        return 65, None
    return verdict.exit_code, {name: line.verdict for name, line in verdict.lines}


def heard(answer):
    """What verify.mjs says, in the same form."""
    lines = answer.get("lines")
    if lines is None:
        return answer["exit"], None
    return answer["exit"], {name: verdict for name, verdict, _ in lines}


def names_twice(content):
    """Whether a document is a JSON text with a name twice in one object."""
    doubled = []

    def pairs(members):
        doubled.extend(members[len(dict(members)) :])
        return dict(members)

    try:
        json.loads(content, object_pairs_hook=pairs)
    except (ValueError, RecursionError):
        return False
    return bool(doubled)


def limited(case, wanted, given):
    """What is wanted of verify.mjs, whose first line has two limits; the other five have none.

    Of an EPCIS document, where events were recorded, it has to say ``not checked``. A document that
    names a field twice, of which EPCIS lets the last one count, is not the recorded one to it. The
    exit code is that of the lines.
    """
    lines = wanted[1]
    if lines is None or given[1] is None or case.content is None:
        return wanted
    said_of_content = lines["content"]
    if b'"epcisBody"' in case.content and given[1]["content"] == "not checked":
        said_of_content = "not checked"
    elif names_twice(case.content):
        said_of_content = "fail"
    limits = lines | {"content": said_of_content}
    return int("fail" in limits.values()), limits


def differences(node, files):
    """Where the two verifiers differ, and how often each exit code was said."""
    answers = ask(node, [line_of(case) for case in files])
    assert len(answers) == len(files)
    found, codes = [], {}
    for case, answer in zip(files, answers, strict=True):
        wanted, given = said(case), heard(answer)
        codes[wanted[0]] = codes.get(wanted[0], 0) + 1
        if given != limited(case, wanted, given):
            found.append((case.name, case.content, wanted, given, answer.get("why")))
    return found, codes


def test_the_published_proofs_say_what_is_published(node):
    published = json.loads((scene.VECTORS / "proof.json").read_text(encoding="utf-8"))["proofs"]
    files = [
        Case(
            str(number), one["proof"].encode(), json.dumps(one["trust"]).encode(),
            None if one["content"] is None else base64.b64decode(one["content"]),
        )
        for number, one in enumerate(published)
    ]  # fmt: skip

    answers = [heard(answer) for answer in ask(node, [line_of(case) for case in files])]

    wanted = [
        (0, {name: line["verdict"] for name, line in one["verdict"].items()}) for one in published
    ]
    assert answers == [
        limited(case, said_so, given)
        for case, said_so, given in zip(files, wanted, answers, strict=True)
    ]


def test_real_proofs_are_judged_alike(node):
    found, codes = differences(node, list(cases.real_cases()))

    assert found == []
    assert codes[0] > 50
    assert codes[1] > 20


def test_every_trust_file_is_judged_alike(node):
    found, codes = differences(node, list(cases.trust_cases()))

    assert found == []
    assert min(codes[0], codes[1], codes[65]) >= 10


@pytest.mark.timeout(SECONDS_MAX)
def test_damaged_files_are_judged_alike(node):
    found, codes = differences(node, list(cases.damaged_cases(RANDOM_FILES)))

    assert found == []
    assert min(codes[0], codes[1]) > 30
    assert codes[65] > 100


def certified(world, header, signers, **fields):
    """A certificate of a header by these signers, with fields that may lie."""
    true = {"phase": COMMIT, "epoch": header.epoch, "height": header.height, "view": 0,
            "block_hash": header.hash}  # fmt: skip
    given = true | fields
    chain = given.pop("chain", scene.CHAIN)
    order = ("epoch", "height", "view", "phase", "block_hash")
    validators = world.validators.validators
    signatures = tuple(
        scene.VALIDATOR_KEYS[validators[signer].name].sign(
            vote_statement(chain, *(given[name] for name in order), signer)
        )
        for signer in signers
    )
    bitmap = bitmap_of(sorted(set(signers)), len(validators))
    return replace(world.certificates[-1], bitmap=bitmap, signatures=signatures, **given)


FORGED = {
    "a quorum": ([0, 1, 2], {}),
    "another quorum": ([1, 2, 3], {}),
    "fewer": ([0, 1], {}),
    "all": ([0, 1, 2, 3], {}),
    "one three times": ([0, 0, 0], {}),
    "out of order": ([2, 1, 0], {}),
    "a late view": ([0, 1, 2], {"view": 2**31}),
    "a very late view": ([0, 1, 2], {"view": 2**63 - 1}),
    "prepares": ([0, 1, 2], {"phase": PREPARE}),
    "of another chain": ([0, 1, 2], {"chain": "other"}),
    "of another epoch": ([0, 1, 2], {"epoch": 7}),
    "of another height": ([0, 1, 2], {"height": 7}),
    "of another block": ([0, 1, 2], {"block_hash": bytes(32)}),
    "with a longer bitmap": ([0, 1, 2], {"bitmap": b"\x07\x00"}),
    "with a bit beyond the set": ([0, 1, 2], {"bitmap": b"\x13"}),
}


def forged_files():
    world, _ = scene.state_sample("doc/record/7")
    fetched = world.fetch("doc/record/7")
    trust = world.trust().to_json()
    header = world.headers[-1]
    for name, (signers, fields) in FORGED.items():
        honest = {key: value for key, value in fields.items() if key != "bitmap"}
        certificate = certified(world, header, signers, **honest)
        if "bitmap" in fields:
            certificate = replace(certificate, bitmap=fields["bitmap"])
        base = replace_base(world.base(), certificate=certificate)
        yield Case(f"certificate: {name}", build_state_proof(base, fetched), trust)
    for name, lie in {
        "version": {"version": 2}, "suite": {"suite": 2}, "epoch": {"epoch": 1},
        "chain": {"chain_id": "other"}, "far time": {"time": 2**62}, "primary": {"primary": "Ä\n"},
        "set": {"validators_hash": scene.SECOND.hash, "next_validators_hash": scene.SECOND.hash},
    }.items():  # fmt: skip
        told = replace(header, **lie)
        base = replace_base(world.base(), head=told, certificate=certified(world, told, [0, 1, 2]))
        yield Case(f"header: {name}", build_state_proof(base, fetched), trust)
        base = replace_base(base, fresh=None)
        yield Case(f"header, not fresh: {name}", build_state_proof(base, fetched), trust)
    fresh = world.fresh()
    for name, lie in {
        "height": {"height": 1}, "root": {"state_root": bytes(32)}, "times": {"times": (1, 2, 3)},
        "fewer times": {"times": fresh.times[:2]}, "no times": {"times": ()},
        "nobody": {"bitmap": b"\0", "signatures": (), "times": ()},
        "swapped": {"signatures": fresh.signatures[::-1]},
        "fewer": {"bitmap": b"\x03", "signatures": fresh.signatures[:2], "times": fresh.times[:2]},
    }.items():  # fmt: skip
        base = replace_base(world.base(), fresh=replace(fresh, **lie))
        yield Case(f"fresh: {name}", build_state_proof(base, fetched), trust)


def replace_base(base, **fields):
    names = ("validators", "changes", "head", "certificate", "fresh")
    return type(base)(**({name: getattr(base, name) for name in names} | fields))


def test_forged_votes_headers_and_freshness_are_judged_alike(node):
    found, codes = differences(node, list(forged_files()))

    assert found == []
    assert codes[0] >= 4
    assert codes[1] >= 7
    assert codes[65] >= 12


def swapped_sets():
    """Proofs in which a change of the set is left out, doubled, early, late, or another's."""
    world = scene.World()
    world.block({"doc/record/7": {"id": "7"}})
    world.block({}, validators=scene.SECOND)
    other, _ = scene.transaction_sample(change_at=1)
    trust, record = world.trust().to_json(), world.fetch("doc/record/7")
    (change,), (early,) = world.base().changes, other.base().changes
    given = {
        "right": [change], "none": [], "twice": [change, change], "another's": [early],
        "two": [early, change], "of another set": [(change[0], change[1], scene.FIRST)],
    }  # fmt: skip
    for name, changes in given.items():
        for fresh in (world.fresh(), old_fresh(world), None):
            base = replace_base(world.base(), changes=changes, fresh=fresh)
            yield Case(f"changes: {name}", build_state_proof(base, record), trust)


def old_fresh(world):
    """A freshness certificate with the key of one who left with the head: old keys get sold."""
    head, signers = world.headers[-1], [1, 2, 3]
    fresh = world.fresh()
    signatures = tuple(
        scene.VALIDATOR_KEYS[f"node{signer}"].sign(
            fresh_statement(scene.CHAIN, head.height, head.hash, head.state_root, time, signer)
        )
        for signer, time in zip(signers, fresh.times, strict=True)
    )
    return replace(fresh, bitmap=b"\x0e", signatures=signatures)


def test_changes_of_the_set_are_judged_alike(node):
    found, codes = differences(node, list(swapped_sets()))

    assert found == []
    assert codes == {0: 2, 1: 1, 65: 15}


# Signatures at the edges: what libsodium says is what counts.

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)


def point_of(y, sign):
    """The point with this y and sign of x; None where there is none (RFC 8032, 5.1.3)."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_1 % P
    if (x * x - square) % P:
        return None
    return (P - x) % P if x % 2 != sign else x, y


def added(one, other):
    (x1, y1), (x2, y2) = one, other
    k = D * x1 * x2 * y1 * y2 % P
    x, y = (x1 * y2 + x2 * y1) * pow(1 + k, -1, P), (y1 * y2 + x1 * x2) * pow(1 - k, -1, P)
    return x % P, y % P


def times(number, point):
    found = (0, 1)
    while number:
        if number & 1:
            found = added(found, point)
        point, number = added(point, point), number >> 1
    return found


def encoded(point, more=0):
    x, y = point
    return (y + more * P | (x & 1) << 255).to_bytes(32, "little")


BASE = point_of(4 * pow(5, -1, P) % P, 0)
OF_ORDER_8 = point_of(
    int.from_bytes(
        bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"
    )
    & (2**255 - 1),
    0,
)
SMALL = [times(n, OF_ORDER_8) for n in range(8)]
SECRET, NONCE = 3**150 % L, 5**90 % L


def signing_parts():
    """(what, key, R, secret, nonce): keys and R with a part of small order, and oddly spelled."""
    key, start = times(SECRET, BASE), times(NONCE, BASE)
    for i, one in enumerate(SMALL):
        for j, other in enumerate(SMALL):
            yield f"{i} {j}", encoded(added(key, one)), encoded(added(start, other)), SECRET, NONCE
        yield f"small key {i}", encoded(one), encoded(start), 0, NONCE
        yield f"small R {i}", encoded(key), encoded(one), SECRET, 0
        yield f"both small {i}", encoded(one), encoded(SMALL[-i]), 0, 0
    for y in range(19):
        for sign in range(2):
            raw = (y + P | sign << 255).to_bytes(32, "little")
            yield f"key {y} + p, {sign}", raw, encoded(start), SECRET, NONCE
            yield f"R {y} + p, {sign}", encoded(key), raw, SECRET, NONCE
    for minus in (b"\x01" + bytes(30) + b"\x80", (P - 1 | 1 << 255).to_bytes(32, "little")):
        yield "minus zero as key", minus, encoded(start), 0, NONCE
        yield "minus zero as R", encoded(key), minus, SECRET, 0


def signed_by(key, start, secret, number, *, nonce, more=0):  # noqa: PLR0913 - its parts
    """A transaction by one key, with S as the signer would make it, plus a multiple of L."""
    call = Call.of("doc", "register", {"id": "e"})
    body = pack(Transaction(1, scene.CHAIN, 0, (call,), nonce, 1, (b"\x01" + key,)))
    digest = transaction_digest(body)
    hashed = int.from_bytes(hashlib.sha512(start + key + digest).digest(), "little")
    s = ((number + hashed * secret) % L + more * L) % 2**256
    return SignedTransaction.assemble(body, (start + s.to_bytes(32, "little"),))


def odd_signatures():
    for what, key, start, secret, number in signing_parts():
        for nonce in range(4):
            signed = signed_by(key, start, secret, number, nonce=bytes([nonce]) * 16)
            yield f"{what}, {nonce}", signed
    key, start = encoded(times(SECRET, BASE)), encoded(times(NONCE, BASE))
    for more in range(16):
        yield f"S + {more} L", signed_by(key, start, SECRET, NONCE, nonce=bytes(16), more=more)


def signature_files():
    """A proof for each odd signature: line 3 says whether it holds, its signer being unknown."""
    world = scene.World()
    world.block({})
    trust = world.trust().to_json()
    for name, signed in odd_signatures():
        receipt = scene.receipt_of(signed, 1)
        included = Included(signed.raw, receipt, 0, (), world.headers[1], world.certificates[1])
        keys = [world.fetch(signer_key(signed.transaction.signers[0]))]
        records = [world.fetch("doc/record/contract-7")]
        base = replace_base(world.base(), fresh=None)
        yield Case(name, build_transaction_proof(base, included, keys, records), trust)


@pytest.mark.timeout(SECONDS_MAX)
def test_signatures_at_the_edges_are_judged_as_libsodium_judges(node):
    files = list(signature_files())
    found, _ = differences(node, files)

    verdicts = [said(case)[1]["signers"] for case in files]
    assert found == []
    assert verdicts.count("attention") > 20
    assert verdicts.count("fail") > 300


@pytest.mark.timeout(SECONDS_MAX)
@pytest.mark.parametrize("name", ["transaction", "capture", "state"])
def test_every_byte_of_a_file_flipped_is_judged_alike(node, name):
    samples = {
        "transaction": scene.transaction_sample, "capture": scene.capture_sample,
        "state": lambda: scene.state_sample("doc/record/7"),
    }  # fmt: skip
    world, data = samples[name]()
    case = Case(name, data, world.trust().to_json(), scene.CONTENT)

    assert flipped_otherwise(node, case, range(len(data))) == []


def flipped_otherwise(node, case, places):
    """Where the two differ on a file with one bit of one byte flipped."""
    flips = []
    for place in places:
        flipped = bytearray(case.proof)
        flipped[place] ^= 1 << place % 7
        name = f"{case.name}, byte {place}"
        flips.append(Case(name, bytes(flipped), case.trust, case.content))
    return differences(node, flips)[0]


def test_the_command_prints_six_lines_and_exits_as_ours_does(node, tmp_path):
    world, data = scene.transaction_sample()
    (tmp_path / "proof").write_bytes(data)
    (tmp_path / "trust").write_bytes(world.trust().to_json())
    (tmp_path / "content").write_bytes(scene.CONTENT)
    (tmp_path / "other").write_bytes(b"other")

    def run(*words):
        done = subprocess.run(
            [node, VERIFIER, *words], cwd=tmp_path, capture_output=True, check=False, timeout=60
        )
        return done.returncode, done.stdout.decode().splitlines()

    code, lines = run("proof", "trust", "content")
    assert code == 0
    assert [line.split(":")[0] for line in lines] == [
        "content", "on_chain", "signers", "time", "now", "not_proven"
    ]  # fmt: skip
    assert lines[0].startswith("content: [ok] ")
    assert run("proof", "trust", "other")[0] == 1
    assert len(run("proof", "trust")[1]) == 6
    assert run("content", "trust") == (65, [])
    assert run("proof", "content") == (65, [])
    assert run("none", "trust") == (66, [])
    assert run("proof") == (2, [])


def test_the_verifier_is_short_enough_to_be_read():
    lines = VERIFIER.read_text(encoding="utf-8").splitlines()
    imported = [line for line in lines if line.startswith("import ")]

    assert len(lines) <= VERIFIER_LINES_MAX
    assert max(map(len, lines)) <= 100
    assert all('from "node:' in line for line in imported)
    assert list(VERIFIER.parent.glob("*.mjs")) == [VERIFIER]
