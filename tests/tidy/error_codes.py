"""Every error code that the code can raise, read from its syntax trees; docs/spec/errors.md.

A code is the first argument (of `CliError` the second) of a call that makes an error. Where that
argument is a name, the name is followed inside its module: assignments in the same function, and
what callers pass for a parameter. A code taken from another error (``error.code``) is passed on
and not new. ``scripts/reference`` writes the page, `test_documented` compares it.
"""

import ast
import itertools
from dataclasses import dataclass

from hansa.receipt import REFUSALS
from tests.tidy.tree import ROOT, called, module_of, modules, parsed

PAGE = ROOT / "docs" / "spec" / "errors.md"
KINDS = {
    "Rejected": "sender",
    "BlockRefused": "sender",
    "Invalid": "sender",
    "Unavailable": "nobody",
    "Full": "nobody",
    "Corrupt": "stored data",
    "DiskFailed": "disk",
    "NoResult": "this machine",
    "CliError": "command",
    "Refusal": "peer",
}
"""What makes an error, and whose fault it says."""
POSITIONS = {"CliError": 1}
"""Where the code stands among the arguments, if not first."""
DETAILS = {"CliError": (2, 3), "Invalid": (2,)}
"""Where its text stands, if not second."""
HINTS = {"CliError": 4, "Invalid": 3}
PLACEHOLDERS = {
    "tx.{}": ("tx.evicted", "tx.pending"),
    "refused.{}": tuple(f"refused.{code}" for code in REFUSALS),
}
"""Codes with a part that a closed set fills."""


@dataclass(frozen=True, order=True)
class Raised:
    """An error code at one place.

    Attributes:
        code: the code.
        kind: whose fault it is.
        module: where it is raised.
        detail: the text, with names in braces for values.
        hint: what to do, or an empty string.
    """

    code: str
    kind: str
    module: str
    detail: str
    hint: str


def raised():
    """Every code with its places, in order; and the places whose code could not be read."""
    found, unread = set(), []
    for path in modules():
        tree = parsed(path)
        for scope, node in _calls(tree):
            name = called(node)
            if name not in KINDS or _is_method(node):
                continue
            position = POSITIONS.get(name, 0)
            if len(node.args) <= position:
                continue
            codes = _codes(node.args[position], scope, tree)
            if codes is None:
                unread.append(
                    f"{module_of(path)}:{node.lineno}: {ast.unparse(node.args[position])}"
                )
                continue
            for code in codes:
                found.add(Raised(code, KINDS[name], module_of(path), *_texts(name, node)))
    return sorted(found), unread


def page():
    """The reference page."""
    found, _ = raised()
    lines = [_HEAD]
    for area, group in itertools.groupby(sorted(found, key=_area), key=_area):
        lines += [f"\n## {area}\n", "| code | fault | says | what to do | from |"]
        lines.append("| --- | --- | --- | --- | --- |")
        for code, places in itertools.groupby(group, key=lambda item: item.code):
            lines.append(_row(code, list(places)))
    return "\n".join(lines) + "\n"


_HEAD = """# Error codes

Every error of hansa has a code that does not change: in a problem of the API (`code`), in the
JSON of a command (`error.code`), in a log line, in a frame that ends a connection. This page is
made from the code by `scripts/reference`; a test fails when it is out of date.

*Fault* says whose it is: the **sender** sent something invalid, **nobody** (it may work later),
**stored data** is damaged and the node stops, the **disk** failed and the node stops, a
**command** was told to do what cannot be done, a **peer** is told why its connection ends. Words
in braces and `…` stand for values. The refusals of contracts (`AUTH`, `STATE` and so on) are a
closed set of their own: [contracts.md](contracts.md)."""


def _area(item):
    return item.code.partition(".")[0] if "." in item.code else "one word"


def _row(code, places):
    kinds = _joined(place.kind for place in places)
    says = _joined(place.detail for place in places)
    hints = _joined(place.hint for place in places)
    owners = _joined(f"`{place.module}`" for place in places)
    return f"| `{code}` | {kinds} | {says} | {hints} | {owners} |"


def _joined(texts):
    kept = dict.fromkeys(text.replace("|", "\\|").replace("\n", " ") for text in texts if text)
    return "<br>".join(kept) or "-"


def _texts(name, node):
    """The text and the hint of an error that is made here."""
    positions = DETAILS.get(name, (1,))
    detail = ": ".join(filter(None, (_text(node, position) for position in positions)))
    return detail, _text(node, HINTS.get(name, 2))


def _text(node, position):
    if len(node.args) <= position or isinstance(node.args[position], ast.Starred):
        return ""
    return _template(node.args[position])


def _template(node):
    """A text expression with a name in braces, or ``…``, for what is only known at run time."""
    match node:
        case ast.Constant(value=str() as text):
            pass
        case ast.JoinedStr(values=values):
            text = "".join(_template(value) for value in values)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            text = _template(left) + _template(right)
        case ast.IfExp(body=first, orelse=second) | ast.BoolOp(values=[first, second]):
            text = " / ".join(filter(None, (_template(first), _template(second))))
        case ast.FormattedValue(value=value):
            text = _template(value)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            text = "{" + name.strip("_").lower() + "}"
        case ast.Constant():
            text = ""
        case _:
            text = "…"
    return text


def _calls(tree):
    """Every call with the function in which it stands, or the module."""

    def visit(node, scope):
        for child in ast.iter_child_nodes(node):
            inner = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            if isinstance(child, ast.Call):
                yield scope, child
            yield from visit(child, child if inner else scope)

    yield from visit(tree, tree)


def _is_method(node):
    """``Refusal.of(...)`` and the like make no new code."""
    return isinstance(node.func, ast.Attribute) and node.func.attr not in KINDS


def _codes(node, scope, tree):
    """The codes that an expression can be; None when it cannot be told."""
    match node:
        case ast.Constant(value=str() as text):
            return {text}
        case ast.IfExp(body=body, orelse=orelse):
            return _union([_codes(body, scope, tree), _codes(orelse, scope, tree)])
        case ast.Attribute(attr="code"):
            return set()
        case ast.JoinedStr():
            return _filled(node, scope, tree)
        case ast.Name(id=name):
            return _named(name, scope, tree)
        case _:
            return None


def _union(parts):
    return None if None in parts else set().union(*parts)


def _filled(node, scope, tree):
    template = "".join(
        value.value if isinstance(value, ast.Constant) else "{}" for value in node.values
    )
    if template in PLACEHOLDERS:
        return set(PLACEHOLDERS[template])
    inner = [value.value for value in node.values if isinstance(value, ast.FormattedValue)]
    if len(inner) != 1:
        return None
    parts = _codes(inner[0], scope, tree)
    return None if parts is None else {template.format(part) for part in parts}


def _named(name, scope, tree):
    """What a name can be: assigned here, a constant of the module, or passed by callers."""
    found = [_codes(value, scope, tree) for value in _assigned(name, scope)]
    found = found or [_codes(value, tree, tree) for value in _assigned(name, tree)]
    if not isinstance(scope, ast.Module):
        parameters = [argument.arg for argument in scope.args.args]
        if name in parameters:
            position = parameters.index(name) - (parameters[0] in {"self", "cls"})
            found += [
                _codes(call.args[position], caller, other)
                for other, caller, call in _callers(scope.name)
                if len(call.args) > position
            ]
    return _union(found) if found else None


def _callers(function):
    return [
        (parsed(path), caller, call)
        for path in modules()
        for caller, call in _calls(parsed(path))
        if called(call) == function
    ]


def _assigned(name, scope):
    """The values that are given to a name, also as one of several."""
    for node in ast.walk(scope):
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            if isinstance(target, ast.Name) and target.id == name:
                yield node.value
            elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = zip(target.elts, node.value.elts, strict=True)
                yield from (v for t, v in pairs if isinstance(t, ast.Name) and t.id == name)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
