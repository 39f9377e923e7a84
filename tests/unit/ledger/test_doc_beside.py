"""`doc`: time-stamps, exhibits and batches; what may be asked of them."""

import hashlib

import pytest

from hansa.batch import Batch
from hansa.hashing import sha256, tagged_hash
from ledger.contract import Refused
from ledger.contracts.doc import BATCH_MAX, STAMP_SKEW_MS
from ledger.contracts.doc_queries import QUERIES
from ledger.query import Reader
from tests.unit.hansa import tsa_scene
from tests.unit.hansa.tsa_scene import Authority, token
from tests.unit.ledger.scene import START, Scene

CONTENT = b"a deed"
DIGEST = hashlib.sha256(CONTENT).digest()
AUTHORITY = Authority()
EARLY = "20231101000000Z"
"""Before the chain's first block."""
TOKEN = token(AUTHORITY, ("sha256", DIGEST), moment=EARLY)


@pytest.fixture
def scene():
    scene = Scene()
    places = [{"member": "carrier"}, {"member": "roastery"}]
    args = {"id": "d", "digest": DIGEST, "signers_needed": places, "threshold": 2}
    scene.ok("doc", "register", args)
    return scene


def refused(scene, name, args, *signers):
    receipt = scene.call("doc", name, args, *signers)
    return receipt.code, receipt.error_fields()


def keys_of(receipt):
    return [record.key for call in receipt.calls for record in call.records]


def ask(scene, name, **given):
    kind, function = QUERIES[name]
    get = scene.ledger.get_state
    walk = lambda prefix, after: (  # noqa: E731
        pair for pair in scene.ledger.scan_state(prefix) if pair[0] > after
    )
    reader = Reader("test-chain", scene.ledger.head.height, scene.ledger.head.time, get, walk)
    return function(reader, kind(**given))


def test_a_time_stamp_is_noted_beside_the_document(scene):
    receipt = scene.call("doc", "stamp", {"id": "d", "token_der": TOKEN}, "carrier/app")

    name = "d/" + sha256(TOKEN).hex()[:32]
    assert receipt.code == "OK", receipt.error_fields()
    assert receipt.calls[0].value()["policy"] == "1.2.3.4.5"
    assert keys_of(receipt) == ["doc/stamp/" + name]
    (found,) = ask(scene, "stamps", id="d")["stamps"]
    assert (found["gen_time"], found["serial"]) == (1_698_796_800_000, "1267")
    assert (found["token"], found["controller"]) == (sha256(TOKEN), "carrier")


def test_a_token_is_noted_once_and_others_beside_it(scene):
    scene.ok("doc", "stamp", {"id": "d", "token_der": TOKEN})
    assert refused(scene, "stamp", {"id": "d", "token_der": TOKEN})[0] == "DUPLICATE"

    other = token(AUTHORITY, ("sha256", DIGEST), moment=EARLY, serial=2)
    scene.ok("doc", "stamp", {"id": "d", "token_der": other})
    assert len(ask(scene, "get", id="d")["stamps"]) == 2


def test_the_document_itself_does_not_change(scene):
    before = scene.ledger.get_state(b"doc/record/d")
    scene.ok("doc", "stamp", {"id": "d", "token_der": TOKEN})
    scene.ok("doc", "exhibit", {"id": "d", "case_no": "(2026)沪7101民初1号", "to_org": "retailer"})

    assert scene.ledger.get_state(b"doc/record/d") == before


BAD_TOKENS = {
    "another digest": (token(AUTHORITY, ("sha256", bytes(32)), moment=EARLY), "RULE"),
    "another algorithm": (
        token(AUTHORITY, ("sha512", hashlib.sha512(CONTENT).digest()), moment=EARLY), "RULE",
    ),
    "no token": (b"no token", "SIGN"),
    "a response": (tsa_scene.response(TOKEN), "SIGN"),
    "a trailing byte": (TOKEN + b"\0", "SIGN"),
    "an imprint of MD5": (token(AUTHORITY, ("md5", bytes(16)), moment=EARLY), "SIGN"),
    "a later time": (token(AUTHORITY, ("sha256", DIGEST), moment="20400101000000Z"), "TIME"),
    "nothing": (b"", "SCHEMA"),
    "too many bytes": (bytes(16_385), "SCHEMA"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD_TOKENS)
def test_what_is_no_token_over_this_digest_is_refused(scene, what):
    data, code = BAD_TOKENS[what]

    assert refused(scene, "stamp", {"id": "d", "token_der": data})[0] == code


def test_an_authority_may_be_a_little_ahead_of_the_chain(scene):
    seconds = (scene.ledger.head.time + 1000 + STAMP_SKEW_MS) // 1000
    moment = lambda at: tsa_scene.datetime.fromtimestamp(at, tz=tsa_scene.UTC).strftime(  # noqa: E731
        "%Y%m%d%H%M%SZ"
    )
    late = token(AUTHORITY, ("sha256", DIGEST), moment=moment(seconds + 1))
    near = token(AUTHORITY, ("sha256", DIGEST), moment=moment(seconds))

    assert refused(scene, "stamp", {"id": "d", "token_der": late})[0] == "TIME"
    assert scene.ok("doc", "stamp", {"id": "d", "token_der": near})
    assert scene.ledger.head.time > START


def test_only_parties_stamp_and_show_a_document(scene):
    shown = {"id": "d", "case_no": "7", "to_org": "retailer"}

    assert refused(scene, "stamp", {"id": "d", "token_der": TOKEN}, "retailer/app")[0] == "AUTH"
    assert refused(scene, "exhibit", shown, "retailer/app")[0] == "AUTH"
    assert refused(scene, "stamp", {"id": "none", "token_der": TOKEN})[0] == "MISSING"
    assert refused(scene, "exhibit", shown | {"id": "none"})[0] == "MISSING"


def test_an_exhibit_names_the_case_and_the_court(scene):
    case = "(2026)沪7101民初1号"
    receipt = scene.call(
        "doc", "exhibit", {"id": "d", "case_no": case, "to_org": "retailer"}, "roastery/app"
    )

    number = tagged_hash("doc-case", case.encode()).hex()[:16]
    assert keys_of(receipt) == [f"doc/exhibit/d/retailer/{number}"]
    (found,) = ask(scene, "exhibits", id="d")["exhibits"]
    assert (found["case_no"], found["to_org"], found["controller"]) == (
        case,
        "retailer",
        "roastery",
    )


def test_an_exhibit_is_made_once_for_a_case_and_to_members_alone(scene):
    shown = {"id": "d", "case_no": "7", "to_org": "retailer"}
    scene.ok("doc", "exhibit", shown)

    assert refused(scene, "exhibit", shown)[0] == "DUPLICATE"
    assert scene.ok("doc", "exhibit", shown | {"case_no": "8"})
    assert scene.ok("doc", "exhibit", shown | {"to_org": "carrier"})
    assert refused(scene, "exhibit", shown | {"to_org": "nobody"})[0] == "LINK"
    assert refused(scene, "exhibit", shown | {"case_no": ""})[0] == "SCHEMA"


def test_a_withdrawn_document_is_shown_to_nobody(scene):
    scene.ok("doc", "withdraw", {"id": "d", "version": 1})
    code, fields = refused(scene, "exhibit", {"id": "d", "case_no": "7", "to_org": "retailer"})

    assert (code, fields["have"]) == ("STATE", "withdrawn")


def batch(count=3, **more):
    made = Batch.of([sha256(b"%d" % n) for n in range(count)])
    return {"batch_id": "b", "root": made.root, "count": count} | more


def test_a_batch_is_one_record_and_one_unique_key(scene):
    receipt = scene.call("doc", "anchor", batch(meta={"folder": "scans"}))

    assert keys_of(receipt) == ["doc/batch/b"]
    (found,) = ask(scene, "anchors")["batches"]
    assert (found["count"], found["owner"], found["meta"]) == (3, "farm", {"folder": "scans"})
    assert ask(scene, "anchors", root=batch()["root"].hex())["batches"] == [found]
    assert ask(scene, "anchors", root="00" * 32)["batches"] == []


def test_a_batch_is_anchored_once(scene):
    scene.ok("doc", "anchor", batch())

    assert refused(scene, "anchor", batch(count=4))[0] == "EXISTS"
    assert refused(scene, "anchor", batch(batch_id="c")) == (
        "EXISTS", {"field": "root", "id": "b"},
    )  # fmt: skip
    assert scene.ok("doc", "anchor", batch(batch_id="c"), "carrier/app")


def test_a_batch_has_at_most_so_many_digests(scene):
    code, fields = refused(scene, "anchor", batch() | {"count": BATCH_MAX + 1})

    assert (code, fields["have"], fields["need"]) == ("LIMIT", BATCH_MAX + 1, BATCH_MAX)
    assert refused(scene, "anchor", batch() | {"count": 0})[0] == "SCHEMA"
    assert refused(scene, "anchor", batch() | {"root": b"short"})[0] == "SCHEMA"
    assert scene.ok("doc", "anchor", batch() | {"count": BATCH_MAX})["count"] == BATCH_MAX


def test_batches_come_in_pages(scene):
    for n in range(3):
        scene.ok("doc", "anchor", batch(count=n + 1, batch_id=f"b{n}"))
    first = ask(scene, "anchors", limit=2)
    rest = ask(scene, "anchors", limit=2, after=first["next"])

    assert [one["id"] for one in (*first["batches"], *rest["batches"])] == ["b0", "b1", "b2"]
    assert rest["next"] == ""


def test_what_is_not_there_is_missing(scene):
    with pytest.raises(Refused, match="MISSING"):
        ask(scene, "get", id="none")
    assert ask(scene, "stamps", id="none")["stamps"] == []
