"""Small mistakes that a person could make, found on a syntax tree and made one at a time."""

import ast
import copy
from dataclasses import dataclass

COMPARISONS = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
ARITHMETIC = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
REMOVABLE = (ast.Raise, ast.AugAssign, ast.Delete)
UNSEEN = frozenset({"CACHE_MAX", "PAGES_KEPT_MAX", "READ_BYTES", "_UNKNOWN", "_UNMETERED"})
"""What is assigned to these says nothing that anybody could see: how much a cache keeps, how
much is read at once, the fields of a mark that is compared by identity, more than anything."""
TEXT_MAX = 70
"""Characters of source that a report shows."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One mistake in one file.

    Attributes:
        file: path from the project's root.
        number: of the mistake in the file, in the order of `mutations_of`.
        line: in the source.
        place: the whole line, shortened.
        text: the part of it that changes, shortened.
        change: what becomes of it.
    """

    file: str
    number: int
    line: int
    place: str
    text: str
    change: str

    @property
    def told(self):
        """The mistake on one line."""
        return f"{self.file}:{self.line}  {self.place}  [{self.text}: {self.change}]"

    @property
    def key(self):
        """What tells it from every other one, as long as the file is the same."""
        return f"{self.file}:{self.line}:{self.number}:{self.text}:{self.change}"


def mutations_of(file, source):
    """Every mistake that can be made in a source."""
    found = []
    lines = source.splitlines()
    for number, (node, change, _) in enumerate(_sites(ast.parse(source))):
        segment = ast.get_source_segment(source, node) or ""
        text = " ".join(segment.split())[:TEXT_MAX]
        place = lines[node.lineno - 1].strip()[:TEXT_MAX]
        found.append(Mutation(file, number, node.lineno, place, text, change))
    return found


def mutated(source, number):
    """The source with one mistake; its comments and layout are lost."""
    tree = ast.parse(source)
    _, _, apply = list(_sites(tree))[number]
    apply()
    return ast.unparse(ast.fix_missing_locations(tree))


def _sites(tree):
    """(node, what changes, a function that changes it in place), in order of the source."""
    for parent in _code(tree):
        yield from _in_expression(parent)
        yield from _in_statements(parent)


def _code(node, *, told=False):
    """The nodes that run: no docstrings, annotations, decorators, class options or asserts.

    An assert states what no input can make false, so nothing can tell that it is gone. How a
    raised error words its message (`told`) is no promise; its code is, and a refusal's fields.
    """
    if isinstance(node, ast.Assert) or _is_docstring(node) or _is_for_types(node):
        return
    if _is_unseen(node) or (told and isinstance(node, ast.JoinedStr)):
        return
    yield node
    skipped, told = _skipped(node), told or _is_error(node)
    for name, value in ast.iter_fields(node):
        if name in skipped:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _code(child, told=told)


def _is_unseen(node):
    """What nobody can see: see `UNSEEN`, and how a record is printed."""
    match node:
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name in UNSEEN
        case ast.keyword(arg=name):
            return name == "repr"
    return False


def _is_error(node):
    """Whether an error is raised whose message is text for people; a refusal's fields are not."""
    match node:
        case ast.Raise(exc=ast.Call(func=ast.Name(id=name))):
            return name != "Refused"
    return False


def _skipped(node):
    if isinstance(node, ast.ClassDef):
        return {"decorator_list", "keywords", "bases"}
    if isinstance(node, ast.FunctionDef):
        return {"decorator_list", "returns"}
    return {"annotation"}


def _is_docstring(node):
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _is_for_types(node):
    """``if TYPE_CHECKING`` and type aliases: the program does not run them, or not to an end."""
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Subscript):
        return False
    return isinstance(node.value.value, ast.Name) and node.value.value.id in {
        "Annotated", "Callable", "Literal", "Mapping", "dict", "list", "tuple",
    }  # fmt: skip


def _in_expression(node):
    match node:
        case ast.Compare(ops=ops):
            for place, operator in enumerate(ops):
                other = COMPARISONS[type(operator)]
                yield node, _named(operator, other()), _put(ops, place, other())
        case ast.BoolOp(op=operator):
            other = ast.Or if isinstance(operator, ast.And) else ast.And
            yield node, _named(operator, other()), _set(node, "op", other())
        case ast.BinOp(op=operator) | ast.AugAssign(op=operator) if type(operator) in ARITHMETIC:
            other = ARITHMETIC[type(operator)]
            yield node, _named(operator, other()), _set(node, "op", other())
        case ast.Constant():
            yield from _in_constant(node)
        case ast.Return(value=ast.AST() as value) if not _is_none(value):
            yield node, "return None", _set(node, "value", ast.Constant(None))
        case _:
            yield from _in_condition(node)


def _in_condition(node):
    match node:
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
            negated = ast.UnaryOp(ast.Not(), copy.deepcopy(test))
            yield test, "negated", _set(node, "test", negated)
        case ast.comprehension(ifs=ifs):
            for place, test in enumerate(ifs):
                negated = ast.UnaryOp(ast.Not(), copy.deepcopy(test))
                yield test, "negated", _put(ifs, place, negated)


def _in_constant(node):
    match node.value:
        case bool() as value:
            yield node, str(not value), _set(node, "value", not value)
        case int() as value:
            yield node, str(value + 1), _set(node, "value", value + 1)
            yield node, str(value - 1), _set(node, "value", value - 1)


def _in_statements(node):
    """Statements that can be left out so that the rest still runs."""
    for name in ("body", "orelse", "finalbody"):
        body = getattr(node, name, None)
        if not isinstance(body, list):
            continue
        for place, statement in enumerate(body):
            if _is_removable(statement):
                yield statement, "removed", _put(body, place, ast.Pass())


def _is_removable(statement):
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Call | ast.Yield | ast.YieldFrom)
    if isinstance(statement, ast.Assign):
        return not isinstance(statement.targets[0], ast.Name | ast.Tuple)
    return isinstance(statement, REMOVABLE)


def _is_none(node):
    return isinstance(node, ast.Constant) and node.value is None


def _named(old, new):
    return f"{type(old).__name__} -> {type(new).__name__}"


def _set(node, field, value):
    return lambda: setattr(node, field, value)


def _put(items, place, value):
    return lambda: items.__setitem__(place, value)
