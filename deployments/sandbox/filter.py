"""`$filter` expressions: read strictly, turned into a function of a row."""

from __future__ import annotations

from functools import lru_cache

from .errors import ApiProblem, bad_request
from .filter_lexer import Token, syntax_error, tokens_of
from .filter_operands import FUNCTIONS, Condition, Operand, comparison, kind_error, literal, require_same_kind, variable
from .schema import SCHEMAS, EntitySchema, Row

COMPARISONS = frozenset({"eq", "ne", "gt", "ge", "lt", "le"})
MAX_DEPTH = 60
END = "the end"


def compile_filter(text: str, schema: EntitySchema) -> Condition:
    """Whether a row matches. Raises ApiProblem 400 for a syntax error, an unknown name or kinds that do not fit."""
    return _compiled(text, schema.name)


@lru_cache(maxsize=256)
def _compiled(text: str, set_name: str) -> Condition:
    return _Parser(tokens_of(text), SCHEMAS[set_name], len(text)).whole()


class _Parser:
    """Recursive descent: `or` binds least, then `and`, then `not`, then the comparisons."""

    def __init__(self, tokens: list[Token], schema: EntitySchema, length: int) -> None:
        self.tokens = tokens
        self.schema = schema
        self.end = Token("end", END, length)
        self.at = 0
        self.depth = 0

    def whole(self) -> Condition:
        condition = self._either()
        if self._next().kind != "end":
            raise self._unexpected()
        return condition

    def _either(self) -> Condition:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise syntax_error("too many levels", self._next().at)
        conditions = [self._all()]
        while self._accept("or"):
            conditions.append(self._all())
        self.depth -= 1
        return conditions[0] if len(conditions) == 1 else lambda row: any(each(row) for each in conditions)

    def _all(self) -> Condition:
        conditions = [self._negated()]
        while self._accept("and"):
            conditions.append(self._negated())
        return conditions[0] if len(conditions) == 1 else lambda row: all(each(row) for each in conditions)

    def _negated(self) -> Condition:
        negations = 0
        while self._accept("not"):
            negations += 1
        condition = self._primary()
        return condition if negations % 2 == 0 else lambda row: not condition(row)

    def _primary(self) -> Condition:
        token = self._next()
        if self._accept("("):
            condition = self._either()
            self._expect(")")
            return condition
        if token.kind == "word" and token.text in FUNCTIONS:
            return self._function(token.text)
        left = self._operand()
        word = self._next().text
        if word in COMPARISONS:
            self.at += 1
            return comparison(left, word, self._operand())
        if self._accept("in"):
            return self._membership(left)
        if left.kind != "boolean":
            raise self._unexpected()
        return lambda row: left.value(row) is True

    def _function(self, name: str) -> Condition:
        self.at += 1
        self._expect("(")
        text = self._operand()
        self._expect(",")
        part = self._operand()
        self._expect(")")
        for operand in (text, part):
            if operand.kind not in ("string", "null"):
                raise kind_error(f"{name} takes strings, not {operand.kind}")
        test = FUNCTIONS[name]

        def condition(row: Row) -> bool:
            whole, piece = text.value(row), part.value(row)
            return whole is not None and piece is not None and test(whole, piece)

        return condition

    def _membership(self, left: Operand) -> Condition:
        self._expect("(")
        members = [self._operand()]
        while self._accept(","):
            members.append(self._operand())
        self._expect(")")
        for member in members:
            require_same_kind(left, member, "in")
        values = {member.value({}) for member in members}
        return lambda row: left.value(row) in values

    def _operand(self) -> Operand:
        token = self._next()
        found = literal(token)
        if found is None:
            if token.kind != "word" or token.text in COMPARISONS | {"and", "or", "not", "in"}:
                raise self._unexpected()
            found = self._property(token.text)
        self.at += 1
        return found

    def _property(self, name: str) -> Operand:
        kind = self.schema.properties.get(name)
        if kind is None:
            message = f"Could not find a property named '{name}' on type '{self.schema.name}'."
            raise bad_request(message, "$filter", "BadRequest_InvalidFilter")
        return variable(name, kind)

    def _next(self) -> Token:
        return self.tokens[self.at] if self.at < len(self.tokens) else self.end

    def _accept(self, text: str) -> bool:
        token = self._next()
        matches = token.text == text and token.kind in ("word", "mark")
        self.at += matches
        return matches

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise syntax_error(f"expected '{text}' and found {self._next().text}", self._next().at)

    def _unexpected(self) -> ApiProblem:
        return syntax_error(f"unexpected {self._next().text}", self._next().at)
