"""GS1 keys at their edges: one digit less, one more, and the wrong check digit."""

import pytest

from hansa.errors import Rejected
from hansa.gs1 import (
    DIGITAL_LINK,
    canonical,
    check_digit,
    company_digits,
    from_digital_link,
    from_epc_uri,
    gln_of,
    has_valid_check_digit,
    is_class,
    is_lot,
    require_check_digit,
)

CHECKED = {
    "00": 18, "01": 14, "253": 13, "255": 13, "402": 17, "414": 13, "417": 13,
    "8003": 14, "8006": 14, "8017": 18, "8018": 18,
}  # fmt: skip
"""Digits of the number whose last one checks the others, by key."""


def number(digits):
    """A number of so many digits whose check digit holds."""
    body = "0123456789012345678"[: digits - 1]
    return body + check_digit(body)


@pytest.mark.parametrize("ai", CHECKED)
def test_the_check_digit_of_each_key_is_where_the_standard_has_it(ai):
    good = number(CHECKED[ai])
    other = good[:-1] + str((int(good[-1]) + 1) % 10)
    tail = "99" if ai in {"253", "255", "8003", "8006"} else ""

    assert require_check_digit(f"{DIGITAL_LINK}{ai}/{good}{tail}") == (
        f"{DIGITAL_LINK}{ai}/{good}{tail}"
    )
    with pytest.raises(Rejected) as caught:
        require_check_digit(f"{DIGITAL_LINK}{ai}/{other}{tail}")
    assert caught.value.hint.endswith(good[-1])


@pytest.mark.parametrize("ai", ["401", "8004", "8010"])
def test_a_key_without_a_check_digit_is_not_checked(ai):
    identifier = f"{DIGITAL_LINK}{ai}/9520600AB1"

    assert require_check_digit(identifier) == identifier


@pytest.mark.parametrize(
    ("digits", "checked"), [("00", True), ("17", True), ("18", False), ("0", False), ("", False)]
)
def test_two_digits_are_the_shortest_number_with_a_check_digit(digits, checked):
    assert has_valid_check_digit(digits) is checked


PREFIX_AT = {
    "01": 1, "00": 1, "8003": 1, "8006": 1, "253": 0, "255": 0, "401": 0, "402": 0,
    "414": 0, "417": 0, "8004": 0, "8010": 0, "8017": 0, "8018": 0,
}  # fmt: skip


@pytest.mark.parametrize("ai", PREFIX_AT)
def test_the_company_prefix_of_each_key_begins_where_the_standard_has_it(ai):
    value = "123456789012345678"

    assert company_digits(f"{DIGITAL_LINK}{ai}/{value}") == value[PREFIX_AT[ai] :][:12]
    assert company_digits(f"{DIGITAL_LINK}{ai}/{value[:9]}x1") == value[PREFIX_AT[ai] : 9]


EPC_EDGES = [
    # SGTIN: the prefix has 6 to 12 digits, prefix and reference 13 together.
    ("id:sgtin:123456.1234567.1", True), ("id:sgtin:12345.12345678.1", False),
    ("id:sgtin:123456789012.1.1", True), ("id:sgtin:1234567890123..1", False),
    ("id:sgtin:123456.123456.1", False), ("id:sgtin:123456.12345678.1", False),
    ("id:sgtin:123456.1234567", False), ("id:sgtin:123456.1234567.1.2", True),
    ("id:upui:123456.1234567.1", True), ("class:lgtin:123456.1234567.1", True),
    ("class:lgtin:123456.1234567", False),
    # Patterns have exactly three parts.
    ("idpat:sgtin:123456.1234567.*", True), ("idpat:sgtin:123456.1234567", False),
    ("idpat:sgtin:123456.1234567.*.*", False), ("idpat:sgtin:123456.1234567.1", False),
    ("idpat:sgtin:123456.123456.*", False), ("idpat:grai:123456.123456.*", True),
    ("idpat:grai:123456.123456.*.1", False), ("idpat:grai:123456.123456", False),
    ("idpat:grai:123456.12345.*", False), ("idpat:gdti:123456.123456.*", True),
    ("idpat:sgcn:123456.123456.*", True),
    # SSCC: 17 digits, exactly two parts.
    ("id:sscc:123456.12345678901", True), ("id:sscc:123456.1234567890", False),
    ("id:sscc:123456.123456789012", False), ("id:sscc:123456.12345678901.1", False),
    ("id:sscc:12345678901234567.", False), ("id:sscc:123456", False),
    # SGLN: 12 digits and an extension.
    ("id:sgln:123456.123456.0", True), ("id:sgln:123456.123456", False),
    ("id:sgln:123456.12345.0", False), ("id:sgln:123456.1234567.0", False),
    # One number and nothing else.
    ("id:pgln:123456.123456", True), ("id:pgln:123456.12345", False),
    ("id:pgln:123456.123456.1", False), ("id:pgln:123456", False),
    ("id:gsrn:123456.12345678901", True), ("id:gsrn:123456.1234567890", False),
    ("id:gsrnp:123456.12345678901", True), ("id:gsrnp:123456.123456789012", False),
    ("id:gsin:123456.1234567890", True), ("id:gsin:123456.12345678901", False),
    # A number and a serial.
    ("id:grai:123456.123456.1", True), ("id:grai:123456.12345.1", False),
    ("id:grai:123456.123456", False), ("id:gdti:123456.123456.A", True),
    ("id:sgcn:123456.123456.1", True), ("id:sgcn:123456.123456.A", False),
    # A prefix and a free reference of together at most 30 characters.
    ("id:giai:123456.A", True), ("id:giai:12345.A", False), ("id:giai:1234567890123.A", False),
    ("id:giai:123456." + "A" * 24, True), ("id:giai:123456." + "A" * 25, False),
    ("id:ginc:123456.A", True), ("id:giai:123456", False),
    # CPI: three parts, the last one a number or all.
    ("id:cpi:123456.A.1", True), ("id:cpi:123456.A", False), ("id:cpi:123456.A.B", False),
    ("id:cpi:123456.A.0", True), ("id:cpi:123456.A.01", False),
    ("id:cpi:123456.A.1.1", False), ("id:cpi:12345.A.1", False), ("idpat:cpi:123456.A.*", True),
    # ITIP: piece and total of two digits each.
    ("id:itip:123456.1234567.01.02.S", True), ("id:itip:123456.1234567.1.02.S", False),
    ("id:itip:123456.1234567.01.2.S", False), ("id:itip:123456.1234567.001.02.S", False),
    ("id:itip:123456.1234567.01.02", False), ("id:itip:123456.1234567.0x.02.S", False),
    ("idpat:itip:123456.1234567.01.02.*", True), ("id:itip:123456.123456.01.02.S", False),
    ("id:none:123456.1", False), ("id:sgtin", False), ("raw:sgtin:123456.1234567.1", False),
]  # fmt: skip


@pytest.mark.parametrize(("epc", "known"), EPC_EDGES)
def test_an_epc_uri_has_its_parts_and_digits_or_no_link(epc, known):
    link = from_epc_uri("urn:epc:" + epc)

    assert (link is not None) is known
    if known:
        assert require_check_digit(link) == link
        assert from_digital_link(link) == link


@pytest.mark.parametrize(
    ("epc", "link"),
    [
        ("id:sgtin:0614141.812345.6789", "01/80614141123458/21/6789"),
        ("id:upui:0614141.812345.6789", "01/80614141123458/235/6789"),
        ("class:lgtin:0614141.812345.6789", "01/80614141123458/10/6789"),
        ("id:sscc:0614141.1234567890", "00/106141412345678908"),
        ("id:sgln:0614141.12345.0", "414/0614141123452"),
        ("id:sgln:0614141.12345.400", "414/0614141123452/254/400"),
        ("id:grai:0614141.12345.400", "8003/00614141123452400"),
        ("id:itip:0614141.812345.01.02.9", "8006/806141411234580102/21/9"),
        ("idpat:itip:0614141.812345.01.02.*", "8006/806141411234580102"),
        ("idpat:grai:0614141.12345.*", "8003/00614141123452"),
        ("id:cpi:0614141.5PQ7/Z43.12345", None),
        ("id:cpi:0614141.123.12345", "8010/0614141123/8011/12345"),
        ("id:giai:0614141.12345400", "8004/061414112345400"),
    ],
)
def test_an_epc_uri_becomes_its_link(epc, link):
    found = from_epc_uri("urn:epc:" + epc)

    if link is None:
        assert found == DIGITAL_LINK + "8010/06141415PQ7%2FZ43/8011/12345"
    else:
        assert found == DIGITAL_LINK + link


LINK_EDGES = [
    ("00/123456789012345675", True), ("00/12345678901234567", False),
    ("01/12345670", True), ("01/123456789", False), ("01/123456789012", True),
    ("01/12345678901", False), ("01/12345678901231", True), ("01/123456789012345", False),
    ("253/1234567890128" + "A" * 17, True), ("253/1234567890128" + "A" * 18, False),
    ("253/123456789012", False), ("255/1234567890128", True), ("255/" + "1" * 25, True),
    ("255/" + "1" * 26, False), ("255/" + "1" * 12, False), ("401/1234", True),
    ("401/123", False), ("401/1234" + "A" * 26, True), ("401/1234" + "A" * 27, False),
    ("402/" + "1" * 17, True), ("402/" + "1" * 16, False), ("414/" + "1" * 12, False),
    ("417/" + "1" * 14, False), ("8003/" + "1" * 14 + "A" * 16, True),
    ("8003/" + "1" * 14 + "A" * 17, False), ("8004/1234" + "%2F" * 26, True),
    ("8004/1234" + "%2F" * 27, False), ("8006/" + "1" * 18, True), ("8006/" + "1" * 17, False),
    ("8010/1234" + "A" * 26, True), ("8010/1234" + "A" * 27, False),
    ("8017/" + "1" * 18, True), ("8018/" + "1" * 19, False), ("8010/123A", False),
    ("01/12345678901231/21", False), ("01/12345678901231/21/A", True),
    ("01/12345678901231/21/A/10", False),
    ("01/12345678901231/21/" + "A" * 20, True), ("01/12345678901231/21/" + "A" * 21, False),
    ("01/12345678901231/10/" + "A" * 20, True), ("01/12345678901231/10/" + "A" * 21, False),
    ("01/12345678901231/235/" + "A" * 28, True), ("01/12345678901231/235/" + "A" * 29, False),
    ("414/1234567890128/254/" + "1" * 20, True), ("414/1234567890128/254/" + "1" * 21, False),
    ("8010/1234A/8011/" + "1" * 12, True), ("8010/1234A/8011/" + "1" * 13, False),
    ("8010/1234A/8011/0", True), ("8010/1234A/8011/01", False), ("8010/1234A/8011/A", False),
    ("8013/1987654Ad4X4bL5ttr2310c2K", True), ("8013/1987" + "A" * 21, True),
    ("8013/1987" + "A" * 22, False), ("gmn/1987654Ad4X4bL5ttr2310c2K", True),
]  # fmt: skip


@pytest.mark.parametrize(("path", "known"), LINK_EDGES)
def test_a_link_has_a_value_of_the_length_of_its_key(path, known):
    assert (from_digital_link("https://example.com/" + path) is not None) is known


@pytest.mark.parametrize(
    ("path", "narrowest"),
    [
        ("01/12345678901231/22/V/10/L/21/S", "01/12345678901231/21/S"),
        ("01/12345678901231/10/L", "01/12345678901231/10/L"),
        ("01/12345678901231/22/V", "01/12345678901231"),
        ("gtin/12345670/lot/L", "01/00000012345670/10/L"),
        ("414/1234567890128/glnx/E", "414/1234567890128/254/E"),
        ("some/shop/01/12345678901231", "01/12345678901231"),
        ("8010/1234A/cpsn/5", "8010/1234A/8011/5"),
    ],
)
def test_a_link_keeps_its_narrowest_qualifier(path, narrowest):
    assert canonical("https://example.com/" + path) == DIGITAL_LINK + narrowest


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("01/12345678901231", True), ("01/12345678901231/21/A", False),
        ("8006/123456789012345678", True), ("8003/12345678901231", True),
        ("8003/12345678901231A", False), ("253/1234567890128", True),
        ("253/1234567890128A", False), ("255/1234567890128", True), ("8010/1234A", True),
        ("8010/1234A/8011/5", False), ("00/123456789012345675", False), ("414/1", False),
    ],
)  # fmt: skip
def test_a_kind_of_things_is_a_key_without_a_serial(path, kind):
    assert is_class(DIGITAL_LINK + path) is kind


@pytest.mark.parametrize(
    ("path", "lot"),
    [
        ("01/12345678901231/10/L", True), ("8006/123456789012345678/10/L", True),
        ("01/12345678901231/21/L", False), ("414/1234567890128/10/L", False),
        ("01/12345678901231", False),
    ],
)  # fmt: skip
def test_a_lot_is_a_product_with_a_lot_number(path, lot):
    assert is_lot(DIGITAL_LINK + path) is lot


def test_a_location_number_has_13_digits():
    assert gln_of(DIGITAL_LINK + "417/1234567890128/254/1") == "1234567890128"
    assert gln_of(DIGITAL_LINK + "414/1234567890128") == "1234567890128"
    assert not gln_of(DIGITAL_LINK + "01/12345678901231")


@pytest.mark.parametrize(
    "link",
    [
        "https://example.com/a/b?x=/01/12345670", "https://example.com/a/01#/01/12345670",
        "https://example.com/01/?x=/01/12345670", "https://example.com/x01/12345670",
    ],
)  # fmt: skip
def test_a_key_outside_of_the_path_is_none(link):
    assert from_digital_link(link) is None
    assert canonical(link) == link
