"""The typed calls of the SDK, made from the contracts; sdk/src/hansa/calls/.

One module a contract with one function a method, and `acting.py` with the same methods for
someone who signs. ``scripts/reference`` writes them, `tests/unit/sdk/test_calls.py` compares them.
"""

import functools
import keyword
import re
import subprocess
import sys
import textwrap

import msgspec
import msgspec.inspect as shapes

from ledger.contract import CALL
from ledger.contracts import CONTRACTS
from tests.tidy.tree import ROOT

FOLDER = ROOT / "sdk" / "src" / "hansa" / "calls"
MADE_BY = "Made from the contracts by scripts/reference."
PATTERN_CHARACTERS_MAX = 48
"""Longer patterns are left out of a line of text: the specification has them."""
INT_MAX = 2**63 - 1
WIDTH = 96
_RUFF = (sys.executable, "-m", "ruff")
WORD = re.compile(r"[A-Za-z0-9_-]+")
_END = r"(?![\s\S])"
_NOQA = "# ruff: noqa: A001, A002, PLR0913 - names and fields are the contract's"


def name_of(word):
    """A field or method as Python can spell it."""
    return word + "_" if keyword.iskeyword(word) else word


def methods_of(contract):
    """The methods that a transaction may call, in their order."""
    return [method for method in contract.methods.values() if method.via == CALL]


def function_of(contract, method):
    """The function of a method; its docstring says what it does."""
    return getattr(type(contract), method.name, None) or getattr(type(contract), method.name + "_")


class Module:
    """The text of one contract's module.

    Attributes:
        contract: the contract.
        nested: the structs inside arguments, by name.
        imports: names that the annotations need, by module.
    """

    def __init__(self, contract):
        self.contract = contract
        self.nested = {}
        self.imports = {"hansa.calls.build": {"build"}, "hansa.transaction": {"Call"}}

    def text(self):
        """The module, formatted."""
        functions = [self.function(method) for method in methods_of(self.contract)]
        kinds = []
        done = set()
        while pending := [name for name in self.nested if name not in done]:
            for name in pending:
                done.add(name)
                kinds.append((name, self.typed_dict(name)))
        first = [
            f'"""Calls of the contract `{self.contract.name}`. {MADE_BY}"""\n',
            _NOQA + "\n",
            *(
                f"from {module} import {', '.join(sorted(names))}"
                for module, names in sorted(self.imports.items())
            ),
        ]
        return formatted("\n".join([*first, *(text for _, text in reversed(kinds)), *functions]))

    def function(self, method):
        """The function that makes the call of a method."""
        struct = shapes.type_info(method.arguments)
        fields = sorted(struct.fields, key=lambda field: not field.required)
        parameters = [self.parameter(field) for field in fields]
        star = "*, " if parameters else ""
        contract, name = self.contract.name, method.name
        return "\n".join(
            [
                f"def {name_of(name)}({star}{', '.join(parameters)}) -> Call:",
                *self.docstring(method, fields),
                f'    return build("{contract}", "{name}", locals())',
            ]
        )

    def parameter(self, field):
        """A parameter with its type; what may be left out is None."""
        kind = self.kind(field.type)
        if field.required:
            return f"{name_of(field.encode_name)}: {kind}"
        kind = kind if "None" in kind.split(" | ") else f"{kind} | None"
        return f"{name_of(field.encode_name)}: {kind} = None"

    def docstring(self, method, fields):
        """What the method does, and what its arguments are."""
        about = one_line(function_of(self.contract, method).__doc__)
        lines = textwrap.wrap(f'"""{about}', WIDTH)
        more = paragraph(method.arguments)
        if more:
            lines += ["", *textwrap.wrap(more, WIDTH)]
        if fields:
            lines += ["", "Args:"]
            for field in fields:
                said = f"    {name_of(field.encode_name)}: {words(field)}"
                lines += textwrap.wrap(
                    said, WIDTH, subsequent_indent=" " * 8, break_on_hyphens=False
                )
        one = len(lines) == 1
        lines = [lines[0] + '"""'] if one else [*lines, '"""']
        if any("\\" in line for line in lines):
            lines[0] = "r" + lines[0]
        return [f"    {line}".rstrip() for line in lines]

    def typed_dict(self, name):
        """A struct inside arguments, as the dictionary that a caller writes."""
        kind = self.nested[name]
        struct = shapes.type_info(kind)
        fields = []
        for field in struct.fields:
            told = self.kind(field.type)
            if not field.required:
                self.need("typing", "NotRequired")
                told = f"NotRequired[{told}]"
            fields.append((field.encode_name, told))
        self.need("typing", "TypedDict")
        about = docstring(one_line(kind.__doc__))
        if any(keyword.iskeyword(field) for field, _ in fields):
            inside = ", ".join(f'"{field}": {told}' for field, told in fields)
            return f'{name} = TypedDict("{name}", {{{inside}}})\n{about}\n'
        return "\n".join(
            [
                f"class {name}(TypedDict):",
                textwrap.indent(about, "    "),
                "",
                *(f"    {field}: {told}" for field, told in fields),
            ]
        )

    def need(self, module, name):
        """Import a name."""
        self.imports.setdefault(module, set()).add(name)

    def kind(self, kind):
        """The annotation of a type."""
        if type(kind) in PLAIN:
            return PLAIN[type(kind)][0]
        return getattr(self, f"_{type(kind).__name__}")(kind)

    def _StrType(self, kind):  # noqa: N802 - named after the type, as all of these
        return self._words(choices(kind)) if choices(kind) else "str"

    def _LiteralType(self, kind):  # noqa: N802
        return self._words(kind.values)

    def _words(self, words):
        self.need("typing", "Literal")
        return f"Literal[{', '.join(map(repr, words))}]"

    def _AnyType(self, _):  # noqa: N802
        self.need("hansa.calls.build", "Plain")
        return "Plain"

    def _VarTupleType(self, kind):  # noqa: N802
        self.need("collections.abc", "Sequence")
        return f"Sequence[{self.kind(kind.item_type)}]"

    _ListType = _VarTupleType

    def _DictType(self, kind):  # noqa: N802
        self.need("collections.abc", "Mapping")
        return f"Mapping[{self.kind(kind.key_type)}, {self.kind(kind.value_type)}]"

    def _UnionType(self, kind):  # noqa: N802
        return " | ".join(dict.fromkeys(self.kind(one) for one in kind.types))

    def _StructType(self, kind):  # noqa: N802
        assert not kind.array_like, kind.cls
        name = kind.cls.__name__
        assert self.nested.setdefault(name, kind.cls) is kind.cls, name
        return name


def words(field):
    """A field's limits and default in words."""
    text = limits(field.type)
    if not field.required:
        text += f"; left out: {default(field)}"
    return text + "."


def choices(kind):
    """The words that a text may be, where its pattern is a list of words."""
    pattern = (getattr(kind, "pattern", None) or "").removesuffix(_END)
    if not (pattern.startswith("^(") and pattern.endswith(")")):
        return ()
    words = pattern[2:-1].split("|")
    return tuple(words) if all(map(WORD.fullmatch, words)) else ()


def limits(kind):
    """A type with its limits in words."""
    if type(kind) in PLAIN:
        return PLAIN[type(kind)][1](kind)
    return _LIMITS[type(kind)](kind)


def _text(kind):
    if choices(kind):
        return _one_of(choices(kind))
    pattern = (kind.pattern or "").removesuffix(_END)
    like = f" like `{pattern}`" if 0 < len(pattern) <= PATTERN_CHARACTERS_MAX else ""
    return f"text{like}{between(kind.min_length, kind.max_length, 'characters')}"


def _one_of(words):
    return "one of " + ", ".join(f"`{word}`" for word in words)


def _list(kind):
    many = between(kind.min_length, kind.max_length, "").removeprefix(", ")
    return f"list{f' of {many}' if many else ''}, each {limits(kind.item_type)}"


def _map(kind):
    most = f" of at most {kind.max_length}" if kind.max_length else ""
    return f"map{most}, each value {limits(kind.value_type)}"


def _either(kind):
    kinds = [one for one in kind.types if not isinstance(one, shapes.NoneType)]
    return " or ".join(dict.fromkeys(limits(one) for one in kinds))


_LIMITS = {
    shapes.AnyType: lambda _: "any value",
    shapes.DictType: _map,
    shapes.ListType: _list,
    shapes.LiteralType: lambda kind: _one_of(kind.values),
    shapes.StrType: _text,
    shapes.StructType: lambda kind: f"`{kind.cls.__name__}`",
    shapes.UnionType: _either,
    shapes.VarTupleType: _list,
}
PLAIN = {
    shapes.BoolType: ("bool", lambda _: "yes or no"),
    shapes.BytesType: (
        "bytes",
        lambda kind: "bytes" + between(kind.min_length, kind.max_length, ""),
    ),
    shapes.IntType: ("int", lambda kind: "whole number" + between(kind.ge, kind.le, "")),
    shapes.NoneType: ("None", lambda _: "none"),
}
"""Types without parts: their annotation, and their limits in words."""


def between(least, most, unit):
    """The bounds of a number or a size, after a comma; empty where there are none."""
    unit = f" {unit}" if unit else ""
    if most == INT_MAX:
        most = None
    if least is not None and least == most:
        return f", {least}{unit}"
    if least and most is not None:
        return f", {least} to {most}{unit}"
    if most is not None:
        low = "0 to " if least == 0 and not unit else "at most "
        return f", {low}{most}{unit}"
    return f", at least {least}{unit}" if least is not None else ""


def default(field):
    """What holds for a field that is left out."""
    value = field.default
    if value is msgspec.NODEFAULT:
        value = field.default_factory()
    if value is None or value in ("", b"", (), {}, []):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"`{value}`" if isinstance(value, str | int) else "as the contract has it"


def one_line(text):
    """The first paragraph of a docstring in one line."""
    return " ".join((text or "").strip().split("\n\n")[0].split())


def paragraph(arguments):
    """What a struct says of its fields beyond whose arguments they are."""
    text = " ".join((arguments.__doc__ or "").split())
    if not text.startswith("Arguments of"):
        return ""
    end = min((at for at in (text.find("; "), text.find(". ")) if at > 0), default=-1)
    rest = text[end + 2 :].strip() if end > 0 else ""
    return rest[:1].upper() + rest[1:] if rest and not rest.startswith("`") else rest


def acting():
    """The module with every method for someone who acts, formatted."""
    names = sorted(CONTRACTS)
    lines = [
        f'"""Every call for someone who acts. {MADE_BY}"""\n',
        "from collections.abc import Callable",
        "from typing import Generic",
        f"from hansa.calls import {', '.join(names)}",
        "from hansa.calls.build import Bound, Group, R",
        "from hansa.transaction import Call",
    ]
    for name in names:
        lines += [
            f"class {class_of(name)}(Group[R]):",
            f'    """The methods of `{name}`."""\n',
            *(
                f"    {name_of(method.name)} = Bound({name}.{name_of(method.name)})"
                for method in methods_of(CONTRACTS[name])
            ),
        ]
    lines += [
        "class Contracts(Generic[R]):",
        '    """All contracts; ``R`` is what carrying out a call gives."""\n',
        "    def __init__(self, carry: Callable[[Call], R]) -> None:",
        '        """Carry out each call with `carry`."""',
        *(f"        self.{name} = {class_of(name)}(carry)" for name in names),
    ]
    return formatted("\n".join(lines))


def class_of(contract):
    """The class of a contract's methods."""
    return contract.title().replace("_", "")


def package():
    """The package's own module."""
    about = "Typed calls of the contracts: a module a contract, a function a method."
    return f'"""{about}\n\n{MADE_BY}\n"""\n'


def docstring(text):
    """A docstring of one paragraph."""
    lines = textwrap.wrap(f'"""{text}', WIDTH - 4)
    return "\n".join([*lines[:-1], lines[-1] + '"""'])


def formatted(text):
    """The text as ruff writes it."""
    for arguments in (["check", "--fix", "--exit-zero"], ["format"]):
        text = subprocess.run(
            [*_RUFF, *arguments, "--quiet", "--stdin-filename", str(FOLDER / "made.py"), "-"],
            input=text,
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        ).stdout
    return text


@functools.cache
def files():
    """Every file that is made, by name."""
    made = {"__init__.py": package(), "acting.py": acting()}
    return made | {f"{name}.py": Module(CONTRACTS[name]).text() for name in sorted(CONTRACTS)}


if __name__ == "__main__":
    for name, text in files().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
