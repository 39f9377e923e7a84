"""`script`: programs of the members, proposed with their source and decided on (script.md, 1).

The promise: a script runs only after the members decided so, and what they read is what runs; a
published version never changes; a vote freezes, resumes or retires it. Whatever it does, there is
a receipt that every replica makes alike, or no result.
"""

from typing import ClassVar

import msgspec

from hansa.encoding import Value, encode_value
from hansa.errors import Rejected
from hansa.hashing import sha256
from ledger.ballots import HOME, OPEN, Ballot, open_ballot, vote
from ledger.contract import BALLOT, Context, Contract, Refused, method
from ledger.contracts.script_host import ScriptHost
from ledger.contracts.script_records import (
    ACTIVE,
    FROZEN,
    HEAD,
    PROPOSED,
    PUBLISHED,
    RETIRED,
    VERSIONS,
    Approve,
    Call,
    Change,
    Changed,
    Object,
    Propose,
    Publish,
    ScriptHead,
    ScriptVersion,
)
from ledger.records import check_version, create, first, save
from ledger.scripts import Function, Job, NoAnswer, Sandbox, ScriptError, compile_script
from ledger.scripts.limits import ARGUMENTS_BYTES_MAX


class Scripts(Contract):
    """Propose, approve, object, call, freeze, resume, retire."""

    name: ClassVar[str] = "script"

    def __init__(self, sandbox: Sandbox | None = None) -> None:
        """`sandbox` runs the scripts; where there is none, a call has no result."""
        self._sandbox = sandbox

    @method(Propose)
    def propose(self, context: Context, given: Propose) -> Value:
        """Put a script, or its next version, to the vote; it is read and checked at once."""
        try:
            compile_script(given.source)
        except ScriptError as error:
            raise Refused("SCHEMA", field="$.source", have=error.reason, line=error.line) from None
        head = context.get(HEAD + given.name, ScriptHead)
        if head is None:
            head = ScriptHead(given.name, 1, context.sender.member, first(context), latest=1)
            create(context, HEAD + given.name, head)
        else:
            _check_rests(context, head, given.name, (PROPOSED, ACTIVE, FROZEN))
            head = save(context, HEAD + given.name, head, latest=head.latest + 1)
        digest = sha256(given.source.encode())
        version_id = f"{given.name}@{head.latest}"
        version = ScriptVersion(
            version_id, 1, context.sender.member, first(context), given.source, digest
        )
        create(context, VERSIONS + version_id, version)
        context.event("proposed", id=version_id, digest=digest)
        return _decide(context, head, "publish", Publish(given.name, head.latest, digest))

    @method(Publish, via=BALLOT)
    def apply_publish(self, context: Context, given: Publish) -> Value:
        """Put a version in force; the one before it runs no more."""
        key = f"{VERSIONS}{given.name}@{given.number}"
        head = context.need(HEAD + given.name, ScriptHead)
        version = context.need(key, ScriptVersion)
        assert (version.state, version.digest) == (PROPOSED, given.digest), "a ballot keeps it"
        save(context, key, version, state=PUBLISHED, published_at=context.height)
        state = ACTIVE if head.state == PROPOSED else head.state
        save(context, HEAD + given.name, head, state=state, current=given.number)
        context.event("published", id=version.id, digest=given.digest)
        return None

    @method(Approve)
    def approve(self, context: Context, given: Approve) -> Value:
        """Vote for what is put to the vote about a script."""
        head = _voted_on(context, given.name, given.version)
        return vote(context.within(HOME), head.ballot, approve=True)

    @method(Object)
    def object_(self, context: Context, given: Object) -> Value:
        """Vote against it; the reason stands in the receipt."""
        head = _voted_on(context, given.name, given.version)
        answer = vote(context.within(HOME), head.ballot, approve=False)
        context.event("objected", id=given.name, by=context.sender.member, reason=given.reason)
        return answer

    @method(Call)
    def call(self, context: Context, given: Call) -> Value:
        """Call a function of a script: its result, what it cost and which keys it wrote."""
        head = context.need(HEAD + given.name, ScriptHead)
        _check_runs(head)
        if given.number not in {0, head.current}:
            height = head.history[-1][0]
            raise Refused(
                "STALE", id=given.name, have=head.current, given=given.number, height=height
            )
        version = context.need(f"{VERSIONS}{given.name}@{head.current}", ScriptVersion)
        program = compile_script(version.source)
        _check_arguments(given, program.functions.get(given.function))
        if self._sandbox is None:
            raise NoAnswer("this ledger was given no sandbox")
        host = ScriptHost(context, given.name)
        job = Job(program.text, given.function, given.args, _facts(context))
        done = self._sandbox.run(job, host)
        try:
            encode_value({"result": done.value})
        except Rejected:  # the sandbox let canonical values out; in the receipt it nests once more
            raise Refused("LIMIT", field="nesting") from None
        context.event("called", id=version.id, function=given.function)
        return {
            "result": done.value,
            "script": version.id,
            "size": done.size,
            "steps": done.steps,
            "written": [f"script/{key}" for key in host.written],
        }

    @method(Change)
    def freeze(self, context: Context, given: Change) -> Value:
        """Put to the vote that a script rests: its calls are refused until it is resumed."""
        return _propose_change(context, given, "freeze", (ACTIVE,))

    @method(Changed, via=BALLOT)
    def apply_freeze(self, context: Context, given: Changed) -> Value:
        """Let a script rest."""
        _change(context, given, FROZEN, "frozen")
        return None

    @method(Change)
    def resume(self, context: Context, given: Change) -> Value:
        """Put to the vote that a frozen script may be called again."""
        return _propose_change(context, given, "resume", (FROZEN,))

    @method(Changed, via=BALLOT)
    def apply_resume(self, context: Context, given: Changed) -> Value:
        """Let a frozen script be called again."""
        _change(context, given, ACTIVE, "resumed")
        return None

    @method(Change)
    def retire(self, context: Context, given: Change) -> Value:
        """Put the end of a script to the vote; its source and its data stay readable."""
        return _propose_change(context, given, "retire", (ACTIVE, FROZEN))

    @method(Changed, via=BALLOT)
    def apply_retire(self, context: Context, given: Changed) -> Value:
        """End a script."""
        _change(context, given, RETIRED, "retired")
        return None


def _facts(context: Context) -> dict[str, Value]:
    members = dict.fromkeys(signer.member for signer in context.signers)
    return {
        "caller": context.sender.member,
        "height": context.height,
        "signers": [*members],
        "subject": context.sender.subject,
        "time": context.time,
    }


def _check_runs(head: ScriptHead) -> None:
    if head.state == FROZEN:
        raise Refused("HELD", id=head.id, have=FROZEN, reason=head.reason, height=head.since)
    if head.state != ACTIVE:
        raise Refused("STATE", id=head.id, have=head.state, need=ACTIVE)


def _check_arguments(given: Call, function: Function | None) -> None:
    """The arguments fit the function, and are what a script can hold."""
    if function is None:
        raise Refused("MISSING", script=given.name, function=given.function)
    for name in given.args:
        if name not in function.parameters:
            raise Refused("SCHEMA", field=f"$.args.{name}"[:128], need=[*function.parameters])
    for name in function.parameters[: function.required]:
        if name not in given.args:
            raise Refused("SCHEMA", field=f"$.args.{name}", need=[*function.parameters])
    size = len(encode_value(given.args))
    if size > ARGUMENTS_BYTES_MAX:
        raise Refused("LIMIT", field="$.args", have=size, need=ARGUMENTS_BYTES_MAX)
    if _holds_bytes(given.args):
        raise Refused("SCHEMA", field="$.args", have="bytes", need="text")


def _holds_bytes(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_bytes, value.values()))
    if isinstance(value, list):
        return any(map(_holds_bytes, value))
    return isinstance(value, bytes)


def _propose_change(context: Context, given: Change, action: str, states: tuple[str, ...]) -> Value:
    head = context.need(HEAD + given.name, ScriptHead)
    check_version(head, given.version)
    _check_rests(context, head, given.name, states)
    head = save(context, HEAD + given.name, head)
    return _decide(context, head, action, Changed(given.name, given.reason))


def _change(context: Context, given: Changed, state: str, event: str) -> None:
    head = context.need(HEAD + given.name, ScriptHead)
    since = 0 if state == ACTIVE else context.height
    key = HEAD + given.name
    save(context, key, head, state=state, reason=given.reason, since=since)
    context.event(event, id=given.name, reason=given.reason)


def _check_rests(context: Context, head: ScriptHead, name: str, states: tuple[str, ...]) -> None:
    """Refuse a second ballot on a script, and one in a state where it has no sense."""
    if head.state not in states:
        raise Refused("STATE", id=name, have=head.state, need=[*states])
    if head.ballot:
        ballot = context.within(HOME).need("ballot/" + head.ballot, Ballot)
        if ballot.state == OPEN:
            raise Refused("STATE", id=name, have="voted on", by=head.ballot)


def _decide(context: Context, head: ScriptHead, action: str, arguments: msgspec.Struct) -> Value:
    """Open the ballot; note its id in the script while it is open."""
    answer = open_ballot(context, action, arguments)
    assert isinstance(answer, dict)
    key = HEAD + head.id
    if answer["state"] == OPEN:
        context.put(key, msgspec.structs.replace(head, ballot=answer["ballot"]))
    now = context.need(key, ScriptHead)
    return {
        **answer,
        "id": head.id,
        "number": now.latest,
        "script": now.state,
        "version": now.version,
    }


def _voted_on(context: Context, name: str, version: int) -> ScriptHead:
    head = context.need(HEAD + name, ScriptHead)
    check_version(head, version)
    if not head.ballot:
        raise Refused("STATE", id=name, have=head.state, need="voted on")
    return head
