"""`hansa bench`, `hansa completion` and `hansa version`."""

import platform
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import get_completion_class

from node.cli.options import Session, with_session
from node.cli.output import Result

if TYPE_CHECKING:
    from node.bench_load import Workload

SHELLS = ("bash", "zsh", "fish")
WORKLOADS = ("epcis", "doc")


@click.command(epilog="Example: hansa bench --nodes 4 --seconds 20 -o json")
@click.option("--nodes", type=click.IntRange(1, 100), default=4, show_default=True)
@click.option("--seconds", type=click.IntRange(1, 86_400), default=20, show_default=True)
@click.option("--workload", type=click.Choice(WORKLOADS), default="epcis", show_default=True)
@click.option("--keys", type=click.IntRange(1, 1_000_000), default=1_000, show_default=True)
@click.option("--rate", type=click.IntRange(1), help="Transactions a second; all it takes if none.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--keep", type=click.Path(path_type=Path), help="Keep the network in this directory.")
@with_session
def bench(  # noqa: PLR0913 - the options of a measurement
    session: Session,
    *,
    nodes: int,
    seconds: int,
    workload: "Workload",
    keys: int,
    rate: int | None,
    seed: int,
    keep: Path | None,
) -> None:
    """Measure a fresh network of its own, loaded through the API by client processes."""
    from node import bench as runner  # noqa: PLC0415 - loads the whole product

    settings = runner.Settings(
        nodes=nodes, seconds=seconds, workload=workload, keys=keys, rate=rate, seed=seed
    )
    report = runner.run(settings, session.printer.say, keep)
    _show_report(session, report)
    other = next(name for name in WORKLOADS if name != workload)
    session.printer.next(f"hansa bench --workload {other}")


def _show_report(session: Session, report: Mapping[str, object]) -> None:
    """The report as it is; for people figures, then a line a node."""
    rows = [{"figure": name, "value": value} for name, value in report.items()]
    if session.printer.form == "jsonl":
        session.printer.result(Result(report))
        return
    if not session.printer.for_people:
        session.printer.result(Result(report, rows))
        return
    figures = [row for row in rows if not isinstance(row["value"], list | dict)]
    session.printer.result(Result(report, figures))
    nodes = report.get("nodes")
    if isinstance(nodes, list):
        click.echo(file=session.printer.out)
        session.printer.result(Result(report, nodes))


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@with_session
def completion(session: Session, shell: str) -> None:
    """Print the completion of a shell: eval "$(hansa completion bash)"."""
    from node.cli.root import root  # noqa: PLC0415 - the tree that is being completed

    kind = get_completion_class(shell)
    assert kind is not None
    source = kind(root, {}, "hansa", "_HANSA_COMPLETE").source()
    click.echo(source, file=session.printer.out)


@click.command()
@with_session
def version(session: Session) -> None:
    """Print the versions of hansa, Python and the platform."""
    versions = {
        "hansa": metadata.version("hansa-node"),
        "sdk": metadata.version("hansa-sdk"),
        "python": platform.python_version(),
        "platform": f"{platform.machine()} {platform.system()}",
        "executable": sys.executable,
    }
    text = f"hansa {versions['hansa']} (python {versions['python']}, {versions['platform']})"
    session.printer.result(Result(versions, text=text))
