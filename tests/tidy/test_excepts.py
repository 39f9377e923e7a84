"""Only the outermost ring catches everything; there each place says why."""

import ast

from tests.tidy.tree import ROOT, modules, name_of, parsed

RING = (
    "node/app.py",
    "node/api/",
    "node/cli/root.py",
    "ledger/calls.py",
)
"""Where everything may be caught: a contract's bug must become a receipt on every replica."""
WIDE = {"Exception", "BaseException"}


def caught(handler):
    """The names that a handler catches; a bare ``except`` catches everything."""
    if handler.type is None:
        return {"BaseException"}
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return {kind.id for kind in kinds if isinstance(kind, ast.Name)}


def cleans_up(handler):
    """A handler that ends by raising what it caught hides nothing."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def test_only_the_outermost_ring_catches_everything():
    found = [
        f"{name_of(path)}:{node.lineno}"
        for path in modules()
        if not name_of(path).startswith(RING)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ExceptHandler) and caught(node) & WIDE and not cleans_up(node)
    ]

    assert found == []


def test_the_ring_has_no_forgotten_place():
    assert [place for place in RING if not (ROOT / place).exists()] == []


def test_no_error_is_passed_over_in_silence_everywhere():
    """``except Exception: pass`` has no place at all."""
    found = [
        f"{name_of(path)}:{node.lineno}"
        for path in modules()
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ExceptHandler)
        and caught(node) & WIDE
        and all(isinstance(step, ast.Pass) for step in node.body)
    ]

    assert found == []


def test_asserts_are_no_checks_of_input():
    """A bug is an AssertionError; nobody catches it below the ring, so it stops the node."""
    found = [
        f"{name_of(path)}:{node.lineno}"
        for path in modules()
        if not name_of(path).startswith(RING)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ExceptHandler) and "AssertionError" in caught(node)
    ]

    assert found == []
