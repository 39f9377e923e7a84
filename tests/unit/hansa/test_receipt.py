"""Receipts: one spelling, codes of a closed set, and what they say about a transaction."""

import pytest

from hansa.encoding import encode_value, pack
from hansa.errors import Rejected
from hansa.receipt import (
    NO_FIELDS,
    REFUSALS,
    CallResult,
    Event,
    Receipt,
    RecordChange,
    decode_receipt,
)


def receipt(**changes):
    call = CallResult(
        encode_value({"id": "d1"}),
        (Event("doc.registered", encode_value({"owner": "farm"})),),
        (RecordChange("doc/record/d1", 0, 1),),
    )
    fields = {
        "tx_id": b"i" * 32,
        "tx_hash": b"h" * 32,
        "height": 7,
        "index": 2,
        "code": "OK",
        "failed_call": -1,
        "error": NO_FIELDS,
        "calls": (call,),
    }
    return Receipt(**(fields | changes))


def test_a_receipt_comes_back_from_its_bytes():
    given = receipt()

    assert decode_receipt(pack(given)) == given
    assert given.accepted
    assert given.calls[0].value() == {"id": "d1"}
    assert given.calls[0].events[0].fields() == {"owner": "farm"}


def test_a_refusal_says_what_was_had_and_needed():
    given = receipt(code="STALE", failed_call=0, error=encode_value({"have": 7}), calls=())

    assert not given.accepted
    assert given.error_fields() == {"have": 7}


def test_fields_that_are_no_map_read_as_none():
    assert receipt(error=encode_value([1])).error_fields() == {}


@pytest.mark.parametrize(
    "bad", [b"", b"\x90", pack(receipt()) + b"\0", pack(receipt())[:-1], b"\xc0"]
)
def test_other_bytes_are_refused(bad):
    with pytest.raises(Rejected):
        decode_receipt(bad)


def test_the_codes_are_the_closed_set_of_the_specification():
    assert len(set(REFUSALS)) == len(REFUSALS) == 17
