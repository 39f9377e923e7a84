"""Two verifiers say the same of time-stamps, files of a batch, shown fields and every kind.

The JavaScript one judges no time-stamp; so the Python one is asked without its judge of them.
"""

import json
import random

import pytest

from hansa.canonical_json import dumps
from hansa.encoding import encode_value
from hansa.proof import build_state_proof
from hansa.proof_words import KINDS
from tests.property import test_independent_verifier as verifiers
from tests.property.test_independent_verifier import (
    Case,
    ask,
    differences,
    flipped_otherwise,
    heard,
    line_of,
)
from tests.unit.hansa import proof_scene as scene
from tests.unit.hansa import test_proof_extras as extras
from tests.unit.hansa.proof_scene import altered

pytestmark = pytest.mark.slow
SECONDS_MAX = 300
SPOILED = 200
"""Files with one part of the new sections bent at random."""
node = verifiers.node
SAMPLES = {
    "time": extras.stamped,
    "member": extras.in_batch,
    "reveal": extras.shown,
}


def named():
    """Files whose new sections are bent in ways that have a name."""
    for name, make in SAMPLES.items():
        world, data = make()
        trust = world.trust().to_json()
        part = json.loads(data)[name]
        for content in (None, scene.CONTENT, b"another", extras.SEALED.commitments()):
            yield Case(f"{name}, as made", data, trust, content)
        for other in (None, [], {}, [part], 7, "x"):
            yield Case(f"{name}: {other!r}"[:60], altered(data, name, value=other), trust)
        if name == "time":
            continue
        for field, value in part.items():
            for other in (None, 0, -1, 1.5, 2**20, 2**53 - 1, "", "x", [], True, [value], {}):
                bent = altered(data, name, field, value=other)
                yield Case(f"{name}.{field}: {other!r}", bent, trust)
    for field, values in {
        "value": (None, True, 1, 1e21, -0.0, "\u2028", {"a": [1, {}]}, []),
        "name": ("", "a b", "ä"),
        "salt": ("", "AAAA"), "index": (2, 1023, 1024), "path": ([], ["AAAA"]),
    }.items():  # fmt: skip
        world, data = extras.shown()
        for other in values:
            bent = altered(data, "reveal", "fields", 0, field, value=other)
            yield Case(f"a field's {field}: {other!r}", bent, world.trust().to_json())


def test_bent_sections_are_judged_alike(node):
    found, codes = differences(node, list(named()))

    assert found == []
    assert min(codes[0], codes[1]) >= 6
    assert codes[65] > 60


def at_random(count, seed=11):
    chance = random.Random(seed)
    made = [(name, *make()) for name, make in SAMPLES.items()]
    for number in range(count):
        name, world, data = chance.choice(made)
        document = json.loads(data)
        section = json.dumps(document[name])
        place = chance.randrange(len(section))
        letter = chance.choice('0123456789abcXYZ+/="[]{},:-')
        try:
            document[name] = json.loads(section[:place] + letter + section[place + 1 :])
            bent = dumps(document)
        except ValueError:
            continue
        yield Case(f"seed {seed}, {number}: {name}", bent, world.trust().to_json())


def test_sections_bent_at_random_are_judged_alike(node):
    found, codes = differences(node, list(at_random(SPOILED * 2)))

    assert found == []
    assert codes.get(65, 0) > 10


@pytest.mark.timeout(SECONDS_MAX)
@pytest.mark.parametrize("name", SAMPLES)
def test_every_byte_of_a_section_flipped_is_judged_alike(node, name):
    world, data = SAMPLES[name]()
    case = Case(name, data, world.trust().to_json())
    start = data.index(b'"%s":' % name.encode())
    places = range(start, min(len(data), start + 2_500))

    assert flipped_otherwise(node, case, places) == []


RECORDS = (
    {"state": "live", "version": 3}, {"status": "paper", "state": "PLEDGED", "version": 1},
    {"claims": [{"kind": "pledge"}, {"kind": 7}, 8]}, {"claims": {"kind": "hold"}},
    {"state": "frozen", "version": 2}, {"state": "superseded", "superseded_by": "S"},
    {"wrong": True, "reason": "twice", "version": True}, [1, 2], {"version": 2**62},
    {"history": [[99, 0]]}, None,
)  # fmt: skip


def kinds():
    chance = random.Random(3)
    for prefix, _, _ in (*KINDS, ("other/", "", "")):
        for record in chance.sample(RECORDS, 4):
            world = scene.World()
            key = prefix + chance.choice(["x", "a/b", "物", "x:1"])
            world.block({key: record if record is None else encode_value(record)})
            proof = build_state_proof(world.base(), world.fetch(key))
            yield Case(f"{key} {record}", proof, world.trust().to_json())


def test_every_kind_of_record_is_judged_alike(node):
    found, codes = differences(node, list(kinds()))

    assert found == []
    assert codes == {0: 4 * (len(KINDS) + 1)}


def test_trust_files_with_authorities_and_witnesses_are_judged_alike(node):
    world, data = scene.transaction_sample()
    plain = json.loads(world.trust().to_json())
    key = "court.example+0123abcd+" + "A" * 44
    values = {
        "time_authorities": (
            [], ["AAAA"], ["AAA="], ["AAB="], ["AA"], [""], ["A" * 10_928], ["A" * 10_920],
            ["AAAA"] * 32, ["AAAA"] * 33, "AAAA", None, [None],
        ),
        "witnesses": (
            [], [key], [key[:-1]], [key + "A"], ["+" + key], [key.upper()], [" " + key],
            ["x" + key],
            [key.replace("+", "-")], [key] * 64, [key] * 65, None, [7], ["\n" + key], [key + "\n"],
        ),
    }  # fmt: skip
    files = [
        Case(f"{name}: {str(value)[:60]}", data, json.dumps(plain | {name: value}).encode())
        for name, given in values.items()
        for value in given
    ]
    found, codes = differences(node, files)

    assert found == []
    assert min(codes[0], codes[65]) > 8


def test_an_epcis_document_is_said_not_to_be_checked(node):
    world, data = scene.capture_sample()
    document = b'{"epcisBody":{"eventList":[]}}'
    files = [Case("capture", data, world.trust().to_json(), content)
             for content in (document, scene.EVENT, b"{}")]  # fmt: skip

    answers = [heard(answer) for answer in ask(node, [line_of(case) for case in files])]

    assert [(code, lines["content"]) for code, lines in answers] == [
        (0, "not checked"), (0, "ok"), (1, "fail")
    ]  # fmt: skip
