"""Calls of the contract `trace`. Made from the contracts by scripts/reference."""

# ruff: noqa: PLR0913 - names and fields are the contract's

from collections.abc import Sequence
from typing import Literal, TypedDict

from hansa.calls.build import build
from hansa.transaction import Call


class Dataset(TypedDict):
    """One version of something: its digest is its name."""

    digest: bytes


class Summary(TypedDict):
    """The least and the greatest value, and how many values there are."""

    min: int
    max: int
    n: int


Window = TypedDict("Window", {"from": int, "to": int})
"""When the readings were taken, in ms: the first and the last."""


def capture(*, event: bytes, seal: bytes | None = None) -> Call:
    """Put an event on record and carry out what it says; a known one changes nothing.

    `seal` is the salted commitment to what is not in clear.

    Args:
        event: bytes, 2 to 204800.
        seal: bytes, at most 256; left out: none.
    """
    return build("trace", "capture", locals())


def correct(*, event_id: str, reason: str, corrective_ids: Sequence[str] | None = None) -> Call:
    """Declare an event wrong; only the member that captured it may.

    Args:
        event_id: text, 64 to 400 characters.
        reason: text.
        corrective_ids: list of at most 100, each text, 1 to 400 characters; left out: none.
    """
    return build("trace", "correct", locals())


def capture_batch(
    *,
    root: bytes,
    count: int,
    first_seq: int,
    last_seq: int,
    device: str,
    window: Window,
    summary: Summary,
    unit: str,
) -> Call:
    """Put a device's readings on record by the root of their tree, without a gap.

    `root` is that of RFC 6962 over the readings' bytes.

    Args:
        root: bytes, 32.
        count: whole number, 1 to 1048576.
        first_seq: whole number, at least 0.
        last_seq: whole number, at least 0.
        device: text like `^[a-z0-9][a-z0-9.-]{0,63}/[a-z0-9.-]{1,63}`.
        window: `Window`.
        summary: `Summary`.
        unit: text like `^[A-Z0-9]{2,3}`.
    """
    return build("trace", "capture_batch", locals())


def calibrate(*, device: str, digest: bytes, since: int) -> Call:
    """Say which device a calibration certificate speaks of, as the one who issued it.

    Args:
        device: text like `^[a-z0-9][a-z0-9.-]{0,63}/[a-z0-9.-]{1,63}`.
        digest: bytes, 32.
        since: whole number, at least 0.
    """
    return build("trace", "calibrate", locals())


def bind(*, tag_id: str, item_id: str, tag_key_commit: bytes) -> Call:
    """Put a tag on a thing, once and for ever.

    Args:
        tag_id: text like `^[A-Za-z0-9][A-Za-z0-9._:-]{7,63}`.
        item_id: text, 1 to 400 characters.
        tag_key_commit: bytes, 32.
    """
    return build("trace", "bind", locals())


def scan(*, item: str, day_bucket: int, place_bucket: str, counter: int, tag_mac_ok: bool) -> Call:
    """Count a reading of a thing's tag, and warn of copies.

    Args:
        item: text, 1 to 400 characters.
        day_bucket: whole number, at least 0.
        place_bucket: text like `^[A-Za-z0-9-]{1,8}`.
        counter: whole number, 0 to 4294967295.
        tag_mac_ok: yes or no.
    """
    return build("trace", "scan", locals())


def run(
    *,
    job: str,
    run_id: str,
    kind: Literal["START", "COMPLETE", "FAIL", "ABORT"],
    inputs: Sequence[Dataset] | None = None,
    outputs: Sequence[Dataset] | None = None,
    code_digest: bytes | None = None,
    params_commit: bytes | None = None,
) -> Call:
    """Begin a run over data, or end it with what came out.

    Args:
        job: text like `^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}`.
        run_id: text like `^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`.
        kind: one of `START`, `COMPLETE`, `FAIL`, `ABORT`.
        inputs: list of at most 64, each `Dataset`; left out: none.
        outputs: list of at most 64, each `Dataset`; left out: none.
        code_digest: bytes, 32; left out: none.
        params_commit: bytes, 32; left out: none.
    """
    return build("trace", "run", locals())
