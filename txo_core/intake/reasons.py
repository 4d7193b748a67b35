"""What is wrong with a value, in words for the one who fills in the file; pydantic's findings among it."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import ErrorDetails

from txo_core.changes import shown
from txo_core.intake.columns import Column
from txo_core.redaction import redact
from txo_core.settings.checks import closest

EMPTY = "is empty, and has to be filled in"
LIMITS = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}
NO_NUMBER = "is not a number"
NO_DATE = "is not a date, such as 2026-11-22"
LONGEST_LIST = 12

Context = Mapping[str, Any]

SENTENCES: Mapping[str, Callable[[Context], str]] = {
    "missing": lambda _: EMPTY,
    "none_required": lambda _: "has to be empty",
    "string_too_long": lambda c: f"is too long: at most {c['max_length']} characters are allowed",
    "string_too_short": lambda c: f"is too short: at least {c['min_length']} characters are needed",
    "too_long": lambda c: f"has too many values: at most {c['max_length']} are allowed",
    "too_short": lambda c: f"has too few values: at least {c['min_length']} are needed",
    "int_from_float": lambda _: "has decimals, and a whole number is asked for",
    "decimal_max_places": lambda c: f"has more than {c['decimal_places']} decimals",
    "decimal_max_digits": lambda c: f"has more than {c['max_digits']} digits",
    "decimal_whole_digits": lambda c: f"has more than {c['whole_digits']} digits before the decimals",
    "multiple_of": lambda c: f"is not a multiple of {c['multiple_of']}",
    "date_from_datetime_inexact": lambda _: "has a time of day, and a date alone is asked for",
    "date_past": lambda _: "has to be in the past",
    "date_future": lambda _: "has to be in the future",
    "datetime_past": lambda _: "has to be in the past",
    "datetime_future": lambda _: "has to be in the future",
    "timezone_aware": lambda _: "has no time zone",
    "timezone_naive": lambda _: "has a time zone, and none is wanted",
    "finite_number": lambda _: NO_NUMBER,
    "uuid_parsing": lambda _: "is not a GUID, such as 3f2504e0-4f89-11d3-9a0c-0305e82c3301",
    "url_parsing": lambda _: "is not an address, such as https://www.example.com",
    "url_scheme": lambda c: f"has to begin with one of: {c.get('expected_schemes', 'https')}",
}
BEGINNINGS = {
    "int_": "is not a whole number",
    "float_": NO_NUMBER,
    "decimal_": NO_NUMBER,
    "bool_": "is neither yes nor no",
    "date_": NO_DATE,
    "datetime_": "is not a date with a time, such as 2026-11-22 14:30",
    "time_": "is not a time of day, such as 14:30",
    "string_": "is not a text",
    "uuid_": "is not a GUID, such as 3f2504e0-4f89-11d3-9a0c-0305e82c3301",
    "url_": "is not an address, such as https://www.example.com",
}
"""By how the kinds of pydantic's findings begin, where there is no sentence of its own."""


def reason_of(detail: ErrorDetails, column: Column | None) -> str:
    """Return one of pydantic's findings as the end of a sentence: `is too long: at most 20 characters are allowed`."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in ("value_error", "assertion_error"):
        return redact(str(context.get("error", "")) or detail["msg"].partition(", ")[2])
    if kind in ("literal_error", "enum"):
        return not_among(detail["input"], column)
    if kind == "string_pattern_mismatch":
        return not_like(column, str(context["pattern"]))
    if kind in SENTENCES:
        return SENTENCES[kind](context)
    for name, words in LIMITS.items():
        if name in context:
            return f"has to be {words} {context[name]}"
    beginning = next((words for start, words in BEGINNINGS.items() if kind.startswith(start)), None)
    return beginning or redact(re.sub(r"^(Input|String|Value) should ", "should ", detail["msg"]))


def not_among(value: Any, column: Column | None) -> str:
    """Return the sentence on a word that is not in the list of those that may be."""
    choices = list(column.choices) if column is not None else []
    if not choices:
        return "is none of the values that may stand here"
    like = closest(str(value), choices)
    meant = f"; did you mean {like!r}?" if like else ""
    more = ", ..." * (len(choices) > LONGEST_LIST)
    return f"is none of: {', '.join(choices[:LONGEST_LIST])}{more}{meant}"


def not_like(column: Column | None, pattern: str) -> str:
    """Return the sentence on a text of another form, by an example if the model has one."""
    if column is not None and column.examples:
        return f"has another form than it should, such as {' or '.join(column.examples[:2])}"
    return f"has another form than it should ({pattern})"


def told(title: str, value: Any) -> str:
    """Return a value as messages show it: quoted, cut, without secrets; "" for an empty one."""
    return "" if value is None or value == "" else f'"{shown(title, value)}"'
