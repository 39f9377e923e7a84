"""Expressions of a script, read by descent with Starlark's precedence.

docs/spec/script.md, section 2.
"""

from ledger.scripts.limits import NESTING_MAX, NODES_MAX
from ledger.scripts.nodes import Literal, Node
from ledger.scripts.tokens import INT, KEYWORDS, NAME, SIGN, TEXT, ScriptError, Token, tokenise

_CONSTANTS: dict[str, Literal] = {"None": None, "True": True, "False": False}
_COMPARISONS = ("==", "!=", "<", ">", "<=", ">=")
_LEVELS = (("+", "-"), ("*", "//", "%"))
"""Binary signs, those that bind less first."""


class Expressions:
    """Reads the words of a source, one after the other."""

    def __init__(self, source: str) -> None:
        """Begin before the first word.

        Raises:
            ScriptError: the source does not consist of words.
        """
        self._tokens = tokenise(source)
        self._at = 0
        self._left = NODES_MAX
        self._nesting = 0

    @property
    def token(self) -> Token:
        """The next word."""
        return self._tokens[self._at]

    def advance(self) -> None:
        """Go past it."""
        self._at += 1

    def is_sign(self, text: str) -> bool:
        """Whether the next word is this sign."""
        return self.token.kind == SIGN and self.token.text == text

    def is_word(self, text: str) -> bool:
        """Whether the next word is this keyword."""
        return self.token.kind == NAME and self.token.text == text

    def shown(self) -> str:
        """The next word, for an error."""
        token = self.token
        return repr(token.text) if token.kind in {NAME, SIGN, INT} else f"the {token.kind}"

    def error(self, reason: str, detail: str) -> ScriptError:
        """An error at the next word."""
        return ScriptError(self.token.line, reason, detail)

    def sign(self, text: str) -> None:
        """Go past a sign that has to stand here.

        Raises:
            ScriptError: another word does.
        """
        if not self.is_sign(text):
            raise self.error("syntax", f"{text} is expected before {self.shown()}")
        self.advance()

    def word(self, text: str) -> None:
        """Go past a keyword that has to stand here.

        Raises:
            ScriptError: another word does.
        """
        if not self.is_word(text):
            raise self.error("syntax", f"{text} is expected before {self.shown()}")
        self.advance()

    def identifier(self) -> str:
        """A name of the script's own.

        Raises:
            ScriptError: it is none, or one that scripts may not use.
        """
        text = self.token.text
        if self.token.kind != NAME or text in KEYWORDS or text in _CONSTANTS:
            raise self.error("syntax", f"a name is expected before {self.shown()}")
        if text.startswith("__"):
            raise self.error("name", f"{text} begins with __, which is kept for the meter")
        self.advance()
        return text

    def node(
        self,
        kind: str,
        line: int,
        value: Literal,
        parts: tuple[Node, ...] = (),
        names: tuple[str, ...] = (),
    ) -> Node:
        """A part of the program, counted.

        Raises:
            ScriptError: ``nesting`` or ``size``.
        """
        depth = 1 + max((part.depth for part in parts), default=0)
        if depth > NESTING_MAX:
            raise ScriptError(line, "nesting", f"expressions nest deeper than {NESTING_MAX}")
        self._left -= 1
        if self._left < 0:
            raise ScriptError(line, "size", f"a script has at most {NODES_MAX} parts")
        return Node(kind, line, value, parts, names, depth)

    def expressions(self) -> Node:
        """One expression, or several with commas: a tuple without brackets."""
        line, first = self.token.line, self.expression()
        if not self.is_sign(","):
            return first
        parts = [first]
        while self.is_sign(","):
            self.advance()
            if self.token.kind not in {NAME, INT, TEXT} and self.token.text not in "([{-":
                break
            parts.append(self.expression())
        return self.node("tuple", line, None, tuple(parts))

    def loop_target(self) -> Node:
        """The names that a loop sets."""
        line = self.token.line
        bracket = self.is_sign("(")
        if bracket:
            self.advance()
        names = [self.node("name", line, self.identifier())]
        several = False
        while self.is_sign(","):
            several = True
            self.advance()
            names.append(self.node("name", line, self.identifier()))
        if bracket:
            self.sign(")")
        return self.node("tuple", line, None, tuple(names)) if several else names[0]

    def expression(self) -> Node:
        """One expression: a choice at the outside.

        Raises:
            ScriptError: what stands here is none.
        """
        self._nesting += 1
        if self._nesting > NESTING_MAX:
            raise self.error("nesting", f"expressions nest deeper than {NESTING_MAX}")
        line, then = self.token.line, self._or()
        if self.is_word("if"):
            self.advance()
            condition = self._or()
            self.word("else")
            then = self.node("choice", line, None, (condition, then, self.expression()))
        self._nesting -= 1
        return then

    def _or(self) -> Node:
        line, left = self.token.line, self._and()
        while self.is_word("or"):
            self.advance()
            left = self.node("or", line, None, (left, self._and()))
        return left

    def _and(self) -> Node:
        line, left = self.token.line, self._not()
        while self.is_word("and"):
            self.advance()
            left = self.node("and", line, None, (left, self._not()))
        return left

    def _not(self) -> Node:
        line, count = self.token.line, 0
        while self.is_word("not"):
            self.advance()
            count += 1
        found = self._comparison()
        for _ in range(count):
            found = self.node("not", line, None, (found,))
        return found

    def _comparison(self) -> Node:
        line, left = self.token.line, self._binary(0)
        sign = self._comparison_sign()
        if not sign:
            return left
        found = self.node("compare", line, sign, (left, self._binary(0)))
        if self._comparison_sign():
            raise self.error("syntax", "comparisons are not chained: write a < b and b < c")
        return found

    def _comparison_sign(self) -> str:
        token = self.token
        if token.kind == SIGN and token.text in _COMPARISONS:
            self.advance()
            return token.text
        if self.is_word("in"):
            self.advance()
            return "in"
        if self.is_word("not"):
            self.advance()
            self.word("in")
            return "not in"
        return ""

    def _binary(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._negative()
        line, left = self.token.line, self._binary(level + 1)
        while self.token.kind == SIGN and self.token.text in _LEVELS[level]:
            sign = self.token.text
            self.advance()
            left = self.node("binary", line, sign, (left, self._binary(level + 1)))
        return left

    def _negative(self) -> Node:
        line, count = self.token.line, 0
        while self.is_sign("-"):
            self.advance()
            count += 1
        found = self._suffixes()
        for _ in range(count):
            found = self.node("negative", line, None, (found,))
        return found

    def _suffixes(self) -> Node:
        found = self._atom()
        while True:
            line = self.token.line
            if self.is_sign("("):
                parts, names = self._arguments()
                found = self.node("call", line, None, (found, *parts), names)
            elif self.is_sign("["):
                found = self._element(found)
            elif self.is_sign("."):
                self.advance()
                name = self.identifier()
                if not self.is_sign("("):
                    raise self.error("syntax", f".{name} is called at once, or not at all")
                parts, names = self._arguments()
                found = self.node("method", line, name, (found, *parts), names)
            else:
                return found

    def _arguments(self) -> tuple[tuple[Node, ...], tuple[str, ...]]:
        self.sign("(")
        parts: list[Node] = []
        names: list[str] = []
        while not self.is_sign(")"):
            following = self._tokens[self._at + 1]
            if self.token.kind == NAME and following.kind == SIGN and following.text == "=":
                name = self.identifier()
                if name in names:
                    raise self.error("name", f"{name} is given twice")
                names.append(name)
                self.advance()
            elif names:
                raise self.error("syntax", "arguments without names come first")
            parts.append(self.expression())
            if not self.is_sign(")"):
                self.sign(",")
        self.advance()
        return tuple(parts), tuple(names)

    def _element(self, owner: Node) -> Node:
        line = self.token.line
        self.sign("[")
        bounds: list[Node] = []
        colons = 0
        nothing = Node("const", line)
        while not self.is_sign("]"):
            if self.is_sign(":"):
                colons += 1
                if len(bounds) < colons:
                    bounds.append(nothing)
                self.advance()
            else:
                if len(bounds) > colons:
                    raise self.error("syntax", f"] is expected before {self.shown()}")
                bounds.append(self.expression())
        self.advance()
        if colons == 0 and len(bounds) == 1:
            return self.node("index", line, None, (owner, bounds[0]))
        if not 0 < colons < 3:  # noqa: PLR2004 - start, end, stride
            raise self.error("syntax", "[ ] holds an index, or up to three bounds with colons")
        bounds += [nothing] * (3 - len(bounds))
        return self.node("slice", line, None, (owner, *bounds))

    def _atom(self) -> Node:
        token = self.token
        constant = token.kind in {INT, TEXT} or token.text in _CONSTANTS
        if constant and token.kind in {INT, TEXT, NAME}:
            self.advance()
            return self.node("const", token.line, _constant(token))
        if token.kind == NAME:
            return self.node("name", token.line, self.identifier())
        if self.is_sign("("):
            return self._bracket()
        if self.is_sign("["):
            return self._list()
        if self.is_sign("{"):
            return self._dict()
        raise self.error("syntax", f"an expression is expected before {self.shown()}")

    def _bracket(self) -> Node:
        line = self.token.line
        self.advance()
        if self.is_sign(")"):
            self.advance()
            return self.node("tuple", line, None)
        found = self.expressions()
        self.sign(")")
        return found

    def _list(self) -> Node:
        line = self.token.line
        self.advance()
        if self.is_sign("]"):
            self.advance()
            return self.node("list", line, None)
        first = self.expression()
        if self.is_word("for"):
            return self.node("listcomp", line, None, (first, *self._clauses("]")))
        parts = [first]
        while not self.is_sign("]"):
            self.sign(",")
            if not self.is_sign("]"):
                parts.append(self.expression())
        self.advance()
        return self.node("list", line, None, tuple(parts))

    def _dict(self) -> Node:
        line = self.token.line
        self.advance()
        parts: list[Node] = []
        while not self.is_sign("}"):
            parts.append(self.expression())
            self.sign(":")
            parts.append(self.expression())
            if self.is_word("for") and len(parts) == 2:  # noqa: PLR2004 - a key and a value
                return self.node("dictcomp", line, None, (*parts, *self._clauses("}")))
            if not self.is_sign("}"):
                self.sign(",")
        self.advance()
        return self.node("dict", line, None, tuple(parts))

    def _clauses(self, end: str) -> tuple[Node, ...]:
        found: list[Node] = []
        while not self.is_sign(end):
            line = self.token.line
            if len(found) == NESTING_MAX:
                raise self.error("nesting", f"more than {NESTING_MAX} loops and filters in one")
            if self.is_word("for"):
                self.advance()
                target = self.loop_target()
                self.word("in")
                found.append(self.node("for", line, None, (target, self._or())))
            else:
                self.word("if")
                found.append(self.node("filter", line, None, (self._or(),)))
        self.advance()
        return tuple(found)


def _constant(token: Token) -> Literal:
    if token.kind == INT:
        return int(token.text, 0)
    return token.text if token.kind == TEXT else _CONSTANTS[token.text]
