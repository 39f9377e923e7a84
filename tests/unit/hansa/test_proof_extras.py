"""Time-stamps, files of a batch, shown fields, the words of every kind: in both languages."""

import hashlib
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.batch import BATCH_MAX, Batch
from hansa.canonical_json import dumps
from hansa.disclosure import is_sealed, read_salts, seal_fields
from hansa.encoding import encode_value
from hansa.errors import Rejected
from hansa.hashing import sha256
from hansa.merkle import inclusion_path, root_of
from hansa.proof import parse_proof, verify_proof, with_extras
from hansa.proof_file import Member
from hansa.proof_words import KINDS, LABELS, MARKS, SENTENCES, Words
from hansa.signing import verify
from hansa.timestamp_check import Authorities
from tests.unit.hansa import proof_scene as scene
from tests.unit.hansa import tsa_scene
from tests.unit.hansa.proof_scene import CONTENT, NOW, altered, verdicts

AUTHORITY = tsa_scene.Authority()
TOKEN = tsa_scene.token(AUTHORITY, ("sha256", sha256(CONTENT)))
STAMPS = Authorities([AUTHORITY.root]).check
FILES = [b"scan %d" % n for n in range(5)] + [CONTENT]
BATCH = Batch.of([sha256(file) for file in FILES])
PERSON = {"name": "Li Lei", "born": "1990-01-01", "wage": 8000, "nested": {"b": [1.5, None]}}
SALTS = {name: sha256(name.encode()) for name in PERSON}
SEALED = seal_fields(dumps(PERSON), SALTS)


def member(index):
    digest, path = BATCH.digests[index], BATCH.path(index)
    return Member(alg="sha-256", digest=digest, index=index, size=len(FILES), path=path)


def stamped():
    world, data = scene.transaction_sample()
    return world, with_extras(data, [TOKEN])


def in_batch(index=5):
    args = {"batch_id": "b", "root": BATCH.root, "count": len(FILES)}
    world, data = scene.transaction_sample(signed=scene.register(args=args))
    return world, with_extras(data, member=member(index))


def shown(names=("born", "nested")):
    digest = sha256(SEALED.commitments())
    args = {"alg": "sha-256", "digest": digest, "id": "s", "seal": SEALED.root}
    world, data = scene.transaction_sample(signed=scene.register(args=args))
    return world, with_extras(data, fields=(SEALED.show(names), len(PERSON)))


def judged(world, data, content=None, *, language="en", stamps=STAMPS):
    return verify_proof(
        parse_proof(data), world.trust(), verify, content, NOW, language=language, stamps=stamps
    )


# Time-stamps


def test_a_trusted_time_stamp_stands_apart_from_the_chains_time():
    world, data = stamped()
    line = judged(world, data).time

    assert line.verdict == "ok"
    assert line.text == "chain time 10:00:05; time-stamp 2026-06-01 12:00:00 UTC by CN=tsa"


def test_an_authority_that_is_not_listed_is_unknown_and_no_forgery():
    world, data = stamped()
    line = judged(world, data, stamps=Authorities([]).check).time

    assert line.verdict == "attention"
    assert line.text.endswith("by CN=tsa, whom your trust file does not list")


def test_without_a_judge_a_time_stamp_was_not_checked():
    world, data = stamped()
    line = judged(world, data, stamps=None).time

    assert line.verdict == "attention"
    assert line.text == "chain time 10:00:05; a time-stamp is given, and was not checked"


@pytest.mark.parametrize("what", ["another digest", "a broken signature", "no token"])
def test_a_time_stamp_that_does_not_hold_turns_the_time_alone(what):
    tokens = {
        "another digest": tsa_scene.token(AUTHORITY, ("sha256", bytes(32))),
        "a broken signature": tsa_scene.token(
            AUTHORITY, ("sha256", sha256(CONTENT)), signature=bytes(70)
        ),
        "no token": b"no token",
    }
    world, data = scene.transaction_sample()
    before = judged(world, data, CONTENT)
    after = judged(world, with_extras(data, [tokens[what]]), CONTENT)

    assert after.failed == ("time",)
    assert verdicts(after) | {"time": "ok"} == verdicts(before)


def test_the_transactions_id_may_be_stamped_too():
    world, data = scene.transaction_sample()
    tx_id = parse_proof(data).transaction.tx_id
    token = tsa_scene.token(AUTHORITY, ("sha256", tx_id))

    assert judged(world, with_extras(data, [token])).time.verdict == "ok"


def test_several_time_stamps_are_told_one_by_one():
    world, data = scene.transaction_sample()
    other = tsa_scene.token(AUTHORITY, ("sha256", sha256(CONTENT)), moment="20260602000000Z")
    line = judged(world, with_extras(data, [TOKEN, other])).time

    assert line.text.count("by CN=tsa") == 2
    with pytest.raises(Rejected, match=r"proof\.malformed"):
        with_extras(data, [TOKEN] * 5)


# Batches


@pytest.mark.parametrize("index", range(len(FILES)))
def test_every_file_of_a_batch_is_the_recorded_one(index):
    world, data = in_batch(index)

    assert judged(world, data, FILES[index]).content.verdict == "ok"
    assert judged(world, data).content.verdict == "not given"
    assert judged(world, data, FILES[index - 1]).failed == ("content",)


def test_a_digest_that_is_not_in_the_batch_turns_the_content_alone():
    world, data = in_batch()
    bent = altered(data, "member", "index", value=4)
    other = altered(data, "member", "size", value=7)

    for file in (bent, other):
        verdict = judged(world, file)
        assert verdict.failed == ("content",)
        assert verdict.content.text.startswith("the digest given here is not in the batch")


@settings(max_examples=60)
@given(st.integers(1, 70), st.data())
def test_batches_are_trees_of_rfc_6962(size, data):
    digests = [sha256(b"%d" % n) for n in range(size)]
    index = data.draw(st.integers(0, size - 1))
    batch = Batch.of(digests)

    assert batch.root == root_of(digests)
    assert batch.path(index) == inclusion_path(digests, index)


def test_a_batch_has_one_file_or_more():
    for count in (0, BATCH_MAX + 1):
        with pytest.raises(Rejected, match=r"batch\.size"):
            Batch.of([bytes(32)] * count)


# Fields


def test_shown_fields_are_those_that_were_sealed():
    world, data = shown()
    line = judged(world, data).content

    assert line.verdict == "ok"
    assert line.text == "2 of 4 sealed fields shown as they were sealed: born, nested"
    assert json.loads(line.note) == {"born": "1990-01-01", "nested": {"b": [1.5, None]}}
    assert b"Li Lei" not in data
    assert judged(world, data, SEALED.commitments()).content.text.startswith("the file you hold is")


CHANGES = {
    "value": "1990-01-02", "salt": "A" * 43 + "=", "index": 3, "name": "bore", "path": [],
}  # fmt: skip


@pytest.mark.parametrize("part", CHANGES)
def test_a_field_with_another_part_turns_the_content_alone(part):
    world, data = shown()
    bent = altered(data, "reveal", "fields", 0, part, value=CHANGES[part])
    verdict = judged(world, bent)

    assert verdict.failed == ("content",)
    assert " is not as it was sealed" in verdict.content.text


def test_fields_of_a_document_without_a_seal_are_not_sealed():
    world, data = scene.transaction_sample()
    given = with_extras(data, fields=(SEALED.show(["born"]), 4))

    assert judged(world, given).content.text == "field born is not as it was sealed"


def test_fields_stand_in_order_each_once():
    _, data = shown()
    field = json.loads(data)["reveal"]["fields"]
    for fields in (field[::-1], [field[0], field[0]], []):
        with pytest.raises(Rejected):
            parse_proof(altered(data, "reveal", "fields", value=fields))


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(
    st.from_regex(r"[A-Za-z0-9_]{1,12}", fullmatch=True),
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=9)
    | st.lists(st.integers(0, 9), max_size=3),
    min_size=1, max_size=20,
), st.data())  # fmt: skip
def test_any_field_is_shown_and_none_other_passes_for_it(document, data):
    sealed = seal_fields(dumps(document))
    name = data.draw(st.sampled_from(sorted(document)))
    other = data.draw(st.sampled_from(sorted(document)))
    (field,) = sealed.show([name])
    (wrong,) = sealed.show([other])

    assert is_sealed(field, len(document), sealed.root)
    assert read_salts(sealed.to_json()).root == sealed.root
    mixed = {"name": name, "value": wrong.value, "salt": wrong.salt}
    taken = type(field)(index=field.index, path=field.path, **mixed)
    assert is_sealed(taken, len(document), sealed.root) == (name == other)


def test_each_field_has_a_salt_of_its_own():
    first, second = seal_fields(b'{"a":1,"b":1}'), seal_fields(b'{"a":1,"b":1}')

    assert len({*first.salts.values(), *second.salts.values()}) == 4
    assert first.root != second.root


BAD_DOCUMENTS = [b"[]", b"{}", b"1", b'{"a b":1}', b'{"a\\u001b":1}', b"no JSON", b'{"a":1,"a":2}']


@pytest.mark.parametrize("document", BAD_DOCUMENTS)
def test_what_is_no_object_is_not_sealed(document):
    with pytest.raises(Rejected, match=r"reveal\.document|json\."):
        seal_fields(document)


BAD_SALTS = [
    b"{}", b'{"format":"hansa/salts@1","salts":{},"values":{"a":1}}',
    b'{"format":"hansa/salts@2","salts":{},"values":{}}',
]  # fmt: skip


@pytest.mark.parametrize("data", BAD_SALTS)
def test_what_is_no_salts_file_is_refused(data):
    with pytest.raises(Rejected, match=r"reveal\."):
        read_salts(data)


# Every byte


def flips():
    for make in (stamped, in_batch, shown):
        world, data = make()
        section = {stamped: b'"time":[', in_batch: b'"member":{', shown: b'"reveal":{'}[make]
        start = data.index(section)
        end = data.index(b',"transaction":') if make is not in_batch else data.index(b',"receipt":')
        end = min(end if end > start else len(data), start + 3_000)
        yield make.__name__, world, data, range(start, end)


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("sample", list(flips()), ids=lambda sample: sample[0])
def test_any_byte_of_a_new_section_turns_its_line_or_makes_it_no_proof(sample):
    name, world, data, places = sample
    line = {"stamped": "time", "in_batch": "content", "shown": "content"}[name]
    before = verdicts(judged(world, data))
    turned = 0
    for place in places:
        bent = data[:place] + bytes([data[place] ^ 1 << place % 7]) + data[place + 1 :]
        try:
            verdict = judged(world, bent)
        except Rejected:
            continue
        turned += 1
        assert verdict.failed == (line,), (place, verdict)
        assert verdicts(verdict) | {line: before[line]} == before
    assert turned > 50 or name == "stamped"


# Words


@pytest.mark.parametrize(("prefix", "noun", "_zh"), KINDS)
def test_every_kind_is_told_present_and_absent(prefix, noun, _zh):
    key = prefix + "x-1"
    world = scene.World()
    world.block({key: {"state": "live", "version": 3}})
    there = scene.build_state_proof(world.base(), world.fetch(key))
    nothing = scene.build_state_proof(world.base(), world.fetch(prefix + "none"))

    assert judged(world, there).now.text.startswith(f"{noun} x-1 stands as given here, live, v3, ")
    assert judged(world, nothing).now.text.startswith(f"there is no {noun} none, as of height")


def held(record):
    world = scene.World()
    world.block({"asset/held/R": record})
    return judged(world, scene.build_state_proof(world.base(), world.fetch("asset/held/R"))).now


def test_what_lies_on_an_asset_is_named():
    line = held({"claims": [{"kind": "pledge"}, {"kind": "hold"}, {"kind": "BAD\x1b"}, 7]})

    assert line.text.startswith("encumbrance on R stands as given here, pledge, hold, as of height")


def test_a_record_that_ended_is_told_with_its_successor():
    line = held({"state": "superseded", "superseded_by": "S", "version": 2})

    assert line.verdict == "attention"
    assert "superseded, v2, superseded by S, as of" in line.text


def test_a_value_that_is_no_record_has_no_facts():
    assert held([1, 2]).text.startswith("encumbrance on R stands as given here, as of height")
    assert encode_value([1, 2])


def test_a_key_of_no_known_kind_is_told_as_it_is():
    world = scene.World()
    world.block({"other/x": b"four"})
    there = scene.build_state_proof(world.base(), world.fetch("other/x"))
    nothing = scene.build_state_proof(world.base(), world.fetch("other/y"))

    assert judged(world, there).now.text.startswith("other/x holds 4 bytes as given here, as of")
    assert judged(world, nothing).now.text.startswith("there is nothing under other/y, as of")


def fields_in(text):
    return sorted(set(re.findall(r"\{(\w+)\}", text)))


@pytest.mark.parametrize("sentence", SENTENCES)
def test_both_languages_say_the_same_things(sentence):
    english, chinese = SENTENCES[sentence]

    assert fields_in(english) == fields_in(chinese)
    assert english.isascii()
    assert not chinese.isascii() or sentence == "there_is"


def test_every_line_and_verdict_has_a_chinese_name():
    world, data = stamped()
    english, chinese = judged(world, data, CONTENT), judged(world, data, CONTENT, language="zh")

    assert verdicts(english) == verdicts(chinese)
    assert set(verdicts(english)) == set(LABELS)
    assert set(verdicts(english).values()) <= set(MARKS)
    for name, line in chinese.lines:
        assert not line.text.isascii() or name == "signers"
    assert len(chinese.to_text("zh").splitlines()) == 6
    assert Words("zh").kind("asset/held/R")[1] == "R"
    assert Words().kind("other/x") is None


def test_a_proof_without_more_is_the_same_file():
    _, data = scene.transaction_sample()

    assert with_extras(data) == data
    assert hashlib.sha256(data).digest() != bytes(32)
