"""The values in a `$filter` expression and how they compare."""

from __future__ import annotations

import operator
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from .errors import ApiProblem, bad_request
from .filter_lexer import Token, syntax_error
from .schema import Row

Condition = Callable[[Row], bool]


@dataclass(frozen=True)
class Operand:
    """A value that may depend on the row: its kind, and how to get it."""

    kind: str
    value: Callable[[Row], Any]


ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
FUNCTIONS: Mapping[str, Callable[[str, str], bool]] = {
    "contains": lambda text, part: part in text,
    "startswith": lambda text, part: text.startswith(part),
    "endswith": lambda text, part: text.endswith(part),
}


def literal(token: Token) -> Operand | None:
    """The literal that the token is, or None. Raises ApiProblem 400 for a date that is none."""
    if token.kind == "word":
        words = {"true": ("boolean", True), "false": ("boolean", False), "null": ("null", None)}
        if token.text not in words:
            return None
        kind, value = words[token.text]
        return _constant(str(kind), value)
    readers: Mapping[str, Callable[[str], Any]] = {
        "string": lambda text: text[1:-1].replace("''", "'"),
        "number": _number,
        "guid": lambda text: str(uuid.UUID(text)),
        "date": lambda text: date.fromisoformat(text).isoformat(),
        "datetime": _moment,
    }
    reader = readers.get(token.kind)
    if reader is None:
        return None
    try:
        return _constant(token.kind, reader(token.text))
    except ValueError as error:
        raise syntax_error(f"'{token.text}' is no {token.kind}: {error}", token.at) from error


def variable(name: str, kind: str) -> Operand:
    """The property of a row."""
    if kind == "datetime":
        return Operand(kind, lambda row: None if row.get(name) is None else _moment(row[name]))
    return Operand(kind, lambda row: row.get(name))


def comparison(left: Operand, name: str, right: Operand) -> Condition:
    """Whether `left name right` holds; nothing is greater or less than null."""
    require_same_kind(left, right, name)
    get_left, get_right = left.value, right.value
    if name == "eq":
        return lambda row: bool(get_left(row) == get_right(row))
    if name == "ne":
        return lambda row: bool(get_left(row) != get_right(row))
    compare = ORDER[name]

    def ordered(row: Row) -> bool:
        one, other = get_left(row), get_right(row)
        return one is not None and other is not None and compare(one, other)

    return ordered


def require_same_kind(left: Operand, right: Operand, name: str) -> None:
    """Raises ApiProblem 400 if the two cannot be compared."""
    if left.kind != right.kind and "null" not in (left.kind, right.kind):
        raise kind_error(f"'{name}' cannot compare {left.kind} with {right.kind}")


def kind_error(what: str) -> ApiProblem:
    """A 400 that says which kinds do not fit."""
    return bad_request(f"Type error in $filter: {what}.", "$filter", "BadRequest_InvalidFilter")


def _constant(kind: str, value: Any) -> Operand:
    return Operand(kind, lambda row: value)


def _number(text: str) -> float:
    return float(text.replace("INF", "inf"))


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a point in time needs a zone, such as Z")
    return moment.astimezone(UTC)
