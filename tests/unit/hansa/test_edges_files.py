"""Files and texts at the edges of their limits: keys, JSON, trees, proofs, trust, genesis."""

import base64
import json

import msgspec
import pytest
from msgspec.structs import replace

from hansa import genesis as genesis_module
from hansa import keyfile, partial, proof_file, trust
from hansa.block import BLOCK_BYTES_MAX, decode_block
from hansa.canonical_json import dumps, loads, loads_canonical, number_text
from hansa.errors import Rejected
from hansa.evidence import EVIDENCE_BYTES_MAX, decode_evidence
from hansa.genesis import check_genesis, decode_genesis
from hansa.hashing import sha256
from hansa.keyfile import create_dev_key_file, create_key_file, open_key_file, read_public_key
from hansa.keys import key_id, parse_public_key, public_key_text
from hansa.membership import VALIDATORS_MAX
from hansa.merkle import (
    SIZE_MAX,
    Frontier,
    inclusion_path,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from hansa.proof import parse_proof, signer_key
from hansa.proof_judge import ENDED
from hansa.proof_lines import age, clock, utc
from hansa.signing import SigningKey, verify
from hansa.state_proof import (
    EMPTY,
    StateProof,
    Step,
    inner_hash,
    key_hash,
    nibble,
    page_hash,
    shares_prefix,
)
from hansa.transaction import SignedTransaction
from hansa.trust import decode_trust
from tests.unit.hansa.proof_scene import DOC, SIGNER, START_MS, World, judge, transaction_sample
from tests.unit.ledger.scene import genesis

KEY = SigningKey(sha256(b"a key"))


def code_of(action):
    """The code of the refusal, or None."""
    try:
        action()
    except Rejected as error:
        return error.code
    return None


# Key files


@pytest.mark.parametrize(("size", "code"), [(4_096, None), (4_097, "key.malformed")])
def test_a_key_file_has_at_most_4096_bytes(tmp_path, size, code):
    path = tmp_path / "k"
    create_dev_key_file(path, KEY, "user")
    path.write_bytes(path.read_bytes().ljust(size))

    assert code_of(lambda: read_public_key(path)) == code


@pytest.mark.parametrize(("mode", "code"), [(0o700, None), (0o610, "key.permissions")])
@pytest.mark.parametrize("bit", [0, 0o001, 0o002, 0o004, 0o020, 0o040])
def test_any_bit_for_others_shuts_a_key_file(tmp_path, mode, code, bit):
    path = tmp_path / "k"
    create_dev_key_file(path, KEY, "user")
    path.chmod(mode | bit)

    assert code_of(lambda: read_public_key(path)) == (code or ("key.permissions" if bit else None))


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory):
    """A key file under a passphrase, made once."""
    path = tmp_path_factory.mktemp("keys") / "k"
    create_key_file(path, KEY, "user", "words", strength="interactive")
    return path


BOUNDS = {"exact": (2, 2, None), "too little": (3, 4, "key.kdf"), "too much": (1, 1, "key.kdf")}


@pytest.mark.parametrize("name", BOUNDS)
@pytest.mark.parametrize("cost", ["OPERATIONS", "MEMORY_BYTES"])
def test_the_cost_of_a_key_file_may_stand_at_its_bounds(encrypted, monkeypatch, cost, name):
    least, most, code = BOUNDS[name]
    half = json.loads(encrypted.read_text())["kdf"][cost.lower()] // 2
    monkeypatch.setattr(keyfile, cost + "_MIN", least * half)
    monkeypatch.setattr(keyfile, cost + "_MAX", most * half)

    assert code_of(lambda: open_key_file(encrypted, "words")) == code


def test_files_for_people_are_indented_by_two(tmp_path):
    create_dev_key_file(tmp_path / "k", KEY, "user")
    texts = [(tmp_path / "k").read_text(), World().trust().to_json().decode(),
             genesis().to_json().decode()]  # fmt: skip

    for text in texts:
        assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"


def test_a_key_shows_the_first_twelve_digits_and_never_its_secret():
    assert repr(KEY) == f"SigningKey(ed25519:{KEY.public[1:].hex()[:12]}…)"


@pytest.mark.parametrize("cut", [lambda text: text[:-1], lambda text: text + "0", str.upper])
def test_the_text_of_a_key_has_64_digits(cut):
    text = public_key_text(KEY.public)
    assert parse_public_key(text) == KEY.public
    assert len(key_id(KEY.public)) == 16

    assert code_of(lambda: parse_public_key(cut(text))) == "key.text"


@pytest.mark.parametrize(
    ("public", "signature"),
    [
        (lambda key: key[:-1], bytes), (lambda key: key + b"\0", bytes),
        (lambda key: b"\2" + key[1:], bytes), (bytes, lambda text: text[:-1]),
        (bytes, lambda text: text + b"\0"), (bytes, lambda text: bytes(64)),
    ],
)  # fmt: skip
def test_a_signature_has_64_bytes_and_its_key_33(public, signature):
    signed = KEY.sign(b"m")
    assert verify(KEY.public, b"m", signed)

    assert not verify(public(KEY.public), b"m", signature(signed))


# JSON


@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: {"a": inner}])
def test_json_is_nested_127_deep(wrap):
    value = 1
    for _ in range(127):
        value = wrap(value)

    assert loads(dumps(value)) == value
    assert code_of(lambda: dumps(wrap(value))) == "json.value"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1e20, "100000000000000000000"), (1e21, "1e+21"), (1.5e21, "1.5e+21"), (1e-6, "0.000001"),
        (1e-7, "1e-7"), (1.25e-7, "1.25e-7"), (-0.0, "0"), (123456.5, "123456.5"),
        (999999999999999900000.0, "999999999999999900000"), (0.1, "0.1"), (100.0, "100"),
        (5e-324, "5e-324"), (-1e-7, "-1e-7"), (1.5e-6, "0.0000015"),
    ],
)  # fmt: skip
def test_a_double_is_written_as_in_ecmascript(number, text):
    assert number_text(number) == text


@pytest.mark.parametrize(("number", "code"), [(2**53 - 1, None), (2**53, "json.value")])
@pytest.mark.parametrize("sign", [1, -1])
def test_whole_numbers_are_exact_below_two_to_the_53(number, code, sign):
    assert code_of(lambda: dumps(sign * number)) == code
    assert type(loads(str(sign * number).encode())) is (int if code is None else float)


def test_a_canonical_text_has_nothing_around_it():
    assert loads_canonical(b'{"a":1}') == {"a": 1}
    assert code_of(lambda: loads_canonical(b'{"a": 1}')) == "json.not-canonical"


# Trees


@pytest.mark.parametrize(("size", "good"), [(SIZE_MAX, True), (SIZE_MAX + 1, False)])
def test_a_tree_has_at_most_two_to_the_63_leaves(size, good):
    leaf = leaf_hash(b"x")
    path = [leaf] * 63
    frontier = size.to_bytes(8, "big") + bytes(32) * size.bit_count()
    code = code_of(lambda: Frontier.from_bytes(frontier))
    with pytest.raises(Rejected) as one:
        verify_inclusion(leaf, 0, size, path, bytes(32))
    with pytest.raises(Rejected) as two:
        verify_consistency(1, size, path, leaf, bytes(32))

    assert (code is None) is good
    assert ("lies outside" not in one.value.detail) is good
    assert ("cannot be compared" not in two.value.detail) is good


@pytest.mark.parametrize(("index", "size"), [(-1, 2), (2, 2), (0, 0), (1, 0)])
def test_an_index_lies_inside_its_tree(index, size):
    with pytest.raises(Rejected):
        verify_inclusion(leaf_hash(b"x"), index, size, [], leaf_hash(b"x"))


def test_a_tree_of_one_leaf_has_an_empty_path():
    leaf = leaf_hash(b"x")
    verify_inclusion(leaf, 0, 1, inclusion_path([b"x"], 0), root_of([b"x"]))

    for path in ([leaf], [leaf, leaf]):
        with pytest.raises(Rejected):
            verify_inclusion(leaf, 0, 1, path, leaf)


@pytest.mark.parametrize("short", [b"x" * 31, b"x" * 33])
def test_each_hash_of_a_path_has_32_bytes(short):
    for leaf, path, root in (
        (short, [bytes(32)], bytes(32)), (bytes(32), [short], bytes(32)),
        (bytes(32), [bytes(32)], short),
    ):  # fmt: skip
        with pytest.raises(Rejected):
            verify_inclusion(leaf, 0, 2, path, root)
        with pytest.raises(Rejected):
            verify_consistency(1, 2, path, leaf, root)


@pytest.mark.parametrize(("size1", "size2"), [(0, 1), (2, 1), (-1, 1)])
def test_only_a_tree_and_a_larger_one_are_compared(size1, size2):
    with pytest.raises(Rejected):
        verify_consistency(size1, size2, [], bytes(32), bytes(32))


def test_nibbles_are_the_halves_of_bytes_the_high_one_first():
    hashed = bytes([0x12, 0xF0]) + bytes(30)

    assert [nibble(hashed, depth) for depth in range(4)] == [1, 2, 15, 0]
    for depth, other in ((0, 0x00), (1, 0x10), (2, 0x12)):
        changed = bytes([other, 0x00]) + bytes(30)
        assert shares_prefix(hashed, changed, depth)
    assert not shares_prefix(hashed, bytes([0x22]) + bytes(31), 1)
    assert not shares_prefix(hashed, bytes([0x13]) + bytes(31), 2)
    assert not shares_prefix(hashed, bytes([0x12, 0xE0]) + bytes(30), 3)


def small_proof(spoil=lambda page, siblings, occupied: (page, siblings, occupied)):
    """A path of one node above a page of two entries, and the root that it leads to."""
    hashed = key_hash(b"key")
    other = hashed[:1] + bytes([hashed[1] ^ 1]) + hashed[2:]
    page = b"".join(sorted([hashed + b"v" * 32, other + b"w" * 32]))
    branch = hashed[0] >> 4
    places = [index for index in (branch - 1, branch + 1) if 0 <= index < 16][:1]
    siblings, occupied = b"s" * 32, 1 << places[0]
    children = [EMPTY] * 16
    children[places[0]], children[branch] = siblings, page_hash(page)
    page, siblings, occupied = spoil(page, siblings, occupied)
    return StateProof((Step(occupied, siblings),), page), inner_hash(children), branch


def test_a_path_with_one_sibling_gives_the_value():
    proof, root, _ = small_proof()

    assert proof.verify(root, b"key") == b"v" * 32


SPOILT = {
    "a byte more": lambda page, siblings, occupied: (page + b"x", siblings, occupied),
    "out of order": lambda page, siblings, occupied: (page[64:] + page[:64], siblings, occupied),
    "twice": lambda page, siblings, occupied: (page[:64] * 2, siblings, occupied),
    "another branch": lambda page, siblings, occupied: (
        bytes([page[0] ^ 0x10]) + page[1:], siblings, occupied,
    ),
    "no sibling": lambda page, siblings, occupied: (page, b"", occupied),
    "half a sibling": lambda page, siblings, occupied: (page, siblings[:16], occupied),
    "an empty sibling": lambda page, siblings, occupied: (page, bytes(32), occupied),
    "one sibling said too many": lambda page, siblings, occupied: (page, siblings, 0),
}  # fmt: skip


@pytest.mark.parametrize("name", SPOILT)
def test_a_path_of_another_shape_is_refused(name):
    proof, root, _ = small_proof(SPOILT[name])

    assert code_of(lambda: proof.verify(root, b"key")) == "state-proof.shape"


def test_the_child_on_the_path_is_no_sibling():
    proof, root, branch = small_proof()
    (step,) = proof.steps
    both = Step(step.occupied | 1 << branch, step.siblings + b"t" * 32)

    assert code_of(lambda: replace(proof, steps=(both,)).verify(root, b"key")) == (
        "state-proof.shape"
    )


# Sizes of files


def sized(monkeypatch, module, name, data, room):
    monkeypatch.setattr(module, name, len(data) + room)


@pytest.mark.parametrize("room", [0, -1])
def test_files_are_read_up_to_their_size(monkeypatch, room):
    world, proof = transaction_sample()
    trusted, founding = world.trust().to_json(), genesis().to_json()
    sized(monkeypatch, proof_file, "PROOF_BYTES_MAX", proof, room)
    sized(monkeypatch, trust, "TRUST_BYTES_MAX", trusted, room)
    sized(monkeypatch, genesis_module, "GENESIS_BYTES_MAX", founding, room)
    codes = [
        code_of(lambda: parse_proof(proof)),
        code_of(lambda: decode_trust(trusted)),
        code_of(lambda: decode_genesis(founding)),
    ]

    assert codes == (
        [None] * 3 if room == 0 else ["proof.too-large", "trust.malformed", "genesis.malformed"]
    )


@pytest.mark.parametrize(
    ("decode", "limit", "large"),
    [
        (SignedTransaction.decode, 262_144, "transaction.too-large"),
        (decode_block, BLOCK_BYTES_MAX, "block.too-large"),
        (decode_evidence, EVIDENCE_BYTES_MAX, "evidence.size"),
        (lambda data: partial.decode_partial(data, verify), 357_717, "partial.too-large"),
    ],
)
def test_bytes_beyond_a_limit_are_not_even_parsed(decode, limit, large):
    assert code_of(lambda: decode(b"x" * limit)) not in {None, large}
    assert code_of(lambda: decode(b"x" * (limit + 1))) == large


@pytest.mark.parametrize(("count", "code"), [(0, "genesis.validators"), (1, None)])
def test_a_genesis_has_a_validator(count, code):
    founding = genesis()
    nodes = tuple(
        replace(node, role="validator" if place < count else "observer")
        for place, node in enumerate(founding.nodes)
    )

    assert code_of(lambda: check_genesis(replace(founding, nodes=nodes))) == code


@pytest.mark.parametrize(("count", "code"), [(100, None), (101, "genesis.validators")])
def test_a_genesis_has_at_most_100_validators(count, code):
    founding = genesis()
    (node, *_) = founding.nodes
    text = "ed25519:"
    nodes = tuple(
        replace(
            node, name=f"n{place}", validator_key=text + sha256(b"v%d" % place).hex(),
            transport_key=text + sha256(b"t%d" % place).hex(),
        )
        for place in range(count)
    )  # fmt: skip

    assert VALIDATORS_MAX == 100
    assert code_of(lambda: check_genesis(replace(founding, nodes=nodes))) == code


# Proofs


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"valid_from": 5}, "ok"), ({"valid_from": 6}, "fail"),
        ({"valid_to": 5}, "fail"), ({"valid_to": 6}, "ok"),
        ({"compromised_since": START_MS + 5_000}, "attention"),
        ({"compromised_since": START_MS + 5_001}, "ok"),
        ({"compromised_since": 1}, "attention"), ({"valid_to": 1}, "fail"),
    ],
)  # fmt: skip
def test_a_key_counts_from_its_first_height_to_the_one_before_its_last(fields, expected):
    record = World.org_records()[signer_key(SIGNER.public)] | fields
    world, data = transaction_sample(
        later=[{signer_key(SIGNER.public): dict(sorted(record.items()))}]
    )

    assert judge(world, data).signers.verdict == expected


@pytest.mark.parametrize("state", ENDED)
def test_a_record_in_an_ended_state_asks_for_attention(state):
    world, data = transaction_sample(later=[{"doc/record/contract-7": {**DOC, "state": state}}])

    assert judge(world, data).now.verdict == "attention"


def test_a_sentence_shows_twenty_characters_of_a_key():
    world, data = transaction_sample()
    line = judge(world, data, verifier=_refuses(SIGNER.public)).signers

    assert line.text == f"the signature of {public_key_text(SIGNER.public)[:20]} is wrong"


def _refuses(public):
    return lambda key, message, signature: key != public and verify(key, message, signature)


@pytest.mark.parametrize(
    ("count", "code"), [(63, None), (64, "proof.malformed")], ids=["63 hashes", "64 hashes"]
)
def test_a_path_to_the_log_has_at_most_63_hashes(count, code):
    _, data = transaction_sample()
    document = json.loads(data)
    document["inclusion"]["path"] = [base64.b64encode(bytes(32)).decode()] * count

    assert code_of(lambda: parse_proof(dumps(document))) == code


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("index", 2**53 - 1, None), ("index", 2**53, "json"), ("index", -1, "proof.malformed"),
        ("size", 1, None), ("size", 0, "proof.malformed"), ("version", 2, "proof.malformed"),
    ],
)  # fmt: skip
def test_the_place_in_the_log_is_a_whole_number(field, value, code):
    _, data = transaction_sample()
    document = json.loads(data)
    document["inclusion"][field] = value
    if code == "json":
        with pytest.raises(Rejected):
            dumps(document)
        code, document["inclusion"][field] = "proof.malformed", float(value)

    assert code_of(lambda: parse_proof(dumps(document))) == code


# Times for people


@pytest.mark.parametrize(
    ("passed", "text"),
    [
        (-5, "0 s ago"), (999, "0 s ago"), (1_000, "1 s ago"), (59_999, "59 s ago"),
        (60_000, "1 min ago"), (3_599_999, "59 min ago"), (3_600_000, "1 h ago"),
        (86_399_999, "23 h ago"), (86_400_000, "1 d ago"), (3 * 86_400_000, "3 d ago"),
    ],
)  # fmt: skip
def test_an_age_changes_its_unit_at_the_full_one(passed, text):
    assert age(1_000, 1_000 + passed) == text


def test_times_end_with_the_calendar():
    assert utc(253_402_300_799_999) == "9999-12-31 23:59:59 UTC"
    assert utc(253_402_300_800_000) == "253402300800000 ms after 1970"
    assert clock(1_999) == "00:00:01"
    assert clock(253_402_300_800_000) == "253402300800000 ms after 1970"


def test_a_trust_file_has_lines_of_200_characters():
    world = World()
    document = json.loads(world.trust().to_json())
    for length, code in ((200, None), (201, "trust.malformed"), (0, "trust.malformed")):
        document["organisations"][0]["title"] = "x" * length
        assert code_of(lambda: decode_trust(msgspec.json.encode(document))) == code
