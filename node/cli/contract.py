"""`hansa contract list|describe`: what may be called and asked, with types, limits and refusals."""

from collections.abc import Mapping
from typing import Any

import click

from node.cli.act import show_rows
from node.cli.connect import client_of
from node.cli.errors import CliError, ExitCode
from node.cli.options import Session, with_session
from node.cli.output import Column, Result
from node.cli.schemas import arguments_of, example_of
from node.cli.submit import REFUSALS

QUERIES = "queries"
LIST_COLUMNS = (
    Column("name", "NAME"),
    Column("kind", "KIND"),
    Column("role", "ROLE"),
    Column("needs", "NEEDS"),
    Column("does", "DOES"),
)
ARGUMENT_COLUMNS = (
    Column("argument", "ARGUMENT"),
    Column("type", "TYPE"),
    Column("limits", "LIMITS"),
    Column("needed", "NEEDED"),
    Column("default", "OTHERWISE"),
)


@click.group()
def contract() -> None:
    """List contracts and describe their methods and queries."""


@contract.command("list", epilog="Example: hansa contract list")
@with_session
def list_(session: Session) -> None:
    """List the contracts of the chain with their methods and queries."""
    described = _described(session)
    queries = described.pop(QUERIES, {})
    rows: list[dict[str, object]] = []
    for name in sorted({*described, *queries}):
        methods, questions = described.get(name, {}), queries.get(name, {})
        rows.append(
            {
                "contract": name,
                "methods": ", ".join(sorted(methods)),
                "queries": ", ".join(sorted(questions)),
            }
        )
    columns = (
        Column("contract", "CONTRACT"),
        Column("methods", "METHODS"),
        Column("queries", "QUERIES"),
    )
    show_rows(session, "contracts", rows, columns, "hansa contract describe doc")


@contract.command(epilog="Example: hansa contract describe doc.register")
@click.argument("name", metavar="CONTRACT[.METHOD]")
@with_session
def describe(session: Session, *, name: str) -> None:
    """Describe a contract, or one method or query: arguments, limits, refusals, an example."""
    described = _described(session)
    queries = described.pop(QUERIES, {})
    contract_name, dot, method = name.partition(".")
    methods, questions = described.get(contract_name, {}), queries.get(contract_name, {})
    if not methods and not questions:
        known = ", ".join(sorted({*described, *queries}))
        raise _unknown(f"no contract {contract_name!r}", f"there are {known}")
    if not dot:
        _describe_contract(session, contract_name, methods, questions)
        return
    if method not in methods and method not in questions:
        known = ", ".join([*methods, *questions])
        raise _unknown(f"{contract_name} has no {method!r}", f"it has {known}")
    for kind, table in (("method", methods), ("query", questions)):
        if method in table:
            _describe_one(session, f"{contract_name}.{method}", kind, table[method])
            return


def _describe_contract(
    session: Session,
    name: str,
    methods: Mapping[str, Any],
    questions: Mapping[str, Any],
) -> None:
    rows = [
        {
            "name": f"{name}.{one}",
            "kind": kind,
            "role": about.get("role", ""),
            "needs": ", ".join(
                str(row["argument"]) for row in arguments_of(about["arguments"]) if row["needed"]
            ),
            "does": _first_line(about["doc"]),
        }
        for kind, table in (("method", methods), ("query", questions))
        for one, about in table.items()
    ]
    first = rows[0]["name"]
    session.printer.result(Result({"contract": name, "entries": rows}, rows, LIST_COLUMNS))
    session.printer.next(f"hansa contract describe {first}")


def _describe_one(session: Session, name: str, kind: str, about: Mapping[str, Any]) -> None:
    rows = arguments_of(about["arguments"])
    sample = example_of(about["arguments"])
    if kind == "method":
        example = f"hansa tx call {name} '{sample}' --as ORG --wait"
    else:
        path = name.replace(".", "/")
        example = f"curl -G NODE/v1/query/{path} --data-urlencode 'args={sample}'"
    refusals = {code: REFUSALS.get(code, "") for code in about.get("refusals", ())}
    document = {
        "name": name,
        "kind": kind,
        "does": " ".join(about["doc"].split()),
        "role": about.get("role", ""),
        "arguments": rows,
        "refusals": refusals,
        "example": example,
    }
    session.printer.say(f"{name}  {_first_line(about['doc'])}")
    if about.get("role"):
        session.printer.say(f"  by whoever has the role {about['role']}")
    session.printer.result(Result(document, rows, ARGUMENT_COLUMNS))
    for code, words in refusals.items():
        session.printer.say(f"  may be refused with {code}: {words}")
    session.printer.next(example)


def _described(session: Session) -> dict[str, Any]:
    with client_of(session) as client:
        return dict(client.contracts())


def _first_line(doc: str) -> str:
    return doc.strip().partition("\n\n")[0].replace("\n", " ").replace("  ", "")


def _unknown(what: str, why: str) -> CliError:
    return CliError(ExitCode.NOT_FOUND, "contract.not-found", what, why, "hansa contract list")
