"""What is left of the stories of offices and laboratories: files that a stranger can compare.

That they go as told, and do not without the rule that stops a fraud, is asked of them with all
others in test_stories.py.
"""

import json
from dataclasses import replace

import pytest

from hansa.__main__ import judge
from hansa.client import Client
from hansa.encoding import decode_value
from hansa.errors import Rejected
from hansa.hashing import sha256
from hansa.proof import decode_trust, parse_proof, verify_proof
from hansa.proof_file import KeyProof
from hansa.seal import SealKey, open_blob, read_header
from hansa.signing import verify
from hansa.timestamp_check import Authorities
from node.clock import wall_ms
from node.stories import story
from node.stories.keyring import Keyring
from node.stories.run import run
from node.stories.wire import Wire
from tests.integration.story_chain import story_network

NAMES = ("evidence", "credit", "sharing", "labour", "ai", "city")
LATER_MS = 24 * 3_600_000
"""The chain of these tests runs ahead of the clock on the wall."""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A directory of a network."""
    return tmp_path_factory.mktemp("second") / "net"


@pytest.fixture(scope="module")
def theatre(home):
    """A network that is alive until the last test here; nothing but the telling writes to it."""
    with story_network(home) as found:
        yield found


@pytest.fixture(scope="module")
def told(theatre):
    """What is left of each story, by its name; module-wide, because it is only read."""
    lines = []
    played = run(replace(theatre, tell=lines.append), [story(name) for name in NAMES])
    assert {one.story.name: one.account.failure for one in played} == dict.fromkeys(NAMES, "")
    return {one.story.name: one for one in played}


@pytest.fixture
def wire(theatre, told):
    """The network, once the stories are over."""
    del told
    with Client(theatre.api) as client:
        yield Wire(client)


def proof_of(played, name):
    """The one proof whose file has this in its name."""
    (found,) = played.folder.glob(f"*{name}*.proof.json")
    return found


def record_of(path):
    """The record that a proof is about."""
    parsed = parse_proof(path.read_bytes())
    assert isinstance(parsed, KeyProof)
    return None if parsed.record.value is None else decode_value(parsed.record.value)


def judged(played, name, home, file):
    later = wall_ms() + LATER_MS
    return judge(proof_of(played, name), home / "trust.json", played.folder / file, later)


def test_a_verifier_tells_the_captured_page_from_an_altered_one(told, home):
    good = judged(told["evidence"], "the-capture", home, "capture.warc")
    bad = judged(told["evidence"], "the-capture", home, "capture-altered.warc")

    assert (good.failed, good.content.verdict) == ((), "ok")
    assert (bad.failed, bad.on_chain.verdict) == (("content",), "ok")
    folder = told["evidence"].folder
    pages = [(folder / name).read_bytes() for name in ("capture.warc", "capture-altered.warc")]
    changed = [one ^ other for one, other in zip(*pages, strict=True) if one != other]
    assert [one.bit_count() for one in changed] == [1]


def test_the_time_stamp_counts_for_who_trusts_the_authority(told, home):
    played = told["evidence"]
    proof = parse_proof(proof_of(played, "the-capture").read_bytes())
    trust = decode_trust((home / "trust.json").read_bytes())
    page = (played.folder / "capture.warc").read_bytes()
    later = wall_ms() + LATER_MS
    knows = Authorities([(played.folder / "authority.der").read_bytes()])

    known = verify_proof(proof, trust, verify, page, later, stamps=knows.check)
    unknown = verify_proof(proof, trust, verify, page, later, stamps=Authorities([]).check)
    assert (known.time.verdict, unknown.time.verdict) == ("ok", "attention")


def test_the_log_of_the_capture_names_what_was_captured(told):
    folder = told["evidence"].folder
    log = json.loads((folder / "capture-log.json").read_text("utf-8"))

    assert log["archive"] == sha256((folder / "capture.warc").read_bytes()).hex()
    assert log["screenshot"] == sha256((folder / "capture.png").read_bytes()).hex()
    record = record_of(proof_of(told["evidence"], "the-evidence"))
    assert record["body"]["case_no"] == "（2026）京0491民初00001号"  # noqa: RUF001
    assert record["body"]["signatures"] == 2


def test_the_forgotten_record_is_erased_and_the_consent_provably_gone(told, wire):
    played = told["credit"]
    record = record_of(proof_of(played, "the-forgotten-record"))

    assert record["state"] == "erased"
    assert record_of(proof_of(played, "no-consent-any-more")) is None
    erasures = [key for key in wire.keys("grant/erasure/") if played.folder.name[-6:] in key]
    assert len(erasures) == 2


def test_what_was_delivered_opens_with_the_key_of_the_assignee_alone(told, theatre):
    blob = (told["sharing"].folder / "delivery.sealed").read_bytes()
    keys = Keyring(theatre.home, development=True)
    own, other = (
        SealKey(keys.own(f"{name}-seal").seed) for name in ("labour-bureau", "housing-bureau")
    )

    assert read_header(blob).members == ("labour-bureau",)
    assert json.loads(open_blob(blob, own).payload)["rows"][0]["project"] == "460000-2026-001"
    with pytest.raises(Rejected, match=r"seal\."):
        open_blob(blob, other)
    delivery = record_of(proof_of(told["sharing"], "what-was-delivered"))
    assert delivery["digest"] == sha256(blob)
    assert [one["to_key_id"] for one in delivery["wraps"]] == [own.id]


def test_the_provider_that_was_silent_is_on_record(wire):
    (key,) = wire.keys("grant/agreement/")
    record = wire.state(key)

    assert record["state"] == "FINALIZED"
    history = [height for height, _ in record["history"]]
    assert len(history) == 9, "request, silence, five steps, transfer, delivery"


def test_wages_are_paid_to_the_accounts_of_the_contracts(told, wire):
    slips = record_of(proof_of(told["labour"], "the-pay-slips"))
    accounts = [wire.state(key)["body"]["account"] for key in wire.keys("asset/record/LC")]

    assert len(accounts) == 6
    assert sorted(slips["about"][1:]) == sorted(accounts)


def test_the_month_without_money_was_overdue_and_its_wages_advanced(told):
    played = told["labour"]
    before = record_of(proof_of(played, "the-unpaid-month"))
    after = record_of(proof_of(played, "the-month-advanced"))

    assert (before["state"], before["body"]["paid"]) == ("overdue", 0)
    assert after["body"]["advanced"] == after["body"]["total"] == sum(after["body"]["lines"])


def test_the_gate_has_22_days_without_a_gap(wire):
    batches = [wire.state(key) for key in wire.keys("trace/batch/builder/gate-")]

    assert len(batches) == 22
    assert [one["first_seq"] for one in batches] == [1 + 6 * day for day in range(22)]
    assert {one["count"] for one in batches} == {6}


def test_the_label_in_a_generated_text_leads_to_the_model_and_its_files(told):
    folder = told["ai"].folder
    label = json.loads((folder / "generated.json").read_text("utf-8"))["AIGC"]
    model = record_of(proof_of(told["ai"], "the-model"))

    assert record_of(proof_of(told["ai"], "what-the-label-leads-to")) == label["ProduceID"]
    assert model["id"] == label["ProduceID"]
    manifest = (folder / "manifest.json").read_bytes()
    assert model["body"]["manifest"] == sha256(manifest).hex()
    for name, digest in json.loads(manifest)["files"].items():
        assert sha256((folder / name).read_bytes()).hex() == digest


def test_every_round_has_three_updates_and_the_contributions_are_whole(told, wire):
    rounds = [wire.state(key)["body"] for key in wire.keys("asset/record/ROUND")]

    assert len(rounds) == 5
    assert {tuple(one["contributions"]) for one in rounds} == {(4_200, 3_300, 2_500)}
    assert {len(one["inputs"]) for one in rounds} == {3}
    assert len({one["test_set"] for one in rounds}) == 1
    last = record_of(proof_of(told["ai"], "the-last-round"))
    model = (told["ai"].folder / "model.json").read_bytes()
    assert last["body"]["model"] == sha256(model).hex()


def test_a_case_says_that_it_was_reopened_and_who_closed_it(told):
    record = record_of(proof_of(told["city"], "the-case-closed-again"))

    assert (record["state"], record["body"]["reopened"]) == ("closed", 1)
    assert record["body"]["checked_by"] == "city-inspector" != record["body"]["handler"]
