"""The rewriting of a script: every part of it as a call that is counted.

Each function gets the meter as its first parameter, ``__m``; operators, displays, methods and
built-in functions become calls of `meter.star`. docs/spec/script.md, section 4.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ledger.scripts.nodes import Literal, Node
from ledger.scripts.syntax import Statement
from ledger.scripts.tokens import ScriptError

BUILTINS: Final = frozenset({
    "abs", "all", "any", "bool", "caller", "delete", "dict", "enumerate", "event", "get",
    "height", "int", "keys", "len", "list", "max", "min", "now", "put", "range", "refuse",
    "reversed", "signers", "sorted", "str", "subject", "tuple", "type", "zip",
})  # fmt: skip
"""Names that a script has without defining them."""
METHODS: Final = frozenset({
    "append", "clear", "count", "elems", "endswith", "extend", "find", "get", "index", "insert",
    "isalnum", "isalpha", "isdigit", "items", "join", "keys", "lower", "lstrip", "partition",
    "pop", "remove", "removeprefix", "removesuffix", "replace", "rfind", "rpartition", "rstrip",
    "setdefault", "split", "splitlines", "startswith", "strip", "update", "upper", "values",
})  # fmt: skip
"""Methods of lists, dicts and texts that a script may call."""
LIST_SIZE, LIST_ITEM_SIZE, DICT_ITEM_SIZE = 16, 16, 48
PAIR_SIZE = 96
"""Units of a list or tuple, of each of its elements, of each entry of a dict, and of one that a
comprehension makes by way of a pair."""

ENTRY: Final = "hansa_call"
"""The meter's own entry: the one name without underscores that it takes."""

_BINARY = {"+": "add", "-": "sub", "*": "mul", "//": "div", "%": "mod"}
_COMPARE = {
    "==": "__eq({m}, {a}, {b})",
    "!=": "not __eq({m}, {a}, {b})",
    "<": "__lt({m}, {a}, {b})",
    ">": "__gt({m}, {a}, {b})",
    "<=": "__le({m}, {a}, {b})",
    ">=": "__ge({m}, {a}, {b})",
    "in": "__has({m}, {a}, {b})",
    "not in": "not __has({m}, {a}, {b})",
}
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_CONSTANTS = ("const", "list", "tuple", "dict", "negative", "name")
_SPACE, _DELETE = 0x20, 0x7F


@dataclass(frozen=True, slots=True)
class Function:
    """What callers see of a function.

    Attributes:
        name: of the function.
        parameters: names, in order.
        required: how many of them, from the first, have no default.
        line: where it stands.
    """

    name: str
    parameters: tuple[str, ...]
    required: int
    line: int


@dataclass(slots=True)
class _Scope:
    """The names of one function; those of its comprehensions lie above them."""

    names: set[str]
    inner: list[set[str]] = field(default_factory=list)

    def knows(self, name: str) -> bool:
        return name in self.names or any(name in names for names in self.inner)


def rewrite(statements: tuple[Statement, ...]) -> tuple[str, tuple[Function, ...]]:
    """The text that runs, without the meter's own, and the functions in it.

    Raises:
        ScriptError: ``name`` or ``constant``.
    """
    return _Rewriter(statements).run()


class _Rewriter:
    """Writes the text, line by line."""

    def __init__(self, statements: tuple[Statement, ...]) -> None:
        self._statements = statements
        self._lines: list[str] = []
        self._globals: set[str] = set()
        self._constants: set[str] = set()
        self._scope = _Scope(set())
        self._special: dict[str, Callable[[Node], str]] = {
            "name": self._name,
            "listcomp": self._comprehension,
            "dictcomp": self._comprehension,
            "call": self._call,
            "method": self._method,
        }

    def run(self) -> tuple[str, tuple[Function, ...]]:
        functions = tuple(_function(s) for s in self._statements if s.kind == "def")
        for function in functions:
            self._define(function.name, function.line)
        for statement in self._statements:
            if statement.kind == "assign":
                self._constant(statement)
            elif statement.kind == "value" and not _is_text(statement.parts[0]):
                raise ScriptError(statement.line, "constant", "this line does nothing")
        for statement in self._statements:
            if statement.kind == "def":
                self._def(statement)
        table = ", ".join(f"{_quoted(f.name)}: {f.name}" for f in functions)
        self._lines.append(f"__functions = {{{table}}}")
        return "\n".join(self._lines) + "\n", functions

    def _define(self, name: str, line: int) -> None:
        if name in self._globals or name in BUILTINS or name == ENTRY:
            raise ScriptError(line, "name", f"{name} is there already")
        self._globals.add(name)

    def _constant(self, statement: Statement) -> None:
        target, value = statement.parts
        if target.kind != "name":
            raise ScriptError(statement.line, "constant", "a constant has one name")
        self._check_constant(value)
        text = self._expression(value)
        self._define(str(target.value), statement.line)
        self._constants.add(str(target.value))
        self._lines.append(f"{target.value} = {text}")

    def _check_constant(self, node: Node) -> None:
        if node.kind not in _CONSTANTS:
            raise ScriptError(node.line, "constant", "outside functions nothing is computed")
        for part in node.parts:
            self._check_constant(part)

    def _def(self, statement: Statement) -> None:
        names = {parameter.name for parameter in statement.parameters}
        _assigned(statement.body, names)
        defaults = {}
        for parameter in statement.parameters:
            if parameter.default is not None:
                self._check_constant(parameter.default)
                defaults[parameter.name] = self._expression(parameter.default)
        self._scope = _Scope(names)
        parameters = ["__m"]
        for parameter in statement.parameters:
            default = defaults.get(parameter.name)
            parameters.append(parameter.name if default is None else f"{parameter.name}={default}")
        self._write(0, f"def {statement.name}({', '.join(parameters)}):")
        self._write(1, f"__in(__m, {_weight(statement.body)})")
        self._body(statement.body, 1)
        self._write(1, "return __out(__m, None)")
        self._scope = _Scope(set())

    def _write(self, depth: int, text: str) -> None:
        self._lines.append(" " * depth + text)

    def _body(self, statements: tuple[Statement, ...], depth: int) -> None:
        for statement in statements:
            self._statement(statement, depth)

    def _statement(self, statement: Statement, depth: int) -> None:
        match statement.kind:
            case "if":
                self._if(statement, depth, "if")
            case "for":
                target, through = statement.parts
                self._write(depth, f"for {_names(target)} in {self._expression(through)}:")
                self._write(depth + 1, f"__t(__m, {_weight(statement.body)})")
                self._body(statement.body, depth + 1)
            case "assign":
                self._assign(statement.parts[0], self._expression(statement.parts[1]), depth)
            case "augment":
                self._augment(statement, depth)
            case "return":
                self._write(depth, f"return __out(__m, {self._expression(statement.parts[0])})")
            case "value":
                self._write(depth, self._expression(statement.parts[0]))
            case _:
                self._write(depth, statement.kind)

    def _if(self, statement: Statement, depth: int, word: str) -> None:
        while True:
            self._write(depth, f"{word} {self._expression(statement.parts[0])}:")
            self._body(statement.body, depth + 1)
            if len(statement.other) != 1 or statement.other[0].kind != "if":
                break
            statement, word = statement.other[0], "elif"
        if statement.other:
            self._write(depth, "else:")
            self._body(statement.other, depth + 1)

    def _assign(self, target: Node, value: str, depth: int) -> None:
        if target.kind == "index":
            owner, key = map(self._expression, target.parts)
            self._write(depth, f"__set(__m, {owner}, {key}, {value})")
        else:
            self._write(depth, f"{_names(target)} = {value}")

    def _augment(self, statement: Statement, depth: int) -> None:
        target, value = statement.parts[0], self._expression(statement.parts[1])
        operation = _BINARY[statement.name]
        if target.kind == "index":
            owner, key = map(self._expression, target.parts)
            self._write(depth, f"__change(__m, __i{operation}, {owner}, {key}, {value})")
        else:
            self._known(target)
            name = str(target.value)
            self._write(depth, f"{name} = __i{operation}(__m, {name}, {value})")

    def _known(self, node: Node) -> None:
        name = str(node.value)
        if not (self._scope.knows(name) or name in self._globals or name in BUILTINS):
            raise ScriptError(node.line, "name", f"{name} is not defined")

    def _expression(self, node: Node) -> str:
        special = self._special.get(node.kind)
        if special is not None:
            return special(node)
        return _operation(node, [self._expression(part) for part in node.parts])

    def _name(self, node: Node) -> str:
        self._known(node)
        name = str(node.value)
        own = self._scope.knows(name) or name in self._globals
        return name if own else "__b_" + name

    def _call(self, node: Node) -> str:
        function = self._callee(node.parts[0])
        return f"{function}({self._arguments('__m', node.parts[1:], node.names)})"

    def _callee(self, node: Node) -> str:
        """A function by its name; any other value is looked at before it is called."""
        text = self._expression(node)
        name = str(node.value)
        fixed = node.kind == "name" and not self._scope.knows(name) and name not in self._constants
        return text if fixed else f"__callee(__m, {text})"

    def _method(self, node: Node) -> str:
        if node.value not in METHODS:
            raise ScriptError(node.line, "name", f"there is no method {node.value}")
        owner = self._expression(node.parts[0])
        given = self._arguments(f"__m, {owner}", node.parts[1:], node.names)
        return f"__m_{node.value}({given})"

    def _arguments(self, first: str, parts: tuple[Node, ...], names: tuple[str, ...]) -> str:
        plain = len(parts) - len(names)
        written = [self._expression(part) for part in parts]
        named = [f"{n}={v}" for n, v in zip(names, written[plain:], strict=True)]
        return ", ".join([first, *written[:plain], *named])

    def _comprehension(self, node: Node) -> str:
        elements = 1 if node.kind == "listcomp" else 2
        size = LIST_ITEM_SIZE if elements == 1 else PAIR_SIZE
        cost = _parts(node)
        names: set[str] = set()
        self._scope.inner.append(names)
        clauses: list[str] = []
        for clause in node.parts[elements:]:
            if clause.kind == "filter":
                clauses.append(f"if {self._expression(clause.parts[0])}")
                continue
            through = self._expression(clause.parts[1])
            names.update(_target_names(clause.parts[0]))
            clauses.append(f"for {_names(clause.parts[0])} in {through}")
            clauses.append(f"if __turn(__m, {cost}, {size})")
        found = [self._expression(part) for part in node.parts[:elements]]
        self._scope.inner.pop()
        if elements == 1:
            return _sized(f"[{found[0]} {' '.join(clauses)}]", 0)
        return _sized(f"__pairs(__m, [({found[0]}, {found[1]}) {' '.join(clauses)}])", 0)


def _function(statement: Statement) -> Function:
    parameters = tuple(parameter.name for parameter in statement.parameters)
    required = sum(parameter.default is None for parameter in statement.parameters)
    return Function(statement.name, parameters, required, statement.line)


def _operation(node: Node, parts: list[str]) -> str:
    """The text of a part of an expression whose own parts are written already."""
    match node.kind:
        case "list" | "tuple" | "dict":
            return _display(node.kind, parts)
        case "choice":
            text = f"({parts[1]} if {parts[0]} else {parts[2]})"
        case "binary":
            text = f"__{_BINARY[str(node.value)]}(__m, {parts[0]}, {parts[1]})"
        case "compare":
            form = _COMPARE[str(node.value)]
            text = "(" + form.format(m="__m", a=parts[0], b=parts[1]) + ")"
        case "index" | "slice":
            text = f"__{node.kind}(__m, {', '.join(parts)})"
        case "not":
            text = f"(not {parts[0]})"
        case "negative":
            text = f"__sub(__m, 0, {parts[0]})"
        case "and" | "or":
            text = f"({parts[0]} {node.kind} {parts[1]})"
        case _:
            text = _literal(node.value)
    return text


def _display(kind: str, parts: list[str]) -> str:
    if kind == "list":
        return _sized(f"[{', '.join(parts)}]", LIST_ITEM_SIZE * len(parts))
    if kind == "tuple":
        comma = "," if len(parts) == 1 else ""
        return _sized(f"({', '.join(parts)}{comma})", LIST_ITEM_SIZE * len(parts))
    keys = [f"__key(__m, {key})" for key in parts[::2]]
    pairs = ", ".join(f"{key}: {value}" for key, value in zip(keys, parts[1::2], strict=True))
    return _sized(f"{{{pairs}}}", DICT_ITEM_SIZE * len(keys))


def _sized(text: str, size: int) -> str:
    return f"__z(__m, {LIST_SIZE + size}, {text})"


def _assigned(statements: tuple[Statement, ...], names: set[str]) -> None:
    """Add the names that a body assigns: they are local, as in Starlark."""
    for statement in statements:
        if statement.kind in {"assign", "for", "augment"}:
            names.update(_target_names(statement.parts[0]))
        _assigned(statement.body, names)
        _assigned(statement.other, names)


def _target_names(target: Node) -> set[str]:
    if target.kind == "name":
        return {str(target.value)}
    if target.kind in {"tuple", "list"}:
        return {str(part.value) for part in target.parts}
    return set()


def _names(target: Node) -> str:
    if target.kind == "name":
        return str(target.value)
    names = [str(part.value) for part in target.parts]
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"


def _parts(node: Node) -> int:
    return 1 + sum(map(_parts, node.parts))


def _weight(statements: tuple[Statement, ...]) -> int:
    """The parts of a body: what one pass costs. Bodies of loops are counted by their turns."""
    total = 1
    for statement in statements:
        total += 1 + sum(map(_parts, statement.parts))
        if statement.kind == "if":
            total += _weight(statement.body) + _weight(statement.other)
    return total


def _is_text(node: Node) -> bool:
    return node.kind == "const" and isinstance(node.value, str)


def _literal(value: Literal) -> str:
    return _quoted(value) if isinstance(value, str) else str(value)


def _quoted(text: str) -> str:
    return '"' + "".join(map(_letter, text)) + '"'


def _letter(letter: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    code = ord(letter)
    return f"\\x{code:02x}" if code < _SPACE or code == _DELETE else letter
