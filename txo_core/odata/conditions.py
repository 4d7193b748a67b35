"""What a field can be asked for: conditions on typed values, each checked and written where it is made."""

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any, NoReturn

from txo_core.exceptions import ValidationError
from txo_core.odata.literals import is_several, literal

EXAMPLE = 'build_odata_filter({"status": "eq \'active\'", "no": in_(numbers), "balance": ge(100)})'


@dataclass(frozen=True, slots=True)
class Condition:
    """What one field has to be; made by `eq`, `in_`, `contains` and their kin. `literals` are written in OData."""

    operator: str
    literals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Raw:
    """A piece of a filter as its author wrote it."""

    expression: str


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions of which all or any have to hold."""

    operator: str
    members: tuple["Mapping[str, Any] | Group | Raw", ...]


Conditions = Mapping[str, Any] | Group | Raw


def eq(value: Any) -> Condition:
    """The field equals the value; `eq(None)` is `eq null`."""
    return Condition("eq", (_single("eq", value),))


def ne(value: Any) -> Condition:
    """The field differs from the value."""
    return Condition("ne", (_single("ne", value),))


def gt(value: Any) -> Condition:
    """The field is greater than the value."""
    return Condition("gt", (_ordered("gt", value),))


def ge(value: Any) -> Condition:
    """The field is greater than the value or equal to it."""
    return Condition("ge", (_ordered("ge", value),))


def lt(value: Any) -> Condition:
    """The field is less than the value."""
    return Condition("lt", (_ordered("lt", value),))


def le(value: Any) -> Condition:
    """The field is less than the value or equal to it."""
    return Condition("le", (_ordered("le", value),))


def between(low: Any, high: Any) -> Condition:
    """The field is neither less than `low` nor greater than `high`."""
    return Condition("between", (_ordered("between", low), _ordered("between", high)))


def in_(values: Iterable[Any]) -> Condition:
    """The field equals one of the values, whatever they hold; of no values none."""
    if not is_several(values):
        _refuse(f"in_ takes a list of values, not {type(values).__name__}", "Put the values into a list")
    literals = dict.fromkeys(_one_of(value) for value in values)
    return Condition("in", tuple(sorted(literals) if isinstance(values, Set) else literals))


def contains(text: str) -> Condition:
    """The field holds the text somewhere."""
    return Condition("contains", (_piece("contains", text),))


def startswith(text: str) -> Condition:
    """The field begins with the text."""
    return Condition("startswith", (_piece("startswith", text),))


def endswith(text: str) -> Condition:
    """The field ends with the text."""
    return Condition("endswith", (_piece("endswith", text),))


def raw(expression: str) -> Raw:
    """A piece in OData's own words, never made of data: for a field what follows its name, else a whole condition."""
    if not isinstance(expression, str) or not expression.strip():
        _refuse("raw needs a piece of a filter", "Write it as OData does", "raw(\"has Sales.Color'Red'\")")
    return Raw(expression.strip())


def any_of(*conditions: Conditions) -> Group:
    """One of these has to hold; in each mapping all of its fields. Of none, nothing holds."""
    return Group("or", conditions)


def all_of(*conditions: Conditions) -> Group:
    """All of these have to hold."""
    return Group("and", conditions)


OPERATORS: Mapping[str, Callable[[Any], Condition]] = {
    "eq": eq, "ne": ne, "gt": gt, "ge": ge, "lt": lt, "le": le,
    "in": in_, "contains": contains, "startswith": startswith, "endswith": endswith,
}  # fmt: skip


def _single(operator: str, value: Any) -> str:
    if is_several(value):
        _refuse(
            f"{operator} compares with single values, not with {type(value).__name__}", "Use in_ for a list", EXAMPLE
        )
    return _comparable(operator, value)


def _one_of(value: Any) -> str:
    if is_several(value):
        problem = f"in_ takes a list of single values, and one of them is {type(value).__name__}"
        _refuse(problem, "Give them all in one flat list", EXAMPLE)
    return _comparable("in_", value)


def _comparable(operator: str, value: Any) -> str:
    text = literal(value)
    if text == "NaN":
        _refuse(
            f"{operator} cannot compare with NaN, which nothing equals",
            "Leave it out; for a field without a value use eq(None)",
            EXAMPLE,
        )
    return text


def _ordered(operator: str, value: Any) -> str:
    if value is None:
        _refuse(f"{operator}(None) would match nothing", "Leave the condition out, or use eq(None)", EXAMPLE)
    return _single(operator, value)


def _piece(function: str, text: str) -> str:
    if isinstance(text, str):
        return literal(text)
    _refuse(f"{function} looks for a text, not for {type(text).__name__}", "Give a text", 'contains("GmbH")')


def _refuse(problem: str, solution: str, example: str = "") -> NoReturn:
    raise ValidationError(problem, solution, example)
