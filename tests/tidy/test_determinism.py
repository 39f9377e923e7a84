"""Two replicas on two machines compute the same bytes: what could part them is not in the code."""

import ast
import re

import pytest

from tests.tidy.tree import PACKAGES, ROOT, called, modules, name_of, parsed

PURE = modules("consensus", "ledger")
SANS_IO = (
    "admission", "bodies", "driver", "events", "fate", "gossip", "gossip_messages", "jobs",
    "journal", "lane", "mempool", "outbound", "sync", "sync_check", "sync_messages",
)  # fmt: skip
"""Modules of `node` that are told the time and never wait."""
FORBIDDEN = {
    "aiohttp", "asyncio", "click", "logging", "os", "plyvel", "random", "secrets", "selectors",
    "signal", "socket", "ssl", "subprocess", "threading", "time", "uuid",
}  # fmt: skip
SET_METHODS = {"union", "intersection", "difference", "symmetric_difference"}


def where(path, node):
    return f"{name_of(path)}:{node.lineno}"


def found_in(paths, wanted):
    return [where(path, node) for path in paths for node in ast.walk(parsed(path)) if wanted(node)]


def is_float(node):
    if isinstance(node, ast.Constant):
        return isinstance(node.value, float | complex)
    if isinstance(node, ast.BinOp | ast.AugAssign):
        return isinstance(node.op, ast.Div)
    return isinstance(node, ast.Name) and node.id in {"float", "Decimal", "Fraction"}


def is_asynchronous(node):
    return isinstance(
        node, ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith | ast.Await | ast.AsyncFunctionDef
    )


def is_set(node):
    """Whether an expression is plainly a set (names are not followed)."""
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr | ast.Sub):
        return is_set(node.left) or is_set(node.right)
    if not isinstance(node, ast.Call):
        return False
    method = isinstance(node.func, ast.Attribute) and called(node) in SET_METHODS
    return method or called(node) in {"set", "frozenset"}


def iterates_over_a_set(node):
    """A loop over a set, or a sequence made of one: its order differs from run to run."""
    if isinstance(node, ast.For | ast.comprehension):
        return is_set(node.iter)
    ordered = isinstance(node, ast.Call) and called(node) in {"list", "tuple", "iter", "enumerate"}
    return ordered and any(is_set(argument) for argument in node.args)


def depends_on_the_process(node):
    """`hash` of text and `id` of objects differ from process to process."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and (node.func.id in {"hash", "id"})
    )


@pytest.mark.parametrize(
    "wanted", [is_float, is_asynchronous, depends_on_the_process], ids=lambda item: item.__name__
)
def test_the_deterministic_core_has_none_of_it(wanted):
    assert found_in(PURE, wanted) == []


def test_the_deterministic_core_never_iterates_over_a_set():
    found = [
        where(path, node if hasattr(node, "lineno") else node.iter)
        for path in PURE
        for node in ast.walk(parsed(path))
        if iterates_over_a_set(node)
    ]

    assert found == []


@pytest.mark.parametrize("name", SANS_IO)
def test_a_sans_io_module_of_the_node_imports_no_shell(name):
    tree = parsed(PACKAGES["node"] / f"{name}.py")

    imported = {
        alias.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    } | {
        node.module.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
    }

    assert imported & FORBIDDEN == set()
    assert not any(is_asynchronous(node) for node in ast.walk(tree))


def test_the_import_rule_names_every_sans_io_module():
    """import-linter follows indirect imports too; this list and its list are the same."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

    named = set(re.findall(r'"node\.([a-z_]+)"', text))

    assert set(SANS_IO) <= named
