"""OData filters made of data, which cannot change what they ask for.

    build_odata_filter({"city": "Köln", "balance": gt(100), "no": ["C0001", "C0002"]})
    $filter=city eq 'Köln' and balance gt 100 and no in ('C0001','C0002')

Values are given as they are: texts, numbers, dates, lists. A script's author may write the guide's short form, one
operator and one literal: `"ge 100"`. A text that comes from elsewhere could look like that too, so it goes as
`eq(text)` or in `in_(texts)`, which take any value for what it is.
"""

from collections.abc import Mapping, Set
from enum import Enum
from typing import Any, NoReturn

from txo_core.exceptions import ValidationError
from txo_core.odata.conditions import (
    EXAMPLE,
    OPERATORS,
    Condition,
    Conditions,
    Group,
    Raw,
    eq,
    in_,
)
from txo_core.odata.literals import field_name, is_several, percent_encoded, short_form

NOTHING = "false"
Part = tuple[str, str]
"""A piece of an expression, and the word that holds it together: `and`, `or`, `raw`; empty for a single condition."""


def build_odata_filter(conditions: Conditions, operator: str = "and", or_chains: bool = False) -> str:
    """Return `$filter=` and the expression, for the end of an address or as the parameters of a call.

    `api.get("customers?" + build_odata_filter({"city": "Oslo"}))`, `api.get("customers", build_odata_filter(...))`.
    `operator` joins the fields: `and` or `or`. A list asks for any of its values; a list of conditions for all of them:
    `{"balance": [gt(0), lt(100)]}`. `or_chains` writes `no eq 'A' or no eq 'B'` for servers without `in`, such as
    Business Central. An empty list matches nothing (`false`). Without any condition the result is empty: everything.

    The conditions are given as they are; what would break an address (`&`, `#`, `%`, `+`...) is percent-encoded here.
    Raises ValidationError.
    """
    expression = filter_expression(conditions, operator, or_chains)
    return expression and f"$filter={percent_encoded(expression)}"


def filter_expression(conditions: Conditions, operator: str = "and", or_chains: bool = False) -> str:
    """Return the bare expression, not encoded, for a call that has other parameters: `{"$filter": ..., "$top": 5}`."""
    if operator not in ("and", "or"):
        _refuse(f"{operator!r} does not join conditions", "Use 'and' or 'or'")
    if isinstance(conditions, Mapping) and not conditions:
        return ""
    return _part(conditions, operator, or_chains)[0]


def _part(conditions: Conditions, operator: str, or_chains: bool) -> Part:
    if isinstance(conditions, Raw):
        return conditions.expression, "raw"
    if isinstance(conditions, Group):
        return _joined([_part(member, "and", or_chains) for member in conditions.members], conditions.operator)
    if not isinstance(conditions, Mapping):
        _refuse(f"{type(conditions).__name__} holds no conditions", "Give a dictionary of fields", EXAMPLE)
    if not conditions:
        _refuse("A group of conditions is empty", "Leave it out", EXAMPLE)
    return _joined([_field(field_name(name), value, or_chains) for name, value in conditions.items()], operator)


def _field(name: str, value: Any, or_chains: bool) -> Part:
    """Return what is asked of one field."""
    if isinstance(value, Raw):
        return f"{name} {value.expression}", "raw"
    if isinstance(value, list | tuple) and any(isinstance(each, Condition | Raw) for each in value):
        return _joined([_field(name, each, or_chains) for each in value], "and")
    return _condition(name, _meant(value), or_chains)


def _meant(value: Any) -> Condition:
    """Return the condition that a value stands for."""
    if isinstance(value, Condition):
        return value
    if isinstance(value, str) and not isinstance(value, Enum):
        short = short_form(value)
        return Condition(short[0], (short[1],)) if short else eq(value)
    if isinstance(value, tuple):
        return _of_pair(value)
    if not is_several(value):
        return eq(value)
    values = value if isinstance(value, Set) else list(value)
    if any(isinstance(each, str) and not isinstance(each, Enum) and short_form(each) for each in values):
        _refuse(
            "A list holds a text that reads like a condition",
            "Say which it is: in_([...]) for data, [ge(...), lt(...)] for conditions",
            'build_odata_filter({"createdOn": [ge(start), lt(end)], "name": in_(names)})',
        )
    return in_(values)


def _of_pair(pair: tuple[Any, ...]) -> Condition:
    if len(pair) == 2 and isinstance(pair[0], str) and pair[0] in OPERATORS:
        return OPERATORS[pair[0]](pair[1])
    _refuse(
        "A tuple in a filter is an operator and a value, and this one is not",
        f"Give a list for several values; the operators are {', '.join(OPERATORS)}",
        'build_odata_filter({"balance": ("ge", 100), "no": ["C0001", "C0002"]})',
    )


def _condition(name: str, condition: Condition, or_chains: bool) -> Part:
    operator, values = condition.operator, condition.literals
    if operator == "between":
        return f"{name} ge {values[0]} and {name} le {values[1]}", "and"
    if operator == "in" and len(values) == 1:
        return f"{name} eq {values[0]}", ""
    if operator == "in" and or_chains:
        return _joined([(f"{name} eq {value}", "") for value in values], "or")
    if operator == "in":
        return (f"{name} in ({','.join(values)})", "") if values else (NOTHING, "")
    if operator in ("contains", "startswith", "endswith"):
        return f"{operator}({name},{values[0]})", ""
    return f"{name} {operator} {values[0]}", ""


def _joined(parts: list[Part], operator: str) -> Part:
    """Return the pieces as one, each that another word holds together in parentheses."""
    if not parts:
        return ("true" if operator == "and" else NOTHING), ""
    if len(parts) == 1:
        return parts[0]
    texts = [text if word in ("", operator) else f"({text})" for text, word in parts]
    return f" {operator} ".join(texts), operator


def _refuse(problem: str, solution: str, example: str = "") -> NoReturn:
    raise ValidationError(problem, solution, example)
