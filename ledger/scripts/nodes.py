"""A part of an expression of a script, as the reader hands it to the rewriter."""

from dataclasses import dataclass

Literal = None | bool | int | str


@dataclass(frozen=True, slots=True)
class Node:
    """One part of an expression.

    Attributes:
        kind: ``name``, ``const``, ``list``, ``tuple``, ``dict``, ``listcomp``, ``dictcomp``,
            ``for``, ``filter``, ``call``, ``method``, ``index``, ``slice``, ``not``, ``negative``,
            ``and``, ``or``, ``choice``, ``binary`` or ``compare``.
        line: where it stands.
        value: a name, a literal, the sign of an operation, the name of a method.
        parts: in the order of the source.
        names: of the last parts, where a call names its arguments.
        depth: of the nesting, from 1.
    """

    kind: str
    line: int
    value: Literal = None
    parts: tuple["Node", ...] = ()
    names: tuple[str, ...] = ()
    depth: int = 1
