"""GS1 identifiers: every spelling of a key becomes one canonical Digital Link."""

import json
from pathlib import Path

import pytest

from hansa.errors import Rejected
from hansa.gs1 import (
    canonical,
    check_characters,
    check_digit,
    company_digits,
    gln_of,
    has_valid_check_digit,
    is_class,
    is_lot,
    long,
    require_check_digit,
    short,
)

ROOT = Path(__file__).resolve().parents[3]
VECTORS = json.loads((ROOT / "tests" / "vectors" / "gs1.json").read_text())


@pytest.mark.parametrize(("written", "expected"), VECTORS["canonical"])
def test_a_spelling_becomes_the_canonical_link(written, expected):
    assert canonical(written) == expected
    assert canonical(expected) == expected


@pytest.mark.parametrize("text", VECTORS["unchanged"])
def test_what_is_no_gs1_key_stays_as_it_is(text):
    assert canonical(text) == text


def slow_check_digit(digits):
    """The definition, typed out: weights 3, 1, 3, … from the right, to the next ten."""
    total = sum(int(d) * (3 if i % 2 == 0 else 1) for i, d in enumerate(reversed(digits)))
    return str((10 - total % 10) % 10)


@pytest.mark.parametrize("digits", [str(7**power) for power in range(30)])
def test_the_fast_check_digit_equals_the_definition(digits):
    assert check_digit(digits) == slow_check_digit(digits)


@pytest.mark.parametrize(
    "number",
    [
        "09520600001012", "09520600003030", "09520600004044", "9520600000015", "9520600000022",
        "9520600000039", "9520600000046", "095206000000001111", "095206000000002224",
    ],
)  # fmt: skip
def test_the_numbers_of_the_sample_world_have_valid_check_digits(number):
    assert has_valid_check_digit(number)
    assert not has_valid_check_digit(number[:-1] + str((int(number[-1]) + 1) % 10))


@pytest.mark.parametrize("number", ["", "7", "95206000000x5", "\uff19\uff15"])
def test_what_is_no_number_has_no_check_digit(number):
    assert not has_valid_check_digit(number)


@pytest.mark.parametrize(
    ("identifier", "digits"),
    [
        ("https://id.gs1.org/01/09520600001012/21/K7", "952060000101"),
        ("https://id.gs1.org/00/095206000000001111", "952060000000"),
        ("https://id.gs1.org/414/9520600000015", "952060000001"),
        ("https://id.gs1.org/8004/4012345AAbb", "4012345"),
        ("https://id.gs1.org/8003/0401234566666387", "401234566666"),
        ("https://id.gs1.org/99/1", ""),
        ("urn:uuid:1", ""),
    ],
)
def test_the_company_prefix_is_among_the_first_digits(identifier, digits):
    assert company_digits(identifier) == digits


@pytest.mark.parametrize(
    ("identifier", "lot", "kind"),
    [
        ("https://id.gs1.org/01/09520600001012", False, True),
        ("https://id.gs1.org/01/09520600001012/10/L", True, False),
        ("https://id.gs1.org/01/09520600001012/21/S", False, False),
        ("https://id.gs1.org/8006/040123451234560102", False, True),
        ("https://id.gs1.org/8006/040123451234560102/10/L", True, False),
        ("https://id.gs1.org/8010/4012345ABC", False, True),
        ("https://id.gs1.org/8010/4012345ABC/8011/1", False, False),
        ("https://id.gs1.org/8003/04012345666663", False, True),
        ("https://id.gs1.org/8003/0401234566666387", False, False),
        ("https://id.gs1.org/00/095206000000001111", False, False),
        ("https://example.org/10/x", False, False),
    ],
)
def test_lots_and_kinds_are_told_from_single_things(identifier, lot, kind):
    assert is_lot(identifier) is lot
    assert is_class(identifier) is kind


def test_short_names_lead_back_to_identifiers():
    for identifier in ("https://id.gs1.org/00/095206000000001111", "urn:uuid:1", "https://a.b/c"):
        assert long(short(identifier)) == identifier


def test_a_place_and_a_party_have_a_location_number():
    assert gln_of("https://id.gs1.org/414/9520600000015/254/7") == "9520600000015"
    assert gln_of("https://id.gs1.org/417/9520600000015") == "9520600000015"
    assert gln_of("urn:x") == ""


def test_a_wrong_check_digit_is_named_with_the_right_one():
    good = "https://id.gs1.org/01/09520600001012/21/K7"
    assert require_check_digit(good) == good
    assert require_check_digit("urn:uuid:1") == "urn:uuid:1"

    with pytest.raises(Rejected) as refusal:
        require_check_digit("https://id.gs1.org/01/09520600001013/21/K7")

    assert refusal.value.code == "gs1.check-digit"
    assert refusal.value.hint == "it would be 2"


def test_a_model_number_has_two_check_characters():
    assert check_characters("1987654Ad4X4bL5ttr2310c") == "2K"
    assert require_check_digit("https://id.gs1.org/8013/1987654Ad4X4bL5ttr2310c2K")

    for wrong in ("1987654Ad4X4bL5ttr2310c2L", "1987654Ad4X4bL5ttr2301c2K", "198765%2F2K"):
        with pytest.raises(Rejected, match=r"gs1\.check-digit"):
            require_check_digit("https://id.gs1.org/8013/" + wrong)


@pytest.mark.parametrize("model", ["", "1" * 24, "a b", "1\u00e9"])
def test_what_is_no_model_number_has_no_check_characters(model):
    assert check_characters(model) == ""
