"""RFC 8785: one spelling for one value, and a reader that two programs agree with."""

import struct

import pytest

from hansa.canonical_json import canonicalise, dumps, loads, loads_canonical, number_text
from hansa.errors import Rejected


@pytest.mark.parametrize("name", ["arrays", "french", "structures", "values"])
def test_the_published_texts_come_out(vectors, name):
    folder = vectors / "jcs"

    assert (
        canonicalise((folder / "input" / f"{name}.json").read_bytes())
        == (folder / "output" / f"{name}.json").read_bytes()
        == bytes.fromhex("".join((folder / "outhex" / f"{name}.txt").read_text().split()))
    )


APPENDIX_B = [
    ("0000000000000000", "0"),
    ("8000000000000000", "0"),
    ("0000000000000001", "5e-324"),
    ("8000000000000001", "-5e-324"),
    ("7fefffffffffffff", "1.7976931348623157e+308"),
    ("ffefffffffffffff", "-1.7976931348623157e+308"),
    ("4340000000000000", "9007199254740992"),
    ("c340000000000000", "-9007199254740992"),
    ("4430000000000000", "295147905179352830000"),
    ("44b52d02c7e14af5", "9.999999999999997e+22"),
    ("44b52d02c7e14af6", "1e+23"),
    ("44b52d02c7e14af7", "1.0000000000000001e+23"),
    ("444b1ae4d6e2ef4e", "999999999999999700000"),
    ("444b1ae4d6e2ef4f", "999999999999999900000"),
    ("444b1ae4d6e2ef50", "1e+21"),
    ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
    ("3eb0c6f7a0b5ed8d", "0.000001"),
    ("41b3de4355555553", "333333333.3333332"),
    ("41b3de4355555554", "333333333.33333325"),
    ("41b3de4355555555", "333333333.3333333"),
    ("41b3de4355555556", "333333333.3333334"),
    ("41b3de4355555557", "333333333.33333343"),
    ("becbf647612f3696", "-0.0000033333333333333333"),
    ("43143ff3c1cb0959", "1424953923781206.2"),
]


@pytest.mark.parametrize(("bits", "text"), APPENDIX_B)
def test_doubles_are_written_as_in_appendix_b_of_rfc_8785(bits, text):
    assert number_text(struct.unpack(">d", bytes.fromhex(bits))[0]) == text


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_has_no_text(number):
    with pytest.raises(Rejected, match=r"json\.value"):
        number_text(number)


SPELLINGS = [
    (b" null ", b"null"),
    (b"[true , false]", b"[true,false]"),
    (b"56.0", b"56"),
    (b"-0", b"0"),
    (b"1E30", b"1e+30"),
    (b"4.50", b"4.5"),
    (b"2e-3", b"0.002"),
    (b"0.000000000000000000000000001", b"1e-27"),
    (b"9007199254740991", b"9007199254740991"),
    (b"9007199254740993", b"9007199254740992"),
    (b'{"b":1,"a":2}', b'{"a":2,"b":1}'),
    (b'{"\\ufb33":1,"\\ud83d\\ude02":2}', '{"\U0001f602":2,"\ufb33":1}'.encode()),
    (
        b'"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/"',
        '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'.encode(),
    ),
    (b'"\\u007f\\u0080\\u2028"', '"\x7f\x80\u2028"'.encode()),
    (b'"\\b\\t\\n\\f\\r\\u0001"', b'"\\b\\t\\n\\f\\r\\u0001"'),
    (b"{}", b"{}"),
    (b"[]", b"[]"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "canonical"), SPELLINGS)
def test_every_spelling_becomes_the_one(text, canonical):
    assert canonicalise(text) == canonical
    assert dumps(loads_canonical(canonical)) == canonical


NO_TEXTS = [
    b"", b"nul", b"{", b"[1,]", b"01", b"1.", b"+1", b"NaN", b"Infinity", b"-Infinity", b"1e400",
    b"'a'", b'{"a":1,"a":2}', b'{"a":1,"\\u0061":2}', b"\xff", b'"\xff"', b"\xef\xbb\xbf1", b'"\n"',
    b"1" * 5000, b"[" * 100_000, b"1 2", b"{1:2}",
]  # fmt: skip


@pytest.mark.parametrize("text", NO_TEXTS)
def test_what_is_no_json_is_refused(text):
    with pytest.raises(Rejected) as caught:
        loads(text)

    assert caught.value.code == "json.malformed"


@pytest.mark.parametrize(
    "text", [b'"\\ud800"', b'{"\\udc00":1}', b"[" * 200 + b"]" * 200, b'{"\\ud800":1,"a":2}']
)
def test_a_text_whose_value_has_no_spelling_is_refused(text):
    with pytest.raises(Rejected) as caught:
        loads(text)

    assert caught.value.code == "json.value"


@pytest.mark.parametrize("value", [2**53, -(2**53), b"bytes", {1: 2}, {"a": {1, 2}}, float("inf")])
def test_a_value_without_json_is_refused(value):
    with pytest.raises(Rejected, match=r"json\.value"):
        dumps(value)


@pytest.mark.parametrize("text", [b" 1", b"1.0", b'{"b":1,"a":2}', b'"\\u0041"', b"1\n"])
def test_another_spelling_is_not_canonical(text):
    with pytest.raises(Rejected, match=r"json\.not-canonical"):
        loads_canonical(text)


def test_tuples_are_arrays_and_booleans_are_no_numbers():
    assert dumps({"a": (1, True, None, 0.5)}) == b'{"a":[1,true,null,0.5]}'
