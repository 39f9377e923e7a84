"""The node's configuration: one frozen value, checked once, of which each part gets its own.

The promise: built-in values < ``config.toml`` in the home < ``HANSA_SECTION__KEY`` in the
environment < flags; a key that does not exist is an error that names the nearest one; a
wrong value is an error that names key, value, source and what was expected; the generated
file reads back as the same configuration. docs/guides/configuration.md lists every key.
"""

import difflib
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from hansa.encoding import MemberName, Name
from hansa.errors import Rejected

CONFIG_NAME = "config.toml"
"""The file in the node's home."""
CONFIG_BYTES_MAX = 2**20
"""A configuration of fifty peers has 10 KiB; nothing larger than 1 MiB is read."""
ENVIRONMENT_PREFIX = "HANSA_"
SEPARATOR = "__"
"""Between section and key in the environment. Variables without it are not settings."""

Address = Annotated[
    str,
    Meta(pattern=r"^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}(?![\s\S])", title="host:port"),
]
"""``host:port``; an IPv6 host stands in brackets."""
KeyText = Annotated[str, Meta(pattern=r"^ed25519:[0-9a-f]{64}(?![\s\S])")]
Positive = Annotated[int, Meta(ge=1)]


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all sections. A field's description becomes its comment in the file."""


class Peer(_Section, frozen=True):
    """Another node: name, transport key and where it listens."""

    name: Name
    key: KeyText
    address: Address


class NodeSection(_Section, frozen=True):
    """Who this node is."""

    name: Annotated[Name, Meta(description="The node's name on chain.")] = "node0"
    member: Annotated[
        MemberName, Meta(description="The member organisation that it belongs to.")
    ] = "unnamed"
    dev: Annotated[
        bool, Meta(description="Development: allows open keys. Refused on a real chain.")
    ] = False


class KeysSection(_Section, frozen=True):
    """Where the keys are; a relative path starts in the home."""

    validator: Annotated[
        str, Meta(description="Key file that signs votes; empty for an observer.")
    ] = "keys/validator.json"
    transport: Annotated[str, Meta(description="Key file that signs connections.")] = (
        "keys/transport.json"
    )
    passphrase_file: Annotated[
        str, Meta(description="File whose first line opens the key files; empty: asked for.")
    ] = ""


class ApiSection(_Section, frozen=True):
    """The HTTP interface and the explorer."""

    listen: Annotated[Address, Meta(description="Where HTTP is served. Loopback needs no TLS.")] = (
        "127.0.0.1:8600"
    )
    tls_certificate: Annotated[
        str, Meta(description="PEM file; together with tls_key it turns TLS on.")
    ] = ""
    tls_key: Annotated[str, Meta(description="PEM file of the certificate's private key.")] = ""
    tokens_file: Annotated[
        str,
        Meta(
            description="Lines of: name, SHA-256 of the token in hex, scopes (read,submit,vault)."
        ),
    ] = ""
    streams_max: Annotated[Positive, Meta(description="Live event streams at once.")] = 256


class P2pSection(_Section, frozen=True):
    """Connections between nodes."""

    listen: Annotated[Address, Meta(description="Where other nodes connect to.")] = (
        "127.0.0.1:26600"
    )
    advertise: Annotated[
        str, Meta(description="host:port told to others; empty: the same as listen.")
    ] = ""
    peers: Annotated[
        tuple[Peer, ...],
        Meta(description="Nodes to connect to, besides those that the chain names."),
    ] = ()


class ConsensusSection(_Section, frozen=True):
    """Timers; they are local and never touch safety."""

    t0_ms: Annotated[
        int,
        Meta(ge=50, le=60_000, description="First patience with a primary, in milliseconds."),
    ] = 2000


class MempoolSection(_Section, frozen=True):
    """Transactions that wait."""

    count_max: Annotated[Positive, Meta(description="Transactions that wait at most.")] = 50_000
    bytes_max: Annotated[Positive, Meta(description="Their bytes at most.")] = 128 * 2**20
    per_sender_max: Annotated[
        Positive, Meta(description="Transactions of one sender that wait at most.")
    ] = 10_000


class LogsSection(_Section, frozen=True):
    """What the node writes about itself, on standard error."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="The least that is written.")
    ] = "info"
    format: Annotated[
        Literal["auto", "text", "json"],
        Meta(description="auto: text on a terminal, JSON lines elsewhere."),
    ] = "auto"


class Config(_Section, frozen=True):
    """Everything that an operator can set."""

    node: NodeSection = NodeSection()
    keys: KeysSection = KeysSection()
    api: ApiSection = ApiSection()
    p2p: P2pSection = P2pSection()
    consensus: ConsensusSection = ConsensusSection()
    mempool: MempoolSection = MempoolSection()
    logs: LogsSection = LogsSection()


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of the configuration.

    Attributes:
        key: ``section.name``.
        default: the built-in value, as TOML.
        expected: the type in words, e.g. ``whole number, at least 1``.
        comment: what it is for.
    """

    key: str
    default: str
    expected: str
    comment: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration and where each of its values came from.

    Attributes:
        config: the values.
        origins: ``section.name`` to ``built-in``, a file's path, ``env NAME`` or ``flag``.
    """

    config: Config
    origins: Mapping[str, str]


def load(
    home: Path | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, object] | None = None,
) -> Loaded:
    """The configuration of a node, all layers joined.

    Args:
        home: the folder with ``config.toml``; the file may be missing.
        environment: the process's environment.
        flags: ``section.name`` to value; None is a flag that was not given.

    Raises:
        Rejected: ``config.unknown``, ``config.value`` or ``config.malformed``.
    """
    fields = _fields()
    found: dict[str, tuple[object, str]] = {}
    if home is not None:
        found |= _from_file(home / CONFIG_NAME)
    found |= _from_environment(environment or {})
    found |= {key: (value, "flag") for key, value in (flags or {}).items() if value is not None}
    sections: dict[str, dict[str, object]] = {}
    for key, (value, origin) in found.items():
        if key not in fields:
            raise _unknown(key, origin, list(fields))
        section, _, name = key.partition(".")
        converted = _convert(key, value, fields[key].type, origin)
        sections.setdefault(section, {})[name] = converted
    config = Config(**{name: _section(name, values) for name, values in sections.items()})  # type: ignore[arg-type]  # names and types come from the fields
    origins = {key: found[key][1] if key in found else "built-in" for key in fields}
    _check(config, origins)
    return Loaded(config, origins)


def settings() -> list[Setting]:
    """Every key there is, in the order of the generated file."""
    return [
        Setting(key, toml_value(field.default), _expected(field.type), _comment(field.type))
        for key, field in _fields().items()
    ]


def show_origin(loaded: Loaded) -> list[tuple[str, str, str]]:
    """Every key with its value, as TOML, and where the value came from."""
    return [
        (key, toml_value(_value(loaded.config, key)), origin)
        for key, origin in loaded.origins.items()
    ]


def render(config: Config) -> str:
    """The file that reads back as `config`: every key, those at their default commented out."""
    lines = ["# Configuration of a hansa node. A line that begins with # shows a default.", ""]
    for section in msgspec.structs.fields(Config):
        lines += [f"# {(section.type.__doc__ or '').strip()}", f"[{section.name}]"]
        for field in msgspec.structs.fields(section.type):
            value = getattr(getattr(config, section.name), field.name)
            mark = "# " if value == field.default else ""
            lines += [
                f"# {_comment(field.type)} ({_expected(field.type)})",
                f"{mark}{field.name} = {toml_value(value)}",
            ]
        lines.append("")
    return "\n".join(lines)


def toml_value(value: object) -> str:
    """`value` as TOML writes it, on one line."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            # A JSON string is a TOML string, but for DEL, which TOML wants escaped.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case tuple() | list():
            return "[" + ", ".join(toml_value(item) for item in value) + "]"
        case msgspec.Struct():
            pairs = (
                f"{field.name} = {toml_value(getattr(value, field.name))}"
                for field in msgspec.structs.fields(value)
            )
            return "{" + ", ".join(pairs) + "}"
        case _:
            raise AssertionError(f"{type(value).__name__} is no value of a setting")


def _fields() -> dict[str, msgspec.structs.FieldInfo]:
    """Every setting by ``section.name``, in order."""
    return {
        f"{section.name}.{field.name}": field
        for section in msgspec.structs.fields(Config)
        for field in msgspec.structs.fields(section.type)
    }


def _from_file(path: Path) -> dict[str, tuple[object, str]]:
    try:
        with path.open("rb") as file:
            text = file.read(CONFIG_BYTES_MAX + 1)
    except FileNotFoundError:
        return {}
    if len(text) > CONFIG_BYTES_MAX:
        raise Rejected("config.malformed", f"{path} is larger than {CONFIG_BYTES_MAX} bytes")
    try:
        tables = tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Rejected(
            "config.malformed", f"{path}: {error}", "mend the line; strings stand in quotes"
        ) from error
    known = [section.name for section in msgspec.structs.fields(Config)]
    found: dict[str, tuple[object, str]] = {}
    for section, table in tables.items():
        if section not in known or not isinstance(table, dict):
            raise _unknown(section, str(path), known if section not in known else list(_fields()))
        found |= {f"{section}.{name}": (value, str(path)) for name, value in table.items()}
    return found


def _from_environment(environment: Mapping[str, str]) -> dict[str, tuple[object, str]]:
    return {
        name.removeprefix(ENVIRONMENT_PREFIX).lower().replace(SEPARATOR, ".", 1): (
            value,
            f"env {name}",
        )
        for name, value in environment.items()
        if name.startswith(ENVIRONMENT_PREFIX) and SEPARATOR in name
    }


def _convert(key: str, value: object, expected: object, origin: str) -> object:
    """`value` as the setting's type; text from the environment or a flag may be TOML."""
    candidates = [value]
    if isinstance(value, str) and not origin.endswith(".toml"):
        candidates += _parsed(value)
    problems = []
    for candidate in candidates:
        try:
            converted: object = msgspec.convert(candidate, expected)
        except msgspec.ValidationError as error:
            problems.append(str(error))
        else:
            return converted
    # A text setting is judged by the text as it came, all others by what TOML makes of it.
    problem = problems[0 if _schema(expected).get("type", "string") == "string" else -1]
    raise Rejected(
        "config.value",
        f"{key} = {value!r} ({origin}): {problem}",
        f"expected: {_expected(expected)}",
    )


def _parsed(text: str) -> Iterator[object]:
    try:
        yield tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return


def _section(name: str, values: Mapping[str, object]) -> msgspec.Struct:
    kinds = {section.name: section.type for section in msgspec.structs.fields(Config)}
    made: msgspec.Struct = kinds[name](**values)
    return made


def _value(config: Config, key: str) -> object:
    section, _, name = key.partition(".")
    found: object = getattr(getattr(config, section), name)
    return found


def _check(config: Config, origins: Mapping[str, str]) -> None:
    """What no single value shows."""
    if bool(config.api.tls_certificate) != bool(config.api.tls_key):
        raise Rejected(
            "config.value",
            "api.tls_certificate and api.tls_key belong together, one is empty",
            "set both, or neither",
        )
    names = [peer.name for peer in config.p2p.peers]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Rejected(
            "config.value",
            f"p2p.peers ({origins['p2p.peers']}) names {', '.join(twice)} more than once",
            "give each node once",
        )


def _unknown(key: str, origin: str, known: list[str]) -> Rejected:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)
    return Rejected(
        "config.unknown",
        f"{origin}: there is no setting {key}",
        f"did you mean {near[0]}? All of them: hansa config show",
    )


def _comment(expected: object) -> str:
    """The description in a field's type."""
    return str(_schema(expected)["description"])


def _schema(expected: object) -> dict[str, object]:
    """The JSON schema of a field's type: limits, choices and description."""
    return msgspec.json.schema(expected)


def _expected(expected: object) -> str:
    """A field's type in a few words."""
    schema = msgspec.json.schema(expected)
    if "enum" in schema:
        return " or ".join(sorted(schema["enum"]))
    if "title" in schema:
        return str(schema["title"])
    kind = {"integer": "whole number", "boolean": "true or false", "array": "list"}.get(
        schema["type"], "text"
    )
    low, high = schema.get("minimum"), schema.get("maximum")
    if high is not None:
        return f"{kind} from {low} to {high}"
    return f"{kind}, at least {low}" if low is not None else kind
