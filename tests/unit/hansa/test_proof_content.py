"""The first line of a verdict: is the file in your hands the one that was recorded?"""

import hashlib
import json

import pytest

from hansa.epcis import events_of
from hansa.hashing import sha256
from hansa.proof_content import claimed_times, content_line

EVENTS = [
    {
        "type": "ObjectEvent",
        "eventTime": f"2026-09-12T0{hour}:15:00Z",
        "eventTimeZoneOffset": "+00:00",
        "action": "OBSERVE",
        "epcList": ["https://id.gs1.org/01/09520600001012/21/K7QH2M9X4T"],
        "bizStep": "shipping",
    }
    for hour in (4, 2)
]
DOCUMENT = json.dumps(
    {
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-09-12T10:00:00Z",
        "epcisBody": {"eventList": EVENTS},
    },
    indent=2,
).encode()
TEXTS = [event.text for event in events_of(DOCUMENT)]
PLAIN = b'{"b":1.50,"a":"x"}'


def capture(*texts):
    return [{"event": text} for text in texts]


CASES = {
    "the digest's own file": ([{"digest": sha256(b"x")}], b"x", "ok"),
    "another file than the digest's": ([{"digest": sha256(b"x")}], b"y", "fail"),
    "a file beside a digest": ([{"digest": sha256(b"x"), "seal": b"y"}], b"y", "fail"),
    "a digest further inside": ([{"list": [{"digest": sha256(b"x")}]}], b"x", "ok"),
    "a digest of an algorithm unknown": ([{"digest": sha256(b"x"), "alg": "md5"}], b"x", "fail"),
    "a digest of another length": ([{"digest": b"x"}], b"y", "fail"),
    "nothing is recorded": ([{"n": 1}, None], b"y", "fail"),
    "an empty file": ([{"event": b""}], b"", "fail"),
    "a text by chance": ([{"kind": "sale"}], b"sale", "fail"),
    "the bytes themselves": ([{"list": [{"blob": b"y"}]}], b"y", "ok"),
    "all events of a document": (capture(*TEXTS), DOCUMENT, "ok"),
    "one event of a document": (capture(TEXTS[1]), DOCUMENT, "attention"),
    "an event that the document lacks": (capture(TEXTS[0], PLAIN), DOCUMENT, "fail"),
    "the recorded event alone": (capture(TEXTS[0]), TEXTS[0], "ok"),
    "another spelling of a JSON text": (capture(PLAIN), b'{ "a": "x", "b": 1.5 }', "ok"),
    "a JSON text inside another": (capture(PLAIN), b'[[{"a":"x","b":1.5}]]', "attention"),
    "another JSON text": (capture(PLAIN), b'{"a":"y","b":1.5}', "fail"),
    "a text that only looks like JSON": (capture(b"{no"), b'{"a":1}', "fail"),
    "a file that only looks like JSON": (capture(PLAIN), b"{no", "fail"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_file_is_compared_with_what_was_recorded(name):
    values, content, verdict = CASES[name]

    assert content_line(values, content).verdict == verdict


@pytest.mark.skipif("sm3" not in hashlib.algorithms_available, reason="this OpenSSL has no SM3")
def test_sm3_is_compared_where_the_machine_has_it():
    value = {"alg": "sm3", "digest": hashlib.new("sm3", b"x").digest()}

    assert content_line([value], b"x").verdict == "ok"


def test_a_digest_that_the_machine_cannot_make_is_no_match(monkeypatch):
    def missing(name, *_):
        raise ValueError(name)

    monkeypatch.setattr(hashlib, "new", missing)

    assert content_line([{"alg": "sm3", "digest": bytes(32)}], b"x").verdict == "fail"


def test_without_a_file_the_note_tells_the_recorded_digest():
    line = content_line([{"digest": sha256(b"x")}], None)

    assert (line.verdict, line.note) == ("not given", "sha-256 2d711642b726")


def test_claimed_times_are_those_of_the_events_in_order():
    assert claimed_times(capture(*TEXTS, PLAIN)) == (1_789_179_300_000, 1_789_186_500_000)
