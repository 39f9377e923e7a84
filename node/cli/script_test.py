"""`hansa script test FILE`: plays a script on a chain of its own, before anybody votes on it.

The chain is the real ledger in memory with the real sandbox: what a call does and counts here it
does and counts on a network (docs/spec/script.md, 7).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from hansa.encoding import Value
from ledger.scripts import Job, NoAnswer, Program, ScriptError, compile_script
from ledger.scripts.limits import SIZE_MAX, SOURCE_BYTES_MAX, STEPS_MAX
from node.cli.act import read_json
from node.cli.errors import CliError, ExitCode
from node.cli.options import Session, with_session
from node.cli.output import Column, Result, plain

if TYPE_CHECKING:
    from hansa.receipt import Receipt
    from node.testing import LocalChain

NAME = "tested"
"""Of the script on the chain of the test."""
STEP_FIELDS: Final = frozenset({"advance_ms", "args", "as", "call", "expect", "refused"})
COLUMNS = (
    Column("test", "TEST"),
    Column("as", "AS"),
    Column("call", "CALL"),
    Column("code", "CODE"),
    Column("result", "RESULT"),
    Column("steps", "STEPS", "number"),
    Column("size", "SIZE", "number"),
    Column("written", "WRITTEN"),
)
_FACTS: dict[str, Value] = {"caller": "", "height": 0, "signers": [], "subject": "", "time": 0}


class _Nothing:
    """A host for functions that only list steps: there is no chain yet."""

    def answer(self, question: str, values: list[Value]) -> Value:
        """Nothing stands anywhere, and nothing is kept."""
        del question, values
        return None


@dataclass(slots=True)
class _Play:
    """One test: its chain, and what happened so far."""

    test: str
    chain: "LocalChain"
    rows: list[dict[str, object]] = field(default_factory=list)


@click.command(
    "test",
    epilog="Examples: hansa script test points.star\n\n"
    'hansa script test points.star --call earn --args \'{"who": "ann", "points": 30}\' --as shop',
)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--call", "function", metavar="FUNCTION", help="Call this one instead of the tests.")
@click.option("--args", "text", default="{}", metavar="JSON", help="Of --call, by parameter.")
@click.option("--as", "caller", default="farm", show_default=True, help="Who calls it.")
@with_session
def test_script(
    session: Session, *, file: Path, function: str | None, text: str, caller: str
) -> None:
    """Play a script here: its functions test_…, or one call; no network, no vote."""
    source = checked_source(file)
    program = compile_script(source)
    if function is not None:
        step: dict[str, Value] = {"as": caller, "call": function, "args": read_json(text)}
        tests = {"call": [step]}
    else:
        tests = {name: _steps_of(program, name) for name in program.tests}
    if not tests:
        raise CliError(
            ExitCode.BAD_INPUT,
            "script.no-tests",
            f"{file} has no tests",
            "no function of it begins with test_",
            f"call one: hansa script test {file} --call FUNCTION --args JSON --as ORG",
        )
    rows = [row for name, steps in tests.items() for row in _play(source, name, steps)]
    wrong = [row for row in rows if row["wrong"]]
    document = {
        "file": str(file),
        "tests": len(tests),
        "calls": rows,
        "failed": len(wrong),
        "steps_max": STEPS_MAX,
        "size_max": SIZE_MAX,
    }
    session.printer.result(Result(document, rows, COLUMNS))
    if wrong:
        raise _failure(file, wrong)
    most = max(_int(row.get("steps")) for row in rows)
    session.printer.say(f"✓ {len(tests)} passed, {most} of {STEPS_MAX} steps at most")
    session.printer.next(f"hansa script propose NAME {file} --as ORG --wait")


def checked_source(file: Path) -> str:
    """The source in a file, which compiles.

    Raises:
        CliError: it is no script; the line and why.
    """
    data = file.read_bytes()[: SOURCE_BYTES_MAX + 1]
    try:
        source = data.decode()
        compile_script(source)
    except UnicodeDecodeError as error:
        line, why = data[: error.start].count(b"\n") + 1, "this is not UTF-8"
    except ScriptError as error:
        line, why = error.line, error.detail
    else:
        return source
    raise CliError(
        ExitCode.BAD_INPUT,
        "script.source",
        f"{file} line {line}",
        why,
        "the language of scripts: docs/guides/scripts.md",
        fields={"line": line},
    )


def _failure(file: Path, wrong: list[dict[str, object]]) -> CliError:
    first = wrong[0]
    return CliError(
        ExitCode.NEGATIVE,
        "script.test-failed",
        f"{len(wrong)} of the calls of {file} went otherwise than told",
        f"{first['test']}: {first['call']} as {first['as']}: {first['wrong']}",
        f"mend it, or look closer: hansa script test {file} -o json",
    )


def _steps_of(program: Program, name: str) -> list[dict[str, Value]]:
    """The steps that a test function lists.

    Raises:
        CliError: it lists none.
    """
    from ledger.contract import Refused  # noqa: PLC0415
    from node.sandbox import SANDBOX  # noqa: PLC0415 - starting it costs, help has no need of it

    found: Value = None
    why = "it returns a list of maps with the fields " + ", ".join(sorted(STEP_FIELDS))
    try:
        found = SANDBOX.run(Job(program.text, name, {}, _FACTS), _Nothing()).value
    except Refused as refused:
        why = _refusal_text(refused.code, refused.fields)
    except NoAnswer as error:
        why = str(error)
    listed = found if isinstance(found, list) else []
    steps = [
        step for step in listed
        if isinstance(step, dict) and step and STEP_FIELDS.issuperset(step)
    ]  # fmt: skip
    if not steps or len(steps) != len(listed):
        raise CliError(
            ExitCode.BAD_INPUT,
            "script.test",
            f"{name} lists no steps",
            why,
            "see docs/guides/scripts.md",
        )
    return steps


def _play(source: str, name: str, steps: list[dict[str, Value]]) -> list[dict[str, object]]:
    """Play steps on a fresh chain of those who act in them; a row for each call."""
    from node.testing import LocalChain  # noqa: PLC0415

    members = dict.fromkeys(who for step in steps for who in _callers(step))
    with LocalChain(tuple(members), validators=1) as chain:
        play = _Play(name, chain)
        _publish(chain, source)
        for step in steps:
            advance = step.get("advance_ms")
            if isinstance(advance, int) and advance > 0:
                chain.advance(advance)
            if "call" in step:
                play.rows.append(_call(play, step))
        return play.rows


def _callers(step: Mapping[str, Value]) -> list[str]:
    given = step.get("as", "farm")
    listed = given if isinstance(given, list) else [given]
    return [one for one in listed if isinstance(one, str)]


def _publish(chain: "LocalChain", source: str) -> None:
    propose: dict[str, Value] = {"name": NAME, "source": source}
    receipt = chain.submit([("script", "propose", propose)], chain.members[0])
    for member in chain.members[1:]:
        head = chain.state(f"script/name/{NAME}")
        assert isinstance(head, dict)
        if head.get("state") == "active":
            break
        approve: dict[str, Value] = {"name": NAME, "version": head["version"]}
        receipt = chain.submit([("script", "approve", approve)], member)
    assert receipt.accepted, receipt


def _call(play: _Play, step: Mapping[str, Value]) -> dict[str, object]:
    """Play one call and compare it with what the step expects."""
    sender, *cosigners = _callers(step)
    arguments: dict[str, Value] = {
        "name": NAME,
        "function": step["call"],
        "args": step.get("args", {}),
    }
    receipt = play.chain.submit([("script", "call", arguments)], sender, cosigners)
    result = receipt.calls[0].value() if receipt.calls else None
    found = result if isinstance(result, dict) else {}
    row: dict[str, object] = {
        "test": play.test,
        "as": sender,
        "call": f"{plain(step['call'])}({json.dumps(step.get('args', {}), ensure_ascii=False)})",
        "code": receipt.code,
        "result": found.get("result") if receipt.accepted else receipt.error_fields(),
        "steps": found.get("steps"),
        "size": found.get("size"),
        "written": _written(play.chain, found.get("written")),
        "wrong": "",
    }
    row["wrong"] = _wrong(step, receipt, row["result"])
    return row


def _written(chain: "LocalChain", keys: Value) -> dict[str, Value]:
    """The keys that a call wrote, without the script's prefix, with what stands there now."""
    start = len(f"script/data/{NAME}/")
    names = keys if isinstance(keys, list) else []
    return {key[start:]: chain.state(key) for key in names if isinstance(key, str)}


def _wrong(step: Mapping[str, Value], receipt: "Receipt", result: object) -> str:
    """What went otherwise than the step says; "" when nothing did."""
    wanted = plain(step.get("refused") or "OK")
    if receipt.code != wanted:
        said = "" if receipt.accepted else _refusal_text(receipt.code, receipt.error_fields())
        return f"{wanted} was expected, it was {said or receipt.code}"
    if "expect" in step and step["expect"] != result:
        return f"{plain(step['expect'])} was expected, it returned {plain(result)}"
    return ""


def _refusal_text(code: str, fields: Mapping[str, Value]) -> str:
    """A refusal in words; the interpreter's own where the program is wrong."""
    from node.sandbox import SANDBOX  # noqa: PLC0415

    if fields.get("field") == "program" and fields.get("have") == "error":
        lines = [line for line in SANDBOX.last_error.splitlines() if line.startswith("error: ")]
        return f"{code}: {lines[-1].removeprefix('error: ')}" if lines else code
    return f"{code} {plain(dict(fields))}"


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0
