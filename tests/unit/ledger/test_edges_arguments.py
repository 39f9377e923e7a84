"""Each argument of a method is taken at its limit and refused one step beyond it."""

import pytest

from hansa.encoding import encode_value
from ledger.contract import Refused, decode_arguments
from ledger.contracts import doc, governance, org, trace
from tests.unit.ledger.scene import Scene

KEY = b"\1" + b"k" * 32
DIGEST = b"d" * 32
ID = "ni:///sha-256;"

REGISTER = {"id": "c", "digest": DIGEST}
SIGN = {"id": "c", "version": 1}
ADMIT = {
    "key": KEY, "legal_id": {"scheme": "LEI", "value": "1"}, "name": "elba", "names": {"en": "E"},
}  # fmt: skip
ENROL = {"key": KEY, "kind": "person", "subject": "farm/x"}
ROLE = {"subject": "farm/x", "role": "admin", "version": 1}
REVOKE = {"subject": "farm/x", "key": "0" * 16}
PERMISSION = {"contract": "doc", "method": "sign"}
CORRECT = {"event_id": ID.ljust(64, "a"), "reason": "did_not_occur"}
BALLOT = {"id": "a" * 24 + "-1"}
ADMITTED = ADMIT["legal_id"]


def names(count, digits="n"):
    return [f"{digits}{number}" for number in range(count)]


def numbers(count):
    return [f"{number:013}" for number in range(count)]


EDGES = [
    (doc.Register, REGISTER, "id", "a" * 128, "a" * 129),
    (doc.Register, REGISTER, "digest", DIGEST, DIGEST[1:]),
    (doc.Register, REGISTER, "digest", DIGEST, DIGEST + b"d"),
    (doc.Register, REGISTER, "size", 0, -1),
    (doc.Register, REGISTER, "media_type", "m" * 128, "m" * 129),
    (doc.Register, REGISTER, "kind", "m" * 128, "m" * 129),
    (doc.Register, REGISTER, "signers_needed", [{"member": "m" * 128}], [{"member": "m" * 129}]),
    (doc.Register, REGISTER, "signers_needed", [{}] * 64, [{}] * 65),
    (doc.Register, REGISTER, "threshold", 0, -1),
    (doc.Register, REGISTER, "threshold", 64, 65),
    (
        doc.Register, REGISTER, "meta",
        dict.fromkeys(names(32), "x" * 1024), dict.fromkeys(names(33), ""),
    ),
    (doc.Register, REGISTER, "meta", {"m" * 128: ""}, {"m" * 129: ""}),
    (doc.Register, REGISTER, "meta", {}, {"m": "x" * 1025}),
    (doc.Register, REGISTER, "seal", b"s" * 256, b"s" * 257),
    (doc.Register, REGISTER, "about", ["m" * 128] * 64, ["m"] * 65),
    (doc.Register, REGISTER, "version", 1, 0),
    (doc.Register, REGISTER, "version", 2**53, 2**53 + 1),
    (doc.Sign, SIGN, "version", 2**53, 0),
    (doc.Sign, SIGN, "remark_digest", DIGEST, DIGEST[1:]),
    (doc.Sign, SIGN, "key", KEY, KEY[1:]),
    (doc.Sign, SIGN, "signature", b"s" * 64, b"s" * 65),
    (doc.Close, SIGN, "reason", "r" * 1024, "r" * 1025),
    (org.Admit, ADMIT, "legal_id", ADMITTED | {"value": "v" * 64}, ADMITTED | {"value": "v" * 65}),
    (org.Admit, ADMIT, "names", {"en": "E" * 256}, {"en": "E" * 257}),
    (org.Admit, ADMIT, "names", {"en": "E"}, {"en": ""}),
    (org.Admit, ADMIT, "names", dict.fromkeys(names(16), "E"), dict.fromkeys(names(17), "E")),
    (org.Admit, ADMIT, "names", {"en": "E"}, {}),
    (org.Admit, ADMIT, "prefixes", numbers(64), numbers(65)),
    (org.Admit, ADMIT, "glns", numbers(64), numbers(65)),
    (org.OfMember, {"member": "farm"}, "reason", "r" * 1024, "r" * 1025),
    (org.OfMember, {"member": "farm"}, "order_ref", "r" * 128, "r" * 129),
    (org.OfSubject, {"subject": "farm/x", "version": 1}, "order_ref", "r" * 128, "r" * 129),
    (org.OfSubject, {"subject": "farm/x", "version": 1}, "reason", "r" * 1024, "r" * 1025),
    (org.Enrol, ENROL, "attest_digest", DIGEST, DIGEST[1:]),
    (org.Enrol, ENROL, "valid_until", 0, -1),
    (org.Admit, ADMIT, "evidence", DIGEST, DIGEST[1:]),
    (org.Enrol, ENROL, "roles", names(32), names(33)),
    (org.Enrol, ENROL, "subject", "f" * 128, "f" * 129),
    (org.RevokeKey, REVOKE, "key", "0" * 16, "0" * 17),
    (org.RevokeKey, REVOKE, "compromised_since", 0, -1),
    (org.Role, ROLE, "version", 2**53, 2**53 + 1),
    (org.Role, ROLE, "version", 1, 0),
    (governance.SetPermission, PERMISSION, "role", "r" * 64, "r" * 65),
    (governance.SetPermission, PERMISSION, "members", 16, 17),
    (governance.SetPermission, PERMISSION, "members", 1, 0),
    (governance.SetParameter, {"name": "a", "value": 1}, "name", "n" * 64, "n" * 65),
    (governance.SetParameter, {"name": "a", "value": 1}, "value", "v" * 256, "v" * 257),
    (governance.SetValidators, {}, "add", names(100), names(101)),
    (governance.SetValidators, {}, "remove", names(100), names(101)),
    (governance.OfBallot, BALLOT, "id", "a" * 24 + "-999", "a" * 24 + "-1000"),
    (governance.Accuse, {"evidence": b"x"}, "evidence", b"x" * 65_536, b"x" * 65_537),
    (governance.Accuse, {"evidence": b"x"}, "evidence", b"x", b""),
    (trace.Capture, {"event": b"{}"}, "event", b"x" * 204_800, b"x" * 204_801),
    (trace.Capture, {"event": b"{}"}, "event", b"{}", b"{"),
    (trace.Capture, {"event": b"{}"}, "seal", b"s" * 256, b"s" * 257),
    (trace.Correct, CORRECT, "event_id", ID.ljust(64, "a"), ID.ljust(63, "a")),
    (trace.Correct, CORRECT, "event_id", ID.ljust(400, "a"), ID.ljust(401, "a")),
    (trace.Correct, CORRECT, "corrective_ids", ["u"] * 100, ["u"] * 101),
    (trace.Correct, CORRECT, "corrective_ids", ["u" * 400], ["u" * 401]),
    (trace.Correct, CORRECT, "corrective_ids", ["u"], [""]),
]  # fmt: skip


def _title(value):
    kind, _, field, *_ = value
    return f"{kind.__name__}.{field}"


@pytest.mark.parametrize("edge", EDGES, ids=_title)
def test_an_argument_is_taken_at_its_limit_and_refused_beyond_it(edge):
    kind, others, field, least_good, bad = edge

    assert decode_arguments(kind, encode_value(others | {field: least_good})) is not None
    with pytest.raises(Refused):
        decode_arguments(kind, encode_value(others | {field: bad}))


DEFAULTS = [
    (
        doc.Register, REGISTER,
        {
            "alg": "sha-256", "size": 0, "threshold": 0, "retain_until": 0, "seal": b"",
            "signers_needed": (), "about": (), "meta": {}, "supersedes": None, "version": None,
        },
    ),
    (org.RevokeKey, REVOKE, {"compromised_since": 0, "reason": ""}),
    (org.Role, ROLE, {"until": 0}),
    (governance.SetPermission, PERMISSION, {"role": "", "members": 1}),
    (governance.SetValidators, {}, {"add": (), "remove": ()}),
    (trace.Correct, CORRECT, {"corrective_ids": ()}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "given", "defaults"), DEFAULTS)
def test_an_argument_that_is_left_out_has_its_default(kind, given, defaults):
    decoded = decode_arguments(kind, encode_value(given))

    assert {name: getattr(decoded, name) for name in defaults} == defaults


@pytest.mark.parametrize(
    "change",
    [{"alg": "sha-256\n"}, {"id": "a\n"}],
    ids=["another spelling of the same digest", "a second name"],
)
def test_a_line_break_at_the_end_is_no_part_of_a_word(change):
    given = {"digest": b"d" * 32, "id": "a"} | change

    assert Scene().call("doc", "register", given).code == "SCHEMA"
