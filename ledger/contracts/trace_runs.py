"""Runs: what was made from what, by which code (docs/spec/trace.md, section 9).

The promise: a version of a data set or a model is its digest; it has at most one run that made it,
and that run's inputs were fixed before it existed. So the graph of runs has no cycle, and what
lies behind a version never changes. Source: OpenLineage's run events.
"""

from typing import Annotated

import msgspec

from hansa.encoding import Hash, Value
from ledger.contract import Arguments, Context, Refused, Stored
from ledger.records import Record, create, first, save

INPUTS_MAX = 64
"""Digests that go into a run: more files are one manifest, which has one digest."""
OUTPUTS_MAX = 64
"""Digests that come out of a run."""

START, COMPLETE, FAIL, ABORT = "START", "COMPLETE", "FAIL", "ABORT"
"""Kinds of run events (OpenLineage, ``eventType``)."""
STARTED = "started"
_ENDS = {COMPLETE: "complete", FAIL: "failed", ABORT: "aborted"}
"""The state that each event at the end of a run leaves."""

RunId = Annotated[
    str,
    msgspec.Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![\s\S])"),
]
"""A UUID in lower case (OpenLineage, ``runId``)."""
Job = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}(?![\s\S])")]
Kind = Annotated[str, msgspec.Meta(pattern=r"^(START|COMPLETE|FAIL|ABORT)(?![\s\S])")]


class Dataset(Arguments, frozen=True):
    """One version of something: its digest is its name."""

    digest: Hash


class Run(Arguments, frozen=True):
    """Arguments of `run`: `START` has inputs, code and parameters, `COMPLETE` has outputs."""

    job: Job
    run_id: RunId
    kind: Kind
    inputs: Annotated[tuple[Dataset, ...], msgspec.Meta(max_length=INPUTS_MAX)] = ()
    outputs: Annotated[tuple[Dataset, ...], msgspec.Meta(max_length=OUTPUTS_MAX)] = ()
    code_digest: Hash | None = None
    params_commit: Hash | None = None


class RunRecord(Record, frozen=True):
    """``trace/run/<run id>``: a run; its controller is the member that started it.

    Attributes:
        job: what is run.
        state: ``started complete failed aborted``.
        code_digest: of the code.
        params_commit: the salted commitment to the parameters.
        started, ended: block times in ms; `ended` 0 while it runs.
        inputs, outputs: digests.
    """

    code_digest: bytes
    inputs: tuple[bytes, ...]
    job: str
    params_commit: bytes
    started: int
    state: str
    ended: int = 0
    outputs: tuple[bytes, ...] = ()


class VersionRecord(Record, frozen=True):
    """``trace/version/<digest>``: what a run made; its controller is who ran it."""

    run: str


class Use(Stored, frozen=True):
    """``trace/use/<digest>/<run id>``: that a run takes a version as input."""

    run: str


def run_key(run_id: str) -> str:
    """The key of a run's record, without the contract's name."""
    return "run/" + run_id


def version_key(digest: bytes) -> str:
    """The key of what a run made."""
    return "version/" + digest.hex()


def use_prefix(digest: bytes) -> str:
    """What the keys of the runs begin with that take a version as input."""
    return f"use/{digest.hex()}/"


def run(context: Context, given: Run) -> Value:
    """Begin a run or end it; the same event again changes nothing.

    Raises:
        Refused: ``SCHEMA``, ``DUPLICATE``, ``EXISTS``, ``MISSING``, ``AUTH``, ``STATE`` or
            ``LINK``.
    """
    _check_fields(given)
    record = context.get(run_key(given.run_id), RunRecord)
    if given.kind == START:
        return _start(context, given, record)
    if record is None:
        raise Refused("MISSING", id=given.run_id, need=START)
    return _end(context, given, record)


def _start(context: Context, given: Run, known: RunRecord | None) -> Value:
    inputs = tuple(one.digest for one in given.inputs)
    assert given.code_digest is not None
    assert given.params_commit is not None
    if known is not None:
        said = (known.job, known.inputs, known.code_digest, known.params_commit)
        same = said == (given.job, inputs, given.code_digest, given.params_commit)
        if same and known.controller == context.sender.member:
            return _answer(known, duplicate=True)
        height = known.history[0][0]
        raise Refused("EXISTS", id=known.id, have=known.state, by=known.controller, height=height)
    record = RunRecord(
        id=given.run_id,
        version=1,
        controller=context.sender.member,
        history=first(context),
        code_digest=given.code_digest,
        inputs=inputs,
        job=given.job,
        params_commit=given.params_commit,
        started=context.time,
        state=STARTED,
    )
    create(context, run_key(given.run_id), record)
    for digest in inputs:
        context.put(use_prefix(digest) + given.run_id, Use(given.run_id))
    context.event("run_started", run=given.run_id, job=given.job)
    return _answer(record, duplicate=False)


def _end(context: Context, given: Run, record: RunRecord) -> Value:
    outputs, state = tuple(one.digest for one in given.outputs), _ENDS[given.kind]
    member = context.sender.member
    if record.controller != member:
        raise Refused("AUTH", id=record.id, need=record.controller, by=member)
    if record.job != given.job:
        raise Refused("STATE", id=record.id, field="$.job", have=record.job, need=given.job)
    if (record.state, record.outputs) == (state, outputs):
        return _answer(record, duplicate=True)
    if record.state != STARTED:
        raise Refused("STATE", id=record.id, have=record.state, need=STARTED)
    for digest in outputs:
        _check_new(context, record, digest)
        version = VersionRecord(digest.hex(), 1, member, first(context), record.id)
        create(context, version_key(digest), version)
    after = save(
        context, run_key(record.id), record, ended=context.time, outputs=outputs, state=state
    )
    context.event("run_ended", run=record.id, job=record.job, state=state)
    return _answer(after, duplicate=False)


def _check_fields(given: Run) -> None:
    """Each kind of event has its own fields: inputs at the start, outputs at the end."""
    begins = given.kind == START
    for field, there, wanted in (
        ("code_digest", given.code_digest is not None, begins),
        ("params_commit", given.params_commit is not None, begins),
        ("inputs", bool(given.inputs), None if begins else False),
        ("outputs", bool(given.outputs), None if given.kind == COMPLETE else False),
    ):
        if wanted is not None and there != wanted:
            raise Refused("SCHEMA", field="$." + field, have=there, need=wanted, kind=given.kind)
    for field, items in (("inputs", given.inputs), ("outputs", given.outputs)):
        if len({one.digest for one in items}) < len(items):
            raise Refused("DUPLICATE", field="$." + field)


def _check_new(context: Context, record: RunRecord, digest: bytes) -> None:
    """What comes out was not there: neither made nor used before, least of all by this run."""
    if digest in record.inputs:
        raise Refused("LINK", id=digest.hex(), run=record.id, need="no cycle")
    made = context.get(version_key(digest), VersionRecord)
    if made is not None:
        height = made.history[0][0]
        raise Refused("EXISTS", id=made.id, by=made.controller, run=made.run, height=height)
    used = next(context.scan(use_prefix(digest), Use), None)
    if used is not None:
        raise Refused("LINK", id=digest.hex(), run=used[1].run, need="a version nobody used")


def _answer(record: RunRecord, *, duplicate: bool) -> Value:
    return {
        "duplicate": duplicate,
        "height": record.history[-1][0],
        "id": record.id,
        "state": record.state,
        "version": record.version,
    }
