"""`hansa bench`, `hansa completion` and `hansa version`."""

import importlib
import platform
import sys
from importlib import metadata
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from node.cli.errors import CliError, ExitCode
from node.cli.options import Session, with_session
from node.cli.output import Result

SHELLS = ("bash", "zsh", "fish")
WORKLOADS = ("epcis", "doc")


@click.command()
@click.option("--nodes", type=click.IntRange(1, 100), default=4, show_default=True)
@click.option("--seconds", type=click.IntRange(1, 86_400), default=20, show_default=True)
@click.option("--workload", type=click.Choice(WORKLOADS), default="epcis", show_default=True)
@click.option("--keys", type=click.IntRange(1, 1_000_000), default=1_000, show_default=True)
@click.option("--rate", type=click.IntRange(1), help="Transactions a second; all it takes if none.")
@click.option("--keep", type=click.Path(path_type=Path), help="Keep the network in this directory.")
@with_session
def bench(  # noqa: PLR0913 - the options of a measurement
    session: Session,
    *,
    nodes: int,
    seconds: int,
    workload: str,
    keys: int,
    rate: int | None,
    keep: Path | None,
) -> None:
    """Measure a fresh network of its own, loaded through the API by client processes."""
    try:
        runner = importlib.import_module("node.bench")
    except ModuleNotFoundError as error:
        raise CliError(
            ExitCode.BAD_CONFIG, "bench.missing", "no benchmark", str(error), "install hansa-node"
        ) from error
    report = runner.run(
        nodes=nodes,
        seconds=seconds,
        workload=workload,
        keys=keys,
        rate=rate,
        directory=keep,
        say=session.printer.say,
    )
    rows = [{"what": name, "value": value} for name, value in report.items()]
    session.printer.result(Result(report, rows if session.printer.form != "jsonl" else None))
    session.printer.next("hansa bench --workload doc", "docs/guides/cli.md")


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
