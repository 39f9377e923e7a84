"""Devices: batches without a gap, by who may sign them, inside a calibration."""

import pytest

from hansa.errors import Rejected
from hansa.reading import Reading, batch_root, check_reading, reading_path
from ledger.contract import Refused, load, store
from ledger.contracts.trace_devices import (
    CALIBRATIONS_MAX,
    COUNT_MAX,
    BatchRecord,
    DeviceRecord,
)
from ledger.contracts.trace_queries import QUERIES
from tests.unit.ledger.cred_scene import CredScene
from tests.unit.ledger.scene import START, genesis, key

LOGGER = "farm/logger-7"
MINUTE = 60_000
SIZE = 131_072


class DeviceScene(CredScene):
    """`farm` owns a logger; `carrier` is the laboratory."""

    def __init__(self, parameters=None):
        super().__init__(genesis(parameters=parameters))
        self.enrol(LOGGER)

    def enrol(self, name, kind="device", **more):
        args = {"key": key(name).public, "kind": kind, "subject": name} | more
        return self.ok("org", "enrol", args, "farm/boss")

    def args(self, first=0, count=10, **changes):
        """A batch of ten readings, one a minute; its window begins at `START` + first minutes."""
        window = {"from": START + first * 100, "to": START + (first + count - 1) * 100}
        args = {
            "count": count, "device": LOGGER, "first_seq": first, "last_seq": first + count - 1,
            "root": first.to_bytes(32, "big"), "summary": {"max": 9_000, "min": -500, "n": count},
            "unit": "CEL", "window": window,
        }  # fmt: skip
        return args | changes

    def send(self, *signers, first=0, count=10, **changes):
        """The receipt of a batch, by the logger itself unless others sign."""
        args = self.args(first, count, **changes)
        return self.call("trace", "capture_batch", args, *(signers or (LOGGER,)))

    def sent(self, *signers, **changes):
        receipt = self.send(*signers, **changes)
        assert receipt.code == "OK", (receipt.code, receipt.error_fields())
        return receipt.calls[0].value()

    def certify_logger(self, number=1, since=0, until=0, index=0):
        """Log a calibration certificate of `carrier` and bind it to the logger."""
        digest = number.to_bytes(32, "big")
        log = {
            "digest": digest, "index": index, "status_list": "cal",
            "type": "CalibrationCertificate", "valid_until": until,
        }  # fmt: skip
        self.ok("cred", "log", log, "carrier/app")
        return self.calibrate(digest, since)

    def calibrate(self, digest, since=0, signer="carrier/app", device=LOGGER):
        args = {"device": device, "digest": digest, "since": since}
        return self.call("trace", "calibrate", args, signer)

    def laboratory(self):
        self.accredit("carrier", "CalibrationCertificate")
        args = {"list_id": "cal", "purpose": "revocation", "size": SIZE}
        self.ok("cred", "open_list", args, "carrier/app")

    def record(self):
        stored = self.ledger.get_state(b"trace/device/" + LOGGER.encode())
        return None if stored is None else load(stored, DeviceRecord)

    def ask(self, name, **args):
        kind, function = QUERIES[name]
        reader = self.ledger.query_reader()
        return function(reader, kind(**args))


@pytest.fixture
def scene():
    return DeviceScene()


@pytest.fixture
def calibrated():
    """A logger whose certificate holds for a minute from the start."""
    chain = DeviceScene()
    chain.laboratory()
    assert chain.certify_logger(since=START, until=START + MINUTE).code == "OK"
    return chain


def refused(receipt):
    return receipt.code, receipt.error_fields()


# Sequence


def test_batches_follow_each_other_without_a_gap(scene):
    assert scene.sent(first=5)["next_seq"] == 15
    assert scene.sent(first=15)["next_seq"] == 25

    assert (scene.record().batches, scene.record().next_seq) == (2, 25)


def test_a_gap_is_refused_with_the_number_that_is_missing(scene):
    scene.sent(first=0)

    code, fields = refused(scene.send(first=12))

    assert code == "RULE"
    assert (fields["rule"], fields["have"], fields["need"], fields["missing"]) == (
        "sequence", 12, 10, 2,
    )  # fmt: skip


@pytest.mark.parametrize("first", [0, 3, 9])
def test_a_number_is_not_used_twice(scene, first):
    scene.sent(first=0)

    code, fields = refused(scene.send(first=first, root=b"x" * 32))

    assert (code, fields["rule"], fields["need"]) == ("RULE", "sequence", 10)


def test_the_same_batch_again_gives_the_old_answer_and_changes_nothing(scene):
    first = scene.sent(first=0)
    scene.sent(first=10)
    before = scene.record()

    again = scene.sent("farm/boss", first=0)

    assert again == first | {"duplicate": True, "next_seq": 20}
    assert scene.record() == before


def test_a_batch_writes_two_keys_and_names_both_in_its_receipt(scene):
    receipt = scene.send()

    (call,) = receipt.calls
    assert [change.key for change in call.records] == [
        f"trace/batch/{LOGGER}/0000000000000009", f"trace/device/{LOGGER}",
    ]  # fmt: skip
    assert call.events[0].name == "trace.batch_captured"


# What a batch says of itself


@pytest.mark.parametrize(
    ("changes", "code", "rule"),
    [
        ({"first_seq": 1}, "RULE", "count"),
        ({"last_seq": 8}, "RULE", "count"),
        ({"summary": {"max": 1, "min": 0, "n": 9}}, "RULE", "summary"),
        ({"summary": {"max": 0, "min": 1, "n": 10}}, "SCHEMA", None),
        ({"summary": {"max": "9", "min": 0, "n": 10}}, "SCHEMA", None),
        ({"window": {"from": START + 1, "to": START}}, "SCHEMA", None),
        ({"window": {"from": START, "to": START + 10**9}}, "TIME", None),
        ({"unit": "celsius"}, "SCHEMA", None),
        ({"root": b"short"}, "SCHEMA", None),
        ({"device": "farm"}, "SCHEMA", None),
    ],
)
def test_a_batch_that_does_not_fit_itself_is_refused(scene, changes, code, rule):
    found, fields = refused(scene.send(**changes))

    assert (found, fields.get("rule")) == (code, rule)


def test_the_clock_of_a_device_does_not_run_back_further_than_clocks_differ(scene):
    scene.sent(first=0, window={"from": START, "to": START + 200_000})
    back = {"from": START + 200_000 - 300_001, "to": START + 200_000}

    code, fields = refused(scene.send(first=10, window=back))

    assert (code, fields["field"]) == ("TIME", "$.window.from")
    scene.sent(first=10, window=back | {"from": back["from"] + 1})
    assert scene.record().time == START + 200_000


# Who signs


@pytest.mark.parametrize("signer", [LOGGER, "farm/boss", "farm"])
def test_the_device_or_its_owner_signs(scene, signer):
    assert scene.send(signer).code == "OK"


def test_a_gateway_of_the_owner_passes_on_what_the_device_measured(scene):
    scene.enrol("farm/hub", "service", roles=["gateway"])

    assert scene.send("farm/hub").code == "OK"


@pytest.mark.parametrize("signer", ["farm/app", "carrier/boss", "carrier"])
def test_others_do_not_sign_for_a_device(scene, signer):
    code, fields = refused(scene.send(signer))

    assert (code, fields["need"], fields["by"]) == ("AUTH", LOGGER, signer)


@pytest.mark.parametrize("device", ["farm/app", "farm/nobody"])
def test_only_an_enrolled_device_measures(scene, device):
    code, fields = refused(scene.send("farm/boss", device=device))

    assert (code, fields["id"]) == ("MISSING", device)


def test_what_a_suspended_device_measured_is_refused_whoever_signs(scene):
    args = {"reason": "tampered", "subject": LOGGER, "version": 2}
    scene.ok("org", "suspend_subject", args, "farm/boss")

    assert scene.send("farm/boss").code == "STATE"
    assert scene.send().code == "AUTH"


# Calibration


def test_a_calibrated_device_measures_while_its_certificate_holds(calibrated):
    assert calibrated.send().code == "OK"


def test_what_was_measured_after_the_end_of_the_calibration_is_refused_since_when(calibrated):
    late = {"from": START + MINUTE - 5, "to": START + MINUTE + 1}

    code, fields = refused(calibrated.send(window=late))

    assert code == "RULE"
    assert (fields["rule"], fields["since"], fields["have"]) == (
        "calibration", START + MINUTE, START + MINUTE + 1,
    )  # fmt: skip
    assert calibrated.send(window=late | {"to": START + MINUTE}).code == "OK"


def test_what_was_measured_before_the_calibration_is_refused(calibrated):
    early = {"from": START - 1, "to": START + 5}

    code, fields = refused(calibrated.send(window=early))

    assert (code, fields["rule"], fields["need"]) == ("RULE", "calibration", START)


def test_a_renewed_calibration_lets_the_device_go_on_and_the_old_one_still_covers_the_past(
    calibrated,
):
    late = {"from": START + MINUTE + 1, "to": START + MINUTE + 5}
    assert calibrated.certify_logger(2, since=START + 1, index=1).code == "OK"

    assert calibrated.send(first=0).code == "OK"
    assert calibrated.send(first=10, window=late).code == "OK"


def test_a_revoked_certificate_calibrates_nothing_any_more(calibrated):
    change = {
        "changes": [{"index": 0, "value": 1}], "list_id": "cal", "reason_code": "error",
        "version": 1,
    }  # fmt: skip
    calibrated.ok("cred", "status", change, "carrier/app")

    code, fields = refused(calibrated.send())

    assert (code, fields["rule"], fields["have"]) == ("RULE", "calibration", "revocation")


def test_a_device_that_was_never_calibrated_measures_where_the_chain_lets_it():
    assert DeviceScene().send().code == "OK"
    strict = DeviceScene({"trace.uncalibrated": "refuse"})

    code, fields = refused(strict.send())

    assert (code, fields["rule"]) == ("RULE", "calibration")


def test_a_certificate_is_bound_once_by_its_issuer_and_not_ahead_of_time(calibrated):
    digest = (1).to_bytes(32, "big")

    assert calibrated.calibrate(digest, START).code == "DUPLICATE"
    calibrated.enrol("farm/other")
    assert calibrated.calibrate(digest, START, "farm/app", "farm/other").code == "AUTH"
    assert calibrated.calibrate(digest, START + MINUTE + 1, device="farm/other").code == "TIME"
    assert calibrated.calibrate(digest, START, device="farm/app").code == "MISSING"
    assert calibrated.calibrate(b"n" * 32, START).code == "LINK"


def test_a_credential_of_another_type_calibrates_nothing(scene):
    scene.laboratory()
    scene.accredit("farm", "Licence")
    scene.open_list("r")
    scene.issue(number=7)

    code, fields = refused(scene.calibrate((7).to_bytes(32, "big"), signer="farm/app"))

    assert (code, fields["have"], fields["need"]) == ("LINK", "Licence", "CalibrationCertificate")


def test_the_newest_calibrations_are_remembered(scene):
    scene.laboratory()
    for number in range(1, CALIBRATIONS_MAX + 2):
        assert scene.certify_logger(number, index=number).code == "OK"

    calibrations = scene.record().calibrations
    assert [int.from_bytes(one.digest, "big") for one in calibrations] == [*range(2, 10)]


# Records, readings, the query


def test_records_are_canonical_and_read_back_as_they_were(scene):
    scene.sent()
    stored = scene.ledger.get_state(f"trace/batch/{LOGGER}/{9:016x}".encode())

    record = load(stored, BatchRecord)

    assert store(record) == stored
    assert (record.from_, record.to, record.min, record.count) == (START, START + 900, -500, 10)
    assert (record.id, record.controller) == (LOGGER + "/9", "farm")


def readings(count=10):
    return [
        Reading(LOGGER, 20 + n, START + n, 4_000 + n, "CEL", bytes([n]) * 32) for n in range(count)
    ]


@pytest.mark.parametrize("count", [1, 2, 7, 10])
def test_one_reading_is_proven_against_the_root_that_the_chain_holds(scene, count):
    batch = readings(count)
    scene.sent(first=20, count=count, root=batch_root(batch))
    found = scene.ask("device", device=LOGGER, from_seq=20 + count - 1)["batches"][0]
    root = bytes.fromhex(found["root"])

    for index, one in enumerate(batch):
        path = reading_path(batch, index)
        check_reading(one, path, root, found["first_seq"], found["count"])
        other = Reading(one.device, one.seq, one.time, one.value + 1, one.unit, one.salt)
        with pytest.raises(Rejected, match=r"merkle\.inclusion"):
            check_reading(other, path, root, found["first_seq"], found["count"])


def test_a_reading_at_another_place_is_no_proof(scene):
    batch = readings()
    path, root = reading_path(batch, 3), batch_root(batch)

    for first_seq in (19, 21, 24):
        with pytest.raises(Rejected, match=r"merkle\.inclusion"):
            check_reading(batch[3], path, root, first_seq, 10)


def test_the_query_begins_with_the_batch_that_holds_a_reading(scene):
    for first in (0, 10, 20, 30):
        scene.sent(first=first)

    def firsts(**more):
        answer = scene.ask("device", device=LOGGER, **more)
        return [one["first_seq"] for one in answer["batches"]], answer["truncated"]

    assert firsts() == ([0, 10, 20, 30], False)
    assert firsts(from_seq=9) == ([0, 10, 20, 30], False)
    assert firsts(from_seq=10) == ([10, 20, 30], False)
    assert firsts(from_seq=19, limit=1) == ([10], True)
    assert firsts(from_seq=40) == ([], False)
    with pytest.raises(Refused, match="MISSING"):
        scene.ask("device", device="farm/none")


def test_the_query_tells_calibrations(calibrated):
    answer = calibrated.ask("device", device=LOGGER)

    assert answer["calibrations"] == [
        {"digest": (1).to_bytes(32, "big").hex(), "since": START, "until": START + MINUTE}
    ]
    assert (answer["owner"], answer["next_seq"], answer["batches"]) == ("farm", 0, [])


def test_a_batch_has_at_most_a_million_readings(scene):
    assert scene.send(count=COUNT_MAX, window={"from": START, "to": START}).code == "OK"
    assert scene.send(first=COUNT_MAX, count=COUNT_MAX + 1).code == "SCHEMA"


def test_a_message_about_a_certificate_withdraws_nothing(scene):
    scene.laboratory()
    words = {"bits": 1, "list_id": "words", "messages": ["fine", "late"], "purpose": "message"}
    scene.ok("cred", "open_list", words | {"size": SIZE}, "carrier/app")
    log = {
        "digest": b"c" * 32, "index": 3, "status_list": "words", "type": "CalibrationCertificate",
    }  # fmt: skip
    scene.ok("cred", "log", log, "carrier/app")
    assert scene.calibrate(b"c" * 32).code == "OK"
    change = {
        "changes": [{"index": 3, "value": 1}], "list_id": "words", "reason_code": "other",
        "version": 1,
    }  # fmt: skip
    scene.ok("cred", "status", change, "carrier/app")

    assert scene.send().code == "OK"
