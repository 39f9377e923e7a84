"""The outbox: bytes are on the disk before they leave (docs/spec/outbox.md)."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.client.outbox import LINE_BYTES_MAX, PENDING_MAX, Kept, Outbox
from hansa.client.transactions import make
from hansa.client.types import Fate
from hansa.errors import Corrupt, Rejected, Unavailable
from hansa.signing import SigningKey
from hansa.transaction import Call
from tests.tidy.tree import ROOT

KEY = SigningKey(b"k" * 32)
DONE = Fate(state="committed", code="OK", height=7, index=0)


VECTORS = json.loads((ROOT / "tests" / "vectors" / "outbox.json").read_bytes())


def signed(number=0):
    call = Call.of("doc", "register", {"id": f"d{number}", "digest": bytes(32)})
    return make("c", KEY, [call], expires_at=1_000, nonce=number.to_bytes(16, "big"))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "outbox"


def test_what_was_put_is_there_after_opening_again(path):
    with Outbox(path, {"for": "test"}) as outbox:
        outbox.put(signed(1), {"row": 1})
        outbox.put(signed(2))
    with Outbox(path, {"for": "test"}) as outbox:
        kept = list(outbox.pending.values())

    assert [(one.signed.raw, one.note) for one in kept] == [
        (signed(1).raw, {"row": 1}),
        (signed(2).raw, None),
    ]


def test_what_is_settled_is_pending_no_more(path):
    with Outbox(path) as outbox:
        outbox.put(signed(1), "first")
        told = outbox.settle(signed(1).tx_id, DONE, ["result"])
    with Outbox(path) as outbox:
        assert outbox.pending == {}
        assert list(outbox.settled.values()) == [told]
    assert (told.fate, told.note, told.result) == (DONE, "first", ["result"])


def test_the_lines_are_those_of_the_specification(path):
    with Outbox(path, {"for": "test"}) as outbox:
        outbox.put(signed(1), 5)
        outbox.settle(signed(1).tx_id, DONE)
    head, put, settled = (json.loads(line) for line in path.read_bytes().splitlines())

    assert head == {"format": "hansa/outbox@1", "about": {"for": "test"}}
    assert (put["put"], put["note"], set(put)) == (
        signed(1).tx_id.hex(), 5, {"put", "raw", "note"},
    )  # fmt: skip
    assert settled == {
        "settled": signed(1).tx_id.hex(), "state": "committed", "code": "OK", "height": 7,
        "index": 0,
    }  # fmt: skip


def test_a_transaction_is_put_once(path):
    with Outbox(path) as outbox:
        outbox.put(signed(1))
        with pytest.raises(Rejected, match=r"outbox\.known"):
            outbox.put(signed(1))
        outbox.settle(signed(1).tx_id, DONE)
        with pytest.raises(Rejected, match=r"outbox\.known"):
            outbox.put(signed(1))


def test_only_a_final_fate_settles(path):
    with Outbox(path) as outbox:
        outbox.put(signed(1))
        with pytest.raises(AssertionError):
            outbox.settle(signed(1).tx_id, Fate(state="pending"))


def test_an_outbox_for_something_else_is_refused(path):
    Outbox(path, {"chain": "a"}).close()
    with pytest.raises(Rejected, match=r"outbox\.other.*chain a is not b"):
        Outbox(path, {"chain": "b"})

    Outbox(path, {"chain": "a"}).close()
    Outbox(path).close()


def test_two_have_it_open_one_after_the_other(path):
    with Outbox(path), pytest.raises(Unavailable, match=r"outbox\.busy"):
        Outbox(path)
    Outbox(path).close()


def test_another_process_does_not_get_in(path):
    program = (
        "from pathlib import Path; from hansa.client.outbox import Outbox; "
        f"Outbox(Path({str(path)!r}))"
    )
    with Outbox(path):
        told = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)

    assert b"outbox.busy" in told.stderr


@given(cut=st.integers(1, 400))
def test_a_line_that_a_crash_cut_was_never_sent(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("cut") / "outbox"
    with Outbox(path) as outbox:
        outbox.put(signed(1))
        outbox.put(signed(2))
    whole = path.read_bytes()
    last = len(whole.splitlines(keepends=True)[-1])
    path.write_bytes(whole[: len(whole) - min(cut, last)])
    with Outbox(path) as outbox:
        assert list(outbox.pending) == [signed(1).tx_id]
        outbox.put(signed(2))
    assert path.read_bytes() == whole


def test_a_file_that_was_cut_in_its_first_line_begins_anew(path):
    path.write_bytes(b'{"format":"hansa/ou')
    with Outbox(path, {"for": "test"}) as outbox:
        outbox.put(signed(1))
    with Outbox(path, {"for": "test"}) as outbox:
        assert [type(kept) for kept in outbox.pending.values()] == [Kept]


@pytest.mark.parametrize("vector", VECTORS["good"], ids=lambda vector: vector["name"])
def test_a_good_file_is_read_as_the_vectors_say(path, vector):
    path.write_text(vector["text"], encoding="utf-8")
    with Outbox(path, vector["about"]) as outbox:
        assert [tx_id.hex() for tx_id in outbox.pending] == vector["pending"]
        assert [tx_id.hex() for tx_id in outbox.settled] == vector["settled"]


def test_the_same_doings_write_the_bytes_of_the_vectors(path):
    (frozen,) = (one for one in VECTORS["good"] if one["name"] == "one settled")
    with Outbox(path, {"chain": "c"}) as outbox:
        outbox.put(signed(1), [1])
        outbox.put(signed(2))
        outbox.settle(signed(1).tx_id, DONE, ["told"])

    assert path.read_text(encoding="utf-8") == frozen["text"]


@pytest.mark.parametrize("vector", VECTORS["bad"], ids=lambda vector: vector["name"])
def test_a_damaged_line_is_found_and_named(path, vector):
    path.write_text(vector["text"], encoding="utf-8")
    with pytest.raises(Corrupt, match=rf"outbox\.damaged.*line {vector['line']}"):
        Outbox(path)


def test_a_note_that_is_too_large_is_refused(path):
    with Outbox(path) as outbox:
        with pytest.raises(Rejected, match=r"outbox\.too-large"):
            outbox.put(signed(1), "x" * LINE_BYTES_MAX)

        assert outbox.pending == {}


def test_a_full_outbox_says_so(path):
    with Outbox(path) as outbox:
        outbox.pending = {number.to_bytes(32, "big"): None for number in range(PENDING_MAX)}
        with pytest.raises(Unavailable, match=r"outbox\.full"):
            outbox.put(signed(1))
