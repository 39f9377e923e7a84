"""Options: those of every command, wherever they stand on the line, and those of submission.

`hansa --home DIR status` and `hansa status --home DIR` mean the same: each level stores what
it was given in the context's shared `meta`, the innermost wins.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import click

from node.cli.output import FORMS, Printer

P = ParamSpec("P")
R = TypeVar("R")

_META = "hansa."
_UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


@dataclass(frozen=True, slots=True)
class Session:
    """What the common options say.

    Attributes:
        home: a network's or a node's directory, or None for the default.
        api: the API's address, or None for that of the directory's first node that answers.
        printer: the output form.
        no_input: never ask anything.
        debug: show tracebacks.
    """

    home: Path | None
    api: str | None
    printer: Printer
    no_input: bool
    debug: bool


def current_session() -> Session:
    """The session of the running command."""
    meta = click.get_current_context().meta
    return Session(
        home=meta.get(_META + "home"),
        api=meta.get(_META + "api"),
        printer=Printer.standard(meta.get(_META + "output")),
        no_input=bool(meta.get(_META + "no_input")),
        debug=bool(meta.get(_META + "debug")),
    )


def with_session(function: Callable[Concatenate[Session, P], R]) -> Callable[P, R]:
    """Pass the session as a command's first argument, and give the command the common options."""

    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        return function(current_session(), *args, **kwargs)

    call.__doc__ = function.__doc__
    call.__name__ = function.__name__
    call.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]
    return common_options(call)


def common_options(function: Callable[P, R]) -> Callable[P, R]:
    """Give a command the options that all commands share."""
    for option in reversed(_COMMON):
        function = option(function)
    return function


def _remember(context: click.Context, parameter: click.Parameter, value: object) -> None:
    given = context.get_parameter_source(parameter.name or "")
    if value is not None and given is not click.core.ParameterSource.DEFAULT:
        context.meta[_META + (parameter.name or "")] = value


_COMMON = (
    click.option(
        "--home",
        type=click.Path(path_type=Path),
        envvar="HANSA_HOME",
        show_envvar=True,
        expose_value=False,
        callback=_remember,
        help="Directory of a network or of a node. Default: ~/.hansa/demo",
    ),
    click.option(
        "--api",
        metavar="URL",
        envvar="HANSA_API",
        show_envvar=True,
        expose_value=False,
        callback=_remember,
        help="Address of a node's API, e.g. http://127.0.0.1:8600",
    ),
    click.option(
        "-o",
        "--output",
        type=click.Choice(FORMS),
        envvar="HANSA_OUTPUT",
        show_envvar=True,
        expose_value=False,
        callback=_remember,
        help="Form of the result. Default: table on a terminal, tsv in a pipe",
    ),
    click.option(
        "--no-input",
        is_flag=True,
        expose_value=False,
        callback=_remember,
        help="Never ask anything.",
    ),
    click.option(
        "--debug",
        is_flag=True,
        expose_value=False,
        callback=_remember,
        help="Show the traceback of an error.",
    ),
)


def duration(text: str) -> int:
    """A length of time with its unit, e.g. ``500ms``, ``5s``, ``2m``, in ms; a click type.

    Raises:
        click.BadParameter: it is none.
    """
    match = re.fullmatch(r"(\d{1,9})(?:\.(\d{1,3}))?(ms|s|m|h|d)?", text)
    if match is None:
        raise click.BadParameter(f"{text!r} is no duration; write e.g. 500ms, 5s or 2m")
    whole, fraction, unit = match.groups()
    thousandths = int(whole) * 1_000 + int((fraction or "").ljust(3, "0"))
    return thousandths * _UNITS_MS[unit or "s"] // 1_000


def duration_text(milliseconds: int) -> str:
    """A duration for people, e.g. ``5 s`` or ``2 min``."""
    if milliseconds < 1_000:  # noqa: PLR2004
        return f"{milliseconds} ms"
    seconds, rest = divmod(milliseconds, 1_000)
    if seconds >= 120 and not rest and not seconds % 60:  # noqa: PLR2004
        return f"{seconds // 60} min"
    return f"{seconds} s" if not rest else f"{seconds}.{rest // 100} s"


as_option = click.option("--as", "organisation", required=True, metavar="ORG", help="Who signs.")
key_option = click.option(
    "--key", "key_file", type=click.Path(path_type=Path), help="Its key. Default: its desk's."
)
wait_option = click.option("--wait", is_flag=True, help="Return when it is committed or refused.")
timeout_option = click.option(
    "--timeout", type=duration, default="30s", show_default=True, help="Of the wait."
)
expires_option = click.option(
    "--expires", type=duration, default="10m", show_default=True, help="It dies unless committed."
)
