"""Status list credentials: made from the state, checked offline, one answer for each question."""

from dataclasses import replace
from hashlib import shake_256

import pytest

from hansa.errors import Rejected
from hansa.vc.bits import ENTRIES_MAX, ENTRIES_MIN, TILE_ENTRIES
from hansa.vc.chain import StatusList, Term, Tile, assemble, in_force, read_state, status_in
from hansa.vc.check import check_credential
from hansa.vc.data_integrity import sign_document
from hansa.vc.encoded_list import encode_list
from hansa.vc.status_list import (
    check_list,
    check_period,
    check_status,
    list_credential,
    says_the_same,
    status_entry,
)
from tests.unit.hansa.vc_scene import (
    HOUR,
    KEY,
    NOW,
    OTHER,
    URL,
    accreditation,
    credential,
    evidence,
    listed,
    logged,
    published,
    tiles,
)


def code_of(call, *args, **options):
    with pytest.raises(Rejected) as caught:
        call(*args, **options)
    return caught.value.code


def entry(index=5, purpose="revocation", **changes):
    whole = status_entry(listed(purpose), index, URL) | changes
    return {name: value for name, value in whole.items() if value is not None}


def republished(**changes):
    """A list credential with another subject, signed again."""
    document = {name: value for name, value in published({}).items() if name != "proof"}
    document["credentialSubject"] = document["credentialSubject"] | changes
    return sign_document(document, KEY, NOW)


def test_a_list_says_what_the_state_says():
    values = {0: 1, 5: 1, TILE_ENTRIES: 1, ENTRIES_MIN - 1: 1}
    checked = check_list(published(values), time=NOW)

    assert says_the_same(checked, listed(), tiles(values))
    assert not says_the_same(checked, listed(), tiles(values | {6: 1}))
    assert not says_the_same(checked, listed("suspension"), tiles(values))
    found = {index for index in (*values, 1, 4, 6) if check_status(entry(index), checked).value}
    assert found == set(values)


def test_a_good_status_is_an_answer_with_its_date():
    status = check_status(entry(6), check_list(published({5: 1}), time=NOW))

    assert (status.purpose, status.value, status.valid) == ("revocation", 0, True)
    assert (status.message, status.as_of) == ("", NOW)


def test_a_message_comes_with_its_word():
    checked = check_list(published({5: 2}, "message"), time=NOW)
    status = check_status(entry(5, "message"), checked)

    assert checked.document["credentialSubject"]["statusSize"] == 2
    assert (status.value, status.message, status.valid) == (2, "sent", False)


def test_a_list_may_serve_several_purposes():
    checked = check_list(republished(statusPurpose=["suspension", "revocation"]), time=NOW)

    assert check_status(entry(), checked).valid


BAD_LISTS = {
    "before its time": (published({}), NOW - 1, "vc.time"),
    "after its time": (published({}), NOW + HOUR + 1, "vc.time"),
    "signed by another than its issuer": (
        published({}, key=OTHER, public=KEY.public), NOW, "vc.issuer",
    ),
    "of another type": (credential(), NOW, "vc.type"),
    "changed afterwards": (published({}) | {"id": "https://x.example"}, NOW, "vc.signature"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_LISTS)
def test_a_list_is_refused(name):
    document, time, code = BAD_LISTS[name]

    assert code_of(check_list, document, time=time) == code


BAD_ENTRIES = {
    "of another list": (entry(statusListCredential="https://x.example"), "vc.status"),
    "for another purpose": (entry(statusPurpose="suspension"), "vc.status"),
    "behind the end": (entry(ENTRIES_MIN), "vc.range"),
    "with a number for an index": (entry(statusListIndex=5), "vc.entry"),
    "before the beginning": (entry(statusListIndex="-1"), "vc.entry"),
    "with a zero in front": (entry(statusListIndex="05"), "vc.entry"),
    "with other digits": (entry(statusListIndex="\u0665"), "vc.entry"),
    "with an endless index": (entry(statusListIndex="9" * 5000), "vc.entry"),
    "of another type": (entry(type="StatusList2021Entry"), "vc.entry"),
    "without a list": (entry(statusListCredential=None), "vc.entry"),
    "of no bits": (entry(statusSize=0), "vc.entry"),
    "of true bits": (entry(statusSize=True), "vc.entry"),
    "of two bits without messages": (entry(statusSize=2), "vc.entry"),
    "with too few messages": (entry(5, "message", statusMessage=[]), "vc.entry"),
    "that halves the list": (
        entry(statusSize=2, statusMessage=[{}, {}, {}, {}]), "vc.list-short",
    ),
    "that is no map": ("revoked", "vc.entry"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_ENTRIES)
def test_an_entry_has_no_status(name):
    bad, code = BAD_ENTRIES[name]

    assert code_of(check_status, bad, check_list(published({}), time=NOW)) == code


BAD_SUBJECTS = {
    "of another type": ({"type": "StatusList2021"}, "vc.type"),
    "of another size": ({"statusSize": 2}, "vc.status"),
    "without a list": ({"encodedList": 5}, "vc.multibase"),
    "without bits": ({"encodedList": "u"}, "vc.list"),
}


@pytest.mark.parametrize("name", BAD_SUBJECTS)
def test_a_list_credential_has_no_statuses(name):
    change, code = BAD_SUBJECTS[name]
    checked = check_list(republished(**change), time=NOW)

    assert code_of(check_status, entry(), checked) == code


def test_a_message_without_its_word_has_none():
    odd = [{"status": "0x9", "message": "x"}, "sent", {}, {}]
    checked = check_list(published({5: 2}, "message"), time=NOW)

    assert check_status(entry(5, "message", statusMessage=odd), checked).message == ""


def test_a_list_lasts_some_time():
    options = {"public": KEY.public, "url": URL, "valid_from": NOW, "valid_until": NOW}

    assert code_of(list_credential, listed(), {}, **options) == "vc.time"


BAD_STATES = {
    "a list of three bits": (listed(bits=3), {}),
    "a list too short": (listed(size=TILE_ENTRIES), {}),
    "a list too long": (listed(size=ENTRIES_MAX * 2), {}),
    "a tile beyond the list": (listed(), {ENTRIES_MIN // TILE_ENTRIES: Tile(b"", b"")}),
    "a short tile": (listed(), {0: Tile(bytes(512), b"")}),
}


@pytest.mark.parametrize("name", BAD_STATES)
def test_no_list_is_made_of(name):
    assert code_of(assemble, *BAD_STATES[name]) == "vc.state"


def test_one_status_needs_one_tile():
    [tile] = tiles({5: 1}).values()

    assert status_in(tile, listed(), 5) == 1
    assert status_in(None, listed(), 5) == 0
    assert code_of(status_in, tile, listed(), ENTRIES_MIN) == "vc.range"
    assert code_of(status_in, tile, listed(), -1) == "vc.range"
    assert code_of(status_in, tile, listed("message"), 5) == "vc.state"
    assert code_of(read_state, StatusList, b"\x80") == "vc.state"


@pytest.mark.parametrize(
    ("height", "time", "ok"),
    [(2, 0, False), (3, 0, True), (6, 99, True), (6, 100, False), (7, 0, False), (8, 0, True)],
)
def test_an_accreditation_holds_in_its_terms_alone(height, time, ok):
    terms = (Term(b"", 3, 100, 7), Term(b"", 8, 0))

    assert in_force(terms, height, time) == ok


def test_a_credential_passes_when_every_answer_is_good():
    secured = credential()
    checks = check_credential(secured, evidence(secured), time=NOW)

    assert checks.passed
    assert not checks.withdrawn
    assert [one.purpose for one in checks.statuses] == ["revocation"]


def test_a_credential_without_a_status_passes_as_well():
    secured = credential(credentialStatus=None)
    known = evidence(secured, logged=logged(secured, places=()))

    assert check_credential(secured, known, time=NOW).passed


def test_a_revoked_credential_has_a_good_signature_and_does_not_pass():
    secured = credential()
    checks = check_credential(secured, evidence(secured, {5: 1}), time=NOW)

    assert (checks.signature, checks.accredited, checks.status) == ("", "", "")
    assert checks.withdrawn
    assert not checks.passed


def test_a_message_alone_withdraws_nothing():
    secured = credential(purpose="message")
    known = evidence(secured, lists={URL: published({5: 3}, "message")})
    checks = check_credential(secured, known, time=NOW)

    assert checks.statuses[0].message == "done"
    assert checks.passed


GOOD = credential()
ANSWERS = {
    "an unknown key": ({"members": {}}, {"issuer": "vc.no-member", "status": "vc.issuer"}),
    "no record": ({"logged": None}, {"logged": "vc.not-logged"}),
    "a record of another credential": (
        {"logged": logged(GOOD, id="00" * 32)}, {"logged": "vc.not-logged"},
    ),
    "a record of another member": (
        {"logged": logged(GOOD, controller="carrier")}, {"logged": "vc.not-logged"},
    ),
    "a record of another place": (
        {"logged": logged(GOOD, places=(("r", 6),))}, {"logged": "vc.places"},
    ),
    "no accreditation": ({"accreditation": None}, {"accredited": "vc.not-accredited"}),
    "the accreditation of another": (
        {"accreditation": accreditation(controller="carrier")}, {"accredited": "vc.not-accredited"},
    ),
    "an accreditation for another type": (
        {"accreditation": accreditation(id="Other/farm")}, {"accredited": "vc.not-accredited"},
    ),
    "an accreditation that came later": (
        {"accreditation": accreditation(terms=(Term(b"", 10, 0),))},
        {"accredited": "vc.not-accredited"},
    ),
    "a type that the credential does not have": (
        {"accreditation": accreditation(id="X/farm"), "logged": logged(GOOD, type="X")},
        {"accredited": "vc.not-accredited"},
    ),
    "no list": ({"lists": {}}, {"status": "vc.no-list"}),
    "a list of another key": (
        {"lists": {URL: published({}, key=OTHER)}}, {"status": "vc.issuer"},
    ),
    "a list that is old": (
        {"lists": {URL: published({}, valid_from=NOW - HOUR, valid_until=NOW - 1)}},
        {"status": "vc.time"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
def test_one_answer_is_wrong_with(name):
    change, wrong = ANSWERS[name]
    checks = check_credential(GOOD, evidence(GOOD, **change), time=NOW)

    related = {"logged", "accredited"} if "members" in change or "logged" in change else set()
    answers = {field: getattr(checks, field) for field in ANSWERED if getattr(checks, field)}
    assert {
        field: code for field, code in answers.items() if field not in related - set(wrong)
    } == (wrong)
    assert not checks.passed


ANSWERED = ("signature", "issuer", "period", "logged", "accredited", "status")


def test_a_credential_that_was_changed_has_no_other_answers():
    secured = GOOD | {"validFrom": "2024-01-01T00:00:00Z"}
    checks = check_credential(secured, evidence(secured), time=NOW)

    assert checks.signature == "vc.signature"
    assert {getattr(checks, field) for field in ANSWERED[1:]} == {"vc.unproven"}


def test_a_credential_says_when_and_by_whom():
    late = credential(validUntil="2023-11-14T00:00:00Z")
    foreign = credential(issuer={"id": "did:web:x.example"})

    assert check_credential(late, evidence(late), time=NOW).period == "vc.time"
    assert check_credential(foreign, evidence(foreign), time=NOW).issuer == "vc.issuer"


def test_an_odd_status_entry_is_no_good_status():
    odd = credential(credentialStatus=["revoked"])
    many = credential(credentialStatus=[entry(n) for n in range(17)])

    assert check_credential(odd, evidence(odd), time=NOW).status == "vc.entry"
    assert check_credential(odd, evidence(odd), time=NOW).logged == "vc.entry"
    assert check_credential(many, evidence(many), time=NOW).status == "vc.entry"


def test_a_proof_that_has_expired_is_out_of_its_time():
    checked = check_list(published({}), time=NOW)
    check_period(replace(checked, expires=NOW), NOW)

    assert code_of(check_period, replace(checked, expires=NOW - 1), NOW) == "vc.time"


def test_the_largest_list_fits_a_credential():
    noise = shake_256(b"noise").digest(ENTRIES_MAX // 2)
    record = listed("message", size=ENTRIES_MAX, bits=4, messages=tuple("abcdefghijklmnop"))
    cuts = range(ENTRIES_MAX // TILE_ENTRIES)
    full = {n: Tile(bytes(512), noise[n * 2048 : n * 2048 + 2048]) for n in cuts}
    options = {"public": KEY.public, "url": URL, "valid_from": NOW, "valid_until": NOW + 1}
    secured = sign_document(list_credential(record, full, **options), KEY, NOW)

    assert says_the_same(check_list(secured, time=NOW), record, full)
    assert len(encode_list(noise)) > len(noise)


def test_a_document_that_is_no_credential_has_another_form_and_does_not_pass():
    odd = credential(**{"@context": ["https://www.w3.org/ns/credentials/v2"]})
    known = evidence(odd)
    checks = check_credential(odd, known, time=NOW)

    assert checks.form == "vc.model"
    assert {getattr(checks, field) for field in ANSWERED} == {""}
    assert not checks.passed
    assert check_credential(GOOD, evidence(GOOD), time=NOW).form == ""
