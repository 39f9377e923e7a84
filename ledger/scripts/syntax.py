"""The parts of a script: expressions and statements, read from its words.

The promise: what is read is a subset of Starlark, each part once, none deeper than
`NESTING_MAX`; whatever else Starlark or Python may know is refused with its line.
docs/spec/script.md, section 2.
"""

from dataclasses import dataclass

from ledger.scripts.expressions import Expressions
from ledger.scripts.limits import NESTING_MAX
from ledger.scripts.nodes import Node
from ledger.scripts.tokens import DEDENT, END, INDENT, LINE, SIGN, ScriptError

_AUGMENTED = {"+=": "+", "-=": "-", "*=": "*", "//=": "//", "%=": "%"}
_TARGETS = ("name", "tuple", "list", "index")
_ENDS = ("break", "continue", "pass")


@dataclass(frozen=True, slots=True)
class Parameter:
    """Of a function; `default` is None where there is none."""

    name: str
    default: Node | None


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement.

    Attributes:
        kind: ``def``, ``assign``, ``augment``, ``if``, ``for``, ``return``, ``value``, ``break``,
            ``continue`` or ``pass``.
        line: where it begins.
        name: of a function; the sign of ``augment``.
        parts: target and value; the condition; target and what is gone through; what is returned.
        body: of a function, a loop, a branch.
        other: the statements of ``else``.
        parameters: of a function.
    """

    kind: str
    line: int
    name: str = ""
    parts: tuple[Node, ...] = ()
    body: tuple["Statement", ...] = ()
    other: tuple["Statement", ...] = ()
    parameters: tuple[Parameter, ...] = ()


def parse(source: str) -> tuple[Statement, ...]:
    """The statements of a source: functions and constants.

    Raises:
        ScriptError: see docs/spec/script.md, 2.9.
    """
    return _Parser(source).file()


class _Parser(Expressions):
    """Reads statements; expressions are read by the base."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self._blocks = 0
        self._loops = 0

    def file(self) -> tuple[Statement, ...]:
        found: list[Statement] = []
        while self.token.kind != END:
            if self.is_word("def"):
                found.append(self._def())
            elif self.token.kind in {INDENT, DEDENT}:
                raise self.error("indentation", "nothing above opens a block")
            else:
                statement = self._simple()
                if statement.kind not in {"assign", "value"}:
                    self.refuse(statement, "stands in functions only")
                self._end_line()
                found.append(statement)
        return tuple(found)

    def refuse(self, statement: Statement, detail: str) -> None:
        raise ScriptError(statement.line, "syntax", f"{statement.kind} {detail}")

    def _end_line(self) -> None:
        if self.token.kind != LINE:
            raise self.error("syntax", f"{self.shown()} does not continue this line")
        self.advance()

    def _def(self) -> Statement:
        line = self.token.line
        self.advance()
        name = self.identifier()
        self.sign("(")
        parameters = self._parameters()
        self.sign(":")
        loops, self._loops = self._loops, 0
        body = self._block()
        self._loops = loops
        return Statement("def", line, name, body=body, parameters=parameters)

    def _parameters(self) -> tuple[Parameter, ...]:
        found: list[Parameter] = []
        while not self.is_sign(")"):
            name, default = self.identifier(), None
            if self.is_sign("="):
                self.advance()
                default = self.expression()
            elif found and found[-1].default is not None:
                raise self.error("syntax", f"{name} needs a default, as the one before has it")
            if name in {known.name for known in found}:
                raise self.error("name", f"{name} stands twice")
            found.append(Parameter(name, default))
            if not self.is_sign(")"):
                self.sign(",")
        self.advance()
        return tuple(found)

    def _block(self) -> tuple[Statement, ...]:
        if self._blocks >= NESTING_MAX:
            raise self.error("nesting", f"blocks nest deeper than {NESTING_MAX}")
        if self.token.kind != LINE:
            statement = self._simple()
            self._end_line()
            return (statement,)
        self.advance()
        if self.token.kind != INDENT:
            raise self.error("indentation", "a block is indented")
        self.advance()
        self._blocks += 1
        found = [self._statement()]
        while self.token.kind != DEDENT:
            found.append(self._statement())
        self._blocks -= 1
        self.advance()
        return tuple(found)

    def _statement(self) -> Statement:
        if self.is_word("if"):
            return self._if()
        if self.is_word("for"):
            return self._for()
        if self.is_word("def"):
            raise self.error("syntax", "a function stands at the top, not in another")
        statement = self._simple()
        self._end_line()
        return statement

    def _if(self) -> Statement:
        """A chain of branches; ``elif`` is read in a loop, so that long chains do not recurse."""
        branches: list[tuple[int, Node, tuple[Statement, ...]]] = []
        while True:
            line = self.token.line
            self.advance()
            condition = self.expression()
            self.sign(":")
            branches.append((line, condition, self._block()))
            if not self.is_word("elif"):
                break
        other: tuple[Statement, ...] = ()
        if self.is_word("else"):
            self.advance()
            self.sign(":")
            other = self._block()
        if len(branches) > NESTING_MAX:
            raise self.error("nesting", f"more than {NESTING_MAX} branches")
        for line, condition, body in reversed(branches):
            other = (Statement("if", line, parts=(condition,), body=body, other=other),)
        return other[0]

    def _for(self) -> Statement:
        line = self.token.line
        self.advance()
        target = self.loop_target()
        self.word("in")
        through = self.expressions()
        self.sign(":")
        self._loops += 1
        body = self._block()
        self._loops -= 1
        return Statement("for", line, parts=(target, through), body=body)

    def _simple(self) -> Statement:
        line = self.token.line
        for word in _ENDS:
            if self.is_word(word):
                self.advance()
                if word != "pass" and not self._loops:
                    raise self.error("syntax", f"{word} stands in loops only")
                return Statement(word, line)
        if self.is_word("return"):
            self.advance()
            nothing = self.token.kind == LINE
            value = Node("const", line, None) if nothing else self.expressions()
            return Statement("return", line, parts=(value,))
        first = self.expressions()
        if self.token.kind == SIGN and self.token.text in _AUGMENTED:
            operator = _AUGMENTED[self.token.text]
            if first.kind not in {"name", "index"}:
                raise self.error("syntax", "what is changed in place is a name or an element")
            self.advance()
            return Statement("augment", line, operator, parts=(first, self.expressions()))
        if not self.is_sign("="):
            return Statement("value", line, parts=(first,))
        self._check_target(first)
        self.advance()
        value = self.expressions()
        if self.is_sign("="):
            raise self.error("syntax", "one assignment a line")
        return Statement("assign", line, parts=(first, value))

    def _check_target(self, target: Node) -> None:
        if target.kind not in _TARGETS:
            raise self.error("syntax", "this cannot be assigned to")
        if target.kind in {"tuple", "list"}:
            for part in target.parts:
                if part.kind != "name":
                    raise self.error("syntax", "several are assigned to names only")
